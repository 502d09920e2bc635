/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a Unix socket costs: round trips of a request and an answer of given sizes between two
 * processes, while the machine is idle or while another process keeps a core busy, as a polling
 * vCPU does. Prints one JSON object per line: name, count, mean_ns, p50_ns, p99_ns.
 *
 *   pingpong_bench [REQUEST_BYTES [ANSWER_BYTES [COUNT]]]
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIZE_MAX_BYTES 65536

static char buffer[SIZE_MAX_BYTES];

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int transfer(int fd, size_t size, int writing)
{
    size_t done = 0;

    while (done < size) {
        ssize_t step =
            writing ? write(fd, buffer + done, size - done) : read(fd, buffer + done, size - done);

        if (step <= 0) {
            return -1;
        }
        done += (size_t)step;
    }
    return 0;
}

static void answer_until_closed(int fd, size_t request, size_t answer)
{
    while (transfer(fd, request, 0) == 0 && transfer(fd, answer, 1) == 0) {
    }
    _exit(0);
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return a < b ? -1 : a > b;
}

static pid_t start_busy(void)
{
    pid_t child = fork();

    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (volatile uint64_t i = 0;; i++) {
        }
    }
    return child;
}

static int measure(const char *name, size_t request, size_t answer, size_t count, int busy)
{
    uint64_t *times = malloc(count * sizeof(*times)), total = 0;
    pid_t peer, noise = busy ? start_busy() : -1;
    int pair[2];

    if (times == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || (peer = fork()) < 0) {
        perror("pingpong");
        return 1;
    }
    if (peer == 0) {
        close(pair[0]);
        answer_until_closed(pair[1], request, answer);
    }
    close(pair[1]);
    for (size_t i = 0; i < count; i++) {
        uint64_t start = now_ns();

        if (transfer(pair[0], request, 1) != 0 || transfer(pair[0], answer, 0) != 0) {
            perror("pingpong");
            return 1;
        }
        times[i] = now_ns() - start;
        total += times[i];
    }
    close(pair[0]);
    waitpid(peer, NULL, 0);
    if (noise > 0) {
        kill(noise, SIGKILL);
        waitpid(noise, NULL, 0);
    }
    qsort(times, count, sizeof(*times), compare);
    printf("{\"name\": \"%s\", \"count\": %zu, \"mean_ns\": %llu, \"p50_ns\": %llu, "
           "\"p99_ns\": %llu}\n",
           name, count, (unsigned long long)(total / count), (unsigned long long)times[count / 2],
           (unsigned long long)times[count * 99 / 100]);
    free(times);
    return 0;
}

int main(int count, char **texts)
{
    /* A vgpu-stub NOP: header and mailbox header each way. */
    size_t request = count > 1 ? strtoul(texts[1], NULL, 10) : 52;
    size_t answer = count > 2 ? strtoul(texts[2], NULL, 10) : 52;
    size_t rounds = count > 3 ? strtoul(texts[3], NULL, 10) : 20000;

    if (request == 0 || answer == 0 || rounds == 0 || request > SIZE_MAX_BYTES ||
        answer > SIZE_MAX_BYTES) {
        fprintf(stderr, "usage: pingpong_bench [REQUEST_BYTES [ANSWER_BYTES [COUNT]]]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    return measure("socket_pingpong_idle", request, answer, rounds, 0) ||
           measure("socket_pingpong_busy", request, answer, rounds, 1);
}
