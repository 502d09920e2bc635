/* SPDX-License-Identifier: BSD-2-Clause */
/* What the supervisor's files share. */
#ifndef MEDIATOR_SUPERVISOR_STATE_H
#define MEDIATOR_SUPERVISOR_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "host/mediator/worker/control.h"
#include "host/common/listener.h"
#include "host/mediator/supervisor/scheduler.h"
#include "host/mediator/supervisor/supervisor.h"
#include "host/mediator/supervisor/guest_record.h"

#define SUPERVISOR_DEVICES (CONFIG_POOLS * CONFIG_POOL_DEVICES)

/* After a spare worker died or did not start, the next is tried: the reason may last. */
#define SUPERVISOR_SPARE_RETRY_NS NS_PER_S

struct supervisor;

struct supervisor_device {
    bool cuda;
    int ordinal;
    char name[24]; /* "cpu", "cuda:0" */
    unsigned sessions;
    struct scheduler scheduler;
};

struct supervisor_listener {
    struct supervisor *supervisor;
    const struct config_listener *config;
    struct listener_socket socket;
    uv_poll_t poll;
    bool cuda_possible;
    struct tenant_table tenants; /* its own: nobody's guests displace another listener's */
    bool paused; /* no descriptors left: polled again at the next tick */
    uint32_t sessions;
    uint64_t accepted, refused;
};

/* A worker process. Without a listener it is a spare one that waits for a connection. */
struct guest {
    struct supervisor *supervisor;
    LIST_ENTRY(guest) link;
    uv_process_t process;
    uv_poll_t poll;
    int control;
    int open_handles;
    struct supervisor_listener *listener;
    uint32_t session;
    uid_t peer_user;
    pid_t peer_process;
    uint64_t started_ns;
    struct tenant *tenant; /* NULL until attached */
    char pool;
    struct supervisor_device *device;
    struct scheduler_client lease;
    struct control_statistics statistics;
    unsigned attaches;    /* ATTACH messages */
    unsigned checks_open; /* CHECK messages without an answer */
    bool faulty;
    char fault[128];
    const char *killed; /* why the supervisor killed it */
};

LIST_HEAD(guest_list, guest);

struct supervisor {
    const struct config *config;
    uv_loop_t loop;
    uv_timer_t tick;
    uv_signal_t on_term, on_int;
    struct supervisor_listener listeners[CONFIG_LISTENERS];
    struct supervisor_device devices[SUPERVISOR_DEVICES];
    unsigned device_count;
    /* Indices into devices, per pool. */
    unsigned pool_devices[CONFIG_POOLS][CONFIG_POOL_DEVICES];
    unsigned pool_device_count[CONFIG_POOLS];
    struct guest_list guests;
    unsigned guest_count, spare_count;
    uint64_t spares_from_ns; /* no new spare worker before */
    uint32_t sessions, last_session;
    uint64_t started_ns, checked_ns;
    bool draining;
    uint64_t drain_until_ns;
    struct admin *admin;
};

/* worker_process.c */

/* Starts a spare worker; NULL after a log line. */
struct guest *guest_spawn(struct supervisor *supervisor);

/* Hands a connection to a worker. Takes the descriptor in every case. */
void guest_serve(struct supervisor *supervisor, struct supervisor_listener *listener,
                 int connection, uid_t user, pid_t process);

void guest_kill(struct guest *guest, const char *why);

/* Asks for statistics; kills a worker that has not answered several times. */
void guest_check(struct guest *guest);

/* Tells a worker to finish and end. */
void guest_drain(struct guest *guest);

/* Tells every session of the tenant. */
void guest_tell_quarantine(struct supervisor *supervisor, const struct tenant *tenant);

extern const struct scheduler_ops guest_scheduler_ops;

/* supervisor.c: a worker is gone. */
void supervisor_guest_gone(struct supervisor *supervisor);

/* admin.c */

struct admin;

/* NULL after a log line, with the exit status. */
struct admin *admin_open(struct supervisor *supervisor, const char *path,
                         enum mediator_exit *exit_status);
/* Every TICK_MS of supervisor.c. NULL is none. */
void admin_tick(struct admin *admin);
void admin_close(struct admin *admin);

/* A client's --status and --release: talks to a running mediator, prints, gives the exit status. */
enum mediator_exit admin_ask_status(const char *path);
enum mediator_exit admin_ask_release(const char *path, const char *listener, uint32_t vm_id);

#endif
