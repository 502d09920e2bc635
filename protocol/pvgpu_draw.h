/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pvgpu: the commands that draw, with BG_PVGPU_FEATURE_DRAW. What pvgpu_command.h says about all
 * commands goes for these. Enumerations have Direct3D 11's numbers, and what is not said here is as
 * there: clip space with y up and depth 0..1, pixels' centres at .5, the top-left rule, default
 * states.
 *
 * State objects, samplers, input layouts and shaders are one space of ids; views another; resources
 * a third. An id in use is INVALID_PARAMETER. Where a payload has 0 for the id that it creates or
 * destroys, the header's resource_id counts. What is destroyed while it is bound is unbound.
 *
 * What is bound stays so until it is bound anew, or the session ends. Id 0 unbinds; an unbound
 * state object or sampler is the default one; an unbound buffer or view reads as zero. Each thing
 * that is bound is checked by itself; whether all of it fits together, by the draw that uses it:
 * INVALID_PARAMETER. A list of bindings may end behind its last item that counts.
 */
#ifndef BAREGPU_PROTOCOL_PVGPU_DRAW_H
#define BAREGPU_PROTOCOL_PVGPU_DRAW_H

#include <stddef.h>
#include <stdint.h>

#include "decls.h" /* beside this file, also in a QEMU tree */
#include "pvgpu_command.h"

/* ---- Formats that only drawing takes ---- */

/* X(name, number, bytes per block, texels on a block's side, colour target?, depth target?) */
#define BG_PVGPU_DRAW_FORMATS(X)                                                                   \
    X(R32G32B32_FLOAT, 6, 12, 1, 0, 0) /* these three: of vertices */                              \
    X(R32G32B32_UINT, 7, 12, 1, 0, 0)                                                              \
    X(R32G32B32_SINT, 8, 12, 1, 0, 0)                                                              \
    X(R16G16B16A16_SNORM, 13, 8, 1, 1, 0)                                                          \
    X(D32_FLOAT_S8X24_UINT, 20, 8, 1, 0, 1) /* stencil above depth */                              \
    X(R10G10B10A2_UNORM, 24, 4, 1, 1, 0)                                                           \
    X(R10G10B10A2_UINT, 25, 4, 1, 1, 0)                                                            \
    X(R11G11B10_FLOAT, 26, 4, 1, 1, 0)                                                             \
    X(R8G8B8A8_SNORM, 31, 4, 1, 1, 0)                                                              \
    X(R16G16_UNORM, 35, 4, 1, 1, 0)                                                                \
    X(R16G16_SNORM, 37, 4, 1, 1, 0)                                                                \
    X(R8G8_UINT, 50, 2, 1, 1, 0)                                                                   \
    X(R8G8_SNORM, 51, 2, 1, 1, 0)                                                                  \
    X(R8G8_SINT, 52, 2, 1, 1, 0)                                                                   \
    X(D16_UNORM, 55, 2, 1, 0, 1)                                                                   \
    X(R16_UNORM, 56, 2, 1, 1, 0)                                                                   \
    X(R16_SNORM, 58, 2, 1, 1, 0)                                                                   \
    X(R8_SNORM, 63, 1, 1, 1, 0)                                                                    \
    X(R9G9B9E5_SHAREDEXP, 67, 4, 1, 0, 0)                                                          \
    X(BC1_UNORM, 71, 8, 4, 0, 0)                                                                   \
    X(BC1_UNORM_SRGB, 72, 8, 4, 0, 0)                                                              \
    X(BC2_UNORM, 74, 16, 4, 0, 0)                                                                  \
    X(BC2_UNORM_SRGB, 75, 16, 4, 0, 0)                                                             \
    X(BC3_UNORM, 77, 16, 4, 0, 0)                                                                  \
    X(BC3_UNORM_SRGB, 78, 16, 4, 0, 0)                                                             \
    X(BC4_UNORM, 80, 8, 4, 0, 0)                                                                   \
    X(BC4_SNORM, 81, 8, 4, 0, 0)                                                                   \
    X(BC5_UNORM, 83, 16, 4, 0, 0)                                                                  \
    X(BC5_SNORM, 84, 16, 4, 0, 0)                                                                  \
    X(B5G6R5_UNORM, 85, 2, 1, 1, 0)                                                                \
    X(B5G5R5A1_UNORM, 86, 2, 1, 1, 0)                                                              \
    X(B8G8R8X8_UNORM_SRGB, 93, 4, 1, 1, 0)                                                         \
    X(BC6H_UF16, 95, 16, 4, 0, 0)                                                                  \
    X(BC6H_SF16, 96, 16, 4, 0, 0)                                                                  \
    X(BC7_UNORM, 98, 16, 4, 0, 0)                                                                  \
    X(BC7_UNORM_SRGB, 99, 16, 4, 0, 0)

