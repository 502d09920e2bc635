/* SPDX-License-Identifier: BSD-2-Clause */
/* The supervisor's side of a worker process: start, control messages, end. */
#include "host/mediator/supervisor/state.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/common/clock.h"
#include "host/mediator/log.h"
#include "host/mediator/worker/worker.h"
#include "protocol/compute.h"

/* A worker that should release its lease answers its request's time-out itself; this much later
 * it has ended, or never will. */
#define RELEASE_MARGIN_NS NS_PER_S
/* A stopped or stuck worker answers no CHECK; one is sent every few seconds (supervisor.c). */
#define CHECKS_OPEN_MAX 3
/* A worker asks for a pool that does not exist, then for each that does. */
#define ATTACHES_MAX (1 + CONFIG_POOLS)

static const char *guest_name(const struct guest *guest)
{
    static char name[96];

    if (guest->tenant) {
        snprintf(name, sizeof(name), "session %u (%s, vm %u)", guest->session,
                 guest->listener->config->name, guest->tenant->vm_id);
    } else if (guest->listener) {
        snprintf(name, sizeof(name), "session %u (%s)", guest->session,
                 guest->listener->config->name);
    } else {
        snprintf(name, sizeof(name), "spare worker %d", guest->process.pid);
    }
    return name;
}

static void send_message(struct guest *guest, const struct control_message *message)
{
    if (guest->control < 0 || control_send(guest->control, message, -1) == 0) {
        return;
    }
    /* EPIPE: it is about to end. A full socket: it does not read. */
    if (errno == EAGAIN) {
        guest_kill(guest, "it reads no control messages");
    }
}

/* ---- Leases ---- */

static struct guest *lease_owner(struct scheduler_client *client)
{
    return client->owner;
}

static void lease_grant(struct scheduler_client *client, bool contended)
{
    const struct control_message message = {.type = CONTROL_GRANT, .contended = contended};

    log_debug("%s: lease granted", guest_name(lease_owner(client)));
    send_message(lease_owner(client), &message);
}

static void lease_revoke(struct scheduler_client *client)
{
    const struct control_message message = {.type = CONTROL_REVOKE};

    send_message(lease_owner(client), &message);
}

const struct scheduler_ops guest_scheduler_ops = {.grant = lease_grant,
                                                        .revoke = lease_revoke};

/* ---- Control messages of a worker: checked, it may be in a tenant's hands ---- */

static struct supervisor_device *choose_device(struct guest *guest, uint8_t pool_id)
{
    struct supervisor *supervisor = guest->supervisor;
    struct supervisor_device *best = NULL;
    unsigned pool = pool_id - (unsigned)'A';

    if (pool >= CONFIG_POOLS || !guest->listener->config->pools[pool]) {
        return NULL;
    }
    for (unsigned i = 0; i < supervisor->pool_device_count[pool]; i++) {
        struct supervisor_device *device = &supervisor->devices[supervisor->pool_devices[pool][i]];

        if (!best || device->sessions < best->sessions) {
            best = device;
        }
    }
    return best;
}

static void take_attach(struct guest *guest, const struct control_attach *attach)
{
    const struct config_listener *config = guest->listener->config;
    struct control_message answer = {.type = CONTROL_ATTACHED};
    uint64_t now_ns = clock_now_ns();

    if (guest->device || ++guest->attaches > ATTACHES_MAX ||
        (guest->tenant && guest->tenant->vm_id != attach->vm_id)) {
        guest_kill(guest, "it attached too often");
        return;
    }
    if (!guest->tenant) {
        guest->tenant = tenant_attach(&guest->listener->tenants, config, attach->vm_id, now_ns,
                                      &answer.attached.tokens);
        if (!guest->tenant) {
            guest_kill(guest, "too many guests of its listener are in quarantine");
            return;
        }
    }
    answer.attached.quarantined = guest->tenant->quarantined;
    guest->device = choose_device(guest, attach->pool_id);
    if (guest->device) {
        guest->device->sessions++;
        guest->pool = (char)attach->pool_id;
        guest->lease.owner = guest;
        /* Twice on CUDA: asynchronous work is waited for before a release. */
        guest->lease.release_ns = config->limits.request_timeout_ms * NS_PER_MS *
                                      (guest->device->cuda ? 2 : 1) +
                                  RELEASE_MARGIN_NS;
        answer.attached.status = COMPUTE_OK;
        answer.attached.cuda = guest->device->cuda;
        answer.attached.ordinal = guest->device->ordinal;
        log_info("%s: pool %c, device %s", guest_name(guest), guest->pool, guest->device->name);
    } else {
        answer.attached.status = COMPUTE_INVALID_POOL;
        log_warning("%s: pool 0x%02x is not served here", guest_name(guest), attach->pool_id);
    }
    send_message(guest, &answer);
}

