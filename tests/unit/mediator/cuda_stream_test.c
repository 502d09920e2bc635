/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC)
// libs: -ldl
/* A guest's streams: marks in its page, what waits for what, events, and handles that come back. */
#include <unistd.h>

#include "tests/unit/mediator/cuda_fixture.h"
#include "tests/unit/mediator/cuda_gate.h"

#define FIRST BG_CUDA_STREAM_FIRST

static CUresult create(uint32_t stream, uint32_t flags)
{
    return ASK(BG_CUDA_STREAM_CREATE, (struct bg_cuda_stream_create){stream, flags, 0});
}

static CUresult mark(uint32_t stream, uint64_t value)
{
    return ASK(BG_CUDA_STREAM_MARK, (struct bg_cuda_mark){stream, 0, value});
}

static uint64_t reached(uint32_t stream)
{
    return __atomic_load_n(&page()->completed[stream], __ATOMIC_ACQUIRE);
}

/* ---- Streams ---- */

static void test_handles(void **state)
{
    (void)state;
    for (uint32_t i = FIRST; i < BG_CUDA_STREAMS_MAX; i++) {
        OK(create(i, i % 2 ? CU_STREAM_NON_BLOCKING : CU_STREAM_DEFAULT));
    }
    EXPECT(CUDA_ERROR_INVALID_HANDLE, create(FIRST, 0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, create(BG_CUDA_STREAM_LEGACY, 0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, create(BG_CUDA_STREAM_PER_THREAD, 0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, create(BG_CUDA_STREAMS_MAX, 0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, create(BG_CUDA_NONE, 0));
    OK(ASK_HANDLE(BG_CUDA_STREAM_DESTROY, 77));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, ASK_HANDLE(BG_CUDA_STREAM_DESTROY, 77));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, ASK_HANDLE(BG_CUDA_STREAM_DESTROY, BG_CUDA_STREAM_LEGACY));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, ASK_HANDLE(BG_CUDA_STREAM_DESTROY, 1000));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, mark(77, 1));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, sync_stream(77));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, ASK_HANDLE(BG_CUDA_STREAM_QUERY, 77));
    EXPECT(CUDA_ERROR_INVALID_VALUE, create(77, 2));
    /* A flag of the CPU device's own is none of the guest's. */
    EXPECT(CUDA_ERROR_INVALID_VALUE, create(77, 0x10000));
    OK(create(77, 0));
}

static void test_query(void **state)
{
    struct gate gate = CLOSED_GATE;

    (void)state;
    OK(create(FIRST, CU_STREAM_NON_BLOCKING));
    OK(ASK_HANDLE(BG_CUDA_STREAM_QUERY, FIRST));
    close_gate(&gate, FIRST);
    EXPECT(CUDA_ERROR_NOT_READY, ASK_HANDLE(BG_CUDA_STREAM_QUERY, FIRST));
    OK(ASK_HANDLE(BG_CUDA_STREAM_QUERY, BG_CUDA_STREAM_LEGACY));
    open_gate(&gate);
    OK(sync_stream(FIRST));
    OK(ASK_HANDLE(BG_CUDA_STREAM_QUERY, FIRST));
}

/* ---- Marks ---- */

static void test_marks(void **state)
{
    struct gate gate = CLOSED_GATE;

    (void)state;
    OK(create(FIRST, CU_STREAM_NON_BLOCKING));
    OK(create(FIRST + 1, CU_STREAM_NON_BLOCKING));
    close_gate(&gate, FIRST);
    OK(mark(FIRST, 5));
    OK(mark(FIRST + 1, 1));
    wait_until_reached(&page()->completed[FIRST + 1], 1);
    assert_int_equal(reached(FIRST), 0);
    for (uint64_t value = 6; value < 1000; value++) {
        OK(mark(FIRST, value));
    }
    open_gate(&gate);
    wait_until_reached(&page()->completed[FIRST], 999);
    EXPECT(CUDA_ERROR_INVALID_VALUE, mark(FIRST, 999)); /* it only goes up */
    EXPECT(CUDA_ERROR_INVALID_VALUE, mark(FIRST, 0));
    OK(mark(FIRST, BG_CUDA_MARK_MAX));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           ASK(BG_CUDA_STREAM_MARK, (struct bg_cuda_mark){FIRST + 1, 2, 7}));
}

