/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/pvgpu_peer.c tests/mediator/client.c
// build: tests/mediator/processes.c
// build: tests/mediator/fixture.c host/common/fd_message.c
// needs: build/host/baregpu-mediator build/tests/fake/gpu/libcuda.so.1
/*
 * A pvgpu session among others: workers that die with work under way and what the guest may then
 * believe, two guests at once, leases, limits, quarantine, refusals.
 */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
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

static void start(const char *keys)
{
    fixture_start("gpu", "pvgpu", keys);
}

/* ---- Workers that die ---- */

enum { SLOTS = 512, COUNT = 256, INPUT = 1 << 20, OUTPUT = 8 << 20 };

/* Vector i: OUTPUT[i] = INPUT + i, and a fence behind it. */
static void put_work(uint32_t i)
{
    struct bg_compute_vector_memory_params params = {.element_type = BG_COMPUTE_ELEMENT_UINT32,
                                                     .c_offset_lo = OUTPUT + i * COUNT * 4,
                                                     .a_offset_lo = INPUT,
                                                     .b_offset_lo = INPUT + (1 + i) * COUNT * 4,
                                                     .count_lo = COUNT};
    uint8_t command[256];

    peer_put(&peer, command,
             peer_build_compute(command, BG_COMPUTE_VECTOR_ADD_MEMORY, NULL, &params,
                                sizeof(params), BG_PVGPU_NO_RESULT));
    peer_put_fence(&peer);
}

static void fill_input(void)
{
    uint32_t *input = (void *)(peer.heap + INPUT);

    for (uint32_t i = 0; i < COUNT; i++) {
        input[i] = i * 3;
        for (uint32_t slot = 0; slot < SLOTS; slot++) {
            input[(1 + slot) * COUNT + i] = slot * 7;
        }
    }
}

/* Each vector is whole before its fence; behind that, nothing is promised. */
static void check_work(uint64_t completed)
{
    const uint32_t *output = (const void *)(peer.heap + OUTPUT);

    for (uint32_t slot = 0; slot < completed; slot++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            if (output[slot * COUNT + i] != i * 3 + slot * 7) {
                fail_msg("fence %u of %u completed, element %u is not there", slot + 1,
                         (unsigned)completed, i);
            }
        }
    }
}

/* What the device does when the connection is gone. */
static void take_loss(void)
{
    assert_true(socket_wait_closed(peer.socket, PEER_TIMEOUT_MS));
    peer_disconnect(&peer);
    __atomic_and_fetch(&peer.control->status, ~BG_PVGPU_CONTROL_READY, __ATOMIC_SEQ_CST);
    __atomic_or_fetch(&peer.control->status, BG_PVGPU_CONTROL_DEVICE_LOST | BG_PVGPU_CONTROL_ERROR,
                      __ATOMIC_SEQ_CST);
    __atomic_store_n(&peer.control->error_code, BG_PVGPU_ERROR_BACKEND_DISCONNECTED,
                     __ATOMIC_SEQ_CST);
}

static void wait_ready(void)
{
    uint64_t start_ms = harness_now_ms();

    while (!(__atomic_load_n(&peer.control->status, __ATOMIC_ACQUIRE) & BG_PVGPU_CONTROL_READY)) {
        assert_true(harness_now_ms() - start_ms < PEER_TIMEOUT_MS);
    }
}

static pid_t worker_of(uint32_t vm_id)
{
    return admin_worker_pid(path, vm_id);
}

/* Killed at any moment of its work: completed fences are true, the others never complete, and what
 * was in the ring is not run by the next backend. */
