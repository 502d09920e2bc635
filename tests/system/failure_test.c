/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest, device and mediator together when one of them dies or lies: the guest app test_recovery
 * sees the loss once and starts over. And many guests at once.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness_qemu.h"
#include "protocol/vgpu_stub.h"

#define GUESTS 20

static void fail_test(const char *message)
{
    fail_msg("%s", message);
}

/* Of its own for each test: what a failed one left behind does not disturb the next. */
static char *new_socket_path(void)
{
    static unsigned number;

    return harness_format("%s/mediator-%u.sock", harness_temp_dir(), number++);
}

static struct process *start_guest(const char *run, const char *properties, const char *socket)
{
    char *append = harness_format("run=%s", run);
    char *arguments = harness_format("-device vgpu-stub,socket=%s%s", socket, properties);
    const struct guest_options options = {.append = append, .arguments = arguments};
    struct process *guest = guest_start(&options);

    free(arguments);
    free(append);
    return guest;
}

/* The guest has ended well; what it printed is shown when it has not. */
static void expect_success(struct process *guest)
{
    int status = process_wait(guest);

    if (status != 0) {
        process_show(guest);
    }
    assert_int_equal(status, 0);
}

static void signal_workers(struct process *mediator, int signal_number)
{
    pid_t workers[16];
    size_t count = mediator_workers(mediator, workers, 16);

    for (size_t i = 0; i < count; i++) {
        kill(workers[i], signal_number);
    }
}

static size_t count(const char *text, const char *word)
{
    size_t times = 0;

    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        times++;
    }
    return times;
}

/* Lines that the guest may still print for a worker that is dead, and one more. */
#define NO_LOSS_LINES 4

/* Kills workers until the guest has lost a request: a worker that dies between two requests is no
 * loss, the next request finds another; the guest's next lines say so. */
static void kill_worker_at_work(struct process *mediator, struct process *guest)
{
    uint64_t end_ms = harness_now_ms() + HARNESS_PROCESS_TIMEOUT_MS / 2;
    bool lost = false;

    while (!lost && harness_now_ms() < end_ms) {
        size_t worked;

        signal_workers(mediator, SIGKILL);
        worked = count(process_output(guest), "# worked");
        do {
            lost = strstr(process_output(guest), "# lost") != NULL;
        } while (!lost && count(process_output(guest), "# worked") < worked + NO_LOSS_LINES &&
                 harness_now_ms() < end_ms);
    }
}

/* A mediator that forgives workers that die again and again. */
static struct process *start_patient_mediator(const char *socket)
{
    char *path = harness_temp_path("patient.ini");
    FILE *file = fopen(path, "w");
    struct process *mediator;

    assert_non_null(file);
    fprintf(file, "[listener guests]\npath = %s\nquarantine_faults = 0\n", socket);
    fclose(file);
    mediator = mediator_start("--backend cpu --config %s", path);
    free(path);
    return mediator;
}

enum loss { LOSS_KILLED_BUSY, LOSS_WORKER_KILLED, LOSS_STOPPED };

static void lose_and_recover(enum loss loss)
{
    char *socket = new_socket_path();
    struct process *mediator = start_patient_mediator(socket);
    struct process *guest = start_guest("test-recovery", "", socket);

    process_wait_text(guest, "# working");
    switch (loss) {
    case LOSS_KILLED_BUSY:
        /* With its worker stopped the guest's next request stays without an answer: the mediator
         * dies in the middle of it. */
        signal_workers(mediator, SIGSTOP);
        process_signal(mediator, SIGKILL);
        break;
    case LOSS_WORKER_KILLED:
        kill_worker_at_work(mediator, guest);
        break;
    case LOSS_STOPPED:
        process_signal(mediator, SIGTERM);
        break;
    }
    process_wait_text(guest, "# lost");
    if (loss != LOSS_WORKER_KILLED) {
        process_wait(mediator);
        process_end(mediator);
        mediator = mediator_start("--socket %s --backend cpu", socket);
    }
    expect_success(guest);
    process_end(guest);
    process_signal(mediator, SIGTERM);
    assert_int_equal(process_wait(mediator), 0);
    process_end(mediator);
    free(socket);
}

static void test_mediator_killed_during_request(void **state)
{
    (void)state;
    lose_and_recover(LOSS_KILLED_BUSY);
}

static void test_worker_killed(void **state)
{
    (void)state;
    lose_and_recover(LOSS_WORKER_KILLED);
}

static void test_mediator_restarted(void **state)
{
    (void)state;
    lose_and_recover(LOSS_STOPPED);
}

