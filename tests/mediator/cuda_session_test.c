/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/pvgpu_peer.c tests/mediator/client.c tests/mediator/fixture.c
// build: tests/mediator/processes.c
// build: host/common/fd_message.c
// needs: build/host/baregpu-mediator build/host/cuda-cpu/libcublas.so.13
/*
 * Guests' CUDA through a whole mediator, in the worker's sandbox: PTX that nobody has seen is
 * compiled and run, on both carriers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "protocol/cublas.h"
#include "protocol/cuda.h"
#include "protocol/cuda_blas.h"
#include "protocol/cuda_command.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"
#include "tests/mediator/pvgpu_peer.h"

#define COUNT 64u
#define PAGE_OFFSET 0u
#define RESULT_OFFSET 8192u
#define DATA_OFFSET 12288u
#define ANSWER_OFFSET 65536u
#define ANSWER_SIZE 65536u
#define STORE 0u
#define SPIN 1u

static struct client client = {.fd = -1};
static struct peer peer = {.socket = -1};
static bool on_ring;

/* p[i] = i + n; it never ends. */
static const char format[] =
    "// %llu of %d\n.version 8.0\n.target sm_80\n.address_size 64\n"
    ".visible .entry store(.param .u64 p, .param .u32 n) {\n"
    ".reg .b32 %%r<4>; .reg .b64 %%d<4>;\n"
    "ld.param.u64 %%d1, [p]; ld.param.u32 %%r2, [n];\n"
    "mov.u32 %%r1, %%tid.x; mul.wide.u32 %%d2, %%r1, 4; add.s64 %%d1, %%d1, %%d2;\n"
    "add.u32 %%r1, %%r1, %%r2; st.global.u32 [%%d1], %%r1; ret; }\n"
    ".visible .entry spin() { L: bra L; }\n";

static int teardown(void **state)
{
    client_close(&client);
    if (on_ring) {
        peer_close(&peer);
    }
    on_ring = false;
    return fixture_teardown(state);
}

/* ---- Commands, by the carrier that is open ---- */

struct reply {
    CUresult result;
    uint32_t size;
    const uint8_t *bytes;
};

static struct reply ask_mailbox(uint32_t number, const void *params, uint32_t size,
                                const void *data, uint32_t data_size)
{
    static struct answer answer;
    struct request request = {
        .opcode = number, .param_count = size / 4, .data = data, .data_length = data_size};

    assert_true(size <= sizeof(request.params));
    memcpy(request.params, params, size);
    answer = client_call(&client, &request);
    assert_int_equal(answer.type, BG_VGPU_STUB_MESSAGE_RESPONSE);
    assert_int_equal(answer.status, BG_COMPUTE_OK);
    return (struct reply){(CUresult)answer.result, answer.data_length, answer.data};
}

static struct reply ask_ring(uint32_t number, const void *params, uint32_t size, const void *data,
                             uint32_t data_size)
{
    const struct bg_pvgpu_compute body = {
        .data_offset = DATA_OFFSET,
        .data_size = data_size,
        .answer_offset = ANSWER_OFFSET,
        .answer_size = ANSWER_SIZE,
    };
    struct bg_pvgpu_compute_result result;

    if (data_size > 0) {
        memcpy(peer.heap + DATA_OFFSET, data, data_size);
    }
    assert_int_equal(peer_compute(&peer, number, &body, params, size, RESULT_OFFSET, &result),
                     BG_COMPUTE_OK);
    return (struct reply){(CUresult)result.results[0], result.data_size, peer.heap + ANSWER_OFFSET};
}

static struct reply ask(uint32_t number, const void *params, uint32_t size, const void *data,
                        uint32_t data_size)
{
    return (on_ring ? ask_ring : ask_mailbox)(number, params, size, data, data_size);
}

#define ASK(number, ...) ask(number, &(__VA_ARGS__), sizeof(__VA_ARGS__), NULL, 0)
#define OK(...) assert_int_equal((__VA_ARGS__).result, CUDA_SUCCESS)

static void init(void)
{
    struct bg_cuda_init init = {BG_CUDA_COMMAND_VERSION, on_ring ? PAGE_OFFSET : BG_CUDA_NONE};
    struct reply reply = ASK(BG_CUDA_INIT, init);
    struct bg_cuda_device device;

    OK(reply);
    assert_int_equal(reply.size, sizeof(device));
    memcpy(&device, reply.bytes, sizeof(device));
    assert_int_equal(device.provider, BG_CUDA_PROVIDER_CPU);
    assert_int_equal(device.has_blas, 1);
    assert_int_equal(device.memory_total, device.memory_limit);
}

