/* SPDX-License-Identifier: BSD-2-Clause */
/* The socket's thread of a pvgpu worker: the device, the supervisor, the clock. */
#define _GNU_SOURCE 1 /* MSG_CMSG_CLOEXEC */
#include "host/mediator/pvgpu/worker.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "host/common/clock.h"
#include "host/mediator/log.h"
#include "host/mediator/pvgpu/state.h"
#include "host/mediator/worker/sandbox.h"
#include "host/mediator/stub/worker.h"

#define HANDSHAKE_LIMIT_NS (10 * NS_PER_S) /* also for IDENTITY after it */
#define LAST_FLUSH_NS NS_PER_S
#define MESSAGE_MAX (sizeof(struct pvgpu_message) + PVGPU_PAYLOAD_MAX)

/* The socket thread's own. */
struct device_stream {
    struct pvgpu_worker *worker;
    uint8_t input[2 * MESSAGE_MAX];
    size_t length;
    uint64_t identity_until_ns; /* 0: it has come, or none comes */
    bool attach_asked, attached;
    uint8_t pool_id;
    bool pool_guessed; /* an older device: no pool of its own */
    struct control_statistics statistics;
    bool over;
    int exit_status;
};

static struct pvgpu_worker worker_state;
static struct device_stream device_stream = {.worker = &worker_state};

static void end(struct device_stream *stream, int exit_status)
{
    if (!stream->over) {
        stream->over = true;
        stream->exit_status = exit_status;
    }
}

static void signal_eventfd(int fd)
{
    const uint64_t one = 1;
    ssize_t ignored = write(fd, &one, sizeof(one));

    (void)ignored; /* the counter is at its top: signalled */
}

void pvgpu_worker_wake(struct pvgpu_worker *worker)
{
    signal_eventfd(worker->wake);
}

static void call_attention(struct pvgpu_worker *worker, uint32_t bit)
{
    __atomic_fetch_or(&worker->attention, bit, __ATOMIC_ACQ_REL);
    signal_eventfd(worker->kick);
}

void pvgpu_worker_interrupt(struct pvgpu_worker *worker, uint32_t irq)
{
    uint32_t vector = irq == PVGPU_IRQ_FENCE ? PVGPU_VECTOR_FENCE : PVGPU_VECTOR_ERROR;

    if (worker->shared.direct) {
        signal_eventfd(irq == PVGPU_IRQ_FENCE ? worker->shared.fence : worker->shared.error);
        return;
    }
    pthread_mutex_lock(&worker->lock);
    pvgpu_outbox_put_once(&worker->outbox, PVGPU_MESSAGE_IRQ, &vector, sizeof(vector));
    bool waiting = worker->outbox.count > 0 || worker->outbox.broken;
    pthread_mutex_unlock(&worker->lock);
    if (waiting) {
        pvgpu_worker_wake(worker);
    }
}

/* ---- The end ---- */

static void finish(struct pvgpu_worker *worker, int exit_status)
{
    worker->exit_status = exit_status;
    __atomic_store_n(&worker->finished, true, __ATOMIC_RELEASE);
    pvgpu_worker_wake(worker);
}

void pvgpu_worker_finish(struct pvgpu_worker *worker)
{
    finish(worker, WORKER_EXIT_OK);
}

void pvgpu_worker_fault(struct pvgpu_worker *worker, enum pvgpu_error code, const char *format, ...)
{
    struct control_message message = {.type = CONTROL_FAULT};
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message.reason, sizeof(message.reason), format, arguments);
    va_end(arguments);
    log_error("fault: %s; session ended", message.reason);
    pvgpu_ring_clear_status(&worker->ring, PVGPU_CONTROL_READY);
    pvgpu_ring_set_status(&worker->ring, PVGPU_CONTROL_DEVICE_LOST);
    pvgpu_ring_report(&worker->ring, worker->ring.consumer, code, 0);
    pvgpu_worker_interrupt(worker, PVGPU_IRQ_ERROR);
    control_send(worker->control, &message, -1);
    finish(worker, WORKER_EXIT_FAULT);
}

