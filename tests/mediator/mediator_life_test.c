/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/client.c tests/mediator/fixture.c
// build: tests/mediator/processes.c host/common/fd_message.c
// needs: build/host/baregpu-mediator
/* The daemon's start, end, options, exit statuses; clients and workers that die; many of them. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "harness_qemu.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"
#include "tests/mediator/processes.h"

#define GIB (UINT64_C(1) << 30)

static char *program;

static int setup(void **state)
{
    (void)state;
    program = harness_build_path("host/baregpu-mediator");
    return 0;
}

static void start(void)
{
    mediator = mediator_start("--backend cpu --log-level debug --socket %s", path);
}

static void start_with(const char *keys)
{
    fixture_start("one", "vgpu-stub", keys);
}

/* Runs the program with up to four more words; its exit status, and its text holds `expected`. */
static void expect_run(int status, const char *expected, const char *one, const char *two,
                       const char *three, const char *four)
{
    const char *const arguments[] = {program, one, two, three, four, NULL};
    struct process *process = process_start(arguments, NULL);

    assert_int_equal(process_wait(process), status);
    if (strstr(process_output(process), expected) == NULL &&
        strstr(process_errors(process), expected) == NULL) {
        fail_msg("neither \"%s\" nor \"%s\" says \"%s\"", process_output(process),
                 process_errors(process), expected);
    }
    process_end(process);
}

/* ---- Options and exit statuses ---- */

static void test_exit_statuses(void **state)
{
    char *missing = harness_temp_path("missing.sock");

    (void)state;
    expect_run(0, "--backend", "--help", NULL, NULL, NULL);
    expect_run(0, "baregpu-mediator ", "--version", NULL, NULL, NULL);
    expect_run(0, "", "--check-config", NULL, NULL, NULL);
    expect_run(2, "auto, cpu and cuda are allowed", "--backend", "gpu", NULL, NULL);
    expect_run(2, "unrecognized option", "--sockets", NULL, NULL, NULL);
    expect_run(2, "--log-level loud: error, warning, info", "--log-level", "loud", NULL, NULL);
    expect_run(2, "LISTENER:VM_ID", "--release", ":7", NULL, NULL);
    expect_run(2, "missing.ini", "--config", "/missing.ini", NULL, NULL);
    expect_run(2, "extra: only options", "extra", NULL, NULL, NULL);
    expect_run(1, "--ready-fd 77: Bad file descriptor", "--ready-fd", "77", "--socket", path);
    assert_int_equal(access(path, F_OK), -1);
    expect_run(5, missing, "--status", "--socket", missing, NULL);
    expect_run(5, "no mediator answers at /", "--status", "--socket", "no-such.sock", NULL);
    expect_run(5, missing, "--release", "a:1", "--socket", missing);
    free(missing);
}

static void test_configuration_error(void **state)
{
    char *file = harness_temp_path("bad.ini");
    FILE *stream = fopen(file, "w");

    (void)state;
    assert_non_null(stream);
    fprintf(stream, "[listener one]\npath = %s\nmode = 9\n", path);
    fclose(stream);
    expect_run(2, "bad.ini:3: mode = 9: an octal mode", "--check-config", "--config", file, NULL);
    expect_run(2, "bad.ini:3: mode = 9: an octal mode", "--config", file, NULL, NULL);
    free(file);
}

/* What is allowed, and hardly meant. */
static void test_configuration_warning(void **state)
{
    char *file = harness_temp_path("pools.ini");
    FILE *stream = fopen(file, "w");

    (void)state;
    assert_non_null(stream);
    fprintf(stream, "[pool A]\n[listener one]\npath = %s\npools = B\n", path);
    fclose(stream);
    expect_run(0, "listener one: none of its pools has a device", "--check-config", "--config",
               file, NULL);
    mediator = mediator_start("--backend cpu --config %s", file);
    process_wait_text(mediator, "listener one: none of its pools has a device");
    free(file);
}

