/* SPDX-License-Identifier: BSD-2-Clause */
/* The socket's thread of a worker: messages, control messages, the clock. */
#define _GNU_SOURCE 1 /* close_range */
#include "host/mediator/stub/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "host/common/clock.h"
#include "host/mediator/log.h"
#include "host/mediator/pvgpu/worker.h"
#include "host/mediator/worker/sandbox.h"
#include "host/mediator/stub/state.h"

#define INPUT_SIZE 16384u /* some pipelined messages; one is at most 1048 bytes */
/* Above this much unread output nothing more is read, so that a client that does not read its
 * answers costs this, its queue's answers, and no more. */
#define OUTPUT_HIGH_WATER 65536u
#define OUTPUT_STALL_NS (30 * NS_PER_S)   /* a client that reads nothing for so long is gone */
#define PARTIAL_LIMIT_NS (30 * NS_PER_S)  /* a message that is not whole after so long */
#define PING_GRACE_NS (10 * NS_PER_MS)    /* for the last four bytes of a PING */
#define LAST_FLUSH_NS NS_PER_S            /* for the last answers of a session that ends */

/* The socket thread's own. */
struct stream {
    struct worker *worker;
    struct mailbox_parser parser;
    uint8_t input[INPUT_SIZE];
    size_t start, length;
    bool parse_again; /* input may hold a message that could not be taken before */
    bool ended;       /* the client sends nothing more */
    uint64_t ping_since_ns, partial_since_ns, stall_since_ns; /* 0: not so */
    bool over;
    int exit_status;
};

static void end(struct stream *stream, int exit_status)
{
    if (!stream->over) {
        stream->over = true;
        stream->exit_status = exit_status;
    }
}

static bool output_is_full(const struct worker *worker)
{
    return worker->output.length >= OUTPUT_HIGH_WATER;
}

static void answer_message(struct worker *worker, const struct mailbox_message *to, uint32_t type)
{
    uint8_t out[MAILBOX_MESSAGE_MAX];

    output_put(&worker->output, out, mailbox_build(out, type, to, NULL, 0));
}

/* ---- Requests ---- */

/* Whether to ask the supervisor for this pool: the first one, whatever it is, and after a refusal
 * each other one that exists, once. */
