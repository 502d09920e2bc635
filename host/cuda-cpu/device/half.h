/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers of 16 bits, where one at a time is computed: in atomics. */
#ifndef CUDA_CPU_DEVICE_HALF_H
#define CUDA_CPU_DEVICE_HALF_H

#include <stdbool.h>
#include <stdint.h>

enum half_type { HALF_F16, HALF_BF16 };

/* To nearest, ties to even; a NaN is 0x7FFF. */
uint16_t half_encode_f16(double number);

/* Once rounded; without flushing. */
uint16_t half_add(enum half_type type, uint16_t a, uint16_t b);

/* The lesser or the greater, of which -0 is less than 0. A NaN gives way; of two it is 0x7FFF. */
uint16_t half_extreme(enum half_type type, bool is_max, uint16_t a, uint16_t b);

#endif
