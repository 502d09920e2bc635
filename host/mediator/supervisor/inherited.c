/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/supervisor/inherited.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/mediator/log.h"
#include "host/mediator/supervisor/notify.h"

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */

struct inherited {
    char *name;
    int fd;
    bool taken; /* or closed */
};

static struct inherited *inherited;
static unsigned inherited_count;

/* Whether they are this process's, and not those of the one that started it. */
static unsigned count_descriptors(void)
{
    const char *process = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");

    if (process == NULL || count == NULL || atoi(process) != (int)getpid()) {
        return 0;
    }
    return (unsigned)strtoul(count, NULL, 10);
}

void inherited_read(void)
{
    unsigned count = count_descriptors();
    char *names = getenv("LISTEN_FDNAMES");
    char *rest = names = strdup(names != NULL ? names : "");

    inherited = names != NULL ? calloc(count, sizeof(*inherited)) : NULL;
    for (unsigned i = 0; inherited != NULL && i < count; i++) {
        const char *name = strsep(&rest, ":");
        int fd = FIRST_FD + (int)i;

        if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) {
            char *copy = strdup(name != NULL ? name : "");

            inherited[inherited_count++] =
                (struct inherited){.fd = fd, .name = copy, .taken = copy == NULL};
        }
    }
    free(names);
    unsetenv("LISTEN_PID"); /* no child's */
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
}

void inherited_read_path(int fd, char path[INHERITED_PATH_SIZE])
{
    struct sockaddr_un address = {0};
    socklen_t size = sizeof(address) - 1; /* so that the path ends */

    path[0] = '\0';
    if (getsockname(fd, (struct sockaddr *)&address, &size) == 0 && address.sun_family == AF_UNIX) {
        strcpy(path, address.sun_path);
    }
}

static bool is_listening(int fd)
{
    int listens = 0;
    socklen_t length = sizeof(listens);

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens != 0;
}

static bool listens_at(int fd, const char *path)
{
    char own[INHERITED_PATH_SIZE];

    inherited_read_path(fd, own);
    return is_listening(fd) && strcmp(own, path) == 0;
}

static int take(struct inherited *entry)
{
    entry->taken = true;
    return entry->fd;
}

void inherited_fill(struct listener_socket *socket, int fd)
{
    struct stat status;

    *socket = (struct listener_socket){.fd = fd};
    inherited_read_path(fd, socket->path);
    if (lstat(socket->path, &status) == 0 && S_ISSOCK(status.st_mode)) {
        socket->device = status.st_dev;
        socket->inode = status.st_ino;
    }
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

bool inherited_take_listener(const char *path, struct listener_socket *socket)
{
    for (unsigned i = 0; i < inherited_count; i++) {
        struct inherited *entry = &inherited[i];

        if (!entry->taken && listens_at(entry->fd, path)) {
            bool is_own = strncmp(entry->name, INHERITED_LISTENER, strlen(INHERITED_LISTENER)) == 0;

            if (is_own) {
                notify_remove(entry->name); /* it may have another name now */
            }
            inherited_fill(socket, take(entry));
            socket->inode = is_own ? socket->inode : 0;
            return true;
        }
    }
    return false;
}

unsigned inherited_take(const char *name, int *fds, unsigned most)
{
    unsigned count = 0;

    for (unsigned i = 0; i < inherited_count && count < most; i++) {
        if (!inherited[i].taken && strcmp(inherited[i].name, name) == 0) {
            fds[count++] = take(&inherited[i]);
        }
    }
    return count;
}

const char *inherited_find(const char *prefix)
{
    for (unsigned i = 0; i < inherited_count; i++) {
        if (!inherited[i].taken && strncmp(inherited[i].name, prefix, strlen(prefix)) == 0) {
            return inherited[i].name;
        }
    }
    return NULL;
}

void inherited_close(void)
{
    for (unsigned i = 0; i < inherited_count; i++) {
        if (inherited[i].taken) {
            continue;
        }
        log_warning("descriptor %s was handed over, and nothing in the configuration wants it",
                    inherited[i].name);
        if (!is_listening(inherited[i].fd)) {
            close(take(&inherited[i]));
        }
    }
}

void inherited_close_listener(struct listener_socket *socket)
{
    bool is_units = socket->fd >= 0 && socket->inode == 0;

    for (unsigned i = 0; is_units && i < inherited_count; i++) {
        if (inherited[i].fd == socket->fd) {
            inherited[i].taken = false;
            socket->fd = -1;
            return;
        }
    }
    listener_close(socket);
}
