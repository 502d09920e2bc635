/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/pvgpu_peer.c tests/mediator/client.c tests/mediator/fixture.c
// build: tests/mediator/processes.c
// build: host/common/fd_message.c
// needs: build/host/baregpu-mediator
/*
 * What CUDA's streams of a guest on the ring are to a whole mediator: the ring does not wait for
 * them, leases and pauses do, and what their kernels do wrong is their guest's business alone.
 */
#include <glob.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "host/common/clock.h"
#include "protocol/cuda.h"
#include "protocol/cuda_command.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"
#include "tests/mediator/pvgpu_peer.h"

#define PAGE_OFFSET 0u
#define RESULT_OFFSET 8192u
#define DATA_OFFSET 12288u
#define ANSWER_OFFSET 65536u
#define ANSWER_SIZE 65536u
#define FLAG_OFFSET 262144u

#define NOTHING 0u
#define SPIN 1u
#define STRAY 2u
#define FOREVER 3u
#define LAST 4u

/* SPIN waits until a word is not 0, LAST for a tenth of a second. */
static const char text[] =
    ".version 8.0\n.target sm_80\n.address_size 64\n"
    ".visible .entry nothing() { ret; }\n"
    ".visible .entry spin(.param .u64 p) { .reg .b64 %d; .reg .b32 %r; .reg .pred %p;\n"
    "ld.param.u64 %d, [p];\n"
    "L: ld.volatile.global.u32 %r, [%d]; setp.eq.u32 %p, %r, 0; @%p bra L; ret; }\n"
    ".visible .entry stray() { .reg .b64 %d; mov.u64 %d, 4096; st.global.u32 [%d], 1; ret; }\n"
    ".visible .entry forever() { L: bra L; }\n"
    ".visible .entry last() { .reg .b64 %d<3>; .reg .pred %p; mov.u64 %d1, %globaltimer;\n"
    "L: mov.u64 %d2, %globaltimer; sub.u64 %d2, %d2, %d1; setp.lt.u64 %p, %d2, 100000000;\n"
    "@%p bra L; ret; }\n";

static struct peer first = {.socket = -1}, second = {.socket = -1};
static struct bg_cuda_device device;

static int setup(void **state)
{
    first.socket = second.socket = -1;
    first.control = second.control = NULL;
    return fixture_setup(state);
}

static int teardown(void **state)
{
    if (first.control != NULL) {
        peer_close(&first);
    }
    if (second.control != NULL) {
        peer_close(&second);
    }
    fixture_on_one_cpu = false;
    return fixture_teardown(state);
}

static void start(const char *keys)
{
    fixture_start("tenant", "pvgpu", keys);
    first = peer_open(PEER_NEW, path, 1);
}

/* ---- Commands ---- */

static struct bg_cuda_page *page(const struct peer *peer)
{
    return (struct bg_cuda_page *)(void *)(peer->heap + PAGE_OFFSET);
}

static uint32_t *flag(const struct peer *peer)
{
    return (uint32_t *)(void *)(peer->heap + FLAG_OFFSET);
}

static CUresult ask(struct peer *peer, uint32_t number, const void *params, uint32_t size,
                    const void *data, uint32_t data_size)
{
    const struct bg_pvgpu_compute body = {
        .data_offset = DATA_OFFSET,
        .data_size = data_size,
        .answer_offset = ANSWER_OFFSET,
        .answer_size = ANSWER_SIZE,
    };
    struct bg_pvgpu_compute_result result;

    if (data_size > 0) {
        memcpy(peer->heap + DATA_OFFSET, data, data_size);
    }
    assert_int_equal(peer_compute(peer, number, &body, params, size, RESULT_OFFSET, &result),
                     BG_COMPUTE_OK);
    assert_int_equal(result.result_count, 2);
    return (CUresult)result.results[0];
}

#define OK(call) assert_int_equal(call, CUDA_SUCCESS)

static void init(struct peer *peer)
{
    const struct bg_cuda_init init = {BG_CUDA_COMMAND_VERSION, PAGE_OFFSET};
    const struct bg_cuda_module_load load = {.module = 0};

    memset(page(peer), 0, sizeof(struct bg_cuda_page));
    *flag(peer) = 0;
    OK(ask(peer, BG_CUDA_INIT, &init, sizeof(init), NULL, 0));
    memcpy(&device, peer->heap + ANSWER_OFFSET, sizeof(device));
    OK(ask(peer, BG_CUDA_MODULE_LOAD, &load, sizeof(load), text, (uint32_t)strlen(text)));
}

