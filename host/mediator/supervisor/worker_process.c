/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/supervisor/worker_process.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/common/clock.h"
#include "host/mediator/log.h"
#include "host/mediator/pvgpu/handshake.h"
#include "host/mediator/supervisor/history.h"
#include "host/mediator/supervisor/takeover.h"
#include "host/mediator/supervisor/worker_exit.h"
#include "host/mediator/supervisor/worker_lease.h"
#include "host/mediator/supervisor/worker_log.h"
#include "host/mediator/worker/worker.h"
#include "protocol/compute.h"

/* A stopped or stuck worker answers no CHECK; one is sent every few seconds (supervisor.c). */
#define CHECKS_OPEN_MAX 3
/* A worker asks for a pool that does not exist, then for each that does. */
#define ATTACHES_MAX (1 + CONFIG_POOLS)
/* Starting at a time: what comes after waits for one of them. */
#define STARTING_MAX 4u
/* Of a worker's cgroup, beyond its session's memory: the program, and what compiles for it
 * (cuda-cpu's struct compile_limits); with a GPU the driver's own memory. */
#define MEMORY_OVERHEAD (UINT64_C(3) << 30)
#define CUDA_MEMORY_OVERHEAD (UINT64_C(4) << 30)
/* Of another supervisor's child, where the kernel does not tell; what the worker said has to do. */
#define EXIT_UNKNOWN (-1)
#define PVGPU_NAME_SIZE sizeof(((struct control_message *)0)->name)

void worker_process_send(struct worker_process *worker, const struct control_message *message)
{
    if (worker->control < 0 || control_send(worker->control, message, -1) == 0) {
        return;
    }
    /* EPIPE: it is about to end. A full socket: it does not read. */
    if (errno == EAGAIN) {
        worker_process_kill(worker, "it reads no control messages");
    }
}

/* ---- Control messages of a worker: checked, it may be in a guest's hands ---- */

static struct supervisor_device *choose_device(struct worker_process *worker, uint8_t pool_id)
{
    struct supervisor *supervisor = worker->supervisor;
    struct supervisor_device *best = NULL;
    unsigned pool = pool_id - (unsigned)'A';

    if (pool >= CONFIG_POOLS || !worker->listener->config->pools[pool]) {
        return NULL;
    }
    for (unsigned i = 0; i < supervisor->pool_device_count[pool]; i++) {
        struct supervisor_device *device = &supervisor->devices[supervisor->pool_devices[pool][i]];

        /* Its sandbox is that of its start, whatever its listener may have now. */
        if (device->cuda && !worker->start.cuda_possible) {
            continue;
        }
        if (best == NULL || device->sessions < best->sessions) {
            best = device;
        }
    }
    return best;
}

static bool is_quarantined(const struct worker_process *worker)
{
    return worker->guest->past.quarantined || worker->listener->quarantined;
}

void worker_process_name(struct worker_process *worker, uint32_t vm_id)
{
    worker->attached = true;
    worker->vm_id = vm_id;
    guest_record_name(worker->guest, vm_id);
}

void worker_process_place(struct worker_process *worker, struct supervisor_device *device,
                          char pool)
{
    worker->device = device;
    worker->pool = pool;
    device->sessions++;
    worker_lease_open(worker);
}

/* The guest's byte: a letter only if a pool can have it. */
static void log_unserved(struct worker_process *worker, uint8_t pool)
{
    if (pool >= 'A' && pool < 'A' + CONFIG_POOLS) {
        worker_log_write(worker, MEDIATOR_LOG_WARNING, "pool %c is not served here", pool);
    } else {
        worker_log_write(worker, MEDIATOR_LOG_WARNING, "pool 0x%02x is not served here", pool);
    }
}

void worker_process_attach(struct worker_process *worker, const struct control_attach *attach)
{
    struct supervisor_device *device;
    struct control_message answer = {.type = CONTROL_ATTACHED};

    if (worker->device != NULL || ++worker->attaches > ATTACHES_MAX ||
        (worker->attached && worker->vm_id != attach->vm_id)) {
        worker_process_kill(worker, "it attached too often");
        return;
    }
    if (!worker->attached) {
        worker_process_name(worker, attach->vm_id);
        answer.attached.tokens = worker->tokens;
    }
    answer.attached.quarantined = is_quarantined(worker);
    device = choose_device(worker, attach->pool_id);
    if (device != NULL) {
        worker_process_place(worker, device, (char)attach->pool_id);
        answer.attached.status = BG_COMPUTE_OK;
        answer.attached.cuda = worker->device->cuda;
        answer.attached.ordinal = worker->device->ordinal;
        worker_log_write(worker, MEDIATOR_LOG_INFO, "pool %c, device %s", worker->pool,
                         worker->device->name);
    } else {
        answer.attached.status = BG_COMPUTE_INVALID_POOL;
        log_unserved(worker, attach->pool_id);
    }
    worker_process_send(worker, &answer);
}

