/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* F_ADD_SEALS, REG_RAX */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "host/common/jail_parts.h"

#define ANY 0u /* of enum jail_calls: all but JAIL_CALLS_LOOSE */
#define MEMFD JAIL_CALLS_MEMFD
#define DRIVER JAIL_CALLS_DRIVER
#define SERVE JAIL_CALLS_SERVE
#define THREADS JAIL_CALLS_THREADS
#define PROCESSES JAIL_CALLS_PROCESSES
#define CODE JAIL_CALLS_CODE
#define DRAW JAIL_CALLS_DRAW
#define WEB JAIL_CALLS_WEB
#define NODE JAIL_CALLS_NODE
#define ARGUMENTS_MAX 2
#define ALL_BITS UINT64_MAX
#define INT_BITS UINT64_C(0xffffffff) /* of an int argument the kernel looks at no others */

/* A call of these sets. */
struct call {
    unsigned sets;
    int number;
};

static const struct call allowed[] = {
    /* Traffic over what is open. */
    {ANY, SCMP_SYS(read)},
    {ANY, SCMP_SYS(write)},
    {ANY, SCMP_SYS(writev)}, /* the C library's last words before it aborts, too */
    {ANY, SCMP_SYS(recvfrom)},
    {ANY, SCMP_SYS(recvmsg)},
    {ANY, SCMP_SYS(sendto)},
    {ANY, SCMP_SYS(sendmsg)},
    {ANY, SCMP_SYS(poll)},
    {ANY, SCMP_SYS(ppoll)},
    {ANY, SCMP_SYS(close)},
    /* Memory; mmap and mprotect are below. */
    {ANY, SCMP_SYS(munmap)},
    {ANY, SCMP_SYS(mremap)},
    {ANY, SCMP_SYS(madvise)},
    {ANY, SCMP_SYS(brk)},
    /* Threads; their start is below. */
    {ANY, SCMP_SYS(futex)},
    {ANY, SCMP_SYS(exit)},
    {ANY, SCMP_SYS(exit_group)},
    {ANY, SCMP_SYS(sched_yield)},
    {ANY, SCMP_SYS(getpid)},
    {ANY, SCMP_SYS(gettid)},
    {ANY, SCMP_SYS(rseq)},
    {ANY, SCMP_SYS(set_robust_list)},
    {ANY, SCMP_SYS(rt_sigreturn)},
    {ANY, SCMP_SYS(rt_sigprocmask)},
    {ANY, SCMP_SYS(restart_syscall)},
    {THREADS | DRIVER, SCMP_SYS(rt_sigaction)},      /* the first one that is made does that */
    {THREADS | DRIVER, SCMP_SYS(sched_getaffinity)}, /* malloc, when many allocate at once */
    {THREADS | PROCESSES, SCMP_SYS(seccomp)},        /* to forbid more */
    /* Processes; their start is below, too. */
    {PROCESSES, SCMP_SYS(wait4)},
    {PROCESSES, SCMP_SYS(prlimit64)},
    {PROCESSES, SCMP_SYS(setrlimit)},
    {PROCESSES, SCMP_SYS(pipe2)},
    {PROCESSES, SCMP_SYS(sigaltstack)}, /* asked for by sanitizers before an end */
    /* Time, chance. */
    {ANY, SCMP_SYS(clock_gettime)},
    {ANY, SCMP_SYS(clock_nanosleep)},
    {ANY, SCMP_SYS(nanosleep)},
    {ANY, SCMP_SYS(gettimeofday)},
    {ANY, SCMP_SYS(getrandom)},
    /* Memory to hand out, and to take. */
    {MEMFD | DRIVER, SCMP_SYS(memfd_create)},
    {MEMFD | DRIVER, SCMP_SYS(ftruncate)},
    {MEMFD | DRIVER | SERVE, SCMP_SYS(fstat)},
    {DRIVER | SERVE | WEB, SCMP_SYS(accept4)},
    /* Files: what the jail's root has of them. */
    {DRIVER, SCMP_SYS(open)},
    {DRIVER, SCMP_SYS(openat)},
    {DRIVER, SCMP_SYS(stat)},
    {DRIVER, SCMP_SYS(lstat)},
    {DRIVER, SCMP_SYS(newfstatat)},
    {DRIVER, SCMP_SYS(statx)},
    {DRIVER, SCMP_SYS(statfs)},
    {DRIVER, SCMP_SYS(fstatfs)},
    {DRIVER, SCMP_SYS(access)},
    {DRIVER, SCMP_SYS(faccessat)},
    {DRIVER, SCMP_SYS(faccessat2)},
    {DRIVER, SCMP_SYS(readlink)},
    {DRIVER, SCMP_SYS(readlinkat)},
    {DRIVER, SCMP_SYS(getdents64)},
    {DRIVER, SCMP_SYS(getcwd)},
    {DRIVER | DRAW, SCMP_SYS(lseek)}, /* LLVM asks where standard error is */
    {DRIVER, SCMP_SYS(pread64)},
    {DRIVER, SCMP_SYS(pwrite64)},
    {DRIVER, SCMP_SYS(readv)},
    {DRIVER, SCMP_SYS(fcntl)},
    {DRIVER, SCMP_SYS(flock)},
    {DRIVER, SCMP_SYS(fallocate)},
    {DRIVER, SCMP_SYS(dup)},
    {DRIVER, SCMP_SYS(dup2)},
    {DRIVER, SCMP_SYS(dup3)},
    {DRIVER, SCMP_SYS(pipe)},
    {DRIVER, SCMP_SYS(pipe2)},
    /* What it is, and where. */
    {DRIVER, SCMP_SYS(uname)},
    {DRIVER | DRAW, SCMP_SYS(sysinfo)},
    {DRIVER | DRAW, SCMP_SYS(getuid)}, /* may it have a cache of shaders? */
    {DRIVER | DRAW, SCMP_SYS(geteuid)},
    {DRIVER | DRAW, SCMP_SYS(getgid)},
    {DRIVER | DRAW, SCMP_SYS(getegid)},
    {DRIVER, SCMP_SYS(getgroups)},
    {DRIVER, SCMP_SYS(getppid)},
    {DRIVER, SCMP_SYS(getrusage)},
    {DRIVER, SCMP_SYS(getrlimit)},
    {DRIVER, SCMP_SYS(prlimit64)},
    {DRIVER, SCMP_SYS(getcpu)},
    {DRIVER, SCMP_SYS(times)},
    {DRIVER, SCMP_SYS(time)},
    {DRIVER, SCMP_SYS(clock_getres)},
    {DRIVER, SCMP_SYS(capget)},
    {DRIVER, SCMP_SYS(sched_setaffinity)},
    {DRIVER, SCMP_SYS(sched_getparam)},
    {DRIVER, SCMP_SYS(sched_getscheduler)},
    {DRIVER, SCMP_SYS(sched_get_priority_max)},
    {DRIVER, SCMP_SYS(sched_get_priority_min)},
    /* Where its memory is. */
    {THREADS | DRIVER, SCMP_SYS(mbind)}, /* OpenBLAS, for its own */
    {DRIVER, SCMP_SYS(get_mempolicy)},
    {DRIVER, SCMP_SYS(set_mempolicy)},
    {DRIVER, SCMP_SYS(mincore)},
    {DRIVER, SCMP_SYS(mlock)},
    {DRIVER, SCMP_SYS(mlock2)},
    {DRIVER, SCMP_SYS(munlock)},
    {DRIVER, SCMP_SYS(msync)},
    {DRIVER, SCMP_SYS(membarrier)},
    /* Its threads and their events. */
    {DRIVER, SCMP_SYS(set_tid_address)},
    {DRIVER, SCMP_SYS(rt_sigtimedwait)},
    {DRIVER, SCMP_SYS(sigaltstack)},
    {DRIVER, SCMP_SYS(select)},
    {DRIVER, SCMP_SYS(pselect6)},
    {DRIVER, SCMP_SYS(epoll_create)},
    {DRIVER, SCMP_SYS(epoll_create1)},
    {DRIVER | WEB, SCMP_SYS(epoll_ctl)},
    {DRIVER | WEB, SCMP_SYS(epoll_wait)},
    {DRIVER | WEB, SCMP_SYS(epoll_pwait)},
    {DRIVER, SCMP_SYS(eventfd)},
    {DRIVER, SCMP_SYS(eventfd2)},
    {DRIVER, SCMP_SYS(timerfd_create)},
    {DRIVER, SCMP_SYS(timerfd_settime)},
    /* It listens for a debugger, where none can come from. */
    {DRIVER, SCMP_SYS(bind)},
    {DRIVER, SCMP_SYS(listen)},
    {DRIVER, SCMP_SYS(accept)},
    {DRIVER, SCMP_SYS(connect)},
    {DRIVER | WEB, SCMP_SYS(getsockname)},
    {DRIVER | WEB, SCMP_SYS(getsockopt)},
    {DRIVER | WEB, SCMP_SYS(setsockopt)},
    {DRIVER | WEB, SCMP_SYS(shutdown)},
};

