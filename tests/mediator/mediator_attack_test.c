/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/client.c tests/mediator/processes.c tests/mediator/fixture.c
// build: host/common/fd_message.c
// needs: build/host/baregpu-mediator
/* What a guest, or whoever started the mediator, can do to it and to other guests. */
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
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "harness_qemu.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"

#define END_LIMIT_MS 10000u

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
    uint64_t until_ms = harness_now_ms() + END_LIMIT_MS;
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
        struct client client = client_open(path, 1);

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

/* Messages that are none: a line each, up to what a guest may cause; another guest's are there. */
static void test_lines_are_counted(void **state)
{
    struct request nop = request_nop();
    struct client client;

    (void)state;
    free(path);
    path = harness_temp_path("mediator-quiet.sock");
    mediator = mediator_start("--backend cpu --socket %s", path);
    for (int i = 0; i < 400; i++) {
        client = client_open(path, 1);
        socket_write(client.fd, "this is not a message at all", 28);
        assert_int_equal(client_receive(&client).type, 0);
        client_close(&client);
    }
    client = client_open_from(1, path, 4711);
    client_expect_ok(&client, &nop);
    client_close(&client);
    process_wait_text(mediator, "vm 4711): ended");
    process_wait_text(mediator, "more suppressed");
    assert_in_range(count_text(process_errors(mediator), "\n"), 50, 400);
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
        TEST(test_closed_descriptors),
        TEST(test_hangup),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
