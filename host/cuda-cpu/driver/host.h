/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions of the program, as tasks. Under the driver's lock. */
#ifndef CUDA_CPU_DRIVER_HOST_H
#define CUDA_CPU_DRIVER_HOST_H

#include "host/cuda-cpu/driver/task.h"

/* NULL: no memory. */
struct task *host_task_create(struct context *context, CUhostFn function, void *user_data);

#endif
