/* SPDX-License-Identifier: BSD-2-Clause */
/* Draws with shaders in Direct3D's bytecode, for tests. */
#ifndef TESTS_UNIT_MEDIATOR_PVGPU_DXBC_FIXTURE_H
#define TESTS_UNIT_MEDIATOR_PVGPU_DXBC_FIXTURE_H

#include "tests/shaders/dxbc_tinted.h"
#include "tests/unit/mediator/pvgpu_draw_fixture.h"

/* And set. */
static inline void make_blob(uint32_t id, uint32_t stage, const struct dxbc_blob *blob)
{
    struct bg_pvgpu_set_shader set = COMMAND(struct bg_pvgpu_set_shader, BG_PVGPU_CMD_SET_SHADER, 0,
                                             .stage = stage, .shader_id = id);

    if (make_shader_of(id, stage, blob->bytes, blob->size) != BG_PVGPU_OK) {
        fail_msg("%s", context.error_text);
    }
    GO(&set);
}

/* Names in the heap: their places in the shared memory. */
static inline void make_named_layout(const char *first, const char *second)
{
    const uint32_t at = 1024;
    const struct bg_pvgpu_input_element elements[] = {
        {BG_PVGPU_HEAP_OFFSET + at, 1, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 0, 16, 0, 0},
        {BG_PVGPU_HEAP_OFFSET + at + 64, 0, BG_PVGPU_FORMAT_R32G32B32A32_FLOAT, 0, 0, 0, 0},
    };

    context.renderer->ops->finish(&context);
    strcpy((char *)heap + at, first);
    strcpy((char *)heap + at + 64, second);
    make_layout(elements, 2);
}

#endif
