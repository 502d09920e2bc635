/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-gpu (BG_VIRTIO_ID_GPU): virtio 1.4, 5.7. Names are the specification's. All values are
 * little-endian, and so are both sides here.
 *
 * The specification names the 3D commands but leaves out the structures of some (5.7.6.9): those
 * are as every implementation has them.
 */
#ifndef BAREGPU_PROTOCOL_VIRTIO_GPU_H
#define BAREGPU_PROTOCOL_VIRTIO_GPU_H

#include <stddef.h>
#include <stdint.h>

#include "decls.h" /* beside this file, also in a QEMU tree */

/* 5.7.2 */
#define BG_VIRTIO_GPU_QUEUE_CONTROL 0u
#define BG_VIRTIO_GPU_QUEUE_CURSOR 1u
#define BG_VIRTIO_GPU_QUEUE_COUNT 2u

/* Features, 5.7.3, as bits of a 64-bit set. */
#define BG_VIRTIO_GPU_F_VIRGL (1ull << 0)
#define BG_VIRTIO_GPU_F_EDID (1ull << 1)
#define BG_VIRTIO_GPU_F_RESOURCE_UUID (1ull << 2)
#define BG_VIRTIO_GPU_F_RESOURCE_BLOB (1ull << 3)
#define BG_VIRTIO_GPU_F_CONTEXT_INIT (1ull << 4)   /* requires VIRGL */
#define BG_VIRTIO_GPU_F_BLOB_ALIGNMENT (1ull << 5) /* requires RESOURCE_BLOB */

/* ---- Device configuration, 5.7.4 ---- */

#define BG_VIRTIO_GPU_EVENT_DISPLAY (1u << 0)
#define BG_VIRTIO_GPU_MAX_SCANOUTS 16u

struct bg_virtio_gpu_config {
    uint32_t events_read;
    uint32_t events_clear;
    uint32_t num_scanouts; /* 1 to BG_VIRTIO_GPU_MAX_SCANOUTS */
    uint32_t num_capsets;
    uint32_t blob_alignment; /* with F_BLOB_ALIGNMENT: a power of two */
};

/* Shared memory regions, 5.7.5. */
#define BG_VIRTIO_GPU_SHM_ID_UNDEFINED 0u
#define BG_VIRTIO_GPU_SHM_ID_HOST_VISIBLE 1u

/* ---- Requests and responses, 5.7.6.7 ---- */

enum bg_virtio_gpu_ctrl_type {
    BG_VIRTIO_GPU_CMD_GET_DISPLAY_INFO = 0x0100,
    BG_VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
    BG_VIRTIO_GPU_CMD_RESOURCE_UNREF,
    BG_VIRTIO_GPU_CMD_SET_SCANOUT,
    BG_VIRTIO_GPU_CMD_RESOURCE_FLUSH,
    BG_VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
    BG_VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
    BG_VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING,
    BG_VIRTIO_GPU_CMD_GET_CAPSET_INFO,
    BG_VIRTIO_GPU_CMD_GET_CAPSET,
    BG_VIRTIO_GPU_CMD_GET_EDID,
    BG_VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID,
    BG_VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
    BG_VIRTIO_GPU_CMD_SET_SCANOUT_BLOB,

    BG_VIRTIO_GPU_CMD_CTX_CREATE = 0x0200,
    BG_VIRTIO_GPU_CMD_CTX_DESTROY,
    BG_VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE,
    BG_VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE,
    BG_VIRTIO_GPU_CMD_RESOURCE_CREATE_3D,
    BG_VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D,
    BG_VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D,
    BG_VIRTIO_GPU_CMD_SUBMIT_3D,
    BG_VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB,
    BG_VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB,

    BG_VIRTIO_GPU_CMD_UPDATE_CURSOR = 0x0300,
    BG_VIRTIO_GPU_CMD_MOVE_CURSOR,

    BG_VIRTIO_GPU_RESP_OK_NODATA = 0x1100,
    BG_VIRTIO_GPU_RESP_OK_DISPLAY_INFO,
    BG_VIRTIO_GPU_RESP_OK_CAPSET_INFO,
    BG_VIRTIO_GPU_RESP_OK_CAPSET,
    BG_VIRTIO_GPU_RESP_OK_EDID,
    BG_VIRTIO_GPU_RESP_OK_RESOURCE_UUID,
    BG_VIRTIO_GPU_RESP_OK_MAP_INFO,

    BG_VIRTIO_GPU_RESP_ERR_UNSPEC = 0x1200,
    BG_VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
    BG_VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID,
    BG_VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
    BG_VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID,
    BG_VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
};

#define BG_VIRTIO_GPU_COMMAND_COUNT 26u

