/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations of protocol/compute.h, without their carrier: parameters, answers, statuses. */
#include "firmware/vgpu/compute.h"

#include "firmware/common/mem.h"

#define LOW(value) ((uint32_t)(value))
#define HIGH(value) ((uint32_t)((uint64_t)(value) >> 32))

/* ---- Parameters ---- */

struct compute_alloc_params compute_pack_alloc(uint64_t size)
{
    return (struct compute_alloc_params){LOW(size), HIGH(size)};
}

struct compute_copy_params compute_pack_copy(uint32_t kind, struct compute_operand to,
                                             struct compute_operand from, uint64_t size)
{
    return (struct compute_copy_params){
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

struct compute_vector_memory_params compute_pack_vector_add(uint32_t element_type,
                                                            struct compute_operand c,
                                                            struct compute_operand a,
                                                            struct compute_operand b,
                                                            uint64_t count)
{
    return (struct compute_vector_memory_params){
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

int compute_take_info(struct compute_device_info *info, const void *answer, uint32_t length)
{
    if (length < sizeof(*info)) {
        return BAREGPU_ERR_PROTOCOL;
    }
    memcpy(info, answer, sizeof(*info));
    info->name[COMPUTE_DEVICE_NAME_SIZE - 1] = '\0';
    return 0;
}

/* ---- Statuses ---- */

static const struct {
    uint32_t status;
    int error;
    const char *name;
} statuses[] = {
    {COMPUTE_OK, BAREGPU_OK, "success"},
    {COMPUTE_INVALID_REQUEST, BAREGPU_ERR_INVALID, "invalid request"},
    {COMPUTE_REQUEST_TOO_LARGE, BAREGPU_ERR_TOO_LARGE, "request too large"},
    {COMPUTE_MEDIATOR_UNAVAILABLE, BAREGPU_ERR_UNAVAILABLE, "mediator unavailable"},
    {COMPUTE_TIMEOUT, BAREGPU_ERR_TIMEOUT, "timeout"},
    {COMPUTE_CUDA_ERROR, BAREGPU_ERR_IO, "CUDA error"},
    {COMPUTE_INVALID_POOL, BAREGPU_ERR_POOL, "invalid pool"},
    {COMPUTE_QUEUE_FULL, BAREGPU_ERR_LIMITED, "queue full"},
    {COMPUTE_UNSUPPORTED_OPERATION, BAREGPU_ERR_UNSUPPORTED, "unsupported operation"},
    {COMPUTE_INVALID_LENGTH, BAREGPU_ERR_INVALID, "invalid length"},
    {COMPUTE_RATE_LIMITED, BAREGPU_ERR_LIMITED, "rate limited"},
    {COMPUTE_VM_QUARANTINED, BAREGPU_ERR_QUARANTINED, "VM quarantined"},
    {COMPUTE_OUT_OF_MEMORY, BAREGPU_ERR_NO_MEMORY, "out of GPU memory"},
    {COMPUTE_INVALID_HANDLE, BAREGPU_ERR_NOT_FOUND, "invalid handle"},
    {COMPUTE_OUT_OF_RANGE, BAREGPU_ERR_RANGE, "out of range"},
};

#define STATUS_COUNT (sizeof(statuses) / sizeof(statuses[0]))

int compute_status_error(uint32_t status)
{
    for (size_t i = 0; i < STATUS_COUNT; i++) {
        if (statuses[i].status == status) {
            return statuses[i].error;
        }
    }
    return BAREGPU_ERR_IO;
}

const char *compute_status_name(uint32_t status)
{
    for (size_t i = 0; i < STATUS_COUNT; i++) {
        if (statuses[i].status == status) {
            return statuses[i].name;
        }
    }
    return "unknown status";
}