/* A call of these sets whose arguments, of these bits, have these values. */
struct checked_call {
    unsigned sets;
    int number;
    struct {
        unsigned argument;
        uint64_t bits, value;
    } checks[ARGUMENTS_MAX]; /* without bits: none */
};

#define THREAD_FLAGS ((uint64_t)(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD))
#define NAMESPACE_FLAGS                                                                            \
    ((uint64_t)(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET |         \
                CLONE_NEWUTS | CLONE_NEWCGROUP))
/* The resource manager's ioctls have this letter, those of the unified memory no letter at all, but
 * for its first and last. */
#define LETTER_BITS UINT64_C(0xff00)
#define NVIDIA_LETTER UINT64_C(0x4600)
#define DRM_LETTER UINT64_C(0x6400)
#define UVM_INITIALIZE 0x30000001
#define UVM_DEINITIALIZE 0x30000002

static const struct checked_call checked[] = {
    /* Nothing is written and run: no new code without a driver, and with one what files have. */
    {ANY, SCMP_SYS(mmap), {{2, PROT_EXEC, 0}}},
    {DRIVER, SCMP_SYS(mmap), {{2, PROT_WRITE, 0}}},
    {ANY, SCMP_SYS(mprotect), {{2, PROT_EXEC, 0}}},
    {CODE, SCMP_SYS(mprotect), {{2, PROT_WRITE, 0}}},
    /* Threads, no processes. */
    {THREADS | DRIVER, SCMP_SYS(clone), {{0, THREAD_FLAGS | NAMESPACE_FLAGS, THREAD_FLAGS}}},
    {PROCESSES, SCMP_SYS(clone), {{0, THREAD_FLAGS | NAMESPACE_FLAGS, 0}}},
    {PROCESSES, SCMP_SYS(kill), {{1, INT_BITS, SIGKILL}}},
    {PROCESSES, SCMP_SYS(tgkill), {{2, INT_BITS, SIGABRT}}},
    {PROCESSES, SCMP_SYS(prctl), {{0, INT_BITS, PR_SET_PDEATHSIG}}},
    {ANY, SCMP_SYS(prctl), {{0, INT_BITS, PR_SET_NAME}}},
    {DRIVER, SCMP_SYS(prctl), {{0, INT_BITS, PR_GET_NAME}}},
    {DRIVER, SCMP_SYS(prctl), {{0, INT_BITS, PR_GET_DUMPABLE}}},
    {DRIVER, SCMP_SYS(prctl), {{0, INT_BITS, PR_CAPBSET_READ}}},
    /* Its seals, and whether it has been taken. F_SETFL only to what does not block: eventfds are
     * shared with the device, which must not find them otherwise. */
    {MEMFD, SCMP_SYS(fcntl), {{1, INT_BITS, F_ADD_SEALS}}},
    {MEMFD, SCMP_SYS(fcntl), {{1, INT_BITS, F_SETFL}, {2, ALL_BITS, O_NONBLOCK}}},
    {WEB, SCMP_SYS(fcntl), {{1, INT_BITS, F_GETFL}}},
    {WEB, SCMP_SYS(fcntl), {{1, INT_BITS, F_SETFL}}},
    /* As the C library's fstat() calls it. */
    {MEMFD | SERVE, SCMP_SYS(newfstatat), {{3, INT_BITS, AT_EMPTY_PATH}}},
    {MEMFD | DRIVER, SCMP_SYS(ioctl), {{1, INT_BITS, SIOCOUTQ}}},
    {DRIVER, SCMP_SYS(ioctl), {{1, LETTER_BITS, NVIDIA_LETTER}}},
    {DRIVER, SCMP_SYS(ioctl), {{1, INT_BITS & ~UINT64_C(0xff), 0}}},
    {NODE, SCMP_SYS(ioctl), {{1, LETTER_BITS, DRM_LETTER}}},
    {DRIVER, SCMP_SYS(ioctl), {{1, INT_BITS, UVM_INITIALIZE}}},
    {DRIVER, SCMP_SYS(ioctl), {{1, INT_BITS, UVM_DEINITIALIZE}}},
    {DRIVER, SCMP_SYS(ioctl), {{1, INT_BITS, FIONBIO}}},
    {DRIVER, SCMP_SYS(ioctl), {{1, INT_BITS, FIONREAD}}},
    {DRIVER, SCMP_SYS(ioctl), {{1, INT_BITS, TCGETS}}}, /* isatty() */
    {DRIVER, SCMP_SYS(socket), {{0, INT_BITS, AF_UNIX}}},
    {DRIVER, SCMP_SYS(socketpair), {{0, INT_BITS, AF_UNIX}}},
};

