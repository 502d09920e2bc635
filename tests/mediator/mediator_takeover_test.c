/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/client.c tests/mediator/service.c
// build: tests/mediator/processes.c host/common/fd_message.c
// needs: build/host/baregpu-mediator
/* Sessions that outlive their mediator, with the test in systemd's place. */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "harness_qemu.h"
#include "host/mediator/worker/control.h"
#include "tests/mediator/client.h"
#include "tests/mediator/service.h"

#define MIB (UINT64_C(1) << 20)
#define RESTART_S 10     /* the least */
#define CONTROL_MS 60000 /* a CHECK comes every five seconds */

static struct service service;
static char *config_path, *one, *two;
static int restart_s;

static void on_failure(const char *message)
{
    fail_msg("%s", message);
}

static int setup(void **state)
{
    (void)state;
    harness_on_failure = on_failure;
    restart_s = RESTART_S;
    config_path = harness_temp_path("mediator.ini");
    one = harness_temp_path("one.sock");
    two = harness_temp_path("two.sock");
    service_open(&service);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    service_close(&service);
    unlink(one);
    unlink(two);
    free(config_path);
    free(one);
    free(two);
    return 0;
}

static void start(const char *format, ...)
{
    FILE *file = fopen(config_path, "w");
    va_list arguments;

    assert_non_null(file);
    va_start(arguments, format);
    fprintf(file, "[mediator]\nlog_level = debug\nrestart_s = %d\nadmin_socket = %s.admin\n",
            restart_s, one);
    vfprintf(file, format, arguments);
    va_end(arguments);
    assert_int_equal(fclose(file), 0);
    service_start(&service, config_path);
}

static void start_one(void)
{
    start("[listener one]\npath = %s\n", one);
}

/* Ends it by a signal; the next one has what it stored. */
static void restart(int signal_number)
{
    service_stop(&service, signal_number);
    service_start(&service, config_path);
}

static void expect_sum(struct client *client, uint32_t a, uint32_t b)
{
    struct request add = request_add(a, b);

    assert_int_equal(client_expect_ok(client, &add), a + b);
}

static json_t *get_session(json_t *status, unsigned index)
{
    return json_array_get(json_object_get(status, "sessions"), index);
}

static int get_integer(json_t *session, const char *name)
{
    return (int)json_integer_value(json_object_get(session, name));
}

/* ---- It goes on ---- */

/* What a session has it still has, and it is the same guest's, in the same place. */
static void check_restart(int signal_number)
{
    static const char bytes[] = "there before and after";
    struct request alloc = request_alloc(64);

    start_one();
    struct client client = client_open(one, 77);
    uint32_t handle = client_expect_ok(&client, &alloc);
    struct request fill = request_write(handle, bytes, sizeof(bytes));
    struct request get = request_read(handle, sizeof(bytes));
    client_expect_ok(&client, &fill);
    pid_t worker = admin_worker_pid(one, 77);
    assert_int_equal(service_count(&service, "listener-one"), 1);

    restart(signal_number);
    process_wait_text(service.process, "session 1 (one, vm 77): goes on, pool A, device cpu");
    struct answer answer = client_call(&client, &get);
    assert_int_equal(answer.status, BG_COMPUTE_OK);
    assert_memory_equal(answer.data, bytes, sizeof(bytes));
    json_t *status = admin_status(one);
    json_t *session = get_session(status, 0);
    assert_int_equal(json_array_size(json_object_get(status, "sessions")), 1);
    assert_int_equal(get_integer(session, "session"), 1);
    assert_int_equal(get_integer(session, "vm_id"), 77);
    assert_int_equal(get_integer(session, "worker_pid"), worker);
    assert_int_equal(get_integer(session, "peer_pid"), getpid());
    assert_int_equal(get_integer(session, "memory_used"), 64);
    json_decref(status);

    struct client later = client_open(one, 78); /* and has another session's number */
    expect_sum(&later, 4, 5);
    process_wait_text(service.process, "session 2 (one, vm 78): pool A");
    client_close(&later);
    client_close(&client);
    admin_wait_sessions(one, 0);
    service_wait_gone(&service, "session-1");
    service_wait_gone(&service, "session-2");
}

