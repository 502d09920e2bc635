/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/common/jail.c host/common/jail_calls.c host/common/jail_root.c
// libs: -lseccomp
/* What a process in a jail can no longer do. Each attempt is a child process of its own. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/common/jail.h"

#define DONE 0
#define REFUSED 2 /* the sanitizer ends a process with 1 */
#define NO_SANDBOX 99
#define NO_NAMESPACES 98
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
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE; /* however little there is */

    return syscall(SYS_mmap, NULL, size, protection, flags, -1, 0) == -1 ? REFUSED : DONE;
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

static int try_both_at_once(void)
{
    return map(1 << 16, PROT_READ | PROT_WRITE | PROT_EXEC);
}

/* What was written becomes code. */
static int protect(int protection)
{
    static uint8_t page[8192];
    uintptr_t start = ((uintptr_t)page + 4095) & ~(uintptr_t)4095;

    return syscall(SYS_mprotect, start, 4096, protection) == 0 ? DONE : REFUSED;
}

static int try_code_from_data(void)
{
    return protect(PROT_READ | PROT_EXEC);
}

static int try_code_and_data(void)
{
    return protect(PROT_READ | PROT_WRITE | PROT_EXEC);
}

static int try_network(void)
{
    return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) >= 0 ? DONE : REFUSED;
}

static int try_fork_thread_flags(void)
{
    return syscall(SYS_clone3, NULL, 0) == -1 && errno == ENOSYS ? REFUSED : DONE;
}

/* A thread in a namespace of its own. */
static int try_namespace(void)
{
    const unsigned long flags = CLONE_THREAD | CLONE_VM | CLONE_SIGHAND | CLONE_NEWUTS;

    return syscall(SYS_clone, flags, 0, 0, 0, 0) == -1 && errno == EPERM ? REFUSED : DONE;
}

/* Flags that no kernel takes together, so that there is no thread. */
static int try_thread(void)
{
    const unsigned long thread = CLONE_THREAD | CLONE_VM | CLONE_SIGHAND;

    return syscall(SYS_clone, thread | CLONE_PIDFD | CLONE_DETACHED, 0, 0, 0, 0) == -1 &&
                   errno == EINVAL
               ? DONE
               : REFUSED;
}

static int try_thread_later(void)
{
    return jail_forbid_threads() == 0 ? try_thread() : NO_SANDBOX;
}

static int try_fork_later(void)
{
    return jail_forbid_processes() == 0 ? try_fork() : NO_SANDBOX;
}

/* No process has this number. */
static int try_end(void)
{
    return syscall(SYS_kill, INT32_MAX, SIGKILL) == -1 && errno == ESRCH ? DONE : REFUSED;
}

static int try_end_later(void)
{
    return jail_forbid_processes() == 0 ? try_end() : NO_SANDBOX;
}

static int try_abort_later(void)
{
    return jail_forbid_processes() == 0 ? try_kill_self() : NO_SANDBOX;
}

static int try_dumpable(void)
{
    return syscall(SYS_prctl, PR_SET_PTRACER, -1, 0, 0, 0) == -1 && errno == EPERM ? REFUSED : DONE;
}

/* As if somebody typed it there. */
static int try_terminal(void)
{
    return syscall(SYS_ioctl, 2, TIOCSTI, "x") == -1 && errno == EPERM ? REFUSED : DONE;
}

/* DRM_IOCTL_VERSION, which standard error does not know. */
static int try_render_node(void)
{
    return syscall(SYS_ioctl, 2, _IOC(_IOC_READ | _IOC_WRITE, 'd', 0, 64), NULL) == -1 &&
                   errno == EPERM
               ? REFUSED
               : DONE;
}

static int try_traffic(void)
{
    char byte = 1;

    return syscall(SYS_sendto, pair[0], &byte, 1, 0, NULL, 0) == 1 &&
                   syscall(SYS_recvfrom, pair[1], &byte, 1, 0, NULL, NULL) == 1
               ? DONE
               : REFUSED;
}

