/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/cuda-cpu/ptxc/flat.c
/*
 * Any bytes as what the compiler's process says of a module. Held: whatever a table names that was
 * taken is there, and it takes no longer than there are bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/ptxc/flat.h"
#include "tests/fuzz/input.h"

static void touch(const void *bytes, size_t size)
{
    unsigned char *copy = malloc(size ? size : 1);

    CHECK(copy != NULL);
    memcpy(copy, bytes, size);
    free(copy);
}

static void touch_name(const struct flat_module *module, uint32_t name)
{
    touch(module->strings + name, strlen(module->strings + name));
}

static void touch_kernel(const struct flat_module *module, const struct flat_kernel *kernel)
{
    touch_name(module, kernel->name);
    for (uint32_t i = 0; i < kernel->parameters; i++) {
        const struct flat_parameter *parameter = &module->parameters[kernel->first_parameter + i];

        CHECK((uint64_t)parameter->offset + parameter->size <= kernel->parameter_size);
    }
    CHECK(kernel->parameter_size <= FLAT_PARAMETERS_MAX);
}

static void touch_variable(const struct flat_module *module, const struct flat_variable *variable)
{
    touch_name(module, variable->name);
    if (variable->initial != FLAT_NONE) {
        touch(module->bytes + variable->initial, variable->size);
    }
    for (uint32_t i = 0; i < variable->relocations; i++) {
        const struct flat_relocation *relocation =
            &module->relocations[variable->first_relocation + i];

        CHECK(relocation->target < module->header->variables || relocation->target == FLAT_NONE);
        CHECK((uint64_t)relocation->offset + relocation->size <= variable->size);
        CHECK(relocation->size <= sizeof(uint64_t) && relocation->shift < 64);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t *bytes = malloc(size ? size : 1);
    struct flat_module module;

    CHECK(bytes != NULL);
    memcpy(bytes, data, size);
    flat_read_code(bytes, size);
    if (flat_read(bytes, size, &module)) {
        for (uint32_t i = 0; i < module.header->kernels; i++) {
            touch_kernel(&module, &module.kernels[i]);
        }
        for (uint32_t i = 0; i < module.header->variables; i++) {
            touch_variable(&module, &module.variables[i]);
        }
    }
    free(bytes);
    return 0;
}
