/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* unshare */
#include "host/common/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/common/jail_parts.h"

#define NAMESPACES (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS)

/* ---- The user namespace ---- */

static int write_line(pid_t process, const char *file, const char *line)
{
    char path[64], number[16] = "self"; /* /proc may have other numbers than this process knows */

    if (process != 0) {
        snprintf(number, sizeof(number), "%d", (int)process);
    }
    snprintf(path, sizeof(path), "/proc/%s/%s", number, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    ssize_t written = write(fd, line, strlen(line));
    close(fd);
    return written < 0 ? -1 : 0;
}

int jail_map_user(pid_t process, uid_t user, gid_t group)
{
    char users[32], groups[32];

    snprintf(users, sizeof(users), "0 %u 1", (unsigned)user);
    snprintf(groups, sizeof(groups), "0 %u 1", (unsigned)group);
    if (write_line(process, "uid_map", users) != 0) {
        return -1;
    }
    if (write_line(process, "gid_map", groups) == 0) {
        return 0;
    }
    /* Without privilege only once groups cannot be given up in there. */
    return write_line(process, "setgroups", "deny") ?: write_line(process, "gid_map", groups);
}

static int make_namespaces(int namespaces)
{
    uid_t user = geteuid();
    gid_t group = getegid();

    return unshare(namespaces) ?: jail_map_user(0, user, group);
}

int jail_keep_files(void)
{
    return make_namespaces(CLONE_NEWUSER | CLONE_NEWNS);
}

/* ---- In it ---- */

static int drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

    return (int)syscall(SYS_capset, &header, none);
}

/* Without capabilities, however far it comes with the rest. */
static int isolate(const struct jail *jail, char exposed[JAIL_TEXT_SIZE])
{
    int parent_death_signal = 0;

    exposed[0] = '\0';
    prctl(PR_GET_PDEATHSIG, &parent_death_signal);
    if (!jail->isolated && make_namespaces(NAMESPACES) != 0) {
        snprintf(exposed, JAIL_TEXT_SIZE, "no namespaces: %s", strerror(errno));
    } else if (!jail->keeps_root) {
        jail_root_enter(jail->paths, exposed);
    }
    prctl(PR_SET_PDEATHSIG, parent_death_signal); /* new credentials cleared it */
    return drop_capabilities();
}

/* JAIL_NO_LIMIT leaves what there is. */
static int limit(int resource, uint64_t value)
{
    struct rlimit limits = {.rlim_cur = value, .rlim_max = value};

    return value == JAIL_NO_LIMIT ? 0 : setrlimit(resource, &limits);
}

int jail_enter(const struct jail *jail, char exposed[JAIL_TEXT_SIZE])
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
               ?: isolate(jail, exposed)
               ?: limit(RLIMIT_CORE, 0)
               ?: limit(RLIMIT_NOFILE, jail->descriptors)
               ?: limit(RLIMIT_FSIZE, jail->file_size)
               ?: limit(RLIMIT_AS, jail->address_space)
               ?: jail_calls_keep(jail->calls);
}
