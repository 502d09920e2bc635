/* SPDX-License-Identifier: BSD-2-Clause */
/* The socket's thread of a pvgpu's worker: the device, the clock. */
#include "host/mediator/pvgpu/worker.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/common/clock.h"
#include "host/mediator/log.h"
#include "host/mediator/pvgpu/drawing.h"
#include "host/mediator/pvgpu/state.h"
#include "host/mediator/pvgpu/vulkan/device.h"
#include "host/mediator/pvgpu/vulkan/renderer.h"

#define HANDSHAKE_LIMIT_NS (10 * NS_PER_S) /* also for IDENTITY after it */
#define MESSAGE_MAX (sizeof(struct bg_pvgpu_message) + BG_PVGPU_PAYLOAD_MAX)
/* The largest of ours; a device that leaves 64 of them unread does not read any more. */
#define OUT_MESSAGE_MAX (sizeof(struct bg_pvgpu_message) + sizeof(struct bg_pvgpu_scanout))
#define OUTBOX_SIZE (64 * OUT_MESSAGE_MAX)

_Static_assert(sizeof(struct bg_pvgpu_scanout) >= sizeof(struct bg_pvgpu_scanout_buffer),
               "the largest");

/* The socket thread's own. */
struct device_stream {
    struct pvgpu_worker *worker;
    uint8_t input[2 * MESSAGE_MAX];
    size_t length;
    uint64_t identity_until_ns; /* 0: it has come, or none comes */
    uint64_t watch_until_ns;    /* until when what runs is looked at unasked */
    uint64_t look_ns;           /* and when again */
    bool attach_asked, attached;
    uint8_t pool_id;
    bool pool_guessed; /* an older device: no pool of its own */
};

static struct pvgpu_worker pvgpu_worker;
static struct device_stream device_stream = {.worker = &pvgpu_worker};

static void call_attention(struct pvgpu_worker *worker, uint32_t bit)
{
    __atomic_fetch_or(&worker->attention, bit, __ATOMIC_ACQ_REL);
    eventfd_write(worker->kick, 1);
}

uint64_t pvgpu_worker_get_limit_ns(const struct pvgpu_worker *worker)
{
    return worker->base.start.limits.request_timeout_ms * NS_PER_MS;
}

/* ---- Messages to the device ---- */

static size_t build_message(uint8_t out[OUT_MESSAGE_MAX], uint32_t type, const void *payload,
                            uint32_t size)
{
    const struct bg_pvgpu_message header = {.type = type, .size = size};

    memcpy(out, &header, sizeof(header));
    if (size > 0) {
        memcpy(out + sizeof(header), payload, size);
    }
    return sizeof(header) + size;
}

/* With the lock, which is free after. */
static void unlock_and_wake(struct pvgpu_worker *worker)
{
    bool waiting = worker->base.outbox.length > 0 || worker->base.outbox.broken;

    pthread_mutex_unlock(&worker->base.lock);
    if (waiting) {
        worker_wake(&worker->base);
    }
}

void pvgpu_worker_send(struct pvgpu_worker *worker, uint32_t type, const void *payload,
                       uint32_t size, int fd)
{
    uint8_t out[OUT_MESSAGE_MAX];
    size_t length = build_message(out, type, payload, size);

    pthread_mutex_lock(&worker->base.lock);
    outbox_put(&worker->base.outbox, out, length, fd);
    unlock_and_wake(worker);
}

void pvgpu_worker_interrupt(struct pvgpu_worker *worker, uint32_t irq)
{
    uint32_t vector = irq == BG_PVGPU_IRQ_FENCE ? BG_PVGPU_VECTOR_FENCE : BG_PVGPU_VECTOR_ERROR;
    uint8_t out[OUT_MESSAGE_MAX];
    size_t length = build_message(out, BG_PVGPU_MESSAGE_IRQ, &vector, sizeof(vector));

    if (worker->shared.direct) {
        eventfd_write(irq == BG_PVGPU_IRQ_FENCE ? worker->shared.fence : worker->shared.error, 1);
        return;
    }
    pthread_mutex_lock(&worker->base.lock);
    outbox_put_once(&worker->base.outbox, out, length);
    unlock_and_wake(worker);
}

