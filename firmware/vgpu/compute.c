/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations of protocol/compute.h, without their carrier: parameters, answers, statuses. */
#include "firmware/vgpu/compute.h"

#include "firmware/common/mem.h"

#define LOW(value) ((uint32_t)(value))
#define HIGH(value) ((uint32_t)((uint64_t)(value) >> 32))

/* ---- Parameters ---- */

struct bg_compute_alloc_params bg_compute_pack_alloc(uint64_t size)
{
    return (struct bg_compute_alloc_params){LOW(size), HIGH(size)};
}

struct bg_compute_copy_params bg_compute_pack_copy(uint32_t kind, struct bg_compute_operand to,
                                                   struct bg_compute_operand from, uint64_t size)
{
    return (struct bg_compute_copy_params){
        .kind = kind,
        .dst_handle = to.handle,
        .src_handle = from.handle,
        .dst_offset_lo = LOW(to.offset),
        .dst_offset_hi = HIGH(to.offset),
        .src_offset_lo = LOW(from.offset),
        .src_offset_hi = HIGH(from.offset),
        .size_lo = LOW(size),
        .size_hi = HIGH(size),
    };
}

struct bg_compute_vector_memory_params
bg_compute_pack_vector_add(uint32_t element_type, struct bg_compute_operand c,
                           struct bg_compute_operand a, struct bg_compute_operand b, uint64_t count)
{
    return (struct bg_compute_vector_memory_params){
        .element_type = element_type,
        .c_handle = c.handle,
        .a_handle = a.handle,
        .b_handle = b.handle,
        .c_offset_lo = LOW(c.offset),
        .c_offset_hi = HIGH(c.offset),
        .a_offset_lo = LOW(a.offset),
        .a_offset_hi = HIGH(a.offset),
        .b_offset_lo = LOW(b.offset),
        .b_offset_hi = HIGH(b.offset),
        .count_lo = LOW(count),
        .count_hi = HIGH(count),
    };
}

/* ---- Answers ---- */

int bg_compute_take_info(struct bg_compute_device_info *info, const void *answer, uint32_t length)
{
    if (length < sizeof(*info)) {
        return BG_ERR_PROTOCOL;
    }
    memcpy(info, answer, sizeof(*info));
    info->name[BG_COMPUTE_DEVICE_NAME_SIZE - 1] = '\0';
    return 0;
}

/* ---- Statuses ---- */

static const struct {
    uint32_t status;
    int error;
    const char *name;
} statuses[] = {
    {BG_COMPUTE_OK, BG_OK, "success"},
    {BG_COMPUTE_INVALID_REQUEST, BG_ERR_INVALID, "invalid request"},
    {BG_COMPUTE_REQUEST_TOO_LARGE, BG_ERR_TOO_LARGE, "request too large"},
    {BG_COMPUTE_MEDIATOR_UNAVAILABLE, BG_ERR_UNAVAILABLE, "mediator unavailable"},
    {BG_COMPUTE_TIMEOUT, BG_ERR_TIMEOUT, "timeout"},
    {BG_COMPUTE_CUDA_ERROR, BG_ERR_IO, "CUDA error"},
    {BG_COMPUTE_INVALID_POOL, BG_ERR_POOL, "invalid pool"},
    {BG_COMPUTE_QUEUE_FULL, BG_ERR_LIMITED, "queue full"},
    {BG_COMPUTE_UNSUPPORTED_OPERATION, BG_ERR_UNSUPPORTED, "unsupported operation"},
    {BG_COMPUTE_INVALID_LENGTH, BG_ERR_INVALID, "invalid length"},
    {BG_COMPUTE_RATE_LIMITED, BG_ERR_LIMITED, "rate limited"},
    {BG_COMPUTE_VM_QUARANTINED, BG_ERR_QUARANTINED, "VM quarantined"},
    {BG_COMPUTE_OUT_OF_MEMORY, BG_ERR_DEVICE_MEMORY, "out of GPU memory"},
    {BG_COMPUTE_INVALID_HANDLE, BG_ERR_NOT_FOUND, "invalid handle"},
    {BG_COMPUTE_OUT_OF_RANGE, BG_ERR_RANGE, "out of range"},
};

#define STATUS_COUNT (sizeof(statuses) / sizeof(statuses[0]))

int bg_compute_status_error(uint32_t status)
{
    for (size_t i = 0; i < STATUS_COUNT; i++) {
        if (statuses[i].status == status) {
            return statuses[i].error;
        }
    }
    return BG_ERR_IO;
}

const char *bg_compute_status_name(uint32_t status)
{
    for (size_t i = 0; i < STATUS_COUNT; i++) {
        if (statuses[i].status == status) {
            return statuses[i].name;
        }
    }
    return "unknown status";
}
