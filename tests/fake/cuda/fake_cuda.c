/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A FAKE of the CUDA driver, on host memory, for tests of the mediator's CUDA backend where there
 * is no GPU: built as libcuda.so.1 and found through LD_LIBRARY_PATH. It computes nothing on a
 * GPU and proves nothing about one; it checks how it is called (context current, addresses within
 * allocations, memory zeroed by the caller) and fails on demand.
 *
 * "Device" addresses are host addresses. A stream's work is done at once; its errors come out
 * at the next synchronisation, as a GPU's would. Fresh memory is filled with 0xA5.
 *
 *   FAKE_CUDA_DEVICES=N        how many devices there are (1)
 *   FAKE_CUDA_FAIL=NAME:N:R    the N-th call (from 1) of the function NAME returns R; sticky: every
 *                              call after it fails, too, when R is a context's death (700...)
 *   FAKE_CUDA_LAUNCH=R         kernels end with the result R, seen at the next synchronisation
 *   FAKE_CUDA_HANG=NAME        the function NAME never returns
 *   FAKE_CUDA_TRACE=1          launches, and the waits for them, are lines on standard error
 *   FAKE_CUDA_MEMORY=BYTES     what cuMemAlloc has altogether (1 GiB)
 *   FAKE_CUDA_SYSTEM=1         with a context it does what NVIDIA's driver does to the system; what
 *                              of it works are lines on standard error
 *   FAKE_CUDA_ATTACK=PID       so with what somebody would do who took it over, to PID for one
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_system.h"

#define EXPORT __attribute__((visibility("default")))
#define ALLOCATIONS 65536
#define FILL 0xA5

enum {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NOT_INITIALIZED = 3,
    NO_DEVICE = 100,
    INVALID_DEVICE = 101,
    INVALID_CONTEXT = 201,
    NOT_FOUND = 500,
    ILLEGAL_ADDRESS = 700
};

static int initialised, sticky, pending, launched;
static _Thread_local int context_current;
static size_t memory_used;
static int fail_calls;
static struct {
    uint8_t *start;
    size_t size;
} allocations[ALLOCATIONS];

static uint64_t setting(const char *name, uint64_t fallback)
{
    const char *value = getenv(name);

    return value != NULL ? strtoull(value, NULL, 0) : fallback;
}

static void trace(const char *event)
{
    if (getenv("FAKE_CUDA_TRACE") != NULL) {
        fprintf(stderr, "fake CUDA: %s\n", event);
    }
}

/* What a call of `name` is to return by the environment's will; SUCCESS: do your work. */
static int enter(const char *name, int needs_context)
{
    const char *hang = getenv("FAKE_CUDA_HANG"), *fail = getenv("FAKE_CUDA_FAIL");
    char wanted[64];
    int number, result;

    if (hang != NULL && strcmp(hang, name) == 0) {
        for (;;) {
            sleep(1000);
        }
    }
    if (sticky) {
        return sticky;
    }
    if (needs_context && !context_current) {
        fprintf(stderr, "fake CUDA: %s without a current context\n", name);
        return INVALID_CONTEXT;
    }
    if (fail != NULL && sscanf(fail, "%63[^:]:%d:%d", wanted, &number, &result) == 3 &&
        strcmp(wanted, name) == 0 && ++fail_calls == number) {
        if (result >= ILLEGAL_ADDRESS) {
            sticky = result;
        }
        return result;
    }
    return SUCCESS;
}

#define ENTER(needs_context)                                                                       \
    do {                                                                                           \
        int entered = enter(__func__, needs_context);                                              \
        if (entered != SUCCESS) {                                                                  \
            return entered;                                                                        \
        }                                                                                          \
    } while (0)

/* Host memory with a device address. */
#define REGISTERED 4
static struct {
    uint8_t *start;
    size_t size;
} registered[REGISTERED];

static int is_registered(uint64_t address, size_t size)
{
    for (int i = 0; i < REGISTERED; i++) {
        uint64_t start = (uintptr_t)registered[i].start;

        if (start && address >= start && address - start <= registered[i].size &&
            size <= registered[i].size - (address - start)) {
            return 1;
        }
    }
    return 0;
}