/* ---- The end ---- */

static void finish(struct pvgpu_worker *worker, int exit_status)
{
    worker->exit_status = exit_status;
    __atomic_store_n(&worker->finished, true, __ATOMIC_RELEASE);
    worker_wake(&worker->base);
}

void pvgpu_worker_finish(struct pvgpu_worker *worker)
{
    finish(worker, WORKER_EXIT_OK);
}

static void tell_loss(struct pvgpu_worker *worker, enum bg_pvgpu_error code)
{
    pvgpu_ring_clear_status(&worker->ring, BG_PVGPU_CONTROL_READY);
    /* The reason first: who sees the loss finds it. */
    pvgpu_ring_report(&worker->ring, worker->ring.consumer, code, 0);
    pvgpu_ring_set_status(&worker->ring, BG_PVGPU_CONTROL_DEVICE_LOST);
    pvgpu_worker_interrupt(worker, BG_PVGPU_IRQ_ERROR);
}

void pvgpu_worker_lose(struct pvgpu_worker *worker, enum bg_pvgpu_error code, const char *reason)
{
    log_warning("%s; session ended", reason);
    tell_loss(worker, code);
    finish(worker, WORKER_EXIT_OK);
}

void pvgpu_worker_fault(struct pvgpu_worker *worker, enum bg_pvgpu_error code, const char *format,
                        ...)
{
    struct control_message message = {.type = CONTROL_FAULT};
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message.reason, sizeof(message.reason), format, arguments);
    va_end(arguments);
    log_error("fault: %s; session ended", message.reason);
    tell_loss(worker, code);
    control_tell(worker->base.control, &message);
    finish(worker, WORKER_EXIT_FAULT);
}

static bool drew(const struct pvgpu_worker *worker)
{
    const struct pvgpu_renderer *drawing = worker->context.drawing;

    return drawing != NULL && vulkan_renderer_is_lost(drawing);
}

void pvgpu_worker_lose_gpu(struct pvgpu_worker *worker)
{
    const struct session *session = worker->context.session;

    if (__atomic_load_n(&worker->finished, __ATOMIC_ACQUIRE)) {
        return; /* it was found before, in the same turn */
    }
    if (session->cuda != NULL || drew(worker)) {
        pvgpu_worker_lose(worker, BG_PVGPU_ERROR_DEVICE_LOST, session->gpu->error);
    } else {
        pvgpu_worker_fault(worker, BG_PVGPU_ERROR_INTERNAL, "%.120s", session->gpu->error);
    }
}

/* The shared memory's file was made smaller, or the host has no memory for it. Only what may be
 * called from a handler. */
static void on_bus_error(int signal_number)
{
    static const struct control_message message = {
        .type = CONTROL_FAULT, .reason = "the shared memory is not there any more"};

    (void)signal_number;
    send(pvgpu_worker.base.control, &message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL);
    _exit(WORKER_EXIT_FAULT);
}

/* ---- What the consumer sends ---- */

/* Behind the pictures of the buffer before it. */
static void send_scanout_buffer(void *owner, const struct bg_pvgpu_scanout_buffer *buffer, int fd)
{
    pvgpu_pending_finish(owner);
    pvgpu_worker_send(owner, BG_PVGPU_MESSAGE_SCANOUT_BUFFER, buffer, sizeof(*buffer), fd);
}

static void send_scanout(void *owner, const struct bg_pvgpu_scanout *scanout)
{
    pvgpu_pending_add_picture(owner, scanout);
}

static bool is_read(void *owner)
{
    struct pvgpu_worker *worker = owner;
    int waiting = 0;

    pthread_mutex_lock(&worker->base.lock);
    bool sent = worker->base.outbox.length == 0;
    pthread_mutex_unlock(&worker->base.lock);
    return sent && ioctl(worker->base.connection, SIOCOUTQ, &waiting) == 0 && waiting == 0;
}

static const struct pvgpu_display_ops display_ops = {
    .send_buffer = send_scanout_buffer, .show = send_scanout, .is_read = is_read};

