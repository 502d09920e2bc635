/* SPDX-License-Identifier: BSD-2-Clause */
/* Libraries: modules that contexts load when they need them (library.c). */
#ifndef FIRMWARE_CUDA_LIBRARY_H
#define FIRMWARE_CUDA_LIBRARY_H

#include "firmware/cuda/internal.h"

/* The function of a CUkernel in this context; its library is loaded for that. */
CUresult cuda_library_function(struct cuda_context *context, const void *handle,
                               struct cuda_function **function);

#endif
