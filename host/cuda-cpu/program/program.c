/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/program/program.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/check/check.h"
#include "host/cuda-cpu/device/image.h"
#include "host/cuda-cpu/device/places.h"
#include "host/cuda-cpu/device/relocation.h"
#include "host/cuda-cpu/program/cache.h"
#include "host/cuda-cpu/program/processor.h"
#include "host/cuda-cpu/ptxc/compiler.h"
#include "host/cuda-cpu/ptxc/flat.h"

#define ALIGNMENT 256u

/* How the lanes of a warp lie in a block: options' members. */
static const struct rows {
    unsigned row;
    bool is_stacked, is_full;
} rows[] = {{32, false, true}, {32, false, false}, {16, true, false}, {16, false, false},
            {8, true, false},  {8, false, false},  {0, false, false}};
#define ROW_KINDS (sizeof(rows) / sizeof(rows[0]))

struct code {
    struct image *image;
    struct places places;
    bool is_checked;
    void (*kernel)(struct warp *warp);
    uint32_t sites;
    uint64_t local_size;
    uint32_t frame;
    uint64_t frames;
    bool is_deep, runs_block;
    uint32_t kept_size;
    bool rests;
};

struct program {
    void *answer; /* the compiler's, in which the module is */
    struct flat_module module;
    char *text; /* kernels are compiled from it later */
    size_t text_size;
    struct memory *memory;
    unsigned char **bytes; /* of the variables, by their numbers */
    struct program_variable *variables;
    struct program_kernel *kernels;
    struct code (*codes)[ROW_KINDS]; /* of the kernels, for each kind of block */
    struct program_parameter *parameters;
};

static const struct ptx_position start = {1, 1};

static bool fail(struct ptx_log *log, enum ptx_error error, const char *what)
{
    ptx_log_kind(log, error);
    ptx_log_error(log, start, "%s", what);
    return false;
}

static const char *name_of(const struct program *program, uint32_t name)
{
    return program->module.strings + name;
}

/* ---- Variables ---- */

static void tell_check(const struct program *program, uint32_t number)
{
    const struct program_variable *variable = &program->variables[number];
    uint64_t bytes = (uint64_t)(uintptr_t)variable->bytes;

    if (program->memory->check != NULL) {
        check_name(program->memory->check, bytes, variable->name);
        check_written(program->memory->check, bytes, variable->size);
    }
}

