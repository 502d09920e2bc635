/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* accept4 */
#include "host/mediator/supervisor/admin.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/common/clock.h"
#include "host/mediator/log.h"
#include "host/mediator/supervisor/worker_process.h"
#include "host/mediator/version.h"

#define LINE_SIZE 1024 /* a command */
#define CLIENTS_MAX 8
/* Between a status command and its answer the workers are asked for fresh figures. */
#define STATUS_DELAY_MS 100
#define CLIENT_LIMIT_MS 5000

struct admin_client {
    struct admin *admin;
    uv_pipe_t pipe;
    uv_timer_t timer;
    uv_write_t write;
    char line[LINE_SIZE];
    size_t length;
    int open_handles;
    bool answering;
    char *answer;
};

struct admin {
    struct supervisor *supervisor;
    struct listener_socket socket;
    uv_poll_t poll;
    unsigned clients;
    bool paused; /* no descriptors left: polled again at the next tick */
};

/* ---- Answers ---- */

static json_t *describe_session(const struct worker_process *worker)
{
    char pool[2] = {worker->pool, '\0'};
    static const char *const leases[] = {
        [SCHEDULER_IDLE] = "none", [SCHEDULER_WAITING] = "waiting", [SCHEDULER_HOLDING] = "held"};
    json_t *object = json_pack(
        "{si ss si si si sI sI sI si ss sI}", "session", (int)worker->session, "listener",
        worker->listener->config->name, "worker_pid", (int)worker->pid, "peer_pid",
        (int)worker->guest->peer.process, "peer_uid", (int)worker->guest->peer.user, "requests",
        (json_int_t)worker->statistics.requests, "errors", (json_int_t)worker->statistics.errors,
        "memory_used", (json_int_t)worker->statistics.memory_used, "queued",
        (int)worker->statistics.queued, "lease", leases[worker->lease.state], "device_us",
        (json_int_t)(worker->lease.charged_ns / NS_PER_US));
    if (worker->attached) {
        json_object_set_new(object, "vm_id", json_integer(worker->vm_id));
    }
    if (worker->device != NULL) {
        json_object_set_new(object, "pool", json_string(pool));
        json_object_set_new(object, "device", json_string(worker->device->name));
    }
    return object;
}

static json_t *describe_devices(const struct supervisor *supervisor)
{
    json_t *devices = json_array();

    for (unsigned i = 0; i < supervisor->device_count; i++) {
        const struct supervisor_device *device = &supervisor->devices[i];
        const struct probe *probe = supervisor_probe_of(supervisor, device);

        json_array_append_new(devices,
                              json_pack("{ss ss ss si si si si}", "name", device->name, "model",
                                        probe->names[device->ordinal % PROBE_DEVICES], "driver",
                                        probe->path, "cuda_version", probe->version, "sessions",
                                        (int)device->sessions, "room", (int)device->scheduler.room,
                                        "waiting", (int)device->scheduler.waiting));
    }
    return devices;
}

/* null where nothing draws. */
static json_t *describe_drawing(const struct probe *vulkan)
{
    return vulkan->count == 0 ? json_null()
                              : json_pack("{ss ss si}", "model", vulkan->names[0], "driver",
                                          vulkan->path, "vulkan_version", vulkan->version);
}

static json_t *describe_listeners(const struct supervisor *supervisor)
{
    json_t *listeners = json_array();

    for (unsigned i = 0; i < supervisor->config->listener_count; i++) {
        const struct supervisor_listener *listener = &supervisor->listeners[i];

        json_array_append_new(
            listeners,
            json_pack("{ss ss ss sb si sI sI}", "name", listener->config->name, "path",
                      listener->config->path, "device",
                      listener->config->device == CONFIG_LISTENER_PVGPU ? "pvgpu" : "vgpu-stub",
                      "draws", (int)listener->draws, "sessions", (int)listener->sessions,
                      "accepted", (json_int_t)listener->accepted, "refused",
                      (json_int_t)listener->refused));
    }
    return listeners;
}

static void append_guests(json_t *guests, const struct guest_table *table)
{
    for (unsigned i = 0; i < table->count; i++) {
        const struct guest_record *guest = &table->records[i];

        if (guest->fault_count > 0 || guest->quarantined) {
            json_array_append_new(
                guests, json_pack("{ss sI si si si sb}", "listener", guest->listener->name, "vm_id",
                                  (json_int_t)guest->vm_id, "peer_pid", (int)guest->peer.process,
                                  "peer_uid", (int)guest->peer.user, "faults",
                                  (int)guest->fault_count, "quarantined", (int)guest->quarantined));
        }
    }
}