/* Without a place for its result, as a guest does; not submitted. */
static void put(struct peer *peer, uint32_t number, const void *params, uint32_t size)
{
    uint8_t command[512];

    peer_put(peer, command,
             peer_build_compute(command, number, NULL, params, size, BG_PVGPU_NO_RESULT));
}

static void put_launch(struct peer *peer, uint32_t function)
{
    struct {
        struct bg_cuda_launch head;
        uint64_t flag;
    } launch = {
        .head = {.function = function, .grid = {1, 1, 1}, .block = {1, 1, 1}},
        .flag = device.heap_address + FLAG_OFFSET,
    };

    launch.head.param_size = function == SPIN ? sizeof(launch.flag) : 0;
    put(peer, BG_CUDA_LAUNCH, &launch, sizeof(launch.head) + launch.head.param_size);
}

static void put_mark(struct peer *peer, uint64_t value)
{
    const struct bg_cuda_mark mark = {BG_CUDA_STREAM_LEGACY, 0, value};

    put(peer, BG_CUDA_STREAM_MARK, &mark, sizeof(mark));
}

static uint64_t reached(const struct peer *peer)
{
    return __atomic_load_n(&page(peer)->completed[BG_CUDA_STREAM_LEGACY], __ATOMIC_ACQUIRE);
}

static void open_flag(struct peer *peer)
{
    __atomic_store_n(flag(peer), 1, __ATOMIC_RELEASE);
}

static void wait_mark(struct peer *peer, uint32_t value)
{
    peer_wait_word(peer, (uint32_t *)&page(peer)->completed[BG_CUDA_STREAM_LEGACY], value);
}

/* Until the backend has taken all that was put. */
static void submit_and_wait(struct peer *peer)
{
    peer_finish(peer);
}

/* ---- The ring ---- */

static void test_ring_goes_on(void **state)
{
    (void)state;
    start("");
    assert_true(first.features & BG_PVGPU_FEATURE_CUDA);
    init(&first);
    put_launch(&first, SPIN);
    put_mark(&first, 1);
    for (int i = 0; i < 100; i++) {
        submit_and_wait(&first); /* a fence does not wait for the stream */
    }
    OK(ask(&first, BG_CUDA_MEMORY_INFO, "", 0, NULL, 0));
    assert_int_equal(reached(&first), 0);
    open_flag(&first);
    wait_mark(&first, 1);
    assert_int_equal(page(&first)->error, 0);
    assert_int_equal(page(&first)->failures, 0);
}

/* How often the worker's threads have gone to sleep. */
static unsigned long count_sleeps(pid_t worker)
{
    char *pattern = harness_format("/proc/%d/task/*/status", (int)worker), line[128];
    unsigned long sleeps = 0, number;
    glob_t found;

    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        FILE *file = fopen(found.gl_pathv[i], "r"); /* a thread may have ended */

        while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
            sleeps += sscanf(line, "voluntary_ctxt_switches: %lu", &number) == 1 ? number : 0;
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    globfree(&found);
    free(pattern);
    return sleeps;
}

/* While a kernel computes, nobody has to look at it each millisecond. */
static void test_long_kernels_are_left_alone(void **state)
{
    unsigned long before;
    pid_t worker;

    (void)state;
    start("");
    init(&first);
    worker = admin_worker_pid(path, 1);
    put_launch(&first, LAST);
    put_mark(&first, 1);
    before = count_sleeps(worker);
    submit_and_wait(&first);
    wait_mark(&first, 1);
    assert_in_range(count_sleeps(worker) - before, 1, 40); /* not a hundred */
}

static void test_failures_are_in_the_page(void **state)
{
    (void)state;
    start("");
    init(&first);
    put_launch(&first, 99);
    submit_and_wait(&first);
    assert_int_equal(page(&first)->failure, CUDA_ERROR_INVALID_HANDLE);
    assert_int_equal(page(&first)->failures, 1);
    put(&first, BG_CUDA_STREAM_MARK, "abc", 4); /* malformed: the ring's error */
    submit_and_wait(&first);
    assert_int_equal(first.control->error_count, 1);
}

static bool was_interrupted(const struct peer *peer)
{
    struct pollfd polled = {.fd = peer->fence, .events = POLLIN};
    eventfd_t value;

    return poll(&polled, 1, 0) == 1 && eventfd_read(peer->fence, &value) == 0;
}

static void wait_interrupt(const struct peer *peer)
{
    struct pollfd polled = {.fd = peer->fence, .events = POLLIN};
    bool wakes = poll(&polled, 1, PEER_TIMEOUT_MS) == 1;

    assert_true(wakes);
    assert_true(was_interrupted(peer));
}

