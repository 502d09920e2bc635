/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/client.c tests/mediator/processes.c tests/mediator/fixture.c
// build: host/common/fd_message.c
// needs: build/host/baregpu-mediator
// serial
/* What a guest, or whoever started the mediator, can do to it and to other guests. */
#include <dirent.h>
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
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "harness_qemu.h"
#include "host/mediator/supervisor/guest_record.h"
#include "protocol/pvgpu.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"

static pid_t bare; /* a mediator that the harness does not read from; 0: none */

static int teardown(void **state)
{
    if (bare > 0) {
        kill(bare, SIGKILL);
        waitpid(bare, NULL, 0);
        bare = 0;
    }
    return fixture_teardown(state);
}

/* Starts it with this standard error; -1: all three standard descriptors are closed. */
static void start_bare(int errors)
{
    char *program = harness_build_path("host/baregpu-mediator");

    bare = fork();
    if (bare == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (errors >= 0) {
            dup2(errors, STDERR_FILENO);
        } else {
            close_range(0, STDERR_FILENO, 0);
        }
        execl(program, program, "--backend", "cpu", "--log-level", "debug", "--socket", path,
              (char *)NULL);
        _exit(127);
    }
    free(program);
    assert_true(bare > 0);
}

/* Ends it by this signal; what waitpid() says. */
static int end_bare(int signal_number)
{
    uint64_t until_ms = harness_now_ms() + CLIENT_TIMEOUT_MS;
    int status;

    assert_int_equal(kill(bare, signal_number), 0);
    while (waitpid(bare, &status, WNOHANG) == 0) {
        assert_true(harness_now_ms() < until_ms);
        usleep(1000);
    }
    bare = 0;
    return status;
}

static unsigned count_text(const char *text, const char *what)
{
    unsigned count = 0;

    while ((text = strstr(text, what)) != NULL) {
        count++;
        text++;
    }
    return count;
}

/* Without debug lines, which are not limited: two listeners, one and two, with these keys. */
static void start_quiet(const char *keys)
{
    char *file = harness_temp_path("quiet.ini");
    FILE *stream = fopen(file, "w");

    assert_non_null(stream);
    fprintf(stream, "[listener one]\npath = %s\n%s[listener two]\npath = %s.two\n", path, keys,
            path);
    fclose(stream);
    mediator = mediator_start("--backend cpu --config %s", file);
    free(file);
}

/* ---- The log ---- */

/* A pipe that is full from the start: guests are served, and the end comes when it is told to. */
static void test_log_that_nobody_reads(void **state)
{
    static const char junk[4096] = {0};
    struct request add = request_add(1, 2);
    int pipes[2];

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    fcntl(pipes[1], F_SETFL, O_NONBLOCK);
    while (write(pipes[1], junk, sizeof(junk)) > 0) {
    }
    fcntl(pipes[1], F_SETFL, 0); /* as a shell leaves it */
    start_bare(pipes[1]);
    for (int i = 0; i < 200; i++) {
        struct client client = client_open_from((unsigned)i % 8, path, 1);

        client_expect_ok(&client, &add);
        client_close(&client);
    }
    int status = end_bare(SIGTERM);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(pipes[0]);
    close(pipes[1]);
}

/* As a guest does that rings the doorbell of a device that is not let in. */
static void test_full_listener_says_so_once(void **state)
{
    struct request nop = request_nop();

    (void)state;
    fixture_start("one", "vgpu-stub", "max_sessions = 1\n");
    struct client client = client_open(path, 1);
    client_expect_ok(&client, &nop);
    for (int i = 0; i < 500; i++) {
        struct client more = client_open(path, 2);

        client_close(&more);
    }
    process_wait_text(mediator, "more suppressed of connections that were ended");
    client_expect_ok(&client, &nop);
    const char *text = process_errors(mediator);
    assert_in_range(count_text(text, "connection ended"), 1, 3);
    assert_in_range(count_text(text, "more suppressed"), 1, 3);
    client_close(&client);
}

