/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations of protocol/compute.h as calls. What is larger than the mailbox goes in pieces. */
#include "firmware/vgpu/vgpu_stub_internal.h"

#include "firmware/common/mem.h"
#include "firmware/vgpu/compute.h"

/* The other side of a copy is the request's data, or its answer's. */
#define IN_MAILBOX ((struct bg_compute_operand){0, 0})

#define ELEMENT_SIZE 4u /* of every enum bg_compute_element_type */

/* A request without data whose answer's content does not matter. */
static int call_plain(struct bg_vgpu_stub *gpu, uint32_t operation, uint32_t flags,
                      const void *params, uint32_t param_count, uint64_t deadline_ns)
{
    const struct bg_vgpu_stub_call call = {
        .operation = operation,
        .flags = flags,
        .params = params,
        .param_count = param_count,
    };

    return OWNED(gpu, vgpu_stub_call(gpu, &call, deadline_ns, NULL));
}

static int take_result(struct bg_vgpu_stub *gpu, const struct bg_vgpu_stub_call *call,
                       uint32_t *result, uint64_t deadline_ns)
{
    struct bg_vgpu_stub_answer answer;
    int error = vgpu_stub_call(gpu, call, deadline_ns, &answer);

    if (error < 0) {
        return error;
    }
    if (answer.result_count != 1) {
        return BG_ERR_PROTOCOL;
    }
    *result = answer.results[0];
    return 0;
}

/* A request whose answer has exactly one result. */
static int call_result(struct bg_vgpu_stub *gpu, const struct bg_vgpu_stub_call *call,
                       uint32_t *result, uint64_t deadline_ns)
{
    return OWNED(gpu, take_result(gpu, call, result, deadline_ns));
}

int bg_vgpu_stub_nop(struct bg_vgpu_stub *gpu, uint64_t deadline_ns)
{
    return call_plain(gpu, BG_VGPU_STUB_OP_NOP, 0, NULL, 0, deadline_ns);
}

int bg_vgpu_stub_add_basic(struct bg_vgpu_stub *gpu, uint32_t a, uint32_t b, uint32_t *sum,
                           uint64_t deadline_ns)
{
    const uint32_t params[] = {a, b};
    const struct bg_vgpu_stub_call call = {
        .operation = BG_VGPU_STUB_OP_CUDA_KERNEL,
        .params = params,
        .param_count = COMPUTE_WORDS(params),
    };

    return call_result(gpu, &call, sum, deadline_ns);
}

/* One piece: `count` is at most BG_VGPU_STUB_VECTOR_MAX. */
static int add_piece(struct bg_vgpu_stub *gpu, uint32_t element_type, const void *a, const void *b,
                     void *c, uint32_t count, uint32_t flags, uint64_t deadline_ns)
{
    const struct bg_compute_vector_inline_params params = {element_type, count};
    const uint32_t size = count * ELEMENT_SIZE;
    const struct bg_vgpu_stub_call call = {
        .operation = BG_COMPUTE_VECTOR_ADD_INLINE,
        .flags = flags,
        .params = &params,
        .param_count = COMPUTE_WORDS(params),
        .data = {{a, size}, {b, size}},
    };
    struct bg_vgpu_stub_answer answer;
    int error = vgpu_stub_call(gpu, &call, deadline_ns, &answer);

    if (error < 0) {
        return error;
    }
    if (answer.data_length != size) {
        return BG_ERR_PROTOCOL;
    }
    memcpy(c, answer.data, size);
    return 0;
}

static int add_pieces(struct bg_vgpu_stub *gpu, uint32_t element_type, const void *a, const void *b,
                      void *c, size_t count, uint32_t flags, uint64_t deadline_ns)
{
    int error = 0;

    for (size_t done = 0, piece; done < count && error == 0; done += piece) {
        size_t at = done * ELEMENT_SIZE;

        piece = count - done < BG_VGPU_STUB_VECTOR_MAX ? count - done : BG_VGPU_STUB_VECTOR_MAX;
        error = add_piece(gpu, element_type, (const uint8_t *)a + at, (const uint8_t *)b + at,
                          (uint8_t *)c + at, (uint32_t)piece, flags, deadline_ns);
    }
    return error;
}

int bg_vgpu_stub_add_vectors(struct bg_vgpu_stub *gpu, uint32_t element_type, const void *a,
                             const void *b, void *c, size_t count, uint32_t flags,
                             uint64_t deadline_ns)
{
    return count > SIZE_MAX / ELEMENT_SIZE
               ? BG_ERR_INVALID
               : OWNED(gpu, add_pieces(gpu, element_type, a, b, c, count, flags, deadline_ns));
}

static int get_info(struct bg_vgpu_stub *gpu, struct bg_compute_device_info *info,
                    uint64_t deadline_ns)
{
    const struct bg_vgpu_stub_call call = {.operation = BG_VGPU_STUB_OP_GET_DEVICE_INFO};
    struct bg_vgpu_stub_answer answer;

    return vgpu_stub_call(gpu, &call, deadline_ns, &answer)
               ?: bg_compute_take_info(info, answer.data, answer.data_length);
}

int bg_vgpu_stub_get_info(struct bg_vgpu_stub *gpu, struct bg_compute_device_info *info,
                          uint64_t deadline_ns)
{
    return OWNED(gpu, get_info(gpu, info, deadline_ns));
}

