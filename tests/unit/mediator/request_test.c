/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/stub/request.c host/mediator/compute/operation.c host/mediator/compute/session.c
// build: $(GPU_SRC)
// libs: -ldl
/* Mailbox requests on the CPU device: results, bad requests, limits, handles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/mediator/compute/operation.h"
#include "protocol/cuda_command.h"
#include "tests/unit/mediator/mailbox_request.h"
#include "tests/unit/mediator/test_gpu.h"

#define MEMORY_LIMIT (UINT64_C(1) << 20)

static struct session *session;
static struct exchange exchange;

static int setup(void **state)
{
    (void)state;
    session = session_create(test_gpu(), MEMORY_LIMIT);
    return session != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    session_destroy(session);
    return 0;
}

static uint32_t run_simple(uint32_t opcode, const uint32_t *params, size_t count)
{
    exchange_build(&exchange, opcode, 0, params, count * 4, NULL, 0);
    return exchange_run(&exchange, session);
}

/* ---- CUDA: results and data ---- */

static void run_cuda(uint32_t operation, const void *params, size_t size)
{
    uint32_t status;

    exchange_build(&exchange, operation, 0, params, size, NULL, 0);
    status = exchange_run(&exchange, session);
    assert_int_equal(status, BG_COMPUTE_OK);
    assert_int_equal(exchange.answer.result_count, 2);
    assert_int_equal(exchange.result, CUDA_SUCCESS);
    assert_in_range(exchange.response_length, 1, BG_VGPU_STUB_PAYLOAD_MAX);
}

/* What does not fit beside the two results waits in the session. */
static void test_longest_cuda_answer(void **state)
{
    const struct bg_cuda_init init = {BG_CUDA_COMMAND_VERSION, BG_CUDA_NONE};
    const struct bg_cuda_memory_alloc alloc = {.size = 4096, .stream = BG_CUDA_NONE};
    struct bg_cuda_copy copy = {.to = {.kind = BG_CUDA_PLACE_CARRIER},
                                .from = {.kind = BG_CUDA_PLACE_DEVICE},
                                .size = BG_VGPU_STUB_PAYLOAD_MAX};
    struct bg_cuda_range range;
    uint32_t whole;

    (void)state;
    run_cuda(BG_CUDA_INIT, &init, sizeof(init));
    run_cuda(BG_CUDA_MEMORY_ALLOC, &alloc, sizeof(alloc));
    memcpy(&range, exchange.data, sizeof(range));
    copy.from.offset = range.address;
    run_cuda(BG_CUDA_COPY, &copy, sizeof(copy));
    assert_int_equal(exchange.response_length, BG_VGPU_STUB_PAYLOAD_MAX);
    memcpy(&whole, exchange.response + sizeof(exchange.answer) + 4, sizeof(whole));
    assert_int_equal(whole, BG_VGPU_STUB_PAYLOAD_MAX);
    run_cuda(BG_CUDA_END, NULL, 0);
}

/* ---- What existing guests send ---- */

static void test_basic_addition(void **state)
{
    const uint32_t params[] = {100, 200}, wrap[] = {UINT32_MAX, 2};

    (void)state;
    assert_int_equal(run_simple(BG_VGPU_STUB_OP_CUDA_KERNEL, params, 2), BG_COMPUTE_OK);
    assert_int_equal(exchange.length, 40);
    assert_int_equal(exchange.response_length, 36);
    assert_int_equal(exchange.answer.version, 0x00010000);
    assert_int_equal(exchange.answer.result_count, 1);
    assert_int_equal(exchange.answer.data_offset, 36);
    assert_int_equal(exchange.answer.data_length, 0);
    assert_int_equal(exchange.result, 300);
    assert_int_equal(run_simple(BG_COMPUTE_VECTOR_ADD_BASIC, wrap, 2), BG_COMPUTE_OK);
    assert_int_equal(exchange.result, 1);
    assert_int_equal(run_simple(BG_VGPU_STUB_OP_CUDA_KERNEL, params, 1),
                     BG_COMPUTE_UNSUPPORTED_OPERATION);
    assert_int_equal(exchange.answer.result_count, 0);
    assert_int_equal(exchange.response_length, 32);
}

