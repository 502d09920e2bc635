/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/compute/operation.h"

#include <string.h>

#include "host/mediator/cuda/carrier.h"
#include "protocol/cuda_command.h"

#define ELEMENT_SIZE 4u /* all element types of compute.h */

/* A range of device memory, or of the heap. */
struct operand {
    gpu_address address;
    uint8_t *heap; /* NULL: device memory */
};

static uint64_t join(uint32_t low, uint32_t high)
{
    return (uint64_t)high << 32 | low;
}

static bool element_type_known(uint32_t type)
{
    return type == BG_COMPUTE_ELEMENT_UINT32 || type == BG_COMPUTE_ELEMENT_INT32 ||
           type == BG_COMPUTE_ELEMENT_FLOAT32;
}

static bool is_heap(const struct operation *operation, uint32_t handle)
{
    return handle == 0 && operation->heap.memory != NULL;
}

static enum bg_compute_status resolve(struct session *session, const struct operation *operation,
                                      uint32_t handle, uint64_t offset, uint64_t size,
                                      struct operand *operand)
{
    const struct operation_heap *heap = &operation->heap;

    operand->heap = NULL;
    if (!is_heap(operation, handle)) {
        return session_resolve(session, handle, offset, size, &operand->address);
    }
    if (offset > heap->size || size > heap->size - offset) {
        return BG_COMPUTE_OUT_OF_RANGE;
    }
    operand->heap = heap->memory + offset;
    operand->address = heap->address + offset;
    return BG_COMPUTE_OK;
}

static enum bg_compute_status run_vector_add_basic(struct session *session,
                                                   struct operation *operation)
{
    struct gpu *gpu = session->gpu;
    enum bg_compute_status status;

    /* Any other kernel would have another count; there is none. */
    if (operation->param_count != 2) {
        return BG_COMPUTE_UNSUPPORTED_OPERATION;
    }
    status = gpu_add_host(gpu, BG_COMPUTE_ELEMENT_UINT32, operation->results, &operation->params[0],
                          &operation->params[1], 1);
    operation->result_count = status == BG_COMPUTE_OK ? 1 : 0;
    return status;
}

static enum bg_compute_status run_memory_alloc(struct session *session, struct operation *operation)
{
    const struct bg_compute_alloc_params *params = (const void *)operation->params;
    uint64_t size = join(params->size_lo, params->size_hi);
    enum bg_compute_status status;

    if (size == 0) {
        return BG_COMPUTE_INVALID_LENGTH;
    }
    status = session_alloc(session, size, &operation->results[0]);
    operation->result_count = status == BG_COMPUTE_OK ? 1 : 0;
    return status;
}

static enum bg_compute_status run_memory_free(struct session *session, struct operation *operation)
{
    return session_free(session, operation->params[0]);
}

/* Between two operands, whichever of them lie in the heap. */
static enum bg_compute_status copy_operands(struct session *session,
                                            const struct operation *operation,
                                            const struct operand *dst, const struct operand *src,
                                            uint64_t size)
{
    struct gpu *gpu = session->gpu;

    if (dst->heap != NULL && src->heap != NULL) {
        gpu_finish(gpu); /* what was started may use either */
        gpu_move(gpu, dst->heap, src->heap, size);
        return BG_COMPUTE_OK;
    }
    if (src->heap != NULL) {
        return gpu_copy_to(gpu, dst->address, src->heap, size, operation->async);
    }
    if (dst->heap != NULL) {
        return gpu_copy_from(gpu, dst->heap, src->address, size, operation->async);
    }
    return gpu_copy_within(gpu, dst->address, src->address, size, operation->async);
}

/* From the carrier's data. */
static enum bg_compute_status copy_data_in(struct session *session,
                                           const struct operation *operation,
                                           const struct bg_compute_copy_params *params,
                                           uint64_t size)
{
    struct gpu *gpu = session->gpu;
    struct operand dst;
    enum bg_compute_status status;

    if (params->src_handle || params->src_offset_lo || params->src_offset_hi) {
        return BG_COMPUTE_INVALID_REQUEST;
    }
    if (size != operation->data_size) {
        return BG_COMPUTE_INVALID_LENGTH;
    }
    status = resolve(session, operation, params->dst_handle,
                     join(params->dst_offset_lo, params->dst_offset_hi), size, &dst);
    if (status != BG_COMPUTE_OK) {
        return status;
    }
    return gpu_copy_to(gpu, dst.address, operation->data, size, operation->async);
}

