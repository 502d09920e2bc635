/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/pvgpu_peer.c tests/mediator/client.c
// build: tests/mediator/processes.c
// build: tests/mediator/fixture.c host/common/fd_message.c
// needs: build/host/baregpu-mediator
/*
 * A pvgpu backend in a whole mediator: handshakes of old and new devices, the ring, fences,
 * doorbells and interrupts, compute operations, errors, reset, pause, the end.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "harness_qemu.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"
#include "tests/mediator/pvgpu_peer.h"

static struct peer peer, other;

static int teardown(void **state)
{
    peer_close(&peer);
    peer_close(&other);
    return fixture_teardown(state);
}

/* A mediator with one pvgpu listener, named gpu, and these keys. */
static void start(const char *keys)
{
    fixture_start("gpu", "pvgpu", keys);
}

/* ---- Fences, doorbells, interrupts ---- */

static bool take_event(int fd)
{
    uint64_t count;

    return read(fd, &count, sizeof(count)) == sizeof(count);
}

static void test_old_device(void **state)
{
    uint32_t vector = 7;

    (void)state;
    start("draw = off\n");
    peer = peer_open(PEER_OLD, path, 0);
    assert_true(peer.features & BG_PVGPU_FEATURE_D3D11);
    assert_true(peer.features & BG_PVGPU_FEATURE_COMPUTE);
    assert_false(peer.features & (BG_PVGPU_FEATURE_DIRECT | BG_PVGPU_FEATURE_SCANOUT));
    assert_false(peer.features & BG_PVGPU_FEATURE_DRAW);
    for (int i = 0; i < 3; i++) {
        peer_finish(&peer);
        peer_receive(&peer, BG_PVGPU_MESSAGE_IRQ, &vector, sizeof(vector), NULL);
        assert_int_equal(vector, BG_PVGPU_VECTOR_FENCE);
    }
    assert_int_equal(peer.control->host_fence_completed, 3);
    assert_int_equal(peer.control->consumer_ptr, peer.producer);
    assert_true(peer.control->status & BG_PVGPU_CONTROL_READY);
}

static void test_new_device(void **state)
{
    (void)state;
    start("");
    peer = peer_open(PEER_NEW, path, 5);
    assert_true(peer.features & BG_PVGPU_FEATURE_DIRECT);
    assert_true(peer.features & BG_PVGPU_FEATURE_CONTROL_WORDS);
    for (int i = 0; i < 3; i++) {
        peer_finish(&peer);
        assert_true(harness_wait_readable(peer.fence, PEER_TIMEOUT_MS));
        assert_true(take_event(peer.fence));
    }
    assert_false(take_event(peer.error));
    /* A busy worker's figures come a look later. */
    uint64_t start_ms = harness_now_ms();
    for (json_int_t requests = 0; requests != 3;) {
        json_t *status = admin_status(path);
        json_t *session = json_array_get(json_object_get(status, "sessions"), 0);

        assert_true(harness_now_ms() - start_ms < PEER_TIMEOUT_MS);
        assert_int_equal(json_integer_value(json_object_get(session, "vm_id")), 5);
        requests = json_integer_value(json_object_get(session, "requests"));
        json_decref(status);
    }
}

/* Every wake-up arrives: each fence after the backend went to sleep. */
static void test_sleep_and_wake(void **state)
{
    (void)state;
    start("");
    peer = peer_open(PEER_NEW, path, 0);
    for (int i = 0; i < 50; i++) {
        peer_wait_word(&peer, &peer.control->backend_sleeping, 1);
        assert_int_equal(peer.control->consumer_ptr, peer.producer);
        peer_finish(&peer);
    }
}

/* Submissions at every distance from the moment at which the backend falls asleep. */
static void test_no_wake_up_is_lost(void **state)
{
    enum { ROUNDS = 20000 };

    (void)state;
    start("");
    peer = peer_open(PEER_NEW, path, 0);
    peer.control->suppress_interrupts = BG_PVGPU_IRQ_FENCE;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t until_ms = harness_now_ms() + PEER_TIMEOUT_MS;

        /* The backend polls for 200 us: some submissions come before, some right at its end. */
        for (volatile int wait = 0; i % 16 == 0 && wait < i * 64; wait++) {
            if (__atomic_load_n(&peer.control->backend_sleeping, __ATOMIC_RELAXED) ||
                harness_now_ms() > until_ms) {
                break;
            }
        }
        peer_finish(&peer);
    }
    assert_int_equal(peer.control->host_fence_completed, ROUNDS);
}

