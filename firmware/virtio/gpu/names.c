/* SPDX-License-Identifier: BSD-2-Clause */
/* The words of the device: virtio 1.4, 5.7.6.7. */
#include "baregpu/virtio_gpu_command.h"

#define NAME(name, error) {BG_VIRTIO_GPU_##name, error, "BG_VIRTIO_GPU_" #name}

static const struct {
    uint32_t type;
    int error; /* as an answer */
    const char *name;
} names[] = {
    NAME(CMD_GET_DISPLAY_INFO, BG_ERR_PROTOCOL),
    NAME(CMD_RESOURCE_CREATE_2D, BG_ERR_PROTOCOL),
    NAME(CMD_RESOURCE_UNREF, BG_ERR_PROTOCOL),
    NAME(CMD_SET_SCANOUT, BG_ERR_PROTOCOL),
    NAME(CMD_RESOURCE_FLUSH, BG_ERR_PROTOCOL),
    NAME(CMD_TRANSFER_TO_HOST_2D, BG_ERR_PROTOCOL),
    NAME(CMD_RESOURCE_ATTACH_BACKING, BG_ERR_PROTOCOL),
    NAME(CMD_RESOURCE_DETACH_BACKING, BG_ERR_PROTOCOL),
    NAME(CMD_GET_CAPSET_INFO, BG_ERR_PROTOCOL),
    NAME(CMD_GET_CAPSET, BG_ERR_PROTOCOL),
    NAME(CMD_GET_EDID, BG_ERR_PROTOCOL),
    NAME(CMD_RESOURCE_ASSIGN_UUID, BG_ERR_PROTOCOL),
    NAME(CMD_RESOURCE_CREATE_BLOB, BG_ERR_PROTOCOL),
    NAME(CMD_SET_SCANOUT_BLOB, BG_ERR_PROTOCOL),
    NAME(CMD_CTX_CREATE, BG_ERR_PROTOCOL),
    NAME(CMD_CTX_DESTROY, BG_ERR_PROTOCOL),
    NAME(CMD_CTX_ATTACH_RESOURCE, BG_ERR_PROTOCOL),
    NAME(CMD_CTX_DETACH_RESOURCE, BG_ERR_PROTOCOL),
    NAME(CMD_RESOURCE_CREATE_3D, BG_ERR_PROTOCOL),
    NAME(CMD_TRANSFER_TO_HOST_3D, BG_ERR_PROTOCOL),
    NAME(CMD_TRANSFER_FROM_HOST_3D, BG_ERR_PROTOCOL),
    NAME(CMD_SUBMIT_3D, BG_ERR_PROTOCOL),
    NAME(CMD_RESOURCE_MAP_BLOB, BG_ERR_PROTOCOL),
    NAME(CMD_RESOURCE_UNMAP_BLOB, BG_ERR_PROTOCOL),
    NAME(CMD_UPDATE_CURSOR, BG_ERR_PROTOCOL),
    NAME(CMD_MOVE_CURSOR, BG_ERR_PROTOCOL),
    NAME(RESP_OK_NODATA, 0),
    NAME(RESP_OK_DISPLAY_INFO, 0),
    NAME(RESP_OK_CAPSET_INFO, 0),
    NAME(RESP_OK_CAPSET, 0),
    NAME(RESP_OK_EDID, 0),
    NAME(RESP_OK_RESOURCE_UUID, 0),
    NAME(RESP_OK_MAP_INFO, 0),
    NAME(RESP_ERR_UNSPEC, BG_ERR_IO),
    NAME(RESP_ERR_OUT_OF_MEMORY, BG_ERR_DEVICE_MEMORY),
    NAME(RESP_ERR_INVALID_SCANOUT_ID, BG_ERR_NOT_FOUND),
    NAME(RESP_ERR_INVALID_RESOURCE_ID, BG_ERR_NOT_FOUND),
    NAME(RESP_ERR_INVALID_CONTEXT_ID, BG_ERR_NOT_FOUND),
    NAME(RESP_ERR_INVALID_PARAMETER, BG_ERR_INVALID),
};

#define COUNT (sizeof(names) / sizeof(names[0]))
#define RESPONSE_COUNT 13u

_Static_assert(COUNT == BG_VIRTIO_GPU_COMMAND_COUNT + RESPONSE_COUNT, "every command has its name");

static unsigned find(uint32_t type)
{
    unsigned i = 0;

    while (i < COUNT && names[i].type != type) {
        i++;
    }
    return i;
}

const char *bg_virtio_gpu_type_name(uint32_t type)
{
    unsigned i = find(type);

    return i < COUNT ? names[i].name : "unknown type";
}

/* A later specification may know more errors than this one: they begin where these do. */
#define ERRORS_END (BG_VIRTIO_GPU_RESP_ERR_UNSPEC + 0x100u)

int bg_virtio_gpu_response_error(uint32_t type)
{
    unsigned i = find(type);

    return i < COUNT                                                    ? names[i].error
           : type >= BG_VIRTIO_GPU_RESP_ERR_UNSPEC && type < ERRORS_END ? BG_ERR_IO
                                                                        : BG_ERR_PROTOCOL;
}
