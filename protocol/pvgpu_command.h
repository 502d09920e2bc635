/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pvgpu: the commands of the ring, and the formats. See pvgpu.h for the memory they travel in.
 *
 * A command is a header and a payload. `size` counts both; a producer pads it to a multiple of
 * BG_PVGPU_COMMAND_ALIGN, a consumer takes it rounded up (older producers pad without counting). A
 * command starts at a multiple of 16 and may continue at the ring's start. A payload may be longer
 * than its struct: what follows is not looked at. Words called zero are not looked at.
 *
 * Ids are chosen by the guest, any number but 0; resources and views have a space each. Where a
 * payload repeats the header's resource_id and has 0 there, the header's counts.
 *
 * heap_offset counts from the heap's start. What lies in the heap belongs to the backend from the
 * command's submission until a fence behind it completes.
 *
 * What is checked: size against type (else INVALID_COMMAND), ids (RESOURCE_NOT_FOUND), formats
 * (UNSUPPORTED_FORMAT), values and ranges (INVALID_PARAMETER); a type that is not in the features
 * is INVALID_COMMAND.
 */
#ifndef BAREGPU_PROTOCOL_PVGPU_COMMAND_H
#define BAREGPU_PROTOCOL_PVGPU_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "compute.h" /* beside this file, also in a QEMU tree */
#include "decls.h"

#define BG_PVGPU_COMMAND_ALIGN 16u
/* Above this a command is skipped as INVALID_COMMAND: bulk data goes through the heap. */
#define BG_PVGPU_COMMAND_SIZE_MAX 4096u

struct bg_pvgpu_command {
    uint32_t type;
    uint32_t size; /* at least 16 */
    uint32_t resource_id;
    uint32_t flags; /* PVGPU_COMMAND_*; others are ignored */
};

#define BG_PVGPU_COMMAND_WAIT (1u << 0)     /* after all that was started before has ended */
#define BG_PVGPU_COMMAND_NO_FENCE (1u << 1) /* no meaning to our backend */

enum bg_pvgpu_command_type {
    BG_PVGPU_CMD_CREATE_RESOURCE = 0x0001,
    BG_PVGPU_CMD_DESTROY_RESOURCE = 0x0002, /* header only */
    BG_PVGPU_CMD_MAP_RESOURCE = 0x0003,
    BG_PVGPU_CMD_UNMAP_RESOURCE = 0x0004,
    BG_PVGPU_CMD_UPDATE_RESOURCE = 0x0005,
    BG_PVGPU_CMD_COPY_RESOURCE = 0x0006,
    BG_PVGPU_CMD_OPEN_RESOURCE = 0x0007,

    /* With BG_PVGPU_FEATURE_DRAW; these and the following payloads are in pvgpu_draw.h. */
    BG_PVGPU_CMD_CREATE_BLEND_STATE = 0x0010,
    BG_PVGPU_CMD_DESTROY_BLEND_STATE = 0x0011,
    BG_PVGPU_CMD_CREATE_RASTERIZER_STATE = 0x0012,
    BG_PVGPU_CMD_DESTROY_RASTERIZER_STATE = 0x0013,
    BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_STATE = 0x0014,
    BG_PVGPU_CMD_DESTROY_DEPTH_STENCIL_STATE = 0x0015,
    BG_PVGPU_CMD_CREATE_SAMPLER = 0x0016,
    BG_PVGPU_CMD_DESTROY_SAMPLER = 0x0017,
    BG_PVGPU_CMD_CREATE_INPUT_LAYOUT = 0x0018,
    BG_PVGPU_CMD_DESTROY_INPUT_LAYOUT = 0x0019,

    BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW = 0x0020, /* struct bg_pvgpu_create_view */
    BG_PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW = 0x0021,
    BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW = 0x0022, /* struct bg_pvgpu_create_depth_view */
    BG_PVGPU_CMD_DESTROY_DEPTH_STENCIL_VIEW = 0x0023,
    BG_PVGPU_CMD_CREATE_SHADER_RESOURCE_VIEW = 0x0024, /* struct bg_pvgpu_create_shader_view */
    BG_PVGPU_CMD_DESTROY_SHADER_RESOURCE_VIEW = 0x0025,