/* Its kernels are compiled when they are first used. */
static void load_unseen_module(void)
{
    const struct bg_cuda_module_load load = {.module = 5};
    char text[2048];
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(text, sizeof(text), format, (unsigned long long)now.tv_nsec, (int)getpid());
    OK(ask(BG_CUDA_MODULE_LOAD, &load, sizeof(load), text, (uint32_t)strlen(text)));
}

static uint64_t allocate(uint64_t size)
{
    const struct bg_cuda_memory_alloc alloc = {.size = size, .stream = BG_CUDA_NONE};
    struct reply reply = ASK(BG_CUDA_MEMORY_ALLOC, alloc);
    struct bg_cuda_range range;

    OK(reply);
    memcpy(&range, reply.bytes, sizeof(range));
    return range.address;
}

static struct reply launch(uint32_t function, uint64_t pointer, uint32_t number)
{
    struct {
        struct bg_cuda_launch head;
        uint64_t pointer;
        uint32_t number;
    } command = {
        .head = {.module = 5,
                 .function = function,
                 .grid = {1, 1, 1},
                 .block = {COUNT, 1, 1},
                 .param_size = function == STORE ? 12 : 0},
        .pointer = pointer,
        .number = number,
    };

    return ask(BG_CUDA_LAUNCH, &command, sizeof(command.head) + command.head.param_size, NULL, 0);
}

static struct reply synchronize(void)
{
    return ASK(BG_CUDA_STREAM_SYNC, (struct bg_cuda_handle){BG_CUDA_ALL});
}

static void expect_numbers(uint64_t pointer, uint32_t first)
{
    const struct bg_cuda_copy copy = {
        .to = {.kind = BG_CUDA_PLACE_CARRIER},
        .from = {.kind = BG_CUDA_PLACE_DEVICE, .offset = pointer},
        .size = COUNT * 4,
    };
    struct reply reply = ASK(BG_CUDA_COPY, copy);
    uint32_t numbers[COUNT];

    OK(reply);
    assert_int_equal(reply.size, sizeof(numbers));
    memcpy(numbers, reply.bytes, sizeof(numbers));
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(numbers[i], first + i);
    }
}

/* ---- Tests ---- */

static void compute(void)
{
    uint64_t pointer;

    init();
    load_unseen_module();
    pointer = allocate(COUNT * 4);
    for (uint32_t i = 1; i <= 10; i++) {
        OK(launch(STORE, pointer, i * 1000));
        OK(synchronize());
        expect_numbers(pointer, i * 1000);
    }
}

/* The library takes memory of its own when it first computes. */
static void multiply(void)
{
    const uint32_t n = 256, one = 0x3F800000; /* 1.0f */
    uint64_t a = allocate((uint64_t)n * n * 4), c = allocate((uint64_t)n * n * 4);
    const struct bg_cuda_fill fill = {
        .address = a, .width = n * n, .height = 1, .element_size = 4, .value = one};
    struct bg_cuda_blas blas = {
        .routine = BG_CUDA_BLAS_GEMM,
        .compute = CUBLAS_COMPUTE_32F,
        .batch_count = 1,
        .m = (int32_t)n,
        .n = (int32_t)n,
        .k = (int32_t)n,
        .alpha = one,
        .a = {.address = a, .ld = (int32_t)n, .type = CUDA_R_32F},
        .b = {.address = a, .ld = (int32_t)n, .type = CUDA_R_32F},
        .c = {.address = c, .ld = (int32_t)n, .type = CUDA_R_32F},
    };
    struct reply reply;
    float sum;

    OK(ASK(BG_CUDA_FILL, fill));
    OK(ASK(BG_CUDA_BLAS, blas));
    blas.routine = BG_CUDA_BLAS_DOT;
    blas.type = CUDA_R_32F;
    blas.n = (int32_t)(n * n);
    blas.b.ld = blas.c.ld = 1;
    reply = ASK(BG_CUDA_BLAS, blas);
    OK(reply);
    memcpy(&sum, reply.bytes, sizeof(sum));
    assert_true(sum == (float)n * (float)n * (float)n);
}

static void test_mailbox(void **state)
{
    (void)state;
    fixture_start("tenant", "vgpu-stub", "");
    client = client_open(path, 1);
    compute();
    multiply();
}

static void open_ring(const char *keys)
{
    fixture_start("tenant", "pvgpu", keys);
    peer = peer_open(PEER_NEW, path, 1);
    on_ring = true;
}

static void test_ring(void **state)
{
    (void)state;
    open_ring("cuda_threads = 2\n");
    compute();
    multiply();
}

