/* SPDX-License-Identifier: BSD-2-Clause */
/* run=test-pvgpu: compute operations, with operands in the heap and in GPU memory. */
#include "tests/guest/pvgpu.h"

#include <string.h>

#define COUNT (256u * 1024) /* 1 MiB each */
#define SIZE (COUNT * 4u)

static struct bg_compute_operand in_heap(const struct bg_pvgpu_memory *memory, uint32_t offset)
{
    return (struct bg_compute_operand){0, memory->offset + offset};
}

static bool expect_result(int error, int expected, uint32_t status, const char *what)
{
    bool is_good = error == expected && (error == 0 || gpu.last_status == status);

    if (!is_good) {
        tap_diag("%s, status 0x%x", bg_strerror(error), (unsigned)gpu.last_status);
    }
    return tap_ok(is_good, "%s", what);
}

static bool expect_done(int error, const char *what)
{
    return expect_result(error, 0, BG_COMPUTE_OK, what);
}

/* ---- Basics ---- */

static void test_basics(void)
{
    struct bg_compute_device_info info;
    uint32_t sum = 0;

    expect_done(bg_pvgpu_nop(&gpu, NULL, pvgpu_host_deadline()), "no operation");
    expect_done(bg_pvgpu_add_basic(&gpu, 100, 200, &sum, pvgpu_host_deadline()), "100 + 200");
    tap_equal(sum, 300, "is 300");
    expect_done(bg_pvgpu_add_basic(&gpu, UINT32_MAX, 5, &sum, pvgpu_host_deadline()),
                "modulo 2^32");
    tap_equal(sum, 4, "is 4");
    expect_done(bg_pvgpu_get_info(&gpu, &info, pvgpu_host_deadline()), "device information");
    tap_ok(info.name[0] != '\0' && info.memory_limit > 0, "a name and a limit: %s", info.name);
    expect_done(bg_pvgpu_synchronize(&gpu, pvgpu_host_deadline()), "synchronize");
}

/* ---- Vectors ---- */

/* a and b in scratch, the sum wherever it is brought to scratch2. */
static void fill_operands(uint32_t type)
{
    uint32_t *a = scratch.bytes, *b = a + COUNT;

    for (uint32_t i = 0; i < COUNT; i++) {
        if (type == BG_COMPUTE_ELEMENT_FLOAT32) {
            float x = (float)i / 3, y = 1e6f / (float)(i + 1);

            memcpy(&a[i], &x, 4);
            memcpy(&b[i], &y, 4);
        } else {
            a[i] = i * 2654435761u;
            b[i] = ~i * 40503u;
        }
    }
    memset(scratch2.bytes, 0xEE, SIZE + 16);
}

static bool is_sum(uint32_t type)
{
    const uint32_t *a = scratch.bytes, *b = a + COUNT, *c = scratch2.bytes;

    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t expected = a[i] + b[i];

        if (type == BG_COMPUTE_ELEMENT_FLOAT32) {
            float x, y;

            memcpy(&x, &a[i], 4);
            memcpy(&y, &b[i], 4);
            x += y;
            memcpy(&expected, &x, 4);
        }
        if (c[i] != expected) {
            tap_diag("element %u: 0x%x, not 0x%x", (unsigned)i, (unsigned)c[i], (unsigned)expected);
            return false;
        }
    }
    return is_all(c + COUNT, 16, 0xEE);
}

