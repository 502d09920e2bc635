/* SPDX-License-Identifier: BSD-2-Clause */
/* System calls of QEMU, see the header. */
#include "syscalls.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACED "BAREGPU_TRACED" /* the program to be traced; in the tracer's environment only */
#define SYSCALL_STOP (SIGTRAP | 0x80) /* PTRACE_O_TRACESYSGOOD */
#define THREADS_MAX 64

/* ---- The process that traces ---- */

static struct thread {
    pid_t id;
    uint64_t number; /* of the call that it is in */
} threads[THREADS_MAX];

static struct thread *find_thread(pid_t id)
{
    for (size_t i = 0; i < THREADS_MAX; i++) {
        if (threads[i].id == id || threads[i].id == 0) {
            threads[i].id = id;
            return &threads[i];
        }
    }
    fprintf(stderr, "more than %d threads\n", THREADS_MAX);
    exit(1);
}

static double *find_count(struct syscalls *calls, uint64_t number, bool is_empty)
{
    switch (number) {
    case SYS_sendmsg:
    case SYS_sendto:
        return &calls->sends;
    case SYS_recvmsg:
    case SYS_recvfrom:
        return is_empty ? &calls->empty_reads : &calls->reads;
    case SYS_ppoll:
#ifdef SYS_poll
    case SYS_poll:
#endif
    case SYS_epoll_pwait:
        return &calls->waits;
    case SYS_futex:
        return &calls->locks;
    default:
        return &calls->others;
    }
}

static void note_call(struct syscalls *calls, pid_t id)
{
    struct thread *thread = find_thread(id);
    struct __ptrace_syscall_info info;

    if (ptrace(PTRACE_GET_SYSCALL_INFO, id, sizeof(info), &info) <= 0) {
        return; /* it was killed meanwhile */
    }
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        thread->number = info.entry.nr;
    } else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
        ++*find_count(calls, thread->number, info.exit.rval == -EAGAIN);
    }
}

static pid_t start_traced(const char *program, char **argv)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        execv(program, argv);
        perror(program);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, child, NULL,
               PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
                   PTRACE_O_EXITKILL) != 0) {
        perror("ptrace");
        exit(1);
    }
    return child;
}

/* The signal to go on with: stops of a tracer's own are none. */
static int take_stop(struct syscalls *calls, pid_t id, int status)
{
    int signal_number = WSTOPSIG(status);

    if (signal_number == SYSCALL_STOP) {
        note_call(calls, id);
        return 0;
    }
    return signal_number == SIGTRAP || signal_number == SIGSTOP ? 0 : signal_number;
}

/* Returns how the program ended. */
static int trace(pid_t child, struct syscalls *calls)
{
    int status, result = 1, signal_number = 0;
    pid_t id = child;

    do {
        ptrace(PTRACE_SYSCALL, id, NULL, signal_number);
        while ((id = waitpid(-1, &status, __WALL)) > 0 && !WIFSTOPPED(status)) {
            if (id == child) {
                result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            }
        }
        signal_number = id > 0 ? take_stop(calls, id, status) : 0;
    } while (id > 0);
    return result;
}

void syscalls_begin(char **argv)
{
    const char *program = getenv(TRACED);
    struct syscalls calls = {0};

    if (program == NULL) {
        return;
    }
    int status = trace(start_traced(program, argv), &calls);

    fprintf(stderr,
            "{\"name\": \"syscalls\", \"sends\": %.0f, \"reads\": %.0f, \"waits\": %.0f, "
            "\"others\": %.0f, \"empty_reads\": %.0f, \"locks\": %.0f}\n",
            calls.sends, calls.reads, calls.waits, calls.others, calls.empty_reads, calls.locks);
    exit(status);
}

/* ---- Who wants to know ---- */

static void parse(const char *output, struct syscalls *calls)
{
    const char *line = strstr(output, "{\"name\": \"syscalls\"");
    json_t *object = line != NULL ? json_loads(line, JSON_DISABLE_EOF_CHECK, NULL) : NULL;

    if (json_unpack(object, "{s:F, s:F, s:F, s:F, s:F, s:F}", "sends", &calls->sends, "reads",
                    &calls->reads, "waits", &calls->waits, "others", &calls->others, "empty_reads",
                    &calls->empty_reads, "locks", &calls->locks) != 0) {
        harness_fail("no system calls were counted:\n%s", output);
    }
    json_decref(object);
}

static struct syscalls count_run(const char *append, const char *arguments, unsigned requests)
{
    char *line = harness_format("%s n=%u", append, requests), *output;
    const struct guest_options options = {.append = line, .arguments = arguments};
    int status = guest_run(&options, &output);
    struct syscalls calls;

    if (status != 0) {
        harness_fail("the guest ended with status %d:\n%s", status, output);
    }
    parse(output, &calls);
    free(output);
    free(line);
    return calls;
}

/* For what starts while this is so, QEMU is this program, which traces the real one. */
static void stand_before_qemu(char self[PATH_MAX])
{
    char *qemu = qemu_path("aarch64");
    ssize_t size = readlink("/proc/self/exe", self, PATH_MAX - 1);

    if (qemu == NULL || size < 0) {
        harness_fail("cannot trace QEMU");
    }
    self[size] = '\0';
    setenv(TRACED, qemu, 1);
    free(qemu);
}

struct syscalls syscalls_of_request(const char *append, const char *arguments, unsigned few,
                                    unsigned many)
{
    char self[PATH_MAX];
    const char *named = getenv("BAREGPU_QEMU");
    char *before = named != NULL ? harness_format("%s", named) : NULL;
    double count = many - few;

    stand_before_qemu(self);
    setenv("BAREGPU_QEMU", self, 1);
    struct syscalls less = count_run(append, arguments, few);
    struct syscalls more = count_run(append, arguments, many);

    unsetenv(TRACED);
    unsetenv("BAREGPU_QEMU");
    if (before != NULL) {
        setenv("BAREGPU_QEMU", before, 1);
    }
    free(before);
    return (struct syscalls){
        .sends = (more.sends - less.sends) / count,
        .reads = (more.reads - less.reads) / count,
        .waits = (more.waits - less.waits) / count,
        .others = (more.others - less.others) / count,
        .empty_reads = (more.empty_reads - less.empty_reads) / count,
        .locks = (more.locks - less.locks) / count,
    };
}

double syscalls_needed(const struct syscalls *calls)
{
    return calls->sends + calls->reads + calls->waits + calls->others;
}
