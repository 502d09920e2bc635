/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/compute/operation.h"

#include <string.h>

#define ELEMENT_SIZE 4u /* all element types of compute.h */

/* A range of device memory, or of the heap. */
struct operand {
    backend_address address;
    uint8_t *heap; /* NULL: device memory */
};

static uint64_t join(uint32_t low, uint32_t high)
{
    return (uint64_t)high << 32 | low;
}

/* Parameters that form a struct must be all of it and nothing more. */
static bool params_as(const struct operation *operation, void *params, size_t size)
{
    if (operation->param_count != size / sizeof(uint32_t)) {
        return false;
    }
    memcpy(params, operation->params, size);
    return true;
}

static bool element_type_known(uint32_t type)
{
    return type == COMPUTE_ELEMENT_UINT32 || type == COMPUTE_ELEMENT_INT32 ||
           type == COMPUTE_ELEMENT_FLOAT32;
}

static bool is_heap(const struct operation *operation, uint32_t handle)
{
    return handle == 0 && operation->heap.memory;
}

static enum compute_status resolve(struct session *session, const struct operation *operation,
                                   uint32_t handle, uint64_t offset, uint64_t size,
                                   struct operand *operand)
{
    const struct operation_heap *heap = &operation->heap;

    operand->heap = NULL;
    if (!is_heap(operation, handle)) {
        return session_resolve(session, handle, offset, size, &operand->address);
    }
    if (offset > heap->size || size > heap->size - offset) {
        return COMPUTE_OUT_OF_RANGE;
    }
    operand->heap = heap->memory + offset;
    operand->address = heap->address + offset;
    return COMPUTE_OK;
}

static enum compute_status run_vector_add_basic(struct session *session,
                                                struct operation *operation)
{
    struct backend *backend = session->backend;
    enum compute_status status;

    /* Any other kernel would have another count; there is none. */
    if (operation->param_count != 2) {
        return COMPUTE_UNSUPPORTED_OPERATION;
    }
    status = backend->ops->vector_add_host(backend, COMPUTE_ELEMENT_UINT32, operation->results,
                                           &operation->params[0], &operation->params[1], 1);
    operation->result_count = status == COMPUTE_OK ? 1 : 0;
    return status;
}

static enum compute_status run_memory_alloc(struct session *session, struct operation *operation)
{
    struct compute_alloc_params params;
    enum compute_status status;
    uint64_t size;

    if (!params_as(operation, &params, sizeof(params))) {
        return COMPUTE_INVALID_REQUEST;
    }
    size = join(params.size_lo, params.size_hi);
    if (size == 0) {
        return COMPUTE_INVALID_LENGTH;
    }
    status = session_alloc(session, size, &operation->results[0]);
    operation->result_count = status == COMPUTE_OK ? 1 : 0;
    return status;
}

static enum compute_status run_memory_free(struct session *session,
                                           const struct operation *operation)
{
    if (operation->param_count != 1) {
        return COMPUTE_INVALID_REQUEST;
    }
    return session_free(session, operation->params[0]);
}

/* Between two operands, whichever of them lie in the heap. */
static enum compute_status copy_operands(struct session *session, const struct operation *operation,
                                         const struct operand *dst, const struct operand *src,
                                         uint64_t size)
{
    struct backend *backend = session->backend;

    if (dst->heap && src->heap) {
        backend->ops->finish(backend); /* what was started may use either */
        memmove(dst->heap, src->heap, (size_t)size);
        return COMPUTE_OK;
    }
    if (src->heap) {
        return backend->ops->copy_to_device(backend, dst->address, src->heap, size,
                                            operation->async);
    }
    if (dst->heap) {
        return backend->ops->copy_from_device(backend, dst->heap, src->address, size,
                                              operation->async);
    }
    return backend->ops->copy_in_device(backend, dst->address, src->address, size,
                                        operation->async);
}