/* What no driver needs, for one that needs more than all that. */
static const int loose_refused[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(acct),
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setreuid),
    SCMP_SYS(setregid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(quotactl),
};

/* With a process's number first: only to itself, as abort() does. */
static const int signalling[] = {
    SCMP_SYS(kill),
    SCMP_SYS(tkill),
    SCMP_SYS(tgkill),
    SCMP_SYS(rt_sigqueueinfo),
    SCMP_SYS(rt_tgsigqueueinfo),
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* ---- The rules; each returns libseccomp's result ---- */

/* A call that this architecture does not have needs none. */
static int add(scmp_filter_ctx filter, uint32_t action, int number, unsigned count,
               const struct scmp_arg_cmp *arguments)
{
    int result = seccomp_rule_add_array(filter, action, number, count, arguments);

    return result == -EDOM ? 0 : result;
}

static int add_checked(scmp_filter_ctx filter, const struct checked_call *call)
{
    struct scmp_arg_cmp arguments[ARGUMENTS_MAX];
    unsigned count = 0;

    for (; count < ARGUMENTS_MAX && call->checks[count].bits != 0; count++) {
        arguments[count] = SCMP_CMP(call->checks[count].argument, SCMP_CMP_MASKED_EQ,
                                    call->checks[count].bits, call->checks[count].value);
    }
    return add(filter, SCMP_ACT_ALLOW, call->number, count, arguments);
}

static bool is_in(unsigned sets, unsigned calls)
{
    return sets == ANY || (sets & calls) != 0;
}

/* Whoever looks for a file gets an error, not an end: a library, for one of its own. */
static int find_nothing(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp by_name = SCMP_A3(SCMP_CMP_NE, AT_EMPTY_PATH);
    const uint32_t action = SCMP_ACT_ERRNO(EACCES);

    return add(filter, action, SCMP_SYS(openat), 0, NULL)
               ?: add(filter, action, SCMP_SYS(newfstatat), 1, &by_name)
               ?: add(filter, action, SCMP_SYS(stat), 0, NULL)
               ?: add(filter, action, SCMP_SYS(lstat), 0, NULL);
}

/* Memory to write to and run is what Mesa asks for first, and can do without. */
static int deny_writable_code(scmp_filter_ctx filter)
{
    const uint64_t both = PROT_WRITE | PROT_EXEC;
    const struct scmp_arg_cmp wanted = SCMP_A2(SCMP_CMP_MASKED_EQ, both, both);

    return add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(mmap), 1, &wanted);
}