/* The host's root, so that what is refused is refused by the system calls' filter. */
static struct jail calls_jail(unsigned calls)
{
    return (struct jail){.calls = calls,
                         .keeps_root = true,
                         .descriptors = JAIL_NO_LIMIT,
                         .file_size = JAIL_NO_LIMIT,
                         .address_space = JAIL_NO_LIMIT};
}

/* As an exit status, or -N for signal N. */
static int run_in(const struct jail *jail, int (*attempt)(void))
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        char exposed[JAIL_TEXT_SIZE];

        signal(SIGXFSZ, SIG_IGN);
        if (jail_enter(jail, exposed) != 0) {
            syscall(SYS_exit_group, NO_SANDBOX);
        }
        syscall(SYS_exit_group, exposed[0] && !jail->keeps_root ? NO_NAMESPACES : attempt());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int run(int (*attempt)(void), unsigned calls)
{
    const struct jail jail = calls_jail(calls);

    return run_in(&jail, attempt);
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

static void test_computing(void **state)
{
    struct jail small = calls_jail(0);

    (void)state;
    small.address_space = mapped_size();
    assert_int_equal(run(try_traffic, 0), DONE);
    assert_int_equal(run(try_much_memory, 0), DONE);
    assert_int_equal(run_in(&small, try_much_memory), REFUSED);
    assert_int_equal(run(try_executable_memory, 0), KILLED);
    assert_int_equal(run(try_code_from_data, 0), KILLED);
    assert_int_equal(run(try_open, 0), REFUSED);
    assert_int_equal(run(try_socket, 0), KILLED);
    assert_int_equal(run(try_fork, 0), KILLED);
    assert_int_equal(run(try_fork_thread_flags, 0), REFUSED);
    assert_int_equal(run(try_namespace, 0), KILLED);
    assert_int_equal(run(try_program, 0), KILLED);
    assert_int_equal(run(try_trace, 0), KILLED);
    assert_int_equal(run(try_dumpable, 0), KILLED);
    assert_int_equal(run(try_kill, 0), KILLED);
    assert_int_equal(run(try_kill_thread, 0), KILLED);
    assert_int_equal(run(try_queue_signal, 0), KILLED);
    assert_int_equal(run(try_kill_self, 0), DONE);
}

/* Who looks for a file by its name finds none, and goes on. */
static int try_look(void)
{
    uint8_t status[256];

    return syscall(SYS_newfstatat, AT_FDCWD, "/", status, 0) == 0 ? DONE : REFUSED;
}

static int try_accept(void)
{
    return syscall(SYS_accept4, pair[0], NULL, NULL, 0) == -1 && errno == EINVAL ? DONE : REFUSED;
}

static void test_serving(void **state)
{
    (void)state;
    assert_int_equal(run(try_traffic, JAIL_CALLS_SERVE), DONE);
    assert_int_equal(run(try_accept, JAIL_CALLS_SERVE), DONE);
    assert_int_equal(run(try_look, JAIL_CALLS_SERVE), REFUSED);
    assert_int_equal(run(try_open, JAIL_CALLS_SERVE), REFUSED);
    assert_int_equal(run(try_socket, JAIL_CALLS_SERVE), KILLED);
    assert_int_equal(run(try_accept, 0), KILLED);
}

/* As glibc's malloc does before it makes more heaps for threads. */
static int try_affinity(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof(set), &set) == 0 ? DONE : REFUSED;
}

static void test_threads(void **state)
{
    (void)state;
    assert_int_equal(run(try_thread, 0), KILLED);
    assert_int_equal(run(try_thread, JAIL_CALLS_THREADS), DONE);
    assert_int_equal(run(try_affinity, 0), KILLED);
    assert_int_equal(run(try_affinity, JAIL_CALLS_THREADS), DONE);
    assert_int_equal(run(try_fork, JAIL_CALLS_THREADS), KILLED);
    assert_int_equal(run(try_namespace, JAIL_CALLS_THREADS), KILLED);
    assert_int_equal(run(try_thread_later, JAIL_CALLS_THREADS), KILLED);
    assert_int_equal(run(try_thread, JAIL_CALLS_DRIVER), DONE);
}

