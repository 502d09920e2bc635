/* SPDX-License-Identifier: BSD-2-Clause */
/* The socket's thread of a vgpu-stub's worker: messages, the clock. */
#include "host/mediator/stub/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "host/common/clock.h"
#include "host/mediator/log.h"
#include "host/mediator/stub/state.h"

#define INPUT_SIZE 16384u /* some pipelined messages; one is at most 1048 bytes */
/* Above this much unread output nothing more is read, so that a client that does not read its
 * answers costs this, its queue's answers, and no more. */
#define OUTPUT_HIGH_WATER 65536u
#define OUTPUT_STALL_NS (30 * NS_PER_S)  /* a client that reads nothing for so long is gone */
#define PARTIAL_LIMIT_NS (30 * NS_PER_S) /* a message that is not whole after so long */
#define PING_GRACE_NS (10 * NS_PER_MS)   /* for the last four bytes of a PING */

/* The socket thread's own. */
struct stream {
    struct stub_worker *worker;
    struct mailbox_parser parser;
    uint8_t input[INPUT_SIZE];
    size_t start, length;
    bool ended;                                               /* the client sends nothing more */
    uint64_t ping_since_ns, partial_since_ns, stall_since_ns; /* 0: not so */
    uint64_t sent; /* what the client had taken when the stall began */
};

static struct stub_worker stub_worker;
static struct stream stub_stream = {.worker = &stub_worker};

static bool output_is_full(const struct stub_worker *worker)
{
    return worker->base.outbox.length >= OUTPUT_HIGH_WATER;
}

static void answer_message(struct stub_worker *worker, const struct mailbox_message *to,
                           uint32_t type)
{
    uint8_t out[MAILBOX_MESSAGE_MAX];

    outbox_put(&worker->base.outbox, out, mailbox_build(out, type, to, NULL, 0), -1);
}

/* ---- Requests ---- */

/* Whether to ask the supervisor for this pool: the first one, whatever it is, and after a refusal
 * each other one that exists, once. */
static bool pool_is_to_ask_for(struct stub_worker *worker, const struct mailbox_message *message)
{
    unsigned pool = message->pool_id - (unsigned)'A';
    bool refused = worker->attached && worker->base.device.status != BG_COMPUTE_OK;

    if (worker->attached && message->vm_id != worker->identity.vm_id) {
        return false; /* answered with an error */
    }
    if (worker->attached && !(refused && pool < CONFIG_POOLS && !worker->pool_asked[pool])) {
        return false;
    }
    if (pool < CONFIG_POOLS) {
        worker->pool_asked[pool] = true;
    }
    return true;
}

/* Asks the supervisor where this guest may go; false while there is no answer. */
static bool attach(struct stub_worker *worker, const struct mailbox_message *message)
{
    if (worker->attach_asked && !worker->attached) {
        return false;
    }
    if (!pool_is_to_ask_for(worker, message)) {
        return true;
    }
    worker->identity =
        (struct control_attach){.vm_id = message->vm_id, .pool_id = message->pool_id};
    worker->attach_asked = true;
    worker->attached = false;
    worker_attach(&worker->base, message->vm_id, message->pool_id);
    return false;
}

static enum bg_compute_status check_identity(const struct stub_worker *worker,
                                             const struct mailbox_message *message)
{
    if (message->vm_id != worker->identity.vm_id ||
        message->priority > BG_VGPU_STUB_PRIORITY_HIGH) {
        return BG_COMPUTE_INVALID_REQUEST;
    }
    if (message->pool_id != worker->identity.pool_id) {
        return BG_COMPUTE_INVALID_POOL; /* a session is on one pool's device */
    }
    return (enum bg_compute_status)worker->base.device.status;
}

static void accept_request(struct stub_worker *worker, const struct mailbox_message *message)
{
    const struct config_limits *limits = &worker->base.start.limits;
    enum bg_compute_status status = check_identity(worker, message);
    struct stub_request *request;

    if (worker->quarantined) {
        answer_message(worker, message, BG_VGPU_STUB_MESSAGE_QUARANTINED);
        return;
    }
    if (limits->requests_per_s && !limiter_take(&worker->base.limiter, clock_now_ns())) {
        answer_message(worker, message, BG_VGPU_STUB_MESSAGE_BUSY);
        return;
    }
    if (status != BG_COMPUTE_OK) {
        stub_answer_status(worker, message, status);
        return;
    }
    request = stub_queue_room(worker);
    if (request == NULL) {
        stub_answer_status(worker, message, BG_COMPUTE_QUEUE_FULL);
        return;
    }
    request->header = *message;
    request->length = message->payload_length;
    memcpy(request->bytes, message->payload, message->payload_length);
    request->plan = request_plan(request->bytes, request->length);
    request->priority = message->priority + (request->plan.raise_priority ? 1u : 0u);
    if (request->priority > limits->max_priority) {
        request->priority = limits->max_priority;
    }
    stub_queue_put(worker);
    stub_dispatch(worker, false);
}