static void test_no_such_backend(void **state)
{
    char *file = harness_temp_path("gpu.ini");
    FILE *stream = fopen(file, "w");

    (void)state;
    assert_non_null(stream);
    fprintf(stream, "[pool A]\ndevices = cuda:63\n[listener one]\npath = %s\n", path);
    fclose(stream);
    expect_run(4, "there is no device cuda:63", "--config", file, NULL, NULL);
    expect_run(4, "--backend cpu forbids it", "--config", file, "--backend", "cpu");
    assert_int_equal(access(path, F_OK), -1);
    free(file);
}

static void test_ready_fd(void **state)
{
    char *command =
        harness_format("exec %s --backend cpu --socket %s --ready-fd 5 5>&1", program, path);
    const char *const arguments[] = {"sh", "-c", command, NULL};

    (void)state;
    mediator = process_start(arguments, NULL);
    process_wait_text(mediator, "ready\n");
    struct client client = client_open(path, 1);
    struct request nop = request_nop();
    client_expect_ok(&client, &nop);
    client_close(&client);
    free(command);
}

/* ---- The socket's file ---- */

static void test_live_socket_is_an_error(void **state)
{
    struct request nop = request_nop();

    (void)state;
    start();
    expect_run(3, "a mediator listens there already", "--backend", "cpu", "--socket", path);
    struct client client = client_open(path, 1);
    client_expect_ok(&client, &nop); /* the first is as it was */
    client_close(&client);
}

/* Who only looks whether somebody listens leaves no line; a guest's is as it should be read. */
static void test_looks_are_no_news(void **state)
{
    struct request nop = request_nop();

    (void)state;
    mediator = mediator_start("--backend cpu --socket %s", path);
    close(processes_connect(0, path));
    admin_wait_sessions(path, 0);
    struct client client = client_open(path, 1);
    client_expect_ok(&client, &nop);
    client_close(&client);
    process_wait_text(mediator, "ended, 1 request, 0 of them errors");
    assert_null(strstr(process_errors(mediator), ", 0 request"));
}

static void test_stale_socket_is_replaced(void **state)
{
    struct request nop = request_nop();

    (void)state;
    start();
    process_signal(mediator, SIGKILL);
    process_wait(mediator);
    process_end(mediator);
    assert_int_equal(access(path, F_OK), 0); /* nobody removed it */
    start();
    struct client client = client_open(path, 1);
    client_expect_ok(&client, &nop);
    client_close(&client);
}

/* The listener is dead, but what it had forked a moment before still has the socket open. */
static void test_orphaned_socket_is_replaced(void **state)
{
    struct request nop = request_nop();
    int hold[2], status;

    (void)state;
    assert_int_equal(pipe(hold), 0);
    pid_t listener = fork();

    if (listener == 0) {
        bool listens = unix_listen(path, 8) >= 0;

        if (listens && fork() == 0) {
            char byte;

            close(hold[1]);
            _exit(read(hold[0], &byte, 1) != 0);
        }
        _exit(listens ? 0 : 1);
    }
    assert_int_equal(waitpid(listener, &status, 0), listener);
    assert_int_equal(status, 0);
    start();
    struct client client = client_open(path, 1);
    client_expect_ok(&client, &nop);
    client_close(&client);
    close(hold[0]);
    close(hold[1]); /* the orphan ends */
}

static void test_other_file_is_left_alone(void **state)
{
    FILE *file = fopen(path, "w");

    (void)state;
    assert_non_null(file);
    fputs("precious", file);
    fclose(file);
    expect_run(1, "not a socket", "--backend", "cpu", "--socket", path);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 8);
}

static mode_t mode_of(const char *file)
{
    struct stat status;

    assert_int_equal(stat(file, &status), 0);
    return status.st_mode & 07777;
}

static void test_modes(void **state)
{
    char *admin = harness_format("%s.admin", path);

    (void)state;
    start();
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(mode_of(admin), 0600);
    process_end(mediator);
    start_with("mode = 0666\n");
    assert_int_equal(mode_of(path), 0666);
    assert_int_equal(mode_of(admin), 0600);
    free(admin);
}

