/* SPDX-License-Identifier: BSD-2-Clause */
/* The kind of worker that serves a vgpu-stub: a queue of mailbox requests. */
#ifndef MEDIATOR_STUB_WORKER_H
#define MEDIATOR_STUB_WORKER_H

#include "host/mediator/worker/worker.h"

extern const struct worker_kind stub_worker_kind;

#endif