/* Goes into the supervisor's log: what a terminal could take for more than text does not. */
static void take_fault(struct worker_process *worker, const char reason[sizeof(worker->fault)])
{
    worker->faulty = true;
    memset(worker->fault, 0, sizeof(worker->fault));
    for (unsigned i = 0; i < sizeof(worker->fault) - 1 && reason[i]; i++) {
        worker->fault[i] = reason[i] >= ' ' && reason[i] <= '~' ? reason[i] : '?';
    }
}

/* A worker opens no files: an older pvgpu's shared memory, which must be its peer's own, is opened
 * for it. */
static void take_open(struct worker_process *worker, const char name[PVGPU_NAME_SIZE])
{
    struct control_message answer = {.type = CONTROL_OPENED};
    int fd;

    if (worker->start.device != CONFIG_LISTENER_PVGPU || worker->opened) {
        worker_process_kill(worker, "it wanted a file opened");
        return;
    }
    worker->opened = true;
    fd = pvgpu_handshake_open_name(name, PVGPU_NAME_SIZE, worker->guest->past.peer.user);
    answer.error = fd < 0 ? errno : 0;
    if (control_send(worker->control, &answer, fd) != 0) {
        worker_process_kill(worker, "it reads no control messages");
    }
    if (fd >= 0) {
        close(fd);
    }
}

/* Once: it is the system's matter, and the same for each worker. */
static void take_exposed(struct worker_process *worker, const char reason[128])
{
    char text[128];

    if (!worker->supervisor->exposed) {
        worker->supervisor->exposed = true;
        snprintf(text, sizeof(text), "%.127s", reason);
        text[strcspn(text, "\n\r\33")] = '\0';
        log_warning("workers are not alone: %s; SECURITY.md says what that means", text);
    }
}

/* What was said to the supervisor before this one is in RESUMED. */
static bool is_for_another(const struct worker_process *worker,
                           const struct control_message *message)
{
    if (message->type == CONTROL_RESUMED) { /* more than one may have asked */
        return message->resumed.supervisor != worker->supervisor->started_ns;
    }
    return message->type == CONTROL_ATTACH || message->type == CONTROL_ASK ||
           message->type == CONTROL_RELEASE || message->type == CONTROL_YIELD;
}

static void take_message(struct worker_process *worker, struct control_message *message)
{
    if (worker->listener == NULL) {
        worker_process_kill(worker, "it spoke before it had a connection");
        return;
    }
    if (worker->resuming && is_for_another(worker, message)) {
        return;
    }
    switch (message->type) {
    case CONTROL_RESUMED:
        takeover_take_resumed(worker, &message->resumed);
        break;
    case CONTROL_ATTACH:
        worker_process_attach(worker, &message->attach);
        break;
    case CONTROL_ASK:
    case CONTROL_RELEASE:
    case CONTROL_YIELD:
        worker_lease_take(worker, message);
        break;
    case CONTROL_CHECKED:
        if (!worker->resuming) { /* else it is to say how things stand, before that counts */
            worker->checks_open = 0;
        }
        usage_take_statistics(worker, &message->statistics);
        break;
    case CONTROL_DETACH:
        worker->detached = true;
        usage_take_statistics(worker, &message->statistics);
        break;
    case CONTROL_FAULT:
        take_fault(worker, message->reason);
        break;
    case CONTROL_OPEN:
        take_open(worker, message->name);
        break;
    case CONTROL_EXPOSED:
        take_exposed(worker, message->reason);
        break;
    default:
        worker_process_kill(worker, "it sent an unknown control message");
    }
}

/* Takes one message; false when there is none, or the worker is being killed. */
static bool read_message(struct worker_process *worker)
{
    struct control_message message;
    int result;

    if (worker->control < 0 || worker->killed != NULL) {
        return false;
    }
    result = control_receive(worker->control, &message, NULL);
    if (result > 0) {
        take_message(worker, &message);
    } else if (result < 0 && errno == EPROTO) {
        worker_process_kill(worker, "it sent what is no control message");
    }
    if (worker->killed != NULL || result == 0) {
        uv_poll_stop(&worker->poll); /* its end comes as the process's */
    }
    return result > 0;
}

