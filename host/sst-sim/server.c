/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/common/clock.h"
#include "host/common/listener.h"
#include "host/sst-sim/device.h"

#define LISTENERS_MAX 64
#define CONNECTIONS_MAX 256
#define INPUT_SIZE (256 * 1024)
/* A guest that does not take its answers is not given more until it has. */
#define OUTPUT_MAX (1024 * 1024)
/* Then its answers are sent, and others have their turn: a model may work long on each request. */
#define SLICE_NS (5 * NS_PER_MS)
/* While no connection can be accepted: until one may be given back by somebody else. */
#define ACCEPT_PAUSE_NS 100000000
/* Signals come in while poll waits, which it does not if somebody always has something for us. */
#define TURNS_WITHOUT_SIGNALS 64u

struct connection {
    int fd;
    struct sst_device *device;
    uint64_t slice_end_ns;
    bool has_more; /* whole messages in `input`, perhaps */
    size_t input_size;
    uint8_t input[INPUT_SIZE];
};

struct sst_server {
    struct listener_socket listeners[LISTENERS_MAX];
    const struct sst_model_ops *models[LISTENERS_MAX];
    size_t listener_count;
    struct connection *connections[CONNECTIONS_MAX];
    size_t connection_count;
    unsigned accepted;
    FILE *trace;
    bool is_old_only;
    bool is_accept_paused;
};

