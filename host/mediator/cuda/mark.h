/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words of the guest's page that are stored when a stream has come so far. Some hold the stream
 * there until the guest has acknowledged them, or a word of its memory is as it waits for. It goes
 * on when the worker sees that, not before: what it does then is the session's use of the device.
 */
#ifndef MEDIATOR_CUDA_MARK_H
#define MEDIATOR_CUDA_MARK_H

#include "host/mediator/cuda/session.h"

CUresult cuda_marks_create(struct cuda_session *cuda);

/* From now on nothing is held. */
void cuda_marks_close(struct cuda_session *cuda);

/* The streams have no work any more, or never will have. */
void cuda_marks_destroy(struct cuda_session *cuda);

struct cuda_mark {
    uint32_t stream;
    uint64_t value;
    bool holds; /* the stream */
};

/* completed[stream] = value, once the stream has done what it has now. CUDA_ERROR_INVALID_VALUE:
 * not above the stream's last one, above BG_CUDA_MARK_MAX, or there is no page. */
CUresult cuda_mark(struct cuda_session *cuda, const struct cuda_mark *mark);

/* The stream waits there until the word is as it says, which was checked. */
CUresult cuda_mark_value(struct cuda_session *cuda, const struct bg_cuda_stream_value *value);

/* Whether a mark holds the stream, or one of BG_CUDA_ALL. */
bool cuda_marks_hold(const struct cuda_session *cuda, uint32_t stream);

/* Whether there is one that holds a stream, or will when that comes to it. */
bool cuda_marks_may_hold(const struct cuda_session *cuda);

/* Whether a stream that is held may go on; then, lets those go on. */
bool cuda_marks_are_acknowledged(const struct cuda_session *cuda);
void cuda_marks_go_on(struct cuda_session *cuda);

#endif