/* As of fences: not while the guest has suppressed it. */
static void test_interrupts_of_marks(void **state)
{
    uint64_t until_ns = clock_now_ns() + PEER_TIMEOUT_MS * NS_PER_MS;
    CUresult result;

    (void)state;
    start("");
    init(&first);
    put_launch(&first, SPIN);
    put_mark(&first, 1);
    submit_and_wait(&first);
    while (was_interrupted(&first)) { /* by the fences */
    }
    open_flag(&first);
    wait_interrupt(&first);
    assert_int_equal(reached(&first), 1);
    __atomic_store_n(&first.control->suppress_interrupts, BG_PVGPU_IRQ_FENCE, __ATOMIC_SEQ_CST);
    put_mark(&first, 2);
    submit_and_wait(&first);
    wait_mark(&first, 2);
    do { /* the stream ends after its mark */
        assert_true(clock_now_ns() < until_ns);
        result = ask(&first, BG_CUDA_STREAM_QUERY, &(struct bg_cuda_handle){0}, 4, NULL, 0);
    } while (result == CUDA_ERROR_NOT_READY);
    OK(result);
    assert_false(was_interrupted(&first));
}

static void test_reset(void **state)
{
    (void)state;
    start("");
    init(&first);
    put_launch(&first, SPIN);
    put_mark(&first, 1);
    submit_and_wait(&first);
    open_flag(&first);
    peer_reset(&first); /* all of it is over, and given back */
    assert_int_equal(reached(&first), 1);
    assert_int_equal(ask(&first, BG_CUDA_MEMORY_INFO, "", 0, NULL, 0), CUDA_ERROR_NOT_INITIALIZED);
    init(&first);
    put_launch(&first, NOTHING);
    put_mark(&first, 1);
    peer_submit(&first);
    wait_mark(&first, 1);
}

/* ---- Leases, and pauses ---- */

static void test_pause_waits(void **state)
{
    struct pollfd polled;
    int waiting;

    (void)state;
    start("");
    init(&first);
    put_launch(&first, SPIN);
    put_mark(&first, 1);
    submit_and_wait(&first);
    polled = (struct pollfd){.fd = first.socket, .events = POLLIN};
    peer_send(&first, BG_PVGPU_MESSAGE_PAUSE, NULL, 0);
    waiting = poll(&polled, 1, 100);
    assert_int_equal(waiting, 0);
    open_flag(&first);
    peer_receive(&first, BG_PVGPU_MESSAGE_PAUSED, NULL, 0, NULL);
    assert_int_equal(reached(&first), 1);
    peer_send(&first, BG_PVGPU_MESSAGE_RESUME, NULL, 0);
    put_launch(&first, NOTHING);
    put_mark(&first, 2);
    peer_submit(&first);
    wait_mark(&first, 2);
}

/* A vector addition of a guest that has no CUDA; not waited for. */
static void put_addition(struct peer *peer)
{
    const uint32_t numbers[2] = {3, 4};
    uint8_t command[256];

    memset(peer->heap + RESULT_OFFSET, 0, sizeof(struct bg_pvgpu_compute_result));
    peer_put(peer, command,
             peer_build_compute(command, BG_COMPUTE_VECTOR_ADD_BASIC, NULL, numbers,
                                sizeof(numbers), RESULT_OFFSET));
    peer_submit(peer);
}

static const struct bg_pvgpu_compute_result *addition(const struct peer *peer)
{
    return (const void *)(peer->heap + RESULT_OFFSET);
}

static void test_lease_lasts_while_a_stream_works(void **state)
{
    (void)state;
    fixture_on_one_cpu = true;
    start("");
    init(&first);
    second = peer_open(PEER_NEW, path, 2);
    put_launch(&first, SPIN);
    put_mark(&first, 1);
    submit_and_wait(&first);
    put_addition(&second);
    admin_wait_waiting(path, 1);
    assert_int_equal(__atomic_load_n(&addition(&second)->done, __ATOMIC_ACQUIRE), 0);
    open_flag(&first);
    peer_wait_word(&second, &addition(&second)->done, 1);
    assert_int_equal(addition(&second)->results[0], 7);
    wait_mark(&first, 1);
    put_launch(&first, NOTHING); /* and it has its turn again */
    put_mark(&first, 2);
    peer_submit(&first);
    wait_mark(&first, 2);
}

