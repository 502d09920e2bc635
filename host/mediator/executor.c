/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/executor.h"

#include <string.h>
#include <time.h>

#define ELEMENT_SIZE 4u /* all element types of compute.h */
#define ANSWER_DATA_MAX (VGPU_STUB_PAYLOAD_MAX - sizeof(struct vgpu_stub_response))

_Static_assert(ANSWER_DATA_MAX / ELEMENT_SIZE <= BACKEND_HOST_VECTOR_MAX, "answers fit");

/* A request, checked against its length: params and data lie within it. */
struct request {
    uint32_t operation; /* enum compute_operation, or unknown */
    uint32_t flags;
    uint32_t param_count;
    uint32_t params[VGPU_STUB_PAYLOAD_MAX / sizeof(uint32_t)];
    const uint8_t *data;
    uint32_t data_length;
};

struct answer {
    uint32_t result_count;
    uint32_t results[1];
    uint32_t data_length;
    uint8_t data[ANSWER_DATA_MAX];
};

static uint64_t join(uint32_t low, uint32_t high)
{
    return (uint64_t)high << 32 | low;
}

/* Fields first, then each part against the whole, in 64 bits so that no sum wraps. */
static enum compute_status parse(const uint8_t *bytes, size_t length, struct request *request)
{
    const uint32_t known_flags = VGPU_STUB_FLAG_ASYNC | VGPU_STUB_FLAG_RAISE_PRIORITY;
    struct vgpu_stub_request header;
    uint64_t params_end;

    if (length == 0) {
        return COMPUTE_INVALID_LENGTH;
    }
    if (length < sizeof(header) || length > VGPU_STUB_PAYLOAD_MAX) {
        return COMPUTE_INVALID_REQUEST;
    }
    memcpy(&header, bytes, sizeof(header));
    if (header.version != VGPU_STUB_PROTOCOL_VERSION || (header.flags & ~known_flags)) {
        return COMPUTE_INVALID_REQUEST;
    }
    params_end = sizeof(header) + (uint64_t)header.param_count * sizeof(uint32_t);
    if (params_end > length) {
        return COMPUTE_INVALID_REQUEST;
    }
    if (header.data_length != 0 &&
        (header.data_offset < params_end ||
         (uint64_t)header.data_offset + header.data_length > length)) {
        return COMPUTE_INVALID_REQUEST;
    }
    request->operation = header.opcode;
    if (header.opcode <= COMPUTE_MAILBOX_OPCODE_LAST) {
        request->operation = COMPUTE_OPERATION_BASE + header.opcode;
    }
    request->flags = header.flags;
    request->param_count = header.param_count;
    memcpy(request->params, bytes + sizeof(header), header.param_count * sizeof(uint32_t));
    request->data = header.data_length ? bytes + header.data_offset : NULL;
    request->data_length = header.data_length;
    return COMPUTE_OK;
}

/* Parameters that form a struct must be all of it and nothing more. */
static bool params_as(const struct request *request, void *params, size_t size)
{
    if (request->param_count * sizeof(uint32_t) != size) {
        return false;
    }
    memcpy(params, request->params, size);
    return true;
}

static bool element_type_known(uint32_t type)
{
    return type == COMPUTE_ELEMENT_UINT32 || type == COMPUTE_ELEMENT_INT32 ||
           type == COMPUTE_ELEMENT_FLOAT32;
}

static enum compute_status run_vector_add_basic(struct session *session,
                                                const struct request *request,
                                                struct answer *answer)
{
    struct backend *backend = session->backend;
    enum compute_status status;

    /* Any other kernel would have another count; there is none. */
    if (request->param_count != 2) {
        return COMPUTE_UNSUPPORTED_OPERATION;
    }
    status = backend->ops->vector_add_host(backend, COMPUTE_ELEMENT_UINT32, answer->results,
                                           &request->params[0], &request->params[1], 1);
    answer->result_count = status == COMPUTE_OK ? 1 : 0;
    return status;
}

