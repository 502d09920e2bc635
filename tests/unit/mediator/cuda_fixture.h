/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's CUDA session on the CPU device, with worker threads, and commands to it: as the ring
 * carries them (a heap with data and answers in it, and a page), or the mailbox (neither). Included
 * by one test program each.
 */
#ifndef TESTS_UNIT_MEDIATOR_CUDA_FIXTURE_H
#define TESTS_UNIT_MEDIATOR_CUDA_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "host/common/clock.h"
#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/stream.h"
#include "tests/unit/mediator/test_gpu.h"

#define HEAP_SIZE 65536u
#define PAGE_OFFSET 0u
#define DATA_OFFSET 8192u /* data and answers from here on */
#define ANSWER_SIZE 32768u
#define MEMORY_LIMIT (UINT64_C(64) << 20)
#define DEADLINE_NS (60 * NS_PER_S)
#define SMALL_ANSWER 1016u /* as the mailbox has it */

static struct cuda_driver driver;
static struct gpu gpu;
static struct session *session;
static uint8_t *heap;
static bool has_heap;
static struct bg_cuda_device device;

/* What the next command brings, and what the last one gave. */
static const void *in;
static size_t in_size;
static bool is_silent;
static uint64_t answer_capacity;
static uint8_t answer_room[ANSWER_SIZE];
static struct operation done;

static inline struct bg_cuda_page *page(void)
{
    return (struct bg_cuda_page *)(void *)(heap + PAGE_OFFSET);
}

/* The carrier's status; results are in `done`. */
static inline enum bg_compute_status carry(uint32_t number, const void *params, size_t size)
{
    _Alignas(16) uint32_t words[1024];

    memcpy(words, params, size);
    done = (struct operation){
        .number = number,
        .async = true,
        .is_silent = is_silent,
        .param_count = (uint32_t)(size / 4),
        .params = words,
        .data = in,
        .data_size = in_size,
        .answer = answer_room,
        .answer_capacity = answer_capacity,
    };
    if (has_heap) {
        done.heap = (struct operation_heap){heap, HEAP_SIZE, 0};
        done.heap.address = (gpu_address)(uintptr_t)heap; /* of the CPU device */
        if (in_size > 0) {
            memcpy(heap + DATA_OFFSET, in, in_size);
        }
        done.data = heap + DATA_OFFSET;
        done.answer = heap + HEAP_SIZE - answer_capacity;
    }
    in = NULL;
    in_size = 0;
    return operation_run(session, &done);
}

static inline CUresult ask(uint32_t number, const void *params, size_t size)
{
    assert_int_equal(carry(number, params, size), BG_COMPUTE_OK);
    assert_int_equal(done.result_count, 2);
    return (CUresult)done.results[0];
}

#define ASK(number, ...) ask(number, &(__VA_ARGS__), sizeof(__VA_ARGS__))
#define ASK_HANDLE(number, value) ASK(number, (struct bg_cuda_handle){value})
#define ASK_NOTHING(number) ask(number, "", 0)
#define EXPECT(result, call) assert_int_equal(call, result)
#define OK(call) assert_int_equal(call, CUDA_SUCCESS)

static inline void bring(const void *data, size_t size)
{
    in = data;
    in_size = size;
}

static inline void begin_with_page(void)
{
    memset(page(), 0, sizeof(*page()));
    OK(ASK(BG_CUDA_INIT, (struct bg_cuda_init){BG_CUDA_COMMAND_VERSION, PAGE_OFFSET}));
    assert_int_equal(done.results[1], sizeof(device));
    memcpy(&device, done.answer, sizeof(device));
}

static inline void open_all(void)
{
    setenv("BAREGPU_CUDA_THREADS", "2", 1);
    driver = test_driver();
    assert_true(gpu_open(&gpu, &driver, 0));
    assert_int_equal(gpu_prepare(&gpu), BG_COMPUTE_OK);
    session = session_create(&gpu, MEMORY_LIMIT);
    heap = aligned_alloc(4096, HEAP_SIZE);
    memset(heap, 0, HEAP_SIZE);
    in_size = 0;
    is_silent = false;
    answer_capacity = ANSWER_SIZE;
}

/* As on the ring. */
static inline int setup(void **state)
{
    gpu_address address;

    (void)state;
    open_all();
    has_heap = true;
    assert_int_equal(gpu_share(&gpu, heap, HEAP_SIZE, &address), BG_COMPUTE_OK);
    begin_with_page();
    return 0;
}

/* As by the mailbox. */
static inline int setup_mailbox(void **state)
{
    (void)state;
    open_all();
    has_heap = false;
    answer_capacity = SMALL_ANSWER;
    OK(ASK(BG_CUDA_INIT, (struct bg_cuda_init){BG_CUDA_COMMAND_VERSION, BG_CUDA_NONE}));
    memcpy(&device, done.answer, sizeof(device));
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    cuda_end(session);
    assert_int_equal(session->memory_used, 0); /* nothing is lost */
    session_destroy(session);
    assert_int_equal(cuDevicePrimaryCtxReset(0), CUDA_SUCCESS);
    free(gpu.scratch);
    free(heap);
    return 0;
}

static inline void wait_until_reached(const uint64_t *word, uint64_t value)
{
    uint64_t until_ns = clock_now_ns() + DEADLINE_NS;

    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) < value) {
        assert_true(clock_now_ns() < until_ns);
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
}

static inline uint64_t allocate(uint64_t size)
{
    struct bg_cuda_range range;

    OK(ASK(BG_CUDA_MEMORY_ALLOC, (struct bg_cuda_memory_alloc){size, BG_CUDA_NONE, 0}));
    memcpy(&range, done.answer, sizeof(range));
    assert_int_equal(range.size, size);
    return range.address;
}

static inline CUresult give_back(uint64_t address)
{
    return ASK(BG_CUDA_MEMORY_FREE, (struct bg_cuda_memory_free){address, BG_CUDA_NONE, 0});
}

/* All bytes of text, without its NUL. */
static inline CUresult load_module(uint32_t module, const char *text)
{
    bring(text, strlen(text));
    return ASK(BG_CUDA_MODULE_LOAD,
               (struct bg_cuda_module_load){.module = module, .error_log_size = 1024});
}

static inline CUresult sync_stream(uint32_t stream)
{
    return ASK_HANDLE(BG_CUDA_STREAM_SYNC, stream);
}

/* By the carrier: at most ANSWER_SIZE. */
static inline void write_memory(uint64_t address, const void *bytes, size_t size)
{
    bring(bytes, size);
    OK(ASK(BG_CUDA_COPY,
           (struct bg_cuda_copy){.to = {.kind = BG_CUDA_PLACE_DEVICE, .offset = address},
                                 .from = {.kind = BG_CUDA_PLACE_CARRIER},
                                 .size = size}));
}

static inline const void *read_memory(uint64_t address, size_t size)
{
    OK(ASK(BG_CUDA_COPY,
           (struct bg_cuda_copy){.to = {.kind = BG_CUDA_PLACE_CARRIER},
                                 .from = {.kind = BG_CUDA_PLACE_DEVICE, .offset = address},
                                 .size = size}));
    assert_int_equal(done.answer_size, size);
    return done.answer;
}

#endif
