/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/stub/request.c host/mediator/compute/operation.c host/mediator/compute/session.c
// build: $(GPU_SRC)
// libs: -ldl
/*
 * A GPU's host code. Its driver is the CUDA device on the CPU, as it is or in the part of NVIDIA's:
 * then what was started counts as under way, and fresh memory as another guest's. Calls that fail
 * are put into the table of functions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/mediator/mailbox_request.h"
#include "tests/unit/mediator/test_gpu.h"

#define PIECES 3

static struct cuda_driver driver; /* of `gpu`, which is no CPU */
static struct gpu gpu, cpu;
static struct session *session, *cpu_session;
static struct exchange exchange;
static unsigned ways; /* given */

/* ---- What the driver does ---- */

static CUresult wanted; /* what a call that was replaced returns; CUDA_SUCCESS: what it should */
static unsigned frees;
static bool dirty; /* fresh memory */

static CUresult dirty_alloc(CUdeviceptr *pointer, size_t size)
{
    CUresult result = cuMemAlloc(pointer, size);

    return result == CUDA_SUCCESS && dirty ? cuMemsetD8(*pointer, 0xA5, size) : result;
}

static CUresult counted_free(CUdeviceptr pointer)
{
    frees++;
    return cuMemFree(pointer);
}

static CUresult failing_memset(CUdeviceptr pointer, unsigned char value, size_t size,
                               CUstream stream)
{
    (void)pointer;
    (void)value;
    (void)size;
    (void)stream;
    return wanted;
}

/* A launch's error is seen at the next wait. */
static CUresult late_synchronize(CUstream stream)
{
    CUresult result = cuStreamSynchronize(stream), late = wanted;

    wanted = CUDA_SUCCESS;
    return late != CUDA_SUCCESS ? late : result;
}

static size_t get_available(void)
{
    size_t available, total;

    assert_int_equal(cuMemGetInfo(&available, &total), CUDA_SUCCESS);
    return available;
}

/* ---- */

static void count_way(void *owner)
{
    assert_ptr_equal(owner, &ways);
    ways++;
}

static void open_gpu(void)
{
    assert_true(gpu_open(&gpu, &driver, 0));
    assert_int_equal(gpu_prepare(&gpu), BG_COMPUTE_OK);
    session = session_create(&gpu, UINT64_C(1) << 30);
}

static int setup(void **state)
{
    (void)state;
    cpu = *test_gpu();
    cpu.give_way = count_way;
    cpu.owner = &ways;
    ways = frees = 0;
    wanted = CUDA_SUCCESS;
    dirty = false;
    driver = test_driver();
    driver.on_cpu = false;
    driver.cuMemAlloc = dirty_alloc;
    driver.cuMemFree = counted_free;
    driver.cuStreamSynchronize = late_synchronize;
    open_gpu();
    cpu_session = session_create(&cpu, UINT64_C(1) << 30);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    session_destroy(session);
    session_destroy(cpu_session);
    return 0;
}

static uint32_t run_simple(uint32_t opcode, const uint32_t *params, size_t count)
{
    exchange_build(&exchange, opcode, 0, params, count * 4, NULL, 0);
    return exchange_run(&exchange, session);
}

/* ---- Results ---- */

static void test_information(void **state)
{
    struct bg_compute_device_info info = gpu.info;

    (void)state;
    assert_int_equal(info.backend, BG_COMPUTE_BACKEND_CUDA);
    assert_true(info.capability_major >= 5 && info.name[0] && info.memory_total > 0);
    info = cpu.info;
    assert_int_equal(info.backend, BG_COMPUTE_BACKEND_CPU);
    assert_int_equal(info.capability_major, 0); /* as before there was a CUDA device on it */
    assert_int_equal(info.clock_khz, 0);
    assert_int_equal(info.multiprocessors, sysconf(_SC_NPROCESSORS_ONLN));
    assert_string_equal(info.name, "baregpu CPU backend");
}