static void test_nop(void **state)
{
    (void)state;
    assert_int_equal(run_simple(BG_VGPU_STUB_OP_NOP, NULL, 0), BG_COMPUTE_OK);
    assert_int_equal(exchange.response_length, 32);
    assert_int_equal(run_simple(BG_COMPUTE_NOP, NULL, 0), BG_COMPUTE_OK);
    /* data_offset is anything when there is no data. */
    exchange_build(&exchange, BG_VGPU_STUB_OP_NOP, 0, NULL, 0, NULL, 0);
    memset(exchange.request + offsetof(struct bg_vgpu_stub_request, data_offset), 0xFF, 4);
    assert_int_equal(exchange_run(&exchange, session), BG_COMPUTE_OK);
}

static void test_unknown_operations(void **state)
{
    static const uint32_t opcodes[] = {7, 0xFFF, 0x1007, 0x100F, 0x1012, 0xFFFF, UINT32_MAX};

    (void)state;
    for (unsigned i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++) {
        assert_int_equal(run_simple(opcodes[i], NULL, 0), BG_COMPUTE_UNSUPPORTED_OPERATION);
    }
}

static void test_device_info(void **state)
{
    struct bg_compute_device_info info;
    uint32_t handle;

    (void)state;
    assert_int_equal(run_alloc(session, 1000, &handle), BG_COMPUTE_OK);
    assert_int_equal(run_simple(BG_VGPU_STUB_OP_GET_DEVICE_INFO, NULL, 0), BG_COMPUTE_OK);
    assert_int_equal(exchange.answer.data_length, sizeof(info));
    memcpy(&info, exchange.data, sizeof(info));
    assert_int_equal(info.backend, BG_COMPUTE_BACKEND_CPU);
    assert_true(info.multiprocessors > 0);
    assert_true(info.memory_total > 0);
    assert_int_equal(info.memory_limit, MEMORY_LIMIT);
    assert_int_equal(info.memory_used, 1000);
    assert_int_equal(info.capability_major, 0);
    assert_int_equal(info.reserved, 0);
    assert_true(strlen(info.name) > 0);
}

/* ---- Malformed requests ---- */

static void set_field(size_t offset, uint32_t value)
{
    memcpy(exchange.request + offset, &value, sizeof(value));
}

static uint32_t run_with(size_t offset, uint32_t value)
{
    const uint32_t params[] = {1, 2};

    exchange_build(&exchange, BG_VGPU_STUB_OP_CUDA_KERNEL, 0, params, sizeof(params), "data", 4);
    set_field(offset, value);
    return exchange_run(&exchange, session);
}

static void test_malformed_header(void **state)
{
    (void)state;
    assert_int_equal(run_with(offsetof(struct bg_vgpu_stub_request, version), 0x00010000),
                     BG_COMPUTE_OK);
    assert_int_equal(run_with(offsetof(struct bg_vgpu_stub_request, version), 0x00020000),
                     BG_COMPUTE_INVALID_REQUEST);
    assert_int_equal(run_with(offsetof(struct bg_vgpu_stub_request, flags), 3), BG_COMPUTE_OK);
    assert_int_equal(run_with(offsetof(struct bg_vgpu_stub_request, flags), 4),
                     BG_COMPUTE_INVALID_REQUEST);
    assert_int_equal(run_with(offsetof(struct bg_vgpu_stub_request, reserved), 0xFFFFFFFF),
                     BG_COMPUTE_OK);
}

/* Counts and offsets whose sums wrap in 32 bits, or end one byte too far. */
static void test_malformed_sizes(void **state)
{
    const size_t count = offsetof(struct bg_vgpu_stub_request, param_count);
    const size_t offset = offsetof(struct bg_vgpu_stub_request, data_offset);
    const size_t length = offsetof(struct bg_vgpu_stub_request, data_length);
    static const uint32_t counts[] = {4, 0x3FFFFFFF, 0x40000000, 0x40000002, UINT32_MAX};
    static const uint32_t offsets[] = {0, 39, 41, 0xFFFFFFFC, UINT32_MAX};
    static const uint32_t lengths[] = {5, 0xFFFFFFD8, UINT32_MAX};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(run_with(count, counts[i]), BG_COMPUTE_INVALID_REQUEST);
        assert_int_equal(run_with(offset, offsets[i]), BG_COMPUTE_INVALID_REQUEST);
        assert_int_equal(run_with(length, lengths[i % 3]), BG_COMPUTE_INVALID_REQUEST);
    }
}