static void test_suppressed_interrupts(void **state)
{
    (void)state;
    start("");
    peer = peer_open(PEER_NEW, path, 0);
    __atomic_store_n(&peer.control->suppress_interrupts, BG_PVGPU_IRQ_FENCE, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 100; i++) {
        peer_finish(&peer);
    }
    peer_wait_word(&peer, &peer.control->backend_sleeping, 1);
    assert_false(take_event(peer.fence));
    __atomic_store_n(&peer.control->suppress_interrupts, 0, __ATOMIC_SEQ_CST);
    peer_finish(&peer);
    assert_true(harness_wait_readable(peer.fence, PEER_TIMEOUT_MS));
}

/* Fences that do not grow change nothing; those that do complete in order. */
static void test_fences_are_monotonic(void **state)
{
    struct bg_pvgpu_fence fence =
        PEER_COMMAND(struct bg_pvgpu_fence, BG_PVGPU_CMD_FENCE, .value = 100);

    (void)state;
    start("");
    peer = peer_open(PEER_NEW, path, 0);
    peer_put(&peer, &fence, sizeof(fence));
    fence.value = 50;
    peer_put(&peer, &fence, sizeof(fence));
    peer_submit(&peer);
    peer_wait_fence(&peer, 100);
    peer_wait_word(&peer, &peer.control->backend_sleeping, 1);
    assert_int_equal(peer.control->host_fence_completed, 100);
    fence.value = UINT64_MAX;
    peer_put(&peer, &fence, sizeof(fence));
    peer_submit(&peer);
    peer_wait_fence(&peer, UINT64_MAX);
    assert_int_equal(peer.control->error_count, 0);
}

/* Commands of all sizes, so that they wrap at each place of the ring. */
static void test_wrap(void **state)
{
    uint8_t command[BG_PVGPU_COMMAND_SIZE_MAX] = {0};
    struct bg_pvgpu_command *header = (void *)command;

    (void)state;
    start("");
    peer = peer_open(PEER_NEW, path, 0);
    for (uint32_t i = 0; i < 2000; i++) {
        /* An odd size is padded by the producer; a payload may be longer than the struct. */
        *header = (struct bg_pvgpu_command){.type = BG_PVGPU_CMD_FLUSH, .size = 16 + i * 37 % 4080};
        peer_put(&peer, command, header->size);
        if (i % 16 == 0) {
            peer_put_fence(&peer);
            peer_submit(&peer);
        }
    }
    peer_finish(&peer);
    assert_int_equal(peer.control->error_count, 0);
    assert_int_equal(peer.control->consumer_ptr, peer.producer);
    assert_true(peer.producer > 10 * PEER_RING_SIZE);
}

/* ---- Compute ---- */

enum { RESULT = 0, DATA = 4096, ANSWER = 2 << 20 };

static struct bg_compute_vector_memory_params vector_params(uint32_t c, uint32_t a, uint32_t b,
                                                            uint32_t count)
{
    return (struct bg_compute_vector_memory_params){.element_type = BG_COMPUTE_ELEMENT_FLOAT32,
                                                    .c_offset_lo = c,
                                                    .a_offset_lo = a,
                                                    .b_offset_lo = b,
                                                    .count_lo = count};
}