static void test_vectors(void)
{
    static const uint32_t types[] = {BG_COMPUTE_ELEMENT_UINT32, BG_COMPUTE_ELEMENT_INT32,
                                     BG_COMPUTE_ELEMENT_FLOAT32};
    const struct bg_compute_operand a = in_heap(&scratch, 0), b = in_heap(&scratch, SIZE);
    const struct bg_compute_operand c = in_heap(&scratch2, 0);
    uint32_t handle = 0;

    expect_done(bg_pvgpu_memory_alloc(&gpu, 3ull * SIZE, &handle, pvgpu_host_deadline()),
                "GPU memory");
    for (size_t i = 0; i < 3; i++) {
        const struct bg_compute_operand on_gpu = {handle, SIZE}, also = {handle, 2ull * SIZE};

        fill_operands(types[i]);
        expect_done(
            bg_pvgpu_vector_add(&gpu, types[i], c, a, b, COUNT, NULL, pvgpu_host_deadline()),
            "vectors in the heap");
        tap_ok(is_sum(types[i]), "each sum is right, nothing behind is touched");
        memset(scratch2.bytes, 0xEE, SIZE);
        bg_pvgpu_memory_copy(&gpu, on_gpu, a, SIZE, NULL, pvgpu_host_deadline());
        expect_done(bg_pvgpu_vector_add(&gpu, types[i], also, on_gpu, b, COUNT, NULL,
                                        pvgpu_host_deadline()),
                    "one in the heap, two on the GPU");
        expect_done(bg_pvgpu_memory_copy(&gpu, c, also, SIZE, NULL, pvgpu_host_deadline()),
                    "copy to the heap");
        tap_ok(is_sum(types[i]), "each sum is right");
    }
    fill_operands(BG_COMPUTE_ELEMENT_UINT32);
    memcpy(scratch2.bytes, scratch.bytes, SIZE);
    expect_done(bg_pvgpu_vector_add(&gpu, BG_COMPUTE_ELEMENT_UINT32, c, c, b, COUNT, NULL,
                                    pvgpu_host_deadline()),
                "in place");
    tap_ok(is_sum(BG_COMPUTE_ELEMENT_UINT32), "each sum is right");
    expect_done(bg_pvgpu_memory_free(&gpu, handle, pvgpu_host_deadline()), "free");
    expect_result(bg_pvgpu_memory_free(&gpu, handle, pvgpu_host_deadline()), BG_ERR_NOT_FOUND,
                  BG_COMPUTE_INVALID_HANDLE, "free twice");
}

/* ---- Copies ---- */

static void test_copies(void)
{
    uint32_t one = 0, two = 0;
    const uint64_t deadline = pvgpu_host_deadline();

    expect_done(bg_pvgpu_memory_alloc(&gpu, SIZE, &one, deadline), "GPU memory");
    expect_done(bg_pvgpu_memory_alloc(&gpu, SIZE, &two, deadline), "more of it");
    expect_done(bg_pvgpu_memory_copy(&gpu, in_heap(&scratch2, 0),
                                     (struct bg_compute_operand){one, 0}, SIZE, NULL, deadline),
                "read it");
    tap_ok(is_all(scratch2.bytes, SIZE, 0), "it is zero");
    fill_pattern(scratch.bytes, SIZE, 60);
    expect_done(bg_pvgpu_memory_copy(&gpu, (struct bg_compute_operand){one, 0},
                                     in_heap(&scratch, 0), SIZE, NULL, deadline),
                "heap to GPU");
    expect_done(bg_pvgpu_memory_copy(&gpu, (struct bg_compute_operand){two, 0},
                                     (struct bg_compute_operand){one, 0}, SIZE, NULL, deadline),
                "GPU to GPU");
    expect_done(bg_pvgpu_memory_copy(&gpu, in_heap(&scratch2, 0),
                                     (struct bg_compute_operand){two, 0}, SIZE, NULL, deadline),
                "GPU to heap");
    tap_ok(is_pattern(scratch2.bytes, SIZE, 60), "each byte is right");
    expect_done(bg_pvgpu_memory_copy(&gpu, in_heap(&scratch2, 7), in_heap(&scratch, 3), 1001, NULL,
                                     deadline),
                "heap to heap, at odd places");
    tap_ok(memcmp((uint8_t *)scratch2.bytes + 7, (uint8_t *)scratch.bytes + 3, 1001) == 0,
           "each byte is right");
    expect_result(bg_pvgpu_memory_copy(&gpu, (struct bg_compute_operand){two, 1},
                                       (struct bg_compute_operand){one, 0}, SIZE, NULL, deadline),
                  BG_ERR_RANGE, BG_COMPUTE_OUT_OF_RANGE, "beyond an allocation");
    expect_result(bg_pvgpu_memory_copy(&gpu, (struct bg_compute_operand){0, gpu.heap_size - 10},
                                       (struct bg_compute_operand){one, 0}, SIZE, NULL, deadline),
                  BG_ERR_RANGE, BG_COMPUTE_OUT_OF_RANGE, "beyond the heap");
    expect_result(bg_pvgpu_memory_copy(&gpu, (struct bg_compute_operand){12345, 0},
                                       (struct bg_compute_operand){one, 0}, 4, NULL, deadline),
                  BG_ERR_NOT_FOUND, BG_COMPUTE_INVALID_HANDLE, "to nowhere");
    expect_done(bg_pvgpu_memory_free(&gpu, one, deadline), "free");
    expect_done(bg_pvgpu_memory_free(&gpu, two, deadline), "free");
}

