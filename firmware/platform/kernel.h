/* SPDX-License-Identifier: BSD-2-Clause */
/* How the kernel was entered. */
#ifndef PLATFORM_KERNEL_H
#define PLATFORM_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

struct kernel_entry {
    uint32_t level;         /* exception level of the first instruction: 1, 2 or 3 */
    bool devicetree_passed; /* x0 pointed at one (raw image) */
};

/* Constant after boot. */
extern struct kernel_entry kernel_entry;

#endif