/* ---- The stream ---- */

/* Takes one message; false when there is none to take now. */
static bool take_message(struct stream *stream)
{
    struct stub_worker *worker = stream->worker;
    uint64_t now_ns = clock_now_ns();
    bool quiet = stream->ping_since_ns && now_ns - stream->ping_since_ns >= PING_GRACE_NS;
    struct mailbox_message message;

    switch (mailbox_parse(&stream->parser, stream->input + stream->start, stream->length,
                          quiet || stream->ended, &message)) {
    case MAILBOX_NEED_MORE:
        if (stream->length == 0) {
            stream->partial_since_ns = 0;
        } else if (!stream->partial_since_ns) {
            stream->partial_since_ns = now_ns;
        }
        return false;
    case MAILBOX_PING_UNDECIDED:
        if (!stream->ping_since_ns) {
            stream->ping_since_ns = now_ns;
        }
        return false;
    case MAILBOX_MALFORMED:
        log_warning("malformed message: %s; connection ended", stream->parser.error);
        worker_end(&worker->base, WORKER_EXIT_OK);
        return false;
    case MAILBOX_MESSAGE:
        break;
    }
    stream->ping_since_ns = stream->partial_since_ns = 0;
    if (message.type == BG_VGPU_STUB_MESSAGE_PING) {
        answer_message(worker, &message, BG_VGPU_STUB_MESSAGE_PONG);
    } else if (!attach(worker, &message)) {
        return false; /* taken again when the answer is there */
    } else {
        accept_request(worker, &message);
    }
    stream->start += message.size;
    stream->length -= message.size;
    return true;
}

static void take_messages(struct stream *stream)
{
    struct stub_worker *worker = stream->worker;

    while (!worker->base.over && !worker->failed && !worker->finishing &&
           !worker->base.outbox.broken && !output_is_full(worker) && take_message(stream)) {
    }
    if (!stream->ended || worker->base.over || worker->finishing) {
        return;
    }
    if (stream->length > 0 && stream->partial_since_ns) {
        log_warning("the connection ended inside a message, after %zu bytes of it", stream->length);
        stream->length = 0;
    }
    worker->finishing = stream->length == 0;
}

static bool wants_input(const struct stream *stream)
{
    const struct stub_worker *worker = stream->worker;

    return !stream->ended && !worker->finishing && !worker->failed && !output_is_full(worker) &&
           !(worker->attach_asked && !worker->attached) && stream->length < MAILBOX_MESSAGE_MAX;
}

static void read_input(struct stream *stream)
{
    ssize_t received;

    if (stream->start > 0) {
        memmove(stream->input, stream->input + stream->start, stream->length);
        stream->start = 0;
    }
    received = recv(stream->worker->base.connection, stream->input + stream->length,
                    INPUT_SIZE - stream->length, MSG_DONTWAIT);
    if (received > 0) {
        stream->length += (size_t)received;
        return;
    }
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (received < 0) {
        log_debug("connection: %m");
    }
    stream->ended = true;
}

/* ---- The supervisor's messages ---- */

static struct stub_worker *as_stub(struct worker *worker)
{
    return (struct stub_worker *)worker;
}

static void take_attached(struct worker *worker)
{
    as_stub(worker)->attached = true;
    as_stub(worker)->quarantined = worker->device.quarantined;
}

static void take_grant(struct worker *worker, bool contended)
{
    lease_take_grant(&as_stub(worker)->lease, contended);
    stub_take_lease(as_stub(worker));
}

static void take_revoke(struct worker *worker)
{
    lease_take_revoke(&as_stub(worker)->lease);
    stub_take_lease(as_stub(worker));
}

static void take_quarantine(struct worker *worker, bool quarantined)
{
    as_stub(worker)->quarantined = quarantined;
}

static void drain(struct worker *worker)
{
    as_stub(worker)->finishing = true;
}

static void fill_statistics(struct worker *worker, struct control_statistics *statistics)
{
    *statistics = as_stub(worker)->statistics;
    statistics->queued = as_stub(worker)->queue_count;
    statistics->tokens =
        as_stub(worker)->attached ? limiter_get_tokens(&worker->limiter, clock_now_ns()) : 0;
}

/* ---- The clock ---- */

/* Answers what runs too long; its thread may be stuck for good, so the process ends. */
static void check_limit(struct stub_worker *worker, uint64_t now_ns)
{
    struct watch *watch = &worker->watch;

    if (!watch_look(watch, now_ns, &worker->look_ns) || worker->abandoned) {
        return;
    }
    worker->abandoned = true;
    if (worker->answer_due) {
        stub_answer_status(worker, &worker->current.header, BG_COMPUTE_TIMEOUT);
    }
    stub_fail(worker, "%s ran longer than the limit of %u ms", worker->doing,
              (unsigned)(watch->limit_ns / NS_PER_MS));
}

