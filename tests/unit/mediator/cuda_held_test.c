/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC)
// libs: -ldl
/* Commands while the guest holds a stream: what the driver would wait for itself does not keep the
 * worker from seeing that the guest lets the stream go on. */
#include "tests/unit/mediator/cuda_fixture.h"

#include <pthread.h>
#include <unistd.h>

#include "protocol/cublas.h"
#include "protocol/cuda_blas.h"
#include "tests/unit/mediator/cuda_gate.h"

#define HELD BG_CUDA_STREAM_FIRST
#define OTHER (BG_CUDA_STREAM_FIRST + 1)
#define ENDS_S 60 /* a driver that waits never comes back */

static pthread_t guest;

static void *acknowledge(void *context)
{
    (void)context;
    wait_until_reached(&page()->completed[HELD], 1);
    __atomic_store_n(&page()->acknowledged[HELD], 1, __ATOMIC_RELEASE);
    return NULL;
}

static void let_go(void)
{
    assert_int_equal(pthread_create(&guest, NULL, acknowledge, NULL), 0);
}

static void make_stream(uint32_t stream)
{
    OK(ASK(BG_CUDA_STREAM_CREATE,
           (struct bg_cuda_stream_create){stream, CU_STREAM_NON_BLOCKING, 0}));
}

static void hold(void)
{
    OK(ASK(BG_CUDA_STREAM_HOST, (struct bg_cuda_mark){HELD, 0, 1}));
}

static void *open_later(void *gate)
{
    open_gate(gate);
    return NULL;
}

static int setup_streams(void **state)
{
    setup(state);
    alarm(ENDS_S);
    make_stream(HELD);
    make_stream(OTHER);
    return 0;
}

static int teardown_streams(void **state)
{
    teardown(state);
    alarm(0);
    return 0;
}

static void test_blas_result(void **state)
{
    uint64_t memory = allocate(64);
    const struct bg_cuda_blas dot = {
        .routine = BG_CUDA_BLAS_DOT,
        .stream = HELD,
        .type = CUDA_R_32F,
        .n = 4,
        .b = {.address = memory, .ld = 1},
        .c = {.address = memory, .ld = 1},
    };

    (void)state;
    hold();
    let_go();
    OK(ASK(BG_CUDA_BLAS, dot));
    pthread_join(guest, NULL);
    OK(give_back(memory));
}

static void test_staged_copy(void **state)
{
    uint64_t memory = allocate(64);
    struct bg_cuda_copy copy = {
        .to = {.kind = BG_CUDA_PLACE_DEVICE, .offset = memory},
        .from = {.kind = BG_CUDA_PLACE_CARRIER},
        .size = 4,
        .stream = HELD,
    };

    (void)state;
    bring("data", 4);
    OK(ASK(BG_CUDA_STAGE, (struct bg_cuda_stage){0, 4}));
    hold();
    let_go();
    OK(ASK(BG_CUDA_COPY, copy));
    pthread_join(guest, NULL);
    assert_memory_equal(read_memory(memory, 4), "data", 4);
    OK(give_back(memory));
}

/* In the order of a stream that has nothing to do. */
static void test_memory_that_leaves(void **state)
{
    uint64_t memory = allocate(64);

    (void)state;
    hold();
    OK(ASK(BG_CUDA_MEMORY_FREE, (struct bg_cuda_memory_free){memory, OTHER, 0}));
    while (session->memory_used > 0) {
        cuda_is_busy(session);
    }
    let_go();
    wait_until_idle();
    pthread_join(guest, NULL);
}

/* It leaves behind what one stream had; another one has got work since. */
static void test_object_that_leaves(void **state)
{
    const struct bg_cuda_array_create array = {
        .format = CU_AD_FORMAT_FLOAT, .channels = 1, .width = 8, .height = 1};
    struct gate gate = CLOSED_GATE;
    uint64_t charged;

    (void)state;
    OK(ASK(BG_CUDA_ARRAY_CREATE, array));
    charged = session->memory_used;
    close_gate(&gate, OTHER);
    OK(ASK_HANDLE(BG_CUDA_ARRAY_DESTROY, 0));
    hold();
    open_gate(&gate);
    while (ASK_HANDLE(BG_CUDA_STREAM_QUERY, OTHER) == CUDA_ERROR_NOT_READY) {
    }
    wait_until_reached(&page()->completed[HELD], 1);
    assert_true(cuda_is_busy(session));
    assert_int_equal(session->memory_used, charged);
    let_go();
    wait_until_idle();
    pthread_join(guest, NULL);
    assert_int_equal(session->memory_used, 0);
}

/* The device has what one stream freed for as long as another has work of before: no more is to be
 * had than the session's limit, and the guest comes in between. */
static void test_memory_that_stays(void **state)
{
    const struct bg_cuda_memory_alloc most = {MEMORY_LIMIT, OTHER, 0};
    struct bg_cuda_range range;
    CUdeviceptr more;

    (void)state;
    OK(ASK(BG_CUDA_MEMORY_ALLOC, most));
    memcpy(&range, done.answer, sizeof(range));
    hold();
    OK(ASK(BG_CUDA_MEMORY_FREE, (struct bg_cuda_memory_free){range.address, OTHER, 0}));
    while (session->memory_used > 0) {
        cuda_is_busy(session);
    }
    assert_int_equal(cuMemAlloc(&more, 1), CUDA_ERROR_OUT_OF_MEMORY);
    let_go();
    OK(ASK(BG_CUDA_MEMORY_ALLOC, most));
    pthread_join(guest, NULL);
    memcpy(&range, done.answer, sizeof(range));
    OK(give_back(range.address));
}

