/* SPDX-License-Identifier: BSD-2-Clause */
/* What the device is, by its architecture. */
#ifndef CUDA_CPU_DRIVER_DEVICE_H
#define CUDA_CPU_DRIVER_DEVICE_H

#include <stddef.h>

#include "protocol/cuda.h"

#define DEVICE_THREADS_MAX 1024 /* of a block */
#define DEVICE_SHARED_MAX 49152 /* bytes of a block that does not ask for more */

struct device_profile {
    unsigned arch;
    int threads, blocks, shared_kib; /* of a multiprocessor */
};

const struct device_profile *device_profile(void);

int device_multiprocessors(void);

/* Bytes of shared memory that a block may ask for, and what the system takes of it. */
int device_shared_opt_in(void);
int device_shared_reserved(void);

/* Of what is the same for all architectures, as textures. */
size_t device_limit(CUdevice_attribute attribute);

#endif