static void test_short_requests(void **state)
{
    (void)state;
    for (size_t length = 0; length < 32; length++) {
        exchange_build(&exchange, BG_VGPU_STUB_OP_NOP, 0, NULL, 0, NULL, 0);
        exchange.length = length;
        assert_int_equal(exchange_run(&exchange, session),
                         length ? BG_COMPUTE_INVALID_REQUEST : BG_COMPUTE_INVALID_LENGTH);
        assert_int_equal(exchange.response_length, 32);
    }
}

/* ---- Memory ---- */

static void test_memory_is_zeroed(void **state)
{
    static const uint8_t zeros[992];
    uint8_t data[992];
    uint32_t handle;

    (void)state;
    for (int round = 0; round < 4; round++) {
        assert_int_equal(run_alloc(session, sizeof(data), &handle), BG_COMPUTE_OK);
        assert_int_equal(run_read(session, handle, 0, data, sizeof(data)), BG_COMPUTE_OK);
        assert_memory_equal(data, zeros, sizeof(data));
        memset(data, 0xEE, sizeof(data));
        assert_int_equal(run_write(session, handle, 0, data, 900, 0), BG_COMPUTE_OK);
        assert_int_equal(run_free(session, handle), BG_COMPUTE_OK); /* the next may get the same */
    }
}

static void test_memory_limit(void **state)
{
    uint32_t first, second, third;

    (void)state;
    assert_int_equal(run_alloc(session, MEMORY_LIMIT + 1, &first), BG_COMPUTE_OUT_OF_MEMORY);
    assert_int_equal(run_alloc(session, UINT64_MAX, &first), BG_COMPUTE_OUT_OF_MEMORY);
    assert_int_equal(run_alloc(session, 0, &first), BG_COMPUTE_INVALID_LENGTH);
    assert_int_equal(run_alloc(session, MEMORY_LIMIT - 10, &first), BG_COMPUTE_OK);
    assert_int_equal(run_alloc(session, 11, &second), BG_COMPUTE_OUT_OF_MEMORY);
    assert_int_equal(run_alloc(session, 10, &second), BG_COMPUTE_OK);
    assert_int_equal(run_alloc(session, 1, &third), BG_COMPUTE_OUT_OF_MEMORY);
    assert_int_equal(run_free(session, first), BG_COMPUTE_OK);
    assert_int_equal(run_alloc(session, MEMORY_LIMIT - 10, &first), BG_COMPUTE_OK);
}

static void test_handles(void **state)
{
    uint32_t handle, again, byte = 0;

    (void)state;
    assert_int_equal(run_alloc(session, 16, &handle), BG_COMPUTE_OK);
    assert_int_not_equal(handle, 0);
    assert_int_equal(run_free(session, handle), BG_COMPUTE_OK);
    assert_int_equal(run_free(session, handle), BG_COMPUTE_INVALID_HANDLE);
    assert_int_equal(run_free(session, 0), BG_COMPUTE_INVALID_HANDLE);
    assert_int_equal(run_free(session, UINT32_MAX), BG_COMPUTE_INVALID_HANDLE);
    /* A slot's next owner has another handle, and the old one stays dead. */
    for (unsigned i = 0; i < 2 * SESSION_SLOTS; i++) {
        assert_int_equal(run_alloc(session, 16, &again), BG_COMPUTE_OK);
        assert_int_not_equal(again, handle);
        assert_int_equal(run_free(session, handle), BG_COMPUTE_INVALID_HANDLE);
        assert_int_equal(run_read(session, handle, 0, &byte, 1), BG_COMPUTE_INVALID_HANDLE);
        assert_int_equal(run_free(session, again), BG_COMPUTE_OK);
    }
}

static void test_handle_count(void **state)
{
    static uint32_t handles[SESSION_SLOTS];

    (void)state;
    for (unsigned i = 1; i < SESSION_SLOTS; i++) {
        assert_int_equal(run_alloc(session, 1, &handles[i]), BG_COMPUTE_OK);
    }
    assert_int_equal(run_alloc(session, 1, &handles[0]), BG_COMPUTE_OUT_OF_MEMORY);
    assert_int_equal(run_free(session, handles[77]), BG_COMPUTE_OK);
    assert_int_equal(run_alloc(session, 1, &handles[0]), BG_COMPUTE_OK);
}

