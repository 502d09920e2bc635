/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/program/digest.h"

#include <stdbool.h>
#include <string.h>

#define ROUNDS 12

/* RFC 7693, 2.6: those of SHA-512. */
static const uint64_t initial[8] = {
    0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
    0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
};

/* 2.7: which words each round mixes. */
static const uint8_t order[ROUNDS][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
};

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value >> bits | value << (64 - bits);
}

/* 3.1 */
static void mix(uint64_t *a, uint64_t *b, uint64_t *c, uint64_t *d, uint64_t x, uint64_t y)
{
    *a += *b + x;
    *d = rotate(*d ^ *a, 32);
    *c += *d;
    *b = rotate(*b ^ *c, 24);
    *a += *b + y;
    *d = rotate(*d ^ *a, 16);
    *c += *d;
    *b = rotate(*b ^ *c, 63);
}

/* 3.2, of words in this machine's order: the digests do not leave it. */
static void compress(struct digest *digest, bool is_last)
{
    uint64_t v[16], words[16];

    memcpy(words, digest->block, sizeof(words));
    memcpy(v, digest->state, sizeof(digest->state));
    memcpy(v + 8, initial, sizeof(initial));
    v[12] ^= digest->total;
    v[14] ^= is_last ? UINT64_MAX : 0;
    for (size_t i = 0; i < ROUNDS; i++) {
        const uint8_t *at = order[i];

        for (size_t j = 0; j < 4; j++) {
            mix(&v[j], &v[4 + j], &v[8 + j], &v[12 + j], words[at[2 * j]], words[at[2 * j + 1]]);
        }
        for (size_t j = 0; j < 4; j++) {
            mix(&v[j], &v[4 + (j + 1) % 4], &v[8 + (j + 2) % 4], &v[12 + (j + 3) % 4],
                words[at[8 + 2 * j]], words[at[9 + 2 * j]]);
        }
    }
    for (size_t i = 0; i < 8; i++) {
        digest->state[i] ^= v[i] ^ v[8 + i];
    }
}

void digest_start(struct digest *digest)
{
    *digest = (struct digest){0};
    memcpy(digest->state, initial, sizeof(initial));
    digest->state[0] ^= 0x01010000 ^ DIGEST_SIZE; /* 2.5: no key */
}

void digest_add(struct digest *digest, const void *bytes, size_t size)
{
    const unsigned char *next = bytes;

    while (size > 0) {
        size_t part = DIGEST_BLOCK - digest->used;

        if (part == 0) { /* another block follows: this is not the last one */
            compress(digest, false);
            digest->used = 0;
            part = DIGEST_BLOCK;
        }
        part = size < part ? size : part;
        memcpy(digest->block + digest->used, next, part);
        digest->used += part;
        digest->total += part;
        next += part;
        size -= part;
    }
}

void digest_finish(struct digest *digest, unsigned char result[DIGEST_SIZE])
{
    memset(digest->block + digest->used, 0, DIGEST_BLOCK - digest->used);
    compress(digest, true);
    memcpy(result, digest->state, DIGEST_SIZE);
}
