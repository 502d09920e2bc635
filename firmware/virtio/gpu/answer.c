/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers with data: each word is read once, the device may change it meanwhile. */
#include "firmware/virtio/gpu/internal.h"

static int take_edid(const struct virtio_gpu_slot *slot, const uint8_t *response, uint32_t written)
{
    const struct virtio_gpu_resp_edid *answer = (const void *)response;
    uint32_t size = load_once32(&answer->size);

    if (size > VIRTIO_GPU_EDID_MAX ||
        size > written - offsetof(struct virtio_gpu_resp_edid, edid)) {
        return BAREGPU_ERR_PROTOCOL;
    }
    if (size > slot->out_size) {
        size = (uint32_t)slot->out_size;
    }
    memcpy(slot->out, answer->edid, size);
    *slot->out_length = size;
    return 0;
}

static void take_capset_info(const struct virtio_gpu_slot *slot, const uint8_t *response)
{
    const struct virtio_gpu_resp_capset_info *info = (const void *)response;

    *(struct virtio_gpu_capset *)slot->out = (struct virtio_gpu_capset){
        .id = load_once32(&info->capset_id),
        .max_version = load_once32(&info->capset_max_version),
        .max_size = load_once32(&info->capset_max_size),
    };
}

int gpu_take_payload(const struct virtio_gpu_slot *slot, const uint8_t *response, uint32_t written)
{
    const size_t header = sizeof(struct virtio_gpu_ctrl_hdr);
    size_t size = slot->out_size;

    if (slot->out == NULL) {
        return 0;
    }
    switch (slot->expected_type) {
    case VIRTIO_GPU_RESP_OK_EDID:
        return take_edid(slot, response, written);
    case VIRTIO_GPU_RESP_OK_CAPSET_INFO:
        take_capset_info(slot, response);
        return 0;
    case VIRTIO_GPU_RESP_OK_CAPSET:
        if (size > written - header) {
            size = written - header;
        }
        *slot->out_length = (uint32_t)size;
        break;
    default: /* all of it, expected_size long */
        break;
    }
    memcpy(slot->out, response + header, size);
    return 0;
}
