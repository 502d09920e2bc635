/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests of order: a kernel that says in one word what ran before it. */
#ifndef TESTS_UNIT_CUDA_STEP_H
#define TESTS_UNIT_CUDA_STEP_H

#include "tests/unit/cuda/fixture.h"

/* *p = *p * factor + number */
static const char step_text[] =
    ".version 8.0\n.target sm_80\n.address_size 64\n"
    ".visible .entry step(.param .u64 p, .param .u32 factor, .param .u32 number) { "
    ".reg .b64 %rd; .reg .b32 %r<4>; ld.param.u64 %rd, [p]; ld.param.u32 %r1, [factor]; "
    "ld.param.u32 %r2, [number]; ld.u32 %r3, [%rd]; mad.lo.u32 %r3, %r3, %r1, %r2; "
    "st.u32 [%rd], %r3; ret; }\n"
    ".visible .entry other() { ret; }\n";

static CUmodule module;
static CUfunction step, other;
static CUstream stream;
static CUdeviceptr word; /* 1 at first */

static inline int start_step(uint64_t heap_size)
{
    start(heap_size);
    OK(cuModuleLoadData(&module, step_text));
    OK(cuModuleGetFunction(&step, module, "step"));
    OK(cuModuleGetFunction(&other, module, "other"));
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    OK(cuMemAlloc(&word, 4));
    OK(cuMemsetD32(word, 1, 1));
    OK(cuCtxSynchronize());
    return 0;
}

static inline int setup_step(void **state)
{
    (void)state;
    return start_step(HEAP_SIZE);
}

static inline int setup_step_mailbox(void **state)
{
    (void)state;
    return start_step(0);
}

/* What a step does, kept for a launch. */
struct step {
    CUdeviceptr word;
    uint32_t factor, number;
    void *params[3];
};

static inline void **step_params(struct step *call, uint32_t factor, uint32_t number)
{
    *call = (struct step){word, factor, number, {NULL}};
    call->params[0] = &call->word;
    call->params[1] = &call->factor;
    call->params[2] = &call->number;
    return call->params;
}

static inline void launch_step(CUstream in, uint32_t factor, uint32_t number)
{
    struct step call;

    OK(cuLaunchKernel(step, 1, 1, 1, 1, 1, 1, 0, in, step_params(&call, factor, number), NULL));
}

static inline uint32_t read_word(void)
{
    uint32_t value = 0;

    OK(cuCtxSynchronize());
    OK(cuMemcpyDtoH(&value, word, sizeof(value)));
    return value;
}

static inline void set_word(uint32_t value)
{
    OK(cuMemsetD32(word, value, 1));
    OK(cuCtxSynchronize());
}

#define STEP_RING(test) cmocka_unit_test_setup_teardown(test, setup_step, teardown)
#define STEP_MAILBOX(test) {#test "_by_mailbox", test, setup_step_mailbox, teardown, NULL}
#define STEP_BOTH(test) STEP_RING(test), STEP_MAILBOX(test)

#endif