static void test_restart(void **state)
{
    (void)state;
    check_restart(SIGTERM);
}

static void test_killed(void **state)
{
    (void)state;
    check_restart(SIGKILL);
}

static void test_again_and_again(void **state)
{
    (void)state;
    start_one();
    struct client client = client_open(one, 1);
    for (uint32_t i = 0; i < 5; i++) {
        expect_sum(&client, i, 1000);
        restart(i % 2 == 0 ? SIGTERM : SIGKILL);
    }
    expect_sum(&client, 1, 2);
    client_close(&client);
}

/* What it answered to one that is gone is not for the next: it stands still meanwhile. */
static void test_asked_twice(void **state)
{
    (void)state;
    start_one();
    struct client client = client_open(one, 1);
    expect_sum(&client, 1, 2);
    pid_t worker = admin_worker_pid(one, 1);
    assert_int_equal(kill(worker, SIGSTOP), 0);
    restart(SIGKILL);
    restart(SIGKILL);
    assert_int_equal(kill(worker, SIGCONT), 0);
    process_wait_text(service.process, "goes on, pool A");
    expect_sum(&client, 3, 4);
    client_close(&client);
}

/* Who holds a lease computes on while there is no mediator at all. */
static void test_in_between(void **state)
{
    (void)state;
    start_one();
    struct client client = client_open(one, 1);
    expect_sum(&client, 1, 2);
    service_stop(&service, SIGTERM);
    expect_sum(&client, 3, 4);
    struct client waiting = client_open(one, 2); /* in the socket, which is kept */
    service_start(&service, config_path);
    expect_sum(&waiting, 5, 6);
    expect_sum(&client, 7, 8);
    client_close(&client);
    client_close(&waiting);
}

/* What has no worker yet has the next mediator's. */
static void test_not_served_yet(void **state)
{
    (void)state;
    start("[listener one]\npath = %s\nguest_connections_per_s = 1\n", one);
    struct client silent = client_open(one, 1), client = client_open_from(1, one, 2);
    expect_sum(&client, 1, 2); /* which came later */
    restart(SIGTERM);
    expect_sum(&silent, 3, 4);
    expect_sum(&client, 5, 6);
    service_wait_gone(&service, "waiting");
    client_close(&silent);
    client_close(&client);
}

static void send_long(struct client *client)
{
    struct request alloc = request_alloc(256 * MIB);
    uint32_t dst = client_expect_ok(client, &alloc), src = client_expect_ok(client, &alloc);
    struct request move = request_move(dst, src, 256 * MIB);

    client_send(client, &move);
}

/* On a device with room for one: a holder in the middle of its request, one that waits for the
 * lease, and one whose first request came while there was nobody. */
static void check_leases(int signal_number)
{
    struct request add = request_add(8, 9), nop = request_nop();
    cpu_set_t all, first;

    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    CPU_ZERO(&first);
    for (int i = 0; CPU_COUNT(&first) == 0; i++) {
        if (CPU_ISSET(i, &all)) {
            CPU_SET(i, &first);
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof(first), &first), 0);
    start_one();
    struct client holder = client_open(one, 1), waiter = client_open(one, 2),
                  late = client_open(one, 3);
    send_long(&holder);
    client_expect_ok(&waiter, &nop);
    client_send(&waiter, &add);
    client_send_ping(&late, 1, false);
    admin_wait_sessions(one, 3);
    assert_int_equal(client_receive(&late).type, BG_VGPU_STUB_MESSAGE_PONG);
    service_stop(&service, signal_number);
    client_send(&late, &add);
    service_start(&service, config_path);
    sched_setaffinity(0, sizeof(all), &all);
    assert_int_equal(client_receive(&holder).status, BG_COMPUTE_OK);
    assert_int_equal(client_receive(&waiter).result, 17);
    assert_int_equal(client_receive(&late).result, 17);
    expect_sum(&holder, 1, 1);
    expect_sum(&waiter, 2, 2);
    expect_sum(&late, 3, 3);
    admin_wait_waiting(one, 0);
    client_close(&holder);
    client_close(&waiter);
    client_close(&late);
    admin_wait_sessions(one, 0);
}

