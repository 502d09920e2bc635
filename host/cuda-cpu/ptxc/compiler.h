/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whom a program asks for what is in a PTX text, and for its code. There are two who answer:
 * process/client.c has a process of its own do it, in a jail, which is for text of anybody; here.c
 * does it in this process, for a person's own files and for tests.
 */
#ifndef CUDA_CPU_PTXC_COMPILER_H
#define CUDA_CPU_PTXC_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/cuda-cpu/compile/kernel.h"
#include "host/cuda-cpu/ptx/log.h"
#include "host/cuda-cpu/ptxc/source.h"

/* What one request may cost. */
struct compile_limits {
    uint64_t text;      /* bytes of PTX */
    uint64_t ir;        /* bytes of LLVM's text for a kernel */
    uint64_t answer;    /* bytes */
    uint64_t memory;    /* bytes of address space */
    uint64_t patience;  /* seconds of the processor, after which code is made again in haste */
    uint64_t processor; /* seconds, then; or before, if they are fewer */
    uint64_t time;      /* milliseconds, by the clock */
};

extern const struct compile_limits compile_default_limits;

enum compile_what {
    COMPILE_MODULE, /* what there is: flat_module. An error, if it cannot be compiled */
    COMPILE_KERNEL, /* a kernel's code: flat_code, and an object file */
};

struct compile_request {
    enum compile_what what;
    const char *text;
    size_t text_size;
    const char *kernel; /* COMPILE_KERNEL: its name */
    struct kernel_options options;
    struct compile_limits limits;
    bool in_haste; /* slow code will do, if it is made soon */
};

struct compile_answer {
    void *bytes; /* the caller frees them */
    size_t size;
    struct source llvm; /* what the code was made with */
};

/* From any thread. False: the log says why. */
bool compiler_ask(const struct compile_request *request, struct compile_answer *answer,
                  struct ptx_log *log);

/* The program that does it. */
struct source compiler_source(void);

/*
 * Starts the compiler's process now: for a process that will not be allowed to start one, or to
 * wait for its end. When that process ends before this one, nothing is compiled any more.
 */
bool compiler_start(struct ptx_log *log);

/* Around each wait for that process, by the thread that waits. Before there are several threads. */
void compiler_on_wait(void (*waits)(void *context, bool begins), void *context);

/* Ends the process. */
void compiler_stop(void);

#endif
