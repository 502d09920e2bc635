/* SPDX-License-Identifier: BSD-2-Clause */
/* Compiled code in memory: an object file, linked. Never writable and executable at once. */
#ifndef CUDA_CPU_DEVICE_IMAGE_H
#define CUDA_CPU_DEVICE_IMAGE_H

#include <stddef.h>

#define IMAGE_REASON_SIZE 128

struct image;

/* The machine is ELF's number, of which the code must be, EM_X86_64 or EM_AARCH64; code of another
 * machine than this one is not to be run. NULL: the reason says why. */
struct image *image_link(const void *object, size_t size, unsigned machine,
                         char reason[IMAGE_REASON_SIZE]);
void image_unload(struct image *image);

/* NULL: it defines no such function. */
void *image_function(const struct image *image, const char *name);

/* Bytes that it has under a name, and how many; NULL: none. The image's. */
const void *image_data(const struct image *image, const char *name, size_t *size);

#endif
