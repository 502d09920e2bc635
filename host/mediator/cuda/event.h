/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's events. */
#ifndef MEDIATOR_CUDA_EVENT_H
#define MEDIATOR_CUDA_EVENT_H

#include "host/mediator/cuda/session.h"

/* NULL: there is none. */
CUevent cuda_event_find(const struct cuda_session *cuda, uint32_t handle);

void cuda_events_destroy(struct cuda_session *cuda);

#endif