static void test_vectors_in_the_heap(void **state)
{
    enum { COUNT = 1 << 20, A = 4 << 20, B = 12 << 20, C = 20 << 20 };
    struct bg_compute_vector_memory_params params = vector_params(C, A, B, COUNT);
    struct bg_pvgpu_compute_result result;

    (void)state;
    start("");
    peer = peer_open(PEER_NEW, path, 0);
    float *a = (void *)(peer.heap + A), *b = (void *)(peer.heap + B), *c = (void *)(peer.heap + C);
    for (int i = 0; i < COUNT; i++) {
        a[i] = (float)i;
        b[i] = 0.5f;
    }
    assert_int_equal(peer_compute(&peer, BG_COMPUTE_VECTOR_ADD_MEMORY, NULL, &params,
                                  sizeof(params), RESULT, &result),
                     BG_COMPUTE_OK);
    for (int i = 0; i < COUNT; i++) {
        assert_true(c[i] == (float)i + 0.5f);
    }
    /* Ranges outside the heap, and ones that overlap. */
    params.c_offset_lo = peer.control->heap_size - 4;
    assert_int_equal(peer_compute(&peer, BG_COMPUTE_VECTOR_ADD_MEMORY, NULL, &params,
                                  sizeof(params), RESULT, NULL),
                     BG_COMPUTE_OUT_OF_RANGE);
    params.c_offset_lo = A + 4;
    assert_int_equal(peer_compute(&peer, BG_COMPUTE_VECTOR_ADD_MEMORY, NULL, &params,
                                  sizeof(params), RESULT, NULL),
                     BG_COMPUTE_INVALID_REQUEST);
    assert_int_equal(peer.control->error_count, 0); /* a result has its status: no error */
}

static uint32_t allocate(uint64_t size)
{
    struct bg_compute_alloc_params params = {(uint32_t)size, (uint32_t)(size >> 32)};
    struct bg_pvgpu_compute_result result;

    assert_int_equal(peer_compute(&peer, BG_COMPUTE_MEMORY_ALLOC, NULL, &params, sizeof(params),
                                  RESULT, &result),
                     BG_COMPUTE_OK);
    assert_int_equal(result.result_count, 1);
    assert_int_not_equal(result.results[0], 0);
    return result.results[0];
}

static uint32_t copy(uint32_t kind, uint32_t dst, uint32_t dst_offset, uint32_t src,
                     uint32_t src_offset, uint32_t size)
{
    struct bg_compute_copy_params params = {.kind = kind,
                                            .dst_handle = dst,
                                            .src_handle = src,
                                            .dst_offset_lo = dst_offset,
                                            .src_offset_lo = src_offset,
                                            .size_lo = size};

    return peer_compute(&peer, BG_COMPUTE_MEMORY_COPY, NULL, &params, sizeof(params), RESULT, NULL);
}

static void test_device_memory(void **state)
{
    (void)state;
    start("memory_limit = 8M\n");
    peer = peer_open(PEER_NEW, path, 0);
    uint32_t handle = allocate(1 << 20);
    uint32_t sized[2] = {64 << 20, 0};
    assert_int_equal(peer_compute(&peer, BG_COMPUTE_MEMORY_ALLOC, NULL, sized, 8, RESULT, NULL),
                     BG_COMPUTE_OUT_OF_MEMORY);
    memset(peer.heap + DATA, 0x5A, 1 << 20);
    assert_int_equal(copy(BG_COMPUTE_COPY_HOST_TO_DEVICE, handle, 0, 0, DATA, 1 << 20),
                     BG_COMPUTE_OK);
    assert_int_equal(copy(BG_COMPUTE_COPY_DEVICE_TO_HOST, 0, ANSWER, handle, 0, 1 << 20),
                     BG_COMPUTE_OK);
    assert_memory_equal(peer.heap + ANSWER, peer.heap + DATA, 1 << 20);
    /* Inside the heap, overlapping. */
    for (int i = 0; i < 256; i++) {
        peer.heap[DATA + i] = (uint8_t)i;
    }
    assert_int_equal(copy(BG_COMPUTE_COPY_DEVICE_TO_DEVICE, 0, DATA + 1, 0, DATA, 256),
                     BG_COMPUTE_OK);
    for (int i = 0; i < 256; i++) {
        assert_int_equal(peer.heap[DATA + 1 + i], i);
    }
    assert_int_equal(copy(BG_COMPUTE_COPY_HOST_TO_DEVICE, handle, 0, handle, 0, 16),
                     BG_COMPUTE_INVALID_REQUEST);
    assert_int_equal(copy(BG_COMPUTE_COPY_HOST_TO_DEVICE, handle, 1, 0, 0, 1 << 20),
                     BG_COMPUTE_OUT_OF_RANGE);
    assert_int_equal(copy(BG_COMPUTE_COPY_DEVICE_TO_HOST, 0, 0xFFFFFFFF, handle, 0, 16),
                     BG_COMPUTE_OUT_OF_RANGE);
    assert_int_equal(copy(BG_COMPUTE_COPY_HOST_TO_DEVICE, handle + 1, 0, 0, 0, 16),
                     BG_COMPUTE_INVALID_HANDLE);
    assert_int_equal(peer_compute(&peer, BG_COMPUTE_MEMORY_FREE, NULL, &handle, 4, RESULT, NULL),
                     BG_COMPUTE_OK);
    assert_int_equal(peer_compute(&peer, BG_COMPUTE_MEMORY_FREE, NULL, &handle, 4, RESULT, NULL),
                     BG_COMPUTE_INVALID_HANDLE);
}