static void test_marks_without_page(void **state)
{
    (void)state;
    EXPECT(CUDA_ERROR_INVALID_VALUE, mark(BG_CUDA_STREAM_LEGACY, 1));
}

static void count_interrupt(void *count)
{
    __atomic_fetch_add((uint64_t *)count, 1, __ATOMIC_RELEASE);
}

static void test_interrupts(void **state)
{
    uint64_t count = 0;

    (void)state;
    session->interrupt = count_interrupt;
    session->owner = &count;
    OK(mark(BG_CUDA_STREAM_LEGACY, 1));
    wait_until_reached(&count, 1);
    assert_int_equal(reached(BG_CUDA_STREAM_LEGACY), 1); /* before the interrupt */
    OK(mark(BG_CUDA_STREAM_LEGACY, 2));
    OK(sync_stream(BG_CUDA_ALL));
    assert_int_equal(count, 2);
}

/* What is left of a destroyed stream is done, and a new one of its handle comes behind. */
static void test_destroyed_stream(void **state)
{
    struct gate gate = CLOSED_GATE;

    (void)state;
    OK(create(FIRST, CU_STREAM_NON_BLOCKING));
    close_gate(&gate, FIRST);
    OK(mark(FIRST, 3));
    OK(ASK_HANDLE(BG_CUDA_STREAM_DESTROY, FIRST));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, mark(FIRST, 4));
    assert_true(cuda_is_busy(session));
    OK(create(FIRST, CU_STREAM_NON_BLOCKING));
    OK(mark(FIRST, 4));
    EXPECT(CUDA_ERROR_NOT_READY, ASK_HANDLE(BG_CUDA_STREAM_QUERY, FIRST));
    assert_int_equal(reached(FIRST), 0);
    open_gate(&gate);
    wait_until_reached(&page()->completed[FIRST], 4);
    OK(ASK_HANDLE(BG_CUDA_STREAM_DESTROY, FIRST));
    wait_until_idle();
}

static void test_destroyed_stream_is_waited_for(void **state)
{
    struct gate gate = CLOSED_GATE;

    (void)state;
    OK(create(FIRST, CU_STREAM_NON_BLOCKING));
    close_gate(&gate, FIRST);
    OK(ASK_HANDLE(BG_CUDA_STREAM_DESTROY, FIRST));
    open_gate(&gate);
    OK(sync_stream(BG_CUDA_ALL));
    assert_false(cuda_is_busy(session));
}

/* The legacy stream waits for blocking ones, and they for it. */
static void test_legacy_stream(void **state)
{
    struct gate gate = CLOSED_GATE;

    (void)state;
    OK(create(FIRST, CU_STREAM_DEFAULT));
    OK(create(FIRST + 1, CU_STREAM_NON_BLOCKING));
    close_gate(&gate, FIRST);
    OK(mark(BG_CUDA_STREAM_LEGACY, 1));
    OK(mark(FIRST + 1, 1));
    wait_until_reached(&page()->completed[FIRST + 1], 1);
    assert_int_equal(reached(BG_CUDA_STREAM_LEGACY), 0);
    open_gate(&gate);
    wait_until_reached(&page()->completed[BG_CUDA_STREAM_LEGACY], 1);
}

/* ---- Host functions ---- */

static CUresult hold(uint32_t stream, uint64_t value)
{
    return ASK(BG_CUDA_STREAM_HOST, (struct bg_cuda_mark){stream, 0, value});
}

static void acknowledge(uint32_t stream, uint64_t value)
{
    __atomic_store_n(&page()->acknowledged[stream], value, __ATOMIC_RELEASE);
}

