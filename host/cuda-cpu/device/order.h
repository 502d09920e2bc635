/* SPDX-License-Identifier: BSD-2-Clause */
/* In which order blocks and warps run: for each seed another one, and the same again. */
#ifndef CUDA_CPU_DEVICE_ORDER_H
#define CUDA_CPU_DEVICE_ORDER_H

#include <stdint.h>

/* The number in the grid of the block of this rank, of `count`. seed 0: the rank. */
uint64_t order_block(uint64_t seed, uint64_t count, uint64_t rank);

/* The warps of block `number` as they take turns. seed 0: as they are numbered. */
void order_warps(uint64_t seed, uint64_t number, uint8_t *order, uint32_t count);

#endif
