/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/compiled.h"

struct program *compiled_load(const char *name, struct memory *memory)
{
    static char log_text[4096], text[4 << 20];
    const char *build = getenv("BAREGPU_BUILD");
    char path[256];
    struct program *loaded = NULL;
    struct ptx_log log;
    size_t length;
    FILE *file;

    snprintf(path, sizeof(path), "%s/tests/%s", build != NULL ? build : "build", name);
    file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "# %s: it should have been built\n", path);
        exit(1);
    }
    length = fread(text, 1, sizeof(text), file);
    fclose(file);
    ptx_log_init(&log, log_text, sizeof(log_text));
    if (length > 0 && (loaded = program_create(text, length, memory, &log)) == NULL) {
        fprintf(stderr, "# %s: %s\n", name, log_text);
        exit(1);
    }
    return loaded;
}

void compiled_launch(struct program *program, const char *name, struct launch launch)
{
    static char log_text[4096];
    const struct program_kernel *kernel = program_find_kernel(program, name);
    uint32_t stop = 0;
    struct launch_fault fault;
    struct ptx_log log;

    assert_non_null(kernel);
    launch.stop = &stop;
    ptx_log_init(&log, log_text, sizeof(log_text));
    if (!program_prepare(program, kernel, &launch, &log)) {
        print_error("%s: %s\n", name, log_text);
        fail();
    }
    launch.shared_size += kernel->shared_size;
    if (launch_run(&launch, &fault) != LAUNCH_OK) {
        print_error("%s: fault %d at %llx\n", name, (int)fault.fault,
                    (unsigned long long)fault.address);
        fail();
    }
}