    /* With BG_PVGPU_FEATURE_DRAW. */
    BG_PVGPU_CMD_CREATE_UNORDERED_ACCESS_VIEW = 0x0026,
    BG_PVGPU_CMD_DESTROY_UNORDERED_ACCESS_VIEW = 0x0027,
    BG_PVGPU_CMD_CREATE_SHADER = 0x0030,
    BG_PVGPU_CMD_DESTROY_SHADER = 0x0031,

    BG_PVGPU_CMD_SET_RENDER_TARGET = 0x0101,
    BG_PVGPU_CMD_SET_VIEWPORT = 0x0102,
    BG_PVGPU_CMD_SET_SCISSOR = 0x0103,

    /* With BG_PVGPU_FEATURE_DRAW. */
    BG_PVGPU_CMD_SET_BLEND_STATE = 0x0104,
    BG_PVGPU_CMD_SET_RASTERIZER_STATE = 0x0105,
    BG_PVGPU_CMD_SET_DEPTH_STENCIL = 0x0106,
    BG_PVGPU_CMD_SET_SHADER = 0x0107,
    BG_PVGPU_CMD_SET_SAMPLER = 0x0108,
    BG_PVGPU_CMD_SET_CONSTANT_BUFFER = 0x0109,
    BG_PVGPU_CMD_SET_VERTEX_BUFFER = 0x010A,
    BG_PVGPU_CMD_SET_INDEX_BUFFER = 0x010B,
    BG_PVGPU_CMD_SET_INPUT_LAYOUT = 0x010C,
    BG_PVGPU_CMD_SET_PRIMITIVE_TOPOLOGY = 0x010D,
    BG_PVGPU_CMD_SET_SHADER_RESOURCE = 0x010E,
    BG_PVGPU_CMD_DRAW = 0x0201,
    BG_PVGPU_CMD_DRAW_INDEXED = 0x0202,
    BG_PVGPU_CMD_DRAW_INSTANCED = 0x0203,
    BG_PVGPU_CMD_DRAW_INDEXED_INSTANCED = 0x0204,
    BG_PVGPU_CMD_DISPATCH = 0x0205,

    BG_PVGPU_CMD_CLEAR_RENDER_TARGET = 0x0206,
    BG_PVGPU_CMD_CLEAR_DEPTH_STENCIL = 0x0207,

    BG_PVGPU_CMD_FENCE = 0x0301,
    BG_PVGPU_CMD_PRESENT = 0x0302,
    BG_PVGPU_CMD_FLUSH = 0x0303, /* header only: starts what was submitted; waits for nothing */
    BG_PVGPU_CMD_WAIT_FENCE = 0x0304,
    BG_PVGPU_CMD_RESIZE_BUFFERS = 0x0305,

    /* enum bg_compute_operation, struct bg_pvgpu_compute; with BG_PVGPU_FEATURE_COMPUTE. */
    BG_PVGPU_CMD_COMPUTE_FIRST = 0x1000,
    BG_PVGPU_CMD_COMPUTE_LAST = 0x1FFF,

    /* With BG_PVGPU_FEATURE_REGIONS. */
    BG_PVGPU_CMD_COPY_REGION = 0x2001,
    BG_PVGPU_CMD_READ_RESOURCE = 0x2002, /* struct bg_pvgpu_update_resource, the other way */
    BG_PVGPU_CMD_PRESENT_REGION = 0x2003,

    BG_PVGPU_CMD_SET_UNORDERED_ACCESS = 0x2004, /* with BG_PVGPU_FEATURE_DRAW */
};

/* ---- Formats: DXGI numbers ---- */

/* X(name, number, bytes per texel, colour target?, depth target?) of all that our backend takes.
 * R8_UNORM to R32 are also used as plain data. */