static void test_worker_killed(void **state)
{
    unsigned rounds = getenv("BAREGPU_SOAK") != NULL ? 1000 : 40;
    unsigned partly = 0;

    (void)state;
    start("quarantine_faults = 0\n");
    peer = peer_create(PEER_NEW, PEER_SHMEM_SIZE, 1 << 20);
    fill_input();
    /* On a busy host the whole ring may be done before the kill: then there are more rounds. */
    for (unsigned round = 0; round < rounds || (partly == 0 && round < 10 * rounds); round++) {
        peer_connect(&peer, path, 1);
        wait_ready();
        pid_t worker = worker_of(1);
        memset(peer.heap + OUTPUT, 0xEE, SLOTS * COUNT * 4);
        for (uint32_t i = 0; i < SLOTS; i++) {
            put_work(i);
        }
        peer_submit(&peer);
        peer_wait_fence(&peer, round % rounds * SLOTS / rounds);
        assert_int_equal(kill(worker, SIGKILL), 0);
        take_loss();
        uint64_t completed = peer.control->host_fence_completed;
        partly += completed > 0 && completed < SLOTS;
        check_work(completed);
        /* The next backend leaves the old ring alone until the guest resets. */
        peer_connect(&peer, path, 1);
        peer_send(&peer, BG_PVGPU_MESSAGE_PAUSE, NULL, 0);
        peer_receive(&peer, BG_PVGPU_MESSAGE_PAUSED, NULL, 0, NULL);
        peer_send(&peer, BG_PVGPU_MESSAGE_RESUME, NULL, 0);
        assert_int_equal(peer.control->host_fence_completed, completed);
        assert_true(peer.control->status & BG_PVGPU_CONTROL_DEVICE_LOST);
        peer_reset(&peer);
        assert_false(peer.control->status & BG_PVGPU_CONTROL_DEVICE_LOST);
        put_work(0);
        peer_finish(&peer);
        assert_int_equal(peer.control->host_fence_completed, 2);
        peer_reset(&peer);
        peer_disconnect(&peer);
        __atomic_store_n(&peer.control->status, 0, __ATOMIC_SEQ_CST);
        admin_wait_sessions(path, 0);
    }
    assert_true(partly > 0); /* else this test tests nothing */
}

static unsigned count_descriptors(pid_t process)
{
    char folder[64];
    unsigned count = 0;
    DIR *directory;

    snprintf(folder, sizeof(folder), "/proc/%d/fd", (int)process);
    directory = opendir(folder);
    assert_non_null(directory);
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}

/* Sessions that end by themselves, by a kill, or before they have begun: none leaves a descriptor
 * with the supervisor. */
static void test_descriptors_are_given_back(void **state)
{
    enum { ROUNDS = 30 };
    unsigned before = 0, after;

    (void)state;
    start("quarantine_faults = 0\n");
    peer = peer_create(PEER_NEW, PEER_SHMEM_SIZE, PEER_RING_SIZE);
    for (int round = 0; round <= ROUNDS; round++) {
        if (round % 3 == 0) {
            peer_send_handshake(&peer, path);
            peer_take_ack(&peer);
        } else {
            peer_connect(&peer, path, 1);
            wait_ready();
        }
        if (round % 3 == 1) {
            assert_int_equal(kill(worker_of(1), SIGKILL), 0);
            assert_true(socket_wait_closed(peer.socket, PEER_TIMEOUT_MS));
        }
        peer_disconnect(&peer);
        __atomic_store_n(&peer.control->status, 0, __ATOMIC_SEQ_CST);
        admin_wait_sessions(path, 0);
        if (round == 0) {
            before = count_descriptors(process_pid(mediator));
        }
    }
    after = count_descriptors(process_pid(mediator));
    /* A spare worker or an admin connection more or less: two each. */
    assert_in_range(after, before > 4 ? before - 4 : 0, before + 4);
}

/* A device that does not mark the loss: the next backend sees what the dead one left. */
static void test_backend_that_left_no_word(void **state)
{
    (void)state;
    start("quarantine_faults = 0\n");
    peer = peer_open(PEER_OLD, path, 0);
    peer_finish(&peer);
    assert_int_equal(kill(worker_of(0), SIGKILL), 0);
    peer_disconnect(&peer);
    admin_wait_sessions(path, 0);
    uint64_t completed = peer.control->host_fence_completed;
    peer_put_fence(&peer);
    __atomic_store_n(&peer.control->producer_ptr, peer.producer, __ATOMIC_RELEASE);
    peer_connect(&peer, path, 0);
    uint32_t vector;
    peer_receive(&peer, BG_PVGPU_MESSAGE_IRQ, &vector, sizeof(vector), NULL);
    assert_true(peer.control->status & BG_PVGPU_CONTROL_DEVICE_LOST);
    assert_int_equal(peer.control->error_code, BG_PVGPU_ERROR_DEVICE_LOST);
    assert_int_equal(peer.control->host_fence_completed, completed);
    peer_reset(&peer);
    peer_finish(&peer);
    assert_int_equal(peer.control->host_fence_completed, 1);
}