/* From the carrier's data. */
static enum compute_status copy_data_in(struct session *session, const struct operation *operation,
                                        const struct compute_copy_params *params, uint64_t size)
{
    struct backend *backend = session->backend;
    struct operand dst;
    enum compute_status status;

    if (params->src_handle || params->src_offset_lo || params->src_offset_hi) {
        return COMPUTE_INVALID_REQUEST;
    }
    if (size != operation->data_size) {
        return COMPUTE_INVALID_LENGTH;
    }
    status = resolve(session, operation, params->dst_handle,
                     join(params->dst_offset_lo, params->dst_offset_hi), size, &dst);
    if (status != COMPUTE_OK) {
        return status;
    }
    return backend->ops->copy_to_device(backend, dst.address, operation->data, size,
                                        operation->async);
}

/* Into the carrier's answer. */
static enum compute_status copy_data_out(struct session *session, struct operation *operation,
                                         const struct compute_copy_params *params, uint64_t size)
{
    struct backend *backend = session->backend;
    struct operand src;
    enum compute_status status;

    if (params->dst_handle || params->dst_offset_lo || params->dst_offset_hi) {
        return COMPUTE_INVALID_REQUEST;
    }
    status = resolve(session, operation, params->src_handle,
                     join(params->src_offset_lo, params->src_offset_hi), size, &src);
    if (status != COMPUTE_OK) {
        return status;
    }
    if (size > operation->answer_capacity) {
        return COMPUTE_REQUEST_TOO_LARGE;
    }
    status = backend->ops->copy_from_device(backend, operation->answer, src.address, size, false);
    operation->answer_size = status == COMPUTE_OK ? size : 0;
    return status;
}

static enum compute_status run_memory_copy(struct session *session, struct operation *operation)
{
    struct compute_copy_params params;
    struct operand dst, src;
    enum compute_status status;
    uint64_t size;
    bool heap = operation->heap.memory;

    if (!params_as(operation, &params, sizeof(params))) {
        return COMPUTE_INVALID_REQUEST;
    }
    size = join(params.size_lo, params.size_hi);
    if (size == 0) {
        return COMPUTE_INVALID_LENGTH;
    }
    switch (params.kind) {
    case COMPUTE_COPY_HOST_TO_DEVICE:
        if (!heap) {
            return copy_data_in(session, operation, &params, size);
        }
        if (params.src_handle != 0) {
            return COMPUTE_INVALID_REQUEST;
        }
        break;
    case COMPUTE_COPY_DEVICE_TO_HOST:
        if (!heap) {
            return copy_data_out(session, operation, &params, size);
        }
        if (params.dst_handle != 0) {
            return COMPUTE_INVALID_REQUEST;
        }
        break;
    case COMPUTE_COPY_DEVICE_TO_DEVICE:
        break;
    default:
        return COMPUTE_INVALID_REQUEST;
    }
    status = resolve(session, operation, params.dst_handle,
                     join(params.dst_offset_lo, params.dst_offset_hi), size, &dst);
    if (status == COMPUTE_OK) {
        status = resolve(session, operation, params.src_handle,
                         join(params.src_offset_lo, params.src_offset_hi), size, &src);
    }
    return status == COMPUTE_OK ? copy_operands(session, operation, &dst, &src, size) : status;
}

static enum compute_status run_get_device_info(struct session *session, struct operation *operation)
{
    struct compute_device_info info;
    enum compute_status status;

    if (operation->param_count != 0) {
        return COMPUTE_INVALID_REQUEST;
    }
    if (operation->answer_capacity < sizeof(info)) {
        return COMPUTE_REQUEST_TOO_LARGE;
    }
    status = session->backend->ops->get_info(session->backend, &info);
    if (status != COMPUTE_OK) {
        return status;
    }
    info.memory_limit = session->memory_limit;
    info.memory_used = session->memory_used;
    info.name[sizeof(info.name) - 1] = '\0';
    memcpy(operation->answer, &info, sizeof(info));
    operation->answer_size = sizeof(info);
    return COMPUTE_OK;
}

