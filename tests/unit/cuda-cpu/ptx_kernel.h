/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels of a few lines for the reference interpreter, and what they wrote. */
#ifndef TESTS_UNIT_CUDA_CPU_PTX_KERNEL_H
#define TESTS_UNIT_CUDA_CPU_PTX_KERNEL_H

#include "tests/models/ptx/reference.h"

#define HEAD ".version 8.0\n.target sm_90\n.address_size 64\n"
#define REGISTERS                                                                                  \
    ".reg .b16 %h<20>; .reg .b32 %r<20>; .reg .b64 %rd<20>; .reg .f32 %f<20>; "                    \
    ".reg .f64 %d<20>; .reg .pred %p<20>; .reg .b128 %q<4>; "                                      \
    "ld.param.u64 %rd19, [out]; "
#define KERNEL_BODY "\n.visible .entry k(.param .u64 out)\n{\n" REGISTERS "\n"
#define KERNEL_END "\n}\n"
#define KERNEL(declarations, statements) HEAD declarations KERNEL_BODY statements KERNEL_END

/* Each thread's own eight bytes of the output. */
#define MY_OUTPUT                                                                                  \
    "mov.u32 %r19, %tid.x; mov.u32 %r18, %ctaid.x; mov.u32 %r17, %ntid.x; "                        \
    "mad.lo.u32 %r19, %r18, %r17, %r19; mad.wide.u32 %rd19, %r19, 8, %rd19; "

#define OUTPUT_MAX 1024

struct example {
    const char *statements;
    const char *result; /* a register */
    uint64_t expected;
};

extern struct reference_module *placed; /* of the last kernel */
extern const struct ptx_module *loaded;
extern struct reference_launch launch; /* what the next one is launched with */
extern struct reference_fault fault;
extern uint64_t output[OUTPUT_MAX];
extern char printed[1024];

/* For each test: one thread, no seed. */
int setup(void **state);
int teardown(void **state);

/* What KERNEL makes, of text that is not constant; until the next call. */
const char *make_kernel(const char *declarations, const char *statements);

/* Parses and places a module; the test fails if it is not right. */
void load_module(const char *text);

/* Its kernel k, of which the one parameter is the output. */
enum reference_status run_kernel(const char *text);
void run_well(const char *text);
void run_block(unsigned threads, const char *text);

/* Each one in a kernel of its own. */
void run_examples(const struct example *examples, size_t count);

#define RUN_EXAMPLES(examples) run_examples(examples, sizeof(examples) / sizeof(examples[0]))

#endif