static void check_stream_times(struct stream *stream, uint64_t now_ns)
{
    struct stub_worker *worker = stream->worker;

    if (stream->partial_since_ns && now_ns - stream->partial_since_ns >= PARTIAL_LIMIT_NS) {
        log_warning("malformed message: %zu bytes and nothing more for %u s; connection ended",
                    stream->length, (unsigned)(PARTIAL_LIMIT_NS / NS_PER_S));
        worker_end(&worker->base, WORKER_EXIT_OK);
    }
    if (worker->base.outbox.length == 0) {
        stream->stall_since_ns = 0;
    } else if (!stream->stall_since_ns || stream->sent != worker->base.outbox.sent) {
        stream->stall_since_ns = now_ns;
        stream->sent = worker->base.outbox.sent;
    } else if (now_ns - stream->stall_since_ns >= OUTPUT_STALL_NS) {
        log_warning("%zu bytes of answers not read for %u s; connection ended",
                    worker->base.outbox.length, (unsigned)(OUTPUT_STALL_NS / NS_PER_S));
        worker_end(&worker->base, WORKER_EXIT_OK);
    }
}

static uint64_t earlier(uint64_t first, uint64_t since_ns, uint64_t limit_ns)
{
    uint64_t second = since_ns ? since_ns + limit_ns : UINT64_MAX;

    return first < second ? first : second;
}

static uint64_t begin_wait(struct worker *base, short *events)
{
    const struct stub_worker *worker = as_stub(base);
    uint64_t next_ns = WORKER_NEVER;

    if (wants_input(&stub_stream)) {
        *events = POLLIN;
    }
    /* The executor begins without waking this thread. It starts nothing while this thread does not
     * know that there is work, and then looks again in time. */
    if (worker->running || worker->queue_count > 0 || worker->executor_called) {
        next_ns = clock_now_ns() + base->start.limits.request_timeout_ms * NS_PER_MS / 4;
        next_ns = worker->look_ns < next_ns ? worker->look_ns : next_ns;
    }
    next_ns = earlier(next_ns, stub_stream.ping_since_ns, PING_GRACE_NS);
    next_ns = earlier(next_ns, stub_stream.partial_since_ns, PARTIAL_LIMIT_NS);
    return earlier(next_ns, stub_stream.stall_since_ns, OUTPUT_STALL_NS);
}

/* ---- The loop ---- */

static void check_end(const struct stub_worker *worker)
{
    struct worker *base = &stub_worker.base;

    if (worker->failed && worker->has_cuda) {
        log_warning("%s; session ended", worker->fault);
        worker_end(base, WORKER_EXIT_OK);
    } else if (worker->failed) {
        log_error("fault: %s; session ended", worker->fault);
        worker_end(base, WORKER_EXIT_FAULT);
    } else if (worker->finishing && worker->queue_count == 0 && !worker->running &&
               base->outbox.length == 0 && !base->outbox.broken) {
        worker_end(base, WORKER_EXIT_OK);
    }
}

static void take_events(struct worker *base, short events)
{
    struct stub_worker *worker = as_stub(base);

    pthread_mutex_lock(&base->lock);
    if (events & POLLIN && wants_input(&stub_stream)) {
        read_input(&stub_stream);
    }
    if (events & (POLLHUP | POLLERR)) {
        /* Both directions are closed: nobody is left to answer. */
        log_debug("the client is gone");
        worker_end(base, WORKER_EXIT_OK);
    }
    if (!base->over) {
        take_messages(&stub_stream);
    }
    check_limit(worker, clock_now_ns());
    check_stream_times(&stub_stream, clock_now_ns());
    check_end(worker);
    pthread_mutex_unlock(&base->lock);
}

/* ---- Start ---- */

static void open_worker(struct worker *base)
{
    struct stub_worker *worker = as_stub(base);
    uint32_t most = base->start.limits.max_queued;

    worker->lease.ledger = &base->ledger;
    worker->queue_size = most + 1;
    worker->queue = calloc(worker->queue_size, sizeof(*worker->queue));
    pthread_cond_init(&worker->called, NULL);
    /* High water, one message over it, and the answers to everything queued. */
    if (worker->queue == NULL ||
        outbox_init(&base->outbox, base->connection,
                    OUTPUT_HIGH_WATER + (most + 3) * MAILBOX_MESSAGE_MAX) != 0) {
        log_error("worker: no memory");
        worker_end(base, WORKER_EXIT_FAILED);
    }
}

/* Not has_streams: a request that waits for streams would take as long as all that they have, which
 * the device gives up after its timeout; and of an error that is found at a lease's end, between
 * two requests, the guest would see nothing but a lost session. */
const struct worker_kind stub_worker_kind = {
    .device = CONFIG_LISTENER_VGPU_STUB,
    .worker = &stub_worker.base,
    .open = open_worker,
    .compute = stub_executor_main,
    .begin_wait = begin_wait,
    .take_events = take_events,
    .take_attached = take_attached,
    .take_grant = take_grant,
    .take_revoke = take_revoke,
    .take_quarantine = take_quarantine,
    .drain = drain,
    .fill_statistics = fill_statistics,
};
