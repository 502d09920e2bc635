/* SPDX-License-Identifier: BSD-2-Clause */
/* The kind of worker that serves a pvgpu: a thread that consumes the ring (consumer.c). */
#ifndef MEDIATOR_PVGPU_WORKER_H
#define MEDIATOR_PVGPU_WORKER_H

#include "host/mediator/worker/worker.h"

extern const struct worker_kind pvgpu_worker_kind;

#endif
