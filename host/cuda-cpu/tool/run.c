/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/tool/run.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/common/clock.h"
#include "host/cuda-cpu/check/check.h"
#include "host/cuda-cpu/compile/kernel.h"
#include "host/cuda-cpu/compile/llvm.h"
#include "host/cuda-cpu/device/places.h"
#include "host/cuda-cpu/program/processor.h"
#include "host/cuda-cpu/program/program.h"

#define HEAP_SIZE (UINT64_C(8) << 20) /* as a device has it at first */
#define LOG_SIZE 65536
#define ALIGNMENT 256u
#define PARAMS_MAX 32768

struct buffer {
    unsigned char *bytes;
    size_t size;
};

struct run {
    const char *path;
    const struct program_kernel *kernel;
    const struct run_options *options;
    struct memory memory;
    struct heap *heap;
    struct buffer buffers[RUN_ARGUMENTS_MAX];
    unsigned char params[PARAMS_MAX];
};

static enum run_status refuse(const struct run *run, const char *what, const char *why)
{
    fprintf(stderr, "%s: %s: %s\n", run->path, what, why);
    return RUN_REFUSED;
}

static enum run_status refuse_kernel(const char *path, const char *name)
{
    fprintf(stderr, "%s: no kernel is called %s\n", path, name);
    return RUN_REFUSED;
}

void run_print_log(const char *path, const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");

        fprintf(stderr, "%s:%.*s\n", path, (int)length, text);
        text += length + (text[length] == '\n');
    }
}

bool run_read_number(const char **text, uint64_t most, uint64_t *value)
{
    const char *start = *text;
    char *end = NULL;

    errno = 0;
    if (isdigit((unsigned char)*start)) {
        *value = strtoull(start, &end, 0);
        *text = end;
    }
    return end != NULL && errno == 0 && *value <= most;
}

/* As the driver reads its settings. */
static uint64_t environment_number(const char *name, uint64_t most)
{
    const char *text = getenv(name);
    uint64_t value;

    return text != NULL && run_read_number(&text, most, &value) && *text == '\0' ? value : 0;
}

/* ---- Arguments ---- */

static bool add_buffer(struct run *run, unsigned index, size_t size)
{
    size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct buffer *buffer = &run->buffers[index];

    buffer->bytes = aligned_alloc(ALIGNMENT, rounded ? rounded : ALIGNMENT);
    buffer->size = size;
    if (buffer->bytes == NULL) {
        return false;
    }
    memset(buffer->bytes, 0, rounded ? rounded : ALIGNMENT);
    if (!memory_add(&run->memory, (uint64_t)(uintptr_t)buffer->bytes, size, false)) {
        return false;
    }
    if (run->memory.check != NULL) {
        check_written(run->memory.check, (uint64_t)(uintptr_t)buffer->bytes, size);
    }
    return true;
}

static enum run_status read_buffer(struct run *run, unsigned index, const char *path)
{
    FILE *file = fopen(path, "rb");
    long size = -1;
    bool done = false;

    if (file != NULL && fseek(file, 0, SEEK_END) == 0) {
        size = ftell(file);
        rewind(file);
    }
    if (size >= 0 && add_buffer(run, index, (size_t)size)) {
        done = fread(run->buffers[index].bytes, 1, (size_t)size, file) == (size_t)size;
    }
    if (file != NULL) {
        fclose(file);
    }
    return done ? RUN_OK
                : (refuse(run, path, errno ? strerror(errno) : "cannot be read"), RUN_SYSTEM);
}

/* A number as the parameter's type has it. */
static bool set_number(struct run *run, const struct program_parameter *parameter, const char *text)
{
    unsigned char *place = run->params + parameter->offset;
    bool is_float = parameter->is_float || strpbrk(text, ".") != NULL;
    char *end;

    if (is_float && parameter->size == sizeof(float)) {
        float value = strtof(text, &end);

        memcpy(place, &value, sizeof(value));
    } else if (is_float && parameter->size == sizeof(double)) {
        double value = strtod(text, &end);

        memcpy(place, &value, sizeof(value));
    } else {
        unsigned long long value = strtoull(text, &end, 0);

        memcpy(place, &value, parameter->size < sizeof(value) ? parameter->size : sizeof(value));
    }
    return end != text && *end == '\0';
}

static enum run_status set_argument(struct run *run, unsigned index)
{
    const char *text = run->options->arguments[index];
    const struct program_parameter *parameter = &run->kernel->parameters[index];
    enum run_status status = RUN_OK;

