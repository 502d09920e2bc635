/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* O_PATH */
#include "host/mediator/supervisor/exporter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "host/common/address.h"
#include "host/common/clock.h"
#include "host/exporter/exporter.h"
#include "host/mediator/log.h"
#include "host/mediator/supervisor/admin.h"
#include "host/mediator/supervisor/state.h"

#define SOCKET_MODE 0660 /* of a path */
#define RETRY_NS NS_PER_S
#define LISTEN_TRIES 50 /* of 20 ms */

struct exporter {
    struct listener_socket socket; /* its path is empty for TCP */
    int program;                   /* opened while its folder could be reached */
    uv_process_t process;
    bool running;
    uint64_t from_ns; /* not started again before */
};

/* ---- Its socket and its program ---- */

static enum mediator_exit fail(const char *address, const char *why, enum mediator_exit status)
{
    log_error("metrics = %s: %s", address, why);
    return status;
}

static enum mediator_exit open_path(struct listener_socket *socket, const char *path)
{
    switch (listener_open(socket, path, SOCKET_MODE)) {
    case LISTENER_OK:
        return MEDIATOR_EXIT_OK;
    case LISTENER_IN_USE:
        return fail(path, "somebody listens there already", MEDIATOR_EXIT_IN_USE);
    case LISTENER_NOT_A_SOCKET:
        return fail(path, "there is a file that is not a socket", MEDIATOR_EXIT_FAILED);
    default:
        return fail(path, strerror(errno), MEDIATOR_EXIT_FAILED);
    }
}

/* The exporter of a mediator that has just ended may have it for a moment. */
static int listen_at(const struct address *address)
{
    const struct timespec pause = {.tv_nsec = 20 * NS_PER_MS};
    int fd = address_listen(address);

    for (unsigned i = 0; fd < 0 && errno == EADDRINUSE && i < LISTEN_TRIES; i++) {
        nanosleep(&pause, NULL);
        fd = address_listen(address);
    }
    return fd;
}

static enum mediator_exit open_socket(struct exporter *exporter, const char *text)
{
    struct address address;

    if (!address_parse(text, &address)) {
        return fail(text, "no address", MEDIATOR_EXIT_USAGE);
    }
    if (address.socket.ss_family == AF_UNIX) {
        return open_path(&exporter->socket, text);
    }
    exporter->socket.fd = listen_at(&address);
    if (exporter->socket.fd < 0) {
        return fail(text, strerror(errno),
                    errno == EADDRINUSE ? MEDIATOR_EXIT_IN_USE : MEDIATOR_EXIT_FAILED);
    }
    return MEDIATOR_EXIT_OK;
}

/* Beside this program. -1 with errno. */
static int open_program(char path[PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof(EXPORTER_PROGRAM));

    if (length < 0) {
        return -1;
    }
    path[length] = '\0';
    strcpy(strrchr(path, '/') + 1, EXPORTER_PROGRAM);
    return open(path, O_PATH | O_CLOEXEC);
}

enum mediator_exit exporter_open(struct supervisor *supervisor)
{
    const char *address = supervisor->config->metrics;
    struct exporter *exporter;
    enum mediator_exit result;
    char path[PATH_MAX] = "";

    if (!address[0]) {
        return MEDIATOR_EXIT_OK;
    }
    exporter = supervisor->exporter = calloc(1, sizeof(*exporter));
    if (exporter == NULL) {
        return fail(address, "no memory", MEDIATOR_EXIT_FAILED);
    }
    exporter->socket.fd = -1;
    exporter->program = open_program(path);
    if (exporter->program < 0) {
        log_error("%s: %m", path);
        return MEDIATOR_EXIT_FAILED;
    }
    result = open_socket(exporter, address);
    if (result == MEDIATOR_EXIT_OK) {
        log_info("metrics: %s", address);
    }
    return result;
}

void exporter_close(struct supervisor *supervisor)
{
    struct exporter *exporter = supervisor->exporter;

    if (exporter != NULL && exporter->socket.path[0]) {
        listener_close(&exporter->socket);
    }
}

/* ---- Its process ---- */

static void on_closed(uv_handle_t *handle)
{
    struct exporter *exporter = handle->data;

    exporter->running = false;
}

static void on_exit_of_it(uv_process_t *process, int64_t status, int signal_number)
{
    struct exporter *exporter = process->data;

    exporter->from_ns = clock_now_ns() + RETRY_NS;
    if (signal_number != 0) {
        log_warning("the exporter of metrics was ended by signal %d; it is started again",
                    signal_number);
    } else {
        log_warning("the exporter of metrics ended with status %d; it is started again",
                    (int)status);
    }
    uv_close((uv_handle_t *)process, on_closed);
}

/* A libuv error. */
static int spawn(struct supervisor *supervisor, struct exporter *exporter, int channel)
{
    char file[32], *arguments[] = {(char *)EXPORTER_PROGRAM, NULL};
    uv_stdio_container_t files[EXPORTER_CHANNEL_FD + 1] = {
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
        [EXPORTER_LISTEN_FD] = {.flags = UV_INHERIT_FD, .data.fd = exporter->socket.fd},
        [EXPORTER_CHANNEL_FD] = {.flags = UV_INHERIT_FD, .data.fd = channel}};
    const uv_process_options_t options = {.exit_cb = on_exit_of_it,
                                          .file = file,
                                          .args = arguments,
                                          .stdio_count = EXPORTER_CHANNEL_FD + 1,
                                          .stdio = files};

    snprintf(file, sizeof(file), "/proc/self/fd/%d", exporter->program);
    exporter->process.data = exporter;
    return uv_spawn(&supervisor->loop, &exporter->process, &options);
}

static void start(struct supervisor *supervisor, struct exporter *exporter)
{
    int pair[2], result;

    exporter->from_ns = clock_now_ns() + RETRY_NS;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        log_error("the exporter of metrics: %m");
        return;
    }
    exporter->running = true;
    result = spawn(supervisor, exporter, pair[1]);
    close(pair[1]);
    if (result != 0) {
        log_error("the exporter of metrics does not start: %s", uv_strerror(result));
        uv_close((uv_handle_t *)&exporter->process, on_closed);
    }
    if (result != 0 || !admin_serve(supervisor->admin, pair[0])) {
        close(pair[0]); /* it ends, and is started again */
    }
}

void exporter_tick(struct supervisor *supervisor, uint64_t now_ns)
{
    struct exporter *exporter = supervisor->exporter;

    if (exporter != NULL && !exporter->running && !supervisor->draining &&
        now_ns >= exporter->from_ns) {
        start(supervisor, exporter);
    }
}