/* The shared memory's file was made smaller, or the host has no memory for it. Only what may be
 * called from a handler. */
static void on_bus_error(int signal_number)
{
    static const struct control_message message = {
        .type = CONTROL_FAULT, .reason = "the shared memory is not there any more"};

    (void)signal_number;
    send(worker_state.control, &message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL);
    _exit(WORKER_EXIT_FAULT);
}

/* ---- What the consumer sends ---- */

static void send_scanout_buffer(void *owner, const struct pvgpu_scanout_buffer *buffer, int fd)
{
    struct pvgpu_worker *worker = owner;

    pthread_mutex_lock(&worker->lock);
    pvgpu_outbox_put(&worker->outbox, PVGPU_MESSAGE_SCANOUT_BUFFER, buffer, sizeof(*buffer), fd);
    pthread_mutex_unlock(&worker->lock);
    pvgpu_worker_wake(worker);
}

static void send_scanout(void *owner, const struct pvgpu_scanout *scanout)
{
    struct pvgpu_worker *worker = owner;

    pthread_mutex_lock(&worker->lock);
    pvgpu_outbox_put(&worker->outbox, PVGPU_MESSAGE_SCANOUT, scanout, sizeof(*scanout), -1);
    bool waiting = worker->outbox.count > 0 || worker->outbox.broken;
    pthread_mutex_unlock(&worker->lock);
    if (waiting) {
        pvgpu_worker_wake(worker);
    }
}

static bool is_read(void *owner)
{
    struct pvgpu_worker *worker = owner;
    int waiting = 0;

    pthread_mutex_lock(&worker->lock);
    bool sent = worker->outbox.count == 0;
    pthread_mutex_unlock(&worker->lock);
    return sent && ioctl(worker->connection, SIOCOUTQ, &waiting) == 0 && waiting == 0;
}

static const struct pvgpu_display_ops display_ops = {
    .send_buffer = send_scanout_buffer, .show = send_scanout, .is_read = is_read};

/* ---- Messages of the device ---- */

static void attach(struct device_stream *stream, uint32_t vm_id, uint8_t pool_id)
{
    struct pvgpu_worker *worker = stream->worker;
    struct control_message ask = {.type = CONTROL_ATTACH,
                                  .attach = {.vm_id = vm_id, .pool_id = pool_id}};

    stream->attach_asked = true;
    stream->pool_id = pool_id;
    log_set_prefix("session %u (%s, vm %u)", worker->start.session, worker->start.listener, vm_id);
    if (control_send(worker->control, &ask, -1) != 0) {
        log_error("control socket: %m");
    }
}

static bool take_identity(struct device_stream *stream, const struct pvgpu_identity *identity)
{
    struct pvgpu_worker *worker = stream->worker;
    uint32_t most = worker->start.limits.max_priority;

    if (stream->attach_asked || identity->priority > VGPU_STUB_PRIORITY_HIGH) {
        return false;
    }
    worker->priority = identity->priority < most ? identity->priority : most;
    stream->identity_until_ns = 0;
    attach(stream, identity->vm_id, identity->pool_id);
    return true;
}

static void take_pause(struct pvgpu_worker *worker, bool wanted)
{
    pthread_mutex_lock(&worker->lock);
    worker->pause_wanted = wanted;
    worker->pauses += wanted;
    pthread_mutex_unlock(&worker->lock);
    call_attention(worker, PVGPU_ATTENTION_PAUSE);
}

static void take_reset(struct pvgpu_worker *worker, uint32_t request)
{
    pthread_mutex_lock(&worker->lock);
    worker->reset_request = request;
    pthread_mutex_unlock(&worker->lock);
    call_attention(worker, PVGPU_ATTENTION_RESET);
}

