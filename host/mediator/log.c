/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/common/clock.h"

#define LOG_LINE_SIZE 1024
#define LIMIT_NS (5 * NS_PER_S) /* between two lines of one kind */

static const char *const level_names[] = {"error", "warning", "info", "debug"};
/* sd-daemon(3): the syslog priority in angle brackets at a line's start. */
static const char *const journal_priorities[] = {"<3>", "<4>", "<6>", "<7>"};

static enum mediator_log_level log_level = MEDIATOR_LOG_INFO;
static bool log_marked;

/* Part of a line would be taken for the start of the next. */
static void write_all(const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDERR_FILENO, bytes, size);

        if (written < 0 && errno == EAGAIN) { /* somebody made it so, and shares it */
            poll(&(struct pollfd){.fd = STDERR_FILENO, .events = POLLOUT}, 1, -1);
        } else if (written < 0 && errno != EINTR) {
            return; /* nowhere left to report to */
        } else if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
}

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

void log_set_marked(void)
{
    log_marked = true;
}

/* ---- The thread that writes ---- */

/* As much as a pipe holds: whoever reads at all reads sooner. */
#define QUEUE_SIZE 65536u
#define FINISH_LIMIT_MS 500
#define FINISH_STEP_MS 10

static struct {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    bool started;
    bool writing;
    char bytes[QUEUE_SIZE];
    size_t start, length;
    uint64_t suppressed;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER};

/* With the lock. */
static bool queue_put(const char *line, size_t length)
{
    if (length > QUEUE_SIZE - queue.length) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        queue.bytes[(queue.start + queue.length + i) % QUEUE_SIZE] = line[i];
    }
    queue.length += length;
    return true;
}

static void *write_lines(void *unused)
{
    char piece[4096];

    (void)unused;
    pthread_mutex_lock(&queue.lock);
    for (;;) {
        while (queue.length == 0) {
            pthread_cond_wait(&queue.filled, &queue.lock);
        }
        size_t size = queue.length < sizeof(piece) ? queue.length : sizeof(piece);
        for (size_t i = 0; i < size; i++) {
            piece[i] = queue.bytes[(queue.start + i) % QUEUE_SIZE];
        }
        queue.start = (queue.start + size) % QUEUE_SIZE;
        queue.length -= size;
        queue.writing = true;
        pthread_mutex_unlock(&queue.lock);
        write_all(piece, size);
        pthread_mutex_lock(&queue.lock);
        queue.writing = false;
    }
    return NULL;
}

bool log_start_thread(void)
{
    sigset_t all, before;
    pthread_t thread;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the loop's thread */
    queue.started = pthread_create(&thread, NULL, write_lines, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (queue.started) {
        pthread_detach(thread);
    }
    return queue.started;
}

void log_finish(void)
{
    const struct timespec step = {.tv_nsec = FINISH_STEP_MS * 1000000L};

    for (int ms = 0; queue.started && ms < FINISH_LIMIT_MS; ms += FINISH_STEP_MS) {
        pthread_mutex_lock(&queue.lock);
        bool done = queue.length == 0 && !queue.writing;
        pthread_mutex_unlock(&queue.lock);
        if (done) {
            return;
        }
        nanosleep(&step, NULL);
    }
}

/* ---- A line ---- */

static size_t line_begin(char *line, size_t size, enum mediator_log_level level)
{
    struct timespec now;
    struct tm utc;
    int length;

    if (log_marked) {
        length = snprintf(line, size, "%c%d", LOG_MARK, (int)level);
    } else if (getenv("JOURNAL_STREAM") != NULL) {
        length = snprintf(line, size, "%s", journal_priorities[level]);
    } else {
        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &utc);
        length = snprintf(line, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %-7s ",
                          utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                          utc.tm_sec, now.tv_nsec / 1000000, level_names[level]);
    }
    return length < 0 ? 0 : (size_t)length;
}

/* Cut at LOG_LINE_SIZE; what came from a guest or a client must not forge a line of its own. */
static size_t build_line(char *line, enum mediator_log_level level, const char *format,
                         va_list arguments)
{
    size_t begin = line_begin(line, LOG_LINE_SIZE - 1, level), used = begin;
    int length = vsnprintf(line + used, LOG_LINE_SIZE - 1 - used, format, arguments);

    if (length > 0) {
        used += (size_t)length;
    }
    if (used > LOG_LINE_SIZE - 2) {
        used = LOG_LINE_SIZE - 2;
    }
    for (size_t i = begin; i < used; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) {
            line[i] = '?';
        }
    }
    line[used++] = '\n';
    return used;
}

__attribute__((format(printf, 3, 4))) static size_t build(char *line, enum mediator_log_level level,
                                                          const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    size_t length = build_line(line, level, format, arguments);
    va_end(arguments);
    return length;
}

/* To the queue, or, a worker's, into the pipe; false when there is no room. With the lock. */
static bool put(const char *line, size_t length)
{
    if (queue.started) {
        return queue_put(line, length);
    }
    if (log_marked) { /* shorter than PIPE_BUF: all of it or nothing */
        return write(STDERR_FILENO, line, length) >= 0 || errno != EAGAIN;
    }
    write_all(line, length);
    return true;
}

void log_write(enum mediator_log_level level, const char *format, ...)
{
    char line[LOG_LINE_SIZE], lost[LOG_LINE_SIZE];
    va_list arguments;
    size_t length;

    if (level > log_level) {
        return;
    }
    va_start(arguments, format);
    length = build_line(line, level, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&queue.lock);
    if (queue.suppressed > 0 &&
        put(lost, build(lost, MEDIATOR_LOG_WARNING, "log: %llu more suppressed, nobody read",
                        (unsigned long long)queue.suppressed))) {
        queue.suppressed = 0;
    }
    queue.suppressed += queue.suppressed > 0 || !put(line, length);
    pthread_cond_signal(&queue.filled);
    pthread_mutex_unlock(&queue.lock);
}

enum mediator_log_level log_parse_line(char *line, const char **text)
{
    enum mediator_log_level level = MEDIATOR_LOG_WARNING;

    *text = line;
    if (line[0] == LOG_MARK && line[1] >= '0' && line[1] <= '0' + MEDIATOR_LOG_DEBUG) {
        level = (enum mediator_log_level)(line[1] - '0');
        *text = line + 2;
    }
    for (; *line; line++) {
        *line = *line >= ' ' && *line <= '~' ? *line : '?';
    }
    return level;
}

/* ---- Lines of one kind ---- */

bool log_limit_take(struct log_limit *limit, uint64_t now_ns)
{
    if (now_ns < limit->until_ns) {
        limit->suppressed++;
        return false;
    }
    limit->until_ns = now_ns + LIMIT_NS;
    return true;
}

uint64_t log_limit_collect(struct log_limit *limit, uint64_t now_ns)
{
    uint64_t suppressed = limit->suppressed;

    if (suppressed == 0 || now_ns < limit->until_ns) {
        return 0;
    }
    /* It is a line, too. */
    *limit = (struct log_limit){.until_ns = now_ns + LIMIT_NS};
    return suppressed;
}
