/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The devices of a worker: it serves one session, which computes on one of them. What the CPU
 * device needs of the system (its library, compiled kernels) is taken before the worker gives up
 * files; an NVIDIA driver gets its own, in the sandbox, when it is used.
 */
#ifndef MEDIATOR_DEVICE_H
#define MEDIATOR_DEVICE_H

#include "host/mediator/compute/gpu.h"
#include "host/mediator/worker/control.h"

/* The drivers, by the names of their devices. */
#define DEVICE_CUDA "cuda"
#define DEVICE_CPU "cpu"
/* And of what draws; behind it which one, as the configuration's vulkan_device. */
#define DEVICE_VULKAN "vulkan:"

/* Loads the drivers that are named and compute, makes the CPU's context, and starts what compiles
 * for it. What fails, device_open says. */
void device_load(char *const *names);

/* And their cuBLAS, which takes as long as all of that; once. device_begin does it if nobody did.
 */
void device_load_cublas(void);

/* For the session that begins, before the sandbox: how long its kernels may run, on how many
 * threads, what is looked for in them (config.h), and that what it compiles is kept for nobody.
 * Without streams that run beside, all is done at the call. */
void device_begin(const struct control_start *start, bool has_streams);

/* Threads that the CPU device may start; 0: none. */
unsigned device_threads(void);

/* The CPU device is there, in whose memory kernels become code. */
bool device_runs_code(void);

/* NVIDIA's driver; NULL: it was not loaded. */
const struct cuda_driver *device_get_cuda(void);

/* For a thread that is to compute on the CPU. */
void device_make_current(void);

/* NULL with a reason. */
struct gpu *device_open(const struct control_attached *attached, char reason[GPU_ERROR_SIZE]);

#endif
