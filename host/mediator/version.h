/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MEDIATOR_VERSION_H
#define MEDIATOR_VERSION_H

#define MEDIATOR_VERSION "0.1.0"

#endif
