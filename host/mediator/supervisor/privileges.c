/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* setresuid */
#include "host/mediator/supervisor/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* For workers of other users: to make them so, and to end them. */
#define OTHER_USERS (CAP_TO_MASK(CAP_SETUID) | CAP_TO_MASK(CAP_SETGID) | CAP_TO_MASK(CAP_KILL))

static uint32_t effective_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

    return syscall(SYS_capget, &header, data) == 0 ? data[0].effective : 0;
}

/* Nothing but these, whose numbers are below 32. */
static int keep_capabilities(uint32_t kept)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
        {.effective = kept, .permitted = kept}};

    return (int)syscall(SYS_capset, &header, data);
}

uid_t privileges_worker_users(const struct config *config)
{
    if (config->worker_uid_count > 0 && (effective_capabilities() & OTHER_USERS) != OTHER_USERS) {
        log_warning("worker_uids: only root can give workers users of their own; they have this "
                    "one's");
        return 0;
    }
    return config->worker_first_uid;
}

/* The capabilities are the calling thread's: all others lose theirs with the user. */
static int become(const struct config *config, uint32_t kept)
{
    return prctl(PR_SET_KEEPCAPS, kept != 0)
               ?: initgroups(config->user_name, config->user_gid)
               ?: setresgid(config->user_gid, config->user_gid, config->user_gid)
               ?: setresuid(config->user_uid, config->user_uid, config->user_uid)
               ?: keep_capabilities(kept)
               /* A worker's user namespace is described in its /proc, which else is root's. */
               ?: prctl(PR_SET_DUMPABLE, 1);
}

bool privileges_drop(const struct config *config)
{
    if (!config->user_name[0] || (geteuid() == config->user_uid && geteuid() != 0)) {
        return true;
    }
    if (become(config, config->worker_uid_count > 0 ? OTHER_USERS : 0) != 0) {
        log_error("user = %s: %m", config->user_name);
        return false;
    }
    log_info("user %s (%u)", config->user_name, (unsigned)config->user_uid);
    return true;
}
