/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The supervisor: listens, checks who connects, hands each connection to a worker process, and
 * decides which worker may use a device. One thread, one event loop; never touches CUDA.
 */
#ifndef MEDIATOR_SUPERVISOR_H
#define MEDIATOR_SUPERVISOR_H

#include "host/mediator/config.h"

/* The program's exit statuses, for scripts; docs/mediator.md lists them. */
enum mediator_exit {
    MEDIATOR_EXIT_OK = 0,
    MEDIATOR_EXIT_FAILED = 1,      /* the system refused something */
    MEDIATOR_EXIT_USAGE = 2,       /* options or configuration */
    MEDIATOR_EXIT_IN_USE = 3,      /* somebody listens on the socket */
    MEDIATOR_EXIT_NO_BACKEND = 4,  /* the backend or device asked for is not there */
    MEDIATOR_EXIT_NOT_RUNNING = 5, /* --status, --release: no mediator answers */
    MEDIATOR_EXIT_NOT_FOUND = 6,   /* --release: no such guest in quarantine */
};

enum supervisor_backend {
    SUPERVISOR_BACKEND_AUTO,
    SUPERVISOR_BACKEND_CPU,
    SUPERVISOR_BACKEND_CUDA,
};

struct supervisor_options {
    const struct config *config;
    enum supervisor_backend backend;
    int ready_fd; /* gets a line when all sockets listen, then is closed; -1: none */
};

/* Runs until SIGTERM or SIGINT. */
enum mediator_exit supervisor_run(const struct supervisor_options *options);

#endif
