/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/client.c tests/mediator/processes.c tests/mediator/fixture.c
// build: host/common/fd_message.c
// needs: build/host/baregpu-mediator
/* The workers' control groups, where the system gives the mediator any. */
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
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "harness_qemu.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"

static char nest[512]; /* the mediator's own groups */

static void start(const char *keys)
{
    static const char line[] = "workers' cgroups in ";

    fixture_start("one", "vgpu-stub", keys);
    process_wait_text(mediator, "cgroups ");
    const char *text = strstr(process_errors(mediator), line);
    if (text == NULL) {
        print_message("no cgroups here\n");
        skip();
    }
    assert_int_equal(sscanf(text + sizeof(line) - 1, "%511s", nest), 1);
    if (nest[strlen(nest) - 1] == ':') { /* what is not limited follows */
        nest[strlen(nest) - 1] = '\0';
    }
}

static struct client open_client(uint32_t vm_id)
{
    struct client client = client_open(path, vm_id);
    struct request add = request_add(1, 2);

    client_expect_ok(&client, &add);
    return client;
}

/* A file of that worker's group; to be freed. It is a group of its own below the mediator's. */
static char *group_file(pid_t worker, const char *file)
{
    char *name = harness_format("/proc/%d/cgroup", worker), line[1024], *group = NULL;
    FILE *stream = fopen(name, "r");

    assert_non_null(stream);
    while (fgets(line, sizeof(line), stream) != NULL) {
        if (strncmp(line, "0::", 3) == 0) {
            line[strcspn(line, "\n")] = '\0';
            group = harness_format("%s%s/%s", nest, strrchr(line, '/'), file);
        }
    }
    fclose(stream);
    free(name);
    assert_non_null(group);
    assert_int_equal(access(group, F_OK), 0);
    return group;
}

static void write_text(const char *file, const char *text)
{
    int fd = open(file, O_WRONLY | O_CLOEXEC);

    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void wait_until_gone(const char *file)
{
    uint64_t until_ms = harness_now_ms() + CLIENT_TIMEOUT_MS;

    while (access(file, F_OK) == 0) {
        assert_true(harness_now_ms() < until_ms);
        usleep(1000);
    }
}

static void test_one_for_each_worker(void **state)
{
    (void)state;
    start("");
    struct client one = open_client(1), two = open_client(2);
    char *first = group_file(admin_worker_pid(path, 1), "cgroup.procs");
    char *second = group_file(admin_worker_pid(path, 2), "cgroup.procs");
    assert_string_not_equal(first, second);
    client_close(&one);
    wait_until_gone(first);
    assert_int_equal(access(second, F_OK), 0);
    process_signal(mediator, SIGTERM);
    client_close(&two);
    assert_int_equal(process_wait(mediator), 0);
    assert_int_equal(access(nest, F_OK), -1);
    free(first);
    free(second);
}

/* Whatever has come to be in a worker's group ends with it. */
static void test_end_is_everybodys(void **state)
{
    int status;

    (void)state;
    start("");
    struct client client = open_client(1);
    char *members = group_file(admin_worker_pid(path, 1), "cgroup.procs");
    pid_t child = fork();
    if (child == 0) {
        client_close(&client);
        alarm(60);
        pause();
        _exit(0);
    }
    char *number = harness_format("%d", child);
    write_text(members, number);
    client_close(&client);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    free(members);
    free(number);
}

/* Or away already: any mediator that starts tidies up, one of another test as well. */
static void wait_until_empty(void)
{
    uint64_t until_ms = harness_now_ms() + CLIENT_TIMEOUT_MS;
    char *name = harness_format("%s/cgroup.events", nest), text[256] = "";
    int fd;

    while (strstr(text, "populated 0") == NULL && (fd = open(name, O_RDONLY | O_CLOEXEC)) >= 0) {
        ssize_t size = read(fd, text, sizeof(text) - 1);

        text[size > 0 ? size : 0] = '\0';
        close(fd);
        assert_true(harness_now_ms() < until_ms);
        usleep(1000);
    }
    free(name);
}

/* One that was killed cannot tidy up: the next one does, and leaves a living one's alone. */
static void test_leftovers(void **state)
{
    char left[sizeof(nest)];

    (void)state;
    start("");
    struct client client = open_client(1);
    process_signal(mediator, SIGKILL);
    process_wait(mediator);
    client_close(&client);
    wait_until_empty();
    memcpy(left, nest, sizeof(left));
    process_end(mediator);
    start("");
    client = open_client(1);
    assert_int_equal(access(left, F_OK), -1);
    char *second = harness_format("--socket %s.two", path);
    struct process *other = mediator_start("--backend cpu %s", second);
    assert_int_equal(access(nest, F_OK), 0);
    process_end(other);
    client_close(&client);
    free(second);
}

/* In a group that is suddenly too small: that worker is ended, and said to be, and nobody else. */
static void test_memory(void **state)
{
    struct request nop = request_nop();
    char text[64] = "";

    (void)state;
    start("memory_limit = 64M\n");
    struct client client = open_client(1), other = open_client(2);
    char *limit = harness_format("%s/0/memory.max", nest);
    if (access(limit, F_OK) != 0) {
        print_message("no memory controller here\n");
        skip();
    }
    free(limit);
    limit = group_file(admin_worker_pid(path, 1), "memory.max");
    FILE *file = fopen(limit, "r");
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    assert_string_equal(text, "1140850688\n"); /* and 1 GiB */
    write_text(limit, "4096");
    process_wait_text(mediator, "it had more memory than its cgroup may");
    assert_int_equal(client_receive(&client).type, 0);
    client_expect_ok(&other, &nop);
    client_close(&client);
    client_close(&other);
    free(limit);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_one_for_each_worker),
        TEST(test_end_is_everybodys),
        TEST(test_leftovers),
        TEST(test_memory),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
