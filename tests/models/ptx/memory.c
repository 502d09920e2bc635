/* SPDX-License-Identifier: BSD-2-Clause */
/* Regions, a module's variables, and every access to memory. */
#include <stdlib.h>
#include <string.h>

#include "tests/models/ptx/machine.h"

#define ALIGNMENT 256

/* ---- Regions ---- */

void reference_memory_add(struct reference_memory *memory, const void *start, size_t size,
                          bool writable)
{
    if (memory->count == memory->capacity) {
        memory->capacity = memory->capacity ? 2 * memory->capacity : 8;
        memory->regions = realloc(memory->regions, memory->capacity * sizeof(*memory->regions));
    }
    memory->regions[memory->count++] =
        (struct reference_region){(uintptr_t)start, size, writable, false};
}

void reference_memory_remove(struct reference_memory *memory, const void *start)
{
    for (size_t i = 0; i < memory->count; i++) {
        if (memory->regions[i].address == (uintptr_t)start) {
            memory->regions[i] = memory->regions[--memory->count];
            return;
        }
    }
}

void reference_memory_free(struct reference_memory *memory)
{
    for (size_t i = 0; i < memory->count; i++) {
        if (memory->regions[i].heap) {
            free((void *)(uintptr_t)memory->regions[i].address);
        }
    }
    free(memory->regions);
    *memory = (struct reference_memory){0};
}

static bool region_holds(uint64_t start, uint64_t room, uint64_t address, uint64_t size)
{
    return address >= start && size <= room && address - start <= room - size;
}

static bool memory_holds(const struct reference_memory *memory, uint64_t address, uint64_t size,
                         bool write)
{
    for (size_t i = 0; i < memory->count; i++) {
        const struct reference_region *region = &memory->regions[i];

        if (region_holds(region->address, region->size, address, size)) {
            return region->writable || !write;
        }
    }
    return false;
}

/* ---- Variables ---- */

/* Offset: of global and constant ones, the host's pointer; of shared ones, in a block's shared
 * memory; of the others, in the frame of their function. */
struct placement {
    const struct ptx_variable *variable;
    uint64_t offset;
};

struct reference_module {
    const struct ptx_module *module;
    struct placement *placements; /* sorted by the variable's address */
    size_t count;
    size_t shared_size;
    void **storage; /* of the global and constant ones */
    size_t storage_count;
};

static int compare_placements(const void *left, const void *right)
{
    const struct placement *a = left, *b = right;

    return (a->variable > b->variable) - (a->variable < b->variable);
}

static const struct placement *find_placement(const struct reference_module *module,
                                              const struct ptx_variable *variable)
{
    const struct placement wanted = {.variable = variable};

    return bsearch(&wanted, module->placements, module->count, sizeof(wanted), compare_placements);
}

static uint64_t align_up(uint64_t value, uint64_t alignment)
{
    return alignment ? (value + alignment - 1) / alignment * alignment : value;
}

/* Takes room behind *end. */
static uint64_t place_behind(uint64_t *end, const struct ptx_variable *variable)
{
    uint64_t offset = align_up(*end, variable->align);

    *end = offset + variable->size;
    return offset;
}

static uint64_t place_in_storage(struct reference_module *module,
                                 const struct ptx_variable *variable,
                                 struct reference_memory *memory)
{
    void *bytes = aligned_alloc(ALIGNMENT, align_up(variable->size + 1, ALIGNMENT));

    memset(bytes, 0, variable->size);
    if (variable->initial != NULL) {
        memcpy(bytes, variable->initial, variable->size);
    }
    module->storage = realloc(module->storage, (module->storage_count + 1) * sizeof(bytes));
    module->storage[module->storage_count++] = bytes;
    reference_memory_add(memory, bytes, variable->size, variable->space == PTX_SPACE_GLOBAL);
    return (uintptr_t)bytes;
}

