/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log lines to standard error: one event, one line. Under systemd a line starts with its journal
 * priority instead of the time. Callable from any thread, and never waits for a reader: what does
 * not fit is counted, and said when there is room again.
 */
#ifndef MEDIATOR_LOG_H
#define MEDIATOR_LOG_H

#include <stdbool.h>
#include <stdint.h>

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

/* The supervisor's: from here on a thread writes, so that a reader who stops, of a pipe or a
 * terminal, stops nobody. False without a thread: then lines are written as before. */
bool log_start_thread(void);

/* What is left gets a moment to be written; for the end of the process. */
void log_finish(void);

/* A worker's: standard error is a pipe to the supervisor that does not block. A line goes as
 * LOG_MARK, its level's digit, and its text; the supervisor says whose it is (log_parse_line). */
void log_set_marked(void);

#define LOG_MARK '\1'

/* The level and the text of a worker's line, made printable. A line without a mark is the C
 * library's or a driver's: a warning. */
enum mediator_log_level log_parse_line(char *line, const char **text);

/* Lines of one kind that somebody else can cause as often as he likes: the first, and how many
 * there were besides. Zeroed at the start. */
struct log_limit {
    uint64_t until_ns;
    uint64_t suppressed;
};

/* Whether to write it. */
bool log_limit_take(struct log_limit *limit, uint64_t now_ns);

/* How many were suppressed, when it is time to say so; else 0. */
uint64_t log_limit_collect(struct log_limit *limit, uint64_t now_ns);

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
