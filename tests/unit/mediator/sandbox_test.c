/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/worker/sandbox.c
// libs: -lseccomp
/* What a worker can no longer do. Each attempt is a child process of its own. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/mediator/worker/sandbox.h"

#define DONE 0
#define REFUSED 2 /* the sanitizer ends a process with 1 */
#define NO_SANDBOX 99
#define KILLED (-SIGSYS)

static int pair[2];
static pid_t parent; /* asked for beforehand: getppid() itself is refused */

/* System calls themselves: the sanitizers' own wrappers would need more. */
static int try_open(void)
{
    return syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY, 0) >= 0 ? DONE : REFUSED;
}

static int try_socket(void)
{
    return syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0) >= 0 ? DONE : REFUSED;
}

static int try_fork(void)
{
    return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) >= 0 ? DONE : REFUSED;
}

static int try_program(void)
{
    char *const arguments[] = {(char *)"true", NULL};

    syscall(SYS_execve, "/bin/true", arguments, arguments + 1); /* success exits with DONE */
    return REFUSED;
}

static int try_trace(void)
{
    return syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0) == 0 ? DONE : REFUSED;
}

static int try_kill(void)
{
    return syscall(SYS_kill, parent, 0) == 0 ? DONE : REFUSED;
}

/* The supervisor and the workers of other guests have the same user. */
static int try_kill_thread(void)
{
    return syscall(SYS_tgkill, parent, parent, 0) == 0 ? DONE : REFUSED;
}

static int try_queue_signal(void)
{
    siginfo_t info = {.si_code = SI_QUEUE};

    return syscall(SYS_rt_sigqueueinfo, parent, 0, &info) == 0 ? DONE : REFUSED;
}

/* As abort() does. */
static int try_kill_self(void)
{
    return syscall(SYS_tgkill, getpid(), getpid(), 0) == 0 ? DONE : REFUSED;
}

