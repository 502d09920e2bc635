/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/stub/request.c host/mediator/compute/operation.c host/mediator/compute/session.c
// build: host/mediator/compute/cpu.c tests/fake/cuda/fake_cuda.c
// build: tests/fake/cuda/fake_system.c
/*
 * The CUDA backend's host code against a FAKE driver (tests/fake/cuda): there is no GPU here, and
 * this says nothing about one. What is tested: the calls and their order, zeroed memory, the same
 * results as the CPU backend's, errors turned into statuses, fatal ones into the session's end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The driver is linked in instead of opened. */
static void *fake_open(const char *name, int flags);
static void *fake_symbol(void *library, const char *name);
#define dlopen fake_open
#define dlsym fake_symbol
#include "host/mediator/compute/cuda_driver.c"
#undef dlopen
#undef dlsym
#ifndef HAVE_CUDA_KERNELS
#define HAVE_CUDA_KERNELS
#endif
#include "host/mediator/compute/cuda.c"

#include "tests/unit/mediator/mailbox_request.h"

const char cuda_kernels_fatbin[] = "no kernels: the fake knows them by name";

/* clang-format off */
#define FAKE_SYMBOLS(X) \
    X(cuInit) X(cuGetErrorName) X(cuDeviceGetCount) X(cuDeviceGet) X(cuDeviceGetName) \
    X(cuDeviceTotalMem_v2) X(cuDeviceGetAttribute) X(cuDevicePrimaryCtxRetain) \
    X(cuDevicePrimaryCtxRelease_v2) X(cuCtxSetCurrent) X(cuModuleLoadData) \
    X(cuModuleGetFunction) X(cuMemAlloc_v2) X(cuMemFree_v2) X(cuMemsetD8Async) \
    X(cuMemcpyHtoDAsync_v2) X(cuMemcpyDtoHAsync_v2) X(cuMemcpyDtoDAsync_v2) X(cuStreamCreate) \
    X(cuStreamSynchronize) X(cuLaunchKernel) X(cuMemcpy3DAsync_v2) X(cuMemHostRegister_v2) \
    X(cuMemHostUnregister) X(cuMemHostGetDevicePointer_v2)
/* clang-format on */
#define DECLARE(name) void name(void); /* only for its address */
FAKE_SYMBOLS(DECLARE)
void fake_cuda_reset(void);
size_t fake_cuda_memory_used(void);

static void *fake_open(const char *name, int flags)
{
    (void)flags;
    return strcmp(name, "libcuda.so.1") == 0 ? (void *)"library" : NULL;
}