/* X(name, number, bytes): of a shader's view of depth, or stencil, that has both. */
#define BG_PVGPU_ASPECT_FORMATS(X)                                                                 \
    X(R32_FLOAT_X8X24_TYPELESS, 21, 8)                                                             \
    X(X32_TYPELESS_G8X24_UINT, 22, 8)                                                              \
    X(R24_UNORM_X8_TYPELESS, 46, 4)                                                                \
    X(X24_TYPELESS_G8_UINT, 47, 4)

/* X(name, number, what a resource of it is here, and with BIND_DEPTH_STENCIL): its views say what
 * they take it for, as views of all resources may. */
#define BG_PVGPU_TYPELESS_FORMATS(X)                                                               \
    X(R32G32B32A32_TYPELESS, 1, R32G32B32A32_UINT, UNKNOWN)                                        \
    X(R16G16B16A16_TYPELESS, 9, R16G16B16A16_UNORM, UNKNOWN)                                       \
    X(R32G32_TYPELESS, 15, R32G32_UINT, UNKNOWN)                                                   \
    X(R32G8X24_TYPELESS, 19, R32G32_UINT, D32_FLOAT_S8X24_UINT)                                    \
    X(R10G10B10A2_TYPELESS, 23, R10G10B10A2_UNORM, UNKNOWN)                                        \
    X(R8G8B8A8_TYPELESS, 27, R8G8B8A8_UNORM, UNKNOWN)                                              \
    X(R16G16_TYPELESS, 33, R16G16_UINT, UNKNOWN)                                                   \
    X(R32_TYPELESS, 39, R32_UINT, D32_FLOAT)                                                       \
    X(R24G8_TYPELESS, 44, R32_UINT, D24_UNORM_S8_UINT)                                             \
    X(R8G8_TYPELESS, 48, R8G8_UNORM, UNKNOWN)                                                      \
    X(R16_TYPELESS, 53, R16_UINT, D16_UNORM)                                                       \
    X(R8_TYPELESS, 60, R8_UNORM, UNKNOWN)                                                          \
    X(BC1_TYPELESS, 70, BC1_UNORM, UNKNOWN)                                                        \
    X(BC2_TYPELESS, 73, BC2_UNORM, UNKNOWN)                                                        \
    X(BC3_TYPELESS, 76, BC3_UNORM, UNKNOWN)                                                        \
    X(BC4_TYPELESS, 79, BC4_UNORM, UNKNOWN)                                                        \
    X(BC5_TYPELESS, 82, BC5_UNORM, UNKNOWN)                                                        \
    X(B8G8R8A8_TYPELESS, 90, B8G8R8A8_UNORM, UNKNOWN)                                              \
    X(B8G8R8X8_TYPELESS, 92, B8G8R8X8_UNORM, UNKNOWN)                                              \
    X(BC6H_TYPELESS, 94, BC6H_UF16, UNKNOWN)                                                       \
    X(BC7_TYPELESS, 97, BC7_UNORM, UNKNOWN)

enum bg_pvgpu_draw_format {
#define BG_PVGPU_FORMAT_ENTRY(name, number, ...) BG_PVGPU_FORMAT_##name = number,
    BG_PVGPU_DRAW_FORMATS(BG_PVGPU_FORMAT_ENTRY) BG_PVGPU_ASPECT_FORMATS(BG_PVGPU_FORMAT_ENTRY)
        BG_PVGPU_TYPELESS_FORMATS(BG_PVGPU_FORMAT_ENTRY)
#undef BG_PVGPU_FORMAT_ENTRY
};

