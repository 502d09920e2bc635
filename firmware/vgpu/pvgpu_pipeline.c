/* SPDX-License-Identifier: BSD-2-Clause */
/* Shaders, state objects, what draws use, and draws: BG_PVGPU_FEATURE_DRAW. */
#include "baregpu/pvgpu_draw.h"
#include "firmware/vgpu/pvgpu_internal.h"

#define WORD 4u
#define SLOTS(array) (sizeof(array) / sizeof((array)[0]))

/* What the options have is what stands on the wire behind the id. */
#define SAME_AS(options, command)                                                                  \
    _Static_assert(sizeof(struct options) + sizeof(struct bg_pvgpu_command) + WORD ==              \
                       sizeof(struct command),                                                     \
                   "put as words")
SAME_AS(bg_pvgpu_blend_options, bg_pvgpu_create_blend_state);
SAME_AS(bg_pvgpu_rasterizer_options, bg_pvgpu_create_rasterizer_state);
SAME_AS(bg_pvgpu_depth_stencil_options, bg_pvgpu_create_depth_stencil_state);
SAME_AS(bg_pvgpu_sampler_options, bg_pvgpu_create_sampler);
SAME_AS(bg_pvgpu_shader_view_options, bg_pvgpu_create_shader_view);

/* ---- Commands ---- */

static int draw_command(struct bg_pvgpu *gpu, uint32_t type, uint32_t resource_id,
                        const uint32_t *before, uint32_t before_count, const void *words,
                        uint32_t count)
{
    return bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_DRAW)
               ? pvgpu_command(gpu, type, resource_id, before, before_count, words, count)
               : pvgpu_refuse(gpu);
}

/* At most eight words, of which the last ones are zero. A frame has thousands of these. */
static int short_command(struct bg_pvgpu *gpu, uint32_t type, const uint32_t words[8],
                         uint32_t payload)
{
    const uint32_t size = sizeof(struct bg_pvgpu_command) + payload;
    uint32_t *place = bg_pvgpu_quick_begin(gpu, size);

    if (place == NULL || !bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_DRAW)) {
        bg_pvgpu_quick_look(gpu, size); /* for the next one */
        return draw_command(gpu, type, 0, words, payload / WORD, NULL, 0);
    }
    place[0] = type;
    place[1] = size;
    place[2] = place[3] = 0;
    __builtin_memcpy(&place[4], words, 4 * WORD);
    if (payload > 4 * WORD) {
        __builtin_memcpy(&place[8], words + 4, 4 * WORD);
    }
    gpu->written += size;
    return 0;
}

#define DRAW_COMMAND(gpu, type, ...)                                                               \
    short_command(gpu, type, (const uint32_t[8]){__VA_ARGS__},                                     \
                  SLOTS(((const uint32_t[]){__VA_ARGS__})) > 4 ? 8 * WORD : 4 * WORD)

/* Its id, and these words. */
static int create(struct bg_pvgpu *gpu, uint32_t type, uint32_t *last, const void *words,
                  uint32_t count, uint32_t *id)
{
    const uint32_t next = *last + 1;

    return bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_DRAW)
               ? pvgpu_create(gpu, type, last, &next, 1, words, count, id)
               : pvgpu_refuse(gpu);
}

static int create_object(struct bg_pvgpu *gpu, uint32_t type, const void *options, uint32_t size,
                         uint32_t *id)
{
    return create(gpu, type, &gpu->last_object, options, size / WORD, id);
}

static int destroy(struct bg_pvgpu *gpu, uint32_t type, uint32_t id)
{
    return draw_command(gpu, type, id, &id, 1, NULL, 0);
}

/* {start, count, items}, and a stage before that for what each stage has. */
static int set_slots(struct bg_pvgpu *gpu, uint32_t type, const uint32_t *before,
                     uint32_t before_count, uint32_t slots, const void *items, uint32_t item_size)
{
    uint32_t start = before[before_count - 2], count = before[before_count - 1];

    return count <= slots && start <= slots - count
               ? draw_command(gpu, type, 0, before, before_count, items, count * item_size / WORD)
               : BG_ERR_INVALID;
}

static int set_stage_slots(struct bg_pvgpu *gpu, uint32_t type, const uint32_t before[3],
                           uint32_t slots, const uint32_t *ids)
{
    return before[0] < BG_PVGPU_STAGES ? set_slots(gpu, type, before, 3, slots, ids, WORD)
                                       : BG_ERR_INVALID;
}

/* ---- Shaders ---- */

int bg_pvgpu_shader_create(struct bg_pvgpu *gpu, uint32_t stage, uint32_t heap_offset,
                           uint32_t size, uint32_t *id)
{
    const uint32_t words[] = {stage, size, heap_offset};

    return create_object(gpu, BG_PVGPU_CMD_CREATE_SHADER, words, sizeof(words), id);
}

