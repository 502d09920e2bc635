/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/admin_client.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/common/clock.h"
#include "host/common/listener.h"

#define ANSWER_LIMIT_MS 5000u             /* from the connection to the last byte */
#define ANSWER_SIZE_MAX ((size_t)8 << 20) /* 4096 sessions need a quarter of it */

static void complain(const char *path, const char *what, const char *more)
{
    fprintf(stderr, "%s: %s: %s%s\n", program_invocation_short_name, path, what, more);
}

/* Nobody else can have put a socket there. */
static bool directory_belongs_to(const char *path, uid_t user)
{
    char directory[sizeof(((struct sockaddr_un *)0)->sun_path)];
    struct stat status;
    char *slash;

    snprintf(directory, sizeof(directory), "%s", path);
    slash = strrchr(directory, '/');
    if (slash == NULL) {
        return false;
    }
    slash[slash == directory] = '\0';
    return stat(directory, &status) == 0 && (status.st_uid == user || status.st_uid == 0) &&
           (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Anyone can listen at a path in /tmp: root, this user, or whom the directory says. */
static bool is_mediator(const char *path, int fd)
{
    pid_t process;
    uid_t user;
    char text[32];

    if (!listener_get_peer(fd, &user, &process)) {
        complain(path, "who answers is not known: ", strerror(errno));
        return false;
    }
    if (user == 0 || user == geteuid() || directory_belongs_to(path, user)) {
        return true;
    }
    snprintf(text, sizeof(text), "%u", (unsigned)user);
    complain(path,
             "no mediator of root or this user answers there, and the directory is not its own; a "
             "process listens there of user ",
             text);
    return false;
}

/* There is none, or one that ends, or has too many clients: then a connection ends at any moment.
 */
static void tell_unanswered(const char *path, int error, enum mediator_exit *status)
{
    if (error == EACCES || error == EPERM) {
        *status = MEDIATOR_EXIT_DENIED;
        complain(path, "only root and the mediator's own user may ask it: ", strerror(error));
        return;
    }
    fprintf(stderr,
            "%s: no mediator answers at %s: %s; --admin-socket or --config say where another one "
            "is\n",
            program_invocation_short_name, path, strerror(error));
}

static int connect_to(const char *path, enum mediator_exit *status)
{
    const struct timeval limit = {.tv_sec = ANSWER_LIMIT_MS / 1000};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)); /* of connect(), too */
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
        if (is_mediator(path, fd)) {
            return fd;
        }
    } else {
        tell_unanswered(path, errno, status);
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

/* All of the answer; NULL after a message. */
static char *read_answer(const char *path, int fd, size_t *length, enum mediator_exit *status)
{
    uint64_t until_ns = clock_now_ns() + ANSWER_LIMIT_MS * NS_PER_MS;
    char *text = malloc(ANSWER_SIZE_MAX); /* of which the kernel gives what is used */
    const char *wrong = "no memory";
    int error = 0;

    *length = 0;
    while (text != NULL) {
        uint64_t now_ns = clock_now_ns();
        struct pollfd polled = {.fd = fd, .events = POLLIN};
        ssize_t received = 0;

        if (now_ns >= until_ns) {
            wrong = "no answer, or not all of it, in 5 seconds";
            break;
        }
        if (poll(&polled, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1) <= 0) {
            continue;
        }
        received = recv(fd, text + *length, ANSWER_SIZE_MAX - *length, MSG_DONTWAIT);
        if (received == 0 && *length > 0) {
            return text;
        }
        if (received == 0 || (received < 0 && errno != EAGAIN && errno != EINTR)) {
            error = received == 0 ? ECONNRESET : errno;
            break;
        }
        *length += received > 0 ? (size_t)received : 0;
        if (*length == ANSWER_SIZE_MAX) {
            wrong = "the answer is longer than any of a mediator";
            break;
        }
    }
    if (error != 0) {
        tell_unanswered(path, error, status);
    } else {
        complain(path, wrong, "");
    }
    free(text);
    return NULL;
}

/* False after a message. */
static bool send_line(const char *path, int fd, const char *text, enum mediator_exit *status)
{
    size_t length = strlen(text);

    if (send(fd, text, length, MSG_NOSIGNAL) == (ssize_t)length &&
        send(fd, "\n", 1, MSG_NOSIGNAL) == 1) {
        return true;
    }
    tell_unanswered(path, errno, status);
    return false;
}

/* NULL after a message. Takes the command. */
static json_t *ask(const char *path, json_t *command, enum mediator_exit *status)
{
    char *text = json_dumps(command, JSON_COMPACT), *bytes = NULL;
    json_t *answer = NULL;
    size_t length;
    int fd = connect_to(path, status);

    json_decref(command);
    if (fd >= 0 && text != NULL && send_line(path, fd, text, status)) {
        bytes = read_answer(path, fd, &length, status);
    }
    if (bytes != NULL) {
        answer = json_loadb(bytes, length, 0, NULL);
        if (answer == NULL) {
            complain(path, "no answer of a mediator", "");
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    free(bytes);
    free(text);
    return answer;
}

/* In JSON's own escapes: a terminal shall not take it for commands. A text's quotes are left out.
 */
static enum mediator_exit tell_error(json_t *answer)
{
    const char *code = json_string_value(json_object_get(answer, "code"));
    json_t *error = json_object_get(answer, "error");
    char *text = json_dumps(error, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    int quote = json_is_string(error) ? 1 : 0;

    if (text != NULL) {
        fprintf(stderr, "%s: %.*s\n", program_invocation_short_name, (int)strlen(text) - 2 * quote,
                text + quote);
    }
    free(text);
    return code != NULL && strcmp(code, "not_found") == 0 ? MEDIATOR_EXIT_NOT_FOUND
                                                          : MEDIATOR_EXIT_FAILED;
}

json_t *admin_client_ask(const char *path, json_t *command, enum mediator_exit *status)
{
    json_t *answer;

    *status = MEDIATOR_EXIT_NOT_RUNNING;
    answer = ask(path, command, status);
    if (answer != NULL && json_object_get(answer, "error") != NULL) {
        *status = tell_error(answer);
        json_decref(answer);
        return NULL;
    }
    if (answer != NULL) {
        *status = MEDIATOR_EXIT_OK;
    }
    return answer;
}

bool admin_client_read_guest(char *text, struct admin_client_guest *guest)
{
    char *colon = strchr(text, ':'), *end;
    unsigned long vm_id;

    *guest = (struct admin_client_guest){.listener = text};
    if (colon == NULL) {
        return text[0] != '\0';
    }
    errno = 0;
    vm_id = strtoul(colon + 1, &end, 10);
    if (colon == text || colon[1] < '0' || colon[1] > '9' || *end || errno || vm_id > UINT32_MAX) {
        return false;
    }
    *colon = '\0';
    guest->has_vm_id = true;
    guest->vm_id = (uint32_t)vm_id;
    return true;
}

json_t *admin_client_tell(const char *path, const char *command,
                          const struct admin_client_guest *guest, enum mediator_exit *status)
{
    json_t *object = json_pack("{ss ss}", "command", command, "listener", guest->listener);

    if (guest->has_vm_id) {
        json_object_set_new(object, "vm_id", json_integer(guest->vm_id));
    }
    return admin_client_ask(path, object, status);
}
