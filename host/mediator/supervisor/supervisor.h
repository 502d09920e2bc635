/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The supervisor: listens, checks who connects, hands each connection to a worker process, and
 * decides which worker may use a device. One thread, one event loop; never touches CUDA.
 */
#ifndef MEDIATOR_SUPERVISOR_H
#define MEDIATOR_SUPERVISOR_H

#include "host/mediator/config.h"
#include "host/mediator/exit_status.h"

enum supervisor_backend {
    SUPERVISOR_BACKEND_AUTO,
    SUPERVISOR_BACKEND_CPU,
    SUPERVISOR_BACKEND_CUDA,
};

struct supervisor_options {
    struct config *config; /* changes when it is read anew */
    /* Reads it anew, after SIGHUP: -1 with a text. NULL: there is no file, and SIGHUP is an end. */
    int (*load)(void *context, struct config *config, char error[CONFIG_ERROR_SIZE]);
    void *load_context;
    enum supervisor_backend backend;
    int ready_fd; /* gets a line when all sockets listen, then is closed; -1: none */
};

/* Runs until SIGTERM or SIGINT. */
enum mediator_exit supervisor_run(const struct supervisor_options *options);

#endif