static void look_until_reached(uint32_t stream, uint64_t value)
{
    uint64_t until_ns = clock_now_ns() + DEADLINE_NS;

    while (reached(stream) < value) {
        cuda_is_busy(session);
        assert_true(clock_now_ns() < until_ns);
    }
}

static void test_host_functions(void **state)
{
    (void)state;
    OK(create(FIRST, CU_STREAM_NON_BLOCKING));
    OK(hold(FIRST, 1));
    OK(mark(FIRST, 2));
    OK(hold(FIRST, 3));
    OK(mark(FIRST, 4));
    wait_until_reached(&page()->completed[FIRST], 1);
    assert_true(cuda_is_busy(session)); /* that is not over, */
    while (!cuda_is_held(session)) {
    }
    assert_false(cuda_is_working(session)); /* but needs no device */
    assert_int_equal(reached(FIRST), 1);
    acknowledge(FIRST, 1);
    assert_true(cuda_is_acknowledged(session));
    assert_int_equal(reached(FIRST), 1); /* not before it is let go */
    look_until_reached(FIRST, 3);
    assert_false(cuda_is_acknowledged(session));
    acknowledge(FIRST, 4);
    look_until_reached(FIRST, 4);
    wait_until_idle();
    EXPECT(CUDA_ERROR_INVALID_VALUE, hold(FIRST, 4));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, hold(FIRST + 1, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, ASK(BG_CUDA_STREAM_HOST, (struct bg_cuda_mark){FIRST, 2, 7}));
}

/* Numbers are compared in a circle: one so far away would not hold the stream, whose work would
 * count as the guest's pause all the same. */
static void test_host_function_far_away(void **state)
{
    (void)state;
    EXPECT(CUDA_ERROR_INVALID_VALUE, hold(BG_CUDA_STREAM_LEGACY, BG_CUDA_MARK_MAX + 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, mark(BG_CUDA_STREAM_LEGACY, UINT64_MAX));
    wait_until_idle();
    assert_false(cuda_is_held(session));
    OK(hold(BG_CUDA_STREAM_LEGACY, BG_CUDA_MARK_MAX));
    wait_until_reached(&page()->completed[BG_CUDA_STREAM_LEGACY], BG_CUDA_MARK_MAX);
    assert_true(cuda_is_busy(session));
    acknowledge(BG_CUDA_STREAM_LEGACY, BG_CUDA_MARK_MAX);
    wait_until_idle();
}

/* The guest need not come in between any more. */
static void test_end_of_a_held_stream(void **state)
{
    (void)state;
    OK(hold(BG_CUDA_STREAM_LEGACY, 1));
    OK(mark(BG_CUDA_STREAM_LEGACY, 2));
    OK(ASK_NOTHING(BG_CUDA_END));
    assert_int_equal(reached(BG_CUDA_STREAM_LEGACY), 2);
}

static bool open_at_look(void *gate)
{
    open_gate(gate);
    return true;
}

/* Nor does it stop again where the guest has acknowledged less than that. */
static void test_end_of_a_stream_that_was_acknowledged(void **state)
{
    struct gate gate = CLOSED_GATE;

    (void)state;
    OK(hold(BG_CUDA_STREAM_LEGACY, 1));
    wait_until_reached(&page()->completed[BG_CUDA_STREAM_LEGACY], 1);
    while (!cuda_is_held(session)) {
    }
    close_gate(&gate, BG_CUDA_STREAM_LEGACY);
    OK(hold(BG_CUDA_STREAM_LEGACY, 2));
    acknowledge(BG_CUDA_STREAM_LEGACY, 1);
    session->may_wait = open_at_look;
    session->owner = &gate;
    alarm(60);
    OK(ASK_NOTHING(BG_CUDA_END));
    alarm(0);
    assert_int_equal(reached(BG_CUDA_STREAM_LEGACY), 2);
}

static CUresult refuse_wait(CUstream stream, CUdeviceptr address, cuuint64_t value, unsigned flags)
{
    (void)stream;
    (void)address;
    (void)value;
    (void)flags;
    return CUDA_ERROR_OUT_OF_MEMORY;
}

/* A mark at which the driver does not stop the stream does not count as one that holds it. */
static void test_hold_that_the_driver_refuses(void **state)
{
    struct gate gate = CLOSED_GATE;

    (void)state;
    driver.cuStreamWaitValue64 = refuse_wait;
    OK(create(FIRST, CU_STREAM_NON_BLOCKING));
    EXPECT(CUDA_ERROR_OUT_OF_MEMORY, hold(FIRST, 1)); /* the stream may be there already, */
    close_gate(&gate, FIRST);
    EXPECT(CUDA_ERROR_OUT_OF_MEMORY, hold(FIRST, 2)); /* or not yet */
    open_gate(&gate);
    wait_until_idle();
    assert_int_equal(reached(FIRST), 2);
    assert_false(cuda_is_held(session));
}

/* A wait goes on when the guest has come in between. */
static void *acknowledge_later(void *context)
{
    (void)context;
    wait_until_reached(&page()->completed[FIRST], 1);
    acknowledge(FIRST, 1);
    return NULL;
}

static void test_wait_for_a_held_stream(void **state)
{
    pthread_t thread;

    (void)state;
    OK(create(FIRST, CU_STREAM_NON_BLOCKING));
    OK(hold(FIRST, 1));
    assert_int_equal(pthread_create(&thread, NULL, acknowledge_later, NULL), 0);
    OK(sync_stream(FIRST));
    pthread_join(thread, NULL);
}

/* ---- Much at once ---- */

static void *open_slowly(void *gate)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    open_gate(gate);
    return NULL;
}