static enum compute_status run_memory_alloc(struct session *session, const struct request *request,
                                            struct answer *answer)
{
    struct compute_alloc_params params;
    enum compute_status status;
    uint64_t size;

    if (!params_as(request, &params, sizeof(params))) {
        return COMPUTE_INVALID_REQUEST;
    }
    size = join(params.size_lo, params.size_hi);
    if (size == 0) {
        return COMPUTE_INVALID_LENGTH;
    }
    status = session_alloc(session, size, &answer->results[0]);
    answer->result_count = status == COMPUTE_OK ? 1 : 0;
    return status;
}

static enum compute_status run_memory_free(struct session *session, const struct request *request)
{
    if (request->param_count != 1) {
        return COMPUTE_INVALID_REQUEST;
    }
    return session_free(session, request->params[0]);
}

static enum compute_status copy_to_device(struct session *session, const struct request *request,
                                          const struct compute_copy_params *params, uint64_t size)
{
    struct backend *backend = session->backend;
    backend_address dst;
    enum compute_status status;

    if (params->src_handle || params->src_offset_lo || params->src_offset_hi) {
        return COMPUTE_INVALID_REQUEST;
    }
    if (size != request->data_length) {
        return COMPUTE_INVALID_LENGTH;
    }
    status = session_resolve(session, params->dst_handle,
                             join(params->dst_offset_lo, params->dst_offset_hi), size, &dst);
    if (status != COMPUTE_OK) {
        return status;
    }
    return backend->ops->copy_to_device(backend, dst, request->data, size,
                                        request->flags & VGPU_STUB_FLAG_ASYNC);
}

static enum compute_status copy_from_device(struct session *session,
                                            const struct compute_copy_params *params, uint64_t size,
                                            struct answer *answer)
{
    struct backend *backend = session->backend;
    backend_address src;
    enum compute_status status;

    if (params->dst_handle || params->dst_offset_lo || params->dst_offset_hi) {
        return COMPUTE_INVALID_REQUEST;
    }
    status = session_resolve(session, params->src_handle,
                             join(params->src_offset_lo, params->src_offset_hi), size, &src);
    if (status != COMPUTE_OK) {
        return status;
    }
    if (size > ANSWER_DATA_MAX) {
        return COMPUTE_REQUEST_TOO_LARGE;
    }
    status = backend->ops->copy_from_device(backend, answer->data, src, size);
    answer->data_length = status == COMPUTE_OK ? (uint32_t)size : 0;
    return status;
}

static enum compute_status copy_in_device(struct session *session, const struct request *request,
                                          const struct compute_copy_params *params, uint64_t size)
{
    struct backend *backend = session->backend;
    backend_address dst, src;
    enum compute_status status;

    status = session_resolve(session, params->dst_handle,
                             join(params->dst_offset_lo, params->dst_offset_hi), size, &dst);
    if (status == COMPUTE_OK) {
        status = session_resolve(session, params->src_handle,
                                 join(params->src_offset_lo, params->src_offset_hi), size, &src);
    }
    if (status != COMPUTE_OK) {
        return status;
    }
    return backend->ops->copy_in_device(backend, dst, src, size,
                                        request->flags & VGPU_STUB_FLAG_ASYNC);
}

static enum compute_status run_memory_copy(struct session *session, const struct request *request,
                                           struct answer *answer)
{
    struct compute_copy_params params;
    uint64_t size;

    if (!params_as(request, &params, sizeof(params))) {
        return COMPUTE_INVALID_REQUEST;
    }
    size = join(params.size_lo, params.size_hi);
    if (size == 0) {
        return COMPUTE_INVALID_LENGTH;
    }
    switch (params.kind) {
    case COMPUTE_COPY_HOST_TO_DEVICE:
        return copy_to_device(session, request, &params, size);
    case COMPUTE_COPY_DEVICE_TO_HOST:
        return copy_from_device(session, &params, size, answer);
    case COMPUTE_COPY_DEVICE_TO_DEVICE:
        return copy_in_device(session, request, &params, size);
    default:
        return COMPUTE_INVALID_REQUEST;
    }
}

