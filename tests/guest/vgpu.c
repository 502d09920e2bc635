/* SPDX-License-Identifier: BSD-2-Clause */
/* run=test-vgpu: every operation through the driver and a mediator, used well and badly. */
#include "firmware/apps/app.h"
#include "firmware/apps/open/pci.h"
#include "tests/guest/lib/tap.h"

#include <string.h>

#include "baregpu/mmio.h"

#define TIMEOUT_NS 30000000000u
#define MANY 10007u /* elements: prime, so that no piece size divides it */

static struct bg_vgpu_stub gpu;
static uint32_t a[MANY], b[MANY], c[MANY];

static uint64_t deadline(void)
{
    return bg_hal_time_ns() + TIMEOUT_NS;
}

/* The call gave this error, and the device this status. */
static bool expect(int error, int expected_error, uint32_t expected_status, const char *what)
{
    bool good = error == expected_error && gpu.last_status == expected_status;

    if (!good) {
        tap_diag("%s, status %s (0x%x); expected %s, %s", bg_strerror(error),
                 bg_compute_status_name(gpu.last_status), (unsigned)gpu.last_status,
                 bg_strerror(expected_error), bg_compute_status_name(expected_status));
    }
    return tap_ok(good, "%s", what);
}

static bool expect_ok(int error, const char *what)
{
    return expect(error, 0, BG_COMPUTE_OK, what);
}

static void fill(uint32_t seed)
{
    for (uint32_t i = 0; i < MANY; i++) {
        a[i] = (i + seed) * 2654435761u;
        b[i] = ~i * 40503u + seed;
        c[i] = 0xDEADBEEF;
    }
}

static bool sums_are_right(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (c[i] != a[i] + b[i]) {
            tap_diag("element %u: 0x%x", (unsigned)i, (unsigned)c[i]);
            return false;
        }
    }
    return true;
}

/* ---- Basic and inline ---- */

static void test_basic(void)
{
    uint32_t sum = 0;

    expect_ok(bg_vgpu_stub_nop(&gpu, deadline()), "no operation");
    expect_ok(bg_vgpu_stub_add_basic(&gpu, 100, 200, &sum, deadline()), "basic addition");
    tap_equal(sum, 300, "100 + 200");
    bg_vgpu_stub_add_basic(&gpu, 0xFFFFFFFF, 0x80000001, &sum, deadline());
    tap_equal(sum, 0x80000000, "the sum is modulo 2^32");
}

static void test_inline_vectors(void)
{
    static const size_t counts[] = {1, 2, 122, 123, 124, 246, MANY};

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        fill((uint32_t)i);
        int error = bg_vgpu_stub_add_vectors(&gpu, BG_COMPUTE_ELEMENT_UINT32, a, b, c, counts[i], 0,
                                             deadline());
        tap_ok(error == 0 && sums_are_right(counts[i]) &&
                   (counts[i] == MANY || c[counts[i]] == 0xDEADBEEF),
               "inline addition of %u integers", (unsigned)counts[i]);
    }
    fill(99);
    int error = bg_vgpu_stub_add_vectors(&gpu, BG_COMPUTE_ELEMENT_INT32, a, b, c, 500,
                                         BG_VGPU_STUB_FLAG_RAISE_PRIORITY, deadline());
    tap_ok(error == 0 && sums_are_right(500), "signed integers, with raised priority");
}

static void test_inline_floats(void)
{
    /* Rounding to even, a sum that is subnormal, overflow, signed zeros, infinities. */
    static const float x[] = {16777216.0f, 16777218.0f,      1.5e-45f, 3.4e38f, -0.0f,
                              0.0f,        __builtin_inff(), 0.1f,     1e30f,   -1.1754944e-38f};
    static const float y[] = {1.0f,  1.0f, 1.5e-45f, 3.4e38f, -0.0f,
                              -0.0f, 1.0f, 0.2f,     -1e30f,  1.1754942e-38f};
    enum { COUNT = sizeof(x) / sizeof(x[0]) };
    float z[COUNT];
    bool good = true;
    int error =
        bg_vgpu_stub_add_vectors(&gpu, BG_COMPUTE_ELEMENT_FLOAT32, x, y, z, COUNT, 0, deadline());

    for (int i = 0; i < COUNT; i++) {
        volatile float sum = x[i] + y[i];
        float expected = sum;

        if (memcmp(&expected, &z[i], sizeof(expected)) != 0) {
            tap_diag("element %d is not %a but %a", i, (double)expected, (double)z[i]);
            good = false;
        }
    }
    tap_ok(error == 0 && good, "floats are added as IEEE 754 says, to the last bit");
    const float nan = __builtin_nanf("");
    error = bg_vgpu_stub_add_vectors(&gpu, BG_COMPUTE_ELEMENT_FLOAT32, &nan, &y[0], &z[0], 1, 0,
                                     deadline());
    tap_ok(error == 0 && z[0] != z[0], "not a number stays one");
}

