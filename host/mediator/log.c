/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_SIZE 1024

static const char *const level_names[] = {"error", "warning", "info", "debug"};
/* sd-daemon(3): the syslog priority in angle brackets at a line's start. */
static const char *const journal_priorities[] = {"<3>", "<4>", "<6>", "<7>"};

static enum mediator_log_level log_level = MEDIATOR_LOG_INFO;
static char log_prefix[96];

void log_set_level(enum mediator_log_level level)
{
    log_level = level;
}

enum mediator_log_level log_get_level(void)
{
    return log_level;
}

bool log_parse_level(const char *name, enum mediator_log_level *level)
{
    for (unsigned i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *level = (enum mediator_log_level)i;
            return true;
        }
    }
    return false;
}

void log_set_prefix(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(log_prefix, sizeof(log_prefix), format, arguments);
    va_end(arguments);
}

static size_t line_begin(char *line, size_t size, enum mediator_log_level level)
{
    struct timespec now;
    struct tm utc;
    int length;

    if (getenv("JOURNAL_STREAM") != NULL) {
        length = snprintf(line, size, "%s%s%s", journal_priorities[level], log_prefix,
                          log_prefix[0] ? ": " : "");
    } else {
        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &utc);
        length = snprintf(line, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %-7s %s%s",
                          utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                          utc.tm_sec, now.tv_nsec / 1000000, level_names[level], log_prefix,
                          log_prefix[0] ? ": " : "");
    }
    return length < 0 ? 0 : (size_t)length;
}

void log_write(enum mediator_log_level level, const char *format, ...)
{
    char line[LOG_LINE_SIZE];
    va_list arguments;
    size_t used;
    int length;

    if (level > log_level) {
        return;
    }
    used = line_begin(line, sizeof(line) - 1, level);
    va_start(arguments, format);
    length = vsnprintf(line + used, sizeof(line) - 1 - used, format, arguments);
    va_end(arguments);
    if (length > 0) {
        used += (size_t)length;
    }
    if (used > sizeof(line) - 2) {
        used = sizeof(line) - 2;
    }
    /* What came from a guest or a client must not forge a line of its own. */
    for (size_t i = 0; i < used; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) {
            line[i] = '?';
        }
    }
    line[used++] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line, used);
    (void)ignored; /* nowhere left to report to */
}
