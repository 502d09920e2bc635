/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations of protocol/compute.h as calls. What is larger than the mailbox goes in pieces. */
#include "baregpu/vgpu_stub.h"

#include "firmware/common/mem.h"

#define WORDS(params) ((uint32_t)(sizeof(params) / sizeof(uint32_t)))
#define LOW(value) ((uint32_t)(value))
#define HIGH(value) ((uint32_t)((uint64_t)(value) >> 32))

#define ELEMENT_SIZE 4u /* of every enum compute_element_type */

/* A request without data whose answer's content does not matter. */
static int call_plain(struct vgpu_stub *gpu, uint32_t operation, uint32_t flags,
                      const void *params, uint32_t param_count, uint64_t deadline_ns)
{
    const struct vgpu_stub_call call = {
        .operation = operation,
        .flags = flags,
        .params = params,
        .param_count = param_count,
    };

    return vgpu_stub_call(gpu, &call, deadline_ns, NULL);
}

/* A request whose answer has exactly one result. */
static int call_result(struct vgpu_stub *gpu, const struct vgpu_stub_call *call,
                       uint32_t *result, uint64_t deadline_ns)
{
    struct vgpu_stub_answer answer;
    int error = vgpu_stub_call(gpu, call, deadline_ns, &answer);

    if (error < 0) {
        return error;
    }
    if (answer.result_count != 1) {
        return BAREGPU_ERR_PROTOCOL;
    }
    *result = answer.results[0];
    return 0;
}

int vgpu_stub_nop(struct vgpu_stub *gpu, uint64_t deadline_ns)
{
    return call_plain(gpu, VGPU_STUB_OP_NOP, 0, NULL, 0, deadline_ns);
}

int vgpu_stub_add_basic(struct vgpu_stub *gpu, uint32_t a, uint32_t b, uint32_t *sum,
                        uint64_t deadline_ns)
{
    const uint32_t params[] = {a, b};
    const struct vgpu_stub_call call = {
        .operation = VGPU_STUB_OP_CUDA_KERNEL, .params = params, .param_count = WORDS(params)};

    return call_result(gpu, &call, sum, deadline_ns);
}

/* One piece: `count` is at most VGPU_STUB_VECTOR_MAX. */
static int add_piece(struct vgpu_stub *gpu, uint32_t element_type, const void *a, const void *b,
                     void *c, uint32_t count, uint32_t flags, uint64_t deadline_ns)
{
    const struct compute_vector_inline_params params = {element_type, count};
    const uint32_t size = count * ELEMENT_SIZE;
    const struct vgpu_stub_call call = {
        .operation = COMPUTE_VECTOR_ADD_INLINE,
        .flags = flags,
        .params = &params,
        .param_count = WORDS(params),
        .data = {{a, size}, {b, size}},
    };
    struct vgpu_stub_answer answer;
    int error = vgpu_stub_call(gpu, &call, deadline_ns, &answer);

    if (error < 0) {
        return error;
    }
    if (answer.data_length != size) {
        return BAREGPU_ERR_PROTOCOL;
    }
    memcpy(c, answer.data, size);
    return 0;
}

int vgpu_stub_add_vectors(struct vgpu_stub *gpu, uint32_t element_type, const void *a,
                          const void *b, void *c, size_t count, uint32_t flags,
                          uint64_t deadline_ns)
{
    const uint8_t *a_bytes = a;
    const uint8_t *b_bytes = b;
    uint8_t *c_bytes = c;

    if (count > SIZE_MAX / ELEMENT_SIZE) {
        return BAREGPU_ERR_INVALID;
    }
    for (size_t done = 0; done < count;) {
        size_t piece = count - done < VGPU_STUB_VECTOR_MAX ? count - done : VGPU_STUB_VECTOR_MAX;
        size_t at = done * ELEMENT_SIZE;
        int error = add_piece(gpu, element_type, a_bytes + at, b_bytes + at, c_bytes + at,
                              (uint32_t)piece, flags, deadline_ns);

        if (error < 0) {
            return error;
        }
        done += piece;
    }
    return 0;
}

int vgpu_stub_get_info(struct vgpu_stub *gpu, struct compute_device_info *info,
                       uint64_t deadline_ns)
{
    const struct vgpu_stub_call call = {.operation = VGPU_STUB_OP_GET_DEVICE_INFO};
    struct vgpu_stub_answer answer;
    int error = vgpu_stub_call(gpu, &call, deadline_ns, &answer);

    if (error < 0) {
        return error;
    }
    if (answer.data_length < sizeof(*info)) {
        return BAREGPU_ERR_PROTOCOL;
    }
    memcpy(info, answer.data, sizeof(*info));
    info->name[COMPUTE_DEVICE_NAME_SIZE - 1] = '\0';
    return 0;
}