    if (text[0] == '@') {
        status = read_buffer(run, index, text + 1);
    } else if (text[0] == '[') {
        const char *end = text + 1;
        uint64_t size;

        if (!run_read_number(&end, SIZE_MAX - ALIGNMENT, &size) || strcmp(end, "]") != 0) {
            return refuse(run, text, "memory is written [BYTES], of 0 or more");
        }
        if (!add_buffer(run, index, size)) {
            return refuse(run, text, "no memory");
        }
    } else if (!set_number(run, parameter, text)) {
        return refuse(run, text, "no number, [BYTES] or @FILE");
    }
    if (status == RUN_OK && run->buffers[index].bytes != NULL) {
        if (parameter->size != sizeof(void *)) {
            return refuse(run, text, "this parameter is no pointer");
        }
        memcpy(run->params + parameter->offset, &run->buffers[index].bytes, sizeof(void *));
    }
    return status;
}

static enum run_status set_arguments(struct run *run)
{
    enum run_status status = RUN_OK;
    char counts[64];

    if (run->options->argument_count != run->kernel->parameter_count) {
        snprintf(counts, sizeof(counts), "%u arguments for %zu parameters",
                 run->options->argument_count, run->kernel->parameter_count);
        return refuse(run, run->kernel->name, counts);
    }
    for (unsigned i = 0; i < run->options->argument_count && status == RUN_OK; i++) {
        status = set_argument(run, i);
    }
    return status;
}

static enum run_status save(const struct run *run, const char *text)
{
    const char *path = text;
    uint64_t index;
    const struct buffer *buffer;
    FILE *file;
    bool done;

    if (!run_read_number(&path, RUN_ARGUMENTS_MAX - 1, &index) || *path != '=' ||
        run->buffers[index].bytes == NULL) {
        return refuse(run, text, "NUMBER=FILE with the number of an argument that is memory");
    }
    buffer = &run->buffers[index];
    file = fopen(path + 1, "wb");
    done = file != NULL && fwrite(buffer->bytes, 1, buffer->size, file) == buffer->size;
    done = (file == NULL || fclose(file) == 0) && done;
    return done ? RUN_OK : (refuse(run, path + 1, strerror(errno)), RUN_SYSTEM);
}

/* ---- The launch ---- */

static enum run_status print_fault(const struct run *run, const struct launch_fault *fault,
                                   const struct places *places)
{
    static const char *const names[] = {
        [WARP_FAULT_NONE] = "no fault",
        [WARP_FAULT_ADDRESS] = "an illegal address",
        [WARP_FAULT_MISALIGNED] = "a misaligned address",
        [WARP_FAULT_TRAP] = "a trap",
        [WARP_FAULT_ASSERT] = "a failed assertion",
        [WARP_FAULT_TIMEOUT] = "out of time",
        [WARP_FAULT_STACK] = "out of stack",
        [WARP_FAULT_TEXTURE] = "no such texture or surface, or outside of it",
        [WARP_FAULT_FUNCTION] = "a call of no function",
        [WARP_FAULT_HEAP] = "memory is given back that is not the heap's",
    };
    char place[PLACES_TEXT_MAX];

    places_text(places, fault->site, place);
    fprintf(stderr, "%s: %s: %s%s", run->path, run->kernel->name, names[fault->fault], place);
    if (fault->size) {
        fprintf(stderr, ": %u bytes at 0x%llx are %s", fault->size,
                (unsigned long long)fault->address, fault->write ? "written" : "read");
    }
    fprintf(stderr, ", thread (%u, %u, %u) of block (%u, %u, %u)\n", fault->thread[0],
            fault->thread[1], fault->thread[2], fault->block[0], fault->block[1], fault->block[2]);
    return RUN_REFUSED;
}

static void print_text(void *context, const char *text)
{
    (void)context;
    fputs(text, stdout);
}

static enum run_status launch(struct run *run, struct program *program, struct ptx_log *log)
{
    static const uint32_t never;
    struct launch_fault fault;
    struct launch launch = {
        .params = run->params,
        .shared_size = run->kernel->shared_size + run->options->dynamic_shared,
        .file = run->path,
        .memory = &run->memory,
        .heap = run->heap,
        .stop = &never,
        .limit_ns = environment_number("BAREGPU_CUDA_TIME_LIMIT", UINT64_C(1) << 40) * NS_PER_MS,
        .seed = environment_number("BAREGPU_CUDA_SCHEDULE", UINT64_MAX),
        .is_alone = true,
        .print = print_text,
    };

