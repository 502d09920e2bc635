/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest has given back while its streams had work: it is gone once those that were busy have
 * done what they had, an object of the driver's once none is busy, and counts as the session's
 * until then. Nobody waits for that.
 */
#ifndef MEDIATOR_CUDA_LEAVE_H
#define MEDIATOR_CUDA_LEAVE_H

#include "host/mediator/cuda/session.h"

/* Memory whose range is removed already: after all that streams have, or after what this one has
 * (not BG_CUDA_NONE). */
CUresult cuda_leave_memory(struct cuda_session *cuda, uint64_t address, uint64_t size,
                           uint32_t stream);

typedef CUresult cuda_release(struct cuda_session *cuda, uint64_t object);

/* Something of the driver's that the guest has no handle for any more, of `size` bytes: `release`
 * gives it back, after all that streams have. */
CUresult cuda_leave_object(struct cuda_session *cuda, cuda_release *release, uint64_t object,
                           uint64_t size);

/* Forgets what is gone; false: nothing is left. */
bool cuda_leave_look(struct cuda_session *cuda);

/* Whether there may be more that leaves later, however small: waits when there is too much, but not
 * for the guest, which would have to come in between. */
bool cuda_leave_has_room(struct cuda_session *cuda);

/* After what the driver said to a wish for memory: true when it had none and all that the session
 * has given back is gone now, so that it is worth another try. */
bool cuda_leave_makes_room(struct cuda_session *cuda, CUresult result);

/* Waits until all of it is gone. */
void cuda_leave_settle(struct cuda_session *cuda);

/* That, and the streams for it end. */
void cuda_leave_destroy(struct cuda_session *cuda);

#endif