/* One message per event: to look for a second costs as much as the next event. */
static void on_control(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    read_message(poll->data);
}

/* ---- End ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct worker_process *worker = handle->data;

    if (--worker->open_handles == 0) {
        free(worker);
    }
}

static void count_fault(struct worker_process *worker)
{
    if (worker->guest == NULL) {
        return;
    }
    bool quarantined = guest_record_count_fault(worker->guest, clock_now_ns());
    worker->listener->counts.faults++;
    worker->listener->counts.quarantines += quarantined;
    history_write(worker->supervisor);
    if (!quarantined) {
        return;
    }
    log_error("listener %s, vm %u: quarantined after %u faults (process %d of user %u); "
              "baregpu-mediator --release %s:%u",
              worker->listener->config->name, worker->guest->past.vm_id,
              worker->guest->past.fault_count, (int)worker->guest->past.peer.process,
              (unsigned)worker->guest->past.peer.user, worker->listener->config->name,
              worker->guest->past.vm_id);
    worker_process_tell_quarantine(worker->listener, worker->guest);
}

static const char *explain_signal(const struct worker_process *worker, int signal_number)
{
    if (cgroup_was_too_large(worker->supervisor->cgroup, worker->slot)) {
        return "it had more memory than its cgroup may";
    }
    return signal_number == SIGSYS ? "refused by the sandbox" : strsignal(signal_number);
}

/* Who only looked whether somebody listens is no news. */
static void log_end(struct worker_process *worker)
{
    bool is_news = worker->attached || worker->faulty;
    unsigned long long requests = worker->statistics.requests;

    worker_log_write(worker, is_news ? MEDIATOR_LOG_INFO : MEDIATOR_LOG_DEBUG,
                     "ended%s%s, %llu request%s, %llu of them errors",
                     worker->faulty ? " by a fault: " : "", worker->faulty ? worker->fault : "",
                     requests, requests == 1 ? "" : "s",
                     (unsigned long long)worker->statistics.errors);
}

static void judge_end(struct worker_process *worker, int exit_status, int signal_number)
{
    if (worker->killed != NULL) {
        worker_log_write(worker, MEDIATOR_LOG_WARNING, "worker %d killed: %s", worker->pid,
                         worker->killed);
        worker->faulty = !worker->supervisor->draining && !worker->blameless;
    } else if (signal_number != 0) {
        worker_log_write(worker, MEDIATOR_LOG_ERROR, "worker %d ended by signal %d (%s)",
                         worker->pid, signal_number, explain_signal(worker, signal_number));
        worker->faulty = true;
    } else if (exit_status == EXIT_UNKNOWN && !worker->detached && !worker->faulty) {
        worker_log_write(worker, MEDIATOR_LOG_ERROR, "worker %d ended without a word", worker->pid);
        worker->faulty = true;
    } else if (exit_status == WORKER_EXIT_FAILED && worker->listener != NULL) {
        worker_log_write(worker, MEDIATOR_LOG_ERROR, "worker %d failed", worker->pid);
    } else if (exit_status != WORKER_EXIT_OK && worker->listener == NULL &&
               !worker->supervisor->draining) {
        worker_log_write(worker, MEDIATOR_LOG_ERROR, "failed with exit status %d",
                         (int)exit_status);
    } else if (worker->listener != NULL) {
        worker->faulty = worker->faulty || exit_status == WORKER_EXIT_FAULT;
        log_end(worker);
    }
    if (worker->faulty) {
        count_fault(worker);
    }
}

static void bury(struct worker_process *worker, int exit_status, int signal_number)
{
    struct supervisor *supervisor = worker->supervisor;
    uint64_t now_ns = clock_now_ns();

    while (read_message(worker)) { /* its last words */
    }
    worker_log_finish(worker);
    judge_end(worker, exit_status, signal_number);
    if (worker->device != NULL) {
        worker_lease_close(worker);
        worker->device->sessions--;
    }
    if (worker->guest != NULL) {
        guest_record_detach(worker->guest,
                            worker->attached ? worker->statistics.tokens : worker->tokens, now_ns);
    }
    if (worker->listener != NULL) {
        supervisor_end_session(worker->listener);
    } else {
        supervisor->spare_count--;
        supervisor->spares_from_ns = now_ns + WORKER_PROCESS_RETRY_NS;
    }
    takeover_forget(worker);
    cgroup_remove(supervisor->cgroup, worker->slot);
    nursery_free(supervisor->nursery, worker->slot);
    LIST_REMOVE(worker, link);
    supervisor->worker_count--;
    uv_poll_stop(&worker->poll);
    uv_poll_stop(&worker->exit);
    close(worker->control);
    close(worker->pidfd);
    worker->control = worker->pidfd = -1;
    uv_close((uv_handle_t *)&worker->exit, on_handle_closed);
    uv_close((uv_handle_t *)&worker->poll, on_handle_closed);
    uv_close((uv_handle_t *)&worker->log.poll, on_handle_closed);
    supervisor->on_worker_gone(supervisor);
}