#define BG_VIRTIO_GPU_FLAG_FENCE (1u << 0)
#define BG_VIRTIO_GPU_FLAG_INFO_RING_IDX (1u << 1) /* with F_CONTEXT_INIT */
#define BG_VIRTIO_GPU_RING_IDX_MAX 63u

struct bg_virtio_gpu_ctrl_hdr {
    uint32_t type; /* enum bg_virtio_gpu_ctrl_type */
    uint32_t flags;
    uint64_t fence_id;
    uint32_t ctx_id;
    uint8_t ring_idx;
    uint8_t padding[3];
};

struct bg_virtio_gpu_rect {
    uint32_t x; /* 0, 0 is the top left corner */
    uint32_t y;
    uint32_t width;
    uint32_t height;
};

/* ---- 2D commands, 5.7.6.8 ---- */

struct bg_virtio_gpu_display_one {
    struct bg_virtio_gpu_rect r;
    uint32_t enabled;
    uint32_t flags;
};

struct bg_virtio_gpu_resp_display_info {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    struct bg_virtio_gpu_display_one pmodes[BG_VIRTIO_GPU_MAX_SCANOUTS];
};

struct bg_virtio_gpu_get_edid {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    uint32_t scanout;
    uint32_t padding;
};

#define BG_VIRTIO_GPU_EDID_MAX 1024u

struct bg_virtio_gpu_resp_edid {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    uint32_t size;
    uint32_t padding;
    uint8_t edid[BG_VIRTIO_GPU_EDID_MAX];
};

/* Four bytes to a pixel, named in the order of the bytes in memory. */
enum bg_virtio_gpu_formats {
    BG_VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM = 1,
    BG_VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM = 2,
    BG_VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM = 3,
    BG_VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM = 4,
    BG_VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM = 67,
    BG_VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM = 68,
    BG_VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM = 121,
    BG_VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM = 134,
};

#define BG_VIRTIO_GPU_FORMAT_COUNT 8u
#define BG_VIRTIO_GPU_PIXEL_SIZE 4u

struct bg_virtio_gpu_resource_create_2d {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    uint32_t resource_id; /* not 0 */
    uint32_t format;      /* enum bg_virtio_gpu_formats */
    uint32_t width;
    uint32_t height;
};

/* RESOURCE_UNREF, RESOURCE_DETACH_BACKING, RESOURCE_ASSIGN_UUID, RESOURCE_UNMAP_BLOB,
 * CTX_ATTACH_RESOURCE, CTX_DETACH_RESOURCE; CTX_DESTROY is a header alone */
struct bg_virtio_gpu_resource_request {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    uint32_t resource_id;
    uint32_t padding;
};

struct bg_virtio_gpu_set_scanout {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    struct bg_virtio_gpu_rect r;
    uint32_t scanout_id;
    uint32_t resource_id; /* 0 disables the scanout */
};

struct bg_virtio_gpu_resource_flush {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    struct bg_virtio_gpu_rect r;
    uint32_t resource_id;
    uint32_t padding;
};

struct bg_virtio_gpu_transfer_to_host_2d {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    struct bg_virtio_gpu_rect r;
    uint64_t offset; /* of the rectangle's first pixel in the backing */
    uint32_t resource_id;
    uint32_t padding;
};

/* Followed by nr_entries of struct bg_virtio_gpu_mem_entry. */
struct bg_virtio_gpu_resource_attach_backing {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    uint32_t resource_id;
    uint32_t nr_entries;
};

struct bg_virtio_gpu_mem_entry {
    uint64_t addr;
    uint32_t length;
    uint32_t padding;
};

#define BG_VIRTIO_GPU_CAPSET_VIRGL 1u
#define BG_VIRTIO_GPU_CAPSET_VIRGL2 2u
#define BG_VIRTIO_GPU_CAPSET_GFXSTREAM 3u
#define BG_VIRTIO_GPU_CAPSET_VENUS 4u
#define BG_VIRTIO_GPU_CAPSET_CROSS_DOMAIN 5u

struct bg_virtio_gpu_get_capset_info {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    uint32_t capset_index;
    uint32_t padding;
};

struct bg_virtio_gpu_resp_capset_info {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    uint32_t capset_id;
    uint32_t capset_max_version;
    uint32_t capset_max_size;
    uint32_t padding;
};

struct bg_virtio_gpu_get_capset {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    uint32_t capset_id;
    uint32_t capset_version;
};

BG_BEGIN_FLEXIBLE

struct bg_virtio_gpu_resp_capset {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    uint8_t capset_data[];
};

BG_END_FLEXIBLE

#define BG_VIRTIO_GPU_UUID_SIZE 16u

