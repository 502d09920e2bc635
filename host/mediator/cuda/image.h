/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MEDIATOR_CUDA_IMAGE_H
#define MEDIATOR_CUDA_IMAGE_H

#include "host/mediator/cuda/bytes.h"
#include "protocol/cuda.h"

/*
 * A copy that the guest cannot change, ended by a NUL as text has to be; its bytes are the caller's
 * to free, whatever comes back. CUDA_ERROR_INVALID_IMAGE: a driver that is told where it begins,
 * but not where it ends, would not find that by itself within it: text that ends with a NUL, a fat
 * binary, or machine code (ELF).
 */
CUresult cuda_image_take(const uint8_t *data, size_t size, struct bytes *image);

#endif
