/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* F_ADD_SEALS, unshare */
#include "host/mediator/worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Program, libraries, two stacks, malloc's arenas (which reserve 128 MiB to use some of it). */
#define ADDRESS_SPACE_OVERHEAD (UINT64_C(1) << 30)
#define CPU_DESCRIPTORS 64
#define CUDA_DESCRIPTORS 1024
/* Any directory that each system has: the empty root is mounted there first. */
#define ROOT_PLACE "/tmp"

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

/* Memory to hand out, and to take. */
static const int memfd_allowed[] = {
    SCMP_SYS(memfd_create),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fstat),
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
    SCMP_SYS(fork), /* a child would outlive the worker, and with it the mediator */
    SCMP_SYS(vfork),
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

/* Descriptors: those of a session, and what messages bring. Files: a worker writes none, but for
 * the memory that it hands out. */
static int limit_files(bool cuda, uint64_t memory_limit, bool memfd)
{
    if (limit(RLIMIT_NOFILE, cuda ? CUDA_DESCRIPTORS : CPU_DESCRIPTORS) != 0) {
        return -1;
    }
    return cuda ? 0 : limit(RLIMIT_FSIZE, memfd ? memory_limit : 0);
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
    /* Its seals, and whether it has been taken. F_SETFL only to what does not block: eventfds are
     * shared with the device, which must not find them otherwise. */
    if (memfd && result == 0) {
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                                  SCMP_A1(SCMP_CMP_EQ, F_ADD_SEALS, 0));
    }
    if (memfd && result == 0) {
        result =
            seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 2,
                             SCMP_A1(SCMP_CMP_EQ, F_SETFL, 0), SCMP_A2(SCMP_CMP_EQ, O_NONBLOCK, 0));
    }
    /* As the C library's fstat() calls it. */
    if (memfd && result == 0) {
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
                                  SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH, 0));
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
    /* Threads, but no process and no namespace. What clone3 wants is in memory, where no filter can
     * look: the C library then takes clone. */
    if (result == 0) {
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    }
    if (result == 0) {
        result = add_rule(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
    }
    for (unsigned i = 0; i < sizeof(cuda_refused_to_others) / sizeof(int) && result == 0; i++) {
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), cuda_refused_to_others[i], 1,
                                  SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid(), 0));
    }
    return result;
}

/* ---- Namespaces ---- */

/* Where the first root cannot be moved away (an initial ramfs), it is covered: no descriptor leads
 * under it, and the system calls that would are refused. */
static int enter_empty_root(void)
{
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", ROOT_PLACE, "tmpfs", flags, "size=4k,nr_inodes=1,mode=0555") != 0 ||
        chdir(ROOT_PLACE) != 0) {
        return -1;
    }
    if (syscall(SYS_pivot_root, ".", ".") == 0) {
        if (umount2(".", MNT_DETACH) != 0) {
            return -1;
        }
    } else if (mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0) {
        return -1;
    }
    return chdir("/") == 0 ? mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL)
                           : -1;
}

static int drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

    return (int)syscall(SYS_capset, &header, none);
}

int sandbox_isolate(void)
{
    if (getpid() != 1 &&
        unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS) != 0) {
        return -1;
    }
    int result = enter_empty_root();
    int error = errno;
    if (drop_capabilities() != 0) {
        return -1;
    }
    errno = error;
    return result;
}

/* ---- System calls ---- */

int sandbox_enter(bool cuda, uint64_t memory_limit, bool memfd)
{
    scmp_filter_ctx filter;
    int result;

    if (limit(RLIMIT_CORE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return -1;
    }
    if (limit_files(cuda, memory_limit, memfd) != 0) {
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
