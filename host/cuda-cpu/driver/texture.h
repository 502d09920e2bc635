/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects and references of textures and surfaces. Under the driver's lock. */
#ifndef CUDA_CPU_DRIVER_TEXTURE_H
#define CUDA_CPU_DRIVER_TEXTURE_H

#include "host/cuda-cpu/device/texture.h"
#include "protocol/cuda.h"

struct context;
struct module;

/* What the program describes, as the device knows it. sampler, view: NULL where there is none; of
 * a surface there is no sampler. */
CUresult texture_describe(const CUDA_RESOURCE_DESC *resource, const CUDA_TEXTURE_DESC *sampler,
                          const CUDA_RESOURCE_VIEW_DESC *view, struct texture *texture);

void texture_destroy_all(struct context *context);

/* References of a module that goes; NULL: those of none. */
void texture_reference_destroy_all(struct context *context, const struct module *module);

#endif
