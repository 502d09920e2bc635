/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MEDIATOR_EXIT_STATUS_H
#define MEDIATOR_EXIT_STATUS_H

/* The exit statuses of baregpu-mediator and baregpu-smi, for scripts; docs/mediator.md lists them.
 */
enum mediator_exit {
    MEDIATOR_EXIT_OK = 0,
    MEDIATOR_EXIT_FAILED = 1,      /* the system refused something */
    MEDIATOR_EXIT_USAGE = 2,       /* options or configuration */
    MEDIATOR_EXIT_IN_USE = 3,      /* somebody listens on the socket */
    MEDIATOR_EXIT_NO_BACKEND = 4,  /* the backend or device asked for is not there */
    MEDIATOR_EXIT_NOT_RUNNING = 5, /* no mediator answers on the admin socket */
    MEDIATOR_EXIT_NOT_FOUND = 6,   /* no such guest, listener or device */
    MEDIATOR_EXIT_DENIED = 7,      /* this user may not ask the mediator */
};

#endif
