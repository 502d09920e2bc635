/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes of a length that is not known before. Zeroed at the start; `bytes` is the caller's to free.
 */
#ifndef MEDIATOR_CUDA_BYTES_H
#define MEDIATOR_CUDA_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
    uint8_t *bytes;
    size_t size, capacity;
    bool failed; /* there was no memory for some of them */
};

/* False: there is no memory; what is there stays. */
static inline bool bytes_add(struct bytes *bytes, const void *added, size_t size)
{
    if (size > bytes->capacity - bytes->size) {
        size_t capacity = 2 * bytes->capacity + size;
        uint8_t *grown = realloc(bytes->bytes, capacity);

        if (grown == NULL) {
            bytes->failed = true;
            return false;
        }
        bytes->bytes = grown;
        bytes->capacity = capacity;
    }
    if (size > 0) {
        memcpy(bytes->bytes + bytes->size, added, size);
        bytes->size += size;
    }
    return true;
}

/* Adds them behind what is there already; where they begin. */
static inline uint32_t bytes_put(struct bytes *bytes, const struct bytes *added)
{
    uint32_t offset = (uint32_t)bytes->size;

    return bytes_add(bytes, added->bytes, added->size) ? offset : 0;
}

#endif