static enum compute_status run_get_device_info(struct session *session,
                                               const struct request *request, struct answer *answer)
{
    struct compute_device_info info;
    enum compute_status status;

    if (request->param_count != 0) {
        return COMPUTE_INVALID_REQUEST;
    }
    status = session->backend->ops->get_info(session->backend, &info);
    if (status != COMPUTE_OK) {
        return status;
    }
    info.memory_limit = session->memory_limit;
    info.memory_used = session->memory_used;
    info.name[sizeof(info.name) - 1] = '\0';
    memcpy(answer->data, &info, sizeof(info));
    answer->data_length = sizeof(info);
    return COMPUTE_OK;
}

static enum compute_status run_synchronize(struct session *session, const struct request *request)
{
    if (request->param_count != 0) {
        return COMPUTE_INVALID_REQUEST;
    }
    return session->backend->ops->synchronize(session->backend);
}

static enum compute_status run_vector_add_inline(struct session *session,
                                                 const struct request *request,
                                                 struct answer *answer)
{
    struct compute_vector_inline_params params;
    struct backend *backend = session->backend;
    enum compute_status status;
    uint64_t size;

    if (!params_as(request, &params, sizeof(params)) || !element_type_known(params.element_type)) {
        return COMPUTE_INVALID_REQUEST;
    }
    size = (uint64_t)params.count * ELEMENT_SIZE;
    if (size == 0 || 2 * size != request->data_length) {
        return COMPUTE_INVALID_LENGTH;
    }
    status = backend->ops->vector_add_host(backend, (enum compute_element_type)params.element_type,
                                           answer->data, request->data, request->data + size,
                                           params.count);
    answer->data_length = status == COMPUTE_OK ? (uint32_t)size : 0;
    return status;
}

/* Two ranges of one size in device memory: apart, or the same. */
static bool apart_or_same(backend_address x, backend_address y, uint64_t size)
{
    return x == y || x >= y + size || y >= x + size;
}

static enum compute_status run_vector_add_memory(struct session *session,
                                                 const struct request *request)
{
    struct compute_vector_memory_params params;
    struct backend *backend = session->backend;
    backend_address address[3] = {0};

    if (!params_as(request, &params, sizeof(params)) || !element_type_known(params.element_type)) {
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
        status = session_resolve(session, handles[i], offsets[i], size, &address[i]);
        if (status != COMPUTE_OK) {
            return status;
        }
    }
    if (!apart_or_same(address[0], address[1], size) ||
        !apart_or_same(address[0], address[2], size)) {
        return COMPUTE_INVALID_REQUEST;
    }
    return backend->ops->vector_add(backend, (enum compute_element_type)params.element_type,
                                    address[0], address[1], address[2], count,
                                    request->flags & VGPU_STUB_FLAG_ASYNC);
}

static enum compute_status run(struct session *session, const struct request *request,
                               struct answer *answer)
{
    if (request->operation == COMPUTE_NOP) {
        return COMPUTE_OK; /* older guests put words into a NOP: parameters are not looked at */
    }
    if (!session) {
        return COMPUTE_UNSUPPORTED_OPERATION;
    }
    switch (request->operation) {
    case COMPUTE_VECTOR_ADD_BASIC:
        return run_vector_add_basic(session, request, answer);
    case COMPUTE_MEMORY_ALLOC:
        return run_memory_alloc(session, request, answer);
    case COMPUTE_MEMORY_FREE:
        return run_memory_free(session, request);
    case COMPUTE_MEMORY_COPY:
        return run_memory_copy(session, request, answer);
    case COMPUTE_GET_DEVICE_INFO:
        return run_get_device_info(session, request, answer);
    case COMPUTE_SYNCHRONIZE:
        return run_synchronize(session, request);
    case COMPUTE_VECTOR_ADD_INLINE:
        return run_vector_add_inline(session, request, answer);
    case COMPUTE_VECTOR_ADD_MEMORY:
        return run_vector_add_memory(session, request);
    default:
        return COMPUTE_UNSUPPORTED_OPERATION;
    }
}

