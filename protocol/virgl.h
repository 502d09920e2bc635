/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command stream of virgl contexts (BG_VIRTIO_GPU_CAPSET_VIRGL and _VIRGL2), as virglrenderer
 * takes it in BG_VIRTIO_GPU_CMD_SUBMIT_3D, and Gallium's numbers in it. There is no specification:
 * these are the values of virglrenderer's virgl_protocol.h and virgl_hw.h and of Mesa's
 * p_defines.h, as far as baregpu/virgl.h uses them.
 *
 * A command is a header word and `length` words after it. Floats are IEEE 754 singles, except for
 * the double that clears depth.
 */
#ifndef BAREGPU_PROTOCOL_VIRGL_H
#define BAREGPU_PROTOCOL_VIRGL_H

#include <stdint.h>

/* Bits 0 to 7 command, 8 to 15 object type (0 where none), 16 to 31 words that follow. */
#define BG_VIRGL_COMMAND(command, object, length)                                                  \
    ((uint32_t)(command) | (uint32_t)(object) << 8 | (uint32_t)(length) << 16)
#define BG_VIRGL_LENGTH_MAX 0xFFFFu

enum bg_virgl_command {
    BG_VIRGL_CCMD_NOP = 0,
    BG_VIRGL_CCMD_CREATE_OBJECT = 1,
    BG_VIRGL_CCMD_BIND_OBJECT = 2,
    BG_VIRGL_CCMD_DESTROY_OBJECT = 3,
    BG_VIRGL_CCMD_SET_VIEWPORT_STATE = 4,
    BG_VIRGL_CCMD_SET_FRAMEBUFFER_STATE = 5,
    BG_VIRGL_CCMD_SET_VERTEX_BUFFERS = 6,
    BG_VIRGL_CCMD_CLEAR = 7,
    BG_VIRGL_CCMD_DRAW_VBO = 8,
    BG_VIRGL_CCMD_RESOURCE_INLINE_WRITE = 9,
    BG_VIRGL_CCMD_SET_INDEX_BUFFER = 11,
    BG_VIRGL_CCMD_SET_CONSTANT_BUFFER = 12,
    BG_VIRGL_CCMD_SET_STENCIL_REF = 13,
    BG_VIRGL_CCMD_SET_BLEND_COLOR = 14,
    BG_VIRGL_CCMD_SET_SCISSOR_STATE = 15,
    BG_VIRGL_CCMD_SET_UNIFORM_BUFFER = 27,
    BG_VIRGL_CCMD_SET_SUB_CTX = 28,
    BG_VIRGL_CCMD_CREATE_SUB_CTX = 29,
    BG_VIRGL_CCMD_DESTROY_SUB_CTX = 30,
    BG_VIRGL_CCMD_BIND_SHADER = 31,
};

enum bg_virgl_object_type {
    BG_VIRGL_OBJECT_BLEND = 1,
    BG_VIRGL_OBJECT_RASTERIZER = 2,
    BG_VIRGL_OBJECT_DSA = 3, /* depth, stencil, alpha test */
    BG_VIRGL_OBJECT_SHADER = 4,
    BG_VIRGL_OBJECT_VERTEX_ELEMENTS = 5,
    BG_VIRGL_OBJECT_SURFACE = 8,
};

#define BG_VIRGL_COLOR_BUFFERS_MAX 8u
#define BG_VIRGL_VIEWPORTS_MAX 16u
#define BG_VIRGL_VERTEX_BUFFERS_MAX 32u
#define BG_VIRGL_VERTEX_ELEMENTS_MAX 32u

/* ---- Resources: struct bg_virtio_gpu_resource_3d ---- */

enum bg_virgl_target {
    BG_VIRGL_TARGET_BUFFER = 0,
    BG_VIRGL_TARGET_TEXTURE_1D = 1,
    BG_VIRGL_TARGET_TEXTURE_2D = 2,
    BG_VIRGL_TARGET_TEXTURE_3D = 3,
};