/* Somebody else takes the mediator's place while it is away, and talks nonsense. */
static void test_garbage_from_mediator(void **state)
{
    static const char garbage[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    char *socket = new_socket_path();
    struct process *mediator = mediator_start("--socket %s --backend cpu", socket);
    struct process *guest = start_guest("test-recovery", "", socket);
    uint8_t request[sizeof(struct bg_vgpu_stub_message) + BG_VGPU_STUB_BUFFER_SIZE];
    int listener, peer;

    (void)state;
    process_wait_text(guest, "# working");
    signal_workers(mediator, SIGSTOP);
    process_signal(mediator, SIGKILL);
    process_wait(mediator);
    process_end(mediator);
    listener = unix_listen(socket, 4);
    peer = unix_accept(listener, HARNESS_TIMEOUT_MS); /* a request, sent again or after the loss */
    assert_true(peer >= 0);
    assert_true(harness_wait_readable(peer, HARNESS_TIMEOUT_MS));
    assert_true(recv(peer, request, sizeof(request), 0) > 0); /* whole: the device sends at once */
    assert_true(socket_write(peer, garbage, sizeof(garbage) - 1));
    assert_true(socket_wait_closed(peer, HARNESS_TIMEOUT_MS));
    close(peer);
    close(listener);
    mediator = mediator_start("--socket %s --backend cpu", socket);
    expect_success(guest);
    process_end(guest);
    process_end(mediator);
    free(socket);
}

static json_t *read_status(const char *socket)
{
    char *program = harness_build_path("host/baregpu-mediator");
    const char *const argv[] = {program, "--socket", socket, "--status", NULL};
    struct process *process = process_start(argv, NULL);
    json_t *status;

    assert_int_equal(process_wait(process), 0);
    status = json_loads(process_output(process), 0, NULL);
    assert_non_null(status);
    process_end(process);
    free(program);
    return status;
}

/* A guest that is gone leaves nothing behind, and the others do not notice. */
static void test_guest_killed(void **state)
{
    char *socket = new_socket_path();
    struct process *mediator = mediator_start("--socket %s --backend cpu", socket);
    struct process *victim = start_guest("test-recovery", ",vm_id=1", socket);
    struct process *guest;
    size_t sessions = 1;
    uint64_t end_ms = harness_now_ms() + HARNESS_TIMEOUT_MS;

    (void)state;
    process_wait_text(victim, "# working");
    guest = start_guest("demo", ",vm_id=2", socket);
    process_signal(victim, SIGKILL);
    process_wait(victim);
    expect_success(guest);
    while (sessions > 0 && harness_now_ms() < end_ms) {
        json_t *status = read_status(socket);

        sessions = json_array_size(json_object_get(status, "sessions"));
        json_decref(status);
    }
    assert_int_equal(sessions, 0);
    process_end(victim);
    process_end(guest);
    process_end(mediator);
    free(socket);
}

static void test_two_priorities(void **state)
{
    char *socket = new_socket_path();
    struct process *mediator = mediator_start("--socket %s --backend cpu", socket);
    struct process *low = start_guest("demo", ",priority=low,vm_id=1", socket);
    struct process *high = start_guest("demo", ",priority=high,vm_id=2,pool_id=B", socket);

    (void)state;
    expect_success(low);
    expect_success(high);
    assert_non_null(strstr(process_output(low), "priority low, VM 1"));
    assert_non_null(strstr(process_output(high), "pool B, priority high, VM 2"));
    process_end(low);
    process_end(high);
    process_end(mediator);
    free(socket);
}

static void test_twenty_guests(void **state)
{
    static const char *const priorities[] = {"low", "medium", "high"};
    char *socket = new_socket_path();
    struct process *mediator = mediator_start("--socket %s --backend cpu", socket);
    struct process *guests[GUESTS];

    (void)state;
    for (int i = 0; i < GUESTS; i++) {
        char *properties = harness_format(",vm_id=%d,priority=%s,pool_id=%c", i, priorities[i % 3],
                                          i % 2 ? 'A' : 'B');

        guests[i] = start_guest("demo", properties, socket);
        free(properties);
    }
    for (int i = 0; i < GUESTS; i++) {
        expect_success(guests[i]);
        process_end(guests[i]);
    }
    process_end(mediator);
    free(socket);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mediator_killed_during_request),
        cmocka_unit_test(test_worker_killed),
        cmocka_unit_test(test_mediator_restarted),
        cmocka_unit_test(test_garbage_from_mediator),
        cmocka_unit_test(test_guest_killed),
        cmocka_unit_test(test_two_priorities),
        cmocka_unit_test(test_twenty_guests),
    };

    harness_on_failure = fail_test;
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
