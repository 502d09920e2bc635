/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers with data: each word is read once, the device may change it meanwhile. */
#include "firmware/virtio/gpu/internal.h"

static int take_edid(const struct bg_virtio_gpu_slot *slot, const uint8_t *response,
                     uint32_t written)
{
    const struct bg_virtio_gpu_resp_edid *answer = (const void *)response;
    uint32_t size = bg_load_once32(&answer->size);

    if (size > BG_VIRTIO_GPU_EDID_MAX ||
        size > written - offsetof(struct bg_virtio_gpu_resp_edid, edid)) {
        return BG_ERR_PROTOCOL;
    }
    if (size > slot->out_size) {
        size = (uint32_t)slot->out_size;
    }
    memcpy(slot->out, answer->edid, size);
    *slot->out_length = size;
    return 0;
}

static void take_capset_info(const struct bg_virtio_gpu_slot *slot, const uint8_t *response)
{
    const struct bg_virtio_gpu_resp_capset_info *info = (const void *)response;

    *(struct bg_virtio_gpu_capset *)slot->out = (struct bg_virtio_gpu_capset){
        .id = bg_load_once32(&info->capset_id),
        .max_version = bg_load_once32(&info->capset_max_version),
        .max_size = bg_load_once32(&info->capset_max_size),
    };
}

int gpu_take_payload(const struct bg_virtio_gpu_slot *slot, const uint8_t *response,
                     uint32_t written)
{
    const size_t header = sizeof(struct bg_virtio_gpu_ctrl_hdr);
    size_t size = slot->out_size;

    if (slot->out == NULL) {
        return 0;
    }
    switch (slot->expected_type) {
    case BG_VIRTIO_GPU_RESP_OK_EDID:
        return take_edid(slot, response, written);
    case BG_VIRTIO_GPU_RESP_OK_CAPSET_INFO:
        take_capset_info(slot, response);
        return 0;
    case BG_VIRTIO_GPU_RESP_OK_CAPSET:
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
