/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Relocations of object files as LLVM writes them for us, of any machine on any: System V ABI,
 * AMD64 supplement, 4.4; ELF for the Arm 64-bit Architecture, 5.7.
 */
#ifndef CUDA_CPU_DEVICE_RELOCATION_H
#define CUDA_CPU_DEVICE_RELOCATION_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__aarch64__)
#define RELOCATION_MACHINE EM_AARCH64 /* this one */
#else
#define RELOCATION_MACHINE EM_X86_64
#endif

#define RELOCATION_STUB_SIZE 16

struct relocation {
    uint32_t type;
    unsigned char *place; /* what it changes */
    size_t room;          /* bytes from there to the end of the section */
    uint64_t value;       /* the symbol's address and the addend */
};

/* NULL: it is done; else why not. */
const char *relocation_apply(unsigned machine, const struct relocation *relocation);

/* Code that goes on at a function that may be too far away for a call; aligned as its size is. */
void relocation_stub(unsigned machine, unsigned char stub[RELOCATION_STUB_SIZE], uint64_t function);

#endif