static void test_much_is_queued(void **state)
{
    struct gate gate = CLOSED_GATE;
    uint64_t done_before;
    pthread_t thread;
    CUresult result;

    (void)state;
    OK(create(FIRST, CU_STREAM_NON_BLOCKING));
    close_gate(&gate, FIRST);
    for (uint64_t value = 1; value < BG_CUDA_QUEUED_MAX; value++) {
        OK(mark(FIRST, value));
    }
    assert_int_equal(pthread_create(&thread, NULL, open_slowly, &gate), 0);
    result = mark(FIRST, BG_CUDA_QUEUED_MAX);
    done_before = reached(FIRST);
    pthread_join(thread, NULL);
    OK(result);
    assert_true(done_before >= BG_CUDA_QUEUED_MAX - 1); /* it waited */
    wait_until_idle();
}

static void test_much_is_queued_behind_the_guest(void **state)
{
    uint64_t value = 1;
    CUresult result;

    (void)state;
    OK(create(FIRST, CU_STREAM_NON_BLOCKING));
    OK(hold(FIRST, value));
    while (!cuda_is_held(session)) {
    }
    do {
        result = mark(FIRST, ++value);
    } while (result == CUDA_SUCCESS);
    assert_int_equal(result, CUDA_ERROR_OUT_OF_MEMORY);
    assert_in_range(value, BG_CUDA_QUEUED_MAX - 10, BG_CUDA_QUEUED_MAX + 10);
    acknowledge(FIRST, 1);
    look_until_reached(FIRST, value - 1);
    OK(mark(FIRST, value));
}

/* A stream that is created and destroyed behind what its handle stood for before. */
static void test_many_streams_behind_the_guest(void **state)
{
    uint32_t count = 0;
    CUresult result;

    (void)state;
    OK(create(FIRST, CU_STREAM_NON_BLOCKING));
    OK(hold(FIRST, 1));
    while (!cuda_is_held(session)) {
    }
    do {
        OK(ASK_HANDLE(BG_CUDA_STREAM_DESTROY, FIRST));
        result = create(FIRST, CU_STREAM_NON_BLOCKING);
    } while (result == CUDA_SUCCESS && count++ < BG_CUDA_QUEUED_MAX);
    assert_int_equal(result, CUDA_ERROR_OUT_OF_MEMORY);
    acknowledge(FIRST, 1);
    wait_until_idle();
    OK(create(FIRST, CU_STREAM_NON_BLOCKING));
}