static void test_info(void)
{
    struct bg_compute_device_info info;

    memset(&info, 0, sizeof(info));
    expect_ok(bg_vgpu_stub_get_info(&gpu, &info, deadline()), "device information");
    tap_ok((info.backend == BG_COMPUTE_BACKEND_CPU || info.backend == BG_COMPUTE_BACKEND_CUDA) &&
               info.name[0] != '\0' && info.memory_total != 0 && info.memory_limit != 0 &&
               info.memory_used == 0 && info.multiprocessors != 0,
           "the information makes sense: %s", info.name);
}

/* ---- Memory ---- */

static uint32_t allocate(uint64_t size)
{
    uint32_t handle = 0;
    int error = bg_vgpu_stub_memory_alloc(&gpu, size, &handle, deadline());

    if (error < 0) {
        tap_diag("allocation failed: %s", bg_strerror(error));
    }
    return handle;
}

static void test_memory(void)
{
    static uint8_t bytes[3001];
    struct bg_compute_device_info info;
    uint32_t first = allocate(sizeof(a));
    uint32_t second = allocate(sizeof(a));
    bool zeroed = true;

    tap_ok(first != 0 && second != 0 && first != second, "two allocations");
    bg_vgpu_stub_get_info(&gpu, &info, deadline());
    tap_ok(info.memory_used >= 2 * sizeof(a), "the session's use of memory is counted");
    memset(c, 0xFF, sizeof(c));
    expect_ok(bg_vgpu_stub_memory_read(&gpu, first, 0, c, sizeof(c), 0, deadline()), "read it");
    for (size_t i = 0; i < MANY; i++) {
        zeroed = zeroed && c[i] == 0;
    }
    tap_ok(zeroed, "new memory reads as zero");

    fill(5);
    expect_ok(bg_vgpu_stub_memory_write(&gpu, first, 0, a, sizeof(a), 0, deadline()), "write it");
    expect_ok(bg_vgpu_stub_memory_read(&gpu, first, 0, c, sizeof(c), 0, deadline()), "read back");
    tap_ok(memcmp(a, c, sizeof(a)) == 0, "what was written is there");
    expect_ok(bg_vgpu_stub_memory_write(&gpu, first, 1001, "baregpu", 7, 0, deadline()),
              "write an odd number of bytes at an odd offset");
    bg_vgpu_stub_memory_read(&gpu, first, 1000, bytes, 9, 0, deadline());
    tap_ok(memcmp(bytes + 1, "baregpu", 7) == 0 && bytes[0] == ((uint8_t *)a)[1000] &&
               bytes[8] == ((uint8_t *)a)[1008],
           "only those bytes changed");

    expect_ok(bg_vgpu_stub_memory_copy(&gpu, second, 8, first, 16, 3000, 0, deadline()),
              "copy inside the device");
    bg_vgpu_stub_memory_read(&gpu, second, 8, bytes, 3000, 0, deadline());
    memcpy((uint8_t *)a + 1001, "baregpu", 7);
    tap_ok(memcmp(bytes, (uint8_t *)a + 16, 3000) == 0, "the copy is right");
    expect_ok(bg_vgpu_stub_memory_copy(&gpu, first, 5, first, 0, 2000, 0, deadline()),
              "copy onto itself, overlapping");
    bg_vgpu_stub_memory_read(&gpu, first, 5, bytes, 2000, 0, deadline());
    tap_ok(memcmp(bytes, a, 2000) == 0, "an overlapping copy is as memmove's");

    expect_ok(bg_vgpu_stub_memory_free(&gpu, first, deadline()), "free one");
    expect_ok(bg_vgpu_stub_memory_free(&gpu, second, deadline()), "free the other");
    bg_vgpu_stub_get_info(&gpu, &info, deadline());
    tap_equal(info.memory_used, 0, "nothing is in use any more");
}

static struct bg_compute_operand range(uint32_t handle, uint64_t offset)
{
    return (struct bg_compute_operand){handle, offset};
}