static void test_processes(void **state)
{
    (void)state;
    assert_int_equal(run(try_fork, JAIL_CALLS_PROCESSES), DONE);
    assert_int_equal(run(try_end, JAIL_CALLS_PROCESSES), DONE);
    assert_int_equal(run(try_kill, JAIL_CALLS_PROCESSES), KILLED);
    assert_int_equal(run(try_thread, JAIL_CALLS_PROCESSES), KILLED);
    assert_int_equal(run(try_namespace, JAIL_CALLS_PROCESSES), KILLED);
    assert_int_equal(run(try_open, JAIL_CALLS_PROCESSES), REFUSED);
    assert_int_equal(run(try_program, JAIL_CALLS_PROCESSES), KILLED);
    assert_int_equal(run(try_fork_later, JAIL_CALLS_PROCESSES), KILLED);
    assert_int_equal(run(try_end_later, JAIL_CALLS_PROCESSES), KILLED);
    assert_int_equal(run(try_abort_later, JAIL_CALLS_PROCESSES), DONE);
}

static void test_code(void **state)
{
    (void)state;
    assert_int_equal(run(try_code_from_data, JAIL_CALLS_CODE), DONE);
    assert_int_equal(run(try_code_and_data, JAIL_CALLS_CODE), KILLED);
    assert_int_equal(run(try_both_at_once, JAIL_CALLS_CODE), KILLED);
}

/* Mesa wants to know, and takes a no for memory that is written to and run. */
static int try_user(void)
{
    return syscall(SYS_geteuid) >= 0 && syscall(SYS_lseek, pair[0], 0, SEEK_CUR) < 0 ? DONE
                                                                                     : REFUSED;
}

static void test_drawing(void **state)
{
    const unsigned calls = JAIL_CALLS_DRAW | JAIL_CALLS_CODE | JAIL_CALLS_THREADS;

    (void)state;
    assert_int_equal(run(try_user, JAIL_CALLS_CODE), KILLED);
    assert_int_equal(run(try_user, calls), DONE);
    assert_int_equal(run(try_code_from_data, calls), DONE);
    assert_int_equal(run(try_both_at_once, calls), REFUSED);
    assert_int_equal(run(try_code_and_data, calls), KILLED);
    assert_int_equal(run(try_open, calls), REFUSED);
    assert_int_equal(run(try_socket, calls), KILLED);
    assert_int_equal(run(try_fork, calls), KILLED);
    assert_int_equal(run(try_program, calls), KILLED);
}

static void test_driver(void **state)
{
    (void)state;
    assert_int_equal(run(try_traffic, JAIL_CALLS_DRIVER), DONE);
    assert_int_equal(run(try_open, JAIL_CALLS_DRIVER), DONE);
    assert_int_equal(run(try_executable_memory, JAIL_CALLS_DRIVER), DONE);
    assert_int_equal(run(try_both_at_once, JAIL_CALLS_DRIVER), REFUSED);
    assert_int_equal(run(try_code_from_data, JAIL_CALLS_DRIVER), REFUSED);
    assert_int_equal(run(try_socket, JAIL_CALLS_DRIVER), DONE);
    assert_int_equal(run(try_network, JAIL_CALLS_DRIVER), REFUSED);
    assert_int_equal(run(try_fork, JAIL_CALLS_DRIVER), REFUSED);
    assert_int_equal(run(try_fork_thread_flags, JAIL_CALLS_DRIVER), REFUSED);
    assert_int_equal(run(try_namespace, JAIL_CALLS_DRIVER), REFUSED);
    assert_int_equal(run(try_program, JAIL_CALLS_DRIVER), REFUSED);
    assert_int_equal(run(try_trace, JAIL_CALLS_DRIVER), REFUSED);
    assert_int_equal(run(try_dumpable, JAIL_CALLS_DRIVER), REFUSED);
    assert_int_equal(run(try_terminal, JAIL_CALLS_DRIVER), REFUSED);
    assert_int_equal(run(try_render_node, JAIL_CALLS_DRIVER), REFUSED);
    assert_int_equal(run(try_render_node, JAIL_CALLS_DRIVER | JAIL_CALLS_NODE), DONE);
    assert_int_equal(run(try_kill, JAIL_CALLS_DRIVER), REFUSED);
    assert_int_equal(run(try_kill_thread, JAIL_CALLS_DRIVER), REFUSED);
    assert_int_equal(run(try_queue_signal, JAIL_CALLS_DRIVER), REFUSED);
    assert_int_equal(run(try_kill_self, JAIL_CALLS_DRIVER), DONE);
}

