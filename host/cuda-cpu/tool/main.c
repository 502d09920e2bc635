/* SPDX-License-Identifier: BSD-2-Clause */
/* baregpu-ptx: what is in a PTX file, and what is wrong with it. */
#include <argp.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/common/standard_fds.h"
#include "host/cuda-cpu/ptx/module.h"

#define EXIT_REFUSED 1
#define EXIT_SYSTEM 2
#define LOG_SIZE 65536
#define READ_SIZE 65536

const char *argp_program_version = "baregpu-ptx 1.0";

static const struct argp_option options[] = {
    {"quiet", 'q', NULL, 0, "Print errors alone", 0},
    {0},
};

static const char documentation[] =
    "Parses and checks PTX as the CUDA device on the CPU does, and lists each file's kernels.\v"
    "A file of - is standard input. Exit status: 0 all files are right, 1 something is wrong with "
    "one of them, 2 a file cannot be read or the options are wrong.";

struct arguments {
    bool quiet;
    char **files;
    size_t file_count;
};

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    (void)argument;
    switch (key) {
    case 'q':
        arguments->quiet = true;
        return 0;
    case ARGP_KEY_ARGS:
        arguments->files = state->argv + state->next;
        arguments->file_count = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which file? - is standard input");
        return EINVAL;
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

/* The log's lines, each behind the file's name, as compilers write them. */
static void print_errors(const char *path, const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");

        fprintf(stderr, "%s:%.*s\n", path, (int)length, text);
        text += length + (text[length] == '\n');
    }
}

static void print_parameter(const struct ptx_variable *parameter)
{
    printf("    %5llu  .%s", (unsigned long long)parameter->offset, ptx_word_name(parameter->type));
    if (parameter->is_array) {
        printf("[%llu]", (unsigned long long)parameter->size);
    }
    printf(" %s\n", parameter->name);
}

static unsigned long long shared_size(const struct ptx_function *function)
{
    unsigned long long size = 0;

    for (size_t i = 0; i < function->variable_count; i++) {
        const struct ptx_variable *variable = function->variables[i];

        if (variable->space == PTX_SPACE_SHARED) {
            size = (size + variable->align - 1) & ~(variable->align - 1);
            size += variable->size;
        }
    }
    return size;
}

static void print_kernel(const struct ptx_function *kernel)
{
    printf("  kernel %s: %zu instructions, %zu registers, %llu bytes shared, "
           "%llu bytes of parameters\n",
           kernel->name, kernel->instruction_count, kernel->register_count, shared_size(kernel),
           (unsigned long long)kernel->param_size);
    for (size_t i = 0; i < kernel->param_count; i++) {
        print_parameter(kernel->params[i]);
    }
}

static void print_module(const char *path, const struct ptx_module *module)
{
    printf("%s: PTX %u.%u for sm_%u\n", path, module->version_major, module->version_minor,
           module->target);
    for (size_t i = 0; i < module->function_count; i++) {
        if (module->functions[i]->is_entry) {
            print_kernel(module->functions[i]);
        }
    }
}

static int check_file(const char *path, bool quiet)
{
    static char log_text[LOG_SIZE];
    struct ptx_log log;
    struct ptx_module *module;
    size_t length;
    char *text = read_path(path, &length);

    if (text == NULL) {
        fprintf(stderr, "baregpu-ptx: %s: %s\n", path, strerror(errno));
        return EXIT_SYSTEM;
    }
    ptx_log_init(&log, log_text, sizeof(log_text));
    module = ptx_module_create(text, length, &ptx_default_limits, &log);
    free(text);
    print_errors(path, log_text);
    if (module == NULL) {
        return EXIT_REFUSED;
    }
    if (!quiet) {
        print_module(path, module);
    }
    ptx_module_destroy(module);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static const struct argp parser = {options, take_option, "FILE...", documentation,
                                       NULL,    NULL,        NULL};
    struct arguments arguments = {0};
    int status = EXIT_SUCCESS;

    argp_err_exit_status = EXIT_SYSTEM;
    if (standard_fds_open() < 0) {
        return EXIT_SYSTEM;
    }
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);
    for (size_t i = 0; i < arguments.file_count; i++) {
        int result = check_file(arguments.files[i], arguments.quiet);

        status = result > status ? result : status;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("baregpu-ptx: standard output");
        status = EXIT_SYSTEM;
    }
    return status;
}
