/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* close_range */
#include "host/mediator/worker/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "host/common/clock.h"
#include "host/common/patience.h"
#include "host/mediator/log.h"
#include "host/mediator/worker/device.h"
#include "host/mediator/worker/sandbox.h"

#define LAST_FLUSH_NS NS_PER_S /* for the last messages of a session that ends */

void worker_end(struct worker *worker, int exit_status)
{
    if (!worker->over) {
        worker->over = true;
        worker->exit_status = exit_status;
    }
}

void worker_wake(struct worker *worker)
{
    eventfd_write(worker->wake, 1); /* fails with the counter at its top: awake already */
}

/* ---- The supervisor ---- */

void worker_attach(struct worker *worker, uint32_t vm_id, uint8_t pool_id)
{
    const struct control_message ask = {.type = CONTROL_ATTACH,
                                        .attach = {.vm_id = vm_id, .pool_id = pool_id}};

    worker->attach = ask.attach;
    worker->attach_asked = true;
    worker->attach_answered = false;
    control_tell(worker->control, &ask);
}

static void take_attached(struct worker *worker, const struct control_attached *attached)
{
    const struct config_limits *limits = &worker->start.limits;

    worker->device = *attached;
    worker->attach_answered = true;
    if (worker->limiter.burst == 0) { /* the first answer: one after a refused pool has no tokens */
        limiter_init(&worker->limiter, limits->requests_per_s, limits->burst, attached->tokens,
                     clock_now_ns());
    }
    worker->kind->take_attached(worker);
}

static void send_statistics(struct worker *worker, enum control_type type)
{
    struct control_message message = {.type = type};

    worker->kind->fill_statistics(worker, &message.statistics);
    control_tell(worker->control, &message);
}

/* All that the supervisor before this one had said is read by now. */
static void resume(struct worker *worker, uint64_t supervisor)
{
    struct control_message message = {.type = CONTROL_RESUMED};

    message.resumed = (struct control_resumed){
        .supervisor = supervisor,
        .asked = worker->attach_asked,
        .answered = worker->attach_answered,
        .placed = worker->attach_answered && worker->device.status == BG_COMPUTE_OK,
        .cuda = worker->device.cuda,
        .ordinal = worker->device.ordinal,
        .attach = worker->attach,
    };
    lease_ledger_tell(&worker->ledger, &message);
}

static void take_control(struct worker *worker, const struct control_message *message)
{
    const struct worker_kind *kind = worker->kind;

    switch (message->type) {
    case CONTROL_ATTACHED:
        take_attached(worker, &message->attached);
        break;
    case CONTROL_GRANT:
        lease_ledger_note_grant(&worker->ledger);
        kind->take_grant(worker, message->contended);
        break;
    case CONTROL_REVOKE:
        kind->take_revoke(worker);
        break;
    case CONTROL_CHECK:
        send_statistics(worker, CONTROL_CHECKED);
        break;
    case CONTROL_QUARANTINE:
        kind->take_quarantine(worker, message->quarantined);
        break;
    case CONTROL_DRAIN:
        kind->drain(worker);
        break;
    case CONTROL_RESUME:
        resume(worker, message->supervisor);
        break;
    default:
        log_error("control message of type %u", message->type);
        worker_end(worker, WORKER_EXIT_FAILED);
    }
}

