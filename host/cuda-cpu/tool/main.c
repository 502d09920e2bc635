/* SPDX-License-Identifier: BSD-2-Clause */
/* baregpu-ptx: what is in a PTX file, and what is wrong with it. */
#include <argp.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/include/baregpu/version.h"
#include "host/common/standard_fds.h"
#include "host/cuda-cpu/compile/shared.h"
#include "host/cuda-cpu/program/processor.h"
#include "host/cuda-cpu/ptxc/compiler.h"
#include "host/cuda-cpu/tool/run.h"

#define EXIT_REFUSED 1
#define EXIT_SYSTEM 2
#define LOG_SIZE 65536
#define READ_SIZE 65536

const char *argp_program_version = "baregpu-ptx " BAREGPU_VERSION;

enum option_key {
    OPTION_QUIET = 'q',
    OPTION_RUN = 0x100,
    OPTION_GRID,
    OPTION_BLOCK,
    OPTION_SHARED,
    OPTION_ARG,
    OPTION_SAVE,
    OPTION_CHECK,
    OPTION_DUMP_IR,
    OPTION_DUMP_ASM,
};

static const struct argp_option options[] = {
    {"quiet", OPTION_QUIET, NULL, 0, "Print errors alone", 0},
    {"run", OPTION_RUN, "KERNEL", 0, "Run a kernel of the one file", 0},
    {"grid", OPTION_GRID, "X[,Y[,Z]]", 0, "Blocks of the grid (1)", 0},
    {"block", OPTION_BLOCK, "X[,Y[,Z]]", 0, "Threads of a block (1)", 0},
    {"shared", OPTION_SHARED, "BYTES", 0, "Dynamic shared memory of a block (0)", 0},
    {"arg", OPTION_ARG, "VALUE", 0,
     "The next parameter: a number, [BYTES] for zeroed memory, @FILE for memory with its bytes", 0},
    {"save", OPTION_SAVE, "NUMBER=FILE", 0,
     "Write the memory of an argument, counted from 0, to a file", 0},
    {"check", OPTION_CHECK, "LIST", OPTION_ARG_OPTIONAL,
     "Check what the kernel does: some of memory,race,init,sync,leak (all)", 0},
    {"dump-ir", OPTION_DUMP_IR, "KERNEL", 0, "Print a kernel as LLVM IR", 0},
    {"dump-asm", OPTION_DUMP_ASM, "KERNEL", 0, "Print a kernel as assembly", 0},
    {0},
};

static const char documentation[] =
    "Parses and checks PTX as the CUDA device on the CPU does, and lists each file's kernels, or "
    "runs one.\v"
    "A file of - is standard input. Exit status: 0 all files are right, 1 something is wrong with "
    "one of them, 2 a file cannot be read or the options are wrong.";

struct arguments {
    bool quiet;
    struct run_options run;
    const char *dumped; /* a kernel */
    bool as_assembly;
    char **files;
    size_t file_count;
};

static const uint32_t grid_max[3] = {0x7FFFFFFF, 65535, 65535}, block_max[3] = {1024, 1024, 64};

/* Up to three, separated by commas. */
static bool read_size(const char *text, const uint32_t most[3], uint32_t size[3])
{
    for (int i = 0; i < 3; i++) {
        uint64_t value;

        if (!run_read_number(&text, most[i], &value) || value == 0) {
            return false;
        }
        size[i] = (uint32_t)value;
        if (*text != ',') {
            break;
        }
        text++;
    }
    return *text == '\0';
}

static void take_size(struct argp_state *state, const char *text, const uint32_t most[3],
                      uint32_t size[3])
{
    if (!read_size(text, most, size)) {
        argp_error(state, "%s: up to three numbers from 1 to %u,%u,%u, separated by commas", text,
                   most[0], most[1], most[2]);
    }
}

static void take_shared(struct argp_state *state, const char *text, uint64_t *size)
{
    const char *end = text;

    if (!run_read_number(&end, RUN_SHARED_MAX, size) || *end != '\0') {
        argp_error(state, "%s: bytes of shared memory are 0 to %u", text, RUN_SHARED_MAX);
    }
}

