/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/compute/cuda_driver.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LIBRARY "libcuda.so.1"

static bool load(void *library, const char *symbol, void *field, char *reason, size_t size)
{
    void *function = dlsym(library, symbol);

    if (function == NULL) {
        snprintf(reason, size, "%s has no %s: too old", LIBRARY, symbol);
        return false;
    }
    memcpy(field, &function, sizeof(function)); /* ISO C has no cast from object to function */
    return true;
}

static bool load_all(void *library, struct cuda_driver *driver, char *reason, size_t size)
{
    bool done = true;

#define CUDA_DRIVER_LOAD(field, symbol, parameters)                                                \
    done = done && load(library, symbol, &driver->field, reason, size);
    CUDA_DRIVER_FUNCTIONS(CUDA_DRIVER_LOAD)
#undef CUDA_DRIVER_LOAD
    return done;
}

const char *cuda_driver_error_name(const struct cuda_driver *driver, cuda_result result)
{
    static _Thread_local char number[24];
    const char *name = NULL;

    if (driver->get_error_name(result, &name) != CUDA_RESULT_SUCCESS || name == NULL) {
        snprintf(number, sizeof(number), "CUDA error %d", result);
        name = number;
    }
    return name;
}

const struct cuda_driver *cuda_driver_open(char *reason, size_t reason_size)
{
    static struct cuda_driver driver;
    static bool ready;
    cuda_result result;
    void *library;

    if (ready) {
        return &driver;
    }
    library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        snprintf(reason, reason_size, "no NVIDIA driver: %s", dlerror());
        return NULL;
    }
    if (!load_all(library, &driver, reason, reason_size)) {
        return NULL;
    }
    result = driver.init(0);
    if (result != CUDA_RESULT_SUCCESS) {
        snprintf(reason, reason_size, "cuInit: %s", cuda_driver_error_name(&driver, result));
        return NULL;
    }
    ready = true;
    return &driver;
}

int cuda_result_is_fatal(cuda_result result)
{
    switch (result) {
    case CUDA_RESULT_NOT_INITIALIZED:
    case CUDA_RESULT_DEINITIALIZED:
    case CUDA_RESULT_DEVICE_UNAVAILABLE:
    case CUDA_RESULT_INVALID_CONTEXT:
    case CUDA_RESULT_ECC_UNCORRECTABLE:
    case CUDA_RESULT_NVLINK_UNCORRECTABLE:
    case CUDA_RESULT_CONTAINED:
    case CUDA_RESULT_ILLEGAL_ADDRESS:
    case CUDA_RESULT_LAUNCH_TIMEOUT:
    case CUDA_RESULT_CONTEXT_IS_DESTROYED:
    case CUDA_RESULT_ASSERT:
    case CUDA_RESULT_EXTERNAL_DEVICE:
    case CUDA_RESULT_UNKNOWN:
        return 1;
    default: /* 714 to 719: stack, instruction, alignment, address space, program counter, launch */
        return result >= CUDA_RESULT_HARDWARE_STACK_ERROR && result <= CUDA_RESULT_LAUNCH_FAILED;
    }
}