/* A random run of operations gives the same bytes, waited for or not. */
static void test_same_as_cpu(void **state)
{
    enum { SIZE = 4096, ROUNDS = 2000 };
    struct session *both[2] = {session, cpu_session};
    uint32_t handles[2], random = 12345;

    (void)state;
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
        assert_int_equal(run_read(cpu_session, handles[1], (uint64_t)offset, two, 512),
                         BG_COMPUTE_OK);
        assert_memory_equal(one, two, 512);
    }
}

static void test_additions(void **state)
{
    const uint32_t params[] = {100, 200};
    const float data[] = {1.5f, 2.5f, 10.0f, 20.0f}, sums[] = {11.5f, 22.5f};
    const struct bg_compute_vector_inline_params inline_params = {BG_COMPUTE_ELEMENT_FLOAT32, 2};

    (void)state;
    assert_int_equal(run_simple(BG_VGPU_STUB_OP_CUDA_KERNEL, params, 2), BG_COMPUTE_OK);
    assert_int_equal(exchange.result, 300);
    exchange_build(&exchange, BG_COMPUTE_VECTOR_ADD_INLINE, 0, &inline_params,
                   sizeof(inline_params), data, sizeof(data));
    assert_int_equal(exchange_run(&exchange, session), BG_COMPUTE_OK);
    assert_memory_equal(exchange.data, sums, sizeof(sums));
}

/* Rounding to even, overflow, subnormal numbers and zeros: as the processor's own addition. */
static void test_float_additions(void **state)
{
    const uint32_t a[] = {0x00000001, 0x7F7FFFFF, 0x80000000, 0x4B800000, 0x7F800000, 0x33800000};
    const uint32_t b[] = {0x00000001, 0x7F7FFFFF, 0x80000000, 0x3F800000, 0x3F800000, 0x3F800001};
    uint32_t c[6];

    (void)state;
    assert_int_equal(gpu_add_host(&cpu, BG_COMPUTE_ELEMENT_FLOAT32, c, a, b, 6), BG_COMPUTE_OK);
    for (int i = 0; i < 6; i++) {
        float x, y, sum;

        memcpy(&x, &a[i], 4);
        memcpy(&y, &b[i], 4);
        sum = x + y;
        assert_memory_equal(&sum, &c[i], 4);
    }
}

/* ---- Memory ---- */

static void expect_zeros(struct session *of)
{
    static const uint8_t zeros[512];
    uint8_t data[512];
    uint32_t handle;

    assert_int_equal(run_alloc(of, sizeof(data), &handle), BG_COMPUTE_OK);
    assert_int_equal(run_read(of, handle, 0, data, sizeof(data)), BG_COMPUTE_OK);
    assert_memory_equal(data, zeros, sizeof(data));
    memset(data, 0xFF, sizeof(data));
    assert_int_equal(run_write(of, handle, 0, data, sizeof(data), 0), BG_COMPUTE_OK);
    assert_int_equal(run_free(of, handle), BG_COMPUTE_OK);
}

/* What a GPU's memory holds may be another guest's; the CPU's may be this guest's. */
static void test_memory_is_zeroed(void **state)
{
    (void)state;
    dirty = true;
    for (int i = 0; i < 100; i++) {
        expect_zeros(session);
        expect_zeros(cpu_session);
    }
}

static void test_all_memory_is_freed(void **state)
{
    uint32_t handle;

    (void)state;
    size_t before = get_available();
    for (int i = 0; i < 10; i++) {
        assert_int_equal(run_alloc(session, 1 << 20, &handle), BG_COMPUTE_OK);
    }
    size_t with_ten = get_available();
    assert_true(with_ten <= before - (10 << 20));
    assert_int_equal(run_move(session, handle, 10, handle, 0, 500, 0), BG_COMPUTE_OK);
    assert_int_equal(frees, 1); /* what the copy went through */
    assert_int_equal(get_available(), with_ten);
    session_destroy(session);
    assert_int_equal(frees, 11);
    assert_int_equal(get_available(), before);
    session = session_create(&gpu, 1);
}