static void test_loose(void **state)
{
    (void)state;
    assert_int_equal(run(try_traffic, JAIL_CALLS_LOOSE), DONE);
    assert_int_equal(run(try_open, JAIL_CALLS_LOOSE), DONE);
    assert_int_equal(run(try_both_at_once, JAIL_CALLS_LOOSE), DONE);
    assert_int_equal(run(try_fork, JAIL_CALLS_LOOSE), REFUSED);
    assert_int_equal(run(try_fork_thread_flags, JAIL_CALLS_LOOSE), REFUSED);
    assert_int_equal(run(try_program, JAIL_CALLS_LOOSE), REFUSED);
    assert_int_equal(run(try_trace, JAIL_CALLS_LOOSE), REFUSED);
    assert_int_equal(run(try_kill, JAIL_CALLS_LOOSE), REFUSED);
    assert_int_equal(run(try_kill_thread, JAIL_CALLS_LOOSE), REFUSED);
    assert_int_equal(run(try_queue_signal, JAIL_CALLS_LOOSE), REFUSED);
    assert_int_equal(run(try_kill_self, JAIL_CALLS_LOOSE), DONE);
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

static void test_limits(void **state)
{
    struct jail jail = calls_jail(JAIL_CALLS_MEMFD);

    (void)state;
    jail.descriptors = 64;
    jail.file_size = UINT64_C(1) << 46;
    assert_int_equal(run_in(&jail, try_many_descriptors), REFUSED);
    assert_int_equal(run_in(&jail, try_large_memfd), REFUSED);
    assert_int_equal(run_in(&jail, try_blocking_descriptor), KILLED);
}

/* ---- Roots ---- */

static bool can_open(const char *path, int flags)
{
    long fd = syscall(SYS_openat, AT_FDCWD, path, flags, 0600);

    if (fd >= 0) {
        syscall(SYS_close, fd);
    }
    return fd >= 0;
}

/* No file is there, and none can be made. */
static int find_nothing(void)
{
    return can_open("/etc/passwd", O_RDONLY) || can_open("/proc/self/status", O_RDONLY) ||
                   can_open("/../../tmp", O_RDONLY) || can_open("/new", O_CREAT | O_RDWR) ||
                   syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL) == 0 ||
                   syscall(SYS_chroot, "/") == 0
               ? DONE
               : REFUSED;
}

static void skip_without_namespaces(int result)
{
    if (result == NO_NAMESPACES) {
        print_message("this system has no namespaces for us\n");
        skip();
    }
}

static void test_empty_root(void **state)
{
    struct jail jail = calls_jail(JAIL_CALLS_LOOSE);

    (void)state;
    jail.keeps_root = false;
    int result = run_in(&jail, find_nothing);
    skip_without_namespaces(result);
    assert_int_equal(result, REFUSED);
}

static char directory[] = "/tmp/jail_test.XXXXXX", file[sizeof(directory) + 8];

