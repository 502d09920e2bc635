/* SPDX-License-Identifier: BSD-2-Clause */
/* What a status means to the caller, and its name. */
#include "baregpu/vgpu_stub.h"

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

int vgpu_stub_status_error(uint32_t status)
{
    for (size_t i = 0; i < STATUS_COUNT; i++) {
        if (statuses[i].status == status) {
            return statuses[i].error;
        }
    }
    return BAREGPU_ERR_IO;
}

const char *vgpu_stub_status_name(uint32_t status)
{
    for (size_t i = 0; i < STATUS_COUNT; i++) {
        if (statuses[i].status == status) {
            return statuses[i].name;
        }
    }
    return "unknown status";
}

const char *vgpu_stub_priority_name(uint32_t priority)
{
    switch (priority) {
    case VGPU_STUB_PRIORITY_LOW:
        return "low";
    case VGPU_STUB_PRIORITY_MEDIUM:
        return "medium";
    case VGPU_STUB_PRIORITY_HIGH:
        return "high";
    default:
        return "unknown";
    }
}
