/* SPDX-License-Identifier: BSD-2-Clause */
/* How memory/ ends the run when its caller broke the rules; tests bring their own. */
#ifndef MEMORY_PANIC_H
#define MEMORY_PANIC_H

#include <stdint.h>

void memory_panic(const char *what, uint64_t address) __attribute__((noreturn));

#endif
