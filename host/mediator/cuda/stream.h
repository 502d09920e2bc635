/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's streams. One that it has destroyed counts until its work is done. */
#ifndef MEDIATOR_CUDA_STREAM_H
#define MEDIATOR_CUDA_STREAM_H

#include "host/mediator/cuda/session.h"

bool cuda_stream_exists(const struct cuda_session *cuda, uint32_t handle);

/* A stream that is to get work: it counts as busy from now on. CUDA_ERROR_INVALID_HANDLE. Waits
 * when too much is queued; CUDA_ERROR_OUT_OF_MEMORY: for the guest, which has to come in between.
 */
CUresult cuda_stream_take(struct cuda_session *cuda, uint32_t handle, CUstream *stream);

/* What the stream was taken for counts as so many operations more, and as those that `size` bytes
 * are. */
void cuda_stream_weigh(struct cuda_session *cuda, uint32_t handle, uint64_t operations,
                       uint64_t size);

/* Whether a stream was busy, or any of BG_CUDA_ALL, when they were looked at last. */
bool cuda_stream_is_busy(const struct cuda_session *cuda, uint32_t handle);

/* Looks at those that are busy, and lets go on what the guest has acknowledged; false: none is any
 * more, and nothing leaves. What kernels did wrong is found here. */
bool cuda_streams_look(struct cuda_session *cuda);

/* Whether one works, and is not held by a mark (mark.h). Nothing becomes of it. */
bool cuda_streams_work(const struct cuda_session *cuda);

/* Waits for one of the driver's streams. */
CUresult cuda_stream_wait(struct cuda_session *cuda, CUstream stream);

/* Waits for what the stream of this handle has now, and what that waits for: before the driver is
 * asked for what it would wait for itself, when nobody looks at streams that the guest holds. */
CUresult cuda_stream_settle(struct cuda_session *cuda, uint32_t handle);

/* Waits for all that are busy. */
CUresult cuda_streams_wait(struct cuda_session *cuda);

/* At the end of a session that has an error: until none of them is run any more. */
void cuda_streams_drain(struct cuda_session *cuda);

/* `waiting` waits for what those of one handle or BG_CUDA_ALL have now that are busy. */
CUresult cuda_streams_join(struct cuda_session *cuda, uint32_t handle, CUstream waiting);

/* None is busy. */
void cuda_streams_destroy(struct cuda_session *cuda);

#endif