#define BG_PVGPU_FORMATS(X)                                                                        \
    X(R32G32B32A32_FLOAT, 2, 16, 1, 0)                                                             \
    X(R32G32B32A32_UINT, 3, 16, 1, 0)                                                              \
    X(R32G32B32A32_SINT, 4, 16, 1, 0)                                                              \
    X(R16G16B16A16_FLOAT, 10, 8, 1, 0)                                                             \
    X(R16G16B16A16_UNORM, 11, 8, 1, 0)                                                             \
    X(R16G16B16A16_UINT, 12, 8, 1, 0)                                                              \
    X(R16G16B16A16_SINT, 14, 8, 1, 0)                                                              \
    X(R32G32_FLOAT, 16, 8, 1, 0)                                                                   \
    X(R32G32_UINT, 17, 8, 1, 0)                                                                    \
    X(R32G32_SINT, 18, 8, 1, 0)                                                                    \
    X(R8G8B8A8_UNORM, 28, 4, 1, 0)                                                                 \
    X(R8G8B8A8_UNORM_SRGB, 29, 4, 1, 0)                                                            \
    X(R8G8B8A8_UINT, 30, 4, 1, 0)                                                                  \
    X(R8G8B8A8_SINT, 32, 4, 1, 0)                                                                  \
    X(R16G16_FLOAT, 34, 4, 1, 0)                                                                   \
    X(R16G16_UINT, 36, 4, 1, 0)                                                                    \
    X(R16G16_SINT, 38, 4, 1, 0)                                                                    \
    X(D32_FLOAT, 40, 4, 0, 1)                                                                      \
    X(R32_FLOAT, 41, 4, 1, 0)                                                                      \
    X(R32_UINT, 42, 4, 1, 0)                                                                       \
    X(R32_SINT, 43, 4, 1, 0)                                                                       \
    X(D24_UNORM_S8_UINT, 45, 4, 0, 1)                                                              \
    X(R8G8_UNORM, 49, 2, 1, 0)                                                                     \
    X(R16_FLOAT, 54, 2, 1, 0)                                                                      \
    X(R16_UINT, 57, 2, 1, 0)                                                                       \
    X(R16_SINT, 59, 2, 1, 0)                                                                       \
    X(R8_UNORM, 61, 1, 1, 0)                                                                       \
    X(R8_UINT, 62, 1, 1, 0)                                                                        \
    X(R8_SINT, 64, 1, 1, 0)                                                                        \
    X(B8G8R8A8_UNORM, 87, 4, 1, 0)                                                                 \
    X(B8G8R8X8_UNORM, 88, 4, 1, 0)                                                                 \
    X(B8G8R8A8_UNORM_SRGB, 91, 4, 1, 0)

enum bg_pvgpu_format {
    BG_PVGPU_FORMAT_UNKNOWN = 0, /* of a buffer: bytes */
#define BG_PVGPU_FORMAT_ENTRY(name, number, size, colour, depth) BG_PVGPU_FORMAT_##name = number,
    BG_PVGPU_FORMATS(BG_PVGPU_FORMAT_ENTRY)
#undef BG_PVGPU_FORMAT_ENTRY
};

/* ---- Resources ---- */

enum bg_pvgpu_resource_type {
    BG_PVGPU_RESOURCE_TEXTURE_1D = 1,
    BG_PVGPU_RESOURCE_TEXTURE_2D = 2,
    BG_PVGPU_RESOURCE_TEXTURE_3D = 3,
    BG_PVGPU_RESOURCE_BUFFER = 4,
};

/* What a resource is not bound for, it cannot be used for. Not Direct3D's numbers, which have
 * stream output at 0x10. */
#define BG_PVGPU_BIND_VERTEX_BUFFER 0x01u
#define BG_PVGPU_BIND_INDEX_BUFFER 0x02u
#define BG_PVGPU_BIND_CONSTANT_BUFFER 0x04u
#define BG_PVGPU_BIND_SHADER_RESOURCE 0x08u
#define BG_PVGPU_BIND_RENDER_TARGET 0x10u
#define BG_PVGPU_BIND_DEPTH_STENCIL 0x20u
#define BG_PVGPU_BIND_UNORDERED_ACCESS 0x40u
#define BG_PVGPU_BIND_ALL 0x7Fu

/* Direct3D's numbers; others are INVALID_PARAMETER. */
#define BG_PVGPU_MISC_SHARED 0x002u /* may be opened under another id */
/* Elements of its views without a format are structures: such a view shows all of it. */
#define BG_PVGPU_MISC_BUFFER_STRUCTURED 0x040u
/* These have no meaning to our backend. */
#define BG_PVGPU_MISC_GENERATE_MIPS 0x001u
#define BG_PVGPU_MISC_DRAWINDIRECT_ARGS 0x010u
#define BG_PVGPU_MISC_BUFFER_ALLOW_RAW_VIEWS 0x020u
#define BG_PVGPU_MISC_RESOURCE_CLAMP 0x080u