/* A message that only a DIRECT device sends; false: not one, or not of this size. */
static bool take_direct_message(struct device_stream *stream, const struct pvgpu_message *message,
                                const uint8_t *payload)
{
    struct pvgpu_worker *worker = stream->worker;
    union {
        struct pvgpu_identity identity;
        struct pvgpu_scanout_done done;
        uint32_t request;
    } body;
    uint32_t wanted = message->type == PVGPU_MESSAGE_IDENTITY       ? sizeof(body.identity)
                      : message->type == PVGPU_MESSAGE_SCANOUT_DONE ? sizeof(body.done)
                      : message->type == PVGPU_MESSAGE_RESET        ? sizeof(body.request)
                                                                    : 0;

    if (!worker->shared.direct || message->size != wanted) {
        return false;
    }
    memcpy(&body, payload, wanted);
    switch (message->type) {
    case PVGPU_MESSAGE_IDENTITY:
        return take_identity(stream, &body.identity);
    case PVGPU_MESSAGE_RESET:
        take_reset(worker, body.request);
        return true;
    case PVGPU_MESSAGE_PAUSE:
        take_pause(worker, true);
        return true;
    case PVGPU_MESSAGE_RESUME:
        take_pause(worker, false);
        return true;
    case PVGPU_MESSAGE_SCANOUT_DONE:
        pvgpu_display_take_back(&worker->display, body.done.buffer, body.done.slot);
        call_attention(worker, PVGPU_ATTENTION_SLOT);
        return true;
    default:
        return false;
    }
}

static void take_message(struct device_stream *stream, const struct pvgpu_message *message,
                         const uint8_t *payload)
{
    struct pvgpu_worker *worker = stream->worker;

    switch (message->type) {
    case PVGPU_MESSAGE_DOORBELL:
        signal_eventfd(worker->kick);
        return;
    case PVGPU_MESSAGE_SHUTDOWN:
        log_debug("the device ended the session");
        end(stream, WORKER_EXIT_OK);
        return;
    default:
        if (!take_direct_message(stream, message, payload)) {
            log_warning("message of type 0x%x with %u bytes: not one of this protocol; connection "
                        "ended", message->type, message->size);
            end(stream, WORKER_EXIT_OK);
        }
    }
}

static void take_messages(struct device_stream *stream)
{
    struct pvgpu_message message;
    size_t taken = 0;

    while (!stream->over && stream->length - taken >= sizeof(message)) {
        memcpy(&message, stream->input + taken, sizeof(message));
        if (message.size > PVGPU_PAYLOAD_MAX) {
            log_warning("a message of %u bytes; connection ended", message.size);
            end(stream, WORKER_EXIT_OK);
            return;
        }
        if (stream->length - taken - sizeof(message) < message.size) {
            break;
        }
        take_message(stream, &message, stream->input + taken + sizeof(message));
        taken += sizeof(message) + message.size;
    }
    stream->length -= taken;
    memmove(stream->input, stream->input + taken, stream->length);
}

static void read_device(struct device_stream *stream)
{
    struct pvgpu_worker *worker = stream->worker;
    ssize_t received = recv(worker->connection, stream->input + stream->length,
                            sizeof(stream->input) - stream->length, MSG_DONTWAIT);

    if (received > 0) {
        stream->length += (size_t)received;
        take_messages(stream);
    } else if (received == 0 || (errno != EAGAIN && errno != EINTR)) {
        log_debug("the device is gone");
        end(stream, WORKER_EXIT_OK);
    }
}

/* ---- Messages of the supervisor ---- */

static void refuse(struct pvgpu_worker *worker, enum compute_status status)
{
    pthread_mutex_lock(&worker->lock);
    worker->refusal = status;
    pthread_mutex_unlock(&worker->lock);
    call_attention(worker, PVGPU_ATTENTION_REFUSE);
}

static void take_attached(struct device_stream *stream, const struct control_attached *attached)
{
    struct pvgpu_worker *worker = stream->worker;
    const struct config_limits *limits = &worker->start.limits;

    if (attached->quarantined) {
        refuse(worker, COMPUTE_VM_QUARANTINED);
    } else if (attached->status != COMPUTE_OK && stream->pool_guessed && stream->pool_id == 'A') {
        attach(stream, 0, 'B');
    } else if (attached->status != COMPUTE_OK) {
        refuse(worker, (enum compute_status)attached->status);
    } else if (!stream->attached) {
        stream->attached = true;
        limiter_init(&worker->limiter, limits->requests_per_s, limits->burst, attached->tokens,
                     clock_now_ns());
        worker->device = *attached;
        call_attention(worker, PVGPU_ATTENTION_START);
    }
}

