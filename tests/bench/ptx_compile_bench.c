/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(call PTX_ROOM,check device program) host/cuda-cpu/process/client.c
// build: $(addprefix host/cuda-cpu/ptxc/,flat.c limits.c source.c) $(addprefix host/cuda-cpu/ptx/,input.c log.c)
// libs: -ldl
// needs: $(BUILD)/host/cuda-cpu/baregpu-ptxc
/*
 * How long kernels take to compile, by the compiler's process when it is there and warm, and how
 * long a first launch takes whose kernel is in the cache. A line of JSON for each: {"name", "ms"}.
 *
 *   ptx_compile_bench COMPILER
 */
#define _GNU_SOURCE 1 /* setenv */
#include <dirent.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/common/clock.h"
#include "host/cuda-cpu/program/cache.h"
#include "host/cuda-cpu/program/processor.h"
#include "host/cuda-cpu/program/program.h"

#define ROUNDS 9
#define VALUES 32
#define TEXT_SIZE (1 << 20)
#define HEAD ".version 8.0\n.target sm_80\n.address_size 64\n"

static char log_text[4096];
static _Alignas(256) uint32_t out[32];

/* 20 instructions: a sum of vectors. */
static const char small[] =
    HEAD ".visible .entry k(.param .u64 a, .param .u64 b, .param .u64 c, .param .u32 n)\n{\n"
         ".reg .pred %p<2>; .reg .f32 %f<4>; .reg .b32 %r<6>; .reg .b64 %rd<11>;\n"
         "ld.param.u64 %rd1, [a]; ld.param.u64 %rd2, [b]; ld.param.u64 %rd3, [c];\n"
         "ld.param.u32 %r2, [n]; mov.u32 %r3, %ntid.x; mov.u32 %r4, %ctaid.x;\n"
         "mov.u32 %r5, %tid.x; mad.lo.s32 %r1, %r4, %r3, %r5; setp.ge.s32 %p1, %r1, %r2;\n"
         "@%p1 bra L; cvta.to.global.u64 %rd4, %rd1; mul.wide.s32 %rd5, %r1, 4;\n"
         "add.s64 %rd6, %rd4, %rd5; add.s64 %rd8, %rd2, %rd5; ld.global.f32 %f1, [%rd8];\n"
         "ld.global.f32 %f2, [%rd6]; add.f32 %f3, %f2, %f1; add.s64 %rd10, %rd3, %rd5;\n"
         "st.global.f32 [%rd10], %f3;\nL: ret;\n}\n";

static const char tiny[] =
    HEAD ".visible .entry k(.param .u64 p)\n{\n.reg .b32 %r<2>; .reg .b64 %rd<3>;\n"
         "ld.param.u64 %rd1, [p]; mov.u32 %r1, %tid.x; mad.wide.u32 %rd2, %r1, 4, %rd1;\n"
         "st.global.u32 [%rd2], %r1; ret;\n}\n";

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "ptx_compile_bench: %s\n%s", what, log_text);
    exit(EXIT_FAILURE);
}

static uint32_t next_random(uint32_t count)
{
    static uint32_t state = 1;

    state = state * 1664525 + 1013904223;
    return (state >> 16) % count;
}

/* An instruction of those that kernels have most. */
static size_t put_instruction(char *text, unsigned number, unsigned count)
{
    unsigned to = next_random(VALUES), a = next_random(VALUES), b = next_random(VALUES);

    switch (next_random(10)) {
    case 0:
        return (size_t)sprintf(text, "setp.lt.s32 %%p1, %%r%u, %%r%u; @%%p1 bra L%u;\n", a, b,
                               number + 1 + next_random(count - number));
    case 1:
        return (size_t)sprintf(text, "ld.global.f32 %%f%u, [%%rd2 + %u];\n", to, 4 * a);
    case 2:
        return (size_t)sprintf(text, "st.global.f32 [%%rd2 + %u], %%f%u;\n", 4 * a, b);
    case 3:
    case 4:
    case 5:
        return (size_t)sprintf(text, "fma.rn.f32 %%f%u, %%f%u, %%f%u, %%f%u;\n", to, a, b, to);
    case 6:
    case 7:
        return (size_t)sprintf(text, "add.s32 %%r%u, %%r%u, %%r%u;\n", to, a, b);
    default:
        return (size_t)sprintf(text, "xor.b32 %%r%u, %%r%u, %%r%u;\n", to, a, b);
    }
}