/* Into the carrier's answer. */
static enum bg_compute_status copy_data_out(struct session *session, struct operation *operation,
                                            const struct bg_compute_copy_params *params,
                                            uint64_t size)
{
    struct gpu *gpu = session->gpu;
    struct operand src;
    enum bg_compute_status status;

    if (params->dst_handle || params->dst_offset_lo || params->dst_offset_hi) {
        return BG_COMPUTE_INVALID_REQUEST;
    }
    status = resolve(session, operation, params->src_handle,
                     join(params->src_offset_lo, params->src_offset_hi), size, &src);
    if (status != BG_COMPUTE_OK) {
        return status;
    }
    if (size > operation->answer_capacity) {
        return BG_COMPUTE_REQUEST_TOO_LARGE;
    }
    status = gpu_copy_from(gpu, operation->answer, src.address, size, false);
    operation->answer_size = status == BG_COMPUTE_OK ? size : 0;
    return status;
}

static enum bg_compute_status run_memory_copy(struct session *session, struct operation *operation)
{
    const struct bg_compute_copy_params *params = (const void *)operation->params;
    uint64_t size = join(params->size_lo, params->size_hi);
    bool heap = operation->heap.memory;
    struct operand dst, src;
    enum bg_compute_status status;

    if (size == 0) {
        return BG_COMPUTE_INVALID_LENGTH;
    }
    switch (params->kind) {
    case BG_COMPUTE_COPY_HOST_TO_DEVICE:
        if (!heap) {
            return copy_data_in(session, operation, params, size);
        }
        if (params->src_handle != 0) {
            return BG_COMPUTE_INVALID_REQUEST;
        }
        break;
    case BG_COMPUTE_COPY_DEVICE_TO_HOST:
        if (!heap) {
            return copy_data_out(session, operation, params, size);
        }
        if (params->dst_handle != 0) {
            return BG_COMPUTE_INVALID_REQUEST;
        }
        break;
    case BG_COMPUTE_COPY_DEVICE_TO_DEVICE:
        break;
    default:
        return BG_COMPUTE_INVALID_REQUEST;
    }
    status = resolve(session, operation, params->dst_handle,
                     join(params->dst_offset_lo, params->dst_offset_hi), size, &dst);
    if (status == BG_COMPUTE_OK) {
        status = resolve(session, operation, params->src_handle,
                         join(params->src_offset_lo, params->src_offset_hi), size, &src);
    }
    return status == BG_COMPUTE_OK ? copy_operands(session, operation, &dst, &src, size) : status;
}

static enum bg_compute_status run_get_device_info(struct session *session,
                                                  struct operation *operation)
{
    struct bg_compute_device_info info;

    if (operation->answer_capacity < sizeof(info)) {
        return BG_COMPUTE_REQUEST_TOO_LARGE;
    }
    info = session->gpu->info;
    info.memory_limit = session->memory_limit;
    info.memory_used = session->memory_used;
    info.name[sizeof(info.name) - 1] = '\0';
    memcpy(operation->answer, &info, sizeof(info));
    operation->answer_size = sizeof(info);
    return BG_COMPUTE_OK;
}

static enum bg_compute_status run_synchronize(struct session *session, struct operation *operation)
{
    (void)operation;
    return gpu_synchronize(session->gpu);
}

/* Two ranges of one size: apart, or the same. */
static bool apart_or_same(gpu_address x, gpu_address y, uint64_t size)
{
    return x == y || x >= y + size || y >= x + size;
}

/* Data and answer in the heap, of any length. */
static enum bg_compute_status add_in_heap(struct session *session,
                                          const struct operation *operation,
                                          enum bg_compute_element_type type, uint64_t count)
{
    struct gpu *gpu = session->gpu;
    uint64_t size = count * ELEMENT_SIZE;
    uint64_t data = (uint64_t)(operation->data - operation->heap.memory);
    uint64_t answer = (uint64_t)(operation->answer - operation->heap.memory);
    gpu_address a = operation->heap.address + data;
    gpu_address c = operation->heap.address + answer;