static void place(struct reference_module *module, const struct ptx_variable *variable,
                  struct reference_memory *memory, uint64_t *frame_end)
{
    struct placement *placement;

    module->placements =
        realloc(module->placements, (module->count + 1) * sizeof(*module->placements));
    placement = &module->placements[module->count++];
    placement->variable = variable;
    switch (variable->space) {
    case PTX_SPACE_GLOBAL:
    case PTX_SPACE_CONST:
        placement->offset = place_in_storage(module, variable, memory);
        break;
    case PTX_SPACE_SHARED:
        placement->offset = place_behind(&module->shared_size, variable);
        break;
    default:
        placement->offset = place_behind(frame_end, variable);
    }
}

static void place_all(struct reference_module *module, struct ptx_variable *const *variables,
                      size_t count, struct reference_memory *memory, uint64_t *frame_end)
{
    for (size_t i = 0; i < count; i++) {
        place(module, variables[i], memory, frame_end);
    }
}

static void place_function(struct reference_module *module, const struct ptx_function *function,
                           struct reference_memory *memory)
{
    uint64_t frame_end = 0;

    place_all(module, function->variables, function->variable_count, memory, &frame_end);
    place_all(module, function->results, function->result_count, memory, &frame_end);
    if (!function->is_entry) {
        place_all(module, function->params, function->param_count, memory, &frame_end);
    }
}

/* The dynamic part of shared memory has no size of its own, and lies behind all others. */
static void move_dynamic_shared(struct reference_module *module)
{
    module->shared_size = align_up(module->shared_size, 16);
    for (size_t i = 0; i < module->count; i++) {
        const struct ptx_variable *variable = module->placements[i].variable;

        if (variable->space == PTX_SPACE_SHARED && !variable->size) {
            module->shared_size = align_up(module->shared_size, variable->align);
        }
    }
    for (size_t i = 0; i < module->count; i++) {
        const struct ptx_variable *variable = module->placements[i].variable;

        if (variable->space == PTX_SPACE_SHARED && !variable->size) {
            module->placements[i].offset = module->shared_size;
        }
    }
}

static uint64_t symbol_value(const struct reference_module *module, const struct ptx_symbol *symbol)
{
    if (symbol->kind == PTX_S_FUNCTION) {
        return (uintptr_t)symbol->function;
    }
    return find_placement(module, symbol->variable)->offset;
}

static void relocate(const struct reference_module *module, const struct placement *placement)
{
    for (size_t i = 0; i < placement->variable->relocation_count; i++) {
        const struct ptx_relocation *relocation = &placement->variable->relocations[i];
        uint64_t value =
            (symbol_value(module, relocation->symbol) + (uint64_t)relocation->addend) >>
            relocation->shift;

        memcpy((unsigned char *)(uintptr_t)placement->offset + relocation->offset, &value,
               relocation->size);
    }
}

struct reference_module *reference_module_create(const struct ptx_module *module,
                                                 struct reference_memory *memory)
{
    struct reference_module *created = calloc(1, sizeof(*created));

    created->module = module;
    created->placements = malloc(sizeof(*created->placements));
    place_all(created, module->variables, module->variable_count, memory, NULL);
    for (size_t i = 0; i < module->function_count; i++) {
        place_function(created, module->functions[i], memory);
    }
    move_dynamic_shared(created);
    qsort(created->placements, created->count, sizeof(*created->placements), compare_placements);
    for (size_t i = 0; i < created->count; i++) {
        relocate(created, &created->placements[i]);
    }
    return created;
}

void reference_module_destroy(struct reference_module *module)
{
    if (module == NULL) {
        return;
    }
    for (size_t i = 0; i < module->storage_count; i++) {
        free(module->storage[i]);
    }
    free(module->storage);
    free(module->placements);
    free(module);
}

