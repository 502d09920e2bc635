/* SPDX-License-Identifier: BSD-2-Clause */
/* Where output goes: the PL011, and semihosting when somebody answers there. */
#ifndef FIRMWARE_PLATFORM_CONSOLE_H
#define FIRMWARE_PLATFORM_CONSOLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

enum console_output {
    CONSOLE_PL011 = 1,
    CONSOLE_SEMIHOSTING = 2,
    CONSOLE_BOTH = 3,
};

/* Chosen by console=pl011|semihosting|both in the bootargs; both at first. */
void console_select(enum console_output output);

/* Callable from anywhere, with anything broken but the MMU; uses no heap and no locks. */
void console_write(const char *text, size_t size);

/*
 * What programs print (newlib's write) also goes to `mirror`; NULL: no more. Not what exceptions
 * and panics say: then only the ways above can be trusted.
 */
void console_set_mirror(void (*mirror)(const char *text, size_t size));
void console_write_mirror(const char *text, size_t size);

/* For code that must not use printf (exceptions, the heap): %s a string, %u an unsigned, %x a
 * uint64_t in 16 digits. */
void console_print(const char *format, ...);

/* ---- pl011.c: Arm PrimeCell UART (PL011, DDI 0183), polled ---- */

/* `base` is mapped as device memory. Sets 8 bits, no parity, FIFOs on. */
void pl011_init(uintptr_t base);

/* Sends `size` bytes, each newline as carriage return and newline. Nothing before pl011_init. */
void pl011_write(const char *text, size_t size);

/* Takes the next character that has arrived; false when there is none. */
bool pl011_read(char *c);

#endif