/* Limits, with INVALID_PARAMETER above them: Direct3D 11's. */
#define BG_PVGPU_TEXTURE_SIDE_MAX 16384u
#define BG_PVGPU_TEXTURE_3D_SIDE_MAX 2048u
#define BG_PVGPU_MIP_LEVELS_MAX 15u
/* OUT_OF_MEMORY above these: what bounds a session's tables. */
#define BG_PVGPU_RESOURCES_MAX 4096u
#define BG_PVGPU_VIEWS_MAX 4096u

/*
 * Memory in the heap, of a resource or one of its subresources, is packed: rows of width *
 * bytes-per-texel without a gap, then the next row, then the next slice; mip levels one after the
 * other, level 0 first. A level's sides are the ones before, halved, rounded down, at least 1.
 * A subresource is a mip level.
 *
 * A buffer's width is its size in bytes; its format is not looked at, except that it must be
 * known; it has height 1, depth 1, one level. Sides that a type does not have: 0 or 1.
 * mip_levels 0: all down to 1x1x1. sample_count 0 or 1, sample_quality 0.
 * data_size 0: the memory reads as zero; else the heap's contents are taken: for a buffer at most
 * its width, for a texture level 0 or all levels exactly.
 */
struct bg_pvgpu_create_resource {
    struct bg_pvgpu_command header; /* resource_id: the new id; INVALID_PARAMETER: it is there */
    uint32_t type;                  /* enum bg_pvgpu_resource_type */
    uint32_t format;
    uint32_t width, height, depth;
    uint32_t mip_levels;
    uint32_t sample_count, sample_quality;
    uint32_t bind_flags; /* PVGPU_BIND_* */
    uint32_t misc_flags; /* PVGPU_MISC_* */
    uint32_t heap_offset, data_size;
};

/* DESTROY_RESOURCE frees the id at once, the memory when no view and no other id uses it. */

enum bg_pvgpu_map_type {
    BG_PVGPU_MAP_READ = 1,
    BG_PVGPU_MAP_WRITE = 2,
    BG_PVGPU_MAP_READ_WRITE = 3,
    BG_PVGPU_MAP_WRITE_DISCARD = 4,
    BG_PVGPU_MAP_WRITE_NO_OVERWRITE = 5,
};

/* Copies the subresource into the heap at heap_offset (not with DISCARD: what is there stays).
 * A subresource is mapped once at a time. */
struct bg_pvgpu_map_resource {
    struct bg_pvgpu_command header;
    uint32_t resource_id;
    uint32_t subresource;
    uint32_t map_type;  /* enum bg_pvgpu_map_type */
    uint32_t map_flags; /* 0 */
    uint32_t heap_offset;
    uint32_t zero[3];
};

/* Copies back from the heap, unless mapped to READ. data_size 0: all of it from where it was
 * mapped; else data_size bytes from heap_offset to the subresource's start, at most all. */
struct bg_pvgpu_unmap_resource {
    struct bg_pvgpu_command header;
    uint32_t resource_id;
    uint32_t subresource;
    uint32_t heap_offset, data_size;
};

/*
 * Heap to resource (UPDATE), resource to heap (READ). A box in texels; buffers: x and width in
 * bytes. width, height, depth 0: all from x, y, z on (a buffer's width 0: data_size). Pitches in
 * bytes; 0: packed. Everything read or written lies in [heap_offset, heap_offset + data_size),
 * and that in the heap; with data_size 0 it is what the box takes.
 */
struct bg_pvgpu_update_resource {
    struct bg_pvgpu_command header;
    uint32_t resource_id;
    uint32_t subresource;
    uint32_t heap_offset, data_size;
    uint32_t x, y, z;
    uint32_t width, height, depth;
    uint32_t row_pitch, depth_pitch;
};

/* All levels. Both of one type, one set of sides, levels, and texel size. */
struct bg_pvgpu_copy_resource {
    struct bg_pvgpu_command header;
    uint32_t dst, src;
    uint32_t zero[2];
};

/* A box of one subresource. Texels of one size; no scaling. Both may be one resource: overlapping
 * boxes are copied as by memmove. width, height, depth 0: all of the source from its x, y, z. */
