/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MEDIATOR_CUDA_IMAGE_H
#define MEDIATOR_CUDA_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whether a driver that is told where an image begins, but not where it ends, finds that by itself
 * within `size` bytes: text that ends with a NUL, a fat binary, or machine code (ELF).
 */
bool cuda_image_is_whole(const uint8_t *image, size_t size);

#endif
