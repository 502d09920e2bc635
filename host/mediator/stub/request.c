/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/stub/request.h"

#include <string.h>

#include "host/common/clock.h"
#include "host/mediator/compute/operation.h"

#define ANSWER_DATA_MAX (BG_VGPU_STUB_PAYLOAD_MAX - sizeof(struct bg_vgpu_stub_response))

_Static_assert(ANSWER_DATA_MAX / sizeof(uint32_t) <= GPU_HOST_VECTOR_MAX, "answers fit");

/* CUDA's operations have results in front of their data; the others have one of both. */
static size_t answer_capacity(uint32_t operation)
{
    return ANSWER_DATA_MAX -
           (operation_is_cuda(operation) ? sizeof((struct operation){0}.results) : 0);
}

/* A request, checked against its length: params and data lie within it. */
struct request {
    uint32_t operation; /* enum bg_compute_operation, or unknown */
    uint32_t flags;
    uint32_t param_count;
    _Alignas(16) uint32_t params[BG_VGPU_STUB_PAYLOAD_MAX / sizeof(uint32_t)];
    const uint8_t *data;
    uint32_t data_length;
};

/* Fields first, then each part against the whole, in 64 bits so that no sum wraps. */
static enum bg_compute_status parse(const uint8_t *bytes, size_t length, struct request *request)
{
    const uint32_t known_flags = BG_VGPU_STUB_FLAG_ASYNC | BG_VGPU_STUB_FLAG_RAISE_PRIORITY;
    struct bg_vgpu_stub_request header;
    uint64_t params_end;

    if (length == 0) {
        return BG_COMPUTE_INVALID_LENGTH;
    }
    if (length < sizeof(header) || length > BG_VGPU_STUB_PAYLOAD_MAX) {
        return BG_COMPUTE_INVALID_REQUEST;
    }
    memcpy(&header, bytes, sizeof(header));
    if (header.version != BG_VGPU_STUB_PROTOCOL_VERSION || (header.flags & ~known_flags)) {
        return BG_COMPUTE_INVALID_REQUEST;
    }
    params_end = sizeof(header) + (uint64_t)header.param_count * sizeof(uint32_t);
    if (params_end > length) {
        return BG_COMPUTE_INVALID_REQUEST;
    }
    if (header.data_length != 0 && (header.data_offset < params_end ||
                                    (uint64_t)header.data_offset + header.data_length > length)) {
        return BG_COMPUTE_INVALID_REQUEST;
    }
    request->operation = header.opcode;
    if (header.opcode <= BG_COMPUTE_MAILBOX_OPCODE_LAST) {
        request->operation = BG_COMPUTE_OPERATION_BASE + header.opcode;
    }
    request->flags = header.flags;
    request->param_count = header.param_count;
    memcpy(request->params, bytes + sizeof(header), header.param_count * sizeof(uint32_t));
    request->data = header.data_length ? bytes + header.data_offset : NULL;
    request->data_length = header.data_length;
    return BG_COMPUTE_OK;
}

struct request_plan request_plan(const uint8_t *bytes, size_t length)
{
    struct request request;

    if (parse(bytes, length, &request) != BG_COMPUTE_OK) {
        return (struct request_plan){.brief = true};
    }
    const struct operation_row *row = operation_find(request.operation);

    return (struct request_plan){
        .needs_session = row != NULL && row->needs >= OPERATION_NEEDS_SESSION,
        .needs_lease = row != NULL && row->needs >= OPERATION_NEEDS_LEASE,
        .brief = operation_is_brief(row, request.param_count, request.params),
        .raise_priority = request.flags & BG_VGPU_STUB_FLAG_RAISE_PRIORITY,
        .is_cuda = operation_is_cuda(request.operation),
    };
}

/* The answer's data may lie at its place already. */
static size_t build(enum bg_compute_status status, const struct operation *operation,
                    uint32_t exec_time_us, uint8_t *response)
{
    size_t results_size = operation != NULL ? operation->result_count * sizeof(uint32_t) : 0;
    size_t data_length = operation != NULL ? (size_t)operation->answer_size : 0;
    struct bg_vgpu_stub_response header = {
        .version = BG_VGPU_STUB_PROTOCOL_VERSION,
        .status = status,
        .result_count = operation != NULL ? operation->result_count : 0,
        .data_offset = (uint32_t)(sizeof(header) + results_size),
        .data_length = (uint32_t)data_length,
        .exec_time_us = exec_time_us,
    };

    if (data_length) {
        memmove(response + header.data_offset, operation->answer, data_length);
    }
    memcpy(response, &header, sizeof(header));
    if (results_size) {
        memcpy(response + sizeof(header), operation->results, results_size);
    }
    return header.data_offset + data_length;
}

size_t request_run(struct session *session, const uint8_t *bytes, size_t length,
                   uint8_t response[BG_VGPU_STUB_PAYLOAD_MAX])
{
    uint64_t start_ns = clock_now_ns();
    struct request request;
    struct operation operation;
    enum bg_compute_status status = parse(bytes, length, &request);

    if (status != BG_COMPUTE_OK) {
        return build(status, NULL, 0, response);
    }
    operation = (struct operation){
        .number = request.operation,
        .async = request.flags & BG_VGPU_STUB_FLAG_ASYNC,
        .param_count = request.param_count,
        .params = request.params,
        .data = request.data,
        .data_size = request.data_length,
        .answer = response + sizeof(struct bg_vgpu_stub_response),
        .answer_capacity = answer_capacity(request.operation),
    };
    status = operation_run(session, &operation);
    return build(status, &operation, clock_us_since(start_ns), response);
}

size_t request_build_status(enum bg_compute_status status,
                            uint8_t response[BG_VGPU_STUB_PAYLOAD_MAX])
{
    return build(status, NULL, 0, response);
}

enum bg_compute_status request_response_status(const uint8_t *response)
{
    struct bg_vgpu_stub_response header;

    memcpy(&header, response, sizeof(header));
    return (enum bg_compute_status)header.status;
}