struct bg_pvgpu_copy_region {
    struct bg_pvgpu_command header;
    uint32_t dst, src;
    uint32_t dst_subresource, src_subresource;
    uint32_t dst_x, dst_y, dst_z;
    uint32_t src_x, src_y, src_z;
    uint32_t width, height, depth;
    uint32_t zero[3];
};

/* header.resource_id becomes another name of `source`, which was created with MISC_SHARED. Programs
 * of others send 44 bytes. */
struct bg_pvgpu_open_resource {
    struct bg_pvgpu_command header;
    uint32_t source;
    uint32_t zero[3];
};

/* ---- Views, state, clears ---- */

/*
 * view_id: the view's new id; 0: that in the header. Programs of others send 44 bytes for a render
 * target, without the last word. Render target: a colour format with the resource's texel size, the
 * resource has BIND_RENDER_TARGET; depth-stencil: its format is the resource's, which has
 * BIND_DEPTH_STENCIL; shader resource: a format with the resource's texel size, which has
 * BIND_SHADER_RESOURCE. Textures, and for shader resources buffers. Slices: of 3D textures. A count
 * of 0 or UINT32_MAX: all from the first one.
 */
struct bg_pvgpu_create_view {
    struct bg_pvgpu_command header;
    uint32_t view_id;
    uint32_t resource_id; /* not 0 */
    uint32_t format;      /* 0: the resource's */
    uint32_t dimension;   /* Direct3D's; the resource's own is used */
    uint32_t mip_level;
    uint32_t first_slice, slice_count;
    uint32_t zero;
};

#define BG_PVGPU_CREATE_VIEW_SIZE_MIN 44u

struct bg_pvgpu_create_depth_view {
    struct bg_pvgpu_command header;
    uint32_t view_id;
    uint32_t resource_id; /* not 0 */
    uint32_t format;      /* 0: the resource's */
    uint32_t dimension;
    uint32_t flags; /* Direct3D's: not used */
    uint32_t mip_level;
    uint32_t first_slice, slice_count;
};

struct bg_pvgpu_create_shader_view {
    struct bg_pvgpu_command header;
    uint32_t view_id;
    uint32_t resource_id;           /* not 0 */
    uint32_t format;                /* 0: the resource's */
    uint32_t dimension;             /* the resource's own is used */
    uint32_t mip_level, mip_levels; /* of a buffer: the first element and how many, by `format` */
    uint32_t first_slice, slice_count;
};

/* May be its header only; view_id 0: the id in the header. */
struct bg_pvgpu_destroy_view {
    struct bg_pvgpu_command header;
    uint32_t view_id;
    uint32_t zero[3];
};

#define BG_PVGPU_RENDER_TARGETS_MAX 8u
#define BG_PVGPU_VIEWPORTS_MAX 16u

/* count at most 8, the others are unbound; 0 in rtv or dsv: none. All of one size. A bound view
 * that is destroyed is unbound. */
struct bg_pvgpu_set_render_target {
    struct bg_pvgpu_command header;
    uint32_t count;
    uint32_t dsv;
    uint32_t rtv[BG_PVGPU_RENDER_TARGETS_MAX];
};

/* Sides and depths are finite, sides not negative, 0 <= min_depth <= max_depth <= 1. */
struct bg_pvgpu_viewport {
    float x, y, width, height, min_depth, max_depth;
};

/* The command may end behind its last viewport. */
struct bg_pvgpu_set_viewport {
    struct bg_pvgpu_command header;
    uint32_t count;
    struct bg_pvgpu_viewport viewports[BG_PVGPU_VIEWPORTS_MAX];
};

struct bg_pvgpu_rectangle {
    int32_t left, top, right, bottom; /* right and bottom are outside; left <= right, ... */
};

/* The command may end behind its last rectangle. Applies to drawing, not to clears and copies. */
struct bg_pvgpu_set_scissor {
    struct bg_pvgpu_command header;
    uint32_t count;
    struct bg_pvgpu_rectangle rectangles[BG_PVGPU_VIEWPORTS_MAX];
};

/* All of the view, whatever viewport and scissor. UNORM: clamped to 0..1, rounded to nearest;
 * sRGB: encoded; UINT and SINT: the float's value, truncated and clamped; NaN: 0. */
struct bg_pvgpu_clear_render_target {
    struct bg_pvgpu_command header;
    uint32_t rtv;
    float colour[4]; /* r, g, b, a */
};

