/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * baregpu-exporter: the mediator's metrics over HTTP, in a process of its own. The mediator starts
 * it with a listening socket and a connection on which the status may be asked for, and no scraper
 * comes nearer to the mediator than this: it is asked once a second at the most, and its answer is
 * what all get. No connection lives longer than CONNECTION_NS, however little it sends or reads.
 */
#define _GNU_SOURCE 1 /* close_range */
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware/include/baregpu/version.h"
#include "host/common/clock.h"
#include "host/common/jail.h"
#include "host/common/standard_fds.h"
#include "host/exporter/exporter.h"
#include "host/exporter/metrics.h"
#include "host/smi/nvml.h"
#include "host/smi/reading.h"

#define CONNECTIONS 16u
#define CONNECTIONS_OF_HOST 8u
#define CONNECTION_MEMORY (32u << 10) /* of a request's head */
#define CONNECTION_NS (10 * NS_PER_S)
#define IDLE_S 5u /* of a connection */
#define LOOK_MS 1000
#define FRESH_NS NS_PER_S /* so long an answer is what all get */
#define ANSWER_NS (5 * NS_PER_S)
#define ANSWER_SIZE_MAX ((size_t)8 << 20) /* as of baregpu-smi */
#define ADDRESS_SPACE (UINT64_C(1) << 30)
#define DEVICES 32
#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct connection {
    int fd; /* -1: none */
    uint64_t until_ns;
};

struct xid {
    char *uuid;
    unsigned number;
};

static struct {
    char hostname[65];
    struct nvml *nvml; /* NULL: there is none */
    bool watched;      /* its devices' critical errors are waited for */
    struct xid xids[DEVICES];
    unsigned xid_count;
    char *text; /* NULL: not asked yet */
    size_t length;
    uint64_t taken_ns;
    struct connection connections[CONNECTIONS];
} exporter;

/* ---- The mediator ---- */

/* It has gone, or does not answer: it starts another one if it is there. */
__attribute__((noreturn)) static void end(const char *why)
{
    fprintf(stderr, "baregpu-exporter: %s\n", why);
    _exit(EXIT_FAILURE);
}

/* A line, without its end; its length. */
static size_t read_line(char *line)
{
    uint64_t until_ns = clock_now_ns() + ANSWER_NS, now_ns;
    struct pollfd polled = {.fd = EXPORTER_CHANNEL_FD, .events = POLLIN};
    size_t length = 0;

    while ((now_ns = clock_now_ns()) < until_ns && length < ANSWER_SIZE_MAX) {
        if (poll(&polled, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1) <= 0) {
            continue;
        }
        ssize_t received = read(EXPORTER_CHANNEL_FD, line + length, ANSWER_SIZE_MAX - length);

        if (received <= 0) {
            end("the mediator has gone");
        }
        length += (size_t)received;
        if (line[length - 1] == '\n') { /* it sends nothing behind it */
            return length - 1;
        }
    }
    end("the mediator does not answer");
}

static json_t *ask(void)
{
    static const char command[] = "{\"command\":\"status\"}\n";
    char *line = malloc(ANSWER_SIZE_MAX); /* of which the kernel gives what is used */
    json_t *answer = NULL;

    if (line == NULL || write(EXPORTER_CHANNEL_FD, command, sizeof(command) - 1) < 0) {
        end("the mediator cannot be asked");
    }
    answer = json_loadb(line, read_line(line), 0, NULL);
    free(line);
    return answer;
}

/* Of the CPU device alone processor time is known. */
static bool has_gpu(void)
{
    json_t *reading = ask();
    const json_t *devices = json_object_get(reading, "devices");
    bool found = false;

    for (size_t i = 0; i < json_array_size(devices); i++) {
        found = found || json_object_get(json_array_get(devices, i), "busy_us") == NULL;
    }
    json_decref(reading);
    return found;
}

/* ---- Critical errors ---- */

static void watch_xids(const json_t *devices)
{
    for (size_t i = 0; i < json_array_size(devices) && i < DEVICES; i++) {
        const char *uuid = json_string_value(json_object_get(json_array_get(devices, i), "uuid"));

        if (uuid != NULL && nvml_watch_xid(exporter.nvml, uuid)) {
            exporter.xids[exporter.xid_count++].uuid = strdup(uuid);
        }
    }
}

static struct xid *find_xid(const char *uuid)
{
    for (unsigned i = 0; uuid != NULL && i < exporter.xid_count; i++) {
        if (exporter.xids[i].uuid != NULL && strcmp(exporter.xids[i].uuid, uuid) == 0) {
            return &exporter.xids[i];
        }
    }
    return NULL;
}

static void take_xids(void)
{
    unsigned number;
    char *uuid;

    while ((uuid = nvml_take_xid(exporter.nvml, &number)) != NULL) {
        struct xid *xid = find_xid(uuid);

        if (xid != NULL) {
            xid->number = number;
        }
        free(uuid);
    }
}

static void add_xids(json_t *devices)
{
    if (!exporter.watched) {
        exporter.watched = true;
        watch_xids(devices);
    }
    take_xids();
    for (size_t i = 0; i < json_array_size(devices); i++) {
        json_t *device = json_array_get(devices, i);
        const struct xid *xid = find_xid(json_string_value(json_object_get(device, "uuid")));

        if (xid != NULL) {
            json_object_set_new(device, "xid", json_integer(xid->number));
        }
    }
}

/* ---- What is served ---- */

