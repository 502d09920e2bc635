/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LLVM 19, opened at run time: IR text in, an object file out.
 */
#ifndef CUDA_CPU_COMPILE_LLVM_H
#define CUDA_CPU_COMPILE_LLVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LLVM_REASON_SIZE 256
#define LLVM_FRAME_SIZE "\"warn-stack-size\"=\"0\"" /* an attribute of a function */

enum llvm_output { LLVM_OBJECT, LLVM_ASSEMBLY };

/* What comes out; the caller frees the bytes. */
struct llvm_result {
    char *bytes;
    size_t size;
    uint64_t frame; /* bytes of the largest one, of functions with LLVM_FRAME_SIZE */
};

/* For tests that compile much and run little: it does less, as it does with what is large. */
extern bool llvm_is_hasty;

/* Opens the library, unless it is open. False: the reason says why. */
bool llvm_load(char reason[LLVM_REASON_SIZE]);

/* Where it is; empty while it is not open. */
const char *llvm_path(void);

/* A zero byte must follow the IR. The machine is ELF's number, or 0: this one. cpu is LLVM's word;
 * NULL: this processor with all that it has, or any of another machine's. For a frame of more bytes
 * than this it takes more time, and may still have one. in_haste: it does least. False: the reason
 * says why. From one thread at a time. */
bool llvm_compile(const char *ir, size_t length, unsigned machine, const char *cpu, bool in_haste,
                  enum llvm_output output, uint64_t frame, struct llvm_result *result,
                  char reason[LLVM_REASON_SIZE]);

#endif