/* A slot whose generations are used up retires: no handle comes twice. */
static void test_generations_end(void **state)
{
    uint32_t handle, slot;

    (void)state;
    assert_int_equal(run_alloc(session, 1, &handle), BG_COMPUTE_OK);
    slot = handle & (SESSION_SLOTS - 1);
    session->slots[slot].generation = UINT32_MAX >> SESSION_SLOT_BITS;
    handle = session->slots[slot].generation << SESSION_SLOT_BITS | slot;
    assert_int_equal(run_free(session, handle), BG_COMPUTE_OK);
    for (unsigned i = 0; i < SESSION_SLOTS; i++) {
        uint32_t other;

        assert_int_equal(run_alloc(session, 1, &other), BG_COMPUTE_OK);
        assert_int_not_equal(other & (SESSION_SLOTS - 1), slot);
        assert_int_equal(run_free(session, other), BG_COMPUTE_OK);
    }
}

static void test_copy(void **state)
{
    char data[16] = "";
    uint32_t one, two;

    (void)state;
    assert_int_equal(run_alloc(session, 100, &one), BG_COMPUTE_OK);
    assert_int_equal(run_alloc(session, 100, &two), BG_COMPUTE_OK);
    assert_int_equal(run_write(session, one, 10, "abcdefgh", 8, 0), BG_COMPUTE_OK);
    assert_int_equal(run_move(session, two, 0, one, 10, 8, BG_VGPU_STUB_FLAG_ASYNC), BG_COMPUTE_OK);
    assert_int_equal(run_move(session, two, 2, two, 0, 8, 0), BG_COMPUTE_OK); /* overlapping */
    assert_int_equal(run_read(session, two, 0, data, 12), BG_COMPUTE_OK);
    assert_memory_equal(data, "ababcdefgh\0\0", 12);
    assert_int_equal(run_simple(BG_VGPU_STUB_OP_SYNCHRONIZE, NULL, 0), BG_COMPUTE_OK);
}

static void test_copy_ranges(void **state)
{
    uint8_t data[1024];
    uint32_t handle;

    (void)state;
    assert_int_equal(run_alloc(session, 2000, &handle), BG_COMPUTE_OK);
    assert_int_equal(run_read(session, handle, 1999, data, 1), BG_COMPUTE_OK);
    assert_int_equal(run_read(session, handle, 2000, data, 1), BG_COMPUTE_OUT_OF_RANGE);
    assert_int_equal(run_read(session, handle, 1999, data, 2), BG_COMPUTE_OUT_OF_RANGE);
    assert_int_equal(run_read(session, handle, UINT64_MAX, data, 2), BG_COMPUTE_OUT_OF_RANGE);
    assert_int_equal(run_read(session, handle, 2, data, UINT64_MAX), BG_COMPUTE_OUT_OF_RANGE);
    assert_int_equal(run_read(session, handle, 0, data, 0), BG_COMPUTE_INVALID_LENGTH);
    assert_int_equal(run_read(session, handle, 0, data, 992), BG_COMPUTE_OK);
    assert_int_equal(run_read(session, handle, 0, data, 993), BG_COMPUTE_REQUEST_TOO_LARGE);
    assert_int_equal(run_write(session, handle, 1999, "ab", 2, 0), BG_COMPUTE_OUT_OF_RANGE);
    assert_int_equal(run_move(session, handle, 1000, handle, 0, 1001, 0), BG_COMPUTE_OUT_OF_RANGE);
    assert_int_equal(run_move(session, handle, 0, handle, UINT64_MAX, 2, 0),
                     BG_COMPUTE_OUT_OF_RANGE);
}

static uint32_t run_copy_params(struct bg_compute_copy_params params, size_t size, const void *data,
                                size_t data_size)
{
    exchange_build(&exchange, BG_COMPUTE_MEMORY_COPY, 0, &params, size, data, data_size);
    return exchange_run(&exchange, session);
}