int vgpu_stub_memory_alloc(struct vgpu_stub *gpu, uint64_t size, uint32_t *handle,
                           uint64_t deadline_ns)
{
    const struct compute_alloc_params params = {LOW(size), HIGH(size)};
    const struct vgpu_stub_call call = {
        .operation = VGPU_STUB_OP_MEMORY_ALLOC,
        .params = &params,
        .param_count = WORDS(params),
    };
    uint32_t given;
    int error = call_result(gpu, &call, &given, deadline_ns);

    if (error < 0) {
        return error;
    }
    if (given == 0) {
        return BAREGPU_ERR_PROTOCOL;
    }
    *handle = given;
    return 0;
}

int vgpu_stub_memory_free(struct vgpu_stub *gpu, uint32_t handle, uint64_t deadline_ns)
{
    return call_plain(gpu, VGPU_STUB_OP_MEMORY_FREE, 0, &handle, 1, deadline_ns);
}

int vgpu_stub_memory_write(struct vgpu_stub *gpu, uint32_t handle, uint64_t offset,
                           const void *bytes, size_t size, uint32_t flags, uint64_t deadline_ns)
{
    const uint8_t *from = bytes;

    for (size_t done = 0; done < size;) {
        size_t piece = size - done < VGPU_STUB_WRITE_MAX ? size - done : VGPU_STUB_WRITE_MAX;
        const struct compute_copy_params params = {
            .kind = COMPUTE_COPY_HOST_TO_DEVICE,
            .dst_handle = handle,
            .dst_offset_lo = LOW(offset + done),
            .dst_offset_hi = HIGH(offset + done),
            .size_lo = (uint32_t)piece,
        };
        const struct vgpu_stub_call call = {
            .operation = VGPU_STUB_OP_MEMORY_COPY,
            .flags = flags,
            .params = &params,
            .param_count = WORDS(params),
            .data = {{from + done, (uint32_t)piece}},
        };
        int error = vgpu_stub_call(gpu, &call, deadline_ns, NULL);

        if (error < 0) {
            return error;
        }
        done += piece;
    }
    return 0;
}

int vgpu_stub_memory_read(struct vgpu_stub *gpu, uint32_t handle, uint64_t offset, void *bytes,
                          size_t size, uint32_t flags, uint64_t deadline_ns)
{
    uint8_t *to = bytes;

    for (size_t done = 0; done < size;) {
        size_t piece = size - done < VGPU_STUB_READ_MAX ? size - done : VGPU_STUB_READ_MAX;
        const struct compute_copy_params params = {
            .kind = COMPUTE_COPY_DEVICE_TO_HOST,
            .src_handle = handle,
            .src_offset_lo = LOW(offset + done),
            .src_offset_hi = HIGH(offset + done),
            .size_lo = (uint32_t)piece,
        };
        const struct vgpu_stub_call call = {
            .operation = VGPU_STUB_OP_MEMORY_COPY,
            .flags = flags,
            .params = &params,
            .param_count = WORDS(params),
        };
        struct vgpu_stub_answer answer;
        int error = vgpu_stub_call(gpu, &call, deadline_ns, &answer);

        if (error < 0) {
            return error;
        }
        if (answer.data_length != piece) {
            return BAREGPU_ERR_PROTOCOL;
        }
        memcpy(to + done, answer.data, piece);
        done += piece;
    }
    return 0;
}

int vgpu_stub_memory_copy(struct vgpu_stub *gpu, uint32_t to, uint64_t to_offset, uint32_t from,
                          uint64_t from_offset, uint64_t size, uint32_t flags,
                          uint64_t deadline_ns)
{
    const struct compute_copy_params params = {
        .kind = COMPUTE_COPY_DEVICE_TO_DEVICE,
        .dst_handle = to,
        .src_handle = from,
        .dst_offset_lo = LOW(to_offset),
        .dst_offset_hi = HIGH(to_offset),
        .src_offset_lo = LOW(from_offset),
        .src_offset_hi = HIGH(from_offset),
        .size_lo = LOW(size),
        .size_hi = HIGH(size),
    };

    return call_plain(gpu, VGPU_STUB_OP_MEMORY_COPY, flags, &params, WORDS(params), deadline_ns);
}

int vgpu_stub_memory_add(struct vgpu_stub *gpu, uint32_t element_type, struct vgpu_stub_range c,
                         struct vgpu_stub_range a, struct vgpu_stub_range b, uint64_t count,
                         uint32_t flags, uint64_t deadline_ns)
{
    const struct compute_vector_memory_params params = {
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

    return call_plain(gpu, COMPUTE_VECTOR_ADD_MEMORY, flags, &params, WORDS(params), deadline_ns);
}

int vgpu_stub_synchronize(struct vgpu_stub *gpu, uint64_t deadline_ns)
{
    return call_plain(gpu, VGPU_STUB_OP_SYNCHRONIZE, 0, NULL, 0, deadline_ns);
}