#define BG_PVGPU_CLEAR_DEPTH 0x1u
#define BG_PVGPU_CLEAR_STENCIL 0x2u

struct bg_pvgpu_clear_depth_stencil {
    struct bg_pvgpu_command header;
    uint32_t dsv;
    uint32_t clear_flags; /* PVGPU_CLEAR_*; STENCIL without a stencil does nothing, as in D3D */
    float depth;          /* clamped to 0..1; NaN: 0 */
    uint32_t stencil;     /* the low 8 bits count */
};

/* ---- Order and display ---- */

/* Completes after everything before it in the ring, asynchronous work included:
 * host_fence_completed = value when that is greater than what is there, then the interrupt; not
 * greater: nothing changes. */
struct bg_pvgpu_fence {
    struct bg_pvgpu_command header;
    uint64_t value;
};

/* Goes on when host_fence_completed >= value. In the one ring all earlier fences have completed
 * when this is read, so that a greater value never comes: TIMEOUT at once. */
struct bg_pvgpu_wait_fence {
    struct bg_pvgpu_command header;
    uint64_t value;
};

#define BG_PVGPU_SYNC_INTERVAL_MAX 4u
#define BG_PVGPU_PRESENT_ALLOW_TEARING 0x200u /* the only flag taken; no meaning to our backend */

/*
 * Shows level 0 of a 2D texture of a colour format; UNORM 8-bit formats are shown as they are,
 * float ones clamped to 0..1 and encoded as sRGB; the others are UNSUPPORTED_FORMAT. The picture
 * is copied: the texture may change behind it. sync_interval n > 0: n periods of display_refresh
 * after the PRESENT before, at the earliest; the ring waits. 0: at once.
 */
struct bg_pvgpu_present {
    struct bg_pvgpu_command header;
    uint32_t backbuffer_id;
    uint32_t sync_interval;
    uint32_t flags;
    uint32_t zero;
};

#define BG_PVGPU_PRESENT_RECTANGLES_MAX 16u

/* Only these parts differ from what was presented before (from this or another texture of the same
 * size). The command may end behind its last rectangle. */
struct bg_pvgpu_present_region {
    struct bg_pvgpu_command header;
    uint32_t backbuffer_id;
    uint32_t sync_interval;
    uint32_t flags;
    uint32_t count;                                                        /* 1 to 16 */
    struct bg_pvgpu_rectangle rectangles[BG_PVGPU_PRESENT_RECTANGLES_MAX]; /* within the picture */
};

/*
 * The display's new size: written to display_width, _height, _format. width, height, format 0:
 * as it is. buffer_count 0: as it is, else 1 to BG_PVGPU_SCANOUT_SLOTS_MAX. swapchain 0: no more
 * than that; else the id of a 2D texture with one level, without views and not mapped, which gets
 * that size and format and reads as zero. flags 0.
 */
struct bg_pvgpu_resize_buffers {
    struct bg_pvgpu_command header;
    uint32_t swapchain;
    uint32_t width, height;
    uint32_t format; /* one that PRESENT takes */
    uint32_t buffer_count;
    uint32_t flags;
    uint32_t zero[2];
};

/* ---- Compute ---- */

/*
 * An operation of compute.h, numbered as there; params[] mean what they mean there, with these
 * additions:
 * - Handle 0 is the heap, the offset beside it counts from the heap's start (32-bit offsets are
 *   enough; the high words are 0). MEMORY_COPY: HOST_TO_DEVICE has src_handle 0, DEVICE_TO_HOST
 *   dst_handle 0, DEVICE_TO_DEVICE any. VECTOR_ADD_MEMORY: any of the three.
 * - What the mailbox carries as the request's data lies at data_offset (VECTOR_ADD_INLINE: a[],
 *   then b[]; MEMORY_COPY has none: data_size 0). The answer's data goes to answer_offset, at most
 *   answer_size bytes (VECTOR_ADD_INLINE: c[]; GET_DEVICE_INFO); too small: REQUEST_TOO_LARGE.
 *   Any length.
 * - Operands in the heap are aligned as the elements, counted from the heap's start.
 * - All is asynchronous and in order; a FENCE waits for it.
 * - BG_COMPUTE_NOP may be the header alone.
 *
 * With a place for the result, the operation's status goes there and nowhere else; without one,
 * a status that is not OK is an error of the ring: INVALID_HANDLE is RESOURCE_NOT_FOUND;
 * OUT_OF_MEMORY that; UNSUPPORTED_OPERATION is INVALID_COMMAND; TIMEOUT that; CUDA_ERROR is
 * INTERNAL; the others are INVALID_PARAMETER.
 */
