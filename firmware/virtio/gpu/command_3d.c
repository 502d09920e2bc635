/* SPDX-License-Identifier: BSD-2-Clause */
/* The 3D commands and the mapping of blobs: virtio 1.4, 5.7.6.9. */
#include "firmware/virtio/gpu/internal.h"

/* Sends what needs F_VIRGL and has sound arguments. */
static int submit_3d(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op, bool is_sound,
                     const struct gpu_request *request)
{
    if (!bg_virtio_gpu_has(gpu, BG_VIRTIO_GPU_F_VIRGL)) {
        return gpu_refuse(op, BG_ERR_UNSUPPORTED);
    }
    return is_sound ? gpu_submit(gpu, op, request) : gpu_refuse(op, BG_ERR_INVALID);
}

/* ---- Contexts ---- */

int bg_virtio_gpu_cmd_ctx_create(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                 uint32_t ctx_id, uint32_t capset_id, const char *name)
{
    struct bg_virtio_gpu_ctx_create message = {
        .hdr = {.type = BG_VIRTIO_GPU_CMD_CTX_CREATE, .ctx_id = ctx_id},
        .context_init = capset_id,
    };
    struct gpu_request request = GPU_REQUEST(message);

    if (capset_id != 0 && !bg_virtio_gpu_has(gpu, BG_VIRTIO_GPU_F_CONTEXT_INIT)) {
        return gpu_refuse(op, BG_ERR_UNSUPPORTED);
    }
    while (name != NULL && name[message.nlen] != '\0' &&
           message.nlen < BG_VIRTIO_GPU_DEBUG_NAME_MAX) {
        message.debug_name[message.nlen] = name[message.nlen];
        message.nlen++;
    }
    return submit_3d(gpu, op, ctx_id != 0 && capset_id <= BG_VIRTIO_GPU_CONTEXT_INIT_CAPSET_ID_MASK,
                     &request);
}

int bg_virtio_gpu_cmd_ctx_destroy(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                  uint32_t ctx_id)
{
    struct bg_virtio_gpu_ctrl_hdr message = {.type = BG_VIRTIO_GPU_CMD_CTX_DESTROY,
                                             .ctx_id = ctx_id};
    struct gpu_request request = GPU_REQUEST(message);

    return submit_3d(gpu, op, ctx_id != 0, &request);
}

static int send_ctx_resource(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                             uint32_t command, uint32_t ctx_id, uint32_t resource_id)
{
    struct bg_virtio_gpu_resource_request message = {
        .hdr = {.type = command, .ctx_id = ctx_id},
        .resource_id = resource_id,
    };
    struct gpu_request request = GPU_REQUEST(message);

    return submit_3d(gpu, op, ctx_id != 0 && resource_id != 0, &request);
}

int bg_virtio_gpu_cmd_ctx_attach_resource(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                          uint32_t ctx_id, uint32_t resource_id)
{
    return send_ctx_resource(gpu, op, BG_VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, ctx_id, resource_id);
}

int bg_virtio_gpu_cmd_ctx_detach_resource(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                          uint32_t ctx_id, uint32_t resource_id)
{
    return send_ctx_resource(gpu, op, BG_VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE, ctx_id, resource_id);
}

/* ---- Resources ---- */

int bg_virtio_gpu_cmd_resource_create_3d(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                         uint32_t resource_id,
                                         const struct bg_virtio_gpu_resource_3d *resource)
{
    struct bg_virtio_gpu_resource_create_3d message = {
        .hdr = {.type = BG_VIRTIO_GPU_CMD_RESOURCE_CREATE_3D},
        .resource_id = resource_id,
        .target = resource->target,
        .format = resource->format,
        .bind = resource->bind,
        .width = resource->width,
        .height = resource->height,
        .depth = resource->depth,
        .array_size = resource->array_size,
        .last_level = resource->last_level,
        .nr_samples = resource->nr_samples,
        .flags = resource->flags,
    };
    struct gpu_request request = GPU_REQUEST(message);

    return submit_3d(gpu, op, resource_id != 0, &request);
}