static int allow_some(scmp_filter_ctx filter, unsigned calls)
{
    const struct scmp_arg_cmp self = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid());
    int result = (calls & DRIVER ? 0 : find_nothing(filter))
                     ?: (calls & DRAW ? deny_writable_code(filter) : 0);

    for (unsigned i = 0; i < COUNT(allowed) && result == 0; i++) {
        if (is_in(allowed[i].sets, calls)) {
            result = add(filter, SCMP_ACT_ALLOW, allowed[i].number, 0, NULL);
        }
    }
    for (unsigned i = 0; i < COUNT(checked) && result == 0; i++) {
        if (is_in(checked[i].sets, calls)) {
            result = add_checked(filter, &checked[i]);
        }
    }
    return result ?: add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &self);
}

static int refuse_some(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp other = SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid());
    const struct scmp_arg_cmp process = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);
    int result = add(filter, SCMP_ACT_TRAP, SCMP_SYS(clone), 1, &process);

    for (unsigned i = 0; i < COUNT(loose_refused) && result == 0; i++) {
        result = add(filter, SCMP_ACT_TRAP, loose_refused[i], 0, NULL);
    }
    for (unsigned i = 0; i < COUNT(signalling) && result == 0; i++) {
        result = add(filter, SCMP_ACT_TRAP, signalling[i], 1, &other);
    }
    return result;
}