struct bg_pvgpu_compute {
    struct bg_pvgpu_command header; /* resource_id 0 */
    uint32_t result_offset; /* struct bg_pvgpu_compute_result in the heap, a multiple of 8; or
                             * BG_PVGPU_NO_RESULT */
    uint32_t data_offset, data_size;
    uint32_t answer_offset, answer_size;
    uint32_t param_count; /* at most BG_PVGPU_COMPUTE_PARAMS_MAX */
    uint32_t zero[2];
    /* uint32_t params[param_count] */
};

#define BG_PVGPU_NO_RESULT 0xFFFFFFFFu
#define BG_PVGPU_COMPUTE_PARAMS_MAX 256u

struct bg_pvgpu_compute_result {
    uint32_t done;   /* the guest stores 0 before it submits; the backend 1, last, with release */
    uint32_t status; /* enum bg_compute_status */
    uint32_t result_count;
    uint32_t data_size; /* written at answer_offset */
    uint32_t results[2];
    uint32_t exec_time_us;
    uint32_t zero;
};

BG_WIRE_SIZE(bg_pvgpu_command, 16);
BG_WIRE_SIZE(bg_pvgpu_create_resource, 64);
BG_WIRE_OFFSET(bg_pvgpu_create_resource, bind_flags, 48);
BG_WIRE_OFFSET(bg_pvgpu_create_resource, data_size, 60);
BG_WIRE_SIZE(bg_pvgpu_map_resource, 48);
BG_WIRE_OFFSET(bg_pvgpu_map_resource, heap_offset, 32);
BG_WIRE_SIZE(bg_pvgpu_unmap_resource, 32);
BG_WIRE_SIZE(bg_pvgpu_update_resource, 64);
BG_WIRE_OFFSET(bg_pvgpu_update_resource, x, 32);
BG_WIRE_OFFSET(bg_pvgpu_update_resource, row_pitch, 56);
BG_WIRE_SIZE(bg_pvgpu_copy_resource, 32);
BG_WIRE_SIZE(bg_pvgpu_copy_region, 80);
BG_WIRE_SIZE(bg_pvgpu_open_resource, 32);
BG_WIRE_SIZE(bg_pvgpu_create_view, 48);
BG_WIRE_OFFSET(bg_pvgpu_create_view, view_id, 16);
BG_WIRE_OFFSET(bg_pvgpu_create_view, resource_id, 20);
BG_WIRE_OFFSET(bg_pvgpu_create_view, zero, BG_PVGPU_CREATE_VIEW_SIZE_MIN);
BG_WIRE_SIZE(bg_pvgpu_create_depth_view, 48);
BG_WIRE_OFFSET(bg_pvgpu_create_depth_view, mip_level, 36);
BG_WIRE_SIZE(bg_pvgpu_create_shader_view, 48);
BG_WIRE_OFFSET(bg_pvgpu_create_shader_view, mip_level, 32);
BG_WIRE_SIZE(bg_pvgpu_destroy_view, 32);
BG_WIRE_SIZE(bg_pvgpu_set_render_target, 56);
BG_WIRE_SIZE(bg_pvgpu_set_viewport, 404);
BG_WIRE_SIZE(bg_pvgpu_set_scissor, 276);
BG_WIRE_SIZE(bg_pvgpu_clear_render_target, 36);
BG_WIRE_SIZE(bg_pvgpu_clear_depth_stencil, 32);
BG_WIRE_SIZE(bg_pvgpu_fence, 24);
BG_WIRE_OFFSET(bg_pvgpu_fence, value, 16);
BG_WIRE_SIZE(bg_pvgpu_wait_fence, 24);
BG_WIRE_SIZE(bg_pvgpu_present, 32);
BG_WIRE_SIZE(bg_pvgpu_present_region, 288);
BG_WIRE_SIZE(bg_pvgpu_resize_buffers, 48);
BG_WIRE_SIZE(bg_pvgpu_compute, 48);
BG_WIRE_SIZE(bg_pvgpu_compute_result, 32);

#endif
