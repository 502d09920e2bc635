/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * newlib on several CPUs: a struct _reent (errno and the like) for each, and the locks that newlib
 * takes around streams, the environment and exit handlers. Streams are shared, and each call on one
 * is whole: two CPUs' printf never mix inside a call. Not for interrupt handlers.
 */
#include <reent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/lock.h>
#include <sys/stdio.h>

#include "firmware/memory/heap.h"
#include "firmware/memory/lock.h"
#include "firmware/memory/once.h"
#include "firmware/platform/cpu.h"

/* mk/build-newlib.sh asks for both; another newlib has to be built alike. */
#ifndef _RETARGETABLE_LOCKING
#error "newlib without --enable-newlib-retargetable-locking is for one CPU only"
#endif

struct _reent *__getreent(void);

static struct _reent cpu_reent[MACHINE_CPUS_MAX - 1]; /* CPU 0 has newlib's own */

struct _reent *__getreent(void)
{
    uint32_t index = cpu_index();

    return index == 0 ? _impure_ptr : &cpu_reent[index - 1];
}

/* newlib writes an unbuffered stream's line piece by piece, so that CPUs' pieces would mix. */
static void buffer_lines(void *argument)
{
    static char line[256];

    (void)argument;
    setvbuf(stderr, line, _IOLBF, sizeof(line));
}

/* A CPU that comes back keeps what newlib has allocated for it: nobody else would free that. */
void newlib_init_cpu(uint32_t index)
{
    static bool is_ready[MACHINE_CPUS_MAX - 1];
    static struct once once;

    once_run(&once, buffer_lines, NULL);
    if (!is_ready[index - 1]) {
        _REENT_INIT_PTR(&cpu_reent[index - 1]);
    }
    is_ready[index - 1] = true;
    cpu_reent[index - 1]._errno = 0;
}

struct __lock {
    struct lock lock;
    uint32_t owner; /* CPU index + 1; 0: nobody */
    uint32_t depth;
};

struct __lock __lock___sfp_recursive_mutex;
struct __lock __lock___atexit_recursive_mutex;
struct __lock __lock___at_quick_exit_mutex;
struct __lock __lock___malloc_recursive_mutex;
struct __lock __lock___env_recursive_mutex;
struct __lock __lock___tz_mutex;
struct __lock __lock___dd_hash_mutex;
struct __lock __lock___arc4random_mutex;
struct __lock __lock_console_lock; /* newlib.c */

/* For streams: the first three are stdin, stdout and stderr, made before any heap is needed. */
#define STREAM_LOCKS_STATIC 3
static struct __lock stream_locks[STREAM_LOCKS_STATIC];
static uint32_t stream_locks_used;

/* Where there is no memory for one more: a lock that several streams share is only slower. */
static struct __lock shared_lock;

static bool is_static_lock(const struct __lock *lock)
{
    return lock == &shared_lock ||
           (lock >= stream_locks && lock < stream_locks + STREAM_LOCKS_STATIC);
}

void __retarget_lock_init(_LOCK_T *lock)
{
    uint32_t used = __atomic_fetch_add(&stream_locks_used, 1, __ATOMIC_RELAXED);

    if (used < STREAM_LOCKS_STATIC) {
        *lock = &stream_locks[used];
        return;
    }
    __atomic_store_n(&stream_locks_used, STREAM_LOCKS_STATIC, __ATOMIC_RELAXED);
    *lock = heap_alloc(sizeof(**lock));
    if (*lock != NULL) {
        **lock = (struct __lock){0};
    } else {
        *lock = &shared_lock;
    }
}

void __retarget_lock_init_recursive(_LOCK_T *lock)
{
    __retarget_lock_init(lock);
}

void __retarget_lock_close(_LOCK_T lock)
{
    if (!is_static_lock(lock)) {
        heap_free(lock);
    }
}

void __retarget_lock_close_recursive(_LOCK_T lock)
{
    __retarget_lock_close(lock);
}

void __retarget_lock_acquire(_LOCK_T lock)
{
    lock_take(&lock->lock);
}

/* 0: taken, as ftrylockfile says it. */
int __retarget_lock_try_acquire(_LOCK_T lock)
{
    return lock_try(&lock->lock) ? 0 : -1;
}

void __retarget_lock_release(_LOCK_T lock)
{
    lock_release(&lock->lock);
}

/* Only the owner writes its own number there: nobody else can read it as theirs. */
static bool owns(const struct __lock *lock)
{
    return __atomic_load_n(&lock->owner, __ATOMIC_RELAXED) == cpu_index() + 1;
}

static void own(struct __lock *lock)
{
    __atomic_store_n(&lock->owner, cpu_index() + 1, __ATOMIC_RELAXED);
    lock->depth = 1;
}

void __retarget_lock_acquire_recursive(_LOCK_T lock)
{
    if (owns(lock)) {
        lock->depth++;
    } else {
        lock_take(&lock->lock);
        own(lock);
    }
}

int __retarget_lock_try_acquire_recursive(_LOCK_T lock)
{
    if (owns(lock)) {
        lock->depth++;
    } else if (lock_try(&lock->lock)) {
        own(lock);
    } else {
        return -1;
    }
    return 0;
}

void __retarget_lock_release_recursive(_LOCK_T lock)
{
    if (--lock->depth > 0) {
        return;
    }
    __atomic_store_n(&lock->owner, 0, __ATOMIC_RELAXED);
    lock_release(&lock->lock);
}

/* newlib declares them and leaves them to the system. */
void flockfile(FILE *stream)
{
    _flockfile(stream);
}

int ftrylockfile(FILE *stream)
{
    return __retarget_lock_try_acquire_recursive(stream->_lock);
}

void funlockfile(FILE *stream)
{
    _funlockfile(stream);
}