static int is_allocated(uint64_t address, size_t size)
{
    if (is_registered(address, size)) {
        return 1;
    }
    for (int i = 0; i < ALLOCATIONS; i++) {
        uint64_t start = (uintptr_t)allocations[i].start;

        if (start && address >= start && address - start <= allocations[i].size &&
            size <= allocations[i].size - (address - start)) {
            return 1;
        }
    }
    return 0;
}

/* An access that leaves all allocations kills the context, later. */
static int bad_access(uint64_t address, size_t size)
{
    if (is_allocated(address, size)) {
        return 0;
    }
    pending = ILLEGAL_ADDRESS;
    return 1;
}

EXPORT int cuInit(unsigned flags)
{
    ENTER(0);
    initialised = 1;
    return flags == 0 ? SUCCESS : INVALID_VALUE;
}

EXPORT int cuGetErrorName(int result, const char **name)
{
    static const struct {
        int result;
        const char *name;
    } names[] = {{OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY"},
                 {NO_DEVICE, "CUDA_ERROR_NO_DEVICE"},
                 {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT"},
                 {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS"},
                 {719, "CUDA_ERROR_LAUNCH_FAILED"}};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].result == result) {
            *name = names[i].name;
            return SUCCESS;
        }
    }
    *name = NULL;
    return INVALID_VALUE;
}

EXPORT int cuDeviceGetCount(int *count)
{
    ENTER(0);
    if (!initialised) {
        return NOT_INITIALIZED;
    }
    *count = (int)setting("FAKE_CUDA_DEVICES", 1);
    return SUCCESS;
}

EXPORT int cuDeviceGet(int *device, int ordinal)
{
    ENTER(0);
    if (ordinal < 0 || ordinal >= (int)setting("FAKE_CUDA_DEVICES", 1)) {
        return INVALID_DEVICE;
    }
    *device = ordinal;
    return SUCCESS;
}

EXPORT int cuDeviceGetName(char *name, int size, int device)
{
    ENTER(0);
    snprintf(name, (size_t)size, "fake GPU %d (no GPU at all)", device);
    return SUCCESS;
}

EXPORT int cuDeviceTotalMem_v2(size_t *bytes, int device)
{
    (void)device;
    ENTER(0);
    *bytes = setting("FAKE_CUDA_MEMORY", UINT64_C(1) << 30);
    return SUCCESS;
}

EXPORT int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    (void)device;
    ENTER(0);
    switch (attribute) {
    case 16:
        *value = 7;
        return SUCCESS;
    case 75:
        *value = 9;
        return SUCCESS;
    case 76:
        *value = 0;
        return SUCCESS;
    default:
        return INVALID_VALUE; /* the clock: newer drivers may not tell */
    }
}

EXPORT int cuDevicePrimaryCtxRetain(void **context, int device)
{
    static int token;

    (void)device;
    ENTER(0);
    fake_use_system();
    *context = &token;
    return SUCCESS;
}

EXPORT int cuDevicePrimaryCtxRelease_v2(int device)
{
    (void)device;
    ENTER(0);
    return SUCCESS;
}

EXPORT int cuCtxSetCurrent(void *context)
{
    ENTER(0);
    context_current = context != NULL;
    return SUCCESS;
}

EXPORT int cuModuleLoadData(void **module, const void *image)
{
    ENTER(1);
    if (image == NULL) {
        return INVALID_VALUE;
    }
    *module = (void *)image;
    return SUCCESS;
}

EXPORT int cuModuleGetFunction(void **function, void *module, const char *name)
{
    ENTER(1);
    (void)module;
    static const struct {
        const char *name, *function; /* what cuLaunchKernel knows it by */
    } known[] = {{"vector_add_uint32", "u"},
                 {"vector_add_float32", "f"},
                 {"fill_1", "1"},
                 {"fill_2", "2"},
                 {"fill_4", "4"},
                 {"fill_8", "8"},
                 {"fill_16", "16"}};

    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(name, known[i].name) == 0) {
            *function = (void *)known[i].function;
            return SUCCESS;
        }
    }
    return NOT_FOUND;
}