static void test_leases(void **state)
{
    (void)state;
    check_leases(SIGTERM);
}

static void test_leases_killed(void **state)
{
    (void)state;
    check_leases(SIGKILL);
}

/* ---- It does not ---- */

/* systemd stops the service, and keeps nothing. */
static void test_stopped_for_good(void **state)
{
    (void)state;
    start_one();
    struct client client = client_open(one, 1);
    expect_sum(&client, 1, 2);
    service_stop(&service, SIGTERM);
    uint64_t start_ms = harness_now_ms();
    service_drop(&service);
    assert_int_equal(client_receive(&client).type, 0);
    assert_true(harness_now_ms() - start_ms < RESTART_S * 1000 / 2);
    client_close(&client);
}

/* A process's connections are closed a moment before it has ended. */
static void wait_worker_gone(void)
{
    for (unsigned i = 0; i < service.count; i++) {
        char path[64], target[64] = "";

        snprintf(path, sizeof(path), "/proc/self/fd/%d", service.stored[i].fd);
        (void)!readlink(path, target, sizeof(target) - 1);
        if (strstr(target, "pidfd") != NULL) {
            assert_true(harness_wait_readable(service.stored[i].fd, CONTROL_MS));
        }
    }
}

/* Nobody comes back, and the descriptors are kept. */
static void test_bound(void **state)
{
    (void)state;
    start_one();
    struct client client = client_open(one, 1);
    expect_sum(&client, 1, 2);
    uint64_t start_ms = harness_now_ms();
    service_stop(&service, SIGKILL);
    assert_int_equal(client_receive(&client).type, 0);
    assert_in_range(harness_now_ms() - start_ms, (RESTART_S - 6) * 1000, (RESTART_S + 5) * 1000);
    wait_worker_gone();
    service_start(&service, config_path); /* with what is left of it */
    process_wait_text(service.process, "session-1 does not go on: its worker is gone");
    service_wait_gone(&service, "session-1");
    client_close(&client);
}

/* SIGINT is an end, as without a service. */
static void test_interrupt_ends(void **state)
{
    (void)state;
    start_one();
    struct client client = client_open(one, 1);
    expect_sum(&client, 1, 2);
    service_stop(&service, SIGINT);
    assert_int_equal(client_receive(&client).type, 0);
    service_wait_gone(&service, "session-1");
    service_wait_gone(&service, "listener-one");
    assert_int_equal(access(one, F_OK), -1);
    client_close(&client);
}

static void test_listener_is_gone(void **state)
{
    (void)state;
    start("[listener one]\npath = %s\n[listener two]\npath = %s\n", one, two);
    struct client client = client_open(two, 1);
    expect_sum(&client, 1, 2);
    service_stop(&service, SIGTERM);
    assert_int_equal(access(two, F_OK), 0);
    start_one();
    process_wait_text(service.process, "session-1 does not go on: its listener is gone");
    assert_int_equal(client_receive(&client).type, 0);
    assert_int_equal(access(two, F_OK), -1);
    service_wait_gone(&service, "listener-two");
    client_close(&client);
}