static void *fake_symbol(void *library, const char *name)
{
    (void)library;
#define COMPARE(symbol)                                                                            \
    if (strcmp(name, #symbol) == 0) {                                                              \
        return (void *)symbol;                                                                     \
    }
    FAKE_SYMBOLS(COMPARE)
    return NULL;
}

static struct session *session;
static struct exchange exchange;

static void open_session(uint64_t limit)
{
    char reason[160] = "";
    struct backend *backend = backend_cuda_open(0, reason, sizeof(reason));

    if (backend == NULL) {
        fail_msg("%s", reason);
    }
    session = session_create(backend, limit);
    assert_non_null(session);
}

static int setup(void **state)
{
    (void)state;
    static const char *const names[] = {"FAKE_CUDA_DEVICES", "FAKE_CUDA_FAIL", "FAKE_CUDA_LAUNCH",
                                        "FAKE_CUDA_MEMORY"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        unsetenv(names[i]);
    }
    fake_cuda_reset();
    open_session(UINT64_C(1) << 30);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    session_destroy(session);
    return 0;
}

static void prepare_session(void)
{
    assert_int_equal(session->backend->ops->prepare(session->backend), BG_COMPUTE_OK);
}

static uint32_t run_simple(uint32_t opcode, const uint32_t *params, size_t count)
{
    exchange_build(&exchange, opcode, 0, params, count * 4, NULL, 0);
    return exchange_run(&exchange, session);
}

static void test_information_without_context(void **state)
{
    struct bg_compute_device_info info;

    (void)state;
    assert_int_equal(run_simple(BG_COMPUTE_GET_DEVICE_INFO, NULL, 0), BG_COMPUTE_OK);
    memcpy(&info, exchange.data, sizeof(info));
    assert_int_equal(info.backend, BG_COMPUTE_BACKEND_CUDA);
    assert_int_equal(info.multiprocessors, 7);
    assert_int_equal(info.capability_major, 9);
    assert_int_equal(info.clock_khz, 0); /* not told: not known, no error */
    assert_int_equal(info.memory_total, UINT64_C(1) << 30);
    assert_string_equal(info.name, "fake GPU 0 (no GPU at all)");
}

/* A random run of operations gives the same bytes on both backends. */
static void test_same_as_cpu(void **state)
{
    enum { SIZE = 4096, ROUNDS = 2000 };
    struct session *cpu = session_create(backend_cpu_open(), UINT64_C(1) << 30);
    struct session *both[2] = {session, cpu};
    uint32_t handles[2], random = 12345;

    (void)state;
    prepare_session();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(run_alloc(both[i], SIZE, &handles[i]), BG_COMPUTE_OK);
    }
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t r[6], data[64];
        uint32_t statuses[2];

        for (int i = 0; i < 6; i++) {
            r[i] = (random = random * 1664525 + 1013904223) >> 8;
        }
        for (int i = 0; i < 64; i++) {
            data[i] = random = random * 1664525 + 1013904223;
        }
        for (int i = 0; i < 2; i++) {
            const struct operand c = {handles[i], r[1] % SIZE & ~3u};
            const struct operand a = {handles[i], r[2] % SIZE & ~3u};
            const struct operand b = {handles[i], r[3] % SIZE & ~3u};
            uint32_t flags = r[4] & 1;

            switch (r[0] % 3) {
            case 0:
                statuses[i] = run_write(both[i], handles[i], c.offset, data, 1 + r[5] % 256, flags);
                break;
            case 1:
                statuses[i] = run_move(both[i], handles[i], c.offset, handles[i], a.offset,
                                       1 + r[5] % 2048, flags);
                break;
            default:
                statuses[i] = run_add(both[i], 1 + r[4] / 2 % 2, c, a, b, 1 + r[5] % 300, flags);
            }
        }
        assert_int_equal(statuses[0], statuses[1]);
    }
    for (int offset = 0; offset < SIZE; offset += 512) {
        uint8_t one[512], two[512];

        assert_int_equal(run_read(session, handles[0], (uint64_t)offset, one, 512), BG_COMPUTE_OK);
        assert_int_equal(run_read(cpu, handles[1], (uint64_t)offset, two, 512), BG_COMPUTE_OK);
        assert_memory_equal(one, two, 512);
    }
    session_destroy(cpu);
}

static void test_additions(void **state)
{
    const uint32_t params[] = {100, 200};
    const float data[] = {1.5f, 2.5f, 10.0f, 20.0f}, sums[] = {11.5f, 22.5f};
    const struct bg_compute_vector_inline_params inline_params = {BG_COMPUTE_ELEMENT_FLOAT32, 2};

    (void)state;
    prepare_session();
    assert_int_equal(run_simple(BG_VGPU_STUB_OP_CUDA_KERNEL, params, 2), BG_COMPUTE_OK);
    assert_int_equal(exchange.result, 300);
    exchange_build(&exchange, BG_COMPUTE_VECTOR_ADD_INLINE, 0, &inline_params,
                   sizeof(inline_params), data, sizeof(data));
    assert_int_equal(exchange_run(&exchange, session), BG_COMPUTE_OK);
    assert_memory_equal(exchange.data, sums, sizeof(sums));
}

/* The fake fills fresh memory with 0xA5. */
static void test_memory_is_zeroed(void **state)
{
    static const uint8_t zeros[992];
    uint8_t data[992];
    uint32_t handle;

    (void)state;
    prepare_session();
    assert_int_equal(run_alloc(session, sizeof(data), &handle), BG_COMPUTE_OK);
    assert_int_equal(run_read(session, handle, 0, data, sizeof(data)), BG_COMPUTE_OK);
    assert_memory_equal(data, zeros, sizeof(data));
}

static void test_all_memory_is_freed(void **state)
{
    uint32_t handle;

    (void)state;
    prepare_session();
    size_t before = fake_cuda_memory_used();
    for (int i = 0; i < 10; i++) {
        assert_int_equal(run_alloc(session, 1000, &handle), BG_COMPUTE_OK);
    }
    assert_int_equal(run_move(session, handle, 10, handle, 0, 500, 0), BG_COMPUTE_OK);
    assert_int_equal(fake_cuda_memory_used(), before + 10000); /* the bounce buffer is gone */
    session_destroy(session);
    assert_int_equal(fake_cuda_memory_used(), before);
    open_session(1);
}

