/* SPDX-License-Identifier: BSD-2-Clause */
/* The image's parts, as linker.ld lays them out. */
#ifndef FIRMWARE_PLATFORM_SECTIONS_H
#define FIRMWARE_PLATFORM_SECTIONS_H

#include <stdbool.h>
#include <stdint.h>

extern char __image_start[], __image_end[];
extern char __text_end[];
extern char __rodata_end[];
extern char __bss_start[], __bss_end[];
extern char __emergency_stack_top[];
extern char __exception_stack_top[];
extern char __stack_guard[], __stack_top[];

static inline bool sections_is_text(uint64_t address)
{
    return address >= (uintptr_t)__image_start && address < (uintptr_t)__text_end;
}

#endif