int bg_vgpu_stub_memory_alloc(struct bg_vgpu_stub *gpu, uint64_t size, uint32_t *handle,
                              uint64_t deadline_ns)
{
    const struct bg_compute_alloc_params params = bg_compute_pack_alloc(size);
    const struct bg_vgpu_stub_call call = {
        .operation = BG_VGPU_STUB_OP_MEMORY_ALLOC,
        .params = &params,
        .param_count = COMPUTE_WORDS(params),
    };
    uint32_t given;
    int error = call_result(gpu, &call, &given, deadline_ns);

    if (error < 0) {
        return error;
    }
    if (given == 0) {
        return BG_ERR_PROTOCOL;
    }
    *handle = given;
    return 0;
}

int bg_vgpu_stub_memory_free(struct bg_vgpu_stub *gpu, uint32_t handle, uint64_t deadline_ns)
{
    return call_plain(gpu, BG_VGPU_STUB_OP_MEMORY_FREE, 0, &handle, 1, deadline_ns);
}

/* Between GPU memory and `to`, or else `from`. */
static int transfer_pieces(struct bg_vgpu_stub *gpu, struct bg_compute_operand memory, uint8_t *to,
                           const uint8_t *from, size_t size, uint32_t flags, uint64_t deadline_ns)
{
    const size_t largest = to != NULL ? BG_VGPU_STUB_READ_MAX : BG_VGPU_STUB_WRITE_MAX;

    for (size_t done = 0, piece; done < size; done += piece, memory.offset += piece) {
        piece = size - done < largest ? size - done : largest;
        const struct bg_compute_copy_params params =
            to != NULL
                ? bg_compute_pack_copy(BG_COMPUTE_COPY_DEVICE_TO_HOST, IN_MAILBOX, memory, piece)
                : bg_compute_pack_copy(BG_COMPUTE_COPY_HOST_TO_DEVICE, memory, IN_MAILBOX, piece);
        struct bg_vgpu_stub_call call = {
            .operation = BG_VGPU_STUB_OP_MEMORY_COPY,
            .flags = flags,
            .params = &params,
            .param_count = COMPUTE_WORDS(params),
        };
        struct bg_vgpu_stub_answer answer;

        if (to == NULL) {
            call.data[0] = (struct bg_vgpu_stub_bytes){from + done, (uint32_t)piece};
        }
        int error = vgpu_stub_call(gpu, &call, deadline_ns, to != NULL ? &answer : NULL);

        if (error < 0) {
            return error;
        }
        if (to != NULL && answer.data_length != piece) {
            return BG_ERR_PROTOCOL;
        }
        if (to != NULL) {
            memcpy(to + done, answer.data, piece);
        }
    }
    return 0;
}

static int transfer(struct bg_vgpu_stub *gpu, struct bg_compute_operand memory, uint8_t *to,
                    const uint8_t *from, size_t size, uint32_t flags, uint64_t deadline_ns)
{
    return OWNED(gpu, transfer_pieces(gpu, memory, to, from, size, flags, deadline_ns));
}

int bg_vgpu_stub_memory_write(struct bg_vgpu_stub *gpu, uint32_t handle, uint64_t offset,
                              const void *bytes, size_t size, uint32_t flags, uint64_t deadline_ns)
{
    return transfer(gpu, (struct bg_compute_operand){handle, offset}, NULL, bytes, size, flags,
                    deadline_ns);
}

int bg_vgpu_stub_memory_read(struct bg_vgpu_stub *gpu, uint32_t handle, uint64_t offset,
                             void *bytes, size_t size, uint32_t flags, uint64_t deadline_ns)
{
    return transfer(gpu, (struct bg_compute_operand){handle, offset}, bytes, NULL, size, flags,
                    deadline_ns);
}

int bg_vgpu_stub_memory_copy(struct bg_vgpu_stub *gpu, uint32_t to, uint64_t to_offset,
                             uint32_t from, uint64_t from_offset, uint64_t size, uint32_t flags,
                             uint64_t deadline_ns)
{
    const struct bg_compute_copy_params params = bg_compute_pack_copy(
        BG_COMPUTE_COPY_DEVICE_TO_DEVICE, (struct bg_compute_operand){to, to_offset},
        (struct bg_compute_operand){from, from_offset}, size);

    return call_plain(gpu, BG_VGPU_STUB_OP_MEMORY_COPY, flags, &params, COMPUTE_WORDS(params),
                      deadline_ns);
}

int bg_vgpu_stub_vector_add(struct bg_vgpu_stub *gpu, uint32_t element_type,
                            struct bg_compute_operand c, struct bg_compute_operand a,
                            struct bg_compute_operand b, uint64_t count, uint32_t flags,
                            uint64_t deadline_ns)
{
    const struct bg_compute_vector_memory_params params =
        bg_compute_pack_vector_add(element_type, c, a, b, count);

    return call_plain(gpu, BG_COMPUTE_VECTOR_ADD_MEMORY, flags, &params, COMPUTE_WORDS(params),
                      deadline_ns);
}

int bg_vgpu_stub_synchronize(struct bg_vgpu_stub *gpu, uint64_t deadline_ns)
{
    return call_plain(gpu, BG_VGPU_STUB_OP_SYNCHRONIZE, 0, NULL, 0, deadline_ns);
}