/* ---- Messages of the device ---- */

static void attach(struct device_stream *stream, uint32_t vm_id, uint8_t pool_id)
{
    stream->attach_asked = true;
    stream->pool_id = pool_id;
    worker_attach(&stream->worker->base, vm_id, pool_id);
}

static bool take_identity(struct device_stream *stream, const struct bg_pvgpu_identity *identity)
{
    struct pvgpu_worker *worker = stream->worker;
    uint32_t most = worker->base.start.limits.max_priority;

    if (stream->attach_asked || identity->priority > BG_VGPU_STUB_PRIORITY_HIGH) {
        return false;
    }
    worker->priority = identity->priority < most ? identity->priority : most;
    stream->identity_until_ns = 0;
    attach(stream, identity->vm_id, identity->pool_id);
    return true;
}

static void take_pause(struct pvgpu_worker *worker, bool wanted)
{
    pthread_mutex_lock(&worker->base.lock);
    worker->pause_wanted = wanted;
    worker->pauses += wanted;
    pthread_mutex_unlock(&worker->base.lock);
    call_attention(worker, PVGPU_ATTENTION_PAUSE);
}

static void take_reset(struct pvgpu_worker *worker, uint32_t request)
{
    pthread_mutex_lock(&worker->base.lock);
    worker->reset_request = request;
    pthread_mutex_unlock(&worker->base.lock);
    call_attention(worker, PVGPU_ATTENTION_RESET);
}

/* A message that only a DIRECT device sends; false: not one, or not of this size. */
static bool take_direct_message(struct device_stream *stream,
                                const struct bg_pvgpu_message *message, const uint8_t *payload)
{
    struct pvgpu_worker *worker = stream->worker;
    union {
        struct bg_pvgpu_identity identity;
        struct bg_pvgpu_scanout_done done;
        uint32_t request;
    } body;
    uint32_t wanted = message->type == BG_PVGPU_MESSAGE_IDENTITY       ? sizeof(body.identity)
                      : message->type == BG_PVGPU_MESSAGE_SCANOUT_DONE ? sizeof(body.done)
                      : message->type == BG_PVGPU_MESSAGE_RESET        ? sizeof(body.request)
                                                                       : 0;

    if (!worker->shared.direct || message->size != wanted) {
        return false;
    }
    memcpy(&body, payload, wanted);
    switch (message->type) {
    case BG_PVGPU_MESSAGE_IDENTITY:
        return take_identity(stream, &body.identity);
    case BG_PVGPU_MESSAGE_RESET:
        take_reset(worker, body.request);
        return true;
    case BG_PVGPU_MESSAGE_PAUSE:
        take_pause(worker, true);
        return true;
    case BG_PVGPU_MESSAGE_RESUME:
        take_pause(worker, false);
        return true;
    case BG_PVGPU_MESSAGE_SCANOUT_DONE:
        pvgpu_display_take_back(&worker->display, body.done.buffer, body.done.slot);
        call_attention(worker, PVGPU_ATTENTION_SLOT);
        return true;
    default:
        return false;
    }
}

static void take_message(struct device_stream *stream, const struct bg_pvgpu_message *message,
                         const uint8_t *payload)
{
    struct pvgpu_worker *worker = stream->worker;

    switch (message->type) {
    case BG_PVGPU_MESSAGE_DOORBELL:
        eventfd_write(worker->kick, 1);
        return;
    case BG_PVGPU_MESSAGE_SHUTDOWN:
        log_debug("the device ended the session");
        worker_end(&stream->worker->base, WORKER_EXIT_OK);
        return;
    default:
        if (!take_direct_message(stream, message, payload)) {
            log_warning("message of type 0x%x with %u bytes: not one of this protocol; connection "
                        "ended",
                        message->type, message->size);
            worker_end(&stream->worker->base, WORKER_EXIT_OK);
        }
    }
}

