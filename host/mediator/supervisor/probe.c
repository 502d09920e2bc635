/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* pipe2 */
#include "host/mediator/supervisor/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/mediator/compute/backend.h"
#include "host/common/clock.h"

/* A machine with eight GPUs and no persistence daemon takes some ten seconds. */
#define PROBE_LIMIT_NS (60 * NS_PER_S)

extern char **environ;

int probe_main(void)
{
    char reason[PROBE_REASON_SIZE] = "";
    int count = backend_cuda_count(reason, sizeof(reason));

    printf("%d %s\n", count, reason);
    return fflush(stdout) == 0 ? 0 : 1;
}

static int start_child(int out, pid_t *child)
{
    char *const arguments[] = {(char *)"baregpu-mediator", (char *)PROBE_ARGUMENT, NULL};
    posix_spawn_file_actions_t actions;
    int result;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    /* What a driver has to say could be more than anybody reads: the child would wait. */
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    result = posix_spawn(child, "/proc/self/exe", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return result;
}

/* The child's line, or what there is of it when its time is over. */
static void read_answer(int in, char *line, size_t size)
{
    uint64_t until_ns = clock_now_ns() + PROBE_LIMIT_NS;
    struct pollfd polled = {.fd = in, .events = POLLIN};
    size_t used = 0;

    while (used < size - 1 && memchr(line, '\n', used) == NULL) {
        uint64_t now_ns = clock_now_ns();
        ssize_t received;

        if (now_ns >= until_ns) {
            break;
        }
        if (poll(&polled, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1) <= 0) {
            continue;
        }
        received = read(in, line + used, size - 1 - used);
        if (received <= 0) {
            break;
        }
        used += (size_t)received;
    }
    line[used] = '\0';
}

int probe_count_cuda(char reason[PROBE_REASON_SIZE])
{
    char line[PROBE_REASON_SIZE + 16];
    int pipes[2];
    pid_t child;
    int status = 0, count = 0, offset = 0, result;

    if (pipe2(pipes, O_CLOEXEC) != 0) {
        snprintf(reason, PROBE_REASON_SIZE, "pipe: %s", strerror(errno));
        return 0;
    }
    result = start_child(pipes[1], &child);
    close(pipes[1]);
    if (result != 0) {
        snprintf(reason, PROBE_REASON_SIZE, "no probe process: %s", strerror(result));
        close(pipes[0]);
        return 0;
    }
    read_answer(pipes[0], line, sizeof(line));
    close(pipes[0]);
    kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (strchr(line, '\n') == NULL || sscanf(line, "%d %n", &count, &offset) != 1) {
        snprintf(reason, PROBE_REASON_SIZE,
                 WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL
                     ? "the CUDA driver crashed its process"
                     : "the CUDA driver does not answer");
        return 0;
    }
    line[strcspn(line, "\n")] = '\0';
    snprintf(reason, PROBE_REASON_SIZE, "%s", line + offset);
    return count;
}
