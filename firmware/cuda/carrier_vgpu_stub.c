/* SPDX-License-Identifier: BSD-2-Clause */
/* vgpu-stub's mailbox as a carrier: each operation is a request, and is answered. */
#include "firmware/cuda/internal.h"

/* The device itself gives up before that. */
#define REQUEST_TIMEOUT_NS 30000000000ull

#define REQUEST_MAX (BG_VGPU_STUB_BUFFER_SIZE - (uint32_t)sizeof(struct bg_vgpu_stub_request))
#define ANSWER_MAX                                                                                 \
    (BG_VGPU_STUB_BUFFER_SIZE - (uint32_t)sizeof(struct bg_vgpu_stub_response) -                   \
     2 * (uint32_t)sizeof(uint32_t)) /* and its two results */

/* Between begin and end. */
static struct {
    uint32_t operation, size;
    uint32_t words[REQUEST_MAX / 4];
} request;

static CUresult open(struct cuda_device *device)
{
    device->params_max = REQUEST_MAX;
    device->data_max = REQUEST_MAX - CUDA_CALL_PARAMS_MAX;
    device->answer_max = ANSWER_MAX;
    return CUDA_SUCCESS;
}

static void close(struct cuda_device *device)
{
    (void)device;
}

/* The device connects again by itself. */
static CUresult restart(struct cuda_device *device)
{
    (void)device;
    return CUDA_SUCCESS;
}

static int check(struct cuda_device *device)
{
    (void)device;
    return 0;
}

/* One request. The answer is in `answer`, until the next one. */
static CUresult ask(struct cuda_device *device, const struct bg_vgpu_stub_call *call,
                    struct bg_vgpu_stub_answer *answer)
{
    int error = bg_vgpu_stub_call(device->gpu, call, bg_hal_time_ns() + REQUEST_TIMEOUT_NS, answer);

    return cuda_carrier_failed(device,
                               error < 0 || answer->result_count == 2 ? error : BG_ERR_PROTOCOL);
}

static CUresult begin(struct cuda_device *device, uint32_t operation, uint32_t size, void **params)
{
    (void)device;
    request.operation = operation;
    request.size = size;
    *params = request.words;
    return CUDA_SUCCESS;
}

static CUresult end(struct cuda_device *device)
{
    const struct bg_vgpu_stub_call call = {
        .operation = request.operation,
        .params = request.words,
        .param_count = request.size / 4,
    };
    struct bg_vgpu_stub_answer answer;

    return ask(device, &call, &answer)
               ?: cuda_note(device, answer.results[0],
                            (struct cuda_bytes){answer.data, answer.data_length});
}

static CUresult call(struct cuda_device *device, struct cuda_call *call)
{
    uint32_t words[CUDA_CALL_PARAMS_MAX / 4] = {0};
    const struct bg_vgpu_stub_call asked = {
        .operation = call->operation,
        .params = words,
        .param_count = (uint32_t)(call->params.size + call->extra.size + 3) / 4,
        .data = {{call->data.bytes, (uint32_t)call->data.size}},
    };
    struct bg_vgpu_stub_answer answer;

    cuda_bytes_copy(words, call->params);
    cuda_bytes_copy((uint8_t *)words + call->params.size, call->extra);
    return ask(device, &asked, &answer)
               ?: cuda_take_answer(device, call, answer.results,
                                   (struct cuda_bytes){answer.data, answer.data_length});
}

static const struct bg_pci_device *find_pci(const struct cuda_device *device)
{
    return ((const struct bg_vgpu_stub *)device->gpu)->device;
}

static const struct cuda_carrier carrier = {
    .open = open,
    .close = close,
    .restart = restart,
    .check = check,
    .begin = begin,
    .end = end,
    .call = call,
    .find_pci = find_pci,
};

int bg_cuda_add_vgpu_stub(struct bg_vgpu_stub *gpu, void *memory, size_t size)
{
    return cuda_device_add(&carrier, gpu, memory, size);
}