/* What the guest submitted before there was any backend is run by the first. */
static void test_submitted_before_connecting(void **state)
{
    (void)state;
    start("");
    peer = peer_create(PEER_NEW, PEER_SHMEM_SIZE, PEER_RING_SIZE);
    uint64_t fence = peer_put_fence(&peer);
    __atomic_store_n(&peer.control->producer_ptr, peer.producer, __ATOMIC_RELEASE);
    peer_connect(&peer, path, 0);
    peer_wait_fence(&peer, fence);
}

/* ---- Several guests ---- */

/* Each computes with its own memory, both the whole time; the lease goes to and fro. */
static void test_two_guests(void **state)
{
    enum { ROUNDS = 200 };
    const struct {
        struct peer *peer;
        uint32_t value;
    } guests[] = {{&peer, 11}, {&other, 22}};

    (void)state;
    fixture_on_one_cpu = true;
    start("");
    peer = peer_open(PEER_NEW, path, 1);
    other = peer_open(PEER_OLD, path, 2);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t fences[2];

        for (int guest = 0; guest < 2; guest++) {
            struct peer *it = guests[guest].peer;
            struct bg_compute_vector_inline_params params = {BG_COMPUTE_ELEMENT_UINT32, 1000};
            const struct bg_pvgpu_compute body = {.data_offset = 4096,
                                                  .data_size = 8000,
                                                  .answer_offset = 65536,
                                                  .answer_size = 4000};
            uint8_t command[256];

            for (int element = 0; element < 2000; element++) {
                ((uint32_t *)(void *)(it->heap + 4096))[element] =
                    guests[guest].value + (uint32_t)i;
            }
            peer_put(it, command,
                     peer_build_compute(command, BG_COMPUTE_VECTOR_ADD_INLINE, &body, &params,
                                        sizeof(params), BG_PVGPU_NO_RESULT));
            fences[guest] = peer_put_fence(it);
            peer_submit(it);
        }
        for (int guest = 0; guest < 2; guest++) {
            const uint32_t *sums = (const void *)(guests[guest].peer->heap + 65536);

            peer_wait_fence(guests[guest].peer, fences[guest]);
            for (int element = 0; element < 1000; element++) {
                assert_int_equal(sums[element], 2 * (guests[guest].value + (uint32_t)i));
            }
        }
    }
    assert_int_equal(peer.control->error_count + other.control->error_count, 0);
}

/* A guest whose ring is never empty does not keep the GPU from a vgpu-stub guest. */
static void test_lease_is_shared(void **state)
{
    char *stub_path = harness_temp_path("stub.sock");

    (void)state;
    fixture_on_one_cpu = true;
    fixture_start_with("cpu",
                       "[listener gpu]\ndevice = pvgpu\npath = %s\n[listener stub]\npath = %s\n",
                       path, stub_path);
    peer = peer_create(PEER_NEW, PEER_SHMEM_SIZE, 1 << 20);
    fill_input();
    peer_connect(&peer, path, 1);
    struct client client = client_open(stub_path, 2);
    for (int round = 0; round < 20; round++) {
        struct request alloc = request_alloc(4096);

        for (uint32_t i = 0; i < SLOTS; i++) {
            put_work(i);
        }
        peer_submit(&peer);
        client_expect_ok(&client, &alloc);
    }
    peer_finish(&peer);
    check_work(SLOTS);
    client_close(&client);
    free(stub_path);
}

/* A machine that stands keeps no GPU. */
static void test_paused_guest_has_no_lease(void **state)
{
    uint8_t command[256];

    (void)state;
    fixture_on_one_cpu = true;
    start("request_timeout_ms = 200\n");
    peer = peer_open(PEER_NEW, path, 1);
    other = peer_open(PEER_NEW, path, 2);
    uint32_t size =
        peer_build_compute(command, BG_COMPUTE_SYNCHRONIZE, NULL, NULL, 0, BG_PVGPU_NO_RESULT);
    peer_run(&peer, command, size); /* has the lease from now on */
    peer_send(&peer, BG_PVGPU_MESSAGE_PAUSE, NULL, 0);
    peer_receive(&peer, BG_PVGPU_MESSAGE_PAUSED, NULL, 0, NULL);
    peer_put(&peer, command, size);
    uint64_t fence = peer_put_fence(&peer);
    peer_submit(&peer);
    for (int i = 0; i < 10; i++) {
        peer_run(&other, command, size);
    }
    peer_send(&peer, BG_PVGPU_MESSAGE_RESUME, NULL, 0);
    peer_wait_fence(&peer, fence);
    assert_null(strstr(process_errors(mediator), "killed"));
}

