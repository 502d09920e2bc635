/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log lines to standard error: one event, one line, one write. Under systemd a line starts with
 * its journal priority instead of the time. Callable from any thread.
 */
#ifndef MEDIATOR_LOG_H
#define MEDIATOR_LOG_H

#include <stdbool.h>

enum mediator_log_level {
    MEDIATOR_LOG_ERROR,
    MEDIATOR_LOG_WARNING,
    MEDIATOR_LOG_INFO,
    MEDIATOR_LOG_DEBUG,
};

#define MEDIATOR_LOG_LEVELS "error, warning, info, debug"

/* Before the first line; the default is info. */
void log_set_level(enum mediator_log_level level);
enum mediator_log_level log_get_level(void);

/* False when name is none of MEDIATOR_LOG_LEVELS. */
bool log_parse_level(const char *name, enum mediator_log_level *level);

/* Put before every later line of this process; cut at 95 bytes. */
void log_set_prefix(const char *format, ...) __attribute__((format(printf, 1, 2)));

void log_write(enum mediator_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(MEDIATOR_LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(MEDIATOR_LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_write(MEDIATOR_LOG_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
    do {                                                                                           \
        if (log_get_level() >= MEDIATOR_LOG_DEBUG) {                                               \
            log_write(MEDIATOR_LOG_DEBUG, __VA_ARGS__);                                            \
        }                                                                                          \
    } while (0)

#endif