struct bg_virtio_gpu_resp_resource_uuid {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    uint8_t uuid[BG_VIRTIO_GPU_UUID_SIZE];
};

#define BG_VIRTIO_GPU_BLOB_MEM_GUEST 1u
#define BG_VIRTIO_GPU_BLOB_MEM_HOST3D 2u
#define BG_VIRTIO_GPU_BLOB_MEM_HOST3D_GUEST 3u

#define BG_VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE 1u
#define BG_VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE 2u
#define BG_VIRTIO_GPU_BLOB_FLAG_USE_CROSS_DEVICE 4u

/* Followed by nr_entries of struct bg_virtio_gpu_mem_entry. */
struct bg_virtio_gpu_resource_create_blob {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    uint32_t resource_id;
    uint32_t blob_mem;
    uint32_t blob_flags;
    uint32_t nr_entries;
    uint64_t blob_id;
    uint64_t size;
};

struct bg_virtio_gpu_set_scanout_blob {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    struct bg_virtio_gpu_rect r;
    uint32_t scanout_id;
    uint32_t resource_id;
    uint32_t width;
    uint32_t height;
    uint32_t format;
    uint32_t padding;
    uint32_t strides[4];
    uint32_t offsets[4];
};

/* ---- 3D commands, 5.7.6.9 ---- */

#define BG_VIRTIO_GPU_CONTEXT_INIT_CAPSET_ID_MASK 0xFFu
#define BG_VIRTIO_GPU_DEBUG_NAME_MAX 64u

struct bg_virtio_gpu_ctx_create {
    struct bg_virtio_gpu_ctrl_hdr hdr; /* ctx_id names the context here and below */
    uint32_t nlen;
    uint32_t context_init;
    char debug_name[BG_VIRTIO_GPU_DEBUG_NAME_MAX];
};

struct bg_virtio_gpu_resource_create_3d {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    uint32_t resource_id;
    uint32_t target;
    uint32_t format;
    uint32_t bind;
    uint32_t width;
    uint32_t height;
    uint32_t depth;
    uint32_t array_size;
    uint32_t last_level;
    uint32_t nr_samples;
    uint32_t flags; /* VIRTIO_GPU_RESOURCE_FLAG_* */
    uint32_t padding;
};

#define BG_VIRTIO_GPU_RESOURCE_FLAG_Y_0_TOP (1u << 0)

struct bg_virtio_gpu_box {
    uint32_t x, y, z;
    uint32_t w, h, d;
};

/* TRANSFER_TO_HOST_3D, TRANSFER_FROM_HOST_3D */
struct bg_virtio_gpu_transfer_host_3d {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    struct bg_virtio_gpu_box box;
    uint64_t offset;
    uint32_t resource_id;
    uint32_t level;
    uint32_t stride;
    uint32_t layer_stride;
};

/* Followed by `size` bytes of commands. */
struct bg_virtio_gpu_cmd_submit {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    uint32_t size;
    uint32_t padding;
};

struct bg_virtio_gpu_resource_map_blob {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    uint32_t resource_id;
    uint32_t padding;
    uint64_t offset;
};

#define BG_VIRTIO_GPU_MAP_CACHE_MASK 0x0Fu
#define BG_VIRTIO_GPU_MAP_CACHE_NONE 0u
#define BG_VIRTIO_GPU_MAP_CACHE_CACHED 1u
#define BG_VIRTIO_GPU_MAP_CACHE_UNCACHED 2u
#define BG_VIRTIO_GPU_MAP_CACHE_WC 3u

struct bg_virtio_gpu_resp_map_info {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    uint32_t map_info; /* VIRTIO_GPU_MAP_CACHE_* */
    uint32_t padding;
};

/* ---- Cursor commands, 5.7.6.10 ---- */

#define BG_VIRTIO_GPU_CURSOR_SIZE 64u /* width and height of a cursor's resource: 5.7.6.6 */

struct bg_virtio_gpu_cursor_pos {
    uint32_t scanout_id;
    uint32_t x;
    uint32_t y;
    uint32_t padding;
};

/* UPDATE_CURSOR, MOVE_CURSOR */
struct bg_virtio_gpu_update_cursor {
    struct bg_virtio_gpu_ctrl_hdr hdr;
    struct bg_virtio_gpu_cursor_pos pos;
    uint32_t resource_id; /* 0 hides the cursor */
    uint32_t hot_x;
    uint32_t hot_y;
    uint32_t padding;
};

/* ---- Sizes and offsets ---- */

