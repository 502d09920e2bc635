/* SPDX-License-Identifier: BSD-2-Clause */
/* Words of the guest's page that are stored when a stream has come so far. */
#ifndef MEDIATOR_CUDA_MARK_H
#define MEDIATOR_CUDA_MARK_H

#include "host/mediator/cuda/session.h"

CUresult cuda_marks_create(struct cuda_session *cuda);

/* The streams have no work any more, or never will have. */
void cuda_marks_destroy(struct cuda_session *cuda);

/* completed[stream] = value, once the stream has done what it has now; then, if that is wanted, an
 * interrupt. CUDA_ERROR_INVALID_VALUE: not above the stream's last one, or there is no page. */
CUresult cuda_mark(struct cuda_session *cuda, uint32_t stream, uint64_t value, bool interrupt);

#endif