static void test_out_of_device_memory(void **state)
{
    uint32_t handle;

    (void)state;
    prepare_session();
    assert_int_equal(run_alloc(session, (UINT64_C(1) << 30) - 100, &handle),
                     BG_COMPUTE_OUT_OF_MEMORY);
    assert_false(session->backend->lost);
    assert_non_null(strstr(session->backend->error, "CUDA_ERROR_OUT_OF_MEMORY"));
    assert_int_equal(session->memory_used, 0);
    assert_int_equal(run_alloc(session, 1000, &handle), BG_COMPUTE_OK);
}

/* An allocation that cannot be zeroed is not handed out. */
static void test_zeroing_fails(void **state)
{
    uint32_t handle;

    (void)state;
    setenv("FAKE_CUDA_FAIL", "cuMemsetD8Async:1:1", 1);
    prepare_session();
    size_t before = fake_cuda_memory_used();
    assert_int_equal(run_alloc(session, 1000, &handle), BG_COMPUTE_CUDA_ERROR);
    assert_int_equal(fake_cuda_memory_used(), before);
    assert_int_equal(session->memory_used, 0);
}

static void test_kernel_fault_loses_session(void **state)
{
    const uint32_t params[] = {1, 2};

    (void)state;
    setenv("FAKE_CUDA_LAUNCH", "719", 1);
    prepare_session();
    assert_int_equal(run_simple(BG_VGPU_STUB_OP_CUDA_KERNEL, params, 2), BG_COMPUTE_CUDA_ERROR);
    assert_true(session->backend->lost);
    assert_non_null(strstr(session->backend->error, "CUDA_ERROR_LAUNCH_FAILED"));
}

/* Answered when accepted; the error comes with the next SYNCHRONIZE, once. */
static void test_asynchronous_error(void **state)
{
    uint32_t handle;

    (void)state;
    prepare_session();
    assert_int_equal(run_alloc(session, 64, &handle), BG_COMPUTE_OK);
    const struct operand at0 = {handle, 0};
    setenv("FAKE_CUDA_LAUNCH", "1", 1); /* not a context's death */
    assert_int_equal(
        run_add(session, BG_COMPUTE_ELEMENT_UINT32, at0, at0, at0, 4, BG_VGPU_STUB_FLAG_ASYNC),
        BG_COMPUTE_OK);
    assert_true(session->backend->async_pending);
    unsetenv("FAKE_CUDA_LAUNCH");
    session->backend->ops->finish(session->backend); /* a lease is given back in between */
    assert_false(session->backend->async_pending);
    assert_int_equal(run_simple(BG_COMPUTE_SYNCHRONIZE, NULL, 0), BG_COMPUTE_CUDA_ERROR);
    assert_int_equal(run_simple(BG_COMPUTE_SYNCHRONIZE, NULL, 0), BG_COMPUTE_OK);
    assert_false(session->backend->lost);
}

/* Every call that can fail does, once: an error with a reason, never a crash or a success. */
static void test_each_call_fails(void **state)
{
    static const char *const calls[] = {"cuDevicePrimaryCtxRetain", "cuCtxSetCurrent",
                                        "cuModuleLoadData",         "cuModuleGetFunction",
                                        "cuStreamCreate",           "cuMemAlloc_v2"};

    (void)state;
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        char fail[64];

        session_destroy(session);
        snprintf(fail, sizeof(fail), "%s:1:999", calls[i]);
        fake_cuda_reset();
        open_session(1000);
        setenv("FAKE_CUDA_FAIL", fail, 1);
        assert_int_equal(session->backend->ops->prepare(session->backend), BG_COMPUTE_CUDA_ERROR);
        assert_true(session->backend->lost);
        assert_non_null(strstr(session->backend->error, "CUDA error 999"));
        unsetenv("FAKE_CUDA_FAIL");
    }
}

static void test_device_count(void **state)
{
    char reason[160] = "";

    (void)state;
    setenv("FAKE_CUDA_DEVICES", "3", 1);
    assert_int_equal(backend_cuda_count(reason, sizeof(reason)), 3);
    setenv("FAKE_CUDA_DEVICES", "0", 1);
    assert_int_equal(backend_cuda_count(reason, sizeof(reason)), 0);
    assert_non_null(strstr(reason, "0 devices"));
    assert_null(backend_cuda_open(0, reason, sizeof(reason)));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_information_without_context),
        TEST(test_same_as_cpu),
        TEST(test_additions),
        TEST(test_memory_is_zeroed),
        TEST(test_all_memory_is_freed),
        TEST(test_out_of_device_memory),
        TEST(test_zeroing_fails),
        TEST(test_kernel_fault_loses_session),
        TEST(test_asynchronous_error),
        TEST(test_each_call_fails),
        TEST(test_device_count),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