/* Two that always have work in their streams take turns. */
static void test_guests_take_turns(void **state)
{
    (void)state;
    fixture_on_one_cpu = true;
    start("");
    second = peer_open(PEER_NEW, path, 2);
    init(&first);
    init(&second);
    for (uint32_t round = 1; round <= 20; round++) {
        for (int i = 0; i < 50; i++) {
            put_launch(&first, NOTHING);
            put_launch(&second, NOTHING);
        }
        put_mark(&first, round);
        put_mark(&second, round);
        peer_submit(&first);
        peer_submit(&second);
    }
    wait_mark(&first, 20);
    wait_mark(&second, 20);
    assert_int_equal(page(&first)->failures, 0);
    assert_int_equal(page(&second)->failures, 0);
}

/* ---- Host functions ---- */

static void put_hold(struct peer *peer, uint32_t stream, uint64_t value)
{
    const struct bg_cuda_mark mark = {stream, 0, value};

    put(peer, BG_CUDA_STREAM_HOST, &mark, sizeof(mark));
}

static void acknowledge(struct peer *peer, uint32_t stream, uint64_t value)
{
    __atomic_store_n(&page(peer)->acknowledged[stream], value, __ATOMIC_RELEASE);
}

static void test_host_functions(void **state)
{
    (void)state;
    start("");
    init(&first);
    for (uint32_t value = 1; value < 20; value += 2) {
        put_hold(&first, BG_CUDA_STREAM_LEGACY, value);
        put_mark(&first, value + 1);
        peer_submit(&first);
        wait_mark(&first, value);
        acknowledge(&first, BG_CUDA_STREAM_LEGACY, value);
        wait_mark(&first, value + 1);
    }
}

/* While the guest takes its time others have the device; what comes then has a turn of its own. */
static void test_held_streams_need_no_lease(void **state)
{
    const struct bg_cuda_stream_create create = {.stream = 2, .flags = CU_STREAM_DEFAULT};

    (void)state;
    fixture_on_one_cpu = true;
    start("request_timeout_ms = 60000\n");
    init(&first);
    second = peer_open(PEER_NEW, path, 2);
    put(&first, BG_CUDA_STREAM_CREATE, &create, sizeof(create));
    put_hold(&first, 2, 1);
    put_launch(&first, NOTHING); /* in the legacy stream, behind it */
    put_mark(&first, 1);
    submit_and_wait(&first);
    put_addition(&second);
    peer_wait_word(&second, &addition(&second)->done, 1);
    assert_int_equal(reached(&first), 0);
    assert_int_equal(page(&first)->error, 0);
    acknowledge(&first, 2, 1);
    wait_mark(&first, 1);
}

/* A machine that stands cannot acknowledge. */
static void test_pause_of_a_held_stream(void **state)
{
    (void)state;
    start("");
    init(&first);
    put_hold(&first, BG_CUDA_STREAM_LEGACY, 1);
    put_mark(&first, 2);
    submit_and_wait(&first);
    wait_mark(&first, 1);
    peer_send(&first, BG_PVGPU_MESSAGE_PAUSE, NULL, 0);
    peer_receive(&first, BG_PVGPU_MESSAGE_PAUSED, NULL, 0, NULL);
    acknowledge(&first, BG_CUDA_STREAM_LEGACY, 1);
    peer_send(&first, BG_PVGPU_MESSAGE_PAUSE, NULL, 0); /* it stands still all the same */
    peer_receive(&first, BG_PVGPU_MESSAGE_PAUSED, NULL, 0, NULL);
    assert_int_equal(reached(&first), 1);
    peer_send(&first, BG_PVGPU_MESSAGE_RESUME, NULL, 0);
    wait_mark(&first, 2);
}

/* ---- What kernels do wrong ---- */

/* Of a guest of its own each time: the session ends, and the log says why. */
static void expect_end(uint32_t vm_id, uint32_t function, uint32_t error, const char *name)
{
    struct peer peer = peer_open(PEER_NEW, path, vm_id);
    char line[128];
    bool is_closed;

    init(&peer);
    put_launch(&peer, function);
    put_mark(&peer, 1);
    peer_submit(&peer);
    peer_wait_word(&peer, &page(&peer)->error, error);
    is_closed = socket_wait_closed(peer.socket, PEER_TIMEOUT_MS);
    assert_true(is_closed);
    assert_true(peer.control->status & BG_PVGPU_CONTROL_DEVICE_LOST);
    assert_false(peer.control->status & BG_PVGPU_CONTROL_READY);
    assert_int_equal(reached(&peer), 0);
    peer_close(&peer);
    snprintf(line, sizeof(line), "vm %u): CUDA: %s; session ended", vm_id, name);
    process_wait_text(mediator, line);
    snprintf(line, sizeof(line), "vm %u): ended", vm_id);
    process_wait_text(mediator, line);
}