static void take_ask(struct guest *guest, uint32_t priority)
{
    uint32_t most = guest->listener->config->limits.max_priority;

    if (!guest->device) {
        guest_kill(guest, "it asked for a lease before it attached");
        return;
    }
    if (!scheduler_ask(&guest->device->scheduler, &guest->lease, priority < most ? priority : most,
                       clock_now_ns())) {
        guest_kill(guest, "it asked for a lease twice");
    }
}

/* Goes into the supervisor's log: what a terminal could take for more than text does not. */
static void take_fault(struct guest *guest, const char reason[sizeof(guest->fault)])
{
    guest->faulty = true;
    memset(guest->fault, 0, sizeof(guest->fault));
    for (unsigned i = 0; i < sizeof(guest->fault) - 1 && reason[i]; i++) {
        guest->fault[i] = reason[i] >= ' ' && reason[i] <= '~' ? reason[i] : '?';
    }
}

static void take_message(struct guest *guest, struct control_message *message)
{
    if (!guest->listener) {
        guest_kill(guest, "it spoke before it had a connection");
        return;
    }
    switch (message->type) {
    case CONTROL_ATTACH:
        take_attach(guest, &message->attach);
        break;
    case CONTROL_ASK:
        take_ask(guest, message->priority);
        break;
    case CONTROL_RELEASE:
        if (!guest->device ||
            !scheduler_release(&guest->device->scheduler, &guest->lease, clock_now_ns())) {
            guest_kill(guest, "it released a lease it does not hold");
        }
        break;
    case CONTROL_CHECKED:
        guest->checks_open = 0;
        guest->statistics = message->statistics;
        break;
    case CONTROL_DETACH:
        guest->statistics = message->statistics;
        break;
    case CONTROL_FAULT:
        take_fault(guest, message->reason);
        break;
    default:
        guest_kill(guest, "it sent an unknown control message");
    }
}

/* Takes one message; false when there is none, or the worker is being killed. */
static bool read_message(struct guest *guest)
{
    struct control_message message;
    int result;

    if (guest->control < 0 || guest->killed) {
        return false;
    }
    result = control_receive(guest->control, &message, NULL);
    if (result > 0) {
        take_message(guest, &message);
    } else if (result < 0 && errno == EPROTO) {
        guest_kill(guest, "it sent what is no control message");
    }
    if (guest->killed || result == 0) {
        uv_poll_stop(&guest->poll); /* its end comes as the process's */
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
    struct guest *guest = handle->data;

    if (--guest->open_handles == 0) {
        free(guest);
    }
}

static void count_fault(struct guest *guest)
{
    if (!guest->tenant || !tenant_count_fault(guest->tenant, clock_now_ns())) {
        return;
    }
    log_error("listener %s, vm %u: quarantined after %u faults; baregpu-mediator --release %s:%u",
              guest->listener->config->name, guest->tenant->vm_id, guest->tenant->fault_count,
              guest->listener->config->name, guest->tenant->vm_id);
    guest_tell_quarantine(guest->supervisor, guest->tenant);
}

static void judge_end(struct guest *guest, int64_t exit_status, int signal_number)
{
    if (guest->killed) {
        log_warning("%s: worker %d killed: %s", guest_name(guest), guest->process.pid,
                    guest->killed);
        guest->faulty = !guest->supervisor->draining;
    } else if (signal_number != 0) {
        log_error("%s: worker %d ended by signal %d (%s)", guest_name(guest), guest->process.pid,
                  signal_number,
                  signal_number == SIGSYS ? "refused by the sandbox" : strsignal(signal_number));
        guest->faulty = true;
    } else if (exit_status == WORKER_EXIT_FAILED && guest->listener) {
        log_error("%s: worker %d failed", guest_name(guest), guest->process.pid);
    } else if (exit_status != WORKER_EXIT_OK && !guest->listener &&
               !guest->supervisor->draining) {
        log_error("%s: failed with exit status %d", guest_name(guest), (int)exit_status);
    } else if (guest->listener) {
        guest->faulty = guest->faulty || exit_status == WORKER_EXIT_FAULT;
        log_info("%s: ended%s%s, %llu requests, %llu of them errors", guest_name(guest),
                 guest->faulty ? " by a fault: " : "", guest->faulty ? guest->fault : "",
                 (unsigned long long)guest->statistics.requests,
                 (unsigned long long)guest->statistics.errors);
    }
    if (guest->faulty) {
        count_fault(guest);
    }
}

static void on_worker_exit(uv_process_t *process, int64_t exit_status, int signal_number)
{
    struct guest *guest = process->data;
    struct supervisor *supervisor = guest->supervisor;
    uint64_t now_ns = clock_now_ns();

    while (read_message(guest)) { /* its last words */
    }
    judge_end(guest, exit_status, signal_number);
    if (guest->device) {
        scheduler_remove(&guest->device->scheduler, &guest->lease, now_ns);
        guest->device->sessions--;
    }
    if (guest->tenant) {
        tenant_detach(guest->tenant, guest->statistics.tokens, now_ns);
    }
    if (guest->listener) {
        guest->listener->sessions--;
        supervisor->sessions--;
    } else {
        supervisor->spare_count--;
        supervisor->spares_from_ns = now_ns + SUPERVISOR_SPARE_RETRY_NS;
    }
    LIST_REMOVE(guest, link);
    supervisor->guest_count--;
    close(guest->control);
    guest->control = -1;
    uv_close((uv_handle_t *)&guest->process, on_handle_closed);
    uv_close((uv_handle_t *)&guest->poll, on_handle_closed);
    supervisor_guest_gone(supervisor);
}

void guest_kill(struct guest *guest, const char *why)
{
    if (!guest->killed) {
        guest->killed = why;
        uv_process_kill(&guest->process, SIGKILL);
    }
}

/* ---- Start ---- */

static int spawn_process(struct guest *guest, int worker_end)
{
    char *arguments[] = {(char *)"baregpu-mediator", (char *)WORKER_ARGUMENT, NULL};
    uv_stdio_container_t stdio[WORKER_CONTROL_FD + 1] = {
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = worker_end},
    };
    uv_process_options_t options = {
        .exit_cb = on_worker_exit,
        .file = "/proc/self/exe",
        .args = arguments,
        .stdio_count = WORKER_CONTROL_FD + 1,
        .stdio = stdio,
    };

    return uv_spawn(&guest->supervisor->loop, &guest->process, &options);
}

