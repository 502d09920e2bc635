/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/supervisor/admin_client.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_LIMIT_S 10

static int connect_to(const char *path)
{
    const struct timeval limit = {.tv_sec = ANSWER_LIMIT_S};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
        return fd;
    }
    fprintf(stderr,
            "baregpu-mediator: no mediator answers at %s: %s; --socket, --admin-socket or "
            "--config say where another one is\n",
            path, strerror(errno));
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

/* NULL after a message. Takes the command. */
static json_t *ask(const char *path, json_t *command)
{
    char *text = json_dumps(command, JSON_COMPACT);
    json_t *answer = NULL;
    json_error_t error;
    int fd = connect_to(path);

    json_decref(command);
    if (fd >= 0 && text != NULL && dprintf(fd, "%s\n", text) > 0) {
        answer = json_loadfd(fd, JSON_DISABLE_EOF_CHECK, &error);
        if (answer == NULL) {
            fprintf(stderr, "baregpu-mediator: %s: no answer (%s)\n", path, error.text);
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    free(text);
    return answer;
}

static bool print_error(json_t *answer)
{
    const char *error = json_string_value(json_object_get(answer, "error"));

    if (error != NULL) {
        fprintf(stderr, "baregpu-mediator: %s\n", error);
    }
    return error != NULL;
}

enum mediator_exit admin_client_status(const char *path)
{
    json_t *answer = ask(path, json_pack("{ss}", "command", "status"));
    enum mediator_exit result = MEDIATOR_EXIT_OK;

    if (answer == NULL) {
        return MEDIATOR_EXIT_NOT_RUNNING;
    }
    if (print_error(answer) || json_dumpf(answer, stdout, JSON_INDENT(2)) != 0 || puts("") < 0) {
        result = MEDIATOR_EXIT_FAILED;
    }
    json_decref(answer);
    return result;
}

enum mediator_exit admin_client_release(const char *path, const char *listener, uint32_t vm_id)
{
    json_t *answer = ask(path, json_pack("{ss ss sI}", "command", "release", "listener", listener,
                                         "vm_id", (json_int_t)vm_id));
    enum mediator_exit result = MEDIATOR_EXIT_OK;

    if (answer == NULL) {
        return MEDIATOR_EXIT_NOT_RUNNING;
    }
    if (print_error(answer)) {
        result = MEDIATOR_EXIT_NOT_FOUND;
    }
    json_decref(answer);
    return result;
}