static enum compute_status run_synchronize(struct session *session,
                                           const struct operation *operation)
{
    if (operation->param_count != 0) {
        return COMPUTE_INVALID_REQUEST;
    }
    return session->backend->ops->synchronize(session->backend);
}

/* Two ranges of one size: apart, or the same. */
static bool apart_or_same(backend_address x, backend_address y, uint64_t size)
{
    return x == y || x >= y + size || y >= x + size;
}

/* Data and answer in the heap, of any length. */
static enum compute_status add_in_heap(struct session *session, const struct operation *operation,
                                       enum compute_element_type type, uint64_t count)
{
    struct backend *backend = session->backend;
    uint64_t size = count * ELEMENT_SIZE;
    uint64_t data = (uint64_t)(operation->data - operation->heap.memory);
    uint64_t answer = (uint64_t)(operation->answer - operation->heap.memory);
    backend_address a = operation->heap.address + data;
    backend_address c = operation->heap.address + answer;

    if (data % ELEMENT_SIZE || answer % ELEMENT_SIZE || !apart_or_same(c, a, size) ||
        !apart_or_same(c, a + size, size)) {
        return COMPUTE_INVALID_REQUEST;
    }
    return backend->ops->vector_add(backend, type, c, a, a + size, count, operation->async);
}

static enum compute_status run_vector_add_inline(struct session *session,
                                                 struct operation *operation)
{
    struct compute_vector_inline_params params;
    struct backend *backend = session->backend;
    enum compute_element_type type;
    enum compute_status status;
    uint64_t size;

    if (!params_as(operation, &params, sizeof(params)) ||
        !element_type_known(params.element_type)) {
        return COMPUTE_INVALID_REQUEST;
    }
    size = (uint64_t)params.count * ELEMENT_SIZE;
    if (size == 0 || 2 * size != operation->data_size) {
        return COMPUTE_INVALID_LENGTH;
    }
    if (size > operation->answer_capacity) {
        return COMPUTE_REQUEST_TOO_LARGE;
    }
    type = (enum compute_element_type)params.element_type;
    if (operation->heap.memory) {
        status = add_in_heap(session, operation, type, params.count);
    } else {
        status = backend->ops->vector_add_host(backend, type, operation->answer, operation->data,
                                               operation->data + size, params.count);
    }
    operation->answer_size = status == COMPUTE_OK ? size : 0;
    return status;
}

static enum compute_status run_vector_add_memory(struct session *session,
                                                 const struct operation *operation)
{
    struct compute_vector_memory_params params;
    struct backend *backend = session->backend;
    struct operand operands[3];

    if (!params_as(operation, &params, sizeof(params)) ||
        !element_type_known(params.element_type)) {
        return COMPUTE_INVALID_REQUEST;
    }
    const uint32_t handles[3] = {params.c_handle, params.a_handle, params.b_handle};
    const uint64_t offsets[3] = {join(params.c_offset_lo, params.c_offset_hi),
                                 join(params.a_offset_lo, params.a_offset_hi),
                                 join(params.b_offset_lo, params.b_offset_hi)};
    uint64_t count = join(params.count_lo, params.count_hi);
    if (count == 0) {
        return COMPUTE_INVALID_LENGTH;
    }
    /* A count whose bytes do not fit 64 bits is beyond every allocation; handles come first. */
    uint64_t size = count <= UINT64_MAX / ELEMENT_SIZE ? count * ELEMENT_SIZE : UINT64_MAX;
    for (int i = 0; i < 3; i++) {
        enum compute_status status;

        if (offsets[i] % ELEMENT_SIZE) {
            return COMPUTE_INVALID_REQUEST;
        }
        status = resolve(session, operation, handles[i], offsets[i], size, &operands[i]);
        if (status != COMPUTE_OK) {
            return status;
        }
    }
    if (!apart_or_same(operands[0].address, operands[1].address, size) ||
        !apart_or_same(operands[0].address, operands[2].address, size)) {
        return COMPUTE_INVALID_REQUEST;
    }
    return backend->ops->vector_add(backend, (enum compute_element_type)params.element_type,
                                    operands[0].address, operands[1].address, operands[2].address,
                                    count, operation->async);
}