static void take_messages(struct device_stream *stream)
{
    struct bg_pvgpu_message message;
    size_t taken = 0;

    while (!stream->worker->base.over && stream->length - taken >= sizeof(message)) {
        memcpy(&message, stream->input + taken, sizeof(message));
        if (message.size > BG_PVGPU_PAYLOAD_MAX) {
            log_warning("a message of %u bytes; connection ended", message.size);
            worker_end(&stream->worker->base, WORKER_EXIT_OK);
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
    ssize_t received = recv(worker->base.connection, stream->input + stream->length,
                            sizeof(stream->input) - stream->length, MSG_DONTWAIT);

    if (received > 0) {
        stream->length += (size_t)received;
        take_messages(stream);
    } else if (received == 0 || (errno != EAGAIN && errno != EINTR)) {
        log_debug("the device is gone");
        worker_end(&stream->worker->base, WORKER_EXIT_OK);
    }
}

/* ---- The supervisor's messages ---- */

static struct pvgpu_worker *as_pvgpu(struct worker *worker)
{
    return (struct pvgpu_worker *)worker;
}

static void refuse(struct worker *worker, enum bg_compute_status status)
{
    as_pvgpu(worker)->refusal = status;
    call_attention(as_pvgpu(worker), PVGPU_ATTENTION_REFUSE);
}

static void take_attached(struct worker *worker)
{
    struct device_stream *stream = &device_stream;
    const struct control_attached *attached = &worker->device;

    if (attached->quarantined) {
        refuse(worker, BG_COMPUTE_VM_QUARANTINED);
    } else if (attached->status != BG_COMPUTE_OK && stream->pool_guessed &&
               stream->pool_id == 'A') {
        attach(stream, 0, 'B');
    } else if (attached->status != BG_COMPUTE_OK) {
        refuse(worker, (enum bg_compute_status)attached->status);
    } else if (!stream->attached) {
        stream->attached = true;
        call_attention(as_pvgpu(worker), PVGPU_ATTENTION_START);
    }
}

static void take_grant(struct worker *worker, bool contended)
{
    __atomic_store_n(&as_pvgpu(worker)->contended, contended, __ATOMIC_RELAXED);
    call_attention(as_pvgpu(worker), PVGPU_ATTENTION_GRANT);
}

static void take_revoke(struct worker *worker)
{
    call_attention(as_pvgpu(worker), PVGPU_ATTENTION_REVOKE);
}

static void take_quarantine(struct worker *worker, bool quarantined)
{
    if (quarantined) {
        refuse(worker, BG_COMPUTE_VM_QUARANTINED);
    }
}

static void drain(struct worker *worker)
{
    call_attention(as_pvgpu(worker), PVGPU_ATTENTION_DRAIN);
}

static void fill_statistics(struct worker *base, struct control_statistics *statistics)
{
    const struct pvgpu_worker *worker = as_pvgpu(base);

    *statistics = (struct control_statistics){
        .requests = __atomic_load_n(&worker->commands, __ATOMIC_RELAXED),
        .errors = __atomic_load_n(&worker->errors, __ATOMIC_RELAXED),
        .memory_used = __atomic_load_n(&worker->memory_used, __ATOMIC_RELAXED),
        .bytes_in = __atomic_load_n(&worker->bytes_in, __ATOMIC_RELAXED),
        .bytes_out = __atomic_load_n(&worker->bytes_out, __ATOMIC_RELAXED),
    };
}

/* ---- The clock ---- */

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The consumer wakes this thread when it begins something long while nobody watches; watching goes
 * on for a limit's time after that, so that a stream of commands costs no wake-ups. */
static uint64_t begin_wait(struct worker *base, short *events)
{
    struct pvgpu_worker *worker = as_pvgpu(base);
    struct device_stream *stream = &device_stream;
    uint64_t limit_ns = base->start.limits.request_timeout_ms * NS_PER_MS;
    uint64_t now_ns = clock_now_ns();
    uint64_t next_ns = stream->identity_until_ns ? stream->identity_until_ns : WORKER_NEVER;
    bool busy = watch_is_on(&worker->watch);

    *events = POLLIN;
    if (!busy && now_ns >= stream->watch_until_ns) {
        __atomic_store_n(&worker->watched, false, __ATOMIC_SEQ_CST);
        busy = watch_is_on(&worker->watch);
        if (!busy) {
            return next_ns;
        }
    }
    if (busy) {
        stream->watch_until_ns = now_ns + limit_ns;
    }
    __atomic_store_n(&worker->watched, true, __ATOMIC_SEQ_CST);
    next_ns = earliest(next_ns, now_ns + limit_ns / 4);
    return earliest(next_ns, stream->look_ns);
}

/* Its thread may be stuck for good: the process ends. */
static void time_out(struct pvgpu_worker *worker)
{
    uint32_t *cuda_error = __atomic_load_n(&worker->cuda_error, __ATOMIC_RELAXED);
    char text[BG_PVGPU_ERROR_TEXT_SIZE];

    if (pvgpu_compiling_describe(&worker->context.compiling,
                                 worker->base.start.limits.request_timeout_ms, text)) {
        pvgpu_ring_explain(&worker->ring, text);
        pvgpu_worker_lose(worker, BG_PVGPU_ERROR_SHADER_COMPILE, text);
        return;
    }
    if (cuda_error != NULL) {
        __atomic_store_n(cuda_error, CUDA_ERROR_LAUNCH_TIMEOUT, __ATOMIC_RELEASE);
        pvgpu_worker_lose(worker, BG_PVGPU_ERROR_TIMEOUT, "CUDA: a command ran too long");
        return;
    }
    pvgpu_worker_fault(worker, BG_PVGPU_ERROR_TIMEOUT,
                       "a command ran longer than the limit of %u ms",
                       worker->base.start.limits.request_timeout_ms);
}

static void check_times(struct device_stream *stream)
{
    struct pvgpu_worker *worker = stream->worker;
    struct watch *watch = &worker->watch;
    uint64_t now_ns = clock_now_ns();

    if (watch_look(watch, now_ns, &stream->look_ns) &&
        !__atomic_load_n(&worker->finished, __ATOMIC_ACQUIRE)) {
        time_out(worker);
    }
    if (stream->identity_until_ns && now_ns >= stream->identity_until_ns) {
        log_warning("no identity after the handshake; connection ended");
        worker_end(&stream->worker->base, WORKER_EXIT_OK);
    }
}

/* ---- The loop ---- */

static void take_events(struct worker *base, short events)
{
    struct pvgpu_worker *worker = as_pvgpu(base);

    if (events & (POLLIN | POLLHUP | POLLERR)) {
        read_device(&device_stream);
    }
    check_times(&device_stream);
    if (__atomic_load_n(&worker->finished, __ATOMIC_ACQUIRE)) {
        worker_end(base, worker->exit_status);
    }
}

/* ---- Start ---- */

/* The handshake, while the supervisor may want something, too. True when it is whole. */
static bool wait_handshake(struct device_stream *stream, struct pvgpu_handshake_state *handshake)
{
    struct pvgpu_worker *worker = stream->worker;
    uint64_t until_ns = clock_now_ns() + HANDSHAKE_LIMIT_NS;
    struct pollfd polled[2] = {
        {.fd = worker->base.connection, .events = POLLIN},
        {.fd = worker->base.control, .events = POLLIN},
    };

    while (!stream->worker->base.over) {
        uint64_t now_ns = clock_now_ns();

        if (now_ns >= until_ns) {
            log_warning("no handshake; connection ended");
            return false;
        }
        if (poll(polled, 2, (int)((until_ns - now_ns) / NS_PER_MS) + 1) <= 0) {
            continue;
        }
        if (polled[1].revents) {
            worker_read_control(&worker->base);
            if (__atomic_load_n(&worker->attention, __ATOMIC_RELAXED) & PVGPU_ATTENTION_DRAIN) {
                return false;
            }
        }
        if (!polled[0].revents) {
            continue;
        }
        switch (pvgpu_handshake_read(handshake, worker->base.connection)) {
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

    if (!pvgpu_handshake_map(handshake, &worker->shared)) {
        log_warning("%s; connection ended", handshake->error);
        return false;
    }
    if (!pvgpu_ring_open(&worker->ring, worker->shared.memory, worker->shared.size,
                         worker->shared.direct, &reason)) {
        log_warning("shared memory: %s; connection ended", reason);
        return false;
    }
    if (worker->shared.direct) {
        features |= BG_PVGPU_FEATURE_DIRECT | BG_PVGPU_FEATURE_SCANOUT;
        stream->identity_until_ns = clock_now_ns() + HANDSHAKE_LIMIT_NS;
    } else {
        worker->priority = worker->base.start.limits.max_priority < BG_VGPU_STUB_PRIORITY_MEDIUM
                               ? worker->base.start.limits.max_priority
                               : BG_VGPU_STUB_PRIORITY_MEDIUM;
    }
    if (worker->vulkan != NULL) {
        features |= vulkan_get_features(worker->vulkan);
    }
    pvgpu_display_init(&worker->display, worker->shared.direct ? &display_ops : NULL, worker);
    pvgpu_worker_send(worker, BG_PVGPU_MESSAGE_HANDSHAKE_ACK, &features, sizeof(features), -1);
    return true;
}

/* The supervisor opens it. */
static int open_name(void *owner, const char *name, size_t size)
{
    struct pvgpu_worker *worker = owner;
    struct control_message message = {.type = CONTROL_OPEN};
    uint64_t until_ns = clock_now_ns() + HANDSHAKE_LIMIT_NS;
    struct pollfd polled = {.fd = worker->base.control, .events = POLLIN};

    memcpy(message.name, name, size); /* a name is at most as long */
    control_tell(worker->base.control, &message);
    while (worker->base.opened == 0 && !worker->base.over && clock_now_ns() < until_ns) {
        if (poll(&polled, 1, 1000) > 0) {
            worker_read_control(&worker->base);
        }
    }
    if (worker->base.opened > 0) {
        return worker->base.opened;
    }
    errno = worker->base.opened < 0 ? -1 - worker->base.opened : ETIMEDOUT;
    return -1;
}

static void open_worker(struct worker *base)
{
    const struct sigaction on_bus = {.sa_handler = on_bus_error};
    struct pvgpu_worker *worker = as_pvgpu(base);

    worker->lease.ledger = &base->ledger;
    worker->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->kick < 0 || outbox_init(&base->outbox, base->connection, OUTBOX_SIZE) != 0) {
        log_error("worker: %m");
        worker_end(base, WORKER_EXIT_FAILED);
        return;
    }
    sigaction(SIGBUS, &on_bus, NULL);
    worker->vulkan = drawing_begin(base);
    base->shared_size = BG_PVGPU_SHMEM_SIZE_MAX;
}

/* Without, the guest sees no such feature. */
static void start_drawing(struct pvgpu_worker *worker)
{
    char reason[VULKAN_REASON_SIZE];

    if (worker->vulkan != NULL && !vulkan_start(worker->vulkan, reason)) {
        log_warning("no drawing: %s", reason);
        worker->vulkan = NULL;
    }
}

/* The consumer waits for START, which comes behind all that this sets. */
static void greet(struct worker *base)
{
    static struct pvgpu_handshake_state handshake;
    struct pvgpu_worker *worker = as_pvgpu(base);
    struct device_stream *stream = &device_stream;

    start_drawing(worker);
    handshake.open_name = open_name;
    handshake.owner = worker;
    if (!wait_handshake(stream, &handshake) || !take_handshake(stream, &handshake)) {
        worker_end(base, WORKER_EXIT_OK);
        return;
    }
    if (!worker->shared.direct) {
        stream->pool_guessed = true;
        attach(stream, 0, 'A');
    }
}

const struct worker_kind pvgpu_worker_kind = {
    .device = CONFIG_LISTENER_PVGPU,
    .worker = &pvgpu_worker.base,
    .hands_out_memory = true,
    .has_streams = true,
    .load = drawing_load,
    .open = open_worker,
    .greet = greet,
    .compute = pvgpu_consumer_main,
    .begin_wait = begin_wait,
    .take_events = take_events,
    .take_attached = take_attached,
    .take_grant = take_grant,
    .take_revoke = take_revoke,
    .take_quarantine = take_quarantine,
    .drain = drain,
    .fill_statistics = fill_statistics,
};
