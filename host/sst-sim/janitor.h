/* SPDX-License-Identifier: BSD-2-Clause */
/* A second process, which stays outside of the jail: the sockets' files are there. */
#ifndef SST_SIM_JANITOR_H
#define SST_SIM_JANITOR_H

#include "host/sst-sim/sst_device.h"

/* Starts it, for a server that listens and has no connection yet. A descriptor of it, or -1 with
 * errno. Without being told to it removes nothing: it ends with this process, however that ends. */
int janitor_start(struct sst_server *server);

/* Has it remove the sockets' files, and waits until it has, for some seconds at most. */
void janitor_finish(int janitor);

#endif
