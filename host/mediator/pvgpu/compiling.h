/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which shaders a driver compiles just now. A driver cannot be interrupted: the thread that finds
 * that it takes too long is another one, and tells the guest what it was.
 */
#ifndef MEDIATOR_PVGPU_COMPILING_H
#define MEDIATOR_PVGPU_COMPILING_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/pvgpu.h"
#include "protocol/pvgpu_draw.h"

struct pvgpu_compiling {
    uint32_t count; /* atomic; 0: none */
    uint32_t shaders[BG_PVGPU_STAGES];
};

/* By the thread that compiles, around that: the ids of 1 to BG_PVGPU_STAGES shaders. */
void pvgpu_compiling_begin(struct pvgpu_compiling *compiling, const uint32_t *shaders,
                           uint32_t count);
void pvgpu_compiling_end(struct pvgpu_compiling *compiling);

/* Any thread. False: nothing is compiled; else a line that names the shaders. */
bool pvgpu_compiling_describe(const struct pvgpu_compiling *compiling, uint32_t limit_ms,
                              char text[BG_PVGPU_ERROR_TEXT_SIZE]);

#endif
