/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* F_ADD_SEALS */
#include "host/mediator/worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Program, libraries, two stacks, malloc's arenas (which reserve 128 MiB to use some of it). */
#define ADDRESS_SPACE_OVERHEAD (UINT64_C(1) << 30)

/* What two threads over poll, sockets, futexes and malloc need, and no more. */
static const int cpu_allowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(futex),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(close),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(sched_yield),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getrandom),
    SCMP_SYS(rseq),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(writev), /* the C library's last words before it aborts */
};

/* Memory to hand out. */
static const int memfd_allowed[] = {
    SCMP_SYS(memfd_create),
    SCMP_SYS(ftruncate),
};

/* Files, devices, threads and sockets (the driver listens on one for its own) stay allowed. */
static const int cuda_refused[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
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
    SCMP_SYS(pidfd_send_signal),
};

/* With another process's id as the first argument: the supervisor and the workers of other guests
 * have the same user. */
static const int cuda_refused_to_others[] = {
    SCMP_SYS(kill),
    SCMP_SYS(tkill),
    SCMP_SYS(tgkill),
    SCMP_SYS(rt_sigqueueinfo),
    SCMP_SYS(rt_tgsigqueueinfo),
};

static int limit(int resource, uint64_t value)
{
    struct rlimit limits = {.rlim_cur = value, .rlim_max = value};

    return setrlimit(resource, &limits);
}

/* libseccomp's result; a call that this architecture does not have needs no rule. */
static int add_rule(scmp_filter_ctx filter, uint32_t action, int call)
{
    int result = seccomp_rule_add(filter, action, call, 0);

    return result == -EDOM ? 0 : result;
}

static int add_cpu_rules(scmp_filter_ctx filter, bool memfd)
{
    const int mapping[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
    int result = 0;

    for (unsigned i = 0; i < sizeof(cpu_allowed) / sizeof(cpu_allowed[0]) && result == 0; i++) {
        result = add_rule(filter, SCMP_ACT_ALLOW, cpu_allowed[i]);
    }
    for (unsigned i = 0; memfd && i < sizeof(memfd_allowed) / sizeof(int) && result == 0; i++) {
        result = add_rule(filter, SCMP_ACT_ALLOW, memfd_allowed[i]);
    }
    /* Its seals, and whether it has been taken. No F_SETFL: eventfds are shared with the device,
     * which must not find them blocking. */
    if (memfd && result == 0) {
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                                  SCMP_A1(SCMP_CMP_EQ, F_ADD_SEALS, 0));
    }
    if (memfd && result == 0) {
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                                  SCMP_A1(SCMP_CMP_EQ, SIOCOUTQ, 0));
    }
    for (unsigned i = 0; i < 2 && result == 0; i++) {
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, mapping[i], 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    }
    /* What abort() does; to others nothing is sent. */
    if (result == 0) {
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    }
    /* A library that looks for a file of its own gets an error, not a kill. */
    return result == 0 ? add_rule(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat)) : result;
}

static int add_cuda_rules(scmp_filter_ctx filter)
{
    int result = 0;

    for (unsigned i = 0; i < sizeof(cuda_refused) / sizeof(cuda_refused[0]) && result == 0; i++) {
        result = add_rule(filter, SCMP_ACT_ERRNO(EPERM), cuda_refused[i]);
    }
    for (unsigned i = 0; i < sizeof(cuda_refused_to_others) / sizeof(int) && result == 0; i++) {
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), cuda_refused_to_others[i], 1,
                                  SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid(), 0));
    }
    return result;
}

int sandbox_enter(bool cuda, uint64_t memory_limit, bool memfd)
{
    scmp_filter_ctx filter;
    int result;

    if (limit(RLIMIT_CORE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return -1;
    }
    if (!cuda && memory_limit < UINT64_MAX - ADDRESS_SPACE_OVERHEAD &&
        limit(RLIMIT_AS, memory_limit + ADDRESS_SPACE_OVERHEAD) != 0) {
        return -1;
    }
    filter = seccomp_init(cuda ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS);
    if (filter == NULL) {
        errno = ENOMEM;
        return -1;
    }
    result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (result == 0) {
        result = cuda ? add_cuda_rules(filter) : add_cpu_rules(filter, memfd);
    }
    if (result == 0) {
        result = seccomp_load(filter);
    }
    seccomp_release(filter);
    if (result != 0) {
        errno = -result;
        return -1;
    }
    return 0;
}
