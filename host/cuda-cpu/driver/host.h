/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions of the program, as tasks. Under the driver's lock. */
#ifndef CUDA_CPU_DRIVER_HOST_H
#define CUDA_CPU_DRIVER_HOST_H

#include "host/cuda-cpu/driver/task.h"

CUresult host_task_create(struct context *context, const CUDA_HOST_NODE_PARAMS *host,
                          struct task **task);

/* False: it is another kind of task. */
bool host_task_read(const struct task *task, CUDA_HOST_NODE_PARAMS *host);

#endif