/* As another user: 0 connected and answered, 1 closed, 2 no connection. */
static int try_as(uid_t user)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        struct bg_vgpu_stub_message ping = {.magic = BG_VGPU_STUB_MESSAGE_MAGIC,
                                            .type = BG_VGPU_STUB_MESSAGE_PING};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        alarm(20);
        strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
        if (setuid(user) != 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
            _exit(2);
        }
        if (send(fd, &ping, sizeof(ping), MSG_NOSIGNAL) != sizeof(ping)) {
            _exit(1);
        }
        _exit(recv(fd, &ping, sizeof(ping), MSG_WAITALL) == sizeof(ping) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_other_users(void **state)
{
    const uid_t user = 12345;

    (void)state;
    if (geteuid() != 0) {
        print_message("only root can be another user\n");
        skip();
    }
    assert_int_equal(chmod(harness_temp_dir(), 0711), 0);
    start();
    assert_int_equal(try_as(user), 2); /* by the mode */
    process_end(mediator);
    start_with("mode = 0666\n");
    assert_int_equal(try_as(user), 1); /* by the credentials */
    process_wait_text(mediator, "of user 12345 is not allowed");
    process_end(mediator);
    start_with("mode = 0666\nallow_users = 12345\n");
    assert_int_equal(try_as(user), 0);
    assert_int_equal(try_as(user + 1), 1);
}

/* ---- The end ---- */

static void expect_gone(void)
{
    char *admin = harness_format("%s.admin", path);

    assert_int_equal(process_wait(mediator), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(access(admin, F_OK), -1);
    free(admin);
}

/* Sends a request that takes a while and waits until it runs. */
static void send_long(struct client *client)
{
    struct request alloc = request_alloc(GIB / 2);
    uint32_t dst = client_expect_ok(client, &alloc), src = client_expect_ok(client, &alloc);
    struct request move = request_move(dst, src, GIB / 2);

    client_send(client, &move);
}

static void test_sigterm_drains(void **state)
{
    struct request add = request_add(1, 2);

    (void)state;
    start();
    struct client idle = client_open(path, 1), busy = client_open(path, 2);
    client_expect_ok(&idle, &add);
    send_long(&busy);
    client_send(&busy, &add);
    /* The socket's thread took both messages once it answers a status after them. */
    json_decref(admin_status(path));
    uint64_t start_ms = harness_now_ms();
    process_signal(mediator, SIGTERM);
    assert_int_equal(client_receive(&busy).status, BG_COMPUTE_OK);
    assert_int_equal(client_receive(&busy).result, 3);
    assert_int_equal(client_receive(&busy).type, 0);
    assert_int_equal(client_receive(&idle).type, 0);
    expect_gone();
    assert_true(harness_now_ms() - start_ms < 10000); /* they ended themselves: the limit is 12 s */
    client_close(&idle);
    client_close(&busy);
}

static void test_second_sigterm_ends_at_once(void **state)
{
    struct request add = request_add(1, 2);

    (void)state;
    start();
    struct client client = client_open(path, 1);
    client_expect_ok(&client, &add);
    assert_int_equal(kill(admin_worker_pid(path, 1), SIGSTOP), 0); /* it cannot drain */
    process_signal(mediator, SIGTERM);
    process_wait_text(mediator, "stopping: 1 sessions");
    uint64_t start_ms = harness_now_ms();
    process_signal(mediator, SIGTERM);
    expect_gone();
    assert_true(harness_now_ms() - start_ms < 8000); /* the drain's limit is 12 s */
    client_close(&client);
}

static void test_supervisor_killed(void **state)
{
    struct request add = request_add(1, 2);

    (void)state;
    start();
    struct client client = client_open(path, 1);
    client_expect_ok(&client, &add);
    pid_t worker = admin_worker_pid(path, 1);
    process_signal(mediator, SIGKILL);
    process_wait(mediator);
    assert_int_equal(client_receive(&client).type, 0); /* no worker stays behind */
    for (uint64_t until_ms = harness_now_ms() + CLIENT_TIMEOUT_MS; kill(worker, 0) == 0;) {
        assert_true(harness_now_ms() < until_ms);
    }
    client_close(&client);
}

/* ---- Deaths in the middle ---- */

static void test_worker_killed(void **state)
{
    struct request add = request_add(1, 2);

    (void)state;
    start();
    struct client busy = client_open(path, 1), other = client_open(path, 2);
    client_expect_ok(&other, &add);
    send_long(&busy);
    assert_int_equal(kill(admin_worker_pid(path, 1), SIGKILL), 0);
    struct answer answer = client_receive(&busy); /* OK when it was faster */
    if (answer.type != 0) {
        assert_int_equal(client_receive(&busy).type, 0);
    }
    client_expect_ok(&other, &add);
    process_wait_text(mediator, "ended by signal 9");
    client_close(&busy);
    client_close(&other);
}

/* An idle worker that does not answer the supervisor any more. */
static void test_stopped_worker(void **state)
{
    struct request add = request_add(1, 2);

    (void)state;
    if (getenv("BAREGPU_SOAK") == NULL) {
        print_message("takes 20 s: only in make soak\n");
        skip();
    }
    start();
    struct client client = client_open(path, 1);
    client_expect_ok(&client, &add);
    assert_int_equal(kill(admin_worker_pid(path, 1), SIGSTOP), 0);
    assert_true(socket_wait_closed(client.fd, 40000));
    process_wait_text(mediator, "killed: it does not answer");
    client_close(&client);
}

static void test_client_gone_during_request(void **state)
{
    struct request add = request_add(1, 2);

    (void)state;
    start();
    struct client busy = client_open(path, 1), other = client_open(path, 2);
    send_long(&busy);
    client_close(&busy);
    client_expect_ok(&other, &add); /* gets the device */
    admin_wait_sessions(path, 1);
    json_t *status = admin_status(path);
    assert_int_equal(json_array_size(json_object_get(status, "faults")), 0); /* not its fault */
    json_decref(status);
    client_close(&other);
}

/* ---- Many ---- */

static void test_many_clients(void **state)
{
    enum { CLIENTS = 64, ROUNDS = 20 };
    static struct client clients[CLIENTS];

    (void)state;
    start();
    for (uint32_t i = 0; i < CLIENTS; i++) {
        clients[i] = client_open(path, i);
        clients[i].is_long = i % 3 == 0;
        clients[i].priority = (uint8_t)(i % 3);
    }
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < CLIENTS; i++) {
            struct request add = request_add(i, round);

            client_send(&clients[i], &add);
        }
        for (uint32_t i = 0; i < CLIENTS; i++) {
            struct answer answer = client_receive(&clients[i]);

            assert_int_equal(answer.status, BG_COMPUTE_OK);
            assert_int_equal(answer.vm_id, i);
            assert_int_equal(answer.result, i + round);
        }
    }
    admin_wait_sessions(path, CLIENTS);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        client_close(&clients[i]);
    }
    admin_wait_sessions(path, 0);
}

