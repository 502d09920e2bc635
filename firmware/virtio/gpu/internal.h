/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of the GPU driver. */
#ifndef FIRMWARE_VIRTIO_GPU_INTERNAL_H
#define FIRMWARE_VIRTIO_GPU_INTERNAL_H

#include "baregpu/barrier.h"
#include "baregpu/virtio_gpu_command.h"
#include "firmware/common/mem.h"
#include "firmware/common/owner.h"

/* A slot's part of the DMA memory. Small data is copied behind its request. */
#define GPU_REQUEST_SIZE 640u
#define GPU_RESPONSE_SIZE 1088u /* the largest fixed one is EDID's, 1056 */
#define GPU_CURSOR_REQUEST_SIZE 64u
#define GPU_CURSOR_RESPONSE_SIZE 64u

_Static_assert(sizeof(struct bg_virtio_gpu_resp_edid) <= GPU_RESPONSE_SIZE, "response fits");
_Static_assert(sizeof(struct bg_virtio_gpu_set_scanout_blob) <= GPU_REQUEST_SIZE, "request fits");
_Static_assert(sizeof(struct bg_virtio_gpu_update_cursor) <= GPU_CURSOR_REQUEST_SIZE,
               "request fits");

/* A command, ready to be sent. */
struct gpu_request {
    void *bytes; /* begins with struct bg_virtio_gpu_ctrl_hdr, whose type and ctx_id are set */
    uint32_t size;
    bool is_cursor;
    struct bg_virtio_gpu_data data; /* behind `bytes`; size 0: none */
    uint32_t expected_type;         /* VIRTIO_GPU_RESP_OK_* */
    uint32_t expected_size;         /* bytes at least */
    uint32_t staging_response; /* not 0: the answer comes into the staging area, up to this size */
    void *out;                 /* where gpu_take_payload puts the answer */
    size_t out_size;
    uint32_t *out_length;
};

/* Most answers are a header alone. */
#define GPU_REQUEST(message)                                                                       \
    {                                                                                              \
        .bytes = &(message),                                                                       \
        .size = sizeof(message),                                                                   \
        .expected_type = BG_VIRTIO_GPU_RESP_OK_NODATA,                                             \
        .expected_size = sizeof(struct bg_virtio_gpu_ctrl_hdr),                                    \
    }

/* A command that is not sent: also ends the caller's operation, unless another command has it. */
static inline int gpu_refuse(struct bg_virtio_gpu_op *op, int error)
{
    if (op == NULL) {
        return error;
    }
    if (op->error != BG_ERR_BUSY) {
        op->error = error;
    }
    return op->error;
}

/* Queues it; without `op` also waits for its end. */
int gpu_submit(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
               const struct gpu_request *request);

/* Ends all operations with `error`; the slots stay with the device. */
void gpu_end_all(struct bg_virtio_gpu *gpu, int error);

/* Makes all slots, the staging area and the timelines free: the device has been reset. */
void gpu_free_slots(struct bg_virtio_gpu *gpu);

/* format.c */
bool gpu_format_is_known(uint32_t format);

/* answer.c: copies a checked answer to where the caller wants it: 0 or PROTOCOL. */
int gpu_take_payload(const struct bg_virtio_gpu_slot *slot, const uint8_t *response,
                     uint32_t written);

#endif
