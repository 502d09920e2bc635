/* SPDX-License-Identifier: BSD-2-Clause */
/* What a process gives up, for good, before it reads the first byte of somebody it cannot trust. */
#ifndef COMMON_JAIL_H
#define COMMON_JAIL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How a path of the outside is there in a jail; nothing can be written to, but devices. */
enum jail_kind {
    JAIL_DATA,
    JAIL_LIBRARY, /* may be mapped to run */
    JAIL_DEVICE,
};

struct jail_path {
    const char *pattern; /* as of glob(): what there is of it; NULL: the list's end */
    enum jail_kind kind;
};

/* Which system calls are left; every jail has memory, clocks, and what is open. */
enum jail_calls {
    JAIL_CALLS_MEMFD = 1,      /* makes sealed memory to hand out, and takes some */
    JAIL_CALLS_DRIVER = 2,     /* a GPU driver's: files, devices, sockets, threads */
    JAIL_CALLS_LOOSE = 4,      /* all but those that no driver needs */
    JAIL_CALLS_SERVE = 8,      /* accepts connections, and writes a file */
    JAIL_CALLS_THREADS = 16,   /* makes threads, until jail_forbid_threads */
    JAIL_CALLS_PROCESSES = 32, /* makes processes, limits and kills them: jail_forbid_processes */
    JAIL_CALLS_CODE = 64,      /* runs what it made, which then is not writable any more */
    JAIL_CALLS_DRAW = 128,     /* Mesa's, where it draws on the CPU */
    JAIL_CALLS_WEB = 256,      /* accepts connections, and waits for many by epoll */
    JAIL_CALLS_NODE = 512,     /* with those of a driver: a render node's */
};

#define JAIL_NO_LIMIT UINT64_MAX

struct jail {
    unsigned calls; /* enum jail_calls */
    bool isolated;  /* it has had namespaces of its own since its start, and is root in them */
    bool keeps_root;
    const struct jail_path *paths; /* all that its root has; NULL: nothing */
    uint64_t descriptors, file_size, address_space;
};

/*
 * Enters, with one thread: no new privileges, no core files, a mount, IPC, network and UTS
 * namespace, no capability, an own root, the limits, and only those system calls. A call that is
 * refused is named on standard error, and ends the process by SIGSYS; with JAIL_CALLS_DRIVER or
 * JAIL_CALLS_LOOSE it fails with EPERM.
 *
 * 0, or -1 with errno: the process must not go on. `exposed` says what the system does not allow of
 * namespaces and root, and is empty when all is well.
 */
#define JAIL_TEXT_SIZE 128
int jail_enter(const struct jail *jail, char exposed[JAIL_TEXT_SIZE]);

/* With JAIL_CALLS_THREADS: there are no more after this. -1 with errno. */
int jail_forbid_threads(void);

/* With JAIL_CALLS_PROCESSES, in such a process: it makes, limits and ends none from here on, itself
 * apart. -1 with errno. */
int jail_forbid_processes(void);

/* Makes this user root in the user namespace of a process (0: the caller) that has just begun it,
 * and all others nobody. Another user than the caller's takes CAP_SETUID and CAP_SETGID. -1 with
 * errno. */
int jail_map_user(pid_t process, uid_t user, gid_t group);

/* Some time before jail_enter, with one thread: the files stay as they are, whatever becomes of the
 * root of those that started this process. -1 with errno. */
int jail_keep_files(void);

#endif
