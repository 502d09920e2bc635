/* SPDX-License-Identifier: BSD-2-Clause */
/* What the backend says: which fences are done, what went wrong, whether it still lives. */
#include "firmware/vgpu/pvgpu_internal.h"

/* Tries to copy a record of the log before the backend overwrites it. */
#define RECORD_TRIES 4u

/* ---- Fences and losses ---- */

int pvgpu_look_at_fences(struct pvgpu *gpu)
{
    uint64_t completed = load_acquire64(&gpu->control->host_fence_completed);

    if (completed == gpu->fence_seen) {
        return 0;
    }
    if (completed < gpu->fence_first && gpu->fence_seen < gpu->fence_first) {
        return 0; /* an earlier session's, from a backend that was not told of the reset */
    }
    /* It goes forward, and not beyond what was asked for. */
    if (completed < gpu->fence_seen || completed > gpu->fence_last) {
        return pvgpu_lose(gpu, BAREGPU_ERR_PROTOCOL, PVGPU_ERROR_UNKNOWN);
    }
    gpu->fence_seen = completed;
    if (gpu->fence_source != NULL) {
        interrupt_source_answer(gpu->fence_source);
    }
    return 0;
}

int pvgpu_lose(struct pvgpu *gpu, int error, uint32_t code)
{
    if (gpu->loss == 0) {
        gpu->loss = error;
        gpu->loss_code = code;
        gpu->losses++;
        /* What it completed before counts; if that is nonsense the loss is what it is. */
        pvgpu_look_at_fences(gpu);
    }
    return gpu->loss;
}

int pvgpu_check(struct pvgpu *gpu)
{
    uint32_t status, code;
    int error;

    if (gpu->loss != 0) {
        return gpu->loss;
    }
    status = load_acquire32(&gpu->control->status);
    if (!(status & (PVGPU_CONTROL_DEVICE_LOST | PVGPU_CONTROL_SHUTDOWN))) {
        return 0;
    }
    code = load_once32(&gpu->control->error_code);
    error = pvgpu_has(gpu, PVGPU_FEATURE_CONTROL_WORDS) ? pvgpu_refusal(gpu) : 0;
    return pvgpu_lose(gpu, error != 0 ? error : BAREGPU_ERR_UNAVAILABLE,
                      code != PVGPU_OK ? code : PVGPU_ERROR_BACKEND_DISCONNECTED);
}

int pvgpu_refusal(const struct pvgpu *gpu)
{
    const struct pvgpu_control *control = gpu->control;
    uint32_t count = load_acquire32(&control->error_count);
    const struct pvgpu_error_record *last =
        &control->error_log[(count - 1) % PVGPU_ERROR_LOG_SIZE];

    if (count == 0 || !(load_acquire32(&control->status) & PVGPU_CONTROL_DEVICE_LOST) ||
        load_once32(&last->code) != PVGPU_ERROR_DEVICE_LOST) {
        return 0;
    }
    switch (load_once32(&last->detail)) {
    case COMPUTE_VM_QUARANTINED:
        return BAREGPU_ERR_QUARANTINED;
    case COMPUTE_INVALID_POOL:
        return BAREGPU_ERR_POOL;
    case COMPUTE_RATE_LIMITED:
        return BAREGPU_ERR_LIMITED;
    default:
        return 0;
    }
}

/* ---- Failures ---- */

/* Copies record `number` of the log; false when the backend has begun to overwrite it. */
static bool copy_record(const struct pvgpu *gpu, uint32_t number,
                        struct pvgpu_error_record *record)
{
    const struct pvgpu_error_record *from =
        &gpu->control->error_log[number % PVGPU_ERROR_LOG_SIZE];

    record->position = load_acquire64(&from->position);
    record->code = load_acquire32(&from->code);
    record->detail = load_acquire32(&from->detail);
    /* The backend writes record n + LOG_SIZE before it counts it. */
    return load_acquire32(&gpu->control->error_count) - number < PVGPU_ERROR_LOG_SIZE;
}

/* The resource in the header of a failed command, if that is still in the ring. */
static uint32_t resource_of(const struct pvgpu *gpu, uint64_t position, uint32_t type)
{
    if (position % PVGPU_COMMAND_ALIGN != 0 || gpu->written - position > gpu->ring_size ||
        gpu->written == position) {
        return 0;
    }
    const uint32_t *header =
        (const uint32_t *)(const void *)(gpu->ring + (position & gpu->ring_mask));

    return load_once32(&header[0]) == type ? load_once32(&header[2]) : 0;
}

static int take_logged(struct pvgpu *gpu, struct pvgpu_failure *failure)
{
    uint32_t seen = (uint32_t)gpu->error_seen, missed = 0;
    struct pvgpu_error_record record;

    for (unsigned try = 0; try < RECORD_TRIES; try++) {
        uint32_t count = load_acquire32(&gpu->control->error_count);

        if (count == seen) {
            break;
        }
        if (count - seen >= PVGPU_ERROR_LOG_SIZE) {
            uint32_t oldest = count - (PVGPU_ERROR_LOG_SIZE - 1);

            missed += oldest - seen;
            seen = oldest;
        }
        if (copy_record(gpu, seen, &record)) {
            gpu->error_seen = seen + 1;
            *failure = (struct pvgpu_failure){
                .position = record.position,
                .code = record.code,
                .type = record.code == PVGPU_OK ? 0 : record.detail,
                .resource_id = resource_of(gpu, record.position, record.detail),
                .detail = record.detail,
                .missed = missed,
            };
            return 1;
        }
    }
    if (missed == 0) {
        return 0;
    }
    gpu->error_seen = seen; /* faster than they can be read: that there were some is told */
    *failure = (struct pvgpu_failure){.code = PVGPU_ERROR_UNKNOWN, .missed = missed - 1};
    return 1;
}

/* Backends without a log show the last error only: it is new when it is another one. */
static int take_last(struct pvgpu *gpu, struct pvgpu_failure *failure)
{
    uint32_t code = load_once32(&gpu->control->error_code);
    uint32_t offset = load_once32(&gpu->control->error_data);
    uint64_t key = (uint64_t)code << 32 | offset;

    if (!(load_acquire32(&gpu->control->status) & PVGPU_CONTROL_ERROR) || code == PVGPU_OK ||
        key == gpu->error_seen) {
        return 0;
    }
    gpu->error_seen = key;
    *failure = (struct pvgpu_failure){.code = code};
    if (offset < gpu->ring_size && offset % PVGPU_COMMAND_ALIGN == 0) {
        /* Not later than what was published. */
        failure->position =
            gpu->published - ((gpu->published - offset - 1) & gpu->ring_mask) - 1;
        failure->type = load_once32((const uint32_t *)(const void *)(gpu->ring + offset));
        failure->resource_id = resource_of(gpu, failure->position, failure->type);
    }
    return 1;
}

int pvgpu_take_failure(struct pvgpu *gpu, struct pvgpu_failure *failure)
{
    return pvgpu_has(gpu, PVGPU_FEATURE_CONTROL_WORDS) ? take_logged(gpu, failure)
                                                       : take_last(gpu, failure);
}