static bool pool_is_to_ask_for(struct worker *worker, const struct mailbox_message *message)
{
    unsigned pool = message->pool_id - (unsigned)'A';
    bool refused = worker->attached && worker->device.status != COMPUTE_OK;

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
static bool attach(struct worker *worker, const struct mailbox_message *message)
{
    struct control_message ask = {.type = CONTROL_ATTACH};

    if (worker->attach_asked && !worker->attached) {
        return false;
    }
    if (!pool_is_to_ask_for(worker, message)) {
        return true;
    }
    ask.attach = (struct control_attach){.vm_id = message->vm_id, .pool_id = message->pool_id};
    worker->identity = ask.attach;
    worker->attach_asked = true;
    worker->attached = false;
    log_set_prefix("session %u (%s, vm %u)", worker->start.session, worker->start.listener,
                   message->vm_id);
    if (control_send(worker->control, &ask, -1) != 0) {
        log_error("control socket: %m");
    }
    return false;
}

static enum compute_status check_identity(const struct worker *worker,
                                          const struct mailbox_message *message)
{
    if (message->vm_id != worker->identity.vm_id ||
        message->priority > VGPU_STUB_PRIORITY_HIGH) {
        return COMPUTE_INVALID_REQUEST;
    }
    if (message->pool_id != worker->identity.pool_id) {
        return COMPUTE_INVALID_POOL; /* a session is on one pool's device */
    }
    return (enum compute_status)worker->device.status;
}

static void accept_request(struct worker *worker, const struct mailbox_message *message)
{
    const struct config_limits *limits = &worker->start.limits;
    enum compute_status status = check_identity(worker, message);
    struct worker_request *request;

    if (worker->quarantined) {
        answer_message(worker, message, VGPU_STUB_MESSAGE_QUARANTINED);
        return;
    }
    if (limits->requests_per_s && !limiter_take(&worker->limiter, clock_now_ns())) {
        answer_message(worker, message, VGPU_STUB_MESSAGE_BUSY);
        return;
    }
    if (status != COMPUTE_OK) {
        worker_answer_status(worker, message, status);
        return;
    }
    request = worker_queue_room(worker);
    if (!request) {
        worker_answer_status(worker, message, COMPUTE_QUEUE_FULL);
        return;
    }
    request->header = *message;
    request->length = message->payload_length;
    memcpy(request->bytes, message->payload, message->payload_length);
    request->plan = executor_plan_request(request->bytes, request->length);
    request->priority = message->priority + (request->plan.raise_priority ? 1u : 0u);
    if (request->priority > limits->max_priority) {
        request->priority = limits->max_priority;
    }
    worker_queue_put(worker);
    worker_dispatch(worker, false);
}

/* ---- The stream ---- */

/* Takes one message; false when there is none to take now. */
static bool take_message(struct stream *stream)
{
    struct worker *worker = stream->worker;
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
        end(stream, WORKER_EXIT_OK);
        return false;
    case MAILBOX_MESSAGE:
        break;
    }
    stream->ping_since_ns = stream->partial_since_ns = 0;
    if (message.type == VGPU_STUB_MESSAGE_PING) {
        answer_message(worker, &message, VGPU_STUB_MESSAGE_PONG);
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
    struct worker *worker = stream->worker;

    while (!stream->over && !worker->failed && !worker->finishing && !worker->output.broken &&
           !output_is_full(worker) && take_message(stream)) {
    }
    if (!stream->ended || stream->over || worker->finishing) {
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
    const struct worker *worker = stream->worker;

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
    received = recv(stream->worker->connection, stream->input + stream->length,
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

/* ---- Control messages ---- */

static void take_attached(struct worker *worker, const struct control_attached *attached)
{
    const struct config_limits *limits = &worker->start.limits;

    worker->attached = true;
    worker->device = *attached;
    worker->quarantined = attached->quarantined;
    if (worker->limiter.burst == 0) { /* the first answer: one after a refused pool has none */
        limiter_init(&worker->limiter, limits->requests_per_s, limits->burst, attached->tokens,
                     clock_now_ns());
    }
}

static void fill_statistics(struct worker *worker, struct control_message *message)
{
    message->statistics = worker->statistics;
    message->statistics.queued = worker->queue_count;
    message->statistics.tokens =
        worker->attached ? limiter_get_tokens(&worker->limiter, clock_now_ns()) : 0;
}

static void take_control(struct stream *stream, const struct control_message *message)
{
    struct worker *worker = stream->worker;
    struct control_message answer = {.type = CONTROL_CHECKED};

    switch (message->type) {
    case CONTROL_ATTACHED:
        take_attached(worker, &message->attached);
        break;
    case CONTROL_GRANT:
        worker->lease = WORKER_LEASE_HELD;
        worker->lease_used = false;
        worker->release_wanted = message->contended;
        worker_dispatch(worker, false);
        break;
    case CONTROL_REVOKE:
        worker->release_wanted = true; /* after one request, if none ran with this grant */
        worker_dispatch(worker, false);
        break;
    case CONTROL_CHECK:
        fill_statistics(worker, &answer);
        if (control_send(worker->control, &answer, -1) != 0) {
            log_warning("control socket: %m");
        }
        break;
    case CONTROL_QUARANTINE:
        worker->quarantined = message->quarantined;
        break;
    case CONTROL_DRAIN:
        worker->finishing = true;
        break;
    default:
        log_error("control message of type %u", message->type);
        end(stream, WORKER_EXIT_FAILED);
    }
}

static void read_control(struct stream *stream)
{
    struct control_message message;
    int result = control_receive(stream->worker->control, &message, NULL);

    if (result > 0) {
        take_control(stream, &message);
    } else if (result == 0 || errno != EAGAIN) {
        log_debug("the supervisor is gone");
        end(stream, WORKER_EXIT_FAILED);
    }
}

/* ---- The clock ---- */

/* Answers what runs too long; its thread may be stuck for good, so the process ends. */
static void check_deadline(struct stream *stream, uint64_t now_ns)
{
    struct worker *worker = stream->worker;

    if (!worker->running || !worker->deadline_ns || now_ns < worker->deadline_ns ||
        worker->abandoned) {
        return;
    }
    worker->abandoned = true;
    if (worker->answer_due) {
        worker_answer_status(worker, &worker->current.header, COMPUTE_TIMEOUT);
    }
    worker_fail(worker, "%s ran longer than the limit of %u ms", worker->doing,
                (unsigned)(worker->limit_ns / NS_PER_MS));
}

static void check_stream_times(struct stream *stream, uint64_t now_ns)
{
    struct worker *worker = stream->worker;

    if (stream->partial_since_ns && now_ns - stream->partial_since_ns >= PARTIAL_LIMIT_NS) {
        log_warning("malformed message: %zu bytes and nothing more for %u s; connection ended",
                    stream->length, (unsigned)(PARTIAL_LIMIT_NS / NS_PER_S));
        end(stream, WORKER_EXIT_OK);
    }
    if (worker->output.length == 0) {
        stream->stall_since_ns = 0;
    } else if (!stream->stall_since_ns) {
        stream->stall_since_ns = now_ns;
    } else if (now_ns - stream->stall_since_ns >= OUTPUT_STALL_NS) {
        log_warning("%zu bytes of answers not read for %u s; connection ended",
                    worker->output.length, (unsigned)(OUTPUT_STALL_NS / NS_PER_S));
        end(stream, WORKER_EXIT_OK);
    }
}

static uint64_t earlier(uint64_t first, uint64_t since_ns, uint64_t limit_ns)
{
    uint64_t second = since_ns ? since_ns + limit_ns : UINT64_MAX;

    return first < second ? first : second;
}

static int poll_timeout_ms(const struct stream *stream)
{
    const struct worker *worker = stream->worker;
    uint64_t now_ns = clock_now_ns();
    uint64_t next_ns = UINT64_MAX;

    /* The executor sets a deadline without waking this thread. It starts nothing while this
     * thread does not know that there is work, and then looks again in time. */
    if (worker->running || worker->queue_count > 0 || worker->executor_called) {
        next_ns = now_ns + worker->start.limits.request_timeout_ms * NS_PER_MS;
        if (worker->running && worker->deadline_ns && worker->deadline_ns < next_ns) {
            next_ns = worker->deadline_ns;
        }
    }
    next_ns = earlier(next_ns, stream->ping_since_ns, PING_GRACE_NS);
    next_ns = earlier(next_ns, stream->partial_since_ns, PARTIAL_LIMIT_NS);
    next_ns = earlier(next_ns, stream->stall_since_ns, OUTPUT_STALL_NS);
    if (next_ns == UINT64_MAX) {
        return -1;
    }
    return next_ns <= now_ns ? 0 : (int)((next_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

/* ---- The loop ---- */

static void check_end(struct stream *stream)
{
    struct worker *worker = stream->worker;

    if (worker->failed) {
        log_error("fault: %s; session ended", worker->fault);
        end(stream, WORKER_EXIT_FAULT);
    } else if (worker->output.broken) {
        log_debug("the client does not take its answers");
        end(stream, WORKER_EXIT_OK);
    } else if (worker->finishing && worker->queue_count == 0 && !worker->running &&
               worker->output.length == 0) {
        end(stream, WORKER_EXIT_OK);
    }
}

static void take_events(struct stream *stream, const struct pollfd *polled)
{
    struct worker *worker = stream->worker;
    uint64_t counter;

    if (polled[2].revents & POLLIN) {
        ssize_t ignored = read(worker->wake, &counter, sizeof(counter));

        (void)ignored;
    }
    if (polled[1].revents) {
        read_control(stream);
    }
    if (polled[0].revents & POLLOUT && output_flush(&worker->output)) {
        stream->stall_since_ns = 0;
    }
    if (polled[0].revents & POLLIN && wants_input(stream)) {
        read_input(stream);
    }
    if (polled[0].revents & (POLLHUP | POLLERR)) {
        /* Both directions are closed: nobody is left to answer. */
        log_debug("the client is gone");
        end(stream, WORKER_EXIT_OK);
    }
}

static void serve(struct stream *stream)
{
    struct worker *worker = stream->worker;
    struct pollfd polled[3] = {
        {.fd = worker->connection},
        {.fd = worker->control, .events = POLLIN},
        {.fd = worker->wake, .events = POLLIN},
    };

    pthread_mutex_lock(&worker->lock);
    while (!stream->over) {
        polled[0].events = wants_input(stream) ? POLLIN : 0;
        if (worker->output.length > 0) {
            polled[0].events |= POLLOUT;
        }
        int timeout_ms = poll_timeout_ms(stream);
        pthread_mutex_unlock(&worker->lock);
        int ready = poll(polled, 3, timeout_ms);
        pthread_mutex_lock(&worker->lock);
        if (ready > 0) {
            take_events(stream, polled);
        }
        if (!stream->over) {
            take_messages(stream);
        }
        check_deadline(stream, clock_now_ns());
        check_stream_times(stream, clock_now_ns());
        check_end(stream);
    }
}

/* The last answers get a moment; what runs in the other thread is left to the process's end. */
static void flush_last(struct worker *worker)
{
    uint64_t until_ns = clock_now_ns() + LAST_FLUSH_NS;
    struct pollfd polled = {.fd = worker->connection, .events = POLLOUT};

    while (worker->output.length > 0 && !worker->output.broken) {
        uint64_t now_ns = clock_now_ns();

        if (now_ns >= until_ns) {
            return;
        }
        if (poll(&polled, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1) > 0) {
            output_flush(&worker->output);
        }
    }
}

/* ---- Start ---- */

static int receive_start(struct worker *worker)
{
    struct control_message message;
    struct pollfd polled = {.fd = WORKER_CONTROL_FD, .events = POLLIN};
    int result;

    do {
        result = poll(&polled, 1, -1);
    } while (result < 0 && errno == EINTR);
    result = control_receive(WORKER_CONTROL_FD, &message, &worker->connection);
    if (result <= 0) {
        return -1; /* a spare worker of a supervisor that ends */
    }
    if (message.type != CONTROL_START || worker->connection < 0) {
        log_error("worker: no start message but type %u", message.type);
        return -1;
    }
    worker->control = WORKER_CONTROL_FD;
    worker->start = message.start;
    log_set_level((enum mediator_log_level)worker->start.log_level);
    log_set_prefix("session %u (%s)", worker->start.session, worker->start.listener);
    return 0;
}

static int start_executor(struct worker *worker)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int result;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    result = pthread_create(&thread, &attributes, worker_executor, worker);
    pthread_attr_destroy(&attributes);
    return result;
}

static int prepare_worker(struct worker *worker)
{
    const struct config_limits *limits = &worker->start.limits;
    /* High water, one message over it, and the answers to everything queued. */
    size_t output_size = OUTPUT_HIGH_WATER + (limits->max_queued + 3) * MAILBOX_MESSAGE_MAX;
    struct compute_device_info unused;
    struct backend *backend;

    worker->queue_size = limits->max_queued + 1;
    worker->queue = calloc(worker->queue_size, sizeof(*worker->queue));
    worker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->called, NULL);
    if (!worker->queue || worker->wake < 0 ||
        output_init(&worker->output, worker->connection, output_size) != 0) {
        log_error("worker: no memory");
        return -1;
    }
    /* What reads files does so before the sandbox: the time zone, the number of CPUs. */
    tzset();
    backend = backend_cpu_open();
    if (backend) {
        backend->ops->get_info(backend, &unused);
        backend->ops->close(backend);
    }
    if (start_executor(worker) != 0) {
        log_error("worker: no thread");
        return -1;
    }
    if (sandbox_enter(worker->start.cuda_possible, limits->memory_limit, false) != 0) {
        log_error("sandbox: %m");
        return -1;
    }
    return 0;
}

int worker_main(void)
{
    static struct worker worker;
    static struct stream stream = {.worker = &worker};
    struct control_message detach = {.type = CONTROL_DETACH};

    prctl(PR_SET_PDEATHSIG, SIGKILL); /* the supervisor's death is every worker's */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* a terminal sends it to all: the supervisor says what to do */
    signal(SIGTERM, SIG_IGN);
    close_range(WORKER_CONTROL_FD + 1, ~0u, 0);
    if (receive_start(&worker) != 0) {
        return WORKER_EXIT_FAILED;
    }
    if (worker.start.device == CONFIG_LISTENER_PVGPU) {
        return pvgpu_worker_main(worker.connection, worker.control, &worker.start);
    }
    if (prepare_worker(&worker) != 0) {
        return WORKER_EXIT_FAILED;
    }
    serve(&stream);
    flush_last(&worker);
    if (stream.exit_status == WORKER_EXIT_OK) {
        fill_statistics(&worker, &detach);
        control_send(worker.control, &detach, -1);
    }
    _exit(stream.exit_status); /* no destructors beside a thread that may be computing */
}
