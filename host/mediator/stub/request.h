/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One mailbox request: parsed, run as an operation (operation.h), answered. The request is the
 * caller's own copy. No input or output besides the GPU's.
 */
#ifndef MEDIATOR_STUB_REQUEST_H
#define MEDIATOR_STUB_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/mediator/compute/session.h"
#include "protocol/vgpu_stub.h"

/* What the queue must know of a request before it runs. Never fails: a malformed request is
 * brief, needs no lease, and execution answers it with an error. */
struct request_plan {
    bool needs_session; /* touches the GPU at all */
    bool needs_lease;   /* computes on the GPU */
    bool brief;         /* bounded by the mailbox's size: at most some microseconds on a CPU */
    bool raise_priority;
    bool is_cuda; /* a command of cuda_command.h */
};

struct request_plan request_plan(const uint8_t *request, size_t length);

/*
 * Executes and writes the answer, at most BG_VGPU_STUB_PAYLOAD_MAX bytes, and returns its length.
 * session may be NULL when the plan does not need one. Time goes into the answer's exec_time_us.
 */
size_t request_run(struct session *session, const uint8_t *request, size_t length,
                   uint8_t response[BG_VGPU_STUB_PAYLOAD_MAX]);

/* An answer without results and data. */
size_t request_build_status(enum bg_compute_status status,
                            uint8_t response[BG_VGPU_STUB_PAYLOAD_MAX]);

/* The status of an answer of at least 32 bytes. */
enum bg_compute_status request_response_status(const uint8_t *response);

#endif
