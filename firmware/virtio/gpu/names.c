/* SPDX-License-Identifier: BSD-2-Clause */
/* The words of the device: virtio 1.4, 5.7.6.7. */
#include "baregpu/virtio_gpu_command.h"

#define NAME(name) {BG_VIRTIO_GPU_##name, "BG_VIRTIO_GPU_" #name}

static const struct {
    uint32_t type;
    const char *name;
} names[] = {
    NAME(CMD_GET_DISPLAY_INFO),
    NAME(CMD_RESOURCE_CREATE_2D),
    NAME(CMD_RESOURCE_UNREF),
    NAME(CMD_SET_SCANOUT),
    NAME(CMD_RESOURCE_FLUSH),
    NAME(CMD_TRANSFER_TO_HOST_2D),
    NAME(CMD_RESOURCE_ATTACH_BACKING),
    NAME(CMD_RESOURCE_DETACH_BACKING),
    NAME(CMD_GET_CAPSET_INFO),
    NAME(CMD_GET_CAPSET),
    NAME(CMD_GET_EDID),
    NAME(CMD_RESOURCE_ASSIGN_UUID),
    NAME(CMD_RESOURCE_CREATE_BLOB),
    NAME(CMD_SET_SCANOUT_BLOB),
    NAME(CMD_CTX_CREATE),
    NAME(CMD_CTX_DESTROY),
    NAME(CMD_CTX_ATTACH_RESOURCE),
    NAME(CMD_CTX_DETACH_RESOURCE),
    NAME(CMD_RESOURCE_CREATE_3D),
    NAME(CMD_TRANSFER_TO_HOST_3D),
    NAME(CMD_TRANSFER_FROM_HOST_3D),
    NAME(CMD_SUBMIT_3D),
    NAME(CMD_RESOURCE_MAP_BLOB),
    NAME(CMD_RESOURCE_UNMAP_BLOB),
    NAME(CMD_UPDATE_CURSOR),
    NAME(CMD_MOVE_CURSOR),
    NAME(RESP_OK_NODATA),
    NAME(RESP_OK_DISPLAY_INFO),
    NAME(RESP_OK_CAPSET_INFO),
    NAME(RESP_OK_CAPSET),
    NAME(RESP_OK_EDID),
    NAME(RESP_OK_RESOURCE_UUID),
    NAME(RESP_OK_MAP_INFO),
    NAME(RESP_ERR_UNSPEC),
    NAME(RESP_ERR_OUT_OF_MEMORY),
    NAME(RESP_ERR_INVALID_SCANOUT_ID),
    NAME(RESP_ERR_INVALID_RESOURCE_ID),
    NAME(RESP_ERR_INVALID_CONTEXT_ID),
    NAME(RESP_ERR_INVALID_PARAMETER),
};

#define RESPONSE_COUNT 13u

_Static_assert(sizeof(names) / sizeof(names[0]) == BG_VIRTIO_GPU_COMMAND_COUNT + RESPONSE_COUNT,
               "every command has its name");

const char *bg_virtio_gpu_type_name(uint32_t type)
{
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].type == type) {
            return names[i].name;
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
