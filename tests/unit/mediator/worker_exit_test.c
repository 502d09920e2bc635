/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/supervisor/worker_exit.c
/* How a process has ended, as the kernel tells one that may ask. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/mediator/supervisor/worker_exit.h"

#define CODE 3
#define USER 65534u  /* who asks */
#define OTHER 65533u /* whose process ends */
#define DEADLINE_MS 30000

enum verdict { KNOWN, UNKNOWN, WRONG };

/* Of a child that has ended and that nobody has waited for. */
static enum verdict look_at(pid_t child)
{
    int pidfd = (int)syscall(SYS_pidfd_open, child, 0), status = 0;
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    bool known;

    if (pidfd < 0 || poll(&ended, 1, DEADLINE_MS) != 1) {
        return WRONG;
    }
    known = worker_exit_look(child, pidfd, &status);
    close(pidfd);
    waitpid(child, NULL, 0);
    return !known ? UNKNOWN : WIFEXITED(status) && WEXITSTATUS(status) == CODE ? KNOWN : WRONG;
}

static pid_t start(uid_t user)
{
    pid_t child = fork();

    if (child == 0) {
        _exit(user == 0 || setresuid(user, user, user) == 0 ? CODE : CODE + 1);
    }
    return child;
}

/* Another user, who may end others' processes, as a supervisor with worker_uids may. */
static bool become_asker(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {
        {.effective = CAP_TO_MASK(CAP_KILL), .permitted = CAP_TO_MASK(CAP_KILL)}};

    return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && setresuid(USER, USER, USER) == 0 &&
           syscall(SYS_capset, &header, sets) == 0;
}

static void test_own(void **state)
{
    (void)state;
    assert_int_equal(look_at(start(0)), KNOWN);
}

/* The kernel says 0 to who may not know: that is no way to have ended well. */
static void test_of_another_user(void **state)
{
    pid_t asker;
    int status;

    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    asker = fork();
    if (asker == 0) {
        pid_t child = start(OTHER);

        _exit(become_asker() ? (int)look_at(child) : WRONG);
    }
    assert_int_equal(waitpid(asker, &status, 0), asker);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own),
        cmocka_unit_test(test_of_another_user),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("how workers ended", tests, NULL, NULL);
}