/* Many at once, of three lines each: faster than they are let through, on a busy machine too. */
static void send_nonsense(void)
{
    struct request nop = request_nop();
    struct client clients[16];

    for (int i = 0; i < 16; i++) {
        clients[i] = client_open(path, 1);
    }
    for (int i = 0; i < 16; i++) {
        client_expect_ok(&clients[i], &nop);
        socket_write(clients[i].fd, "this is not a message at all", 28);
    }
    for (int i = 0; i < 16; i++) {
        assert_int_equal(client_receive(&clients[i]).type, 0);
        client_close(&clients[i]);
    }
}

/* Messages that are none: lines of each, up to what a guest may cause; another guest's are there.
 */
static void test_lines_are_counted(void **state)
{
    struct request nop = request_nop();
    uint64_t begin_ms = harness_now_ms();
    unsigned lines;

    (void)state;
    start_quiet("connections_per_s = 0\nguest_connections_per_s = 0\n");
    for (int i = 0; i < 25; i++) {
        send_nonsense();
    }
    struct client client = client_open_from(1, path, 4711);
    client_expect_ok(&client, &nop);
    client_close(&client);
    process_wait_text(mediator, "vm 4711): ended");
    process_wait_text(mediator, "more suppressed");
    lines = (unsigned)((harness_now_ms() - begin_ms) / 1000 + 1) * GUEST_RECORD_LINES_PER_S +
            GUEST_RECORD_LINES_BURST;
    assert_in_range(count_text(process_errors(mediator), "\n"), 50, lines + 20);
}

/* ---- Workers ---- */

/* The worker of the only session, whatever it has sent. */
static pid_t only_worker(void)
{
    json_t *status = admin_status(path);
    json_t *session = json_array_get(json_object_get(status, "sessions"), 0);
    pid_t worker = (pid_t)json_integer_value(json_object_get(session, "worker_pid"));

    json_decref(status);
    return worker;
}

static bool says(pid_t process, const char *line)
{
    char *name = harness_format("/proc/%d/status", process), text[4096];
    FILE *file = fopen(name, "r");
    size_t length = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;

    if (file != NULL) {
        fclose(file);
    }
    free(name);
    text[length] = '\0';
    return strstr(text, line) != NULL;
}

static ino_t namespace_of(const char *process, const char *kind)
{
    char *name = harness_format("/proc/%s/ns/%s", process, kind);
    struct stat status = {0};

    assert_int_equal(stat(name, &status), 0);
    free(name);
    return status.st_ino;
}

static void expect_namespaces(pid_t worker)
{
    static const char *const kinds[] = {"user", "pid", "mnt", "ipc", "net", "uts"};
    char *process = harness_format("%d", worker);
    char *root = harness_format("/proc/%d/root", worker);

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        assert_int_not_equal(namespace_of(process, kinds[i]), namespace_of("self", kinds[i]));
    }
    DIR *directory = opendir(root);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        assert_true(entry->d_name[0] == '.');
    }
    closedir(directory);
    free(process);
    free(root);
}

/* With a guest's first byte, before there is a message of its bytes. */
static void expect_jail(const char *device, char byte)
{
    uint64_t until_ms = harness_now_ms() + CLIENT_TIMEOUT_MS;
    pid_t worker;

    fixture_start("one", device, "");
    struct client client = client_open(path, 1);
    assert_true(socket_write(client.fd, &byte, 1));
    do {
        assert_true(harness_now_ms() < until_ms);
        worker = only_worker();
    } while (worker <= 0 || !says(worker, "Seccomp:\t2"));
    assert_true(says(worker, "NoNewPrivs:\t1"));
    if (strstr(process_errors(mediator), "workers are not alone") == NULL) {
        assert_true(says(worker, "CapEff:\t0000000000000000"));
        expect_namespaces(worker);
    }
    client_close(&client);
}

static void test_stub_worker_is_alone(void **state)
{
    (void)state;
    expect_jail("vgpu-stub", (char)BG_VGPU_STUB_MESSAGE_MAGIC);
}

static void test_pvgpu_worker_is_alone(void **state)
{
    (void)state;
    expect_jail("pvgpu", BG_PVGPU_MESSAGE_HANDSHAKE);
}