static void fill_statistics(struct pvgpu_worker *worker, struct control_message *message)
{
    message->statistics = (struct control_statistics){
        .requests = __atomic_load_n(&worker->commands, __ATOMIC_RELAXED),
        .errors = __atomic_load_n(&worker->errors, __ATOMIC_RELAXED),
        .memory_used = __atomic_load_n(&worker->memory_used, __ATOMIC_RELAXED),
    };
}

static void take_control(struct device_stream *stream, const struct control_message *message)
{
    struct pvgpu_worker *worker = stream->worker;
    struct control_message answer = {.type = CONTROL_CHECKED};

    switch (message->type) {
    case CONTROL_ATTACHED:
        take_attached(stream, &message->attached);
        break;
    case CONTROL_GRANT:
        pthread_mutex_lock(&worker->lock);
        worker->contended = message->contended;
        pthread_mutex_unlock(&worker->lock);
        call_attention(worker, PVGPU_ATTENTION_GRANT);
        break;
    case CONTROL_REVOKE:
        call_attention(worker, PVGPU_ATTENTION_REVOKE);
        break;
    case CONTROL_CHECK:
        fill_statistics(worker, &answer);
        if (control_send(worker->control, &answer, -1) != 0) {
            log_warning("control socket: %m");
        }
        break;
    case CONTROL_QUARANTINE:
        if (message->quarantined) {
            refuse(worker, COMPUTE_VM_QUARANTINED);
        }
        break;
    case CONTROL_DRAIN:
        call_attention(worker, PVGPU_ATTENTION_DRAIN);
        break;
    default:
        log_error("control message of type %u", message->type);
        end(stream, WORKER_EXIT_FAILED);
    }
}

static void read_control(struct device_stream *stream)
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

/* The consumer wakes this thread when it begins something long while nobody watches; watching goes
 * on for a limit's time after that, so that a stream of commands costs no wake-ups. */