    memcpy(launch.grid, run->options->grid, sizeof(launch.grid));
    memcpy(launch.block, run->options->block, sizeof(launch.block));
    if (!program_prepare(program, run->kernel, &launch, log)) {
        return RUN_REFUSED;
    }
    switch (launch_run(&launch, &fault)) {
    case LAUNCH_OK:
        return RUN_OK;
    case LAUNCH_FAULT:
        return print_fault(run, &fault, launch.places);
    case LAUNCH_DEADLOCK:
        fprintf(stderr, "%s: %s: nobody can go on in block (%u, %u, %u): %s\n", run->path,
                run->kernel->name, fault.block[0], fault.block[1], fault.block[2], fault.waits);
        return RUN_REFUSED;
    default:
        refuse(run, run->kernel->name, "no memory");
        return RUN_SYSTEM;
    }
}

static enum run_status run_program(struct run *run, struct program *program, struct ptx_log *log)
{
    const struct run_options *options = run->options;
    uint64_t threads = (uint64_t)options->block[0] * options->block[1] * options->block[2];
    enum run_status status;

    run->kernel = program_find_kernel(program, options->kernel);
    if (run->kernel == NULL) {
        return refuse_kernel(run->path, options->kernel);
    }
    if (threads < 1 || threads > 1024) {
        return refuse(run, run->kernel->name, "a block has 1 to 1024 threads");
    }
    if (run->kernel->shared_size + options->dynamic_shared > RUN_SHARED_MAX) {
        return refuse(run, run->kernel->name, "it takes too much shared memory with that");
    }
    status = set_arguments(run);
    if (status == RUN_OK) {
        status = launch(run, program, log);
    }
    for (unsigned i = 0; i < options->save_count && status == RUN_OK; i++) {
        status = save(run, options->saves[i]);
    }
    return status;
}

static void free_buffers(struct run *run)
{
    for (unsigned i = 0; i < RUN_ARGUMENTS_MAX; i++) {
        if (run->buffers[i].bytes != NULL) {
            memory_remove(&run->memory, (uint64_t)(uintptr_t)run->buffers[i].bytes);
            free(run->buffers[i].bytes);
        }
    }
}

/* False: the checks cannot be made as asked for. */
static bool open_check(struct run *run)
{
    const char *problem;

    run->memory.check = check_open(run->options->checks, &problem);
    if (problem != NULL) {
        fprintf(stderr, "baregpu-ptx: %s\n", problem);
    }
    return problem == NULL;
}

/* What a check has found is something wrong. */
static enum run_status close_check(struct run *run, enum run_status status)
{
    uint64_t errors = run->memory.check != NULL ? check_destroy(run->memory.check) : 0;

    return errors && status == RUN_OK ? RUN_REFUSED : status;
}

enum run_status run_kernel(const char *path, const char *text, size_t length,
                           const struct run_options *options)
{
    static char log_text[LOG_SIZE];
    struct run *run = calloc(1, sizeof(*run));
    enum run_status status = RUN_REFUSED;
    struct program *program;
    struct ptx_log log;

    if (run == NULL) {
        return RUN_SYSTEM;
    }
    run->path = path;
    run->options = options;
    run->heap = heap_create(HEAP_SIZE);
    ptx_log_init(&log, log_text, sizeof(log_text));
    if (run->heap == NULL || !open_check(run)) {
        free(run);
        return RUN_SYSTEM;
    }
    program = program_create(text, length, &run->memory, &log);
    if (program != NULL) {
        status = run_program(run, program, &log);
        program_destroy(program);
    }
    run_print_log(path, log_text);
    free_buffers(run);
    status = close_check(run, status);
    memory_clear(&run->memory);
    heap_destroy(run->heap);
    free(run);
    return status;
}

enum run_status dump_kernel(const char *path, const struct ptx_module *module, const char *name,
                            const uint32_t block[3], int assembly)
{
    static char log_text[LOG_SIZE];
    const struct ptx_function *kernel = ptx_module_kernel(module, name);
    struct kernel_options options = processor_options();
    char reason[LLVM_REASON_SIZE];
    struct kernel_needs needs;
    struct llvm_result result;
    struct text ir = {0};
    struct ptx_log log;
    enum run_status status = RUN_REFUSED;

    if (kernel == NULL) {
        return refuse_kernel(path, name);
    }
    ptx_log_init(&log, log_text, sizeof(log_text));
    program_set_rows(block, &options);
    if (!processor_check(&log) || !kernel_emit(module, kernel, &options, &ir, &needs, &log)) {
        run_print_log(path, log_text);
    } else if (!assembly) {
        fputs(ir.bytes, stdout);
        status = RUN_OK;
    } else if (llvm_compile(ir.bytes, ir.used, options.machine, kernel_cpu(&options), false,
                            LLVM_ASSEMBLY, UINT64_MAX, &result, reason)) {
        fputs(result.bytes, stdout);
        free(result.bytes);
        status = RUN_OK;
    } else {
        fprintf(stderr, "%s: %s\n", path, reason);
    }
    text_free(&ir);
    return status;
}
