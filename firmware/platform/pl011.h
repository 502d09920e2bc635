/* SPDX-License-Identifier: BSD-2-Clause */
/* Arm PrimeCell UART (PL011, DDI 0183), polled. */
#ifndef PLATFORM_PL011_H
#define PLATFORM_PL011_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `base` is mapped as device memory. Sets 8 bits, no parity, FIFOs on. */
void pl011_init(uintptr_t base);

/* Sends `size` bytes, each newline as carriage return and newline. Nothing before pl011_init. */
void pl011_write(const char *text, size_t size);

/* Takes the next character that has arrived; false when there is none. */
bool pl011_read(char *c);

#endif
