/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/pvgpu/compiling.h"

#include <stdio.h>

void pvgpu_compiling_begin(struct pvgpu_compiling *compiling, const uint32_t *shaders,
                           uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        __atomic_store_n(&compiling->shaders[i], shaders[i], __ATOMIC_RELAXED);
    }
    __atomic_store_n(&compiling->count, count, __ATOMIC_RELEASE);
}

void pvgpu_compiling_end(struct pvgpu_compiling *compiling)
{
    __atomic_store_n(&compiling->count, 0, __ATOMIC_RELEASE);
}

bool pvgpu_compiling_describe(const struct pvgpu_compiling *compiling, uint32_t limit_ms,
                              char text[BG_PVGPU_ERROR_TEXT_SIZE])
{
    uint32_t count = __atomic_load_n(&compiling->count, __ATOMIC_ACQUIRE);
    int length = snprintf(text, BG_PVGPU_ERROR_TEXT_SIZE, "shader%s", count > 1 ? "s" : "");

    for (uint32_t i = 0; i < count; i++) {
        length += snprintf(text + length, BG_PVGPU_ERROR_TEXT_SIZE - (size_t)length, "%s %u",
                           i > 0 ? " and" : "",
                           __atomic_load_n(&compiling->shaders[i], __ATOMIC_RELAXED));
    }
    snprintf(text + length, BG_PVGPU_ERROR_TEXT_SIZE - (size_t)length,
             ": the driver takes longer than %u ms to compile", limit_ms);
    return count > 0;
}