    if (data % ELEMENT_SIZE || answer % ELEMENT_SIZE || !apart_or_same(c, a, size) ||
        !apart_or_same(c, a + size, size)) {
        return BG_COMPUTE_INVALID_REQUEST;
    }
    return gpu_add(gpu, type, c, a, a + size, count, operation->async);
}

static enum bg_compute_status run_vector_add_inline(struct session *session,
                                                    struct operation *operation)
{
    const struct bg_compute_vector_inline_params *params = (const void *)operation->params;
    struct gpu *gpu = session->gpu;
    enum bg_compute_element_type type;
    enum bg_compute_status status;
    uint64_t size;

    if (!element_type_known(params->element_type)) {
        return BG_COMPUTE_INVALID_REQUEST;
    }
    size = (uint64_t)params->count * ELEMENT_SIZE;
    if (size == 0 || 2 * size != operation->data_size) {
        return BG_COMPUTE_INVALID_LENGTH;
    }
    if (size > operation->answer_capacity) {
        return BG_COMPUTE_REQUEST_TOO_LARGE;
    }
    type = (enum bg_compute_element_type)params->element_type;
    if (operation->heap.memory != NULL) {
        status = add_in_heap(session, operation, type, params->count);
    } else {
        status = gpu_add_host(gpu, type, operation->answer, operation->data, operation->data + size,
                              params->count);
    }
    operation->answer_size = status == BG_COMPUTE_OK ? size : 0;
    return status;
}

static enum bg_compute_status run_vector_add_memory(struct session *session,
                                                    struct operation *operation)
{
    const struct bg_compute_vector_memory_params *params = (const void *)operation->params;
    struct gpu *gpu = session->gpu;
    struct operand operands[3];

    if (!element_type_known(params->element_type)) {
        return BG_COMPUTE_INVALID_REQUEST;
    }
    const uint32_t handles[3] = {params->c_handle, params->a_handle, params->b_handle};
    const uint64_t offsets[3] = {join(params->c_offset_lo, params->c_offset_hi),
                                 join(params->a_offset_lo, params->a_offset_hi),
                                 join(params->b_offset_lo, params->b_offset_hi)};
    uint64_t count = join(params->count_lo, params->count_hi);
    if (count == 0) {
        return BG_COMPUTE_INVALID_LENGTH;
    }
    /* A count whose bytes do not fit 64 bits is beyond every allocation; handles come first. */
    uint64_t size = count <= UINT64_MAX / ELEMENT_SIZE ? count * ELEMENT_SIZE : UINT64_MAX;
    for (int i = 0; i < 3; i++) {
        enum bg_compute_status status;

        if (offsets[i] % ELEMENT_SIZE) {
            return BG_COMPUTE_INVALID_REQUEST;
        }
        status = resolve(session, operation, handles[i], offsets[i], size, &operands[i]);
        if (status != BG_COMPUTE_OK) {
            return status;
        }
    }
    if (!apart_or_same(operands[0].address, operands[1].address, size) ||
        !apart_or_same(operands[0].address, operands[2].address, size)) {
        return BG_COMPUTE_INVALID_REQUEST;
    }
    return gpu_add(gpu, (enum bg_compute_element_type)params->element_type, operands[0].address,
                   operands[1].address, operands[2].address, count, operation->async);
}

/* Older guests put words into a NOP: parameters are not looked at. */
static enum bg_compute_status run_nop(struct session *session, struct operation *operation)
{
    (void)session;
    (void)operation;
    return BG_COMPUTE_OK;
}

/* ---- The table ---- */

static bool is_always_brief(const uint32_t *params)
{
    (void)params;
    return true;
}

/* What a mailbox carries is short; inside the device a copy may be of any size. */
static bool is_carried_copy(const uint32_t *params)
{
    return ((const struct bg_compute_copy_params *)(const void *)params)->kind !=
           BG_COMPUTE_COPY_DEVICE_TO_DEVICE;
}

#define ROW(name) [BG_COMPUTE_##name - BG_COMPUTE_OPERATION_BASE]
#define WORDS(type) (sizeof(struct type) / sizeof(uint32_t))