/* The same, and what takes its place is an array. */
static void test_memory_for_an_array(void **state)
{
    const struct bg_cuda_array_create array = {.format = CU_AD_FORMAT_FLOAT,
                                               .channels = 4,
                                               .width = 1024,
                                               .height = MEMORY_LIMIT / 1024 / 16};
    uint64_t memory = allocate(MEMORY_LIMIT);

    (void)state;
    hold();
    OK(ASK(BG_CUDA_MEMORY_FREE, (struct bg_cuda_memory_free){memory, OTHER, 0}));
    while (session->memory_used > 0) {
        cuda_is_busy(session);
    }
    let_go();
    OK(ASK(BG_CUDA_ARRAY_CREATE, array));
    pthread_join(guest, NULL);
    OK(ASK_HANDLE(BG_CUDA_ARRAY_DESTROY, 0));
}

static CUresult have_none(CUevent *event, unsigned flags)
{
    (void)event;
    (void)flags;
    return CUDA_ERROR_OUT_OF_MEMORY;
}

/* Nothing tells when the streams have done what they had. */
static void test_object_that_leaves_late(void **state)
{
    const struct bg_cuda_array_create array = {
        .format = CU_AD_FORMAT_FLOAT, .channels = 1, .width = 8, .height = 1};
    uint64_t charged;

    (void)state;
    OK(ASK(BG_CUDA_ARRAY_CREATE, array));
    charged = session->memory_used;
    driver.cuEventCreate = have_none;
    hold();
    wait_until_reached(&page()->completed[HELD], 1);
    OK(ASK_HANDLE(BG_CUDA_ARRAY_DESTROY, 0));
    driver.cuEventCreate = cuEventCreate;
    assert_true(cuda_is_busy(session));
    assert_int_equal(session->memory_used, charged);
    let_go();
    wait_until_idle();
    pthread_join(guest, NULL);
    assert_int_equal(session->memory_used, 0);
}

static const char small_module[] = ".version 8.0\n.target sm_80\n.address_size 64\n";

static CUresult load_and_unload(void)
{
    bring(small_module, sizeof(small_module));
    return ASK(BG_CUDA_MODULE_LOAD, (struct bg_cuda_module_load){.module = 0})
               ?: ASK_HANDLE(BG_CUDA_MODULE_UNLOAD, 0);
}

/* Of the session's memory they are next to nothing, of the host's more. */
static void test_many_small_modules(void **state)
{
    CUresult result = CUDA_SUCCESS;
    unsigned count = 0;

    (void)state;
    hold();
    wait_until_reached(&page()->completed[HELD], 1);
    while (count < 10000 && result == CUDA_SUCCESS) {
        result = load_and_unload();
        count++;
    }
    assert_int_equal(result, CUDA_ERROR_OUT_OF_MEMORY);
    assert_true(session->memory_used < MEMORY_LIMIT / 2);
    let_go();
    wait_until_idle();
    pthread_join(guest, NULL);
    OK(load_and_unload());
    assert_int_equal(session->memory_used, 0);
}

/* Kernels end by themselves. */
static void test_many_small_modules_beside_work(void **state)
{
    struct gate gate = CLOSED_GATE;
    pthread_t opener;

    (void)state;
    close_gate(&gate, OTHER);
    for (unsigned i = 0; i < BG_CUDA_LEAVING_MAX / BG_CUDA_LEAVING_OBJECT; i++) {
        OK(load_and_unload());
    }
    assert_int_equal(pthread_create(&opener, NULL, open_later, &gate), 0);
    OK(load_and_unload());
    pthread_join(opener, NULL);
    wait_until_idle();
    assert_int_equal(session->memory_used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_blas_result, setup_streams, teardown_streams),
        cmocka_unit_test_setup_teardown(test_staged_copy, setup_streams, teardown_streams),
        cmocka_unit_test_setup_teardown(test_memory_that_leaves, setup_streams, teardown_streams),
        cmocka_unit_test_setup_teardown(test_object_that_leaves, setup_streams, teardown_streams),
        cmocka_unit_test_setup_teardown(test_memory_that_stays, setup_streams, teardown_streams),
        cmocka_unit_test_setup_teardown(test_memory_for_an_array, setup_streams, teardown_streams),
        cmocka_unit_test_setup_teardown(test_many_small_modules, setup_streams, teardown_streams),
        cmocka_unit_test_setup_teardown(test_many_small_modules_beside_work, setup_streams,
                                        teardown_streams),
        cmocka_unit_test_setup_teardown(test_object_that_leaves_late, setup_streams,
                                        teardown_streams),
    };
    char limit[24];

    snprintf(limit, sizeof(limit), "%llu", (unsigned long long)MEMORY_LIMIT);
    setenv("BAREGPU_CUDA_MEMORY", limit, 1);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
