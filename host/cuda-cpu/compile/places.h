/* SPDX-License-Identifier: BSD-2-Clause */
/* What code carries of its sites and its shared variables: device/places.h, as IR. */
#ifndef CUDA_CPU_COMPILE_PLACES_H
#define CUDA_CPU_COMPILE_PLACES_H

#include "host/cuda-cpu/compile/emitter.h"

/* Before the first site. False: no memory. */
bool places_begin(struct emitter *emitter);

/* Behind the last one: the data, and an end to what places_begin took. */
void places_end(struct emitter *emitter, const struct ptx_function *kernel);

#endif