/* A file that is at its path now is not the mediator's to remove. */
static void test_path_is_anothers(void **state)
{
    (void)state;
    start("[listener one]\npath = %s\n[listener two]\npath = %s\n", one, two);
    service_stop(&service, SIGTERM);
    assert_int_equal(unlink(two), 0);
    close(open(two, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
    start_one();
    service_wait_gone(&service, "listener-two");
    assert_int_equal(access(two, F_OK), 0);
}

/* How a process of another's ended nobody is told. */
static void test_worker_dies_later(void **state)
{
    (void)state;
    start_one();
    struct client client = client_open(one, 5);
    expect_sum(&client, 1, 2);
    restart(SIGTERM);
    expect_sum(&client, 1, 2);
    assert_int_equal(kill(admin_worker_pid(one, 5), SIGKILL), 0);
    assert_int_equal(client_receive(&client).type, 0);
    admin_wait_sessions(one, 0);
    json_t *status = admin_status(one);
    assert_int_equal(json_array_size(json_object_get(status, "faults")), 1);
    json_decref(status);
    client_close(&client);
}

/* ---- What was before ---- */

static void expect_counts(uint64_t faults, uint64_t quarantines, uint64_t accepted)
{
    json_t *status = admin_status(one);
    json_t *listener = json_array_get(json_object_get(status, "listeners"), 0);

    assert_int_equal(get_integer(listener, "faults"), faults);
    assert_int_equal(get_integer(listener, "quarantines"), quarantines);
    assert_int_equal(get_integer(listener, "accepted"), accepted);
    json_decref(status);
}

static void expect_quarantined(void)
{
    struct request nop = request_nop();
    struct client client = client_open(one, 5);

    assert_int_equal(client_call(&client, &nop).type, BG_VGPU_STUB_MESSAGE_QUARANTINED);
    client_close(&client);
}

/* A fault before the restart and one behind it; then no restart is a way out. */
static void check_quarantine(int signal_number)
{
    static const char keys[] = "quarantine_faults = 2\nquarantine_window_s = 3600\n";

    start("[listener one]\npath = %s\n%s", one, keys);
    for (int i = 0; i < 2; i++) {
        struct client client = client_open(one, 5);

        expect_sum(&client, 1, 2);
        assert_int_equal(kill(admin_worker_pid(one, 5), SIGKILL), 0);
        assert_int_equal(client_receive(&client).type, 0);
        client_close(&client);
        admin_wait_sessions(one, 0);
        restart(signal_number);
    }
    expect_counts(2, 1, 2);
    expect_quarantined();
    restart(signal_number);
    expect_quarantined();
    struct client other = client_open_from(1, one, 5); /* of the same name */
    expect_sum(&other, 1, 2);
    client_close(&other);
    json_t *answer =
        admin_ask(one, "{\"command\": \"release\", \"listener\": \"one\", \"vm_id\": 5}");
    assert_int_equal(json_integer_value(json_object_get(answer, "guests")), 1);
    json_decref(answer);
    restart(signal_number);
    struct client client = client_open(one, 5);
    expect_sum(&client, 1, 2);
    client_close(&client);
}

static void test_quarantine_stays(void **state)
{
    (void)state;
    check_quarantine(SIGTERM);
}

static void test_quarantine_stays_when_killed(void **state)
{
    (void)state;
    check_quarantine(SIGKILL);
}

/* A session in quarantine goes on in it. */
static void test_operators_stays(void **state)
{
    struct request nop = request_nop();

    (void)state;
    start_one();
    struct client client = client_open(one, 5);
    expect_sum(&client, 1, 2);
    json_decref(admin_ask(one, "{\"command\": \"quarantine\", \"listener\": \"one\"}"));
    restart(SIGTERM);
    admin_wait_sessions(one, 1);
    assert_int_equal(client_call(&client, &nop).type, BG_VGPU_STUB_MESSAGE_QUARANTINED);
    client_close(&client);
}

/* What another version left, or nobody. */
static void test_strange_history(void **state)
{
    (void)state;
    service_store(&service, "history", open("/dev/zero", O_RDWR | O_CLOEXEC));
    start_one();
    struct client client = client_open(one, 1);
    expect_sum(&client, 1, 2);
    restart(SIGTERM);
    assert_int_equal(service_count(&service, "history"), 1);
    expect_counts(0, 0, 1);
    client_close(&client);
}

/* One that it does not answer is ended, though it is no child of this mediator. */
static void test_worker_stands_still(void **state)
{
    (void)state;
    start_one();
    struct client client = client_open(one, 5);
    expect_sum(&client, 1, 2);
    pid_t worker = admin_worker_pid(one, 5);
    restart(SIGTERM);
    process_wait_text(service.process, "goes on, pool A");
    assert_int_equal(kill(worker, SIGSTOP), 0);
    process_signal(service.process, SIGINT);
    process_wait_text(service.process, "stopping: 1 sessions finish");
    process_signal(service.process, SIGINT);
    process_wait(service.process);
    assert_int_equal(client_receive(&client).type, 0);
    client_close(&client);
}

/* With another user its worker could not be ended, and with other worker_uids it may have the user
 * of another session's. */
static void test_other_users(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("only root can give workers users of their own\n");
        skip();
    }
    start_one();
    struct client client = client_open(one, 1);
    expect_sum(&client, 1, 2);
    service_stop(&service, SIGTERM);
    start("worker_uids = 200000-204999\n[listener one]\npath = %s\n", one);
    process_wait_text(service.process, "session-1 does not go on: its user may be another one's");
    assert_int_equal(client_receive(&client).type, 0);
    service_wait_gone(&service, "session-1");
    client_close(&client);
}

/* ---- A worker in a guest's hands: the test answers in its place ---- */

static bool is_socket(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

/* What its supervisor is to have for the worker's; the worker's own stays open. */
static int take_control_socket(int *kept)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
                     0);
    for (unsigned i = 0; i < service.count; i++) {
        struct service_stored *stored = &service.stored[i];

        if (strcmp(stored->name, "session-1") == 0 && is_socket(stored->fd)) {
            *kept = stored->fd;
            stored->fd = pair[0];
            return pair[1];
        }
    }
    fail_msg("no control socket is stored");
    return -1;
}

