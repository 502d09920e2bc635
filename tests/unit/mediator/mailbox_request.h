/* SPDX-License-Identifier: BSD-2-Clause */
/* Builds mailbox requests and takes answers apart, for tests of the mediator's executor. */
#ifndef TESTS_UNIT_MEDIATOR_MAILBOX_REQUEST_H
#define TESTS_UNIT_MEDIATOR_MAILBOX_REQUEST_H

#include <stdint.h>
#include <string.h>

#include "host/mediator/stub/request.h"

struct exchange {
    uint8_t request[BG_VGPU_STUB_PAYLOAD_MAX];
    size_t length;
    uint8_t response[BG_VGPU_STUB_PAYLOAD_MAX];
    size_t response_length;
    struct bg_vgpu_stub_response answer;
    uint32_t result;     /* the first, when there is one */
    const uint8_t *data; /* the answer's */
};

static inline void exchange_build(struct exchange *exchange, uint32_t opcode, uint32_t flags,
                                  const void *params, size_t params_size, const void *data,
                                  size_t data_size)
{
    struct bg_vgpu_stub_request header = {
        .version = BG_VGPU_STUB_PROTOCOL_VERSION,
        .opcode = opcode,
        .flags = flags,
        .param_count = (uint32_t)(params_size / 4),
        .data_offset = (uint32_t)(sizeof(header) + params_size),
        .data_length = (uint32_t)data_size,
    };

    memcpy(exchange->request, &header, sizeof(header));
    if (params_size) {
        memcpy(exchange->request + sizeof(header), params, params_size);
    }
    if (data_size) {
        memcpy(exchange->request + header.data_offset, data, data_size);
    }
    exchange->length = sizeof(header) + params_size + data_size;
}

/* The status. The request lies at a block's end, so that ASan sees a byte too far. */
static inline uint32_t exchange_run(struct exchange *exchange, struct session *session)
{
    uint8_t *exact = malloc(exchange->length ? exchange->length : 1);

    memcpy(exact, exchange->request, exchange->length);
    exchange->response_length = request_run(session, exact, exchange->length, exchange->response);
    free(exact);
    memcpy(&exchange->answer, exchange->response, sizeof(exchange->answer));
    exchange->data = exchange->response + exchange->answer.data_offset;
    memcpy(&exchange->result, exchange->response + sizeof(exchange->answer),
           sizeof(exchange->result));
    return exchange->answer.status;
}

static inline uint32_t run_alloc(struct session *session, uint64_t size, uint32_t *handle)
{
    struct bg_compute_alloc_params params = {(uint32_t)size, (uint32_t)(size >> 32)};
    struct exchange exchange;
    uint32_t status;

    exchange_build(&exchange, BG_COMPUTE_MEMORY_ALLOC, 0, &params, sizeof(params), NULL, 0);
    status = exchange_run(&exchange, session);
    *handle = exchange.answer.result_count == 1 ? exchange.result : 0;
    return status;
}

static inline uint32_t run_free(struct session *session, uint32_t handle)
{
    struct exchange exchange;

    exchange_build(&exchange, BG_COMPUTE_MEMORY_FREE, 0, &handle, sizeof(handle), NULL, 0);
    return exchange_run(&exchange, session);
}

static inline uint32_t run_write(struct session *session, uint32_t handle, uint64_t offset,
                                 const void *data, size_t size, uint32_t flags)
{
    struct bg_compute_copy_params params = {
        .kind = BG_COMPUTE_COPY_HOST_TO_DEVICE,
        .dst_handle = handle,
        .dst_offset_lo = (uint32_t)offset,
        .dst_offset_hi = (uint32_t)(offset >> 32),
        .size_lo = (uint32_t)size,
    };
    struct exchange exchange;

    exchange_build(&exchange, BG_COMPUTE_MEMORY_COPY, flags, &params, sizeof(params), data, size);
    return exchange_run(&exchange, session);
}

static inline uint32_t run_read(struct session *session, uint32_t handle, uint64_t offset,
                                void *data, uint64_t size)
{
    struct bg_compute_copy_params params = {
        .kind = BG_COMPUTE_COPY_DEVICE_TO_HOST,
        .src_handle = handle,
        .src_offset_lo = (uint32_t)offset,
        .src_offset_hi = (uint32_t)(offset >> 32),
        .size_lo = (uint32_t)size,
        .size_hi = (uint32_t)(size >> 32),
    };
    struct exchange exchange;
    uint32_t status;

    exchange_build(&exchange, BG_COMPUTE_MEMORY_COPY, 0, &params, sizeof(params), NULL, 0);
    status = exchange_run(&exchange, session);
    if (status == BG_COMPUTE_OK) {
        memcpy(data, exchange.data, exchange.answer.data_length);
    }
    return status;
}

static inline uint32_t run_move(struct session *session, uint32_t dst, uint64_t dst_offset,
                                uint32_t src, uint64_t src_offset, uint64_t size, uint32_t flags)
{
    struct bg_compute_copy_params params = {
        .kind = BG_COMPUTE_COPY_DEVICE_TO_DEVICE,
        .dst_handle = dst,
        .src_handle = src,
        .dst_offset_lo = (uint32_t)dst_offset,
        .dst_offset_hi = (uint32_t)(dst_offset >> 32),
        .src_offset_lo = (uint32_t)src_offset,
        .src_offset_hi = (uint32_t)(src_offset >> 32),
        .size_lo = (uint32_t)size,
        .size_hi = (uint32_t)(size >> 32),
    };
    struct exchange exchange;

    exchange_build(&exchange, BG_COMPUTE_MEMORY_COPY, flags, &params, sizeof(params), NULL, 0);
    return exchange_run(&exchange, session);
}

struct operand {
    uint32_t handle;
    uint64_t offset;
};

static inline uint32_t run_add(struct session *session, uint32_t type, struct operand c,
                               struct operand a, struct operand b, uint64_t count, uint32_t flags)
{
    struct bg_compute_vector_memory_params params = {
        .element_type = type,
        .c_handle = c.handle,
        .a_handle = a.handle,
        .b_handle = b.handle,
        .c_offset_lo = (uint32_t)c.offset,
        .c_offset_hi = (uint32_t)(c.offset >> 32),
        .a_offset_lo = (uint32_t)a.offset,
        .a_offset_hi = (uint32_t)(a.offset >> 32),
        .b_offset_lo = (uint32_t)b.offset,
        .b_offset_hi = (uint32_t)(b.offset >> 32),
        .count_lo = (uint32_t)count,
        .count_hi = (uint32_t)(count >> 32),
    };
    struct exchange exchange;

    exchange_build(&exchange, BG_COMPUTE_VECTOR_ADD_MEMORY, flags, &params, sizeof(params), NULL,
                   0);
    return exchange_run(&exchange, session);
}

#endif
