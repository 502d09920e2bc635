/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/supervisor/worker_exit.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The first part of struct pidfd_info (linux/pidfd.h), which is younger than some systems are. */
struct pidfd_info_0 {
    uint64_t mask, cgroup;
    uint32_t ids[11];
    int32_t exit_code; /* waitpid's status */
};

#define PIDFD_INFO_0 _IOWR(0xff, 11, struct pidfd_info_0)
#define PIDFD_EXIT (UINT64_C(1) << 3)

_Static_assert(sizeof(struct pidfd_info_0) == 64, "PIDFD_INFO_SIZE_VER0");

bool worker_exit_wait(pid_t child, int *status)
{
    return waitpid(child, status, WNOHANG) == child;
}

/* Of one that somebody has waited for. */
static bool read_info(int pidfd, int *status)
{
    struct pidfd_info_0 info = {.mask = PIDFD_EXIT};

    if (ioctl(pidfd, PIDFD_INFO_0, &info) != 0 || (info.mask & PIDFD_EXIT) == 0) {
        return false;
    }
    *status = info.exit_code;
    return true;
}

/* The last field of /proc/PID/stat is 0 for who may not know it, and so is the end of one that went
 * well. This link is for the same ones (PTRACE_MODE_READ_FSCREDS), whom its user namespace belongs
 * to among them. */
static bool may_know(pid_t process)
{
    char path[32], link[64];

    snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)process);
    return readlink(path, link, sizeof(link)) > 0;
}

/* Of one that nobody has. Its number is its own as long as its pidfd knows it, which is looked at
 * afterwards. */
static bool read_stat(pid_t process, int pidfd, int *status)
{
    char path[32], text[1024];
    const char *last;
    size_t length = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)process);
    file = fopen(path, "re");
    if (file != NULL) {
        length = fread(text, 1, sizeof(text) - 1, file);
        fclose(file);
    }
    text[length] = '\0';
    last = strrchr(text, ' ');
    return last != NULL && sscanf(last, "%d", status) == 1 && may_know(process) &&
           syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0;
}

bool worker_exit_look(pid_t process, int pidfd, int *status)
{
    return read_stat(process, pidfd, status) || read_info(pidfd, status);
}
