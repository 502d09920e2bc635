/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels, as tasks. Under the driver's lock. */
#ifndef CUDA_CPU_DRIVER_LAUNCH_H
#define CUDA_CPU_DRIVER_LAUNCH_H

#include "host/cuda-cpu/driver/task.h"

/* Checked, with copies of its parameters, and its kernel compiled. */
CUresult launch_task_create(struct context *context, const CUDA_KERNEL_NODE_PARAMS *asked,
                            bool cooperative, struct task **task);

/* One is created, and goes into the stream. */
CUresult launch_start(struct context *context, const CUDA_KERNEL_NODE_PARAMS *asked,
                      bool cooperative, CUstream stream);

/* False: it is another kind of task. The parameters are the task's. */
bool launch_task_read(const struct task *task, CUDA_KERNEL_NODE_PARAMS *asked);
bool launch_task_is_cooperative(const struct task *task);

#endif
