/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* pipe2, CLONE_NEWPID */
#include "host/mediator/supervisor/nursery.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/common/jail.h"
#include "host/common/patience.h"
#include "host/mediator/compute/cuda_driver.h"
#include "host/mediator/worker/worker.h"

/* Its end is the end of every process in the PID namespace. */
#define NAMESPACES                                                                                 \
    (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS)
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
    struct nursery_options options;
    bool taken[]; /* a slot each */
};

/* ---- A process, before it is a program ---- */

/* What it takes along, made beforehand: it is a copy of one of several threads, so until its
 * program starts it makes system calls and nothing else. */
struct cradle {
    int go[2]; /* it waits for a byte, or for the supervisor's end */
    int null;
    int control;
    int log;
    int device_folder;
    uid_t user; /* 0: as it is */
    const char *const *devices;
};

/* For this process alone: the C library would have all threads do it. */
static long become_user(uid_t user)
{
    return syscall(SYS_setgroups, 0, NULL) ?: syscall(SYS_setresgid, user, user, user)
                                           ?: syscall(SYS_setresuid, user, user, user);
}

static void place(int fd, int where)
{
    if (fd == where) {
        fcntl(fd, F_SETFD, 0);
    } else {
        dup2(fd, where);
    }
}

/* In its user namespace it is root, whoever that is outside. */
__attribute__((noreturn)) static void become_program(const struct cradle *cradle, bool isolated)
{
    static const char failure[] = "the program cannot be started again as this user\n";
    char *const arguments[] = {(char *)"baregpu-mediator", (char *)WORKER_ARGUMENT,
                               (char *)cradle->devices[0], (char *)cradle->devices[1],
                               (char *)cradle->devices[2], NULL};
    char byte;

    close(cradle->go[1]);
    if (read(cradle->go[0], &byte, 1) != 1) {
        _exit(WORKER_EXIT_FAILED);
    }
    place(cradle->null, STDIN_FILENO);
    place(cradle->null, STDOUT_FILENO);
    place(cradle->log, STDERR_FILENO);
    place(cradle->control, WORKER_CONTROL_FD);
    place(cradle->device_folder, CUDA_DRIVER_FOLDER_FD);
    if (cradle->user == 0 || become_user(isolated ? 0 : cradle->user) == 0) {
        execve("/proc/self/exe", arguments, environ);
    }
    (void)!write(STDERR_FILENO, failure, sizeof(failure) - 1);
    _exit(WORKER_EXIT_FAILED);
}

/* ---- A process, from outside ---- */

/* Its process, in namespaces of its own or (0) in none; -1 with errno. */
static pid_t start_in(int namespaces, const struct cradle *cradle, int *pidfd)
{
    uid_t user = cradle->user != 0 ? cradle->user : geteuid();
    gid_t group = cradle->user != 0 ? cradle->user : getegid();
    pid_t child = (pid_t)syscall(SYS_clone, (unsigned long)(namespaces | CLONE_PIDFD | SIGCHLD),
                                 NULL, pidfd, NULL, NULL);

    if (child == 0) {
        become_program(cradle, namespaces != 0);
    }
    if (child > 0 && namespaces != 0 && jail_map_user(child, user, group) != 0) {
        int error = errno;

        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        close(*pidfd);
        errno = error;
        return -1;
    }
    return child;
}

/* Where the system has no namespaces for it the worker finds out, and says so. */
static int start(const struct cradle *cradle, struct cgroup *cgroup, struct birth *birth)
{
    birth->child = start_in(NAMESPACES, cradle, &birth->pidfd);
    if (birth->child < 0) {
        birth->child = start_in(0, cradle, &birth->pidfd);
    }
    if (birth->child < 0) {
        return errno;
    }
    cgroup_add(cgroup, birth->slot, birth->child);
    (void)!write(cradle->go[1], "", 1); /* it cannot fail: the pipe is empty, and its reader here */
    return 0;
}

/* -1 with errno: there is a part of it. */
static int make_cradle(struct cradle *cradle, struct birth *birth)
{
    int pair[2], pipes[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        return -1;
    }
    birth->control = pair[0];
    cradle->control = pair[1];
    if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) != 0) {
        return -1;
    }
    birth->log = pipes[0];
    cradle->log = pipes[1];
    cradle->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    return cradle->null < 0 ? -1 : pipe2(cradle->go, O_CLOEXEC);
}

static void close_open(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

static struct birth give_birth(unsigned slot, uid_t user, const struct nursery_options *options)
{
    struct birth birth = {.pidfd = -1, .control = -1, .log = -1, .slot = slot};
    struct cradle cradle = {.go = {-1, -1},
                            .null = -1,
                            .control = -1,
                            .log = -1,
                            .device_folder = options->device_folder,
                            .user = user,
                            .devices = options->devices};

    birth.error =
        make_cradle(&cradle, &birth) != 0 ? errno : start(&cradle, options->cgroup, &birth);
    if (birth.error != 0) {
        close_open(birth.control);
        close_open(birth.log);
    }
    close_open(cradle.go[0]);
    close_open(cradle.go[1]);
    close_open(cradle.null);
    close_open(cradle.control);
    close_open(cradle.log);
    return birth;
}

/* ---- The thread ---- */

/* With the lock; the number of slots when none is free. */
static unsigned take_slot(struct nursery *nursery)
{
    unsigned slot = 0;

    while (slot < nursery->options.slots && nursery->taken[slot]) {
        slot++;
    }
    if (slot < nursery->options.slots) {
        nursery->taken[slot] = true;
    }
    return slot;
}

static struct birth give_birth_in(const struct nursery *nursery, unsigned slot)
{
    uid_t first = nursery->options.first_user;

    if (slot == nursery->options.slots) {
        return (struct birth){.error = EAGAIN};
    }
    return give_birth(slot, first != 0 ? first + slot : 0, &nursery->options);
}

static void *run(void *context)
{
    struct nursery *nursery = context;

    patience_begin();
    pthread_mutex_lock(&nursery->lock);
    for (;;) {
        while (nursery->wanted == 0 || nursery->count == BIRTHS) {
            pthread_cond_wait(&nursery->changed, &nursery->lock);
        }
        unsigned slot = take_slot(nursery);
        pthread_mutex_unlock(&nursery->lock);
        struct birth birth = give_birth_in(nursery, slot);
        pthread_mutex_lock(&nursery->lock);
        if (birth.error != 0 && slot < nursery->options.slots) {
            nursery->taken[slot] = false;
        }
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

struct nursery *nursery_open(uv_loop_t *loop, const struct nursery_options *options, void *owner,
                             void (*on_birth)(void *owner, const struct birth *birth))
{
    struct nursery *nursery =
        calloc(1, sizeof(*nursery) + options->slots * sizeof(nursery->taken[0]));
    sigset_t all, before;
    pthread_t thread;
    int result;

    if (nursery == NULL) {
        return NULL;
    }
    nursery->options = *options;
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

bool nursery_take(struct nursery *nursery, unsigned slot)
{
    pthread_mutex_lock(&nursery->lock);
    bool is_free = slot < nursery->options.slots && !nursery->taken[slot];
    if (is_free) {
        nursery->taken[slot] = true;
    }
    pthread_mutex_unlock(&nursery->lock);
    return is_free;
}

void nursery_free(struct nursery *nursery, unsigned slot)
{
    pthread_mutex_lock(&nursery->lock);
    nursery->taken[slot] = false;
    pthread_mutex_unlock(&nursery->lock);
}