/* What the list has is there, can be used as its kind says, and nothing else is. */
static int find_some(void)
{
    if (!can_open("/dev/null", O_RDWR) || !can_open("/sys/devices/system/cpu", O_RDONLY) ||
        !can_open(file, O_RDONLY) || !can_open("/proc/self/maps", O_RDONLY)) {
        return REFUSED;
    }
    return can_open(file, O_RDWR) || can_open("/etc/passwd", O_RDONLY) ||
                   can_open("/sys/kernel", O_RDONLY) || can_open("/proc/1", O_RDONLY) ||
                   can_open("/proc/version", O_RDONLY) || can_open("/dev/zero", O_RDONLY) ||
                   can_open("/dev/new", O_CREAT | O_RDWR) || can_open("/tmp/new", O_CREAT | O_RDWR)
               ? 3
               : DONE;
}

static int map_file(void)
{
    int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDONLY, 0);

    return syscall(SYS_mmap, NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) != -1 ? DONE
                                                                                       : REFUSED;
}

static void test_root_with_some(void **state)
{
    struct jail_path paths[] = {{"/dev/n*ll", JAIL_DEVICE},
                                {"/proc/self", JAIL_DATA},
                                {"/sys/devices/system/cpu", JAIL_DATA},
                                {"/not/there", JAIL_DATA},
                                {"relative", JAIL_DATA},
                                {directory, JAIL_DATA},
                                {NULL, JAIL_DATA}};
    struct jail jail = calls_jail(JAIL_CALLS_DRIVER);

    (void)state;
    jail.keeps_root = false;
    jail.paths = paths;
    int result = run_in(&jail, find_some);
    skip_without_namespaces(result);
    assert_int_equal(result, DONE);
    assert_int_equal(run_in(&jail, map_file), REFUSED);
    paths[5].kind = JAIL_LIBRARY;
    assert_int_equal(run_in(&jail, map_file), DONE);
}

/* ---- Refusals are named ---- */

/* What it says of these calls on standard error. */
static void hear(unsigned calls, int (*attempt)(void), int expected, char *said, size_t size)
{
    int pipes[2], before = dup(STDERR_FILENO);

    assert_int_equal(pipe(pipes), 0);
    dup2(pipes[1], STDERR_FILENO);
    int result = run(attempt, calls);
    dup2(before, STDERR_FILENO);
    close(before);
    close(pipes[1]);
    ssize_t length = read(pipes[0], said, size - 1);
    close(pipes[0]);
    assert_int_equal(result, expected);
    said[length < 0 ? 0 : length] = '\0';
}

static int try_trace_often(void)
{
    try_trace();
    try_trace();
    return try_trace();
}

static void test_refusals_are_named(void **state)
{
    char said[1024], expected[96];

    (void)state;
    snprintf(expected, sizeof(expected), "refused by the sandbox: system call %d (ptrace)\n",
             (int)SYS_ptrace);
    hear(0, try_trace_often, KILLED, said, sizeof(said));
    assert_string_equal(said, expected);
    hear(JAIL_CALLS_DRIVER, try_trace_often, REFUSED, said, sizeof(said));
    assert_string_equal(said, expected);
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
        const struct jail jail = calls_jail(0);
        char exposed[JAIL_TEXT_SIZE];
        if (jail_enter(&jail, exposed) != 0) {
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
        cmocka_unit_test(test_computing),
        cmocka_unit_test(test_serving),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_code),
        cmocka_unit_test(test_drawing),
        cmocka_unit_test(test_driver),
        cmocka_unit_test(test_loose),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_empty_root),
        cmocka_unit_test(test_root_with_some),
        cmocka_unit_test(test_refusals_are_named),
        cmocka_unit_test(test_all_threads),
    };

    parent = getpid();
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || mkdtemp(directory) == NULL) {
        return 1;
    }
    snprintf(file, sizeof(file), "%s/file", directory);
    int fd = open(file, O_CREAT | O_WRONLY, 0600);
    bool is_ready = write(fd, "x", 1) == 1;
    close(fd);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failures = is_ready ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
    unlink(file);
    rmdir(directory);
    return failures;
}