static void test_out_of_device_memory(void **state)
{
    uint32_t handle;

    (void)state;
    session->memory_limit = UINT64_C(1) << 60;
    assert_int_equal(run_alloc(session, UINT64_C(1) << 50, &handle), BG_COMPUTE_OUT_OF_MEMORY);
    assert_false(gpu.lost);
    assert_non_null(strstr(gpu.error, "CUDA_ERROR_OUT_OF_MEMORY"));
    assert_int_equal(session->memory_used, 0);
    assert_int_equal(run_alloc(session, 1000, &handle), BG_COMPUTE_OK);
}

/* An allocation that cannot be zeroed is not handed out. */
static void test_zeroing_fails(void **state)
{
    uint32_t handle;

    (void)state;
    driver.cuMemsetD8Async = failing_memset;
    wanted = CUDA_ERROR_INVALID_VALUE;
    assert_int_equal(run_alloc(session, 1000, &handle), BG_COMPUTE_CUDA_ERROR);
    assert_int_equal(frees, 1);
    assert_int_equal(session->memory_used, 0);
}

/* ---- Errors ---- */

static void test_kernel_fault_loses_session(void **state)
{
    const uint32_t params[] = {1, 2};

    (void)state;
    wanted = CUDA_ERROR_LAUNCH_FAILED;
    assert_int_equal(run_simple(BG_VGPU_STUB_OP_CUDA_KERNEL, params, 2), BG_COMPUTE_CUDA_ERROR);
    assert_true(gpu.lost);
    assert_non_null(strstr(gpu.error, "CUDA_ERROR_LAUNCH_FAILED"));
}

/* Answered when accepted; the error comes with the next SYNCHRONIZE, once. */
static void test_asynchronous_error(void **state)
{
    uint32_t handle;

    (void)state;
    assert_int_equal(run_alloc(session, 64, &handle), BG_COMPUTE_OK);
    const struct operand at0 = {handle, 0};
    wanted = CUDA_ERROR_INVALID_VALUE; /* not a context's death */
    assert_int_equal(
        run_add(session, BG_COMPUTE_ELEMENT_UINT32, at0, at0, at0, 4, BG_VGPU_STUB_FLAG_ASYNC),
        BG_COMPUTE_OK);
    assert_true(gpu.async_pending);
    gpu_finish(&gpu); /* a lease is given back in between */
    assert_false(gpu.async_pending);
    assert_int_equal(run_simple(BG_COMPUTE_SYNCHRONIZE, NULL, 0), BG_COMPUTE_CUDA_ERROR);
    assert_int_equal(run_simple(BG_COMPUTE_SYNCHRONIZE, NULL, 0), BG_COMPUTE_OK);
    assert_false(gpu.lost);
}

/* On the CPU there is nothing to wait for. */
static void test_cpu_is_done_at_once(void **state)
{
    uint32_t handle;

    (void)state;
    assert_int_equal(run_alloc(cpu_session, 64, &handle), BG_COMPUTE_OK);
    const struct operand at0 = {handle, 0};
    assert_int_equal(
        run_add(cpu_session, BG_COMPUTE_ELEMENT_UINT32, at0, at0, at0, 4, BG_VGPU_STUB_FLAG_ASYNC),
        BG_COMPUTE_OK);
    assert_false(cpu.async_pending);
}

static CUresult fail_retain(CUcontext *context, CUdevice device)
{
    (void)context;
    (void)device;
    return CUDA_ERROR_UNKNOWN;
}

static CUresult fail_load(CUmodule *module, const void *image)
{
    (void)module;
    (void)image;
    return CUDA_ERROR_UNKNOWN;
}

static CUresult fail_function(CUfunction *function, CUmodule module, const char *name)
{
    (void)function;
    (void)module;
    (void)name;
    return CUDA_ERROR_UNKNOWN;
}

static CUresult fail_stream(CUstream *stream, unsigned flags)
{
    (void)stream;
    (void)flags;
    return CUDA_ERROR_UNKNOWN;
}