/* ---- Limits: Direct3D 11's slots for each stage; INVALID_PARAMETER above them ---- */

#define BG_PVGPU_CONSTANT_BUFFERS_MAX 14u
#define BG_PVGPU_SHADER_RESOURCES_MAX 128u
#define BG_PVGPU_SAMPLERS_MAX 16u
#define BG_PVGPU_UNORDERED_ACCESS_MAX 8u
#define BG_PVGPU_VERTEX_BUFFERS_MAX 16u
#define BG_PVGPU_INPUT_ELEMENTS_MAX 32u
#define BG_PVGPU_VERTEX_STRIDE_MAX 2048u
#define BG_PVGPU_PATCH_POINTS_MAX 32u
#define BG_PVGPU_CONSTANT_BUFFER_SIZE_MAX 65536u /* bytes that a shader sees of a larger buffer */
#define BG_PVGPU_DISPATCH_GROUPS_MAX 65535u      /* in each direction */
#define BG_PVGPU_SHADER_SIZE_MAX 0x100000u       /* bytes */
/* OUT_OF_MEMORY above: state objects, samplers, input layouts and shaders of a session. */
#define BG_PVGPU_OBJECTS_MAX 4096u

/* ---- Resources and views, beyond pvgpu_command.h ---- */

/*
 * A 2D texture's depth is its number of layers (at most 2048); subresource: layer * levels + level,
 * which is also the order in the heap.
 * A block-compressed texture is in the heap as rows of blocks, and a box of it begins and ends at
 * blocks' sides, or at the level's.
 * MISC_TEXTURE_CUBE: its layers are the faces of cubes, six each.
 * sample_count 2, 4, 8 with BG_PVGPU_FEATURE_MSAA, where the device has it for the format: such a
 * texture has one level, and is only cleared, drawn to, read by shaders, and copied from.
 * COPY_RESOURCE and COPY_REGION from it to one with a single sample resolve it.
 */
#define BG_PVGPU_MISC_TEXTURE_CUBE 0x004u
#define BG_PVGPU_TEXTURE_LAYERS_MAX 2048u
#define BG_PVGPU_SAMPLES_MAX 8u

/* A shader resource's view's dimension; 0 and whatever does not fit: the resource's own. Layers are
 * in first_slice and slice_count. */
enum bg_pvgpu_view_dimension {
    BG_PVGPU_VIEW_BUFFER = 1,
    BG_PVGPU_VIEW_TEXTURE_1D = 2,
    BG_PVGPU_VIEW_TEXTURE_2D = 4,
    BG_PVGPU_VIEW_TEXTURE_2D_ARRAY = 5,
    BG_PVGPU_VIEW_TEXTURE_2D_MULTISAMPLED = 6,
    BG_PVGPU_VIEW_TEXTURE_2D_MULTISAMPLED_ARRAY = 7,
    BG_PVGPU_VIEW_TEXTURE_3D = 8,
    BG_PVGPU_VIEW_TEXTURE_CUBE = 9,
    BG_PVGPU_VIEW_TEXTURE_CUBE_ARRAY = 10,
};

/* Of a target, VIEW_TEXTURE_2D, or this one of a depth-stencil view, with a slice_count of 0 is one
 * layer. */
#define BG_PVGPU_DEPTH_VIEW_TEXTURE_2D 3u

/* ---- Shaders ---- */

enum bg_pvgpu_stage {
    BG_PVGPU_STAGE_VERTEX = 0,
    BG_PVGPU_STAGE_PIXEL = 1,
    BG_PVGPU_STAGE_GEOMETRY = 2, /* with BG_PVGPU_FEATURE_GEOMETRY */
    /* These two: with BG_PVGPU_FEATURE_TESSELLATION. Either or both say the domain and the spacing.
     */
    BG_PVGPU_STAGE_HULL = 3,
    BG_PVGPU_STAGE_DOMAIN = 4,
    BG_PVGPU_STAGE_COMPUTE = 5, /* with BG_PVGPU_FEATURE_COMPUTE_SHADER */
};

