/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MEDIATOR_CUDA_BOX_H
#define MEDIATOR_CUDA_BOX_H

#include "host/mediator/cuda/session.h"

/* A checked copy of a box, as the driver takes it. */
CUresult cuda_box_read(const struct cuda_session *cuda, const struct bg_cuda_copy_box *box,
                       CUDA_MEMCPY3D *copy);

#endif
