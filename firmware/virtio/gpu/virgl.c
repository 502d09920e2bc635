/* SPDX-License-Identifier: BSD-2-Clause */
/* Encoder of virgl commands: baregpu/virgl.h. Where each word lies: virglrenderer's
 * virgl_protocol.h. */
#include "baregpu/virgl.h"

#include "firmware/common/mem.h"

void bg_virgl_begin(struct bg_virgl_encoder *e, void *buffer, size_t size)
{
    size_t words = size / sizeof(uint32_t);

    /* bg_virgl_end returns the size as an int. */
    *e = (struct bg_virgl_encoder){
        .words = buffer,
        .capacity = words < INT32_MAX / sizeof(uint32_t) ? words : INT32_MAX / sizeof(uint32_t),
    };
    if (buffer == NULL || (uintptr_t)buffer % sizeof(uint32_t) != 0) {
        e->error = BG_ERR_INVALID;
    }
}

int bg_virgl_end(const struct bg_virgl_encoder *e)
{
    return e->error != 0 ? e->error : (int)(e->count * sizeof(uint32_t));
}

bool bg_virgl_has_format(const void *capset, size_t size, enum bg_virgl_format_use use,
                         enum bg_virgl_format format)
{
    size_t byte = (size_t)format / 8;
    size_t offset = BG_VIRGL_CAPS_FORMATS_OFFSET + (size_t)use * BG_VIRGL_CAPS_FORMATS_SIZE + byte;

    return use <= BG_VIRGL_USE_RENDER && byte < BG_VIRGL_CAPS_FORMATS_SIZE && offset < size &&
           (((const uint8_t *)capset)[offset] >> format % 8 & 1) != 0;
}

/* ---- Words ---- */

static void refuse(struct bg_virgl_encoder *e, int error)
{
    if (e->error == 0) {
        e->error = error;
    }
}

/* Writes a header; true when the `length` words after it have their place too. */
static bool begin_command(struct bg_virgl_encoder *e, enum bg_virgl_command command,
                          uint32_t object, size_t length)
{
    if (e->error != 0) {
        return false;
    }
    if (length > BG_VIRGL_LENGTH_MAX) {
        refuse(e, BG_ERR_TOO_LARGE);
        return false;
    }
    if (e->capacity - e->count < length + 1) {
        refuse(e, BG_ERR_NO_SPACE);
        return false;
    }
    e->words[e->count++] = BG_VIRGL_COMMAND(command, object, length);
    return true;
}

/* The header of an object's creation, and its handle: `length` words follow these. */
static bool begin_object(struct bg_virgl_encoder *e, enum bg_virgl_object_type type,
                         uint32_t handle, size_t length)
{
    if (handle == 0) {
        refuse(e, BG_ERR_INVALID);
        return false;
    }
    if (!begin_command(e, BG_VIRGL_CCMD_CREATE_OBJECT, type, length + 1)) {
        return false;
    }
    e->words[e->count++] = handle;
    return true;
}

static void put_all(struct bg_virgl_encoder *e, const uint32_t *words, size_t count)
{
    if (count > 0) {
        memcpy(&e->words[e->count], words, count * sizeof(*words));
        e->count += count;
    }
}

/* Bytes, and zeroes up to the next word. */
static void put_bytes(struct bg_virgl_encoder *e, const void *bytes, size_t size)
{
    size_t count = size / sizeof(uint32_t) + (size % sizeof(uint32_t) != 0);

    if (count > 0) {
        e->words[e->count + count - 1] = 0;
        memcpy(&e->words[e->count], bytes, size);
        e->count += count;
    }
}

static void put_command(struct bg_virgl_encoder *e, enum bg_virgl_command command, uint32_t object,
                        const uint32_t *words, size_t count)
{
    if (begin_command(e, command, object, count)) {
        put_all(e, words, count);
    }
}

static void put_object(struct bg_virgl_encoder *e, enum bg_virgl_object_type type, uint32_t handle,
                       const uint32_t *words, size_t count)
{
    if (begin_object(e, type, handle, count)) {
        put_all(e, words, count);
    }
}

#define WORDS(...)                                                                                 \
    (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)

/* ---- Sub-contexts ---- */

void bg_virgl_create_sub_context(struct bg_virgl_encoder *e, uint32_t id)
{
    put_command(e, BG_VIRGL_CCMD_CREATE_SUB_CTX, 0, &id, 1);
}

