/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker process for a pvgpu device: a thread for the device's socket, the supervisor and the
 * clock (worker.c), and one that consumes the ring (consumer.c).
 */
#ifndef MEDIATOR_PVGPU_WORKER_H
#define MEDIATOR_PVGPU_WORKER_H

#include "host/mediator/worker/control.h"

/* From the START message on; what it returns is the process's exit status. */
int pvgpu_worker_main(int connection, int control, const struct control_start *start);

#endif
