/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a carrier knows of a guest's CUDA: its commands are operations (compute/operation.h), and
 * its streams work beside them. That is device time of the session, as its operations are: so a
 * carrier does not give its lease back while one of them computes, and looks at them now and then.
 *
 * The thread that runs operations, unless it says otherwise.
 */
#ifndef MEDIATOR_CUDA_CARRIER_H
#define MEDIATOR_CUDA_CARRIER_H

#include "host/mediator/compute/operation.h"
#include "host/mediator/compute/session.h"

/* How often streams are to be looked at that have work: at first, and when nothing becomes of it.
 */
#define CUDA_LOOK_NS UINT64_C(1000000)
#define CUDA_LOOK_MAX_NS UINT64_C(16000000)

/* A command of protocol/cuda_command.h. */
enum bg_compute_status cuda_command_run(struct session *session, struct operation *operation);

/*
 * Whether streams have work; by who holds the lease. This is where is found what their kernels did
 * wrong, if no command finds it before: then the session's GPU is lost.
 */
bool cuda_is_busy(struct session *session);

/* Whether one of them computes now, and is not held until the guest comes in between. It may be
 * asked in the middle of a command: nothing becomes of it. */
bool cuda_is_working(const struct session *session);

/* Whether one is held; others may be behind it, and not be known to be. */
bool cuda_is_held(const struct session *session);

/* Whether one is held, or comes to where it will be. */
bool cuda_may_be_held(const struct session *session);

/* Whether the guest has come in between: cuda_is_busy lets such streams go on, under a lease. */
bool cuda_is_acknowledged(const struct session *session);

/* The session's kernels have had all the time that they may have: the guest is told, and the GPU
 * lost. */
void cuda_time_out(struct session *session);

/* Waits for what is under way, and gives back all that the guest has; also if it never began. */
void cuda_end(struct session *session);

/* Where the guest reads what ended its CUDA; NULL: nowhere. */
uint32_t *cuda_error_word(const struct session *session);

#endif
