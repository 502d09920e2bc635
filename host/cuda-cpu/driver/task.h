/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work that is to be done after other work: what streams, events and graphs are made of. Worker
 * threads run tasks as soon as what they follow is done; without any (BAREGPU_CUDA_THREADS=0) a
 * task is run by who submits it.
 *
 * Everything here under the driver's lock, which is released while a task runs and while one waits.
 */
#ifndef CUDA_CPU_DRIVER_TASK_H
#define CUDA_CPU_DRIVER_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/cuda.h"

struct context;
struct stream;

struct task {
    CUresult (*run)(struct task *task); /* without the lock; NULL: there is nothing to do */
    bool (*may_run)(struct task *task); /* asked again and again, with the lock, until it is so;
                                         * NULL: it is */
    void (*copied)(struct task *task);  /* it is a copy: pointers into itself; NULL: none */
    size_t size;                        /* bytes of all of it */
    struct context *context;            /* keeps the error that run returns */
    const struct stream *stream;        /* who waits for it may run its tasks, too */
    bool always;                        /* runs in a context that had an error as well */
    bool at_call;                       /* is run by who submits it, on that thread alone */
    bool done;
    uint64_t end_ns; /* of an event's, that has nothing to do: when it is done, CLOCK_MONOTONIC */
    unsigned references; /* it is freed with the last one */
    unsigned waits;      /* for so many tasks */
    struct task **followers;
    size_t follower_count, follower_capacity;
    struct task *next;            /* among those that are ready */
    struct task *earlier, *later; /* of those that are under way: submitted, and not done */
    uint64_t number;              /* of the submission */
};

/* A call that waits for tasks. */
struct task_after {
    void (*call)(struct task_after *after); /* with the lock */
    uint64_t number;                        /* of the last submission that it waits for */
    struct task_after *next;
};

/* A task of `size` bytes, this struct first, zeroed behind it, with one reference. NULL: no
 * memory. */
void *task_create(size_t size, struct context *context, CUresult (*run)(struct task *task));

/* Not before that one is done, which may be NULL. */
void task_follow(struct task *task, struct task *earlier);

/* Once, behind the last task_follow. */
void task_submit(struct task *task);

/* Until it is done; runs tasks of its stream meanwhile. */
void task_wait(struct task *task);

/* Calls when all that is under way now is done, whatever is submitted meanwhile: at once, if
 * nothing is. The struct is the caller's until then. */
void task_call_after(struct task_after *after);

/* One that does the same, not submitted. NULL: no memory. */
struct task *task_copy(const struct task *task);

struct task *task_retain(struct task *task);
void task_release(struct task *task); /* NULL: nothing */

/* Ends the worker threads; what is ready is not run any more. */
void task_stop_workers(void);

#endif
