/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/supervisor/worker_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/common/clock.h"

/* At a worker's end: what a pipe holds. */
#define LAST_READS (65536 / (int)WORKER_LOG_SIZE)

const char *worker_log_name(const struct worker_process *worker)
{
    static char name[96];

    if (worker->attached) {
        snprintf(name, sizeof(name), "session %u (%s, vm %u)", worker->session,
                 worker->listener->config->name, worker->vm_id);
    } else if (worker->listener != NULL) {
        snprintf(name, sizeof(name), "session %u (%s)", worker->session,
                 worker->listener->config->name);
    } else {
        snprintf(name, sizeof(name), "spare worker %d", worker->pid);
    }
    return name;
}

/* Whoever asks for debug lines wants them all. */
static bool may_write(struct worker_process *worker, enum mediator_log_level level)
{
    if (level > log_get_level()) {
        return true; /* it is not written */
    }
    if (log_get_level() >= MEDIATOR_LOG_DEBUG || worker->guest == NULL) {
        return true;
    }
    if (limiter_take(&worker->guest->lines, clock_now_ns())) {
        return true;
    }
    worker->guest->lines_suppressed++;
    return false;
}

void worker_log_write(struct worker_process *worker, enum mediator_log_level level,
                      const char *format, ...)
{
    char text[512];
    va_list arguments;

    if (!may_write(worker, level)) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    log_write(level, "%s: %s", worker_log_name(worker), text);
}

/* ---- The pipe ---- */

static void take_line(struct worker_process *worker, char *line)
{
    const char *text;
    enum mediator_log_level level = log_parse_line(line, &text);

    if (may_write(worker, level)) {
        log_write(level, "%s: %s", worker_log_name(worker), text);
    }
}

/* The whole lines that there are; one that fills the buffer is cut. */
static void take_lines(struct worker_process *worker)
{
    struct worker_log *log = &worker->log;
    char *end;

    while ((end = memchr(log->bytes, '\n', log->length)) != NULL ||
           log->length == sizeof(log->bytes) - 1) {
        size_t length = end != NULL ? (size_t)(end - log->bytes) : log->length;
        size_t taken = length + (end != NULL);

        log->bytes[length] = '\0';
        take_line(worker, log->bytes);
        log->length -= taken;
        memmove(log->bytes, log->bytes + taken, log->length);
    }
}

/* False at the end, or when there is nothing. */
static bool read_some(struct worker_process *worker)
{
    struct worker_log *log = &worker->log;
    ssize_t received =
        read(log->fd, log->bytes + log->length, sizeof(log->bytes) - 1 - log->length);

    if (received > 0) {
        log->length += (size_t)received;
        take_lines(worker);
    } else if (received == 0) {
        uv_poll_stop(&log->poll);
    }
    return received > 0;
}

static bool is_spent(struct worker_process *worker, uint64_t now_ns)
{
    return log_get_level() < MEDIATOR_LOG_DEBUG && worker->guest != NULL &&
           limiter_get_tokens(&worker->guest->lines, now_ns) == 0;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct worker_process *worker = poll->data;

    (void)status;
    (void)events;
    read_some(worker);
    if (is_spent(worker, clock_now_ns())) { /* the worker counts what no longer fits */
        worker->log.paused = true;
        uv_poll_stop(poll);
    }
}

void worker_log_start(struct worker_process *worker, int fd)
{
    worker->log.fd = fd;
    worker->log.poll.data = worker;
    uv_poll_init(&worker->supervisor->loop, &worker->log.poll, fd);
    uv_poll_start(&worker->log.poll, UV_READABLE, on_readable);
}

void worker_log_finish(struct worker_process *worker)
{
    for (int i = 0; i < LAST_READS && read_some(worker); i++) {
    }
    if (worker->log.length > 0) { /* the last one was not whole */
        worker->log.bytes[worker->log.length] = '\0';
        take_line(worker, worker->log.bytes);
    }
    uv_poll_stop(&worker->log.poll);
    close(worker->log.fd);
    worker->log.fd = -1;
}

static void tell_suppressed(struct guest_table *table, uint64_t now_ns)
{
    for (unsigned i = 0; i < table->count; i++) {
        struct guest_record *guest = &table->records[i];

        if (guest->lines_suppressed > 0 && limiter_take(&guest->lines, now_ns)) {
            log_warning("listener %s, vm %u: %llu more suppressed (process %d of user %u)",
                        guest->listener->name, guest->past.vm_id,
                        (unsigned long long)guest->lines_suppressed, (int)guest->past.peer.process,
                        (unsigned)guest->past.peer.user);
            guest->lines_suppressed = 0;
        }
    }
}

void worker_log_tick(struct supervisor *supervisor, uint64_t now_ns)
{
    struct worker_process *worker;

    for (unsigned i = 0; i < supervisor->config->listener_count; i++) {
        tell_suppressed(&supervisor->listeners[i].guests, now_ns);
    }
    LIST_FOREACH (worker, &supervisor->workers, link) {
        if (worker->log.paused && !is_spent(worker, now_ns)) {
            worker->log.paused = false;
            uv_poll_start(&worker->log.poll, UV_READABLE, on_readable);
        }
    }
}