#define BG_VIRGL_BIND_DEPTH_STENCIL (1u << 0)
#define BG_VIRGL_BIND_RENDER_TARGET (1u << 1)
#define BG_VIRGL_BIND_SAMPLER_VIEW (1u << 3)
#define BG_VIRGL_BIND_VERTEX_BUFFER (1u << 4)
#define BG_VIRGL_BIND_INDEX_BUFFER (1u << 5)
#define BG_VIRGL_BIND_CONSTANT_BUFFER (1u << 6)
#define BG_VIRGL_BIND_SCANOUT (1u << 18)

enum bg_virgl_format {
    BG_VIRGL_FORMAT_B8G8R8A8_UNORM = 1,
    BG_VIRGL_FORMAT_B8G8R8X8_UNORM = 2,
    BG_VIRGL_FORMAT_Z16_UNORM = 16,
    BG_VIRGL_FORMAT_Z32_FLOAT = 18,
    BG_VIRGL_FORMAT_S8_UINT_Z24_UNORM = 20, /* the host does not know its mirror image, 19 */
    BG_VIRGL_FORMAT_Z24X8_UNORM = 21,
    BG_VIRGL_FORMAT_R32_FLOAT = 28,
    BG_VIRGL_FORMAT_R32G32_FLOAT = 29,
    BG_VIRGL_FORMAT_R32G32B32_FLOAT = 30,
    BG_VIRGL_FORMAT_R32G32B32A32_FLOAT = 31,
    BG_VIRGL_FORMAT_R8_UNORM = 64, /* also of buffers */
    BG_VIRGL_FORMAT_R8G8B8A8_UNORM = 67,
    BG_VIRGL_FORMAT_R8G8B8X8_UNORM = 134,
};

/*
 * ---- Capability sets, both: a version, then for each use a set of formats, bit by bit ----
 *
 * Sets for depth and for vertices follow, but virglrenderer leaves them empty: depth formats are
 * among those to be sampled.
 */

enum bg_virgl_format_use {
    BG_VIRGL_USE_SAMPLER = 0, /* and depth */
    BG_VIRGL_USE_RENDER = 1,  /* colour */
};

#define BG_VIRGL_CAPS_FORMATS_OFFSET 4u /* bytes */
#define BG_VIRGL_CAPS_FORMATS_SIZE 64u
#define BG_VIRGL_CAPS_SIZE_MAX 4096u /* more than any host has yet */

/* ---- States ---- */

#define BG_VIRGL_MASK_RGBA 0xFu

enum bg_virgl_blend_function {
    BG_VIRGL_BLEND_ADD = 0,
    BG_VIRGL_BLEND_SUBTRACT = 1,
    BG_VIRGL_BLEND_REVERSE_SUBTRACT = 2,
    BG_VIRGL_BLEND_MIN = 3,
    BG_VIRGL_BLEND_MAX = 4,
};

enum bg_virgl_blend_factor {
    BG_VIRGL_FACTOR_ONE = 0x01,
    BG_VIRGL_FACTOR_SRC_COLOR = 0x02,
    BG_VIRGL_FACTOR_SRC_ALPHA = 0x03,
    BG_VIRGL_FACTOR_DST_ALPHA = 0x04,
    BG_VIRGL_FACTOR_DST_COLOR = 0x05,
    BG_VIRGL_FACTOR_CONST_COLOR = 0x07,
    BG_VIRGL_FACTOR_CONST_ALPHA = 0x08,
    BG_VIRGL_FACTOR_ZERO = 0x11,
    BG_VIRGL_FACTOR_INV_SRC_COLOR = 0x12,
    BG_VIRGL_FACTOR_INV_SRC_ALPHA = 0x13,
    BG_VIRGL_FACTOR_INV_DST_ALPHA = 0x14,
    BG_VIRGL_FACTOR_INV_DST_COLOR = 0x15,
    BG_VIRGL_FACTOR_INV_CONST_COLOR = 0x17,
    BG_VIRGL_FACTOR_INV_CONST_ALPHA = 0x18,
};

