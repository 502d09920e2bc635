/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's textures and surfaces: objects whose numbers its kernels have. */
#ifndef MEDIATOR_CUDA_TEXTURE_H
#define MEDIATOR_CUDA_TEXTURE_H

#include "host/mediator/cuda/session.h"

/* All of them; nothing runs any more. */
void cuda_textures_destroy(struct cuda_session *cuda);

#endif
