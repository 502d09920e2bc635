/* SPDX-License-Identifier: BSD-2-Clause */
/* The words of the device: virtio 1.4, 5.7.6.7. */
#include "baregpu/virtio_gpu_command.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const commands_2d[] = {
    "BG_VIRTIO_GPU_CMD_GET_DISPLAY_INFO",
    "BG_VIRTIO_GPU_CMD_RESOURCE_CREATE_2D",
    "BG_VIRTIO_GPU_CMD_RESOURCE_UNREF",
    "BG_VIRTIO_GPU_CMD_SET_SCANOUT",
    "BG_VIRTIO_GPU_CMD_RESOURCE_FLUSH",
    "BG_VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D",
    "BG_VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING",
    "BG_VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING",
    "BG_VIRTIO_GPU_CMD_GET_CAPSET_INFO",
    "BG_VIRTIO_GPU_CMD_GET_CAPSET",
    "BG_VIRTIO_GPU_CMD_GET_EDID",
    "BG_VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID",
    "BG_VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB",
    "BG_VIRTIO_GPU_CMD_SET_SCANOUT_BLOB",
};

static const char *const commands_3d[] = {
    "BG_VIRTIO_GPU_CMD_CTX_CREATE",
    "BG_VIRTIO_GPU_CMD_CTX_DESTROY",
    "BG_VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE",
    "BG_VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE",
    "BG_VIRTIO_GPU_CMD_RESOURCE_CREATE_3D",
    "BG_VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D",
    "BG_VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D",
    "BG_VIRTIO_GPU_CMD_SUBMIT_3D",
    "BG_VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB",
    "BG_VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB",
};

static const char *const commands_cursor[] = {
    "BG_VIRTIO_GPU_CMD_UPDATE_CURSOR",
    "BG_VIRTIO_GPU_CMD_MOVE_CURSOR",
};

static const char *const responses_ok[] = {
    "BG_VIRTIO_GPU_RESP_OK_NODATA",      "BG_VIRTIO_GPU_RESP_OK_DISPLAY_INFO",
    "BG_VIRTIO_GPU_RESP_OK_CAPSET_INFO", "BG_VIRTIO_GPU_RESP_OK_CAPSET",
    "BG_VIRTIO_GPU_RESP_OK_EDID",        "BG_VIRTIO_GPU_RESP_OK_RESOURCE_UUID",
    "BG_VIRTIO_GPU_RESP_OK_MAP_INFO",
};

static const char *const responses_error[] = {
    "BG_VIRTIO_GPU_RESP_ERR_UNSPEC",
    "BG_VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY",
    "BG_VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID",
    "BG_VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID",
    "BG_VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID",
    "BG_VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER",
};

_Static_assert(COUNT(commands_2d) + COUNT(commands_3d) + COUNT(commands_cursor) ==
                   BG_VIRTIO_GPU_COMMAND_COUNT,
               "every command has its name");

static const struct {
    uint32_t first;
    uint32_t count;
    const char *const *names;
} groups[] = {
    {BG_VIRTIO_GPU_CMD_GET_DISPLAY_INFO, COUNT(commands_2d), commands_2d},
    {BG_VIRTIO_GPU_CMD_CTX_CREATE, COUNT(commands_3d), commands_3d},
    {BG_VIRTIO_GPU_CMD_UPDATE_CURSOR, COUNT(commands_cursor), commands_cursor},
    {BG_VIRTIO_GPU_RESP_OK_NODATA, COUNT(responses_ok), responses_ok},
    {BG_VIRTIO_GPU_RESP_ERR_UNSPEC, COUNT(responses_error), responses_error},
};

const char *bg_virtio_gpu_type_name(uint32_t type)
{
    for (unsigned i = 0; i < COUNT(groups); i++) {
        if (type >= groups[i].first && type - groups[i].first < groups[i].count) {
            return groups[i].names[type - groups[i].first];
        }
    }
    return "unknown type";
}

/* A later specification may know more errors than this one: they begin where these do. */
#define ERRORS_END (BG_VIRTIO_GPU_RESP_ERR_UNSPEC + 0x100u)

int bg_virtio_gpu_response_error(uint32_t type)
{
    switch (type) {
    case BG_VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY:
        return BG_ERR_NO_MEMORY;
    case BG_VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID:
    case BG_VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID:
    case BG_VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID:
        return BG_ERR_NOT_FOUND;
    case BG_VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER:
        return BG_ERR_INVALID;
    default:
        if (type >= BG_VIRTIO_GPU_RESP_OK_NODATA && type <= BG_VIRTIO_GPU_RESP_OK_MAP_INFO) {
            return 0;
        }
        return type >= BG_VIRTIO_GPU_RESP_ERR_UNSPEC && type < ERRORS_END ? BG_ERR_IO
                                                                          : BG_ERR_PROTOCOL;
    }
}