/* Of depth, stencil and alpha tests. */
enum bg_virgl_compare {
    BG_VIRGL_COMPARE_NEVER = 0,
    BG_VIRGL_COMPARE_LESS = 1,
    BG_VIRGL_COMPARE_EQUAL = 2,
    BG_VIRGL_COMPARE_LEQUAL = 3,
    BG_VIRGL_COMPARE_GREATER = 4,
    BG_VIRGL_COMPARE_NOTEQUAL = 5,
    BG_VIRGL_COMPARE_GEQUAL = 6,
    BG_VIRGL_COMPARE_ALWAYS = 7,
};

enum bg_virgl_stencil_op {
    BG_VIRGL_STENCIL_KEEP = 0,
    BG_VIRGL_STENCIL_ZERO = 1,
    BG_VIRGL_STENCIL_REPLACE = 2,
    BG_VIRGL_STENCIL_INCR = 3,
    BG_VIRGL_STENCIL_DECR = 4,
    BG_VIRGL_STENCIL_INCR_WRAP = 5,
    BG_VIRGL_STENCIL_DECR_WRAP = 6,
    BG_VIRGL_STENCIL_INVERT = 7,
};

/* Word 2 of a rasterizer. */
#define BG_VIRGL_RS_FLATSHADE (1u << 0)
#define BG_VIRGL_RS_DEPTH_CLIP (1u << 1)
#define BG_VIRGL_RS_CLIP_HALFZ (1u << 2) /* depth in clip space from 0, not -w */
#define BG_VIRGL_RS_DISCARD (1u << 3)
#define BG_VIRGL_RS_FLATSHADE_FIRST (1u << 4)
#define BG_VIRGL_RS_CULL_FRONT (1u << 8)
#define BG_VIRGL_RS_CULL_BACK (2u << 8)
#define BG_VIRGL_RS_FRONT_LINES (1u << 10)
#define BG_VIRGL_RS_FRONT_POINTS (2u << 10)
#define BG_VIRGL_RS_BACK_LINES (1u << 12)
#define BG_VIRGL_RS_BACK_POINTS (2u << 12)
#define BG_VIRGL_RS_SCISSOR (1u << 14)
#define BG_VIRGL_RS_FRONT_CCW (1u << 15)
#define BG_VIRGL_RS_OFFSET_TRIANGLES (1u << 20)
#define BG_VIRGL_RS_MULTISAMPLE (1u << 25)
#define BG_VIRGL_RS_LINE_SMOOTH (1u << 26)
#define BG_VIRGL_RS_HALF_PIXEL_CENTER (1u << 29)
#define BG_VIRGL_RS_BOTTOM_EDGE_RULE (1u << 30)

enum bg_virgl_shader_type {
    BG_VIRGL_SHADER_VERTEX = 0,
    BG_VIRGL_SHADER_FRAGMENT = 1,
    BG_VIRGL_SHADER_GEOMETRY = 2,
};

/* ---- Drawing ---- */

#define BG_VIRGL_CLEAR_DEPTH (1u << 0)
#define BG_VIRGL_CLEAR_STENCIL (1u << 1)
#define BG_VIRGL_CLEAR_COLOR0 (1u << 2) /* << n: colour buffer n */

enum bg_virgl_primitive {
    BG_VIRGL_PRIM_POINTS = 0,
    BG_VIRGL_PRIM_LINES = 1,
    BG_VIRGL_PRIM_LINE_LOOP = 2,
    BG_VIRGL_PRIM_LINE_STRIP = 3,
    BG_VIRGL_PRIM_TRIANGLES = 4,
    BG_VIRGL_PRIM_TRIANGLE_STRIP = 5,
    BG_VIRGL_PRIM_TRIANGLE_FAN = 6,
};

#endif