static void refresh(void)
{
    json_t *reading;

    if (exporter.text != NULL && clock_now_ns() - exporter.taken_ns < FRESH_NS) {
        return;
    }
    reading = ask();
    free(exporter.text);
    exporter.text = NULL;
    if (reading != NULL && reading_complete(reading, exporter.nvml)) {
        add_xids(json_object_get(reading, "devices"));
        exporter.text = metrics_write(reading, exporter.hostname, &exporter.length);
        exporter.taken_ns = clock_now_ns();
    }
    json_decref(reading);
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              const char *text, size_t length)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(length, (void *)text, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result;

    if (response == NULL) {
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status,
                                   const char *text)
{
    return answer(connection, status, "text/plain; charset=utf-8", text, strlen(text));
}

/* Called with the head, and then, what was sent behind it being left unread, to answer. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_size, void **seen)
{
    (void)context;
    (void)version;
    (void)data;
    (void)data_size;
    (void)seen;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET is allowed\n");
    }
    if (strcmp(url, "/metrics") != 0) {
        return answer_text(connection, MHD_HTTP_NOT_FOUND, "baregpu's metrics are at /metrics\n");
    }
    refresh();
    if (exporter.text == NULL) {
        return answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "the mediator has none\n");
    }
    return answer(connection, MHD_HTTP_OK, CONTENT_TYPE, exporter.text, exporter.length);
}

/* ---- Connections ---- */

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    bool starts = code == MHD_CONNECTION_NOTIFY_STARTED;

    (void)context;
    (void)socket_context;
    for (unsigned i = 0; i < CONNECTIONS && info != NULL; i++) {
        struct connection *place = &exporter.connections[i];

        if (place->fd == (starts ? -1 : info->connect_fd)) {
            *place = (struct connection){.fd = starts ? info->connect_fd : -1,
                                         .until_ns = clock_now_ns() + CONNECTION_NS};
            return;
        }
    }
}

/* Their ends then come as others do. */
static void end_old_connections(uint64_t now_ns)
{
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        if (exporter.connections[i].fd >= 0 && now_ns >= exporter.connections[i].until_ns) {
            shutdown(exporter.connections[i].fd, SHUT_RDWR);
        }
    }
}

static struct MHD_Daemon *start_server(void)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, on_request, NULL, MHD_OPTION_LISTEN_SOCKET,
        EXPORTER_LISTEN_FD, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, CONNECTIONS_OF_HOST, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL, MHD_OPTION_END);
}

/* Until the library, or a connection's end, wants to be seen to. */
static int get_timeout_ms(struct MHD_Daemon *server)
{
    unsigned long long timeout_ms;

    return MHD_get_timeout(server, &timeout_ms) == MHD_YES && timeout_ms < LOOK_MS ? (int)timeout_ms
                                                                                   : LOOK_MS;
}

static void serve(struct MHD_Daemon *server)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd polled[] = {{.fd = info->epoll_fd, .events = POLLIN},
                              {.fd = EXPORTER_CHANNEL_FD, .events = POLLIN}};

    for (;;) {
        poll(polled, 2, get_timeout_ms(server));
        if (polled[1].revents) { /* it says nothing by itself */
            _exit(EXIT_SUCCESS);
        }
        MHD_run(server);
        end_old_connections(clock_now_ns());
    }
}

/* ---- Start ---- */

/* With a GPU what its management library is known to open; that has been started already. */
static bool enter_jail(void)
{
    static const struct jail_path paths[] = {
        {"/dev/nvidia*", JAIL_DEVICE},
        {"/proc/self", JAIL_DATA},
        {"/proc/driver/nvidia*", JAIL_DATA},
        {"/proc/devices", JAIL_DATA},
        {"/sys/module/nvidia*/version", JAIL_DATA},
        {NULL, JAIL_DATA},
    };
    const struct jail jail = {
        .calls = JAIL_CALLS_WEB | (exporter.nvml != NULL ? JAIL_CALLS_DRIVER : 0),
        .paths = exporter.nvml != NULL ? paths : NULL,
        .descriptors = exporter.nvml != NULL ? 1024 : 64,
        .file_size = exporter.nvml != NULL ? JAIL_NO_LIMIT : 0,
        .address_space = exporter.nvml != NULL ? JAIL_NO_LIMIT : ADDRESS_SPACE,
    };
    char exposed[JAIL_TEXT_SIZE] = "";
    int result = jail_enter(&jail, exposed);

    if (exposed[0]) {
        fprintf(stderr, "baregpu-exporter is not alone: %s\n", exposed);
    }
    return result == 0;
}

static bool is_socket(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

int main(int count, char **texts)
{
    struct MHD_Daemon *server;

    if (count > 1 && strcmp(texts[1], "--version") == 0) {
        puts("baregpu-exporter " BAREGPU_VERSION);
        return EXIT_SUCCESS;
    }
    if (count > 1 || !is_socket(EXPORTER_LISTEN_FD) || !is_socket(EXPORTER_CHANNEL_FD)) {
        fputs("baregpu-exporter is started by baregpu-mediator, where its configuration has\n"
              "metrics = ADDRESS in [mediator]\n",
              stderr);
        return 2;
    }
    close_range(EXPORTER_CHANNEL_FD + 1, ~0u, 0);
    /* Where it waits for a driver it does not see the mediator go, and the next one wants the
     * address. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, EXPORTER_PROGRAM); /* it was started by a descriptor, which has no name */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* a terminal, or systemd, sends it to all: the mediator says when */
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    gethostname(exporter.hostname, sizeof(exporter.hostname) - 1);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        exporter.connections[i].fd = -1;
    }
    exporter.nvml = has_gpu() ? nvml_open() : NULL;
    server = start_server();
    if (server == NULL || !enter_jail()) {
        fprintf(stderr, "baregpu-exporter: %s: %s\n", server == NULL ? "no server" : "no jail",
                strerror(errno));
        return EXIT_FAILURE;
    }
    serve(server);
}