static int load(scmp_filter_ctx filter, unsigned calls)
{
    return seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1)
               ?: (calls & JAIL_CALLS_LOOSE ? refuse_some(filter) : allow_some(filter, calls))
               /* What clone3 wants is in memory, where no filter can look: the C library then takes
                * clone. */
               ?: add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0, NULL)
               ?: seccomp_load(filter);
}

/* On top of the filter that is there, whose refusals stay. */
static int forbid(int (*add_rules)(scmp_filter_ctx filter))
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int result = filter == NULL ? -ENOMEM : 0;

    result = result ?: seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1)
                    ?: seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0) /* they have none */
                    ?: add_rules(filter)
                    ?: seccomp_load(filter);
    seccomp_release(filter);
    errno = -result;
    return result == 0 ? 0 : -1;
}

static int add_no_threads(scmp_filter_ctx filter)
{
    return add(filter, SCMP_ACT_TRAP, SCMP_SYS(clone), 0, NULL);
}

int jail_forbid_threads(void)
{
    return forbid(add_no_threads);
}

static int add_no_processes(scmp_filter_ctx filter)
{
    static const int forbidden[] = {SCMP_SYS(clone),     SCMP_SYS(wait4), SCMP_SYS(prlimit64),
                                    SCMP_SYS(setrlimit), SCMP_SYS(pipe2), SCMP_SYS(seccomp),
                                    SCMP_SYS(kill)};
    const struct scmp_arg_cmp other = SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid());
    int result = add(filter, SCMP_ACT_TRAP, SCMP_SYS(tgkill), 1, &other);

    for (unsigned i = 0; i < COUNT(forbidden) && result == 0; i++) {
        result = add(filter, SCMP_ACT_TRAP, forbidden[i], 0, NULL);
    }
    return result;
}

int jail_forbid_processes(void)
{
    return forbid(add_no_processes);
}

/* ---- What was refused ---- */

static bool goes_on;

/* The refused call returns this. */
static void set_result(ucontext_t *context, long result)
{
#if defined(__x86_64__)
    context->uc_mcontext.gregs[REG_RAX] = result;
#elif defined(__aarch64__)
    context->uc_mcontext.regs[0] = (unsigned long long)result;
#else
    (void)context; /* it returns what it happens to */
    (void)result;
#endif
}

/* Once for each number. Memory may be allocated here, since what that calls is never refused. */
static void name_call(int number)
{
    static bool named[1024];
    char line[96];

    if (number < 0 || (size_t)number >= COUNT(named) || named[number]) {
        return;
    }
    named[number] = true;
    char *name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), number);
    int length = snprintf(line, sizeof(line), "refused by the sandbox: system call %d (%.40s)\n",
                          number, name != NULL ? name : "unknown");
    free(name);
    (void)!write(STDERR_FILENO, line, (size_t)length);
}

static void on_refused(int signal_number, siginfo_t *info, void *context)
{
    (void)signal_number;
    name_call(info->si_syscall);
    if (!goes_on) {
        syscall(SYS_unshare, 0); /* refused, too: while the signal is blocked, that is the end */
    }
    set_result(context, -EPERM);
}

int jail_calls_keep(unsigned calls)
{
    const struct sigaction action = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO};
    bool is_loose = (calls & JAIL_CALLS_LOOSE) != 0;
    scmp_filter_ctx filter = seccomp_init(is_loose ? SCMP_ACT_ALLOW : SCMP_ACT_TRAP);
    int result = -ENOMEM;

    goes_on = (calls & (JAIL_CALLS_LOOSE | JAIL_CALLS_DRIVER)) != 0;
    if (filter != NULL && sigaction(SIGSYS, &action, NULL) == 0) {
        result = load(filter, calls);
    }
    seccomp_release(filter);
    errno = -result;
    return result == 0 ? 0 : -1;
}