#define BG_PVGPU_STAGES 6u

/*
 * SPIR-V 1.0 to 1.6 or DXBC (shader models 4 and 5), told apart by the first word. The heap's bytes
 * are taken before the next fence completes. SHADER_COMPILE: not valid, uses what the backend does
 * not have, or does not compile in the mediator's time.
 *
 * SPIR-V has one entry point of the stage, called "main". Its descriptor set is the stage's number,
 * its bindings those below, each a single descriptor. A vertex shader's input of location n is
 * element n of the input layout; a pixel shader's output of location n goes to render target n.
 * DXBC is bound by its registers, and its vertex inputs by semantic name and index.
 */
struct bg_pvgpu_create_shader {
    struct bg_pvgpu_command header;
    uint32_t shader_id;
    uint32_t stage;           /* enum bg_pvgpu_stage */
    uint32_t bytecode_size;   /* bytes, a multiple of 4 */
    uint32_t bytecode_offset; /* in the heap, a multiple of 4 */
};

#define BG_PVGPU_SPIRV_MAGIC 0x07230203u
#define BG_PVGPU_DXBC_MAGIC 0x43425844u /* "DXBC" */

/* Uniform buffers b0 to b13; sampled images, texel buffers and read-only storage buffers t0 to
 * t127; samplers s0 to s15; storage images and buffers u0 to u7. */
#define BG_PVGPU_BINDING_CONSTANT_BUFFER 0u
#define BG_PVGPU_BINDING_SHADER_RESOURCE 16u
#define BG_PVGPU_BINDING_SAMPLER 144u
#define BG_PVGPU_BINDING_UNORDERED_ACCESS 160u

struct bg_pvgpu_set_shader {
    struct bg_pvgpu_command header;
    uint32_t stage;
    uint32_t shader_id;
};

/* ---- What shaders read and write ---- */

/* The buffer has BIND_CONSTANT_BUFFER. offset: a multiple of 256; size 0: to the buffer's end. */
struct bg_pvgpu_set_constant_buffer {
    struct bg_pvgpu_command header;
    uint32_t stage, slot;
    uint32_t buffer_id;
    uint32_t offset, size; /* bytes */
};

/* Slots start_slot to start_slot + count - 1. */
struct bg_pvgpu_set_shader_resource {
    struct bg_pvgpu_command header;
    uint32_t stage, start_slot, count;
    uint32_t views[BG_PVGPU_SHADER_RESOURCES_MAX];
};

struct bg_pvgpu_set_sampler {
    struct bg_pvgpu_command header;
    uint32_t stage, start_slot, count;
    uint32_t samplers[BG_PVGPU_SAMPLERS_MAX];
};

/* Ours: programs of others do not send it. A resource written here is not read elsewhere by the
 * same draw or dispatch. */
struct bg_pvgpu_set_unordered_access {
    struct bg_pvgpu_command header;
    uint32_t stage, start_slot, count; /* PIXEL or COMPUTE; others INVALID_PARAMETER */
    uint32_t views[BG_PVGPU_UNORDERED_ACCESS_MAX];
};

/*
 * CREATE_UNORDERED_ACCESS_VIEW has struct bg_pvgpu_create_view; the resource has
 * BIND_UNORDERED_ACCESS. Of a buffer, here as in a shader resource's view, first and count are
 * elements: of `format` (a texel buffer), or without one or of R32_TYPELESS (a storage buffer:
 * StructuredBuffer, ByteAddressBuffer, GLSL's `buffer`) words of 4 bytes, the first one a multiple
 * of 64. An unordered-access view has them in first_slice and slice_count.
 */

/* ---- State objects ---- */