/* ---- Events ---- */

static CUresult create_event(uint32_t event, uint32_t flags)
{
    return ASK(BG_CUDA_EVENT_CREATE, (struct bg_cuda_event_create){event, flags});
}

static CUresult record(uint32_t event, uint32_t stream, uint64_t value)
{
    return ASK(BG_CUDA_EVENT_RECORD, (struct bg_cuda_event_record){event, stream, value});
}

static CUresult wait_for(uint32_t stream, uint32_t event)
{
    return ASK(BG_CUDA_STREAM_WAIT, (struct bg_cuda_stream_event){stream, event});
}

static CUresult measure(uint32_t start, uint32_t end, float *ms)
{
    CUresult result = ASK(BG_CUDA_EVENT_ELAPSED, (struct bg_cuda_event_elapsed){start, end});

    if (result == CUDA_SUCCESS) {
        memcpy(ms, done.answer, sizeof(*ms));
    }
    return result;
}

static void test_events(void **state)
{
    struct gate gate = CLOSED_GATE;
    float ms = -1;

    (void)state;
    OK(create(FIRST, CU_STREAM_NON_BLOCKING));
    OK(create(FIRST + 1, CU_STREAM_NON_BLOCKING));
    OK(create_event(0, CU_EVENT_DEFAULT));
    OK(create_event(1, CU_EVENT_DEFAULT));
    OK(record(0, FIRST, 0));
    close_gate(&gate, FIRST);
    OK(record(1, FIRST, 9));
    OK(wait_for(FIRST + 1, 1));
    OK(mark(FIRST + 1, 1));
    EXPECT(CUDA_ERROR_NOT_READY, measure(0, 1, &ms));
    assert_int_equal(reached(FIRST + 1), 0);
    assert_int_equal(reached(FIRST), 0);
    open_gate(&gate);
    wait_until_reached(&page()->completed[FIRST + 1], 1);
    assert_int_equal(reached(FIRST), 9);
    OK(measure(0, 1, &ms));
    assert_true(ms >= 0);
}