/* In the middle of a long command as well: it stands, and is whole after RESUME. False: it was over
 * before the worker heard. */
static bool pause_in_the_middle(uint32_t size, uint32_t round)
{
    struct bg_pvgpu_update_resource read =
        PEER_COMMAND(struct bg_pvgpu_update_resource, BG_PVGPU_CMD_READ_RESOURCE, .resource_id = 1,
                     .data_size = size);
    uint64_t until_ms = harness_now_ms() + PEER_TIMEOUT_MS;
    volatile uint32_t *first = (void *)peer.heap, *last = (void *)(peer.heap + size - 4);

    *first = *last = round;
    peer_put(&peer, &read, sizeof(read));
    uint64_t fence = peer_put_fence(&peer);
    peer_submit(&peer);
    while (__atomic_load_n(first, __ATOMIC_ACQUIRE) == round &&
           __atomic_load_n(last, __ATOMIC_ACQUIRE) == round) { /* from either end */
        assert_true(harness_now_ms() < until_ms);
    }
    peer_send(&peer, BG_PVGPU_MESSAGE_PAUSE, NULL, 0);
    peer_receive(&peer, BG_PVGPU_MESSAGE_PAUSED, NULL, 0, NULL);
    bool in_the_middle = *first == round || *last == round;
    peer_finish(&other);
    assert_int_equal(*first == round || *last == round, in_the_middle); /* it stands */
    peer_send(&peer, BG_PVGPU_MESSAGE_RESUME, NULL, 0);
    peer_wait_fence(&peer, fence);
    assert_int_equal(*first, 0);
    assert_int_equal(*last, 0);
    return in_the_middle;
}

static void test_pause_in_the_middle(void **state)
{
    enum { SIZE = 256 << 20, ROUNDS = 50 };
    struct bg_pvgpu_create_resource create =
        PEER_COMMAND(struct bg_pvgpu_create_resource, BG_PVGPU_CMD_CREATE_RESOURCE,
                     .type = BG_PVGPU_RESOURCE_BUFFER, .width = SIZE);
    uint32_t round = 1;

    (void)state;
    fixture_on_one_cpu = true;
    start("");
    peer = peer_create(PEER_NEW, 2 * SIZE, PEER_RING_SIZE);
    peer_connect(&peer, path, 1);
    other = peer_open(PEER_NEW, path, 2);
    create.header.resource_id = 1;
    peer_expect_ok(&peer, &create, sizeof(create));
    while (!pause_in_the_middle(SIZE, round)) {
        assert_true(++round < ROUNDS);
    }
}

/* ---- Limits ---- */

static void test_rate(void **state)
{
    (void)state;
    start("requests_per_s = 100\nburst = 1\n");
    peer = peer_open(PEER_NEW, path, 0);
    uint64_t start_ms = harness_now_ms();
    for (int i = 0; i < 50; i++) {
        peer_put_fence(&peer);
    }
    peer_finish(&peer);
    assert_true(harness_now_ms() - start_ms >= 480);
}