static void test_status(void **state)
{
    struct request add = request_add(1, 2), alloc = request_alloc(1000), bad = {.opcode = 0x99};

    (void)state;
    start();
    struct client client = client_open(path, 77);
    client_expect_ok(&client, &add);
    client_expect_ok(&client, &alloc);
    client_call(&client, &bad);
    json_t *status = admin_status(path);
    json_t *session = json_array_get(json_object_get(status, "sessions"), 0);
    assert_int_equal(json_integer_value(json_object_get(session, "vm_id")), 77);
    assert_int_equal(json_integer_value(json_object_get(session, "requests")), 3);
    assert_int_equal(json_integer_value(json_object_get(session, "errors")), 1);
    assert_int_equal(json_integer_value(json_object_get(session, "memory_used")), 1000);
    assert_int_equal(json_integer_value(json_object_get(session, "peer_pid")), getpid());
    assert_string_equal(json_string_value(json_object_get(session, "device")), "cpu");
    assert_string_equal(json_string_value(json_object_get(session, "lease")), "held");
    assert_string_equal(json_string_value(json_object_get(session, "pool")), "A");
    assert_int_equal(json_integer_value(json_object_get(session, "device_us")),
                     0); /* it is alone */
    json_decref(status);
    expect_run(0, "\"vm_id\": 77", "--status", "--socket", path, NULL);
    client_close(&client);
}