static void test_memory_add(void)
{
    uint32_t ha = allocate(sizeof(a)), hb = allocate(sizeof(b)), hc = allocate(sizeof(c));

    fill(11);
    bg_vgpu_stub_memory_write(&gpu, ha, 0, a, sizeof(a), BG_VGPU_STUB_FLAG_ASYNC, deadline());
    bg_vgpu_stub_memory_write(&gpu, hb, 0, b, sizeof(b), BG_VGPU_STUB_FLAG_ASYNC, deadline());
    expect_ok(bg_vgpu_stub_vector_add(&gpu, BG_COMPUTE_ELEMENT_UINT32, range(hc, 0), range(ha, 0),
                                      range(hb, 0), MANY, BG_VGPU_STUB_FLAG_ASYNC, deadline()),
              "addition in memory, asynchronous after asynchronous copies");
    expect_ok(bg_vgpu_stub_synchronize(&gpu, deadline()), "synchronize");
    bg_vgpu_stub_memory_read(&gpu, hc, 0, c, sizeof(c), 0, deadline());
    tap_ok(sums_are_right(MANY), "all %u sums", MANY);
    expect_ok(bg_vgpu_stub_vector_add(&gpu, BG_COMPUTE_ELEMENT_UINT32, range(ha, 0), range(ha, 0),
                                      range(hb, 0), MANY, 0, deadline()),
              "in place");
    bg_vgpu_stub_memory_read(&gpu, ha, 0, c, sizeof(c), 0, deadline());
    tap_ok(sums_are_right(MANY), "all sums in place");
    expect_ok(bg_vgpu_stub_vector_add(&gpu, BG_COMPUTE_ELEMENT_INT32, range(hc, 400), range(hb, 40),
                                      range(hb, 40), 10, 0, deadline()),
              "a part, a vector with itself");
    bg_vgpu_stub_memory_read(&gpu, hc, 400, c, 40, 0, deadline());
    tap_equal(c[9], (uint32_t)(b[19] * 2), "the last of the part");

    expect(bg_vgpu_stub_vector_add(&gpu, BG_COMPUTE_ELEMENT_UINT32, range(hc, 4), range(hc, 0),
                                   range(hb, 0), 100, 0, deadline()),
           BG_ERR_INVALID, BG_COMPUTE_INVALID_REQUEST, "a result that overlaps is refused");
    expect(bg_vgpu_stub_vector_add(&gpu, BG_COMPUTE_ELEMENT_UINT32, range(hc, 2), range(ha, 0),
                                   range(hb, 0), 100, 0, deadline()),
           BG_ERR_INVALID, BG_COMPUTE_INVALID_REQUEST, "an odd offset is refused");
    expect(bg_vgpu_stub_vector_add(&gpu, BG_COMPUTE_ELEMENT_UINT32, range(hc, 0), range(ha, 4),
                                   range(hb, 0), MANY, 0, deadline()),
           BG_ERR_RANGE, BG_COMPUTE_OUT_OF_RANGE, "a vector beyond its memory is refused");
    expect(bg_vgpu_stub_vector_add(&gpu, BG_COMPUTE_ELEMENT_UINT32, range(hc, 0), range(ha, 0),
                                   range(hb, 0), 1ull << 62, 0, deadline()),
           BG_ERR_RANGE, BG_COMPUTE_OUT_OF_RANGE, "a count whose size wraps is refused");
    expect(bg_vgpu_stub_vector_add(&gpu, 77, range(hc, 0), range(ha, 0), range(hb, 0), 1, 0,
                                   deadline()),
           BG_ERR_INVALID, BG_COMPUTE_INVALID_REQUEST, "an unknown element type is refused");
    bg_vgpu_stub_memory_free(&gpu, ha, deadline());
    bg_vgpu_stub_memory_free(&gpu, hb, deadline());
    bg_vgpu_stub_memory_free(&gpu, hc, deadline());
}

