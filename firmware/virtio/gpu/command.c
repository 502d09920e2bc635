/* SPDX-License-Identifier: BSD-2-Clause */
/* The 2D, blob and cursor commands: virtio 1.4, 5.7.6.8 and 5.7.6.10. */
#include "baregpu/virtio_gpu.h"
#include "firmware/virtio/gpu/internal.h"

#define HEADER(command) {.type = (command)}

/* ---- Displays ---- */

int bg_virtio_gpu_cmd_get_display_info(
    struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
    struct bg_virtio_gpu_display_one modes[BG_VIRTIO_GPU_MAX_SCANOUTS])
{
    struct bg_virtio_gpu_ctrl_hdr message = HEADER(BG_VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
    struct gpu_request request = GPU_REQUEST(message);

    request.expected_type = BG_VIRTIO_GPU_RESP_OK_DISPLAY_INFO;
    request.expected_size = sizeof(struct bg_virtio_gpu_resp_display_info);
    request.out = modes;
    request.out_size = BG_VIRTIO_GPU_MAX_SCANOUTS * sizeof(*modes);
    return gpu_submit(gpu, op, &request);
}

int bg_virtio_gpu_cmd_get_edid(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                               uint32_t scanout, void *edid, size_t capacity, uint32_t *length)
{
    struct bg_virtio_gpu_get_edid message = {
        .hdr = HEADER(BG_VIRTIO_GPU_CMD_GET_EDID),
        .scanout = scanout,
    };
    struct gpu_request request = GPU_REQUEST(message);

    if (!bg_virtio_gpu_has(gpu, BG_VIRTIO_GPU_F_EDID)) {
        return gpu_refuse(op, BG_ERR_UNSUPPORTED);
    }
    if (scanout >= gpu->scanout_count) {
        return gpu_refuse(op, BG_ERR_RANGE);
    }
    request.expected_type = BG_VIRTIO_GPU_RESP_OK_EDID;
    request.expected_size = sizeof(struct bg_virtio_gpu_resp_edid);
    request.out = edid;
    request.out_size = capacity;
    request.out_length = length;
    return gpu_submit(gpu, op, &request);
}

int bg_virtio_gpu_cmd_set_scanout(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                  uint32_t scanout, uint32_t resource_id,
                                  const struct bg_virtio_gpu_rect *rect)
{
    struct bg_virtio_gpu_set_scanout message = {
        .hdr = HEADER(BG_VIRTIO_GPU_CMD_SET_SCANOUT),
        .scanout_id = scanout,
        .resource_id = resource_id,
    };
    struct gpu_request request = GPU_REQUEST(message);

    if (scanout >= gpu->scanout_count) {
        return gpu_refuse(op, BG_ERR_RANGE);
    }
    if (resource_id != 0) {
        if (rect == NULL) {
            return gpu_refuse(op, BG_ERR_INVALID);
        }
        message.r = *rect;
    }
    return gpu_submit(gpu, op, &request);
}

/* ---- Resources ---- */

int bg_virtio_gpu_cmd_resource_create_2d(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                         uint32_t resource_id, uint32_t format, uint32_t width,
                                         uint32_t height)
{
    struct bg_virtio_gpu_resource_create_2d message = {
        .hdr = HEADER(BG_VIRTIO_GPU_CMD_RESOURCE_CREATE_2D),
        .resource_id = resource_id,
        .format = format,
        .width = width,
        .height = height,
    };
    struct gpu_request request = GPU_REQUEST(message);

    if (resource_id == 0 || !gpu_format_is_known(format) || width == 0 || height == 0) {
        return gpu_refuse(op, BG_ERR_INVALID);
    }
    return gpu_submit(gpu, op, &request);
}

static int send_resource(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op, uint32_t command,
                         uint32_t resource_id)
{
    struct bg_virtio_gpu_resource_request message = {
        .hdr = HEADER(command),
        .resource_id = resource_id,
    };
    struct gpu_request request = GPU_REQUEST(message);

    return resource_id == 0 ? gpu_refuse(op, BG_ERR_INVALID) : gpu_submit(gpu, op, &request);
}

int bg_virtio_gpu_cmd_resource_unref(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                     uint32_t resource_id)
{
    return send_resource(gpu, op, BG_VIRTIO_GPU_CMD_RESOURCE_UNREF, resource_id);
}

int bg_virtio_gpu_cmd_resource_flush(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                     uint32_t resource_id, const struct bg_virtio_gpu_rect *rect)
{
    struct bg_virtio_gpu_resource_flush message = {
        .hdr = HEADER(BG_VIRTIO_GPU_CMD_RESOURCE_FLUSH),
        .r = *rect,
        .resource_id = resource_id,
    };
    struct gpu_request request = GPU_REQUEST(message);

    return resource_id == 0 ? gpu_refuse(op, BG_ERR_INVALID) : gpu_submit(gpu, op, &request);
}

int bg_virtio_gpu_cmd_transfer_to_host_2d(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                          uint32_t resource_id,
                                          const struct bg_virtio_gpu_rect *rect, uint64_t offset)
{
    struct bg_virtio_gpu_transfer_to_host_2d message = {
        .hdr = HEADER(BG_VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D),
        .r = *rect,
        .offset = offset,
        .resource_id = resource_id,
    };
    struct gpu_request request = GPU_REQUEST(message);

    return resource_id == 0 ? gpu_refuse(op, BG_ERR_INVALID) : gpu_submit(gpu, op, &request);
}

/* An array of entries: whole ones, and at least one. */
static bool is_entries(const struct bg_virtio_gpu_data *entries)
{
    return entries != NULL && entries->size > 0 &&
           entries->size % sizeof(struct bg_virtio_gpu_mem_entry) == 0 &&
           entries->size / sizeof(struct bg_virtio_gpu_mem_entry) <= UINT32_MAX;
}

int bg_virtio_gpu_cmd_resource_attach_backing(struct bg_virtio_gpu *gpu,
                                              struct bg_virtio_gpu_op *op, uint32_t resource_id,
                                              const struct bg_virtio_gpu_data *entries)
{
    struct bg_virtio_gpu_resource_attach_backing message = {
        .hdr = HEADER(BG_VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING),
        .resource_id = resource_id,
    };
    struct gpu_request request = GPU_REQUEST(message);

    if (resource_id == 0 || !is_entries(entries)) {
        return gpu_refuse(op, BG_ERR_INVALID);
    }
    message.nr_entries = (uint32_t)(entries->size / sizeof(struct bg_virtio_gpu_mem_entry));
    request.data = *entries;
    return gpu_submit(gpu, op, &request);
}

int bg_virtio_gpu_cmd_resource_detach_backing(struct bg_virtio_gpu *gpu,
                                              struct bg_virtio_gpu_op *op, uint32_t resource_id)
{
    return send_resource(gpu, op, BG_VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, resource_id);
}

int bg_virtio_gpu_cmd_resource_assign_uuid(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                           uint32_t resource_id,
                                           uint8_t uuid[BG_VIRTIO_GPU_UUID_SIZE])
{
    struct bg_virtio_gpu_resource_request message = {
        .hdr = HEADER(BG_VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID),
        .resource_id = resource_id,
    };
    struct gpu_request request = GPU_REQUEST(message);

    if (!bg_virtio_gpu_has(gpu, BG_VIRTIO_GPU_F_RESOURCE_UUID)) {
        return gpu_refuse(op, BG_ERR_UNSUPPORTED);
    }
    if (resource_id == 0) {
        return gpu_refuse(op, BG_ERR_INVALID);
    }
    request.expected_type = BG_VIRTIO_GPU_RESP_OK_RESOURCE_UUID;
    request.expected_size = sizeof(struct bg_virtio_gpu_resp_resource_uuid);
    request.out = uuid;
    request.out_size = BG_VIRTIO_GPU_UUID_SIZE;
    return gpu_submit(gpu, op, &request);
}

/* ---- Capability sets ---- */

int bg_virtio_gpu_cmd_get_capset_info(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                      uint32_t index, struct bg_virtio_gpu_capset *capset)
{
    struct bg_virtio_gpu_get_capset_info message = {
        .hdr = HEADER(BG_VIRTIO_GPU_CMD_GET_CAPSET_INFO),
        .capset_index = index,
    };
    struct gpu_request request = GPU_REQUEST(message);

    if (index >= gpu->capset_count) { /* 5.7.6.8: MUST be less */
        return gpu_refuse(op, BG_ERR_RANGE);
    }
    request.expected_type = BG_VIRTIO_GPU_RESP_OK_CAPSET_INFO;
    request.expected_size = sizeof(struct bg_virtio_gpu_resp_capset_info);
    request.out = capset;
    return gpu_submit(gpu, op, &request);
}

int bg_virtio_gpu_cmd_get_capset(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                 uint32_t capset_id, uint32_t version, void *capset,
                                 size_t capacity, uint32_t *length)
{
    struct bg_virtio_gpu_get_capset message = {
        .hdr = HEADER(BG_VIRTIO_GPU_CMD_GET_CAPSET),
        .capset_id = capset_id,
        .capset_version = version,
    };
    struct gpu_request request = GPU_REQUEST(message);

    if (capacity > gpu->staging_size - sizeof(struct bg_virtio_gpu_ctrl_hdr)) {
        return gpu_refuse(op, BG_ERR_TOO_LARGE);
    }
    request.expected_type = BG_VIRTIO_GPU_RESP_OK_CAPSET;
    request.staging_response = (uint32_t)(sizeof(struct bg_virtio_gpu_ctrl_hdr) + capacity);
    request.out = capset;
    request.out_size = capacity;
    request.out_length = length;
    return gpu_submit(gpu, op, &request);
}

/* ---- Blobs ---- */

static int check_blob(const struct bg_virtio_gpu *gpu, const struct bg_virtio_gpu_blob *blob)
{
    if (!bg_virtio_gpu_has(gpu, BG_VIRTIO_GPU_F_RESOURCE_BLOB)) {
        return BG_ERR_UNSUPPORTED;
    }
    if (blob->size == 0 || blob->size % gpu->blob_alignment != 0) {
        return BG_ERR_INVALID;
    }
    switch (blob->memory) {
    case BG_VIRTIO_GPU_BLOB_MEM_GUEST:
        return 0;
    case BG_VIRTIO_GPU_BLOB_MEM_HOST3D:
    case BG_VIRTIO_GPU_BLOB_MEM_HOST3D_GUEST:
        return bg_virtio_gpu_has(gpu, BG_VIRTIO_GPU_F_VIRGL) ? 0 : BG_ERR_UNSUPPORTED;
    default:
        return BG_ERR_INVALID;
    }
}

int bg_virtio_gpu_cmd_resource_create_blob(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                           uint32_t resource_id,
                                           const struct bg_virtio_gpu_blob *blob,
                                           const struct bg_virtio_gpu_data *entries)
{
    struct bg_virtio_gpu_resource_create_blob message = {
        .hdr = {.type = BG_VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, .ctx_id = blob->ctx_id},
        .resource_id = resource_id,
        .blob_mem = blob->memory,
        .blob_flags = blob->flags,
        .blob_id = blob->blob_id,
        .size = blob->size,
    };
    struct gpu_request request = GPU_REQUEST(message);
    int error = check_blob(gpu, blob);

    if (error == 0 && (resource_id == 0 || (entries != NULL && !is_entries(entries)) ||
                       (entries != NULL && blob->memory == BG_VIRTIO_GPU_BLOB_MEM_HOST3D))) {
        error = BG_ERR_INVALID;
    }
    if (error < 0) {
        return gpu_refuse(op, error);
    }
    if (entries != NULL) {
        message.nr_entries = (uint32_t)(entries->size / sizeof(struct bg_virtio_gpu_mem_entry));
        request.data = *entries;
    }
    return gpu_submit(gpu, op, &request);
}

int bg_virtio_gpu_cmd_set_scanout_blob(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                       uint32_t scanout, uint32_t resource_id,
                                       const struct bg_virtio_gpu_rect *rect,
                                       const struct bg_virtio_gpu_blob_layout *layout)
{
    struct bg_virtio_gpu_set_scanout_blob message = {
        .hdr = HEADER(BG_VIRTIO_GPU_CMD_SET_SCANOUT_BLOB),
        .scanout_id = scanout,
        .resource_id = resource_id,
    };
    struct gpu_request request = GPU_REQUEST(message);

    if (!bg_virtio_gpu_has(gpu, BG_VIRTIO_GPU_F_RESOURCE_BLOB)) {
        return gpu_refuse(op, BG_ERR_UNSUPPORTED);
    }
    if (scanout >= gpu->scanout_count) {
        return gpu_refuse(op, BG_ERR_RANGE);
    }
    if (resource_id != 0) {
        if (rect == NULL || layout == NULL || !gpu_format_is_known(layout->format)) {
            return gpu_refuse(op, BG_ERR_INVALID);
        }
        message.r = *rect;
        message.width = layout->width;
        message.height = layout->height;
        message.format = layout->format;
        memcpy(message.strides, layout->strides, sizeof(message.strides));
        memcpy(message.offsets, layout->offsets, sizeof(message.offsets));
    }
    return gpu_submit(gpu, op, &request);
}

/* ---- Cursor ---- */

static int send_cursor(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op, uint32_t command,
                       const struct bg_virtio_gpu_cursor_state *cursor)
{
    struct bg_virtio_gpu_update_cursor message = {
        .hdr = HEADER(command),
        .pos = {.scanout_id = cursor->scanout, .x = cursor->x, .y = cursor->y},
        .resource_id = cursor->resource_id,
        .hot_x = cursor->hot_x,
        .hot_y = cursor->hot_y,
    };
    struct gpu_request request = GPU_REQUEST(message);

    if (cursor->scanout >= gpu->scanout_count) {
        return gpu_refuse(op, BG_ERR_RANGE);
    }
    request.is_cursor = true;
    return gpu_submit(gpu, op, &request);
}

int bg_virtio_gpu_cmd_update_cursor(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                    const struct bg_virtio_gpu_cursor_state *cursor)
{
    return send_cursor(gpu, op, BG_VIRTIO_GPU_CMD_UPDATE_CURSOR, cursor);
}

int bg_virtio_gpu_cmd_move_cursor(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                  const struct bg_virtio_gpu_cursor_state *cursor)
{
    return send_cursor(gpu, op, BG_VIRTIO_GPU_CMD_MOVE_CURSOR, cursor);
}