enum bg_pvgpu_blend_factor {
    BG_PVGPU_BLEND_ZERO = 1,
    BG_PVGPU_BLEND_ONE = 2,
    BG_PVGPU_BLEND_SRC_COLOR = 3,
    BG_PVGPU_BLEND_INV_SRC_COLOR = 4,
    BG_PVGPU_BLEND_SRC_ALPHA = 5,
    BG_PVGPU_BLEND_INV_SRC_ALPHA = 6,
    BG_PVGPU_BLEND_DEST_ALPHA = 7,
    BG_PVGPU_BLEND_INV_DEST_ALPHA = 8,
    BG_PVGPU_BLEND_DEST_COLOR = 9,
    BG_PVGPU_BLEND_INV_DEST_COLOR = 10,
    BG_PVGPU_BLEND_SRC_ALPHA_SAT = 11,
    BG_PVGPU_BLEND_BLEND_FACTOR = 14, /* SET_BLEND_STATE's */
    BG_PVGPU_BLEND_INV_BLEND_FACTOR = 15,
    /* The pixel shader's output of location 1, or of location 0 with index 1; one target is set. */
    BG_PVGPU_BLEND_SRC1_COLOR = 16,
    BG_PVGPU_BLEND_INV_SRC1_COLOR = 17,
    BG_PVGPU_BLEND_SRC1_ALPHA = 18,
    BG_PVGPU_BLEND_INV_SRC1_ALPHA = 19,
};

enum bg_pvgpu_blend_op {
    BG_PVGPU_BLEND_OP_ADD = 1,
    BG_PVGPU_BLEND_OP_SUBTRACT = 2,
    BG_PVGPU_BLEND_OP_REV_SUBTRACT = 3,
    BG_PVGPU_BLEND_OP_MIN = 4,
    BG_PVGPU_BLEND_OP_MAX = 5,
};

#define BG_PVGPU_COLOR_WRITE_RED 0x1u
#define BG_PVGPU_COLOR_WRITE_GREEN 0x2u
#define BG_PVGPU_COLOR_WRITE_BLUE 0x4u
#define BG_PVGPU_COLOR_WRITE_ALPHA 0x8u
#define BG_PVGPU_COLOR_WRITE_ALL 0xFu

/* Factors and operations count where enable is not 0. */
struct bg_pvgpu_blend_target {
    uint32_t enable;
    uint32_t src, dest, op;                   /* enum bg_pvgpu_blend_factor, _op */
    uint32_t src_alpha, dest_alpha, op_alpha; /* no factor that is a colour */
    uint32_t write_mask;                      /* PVGPU_COLOR_WRITE_* */
};

struct bg_pvgpu_create_blend_state {
    struct bg_pvgpu_command header;
    uint32_t state_id;
    uint32_t alpha_to_coverage;
    uint32_t independent; /* 0: the first target's goes for all */
    struct bg_pvgpu_blend_target targets[BG_PVGPU_RENDER_TARGETS_MAX];
};

enum bg_pvgpu_fill_mode {
    BG_PVGPU_FILL_WIREFRAME = 2,
    BG_PVGPU_FILL_SOLID = 3,
};

enum bg_pvgpu_cull_mode {
    BG_PVGPU_CULL_NONE = 1,
    BG_PVGPU_CULL_FRONT = 2,
    BG_PVGPU_CULL_BACK = 3,
};

struct bg_pvgpu_create_rasterizer_state {
    struct bg_pvgpu_command header;
    uint32_t state_id;
    uint32_t fill_mode, cull_mode;
    uint32_t front_ccw; /* 0: a triangle is seen from its front when it runs clockwise */
    int32_t depth_bias; /* each a step of the depth's format; some devices have two */
    float depth_bias_clamp, slope_scaled_depth_bias;
    uint32_t depth_clip, scissor;
    /* Lines: of a pixel's width, by Direct3D's diamonds; antialiased; on several samples with
     * multisample, rectangles. What the device does not have is drawn as it can. */
    uint32_t multisample, antialiased_line;
};

enum bg_pvgpu_comparison {
    BG_PVGPU_COMPARISON_NEVER = 1,
    BG_PVGPU_COMPARISON_LESS = 2,
    BG_PVGPU_COMPARISON_EQUAL = 3,
    BG_PVGPU_COMPARISON_LESS_EQUAL = 4,
    BG_PVGPU_COMPARISON_GREATER = 5,
    BG_PVGPU_COMPARISON_NOT_EQUAL = 6,
    BG_PVGPU_COMPARISON_GREATER_EQUAL = 7,
    BG_PVGPU_COMPARISON_ALWAYS = 8,
};

