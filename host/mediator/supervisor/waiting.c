/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/supervisor/waiting.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/common/clock.h"
#include "host/mediator/log.h"
#include "host/mediator/supervisor/farewell.h"
#include "host/mediator/supervisor/state.h"
#include "host/mediator/supervisor/takeover.h"
#include "host/mediator/supervisor/worker_process.h"

/* A pvgpu has a handshake to send; a vgpu-stub has nothing to say before its guest does. */
#define SILENCE_NS (10 * NS_PER_S)

/* ---- Out of the list: the way to the next one is there until the loop goes on ---- */

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void take_out(struct waiting_connection *waiting)
{
    struct supervisor *supervisor = waiting->listener->supervisor;

    TAILQ_REMOVE(&supervisor->waiting, waiting, link);
    supervisor->due_count -= waiting->due;
    uv_poll_stop(&waiting->poll);
    uv_close((uv_handle_t *)&waiting->poll, on_closed);
}

static void drop(struct waiting_connection *waiting)
{
    take_out(waiting);
    guest_record_detach(waiting->guest, waiting->tokens, clock_now_ns());
    supervisor_end_session(waiting->listener);
    close(waiting->connection);
}

/* Drops it if its peer has closed it: who only sends no more still reads. */
static bool has_left(struct waiting_connection *waiting)
{
    struct pollfd polled = {.fd = waiting->connection};

    if (poll(&polled, 1, 0) <= 0 || (polled.revents & (POLLHUP | POLLERR)) == 0) {
        return false;
    }
    log_debug("listener %s: a peer left before it had a worker", waiting->listener->config->name);
    drop(waiting);
    return true;
}

struct waiting_connection *waiting_take(struct supervisor *supervisor)
{
    struct waiting_connection *waiting;

    TAILQ_FOREACH (waiting, &supervisor->waiting, link) {
        if (waiting->due && !has_left(waiting)) {
            take_out(waiting);
            return waiting;
        }
    }
    return NULL;
}

/* ---- Into the list ---- */

static void look_whether_due(struct waiting_connection *waiting, uint64_t now_ns)
{
    if (waiting->spoke && !waiting->due && limiter_take(&waiting->guest->starts, now_ns)) {
        waiting->due = true;
        waiting->listener->supervisor->due_count++;
    }
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct waiting_connection *waiting = poll->data;
    struct supervisor *supervisor = waiting->listener->supervisor;

    (void)status;
    (void)events;
    if (has_left(waiting)) {
        return;
    }
    uv_poll_stop(poll); /* it stays readable */
    if (!waiting->spoke) {
        waiting->spoke = true;
        waiting->since_ns = clock_now_ns();
        look_whether_due(waiting, waiting->since_ns);
        worker_process_serve(supervisor);
    }
}

bool waiting_add(struct supervisor_listener *listener, int connection, struct guest_record *guest)
{
    struct supervisor *supervisor = listener->supervisor;
    struct waiting_connection *waiting = calloc(1, sizeof(*waiting));

    if (waiting == NULL) {
        return false;
    }
    waiting->connection = connection;
    waiting->since_ns = clock_now_ns();
    waiting->listener = listener;
    waiting->guest = guest;
    waiting->poll.data = waiting;
    uv_poll_init(&supervisor->loop, &waiting->poll, connection);
    uv_poll_start(&waiting->poll, UV_READABLE | UV_DISCONNECT, on_event);
    guest_record_begin(guest, waiting->since_ns, &waiting->tokens);
    supervisor->sessions++;
    listener->sessions++;
    listener->accepted++;
    TAILQ_INSERT_TAIL(&supervisor->waiting, waiting, link);
    return true;
}

/* ---- The clock, the end ---- */

static bool is_silent(const struct waiting_connection *waiting, uint64_t now_ns)
{
    return !waiting->spoke && waiting->listener->config->device == CONFIG_LISTENER_PVGPU &&
           now_ns - waiting->since_ns >= SILENCE_NS;
}

void waiting_tick(struct supervisor *supervisor, uint64_t now_ns)
{
    struct waiting_connection *waiting;

    TAILQ_FOREACH (waiting, &supervisor->waiting, link) {
        if (is_silent(waiting, now_ns)) {
            log_debug("listener %s: no handshake; connection ended",
                      waiting->listener->config->name);
            drop(waiting);
        } else if (!waiting->spoke || !has_left(waiting)) {
            look_whether_due(waiting, now_ns);
        }
    }
}

static void refuse(struct waiting_connection *waiting)
{
    farewell_send(waiting->connection, waiting->listener->config->device);
    drop(waiting);
}

void waiting_refuse_due(struct supervisor *supervisor)
{
    struct waiting_connection *waiting;

    TAILQ_FOREACH (waiting, &supervisor->waiting, link) {
        if (waiting->due) {
            refuse(waiting);
        }
    }
}

void waiting_refuse_all(struct supervisor *supervisor)
{
    while (!TAILQ_EMPTY(&supervisor->waiting)) {
        refuse(TAILQ_FIRST(&supervisor->waiting));
    }
}

void waiting_leave(struct supervisor *supervisor)
{
    while (!TAILQ_EMPTY(&supervisor->waiting)) {
        takeover_store_waiting(TAILQ_FIRST(&supervisor->waiting)->connection);
        drop(TAILQ_FIRST(&supervisor->waiting));
    }
}
