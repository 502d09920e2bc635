/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c) host/cuda-cpu/device/places.c
// libs: -ldl
/* Which registers instructions read and set, and which are read later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/compile/live.h"

#define KERNEL(statements)                                                                         \
    ".version 8.0\n.target sm_90\n.address_size 64\n.entry k(.param .u64 p)\n{\n"                  \
    ".reg .b32 %r<40>; .reg .b64 %rd<2>; .reg .pred %p<2>;\n" statements "\nret;\n}\n"

static struct ptx_module *module;
static const struct ptx_function *function;

static void parse(const char *text)
{
    static char log_text[1024];
    struct ptx_log log;

    ptx_log_init(&log, log_text, sizeof(log_text));
    module = ptx_module_create(text, strlen(text), &ptx_default_limits, &log);
    if (module == NULL) {
        print_error("%s\n%s", text, log_text);
        fail();
    }
    function = ptx_module_kernel(module, "k");
}

static uint32_t find(const char *name)
{
    for (uint32_t reg = 0; reg < function->register_count; reg++) {
        if (strcmp(function->registers[reg].name, name) == 0) {
            return reg;
        }
    }
    print_error("%s is not there\n", name);
    fail();
    return 0;
}

/* Of the kernel's first instruction: registers from the first one to the last. */
static void expect(unsigned first, unsigned last, bool is_read, bool is_set)
{
    for (unsigned i = first; i <= last; i++) {
        char name[16];

        snprintf(name, sizeof(name), "%%r%u", i);
        if (live_is_read(&function->instructions[0], find(name)) != is_read ||
            live_is_set(&function->instructions[0], find(name)) != is_set) {
            print_error("%s: read is not %d, or set is not %d\n", name, is_read, is_set);
            fail();
        }
    }
}

/* What a matrix instruction sets, and does not read. */
static void test_fragments(void **state)
{
    (void)state;
    parse(KERNEL("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%r0, %r1, %r2, %r3}, "
                 "{%r4, %r5, %r6, %r7}, {%r8, %r9}, {%r10, %r11, %r12, %r13};"));
    expect(0, 3, false, true);
    expect(4, 13, true, false);
    ptx_module_destroy(module);
    /* Sums that go on in the same registers. */
    parse(KERNEL("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%r0, %r1, %r2, %r3}, "
                 "{%r4, %r5, %r6, %r7}, {%r8, %r9}, {%r0, %r1, %r2, %r3};"));
    expect(0, 3, true, true);
    ptx_module_destroy(module);
    parse(KERNEL("wmma.load.c.sync.aligned.row.m16n16k16.global.f16 {%r0, %r1, %r2, %r3}, [%rd0], "
                 "%r4;"));
    expect(0, 3, false, true);
    expect(4, 4, true, false);
    ptx_module_destroy(module);
    parse(KERNEL("wmma.store.d.sync.aligned.row.m16n16k16.global.f16 [%rd0], {%r0, %r1, %r2, %r3}, "
                 "%r4;"));
    expect(0, 4, true, false);
    ptx_module_destroy(module);
    parse(KERNEL("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%r0, %r1}, [%r2];"));
    expect(0, 1, false, true);
    expect(2, 2, true, false);
    ptx_module_destroy(module);
}

/* So nobody keeps them in a loop that sets them in each round. */
static void test_rounds(void **state)
{
    struct live live = {0};
    struct flow flow;

    (void)state;
    parse(KERNEL("L: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%r0, %r1, %r2, %r3}, "
                 "{%r4, %r5, %r6, %r7}, {%r8, %r9}, {%r10, %r11, %r12, %r13};\n"
                 "add.u32 %r14, %r14, %r0; setp.lt.u32 %p0, %r14, 9; @%p0 bra L;\n"
                 "add.u32 %r15, %r1, 1;"));
    assert_true(flow_create(function, &flow));
    assert_true(live_create(function, &flow, &live));
    assert_false(live_has(&live, 0, find("%r0")));
    assert_false(live_has(&live, 0, find("%r1")));
    assert_true(live_has(&live, 0, find("%r4")));
    assert_true(live_has(&live, 0, find("%r13")));
    assert_false(live_has(&live, 1, find("%r0")));
    assert_true(live_has(&live, 1, find("%r1")));
    live_destroy(&live);
    flow_destroy(&flow);
    ptx_module_destroy(module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_rounds),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