enum compute_status operation_run(struct session *session, struct operation *operation)
{
    operation->answer_size = 0;
    operation->result_count = 0;
    if (operation->number == COMPUTE_NOP) {
        return COMPUTE_OK; /* older guests put words into a NOP: parameters are not looked at */
    }
    if (!session) {
        return COMPUTE_UNSUPPORTED_OPERATION;
    }
    switch (operation->number) {
    case COMPUTE_VECTOR_ADD_BASIC:
        return run_vector_add_basic(session, operation);
    case COMPUTE_MEMORY_ALLOC:
        return run_memory_alloc(session, operation);
    case COMPUTE_MEMORY_FREE:
        return run_memory_free(session, operation);
    case COMPUTE_MEMORY_COPY:
        return run_memory_copy(session, operation);
    case COMPUTE_GET_DEVICE_INFO:
        return run_get_device_info(session, operation);
    case COMPUTE_SYNCHRONIZE:
        return run_synchronize(session, operation);
    case COMPUTE_VECTOR_ADD_INLINE:
        return run_vector_add_inline(session, operation);
    case COMPUTE_VECTOR_ADD_MEMORY:
        return run_vector_add_memory(session, operation);
    default:
        return COMPUTE_UNSUPPORTED_OPERATION;
    }
}

bool operation_is_known(uint32_t number)
{
    return (number >= COMPUTE_NOP && number <= COMPUTE_SYNCHRONIZE) ||
           number == COMPUTE_VECTOR_ADD_INLINE || number == COMPUTE_VECTOR_ADD_MEMORY;
}

/* Copies through the mailbox are short; one inside the device may be of any size. */
bool operation_is_brief(uint32_t number, uint32_t param_count, const uint32_t *params)
{
    switch (number) {
    case COMPUTE_NOP:
    case COMPUTE_VECTOR_ADD_BASIC:
    case COMPUTE_VECTOR_ADD_INLINE:
    case COMPUTE_GET_DEVICE_INFO:
    case COMPUTE_SYNCHRONIZE:
        return true;
    case COMPUTE_MEMORY_COPY:
        return param_count == 0 || params[0] != COMPUTE_COPY_DEVICE_TO_DEVICE;
    default:
        return false;
    }
}

const char *operation_status_name(enum compute_status status)
{
    switch (status) {
    case COMPUTE_OK:
        return "OK";
    case COMPUTE_INVALID_REQUEST:
        return "INVALID_REQUEST";
    case COMPUTE_REQUEST_TOO_LARGE:
        return "REQUEST_TOO_LARGE";
    case COMPUTE_MEDIATOR_UNAVAILABLE:
        return "MEDIATOR_UNAVAILABLE";
    case COMPUTE_TIMEOUT:
        return "TIMEOUT";
    case COMPUTE_CUDA_ERROR:
        return "CUDA_ERROR";
    case COMPUTE_INVALID_POOL:
        return "INVALID_POOL";
    case COMPUTE_QUEUE_FULL:
        return "QUEUE_FULL";
    case COMPUTE_UNSUPPORTED_OPERATION:
        return "UNSUPPORTED_OPERATION";
    case COMPUTE_INVALID_LENGTH:
        return "INVALID_LENGTH";
    case COMPUTE_RATE_LIMITED:
        return "RATE_LIMITED";
    case COMPUTE_VM_QUARANTINED:
        return "VM_QUARANTINED";
    case COMPUTE_OUT_OF_MEMORY:
        return "OUT_OF_MEMORY";
    case COMPUTE_INVALID_HANDLE:
        return "INVALID_HANDLE";
    case COMPUTE_OUT_OF_RANGE:
        return "OUT_OF_RANGE";
    }
    return "unknown status";
}
