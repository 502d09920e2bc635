/* SPDX-License-Identifier: BSD-2-Clause */
/* What the supervisor's files share: one supervisor, its listeners, its devices, its workers. */
#ifndef MEDIATOR_SUPERVISOR_STATE_H
#define MEDIATOR_SUPERVISOR_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "host/common/listener.h"
#include "host/mediator/supervisor/guest_record.h"
#include "host/mediator/supervisor/nursery.h"
#include "host/mediator/supervisor/probe.h"
#include "host/mediator/worker/device.h"
#include "host/mediator/supervisor/scheduler.h"
#include "host/mediator/supervisor/usage.h"
#include "host/mediator/supervisor/waiting.h"
#include "host/mediator/worker/control.h"

#define SUPERVISOR_DEVICES GUEST_RECORD_DEVICES

struct supervisor;
struct supervisor_options;

struct supervisor_device {
    bool cuda;
    int ordinal;
    char name[24]; /* "cpu", "cuda:0" */
    unsigned sessions;
    struct scheduler scheduler;
    struct scheduler_account tenants[CONFIG_LISTENERS]; /* as the supervisor's listeners */
    struct usage usage;
};

struct supervisor_listener {
    struct supervisor *supervisor;
    const struct config_listener *config;
    struct listener_socket socket;
    uv_poll_t *poll; /* NULL: accepts nothing */
    bool stored;     /* with systemd */
    bool removed;    /* from the configuration: its slot is free when its sessions have ended */
    bool cuda_possible;
    struct guest_table guests; /* its own: nobody's guests displace another listener's */
    struct limiter connections;
    struct log_limit refusals; /* lines about connections that are not served */
    bool paused; /* polled again at the next tick: no descriptors are left, or it is enough */
    unsigned accepting; /* connections taken since the last tick */
    uint32_t sessions;
    uint64_t accepted, refused;
    struct usage usage;
    struct usage_counts counts;
    bool quarantined, draining; /* an operator said so: all its guests are, no more are served */
};

#define WORKER_LOG_SIZE 1024u /* a line */

/* The reading end of a worker's standard error. */
struct worker_log {
    int fd;
    uv_poll_t poll;
    bool paused; /* its guest has said enough for now */
    size_t length;
    char bytes[WORKER_LOG_SIZE];
};

/* A worker process; with a listener it serves a session, without it waits for one as a spare. */
struct worker_process {
    struct supervisor *supervisor;
    LIST_ENTRY(worker_process) link;
    pid_t pid;
    unsigned slot; /* the nursery's */
    int pidfd;
    uv_poll_t exit;
    uv_poll_t poll;
    int control;
    struct worker_log log;
    int open_handles;
    struct supervisor_listener *listener;
    uint32_t session;
    struct control_start start; /* what it was told, with a listener */
    struct guest_record *guest; /* NULL without a listener */
    uint32_t tokens;            /* of its rate limit, that it was given */
    bool attached;
    bool opened;    /* OPEN was answered */
    uint32_t vm_id; /* when attached: what it says it is called */
    char pool;
    struct supervisor_device *device;
    struct scheduler_client lease;
    uint64_t told_ns,
        told_used_ns; /* that it ends: when, and what it had used of the device then */
    struct control_statistics statistics;
    bool has_statistics;  /* they came once */
    uint64_t used_ns;     /* usage.h: processor time that is counted, */
    struct usage usage;   /* and what of it is the session's */
    unsigned attaches;    /* ATTACH messages */
    unsigned checks_open; /* CHECK messages without an answer */
    bool adopted;         /* another supervisor's child */
    bool resuming;        /* and it has not said yet how things stand */
    bool detached;        /* it said that all is well at its end */
    bool blameless;       /* what it was killed for is not its guest's fault */
    bool faulty;
    char fault[128];
    const char *killed; /* why the supervisor killed it */
};

LIST_HEAD(worker_process_list, worker_process);

struct supervisor {
    struct config *config;
    const struct supervisor_options *options;
    uv_loop_t loop;
    uv_timer_t tick;
    uv_signal_t on_term, on_int, on_hup;
    struct supervisor_listener listeners[CONFIG_LISTENERS];
    struct supervisor_device devices[SUPERVISOR_DEVICES];
    unsigned device_count;
    int device_folder;      /* the CPU's, for processes of other users; -1: there is none */
    struct probe cuda, cpu; /* what their drivers have; the CPU's, if a pool is on it */
    struct probe vulkan;    /* the device that draws, if a listener's guests may */
    char vulkan_name[sizeof(DEVICE_VULKAN) + CONFIG_VULKAN_DEVICE_SIZE]; /* to workers */
    /* Indices into devices, per pool. */
    unsigned pool_devices[CONFIG_POOLS][CONFIG_POOL_DEVICES];
    unsigned pool_device_count[CONFIG_POOLS];
    struct worker_process_list workers;
    unsigned worker_count, spare_count;
    struct nursery *nursery;
    struct cgroup *cgroup; /* NULL: workers have none */
    unsigned starting;     /* wanted of the nursery */
    struct waiting_connections waiting;
    unsigned due_count;        /* of them, that the next workers are for */
    struct log_limit failures; /* lines about workers that do not start */
    uint64_t spares_from_ns;   /* no new spare worker before */
    uint32_t sessions, last_session;
    uint64_t started_ns, checked_ns, quarantines_ns, usage_ns;
    bool draining;
    bool exposed; /* the log has it that workers get no namespaces */
    uint64_t drain_until_ns;
    struct admin *admin;
    struct exporter *exporter; /* NULL: no metrics */
    void (*on_worker_gone)(struct supervisor *supervisor);
};

/* Whether its guests draw: they are to, and something can. */
static inline bool supervisor_draws(const struct supervisor_listener *listener)
{
    return listener->supervisor->vulkan.count > 0 && config_wants_drawing(listener->config);
}

/* Its place is the next one's. */
static inline void supervisor_end_session(struct supervisor_listener *listener)
{
    listener->sessions--;
    listener->supervisor->sessions--;
}

static inline const struct probe *supervisor_probe_of(const struct supervisor *supervisor,
                                                      const struct supervisor_device *device)
{
    return device->cuda ? &supervisor->cuda : &supervisor->cpu;
}

#endif