static int send_transfer(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op, uint32_t command,
                         uint32_t ctx_id, uint32_t resource_id,
                         const struct bg_virtio_gpu_transfer_3d *transfer)
{
    struct bg_virtio_gpu_transfer_host_3d message = {
        .hdr = {.type = command, .ctx_id = ctx_id},
        .box = transfer->box,
        .offset = transfer->offset,
        .resource_id = resource_id,
        .level = transfer->level,
        .stride = transfer->stride,
        .layer_stride = transfer->layer_stride,
    };
    struct gpu_request request = GPU_REQUEST(message);

    return submit_3d(gpu, op, resource_id != 0, &request);
}

int bg_virtio_gpu_cmd_transfer_to_host_3d(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                          uint32_t ctx_id, uint32_t resource_id,
                                          const struct bg_virtio_gpu_transfer_3d *transfer)
{
    return send_transfer(gpu, op, BG_VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D, ctx_id, resource_id,
                         transfer);
}

int bg_virtio_gpu_cmd_transfer_from_host_3d(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                            uint32_t ctx_id, uint32_t resource_id,
                                            const struct bg_virtio_gpu_transfer_3d *transfer)
{
    return send_transfer(gpu, op, BG_VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D, ctx_id, resource_id,
                         transfer);
}

int bg_virtio_gpu_cmd_submit_3d(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                uint32_t ctx_id, const struct bg_virtio_gpu_data *commands)
{
    struct bg_virtio_gpu_cmd_submit message = {
        .hdr = {.type = BG_VIRTIO_GPU_CMD_SUBMIT_3D, .ctx_id = ctx_id},
        .size = (uint32_t)commands->size,
    };
    struct gpu_request request = GPU_REQUEST(message);

    request.data = *commands;
    return submit_3d(gpu, op, ctx_id != 0 && commands->size > 0, &request);
}

/* ---- Blobs in the host-visible region ---- */

static bool has_region(const struct bg_virtio_gpu *gpu)
{
    return bg_virtio_gpu_has(gpu, BG_VIRTIO_GPU_F_RESOURCE_BLOB) && gpu->host_visible.size != 0;
}

int bg_virtio_gpu_cmd_resource_map_blob(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                        uint32_t resource_id, uint64_t offset, uint32_t *cache)
{
    struct bg_virtio_gpu_resource_map_blob message = {
        .hdr = {.type = BG_VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB},
        .resource_id = resource_id,
        .offset = offset,
    };
    struct gpu_request request = GPU_REQUEST(message);

    if (!has_region(gpu)) {
        return gpu_refuse(op, BG_ERR_UNSUPPORTED);
    }
    if (offset >= gpu->host_visible.size) {
        return gpu_refuse(op, BG_ERR_RANGE);
    }
    if (offset % gpu->blob_alignment != 0) { /* MUST be aligned */
        return gpu_refuse(op, BG_ERR_INVALID);
    }
    request.expected_type = BG_VIRTIO_GPU_RESP_OK_MAP_INFO;
    request.expected_size = sizeof(struct bg_virtio_gpu_resp_map_info);
    request.out = cache;
    request.out_size = sizeof(*cache);
    return submit_3d(gpu, op, resource_id != 0, &request);
}

int bg_virtio_gpu_cmd_resource_unmap_blob(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                                          uint32_t resource_id)
{
    struct bg_virtio_gpu_resource_request message = {
        .hdr = {.type = BG_VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB},
        .resource_id = resource_id,
    };
    struct gpu_request request = GPU_REQUEST(message);

    if (!has_region(gpu)) {
        return gpu_refuse(op, BG_ERR_UNSUPPORTED);
    }
    return submit_3d(gpu, op, resource_id != 0, &request);
}
