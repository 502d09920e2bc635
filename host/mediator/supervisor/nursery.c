/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* pipe2, SYS_pidfd_open */
#include "host/mediator/supervisor/nursery.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/mediator/worker/worker.h"

/* Born, and not yet taken by the loop: then the thread waits. */
#define BIRTHS 8u

extern char **environ;

struct nursery {
    uv_async_t async;
    void *owner;
    void (*on_birth)(void *owner, const struct birth *birth);
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned wanted;
    struct birth births[BIRTHS];
    unsigned first, count;
};

/* ---- A process ---- */

static void close_both(int pair[2])
{
    for (int i = 0; i < 2; i++) {
        if (pair[i] >= 0) {
            close(pair[i]);
            pair[i] = -1;
        }
    }
}

static int spawn(pid_t *child, int control, int log)
{
    char *const arguments[] = {(char *)"baregpu-mediator", (char *)WORKER_ARGUMENT, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    const struct sched_param priority = {0};
    sigset_t none;
    int result;

    sigemptyset(&none); /* this thread blocks all signals */
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    /* A program's start takes nobody's turn on the processor: the worker goes on as others do when
     * it has a connection. */
    posix_spawnattr_setschedpolicy(&attributes, SCHED_BATCH);
    posix_spawnattr_setschedparam(&attributes, &priority);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSCHEDULER);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, log, STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&actions, control, WORKER_CONTROL_FD);
    result = posix_spawn(child, "/proc/self/exe", &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return result;
}

static struct birth give_birth(void)
{
    struct birth birth = {.pidfd = -1, .control = -1, .log = -1};
    int pair[2] = {-1, -1}, pipes[2] = {-1, -1};

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0 ||
        pipe2(pipes, O_CLOEXEC | O_NONBLOCK) != 0) {
        birth.error = errno;
    } else {
        birth.error = spawn(&birth.child, pair[1], pipes[1]);
    }
    if (birth.error == 0) {
        birth.pidfd = (int)syscall(SYS_pidfd_open, birth.child, 0); /* close-on-exec by itself */
        birth.error = birth.pidfd < 0 ? errno : 0;
        if (birth.error != 0) {
            kill(birth.child, SIGKILL);
            waitpid(birth.child, NULL, 0);
        }
    }
    if (birth.error != 0) {
        close_both(pair);
        close_both(pipes);
        return birth;
    }
    birth.control = pair[0];
    birth.log = pipes[0];
    close(pair[1]);
    close(pipes[1]);
    return birth;
}

/* ---- The thread ---- */

static void *run(void *context)
{
    struct nursery *nursery = context;

    pthread_mutex_lock(&nursery->lock);
    for (;;) {
        while (nursery->wanted == 0 || nursery->count == BIRTHS) {
            pthread_cond_wait(&nursery->changed, &nursery->lock);
        }
        pthread_mutex_unlock(&nursery->lock);
        struct birth birth = give_birth();
        pthread_mutex_lock(&nursery->lock);
        nursery->wanted--;
        nursery->births[(nursery->first + nursery->count++) % BIRTHS] = birth;
        uv_async_send(&nursery->async);
    }
    return NULL;
}

static bool take_birth(struct nursery *nursery, struct birth *birth)
{
    pthread_mutex_lock(&nursery->lock);
    bool there = nursery->count > 0;
    if (there) {
        *birth = nursery->births[nursery->first];
        nursery->first = (nursery->first + 1) % BIRTHS;
        nursery->count--;
        pthread_cond_signal(&nursery->changed);
    }
    pthread_mutex_unlock(&nursery->lock);
    return there;
}

static void on_births(uv_async_t *async)
{
    struct nursery *nursery = async->data;
    struct birth birth;

    while (take_birth(nursery, &birth)) {
        nursery->on_birth(nursery->owner, &birth);
    }
}

struct nursery *nursery_open(uv_loop_t *loop, void *owner,
                             void (*on_birth)(void *owner, const struct birth *birth))
{
    struct nursery *nursery = calloc(1, sizeof(*nursery));
    sigset_t all, before;
    pthread_t thread;
    int result;

    if (nursery == NULL) {
        return NULL;
    }
    nursery->owner = owner;
    nursery->on_birth = on_birth;
    nursery->async.data = nursery;
    pthread_mutex_init(&nursery->lock, NULL);
    pthread_cond_init(&nursery->changed, NULL);
    uv_async_init(loop, &nursery->async, on_births);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the loop's thread */
    result = pthread_create(&thread, NULL, run, nursery);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result != 0) { /* the program ends: the handle stays with the loop */
        errno = result;
        return NULL;
    }
    /* It stays as long as the process does: its end would be its workers' (PR_SET_PDEATHSIG). */
    pthread_detach(thread);
    return nursery;
}

void nursery_want(struct nursery *nursery)
{
    pthread_mutex_lock(&nursery->lock);
    nursery->wanted++;
    pthread_cond_signal(&nursery->changed);
    pthread_mutex_unlock(&nursery->lock);
}