void worker_read_control(struct worker *worker)
{
    struct control_message message;
    int fd = -1;
    int result = control_receive(worker->control, &message, &fd);

    worker->heard_ns = clock_now_ns();
    if (result > 0 && message.type == CONTROL_OPENED) {
        worker->opened = message.error != 0 ? -1 - message.error : fd;
        return;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (result > 0) {
        pthread_mutex_lock(&worker->lock);
        take_control(worker, &message);
        pthread_mutex_unlock(&worker->lock);
    } else if (result == 0 || errno != EAGAIN) {
        log_debug("the supervisor is gone");
        worker_end(worker, WORKER_EXIT_FAILED);
    }
}

/* ---- The loop ---- */

static int to_timeout_ms(uint64_t until_ns)
{
    uint64_t now_ns = until_ns == WORKER_NEVER ? 0 : clock_now_ns();

    if (until_ns == WORKER_NEVER) {
        return -1;
    }
    return until_ns <= now_ns ? 0 : (int)((until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static uint64_t begin_wait(struct worker *worker, short *events)
{
    uint64_t until_ns;

    *events = 0;
    pthread_mutex_lock(&worker->lock);
    until_ns = worker->kind->begin_wait(worker, events);
    if (worker->outbox.length > 0) {
        *events |= POLLOUT;
    }
    pthread_mutex_unlock(&worker->lock);
    return until_ns;
}

static void flush(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    outbox_flush(&worker->outbox);
    pthread_mutex_unlock(&worker->lock);
}

static void check_outbox(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    bool broken = worker->outbox.broken;
    pthread_mutex_unlock(&worker->lock);
    if (broken && !worker->over) {
        log_debug("the peer does not take its messages");
        worker_end(worker, WORKER_EXIT_OK);
    }
}

/* Somebody asks it how it is every few seconds. */
static uint64_t when_lost(const struct worker *worker)
{
    uint32_t outlive_s = worker->start.outlive_s;

    return outlive_s > 0 ? worker->heard_ns + outlive_s * NS_PER_S : WORKER_NEVER;
}

static void serve(struct worker *worker)
{
    struct pollfd polled[] = {
        {.fd = worker->connection},
        {.fd = worker->control, .events = POLLIN},
        {.fd = worker->wake, .events = POLLIN},
    };

    while (!worker->over) {
        uint64_t until_ns = begin_wait(worker, &polled[0].events);
        uint64_t lost_ns = when_lost(worker);

        if (poll(polled, 3, to_timeout_ms(until_ns < lost_ns ? until_ns : lost_ns)) <= 0) {
            polled[0].revents = polled[1].revents = polled[2].revents = 0;
        }
        if (polled[2].revents) {
            eventfd_read(worker->wake, &(eventfd_t){0});
        }
        if (polled[1].revents) {
            worker_read_control(worker);
        }
        if (clock_now_ns() >= lost_ns && !polled[1].revents) {
            log_warning("no supervisor has come back");
            worker_end(worker, WORKER_EXIT_FAILED);
        }
        if (polled[0].revents & POLLOUT) {
            flush(worker);
        }
        worker->kind->take_events(worker, polled[0].revents);
        check_outbox(worker);
    }
}

/* ---- Start ---- */

static void become_worker(void)
{
    sigset_t none;

    log_set_marked();
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* the supervisor's death is every worker's */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* a terminal sends it to all: the supervisor says what to do */
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&none); /* it was started with all of them blocked */
    sigprocmask(SIG_SETMASK, &none, NULL);
    cuda_driver_take_folder();
    close_range(CUDA_DRIVER_FOLDER_FD + 1, ~0u, 0);
}

/* False without a log line for a spare worker of a supervisor that ends. */
static bool start_has_come(void)
{
    return poll(&(struct pollfd){.fd = WORKER_CONTROL_FD, .events = POLLIN}, 1, 0) > 0;
}

static bool receive_start(struct control_start *start, int *connection)
{
    struct pollfd polled = {.fd = WORKER_CONTROL_FD, .events = POLLIN};
    struct control_message message;
    int result;

    do {
        result = poll(&polled, 1, -1);
    } while (result < 0 && errno == EINTR);
    if (control_receive(WORKER_CONTROL_FD, &message, connection) <= 0) {
        return false;
    }
    if (message.type != CONTROL_START || *connection < 0) {
        log_error("worker: no start message but type %u", message.type);
        return false;
    }
    *start = message.start;
    patience_end(); /* that of its start */
    log_set_level((enum mediator_log_level)start->log_level);
    if (start->outlive_s > 0) { /* from here on the descriptors of its supervisor are kept */
        prctl(PR_SET_PDEATHSIG, 0);
    }
    return true;
}

/* NULL after a log line. */
static struct worker *create(const struct worker_kind *const *kinds, unsigned count,
                             const struct control_start *start, int connection)
{
    for (unsigned i = 0; i < count; i++) {
        struct worker *worker = kinds[i]->worker;

        if (kinds[i]->device != start->device) {
            continue;
        }
        worker->kind = kinds[i];
        worker->connection = connection;
        worker->control = WORKER_CONTROL_FD;
        worker->start = *start;
        worker->heard_ns = clock_now_ns();
        lease_ledger_init(&worker->ledger, worker->control);
        worker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        pthread_mutex_init(&worker->lock, NULL);
        if (worker->wake < 0) {
            log_error("worker: %m");
            return NULL;
        }
        return worker;
    }
    log_error("worker: no device of kind %u", (unsigned)start->device);
    return NULL;
}

static void *compute(void *context)
{
    struct worker *worker = context;

    device_make_current();
    return worker->kind->compute(worker);
}

static int start_computing(struct worker *worker)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, compute, worker);

    if (error != 0) {
        errno = error;
        return -1;
    }
    pthread_detach(thread);
    return 0;
}

/* The sandbox, and the second thread in it. */
static bool enter_sandbox(struct worker *worker)
{
    tzset(); /* reads a file */
    if ((sandbox_enter(worker) ?: start_computing(worker) ?: sandbox_close(worker)) != 0) {
        log_error("sandbox: %m");
        return false;
    }
    return true;
}

/* ---- The end ---- */

/* The last messages get a moment. */
static void flush_last(struct worker *worker)
{
    uint64_t until_ns = clock_now_ns() + LAST_FLUSH_NS;
    struct pollfd polled = {.fd = worker->connection, .events = POLLOUT};

    outbox_flush(&worker->outbox);
    while (worker->outbox.length > 0 && !worker->outbox.broken && clock_now_ns() < until_ns) {
        if (poll(&polled, 1, to_timeout_ms(until_ns)) > 0) {
            outbox_flush(&worker->outbox);
        }
    }
}

/* What takes long. A spare worker has the time for it. */
static void load(const struct worker_kind *const *kinds, unsigned count, char *const *devices)
{
    device_load(devices);
    for (unsigned i = 0; i < count; i++) {
        if (kinds[i]->load != NULL) {
            kinds[i]->load(devices);
        }
    }
}

int worker_main(const struct worker_kind *const *kinds, unsigned count, char *const *devices)
{
    struct control_start start;
    struct worker *worker;
    int connection;

    become_worker();
    load(kinds, count, devices);
    if (!start_has_come()) {
        device_load_cublas();
    }
    if (!receive_start(&start, &connection)) {
        return WORKER_EXIT_FAILED;
    }
    worker = create(kinds, count, &start, connection);
    if (worker == NULL) {
        return WORKER_EXIT_FAILED;
    }
    device_begin(&start, worker->kind->has_streams);
    cuda_driver_close_folder();
    worker->kind->open(worker);
    if (!worker->over && !enter_sandbox(worker)) {
        worker_end(worker, WORKER_EXIT_FAILED);
    }
    if (!worker->over && worker->kind->greet != NULL) {
        worker->kind->greet(worker);
    }
    serve(worker);
    /* The lock is kept: what runs in the other thread is left to the process's end. */
    pthread_mutex_lock(&worker->lock);
    flush_last(worker);
    if (worker->exit_status == WORKER_EXIT_OK) {
        send_statistics(worker, CONTROL_DETACH);
    }
    _exit(worker->exit_status); /* no destructors beside a thread that may be computing */
}