static void test_copy_parameters(void **state)
{
    struct bg_compute_copy_params in = {.kind = BG_COMPUTE_COPY_HOST_TO_DEVICE, .size_lo = 4}, bad;
    struct bg_compute_copy_params out = {.kind = BG_COMPUTE_COPY_DEVICE_TO_HOST, .size_lo = 4};

    (void)state;
    assert_int_equal(run_alloc(session, 100, &in.dst_handle), BG_COMPUTE_OK);
    out.src_handle = in.dst_handle;
    assert_int_equal(run_copy_params(in, sizeof(in), "data", 4), BG_COMPUTE_OK);
    assert_int_equal(run_copy_params(in, sizeof(in), "data", 3), BG_COMPUTE_INVALID_LENGTH);
    assert_int_equal(run_copy_params(in, sizeof(in), NULL, 0), BG_COMPUTE_INVALID_LENGTH);
    assert_int_equal(run_copy_params(in, sizeof(in) - 4, "data", 4), BG_COMPUTE_INVALID_REQUEST);
    bad = in;
    bad.src_handle = 1;
    assert_int_equal(run_copy_params(bad, sizeof(bad), "data", 4), BG_COMPUTE_INVALID_REQUEST);
    bad = in;
    bad.size_hi = 1;
    assert_int_equal(run_copy_params(bad, sizeof(bad), "data", 4), BG_COMPUTE_INVALID_LENGTH);
    bad = in;
    bad.kind = 4;
    assert_int_equal(run_copy_params(bad, sizeof(bad), "data", 4), BG_COMPUTE_INVALID_REQUEST);
    bad = out;
    bad.dst_offset_hi = 1;
    assert_int_equal(run_copy_params(bad, sizeof(bad), NULL, 0), BG_COMPUTE_INVALID_REQUEST);
}

/* ---- Vector addition ---- */

static uint32_t run_inline(uint32_t type, uint32_t count, const void *data, size_t size)
{
    struct bg_compute_vector_inline_params params = {type, count};

    exchange_build(&exchange, BG_COMPUTE_VECTOR_ADD_INLINE, 0, &params, sizeof(params), data, size);
    return exchange_run(&exchange, session);
}

static void test_inline_addition(void **state)
{
    const uint32_t integers[] = {1, 0xFFFFFFFF, 0x7FFFFFFF, 5, 2, 1};
    const uint32_t sums[] = {6, 1, 0x80000000};
    /* Rounding to nearest even, denormals kept, overflow to infinity, signed zeros. */
    const uint32_t floats[] = {0x3F800000, 0x00000001, 0x7F7FFFFF, 0x80000000, 0x4B800000,
                               0x33800000, 0x00000001, 0x7F7FFFFF, 0x80000000, 0x3F800000};
    const uint32_t float_sums[] = {0x3F800000, 0x00000002, 0x7F800000, 0x80000000, 0x4B800000};

    (void)state;
    assert_int_equal(run_inline(BG_COMPUTE_ELEMENT_UINT32, 3, integers, 24), BG_COMPUTE_OK);
    assert_int_equal(exchange.answer.data_length, 12);
    assert_memory_equal(exchange.data, sums, sizeof(sums));
    assert_int_equal(run_inline(BG_COMPUTE_ELEMENT_INT32, 3, integers, 24), BG_COMPUTE_OK);
    assert_memory_equal(exchange.data, sums, sizeof(sums));
    assert_int_equal(run_inline(BG_COMPUTE_ELEMENT_FLOAT32, 5, floats, 40), BG_COMPUTE_OK);
    assert_memory_equal(exchange.data, float_sums, sizeof(float_sums));
}

static void test_inline_errors(void **state)
{
    static const uint8_t data[1000];

    (void)state;
    assert_int_equal(run_inline(BG_COMPUTE_ELEMENT_UINT32, 123, data, 984),
                     BG_COMPUTE_OK); /* largest */
    assert_int_equal(run_inline(BG_COMPUTE_ELEMENT_UINT32, 0, NULL, 0), BG_COMPUTE_INVALID_LENGTH);
    assert_int_equal(run_inline(BG_COMPUTE_ELEMENT_UINT32, 2, data, 15), BG_COMPUTE_INVALID_LENGTH);
    assert_int_equal(run_inline(BG_COMPUTE_ELEMENT_UINT32, 0x20000000, NULL, 0),
                     BG_COMPUTE_INVALID_LENGTH);
    assert_int_equal(run_inline(0, 1, data, 8), BG_COMPUTE_INVALID_REQUEST);
    assert_int_equal(run_inline(4, 1, data, 8), BG_COMPUTE_INVALID_REQUEST);
}