void bg_virgl_use_sub_context(struct bg_virgl_encoder *e, uint32_t id)
{
    put_command(e, BG_VIRGL_CCMD_SET_SUB_CTX, 0, &id, 1);
}

void bg_virgl_destroy_sub_context(struct bg_virgl_encoder *e, uint32_t id)
{
    put_command(e, BG_VIRGL_CCMD_DESTROY_SUB_CTX, 0, &id, 1);
}

/* ---- Objects ---- */

void bg_virgl_bind_object(struct bg_virgl_encoder *e, enum bg_virgl_object_type type,
                          uint32_t handle)
{
    put_command(e, BG_VIRGL_CCMD_BIND_OBJECT, type, &handle, 1);
}

void bg_virgl_destroy_object(struct bg_virgl_encoder *e, enum bg_virgl_object_type type,
                             uint32_t handle)
{
    put_command(e, BG_VIRGL_CCMD_DESTROY_OBJECT, type, &handle, 1);
}

static uint32_t blend_target_word(const struct bg_virgl_blend_target *target)
{
    return (uint32_t)target->is_enabled | ((uint32_t)target->color_function & 0x7) << 1 |
           ((uint32_t)target->color_source & 0x1F) << 4 |
           ((uint32_t)target->color_destination & 0x1F) << 9 |
           ((uint32_t)target->alpha_function & 0x7) << 14 |
           ((uint32_t)target->alpha_source & 0x1F) << 17 |
           ((uint32_t)target->alpha_destination & 0x1F) << 22 |
           ((uint32_t)target->color_mask & BG_VIRGL_MASK_RGBA) << 27;
}

void bg_virgl_create_blend(struct bg_virgl_encoder *e, uint32_t handle,
                           const struct bg_virgl_blend *blend)
{
    uint32_t words[2 + BG_VIRGL_COLOR_BUFFERS_MAX] = {
        (uint32_t)blend->is_independent | (uint32_t)blend->is_dithered << 2 |
            (uint32_t)blend->has_alpha_to_coverage << 3,
        0, /* no logic operation */
    };

    for (unsigned i = 0; i < BG_VIRGL_COLOR_BUFFERS_MAX; i++) {
        words[2 + i] = blend_target_word(&blend->targets[blend->is_independent ? i : 0]);
    }
    put_object(e, BG_VIRGL_OBJECT_BLEND, handle, words, 2 + BG_VIRGL_COLOR_BUFFERS_MAX);
}

void bg_virgl_create_rasterizer(struct bg_virgl_encoder *e, uint32_t handle,
                                const struct bg_virgl_rasterizer *rasterizer)
{
    const uint32_t words[] = {
        rasterizer->flags,
        rasterizer->point_size,
        0, /* no point sprites */
        0, /* neither line stipple nor clip planes */
        rasterizer->line_width,
        rasterizer->offset_units,
        rasterizer->offset_scale,
        rasterizer->offset_clamp,
    };

    put_object(e, BG_VIRGL_OBJECT_RASTERIZER, handle, words, 8);
}

static uint32_t stencil_word(const struct bg_virgl_stencil *stencil)
{
    return (uint32_t)stencil->is_enabled | ((uint32_t)stencil->compare & 0x7) << 1 |
           ((uint32_t)stencil->stencil_fail & 0x7) << 4 | ((uint32_t)stencil->pass & 0x7) << 7 |
           ((uint32_t)stencil->depth_fail & 0x7) << 10 | (uint32_t)stencil->read_mask << 13 |
           (uint32_t)stencil->write_mask << 21;
}

void bg_virgl_create_depth_stencil_alpha(struct bg_virgl_encoder *e, uint32_t handle,
                                         const struct bg_virgl_depth_stencil_alpha *state)
{
    uint32_t tests = (uint32_t)state->has_depth_test | (uint32_t)state->writes_depth << 1 |
                     ((uint32_t)state->depth_compare & 0x7) << 2 |
                     (uint32_t)state->has_alpha_test << 8 |
                     ((uint32_t)state->alpha_compare & 0x7) << 9;

    put_object(e, BG_VIRGL_OBJECT_DSA, handle,
               WORDS(tests, stencil_word(&state->front), stencil_word(&state->back),
                     state->alpha_reference));
}