int bg_pvgpu_shader_load(struct bg_pvgpu *gpu, const struct bg_pvgpu_shader_code *code,
                         uint32_t *id, uint64_t deadline_ns)
{
    struct bg_pvgpu_memory memory;
    int error = bg_pvgpu_heap_alloc(gpu, code->size, 0, &memory);

    if (error < 0) {
        return error;
    }
    __builtin_memcpy(memory.bytes, code->words, code->size);
    error = bg_pvgpu_shader_create(gpu, code->stage, memory.offset, code->size, id)
                ?: bg_pvgpu_finish(gpu, deadline_ns);
    if (error != BG_ERR_TIMEOUT) {
        bg_pvgpu_heap_free(gpu, &memory);
    }
    return error;
}

/* The backend may write on, and anything: each byte is read once. */
void bg_pvgpu_shader_error(const struct bg_pvgpu *gpu, char text[BG_PVGPU_ERROR_TEXT_SIZE])
{
    const volatile char *from = gpu->control->error_text;
    uint32_t length = 0;

    while (bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_DRAW) && length < BG_PVGPU_ERROR_TEXT_SIZE - 1) {
        char c = from[length];

        if (c == '\0') {
            break;
        }
        text[length++] = c >= ' ' && c <= '~' ? c : '?';
    }
    text[length] = '\0';
}

int bg_pvgpu_shader_destroy(struct bg_pvgpu *gpu, uint32_t id)
{
    return destroy(gpu, BG_PVGPU_CMD_DESTROY_SHADER, id);
}

/* ---- Views ---- */

int bg_pvgpu_shader_resource_view_create(struct bg_pvgpu *gpu,
                                         const struct bg_pvgpu_shader_view_options *options,
                                         uint32_t *id)
{
    return create(gpu, BG_PVGPU_CMD_CREATE_SHADER_RESOURCE_VIEW, &gpu->last_view, options,
                  sizeof(*options) / WORD, id);
}

int bg_pvgpu_shader_resource_view_destroy(struct bg_pvgpu *gpu, uint32_t id)
{
    return destroy(gpu, BG_PVGPU_CMD_DESTROY_SHADER_RESOURCE_VIEW, id);
}

int bg_pvgpu_unordered_access_view_create(struct bg_pvgpu *gpu,
                                          const struct bg_pvgpu_view_options *options, uint32_t *id)
{
    return bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_DRAW)
               ? pvgpu_create_view(gpu, BG_PVGPU_CMD_CREATE_UNORDERED_ACCESS_VIEW, options, id)
               : pvgpu_refuse(gpu);
}

int bg_pvgpu_unordered_access_view_destroy(struct bg_pvgpu *gpu, uint32_t id)
{
    return destroy(gpu, BG_PVGPU_CMD_DESTROY_UNORDERED_ACCESS_VIEW, id);
}

/* ---- State objects ---- */

#define OPAQUE                                                                                     \
    {0,                                                                                            \
     BG_PVGPU_BLEND_ONE,                                                                           \
     BG_PVGPU_BLEND_ZERO,                                                                          \
     BG_PVGPU_BLEND_OP_ADD,                                                                        \
     BG_PVGPU_BLEND_ONE,                                                                           \
     BG_PVGPU_BLEND_ZERO,                                                                          \
     BG_PVGPU_BLEND_OP_ADD,                                                                        \
     BG_PVGPU_COLOR_WRITE_ALL}

const struct bg_pvgpu_blend_options bg_pvgpu_blend_default = {
    .targets = {OPAQUE, OPAQUE, OPAQUE, OPAQUE, OPAQUE, OPAQUE, OPAQUE, OPAQUE},
};

const struct bg_pvgpu_rasterizer_options bg_pvgpu_rasterizer_default = {
    .fill_mode = BG_PVGPU_FILL_SOLID,
    .cull_mode = BG_PVGPU_CULL_BACK,
    .depth_clip = 1,
};

#define STENCIL_KEEP                                                                               \
    {BG_PVGPU_STENCIL_OP_KEEP, BG_PVGPU_STENCIL_OP_KEEP, BG_PVGPU_STENCIL_OP_KEEP,                 \
     BG_PVGPU_COMPARISON_ALWAYS}

const struct bg_pvgpu_depth_stencil_options bg_pvgpu_depth_stencil_default = {
    .depth_enable = 1,
    .depth_write_mask = 1,
    .depth_func = BG_PVGPU_COMPARISON_LESS,
    .read_mask = 0xFF,
    .write_mask = 0xFF,
    .front = STENCIL_KEEP,
    .back = STENCIL_KEEP,
};

