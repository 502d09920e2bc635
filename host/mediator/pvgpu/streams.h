/* SPDX-License-Identifier: BSD-2-Clause */
/* CUDA's streams of a pvgpu session, which work beside the ring. The consumer's thread. */
#ifndef MEDIATOR_PVGPU_STREAMS_H
#define MEDIATOR_PVGPU_STREAMS_H

#include "host/mediator/pvgpu/state.h"

/* For a session that has its context. */
void pvgpu_streams_prepare(struct pvgpu_worker *worker);

/* Behind each command: they may work. */
void pvgpu_streams_note(struct pvgpu_worker *worker);

/* In each turn of the loop while they may: it looks at them now and then. Work of theirs is use of
 * the lease; what they did wrong ends the session. */
void pvgpu_streams_look(struct pvgpu_worker *worker);

/* Waits for them. False when the session ends. */
bool pvgpu_streams_finish(struct pvgpu_worker *worker);

#endif
