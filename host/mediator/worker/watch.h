/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether what runs in a worker has used more of the device than it may. The thread that computes
 * says when something begins and ends, and when it waits for its lease in between; the socket's
 * thread looks, and no lock is between them.
 *
 * What counts is device time: on the CPU processor time, so that nobody is late because the host is
 * busy; on a GPU how long it holds the lease. What stands still is ended by the clock; who waits
 * for threads of its own process that compute does not.
 */
#ifndef MEDIATOR_WATCH_H
#define MEDIATOR_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define WATCH_NEVER UINT64_MAX

enum watch_time {
    WATCH_THREAD,  /* the computing thread's processor time */
    WATCH_PROCESS, /* the process's, and no more than the clock's: a driver's threads draw */
    WATCH_CLOCK,   /* a GPU's */
};

/* Processor time so far. */
struct watch_use {
    uint64_t thread_ns, process_ns;
};

struct watch {
    /* Atomic; the computing thread's. */
    uint64_t started_ns; /* 0: nothing that could be long runs */
    uint64_t limit_ns;
    uint64_t waiting_ns;  /* since when it waits for its lease; 0: it does not */
    uint64_t waited_ns;   /* since it began */
    enum watch_time time; /* of what runs */
    clockid_t clock;      /* the computing thread's processor time */
    /* The looking thread's. */
    uint64_t seen_ns;           /* started_ns of what it saw last */
    struct watch_use seen_used; /* and the processor time then */
};

/* By the thread that computes; zeroed before. */
void watch_open(struct watch *watch);

/* Some milliseconds late is good enough for now_ns. */
void watch_begin(struct watch *watch, enum watch_time time, uint64_t now_ns, uint64_t limit_ns);
void watch_end(struct watch *watch);

/* Around a wait for the lease. */
void watch_pause(struct watch *watch);
void watch_resume(struct watch *watch);

/* Something that could be long runs. */
bool watch_is_on(const struct watch *watch);

/* True: over the limit. Else when to look again; and, as nobody wakes the one that looks, four
 * times in a limit while something may begin: processor time counts from the first look on. */
bool watch_look(struct watch *watch, uint64_t now_ns, uint64_t *next_ns);

/* The same, for tests, with the processor time. */
bool watch_judge(struct watch *watch, uint64_t started_ns, uint64_t now_ns,
                 const struct watch_use *used, uint64_t *next_ns);

/* The rule: used up, or a second beyond the limit by the clock with hardly any use, which is not
 * for a busy host to explain. */
bool watch_is_over(uint64_t used_ns, uint64_t elapsed_ns, uint64_t limit_ns);

#endif