static json_t *describe_guests(const struct supervisor *supervisor)
{
    json_t *guests = json_array();

    for (unsigned i = 0; i < supervisor->config->listener_count; i++) {
        append_guests(guests, &supervisor->listeners[i].guests);
    }
    return guests;
}

static json_t *describe(const struct supervisor *supervisor)
{
    json_t *sessions = json_array();
    struct worker_process *worker;

    LIST_FOREACH (worker, &supervisor->workers, link) {
        if (worker->listener != NULL) {
            json_array_insert_new(sessions, 0, describe_session(worker));
        }
    }
    return json_pack(
        "{ss si sI sb so so so so so}", "version", MEDIATOR_VERSION, "pid", (int)getpid(),
        "uptime_ms", (json_int_t)((clock_now_ns() - supervisor->started_ns) / NS_PER_MS),
        "draining", (int)supervisor->draining, "devices", describe_devices(supervisor), "drawing",
        describe_drawing(&supervisor->vulkan), "listeners", describe_listeners(supervisor),
        "sessions", sessions, "faults", describe_guests(supervisor));
}

/* All that call themselves so; how many were in quarantine. */
static unsigned release_guests(struct supervisor *supervisor, struct guest_table *table,
                               uint32_t vm_id)
{
    unsigned released = 0;

    for (unsigned i = 0; i < table->count; i++) {
        struct guest_record *guest = &table->records[i];

        if (guest->vm_id == vm_id && guest_record_release(guest)) {
            released++;
            log_info("listener %s, vm %u: released from quarantine (process %d of user %u)",
                     guest->listener->name, vm_id, (int)guest->peer.process,
                     (unsigned)guest->peer.user);
            worker_process_tell_quarantine(supervisor, guest);
        }
    }
    return released;
}

static json_t *release(struct supervisor *supervisor, json_t *command)
{
    const char *name = NULL;
    json_int_t vm_id = -1;
    unsigned released = 0;

    if (json_unpack(command, "{ss sI}", "listener", &name, "vm_id", &vm_id) != 0 || vm_id < 0 ||
        vm_id > UINT32_MAX) {
        return json_pack("{ss}", "error", "release needs listener and vm_id");
    }
    for (unsigned i = 0; i < supervisor->config->listener_count; i++) {
        if (strcmp(supervisor->config->listeners[i].name, name) == 0) {
            released +=
                release_guests(supervisor, &supervisor->listeners[i].guests, (uint32_t)vm_id);
        }
    }
    if (released == 0) {
        return json_pack("{ss}", "error", "no such guest is in quarantine");
    }
    return json_pack("{sb}", "released", 1);
}

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

static void on_written(uv_write_t *request, int status)
{
    (void)status;
    close_client(request->data);
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

    answer(client, describe(client->admin->supervisor));
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
    } else if (name != NULL && strcmp(name, "release") == 0) {
        answer(client, release(client->admin->supervisor, command));
    } else {
        answer(client, json_pack("{ss}", "error", "the commands are status and release"));
    }
    json_decref(command);
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct admin_client *client = handle->data;

    (void)suggested;
    *buffer = uv_buf_init(client->line + client->length,
                          (unsigned)(sizeof(client->line) - client->length));
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
    client = calloc(1, sizeof(*client));
    if (client == NULL || admin->clients >= CLIENTS_MAX ||
        !listener_get_peer(fd, &user, &process) || (user != 0 && user != geteuid())) {
        log_warning("admin connection refused");
        free(client);
        close(fd);
        return;
    }
    admin->clients++;
    client->admin = admin;
    client->open_handles = 2;
    client->pipe.data = client->timer.data = client;
    uv_pipe_init(&admin->supervisor->loop, &client->pipe, 0);
    uv_timer_init(&admin->supervisor->loop, &client->timer);
    uv_pipe_open(&client->pipe, fd);
    uv_timer_start(&client->timer, on_client_limit, CLIENT_LIMIT_MS, 0);
    uv_read_start((uv_stream_t *)&client->pipe, on_allocate, on_read);
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