const struct bg_pvgpu_sampler_options bg_pvgpu_sampler_default = {BG_PVGPU_SAMPLER_DEFAULTS};

int bg_pvgpu_blend_state_create(struct bg_pvgpu *gpu, const struct bg_pvgpu_blend_options *options,
                                uint32_t *id)
{
    return create_object(gpu, BG_PVGPU_CMD_CREATE_BLEND_STATE, options, sizeof(*options), id);
}

int bg_pvgpu_blend_state_destroy(struct bg_pvgpu *gpu, uint32_t id)
{
    return destroy(gpu, BG_PVGPU_CMD_DESTROY_BLEND_STATE, id);
}

int bg_pvgpu_rasterizer_state_create(struct bg_pvgpu *gpu,
                                     const struct bg_pvgpu_rasterizer_options *options,
                                     uint32_t *id)
{
    return create_object(gpu, BG_PVGPU_CMD_CREATE_RASTERIZER_STATE, options, sizeof(*options), id);
}

int bg_pvgpu_rasterizer_state_destroy(struct bg_pvgpu *gpu, uint32_t id)
{
    return destroy(gpu, BG_PVGPU_CMD_DESTROY_RASTERIZER_STATE, id);
}

int bg_pvgpu_depth_stencil_state_create(struct bg_pvgpu *gpu,
                                        const struct bg_pvgpu_depth_stencil_options *options,
                                        uint32_t *id)
{
    return create_object(gpu, BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_STATE, options, sizeof(*options),
                         id);
}

int bg_pvgpu_depth_stencil_state_destroy(struct bg_pvgpu *gpu, uint32_t id)
{
    return destroy(gpu, BG_PVGPU_CMD_DESTROY_DEPTH_STENCIL_STATE, id);
}

int bg_pvgpu_sampler_create(struct bg_pvgpu *gpu, const struct bg_pvgpu_sampler_options *options,
                            uint32_t *id)
{
    return create_object(gpu, BG_PVGPU_CMD_CREATE_SAMPLER, options, sizeof(*options), id);
}

int bg_pvgpu_sampler_destroy(struct bg_pvgpu *gpu, uint32_t id)
{
    return destroy(gpu, BG_PVGPU_CMD_DESTROY_SAMPLER, id);
}

int bg_pvgpu_input_layout_create(struct bg_pvgpu *gpu,
                                 const struct bg_pvgpu_input_element *elements, uint32_t count,
                                 uint32_t *id)
{
    struct {
        uint32_t count;
        struct bg_pvgpu_input_element elements[BG_PVGPU_INPUT_ELEMENTS_MAX];
    } options;

    if (count > BG_PVGPU_INPUT_ELEMENTS_MAX) {
        return BG_ERR_INVALID;
    }
    options.count = count;
    for (uint32_t i = 0; i < count; i++) {
        options.elements[i] = elements[i];
    }
    return create_object(gpu, BG_PVGPU_CMD_CREATE_INPUT_LAYOUT, &options,
                         WORD + count * (uint32_t)sizeof(*elements), id);
}

/* It counts from the shared memory's start, where the control region is. */
uint32_t bg_pvgpu_semantic_name_offset(const struct bg_pvgpu *gpu,
                                       const struct bg_pvgpu_memory *name)
{
    return (uint32_t)(gpu->heap - (const uint8_t *)gpu->control) + name->offset;
}

int bg_pvgpu_input_layout_destroy(struct bg_pvgpu *gpu, uint32_t id)
{
    return destroy(gpu, BG_PVGPU_CMD_DESTROY_INPUT_LAYOUT, id);
}

/* ---- What draws use ---- */

int bg_pvgpu_set_shader(struct bg_pvgpu *gpu, uint32_t stage, uint32_t id)
{
    return DRAW_COMMAND(gpu, BG_PVGPU_CMD_SET_SHADER, stage, id);
}

int bg_pvgpu_set_blend_state(struct bg_pvgpu *gpu, uint32_t id, const float *factor,
                             uint32_t sample_mask)
{
    static const float ones[4] = {1, 1, 1, 1};
    uint32_t words[6] = {id};

    __builtin_memcpy(&words[1], factor != NULL ? factor : ones, sizeof(ones));
    words[5] = sample_mask;
    return draw_command(gpu, BG_PVGPU_CMD_SET_BLEND_STATE, 0, words, SLOTS(words), NULL, 0);
}

int bg_pvgpu_set_rasterizer_state(struct bg_pvgpu *gpu, uint32_t id)
{
    return DRAW_COMMAND(gpu, BG_PVGPU_CMD_SET_RASTERIZER_STATE, id);
}

int bg_pvgpu_set_depth_stencil_state(struct bg_pvgpu *gpu, uint32_t id, uint32_t stencil_ref)
{
    return DRAW_COMMAND(gpu, BG_PVGPU_CMD_SET_DEPTH_STENCIL, id, stencil_ref);
}