enum bg_pvgpu_stencil_op {
    BG_PVGPU_STENCIL_OP_KEEP = 1,
    BG_PVGPU_STENCIL_OP_ZERO = 2,
    BG_PVGPU_STENCIL_OP_REPLACE = 3,
    BG_PVGPU_STENCIL_OP_INCR_SAT = 4,
    BG_PVGPU_STENCIL_OP_DECR_SAT = 5,
    BG_PVGPU_STENCIL_OP_INVERT = 6,
    BG_PVGPU_STENCIL_OP_INCR = 7,
    BG_PVGPU_STENCIL_OP_DECR = 8,
};

struct bg_pvgpu_stencil_face {
    uint32_t fail_op, depth_fail_op, pass_op; /* enum bg_pvgpu_stencil_op */
    uint32_t func;                            /* enum bg_pvgpu_comparison */
};

/* What is switched off is not looked at. */
struct bg_pvgpu_create_depth_stencil_state {
    struct bg_pvgpu_command header;
    uint32_t state_id;
    uint32_t depth_enable;
    uint32_t depth_write_mask; /* 0 none, 1 all */
    uint32_t depth_func;       /* enum bg_pvgpu_comparison */
    uint32_t stencil_enable;
    uint32_t read_mask, write_mask; /* the low 8 bits count */
    struct bg_pvgpu_stencil_face front, back;
};

/* D3D11_FILTER: these bits, alone or together; point without. */
#define BG_PVGPU_FILTER_MIP_LINEAR 0x01u
#define BG_PVGPU_FILTER_MAG_LINEAR 0x04u
#define BG_PVGPU_FILTER_MIN_LINEAR 0x10u
#define BG_PVGPU_FILTER_LINEAR 0x15u
#define BG_PVGPU_FILTER_ANISOTROPIC 0x55u /* only as a whole */
/* One of these, or 0. The last two are INVALID_PARAMETER where the device does not have them. */
#define BG_PVGPU_FILTER_COMPARISON 0x080u
#define BG_PVGPU_FILTER_MINIMUM 0x100u
#define BG_PVGPU_FILTER_MAXIMUM 0x180u
#define BG_PVGPU_FILTER_REDUCTION_MASK 0x180u

enum bg_pvgpu_address_mode {
    BG_PVGPU_ADDRESS_WRAP = 1,
    BG_PVGPU_ADDRESS_MIRROR = 2,
    BG_PVGPU_ADDRESS_CLAMP = 3,
    BG_PVGPU_ADDRESS_BORDER = 4,
    BG_PVGPU_ADDRESS_MIRROR_ONCE = 5,
};

struct bg_pvgpu_create_sampler {
    struct bg_pvgpu_command header;
    uint32_t sampler_id;
    uint32_t filter;
    uint32_t address_u, address_v, address_w; /* enum bg_pvgpu_address_mode */
    float mip_lod_bias;                       /* -16 to 15.99 */
    uint32_t max_anisotropy;                  /* 0 to 16 */
    uint32_t comparison;                      /* enum bg_pvgpu_comparison, with that filter */
    float border[4];                          /* r, g, b, a */
    float min_lod, max_lod;
};

#define BG_PVGPU_LOD_MAX 3.402823466e38f /* of a float */

/* Direct3D's sampler where none is set: initialisers for a struct with these members. */
#define BG_PVGPU_SAMPLER_DEFAULTS                                                                  \
    .filter = BG_PVGPU_FILTER_LINEAR, .address_u = BG_PVGPU_ADDRESS_CLAMP,                         \
    .address_v = BG_PVGPU_ADDRESS_CLAMP, .address_w = BG_PVGPU_ADDRESS_CLAMP, .max_anisotropy = 1, \
    .comparison = BG_PVGPU_COMPARISON_NEVER, .border = {1, 1, 1, 1}, .min_lod = -BG_PVGPU_LOD_MAX, \
    .max_lod = BG_PVGPU_LOD_MAX