static int map(size_t size, int protection)
{
    return syscall(SYS_mmap, NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == -1
               ? REFUSED
               : DONE;
}

/* Above the overhead that a session's limit leaves. */
static int try_much_memory(void)
{
    return map((size_t)2 << 30, PROT_READ | PROT_WRITE);
}

static int try_executable_memory(void)
{
    return map(1 << 16, PROT_READ | PROT_EXEC);
}

static int try_traffic(void)
{
    char byte = 1;

    return syscall(SYS_sendto, pair[0], &byte, 1, 0, NULL, 0) == 1 &&
                   syscall(SYS_recvfrom, pair[1], &byte, 1, 0, NULL, NULL) == 1
               ? DONE
               : REFUSED;
}

static int run_limited(int (*attempt)(void), bool cuda, uint64_t memory_limit)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        if (sandbox_enter(cuda, memory_limit, false) != 0) {
            syscall(SYS_exit_group, NO_SANDBOX);
        }
        syscall(SYS_exit_group, attempt());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* The address sanitizer alone maps some 20 TiB. */
static int run(int (*attempt)(void), bool cuda)
{
    return run_limited(attempt, cuda, UINT64_C(1) << 46);
}

/* What this process has mapped already, the sanitizer's terabytes included. */
static uint64_t mapped_size(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void test_without_sandbox_all_is_possible(void **state)
{
    (void)state;
    assert_int_equal(try_open(), DONE);
    assert_int_equal(try_kill(), DONE);
    assert_int_equal(try_kill_thread(), DONE);
    assert_int_equal(try_queue_signal(), DONE);
    assert_int_equal(try_executable_memory(), DONE);
}

static void test_cpu(void **state)
{
    (void)state;
    assert_int_equal(run(try_traffic, false), DONE);
    assert_int_equal(run(try_much_memory, false), DONE);
    assert_int_equal(run_limited(try_much_memory, false, mapped_size()), REFUSED);
    assert_int_equal(run(try_executable_memory, false), KILLED);
    assert_int_equal(run(try_open, false), REFUSED);
    assert_int_equal(run(try_socket, false), KILLED);
    assert_int_equal(run(try_fork, false), KILLED);
    assert_int_equal(run(try_program, false), KILLED);
    assert_int_equal(run(try_trace, false), KILLED);
    assert_int_equal(run(try_kill, false), KILLED);
    assert_int_equal(run(try_kill_thread, false), KILLED);
    assert_int_equal(run(try_queue_signal, false), KILLED);
    assert_int_equal(run(try_kill_self, false), DONE);
}

static void test_cuda(void **state)
{
    (void)state;
    assert_int_equal(run(try_traffic, true), DONE);
    assert_int_equal(run(try_executable_memory, true), DONE);
    assert_int_equal(run(try_open, true), DONE);
    assert_int_equal(run(try_program, true), REFUSED);
    assert_int_equal(run(try_trace, true), REFUSED);
    assert_int_equal(run(try_kill, true), REFUSED);
    assert_int_equal(run(try_kill_thread, true), REFUSED);
    assert_int_equal(run(try_queue_signal, true), REFUSED);
    assert_int_equal(run(try_kill_self, true), DONE);
}

static int try_fork_thread_flags(void)
{
    return syscall(SYS_clone3, NULL, 0) == -1 && errno == ENOSYS ? REFUSED : DONE;
}

static void test_no_children(void **state)
{
    (void)state;
    assert_int_equal(run(try_fork, true), REFUSED);
    assert_int_equal(run(try_fork_thread_flags, true), REFUSED);
}

static int try_many_descriptors(void)
{
    for (int i = 0; i < 100; i++) {
        if (syscall(SYS_memfd_create, "x", 0) < 0) {
            return REFUSED;
        }
    }
    return DONE;
}

static int try_blocking_descriptor(void)
{
    return syscall(SYS_fcntl, pair[0], F_SETFL, 0) == 0 ? DONE : REFUSED;
}

static int try_large_memfd(void)
{
    int fd = (int)syscall(SYS_memfd_create, "x", 0);

    return syscall(SYS_ftruncate, fd, INT64_C(1) << 47) == 0 ? DONE : REFUSED;
}

/* What hands out memory. */
static int run_memfd(int (*attempt)(void))
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        if (sandbox_enter(false, UINT64_C(1) << 46, true) != 0) {
            syscall(SYS_exit_group, NO_SANDBOX);
        }
        syscall(SYS_exit_group, attempt());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void test_limits(void **state)
{
    (void)state;
    assert_int_equal(run_memfd(try_many_descriptors), REFUSED);
    assert_int_equal(run_memfd(try_large_memfd), REFUSED);
    assert_int_equal(run_memfd(try_blocking_descriptor), KILLED);
}

/* No file is there, and none can be made, before any system call is refused. */
static int look_around(void)
{
    if (sandbox_isolate() != 0) {
        return NO_SANDBOX;
    }
    bool is_empty = syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY, 0) < 0 &&
                    syscall(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY, 0) < 0 &&
                    syscall(SYS_openat, AT_FDCWD, "/../../tmp", O_RDONLY, 0) < 0 &&
                    syscall(SYS_openat, AT_FDCWD, "/new", O_CREAT | O_RDWR, 0600) < 0 &&
                    syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL) < 0 &&
                    syscall(SYS_chroot, "/") < 0;

    return is_empty ? REFUSED : DONE;
}

static void test_namespaces(void **state)
{
    pid_t child = fork();
    int status;

    (void)state;
    if (child == 0) {
        syscall(SYS_exit_group, look_around());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NO_SANDBOX) {
        skip(); /* this system allows no user namespaces */
    }
    assert_int_equal(WEXITSTATUS(status), REFUSED);
}

/* The filter holds for threads that were there before. */
static volatile int started, go, thread_result = -1;

static void *open_later(void *unused)
{
    started = 1; /* the sanitizer's own start and end of a thread need calls that are refused */
    while (!go) {
        syscall(SYS_sched_yield);
    }
    thread_result = try_open();
    for (;;) {
        syscall(SYS_sched_yield);
    }
    return unused;
}

static int try_open_in_thread(void)
{
    go = 1;
    while (thread_result < 0) {
        syscall(SYS_sched_yield);
    }
    return thread_result;
}

static void test_all_threads(void **state)
{
    pid_t child = fork();
    int status;

    (void)state;
    if (child == 0) {
        pthread_t thread;

        alarm(20);
        if (pthread_create(&thread, NULL, open_later, NULL) != 0) {
            syscall(SYS_exit_group, NO_SANDBOX);
        }
        while (!started) {
            syscall(SYS_sched_yield);
        }
        if (sandbox_enter(false, UINT64_C(1) << 46, false) != 0) {
            syscall(SYS_exit_group, NO_SANDBOX);
        }
        syscall(SYS_exit_group, try_open_in_thread());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_sandbox_all_is_possible),
        cmocka_unit_test(test_cpu),
        cmocka_unit_test(test_cuda),
        cmocka_unit_test(test_no_children),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_namespaces),
        cmocka_unit_test(test_all_threads),
    };

    parent = getpid();
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) {
        return 1;
    }
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