/* Also one that nothing has been computed before, on the backend that is opened for it. */
static void test_result_of_the_first_command(void **state)
{
    (void)state;
    start("");
    peer = peer_open(PEER_NEW, path, 0);
    assert_int_equal(peer_compute(&peer, BG_COMPUTE_NOP, NULL, NULL, 0, RESULT, NULL),
                     BG_COMPUTE_OK);
    assert_int_equal(peer.control->error_count, 0);
}

static void test_inline_and_info(void **state)
{
    enum { COUNT = 100000 };
    const struct bg_pvgpu_compute body = {.data_offset = DATA,
                                          .data_size = 2 * COUNT * 4,
                                          .answer_offset = ANSWER,
                                          .answer_size = COUNT * 4};
    const struct bg_pvgpu_compute info_body = {
        .answer_offset = ANSWER, .answer_size = sizeof(struct bg_compute_device_info)};
    const struct bg_pvgpu_compute small = {.answer_offset = ANSWER, .answer_size = 8};
    struct bg_compute_vector_inline_params params = {BG_COMPUTE_ELEMENT_UINT32, COUNT};
    struct bg_pvgpu_compute_result result;
    struct bg_compute_device_info info;
    uint32_t pair[2] = {100, 200};

    (void)state;
    start("");
    peer = peer_open(PEER_NEW, path, 0);
    uint32_t *data = (void *)(peer.heap + DATA), *sum = (void *)(peer.heap + ANSWER);
    for (uint32_t i = 0; i < COUNT; i++) {
        data[i] = i;
        data[COUNT + i] = UINT32_MAX;
    }
    assert_int_equal(peer_compute(&peer, BG_COMPUTE_VECTOR_ADD_INLINE, &body, &params,
                                  sizeof(params), RESULT, &result),
                     BG_COMPUTE_OK);
    assert_int_equal(result.data_size, COUNT * 4);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(sum[i], i - 1);
    }
    assert_int_equal(
        peer_compute(&peer, BG_COMPUTE_GET_DEVICE_INFO, &info_body, NULL, 0, RESULT, &result),
        BG_COMPUTE_OK);
    memcpy(&info, sum, sizeof(info));
    assert_int_equal(result.data_size, sizeof(info));
    assert_int_equal(info.backend, BG_COMPUTE_BACKEND_CPU);
    assert_int_equal(info.memory_limit, 1 << 30);
    assert_int_equal(peer_compute(&peer, BG_COMPUTE_GET_DEVICE_INFO, &small, NULL, 0, RESULT, NULL),
                     BG_COMPUTE_REQUEST_TOO_LARGE);
    assert_int_equal(
        peer_compute(&peer, BG_COMPUTE_VECTOR_ADD_BASIC, NULL, pair, sizeof(pair), RESULT, &result),
        BG_COMPUTE_OK);
    assert_int_equal(result.results[0], 300);
    assert_int_equal(peer_compute(&peer, BG_COMPUTE_NOP, NULL, NULL, 0, RESULT, NULL),
                     BG_COMPUTE_OK);
    assert_int_equal(peer_compute(&peer, BG_COMPUTE_SYNCHRONIZE, NULL, NULL, 0, RESULT, NULL),
                     BG_COMPUTE_OK);
}