static void test_memory_addition(void **state)
{
    uint32_t data[32], a, b;

    (void)state;
    assert_int_equal(run_alloc(session, 256, &a), BG_COMPUTE_OK);
    assert_int_equal(run_alloc(session, 256, &b), BG_COMPUTE_OK);
    for (uint32_t i = 0; i < 32; i++) {
        data[i] = i;
    }
    assert_int_equal(run_write(session, a, 0, data, sizeof(data), 0), BG_COMPUTE_OK);
    assert_int_equal(run_write(session, b, 128, data, sizeof(data), 0), BG_COMPUTE_OK);
    assert_int_equal(run_add(session, BG_COMPUTE_ELEMENT_UINT32, (struct operand){b, 0},
                             (struct operand){a, 0}, (struct operand){b, 128}, 32,
                             BG_VGPU_STUB_FLAG_ASYNC),
                     BG_COMPUTE_OK);
    assert_int_equal(run_simple(BG_VGPU_STUB_OP_SYNCHRONIZE, NULL, 0), BG_COMPUTE_OK);
    /* in place: c is a exactly */
    assert_int_equal(run_add(session, BG_COMPUTE_ELEMENT_UINT32, (struct operand){b, 0},
                             (struct operand){b, 0}, (struct operand){a, 0}, 32, 0),
                     BG_COMPUTE_OK);
    assert_int_equal(run_read(session, b, 0, data, sizeof(data)), BG_COMPUTE_OK);
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(data[i], 3 * i);
    }
}

static void test_memory_addition_errors(void **state)
{
    uint32_t h, dead;

    (void)state;
    assert_int_equal(run_alloc(session, 1024, &h), BG_COMPUTE_OK);
    assert_int_equal(run_alloc(session, 4, &dead), BG_COMPUTE_OK);
    assert_int_equal(run_free(session, dead), BG_COMPUTE_OK);
    const struct operand at0 = {h, 0}, at4 = {h, 4}, at2 = {h, 2}, at512 = {h, 512};
    const struct operand none = {dead, 0}, far = {h, UINT64_MAX - 3};
    const uint32_t type = BG_COMPUTE_ELEMENT_FLOAT32;
    assert_int_equal(run_add(session, type, at0, at512, at512, 128, 0), BG_COMPUTE_OK);
    assert_int_equal(run_add(session, type, at0, at512, at512, 129, 0), BG_COMPUTE_OUT_OF_RANGE);
    assert_int_equal(run_add(session, type, at0, at512, at512, 0, 0), BG_COMPUTE_INVALID_LENGTH);
    assert_int_equal(run_add(session, type, at0, at4, at512, 2, 0), BG_COMPUTE_INVALID_REQUEST);
    assert_int_equal(run_add(session, type, at4, at512, at0, 2, 0), BG_COMPUTE_INVALID_REQUEST);
    assert_int_equal(run_add(session, type, at0, at4, at512, 1, 0), BG_COMPUTE_OK); /* apart */
    assert_int_equal(run_add(session, type, at512, at0, at4, 64, 0),
                     BG_COMPUTE_OK); /* inputs may */
    assert_int_equal(run_add(session, type, at0, at2, at512, 1, 0), BG_COMPUTE_INVALID_REQUEST);
    assert_int_equal(run_add(session, type, none, at0, at0, 1, 0), BG_COMPUTE_INVALID_HANDLE);
    assert_int_equal(run_add(session, type, at0, at0, far, 1, 0), BG_COMPUTE_OUT_OF_RANGE);
    assert_int_equal(run_add(session, 7, at0, at0, at0, 1, 0), BG_COMPUTE_INVALID_REQUEST);
    /* Counts whose bytes wrap in 64 bits. */
    assert_int_equal(run_add(session, type, at0, at0, at0, UINT64_C(1) << 62, 0),
                     BG_COMPUTE_OUT_OF_RANGE);
    assert_int_equal(run_add(session, type, at0, at0, at0, (UINT64_C(1) << 62) + 1, 0),
                     BG_COMPUTE_OUT_OF_RANGE);
    assert_int_equal(run_add(session, type, at0, at0, at0, UINT64_MAX, 0), BG_COMPUTE_OUT_OF_RANGE);
}