static bool allocate_variable(struct program *program, uint32_t number)
{
    const struct flat_variable *variable = &program->module.variables[number];
    size_t size = (variable->size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    unsigned char *bytes = aligned_alloc(ALIGNMENT, size ? size : ALIGNMENT);

    if (bytes == NULL) {
        return false;
    }
    memset(bytes, 0, size ? size : ALIGNMENT);
    if (variable->initial != FLAT_NONE) {
        memcpy(bytes, program->module.bytes + variable->initial, variable->size);
    }
    program->bytes[number] = bytes;
    program->variables[number] = (struct program_variable){
        .name = name_of(program, variable->name),
        .bytes = bytes,
        .size = variable->size,
        .is_constant = variable->is_constant,
        .is_managed = variable->is_managed,
    };
    if (!memory_add(program->memory, (uint64_t)(uintptr_t)bytes, variable->size,
                    variable->is_constant)) {
        return false;
    }
    tell_check(program, number);
    return true;
}

/* Addresses in initial values. */
static void relocate_variable(struct program *program, uint32_t number)
{
    const struct flat_variable *variable = &program->module.variables[number];

    for (uint32_t i = 0; i < variable->relocations; i++) {
        const struct flat_relocation *relocation =
            &program->module.relocations[variable->first_relocation + i];
        uint64_t address = (uint64_t)relocation->addend;

        if (relocation->target != FLAT_NONE) {
            address += (uint64_t)(uintptr_t)program->bytes[relocation->target];
        }
        address >>= relocation->shift;
        memcpy(program->bytes[number] + relocation->offset, &address, relocation->size);
    }
}

static bool allocate_variables(struct program *program)
{
    uint32_t count = program->module.header->variables;
    bool done = true;

    for (uint32_t i = 0; i < count && done; i++) {
        done = allocate_variable(program, i);
    }
    for (uint32_t i = 0; i < count && done; i++) {
        relocate_variable(program, i);
    }
    return done;
}

const struct program_variable *program_find_variable(const struct program *program,
                                                     const char *name)
{
    for (uint32_t i = 0; i < program->module.header->variables; i++) {
        if (program->module.variables[i].is_module_wide &&
            strcmp(program->variables[i].name, name) == 0) {
            return &program->variables[i];
        }
    }
    return NULL;
}

/* ---- Kernels ---- */

static void list_parameters(struct program *program)
{
    for (uint32_t i = 0; i < program->module.header->parameters; i++) {
        const struct flat_parameter *parameter = &program->module.parameters[i];

        program->parameters[i] = (struct program_parameter){
            .offset = parameter->offset,
            .size = parameter->size,
            .is_float = parameter->is_float,
        };
    }
}

static void list_kernel(struct program *program, uint32_t index)
{
    const struct flat_kernel *flat = &program->module.kernels[index];
    struct program_kernel *kernel = &program->kernels[index];

    *kernel = (struct program_kernel){
        .name = name_of(program, flat->name),
        .parameters = program->parameters + flat->first_parameter,
        .parameter_count = flat->parameters,
        .parameter_size = flat->parameter_size,
        .shared_size = flat->shared_size,
        .local_size = flat->local_size,
        .registers = flat->registers,
    };
    memcpy(kernel->max_threads, flat->max_threads, sizeof(kernel->max_threads));
    memcpy(kernel->threads, flat->threads, sizeof(kernel->threads));
}

size_t program_kernel_count(const struct program *program)
{
    return program->module.header->kernels;
}

const struct program_kernel *program_kernel(const struct program *program, size_t index)
{
    return &program->kernels[index];
}

const struct program_kernel *program_find_kernel(const struct program *program, const char *name)
{
    for (size_t i = 0; i < program_kernel_count(program); i++) {
        if (strcmp(program->kernels[i].name, name) == 0) {
            return &program->kernels[i];
        }
    }
    return NULL;
}

/* ---- The compiler ---- */

static void set_rows(size_t kind, struct kernel_options *options)
{
    options->row = rows[kind].row;
    options->is_stacked = rows[kind].is_stacked;
    options->is_full = rows[kind].is_full;
}

static struct kernel_options options_of(const struct program *program, size_t kind)
{
    struct kernel_options options = processor_options();

    options.is_checked = program->memory->check != NULL;
    set_rows(kind, &options);
    return options;
}

static bool ask(const struct program *program, const char *kernel, size_t kind,
                struct compile_answer *answer, struct ptx_log *log)
{
    const struct compile_request request = {
        .what = kernel != NULL ? COMPILE_KERNEL : COMPILE_MODULE,
        .text = program->text,
        .text_size = program->text_size,
        .kernel = kernel,
        .options = options_of(program, kind),
        .limits = compile_default_limits,
    };

    if (cache_find(&request, answer)) {
        return true;
    }
    if (!compiler_ask(&request, answer, log)) {
        return false;
    }
    cache_keep(&request, answer);
    return true;
}

static bool load(struct program *program, struct ptx_log *log)
{
    struct compile_answer answer;

    if (!processor_check(log) || !ask(program, NULL, 0, &answer, log)) {
        return false;
    }
    program->answer = answer.bytes;
    return flat_read(answer.bytes, answer.size, &program->module) ||
           fail(log, PTX_ERROR_COMPILER, "the compiler's answer is no module");
}

static bool link_code(struct code *code, const struct compile_answer *answer, const char *name,
                      bool is_checked, struct ptx_log *log)
{
    const struct flat_code *flat = flat_read_code(answer->bytes, answer->size);
    char reason[IMAGE_REASON_SIZE];
    const void *places;
    void *function;
    size_t size;

    if (flat == NULL) {
        return fail(log, PTX_ERROR_COMPILER, "the compiler's answer is no code");
    }
    code->image = image_link(flat + 1, answer->size - sizeof(*flat), RELOCATION_MACHINE, reason);
    function = code->image != NULL ? image_function(code->image, KERNEL_SYMBOL) : NULL;
    if (function == NULL) {
        ptx_log_kind(log, PTX_ERROR_COMPILER);
        ptx_log_error(log, start, "%s: %s", name, code->image != NULL ? "no code" : reason);
        return false;
    }
    memcpy(&code->kernel, &function, sizeof(function));
    places = image_data(code->image, KERNEL_PLACES, &size);
    if (places != NULL && !places_read(&code->places, places, size)) {
        return fail(log, PTX_ERROR_COMPILER, "the code's places are none");
    }
    code->is_checked = is_checked;
    code->sites = flat->sites;
    code->local_size = flat->local_size;
    code->frame = flat->frame;
    code->frames = flat->frames;
    code->is_deep = flat->is_deep;
    code->runs_block = flat->runs_block;
    code->kept_size = flat->kept_size;
    code->rests = flat->rests;
    return true;
}

static void unlink_code(struct code *code)
{
    if (code->image != NULL) {
        image_unload(code->image);
    }
    *code = (struct code){0};
}

static bool compile(const struct program *program, struct code *code, const char *name, size_t kind,
                    struct ptx_log *log)
{
    struct compile_answer answer;
    bool is_checked = program->memory->check != NULL;
    bool done =
        ask(program, name, kind, &answer, log) && link_code(code, &answer, name, is_checked, log);

    free(answer.bytes);
    if (!done) {
        unlink_code(code);
    }
    return done;
}

/* Rows that are as wide as the block lie above each other, and where its height is a multiple of a
 * warp's rows no warp has two z. One that lacks rows is not whole. Of a block in one line all
 * threads lie in one row. */
static bool is_of_kind(const uint32_t block[3], const struct rows *kind)
{
    if (kind->is_stacked) {
        return block[0] == kind->row && (block[1] % (WARP_LANES / kind->row) == 0 || block[2] == 1);
    }
    return kind->row == 0 || block[0] % kind->row == 0 ||
           (kind->row == WARP_LANES && !kind->is_full && block[1] * block[2] == 1);
}

/* The first of them says most. */
static size_t row_kind(const uint32_t block[3])
{
    size_t kind = 0;

    while (!is_of_kind(block, &rows[kind])) {
        kind++;
    }
    return kind;
}

void program_set_rows(const uint32_t block[3], struct kernel_options *options)
{
    set_rows(row_kind(block), options);
}

bool program_prepare(struct program *program, const struct program_kernel *kernel,
                     struct launch *launch, struct ptx_log *log)
{
    size_t kind = row_kind(launch->block);
    struct code *code = &program->codes[kernel - program->kernels][kind];

    if (code->kernel == NULL && !compile(program, code, kernel->name, kind, log)) {
        return false;
    }
    launch->kernel = code->kernel;
    launch->sites = code->sites;
    launch->name = kernel->name;
    launch->places = &code->places;
    launch->checked = code->is_checked ? &code->places : NULL;
    launch->static_size = kernel->shared_size;
    launch->local_size = code->local_size;
    launch->frame = code->frame;
    launch->frames = code->frames;
    launch->is_deep = code->is_deep;
    launch->runs_block = code->runs_block;
    launch->kept_size = code->kept_size;
    launch->rests = code->rests;
    launch->param_size = kernel->parameter_size;
    launch->variables = program->bytes;
    return true;
}

bool program_prepare_all(struct program *program, struct ptx_log *log)
{
    struct launch unused = {0};
    bool done = true;

    for (size_t i = 0; i < program_kernel_count(program) && done; i++) {
        done = program_prepare(program, &program->kernels[i], &unused, log);
    }
    return done;
}

/* ---- Programs ---- */

static bool keep_text(struct program *program, const char *text, size_t length)
{
    program->text = malloc(length + 1);
    if (program->text != NULL) {
        memcpy(program->text, text, length);
        program->text_size = length;
    }
    return program->text != NULL;
}

static bool allocate_lists(struct program *program)
{
    const struct flat_header *header = program->module.header;

    program->bytes = calloc((size_t)header->variables + 1, sizeof(*program->bytes));
    program->variables = calloc((size_t)header->variables + 1, sizeof(*program->variables));
    program->kernels = calloc((size_t)header->kernels + 1, sizeof(*program->kernels));
    program->codes = calloc((size_t)header->kernels + 1, sizeof(*program->codes));
    program->parameters = calloc((size_t)header->parameters + 1, sizeof(*program->parameters));
    return program->bytes != NULL && program->variables != NULL && program->kernels != NULL &&
           program->codes != NULL && program->parameters != NULL;
}

static bool fill(struct program *program)
{
    if (!allocate_lists(program) || !allocate_variables(program)) {
        return false;
    }
    list_parameters(program);
    for (uint32_t i = 0; i < program->module.header->kernels; i++) {
        list_kernel(program, i);
    }
    return true;
}

struct program *program_create(const char *text, size_t length, struct memory *memory,
                               struct ptx_log *log)
{
    struct program *program = calloc(1, sizeof(*program));

    if (program == NULL) {
        fail(log, PTX_ERROR_MEMORY, "no memory");
        return NULL;
    }
    program->memory = memory;
    if ((keep_text(program, text, length) || fail(log, PTX_ERROR_MEMORY, "no memory")) &&
        load(program, log) &&
        (fill(program) || fail(log, PTX_ERROR_MEMORY, "no memory for the module's variables"))) {
        return program;
    }
    program_destroy(program);
    return NULL;
}

void program_destroy(struct program *program)
{
    for (uint32_t i = 0; program->bytes != NULL && i < program->module.header->variables; i++) {
        memory_remove(program->memory, (uint64_t)(uintptr_t)program->bytes[i]);
        free(program->bytes[i]);
    }
    for (uint32_t i = 0; program->codes != NULL && i < program->module.header->kernels; i++) {
        for (size_t kind = 0; kind < ROW_KINDS; kind++) {
            unlink_code(&program->codes[i][kind]);
        }
    }
    free(program->bytes);
    free(program->variables);
    free(program->kernels);
    free(program->codes);
    free(program->parameters);
    free(program->text);
    free(program->answer);
    free(program);
}

unsigned program_target(const struct program *program)
{
    return program->module.header->target;
}
