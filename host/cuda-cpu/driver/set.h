/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that is set, as tasks. Under the driver's lock. */
#ifndef CUDA_CPU_DRIVER_SET_H
#define CUDA_CPU_DRIVER_SET_H

#include "host/cuda-cpu/driver/task.h"

CUresult set_task_create(struct context *context, const CUDA_MEMSET_NODE_PARAMS *set,
                         struct task **task);

/* False: it is another kind of task. */
bool set_task_read(const struct task *task, CUDA_MEMSET_NODE_PARAMS *set);

#endif
