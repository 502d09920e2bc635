/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/supervisor/nursery.c host/common/jail.c host/common/jail_calls.c
// build: host/common/jail_root.c host/common/patience.c host/mediator/supervisor/cgroup.c
// build: host/mediator/log.c
// libs: -luv -lseccomp
/* How a worker process begins: this program is the worker, too, one that was taken over. */
#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/mediator/supervisor/nursery.h"
#include "host/mediator/worker/worker.h"

#define LIMIT_MS 60000
#define TESTER "NURSERY_TESTER" /* in the environment: this process's number */

/* What a worker finds. */
struct report {
    pid_t self;
    int processes; /* that it can see; -1: there is no telling */
    bool can_signal;
};

static uv_loop_t loop;
static struct nursery *nursery;
static struct birth born;
static bool is_born;

/* ---- In the worker ---- */

static int count_processes(void)
{
    int count = 0;

    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("proc", "/proc", "proc", 0, NULL) != 0) {
        return -1;
    }
    DIR *directory = opendir("/proc");
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        count += atoi(entry->d_name) > 0;
    }
    closedir(directory);
    return count;
}

/* Leaves a child behind that keeps the control socket, and says so. */
__attribute__((noreturn)) static void be_taken_over(void)
{
    struct report report = {.self = getpid(), .processes = -1};
    bool is_child = fork() == 0;

    alarm(60); /* where nobody ends it */
    if (is_child) {
        setsid();
        for (;;) {
            pause();
        }
    }
    report.can_signal = kill(atoi(getenv(TESTER)), 0) == 0;
    if (report.self == 1) { /* else these would be everybody's mounts */
        report.processes = count_processes();
    }
    send(WORKER_CONTROL_FD, &report, sizeof(report), 0);
    for (;;) {
        pause();
    }
}

/* ---- The tests ---- */

static void on_birth(void *owner, const struct birth *birth)
{
    (void)owner;
    born = *birth;
    is_born = true;
}

static bool system_has_namespaces(void)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        _exit(unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET) != 0);
    }
    waitpid(child, &status, 0);
    return status == 0;
}

/* Until there is something, or the end. */
static ssize_t receive(int fd, void *bytes, size_t size)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};

    assert_int_equal(poll(&polled, 1, LIMIT_MS), 1);
    return recv(fd, bytes, size, 0);
}

static struct report start_worker(void)
{
    struct report report;

    is_born = false;
    nursery_want(nursery);
    while (!is_born) {
        uv_run(&loop, UV_RUN_ONCE);
    }
    assert_int_equal(born.error, 0);
    assert_int_equal(receive(born.control, &report, sizeof(report)), sizeof(report));
    return report;
}

static void end_worker(void)
{
    struct pollfd polled = {.fd = born.pidfd, .events = POLLIN};
    int status;

    kill(born.child, SIGKILL);
    assert_int_equal(poll(&polled, 1, LIMIT_MS), 1);
    assert_int_equal(waitpid(born.child, &status, 0), born.child);
    assert_true(WIFSIGNALED(status));
    close(born.pidfd);
    close(born.log);
    nursery_free(nursery, born.slot);
}

static void test_nobody_outlives_a_worker(void **state)
{
    char byte;

    (void)state;
    if (!system_has_namespaces()) {
        print_message("this system has no namespaces for us\n");
        skip();
    }
    start_worker();
    end_worker();
    assert_int_equal(receive(born.control, &byte, 1), 0); /* nobody has the other end */
    close(born.control);
}

static void test_a_worker_sees_nobody(void **state)
{
    (void)state;
    if (!system_has_namespaces()) {
        skip();
    }
    struct report report = start_worker();
    assert_int_equal(report.self, 1);
    assert_false(report.can_signal);
    assert_true(report.processes == 2 || report.processes == -1);
    end_worker();
    close(born.control);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_outlives_a_worker),
        cmocka_unit_test(test_a_worker_sees_nobody),
    };
    char self[16];

    if (count == 2 && strcmp(arguments[1], WORKER_ARGUMENT) == 0) {
        be_taken_over();
    }
    snprintf(self, sizeof(self), "%d", (int)getpid());
    setenv(TESTER, self, 1);
    uv_loop_init(&loop);
    nursery = nursery_open(&loop, &(struct nursery_options){.slots = 2, .device_folder = -1}, NULL,
                           on_birth);
    if (nursery == NULL) {
        return 1;
    }
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