static void take_item(struct argp_state *state, char *text, const char **items, unsigned *count)
{
    if (*count == RUN_ARGUMENTS_MAX) {
        argp_error(state, "more than %d arguments", RUN_ARGUMENTS_MAX);
    }
    items[(*count)++] = text;
}

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    struct run_options *run = &arguments->run;

    switch (key) {
    case OPTION_QUIET:
        arguments->quiet = true;
        return 0;
    case OPTION_RUN:
        run->kernel = argument;
        return 0;
    case OPTION_GRID:
        take_size(state, argument, grid_max, run->grid);
        return 0;
    case OPTION_BLOCK:
        take_size(state, argument, block_max, run->block);
        return 0;
    case OPTION_SHARED:
        take_shared(state, argument, &run->dynamic_shared);
        return 0;
    case OPTION_ARG:
        take_item(state, argument, run->arguments, &run->argument_count);
        return 0;
    case OPTION_SAVE:
        take_item(state, argument, run->saves, &run->save_count);
        return 0;
    case OPTION_CHECK:
        run->checks = argument != NULL ? argument : "all";
        return 0;
    case OPTION_DUMP_IR:
    case OPTION_DUMP_ASM:
        arguments->dumped = argument;
        arguments->as_assembly = key == OPTION_DUMP_ASM;
        return 0;
    case ARGP_KEY_ARGS:
        arguments->files = state->argv + state->next;
        arguments->file_count = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which file? - is standard input");
        return EINVAL;
    case ARGP_KEY_END:
        if (run->kernel != NULL && arguments->file_count > 1) {
            argp_error(state, "--run takes one file");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* All of a file; NULL: errno says why. More than the parser takes is cut one byte behind that. */
static char *read_file(FILE *file, size_t *length)
{
    size_t size = 0, used = 0;
    char *text = NULL;

    do {
        char *larger;

        if (used == size) {
            size += size + READ_SIZE;
            larger = realloc(text, size);
            if (larger == NULL) {
                free(text);
                return NULL;
            }
            text = larger;
        }
        used += fread(text + used, 1, size - used, file);
    } while (!feof(file) && !ferror(file) && used <= ptx_default_limits.text);
    if (ferror(file)) {
        free(text);
        return NULL;
    }
    *length = used;
    return text;
}

static char *read_path(const char *path, size_t *length)
{
    bool is_input = strcmp(path, "-") == 0;
    FILE *file = is_input ? stdin : fopen(path, "rb");
    char *text = file != NULL ? read_file(file, length) : NULL;
    int error = errno;

    if (file != NULL && !is_input) {
        fclose(file);
    }
    errno = error;
    return text;
}

static void print_parameter(const struct ptx_variable *parameter)
{
    printf("    %5llu  .%s", (unsigned long long)parameter->offset, ptx_word_name(parameter->type));
    if (parameter->is_array) {
        printf("[%llu]", (unsigned long long)parameter->size);
    }
    printf(" %s\n", parameter->name);
}

static void print_kernel(const struct ptx_function *kernel, uint64_t shared_size)
{
    printf("  kernel %s: %zu instructions, %zu registers, %llu bytes shared, "
           "%llu bytes of parameters\n",
           kernel->name, kernel->instruction_count, kernel->register_count,
           (unsigned long long)shared_size, (unsigned long long)kernel->param_size);
    for (size_t i = 0; i < kernel->param_count; i++) {
        print_parameter(kernel->params[i]);
    }
}

static int exit_status(enum run_status status)
{
    return status == RUN_OK ? EXIT_SUCCESS : status == RUN_REFUSED ? EXIT_REFUSED : EXIT_SYSTEM;
}

static void print_kernels(const struct ptx_module *module, struct reach *reach)
{
    for (size_t i = 0; i < module->function_count; i++) {
        if (module->functions[i]->is_entry) {
            reach_clear(reach);
            reach_add(reach, module->functions[i]);
            print_kernel(module->functions[i], shared_lay(reach));
        }
    }
}

static int print_module(const char *path, const struct ptx_module *module, struct ptx_log *log)
{
    struct reach reach;

    if (!reach_create(&reach, module, log)) {
        fprintf(stderr, "baregpu-ptx: %s: no memory\n", path);
        return EXIT_SYSTEM;
    }
    printf("%s: PTX %u.%u for sm_%u\n", path, module->version_major, module->version_minor,
           module->target);
    print_kernels(module, &reach);
    reach_destroy(&reach);
    return EXIT_SUCCESS;
}

/* As loading does: what is refused there is refused here. */
static bool check_text(const char *text, size_t length, struct ptx_log *log)
{
    const struct compile_request request = {
        .what = COMPILE_MODULE,
        .text = text,
        .text_size = length,
        .options = processor_options(),
        .limits = compile_default_limits,
    };
    struct compile_answer answer;
    bool done = compiler_ask(&request, &answer, log);

    free(answer.bytes);
    return done;
}

static int use_module(const char *path, const struct ptx_module *module,
                      const struct arguments *arguments, struct ptx_log *log)
{
    return arguments->dumped != NULL
               ? exit_status(dump_kernel(path, module, arguments->dumped, arguments->run.block,
                                         arguments->as_assembly))
               : print_module(path, module, log);
}

static int parse_text(const char *path, const char *text, size_t length,
                      const struct arguments *arguments, struct ptx_log *log)
{
    struct ptx_module *module = ptx_module_create(text, length, &ptx_default_limits, log);
    int status = EXIT_REFUSED;

    if (module != NULL) {
        status = use_module(path, module, arguments, log);
        ptx_module_destroy(module);
    }
    return status;
}

static int list_or_dump(const char *path, const char *text, size_t length,
                        const struct arguments *arguments)
{
    static char log_text[LOG_SIZE];
    struct ptx_log log;
    int status = EXIT_SUCCESS;

    ptx_log_init(&log, log_text, sizeof(log_text));
    if (arguments->dumped == NULL && !check_text(text, length, &log)) {
        status = EXIT_REFUSED;
    } else if (arguments->dumped != NULL || !arguments->quiet) {
        status = parse_text(path, text, length, arguments, &log);
    }
    run_print_log(path, log_text);
    return status;
}

static int check_file(const char *path, const struct arguments *arguments)
{
    size_t length;
    char *text = read_path(path, &length);
    int status;

    if (text == NULL) {
        fprintf(stderr, "baregpu-ptx: %s: %s\n", path, strerror(errno));
        return EXIT_SYSTEM;
    }
    if (arguments->run.kernel != NULL) {
        status = exit_status(run_kernel(path, text, length, &arguments->run));
    } else {
        status = list_or_dump(path, text, length, arguments);
    }
    free(text);
    return status;
}

int main(int argc, char **argv)
{
    static const struct argp parser = {options, take_option, "FILE...", documentation,
                                       NULL,    NULL,        NULL};
    struct arguments arguments = {.run = {.grid = {1, 1, 1}, .block = {1, 1, 1}}};
    int status = EXIT_SUCCESS;

    argp_err_exit_status = EXIT_SYSTEM;
    if (standard_fds_open() < 0) {
        return EXIT_SYSTEM;
    }
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);
    for (size_t i = 0; i < arguments.file_count; i++) {
        int result = check_file(arguments.files[i], &arguments);

        status = result > status ? result : status;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("baregpu-ptx: standard output");
        status = EXIT_SYSTEM;
    }
    return status;
}