static void test_bad_memory(void)
{
    uint32_t handle = allocate(100);
    uint32_t other = 0;

    expect(bg_vgpu_stub_memory_alloc(&gpu, 0, &other, deadline()), BG_ERR_INVALID,
           BG_COMPUTE_INVALID_LENGTH, "an allocation of 0 bytes is refused");
    expect(bg_vgpu_stub_memory_alloc(&gpu, 1ull << 60, &other, deadline()), BG_ERR_DEVICE_MEMORY,
           BG_COMPUTE_OUT_OF_MEMORY, "an allocation beyond the limit is refused");
    expect(bg_vgpu_stub_memory_alloc(&gpu, UINT64_MAX, &other, deadline()), BG_ERR_DEVICE_MEMORY,
           BG_COMPUTE_OUT_OF_MEMORY, "an allocation whose size wraps is refused");
    expect(bg_vgpu_stub_memory_read(&gpu, handle, 97, a, 4, 0, deadline()), BG_ERR_RANGE,
           BG_COMPUTE_OUT_OF_RANGE, "reading beyond the end is refused");
    expect(bg_vgpu_stub_memory_write(&gpu, handle, UINT64_MAX - 1, a, 4, 0, deadline()),
           BG_ERR_RANGE, BG_COMPUTE_OUT_OF_RANGE, "an offset that wraps is refused");
    expect(bg_vgpu_stub_memory_copy(&gpu, handle, 0, handle, 50, UINT64_MAX, 0, deadline()),
           BG_ERR_RANGE, BG_COMPUTE_OUT_OF_RANGE, "a copy whose size wraps is refused");
    expect(bg_vgpu_stub_memory_read(&gpu, handle + 1000, 0, a, 4, 0, deadline()), BG_ERR_NOT_FOUND,
           BG_COMPUTE_INVALID_HANDLE, "a handle that never was is refused");
    expect(bg_vgpu_stub_memory_free(&gpu, 0, deadline()), BG_ERR_NOT_FOUND,
           BG_COMPUTE_INVALID_HANDLE, "handle 0 is refused");
    expect_ok(bg_vgpu_stub_memory_free(&gpu, handle, deadline()), "free");
    expect(bg_vgpu_stub_memory_free(&gpu, handle, deadline()), BG_ERR_NOT_FOUND,
           BG_COMPUTE_INVALID_HANDLE, "freeing twice is refused");
    expect(bg_vgpu_stub_memory_read(&gpu, handle, 0, a, 4, 0, deadline()), BG_ERR_NOT_FOUND,
           BG_COMPUTE_INVALID_HANDLE, "reading freed memory is refused");
}

/* ---- Requests that the driver would not make ---- */

static int send_raw(const uint32_t *words, uint32_t length)
{
    for (uint32_t i = 0; i < length; i += 4) {
        bg_mmio_write32(gpu.registers, BG_VGPU_STUB_REQUEST_BUFFER + i, words[i / 4]);
    }
    bg_mmio_write32(gpu.registers, BG_VGPU_STUB_REG_REQUEST_LEN, length);
    bg_mmio_write32(gpu.registers, BG_VGPU_STUB_REG_REQUEST_ID, ++gpu.request_id);
    bg_mmio_write32(gpu.registers, BG_VGPU_STUB_REG_DOORBELL, 1);
    gpu.is_in_flight = true;
    return bg_vgpu_stub_wait(&gpu, deadline(), NULL);
}

static void test_malformed(void)
{
    static const struct {
        const char *what;
        uint32_t length;
        uint32_t words[10];
        int error;
        uint32_t status;
    } cases[] = {
        {"another version", 32, {0x00020000}, BG_ERR_INVALID, BG_COMPUTE_INVALID_REQUEST},
        {"half a header", 16, {0x00010000}, BG_ERR_INVALID, BG_COMPUTE_INVALID_REQUEST},
        {"more parameters than bytes",
         36,
         {0x00010000, 0, 0, 2},
         BG_ERR_INVALID,
         BG_COMPUTE_INVALID_REQUEST},
        {"a parameter count that wraps",
         36,
         {0x00010000, 0, 0, 0x40000001},
         BG_ERR_INVALID,
         BG_COMPUTE_INVALID_REQUEST},
        {"data beyond the request",
         36,
         {0x00010000, 0, 0, 0, 32, 5},
         BG_ERR_INVALID,
         BG_COMPUTE_INVALID_REQUEST},
        {"a data offset that wraps",
         36,
         {0x00010000, 0, 0, 0, 0xFFFFFFFC, 8},
         BG_ERR_INVALID,
         BG_COMPUTE_INVALID_REQUEST},
        {"an unknown flag",
         32,
         {0x00010000, 0, 0x80000000},
         BG_ERR_INVALID,
         BG_COMPUTE_INVALID_REQUEST},
        {"an unknown operation",
         32,
         {0x00010000, 0x7FFF},
         BG_ERR_UNSUPPORTED,
         BG_COMPUTE_UNSUPPORTED_OPERATION},
        {"a kernel with one parameter",
         36,
         {0x00010000, 1, 0, 1},
         BG_ERR_UNSUPPORTED,
         BG_COMPUTE_UNSUPPORTED_OPERATION},
        {"an inline addition of nothing",
         40,
         {0x00010000, 0x1010, 0, 2, 40, 0, 0, 0, 1, 0},
         BG_ERR_INVALID,
         BG_COMPUTE_INVALID_LENGTH},
    };
    static const uint32_t nop[8] = {0x00010000, 0, 0, 0, 0xABCDEF01, 0, 5, 6};
    static const uint32_t alias[10] = {0x00010000, 0x1001, 0, 2, 40, 0, 0, 0, 100, 200};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect(send_raw(cases[i].words, cases[i].length), cases[i].error, cases[i].status,
               cases[i].what);
        expect_ok(bg_vgpu_stub_nop(&gpu, deadline()), "and the next request is served");
    }
    expect_ok(send_raw(nop, 32), "without data the data offset may be anything");
    expect_ok(send_raw(alias, 40), "0x1001 is the same operation as 0x0001");
    tap_equal(bg_mmio_read32(gpu.registers, BG_VGPU_STUB_RESPONSE_BUFFER + 32), 300, "and adds");
    tap_equal(bg_mmio_read32(gpu.registers, BG_VGPU_STUB_REG_RESPONSE_LEN), 36, "in 36 bytes");
    tap_equal(bg_mmio_read32(gpu.registers, BG_VGPU_STUB_RESPONSE_BUFFER + 12), 36,
              "data offset 36");
}

