/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* accept4 */
#include "host/mediator/supervisor/admin.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/mediator/log.h"
#include "host/mediator/supervisor/admin_command.h"
#include "host/mediator/supervisor/admin_status.h"
#include "host/mediator/supervisor/state.h"

#define LINE_SIZE 1024 /* a command */
#define CLIENTS_MAX 8
/* Between a status command and its answer the workers are asked for fresh figures. */
#define STATUS_DELAY_MS 100
#define CLIENT_LIMIT_MS 5000
/* Who asks again and again is not heard so long after an answer, whatever it has asked. */
#define REST_MS 900

struct admin_client {
    struct admin *admin;
    uv_pipe_t pipe;
    uv_timer_t timer;
    uv_write_t write;
    char line[LINE_SIZE];
    size_t length;
    int open_handles;
    bool answering;
    bool kept; /* asks for the status again and again, and for nothing else */
    char *answer;
};

struct admin {
    struct supervisor *supervisor;
    struct listener_socket socket;
    uv_poll_t poll;
    unsigned clients;
    bool paused; /* no descriptors left: polled again at the next tick */
};

/* ---- Connections ---- */

static void on_client_closed(uv_handle_t *handle)
{
    struct admin_client *client = handle->data;

    if (--client->open_handles == 0) {
        client->admin->clients--;
        free(client->answer);
        free(client);
    }
}

static void close_client(struct admin_client *client)
{
    if (!uv_is_closing((uv_handle_t *)&client->pipe)) {
        uv_close((uv_handle_t *)&client->pipe, on_client_closed);
        uv_close((uv_handle_t *)&client->timer, on_client_closed);
    }
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct admin_client *client = handle->data;

    (void)suggested;
    *buffer = uv_buf_init(client->line + client->length,
                          (unsigned)(sizeof(client->line) - client->length));
}

static void on_read(uv_stream_t *stream, ssize_t received, const uv_buf_t *buffer);

static void take_next(uv_timer_t *timer)
{
    struct admin_client *client = timer->data;

    uv_read_start((uv_stream_t *)&client->pipe, on_allocate, on_read);
}

static void rest(struct admin_client *client)
{
    free(client->answer);
    client->answer = NULL;
    client->length = 0;
    client->answering = false;
    uv_timer_start(&client->timer, take_next, REST_MS, 0);
}

static void on_written(uv_write_t *request, int status)
{
    struct admin_client *client = request->data;

    if (status == 0 && client->kept) {
        rest(client);
    } else {
        close_client(client);
    }
}

static void on_client_limit(uv_timer_t *timer)
{
    close_client(timer->data);
}

static void answer(struct admin_client *client, json_t *object)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    size_t length = text != NULL ? strlen(text) : 0;
    uv_buf_t buffer;

    json_decref(object);
    client->answer = text != NULL ? realloc(text, length + 2) : NULL;
    if (client->answer == NULL) {
        free(text);
        close_client(client);
        return;
    }
    strcpy(client->answer + length, "\n");
    buffer = uv_buf_init(client->answer, (unsigned)length + 1);
    client->write.data = client;
    uv_timer_start(&client->timer, on_client_limit, CLIENT_LIMIT_MS, 0);
    if (uv_write(&client->write, (uv_stream_t *)&client->pipe, &buffer, 1, on_written) != 0) {
        close_client(client);
    }
}

static void on_status_ready(uv_timer_t *timer)
{
    struct admin_client *client = timer->data;

    answer(client, admin_describe(client->admin->supervisor));
}

static void start_status(struct admin_client *client)
{
    const struct control_message check = {.type = CONTROL_CHECK};
    struct worker_process *worker;

    LIST_FOREACH (worker, &client->admin->supervisor->workers, link) {
        if (worker->listener != NULL && worker->killed == NULL) {
            control_send(worker->control, &check, -1); /* a full socket is not this one's matter */
        }
    }
    uv_timer_start(&client->timer, on_status_ready, STATUS_DELAY_MS, 0);
}