/* The ring goes on while a kernel runs, which is ended when its time is up. */
static void test_kernel_without_end(void **state)
{
    const struct bg_pvgpu_compute body = {.data_size = 0};
    const struct bg_cuda_handle all = {BG_CUDA_ALL};
    uint8_t command[BG_PVGPU_COMMAND_SIZE_MAX];
    const struct bg_cuda_page *page;

    (void)state;
    open_ring("cuda_threads = 1\nrequest_timeout_ms = 1000\n");
    page = (const struct bg_cuda_page *)(const void *)(peer.heap + PAGE_OFFSET);
    init();
    load_unseen_module();
    OK(launch(SPIN, 0, 0));
    OK(ask(BG_CUDA_MEMORY_INFO, "", 0, NULL, 0));
    peer_put(&peer, command,
             peer_build_compute(command, BG_CUDA_STREAM_SYNC, &body, &all, 4, BG_PVGPU_NO_RESULT));
    peer_submit(&peer);
    peer_wait_word(&peer, &page->error, CUDA_ERROR_LAUNCH_TIMEOUT);
}

/* By the mailbox the answer has it; the session ends, and nobody is punished. */
static void test_kernel_without_end_by_mailbox(void **state)
{
    (void)state;
    fixture_start("tenant", "vgpu-stub", "request_timeout_ms = 300\nquarantine_faults = 1\n");
    client = client_open(path, 1);
    init();
    load_unseen_module();
    assert_int_equal(launch(SPIN, 0, 0).result, CUDA_ERROR_LAUNCH_TIMEOUT);
    process_wait_text(mediator, "CUDA: CUDA_ERROR_LAUNCH_TIMEOUT; session ended");
    assert_int_equal(client_receive(&client).type, 0);
    client_close(&client);
    client = client_open(path, 1);
    compute();
    assert_null(strstr(process_errors(mediator), "fault:"));
}

/* The kernel has yet to begin, or is compiled, or has begun so long ago, and its memory is given
 * back or not, when the session ends; the next one starts over. */
static void test_sessions_that_end_in_a_launch(void **state)
{
    unsigned rounds = getenv("BAREGPU_SOAK") != NULL ? 1000 : 12;
    struct bg_cuda_memory_free gone = {.stream = BG_CUDA_NONE};

    (void)state;
    fixture_start("tenant", "pvgpu",
                  "cuda_threads = 2\nconnections_per_s = 0\nguest_connections_per_s = 0\n");
    on_ring = true;
    for (unsigned i = 0; i < rounds; i++) {
        peer = peer_open(PEER_NEW, path, 1);
        init();
        load_unseen_module();
        gone.address = allocate(COUNT * 4);
        OK(launch(STORE, gone.address, i));
        for (unsigned j = 0; j < i % 4; j++) {
            OK(launch(SPIN, 0, 0));
        }
        if (i % 3 == 0) {
            OK(ASK(BG_CUDA_MEMORY_FREE, gone));
        }
        for (unsigned j = 0; j < i * 100 / rounds; j++) { /* so much later */
            OK(ask(BG_CUDA_MEMORY_INFO, "", 0, NULL, 0));
        }
        peer_close(&peer);
    }
    admin_wait_sessions(path, 0);
    peer = peer_open(PEER_NEW, path, 1);
    compute();
}

/* All of them have their kernels under way at the same time, each with what is checked of it. */
static void test_ten_sessions_with_checks(void **state)
{
    struct peer peers[10];
    uint64_t pointers[10];

    (void)state;
    fixture_start("tenant", "pvgpu", "checks = memory, race, init, sync\n");
    on_ring = true;
    for (unsigned i = 0; i < 10; i++) {
        peer = peer_open(PEER_NEW, path, i + 1);
        init();
        load_unseen_module();
        pointers[i] = allocate(COUNT * 4);
        peers[i] = peer;
    }
    for (unsigned i = 0; i < 10; i++) {
        peer = peers[i];
        OK(launch(STORE, pointers[i], i * 1000));
        peers[i] = peer;
    }
    for (unsigned i = 0; i < 10; i++) {
        peer = peers[i];
        OK(synchronize());
        expect_numbers(pointers[i], i * 1000);
        peers[i] = peer;
    }
    for (unsigned i = 0; i < 9; i++) {
        peer_close(&peers[i]);
    }
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_mailbox),
        TEST(test_ring),
        TEST(test_kernel_without_end),
        TEST(test_sessions_that_end_in_a_launch),
        TEST(test_ten_sessions_with_checks),
        TEST(test_kernel_without_end_by_mailbox),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