static void test_bad_events(void **state)
{
    float ms;

    (void)state;
    EXPECT(CUDA_ERROR_INVALID_HANDLE, create_event(BG_CUDA_EVENTS_MAX, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, create_event(0, CU_EVENT_INTERPROCESS));
    EXPECT(CUDA_ERROR_INVALID_VALUE, create_event(0, 0x80));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, record(0, BG_CUDA_STREAM_LEGACY, 0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, wait_for(BG_CUDA_STREAM_LEGACY, 0));
    OK(create_event(0, CU_EVENT_DISABLE_TIMING | CU_EVENT_BLOCKING_SYNC));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, create_event(0, 0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, record(0, 9, 0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, wait_for(9, 0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, measure(0, 1, &ms));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, measure(0, 0, &ms)); /* it has no time */
    OK(wait_for(BG_CUDA_STREAM_LEGACY, 0));                /* recorded never: no wait */
    OK(ASK_HANDLE(BG_CUDA_EVENT_DESTROY, 0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, ASK_HANDLE(BG_CUDA_EVENT_DESTROY, 0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, ASK_HANDLE(BG_CUDA_EVENT_DESTROY, BG_CUDA_NONE));
    for (uint32_t i = 0; i < BG_CUDA_EVENTS_MAX; i++) {
        OK(create_event(i, 0));
    }
}

/* ---- Time, on a GPU ---- */

static void play_gpu(uint64_t limit_ns)
{
    driver.on_cpu = false;
    session->time_limit_ns = limit_ns;
}

/* A stream that gets nowhere ends everything. */
static void test_stream_stands_still(void **state)
{
    struct gate gate = CLOSED_GATE;
    uint64_t until_ns = clock_now_ns() + DEADLINE_NS;

    (void)state;
    play_gpu(NS_PER_MS);
    OK(create(FIRST, CU_STREAM_NON_BLOCKING));
    close_gate(&gate, FIRST);
    while (page()->error == 0) {
        cuda_is_busy(session);
        assert_true(clock_now_ns() < until_ns);
    }
    assert_int_equal(page()->error, CUDA_ERROR_LAUNCH_TIMEOUT);
    assert_true(gpu.lost);
    open_gate(&gate);
    assert_int_equal(cuCtxSynchronize(), CUDA_SUCCESS);
}

/* Who waits for it learns it, too. */
static void test_stream_that_is_waited_for_stands_still(void **state)
{
    struct gate gate = CLOSED_GATE;

    (void)state;
    play_gpu(NS_PER_MS);
    close_gate(&gate, BG_CUDA_STREAM_LEGACY);
    EXPECT(CUDA_ERROR_LAUNCH_TIMEOUT, sync_stream(BG_CUDA_STREAM_LEGACY));
    open_gate(&gate);
    assert_int_equal(cuCtxSynchronize(), CUDA_SUCCESS);
}

/* Many are not too long together. */
static void test_stream_gets_on(void **state)
{
    struct gate gate = CLOSED_GATE;
    uint64_t value = 0, until_ns = clock_now_ns() + 5 * NS_PER_MS;

    (void)state;
    play_gpu(NS_PER_MS);
    OK(create(FIRST, CU_STREAM_NON_BLOCKING));
    while (value < 15000) { /* fifteen seconds' worth */
        OK(mark(FIRST, ++value));
    }
    close_gate(&gate, FIRST);
    do {
        cuda_is_busy(session);
    } while (clock_now_ns() < until_ns);
    assert_int_equal(page()->error, 0);
    open_gate(&gate);
    wait_until_idle();
}

static void note_wait(void *owner, bool begins)
{
    assert_int_equal(*(bool *)owner, !begins);
    *(bool *)owner = begins;
}

static void test_waits_are_told(void **state)
{
    bool waits = false;

    (void)state;
    session->waits = note_wait;
    session->owner = &waits;
    OK(mark(BG_CUDA_STREAM_LEGACY, 1));
    OK(sync_stream(BG_CUDA_STREAM_LEGACY));
    OK(sync_stream(BG_CUDA_ALL));
    assert_false(waits);
}

static void test_time_out(void **state)
{
    (void)state;
    assert_ptr_equal(cuda_error_word(session), &page()->error);
    cuda_time_out(session);
    assert_int_equal(page()->error, CUDA_ERROR_LAUNCH_TIMEOUT);
    assert_true(gpu.lost);
    EXPECT(CUDA_ERROR_LAUNCH_TIMEOUT, mark(BG_CUDA_STREAM_LEGACY, 1));
}

static void test_host_function_without_page(void **state)
{
    (void)state;
    EXPECT(CUDA_ERROR_INVALID_VALUE, ASK(BG_CUDA_STREAM_HOST, (struct bg_cuda_mark){0, 0, 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_handles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_query, setup, teardown),
        cmocka_unit_test_setup_teardown(test_marks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_marks_without_page, setup_mailbox, teardown),
        cmocka_unit_test_setup_teardown(test_interrupts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_host_function_without_page, setup_mailbox, teardown),
        cmocka_unit_test_setup_teardown(test_destroyed_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_destroyed_stream_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_legacy_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_host_functions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_host_function_far_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_end_of_a_held_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_end_of_a_stream_that_was_acknowledged, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_hold_that_the_driver_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wait_for_a_held_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_much_is_queued, setup, teardown),
        cmocka_unit_test_setup_teardown(test_much_is_queued_behind_the_guest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_streams_behind_the_guest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_events, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_events, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stream_stands_still, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stream_that_is_waited_for_stands_still, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_stream_gets_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waits_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time_out, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
