/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections that have no worker yet. One gets its worker when its peer has sent something and its
 * guest has not had too many workers lately; until then it is a descriptor, and if its peer leaves
 * it never was more. Each counts as a session.
 */
#ifndef MEDIATOR_WAITING_H
#define MEDIATOR_WAITING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

struct guest_record;
struct supervisor;
struct supervisor_listener;

struct waiting_connection {
    TAILQ_ENTRY(waiting_connection) link;
    uv_poll_t poll;
    int connection;
    struct supervisor_listener *listener;
    struct guest_record *guest;
    uint32_t tokens;
    uint64_t since_ns; /* it has spoken; before that: it was accepted */
    bool spoke;
    bool due; /* the next worker is its own */
};

TAILQ_HEAD(waiting_connections, waiting_connection);

/* Takes a connection; false, and it stays the caller's, without memory. */
bool waiting_add(struct supervisor_listener *listener, int connection, struct guest_record *guest);

/* The next one that is to have a worker, or NULL. Its connection and its session are the caller's,
 * the rest is there until the loop goes on. */
struct waiting_connection *waiting_take(struct supervisor *supervisor);

/* Looks whose time has come, of all that wait: worker_process_serve is the caller's to call. */
void waiting_tick(struct supervisor *supervisor, uint64_t now_ns);

/* There are no workers: those that are to have one are told so, and closed. */
void waiting_refuse_due(struct supervisor *supervisor);

/* This mediator ends: all are told so, and closed. */
void waiting_refuse_all(struct supervisor *supervisor);

/* This mediator ends: all are stored for the next one (takeover.h), and closed here. */
void waiting_leave(struct supervisor *supervisor);

#endif