/* ---- Who answers in the mediator's place ---- */

/* Answers one client with this, again and again (`endless`), each after some time. */
static pid_t start_impostor(int listener, const char *answer, bool endless, unsigned pause_us)
{
    pid_t child = fork();

    if (child == 0) {
        int fd = unix_accept(listener, CLIENT_TIMEOUT_MS);
        char command;

        while (socket_read(fd, &command, 1, CLIENT_TIMEOUT_MS) == 1 && command != '\n') {
        }
        do {
            usleep(pause_us);
        } while (socket_write(fd, answer, strlen(answer)) && endless);
        _exit(0);
    }
    close(listener);
    return child;
}

/* What --status says to an answer; its exit status is this. */
static void expect_status(int exit_status, const char *expected)
{
    char *program = harness_build_path("host/baregpu-mediator");
    const char *const arguments[] = {program, "--status", "--admin-socket", path, NULL};
    struct process *process = process_start(arguments, NULL);

    assert_int_equal(process_wait(process), exit_status);
    if (strstr(process_errors(process), expected) == NULL ||
        strchr(process_errors(process), 27) != NULL ||
        strchr(process_output(process), 27) != NULL) {
        fail_msg("\"%s\" instead of \"%s\"", process_errors(process), expected);
    }
    process_end(process);
    free(program);
}

static void test_impostors(void **state)
{
    static char blanks[65536];
    const struct {
        const char *answer;
        bool endless;
        unsigned pause_us;
        int exit_status;
        const char *expected;
    } impostors[] = {
        {blanks, true, 0, 5, "longer than any of a mediator"},
        {" ", true, 100000, 5, "not all of it, in 5 seconds"},
        {"{\"error\": \"\\u001b[2J\"}", false, 0, 1, "\\u001B[2J"},
        {"{\"version\": \"\\u001b[2J\\u009b\"}", false, 0, 0, ""},
        {"hello", false, 0, 5, "no answer of a mediator"},
    };

    (void)state;
    memset(blanks, ' ', sizeof(blanks) - 1);
    for (unsigned i = 0; i < sizeof(impostors) / sizeof(impostors[0]); i++) {
        pid_t child = start_impostor(unix_listen(path, 1), impostors[i].answer,
                                     impostors[i].endless, impostors[i].pause_us);

        expect_status(impostors[i].exit_status, impostors[i].expected);
        waitpid(child, NULL, 0);
    }
}

/* In a directory that anybody can write to. */
static void test_impostor_of_another_user(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(chmod(harness_temp_dir(), 01777), 0);
    pid_t child = start_impostor(unix_listen_as_nobody(path), "{}", false, 0);
    expect_status(5, "a process listens there of user 65534");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(chmod(harness_temp_dir(), 0700), 0);
}

/* ---- What it was started with ---- */

static void test_closed_descriptors(void **state)
{
    struct request add = request_add(1, 2);

    (void)state;
    start_bare(-1);
    for (int i = 0; i < 3; i++) {
        struct client client = client_open(path, 1);

        assert_int_equal(client_call(&client, &add).status, BG_COMPUTE_OK);
        client_close(&client);
    }
    int status = end_bare(SIGTERM);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The terminal is gone: an end like any other. */
static void test_hangup(void **state)
{
    struct request add = request_add(1, 2);

    (void)state;
    int nowhere = open("/dev/null", O_WRONLY);
    start_bare(nowhere);
    close(nowhere);
    struct client client = client_open(path, 1);
    client_expect_ok(&client, &add);
    int status = end_bare(SIGHUP);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(access(path, F_OK), -1);
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, teardown)
        TEST(test_log_that_nobody_reads),
        TEST(test_full_listener_says_so_once),
        TEST(test_lines_are_counted),
        TEST(test_stub_worker_is_alone),
        TEST(test_pvgpu_worker_is_alone),
        TEST(test_impostors),
        TEST(test_impostor_of_another_user),
        TEST(test_closed_descriptors),
        TEST(test_hangup),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