/* ---- Several under way ---- */

static void test_jobs(void)
{
    struct bg_pvgpu_job jobs[8];
    bool is_good = true;
    uint32_t *words = scratch.bytes;

    for (uint32_t i = 0; i < COUNT; i++) {
        words[i] = 1;
    }
    for (uint32_t i = 0; i < 8 && is_good; i++) { /* doubled, one after the other */
        is_good = bg_pvgpu_vector_add(&gpu, BG_COMPUTE_ELEMENT_UINT32, in_heap(&scratch, 0),
                                      in_heap(&scratch, 0), in_heap(&scratch, 0), COUNT, &jobs[i],
                                      0) == 0;
    }
    for (uint32_t i = 8; i-- > 0 && is_good;) {
        is_good = bg_pvgpu_job_wait(&gpu, &jobs[i], pvgpu_host_deadline()) == 0;
    }
    tap_ok(is_good, "eight operations under way, waited for backwards");
    for (uint32_t i = 0; i < COUNT && is_good; i++) {
        is_good = words[i] == 256;
    }
    tap_ok(is_good, "were carried out in order");
}

/* An operation whose data is inline, through the general call. */
static void test_inline(void)
{
    const uint32_t params[] = {BG_COMPUTE_ELEMENT_UINT32, COUNT};
    struct bg_pvgpu_compute_options options = {
        .operation = BG_COMPUTE_VECTOR_ADD_INLINE,
        .params = params,
        .param_count = 2,
        .data_offset = scratch.offset,
        .data_size = 2 * SIZE,
        .answer_offset = scratch2.offset,
        .answer_size = SIZE,
    };
    struct bg_pvgpu_job job;

    fill_operands(BG_COMPUTE_ELEMENT_UINT32);
    expect_done(bg_pvgpu_compute(&gpu, &options, &job), "an operation with data");
    expect_done(bg_pvgpu_job_wait(&gpu, &job, pvgpu_host_deadline()), "its result");
    tap_ok(job.data_size == SIZE && is_sum(BG_COMPUTE_ELEMENT_UINT32), "each sum is right");
    options.answer_size = SIZE - 4;
    expect_done(bg_pvgpu_compute(&gpu, &options, &job), "with too little room for the answer");
    expect_result(bg_pvgpu_job_wait(&gpu, &job, pvgpu_host_deadline()), BG_ERR_TOO_LARGE,
                  BG_COMPUTE_REQUEST_TOO_LARGE, "is refused");
    options.operation = 0x1ABC;
    expect_done(bg_pvgpu_compute(&gpu, &options, &job), "an unknown operation");
    tap_ok(bg_pvgpu_job_wait(&gpu, &job, pvgpu_host_deadline()) == BG_ERR_IO, "is not taken");
    expect_failure(0, BG_PVGPU_ERROR_INVALID_COMMAND, 0x1ABC, "and a failure of the ring");
}

void test_pvgpu_compute(void)
{
    test_basics();
    test_vectors();
    test_copies();
    test_jobs();
    test_inline();
    expect_ok(0, "no operation was a failure of the ring");
}
