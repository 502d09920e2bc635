// SPDX-License-Identifier: BSD-2-Clause
/* The words of the device: virtio 1.4, 5.7.6.7. */
#include "baregpu/virtio_gpu_command.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const commands_2d[] = {
    "VIRTIO_GPU_CMD_GET_DISPLAY_INFO",
    "VIRTIO_GPU_CMD_RESOURCE_CREATE_2D",
    "VIRTIO_GPU_CMD_RESOURCE_UNREF",
    "VIRTIO_GPU_CMD_SET_SCANOUT",
    "VIRTIO_GPU_CMD_RESOURCE_FLUSH",
    "VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D",
    "VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING",
    "VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING",
    "VIRTIO_GPU_CMD_GET_CAPSET_INFO",
    "VIRTIO_GPU_CMD_GET_CAPSET",
    "VIRTIO_GPU_CMD_GET_EDID",
    "VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID",
    "VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB",
    "VIRTIO_GPU_CMD_SET_SCANOUT_BLOB",
};

static const char *const commands_3d[] = {
    "VIRTIO_GPU_CMD_CTX_CREATE",
    "VIRTIO_GPU_CMD_CTX_DESTROY",
    "VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE",
    "VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE",
    "VIRTIO_GPU_CMD_RESOURCE_CREATE_3D",
    "VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D",
    "VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D",
    "VIRTIO_GPU_CMD_SUBMIT_3D",
    "VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB",
    "VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB",
};

static const char *const commands_cursor[] = {
    "VIRTIO_GPU_CMD_UPDATE_CURSOR",
    "VIRTIO_GPU_CMD_MOVE_CURSOR",
};

static const char *const responses_ok[] = {
    "VIRTIO_GPU_RESP_OK_NODATA",      "VIRTIO_GPU_RESP_OK_DISPLAY_INFO",
    "VIRTIO_GPU_RESP_OK_CAPSET_INFO", "VIRTIO_GPU_RESP_OK_CAPSET",
    "VIRTIO_GPU_RESP_OK_EDID",        "VIRTIO_GPU_RESP_OK_RESOURCE_UUID",
    "VIRTIO_GPU_RESP_OK_MAP_INFO",
};

static const char *const responses_error[] = {
    "VIRTIO_GPU_RESP_ERR_UNSPEC",
    "VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY",
    "VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID",
    "VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID",
    "VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID",
    "VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER",
};

_Static_assert(COUNT(commands_2d) + COUNT(commands_3d) + COUNT(commands_cursor) ==
                   VIRTIO_GPU_COMMAND_COUNT,
               "every command has its name");

static const struct {
    uint32_t first;
    uint32_t count;
    const char *const *names;
} groups[] = {
    {VIRTIO_GPU_CMD_GET_DISPLAY_INFO, COUNT(commands_2d), commands_2d},
    {VIRTIO_GPU_CMD_CTX_CREATE, COUNT(commands_3d), commands_3d},
    {VIRTIO_GPU_CMD_UPDATE_CURSOR, COUNT(commands_cursor), commands_cursor},
    {VIRTIO_GPU_RESP_OK_NODATA, COUNT(responses_ok), responses_ok},
    {VIRTIO_GPU_RESP_ERR_UNSPEC, COUNT(responses_error), responses_error},
};

const char *virtio_gpu_type_name(uint32_t type)
{
    for (unsigned i = 0; i < COUNT(groups); i++) {
        if (type >= groups[i].first && type - groups[i].first < groups[i].count) {
            return groups[i].names[type - groups[i].first];
        }
    }
    return "unknown type";
}

/* A later specification may know more errors than this one: they begin where these do. */
#define ERRORS_END (VIRTIO_GPU_RESP_ERR_UNSPEC + 0x100u)

int virtio_gpu_response_error(uint32_t type)
{
    switch (type) {
    case VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY:
        return BAREGPU_ERR_NO_MEMORY;
    case VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID:
    case VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID:
    case VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID:
        return BAREGPU_ERR_NOT_FOUND;
    case VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER:
        return BAREGPU_ERR_INVALID;
    default:
        if (type >= VIRTIO_GPU_RESP_OK_NODATA && type <= VIRTIO_GPU_RESP_OK_MAP_INFO) {
            return 0;
        }
        return type >= VIRTIO_GPU_RESP_ERR_UNSPEC && type < ERRORS_END ? BAREGPU_ERR_IO
                                                                       : BAREGPU_ERR_PROTOCOL;
    }
}
