/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As much of QEMU as our devices' links to their peers use, so that they run in a unit test and
 * a fuzzer: virtual time that the test moves, one timer at a time, no main loop.
 */
#ifndef TESTS_FAKE_QEMU_QEMU_OSDEP_H
#define TESTS_FAKE_QEMU_QEMU_OSDEP_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdarg.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <glib.h>

#define QEMU_VERSION_MAJOR 10
#define QEMU_VERSION_MINOR 0

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define container_of(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))

typedef struct Error Error;
typedef struct CharBackend {
    int unused;
} CharBackend;

/* error.h, error-report.h */
static inline const char *error_get_pretty(const Error *error)
{
    (void)error;
    return "an error";
}

#define error_setg(to, ...) fake_print("", (void *)(to), __VA_ARGS__)
#define error_setg_errno(to, error, ...) fake_print("", (void *)(to), error, __VA_ARGS__)

static inline void error_free(Error *error)
{
    (void)error;
}

/* Takes what is traced and printed, and drops it. */
static inline void fake_print(const char *unused, ...)
{
    (void)unused;
}

#define warn_report_once_cond(printed, ...) (fake_print(__VA_ARGS__), *(printed) = true)

/* object.h: nobody owns a link here, so that what is given up is a channel. */
typedef struct Object Object;

#define OBJECT(object) (object)
#define object_ref(object) ((void)(object), (Object *)NULL)
#define object_unref(object)                                                                       \
    _Generic((object), Object *: (void)0, default: fake_unref_channel((void *)(object)))

/* runstate.h */
static inline bool runstate_is_running(void)
{
    return true;
}

/* timer.h */
typedef struct QEMUTimer {
    void (*callback)(void *opaque);
    void *opaque;
    int64_t due_ms; /* -1: not set */
} QEMUTimer;

typedef enum { QEMU_CLOCK_REALTIME, QEMU_CLOCK_VIRTUAL } QEMUClockType;

extern int64_t fake_now_ms;

static inline int64_t qemu_clock_get_ms(int clock)
{
    (void)clock;
    return fake_now_ms;
}

static inline int64_t qemu_clock_get_ns(int clock)
{
    return qemu_clock_get_ms(clock) * 1000000;
}

static inline QEMUTimer *timer_new_ms(int clock, void (*callback)(void *), void *opaque)
{
    QEMUTimer *timer = calloc(1, sizeof(*timer));

    (void)clock;
    assert(timer);
    *timer = (QEMUTimer){callback, opaque, -1};
    return timer;
}

static inline void timer_mod(QEMUTimer *timer, int64_t due_ms)
{
    timer->due_ms = due_ms;
}

static inline void timer_del(QEMUTimer *timer)
{
    timer->due_ms = -1;
}

static inline void timer_free(QEMUTimer *timer)
{
    free(timer);
}

#endif