static const struct operation_row rows[] = {
    ROW(NOP) = {OPERATION_ANY_WORDS, OPERATION_NEEDS_NOTHING, is_always_brief, run_nop},
    ROW(VECTOR_ADD_BASIC) = {OPERATION_ANY_WORDS, OPERATION_NEEDS_LEASE, is_always_brief,
                             run_vector_add_basic},
    ROW(MEMORY_ALLOC) = {WORDS(bg_compute_alloc_params), OPERATION_NEEDS_LEASE, NULL,
                         run_memory_alloc},
    ROW(MEMORY_FREE) = {1, OPERATION_NEEDS_LEASE, NULL, run_memory_free},
    ROW(MEMORY_COPY) = {WORDS(bg_compute_copy_params), OPERATION_NEEDS_LEASE, is_carried_copy,
                        run_memory_copy},
    ROW(GET_DEVICE_INFO) = {0, OPERATION_NEEDS_SESSION, is_always_brief, run_get_device_info},
    ROW(SYNCHRONIZE) = {0, OPERATION_NEEDS_LEASE, is_always_brief, run_synchronize},
    ROW(VECTOR_ADD_INLINE) = {WORDS(bg_compute_vector_inline_params), OPERATION_NEEDS_LEASE,
                              is_always_brief, run_vector_add_inline},
    ROW(VECTOR_ADD_MEMORY) = {WORDS(bg_compute_vector_memory_params), OPERATION_NEEDS_LEASE, NULL,
                              run_vector_add_memory},
};

static const struct operation_row cuda_row = {OPERATION_ANY_WORDS, OPERATION_NEEDS_LEASE, NULL,
                                              cuda_command_run};

bool operation_is_cuda(uint32_t number)
{
    return number >= BG_CUDA_INIT && number <= BG_CUDA_LAST;
}

const struct operation_row *operation_find(uint32_t number)
{
    uint32_t index = number - BG_COMPUTE_OPERATION_BASE; /* far outside for one below */

    if (operation_is_cuda(number)) {
        return &cuda_row;
    }

    return index < sizeof(rows) / sizeof(rows[0]) && rows[index].run != NULL ? &rows[index] : NULL;
}

static bool words_are_right(const struct operation_row *row, uint32_t param_count)
{
    return row->words == OPERATION_ANY_WORDS || row->words == param_count;
}

bool operation_is_brief(const struct operation_row *row, uint32_t param_count,
                        const uint32_t *params)
{
    return row == NULL ||
           (row->is_brief != NULL && (!words_are_right(row, param_count) || row->is_brief(params)));
}

enum bg_compute_status operation_run(struct session *session, struct operation *operation)
{
    const struct operation_row *row = operation_find(operation->number);

    operation->answer_size = 0;
    operation->result_count = 0;
    if (row == NULL || (session == NULL && row->needs != OPERATION_NEEDS_NOTHING)) {
        return BG_COMPUTE_UNSUPPORTED_OPERATION;
    }
    if (!words_are_right(row, operation->param_count)) {
        return BG_COMPUTE_INVALID_REQUEST;
    }
    return row->run(session, operation);
}

const char *operation_status_name(enum bg_compute_status status)
{
    switch (status) {
    case BG_COMPUTE_OK:
        return "OK";
    case BG_COMPUTE_INVALID_REQUEST:
        return "INVALID_REQUEST";
    case BG_COMPUTE_REQUEST_TOO_LARGE:
        return "REQUEST_TOO_LARGE";
    case BG_COMPUTE_MEDIATOR_UNAVAILABLE:
        return "MEDIATOR_UNAVAILABLE";
    case BG_COMPUTE_TIMEOUT:
        return "TIMEOUT";
    case BG_COMPUTE_CUDA_ERROR:
        return "CUDA_ERROR";
    case BG_COMPUTE_INVALID_POOL:
        return "INVALID_POOL";
    case BG_COMPUTE_QUEUE_FULL:
        return "QUEUE_FULL";
    case BG_COMPUTE_UNSUPPORTED_OPERATION:
        return "UNSUPPORTED_OPERATION";
    case BG_COMPUTE_INVALID_LENGTH:
        return "INVALID_LENGTH";
    case BG_COMPUTE_RATE_LIMITED:
        return "RATE_LIMITED";
    case BG_COMPUTE_VM_QUARANTINED:
        return "VM_QUARANTINED";
    case BG_COMPUTE_OUT_OF_MEMORY:
        return "OUT_OF_MEMORY";
    case BG_COMPUTE_INVALID_HANDLE:
        return "INVALID_HANDLE";
    case BG_COMPUTE_OUT_OF_RANGE:
        return "OUT_OF_RANGE";
    }
    return "unknown status";
}