/* ---- What the queue asks ---- */

static struct request_plan plan_of(uint32_t opcode, uint32_t flags, const uint32_t *params,
                                   size_t count)
{
    exchange_build(&exchange, opcode, flags, params, count * 4, NULL, 0);
    return request_plan(exchange.request, exchange.length);
}

static void test_plans(void **state)
{
    const uint32_t move[9] = {BG_COMPUTE_COPY_DEVICE_TO_DEVICE};
    const uint32_t out[9] = {BG_COMPUTE_COPY_DEVICE_TO_HOST};

    (void)state;
    assert_false(plan_of(BG_VGPU_STUB_OP_NOP, 0, NULL, 0).needs_session);
    assert_false(plan_of(BG_VGPU_STUB_OP_NOP, 0, NULL, 0).needs_lease);
    assert_false(plan_of(BG_COMPUTE_GET_DEVICE_INFO, 0, NULL, 0).needs_lease);
    assert_true(plan_of(BG_COMPUTE_GET_DEVICE_INFO, 0, NULL, 0).needs_session);
    assert_true(plan_of(BG_VGPU_STUB_OP_CUDA_KERNEL, 0, move, 2).needs_lease);
    assert_true(plan_of(BG_COMPUTE_MEMORY_COPY, 0, out, 9).brief);
    assert_false(plan_of(BG_COMPUTE_MEMORY_COPY, 0, move, 9).brief);
    assert_false(plan_of(BG_COMPUTE_VECTOR_ADD_MEMORY, 0, move, 9).brief);
    assert_false(plan_of(BG_COMPUTE_MEMORY_ALLOC, 0, move, 2).brief);
    assert_true(
        plan_of(BG_VGPU_STUB_OP_NOP, BG_VGPU_STUB_FLAG_RAISE_PRIORITY, NULL, 0).raise_priority);
    assert_false(plan_of(0x5555, 0, NULL, 0).needs_session);
    assert_false(request_plan(exchange.request, 10).needs_session);
    /* Without a session only what needs none is computed. */
    exchange_build(&exchange, BG_VGPU_STUB_OP_NOP, 0, NULL, 0, NULL, 0);
    assert_int_equal(exchange_run(&exchange, NULL), BG_COMPUTE_OK);
}

/* Any number at all is looked up: each operation of the protocol's, and none beside them. */
static void test_table(void **state)
{
    static const uint32_t others[] = {0,
                                      BG_COMPUTE_OPERATION_BASE - 1,
                                      BG_COMPUTE_SYNCHRONIZE + 1,
                                      BG_COMPUTE_VECTOR_ADD_INLINE - 1,
                                      BG_COMPUTE_VECTOR_ADD_MEMORY + 1,
                                      UINT32_MAX};

    (void)state;
    for (uint32_t number = BG_COMPUTE_NOP; number <= BG_COMPUTE_SYNCHRONIZE; number++) {
        assert_non_null(operation_find(number));
    }
    assert_non_null(operation_find(BG_COMPUTE_VECTOR_ADD_INLINE));
    assert_int_equal(operation_find(BG_COMPUTE_VECTOR_ADD_MEMORY)->words, 12);
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_null(operation_find(others[i]));
    }
    assert_true(operation_is_brief(NULL, 0, NULL));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_longest_cuda_answer),
        TEST(test_basic_addition),
        TEST(test_nop),
        TEST(test_unknown_operations),
        TEST(test_device_info),
        TEST(test_malformed_header),
        TEST(test_malformed_sizes),
        TEST(test_short_requests),
        TEST(test_memory_is_zeroed),
        TEST(test_memory_limit),
        TEST(test_handles),
        TEST(test_handle_count),
        TEST(test_generations_end),
        TEST(test_copy),
        TEST(test_copy_ranges),
        TEST(test_copy_parameters),
        TEST(test_inline_addition),
        TEST(test_inline_errors),
        TEST(test_memory_addition),
        TEST(test_memory_addition_errors),
        TEST(test_plans),
        TEST(test_table),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
