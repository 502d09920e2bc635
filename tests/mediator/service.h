/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plays systemd for one mediator: takes its notifications, keeps the descriptors that it stores,
 * and gives them to the next one. sd_notify(3), sd_listen_fds(3), systemd.service(5) say how.
 */
#ifndef TESTS_MEDIATOR_SERVICE_H
#define TESTS_MEDIATOR_SERVICE_H

#include <stdbool.h>

#include "harness.h"

#define SERVICE_STORED 64u
#define SERVICE_NAME_SIZE 256 /* systemd's, NUL included */

struct service_stored {
    char name[SERVICE_NAME_SIZE];
    int fd;
};

struct service {
    struct process *process;
    int notify;
    char *notify_path;
    struct service_stored stored[SERVICE_STORED];
    unsigned count;
    unsigned ready, reloading, stopping; /* messages that came */
};

/* First in main(): becomes the mediator where service_start started this program again. */
void service_main(int count, char **texts);

void service_open(struct service *service);

/* Starts the mediator with this configuration, and with what is stored, in the place of the one
 * before, which has ended; returns when it is ready. */
void service_start(struct service *service, const char *config_path);

/* Takes what it said. */
void service_take(struct service *service);

/* Has it read its configuration anew. */
void service_reload(struct service *service);

/* Ends it by this signal; what it stored stays. */
void service_stop(struct service *service, int signal_number);

/* Keeps another descriptor, of a socket unit for one; it is the service's now. */
void service_store(struct service *service, const char *name, int fd);

/* Until none of this name is stored. */
void service_wait_gone(struct service *service, const char *name);

/* How many of this name are stored. */
unsigned service_count(const struct service *service, const char *name);

/* The service is stopped for good: what it stored is closed. */
void service_drop(struct service *service);

/* Ends all of it. */
void service_close(struct service *service);

#endif