BG_STATIC_ASSERT(BG_VIRTIO_GPU_CMD_SET_SCANOUT_BLOB == 0x010D, "wire value");
BG_STATIC_ASSERT(BG_VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB == 0x0209, "wire value");
BG_STATIC_ASSERT(BG_VIRTIO_GPU_CMD_MOVE_CURSOR == 0x0301, "wire value");
BG_STATIC_ASSERT(BG_VIRTIO_GPU_RESP_OK_MAP_INFO == 0x1106, "wire value");
BG_STATIC_ASSERT(BG_VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER == 0x1205, "wire value");
BG_WIRE_SIZE(bg_virtio_gpu_config, 20);
BG_WIRE_SIZE(bg_virtio_gpu_ctrl_hdr, 24);
BG_WIRE_OFFSET(bg_virtio_gpu_ctrl_hdr, fence_id, 8);
BG_WIRE_OFFSET(bg_virtio_gpu_ctrl_hdr, ctx_id, 16);
BG_WIRE_OFFSET(bg_virtio_gpu_ctrl_hdr, ring_idx, 20);
BG_WIRE_SIZE(bg_virtio_gpu_rect, 16);
BG_WIRE_SIZE(bg_virtio_gpu_display_one, 24);
BG_WIRE_SIZE(bg_virtio_gpu_resp_display_info, 408);
BG_WIRE_SIZE(bg_virtio_gpu_get_edid, 32);
BG_WIRE_SIZE(bg_virtio_gpu_resp_edid, 1056);
BG_WIRE_OFFSET(bg_virtio_gpu_resp_edid, edid, 32);
BG_WIRE_SIZE(bg_virtio_gpu_resource_create_2d, 40);
BG_WIRE_OFFSET(bg_virtio_gpu_resource_create_2d, format, 28);
BG_WIRE_SIZE(bg_virtio_gpu_resource_request, 32);
BG_WIRE_SIZE(bg_virtio_gpu_set_scanout, 48);
BG_WIRE_OFFSET(bg_virtio_gpu_set_scanout, scanout_id, 40);
BG_WIRE_SIZE(bg_virtio_gpu_resource_flush, 48);
BG_WIRE_OFFSET(bg_virtio_gpu_resource_flush, resource_id, 40);
BG_WIRE_SIZE(bg_virtio_gpu_transfer_to_host_2d, 56);
BG_WIRE_OFFSET(bg_virtio_gpu_transfer_to_host_2d, offset, 40);
BG_WIRE_OFFSET(bg_virtio_gpu_transfer_to_host_2d, resource_id, 48);
BG_WIRE_SIZE(bg_virtio_gpu_resource_attach_backing, 32);
BG_WIRE_SIZE(bg_virtio_gpu_mem_entry, 16);
BG_WIRE_SIZE(bg_virtio_gpu_get_capset_info, 32);
BG_WIRE_SIZE(bg_virtio_gpu_resp_capset_info, 40);
BG_WIRE_SIZE(bg_virtio_gpu_get_capset, 32);
BG_WIRE_SIZE(bg_virtio_gpu_resp_capset, 24);
BG_WIRE_SIZE(bg_virtio_gpu_resp_resource_uuid, 40);
BG_WIRE_SIZE(bg_virtio_gpu_resource_create_blob, 56);
BG_WIRE_OFFSET(bg_virtio_gpu_resource_create_blob, blob_id, 40);
BG_WIRE_SIZE(bg_virtio_gpu_set_scanout_blob, 96);
BG_WIRE_OFFSET(bg_virtio_gpu_set_scanout_blob, width, 48);
BG_WIRE_OFFSET(bg_virtio_gpu_set_scanout_blob, strides, 64);
BG_WIRE_SIZE(bg_virtio_gpu_ctx_create, 96);
BG_WIRE_OFFSET(bg_virtio_gpu_ctx_create, debug_name, 32);
BG_WIRE_SIZE(bg_virtio_gpu_resource_create_3d, 72);
BG_WIRE_OFFSET(bg_virtio_gpu_resource_create_3d, width, 40);
BG_WIRE_SIZE(bg_virtio_gpu_transfer_host_3d, 72);
BG_WIRE_OFFSET(bg_virtio_gpu_transfer_host_3d, offset, 48);
BG_WIRE_SIZE(bg_virtio_gpu_cmd_submit, 32);
BG_WIRE_SIZE(bg_virtio_gpu_resource_map_blob, 40);
BG_WIRE_OFFSET(bg_virtio_gpu_resource_map_blob, offset, 32);
BG_WIRE_SIZE(bg_virtio_gpu_resp_map_info, 32);
BG_WIRE_SIZE(bg_virtio_gpu_cursor_pos, 16);
BG_WIRE_SIZE(bg_virtio_gpu_update_cursor, 56);
BG_WIRE_OFFSET(bg_virtio_gpu_update_cursor, resource_id, 40);

#endif
