/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a session's turn on the device while its CUDA streams have work. */
#ifndef MEDIATOR_STREAMS_H
#define MEDIATOR_STREAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "host/mediator/compute/session.h"

/*
 * Waits until none computes: those that are held until the guest comes in between may stay. The
 * time that a lease's end may take is the device's, as the supervisor counts it; when it is used up
 * the session's GPU is lost. session may be NULL. By the thread that runs operations.
 */
void streams_finish(struct session *session, bool on_gpu, uint64_t limit_ns);

/* A wait for streams in the middle of an operation, which keeps the lease. Zeroed when it begins.
 */
struct streams_wait {
    uint64_t since_ns, used_ns; /* when others were first seen to want it; 0: they were not */
};

/* To be asked now and then: false when others have wanted it for as long as a lease's end may
 * take. */
bool streams_may_wait(struct streams_wait *wait, bool is_wanted, bool on_gpu, uint64_t limit_ns);

#endif
