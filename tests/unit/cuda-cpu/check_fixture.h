/* SPDX-License-Identifier: BSD-2-Clause */
/* Checked kernels of a few lines, and what was found in them. */
#ifndef TESTS_UNIT_CUDA_CPU_CHECK_FIXTURE_H
#define TESTS_UNIT_CUDA_CPU_CHECK_FIXTURE_H

#include <stdint.h>
#include <stdio.h>

#include "host/cuda-cpu/check/check.h"
#include "host/cuda-cpu/device/texture.h"
#include "host/cuda-cpu/program/program.h"

/* A kernel over two arrays of words, with the thread's place in %rd3 of the first and in %rd4 of
 * the second; %r1 is its number in the block, %r2 the block's, %r3 its number in the grid. */
#define KERNEL(declarations, statements)                                                           \
    ".version 8.0\n.target sm_90\n.address_size 64\n" declarations                                 \
    "\n.visible .entry k(.param .u64 out, .param .u64 in)\n{\n"                                    \
    ".reg .b16 %h<9>; .reg .b32 %r<40>; .reg .b64 %rd<20>; .reg .f32 %f<9>; .reg .pred %p<9>;\n"   \
    "mov.u32 %r1, %tid.x; mov.u32 %r2, %ctaid.x; mov.u32 %r4, %ntid.x;\n"                          \
    "mad.lo.u32 %r3, %r2, %r4, %r1; ld.param.u64 %rd1, [out]; ld.param.u64 %rd2, [in];\n"          \
    "mul.wide.u32 %rd5, %r3, 4; add.s64 %rd3, %rd1, %rd5; add.s64 %rd4, %rd2, %rd5;\n"             \
    "mul.wide.u32 %rd6, %r1, 4;\n" statements "\nret;\n}\n"

/* The same, with %rd7 the thread's word of an array in shared memory, and %rd8 its beginning. */
#define SHARED(statements)                                                                         \
    KERNEL(".shared .align 4 .b8 tile[4096];",                                                     \
           "mov.u64 %rd8, tile; add.s64 %rd7, %rd8, %rd6;\n" statements)

#define WORDS 256

extern uint32_t out[WORDS + 64], in[WORDS];
extern struct memory memory;
extern struct textures textures;
extern char *json, *text; /* what was found, up to close_memory */
extern size_t json_size;
extern FILE *json_file; /* to be flushed before json is read */
extern uint64_t errors; /* of close_memory */

static inline uint64_t address_of(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

/* For each test: all is checked. */
int setup(void **state);
int teardown(void **state);

/* With other checks. The texts of one before are freed. */
void open_memory(unsigned kinds, unsigned limit);

/* What was found can be read afterwards. */
void close_memory(void);

enum launch_status launch_at(const char *source, unsigned grid, unsigned block, const void *first,
                             const void *second);

/* Over out and in, to its end; and nothing is found. */
void run(const char *source, unsigned grid, unsigned block);
void run_clean(const char *source, unsigned grid, unsigned block);

void assert_clean(void);

/* ---- The first finding of a kind at the instruction behind a mark ---- */

/* By whom and where in memory. NULL: anywhere. */
void assert_found(const char *source, const char *kind, const char *mark, unsigned block,
                  unsigned thread, const void *address);

/* Who else: at a mark. */
void assert_other(const char *source, const char *kind, const char *mark, const char *other_mark,
                  unsigned block, unsigned thread);

void assert_says(const char *source, const char *kind, const char *mark, const char *what);

void assert_within(const char *where, const char *what);

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
