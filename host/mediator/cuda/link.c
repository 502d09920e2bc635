/* SPDX-License-Identifier: BSD-2-Clause */
/* Linking: inputs of a guest, of which the driver makes an image. */
#include <stdlib.h>
#include <string.h>

#include "host/mediator/cuda/bytes.h"
#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/image.h"
#include "host/mediator/cuda/jit.h"
#include "host/mediator/cuda/memory.h"

#define INPUT_ALIGN 8u

/* ---- Inputs ---- */

static CUresult add_input(struct cuda_session *cuda, CUlinkState link, uint32_t type,
                          const uint8_t *data, size_t size)
{
    struct bytes input = {.size = 0};
    CUresult result = cuda_image_take(data, size, &input);

    if (result == CUDA_SUCCESS) {
        result = cuda_check(
            cuda, cuda->driver->cuLinkAddData(link, (CUjitInputType)type, input.bytes,
                                              type == CU_JIT_INPUT_PTX ? input.size : size, NULL, 0,
                                              NULL, NULL));
    }
    free(input.bytes);
    return result;
}

/* What a driver reads as a library is not looked through here. */
static bool is_known(uint32_t type)
{
    return type == CU_JIT_INPUT_CUBIN || type == CU_JIT_INPUT_PTX ||
           type == CU_JIT_INPUT_FATBINARY || type == CU_JIT_INPUT_OBJECT;
}

/* The one at `*done` of the data; `*done` is behind it then. */
static CUresult add_next(struct cuda_session *cuda, CUlinkState link, const struct cuda_call *call,
                         uint64_t *done)
{
    struct bg_cuda_link_input head;
    uint64_t left = call->data_size - *done;
    const uint8_t *place = call->data + *done;

    if (left < sizeof(head)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    memcpy(&head, place, sizeof(head));
    left -= sizeof(head);
    if (head.zero != 0 || head.size == 0 || head.size > left) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *done += sizeof(head) + (head.size + INPUT_ALIGN - 1) / INPUT_ALIGN * INPUT_ALIGN;
    return is_known(head.type) ? add_input(cuda, link, head.type, place + sizeof(head), head.size)
                               : CUDA_ERROR_NOT_SUPPORTED;
}

static CUresult add_all(struct cuda_session *cuda, CUlinkState link, const struct cuda_call *call)
{
    CUresult result = CUDA_SUCCESS;
    uint64_t done = 0;

    for (uint32_t i = 0; result == CUDA_SUCCESS && done < call->data_size; i++) {
        result = i < BG_CUDA_LINK_INPUTS_MAX ? add_next(cuda, link, call, &done)
                                             : CUDA_ERROR_OUT_OF_MEMORY;
    }
    return result;
}

/* ---- The answer ---- */

static CUresult answer_link(struct cuda_call *call, struct cuda_jit *jit, const struct bytes *image)
{
    struct bg_cuda_link_answer head = {.image_size = (uint32_t)image->size};
    struct bytes answer = {.size = 0};
    CUresult result = CUDA_ERROR_OUT_OF_MEMORY;

    cuda_jit_cut_logs(jit);
    head.info_log_size = (uint32_t)jit->info_log.size;
    head.error_log_size = (uint32_t)jit->error_log.size;
    if (bytes_add(&answer, &head, sizeof(head))) {
        head.image_offset = bytes_put(&answer, image);
        head.info_log_offset = bytes_put(&answer, &jit->info_log);
        head.error_log_offset = bytes_put(&answer, &jit->error_log);
    }
    if (!answer.failed) {
        memcpy(answer.bytes, &head, sizeof(head));
        result = cuda_answer(call, answer.bytes, answer.size);
    }
    free(answer.bytes);
    return result;
}

/* ---- Linking ---- */

/* The image is the link's. */
static CUresult complete(struct cuda_session *cuda, CUlinkState link, struct bytes *image)
{
    void *bytes = NULL;
    size_t size = 0;
    CUresult result = cuda_check(cuda, cuda->driver->cuLinkComplete(link, &bytes, &size));

    if (result == CUDA_SUCCESS && size > BG_CUDA_IMAGE_SIZE_MAX) {
        result = CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (result == CUDA_SUCCESS) {
        *image = (struct bytes){.bytes = bytes, .size = size};
    }
    return result;
}

static CUresult run_link(struct cuda_session *cuda, struct cuda_call *call, struct cuda_jit *jit)
{
    struct bytes image = {.size = 0};
    CUlinkState link;
    CUresult answered, result = cuda_check(cuda, cuda->driver->cuLinkCreate(jit->count, jit->names,
                                                                            jit->values, &link));

    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = add_all(cuda, link, call) ?: complete(cuda, link, &image);
    answered = answer_link(call, jit, &image);
    cuda->driver->cuLinkDestroy(link);
    return result ?: answered;
}

CUDA_COMMAND(cuda_run_link)
{
    const struct bg_cuda_module_load *wanted = call->params;
    uint64_t charged = call->data_size;
    struct cuda_jit jit;
    CUresult result;

    if (wanted->module != 0 || charged == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = cuda_memory_charge(cuda, charged);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = cuda_jit_begin(&jit, wanted) ?: run_link(cuda, call, &jit);
    cuda_jit_end(&jit);
    session_release(cuda->session, charged);
    return result;
}