/* With forward branches from everywhere to everywhere. */
static char *make_large(unsigned count)
{
    char *text = malloc(TEXT_SIZE);
    size_t used;

    if (text == NULL) {
        fail("no memory");
    }
    used = (size_t)sprintf(text,
                           HEAD ".visible .entry k(.param .u64 p)\n{\n.reg .b32 %%r<%d>; "
                                ".reg .f32 %%f<%d>; .reg .b64 %%rd<3>; .reg .pred %%p<2>;\n"
                                "ld.param.u64 %%rd1, [p]; mov.u32 %%r1, %%tid.x;\n"
                                "mad.wide.u32 %%rd2, %%r1, 4, %%rd1;\n",
                           VALUES, VALUES);
    for (unsigned i = 0; i < count; i++) {
        used += (size_t)sprintf(text + used, "L%u: ", i);
        used += put_instruction(text + used, i, count);
    }
    sprintf(text + used, "L%u: st.global.u32 [%%rd2], %%r3; st.global.f32 [%%rd2], %%f3; ret;\n}\n",
            count);
    return text;
}

static double ms_since(uint64_t start_ns)
{
    return (double)(clock_now_ns() - start_ns) / (double)NS_PER_MS;
}

static void print_least(const char *name, double least_ms)
{
    printf("{\"name\": \"%s\", \"ms\": %.3f}\n", name, least_ms);
}

static void time_compiling(const char *name, const char *text, unsigned rounds)
{
    struct compile_request request = {
        .what = COMPILE_KERNEL,
        .text = text,
        .text_size = strlen(text),
        .kernel = "k",
        .options = processor_options(),
        .limits = compile_default_limits,
    };
    double least = 1e9;

    request.options.row = 32; /* as for blocks in one line */
    for (unsigned i = 0; i < rounds; i++) {
        struct compile_answer answer;
        struct ptx_log log;
        uint64_t start_ns = clock_now_ns();

        ptx_log_init(&log, log_text, sizeof(log_text));
        if (!compiler_ask(&request, &answer, &log)) {
            fail(name);
        }
        least = ms_since(start_ns) < least ? ms_since(start_ns) : least;
        free(answer.bytes);
    }
    print_least(name, least);
}

/* ---- From the cache ---- */

static double load_and_launch(void)
{
    static const uint32_t never;
    struct memory memory = {0};
    void *params[] = {out};
    struct launch launch = {
        .grid = {1, 1, 1},
        .block = {32, 1, 1},
        .params = params,
        .memory = &memory,
        .stop = &never,
    };
    struct launch_fault fault;
    struct ptx_log log;
    uint64_t start_ns = clock_now_ns();
    struct program *program;
    double ms;

    ptx_log_init(&log, log_text, sizeof(log_text));
    memset(out, 0, sizeof(out));
    program = program_create(tiny, sizeof(tiny) - 1, &memory, &log);
    if (program == NULL || !memory_add(&memory, (uint64_t)(uintptr_t)out, sizeof(out), false) ||
        !program_prepare(program, program_find_kernel(program, "k"), &launch, &log) ||
        launch_run(&launch, &fault) != LAUNCH_OK || out[31] != 31) {
        fail("no launch");
    }
    ms = ms_since(start_ns);
    program_destroy(program);
    memory_clear(&memory);
    return ms;
}

/* This process, and those that it started. */
static void check_alone(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    FILE *children = fopen("/proc/thread-self/children", "r");
    char line[4096];

    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        if (strstr(line, "LLVM") != NULL) {
            fail("LLVM is in memory");
        }
    }
    if (children != NULL && fgets(line, sizeof(line), children) != NULL) {
        fail("the compiler was started");
    }
    if (maps != NULL) {
        fclose(maps);
    }
    if (children != NULL) {
        fclose(children);
    }
}

static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);

    for (struct dirent *entry = folder != NULL ? readdir(folder) : NULL; entry != NULL;
         entry = readdir(folder)) {
        unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder != NULL) {
        closedir(folder);
    }
    rmdir(path);
}

static void time_cached(void)
{
    char folder[] = "/tmp/ptx_compile_bench.XXXXXX";
    double least = 1e9;

    if (mkdtemp(folder) == NULL || !cache_open(folder, CACHE_SIZE)) {
        fail("no folder for the cache");
    }
    load_and_launch();
    compiler_stop();
    for (unsigned i = 0; i < ROUNDS; i++) {
        double ms = load_and_launch();

        least = ms < least ? ms : least;
        check_alone();
    }
    cache_close();
    remove_folder(folder);
    print_least("ptx_first_launch_cached", least);
}

int main(int argc, char **argv)
{
    char *large = make_large(1000);

    if (argc != 2) {
        fail("which compiler?");
    }
    setenv("BAREGPU_PTXC", argv[1], 1);
    time_compiling("ptx_compile_small", small, ROUNDS);
    time_compiling("ptx_compile_large", large, 3);
    free(large);
    time_cached();
    compiler_stop();
    return EXIT_SUCCESS;
}