#define BG_PVGPU_PER_VERTEX_DATA 0u
#define BG_PVGPU_PER_INSTANCE_DATA 1u

#define BG_PVGPU_APPEND_ALIGNED 0xFFFFFFFFu /* byte_offset: behind the slot's element before it */

struct bg_pvgpu_input_element {
    /* NUL-terminated, at most 63 bytes: counts from the start of the shared memory, not of the
     * heap, and lies in the heap. 0: none; then only SPIR-V can be drawn with. */
    uint32_t semantic_name_offset;
    uint32_t semantic_index;
    uint32_t format;
    uint32_t slot;        /* of the vertex buffer */
    uint32_t byte_offset; /* in a vertex: aligned as its components, or APPEND_ALIGNED */
    uint32_t input_class; /* BG_PVGPU_PER_VERTEX_DATA, BG_PVGPU_PER_INSTANCE_DATA */
    uint32_t step_rate;   /* instances that share an element; 0: all. Per vertex: 0 */
};

struct bg_pvgpu_create_input_layout {
    struct bg_pvgpu_command header;
    uint32_t layout_id;
    uint32_t count;
    struct bg_pvgpu_input_element elements[BG_PVGPU_INPUT_ELEMENTS_MAX];
};

/* DESTROY_ of all these, and of a shader. May be its header only. */
struct bg_pvgpu_destroy_object {
    struct bg_pvgpu_command header;
    uint32_t id;
    uint32_t zero[3];
};

/* ---- The pipeline's state ---- */

struct bg_pvgpu_set_blend_state {
    struct bg_pvgpu_command header;
    uint32_t state_id;
    float factor[4];
    uint32_t sample_mask;
    uint32_t zero;
};

struct bg_pvgpu_set_depth_stencil {
    struct bg_pvgpu_command header;
    uint32_t state_id;
    uint32_t stencil_ref; /* the low 8 bits count */
    uint32_t zero[2];
};

/* SET_RASTERIZER_STATE, SET_INPUT_LAYOUT. Programs of others do not send the latter: until it came
 * once, the layout that was created last is bound. */
struct bg_pvgpu_set_object {
    struct bg_pvgpu_command header;
    uint32_t id;
    uint32_t zero[3];
};

struct bg_pvgpu_vertex_buffer {
    uint32_t buffer_id; /* with BIND_VERTEX_BUFFER */
    uint32_t stride, offset;
};

struct bg_pvgpu_set_vertex_buffer {
    struct bg_pvgpu_command header;
    uint32_t start_slot, count;
    struct bg_pvgpu_vertex_buffer buffers[BG_PVGPU_VERTEX_BUFFERS_MAX];
};

struct bg_pvgpu_set_index_buffer {
    struct bg_pvgpu_command header;
    uint32_t buffer_id; /* with BIND_INDEX_BUFFER */
    uint32_t format;    /* BG_PVGPU_FORMAT_R16_UINT or _R32_UINT */
    uint32_t offset;    /* a multiple of an index's size */
    uint32_t zero;
};

/* In strips the greatest index, 0xFFFF or 0xFFFFFFFF, begins a new one. */
enum bg_pvgpu_topology {
    BG_PVGPU_TOPOLOGY_UNDEFINED = 0, /* initially; a draw needs another */
    BG_PVGPU_TOPOLOGY_POINT_LIST = 1,
    BG_PVGPU_TOPOLOGY_LINE_LIST = 2,
    BG_PVGPU_TOPOLOGY_LINE_STRIP = 3,
    BG_PVGPU_TOPOLOGY_TRIANGLE_LIST = 4,
    BG_PVGPU_TOPOLOGY_TRIANGLE_STRIP = 5,
    BG_PVGPU_TOPOLOGY_LINE_LIST_ADJ = 10, /* these four: with BG_PVGPU_FEATURE_GEOMETRY */
    BG_PVGPU_TOPOLOGY_LINE_STRIP_ADJ = 11,
    BG_PVGPU_TOPOLOGY_TRIANGLE_LIST_ADJ = 12,
    BG_PVGPU_TOPOLOGY_TRIANGLE_STRIP_ADJ = 13,
    BG_PVGPU_TOPOLOGY_PATCH_1 = 33, /* PATCH_1 + n - 1: of n points; with FEATURE_TESSELLATION */
    BG_PVGPU_TOPOLOGY_PATCH_32 = 64,
};

