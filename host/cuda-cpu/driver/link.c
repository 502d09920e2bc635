/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The linker's interface. Its image is the inputs' PTX, one behind the other with their names
 * (ptx/input.h): who parses it links them, in the compiler's process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/fatbin.h"
#include "host/cuda-cpu/driver/module.h"
#include "host/cuda-cpu/ptx/input.h"
#include "host/cuda-cpu/ptxc/compiler.h"

struct link {
    struct object object;
    unsigned count;
    CUjit_option *options; /* the caller's, who keeps them until it is complete */
    void **values;
    unsigned inputs;
    char *text; /* with a zero behind it; NULL: there is no input yet */
    size_t size, room;
};

#define NAME_SIZE 256 /* of an input, in logs */

static CUresult create(unsigned count, CUjit_option *options, void **values, CUlinkState *state)
{
    struct jit_options jit;
    struct link *link;
    CUresult result = jit_read(count, options, values, &jit);

    if (state == NULL || result != CUDA_SUCCESS) {
        return result ?: CUDA_ERROR_INVALID_VALUE;
    }
    link = calloc(1, sizeof(*link));
    if (link == NULL || !object_add(&link->object, OBJECT_LINK)) {
        free(link);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    link->count = count;
    link->options = options;
    link->values = values;
    *state = (CUlinkState)link;
    return CUDA_SUCCESS;
}

CUresult cuLinkCreate(unsigned count, CUjit_option *options, void **values, CUlinkState *state)
{
    return IN_CONTEXT(create(count, options, values, state));
}

/* For so many bytes more, and a zero. */
static bool make_room(struct link *link, size_t more)
{
    size_t room = (link->size + more + 1) * 2;
    char *text;

    if (link->room - link->size > more) {
        return true;
    }
    text = realloc(link->text, room);
    if (text != NULL) {
        link->text = text;
        link->room = room;
    }
    return text != NULL;
}

static void append(struct link *link, const char *bytes, size_t size)
{
    memcpy(link->text + link->size, bytes, size);
    link->size += size;
    link->text[link->size] = '\0';
}

/* A name is one line, and is there. */
static void set_name(char text[NAME_SIZE], const char *name, unsigned number)
{
    if (name == NULL || name[0] == '\0') {
        snprintf(text, NAME_SIZE, "input %u", number);
    } else {
        snprintf(text, NAME_SIZE, "%s", name);
    }
    for (; *text != '\0'; text++) {
        *text = (unsigned char)*text < ' ' ? '?' : *text;
    }
}

static CUresult add_text(struct link *link, const char *name, const char *text, size_t size)
{
    const char mark = PTX_INPUT_MARK;
    size_t length = strnlen(text, size), whole;
    char line[NAME_SIZE];

    set_name(line, name, link->inputs + 1);
    whole = 1 + strlen(line) + 1 + length;
    if (whole > compile_default_limits.text - link->size || memchr(text, mark, length) != NULL) {
        return CUDA_ERROR_INVALID_PTX;
    }
    if (!make_room(link, whole)) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    append(link, &mark, 1);
    append(link, line, strlen(line));
    append(link, "\n", 1);
    append(link, text, length);
    link->inputs++;
    return CUDA_SUCCESS;
}

static CUresult add_fatbin(struct link *link, const char *name, const void *image, size_t size)
{
    struct fatbin_text text;
    CUresult result = fatbin_find(image, size, driver_settings()->arch, &text);

    if (result == CUDA_SUCCESS) {
        result = add_text(link, name, text.text, text.size);
        free(text.owned);
    }
    return result;
}

static CUresult add_data(CUlinkState state, CUjitInputType type, const void *data, size_t size,
                         const char *name)
{
    struct link *link = object_find(state, OBJECT_LINK);

    if (link == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (data == NULL || size == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    switch (type) {
    case CU_JIT_INPUT_PTX:
        return add_text(link, name, data, size);
    case CU_JIT_INPUT_FATBINARY:
        return add_fatbin(link, name, data, size);
    case CU_JIT_INPUT_CUBIN:
    case CU_JIT_INPUT_OBJECT:
    case CU_JIT_INPUT_LIBRARY:
        return CUDA_ERROR_NO_BINARY_FOR_GPU;
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
}

/* Options of an input are those of all. */
CUresult cuLinkAddData(CUlinkState state, CUjitInputType type, void *data, size_t size,
                       const char *name, unsigned count, CUjit_option *options, void **values)
{
    struct jit_options jit;
    CUresult result = jit_read(count, options, values, &jit);

    return result ?: IN_CONTEXT(add_data(state, type, data, size, name));
}

CUresult cuLinkAddFile(CUlinkState state, CUjitInputType type, const char *path, unsigned count,
                       CUjit_option *options, void **values)
{
    char *image;
    size_t read;
    CUresult result = module_read_file(path, &image, &read);

    if (result == CUDA_SUCCESS) {
        result = cuLinkAddData(state, type, image, read, path, count, options, values);
        free(image);
    }
    return result;
}

/* It is loaded once, for what that says. */
static CUresult complete(struct context *context, CUlinkState state, void **image, size_t *size)
{
    struct link *link = object_find(state, OBJECT_LINK);
    struct jit_options jit;
    struct module *module;
    CUresult result;

    if (link == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (image == NULL || link->inputs == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = jit_read(link->count, link->options, link->values, &jit);
    result = result ?: module_load(context, link->text, FATBIN_UNSIZED, &jit, &module);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    module_destroy(module);
    *image = link->text;
    if (size != NULL) {
        *size = link->size + 1;
    }
    return CUDA_SUCCESS;
}

CUresult cuLinkComplete(CUlinkState state, void **image, size_t *size)
{
    return IN_CONTEXT(complete(context, state, image, size));
}

static CUresult destroy(CUlinkState state)
{
    struct link *link = object_find(state, OBJECT_LINK);

    if (link == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    object_remove(&link->object);
    free(link->text);
    free(link);
    return CUDA_SUCCESS;
}

CUresult cuLinkDestroy(CUlinkState state)
{
    return IN_DRIVER(destroy(state));
}