int bg_pvgpu_set_topology(struct bg_pvgpu *gpu, uint32_t topology)
{
    return DRAW_COMMAND(gpu, BG_PVGPU_CMD_SET_PRIMITIVE_TOPOLOGY, topology);
}

int bg_pvgpu_set_input_layout(struct bg_pvgpu *gpu, uint32_t id)
{
    return DRAW_COMMAND(gpu, BG_PVGPU_CMD_SET_INPUT_LAYOUT, id);
}

int bg_pvgpu_set_vertex_buffers(struct bg_pvgpu *gpu, uint32_t start_slot, uint32_t count,
                                const struct bg_pvgpu_vertex_buffer *buffers)
{
    const uint32_t before[] = {start_slot, count};

    return set_slots(gpu, BG_PVGPU_CMD_SET_VERTEX_BUFFER, before, SLOTS(before),
                     BG_PVGPU_VERTEX_BUFFERS_MAX, buffers, sizeof(*buffers));
}

int bg_pvgpu_set_index_buffer(struct bg_pvgpu *gpu, uint32_t buffer, uint32_t format,
                              uint32_t offset)
{
    return DRAW_COMMAND(gpu, BG_PVGPU_CMD_SET_INDEX_BUFFER, buffer, format, offset);
}

int bg_pvgpu_set_constant_buffer(struct bg_pvgpu *gpu, uint32_t stage, uint32_t slot,
                                 uint32_t buffer, uint32_t offset, uint32_t size)
{
    return DRAW_COMMAND(gpu, BG_PVGPU_CMD_SET_CONSTANT_BUFFER, stage, slot, buffer, offset, size);
}

int bg_pvgpu_set_shader_resources(struct bg_pvgpu *gpu, uint32_t stage, uint32_t start_slot,
                                  uint32_t count, const uint32_t *views)
{
    return set_stage_slots(gpu, BG_PVGPU_CMD_SET_SHADER_RESOURCE,
                           (const uint32_t[]){stage, start_slot, count},
                           BG_PVGPU_SHADER_RESOURCES_MAX, views);
}

int bg_pvgpu_set_samplers(struct bg_pvgpu *gpu, uint32_t stage, uint32_t start_slot, uint32_t count,
                          const uint32_t *samplers)
{
    return set_stage_slots(gpu, BG_PVGPU_CMD_SET_SAMPLER,
                           (const uint32_t[]){stage, start_slot, count}, BG_PVGPU_SAMPLERS_MAX,
                           samplers);
}

int bg_pvgpu_set_unordered_access(struct bg_pvgpu *gpu, uint32_t stage, uint32_t start_slot,
                                  uint32_t count, const uint32_t *views)
{
    return set_stage_slots(gpu, BG_PVGPU_CMD_SET_UNORDERED_ACCESS,
                           (const uint32_t[]){stage, start_slot, count},
                           BG_PVGPU_UNORDERED_ACCESS_MAX, views);
}

/* ---- Draws ---- */

int bg_pvgpu_draw(struct bg_pvgpu *gpu, uint32_t vertex_count, uint32_t start_vertex)
{
    return DRAW_COMMAND(gpu, BG_PVGPU_CMD_DRAW, vertex_count, start_vertex);
}

int bg_pvgpu_draw_indexed(struct bg_pvgpu *gpu, uint32_t index_count, uint32_t start_index,
                          int32_t base_vertex)
{
    return DRAW_COMMAND(gpu, BG_PVGPU_CMD_DRAW_INDEXED, index_count, start_index,
                        (uint32_t)base_vertex);
}

int bg_pvgpu_draw_instanced(struct bg_pvgpu *gpu, uint32_t vertex_count, uint32_t instance_count,
                            uint32_t start_vertex, uint32_t start_instance)
{
    return DRAW_COMMAND(gpu, BG_PVGPU_CMD_DRAW_INSTANCED, vertex_count, instance_count,
                        start_vertex, start_instance);
}

int bg_pvgpu_draw_indexed_instanced(struct bg_pvgpu *gpu, uint32_t index_count,
                                    uint32_t instance_count, uint32_t start_index,
                                    int32_t base_vertex, uint32_t start_instance)
{
    return DRAW_COMMAND(gpu, BG_PVGPU_CMD_DRAW_INDEXED_INSTANCED, index_count, instance_count,
                        start_index, (uint32_t)base_vertex, start_instance);
}

int bg_pvgpu_dispatch(struct bg_pvgpu *gpu, uint32_t x, uint32_t y, uint32_t z)
{
    return DRAW_COMMAND(gpu, BG_PVGPU_CMD_DISPATCH, x, y, z);
}