static void on_failed_closed(uv_handle_t *handle)
{
    free(handle->data);
}

struct guest *guest_spawn(struct supervisor *supervisor)
{
    struct guest *guest = calloc(1, sizeof(*guest));
    int pair[2], result;

    if (!guest ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        log_error("no worker: %m");
        free(guest);
        return NULL;
    }
    guest->supervisor = supervisor;
    guest->control = pair[0];
    guest->process.data = guest;
    guest->poll.data = guest;
    result = spawn_process(guest, pair[1]);
    close(pair[1]);
    if (result != 0) {
        log_error("no worker: %s", uv_strerror(result));
        close(pair[0]);
        uv_close((uv_handle_t *)&guest->process, on_failed_closed);
        return NULL;
    }
    guest->open_handles = 2;
    uv_poll_init(&supervisor->loop, &guest->poll, guest->control);
    uv_poll_start(&guest->poll, UV_READABLE, on_control);
    LIST_INSERT_HEAD(&supervisor->guests, guest, link);
    supervisor->guest_count++;
    supervisor->spare_count++;
    return guest;
}

static struct guest *find_spare(struct supervisor *supervisor)
{
    struct guest *guest;

    LIST_FOREACH (guest, &supervisor->guests, link) {
        if (!guest->listener && !guest->killed) {
            return guest;
        }
    }
    return guest_spawn(supervisor);
}

static void fill_start(struct control_start *start, const struct guest *guest)
{
    const struct config_listener *config = guest->listener->config;

    start->session = guest->session;
    start->log_level = log_get_level();
    start->cuda_possible = guest->listener->cuda_possible;
    start->device = config->device;
    start->limits = config->limits;
    memcpy(start->listener, config->name, sizeof(start->listener));
}

void guest_serve(struct supervisor *supervisor, struct supervisor_listener *listener,
                 int connection, uid_t user, pid_t process)
{
    struct control_message message = {.type = CONTROL_START};
    struct guest *guest = find_spare(supervisor);

    if (!guest) {
        listener->refused++;
        close(connection);
        return;
    }
    guest->listener = listener;
    guest->session = ++supervisor->last_session;
    guest->peer_user = user;
    guest->peer_process = process;
    guest->started_ns = clock_now_ns();
    supervisor->spare_count--;
    supervisor->sessions++;
    listener->sessions++;
    listener->accepted++;
    fill_start(&message.start, guest);
    if (control_send(guest->control, &message, connection) != 0) {
        guest_kill(guest, "it took no connection");
    }
    close(connection);
    log_debug("%s: worker %d, peer process %d of user %u", guest_name(guest), guest->process.pid,
              process, user);
}

/* ---- While it runs ---- */

void guest_check(struct guest *guest)
{
    const struct control_message message = {.type = CONTROL_CHECK};

    if (!guest->listener || guest->killed) {
        return;
    }
    if (guest->checks_open >= CHECKS_OPEN_MAX) {
        guest_kill(guest, "it does not answer");
        return;
    }
    guest->checks_open++;
    send_message(guest, &message);
}

void guest_drain(struct guest *guest)
{
    const struct control_message message = {.type = CONTROL_DRAIN};

    if (guest->listener) {
        send_message(guest, &message);
    } else {
        shutdown(guest->control, SHUT_RDWR); /* a spare worker ends when its socket does */
    }
}

void guest_tell_quarantine(struct supervisor *supervisor, const struct tenant *tenant)
{
    const struct control_message message = {.type = CONTROL_QUARANTINE,
                                            .quarantined = tenant->quarantined};
    struct guest *guest;

    LIST_FOREACH (guest, &supervisor->guests, link) {
        if (guest->tenant == tenant) {
            send_message(guest, &message);
        }
    }
}
