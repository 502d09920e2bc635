/* SPDX-License-Identifier: BSD-2-Clause */
/* What baregpu-mediator and baregpu-exporter agree on: the descriptors that it is started with. */
#ifndef EXPORTER_EXPORTER_H
#define EXPORTER_EXPORTER_H

#define EXPORTER_PROGRAM "baregpu-exporter" /* beside the mediator */
#define EXPORTER_LISTEN_FD 3                /* a listening socket: HTTP */
/* A connection like those of the admin socket, for the status alone; its end is the mediator's. */
#define EXPORTER_CHANNEL_FD 4

#endif