/* A command that the backend never ends: the guest is told, and loses its session. */
static void test_time_out(void **state)
{
    static char setting[] = "FAKE_GPU_HANG=cuMemcpyHtoDAsync_v2";
    char *library = harness_build_path("tests/fake/gpu");
    struct bg_pvgpu_create_resource create =
        PEER_COMMAND(struct bg_pvgpu_create_resource, BG_PVGPU_CMD_CREATE_RESOURCE,
                     .type = BG_PVGPU_RESOURCE_BUFFER, .width = 4096, .data_size = 4096);

    (void)state;
    setenv("LD_LIBRARY_PATH", library, 1);
    putenv(setting);
    fixture_start_with(
        "auto", "[listener gpu]\ndevice = pvgpu\npath = %s\nrequest_timeout_ms = 300\n", path);
    unsetenv("FAKE_GPU_HANG");
    unsetenv("LD_LIBRARY_PATH");
    free(library);
    peer = peer_open(PEER_NEW, path, 3);
    peer_finish(&peer);
    create.header.resource_id = 1;
    peer_put(&peer, &create, sizeof(create));
    peer_put_fence(&peer);
    peer_submit(&peer);
    assert_true(harness_wait_readable(peer.error, PEER_TIMEOUT_MS));
    assert_true(socket_wait_closed(peer.socket, PEER_TIMEOUT_MS));
    assert_int_equal(peer.control->error_code, BG_PVGPU_ERROR_TIMEOUT);
    assert_true(peer.control->status & BG_PVGPU_CONTROL_DEVICE_LOST);
    assert_int_equal(peer.control->host_fence_completed, 1);
    process_wait_text(mediator, "ran longer than the limit of 300 ms");
}

/* ---- Refusals ---- */

static void expect_refusal(struct peer *refused, enum bg_compute_status status)
{
    peer_receive(refused, BG_PVGPU_MESSAGE_SHUTDOWN, NULL, 0, NULL);
    assert_true(socket_wait_closed(refused->socket, PEER_TIMEOUT_MS));
    assert_int_equal(refused->control->error_code, BG_PVGPU_ERROR_DEVICE_LOST);
    assert_int_equal(refused->control->error_log[0].detail, status);
    assert_true(refused->control->status & BG_PVGPU_CONTROL_SHUTDOWN);
}

static void test_quarantine(void **state)
{
    (void)state;
    start("quarantine_faults = 2\n");
    other = peer_create(PEER_NEW, PEER_SHMEM_SIZE, PEER_RING_SIZE);
    other.process = 1;
    peer_connect(&other, path, 7);
    peer_finish(&other);
    for (int i = 0; i < 2; i++) {
        peer = peer_open(PEER_NEW, path, 8);
        peer_finish(&peer);
        assert_int_equal(kill(worker_of(8), SIGKILL), 0);
        assert_true(socket_wait_closed(peer.socket, PEER_TIMEOUT_MS));
        peer_close(&peer);
        admin_wait_sessions(path, 1);
    }
    peer = peer_open(PEER_NEW, path, 7);
    expect_refusal(&peer, BG_COMPUTE_VM_QUARANTINED);
    peer_finish(&other); /* another guest of the listener */
}

static void test_pool_not_served(void **state)
{
    const struct bg_pvgpu_identity identity = {.vm_id = 1, .pool_id = 'A', .priority = 2};

    (void)state;
    start("pools = B\n");
    peer = peer_create(PEER_NEW, PEER_SHMEM_SIZE, PEER_RING_SIZE);
    peer_send_handshake(&peer, path);
    peer_take_ack(&peer);
    peer_send(&peer, BG_PVGPU_MESSAGE_IDENTITY, &identity, sizeof(identity));
    expect_refusal(&peer, BG_COMPUTE_INVALID_POOL);
    /* An older device has no wish: it gets what there is. */
    other = peer_open(PEER_OLD, path, 0);
    peer_finish(&other);
}

static void test_two_identities(void **state)
{
    const struct bg_pvgpu_identity identity = {.vm_id = 9, .pool_id = 'A'};

    (void)state;
    start("");
    peer = peer_open(PEER_NEW, path, 1);
    peer_send(&peer, BG_PVGPU_MESSAGE_IDENTITY, &identity, sizeof(identity));
    assert_true(socket_wait_closed(peer.socket, PEER_TIMEOUT_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, teardown)
        TEST(test_worker_killed),
        TEST(test_descriptors_are_given_back),
        TEST(test_backend_that_left_no_word),
        TEST(test_submitted_before_connecting),
        TEST(test_two_guests),
        TEST(test_lease_is_shared),
        TEST(test_paused_guest_has_no_lease),
        TEST(test_pause_in_the_middle),
        TEST(test_rate),
        TEST(test_time_out),
        TEST(test_quarantine),
        TEST(test_pool_not_served),
        TEST(test_two_identities),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