void *reference_module_variable(const struct reference_module *module, const char *name)
{
    for (size_t i = 0; i < module->count; i++) {
        const struct ptx_variable *variable = module->placements[i].variable;

        if ((variable->space == PTX_SPACE_GLOBAL || variable->space == PTX_SPACE_CONST) &&
            strcmp(variable->name, name) == 0) {
            return (void *)(uintptr_t)module->placements[i].offset;
        }
    }
    return NULL;
}

const struct ptx_module *module_of(const struct thread *thread)
{
    return thread->block->launch->module->module;
}

size_t module_shared_size(const struct reference_module *module)
{
    return module->shared_size;
}

static void include(const struct reference_module *module, struct ptx_variable *const *variables,
                    size_t count, size_t *end)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t offset = find_placement(module, variables[i])->offset;

        if (variables[i]->space != PTX_SPACE_SHARED && variables[i]->space != PTX_SPACE_GLOBAL &&
            variables[i]->space != PTX_SPACE_CONST && offset + variables[i]->size > *end) {
            *end = offset + variables[i]->size;
        }
    }
}

size_t module_frame_size(const struct reference_module *module, const struct ptx_function *function)
{
    size_t end = 0;

    include(module, function->variables, function->variable_count, &end);
    include(module, function->results, function->result_count, &end);
    if (!function->is_entry) {
        include(module, function->params, function->param_count, &end);
    }
    return end;
}

/* ---- Addresses ---- */

static bool is_shared(enum ptx_word space)
{
    return space == PTX_W_SHARED || space == PTX_W_SHARED_CTA || space == PTX_W_SHARED_CLUSTER;
}

/* In a function .param is on its stack. */
static bool is_kernel_param(struct thread *thread, enum ptx_word space)
{
    return space == PTX_W_PARAM_ENTRY ||
           (space == PTX_W_PARAM && thread->frame->function->is_entry);
}

static bool is_local(struct thread *thread, enum ptx_word space)
{
    return space == PTX_W_LOCAL || space == PTX_W_PARAM_FUNC ||
           (space == PTX_W_PARAM && !thread->frame->function->is_entry);
}

enum ptx_word space_of(const struct ptx_instruction *in)
{
    for (unsigned i = 0; i < in->word_count; i++) {
        switch (in->words[i]) {
        case PTX_W_GLOBAL:
        case PTX_W_CONST:
        case PTX_W_LOCAL:
        case PTX_W_PARAM:
        case PTX_W_PARAM_ENTRY:
        case PTX_W_PARAM_FUNC:
        case PTX_W_SHARED:
        case PTX_W_SHARED_CTA:
        case PTX_W_SHARED_CLUSTER:
            return (enum ptx_word)in->words[i];
        default:
            break;
        }
    }
    return PTX_W_NONE;
}

uint64_t space_base(struct thread *thread, enum ptx_word space)
{
    if (is_shared(space)) {
        return (uintptr_t)thread->block->shared;
    }
    if (is_kernel_param(thread, space)) {
        return (uintptr_t)thread->block->launch->params;
    }
    return is_local(thread, space) ? (uintptr_t)thread->local : 0;
}

uint64_t variable_address(struct thread *thread, const struct ptx_variable *variable)
{
    const struct placement *placement = find_placement(thread->block->launch->module, variable);

    if (placement == NULL) {
        return (uintptr_t)thread->block->launch->params + variable->offset;
    }
    switch (variable->space) {
    case PTX_SPACE_GLOBAL:
    case PTX_SPACE_CONST:
        return placement->offset;
    case PTX_SPACE_SHARED:
        return (uintptr_t)thread->block->shared + placement->offset;
    default:
        return (uintptr_t)thread->local + thread->frame->stack_start + placement->offset;
    }
}

/* With its offset, which wraps as the register does. */
static enum ptx_word address_type(struct thread *thread, const struct ptx_operand *base)
{
    bool is_narrow = base->kind == PTX_O_REGISTER &&
                     ptx_type_bits(thread->frame->function->registers[base->reg].type) == 32;

