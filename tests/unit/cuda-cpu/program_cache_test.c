/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(call PTX_ROOM,check device program) host/cuda-cpu/process/client.c
// build: $(addprefix host/cuda-cpu/ptxc/,flat.c limits.c source.c) $(addprefix host/cuda-cpu/ptx/,input.c log.c)
// libs: -ldl
// needs: $(BUILD)/host/cuda-cpu/baregpu-ptxc
/* Programs whose compiler is another process, and those that need none. */
#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/cuda-cpu/program/cache.h"
#include "host/cuda-cpu/program/program.h"

#define KERNEL(name, value)                                                                        \
    ".visible .entry " name "(.param .u64 p)\n{\n.reg .b32 %r<2>; .reg .b64 %rd<3>;\n"             \
    "ld.param.u64 %rd1, [p]; mov.u32 %r1, %tid.x; mad.wide.u32 %rd2, %r1, 4, %rd1;\n"              \
    "add.u32 %r1, %r1, " value "; st.global.u32 [%rd2], %r1; ret;\n}\n"

static const char text[] =
    ".version 8.0\n.target sm_80\n.address_size 64\n"
    ".global .b32 g[2] = {5, 6};\n" KERNEL("one", "100") KERNEL("two", "200");

static char folder[] = "/tmp/program_cache_test.XXXXXX";
static struct memory memory;
static char log_text[4096];
static struct ptx_log ptx_log;
static _Alignas(256) uint32_t out[32];

static struct program *create(void)
{
    struct program *program;

    ptx_log_init(&ptx_log, log_text, sizeof(log_text));
    program = program_create(text, sizeof(text) - 1, &memory, &ptx_log);
    if (program == NULL) {
        print_error("%s", log_text);
        fail();
    }
    return program;
}

static void run(struct program *program, const char *kernel, uint32_t value)
{
    static const uint32_t never;
    void *params[] = {out};
    struct launch launch = {
        .grid = {1, 1, 1},
        .block = {32, 1, 1},
        .params = params,
        .memory = &memory,
        .stop = &never,
    };
    struct launch_fault fault;

    assert_true(program_prepare(program, program_find_kernel(program, kernel), &launch, &ptx_log));
    assert_int_equal(launch_run(&launch, &fault), LAUNCH_OK);
    assert_int_equal(out[31], 31 + value);
}

static void expect_no(const char *path, const char *word)
{
    FILE *file = fopen(path, "r");
    char line[4096];

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        assert_null(strstr(line, word));
    }
    if (file != NULL) {
        fclose(file);
    }
}

/* Neither it nor its process. */
static void expect_no_compiler(void)
{
    expect_no("/proc/self/maps", "LLVM");
    expect_no("/proc/thread-self/children", "");
}

static int setup(void **state)
{
    (void)state;
    return memory_add(&memory, (uint64_t)(uintptr_t)out, sizeof(out), false) ? 0 : -1;
}

static void remove_entries(void)
{
    DIR *directory = opendir(folder);

    for (struct dirent *entry = directory != NULL ? readdir(directory) : NULL; entry != NULL;
         entry = readdir(directory)) {
        unlinkat(dirfd(directory), entry->d_name, 0);
    }
    if (directory != NULL) {
        closedir(directory);
    }
}

static int teardown(void **state)
{
    (void)state;
    compiler_stop();
    cache_close();
    remove_entries();
    memory_clear(&memory);
    return 0;
}

static void test_process(void **state)
{
    struct program *program = create();

    (void)state;
    run(program, "one", 100);
    run(program, "two", 200);
    run(program, "one", 100);
    assert_int_equal(*(uint32_t *)(void *)(program_find_variable(program, "g")->bytes + 4), 6);
    program_destroy(program);
    expect_no("/proc/self/maps", "LLVM");
}

/* What one program had compiled the next one finds, and the compiler is not started. */
static void test_cached(void **state)
{
    struct program *program;

    (void)state;
    assert_true(cache_open(folder, CACHE_SIZE));
    program = create();
    run(program, "one", 100);
    program_destroy(program);
    compiler_stop();
    program = create();
    run(program, "one", 100);
    expect_no_compiler();
    run(program, "two", 200); /* which is new */
    program_destroy(program);
}

static void test_all_at_once(void **state)
{
    struct program *program;

    (void)state;
    assert_true(cache_open(folder, CACHE_SIZE));
    program = create();
    assert_true(program_prepare_all(program, &ptx_log));
    program_destroy(program);
    compiler_stop();
    program = create();
    assert_true(program_prepare_all(program, &ptx_log));
    run(program, "one", 100);
    run(program, "two", 200);
    expect_no_compiler();
    program_destroy(program);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_process), TEST(test_cached),
                                       TEST(test_all_at_once)};
    const char *build = getenv("BAREGPU_BUILD");
    char path[PATH_MAX];

    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    snprintf(path, sizeof(path), "%s/host/cuda-cpu/baregpu-ptxc", build != NULL ? build : "build");
    setenv("BAREGPU_PTXC", path, 1);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failures;
}
