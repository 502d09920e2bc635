/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/mediator/service.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness_qemu.h"
#include "host/common/fd_message.h"

#define MARK "--service"
#define FIRST_FD 3

/* ---- The process that becomes the mediator ---- */

/* Moved up first: a place may be another one's descriptor. */
static int place_descriptors(char *const *numbers, int count)
{
    int moved[SERVICE_STORED];

    for (int i = 0; i < count; i++) {
        moved[i] = fcntl(atoi(numbers[i]), F_DUPFD, FIRST_FD + (int)SERVICE_STORED);
    }
    for (int i = 0; i < count; i++) {
        dup2(moved[i], FIRST_FD + i);
        close(moved[i]);
    }
    return count;
}

/* --service NAMES COUNT NUMBER... PROGRAM WORD... */
void service_main(int count, char **texts)
{
    char number[16];

    if (count < 4 || strcmp(texts[1], MARK) != 0) {
        return;
    }
    int stored = place_descriptors(texts + 4, atoi(texts[3]));
    snprintf(number, sizeof(number), "%d", (int)getpid());
    setenv("LISTEN_PID", number, 1);
    setenv("LISTEN_FDS", texts[3], 1);
    setenv("LISTEN_FDNAMES", texts[2], 1);
    setpgid(0, getpgid(getppid())); /* the harness ends groups, and workers are to stay */
    execv(texts[4 + stored], texts + 4 + stored);
    _exit(127);
}

/* ---- The service ---- */

void service_open(struct service *service)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    *service = (struct service){.notify_path = harness_temp_path("notify")};
    /* A group outside of this PID namespace: none that mediators could join. */
    if (getpgrp() == 0) {
        setpgid(0, 0);
    }
    strncpy(address.sun_path, service->notify_path, sizeof(address.sun_path) - 1);
    unlink(service->notify_path);
    service->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bind(service->notify, (struct sockaddr *)&address, sizeof(address)) != 0) {
        harness_fail("%s: %m", service->notify_path);
    }
}

void service_store(struct service *service, const char *name, int fd)
{
    if (service->count == SERVICE_STORED) {
        harness_fail("more than %u descriptors are stored", SERVICE_STORED);
    }
    struct service_stored *stored = &service->stored[service->count++];

    snprintf(stored->name, sizeof(stored->name), "%s", name);
    stored->fd = fd;
}

unsigned service_count(const struct service *service, const char *name)
{
    unsigned count = 0;

    for (unsigned i = 0; i < service->count; i++) {
        count += strcmp(service->stored[i].name, name) == 0;
    }
    return count;
}

static void remove_stored(struct service *service, const char *name)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < service->count; i++) {
        if (strcmp(service->stored[i].name, name) == 0) {
            close(service->stored[i].fd);
        } else {
            service->stored[kept++] = service->stored[i];
        }
    }
    service->count = kept;
}

static void take_message(struct service *service, char *text, const int *fds, unsigned count)
{
    const char *name = "stored";
    bool store = false, removes = false;

    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        service->ready += strcmp(line, "READY=1") == 0;
        service->reloading += strcmp(line, "RELOADING=1") == 0;
        service->stopping += strcmp(line, "STOPPING=1") == 0;
        store = store || strcmp(line, "FDSTORE=1") == 0;
        removes = removes || strcmp(line, "FDSTOREREMOVE=1") == 0;
        if (strncmp(line, "FDNAME=", 7) == 0) {
            name = line + 7;
        }
    }
    for (unsigned i = 0; store && i < count; i++) {
        service_store(service, name, fds[i]);
    }
    if (removes) {
        remove_stored(service, name);
    }
}

void service_take(struct service *service)
{
    char text[512];
    int fds[FD_MESSAGE_DESCRIPTORS];
    unsigned count;
    ssize_t size;

    while ((size = fd_message_receive(service->notify, text, sizeof(text) - 1, fds,
                                      FD_MESSAGE_DESCRIPTORS, &count)) > 0) {
        text[size] = '\0';
        take_message(service, text, fds, count);
    }
}

/* Until *messages has changed; false: the mediator has ended before. */
static bool wait_for(struct service *service, const unsigned *messages)
{
    uint64_t deadline_ms = harness_now_ms() + HARNESS_TIMEOUT_MS;
    unsigned before = *messages;

    while (*messages == before) {
        if (process_has_ended(service->process, NULL)) {
            return false;
        }
        if (harness_now_ms() > deadline_ms) {
            harness_fail("the mediator says nothing: %s", process_errors(service->process));
        }
        harness_wait_readable(service->notify, 20);
        service_take(service);
    }
    return true;
}

void service_wait_gone(struct service *service, const char *name)
{
    uint64_t deadline_ms = harness_now_ms() + HARNESS_TIMEOUT_MS;

    service_take(service);
    while (service_count(service, name) > 0) {
        if (harness_now_ms() > deadline_ms) {
            harness_fail("%s stays stored: %s", name, process_errors(service->process));
        }
        harness_wait_readable(service->notify, 20);
        service_take(service);
    }
}

void service_start(struct service *service, const char *config_path)
{
    char *program = harness_build_path("host/baregpu-mediator");
    char *variable = harness_format("NOTIFY_SOCKET=%s", service->notify_path);
    const char *environment[] = {variable, NULL};
    const char *words[SERVICE_STORED + 10] = {"/proc/self/exe", MARK};
    char names[SERVICE_STORED * SERVICE_NAME_SIZE] = "", numbers[SERVICE_STORED + 1][16];
    unsigned at = 4;

    words[2] = names;
    words[3] = numbers[SERVICE_STORED];
    snprintf(numbers[SERVICE_STORED], 16, "%u", service->count);
    for (unsigned i = 0; i < service->count; i++) {
        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i > 0 ? ":" : "",
                 service->stored[i].name);
        snprintf(numbers[i], sizeof(numbers[i]), "%d", service->stored[i].fd);
        fcntl(service->stored[i].fd, F_SETFD, 0);
        words[at++] = numbers[i];
    }
    const char *const command[] = {program, "--backend", "cpu", "--config", config_path};
    memcpy(&words[at], command, sizeof(command));
    process_end(service->process);
    service->process = NULL;
    service->process = process_start(words, &(struct process_options){.environment = environment});
    for (unsigned i = 0; i < service->count; i++) {
        fcntl(service->stored[i].fd, F_SETFD, FD_CLOEXEC);
    }
    if (!wait_for(service, &service->ready)) {
        harness_fail("the mediator has ended: %s", process_errors(service->process));
    }
    free(program);
    free(variable);
}

void service_reload(struct service *service)
{
    process_signal(service->process, SIGHUP);
    if (!wait_for(service, &service->ready)) {
        harness_fail("the mediator has ended: %s", process_errors(service->process));
    }
}

void service_stop(struct service *service, int signal_number)
{
    process_signal(service->process, signal_number);
    process_wait(service->process);
    service_take(service);
}

void service_drop(struct service *service)
{
    while (service->count > 0) {
        close(service->stored[--service->count].fd);
    }
}

void service_close(struct service *service)
{
    if (service->process != NULL && !process_has_ended(service->process, NULL)) {
        service_stop(service, SIGKILL);
    }
    process_end(service->process);
    service_drop(service);
    close(service->notify);
    unlink(service->notify_path);
    free(service->notify_path);
    *service = (struct service){.notify = -1};
}