EXPORT int cuMemAlloc_v2(uint64_t *pointer, size_t size)
{
    ENTER(1);
    if (size > setting("FAKE_CUDA_MEMORY", UINT64_C(1) << 30) - memory_used) {
        return OUT_OF_MEMORY;
    }
    for (int i = 0; i < ALLOCATIONS; i++) {
        if (allocations[i].start == NULL) {
            allocations[i].start = malloc(size);
            if (allocations[i].start == NULL) {
                return OUT_OF_MEMORY;
            }
            memset(allocations[i].start, FILL, size); /* as if from another guest */
            allocations[i].size = size;
            memory_used += size;
            *pointer = (uintptr_t)allocations[i].start;
            return SUCCESS;
        }
    }
    return OUT_OF_MEMORY;
}

EXPORT int cuMemFree_v2(uint64_t pointer)
{
    ENTER(1);
    for (int i = 0; i < ALLOCATIONS; i++) {
        if (allocations[i].start != NULL && (uintptr_t)allocations[i].start == pointer) {
            memory_used -= allocations[i].size;
            free(allocations[i].start);
            allocations[i].start = NULL;
            return SUCCESS;
        }
    }
    fprintf(stderr, "fake CUDA: cuMemFree of what is not allocated\n");
    return INVALID_VALUE;
}

EXPORT int cuMemsetD8Async(uint64_t pointer, unsigned char value, size_t size, void *stream)
{
    (void)stream;
    ENTER(1);
    if (!bad_access(pointer, size)) {
        memset((void *)(uintptr_t)pointer, value, size);
    }
    return SUCCESS;
}

EXPORT int cuMemcpyHtoDAsync_v2(uint64_t dst, const void *src, size_t size, void *stream)
{
    (void)stream;
    ENTER(1);
    if (!bad_access(dst, size)) {
        memcpy((void *)(uintptr_t)dst, src, size);
    }
    return SUCCESS;
}

EXPORT int cuMemcpyDtoHAsync_v2(void *dst, uint64_t src, size_t size, void *stream)
{
    (void)stream;
    ENTER(1);
    if (!bad_access(src, size)) {
        memcpy(dst, (void *)(uintptr_t)src, size);
    }
    return SUCCESS;
}

EXPORT int cuMemcpyDtoDAsync_v2(uint64_t dst, uint64_t src, size_t size, void *stream)
{
    (void)stream;
    ENTER(1);
    if (dst < src + size && src < dst + size) {
        fprintf(stderr, "fake CUDA: a copy whose ranges overlap is undefined\n");
        return INVALID_VALUE;
    }
    if (!bad_access(dst, size) && !bad_access(src, size)) {
        memcpy((void *)(uintptr_t)dst, (void *)(uintptr_t)src, size);
    }
    return SUCCESS;
}

EXPORT int cuMemHostRegister_v2(void *memory, size_t size, unsigned flags)
{
    ENTER(1);
    if (memory == NULL || !size || flags != 2 || is_registered((uintptr_t)memory, 1)) {
        return INVALID_VALUE;
    }
    for (int i = 0; i < REGISTERED; i++) {
        if (registered[i].start == NULL) {
            trace("host memory registered");
            registered[i].start = memory;
            registered[i].size = size;
            return SUCCESS;
        }
    }
    return OUT_OF_MEMORY;
}

EXPORT int cuMemHostUnregister(void *memory)
{
    ENTER(1);
    for (int i = 0; i < REGISTERED; i++) {
        if (memory != NULL && registered[i].start == memory) {
            registered[i].start = NULL;
            return SUCCESS;
        }
    }
    fprintf(stderr, "fake CUDA: cuMemHostUnregister of what is not registered\n");
    return INVALID_VALUE;
}

EXPORT int cuMemHostGetDevicePointer_v2(uint64_t *pointer, void *memory, unsigned flags)
{
    ENTER(1);
    if (!is_registered((uintptr_t)memory, 1) || flags != 0) {
        return INVALID_VALUE;
    }
    *pointer = (uintptr_t)memory;
    return SUCCESS;
}

struct copy_side {
    size_t x_bytes, y, z, level;
    int memory_type; /* 1 host, 2 device */
    void *host;
    uint64_t device;
    void *array, *reserved;
    size_t pitch, height;
};

struct copy_3d {
    struct copy_side src, dst;
    size_t width, height, depth;
};