static bool operation_known(uint32_t operation)
{
    return (operation >= COMPUTE_NOP && operation <= COMPUTE_SYNCHRONIZE) ||
           operation == COMPUTE_VECTOR_ADD_INLINE || operation == COMPUTE_VECTOR_ADD_MEMORY;
}

/* Copies through the mailbox are short; one inside the device may be of any size. */
static bool operation_brief(const struct request *request)
{
    switch (request->operation) {
    case COMPUTE_NOP:
    case COMPUTE_VECTOR_ADD_BASIC:
    case COMPUTE_VECTOR_ADD_INLINE:
    case COMPUTE_GET_DEVICE_INFO:
    case COMPUTE_SYNCHRONIZE:
        return true;
    case COMPUTE_MEMORY_COPY:
        return request->param_count == 0 ||
               request->params[0] != COMPUTE_COPY_DEVICE_TO_DEVICE;
    default:
        return false;
    }
}

struct executor_plan executor_plan_request(const uint8_t *bytes, size_t length)
{
    struct request request;

    if (parse(bytes, length, &request) != COMPUTE_OK) {
        return (struct executor_plan){.brief = true};
    }
    bool known = operation_known(request.operation);
    bool nop = request.operation == COMPUTE_NOP;
    return (struct executor_plan){
        .nop = nop,
        .needs_session = known && !nop,
        .needs_lease = known && !nop && request.operation != COMPUTE_GET_DEVICE_INFO,
        .brief = !known || operation_brief(&request),
        .raise_priority = request.flags & VGPU_STUB_FLAG_RAISE_PRIORITY,
    };
}

static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static size_t build(enum compute_status status, const struct answer *answer, uint32_t exec_time_us,
                    uint8_t *response)
{
    size_t results_size = answer ? answer->result_count * sizeof(uint32_t) : 0;
    size_t data_length = answer ? answer->data_length : 0;
    struct vgpu_stub_response header = {
        .version = VGPU_STUB_PROTOCOL_VERSION,
        .status = status,
        .result_count = answer ? answer->result_count : 0,
        .data_offset = (uint32_t)(sizeof(header) + results_size),
        .data_length = (uint32_t)data_length,
        .exec_time_us = exec_time_us,
    };

    memcpy(response, &header, sizeof(header));
    if (results_size) {
        memcpy(response + sizeof(header), answer->results, results_size);
    }
    if (data_length) {
        memcpy(response + header.data_offset, answer->data, data_length);
    }
    return header.data_offset + data_length;
}

size_t executor_execute(struct session *session, const uint8_t *bytes, size_t length,
                        uint8_t response[VGPU_STUB_PAYLOAD_MAX])
{
    uint64_t start = now_us();
    struct request request;
    struct answer answer;
    enum compute_status status;

    answer.result_count = 0;
    answer.data_length = 0;
    status = parse(bytes, length, &request);
    if (status == COMPUTE_OK) {
        status = run(session, &request, &answer);
    }
    uint64_t spent = now_us() - start;
    return build(status, &answer, spent < UINT32_MAX ? (uint32_t)spent : UINT32_MAX, response);
}

size_t executor_build_status(enum compute_status status, uint8_t response[VGPU_STUB_PAYLOAD_MAX])
{
    return build(status, NULL, 0, response);
}

enum compute_status executor_response_status(const uint8_t *response)
{
    struct vgpu_stub_response header;

    memcpy(&header, response, sizeof(header));
    return (enum compute_status)header.status;
}

const char *executor_status_name(enum compute_status status)
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