struct bg_pvgpu_set_primitive_topology {
    struct bg_pvgpu_command header;
    uint32_t topology;
    uint32_t zero[3];
};

/* ---- Draws ---- */

/* Asynchronous, in order; a FENCE waits for them. Vertices and indices outside their buffers read
 * as zero. A count of 0 draws nothing, and is no error. */
struct bg_pvgpu_draw {
    struct bg_pvgpu_command header;
    uint32_t vertex_count;
    uint32_t start_vertex;
    uint32_t zero[2];
};

struct bg_pvgpu_draw_indexed {
    struct bg_pvgpu_command header;
    uint32_t index_count;
    uint32_t start_index;
    int32_t base_vertex; /* added to each index */
    uint32_t zero;
};

struct bg_pvgpu_draw_instanced {
    struct bg_pvgpu_command header;
    uint32_t vertex_count, instance_count;
    uint32_t start_vertex, start_instance;
};

struct bg_pvgpu_draw_indexed_instanced {
    struct bg_pvgpu_command header;
    uint32_t index_count, instance_count;
    uint32_t start_index;
    int32_t base_vertex;
    uint32_t start_instance;
    uint32_t zero[3];
};

struct bg_pvgpu_dispatch {
    struct bg_pvgpu_command header;
    uint32_t groups_x, groups_y, groups_z;
    uint32_t zero;
};

BG_WIRE_SIZE(bg_pvgpu_create_shader, 32);
BG_WIRE_SIZE(bg_pvgpu_set_shader, 24);
BG_WIRE_SIZE(bg_pvgpu_set_constant_buffer, 36);
BG_WIRE_SIZE(bg_pvgpu_set_shader_resource, 540);
BG_WIRE_SIZE(bg_pvgpu_set_sampler, 92);
BG_WIRE_SIZE(bg_pvgpu_set_unordered_access, 60);
BG_WIRE_SIZE(bg_pvgpu_blend_target, 32);
BG_WIRE_SIZE(bg_pvgpu_create_blend_state, 284);
BG_WIRE_OFFSET(bg_pvgpu_create_blend_state, targets, 28);
BG_WIRE_SIZE(bg_pvgpu_create_rasterizer_state, 60);
BG_WIRE_OFFSET(bg_pvgpu_create_rasterizer_state, depth_clip, 44);
BG_WIRE_SIZE(bg_pvgpu_create_depth_stencil_state, 76);
BG_WIRE_OFFSET(bg_pvgpu_create_depth_stencil_state, front, 44);
BG_WIRE_SIZE(bg_pvgpu_create_sampler, 72);
BG_WIRE_OFFSET(bg_pvgpu_create_sampler, border, 48);
BG_WIRE_SIZE(bg_pvgpu_input_element, 28);
BG_WIRE_SIZE(bg_pvgpu_create_input_layout, 920);
BG_WIRE_SIZE(bg_pvgpu_destroy_object, 32);
BG_WIRE_SIZE(bg_pvgpu_set_blend_state, 44);
BG_WIRE_SIZE(bg_pvgpu_set_depth_stencil, 32);
BG_WIRE_SIZE(bg_pvgpu_set_object, 32);
BG_WIRE_SIZE(bg_pvgpu_set_vertex_buffer, 216);
BG_WIRE_SIZE(bg_pvgpu_set_index_buffer, 32);
BG_WIRE_SIZE(bg_pvgpu_set_primitive_topology, 32);
BG_WIRE_SIZE(bg_pvgpu_draw, 32);
BG_WIRE_SIZE(bg_pvgpu_draw_indexed, 32);
BG_WIRE_SIZE(bg_pvgpu_draw_instanced, 32);
BG_WIRE_SIZE(bg_pvgpu_draw_indexed_instanced, 48);
BG_WIRE_SIZE(bg_pvgpu_dispatch, 32);

#endif