/* What is needed to begin with fails: an error with a reason, and no context. */
static void test_each_call_fails(void **state)
{
    const struct cuda_driver whole = driver;

    (void)state;
    for (int i = 0; i < 4; i++) {
        driver = whole;
        if (i == 0) {
            driver.cuDevicePrimaryCtxRetain = fail_retain;
        } else if (i == 1) {
            driver.cuModuleLoadData = fail_load;
        } else if (i == 2) {
            driver.cuModuleGetFunction = fail_function;
        } else {
            driver.cuStreamCreate = fail_stream;
        }
        assert_true(gpu_open(&gpu, &driver, 0));
        assert_int_equal(gpu_prepare(&gpu), BG_COMPUTE_CUDA_ERROR);
        assert_true(gpu.lost);
        assert_null(gpu.context);
        assert_non_null(strstr(gpu.error, "CUDA_ERROR_UNKNOWN"));
    }
    driver = whole;
    session_destroy(session);
    open_gpu();
}

static void test_no_such_device(void **state)
{
    struct gpu none;

    (void)state;
    assert_false(gpu_open(&none, &driver, 1000));
    assert_non_null(strstr(none.error, "CUDA_ERROR_INVALID_DEVICE"));
}

/* ---- Pieces: the same as at once, and how often they give way ---- */

#define SIZE (PIECES * GPU_CPU_PIECE + 4096 + 52) /* and some more, of no round number */
#define COUNT (SIZE / 4)

static gpu_address make(uint64_t size)
{
    gpu_address address = 0;

    assert_int_equal(gpu_alloc(&cpu, size, &address), BG_COMPUTE_OK);
    return address;
}

/* The CPU device's addresses are the host's. */
static uint32_t *words(gpu_address address)
{
    return (uint32_t *)(uintptr_t)address;
}

static void number(gpu_address address, uint32_t first)
{
    for (uint32_t i = 0; i < COUNT; i++) {
        words(address)[i] = first + i;
    }
}

static void test_copy(void **state)
{
    gpu_address a = make(SIZE), b = make(SIZE);

    (void)state;
    number(a, 1);
    assert_int_equal(gpu_copy_within(&cpu, b, a, SIZE, false), BG_COMPUTE_OK);
    assert_int_equal(ways, PIECES); /* between the pieces, and not at the end */
    assert_memory_equal(words(a), words(b), SIZE);
    ways = 0;
    gpu_copy_within(&cpu, b, a, GPU_CPU_PIECE, false);
    assert_int_equal(ways, 0);
    gpu_free(&cpu, a, SIZE);
    gpu_free(&cpu, b, SIZE);
}

static void test_copies_from_and_to_the_host(void **state)
{
    uint32_t *host = malloc(SIZE), *back = malloc(SIZE);
    gpu_address a = make(SIZE);

    (void)state;
    number((uintptr_t)host, 3);
    assert_int_equal(gpu_copy_to(&cpu, a, host, SIZE, true), BG_COMPUTE_OK);
    assert_int_equal(ways, PIECES);
    assert_int_equal(gpu_copy_from(&cpu, back, a, SIZE, false), BG_COMPUTE_OK);
    assert_int_equal(ways, 2 * PIECES);
    assert_memory_equal(host, back, SIZE);
    gpu_free(&cpu, a, SIZE);
    free(host);
    free(back);
}

/* As memmove, whichever end is overwritten first, and however near. */
static void test_overlap(void **state)
{
    static const uint64_t distances[] = {4, GPU_CPU_PIECE / 2, GPU_CPU_PIECE, GPU_CPU_PIECE + 4096};
    gpu_address a = make(2 * SIZE);

    (void)state;
    for (int i = 0; i < 8; i++) {
        uint64_t distance = distances[i / 2];
        gpu_address from = a + (i % 2 ? 0 : distance), to = a + (i % 2 ? distance : 0);

        number(from, 7);
        assert_int_equal(gpu_copy_within(&cpu, to, from, SIZE, false), BG_COMPUTE_OK);
        for (uint32_t j = 0; j < COUNT; j++) {
            assert_int_equal(words(to)[j], 7 + j);
        }
    }
    gpu_free(&cpu, a, 2 * SIZE);
}

