/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(CUDA_CPU_HERE_SRC) tests/unit/cuda-cpu/driver_fixture.c
// libs: -ldl
/* A kernel's time limit, wherever its time goes: in what its code calls, too, and without a loop.
 * All is in processor time, which a busy machine does not change; sanitizers are slow, but what
 * goes by instructions alone would be some hundred limits late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "host/common/clock.h"
#include "tests/unit/cuda-cpu/driver_fixture.h"

#define MOST_MS 500 /* ten times the limit */

#define COPY                                                                                       \
    "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [to], [%rd], 32768, [b];\n"
#define TEN_COPIES COPY COPY COPY COPY COPY COPY COPY COPY COPY COPY

static const char module_text[] =
    ".version 8.6\n.target sm_90\n.address_size 64\n"
    ".extern .func (.param .b32 r) vprintf(.param .b64 a, .param .b64 b);\n"
    ".extern .func (.param .b64 r) malloc(.param .b64 a);\n"
    ".shared .align 16 .b8 to[32768]; .shared .b64 b; .shared .b32 lock;\n"
    ".global .align 16 .b8 from[32768];\n"
    ".global .b8 format[5] = {37, 46, 48, 115, 0}; .global .b64 values;\n"
    ".visible .entry loop() { L: bra L; }\n"
    ".func down(.param .b64 a) { .reg .pred %p; .reg .b64 %n; ld.param.b64 %n, [a];\n"
    "setp.eq.u64 %p, %n, 0; @%p ret; sub.u64 %n, %n, 1;\n"
    "{ .param .b64 a; st.param.b64 [a], %n; call down, (a); }\n"
    "{ .param .b64 a; st.param.b64 [a], %n; call down, (a); } ret; }\n"
    ".visible .entry recursion() { { .param .b64 a; st.param.b64 [a], 30; call down, (a); } ret; "
    "}\n"
    ".visible .entry barrier() { L: bar.sync 0; bra L; }\n"
    ".visible .entry spin() { .reg .b32 %r; .reg .pred %p;\n"
    "L: atom.shared.cas.b32 %r, [lock], 1, 1; setp.eq.u32 %p, %r, 0; @%p bra L; ret; }\n"
    ".visible .entry bulk() { .reg .b64 %rd; mov.u64 %rd, from; cvta.global.u64 %rd, %rd;\n"
    "L: " COPY "bra L; }\n"
    ".visible .entry straight() { .reg .b64 %rd; mov.u64 %rd, from; cvta.global.u64 %rd, "
    "%rd;\n" TEN_COPIES TEN_COPIES TEN_COPIES "ret; }\n"
    /* A precision of 0: of what is read nothing is printed. */
    ".visible .entry text() { .reg .b64 %rd<4>; mov.u64 %rd1, format;\n"
    "cvta.global.u64 %rd1, %rd1; mov.u64 %rd2, values; cvta.global.u64 %rd2, %rd2;\n"
    "mov.u64 %rd3, from; cvta.global.u64 %rd3, %rd3; st.u64 [%rd2], %rd3;\n"
    "L: { .param .b64 a; .param .b64 b; .param .b32 r; st.param.b64 [a], %rd1;\n"
    "st.param.b64 [b], %rd2; call (r), vprintf, (a, b); } bra L; }\n"
    ".visible .entry heap() {\n"
    "L: { .param .b64 a; .param .b64 r; st.param.b64 [a], 16; call (r), malloc, (a); } bra L; }\n"
    ".visible .entry matrix() { .reg .b32 %r<12>;\n"
    "L: mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.and.popc {%r0, %r1, %r2, %r3},\n"
    "{%r4, %r5, %r6, %r7}, {%r8, %r9}, {%r0, %r1, %r2, %r3}; bra L; }\n"
    ".visible .entry function() { .reg .f64 %fd<3>;\n"
    "L: fma.rz.f64 %fd0, %fd1, %fd2, %fd0; bra L; }\n";

static uint64_t used_ns(const char *name)
{
    CUfunction kernel = function(name);
    uint64_t start_ns = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);

    OK(cuLaunchKernel(kernel, 1, 1, 1, 256, 1, 1, 0, NULL, NULL, NULL));
    assert_int_equal(cuCtxSynchronize(), CUDA_ERROR_LAUNCH_TIMEOUT);
    return clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns;
}

static void test_limit(void **state)
{
    const char *name = *state;
    CUdeviceptr from;
    size_t size;

    open_device(module_text);
    OK(cuModuleGetGlobal(&from, &size, module, "from"));
    OK(cuMemsetD8(from, 'A', size));
    assert_in_range(used_ns(name), 0, MOST_MS * NS_PER_MS);
}

#define KERNEL(name) {#name, test_limit, NULL, close_device, #name}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KERNEL(loop),     KERNEL(recursion), KERNEL(barrier), KERNEL(spin),   KERNEL(bulk),
        KERNEL(straight), KERNEL(text),      KERNEL(heap),    KERNEL(matrix), KERNEL(function),
    };

    setenv("BAREGPU_CUDA_THREADS", "1", 1);
    setenv("BAREGPU_CUDA_QUIET", "1", 1);
    setenv("BAREGPU_CUDA_TIME_LIMIT", "50", 1);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