    return is_narrow ? PTX_W_B32 : PTX_W_B64;
}

uint64_t operand_address(struct thread *thread, const struct ptx_operand *operand,
                         enum ptx_word space)
{
    const struct ptx_operand *base = operand->base;
    uint64_t address = space_base(thread, space);

    if (base == NULL) {
        return address + (uint64_t)operand->offset;
    }
    if (base->kind == PTX_O_SYMBOL) {
        return variable_address(thread, base->symbol->variable) + (uint64_t)operand->offset;
    }
    return address + (uint64_t)read_bits(thread, base, address_type(thread, base));
}

/* ---- Accesses ---- */

static bool local_holds(struct thread *thread, uint64_t address, uint64_t size)
{
    return region_holds((uintptr_t)thread->local, thread->block->local_size, address, size);
}

static bool params_hold(struct thread *thread, uint64_t address, uint64_t size, bool write)
{
    const struct reference_launch *launch = thread->block->launch;

    return !write &&
           region_holds((uintptr_t)launch->params, launch->kernel->param_size, address, size);
}

bool is_constant(struct thread *thread, uint64_t address)
{
    const struct reference_module *module = thread->block->launch->module;

    for (size_t i = 0; i < module->count; i++) {
        const struct placement *placement = &module->placements[i];

        if (placement->variable->space == PTX_SPACE_CONST &&
            region_holds(placement->offset, placement->variable->size, address, 1)) {
            return true;
        }
    }
    return false;
}

static bool generic_holds(struct thread *thread, uint64_t address, uint64_t size, bool write)
{
    return space_holds(thread, PTX_W_SHARED, address, size, write) ||
           local_holds(thread, address, size) || params_hold(thread, address, size, write) ||
           memory_holds(thread->block->launch->memory, address, size, write);
}

/* .param of a kernel is also where it keeps the arguments of its calls. */
bool space_holds(struct thread *thread, enum ptx_word space, uint64_t address, uint64_t size,
                 bool write)
{
    struct block *block = thread->block;

    if (is_shared(space)) {
        return region_holds((uintptr_t)block->shared, block->shared_size, address, size);
    }
    if (is_kernel_param(thread, space)) {
        return params_hold(thread, address, size, write) ||
               (space == PTX_W_PARAM && local_holds(thread, address, size));
    }
    if (is_local(thread, space)) {
        return local_holds(thread, address, size);
    }
    if (space == PTX_W_NONE) {
        return generic_holds(thread, address, size, write);
    }
    return memory_holds(block->launch->memory, address, size, write);
}

void *access_memory(struct thread *thread, enum ptx_word space, uint64_t address, unsigned size,
                    bool write)
{
    if (address & (size - 1)) {
        thread_fault_at(thread, REFERENCE_MISALIGNED, address);
        return NULL;
    }
    if (!space_holds(thread, space, address, size, write)) {
        thread_fault_at(thread, REFERENCE_ILLEGAL_ADDRESS, address);
        return NULL;
    }
    return (void *)(uintptr_t)address;
}

u128 load_memory(struct thread *thread, enum ptx_word space, uint64_t address, unsigned size)
{
    const void *bytes = access_memory(thread, space, address, size, false);
    u128 value = 0;

    if (bytes != NULL) {
        memcpy(&value, bytes, size);
    }
    return value;
}

void store_memory(struct thread *thread, enum ptx_word space, uint64_t address, unsigned size,
                  u128 value)
{
    void *bytes = access_memory(thread, space, address, size, true);

    if (bytes != NULL) {
        memcpy(bytes, &value, size);
    }
}

const char *load_text(struct thread *thread, uint64_t address)
{
    for (uint64_t at = address;; at++) {
        const char *byte = access_memory(thread, PTX_W_NONE, at, 1, false);

        if (byte == NULL || *byte == 0) {
            return byte == NULL ? NULL : (const char *)(uintptr_t)address;
        }
    }
}