static void test_add(void **state)
{
    gpu_address a = make(SIZE), b = make(SIZE);

    (void)state;
    number(a, 1);
    number(b, 2);
    assert_int_equal(gpu_add(&cpu, BG_COMPUTE_ELEMENT_UINT32, a, a, b, COUNT, false),
                     BG_COMPUTE_OK);
    assert_int_equal(ways, PIECES);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(words(a)[i], 3 + 2 * i);
    }
    gpu_free(&cpu, a, SIZE);
    gpu_free(&cpu, b, SIZE);
}

static void test_fill(void **state)
{
    static const uint8_t texel[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    gpu_address a = make(SIZE);

    (void)state;
    for (uint32_t size = 1; size <= 16; size *= 2) {
        const uint8_t *bytes = (const void *)words(a);
        uint64_t end = SIZE / size * size;

        ways = 0;
        assert_int_equal(gpu_fill(&cpu, a, texel, size, SIZE / size, false), BG_COMPUTE_OK);
        assert_int_equal(ways, PIECES);
        for (uint64_t i = 0; i < end; i++) {
            assert_int_equal(bytes[i], 1 + i % size);
        }
    }
    gpu_free(&cpu, a, SIZE);
}

/* Around what a warp, and a block of warps, computes: all of it, and nothing behind it. */
static void test_few(void **state)
{
    static const uint32_t counts[] = {1, 31, 32, 33, 255, 256, 257, 2047, 2048, 2049, 4600};
    static const uint64_t texel[2] = {UINT64_MAX, 0x123456789ABCDEF};
    gpu_address a = make(SIZE), b = make(SIZE), c = make(SIZE);

    (void)state;
    number(a, 1);
    number(b, 2);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        uint32_t count = counts[i];

        memset(words(c), 0, (count + 8) * sizeof(uint32_t));
        gpu_add(&cpu, BG_COMPUTE_ELEMENT_UINT32, c, a, b, count, false);
        for (uint32_t j = 0; j < count + 8; j++) {
            assert_int_equal(words(c)[j], j < count ? 3 + 2 * j : 0);
        }
        memset(words(c), 0, (count + 1) * sizeof(texel));
        gpu_fill(&cpu, c, texel, sizeof(texel), count, false);
        assert_memory_equal(words(c), texel, sizeof(texel));
        assert_memory_equal(words(c), words(c) + 4, (count - 1) * sizeof(texel));
        assert_int_equal(words(c)[4 * count], 0);
    }
    gpu_free(&cpu, a, SIZE);
    gpu_free(&cpu, b, SIZE);
    gpu_free(&cpu, c, SIZE);
}

/* Many short rows count as what they are together. */
static void test_box(void **state)
{
    enum { ROW = 1024, ROWS = 3 * GPU_CPU_PIECE / ROW };
    gpu_address a = make(2 * ROW * ROWS), b = make(ROW * ROWS);
    const struct gpu_side src = {.address = a, .row_pitch = 2 * ROW, .slice_pitch = ROW};
    const struct gpu_side dst = {.address = b, .row_pitch = ROW, .slice_pitch = ROW};
    const struct gpu_box box = {.row_size = ROW, .rows = ROWS, .slices = 1};

    (void)state;
    for (uint32_t row = 0; row < ROWS; row++) {
        words(a)[row * 2 * ROW / 4] = row;
    }
    assert_int_equal(gpu_copy_box(&cpu, &dst, &src, &box, false), BG_COMPUTE_OK);
    assert_int_equal(ways, 2);
    for (uint32_t row = 0; row < ROWS; row++) {
        assert_int_equal(words(b)[row * ROW / 4], row);
    }
    gpu_free(&cpu, a, 2 * ROW * ROWS);
    gpu_free(&cpu, b, ROW * ROWS);
}