/* ---- Errors that the ring survives ---- */

static void expect_compute_error(const struct bg_pvgpu_compute *body, uint32_t operation,
                                 const void *params, uint32_t size, uint32_t result,
                                 enum bg_pvgpu_error code)
{
    uint8_t command[BG_PVGPU_COMMAND_SIZE_MAX];

    peer_expect_error(&peer, command,
                      peer_build_compute(command, operation, body, params, size, result), code);
}

static void test_errors_of_commands(void **state)
{
    struct bg_pvgpu_command header = {.type = 0x4242, .size = 16};
    struct bg_pvgpu_wait_fence wait =
        PEER_COMMAND(struct bg_pvgpu_wait_fence, BG_PVGPU_CMD_WAIT_FENCE, .value = 1000);
    uint8_t large[8192] = {0};
    uint32_t handle = 77;

    (void)state;
    start("");
    peer = peer_open(PEER_NEW, path, 0);
    peer_expect_error(&peer, &header, sizeof(header), BG_PVGPU_ERROR_INVALID_COMMAND);
    assert_true(harness_wait_readable(peer.error, PEER_TIMEOUT_MS));
    for (uint32_t type = BG_PVGPU_CMD_DRAW; type <= BG_PVGPU_CMD_DISPATCH; type++) {
        header = (struct bg_pvgpu_command){.type = type, .size = 16};
        peer_expect_error(&peer, &header, sizeof(header), BG_PVGPU_ERROR_INVALID_COMMAND);
    }
    header = (struct bg_pvgpu_command){.type = BG_PVGPU_CMD_CREATE_RESOURCE, .size = 16};
    peer_expect_error(&peer, &header, sizeof(header), BG_PVGPU_ERROR_INVALID_COMMAND);
    *(struct bg_pvgpu_command *)large =
        (struct bg_pvgpu_command){.type = BG_PVGPU_CMD_FLUSH, .size = sizeof(large)};
    peer_expect_error(&peer, large, sizeof(large), BG_PVGPU_ERROR_INVALID_COMMAND);
    peer_expect_error(&peer, &wait, sizeof(wait), BG_PVGPU_ERROR_TIMEOUT);
    wait.value = 1;
    peer_expect_ok(&peer, &wait, sizeof(wait));
    /* Operations without a place for their result. */
    expect_compute_error(NULL, BG_COMPUTE_MEMORY_FREE, &handle, 4, BG_PVGPU_NO_RESULT,
                         BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
    expect_compute_error(NULL, BG_COMPUTE_MEMORY_FREE, NULL, 0, BG_PVGPU_NO_RESULT,
                         BG_PVGPU_ERROR_INVALID_PARAMETER);
    expect_compute_error(NULL, 0x1FFF, NULL, 0, RESULT, BG_PVGPU_ERROR_INVALID_COMMAND);
    expect_compute_error(NULL, BG_COMPUTE_SYNCHRONIZE, NULL, 0, 4,
                         BG_PVGPU_ERROR_INVALID_PARAMETER);
    expect_compute_error(NULL, BG_COMPUTE_SYNCHRONIZE, NULL, 0, peer.control->heap_size - 8,
                         BG_PVGPU_ERROR_INVALID_PARAMETER);
    const struct bg_pvgpu_compute outside = {.data_offset = peer.control->heap_size,
                                             .data_size = 1};
    expect_compute_error(&outside, BG_COMPUTE_SYNCHRONIZE, NULL, 0, RESULT,
                         BG_PVGPU_ERROR_INVALID_PARAMETER);
    peer_finish(&peer);
    assert_true(peer.control->status & BG_PVGPU_CONTROL_READY);
}

/* The log keeps the last sixteen. */
static void test_error_log(void **state)
{
    struct bg_pvgpu_command header = {.type = 0x4242, .size = 16};

    (void)state;
    start("");
    peer = peer_open(PEER_NEW, path, 0);
    for (int i = 0; i < 40; i++) {
        header.type = 0x4000 + (uint32_t)i;
        peer_put(&peer, &header, sizeof(header));
    }
    peer_finish(&peer);
    assert_int_equal(peer.control->error_count, 40);
    for (uint32_t i = 24; i < 40; i++) {
        const struct bg_pvgpu_error_record *record =
            &peer.control->error_log[i % BG_PVGPU_ERROR_LOG_SIZE];

        assert_int_equal(record->detail, 0x4000 + i);
        assert_int_equal(record->position, i * 16);
    }
}

/* ---- Errors that stop it ---- */

static void expect_lost(enum bg_pvgpu_error code)
{
    uint64_t start_ms = harness_now_ms();

    while (!(__atomic_load_n(&peer.control->status, __ATOMIC_ACQUIRE) &
             BG_PVGPU_CONTROL_DEVICE_LOST) ||
           __atomic_load_n(&peer.control->error_count, __ATOMIC_ACQUIRE) == 0) {
        if (harness_now_ms() - start_ms > PEER_TIMEOUT_MS) {
            fail_msg("the session is not lost");
        }
    }
    assert_int_equal(peer.control->error_code, code);
    assert_false(peer.control->status & BG_PVGPU_CONTROL_READY);
}

static void submit_producer(uint64_t producer)
{
    peer.producer = producer;
    peer_submit(&peer);
}

static void check_recovers(void)
{
    uint64_t completed = peer.control->host_fence_completed;

    /* What is submitted now is not looked at. */
    if (peer.age == PEER_NEW) {
        submit_producer(peer.producer + 16);
        peer_send(&peer, BG_PVGPU_MESSAGE_PAUSE, NULL, 0);
        peer_receive(&peer, BG_PVGPU_MESSAGE_PAUSED, NULL, 0, NULL);
        peer_send(&peer, BG_PVGPU_MESSAGE_RESUME, NULL, 0);
        assert_int_equal(peer.control->host_fence_completed, completed);
    }
    peer_reset(&peer);
    peer_finish(&peer);
    assert_int_equal(peer.control->host_fence_completed, 1);
    assert_true(peer.control->status & BG_PVGPU_CONTROL_READY);
    assert_false(peer.control->status & BG_PVGPU_CONTROL_DEVICE_LOST);
}

static void test_broken_rings(void **state)
{
    struct bg_pvgpu_command header = {.type = BG_PVGPU_CMD_FLUSH, .size = 8};

    (void)state;
    start("");
    for (enum peer_age age = PEER_OLD; age <= PEER_NEW; age++) {
        peer = peer_open(age, path, 0);
        /* A size below the header. */
        peer_finish(&peer);
        peer_put(&peer, &header, sizeof(header));
        peer_submit(&peer);
        expect_lost(BG_PVGPU_ERROR_INVALID_COMMAND);
        assert_int_equal(peer.control->error_data, 32);
        check_recovers();
        /* More than was produced. */
        header.size = 64;
        peer_put(&peer, &header, 16);
        peer_submit(&peer);
        expect_lost(BG_PVGPU_ERROR_INVALID_COMMAND);
        check_recovers();
        /* A producer that runs backwards, too far, or is no multiple of 16. */
        submit_producer(16);
        expect_lost(BG_PVGPU_ERROR_INVALID_COMMAND);
        check_recovers();
        submit_producer(peer.producer + PEER_RING_SIZE + 16);
        expect_lost(BG_PVGPU_ERROR_INVALID_COMMAND);
        check_recovers();
        submit_producer(peer.producer + 24);
        expect_lost(BG_PVGPU_ERROR_INVALID_COMMAND);
        check_recovers();
        peer_close(&peer);
        header.size = 8;
    }
}

/* Pointers that start near 2^64, as after years. */
static void test_counters_wrap(void **state)
{
    (void)state;
    start("");
    peer = peer_create(PEER_NEW, PEER_SHMEM_SIZE, PEER_RING_SIZE);
    peer.producer = 0 - (uint64_t)1024;
    peer.control->producer_ptr = peer.control->consumer_ptr = peer.producer;
    peer_connect(&peer, path, 0);
    for (int i = 0; i < 100; i++) {
        peer_finish(&peer);
    }
    assert_true(peer.producer < 1 << 20);
    assert_int_equal(peer.control->consumer_ptr, peer.producer);
    assert_int_equal(peer.control->error_count, 0);
}

/* ---- Reset, pause ---- */

static void test_reset_frees(void **state)
{
    uint32_t handle;

    (void)state;
    start("memory_limit = 8M\n");
    peer = peer_open(PEER_NEW, path, 0);
    for (int i = 0; i < 20; i++) { /* would not fit if it stayed */
        struct bg_pvgpu_create_resource create =
            PEER_COMMAND(struct bg_pvgpu_create_resource, BG_PVGPU_CMD_CREATE_RESOURCE,
                         .type = BG_PVGPU_RESOURCE_BUFFER, .width = 3 << 20);

        handle = allocate(3 << 20);
        create.header.resource_id = 1;
        peer_expect_ok(&peer, &create, sizeof(create));
        peer_reset(&peer);
    }
    assert_int_equal(copy(BG_COMPUTE_COPY_DEVICE_TO_HOST, 0, 0, handle, 0, 16),
                     BG_COMPUTE_INVALID_HANDLE);
}

static void test_pause(void **state)
{
    (void)state;
    start("");
    peer = peer_open(PEER_NEW, path, 0);
    peer_finish(&peer);
    peer_send(&peer, BG_PVGPU_MESSAGE_PAUSE, NULL, 0);
    peer_receive(&peer, BG_PVGPU_MESSAGE_PAUSED, NULL, 0, NULL);
    take_event(peer.fence);
    uint64_t fence = peer_put_fence(&peer);
    peer_submit(&peer);
    peer_send(&peer, BG_PVGPU_MESSAGE_PAUSE, NULL, 0);
    peer_receive(&peer, BG_PVGPU_MESSAGE_PAUSED, NULL, 0, NULL); /* nothing in between */
    assert_int_equal(peer.control->host_fence_completed, 1);
    assert_false(take_event(peer.fence));
    peer_send(&peer, BG_PVGPU_MESSAGE_RESUME, NULL, 0);
    peer_wait_fence(&peer, fence);
}

/* ---- Ends ---- */

static void expect_end(void)
{
    assert_true(socket_wait_closed(peer.socket, PEER_TIMEOUT_MS));
    peer_close(&peer);
    admin_wait_sessions(path, 0);
}

static void test_shutdown_and_garbage(void **state)
{
    static const uint8_t garbage[64] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    const uint32_t zero = 0;

    (void)state;
    start("");
    for (enum peer_age age = PEER_OLD; age <= PEER_NEW; age++) {
        peer = peer_open(age, path, 0);
        peer_finish(&peer);
        if (age == PEER_OLD) {
            uint32_t vector;

            peer_receive(&peer, BG_PVGPU_MESSAGE_IRQ, &vector, sizeof(vector), NULL);
        }
        peer_send(&peer, BG_PVGPU_MESSAGE_SHUTDOWN, NULL, 0);
        expect_end();
        peer = peer_open(age, path, 0);
        socket_write(peer.socket, garbage, sizeof(garbage));
        expect_end();
        peer = peer_open(age, path, 0);
        peer_send(&peer, 0x7777, &zero, sizeof(zero));
        expect_end();
    }
    /* An old device has no messages from 0x1000. */
    peer = peer_open(PEER_OLD, path, 0);
    peer_send(&peer, BG_PVGPU_MESSAGE_PAUSE, NULL, 0);
    expect_end();
    peer = peer_open(PEER_NEW, path, 0);
    peer_send(&peer, BG_PVGPU_MESSAGE_RESET, NULL, 0); /* too short */
    expect_end();
}

static void expect_refused(void)
{
    assert_true(socket_wait_closed(peer.socket, PEER_TIMEOUT_MS));
    peer_close(&peer);
}

static void test_bad_handshakes(void **state)
{
    static const char *const names[] = {"/pvgpu_shmem_", "/pvgpu_shmem_a/b", "pvgpu_shmem_x",
                                        "/other", "/pvgpu_shmem_not_there"};

    (void)state;
    start("");
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char name[64];

        peer = peer_create(PEER_OLD, PEER_SHMEM_SIZE, PEER_RING_SIZE);
        strcpy(name, peer.name);
        strcpy(peer.name, names[i]);
        peer_send_handshake(&peer, path);
        strcpy(peer.name, name);
        expect_refused();
    }
    peer = peer_create(PEER_NEW, PEER_SHMEM_SIZE, PEER_RING_SIZE);
    peer.size += 4096; /* more than there is */
    peer_send_handshake(&peer, path);
    peer.size -= 4096;
    expect_refused();
    peer = peer_create(PEER_NEW, PEER_SHMEM_SIZE, PEER_RING_SIZE);
    peer.control->magic++;
    peer_send_handshake(&peer, path);
    expect_refused();
    peer = peer_create(PEER_NEW, PEER_SHMEM_SIZE, PEER_RING_SIZE);
    peer.control->version = 0x00020000;
    peer_send_handshake(&peer, path);
    expect_refused();
    peer = peer_create(PEER_NEW, PEER_SHMEM_SIZE, PEER_RING_SIZE);
    peer.control->ring_size = 65537;
    peer_send_handshake(&peer, path);
    expect_refused();
    peer = peer_create(PEER_NEW, PEER_SHMEM_SIZE, PEER_RING_SIZE);
    peer.control->heap_size = 0xFFFFF000;
    peer_send_handshake(&peer, path);
    expect_refused();
    /* And after all that a good one. */
    peer = peer_open(PEER_NEW, path, 0);
    peer_finish(&peer);
}

