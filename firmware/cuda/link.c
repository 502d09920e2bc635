/* SPDX-License-Identifier: BSD-2-Clause */
/* Linking: inputs are kept here, and go to the worker together, whose image comes back. */
#include "firmware/cuda/internal.h"

#define INPUT_ALIGN 8u
#define ROOM 1024u /* of an answer: no less than the mailbox has, which keeps only longer ones */

struct cuda_link {
    struct cuda_object object;
    unsigned count;
    const CUjit_option *options; /* the program's, which keeps them until it is complete */
    void **values;
    uint8_t *inputs; /* struct bg_cuda_link_input, as they go to the worker */
    size_t size;
    uint8_t *answer; /* has the image; NULL: it is not complete */
};

void cuda_link_destroy(struct cuda_object *object)
{
    struct cuda_link *link = (struct cuda_link *)(void *)object;

    cuda_free(link->inputs);
    cuda_free(link->answer);
    cuda_object_destroy(object);
}

static CUresult find(CUlinkState handle, struct cuda_link **link)
{
    *link = cuda_find(handle, CUDA_KIND_LINK);
    return *link != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuLinkCreate(unsigned count, CUjit_option *options, void **values, CUlinkState *state)
{
    struct cuda_context *context;
    struct cuda_link *link;
    struct cuda_jit jit;
    CUresult result = cuda_enter_context(&context) ?: cuda_jit_read(count, options, values, &jit);

    if (result != CUDA_SUCCESS || state == NULL) {
        return result ?: CUDA_ERROR_INVALID_VALUE;
    }
    link = cuda_object_create(CUDA_KIND_LINK, sizeof(*link), context);
    if (link == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    link->count = count;
    link->options = options;
    link->values = values;
    *state = link->object.handle;
    return CUDA_SUCCESS;
}

/* ---- Inputs ---- */

static CUresult check_type(CUjitInputType type)
{
    switch (type) {
    case CU_JIT_INPUT_CUBIN:
    case CU_JIT_INPUT_PTX:
    case CU_JIT_INPUT_FATBINARY:
    case CU_JIT_INPUT_OBJECT:
        return CUDA_SUCCESS;
    case CU_JIT_INPUT_LIBRARY:
        return CUDA_ERROR_NOT_SUPPORTED;
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
}

/* Behind those that are there. */
static CUresult add(struct cuda_link *link, CUjitInputType type, const void *data, size_t size)
{
    const struct bg_cuda_link_input head = {.type = (uint32_t)type, .size = size};
    size_t whole = sizeof(head) + (size + INPUT_ALIGN - 1) / INPUT_ALIGN * INPUT_ALIGN;
    uint8_t *inputs;

    if (size > BG_CUDA_IMAGE_SIZE_MAX || whole > BG_CUDA_IMAGE_SIZE_MAX - link->size) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    inputs = cuda_alloc(link->size + whole);
    if (inputs == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    cuda_bytes_copy(inputs, (struct cuda_bytes){link->inputs, link->size});
    memset(inputs + link->size, 0, whole);
    memcpy(inputs + link->size, &head, sizeof(head));
    memcpy(inputs + link->size + sizeof(head), data, size);
    cuda_free(link->inputs);
    link->inputs = inputs;
    link->size += whole;
    return CUDA_SUCCESS;
}

/* Options of an input are those of all; a name would be said in logs. */
CUresult cuLinkAddData(CUlinkState state, CUjitInputType type, void *data, size_t size,
                       const char *name, unsigned count, CUjit_option *options, void **values)
{
    struct cuda_context *context;
    struct cuda_link *link;
    struct cuda_jit jit;
    CUresult result = cuda_enter_context(&context)
                          ?: find(state, &link) ?: cuda_jit_read(count, options, values, &jit);

    (void)name;
    if (result == CUDA_SUCCESS && (data == NULL || size == 0)) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    return result ?: check_type(type) ?: add(link, type, data, size);
}

/* There are no files. */
CUresult cuLinkAddFile(CUlinkState state, CUjitInputType type, const char *path, unsigned count,
                       CUjit_option *options, void **values)
{
    struct cuda_context *context;
    struct cuda_link *link;
    struct cuda_jit jit;
    CUresult result = cuda_enter_context(&context)
                          ?: find(state, &link) ?: cuda_jit_read(count, options, values, &jit);

    if (result == CUDA_SUCCESS && path == NULL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    return result ?: check_type(type) ?: CUDA_ERROR_FILE_NOT_FOUND;
}

/* ---- The image ---- */

/* The parts of the worker's answer, which is not trusted. */
static CUresult take_answer(struct cuda_bytes answer, const struct cuda_jit *jit,
                            struct cuda_bytes *image)
{
    struct bg_cuda_link_answer head = {0};

    if (answer.size >= sizeof(head)) {
        memcpy(&head, answer.bytes, sizeof(head));
    }
    cuda_jit_tell(jit, cuda_bytes_part(answer, head.info_log_offset, head.info_log_size),
                  cuda_bytes_part(answer, head.error_log_offset, head.error_log_size));
    *image = cuda_bytes_part(answer, head.image_offset, head.image_size);
    return image->size > 0 ? CUDA_SUCCESS : CUDA_ERROR_UNKNOWN;
}

static CUresult ask(struct cuda_link *link, struct cuda_jit *jit, struct cuda_bytes *image)
{
    struct cuda_device *device = link->object.context->device;
    uint8_t room[ROOM];
    size_t size = 0;
    struct cuda_call call = {
        .operation = BG_CUDA_LINK,
        .params = {&jit->load, sizeof(jit->load)},
        .data = {link->inputs, link->size},
        .answer = room,
        .answer_room = sizeof(room),
    };
    CUresult result = cuda_call(device, &call), told;

    result = cuda_keep_answer(device, &call, &link->answer, &size) ?: result;
    told = take_answer((struct cuda_bytes){link->answer, size}, jit, image);
    return result ?: told ?: cuda_image_is_whole(*image) ? CUDA_SUCCESS : CUDA_ERROR_UNKNOWN;
}

static CUresult complete(struct cuda_link *link, void **image, size_t *size)
{
    struct cuda_bytes made;
    struct cuda_jit jit;
    CUresult result = cuda_jit_read(link->count, link->options, link->values, &jit);

    if (result != CUDA_SUCCESS || link->inputs == NULL) {
        return result ?: CUDA_ERROR_INVALID_VALUE;
    }
    cuda_free(link->answer);
    link->answer = NULL;
    result = ask(link, &jit, &made);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    *image = (void *)(uintptr_t)made.bytes;
    if (size != NULL) {
        *size = made.size;
    }
    return CUDA_SUCCESS;
}

CUresult cuLinkComplete(CUlinkState state, void **image, size_t *size)
{
    struct cuda_context *context;
    struct cuda_link *link;
    CUresult result = cuda_enter_context(&context) ?: find(state, &link);

    if (result == CUDA_SUCCESS && image == NULL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    return result ?: complete(link, image, size);
}

CUresult cuLinkDestroy(CUlinkState state)
{
    struct cuda_link *link;
    CUresult result = cuda_enter() ?: find(state, &link);

    if (result == CUDA_SUCCESS) {
        cuda_link_destroy(&link->object);
    }
    return result;
}