/* Slices whose pitch is no multiple of their rows', from the host's memory. */
static void test_box_of_slices(void **state)
{
    uint8_t host[512], back[512] = {0};
    gpu_address a = make(sizeof(host));
    const struct gpu_side outside = {.host = host, .row_pitch = 11, .slice_pitch = 101};
    const struct gpu_side inside = {.address = a, .row_pitch = 9, .slice_pitch = 83};
    const struct gpu_side again = {.host = back, .row_pitch = 11, .slice_pitch = 101};
    const struct gpu_box box = {.row_size = 7, .rows = 9, .slices = 5};

    (void)state;
    for (unsigned i = 0; i < sizeof(host); i++) {
        host[i] = (uint8_t)(i * 7 + i / 256);
    }
    assert_int_equal(gpu_copy_box(&cpu, &inside, &outside, &box, false), BG_COMPUTE_OK);
    assert_int_equal(gpu_copy_box(&cpu, &again, &inside, &box, false), BG_COMPUTE_OK);
    for (unsigned i = 0; i < sizeof(host); i++) {
        bool is_copied = i < 4 * 101 + 99 && i % 101 < 99 && i % 101 % 11 < 7;

        assert_int_equal(back[i], is_copied ? host[i] : 0);
    }
    gpu_free(&cpu, a, sizeof(host));
}

static void count_pending(void *owner)
{
    assert_ptr_equal(owner, &ways);
    assert_true(gpu.async_pending); /* for whoever gives way to wait for */
    gpu_finish(&gpu);
    ways++;
}

/* A GPU's pieces are larger, and one is under way when there could be a turn for others. */
static void test_pieces_of_a_gpu(void **state)
{
    const uint64_t size = 2 * GPU_PIECE + 4096;
    gpu_address a = 0, b = 0;

    (void)state;
    assert_int_equal(gpu_alloc(&gpu, size, &a), BG_COMPUTE_OK);
    assert_int_equal(gpu_alloc(&gpu, size, &b), BG_COMPUTE_OK);
    words(a)[size / 4 - 1] = 7;
    gpu.give_way = count_pending;
    gpu.owner = &ways;
    assert_int_equal(gpu_copy_within(&gpu, b, a, size, true), BG_COMPUTE_OK);
    assert_int_equal(ways, 2);
    assert_int_equal(gpu_add(&gpu, BG_COMPUTE_ELEMENT_UINT32, b, a, b, size / 4, true),
                     BG_COMPUTE_OK);
    assert_int_equal(ways, 4);
    assert_int_equal(gpu_synchronize(&gpu), BG_COMPUTE_OK);
    assert_int_equal(words(b)[size / 4 - 1], 14);
    gpu_free(&gpu, a, size);
    gpu_free(&gpu, b, size);
}

/* Pages are given back in pieces as well. */
static void test_memory_free(void **state)
{
    const uint64_t size = UINT64_C(100) << 20;
    gpu_address a = make(size);

    (void)state;
    memset(words(a), 1, size);
    gpu_free(&cpu, a, size);
    assert_in_range(ways, 2, 4);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_information),
        TEST(test_same_as_cpu),
        TEST(test_additions),
        TEST(test_float_additions),
        TEST(test_memory_is_zeroed),
        TEST(test_all_memory_is_freed),
        TEST(test_out_of_device_memory),
        TEST(test_zeroing_fails),
        TEST(test_kernel_fault_loses_session),
        TEST(test_asynchronous_error),
        TEST(test_cpu_is_done_at_once),
        TEST(test_each_call_fails),
        TEST(test_no_such_device),
        TEST(test_copy),
        TEST(test_copies_from_and_to_the_host),
        TEST(test_overlap),
        TEST(test_add),
        TEST(test_fill),
        TEST(test_few),
        TEST(test_box),
        TEST(test_box_of_slices),
        TEST(test_pieces_of_a_gpu),
        TEST(test_memory_free),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
