/* SPDX-License-Identifier: BSD-2-Clause */
/* printf from kernels. */
#ifndef CUDA_CPU_DEVICE_PRINT_H
#define CUDA_CPU_DEVICE_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRINT_TEXT_MAX 4096

/* Bytes of the thread that prints, checked: false, nothing is read. */
typedef bool print_reader(void *context, uint64_t address, void *bytes, size_t size);

/* One printf: `values` is where the arguments lie beside each other, each aligned to its size. What
 * is too long is cut. The number of arguments, or -1 when the format cannot be read. */
int print_format(uint64_t format, uint64_t values, print_reader *read, void *context,
                 char text[PRINT_TEXT_MAX]);

#endif
