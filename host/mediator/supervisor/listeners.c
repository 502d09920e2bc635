/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* accept4 */
#include "host/mediator/supervisor/listeners.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/common/clock.h"
#include "host/mediator/log.h"
#include "host/mediator/supervisor/inherited.h"
#include "host/mediator/supervisor/takeover.h"

#define ACCEPT_BATCH 16       /* then other events have their turn */
#define ACCEPTS_PER_TICK 32   /* of a listener, served or not */
#define CONNECTIONS_BURST 256 /* at once, on a listener */

/* ---- Connections ---- */

static bool user_is_allowed(const struct config_listener *config, uid_t user)
{
    if (user == 0 || user == geteuid()) {
        return true;
    }
    for (unsigned i = 0; i < config->allow_user_count; i++) {
        if (config->allow_users[i] == user) {
            return true;
        }
    }
    return false;
}

/* A peer can cause as many as it can connect: one, and how many there were. */
__attribute__((format(printf, 2, 3))) static void refuse(struct supervisor_listener *listener,
                                                         const char *format, ...)
{
    char text[256];
    va_list arguments;

    listener->refused++;
    if (!log_limit_take(&listener->refusals, clock_now_ns())) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    log_warning("listener %s: %s, connection ended", listener->config->name, text);
}

/* False after a line: it is not served. */
static bool admit(struct supervisor_listener *listener, int connection)
{
    const struct supervisor *supervisor = listener->supervisor;
    const struct config_listener *config = listener->config;
    struct guest_record *guest = NULL;
    uint64_t now_ns = clock_now_ns();
    struct peer peer;

    if (!peer_read(connection, &peer) || !user_is_allowed(config, peer.user)) {
        refuse(listener, "process %d of user %u is not allowed; allow_users can name it",
               (int)peer.process, (unsigned)peer.user);
    } else if (listener->draining) {
        refuse(listener, "an operator drains it");
    } else if ((guest = guest_record_open(&listener->guests, config, &peer, now_ns)) == NULL) {
        refuse(listener, "too many of its guests are in quarantine");
    } else if (!limiter_take(&guest->connections, now_ns)) {
        refuse(listener, "process %d of user %u connects more often than %u times a second",
               (int)peer.process, (unsigned)peer.user, config->guest_connections_per_s);
    } else if (supervisor->sessions >= supervisor->config->max_sessions) {
        refuse(listener, "all %u sessions of the mediator are in use",
               supervisor->config->max_sessions);
    } else if (listener->sessions >= config->max_sessions) {
        refuse(listener, "all its %u sessions are in use", config->max_sessions);
    } else if (!waiting_add(listener, connection, guest)) {
        refuse(listener, "no memory");
    } else {
        return true;
    }
    return false;
}

struct supervisor_listener *listeners_find(struct supervisor *supervisor,
                                           const char name[CONFIG_NAME_SIZE],
                                           enum config_listener_device device)
{
    for (unsigned i = 0; i < supervisor->config->listener_count; i++) {
        struct supervisor_listener *listener = &supervisor->listeners[i];

        if (!listener->removed && listener->config->device == device &&
            strncmp(listener->config->name, name, CONFIG_NAME_SIZE) == 0) {
            return listener;
        }
    }
    return NULL;
}

bool listeners_admit(struct supervisor *supervisor, const char *path, int connection)
{
    for (unsigned i = 0; i < supervisor->config->listener_count; i++) {
        struct supervisor_listener *listener = &supervisor->listeners[i];

        if (!listener->removed && strcmp(listener->config->path, path) == 0) {
            return admit(listener, connection);
        }
    }
    return false;
}

static void pause_listening(struct supervisor_listener *listener)
{
    listener->paused = true;
    uv_poll_stop(listener->poll);
}