static void on_worker_exit(uv_poll_t *poll, int poll_status, int events)
{
    struct worker_process *worker = poll->data;
    int status = 0;
    bool known;

    (void)poll_status;
    (void)events;
    usage_take(worker);
    known = worker->adopted ? worker_exit_look(worker->pid, worker->pidfd, &status)
                            : worker_exit_wait(worker->pid, &status);
    if (known) {
        bury(worker, WIFEXITED(status) ? WEXITSTATUS(status) : 0,
             WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    } else if (worker->adopted) {
        bury(worker, EXIT_UNKNOWN, 0);
    }
}

void worker_process_kill(struct worker_process *worker, const char *why)
{
    if (worker->killed == NULL) {
        worker->killed = why;
        syscall(SYS_pidfd_send_signal, worker->pidfd, SIGKILL, NULL, 0);
    }
}

/* ---- Start ---- */

static struct worker_process *find_spare(struct supervisor *supervisor)
{
    struct worker_process *worker;

    LIST_FOREACH (worker, &supervisor->workers, link) {
        if (worker->listener == NULL && worker->killed == NULL) {
            return worker;
        }
    }
    return NULL;
}

static void fill_start(struct worker_process *worker)
{
    struct control_start *start = &worker->start;
    const struct config_listener *config = worker->listener->config;

    start->session = worker->session;
    start->outlive_s =
        takeover_is_on(worker->supervisor) ? worker->supervisor->config->restart_s : 0;
    start->log_level = log_get_level();
    start->cuda_possible = worker->listener->cuda_possible;
    start->draws = supervisor_draws(worker->listener);
    start->cuda_loose = worker->supervisor->config->cuda_loose;
    start->device = config->device;
    start->limits = config->limits;
    memcpy(start->listener, config->name, sizeof(start->listener));
    memcpy(start->checks, config->checks, sizeof(start->checks));
}

/* What it computes for its peer does not fit into more. */
static void limit_memory(const struct worker_process *worker)
{
    uint64_t limit = worker->start.limits.memory_limit;
    uint64_t more = worker->start.cuda_possible ? CUDA_MEMORY_OVERHEAD : MEMORY_OVERHEAD;

    if (limit < UINT64_MAX - more) {
        cgroup_limit_memory(worker->supervisor->cgroup, worker->slot, limit + more);
    }
}

/* Hands the connection to a spare worker. */
static void hand_over(struct worker_process *worker, const struct waiting_connection *waiting)
{
    struct control_message message = {.type = CONTROL_START};
    struct supervisor *supervisor = worker->supervisor;

    worker->listener = waiting->listener;
    worker->session = ++supervisor->last_session;
    worker->guest = waiting->guest;
    worker->tokens = waiting->tokens;
    supervisor->spare_count--;
    histogram_add(&worker->listener->counts.start_waits, clock_now_ns() - waiting->since_ns);
    fill_start(worker);
    message.start = worker->start;
    limit_memory(worker);
    if (control_send(worker->control, &message, waiting->connection) != 0) {
        worker_process_kill(worker, "it took no connection");
    }
    close(waiting->connection);
    takeover_store(worker);
    if (worker->listener->draining) {
        worker_process_drain(worker);
    }
    log_debug("%s: worker %d, peer process %d of user %u", worker_log_name(worker),
              (int)worker->pid, (int)waiting->guest->past.peer.process,
              (unsigned)waiting->guest->past.peer.user);
}

static void hand_over_due(struct supervisor *supervisor)
{
    struct waiting_connection *waiting;
    struct worker_process *worker;

    while (supervisor->due_count > 0 && (worker = find_spare(supervisor)) != NULL &&
           (waiting = waiting_take(supervisor)) != NULL) {
        hand_over(worker, waiting);
    }
}

void worker_process_serve(struct supervisor *supervisor)
{
    hand_over_due(supervisor);
    unsigned wanted = supervisor->config->spare_workers + supervisor->due_count;
    if (supervisor->draining || clock_now_ns() < supervisor->spares_from_ns) {
        return;
    }
    while (supervisor->spare_count + supervisor->starting < wanted &&
           supervisor->starting < STARTING_MAX) {
        supervisor->starting++;
        nursery_want(supervisor->nursery);
    }
}

struct worker_process *worker_process_add(struct supervisor *supervisor, const struct birth *birth)
{
    struct worker_process *worker = calloc(1, sizeof(*worker));

    if (worker == NULL) {
        return NULL;
    }
    worker->supervisor = supervisor;
    worker->pid = birth->child;
    worker->slot = birth->slot;
    worker->pidfd = birth->pidfd;
    worker->control = birth->control;
    worker->exit.data = worker->poll.data = worker;
    worker->open_handles = 3;
    worker_log_start(worker, birth->log);
    uv_poll_init(&supervisor->loop, &worker->poll, worker->control);
    uv_poll_start(&worker->poll, UV_READABLE, on_control);
    uv_poll_init(&supervisor->loop, &worker->exit, worker->pidfd);
    uv_poll_start(&worker->exit, UV_READABLE, on_worker_exit);
    LIST_INSERT_HEAD(&supervisor->workers, worker, link);
    supervisor->worker_count++;
    supervisor->spare_count++;
    return worker;
}

static struct worker_process *adopt(struct supervisor *supervisor, const struct birth *birth)
{
    struct worker_process *worker = worker_process_add(supervisor, birth);

    if (worker == NULL) { /* its control socket's end is its own */
        kill(birth->child, SIGKILL);
        waitpid(birth->child, NULL, 0);
        close(birth->control);
        close(birth->log);
        close(birth->pidfd);
        cgroup_remove(supervisor->cgroup, birth->slot);
        nursery_free(supervisor->nursery, birth->slot);
    }
    return worker;
}

void worker_process_begin(struct worker_process *worker, struct supervisor_listener *listener,
                          struct guest_record *guest, uint32_t session)
{
    struct supervisor *supervisor = worker->supervisor;

    worker->listener = listener;
    worker->guest = guest;
    worker->session = session;
    guest_record_begin(guest, clock_now_ns(), &worker->tokens);
    supervisor->spare_count--;
    supervisor->sessions++;
    listener->sessions++;
    if (supervisor->last_session < session) {
        supervisor->last_session = session;
    }
    limit_memory(worker);
}

void worker_process_on_birth(void *owner, const struct birth *birth)
{
    struct supervisor *supervisor = owner;
    int error = birth->error;

    supervisor->starting--;
    if (error == 0 && adopt(supervisor, birth) == NULL) {
        error = ENOMEM;
    }
    if (error != 0) {
        supervisor->spares_from_ns = clock_now_ns() + WORKER_PROCESS_RETRY_NS;
        if (log_limit_take(&supervisor->failures, clock_now_ns())) {
            log_error("no worker: %s; tried again each second", strerror(error));
        }
        waiting_refuse_due(supervisor);
    }
    if (supervisor->draining) {
        struct worker_process *worker = find_spare(supervisor);

        if (worker != NULL) {
            worker_process_drain(worker);
        }
        supervisor->on_worker_gone(supervisor);
        return;
    }
    worker_process_serve(supervisor);
}

/* ---- While it runs ---- */

void worker_process_check(struct worker_process *worker)
{
    const struct control_message message = {.type = CONTROL_CHECK};

    if (worker->listener == NULL || worker->killed != NULL) {
        return;
    }
    if (worker->checks_open >= CHECKS_OPEN_MAX) {
        worker_process_kill(worker, "it does not answer");
        return;
    }
    worker->checks_open++;
    worker_process_send(worker, &message);
}

void worker_process_drain(struct worker_process *worker)
{
    const struct control_message message = {.type = CONTROL_DRAIN};

    if (worker->listener != NULL) {
        worker_process_send(worker, &message);
    } else {
        shutdown(worker->control, SHUT_RDWR); /* a spare worker ends when its socket does */
    }
}

void worker_process_tell_quarantine(struct supervisor_listener *listener,
                                    const struct guest_record *guest)
{
    struct control_message message = {.type = CONTROL_QUARANTINE};
    struct worker_process *worker;

    LIST_FOREACH (worker, &listener->supervisor->workers, link) {
        if (worker->listener == listener && (guest == NULL || worker->guest == guest)) {
            message.quarantined = is_quarantined(worker);
            worker_process_send(worker, &message);
        }
    }
}