void bg_virgl_create_vertex_elements(struct bg_virgl_encoder *e, uint32_t handle,
                                     const struct bg_virgl_vertex_element *elements, size_t count)
{
    if (count > BG_VIRGL_VERTEX_ELEMENTS_MAX) {
        refuse(e, BG_ERR_INVALID);
        return;
    }
    if (!begin_object(e, BG_VIRGL_OBJECT_VERTEX_ELEMENTS, handle, 4 * count)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        put_all(e, WORDS(elements[i].offset, elements[i].instance_divisor, elements[i].buffer,
                         elements[i].format));
    }
}

void bg_virgl_create_shader(struct bg_virgl_encoder *e, uint32_t handle,
                            enum bg_virgl_shader_type type, const char *text, uint32_t token_count)
{
    size_t size = 1; /* the final NUL is part of it */

    while (text[size - 1] != '\0' && size <= BG_VIRGL_LENGTH_MAX * sizeof(uint32_t)) {
        size++;
    }
    if (token_count == 0) {
        refuse(e, BG_ERR_INVALID);
        return;
    }
    if (begin_object(e, BG_VIRGL_OBJECT_SHADER, handle,
                     4 + (size + sizeof(uint32_t) - 1) / sizeof(uint32_t))) {
        /* All of the text is in this command; there is no stream output. */
        put_all(e, WORDS(type, (uint32_t)size, token_count, 0));
        put_bytes(e, text, size);
    }
}

void bg_virgl_bind_shader(struct bg_virgl_encoder *e, enum bg_virgl_shader_type type,
                          uint32_t handle)
{
    put_command(e, BG_VIRGL_CCMD_BIND_SHADER, 0, WORDS(handle, type));
}

void bg_virgl_create_surface(struct bg_virgl_encoder *e, uint32_t handle,
                             const struct bg_virgl_surface *surface)
{
    if (surface->resource_id == 0 || surface->first_layer > surface->last_layer) {
        refuse(e, BG_ERR_INVALID);
        return;
    }
    put_object(e, BG_VIRGL_OBJECT_SURFACE, handle,
               WORDS(surface->resource_id, surface->format, surface->level,
                     surface->first_layer | (uint32_t)surface->last_layer << 16));
}

/* ---- States ---- */

void bg_virgl_set_framebuffer(struct bg_virgl_encoder *e, const uint32_t *colors, size_t count,
                              uint32_t depth)
{
    if (count > BG_VIRGL_COLOR_BUFFERS_MAX) {
        refuse(e, BG_ERR_INVALID);
        return;
    }
    if (begin_command(e, BG_VIRGL_CCMD_SET_FRAMEBUFFER_STATE, 0, 2 + count)) {
        put_all(e, WORDS((uint32_t)count, depth));
        put_all(e, colors, count);
    }
}

void bg_virgl_set_viewports(struct bg_virgl_encoder *e, uint32_t first,
                            const struct bg_virgl_viewport *viewports, size_t count)
{
    if (count > BG_VIRGL_VIEWPORTS_MAX || first > BG_VIRGL_VIEWPORTS_MAX - count) {
        refuse(e, BG_ERR_INVALID);
        return;
    }
    if (!begin_command(e, BG_VIRGL_CCMD_SET_VIEWPORT_STATE, 0, 1 + 6 * count)) {
        return;
    }
    put_all(e, &first, 1);
    for (size_t i = 0; i < count; i++) {
        put_all(e, viewports[i].scale, 3);
        put_all(e, viewports[i].translate, 3);
    }
}

void bg_virgl_set_vertex_buffers(struct bg_virgl_encoder *e,
                                 const struct bg_virgl_vertex_buffer *buffers, size_t count)
{
    if (count > BG_VIRGL_VERTEX_BUFFERS_MAX) {
        refuse(e, BG_ERR_INVALID);
        return;
    }
    if (!begin_command(e, BG_VIRGL_CCMD_SET_VERTEX_BUFFERS, 0, 3 * count)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        put_all(e, WORDS(buffers[i].stride, buffers[i].offset, buffers[i].resource_id));
    }
}

