/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words of the guest's memory that its streams write, and wait for. The driver never looks at one
 * itself: the worker does, so that a stream that waits is one that is held (mark.h), which needs no
 * device, and a word that is given back is not read any more.
 */
#ifndef MEDIATOR_CUDA_VALUE_H
#define MEDIATOR_CUDA_VALUE_H

#include "host/mediator/cuda/session.h"

/* Whether it is one of the guest's words, still. */
bool cuda_value_exists(const struct cuda_session *cuda, const struct bg_cuda_stream_value *value);

/* Whether the word, which exists, is as a stream waits for. */
bool cuda_value_is_reached(const struct cuda_session *cuda,
                           const struct bg_cuda_stream_value *value);

#endif