static struct control_message expect_control(int fd, uint32_t type)
{
    struct control_message message = {0};

    while (message.type != type) {
        assert_true(harness_wait_readable(fd, CONTROL_MS));
        assert_int_equal(recv(fd, &message, sizeof(message), 0), sizeof(message));
    }
    return message;
}

static void say(int fd, const struct control_message *message)
{
    assert_int_equal(send(fd, message, sizeof(*message), MSG_NOSIGNAL), sizeof(*message));
}

struct impostor {
    struct client client;
    int kept, control;
    uint64_t supervisor; /* which one asks */
};

/* Has a session go on under a mediator whose questions come to the test. */
static struct impostor begin_impostor(void)
{
    struct impostor impostor;

    restart_s = 60; /* the worker itself, which nobody asks, is to stay */
    start("[listener one]\npath = %s\npools = A\n", one);
    impostor.client = client_open(one, 1);
    expect_sum(&impostor.client, 1, 2);
    service_stop(&service, SIGTERM);
    impostor.control = take_control_socket(&impostor.kept);
    service_start(&service, config_path);
    impostor.supervisor = expect_control(impostor.control, CONTROL_RESUME).supervisor;
    return impostor;
}

/* It was ended, and the mediator serves others. */
static void expect_killed(struct impostor *impostor, const char *why)
{
    struct client other;

    process_wait_text(service.process, why);
    assert_int_equal(client_receive(&impostor->client).type, 0);
    other = client_open(one, 2);
    expect_sum(&other, 3, 4);
    client_close(&other);
    client_close(&impostor->client);
    close(impostor->control);
    close(impostor->kept);
}

static struct control_message lie(const struct impostor *impostor, uint8_t pool, uint8_t cuda)
{
    return (struct control_message){.type = CONTROL_RESUMED,
                                    .resumed = {.supervisor = impostor->supervisor,
                                                .asked = 255,
                                                .answered = 255,
                                                .placed = 255,
                                                .cuda = cuda,
                                                .attach = {.vm_id = 1, .pool_id = pool},
                                                .lease = CONTROL_LEASE_HELD,
                                                .priority = UINT32_MAX}};
}

static void test_a_lie_about_the_device(void **state)
{
    static const struct {
        uint8_t pool, cuda;
    } lies[] = {{'B', 0}, {'A', 255}, {'C', 0}, {0, 0}};

    (void)state;
    for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct impostor impostor = begin_impostor();
        struct control_message message = lie(&impostor, lies[i].pool, lies[i].cuda);

        say(impostor.control, &message);
        expect_killed(&impostor, "this mediator does not have its device");
        service_stop(&service, SIGINT);
    }
}