/* Shared memory that is made smaller under the worker: only its session ends. */
static void test_shrunken_memory(void **state)
{
    (void)state;
    start("quarantine_faults = 0\n");
    other = peer_open(PEER_NEW, path, 2);
    peer_finish(&other);
    peer = peer_open(PEER_NEW, path, 1);
    peer_finish(&peer);
    peer_wait_word(&peer, &peer.control->backend_sleeping, 1);
    struct bg_compute_vector_memory_params params =
        vector_params(8 << 20, 16 << 20, 24 << 20, 1024);
    uint8_t command[256];
    uint32_t size = peer_build_compute(command, BG_COMPUTE_VECTOR_ADD_MEMORY, NULL, &params,
                                       sizeof(params), BG_PVGPU_NO_RESULT);
    peer_put(&peer, command, size);
    assert_int_equal(ftruncate(peer.shmem, 4 << 20), 0);
    peer_submit(&peer);
    assert_true(socket_wait_closed(peer.socket, PEER_TIMEOUT_MS));
    process_wait_text(mediator, "the shared memory is not there any more");
    peer_finish(&other);
}

/* The mediator stops: what was submitted is done, then the device is told. */
static void test_drain(void **state)
{
    (void)state;
    start("");
    peer = peer_open(PEER_NEW, path, 0);
    peer_finish(&peer);
    for (int i = 0; i < 1000; i++) {
        peer_put_fence(&peer);
    }
    __atomic_store_n(&peer.control->producer_ptr, peer.producer, __ATOMIC_RELEASE); /* no bell */
    process_signal(mediator, SIGTERM);
    peer_receive(&peer, BG_PVGPU_MESSAGE_SHUTDOWN, NULL, 0, NULL);
    assert_int_equal(peer.control->host_fence_completed, peer.last_fence);
    assert_true(peer.control->status & BG_PVGPU_CONTROL_SHUTDOWN);
    assert_false(peer.control->status & BG_PVGPU_CONTROL_READY);
    assert_int_equal(process_wait(mediator), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, teardown)
        TEST(test_old_device),
        TEST(test_new_device),
        TEST(test_sleep_and_wake),
        TEST(test_no_wake_up_is_lost),
        TEST(test_suppressed_interrupts),
        TEST(test_fences_are_monotonic),
        TEST(test_wrap),
        TEST(test_vectors_in_the_heap),
        TEST(test_device_memory),
        TEST(test_result_of_the_first_command),
        TEST(test_inline_and_info),
        TEST(test_errors_of_commands),
        TEST(test_error_log),
        TEST(test_broken_rings),
        TEST(test_counters_wrap),
        TEST(test_reset_frees),
        TEST(test_pause),
        TEST(test_shutdown_and_garbage),
        TEST(test_bad_handshakes),
        TEST(test_shrunken_memory),
        TEST(test_drain),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