static void test_asynchronous_error(void)
{
    uint32_t handle = allocate(64);
    int accepted = bg_vgpu_stub_memory_copy(&gpu, handle, 0, handle + 1000, 0, 16,
                                            BG_VGPU_STUB_FLAG_ASYNC, deadline());

    if (accepted == 0) {
        expect(bg_vgpu_stub_synchronize(&gpu, deadline()), BG_ERR_NOT_FOUND,
               BG_COMPUTE_INVALID_HANDLE, "an asynchronous error comes with synchronize");
    } else {
        expect(accepted, BG_ERR_NOT_FOUND, BG_COMPUTE_INVALID_HANDLE,
               "an asynchronous error comes at once");
    }
    expect_ok(bg_vgpu_stub_synchronize(&gpu, deadline()), "and only once");
    bg_vgpu_stub_memory_free(&gpu, handle, deadline());
}

/* ---- The driver's own promises, with the real device ---- */

static void test_deadlines(void)
{
    uint32_t sum = 0;
    struct bg_vgpu_stub_answer answer;
    const uint32_t params[] = {20, 22};
    const struct bg_vgpu_stub_call call = {
        .operation = BG_VGPU_STUB_OP_CUDA_KERNEL, .params = params, .param_count = 2};

    /* The answer cannot be there in no time; what comes later must not be taken for the next. */
    for (uint32_t i = 0; i < 50; i++) {
        int error = bg_vgpu_stub_submit(&gpu, &call);

        if (error == 0 && i % 2 == 0) {
            bg_vgpu_stub_abandon(&gpu);
        } else if (error == 0) {
            bg_vgpu_stub_wait(&gpu, bg_hal_time_ns() + i * 1000, NULL);
        }
        if (bg_vgpu_stub_add_basic(&gpu, i, 1000, &sum, deadline()) != 0 || sum != i + 1000) {
            tap_ok(false, "abandoned requests disturb nobody (%u)", (unsigned)i);
            return;
        }
    }
    tap_ok(true, "abandoned requests disturb nobody");

    tap_equal(bg_vgpu_stub_submit(&gpu, &call), 0, "submit returns at once");
    tap_ok(bg_vgpu_stub_submit(&gpu, &call) == BG_ERR_BUSY, "one request at a time");
    tap_ok(bg_vgpu_stub_wait(&gpu, deadline(), &answer) == 0 && answer.result_count == 1 &&
               answer.results[0] == 42,
           "wait gives the answer");
}

static int run_test_vgpu(void)
{
    if (open_vgpu_stub(&gpu) < 0) {
        tap_bail("no vgpu-stub");
        return 1;
    }
    int error = bg_vgpu_stub_nop(&gpu, deadline());

    if (error < 0) {
        explain_vgpu_stub(&gpu, "The first request", error);
        tap_bail("no mediator");
        return 1;
    }
    tap_plan(0);
    test_basic();
    test_inline_vectors();
    test_inline_floats();
    test_info();
    test_memory();
    test_memory_add();
    test_bad_memory();
    test_malformed();
    test_asynchronous_error();
    test_deadlines();
    return tap_done();
}

APP(test_vgpu, "all operations of the vgpu-stub, used well and badly", run_test_vgpu, "");
