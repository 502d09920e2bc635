/* SPDX-License-Identifier: BSD-2-Clause */
/* A command's turn on the device, and what comes in between. The consumer's thread. */
#ifndef MEDIATOR_PVGPU_TURN_H
#define MEDIATOR_PVGPU_TURN_H

#include "host/mediator/pvgpu/state.h"

/* Around what may take long: beyond the limit the session ends. */
void pvgpu_turn_begin(struct pvgpu_worker *worker, uint64_t limit_ns);
void pvgpu_turn_end(struct pvgpu_worker *worker);

/* struct gpu's, of which the worker is the owner. */
void pvgpu_turn_give_way(void *worker);
void pvgpu_turn_stand_aside(void *worker, bool begins);

/* What PAUSE and RESUME left: answers the first. */
void pvgpu_turn_take_pauses(struct pvgpu_worker *worker);

#endif