/* Whatever is sent to the admin socket, it answers or closes, and goes on. */
static void test_admin_garbage(void **state)
{
    static char long_line[4096];
    char *admin = harness_format("%s.admin", path), answer[256] = "";

    (void)state;
    memset(long_line, 'x', sizeof(long_line));
    start();
    int fd = unix_connect(admin, CLIENT_TIMEOUT_MS);
    socket_write(fd, long_line, sizeof(long_line));
    assert_true(socket_wait_closed(fd, CLIENT_TIMEOUT_MS));
    close(fd);
    fd = unix_connect(admin, CLIENT_TIMEOUT_MS);
    socket_write(fd, "{]\n", 3);
    socket_read(fd, answer, sizeof(answer) - 1, CLIENT_TIMEOUT_MS);
    assert_non_null(strstr(answer, "the commands are status, quarantine, release and drain"));
    close(fd);
    json_decref(admin_status(path));
    free(admin);
}

/* Without descriptors an admin's connection waits, and the mediator does not spin on it. */
static void test_admin_without_descriptors(void **state)
{
    static const char command[] = "{\"command\": \"status\"}\n";
    char *admin = harness_format("%s.admin", path), *line = NULL, answer[4096];
    struct rlimit none = {.rlim_cur = 1, .rlim_max = 1}, before;
    unsigned count = 0;

    (void)state;
    start();
    json_decref(admin_status(path)); /* its spare worker is there */
    assert_int_equal(prlimit(process_pid(mediator), RLIMIT_NOFILE, NULL, &before), 0);
    none.rlim_max = before.rlim_max;
    assert_int_equal(prlimit(process_pid(mediator), RLIMIT_NOFILE, &none, NULL), 0);
    int fd = unix_connect(admin, CLIENT_TIMEOUT_MS);
    socket_write(fd, command, sizeof(command) - 1);
    process_wait_text(mediator, "admin socket: accept: Too many open files");
    usleep(300000); /* not to wait for something: for the lines that must not come */
    assert_int_equal(prlimit(process_pid(mediator), RLIMIT_NOFILE, &before, NULL), 0);
    assert_true(socket_read(fd, answer, sizeof(answer), CLIENT_TIMEOUT_MS) > 0);
    close(fd);
    for (line = strstr(process_errors(mediator), "admin socket: accept"); line != NULL; count++) {
        line = strstr(line + 1, "admin socket: accept");
    }
    assert_in_range(count, 1, 20); /* a try every 50 ms */
    free(admin);
}

/* What keeps workers from starting is tried again each second, and said, not 20 times as often. */
static void test_spares_that_die(void **state)
{
    const struct rlimit none = {.rlim_cur = 1, .rlim_max = 1};
    unsigned count = 0;
    pid_t spare = 0;

    (void)state;
    start();
    while (mediator_workers(mediator, &spare, 1) == 0) {
        usleep(1000);
    }
    assert_int_equal(prlimit(process_pid(mediator), RLIMIT_NOFILE, &none, NULL), 0);
    assert_int_equal(kill(spare, SIGKILL), 0);
    process_wait_text(mediator, "no worker: Too many open files");
    usleep(500000); /* not to wait for something: for the lines that must not come */
    for (const char *at = process_errors(mediator); (at = strstr(at, "no worker:")) != NULL; at++) {
        count++;
    }
    assert_in_range(count, 1, 2);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_exit_statuses),
        TEST(test_configuration_error),
        TEST(test_configuration_warning),
        TEST(test_no_such_backend),
        TEST(test_ready_fd),
        TEST(test_live_socket_is_an_error),
        TEST(test_looks_are_no_news),
        TEST(test_stale_socket_is_replaced),
        TEST(test_orphaned_socket_is_replaced),
        TEST(test_other_file_is_left_alone),
        TEST(test_modes),
        TEST(test_other_users),
        TEST(test_sigterm_drains),
        TEST(test_second_sigterm_ends_at_once),
        TEST(test_supervisor_killed),
        TEST(test_worker_killed),
        TEST(test_stopped_worker),
        TEST(test_client_gone_during_request),
        TEST(test_many_clients),
        TEST(test_status),
        TEST(test_admin_garbage),
        TEST(test_admin_without_descriptors),
        TEST(test_spares_that_die),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup, NULL);
}