static int choose_timeout_ms(struct device_stream *stream, uint64_t *watch_until_ns)
{
    struct pvgpu_worker *worker = stream->worker;
    uint64_t limit_ns = worker->start.limits.request_timeout_ms * NS_PER_MS;
    uint64_t now_ns = clock_now_ns();
    uint64_t next_ns = stream->identity_until_ns ? stream->identity_until_ns : UINT64_MAX;
    uint64_t deadline_ns = __atomic_load_n(&worker->deadline_ns, __ATOMIC_SEQ_CST);

    if (deadline_ns) {
        *watch_until_ns = now_ns + limit_ns;
    }
    if (now_ns < *watch_until_ns) {
        uint64_t look_ns = now_ns + limit_ns / 4;

        next_ns = look_ns < next_ns ? look_ns : next_ns;
    } else {
        __atomic_store_n(&worker->watched, false, __ATOMIC_SEQ_CST);
        if (!__atomic_load_n(&worker->deadline_ns, __ATOMIC_SEQ_CST)) {
            goto chosen;
        }
        *watch_until_ns = now_ns + limit_ns;
        next_ns = now_ns + limit_ns / 4;
    }
    __atomic_store_n(&worker->watched, true, __ATOMIC_SEQ_CST);
    if (deadline_ns && deadline_ns < next_ns) {
        next_ns = deadline_ns;
    }
chosen:
    if (next_ns == UINT64_MAX) {
        return -1;
    }
    return next_ns <= now_ns ? 0 : (int)((next_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static void check_times(struct device_stream *stream)
{
    struct pvgpu_worker *worker = stream->worker;
    uint64_t now_ns = clock_now_ns();
    uint64_t deadline_ns = __atomic_load_n(&worker->deadline_ns, __ATOMIC_ACQUIRE);

    if (deadline_ns && now_ns >= deadline_ns &&
        !__atomic_load_n(&worker->finished, __ATOMIC_ACQUIRE)) {
        /* Its thread may be stuck for good: the process ends. */
        pvgpu_worker_fault(worker, PVGPU_ERROR_TIMEOUT,
                           "a command ran longer than the limit of %u ms",
                           worker->start.limits.request_timeout_ms);
    }
    if (stream->identity_until_ns && now_ns >= stream->identity_until_ns) {
        log_warning("no identity after the handshake; connection ended");
        end(stream, WORKER_EXIT_OK);
    }
}

/* ---- The loop ---- */

static void check_end(struct device_stream *stream)
{
    struct pvgpu_worker *worker = stream->worker;

    pthread_mutex_lock(&worker->lock);
    bool broken = worker->outbox.broken;
    pthread_mutex_unlock(&worker->lock);
    if (__atomic_load_n(&worker->finished, __ATOMIC_ACQUIRE)) {
        end(stream, worker->exit_status);
    } else if (broken) {
        log_debug("the device does not take its messages");
        end(stream, WORKER_EXIT_OK);
    }
}

static void serve(struct device_stream *stream)
{
    struct pvgpu_worker *worker = stream->worker;
    uint64_t watch_until_ns = 0;
    struct pollfd polled[3] = {
        {.fd = worker->connection},
        {.fd = worker->control, .events = POLLIN},
        {.fd = worker->wake, .events = POLLIN},
    };

    while (!stream->over) {
        pthread_mutex_lock(&worker->lock);
        polled[0].events = worker->outbox.count > 0 ? POLLIN | POLLOUT : POLLIN;
        pthread_mutex_unlock(&worker->lock);
        int ready = poll(polled, 3, choose_timeout_ms(stream, &watch_until_ns));
        if (ready > 0 && polled[2].revents) {
            uint64_t counter;
            ssize_t ignored = read(worker->wake, &counter, sizeof(counter));

            (void)ignored;
        }
        if (ready > 0 && polled[1].revents) {
            read_control(stream);
        }
        if (ready > 0 && polled[0].revents & POLLOUT) {
            pthread_mutex_lock(&worker->lock);
            pvgpu_outbox_flush(&worker->outbox);
            pthread_mutex_unlock(&worker->lock);
        }
        if (ready > 0 && polled[0].revents & (POLLIN | POLLHUP | POLLERR)) {
            read_device(stream);
        }
        check_times(stream);
        check_end(stream);
    }
}

/* The last messages get a moment. */
static void flush_last(struct pvgpu_worker *worker)
{
    uint64_t until_ns = clock_now_ns() + LAST_FLUSH_NS;
    struct pollfd polled = {.fd = worker->connection, .events = POLLOUT};

    pthread_mutex_lock(&worker->lock);
    pvgpu_outbox_flush(&worker->outbox);
    while (worker->outbox.count > 0 && !worker->outbox.broken && clock_now_ns() < until_ns) {
        poll(&polled, 1, (int)(LAST_FLUSH_NS / NS_PER_MS / 10));
        pvgpu_outbox_flush(&worker->outbox);
    }
    pthread_mutex_unlock(&worker->lock);
}

/* ---- Start ---- */

/* The handshake, while the supervisor may want something, too. True when it is whole. */
static bool wait_handshake(struct device_stream *stream, struct pvgpu_handshake_state *handshake)
{
    struct pvgpu_worker *worker = stream->worker;
    uint64_t until_ns = clock_now_ns() + HANDSHAKE_LIMIT_NS;
    struct pollfd polled[2] = {
        {.fd = worker->connection, .events = POLLIN},
        {.fd = worker->control, .events = POLLIN},
    };

    while (!stream->over) {
        uint64_t now_ns = clock_now_ns();

        if (now_ns >= until_ns) {
            log_warning("no handshake; connection ended");
            return false;
        }
        if (poll(polled, 2, (int)((until_ns - now_ns) / NS_PER_MS) + 1) <= 0) {
            continue;
        }
        if (polled[1].revents) {
            read_control(stream);
            if (__atomic_load_n(&worker->attention, __ATOMIC_RELAXED) & PVGPU_ATTENTION_DRAIN) {
                return false;
            }
        }
        if (!polled[0].revents) {
            continue;
        }
        switch (pvgpu_handshake_read(handshake, worker->connection)) {
        case PVGPU_HANDSHAKE_MORE:
            break;
        case PVGPU_HANDSHAKE_WHOLE:
            return true;
        case PVGPU_HANDSHAKE_BAD:
            log_warning("%s; connection ended", handshake->error);
            return false;
        case PVGPU_HANDSHAKE_ENDED:
            log_debug("the device went away before its handshake");
            return false;
        }
    }
    return false;
}

/* Maps and checks the shared memory; answers. */
static bool take_handshake(struct device_stream *stream, struct pvgpu_handshake_state *handshake)
{
    struct pvgpu_worker *worker = stream->worker;
    uint64_t features = PVGPU_COMMANDS_FEATURES;
    const char *reason;

    if (!pvgpu_handshake_map(handshake, worker->connection, &worker->shared)) {
        log_warning("%s; connection ended", handshake->error);
        return false;
    }
    if (!pvgpu_ring_open(&worker->ring, worker->shared.memory, worker->shared.size,
                         worker->shared.direct, &reason)) {
        log_warning("shared memory: %s; connection ended", reason);
        return false;
    }
    if (worker->shared.direct) {
        features |= PVGPU_FEATURE_DIRECT | PVGPU_FEATURE_SCANOUT;
        stream->identity_until_ns = clock_now_ns() + HANDSHAKE_LIMIT_NS;
    } else {
        worker->priority = worker->start.limits.max_priority < VGPU_STUB_PRIORITY_MEDIUM
                               ? worker->start.limits.max_priority
                               : VGPU_STUB_PRIORITY_MEDIUM;
    }
    pvgpu_display_init(&worker->display, worker->shared.direct ? &display_ops : NULL, worker);
    pvgpu_outbox_put(&worker->outbox, PVGPU_MESSAGE_HANDSHAKE_ACK, &features, sizeof(features), -1);
    return true;
}

static bool prepare(struct pvgpu_worker *worker)
{
    const struct config_limits *limits = &worker->start.limits;
    struct compute_device_info unused;
    struct sigaction on_bus = {.sa_handler = on_bus_error};
    struct backend *backend;
    uint64_t address_space;
    pthread_t thread;

    sigaction(SIGBUS, &on_bus, NULL);
    /* What reads files does so before the sandbox: the time zone, the number of CPUs. */
    tzset();
    backend = backend_cpu_open();
    if (backend) {
        backend->ops->get_info(backend, &unused);
        backend->ops->close(backend);
    }
    if (pthread_create(&thread, NULL, pvgpu_consumer_main, worker) != 0) {
        log_error("worker: no thread");
        return false;
    }
    pthread_detach(thread);
    address_space = limits->memory_limit < UINT64_MAX - worker->shared.size
                        ? limits->memory_limit + worker->shared.size
                        : UINT64_MAX;
    if (sandbox_enter(worker->start.cuda_possible, address_space, true) != 0) {
        log_error("sandbox: %m");
        return false;
    }
    return true;
}

int pvgpu_worker_main(int connection, int control, const struct control_start *start)
{
    static struct pvgpu_handshake_state handshake;
    struct pvgpu_worker *worker = &worker_state;
    struct device_stream *stream = &device_stream;
    struct control_message detach = {.type = CONTROL_DETACH};

    worker->connection = connection;
    worker->control = control;
    worker->start = *start;
    worker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    worker->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&worker->lock, NULL);
    pvgpu_outbox_init(&worker->outbox, connection);
    if (worker->wake < 0 || worker->kick < 0) {
        log_error("worker: %m");
        return WORKER_EXIT_FAILED;
    }
    if (wait_handshake(stream, &handshake) && take_handshake(stream, &handshake)) {
        if (!prepare(worker)) {
            return WORKER_EXIT_FAILED;
        }
        if (!worker->shared.direct) {
            stream->pool_guessed = true;
            attach(stream, 0, 'A');
        }
        serve(stream);
        flush_last(worker);
    }
    if (stream->exit_status == WORKER_EXIT_OK) {
        fill_statistics(worker, &detach);
        control_send(worker->control, &detach, -1);
    }
    _exit(stream->exit_status); /* no destructors beside a thread that may be computing */
}
