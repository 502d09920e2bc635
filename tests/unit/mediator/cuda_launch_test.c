/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC)
// libs: -ldl
/* Launches as a guest asks for them, and the streams that they are in. */
#include "tests/unit/mediator/cuda_fixture.h"

/* add: c[i] = a[i] + b[i], in blocks of any size. */
static const char text[] =
    ".version 8.0\n.target sm_80\n.address_size 64\n"
    ".visible .entry add(.param .u64 c, .param .u64 a, .param .u64 b, .param .u32 n) {\n"
    ".reg .b32 %r<8>; .reg .b64 %d<8>; .reg .pred %p;\n"
    "ld.param.u64 %d1, [a]; ld.param.u64 %d2, [b]; ld.param.u64 %d3, [c]; ld.param.u32 %r1, [n];\n"
    "mov.u32 %r2, %ctaid.x; mov.u32 %r3, %ntid.x; mov.u32 %r4, %tid.x;\n"
    "mad.lo.s32 %r5, %r2, %r3, %r4; setp.ge.s32 %p, %r5, %r1; @%p bra E;\n"
    "mul.wide.s32 %d4, %r5, 4; add.s64 %d1, %d1, %d4; add.s64 %d2, %d2, %d4;\n"
    "add.s64 %d3, %d3, %d4; ld.global.u32 %r6, [%d1]; ld.global.u32 %r7, [%d2];\n"
    "add.s32 %r6, %r6, %r7; st.global.u32 [%d3], %r6; E: ret; }\n"
    ".visible .entry nothing() { ret; }\n";

#define COUNT 1000u
#define ADD 0u
#define NOTHING 1u

struct add_params {
    uint64_t c, a, b;
    uint32_t n;
};

struct add_launch {
    struct bg_cuda_launch head;
    struct add_params params;
};

static struct add_launch make_add(uint64_t c, uint64_t a, uint64_t b)
{
    return (struct add_launch){
        .head = {.grid = {(COUNT + 255) / 256, 1, 1}, .block = {256, 1, 1}, .param_size = 28},
        .params = {c, a, b, COUNT},
    };
}

#define ASK_LAUNCH(launch) ask(BG_CUDA_LAUNCH, &(launch), sizeof(launch.head) + 28)

static void test_sum(void **state)
{
    uint32_t a[COUNT], b[COUNT];
    uint64_t memory = allocate(3 * sizeof(a));
    struct add_launch launch = make_add(memory, memory + sizeof(a), memory + 2 * sizeof(a));

    (void)state;
    for (uint32_t i = 0; i < COUNT; i++) {
        a[i] = i * 7;
        b[i] = i ^ 0x55;
    }
    OK(load_module(0, text));
    write_memory(launch.params.a, a, sizeof(a));
    write_memory(launch.params.b, b, sizeof(b));
    OK(ASK_LAUNCH(launch));
    OK(ASK(BG_CUDA_STREAM_MARK, (struct bg_cuda_mark){0, 0, 1}));
    wait_until_reached(&page()->completed[0], 1);
    const uint32_t *c = read_memory(memory, sizeof(a));

    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(c[i], a[i] + b[i]);
    }
    OK(give_back(memory));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sum, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