/* What is too much waits in the socket, where it costs nothing, and then its peer waits, too. */
static bool may_accept(struct supervisor_listener *listener)
{
    return listener->accepting < ACCEPTS_PER_TICK &&
           (listener->connections.rate == 0 ||
            limiter_get_tokens(&listener->connections, clock_now_ns()) > 0);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct supervisor_listener *listener = poll->data;

    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        if (!may_accept(listener)) {
            pause_listening(listener);
            return;
        }
        int connection = accept4(listener->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (connection >= 0) {
            listener->accepting++;
            if (admit(listener, connection)) {
                limiter_take(&listener->connections, clock_now_ns());
            } else {
                close(connection);
            }
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            if (log_limit_take(&listener->refusals, clock_now_ns())) {
                log_error("listener %s: accept: %m", listener->config->name);
            }
            pause_listening(listener); /* the socket stays readable: do not spin */
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

static void start_listening(struct supervisor_listener *listener)
{
    listener->paused = false;
    uv_poll_start(listener->poll, UV_READABLE, on_connection);
}

/* ---- Begin and end ---- */

static bool may_use_cuda(const struct supervisor *supervisor, const struct config_listener *config)
{
    for (int pool = 0; pool < CONFIG_POOLS; pool++) {
        for (unsigned i = 0; config->pools[pool] && i < supervisor->pool_device_count[pool]; i++) {
            if (supervisor->devices[supervisor->pool_devices[pool][i]].cuda) {
                return true;
            }
        }
    }
    return false;
}

/* A bucket that is as full as it was. */
static void set_rate(struct limiter *limiter, uint32_t rate, uint64_t now_ns)
{
    limiter_init(limiter, rate, (uint32_t)limiter->burst, limiter_get_tokens(limiter, now_ns),
                 now_ns);
}

void listeners_configure(struct supervisor_listener *listener)
{
    const struct config_listener *config = listener->config;
    uint64_t now_ns = clock_now_ns();

    if (!config_has_device(listener->supervisor->config, config)) {
        log_warning("listener %s: none of its pools has a device", config->name);
    }
    listener->cuda_possible = may_use_cuda(listener->supervisor, config);
    set_rate(&listener->connections, config->connections_per_s, now_ns);
    for (unsigned i = 0; i < listener->guests.count; i++) {
        struct guest_record *guest = &listener->guests.records[i];

        set_rate(&guest->connections, config->guest_connections_per_s, now_ns);
        set_rate(&guest->starts, config->guest_connections_per_s, now_ns);
    }
}

enum mediator_exit listeners_open_socket(const struct config_listener *config,
                                         struct listener_socket *socket)
{
    if (inherited_take_listener(config->path, socket)) {
        return MEDIATOR_EXIT_OK;
    }
    switch (listener_open(socket, config->path, config->mode)) {
    case LISTENER_OK:
        return MEDIATOR_EXIT_OK;
    case LISTENER_IN_USE:
        log_error("listener %s: %s: a mediator listens there already", config->name, config->path);
        return MEDIATOR_EXIT_IN_USE;
    case LISTENER_NOT_A_SOCKET:
        log_error("listener %s: %s: there is a file that is not a socket", config->name,
                  config->path);
        return MEDIATOR_EXIT_FAILED;
    default:
        log_error("listener %s: cannot listen at %s: %m", config->name, config->path);
        return MEDIATOR_EXIT_FAILED;
    }
}

/* A slot is used again: its table's memory, too. */
static bool init_guests(struct guest_table *table)
{
    if (table->records != NULL) {
        table->count = 0;
        return true;
    }
    return guest_table_init(table) == 0;
}

bool listeners_begin(struct supervisor *supervisor, unsigned slot)
{
    struct supervisor_listener *listener = &supervisor->listeners[slot];

    listener->supervisor = supervisor;
    listener->config = &supervisor->config->listeners[slot];
    listener->poll = malloc(sizeof(*listener->poll));
    if (listener->poll == NULL || !init_guests(&listener->guests)) {
        log_error("no memory");
        free(listener->poll);
        return false;
    }
    listener->removed = listener->quarantined = listener->draining = false;
    listener->accepted = listener->refused = 0;
    listener->usage = (struct usage){0};
    listener->counts = (struct usage_counts){0};
    limiter_init(&listener->connections, listener->config->connections_per_s, CONNECTIONS_BURST,
                 CONNECTIONS_BURST, clock_now_ns());
    listeners_configure(listener);
    listener->poll->data = listener;
    uv_poll_init(&supervisor->loop, listener->poll, listener->socket.fd);
    start_listening(listener);
    takeover_store_listener(listener);
    log_info("listener %s: %s, mode %04o", listener->config->name, listener->config->path,
             (unsigned)listener->config->mode);
    return true;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void stop_listening(struct supervisor_listener *listener)
{
    uv_close((uv_handle_t *)listener->poll, on_closed);
    listener->poll = NULL;
    listener->paused = false;
}

void listeners_end(struct supervisor_listener *listener)
{
    stop_listening(listener);
    takeover_forget_listener(listener);
}

enum mediator_exit listeners_open(struct supervisor *supervisor)
{
    for (unsigned i = 0; i < supervisor->config->listener_count; i++) {
        struct supervisor_listener *listener = &supervisor->listeners[i];
        enum mediator_exit result =
            listeners_open_socket(&supervisor->config->listeners[i], &listener->socket);

        if (result != MEDIATOR_EXIT_OK) {
            return result;
        }
        if (!listeners_begin(supervisor, i)) {
            listener_close(&listener->socket);
            return MEDIATOR_EXIT_FAILED;
        }
    }
    return MEDIATOR_EXIT_OK;
}

void listeners_close(struct supervisor *supervisor)
{
    for (unsigned i = 0; i < supervisor->config->listener_count; i++) {
        struct supervisor_listener *listener = &supervisor->listeners[i];

        if (listener->socket.fd >= 0) {
            listeners_end(listener);
            listener_close(&listener->socket);
        }
    }
}

void listeners_leave(struct supervisor *supervisor)
{
    for (unsigned i = 0; i < supervisor->config->listener_count; i++) {
        struct supervisor_listener *listener = &supervisor->listeners[i];

        if (listener->stored) {
            stop_listening(listener);
            close(listener->socket.fd);
            listener->socket.fd = -1;
        }
    }
    listeners_close(supervisor);
}

/* ---- The clock ---- */

static void tell_refusals(struct supervisor_listener *listener, uint64_t now_ns)
{
    uint64_t count = log_limit_collect(&listener->refusals, now_ns);

    if (count > 0) {
        log_warning("listener %s: %llu more suppressed of connections that were ended",
                    listener->config->name, (unsigned long long)count);
    }
}

void listeners_tick(struct supervisor *supervisor, uint64_t now_ns)
{
    for (unsigned i = 0; i < supervisor->config->listener_count; i++) {
        struct supervisor_listener *listener = &supervisor->listeners[i];

        listener->accepting = 0;
        if (listener->paused) {
            start_listening(listener);
        }
        tell_refusals(listener, now_ns);
    }
}