static void test_said_twice(void **state)
{
    (void)state;
    struct impostor impostor = begin_impostor();
    struct control_message message = lie(&impostor, 'A', 0);
    say(impostor.control, &message);
    say(impostor.control, &message);
    expect_killed(&impostor, "it was not asked how things stand");
}

/* That all is well is not the last word about what ends by a signal. */
static void test_said_before_it_crashed(void **state)
{
    const struct control_message detach = {.type = CONTROL_DETACH};

    (void)state;
    struct impostor impostor = begin_impostor();
    struct control_message message = lie(&impostor, 'A', 0);
    message.resumed.lease = CONTROL_LEASE_NONE;
    say(impostor.control, &message);
    say(impostor.control, &detach);
    assert_int_equal(kill(admin_worker_pid(one, 1), SIGKILL), 0);
    expect_killed(&impostor, "ended by signal 9");
    expect_counts(1, 0, 2);
}

/* Else it would have no account of anything. */
static void test_never_said(void **state)
{
    const struct control_message checked = {.type = CONTROL_CHECKED};

    (void)state;
    if (getenv("BAREGPU_SOAK") == NULL) {
        print_message("takes 20 s: only in make soak\n");
        skip();
    }
    struct impostor impostor = begin_impostor();
    for (int i = 0; i < 3; i++) {
        expect_control(impostor.control, CONTROL_CHECK);
        say(impostor.control, &checked);
    }
    expect_killed(&impostor, "it does not answer");
}

/* ---- What is handed over ---- */

static void test_rubbish(void **state)
{
    char long_name[SERVICE_NAME_SIZE];
    int pipes[2], pair[2];

    (void)state;
    memset(long_name, 'x', sizeof(long_name)); /* as long as systemd's may be */
    memcpy(long_name, "session-", 8);
    long_name[sizeof(long_name) - 1] = '\0';
    service_store(&service, long_name, open("/dev/null", O_RDONLY | O_CLOEXEC));
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    service_store(&service, "session-3", pipes[0]);
    service_store(&service, "session-3", pair[0]);
    service_store(&service, "session-x", pipes[1]);
    service_store(&service, "listener-y", pair[1]);
    service_store(&service, "cgroup", open("/dev/null", O_RDONLY | O_CLOEXEC));
    service_store(&service, "other", open("/dev/null", O_RDONLY | O_CLOEXEC));
    start_one();
    process_wait_text(service.process, "session-3 does not go on");
    process_wait_text(service.process, "descriptor other was handed over");
    struct client client = client_open(one, 1);
    expect_sum(&client, 1, 2);
    client_close(&client);
    service_wait_gone(&service, "session-3");
}

/* Of a socket unit: systemd's, before and after. */
static void test_socket_unit(void **state)
{
    (void)state;
    service_store(&service, "baregpu-mediator.socket", unix_listen(one, 8));
    struct client early = client_open(one, 1);
    start_one();
    expect_sum(&early, 1, 2);
    restart(SIGTERM);
    expect_sum(&early, 3, 4);
    service_wait_gone(&service, "listener-one");
    service_stop(&service, SIGINT);
    assert_int_equal(access(one, F_OK), 0);
    client_close(&early);
}

int main(int count, char **texts)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_restart),
        TEST(test_killed),
        TEST(test_again_and_again),
        TEST(test_asked_twice),
        TEST(test_in_between),
        TEST(test_not_served_yet),
        TEST(test_leases),
        TEST(test_leases_killed),
        TEST(test_stopped_for_good),
        TEST(test_bound),
        TEST(test_interrupt_ends),
        TEST(test_listener_is_gone),
        TEST(test_path_is_anothers),
        TEST(test_worker_dies_later),
        TEST(test_worker_stands_still),
        TEST(test_quarantine_stays),
        TEST(test_quarantine_stays_when_killed),
        TEST(test_operators_stays),
        TEST(test_strange_history),
        TEST(test_other_users),
        TEST(test_a_lie_about_the_device),
        TEST(test_said_twice),
        TEST(test_said_before_it_crashed),
        TEST(test_never_said),
        TEST(test_rubbish),
        TEST(test_socket_unit),
    };

    service_main(count, texts);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
