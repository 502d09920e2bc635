/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/ptxc/flat.h"

#include <assert.h>

#include "host/cuda-cpu/device/warp.h"

#define SITES_MAX (1u << 24)
#define KEPT_MAX (1u << 20)

/* Each lies behind the one before, as for uint64_t, and has no holes. */
static_assert(sizeof(struct flat_header) == 40, "flat_header");
static_assert(sizeof(struct flat_kernel) == 64, "flat_kernel");
static_assert(sizeof(struct flat_parameter) == 16, "flat_parameter");
static_assert(sizeof(struct flat_variable) == 32, "flat_variable");
static_assert(sizeof(struct flat_relocation) == 24, "flat_relocation");
static_assert(sizeof(struct flat_code) == 40, "flat_code");

/* ---- Where the tables are ---- */

struct cursor {
    const unsigned char *next;
    size_t left;
    bool failed;
};

/* Sizes are of 32 bits, and so is an item's: no product overflows. */
static const void *take(struct cursor *cursor, uint64_t count, size_t item_size)
{
    const void *table = cursor->next;

    if (count * item_size > cursor->left) {
        cursor->failed = true;
        return NULL;
    }
    cursor->next += count * item_size;
    cursor->left -= count * item_size;
    return table;
}

#define TAKE(name) module->name = take(&cursor, header->name, sizeof(*module->name))

static bool find_tables(const void *bytes, size_t size, struct flat_module *module)
{
    struct cursor cursor = {.next = bytes, .left = size};
    const struct flat_header *header = take(&cursor, 1, sizeof(*header));

    if (header == NULL || header->magic != FLAT_MAGIC) {
        return false;
    }
    module->header = header;
    TAKE(kernels);
    TAKE(parameters);
    TAKE(variables);
    TAKE(relocations);
    TAKE(strings);
    TAKE(bytes);
    return !cursor.failed && !cursor.left && header->strings > 0 &&
           module->strings[header->strings - 1] == '\0';
}

/* ---- What they name ---- */

static bool is_range(uint64_t first, uint64_t count, uint64_t size)
{
    return first <= size && count <= size - first;
}

static bool is_name(const struct flat_module *module, uint32_t name)
{
    return name < module->header->strings;
}

/* Kernels have their parameters one behind the other: none is looked at twice. */
static bool check_kernel(const struct flat_module *module, const struct flat_kernel *kernel,
                         uint32_t first_parameter)
{
    if (!is_name(module, kernel->name) || kernel->parameter_size > FLAT_PARAMETERS_MAX ||
        kernel->shared_size > FLAT_MEMORY_MAX || kernel->local_size > FLAT_MEMORY_MAX ||
        kernel->first_parameter != first_parameter ||
        !is_range(first_parameter, kernel->parameters, module->header->parameters)) {
        return false;
    }
    for (uint32_t i = 0; i < kernel->parameters; i++) {
        const struct flat_parameter *parameter = &module->parameters[kernel->first_parameter + i];

        if (!is_range(parameter->offset, parameter->size, kernel->parameter_size)) {
            return false;
        }
    }
    return true;
}

static bool check_relocation(const struct flat_module *module, const struct flat_variable *variable,
                             const struct flat_relocation *relocation)
{
    return (relocation->target < module->header->variables || relocation->target == FLAT_NONE) &&
           relocation->shift < 64 && relocation->size <= sizeof(uint64_t) &&
           is_range(relocation->offset, relocation->size, variable->size);
}

static bool check_variable(const struct flat_module *module, const struct flat_variable *variable,
                           uint32_t first_relocation)
{
    if (!is_name(module, variable->name) || variable->size > FLAT_VARIABLE_MAX ||
        variable->first_relocation != first_relocation ||
        !is_range(first_relocation, variable->relocations, module->header->relocations) ||
        (variable->initial != FLAT_NONE &&
         !is_range(variable->initial, variable->size, module->header->bytes))) {
        return false;
    }
    for (uint32_t i = 0; i < variable->relocations; i++) {
        if (!check_relocation(module, variable,
                              &module->relocations[variable->first_relocation + i])) {
            return false;
        }
    }
    return true;
}

static bool check_kernels(const struct flat_module *module)
{
    uint32_t first = 0;
    bool done = true;

    for (uint32_t i = 0; i < module->header->kernels && done; i++) {
        done = check_kernel(module, &module->kernels[i], first);
        first += module->kernels[i].parameters;
    }
    return done;
}

static bool check_variables(const struct flat_module *module)
{
    uint32_t first = 0;
    bool done = true;

    for (uint32_t i = 0; i < module->header->variables && done; i++) {
        done = check_variable(module, &module->variables[i], first);
        first += module->variables[i].relocations;
    }
    return done;
}

bool flat_read(const void *bytes, size_t size, struct flat_module *module)
{
    return find_tables(bytes, size, module) && check_kernels(module) && check_variables(module);
}

const struct flat_code *flat_read_code(const void *bytes, size_t size)
{
    const struct flat_code *code = bytes;

    return size >= sizeof(*code) && code->magic == FLAT_MAGIC && code->sites <= SITES_MAX &&
                   code->local_size <= FLAT_MEMORY_MAX && code->kept_size <= KEPT_MAX &&
                   code->frames <= WARP_FRAMES_MAX
               ? code
               : NULL;
}