_Static_assert(INPUT_SIZE >= 2 * LINK_UNIT_MAX, "whole messages fit");

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("baregpu-sst-sim: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

struct sst_server *sst_server_create(const struct sst_server_options *options)
{
    struct sst_server *server = calloc(1, sizeof(*server));

    if (server == NULL) {
        say("out of memory");
        return NULL;
    }
    server->is_old_only = options->is_old_wire;
    if (options->trace_path != NULL) {
        server->trace = fopen(options->trace_path, "we");
        if (server->trace == NULL) {
            say("%s: %s", options->trace_path, strerror(errno));
            free(server);
            return NULL;
        }
    }
    return server;
}

bool sst_server_listen(struct sst_server *server, const char *path,
                       const struct sst_model_ops *model)
{
    struct listener_socket *listener = &server->listeners[server->listener_count];

    if (server->listener_count == LISTENERS_MAX) {
        say("%s: at most %d sockets", path, LISTENERS_MAX);
        return false;
    }
    if (strlen(path) >= sizeof(listener->path)) {
        say("%s: the path is too long for a socket, %zu bytes are allowed", path,
            sizeof(listener->path) - 1);
        return false;
    }
    switch (listener_open(listener, path, 0600)) {
    case LISTENER_OK:
        server->models[server->listener_count++] = model;
        return true;
    case LISTENER_IN_USE:
        say("%s: somebody listens there already", path);
        return false;
    case LISTENER_NOT_A_SOCKET:
        say("%s: this file is not a socket; it is left alone", path);
        return false;
    default:
        say("%s: %s", path, strerror(errno));
        return false;
    }
}

/* ---- Connections ---- */

static size_t waiting_output(const struct connection *connection)
{
    size_t size;

    link_output(&connection->device->link, &size);
    return size;
}

static bool slice_is_over(void *context)
{
    const struct connection *connection = context;

    return waiting_output(connection) >= OUTPUT_MAX || clock_now_ns() >= connection->slice_end_ns;
}

static void drop_connection(struct sst_server *server, size_t index, const char *why)
{
    struct connection *connection = server->connections[index];
    const struct sst_device *device = connection->device;

    say("guest %u: %s after %llu requests, %llu answers, %llu events (%llu dropped)",
        device->number, why, (unsigned long long)device->requests,
        (unsigned long long)device->answers, (unsigned long long)device->events,
        (unsigned long long)device->events_dropped);
    if (server->trace != NULL) {
        fflush(server->trace);
    }
    device_destroy(connection->device);
    close(connection->fd);
    free(connection);
    server->connections[index] = server->connections[--server->connection_count];
}

static void accept_connection(struct sst_server *server, size_t listener)
{
    const struct sst_model_ops *model = server->models[listener];
    int fd = accept4(server->listeners[listener].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct connection *connection = NULL;

    if (fd < 0) {
        server->is_accept_paused =
            errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
        return;
    }
    if (server->connection_count < CONNECTIONS_MAX) {
        connection = malloc(sizeof(*connection));
    }
    if (connection != NULL) {
        connection->fd = fd;
        connection->input_size = 0;
        connection->has_more = false;
        connection->device =
            device_create(model, ++server->accepted, server->trace, server->is_old_only);
    }
    if (connection == NULL || connection->device == NULL) {
        say("%s: a guest is refused: %s", server->listeners[listener].path,
            server->connection_count < CONNECTIONS_MAX ? "out of memory" : "too many");
        free(connection);
        close(fd);
        return;
    }
    connection->device->link.wants_pause = slice_is_over;
    connection->device->link.pause_context = connection;
    say("guest %u: connected to %s (%s)", connection->device->number,
        server->listeners[listener].path, model->name);
    server->connections[server->connection_count++] = connection;
}

/* The next three return NULL, or why the connection ends. */

static const char *write_output(struct connection *connection)
{
    struct link *link = &connection->device->link;
    size_t size;
    const uint8_t *bytes;

    while (bytes = link_output(link, &size), size > 0) {
        ssize_t sent = send(connection->fd, bytes, size, MSG_NOSIGNAL);

        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR ? NULL : strerror(errno);
        }
        link_sent(link, (size_t)sent);
    }
    return NULL;
}

static const char *read_input(struct connection *connection)
{
    ssize_t got = recv(connection->fd, connection->input + connection->input_size,
                       sizeof(connection->input) - connection->input_size, 0);

    if (got < 0) {
        return errno == EAGAIN || errno == EINTR ? NULL : strerror(errno);
    }
    if (got == 0) {
        return connection->input_size == 0 ? "gone" : "gone within a message";
    }
    connection->input_size += (size_t)got;
    connection->has_more = true;
    return NULL;
}

static const char *take_input(struct connection *connection)
{
    struct sst_device *device = connection->device;
    size_t taken;

    connection->slice_end_ns = clock_now_ns() + SLICE_NS;
    taken = device_receive(device, connection->input, connection->input_size);
    if (taken == SIZE_MAX) {
        return device->link.error;
    }
    connection->has_more = device->link.is_paused;
    connection->input_size -= taken;
    memmove(connection->input, connection->input + taken, connection->input_size);
    return write_output(connection);
}

/* Whether there is something to do without any news from the socket. */
static bool is_busy(const struct connection *connection)
{
    return connection->has_more && waiting_output(connection) < OUTPUT_MAX;
}

static const char *serve(struct connection *connection, short events)
{
    const char *why = NULL;

    if (events & (POLLOUT | POLLHUP | POLLERR)) {
        why = write_output(connection);
    }
    if (why == NULL && !connection->has_more && (events & (POLLIN | POLLHUP | POLLERR))) {
        why = read_input(connection);
    }
    if (why == NULL && is_busy(connection)) {
        why = take_input(connection);
    }
    return why;
}

/* ---- The loop ---- */

static size_t fill_polls(const struct sst_server *server, struct pollfd *polls)
{
    short accepts = server->is_accept_paused ? 0 : POLLIN;
    size_t count = 0;

    for (size_t i = 0; i < server->connection_count; i++) {
        const struct connection *connection = server->connections[i];
        size_t waiting = waiting_output(connection);
        bool reads = waiting < OUTPUT_MAX && !connection->has_more;

        polls[count++] = (struct pollfd){
            .fd = connection->fd,
            .events = (short)((waiting > 0 ? POLLOUT : 0) | (reads ? POLLIN : 0)),
        };
    }
    for (size_t i = 0; i < server->listener_count; i++) {
        polls[count++] = (struct pollfd){.fd = server->listeners[i].fd, .events = accepts};
    }
    return count;
}

/* How long to wait for news; NULL: for ever. */
static const struct timespec *poll_limit(const struct sst_server *server)
{
    static const struct timespec none, accept_pause = {.tv_nsec = ACCEPT_PAUSE_NS};

    for (size_t i = 0; i < server->connection_count; i++) {
        if (is_busy(server->connections[i])) {
            return &none;
        }
    }
    return server->is_accept_paused ? &accept_pause : NULL;
}

static void let_signals_in(const sigset_t *mask)
{
    const struct timespec none = {0};

    ppoll(NULL, 0, &none, mask);
}

int sst_server_run(struct sst_server *server, const volatile int *stop)
{
    struct pollfd polls[CONNECTIONS_MAX + LISTENERS_MAX];
    unsigned turns = 0;
    sigset_t none;

    sigemptyset(&none);
    while (!*stop) {
        size_t connections = server->connection_count;
        size_t count = fill_polls(server, polls);

        if (ppoll(polls, count, poll_limit(server), &none) < 0) {
            if (errno == EINTR) {
                continue;
            }
            say("poll: %s", strerror(errno));
            return -1;
        }
        server->is_accept_paused = false;
        if (++turns % TURNS_WITHOUT_SIGNALS == 0) {
            let_signals_in(&none);
        }
        /* From the last one on: dropping one moves only those behind it. */
        for (size_t i = connections; i-- > 0;) {
            struct connection *connection = server->connections[i];
            const char *why = polls[i].revents || is_busy(connection)
                                  ? serve(connection, polls[i].revents)
                                  : NULL;

            if (why != NULL) {
                drop_connection(server, i, why);
            }
        }
        for (size_t i = 0; i < server->listener_count; i++) {
            if (polls[connections + i].revents) {
                accept_connection(server, i);
            }
        }
    }
    return 0;
}

void sst_server_destroy(struct sst_server *server)
{
    while (server->connection_count > 0) {
        drop_connection(server, server->connection_count - 1, "closed");
    }
    for (size_t i = 0; i < server->listener_count; i++) {
        listener_close(&server->listeners[i]);
    }
    if (server->trace != NULL) {
        fclose(server->trace);
    }
    free(server);
}