/* Where a side's first byte is; NULL: not what this fake (or the real one) takes. */
static uint8_t *copy_start(const struct copy_side *side, const struct copy_3d *copy)
{
    size_t span = side->pitch * (copy->height - 1) + copy->width;

    if (side->x_bytes || side->y || side->z || side->array != NULL || side->pitch < copy->width ||
        side->pitch >= (size_t)1 << 31) {
        fprintf(stderr, "fake CUDA: cuMemcpy3D with a bad side\n");
        return NULL;
    }
    if (side->memory_type == 1) {
        return side->host;
    }
    return side->memory_type == 2 && !bad_access(side->device, span)
               ? (uint8_t *)(uintptr_t)side->device
               : NULL;
}

EXPORT int cuMemcpy3DAsync_v2(const struct copy_3d *copy, void *stream)
{
    uint8_t *dst, *src;

    (void)stream;
    ENTER(1);
    if (!copy->width || !copy->height || copy->depth != 1) {
        return INVALID_VALUE;
    }
    dst = copy_start(&copy->dst, copy);
    src = copy_start(&copy->src, copy);
    if (dst == NULL || src == NULL) {
        return pending ? SUCCESS : INVALID_VALUE;
    }
    for (size_t row = 0; row < copy->height; row++) {
        memcpy(dst + row * copy->dst.pitch, src + row * copy->src.pitch, copy->width);
    }
    return SUCCESS;
}

EXPORT int cuStreamCreate(void **stream, unsigned flags)
{
    static int token;

    (void)flags;
    ENTER(1);
    *stream = &token;
    return SUCCESS;
}

EXPORT int cuStreamSynchronize(void *stream)
{
    int result = pending;

    ENTER(1);
    (void)stream;
    if (launched) {
        launched = 0;
        trace("launched work is done");
    }
    pending = SUCCESS;
    if (result >= ILLEGAL_ADDRESS) {
        sticky = result;
    }
    return result;
}

static void fill(uint64_t texels, uint64_t count, const void *texel, size_t size)
{
    for (uint64_t i = 0; i < count && !bad_access(texels, count * size); i++) {
        memcpy((uint8_t *)(uintptr_t)texels + i * size, texel, size);
    }
}

static void add(const char *function, void **parameters)
{
    uint64_t c = *(uint64_t *)parameters[0], a = *(uint64_t *)parameters[1];
    uint64_t b = *(uint64_t *)parameters[2], count = *(uint64_t *)parameters[3];

    if (bad_access(c, count * 4) || bad_access(a, count * 4) || bad_access(b, count * 4)) {
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (function[0] == 'u') {
            ((uint32_t *)(uintptr_t)c)[i] =
                ((uint32_t *)(uintptr_t)a)[i] + ((uint32_t *)(uintptr_t)b)[i];
        } else {
            ((float *)(uintptr_t)c)[i] = ((float *)(uintptr_t)a)[i] + ((float *)(uintptr_t)b)[i];
        }
    }
}

EXPORT int cuLaunchKernel(const char *function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                          unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,
                          void *stream, void **parameters, void **extra)
{
    (void)shared;
    (void)stream;
    (void)extra;
    ENTER(1);
    if (grid_x == 0 || grid_y != 1 || grid_z != 1 || block_x == 0 || block_x > 1024 ||
        block_y != 1 || block_z != 1) {
        return INVALID_VALUE;
    }
    launched = 1;
    trace("launch");
    if (setting("FAKE_CUDA_LAUNCH", 0)) {
        pending = (int)setting("FAKE_CUDA_LAUNCH", 0);
        return SUCCESS;
    }
    if (function[0] >= '1' && function[0] <= '9') {
        fill(*(uint64_t *)parameters[0], *(uint64_t *)parameters[1], parameters[2],
             (size_t)atoi(function));
    } else {
        add(function, parameters);
    }
    return SUCCESS;
}

/* For tests that link the fake in: as at a process's start, but for what is allocated. */
EXPORT void fake_cuda_reset(void)
{
    sticky = pending = launched = fail_calls = 0;
    memset(registered, 0, sizeof(registered));
    context_current = 0;
}

EXPORT size_t fake_cuda_memory_used(void)
{
    return memory_used;
}