static unsigned count_in_log(const char *what)
{
    const char *errors = process_errors(mediator);
    unsigned count = 0;

    for (; (errors = strstr(errors, what)) != NULL; errors++) {
        count++;
    }
    return count;
}

/* It is said once, is no fault of the guest's, and nobody else's business. */
static void test_stray_kernels(void **state)
{
    (void)state;
    start("quarantine_faults = 2\n");
    init(&first);
    put_launch(&first, SPIN);
    put_mark(&first, 1);
    submit_and_wait(&first);
    for (uint32_t i = 0; i < 4; i++) {
        expect_end(10 + i, STRAY, CUDA_ERROR_ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS");
    }
    open_flag(&first);
    wait_mark(&first, 1);
    assert_int_equal(count_in_log("session ended"), 4);
    assert_int_equal(count_in_log("fault:"), 0);
}

static void test_endless_kernel(void **state)
{
    (void)state;
    start("request_timeout_ms = 200\nquarantine_faults = 1\n");
    expect_end(1, FOREVER, CUDA_ERROR_LAUNCH_TIMEOUT, "CUDA_ERROR_LAUNCH_TIMEOUT");
    init(&first); /* not in quarantine */
    assert_int_equal(count_in_log("fault:"), 0);
}

/* Who waits for it does not wait longer than its time. */
static void test_endless_kernel_of_another(void **state)
{
    (void)state;
    fixture_on_one_cpu = true;
    start("request_timeout_ms = 300\n");
    init(&first);
    second = peer_open(PEER_NEW, path, 2);
    put_launch(&first, FOREVER);
    submit_and_wait(&first);
    put_addition(&second);
    peer_wait_word(&second, &addition(&second)->done, 1);
    assert_int_equal(page(&first)->error, CUDA_ERROR_LAUNCH_TIMEOUT);
}

/* Each kernel has its time, however many there are. */
static void test_many_long_kernels(void **state)
{
    (void)state;
    start("request_timeout_ms = 400\n");
    init(&first);
    for (int i = 0; i < 20; i++) {
        put_launch(&first, LAST);
    }
    put_mark(&first, 1);
    peer_submit(&first);
    wait_mark(&first, 1);
    assert_int_equal(page(&first)->error, 0);
}

/* But when others wait, what is to be done has the time of one. */
static void test_many_long_kernels_beside_others(void **state)
{
    (void)state;
    fixture_on_one_cpu = true;
    start("request_timeout_ms = 400\n");
    init(&first);
    second = peer_open(PEER_NEW, path, 2);
    for (int i = 0; i < 200; i++) {
        put_launch(&first, LAST);
    }
    submit_and_wait(&first);
    put_addition(&second);
    peer_wait_word(&second, &addition(&second)->done, 1);
    assert_int_equal(page(&first)->error, CUDA_ERROR_LAUNCH_TIMEOUT);
    assert_int_equal(count_in_log("fault:"), 0);
}

/* Nor may a command wait for longer. */
static void test_wait_beside_others(void **state)
{
    const struct bg_cuda_handle all = {BG_CUDA_ALL};

    (void)state;
    fixture_on_one_cpu = true;
    start("request_timeout_ms = 400\n");
    init(&first);
    second = peer_open(PEER_NEW, path, 2);
    for (int i = 0; i < 200; i++) {
        put_launch(&first, LAST);
    }
    submit_and_wait(&first);
    put(&first, BG_CUDA_STREAM_SYNC, &all, sizeof(all));
    peer_submit(&first);
    put_addition(&second);
    peer_wait_word(&second, &addition(&second)->done, 1);
    assert_int_equal(page(&first)->error, CUDA_ERROR_LAUNCH_TIMEOUT);
    assert_int_equal(count_in_log("fault:"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_ring_goes_on),
        TEST(test_long_kernels_are_left_alone),
        TEST(test_failures_are_in_the_page),
        TEST(test_interrupts_of_marks),
        TEST(test_reset),
        TEST(test_pause_waits),
        TEST(test_lease_lasts_while_a_stream_works),
        TEST(test_guests_take_turns),
        TEST(test_host_functions),
        TEST(test_held_streams_need_no_lease),
        TEST(test_pause_of_a_held_stream),
        TEST(test_stray_kernels),
        TEST(test_endless_kernel),
        TEST(test_endless_kernel_of_another),
        TEST(test_many_long_kernels),
        TEST(test_many_long_kernels_beside_others),
        TEST(test_wait_beside_others),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
