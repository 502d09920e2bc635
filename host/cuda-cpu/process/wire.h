/* SPDX-License-Identifier: BSD-2-Clause */
/* What a program and the compiler's process say to each other, over a stream socket. */
#ifndef CUDA_CPU_PROCESS_WIRE_H
#define CUDA_CPU_PROCESS_WIRE_H

#include <stdint.h>

#include "host/cuda-cpu/device/warp.h"
#include "host/cuda-cpu/ptxc/compiler.h"

#define WIRE_SOCKET 3 /* the process's own end */
#define WIRE_NAME_MAX 65536u
#define WIRE_LOG_SIZE 65536u

/* Both come from the same build: code and those who run it have a struct in common. */
#define WIRE_MAGIC                                                                                 \
    (0x50585443u ^ (uint32_t)sizeof(struct warp) << 8 ^ (uint32_t)sizeof(struct wire_request) << 20)

/* The process's first byte: it has its files, whatever becomes of those of who started it. */
#define WIRE_READY 'R'

/* Then the kernel's name, and the text. */
struct wire_request {
    uint32_t magic;
    uint32_t what;
    uint64_t text_size;
    uint64_t name_size; /* with its zero byte */
    struct kernel_options options;
    struct compile_limits limits;
};

/* Then the log's text, without a zero byte, and the answer's bytes. */
struct wire_answer {
    uint32_t error; /* enum ptx_error */
    uint32_t errors;
    uint64_t log_size;
    uint64_t size;
    struct source llvm;
};

#endif