static void take_command(struct admin_client *client)
{
    json_t *command = json_loadb(client->line, client->length, JSON_REJECT_DUPLICATES, NULL);
    const char *name = json_string_value(json_object_get(command, "command"));

    client->answering = true;
    uv_read_stop((uv_stream_t *)&client->pipe);
    if (name != NULL && strcmp(name, "status") == 0) {
        start_status(client);
    } else if (client->kept) {
        answer(client, json_pack("{ss ss}", "error", "only status may be asked for here", "code",
                                 "invalid"));
    } else {
        answer(client, admin_run(client->admin->supervisor, command));
    }
    json_decref(command);
}

static void on_read(uv_stream_t *stream, ssize_t received, const uv_buf_t *buffer)
{
    struct admin_client *client = stream->data;

    (void)buffer;
    if (received < 0) {
        close_client(client); /* ended, or a line longer than any command */
        return;
    }
    client->length += (size_t)received;
    if (memchr(client->line, '\n', client->length) != NULL && !client->answering) {
        take_command(client);
    }
}

/* The socket stays readable: do not spin. */
static void pause_on_error(struct admin *admin)
{
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        log_error("admin socket: accept: %m");
        admin->paused = true;
        uv_poll_stop(&admin->poll);
    }
}

/* Takes the descriptor; NULL without memory, and it stays the caller's. */
static struct admin_client *open_client(struct admin *admin, int fd)
{
    struct admin_client *client = calloc(1, sizeof(*client));

    if (client == NULL) {
        return NULL;
    }
    admin->clients++;
    client->admin = admin;
    client->open_handles = 2;
    client->pipe.data = client->timer.data = client;
    uv_pipe_init(&admin->supervisor->loop, &client->pipe, 0);
    uv_timer_init(&admin->supervisor->loop, &client->timer);
    uv_pipe_open(&client->pipe, fd);
    uv_read_start((uv_stream_t *)&client->pipe, on_allocate, on_read);
    return client;
}

static void on_client(uv_poll_t *poll, int status, int events)
{
    struct admin *admin = poll->data;
    struct admin_client *client;
    uid_t user;
    pid_t process;
    int fd = accept4(admin->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)status;
    (void)events;
    if (fd < 0) {
        pause_on_error(admin);
        return;
    }
    if (admin->clients >= CLIENTS_MAX || !listener_get_peer(fd, &user, &process) ||
        (user != 0 && user != geteuid()) || (client = open_client(admin, fd)) == NULL) {
        log_warning("admin connection refused");
        close(fd);
        return;
    }
    uv_timer_start(&client->timer, on_client_limit, CLIENT_LIMIT_MS, 0);
}

bool admin_serve(struct admin *admin, int fd)
{
    struct admin_client *client = open_client(admin, fd);

    if (client == NULL) {
        return false;
    }
    client->kept = true;
    return true;
}

struct admin *admin_open(struct supervisor *supervisor, const char *path,
                         enum mediator_exit *exit_status)
{
    struct admin *admin = calloc(1, sizeof(*admin));

    *exit_status = MEDIATOR_EXIT_FAILED;
    if (admin == NULL) {
        log_error("no memory");
        return NULL;
    }
    switch (listener_open(&admin->socket, path, 0600)) {
    case LISTENER_OK:
        break;
    case LISTENER_IN_USE:
        *exit_status = MEDIATOR_EXIT_IN_USE;
        /* fall through */
    default:
        log_error("admin socket %s: %s", path,
                  *exit_status == MEDIATOR_EXIT_IN_USE ? "in use" : strerror(errno));
        free(admin);
        return NULL;
    }
    admin->supervisor = supervisor;
    admin->poll.data = admin;
    uv_poll_init(&supervisor->loop, &admin->poll, admin->socket.fd);
    uv_poll_start(&admin->poll, UV_READABLE, on_client);
    *exit_status = MEDIATOR_EXIT_OK;
    return admin;
}

void admin_tick(struct admin *admin)
{
    if (admin != NULL && admin->paused) {
        admin->paused = false;
        uv_poll_start(&admin->poll, UV_READABLE, on_client);
    }
}

void admin_close(struct admin *admin)
{
    if (admin != NULL) {
        uv_poll_stop(&admin->poll);
        listener_close(&admin->socket);
        free(admin);
    }
}