void bg_virgl_set_index_buffer(struct bg_virgl_encoder *e, uint32_t resource_id,
                               uint32_t index_size, uint32_t offset)
{
    if (resource_id == 0) {
        put_command(e, BG_VIRGL_CCMD_SET_INDEX_BUFFER, 0, &resource_id, 1);
    } else if (index_size != 1 && index_size != 2 && index_size != 4) {
        refuse(e, BG_ERR_INVALID);
    } else {
        put_command(e, BG_VIRGL_CCMD_SET_INDEX_BUFFER, 0, WORDS(resource_id, index_size, offset));
    }
}

void bg_virgl_set_constants(struct bg_virgl_encoder *e, enum bg_virgl_shader_type type,
                            const uint32_t *words, size_t count)
{
    if (count > BG_VIRGL_LENGTH_MAX) { /* so that the sum does not wrap */
        refuse(e, BG_ERR_TOO_LARGE);
        return;
    }
    if (begin_command(e, BG_VIRGL_CCMD_SET_CONSTANT_BUFFER, 0, 2 + count)) {
        put_all(e, WORDS(type, 0)); /* 0: the only buffer that is in the stream */
        put_all(e, words, count);
    }
}

void bg_virgl_set_uniform_buffer(struct bg_virgl_encoder *e, enum bg_virgl_shader_type type,
                                 uint32_t index, uint32_t resource_id, uint32_t offset,
                                 uint32_t size)
{
    put_command(e, BG_VIRGL_CCMD_SET_UNIFORM_BUFFER, 0,
                WORDS(type, index, offset, size, resource_id));
}

void bg_virgl_set_stencil_reference(struct bg_virgl_encoder *e, uint8_t front, uint8_t back)
{
    put_command(e, BG_VIRGL_CCMD_SET_STENCIL_REF, 0, WORDS(front | (uint32_t)back << 8));
}

void bg_virgl_set_blend_color(struct bg_virgl_encoder *e, const uint32_t color[4])
{
    put_command(e, BG_VIRGL_CCMD_SET_BLEND_COLOR, 0, color, 4);
}

void bg_virgl_set_scissor(struct bg_virgl_encoder *e, uint16_t left, uint16_t top, uint16_t right,
                          uint16_t bottom)
{
    /* 0: the first viewport's. */
    put_command(e, BG_VIRGL_CCMD_SET_SCISSOR_STATE, 0,
                WORDS(0, left | (uint32_t)top << 16, right | (uint32_t)bottom << 16));
}

/* ---- Work ---- */

void bg_virgl_clear(struct bg_virgl_encoder *e, uint32_t buffers, const uint32_t color[4],
                    uint64_t depth, uint32_t stencil)
{
    put_command(e, BG_VIRGL_CCMD_CLEAR, 0,
                WORDS(buffers, color[0], color[1], color[2], color[3], (uint32_t)depth,
                      (uint32_t)(depth >> 32), stencil));
}

void bg_virgl_draw(struct bg_virgl_encoder *e, const struct bg_virgl_draw *draw)
{
    const uint32_t words[] = {
        draw->first,
        draw->count,
        draw->primitive,
        draw->is_indexed,
        draw->instances != 0 ? draw->instances : 1,
        (uint32_t)draw->index_bias,
        draw->first_instance,
        0, /* no primitive restart, */
        0, /* and so no index for it */
        0, /* the smallest index: the host wants a bound, not the true one */
        draw->is_indexed ? draw->max_index : UINT32_MAX,
        0, /* the count does not come from stream output */
    };

    put_command(e, BG_VIRGL_CCMD_DRAW_VBO, 0, words, 12);
}

void bg_virgl_write_buffer(struct bg_virgl_encoder *e, uint32_t resource_id, uint32_t offset,
                           const void *data, size_t size)
{
    if (resource_id == 0 || size == 0) {
        refuse(e, BG_ERR_INVALID);
        return;
    }
    if (size > BG_VIRGL_LENGTH_MAX * sizeof(uint32_t)) {
        refuse(e, BG_ERR_TOO_LARGE);
        return;
    }
    if (begin_command(e, BG_VIRGL_CCMD_RESOURCE_INLINE_WRITE, 0,
                      11 + (size + sizeof(uint32_t) - 1) / sizeof(uint32_t))) {
        /* The zeroes after the id: level, usage and strides, of which a buffer has none. */
        put_all(e, WORDS(resource_id, 0, 0, 0, 0, offset, 0, 0, (uint32_t)size, 1, 1));
        put_bytes(e, data, size);
    }
}
