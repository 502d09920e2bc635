/* SPDX-License-Identifier: BSD-2-Clause */
/* BLAKE2b (RFC 7693), without a key, 32 bytes: nobody makes two texts with the same one. */
#ifndef CUDA_CPU_PROGRAM_DIGEST_H
#define CUDA_CPU_PROGRAM_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_SIZE 32
#define DIGEST_BLOCK 128

struct digest {
    uint64_t state[8];
    uint64_t total; /* bytes, the block's too */
    size_t used;    /* of the block */
    unsigned char block[DIGEST_BLOCK];
};

void digest_start(struct digest *digest);
void digest_add(struct digest *digest, const void *bytes, size_t size);
void digest_finish(struct digest *digest, unsigned char result[DIGEST_SIZE]);

#endif
