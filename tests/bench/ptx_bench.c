/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c)
// libs: -ldl
// needs: $(addprefix $(BUILD)/tests/bench/ptx/,kernels.ptx kernels-clang.so kernels-gcc.so)
/*
 * Kernels of PTX on the CPU device beside the same algorithms in C, in alternating rounds; the best
 * of each counts, C's of two compilers. A line of JSON for each: {"name", "ns", "c_ns"}. And one of
 * them beside itself, with all checks, and by two threads, which C is as well.
 *
 *   ptx_bench FOLDER [NAME]     FOLDER has kernels.ptx, kernels-clang.so and kernels-gcc.so
 */
#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "host/common/symbol.h"
#include "host/cuda-cpu/check/check.h"
#include "host/cuda-cpu/device/pool.h"
#include "host/cuda-cpu/program/program.h"
#include "tests/bench/ptx/kernels.h"

#define ROUNDS 7
#define STREAM (16 << 20) /* numbers */
#define SMALL (4 << 20)
#define SIDE 512 /* of a matrix */
#define WIDTH 1024
#define HEIGHT 768
#define BUFFER_BYTES ((size_t)STREAM * sizeof(float))
#define LARGE_PAGE (2u << 20)

/* The kernel's arguments, in its own order. */
enum layout { A_B_OUT_N, FACTOR_A_OUT_N, A_OUT_N, OUT_N_M_LIMIT };
enum content { FLOATS, NUMBERS, INDICES };
enum result { SAME, NEAR, SUM }; /* as C's; within rounding; what adds up to C's */

struct row {
    const char *name, *c_name;
    enum layout layout;
    enum content a, b;
    enum result result;
    int n;
    uint32_t grid[2], block[2];
    size_t out_count; /* words that are compared */
};

static const struct row rows[] = {
    {"vector_add",
     "c_vector_add",
     A_B_OUT_N,
     FLOATS,
     FLOATS,
     SAME,
     STREAM,
     {STREAM / 256, 1},
     {256, 1},
     STREAM},
    {"saxpy",
     "c_saxpy",
     FACTOR_A_OUT_N,
     FLOATS,
     FLOATS,
     NEAR,
     STREAM,
     {STREAM / 256, 1},
     {256, 1},
     STREAM},
    {"grid_stride",
     "c_saxpy",
     FACTOR_A_OUT_N,
     FLOATS,
     FLOATS,
     NEAR,
     STREAM,
     {256, 1},
     {256, 1},
     STREAM},
    {"matmul_32",
     "c_matmul_32",
     A_B_OUT_N,
     FLOATS,
     FLOATS,
     NEAR,
     SIDE,
     {SIDE / 32, SIDE / 32},
     {32, 32},
     SIDE *SIDE},
    {"matmul_16",
     "c_matmul_16",
     A_B_OUT_N,
     FLOATS,
     FLOATS,
     NEAR,
     SIDE,
     {SIDE / 16, SIDE / 16},
     {16, 16},
     SIDE *SIDE},
    {"reduce_shuffle", "c_reduce", A_OUT_N, FLOATS, FLOATS, SUM, STREAM, {1024, 1}, {256, 1}, 1024},
    {"reduce_tree",
     "c_reduce",
     A_OUT_N,
     FLOATS,
     FLOATS,
     SUM,
     STREAM,
     {STREAM / 256, 1},
     {256, 1},
     STREAM / 256},
    {"mandelbrot",
     "c_mandelbrot",
     OUT_N_M_LIMIT,
     FLOATS,
     FLOATS,
     NEAR,
     WIDTH,
     {WIDTH * HEIGHT / 256, 1},
     {256, 1},
     0},
    {"divergent",
     "c_divergent",
     A_OUT_N,
     NUMBERS,
     FLOATS,
     SAME,
     SMALL,
     {SMALL / 256, 1},
     {256, 1},
     SMALL},
    {"histogram_shared",
     "c_histogram",
     A_OUT_N,
     NUMBERS,
     FLOATS,
     SAME,
     STREAM,
     {64, 1},
     {256, 1},
     256},
    {"histogram_global",
     "c_histogram",
     A_OUT_N,
     NUMBERS,
     FLOATS,
     SAME,
     STREAM,
     {64, 1},
     {256, 1},
     256},
    {"gather",
     "c_gather",
     A_B_OUT_N,
     FLOATS,
     INDICES,
     SAME,
     SMALL,
     {SMALL / 256, 1},
     {256, 1},
     SMALL},
};

static void *a, *b, *out, *c_out;
static struct memory memory;

static _Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

static _Noreturn void fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

/* Of the processor, where all is done by this thread: others may run meanwhile. */
#define OWN_TIME CLOCK_THREAD_CPUTIME_ID

static double now_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* ---- What they work on ---- */

static uint32_t next_random(void)
{
    static uint32_t state = 2463534242;

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static void fill(void *bytes, enum content content, int n)
{
    float *floats = bytes;
    uint32_t *words = bytes;

    for (int i = 0; i < STREAM; i++) {
        uint32_t bits = next_random();

        if (content == FLOATS) {
            floats[i] = (float)(bits >> 8) / (1 << 24);
        } else {
            words[i] = content == INDICES ? bits % (uint32_t)n : bits;
        }
    }
}

/* In large pages where there are any, as what the driver allocates: the device and C alike. */
static void *new_buffer(void)
{
    void *bytes = aligned_alloc(LARGE_PAGE, BUFFER_BYTES);

    if (bytes != NULL) {
        madvise(bytes, BUFFER_BYTES, MADV_HUGEPAGE);
    }
    if (bytes == NULL || !memory_add(&memory, (uint64_t)(uintptr_t)bytes, BUFFER_BYTES, false)) {
        fail("no memory");
    }
    memset(bytes, 0, BUFFER_BYTES);
    return bytes;
}

static void make_buffers(void)
{
    a = new_buffer();
    b = new_buffer();
    out = new_buffer();
    c_out = new_buffer();
}

/* ---- The device ---- */

static char *read_text(const char *folder, size_t *size)
{
    char path[4096], *text;
    FILE *file;

    snprintf(path, sizeof(path), "%s/kernels.ptx", folder);
    file = fopen(path, "rb");
    text = malloc(1 << 20);
    if (file == NULL || text == NULL) {
        fail("cannot read %s", path);
    }
    *size = fread(text, 1, 1 << 20, file);
    fclose(file);
    return text;
}

static struct program *load(const char *folder, struct memory *into)
{
    static char reasons[4096];
    struct ptx_log log;
    struct program *program;
    size_t size;
    char *text = read_text(folder, &size);

    ptx_log_init(&log, reasons, sizeof(reasons));
    program = program_create(text, size, into, &log);
    if (program == NULL) {
        fail("%s", reasons);
    }
    free(text);
    return program;
}

static unsigned char *put(unsigned char *place, const void *bytes, size_t size)
{
    place += -(uintptr_t)place % size;
    memcpy(place, bytes, size);
    return place + size;
}

/* As the kernel has them: each aligned to its size. */
static void put_arguments(unsigned char *params, enum layout layout, const struct arguments *in)
{
    if (layout == FACTOR_A_OUT_N) {
        params = put(params, &in->factor, sizeof(in->factor));
    }
    if (layout != OUT_N_M_LIMIT) {
        params = put(params, &in->a, sizeof(in->a));
    }
    if (layout == A_B_OUT_N) {
        params = put(params, &in->b, sizeof(in->b));
    }
    params = put(params, &in->out, sizeof(in->out));
    params = put(params, &in->n, sizeof(in->n));
    if (layout == OUT_N_M_LIMIT) {
        params = put(params, &in->m, sizeof(in->m));
        put(params, &in->limit, sizeof(in->limit));
    }
}

static void prepare(struct program *program, const struct row *row, struct launch *launch)
{
    static char reasons[4096];
    const struct program_kernel *kernel = program_find_kernel(program, row->name);
    struct ptx_log log;

    ptx_log_init(&log, reasons, sizeof(reasons));
    if (kernel == NULL || !program_prepare(program, kernel, launch, &log)) {
        fail("%s: %s", row->name, reasons);
    }
    launch->shared_size = kernel->shared_size;
}

static struct launch launch_of(const struct row *row, const unsigned char *params)
{
    static const uint32_t never;

    return (struct launch){
        .grid = {row->grid[0], row->grid[1], 1},
        .block = {row->block[0], row->block[1], 1},
        .params = params,
        .memory = &memory,
        .stop = &never,
        .is_alone = true,
    };
}

static double time_device(const struct launch *launch, const char *name, clockid_t clock)
{
    struct launch_fault fault;
    double start = now_ns(clock);
    enum launch_status status = launch_run(launch, &fault);

    if (status != LAUNCH_OK) {
        fail("%s: status %d", name, status);
    }
    return now_ns(clock) - start;
}

/* ---- C ---- */

static c_kernel *find_c(const char *folder, const char *compiler, const char *name)
{
    char path[4096];
    c_kernel *kernel;
    void *library;

    snprintf(path, sizeof(path), "%s/kernels-%s.so", folder, compiler);
    library = dlopen(path, RTLD_NOW);
    if (library == NULL || !symbol_find(library, name, &kernel)) {
        fail("%s: no %s", path, name);
    }
    return kernel;
}

static double time_c(c_kernel *kernel, const struct arguments *in)
{
    double start = now_ns(OWN_TIME);

    kernel(in);
    return now_ns(OWN_TIME) - start;
}

/* ---- Rows ---- */

static void compare(const struct row *row)
{
    const float *got = out, *expected = c_out;
    double sum = 0;

    for (size_t i = 0; i < row->out_count; i++) {
        sum += (double)got[i];
        if (row->result == SAME
                ? memcmp(&got[i], &expected[i], sizeof(got[i])) != 0
                : row->result == NEAR && fabsf(got[i] - expected[i]) > 1e-3f * fabsf(expected[i])) {
            fail("%s: word %zu is %g, not %g", row->name, i, (double)got[i], (double)expected[i]);
        }
    }
    if (row->result == SUM && fabs(sum - (double)expected[0]) > 1e-3 * sum) {
        fail("%s: %g, not %g", row->name, sum, (double)expected[0]);
    }
}

static double least(double x, double y)
{
    return x < y ? x : y;
}

static void run_row(struct program *program, const char *folder, const struct row *row)
{
    c_kernel *const of_compilers[] = {find_c(folder, "gcc", row->c_name),
                                      find_c(folder, "clang", row->c_name)};
    _Alignas(8) unsigned char params[64] = {0};
    const struct arguments in = {a, b, out, row->n, HEIGHT, 256, 1.5f};
    struct arguments c_in = in;
    struct launch launch = launch_of(row, params);
    double device_ns = HUGE_VAL, c_ns = HUGE_VAL;

    fill(a, row->a, row->n);
    fill(b, row->b, row->n);
    c_in.out = c_out;
    put_arguments(params, row->layout, &in);
    prepare(program, row, &launch);
    for (int i = 0; i < 2 * ROUNDS; i++) { /* as often for both */
        memset(out, 0, BUFFER_BYTES);
        device_ns = least(device_ns, time_device(&launch, row->name, OWN_TIME));
        memset(c_out, 0, BUFFER_BYTES);
        c_ns = least(c_ns, time_c(of_compilers[i % 2], &c_in));
    }
    compare(row);
    printf("{\"name\": \"ptx_%s\", \"ns\": %.0f, \"c_ns\": %.0f}\n", row->name, device_ns, c_ns);
    fflush(stdout);
}

/* ---- Checks ---- */

static struct memory make_checked_memory(void)
{
    const struct check_options options = {CHECK_ALL, CHECK_LIMIT, stderr, NULL};
    struct memory checked = {.check = check_create(&options)};
    void *const buffers[] = {a, b, out};

    for (size_t i = 0; i < 3; i++) {
        uint64_t start = (uint64_t)(uintptr_t)buffers[i];

        if (checked.check == NULL || !memory_add(&checked, start, BUFFER_BYTES, false)) {
            fail("no memory");
        }
        check_written(checked.check, start, BUFFER_BYTES);
    }
    return checked;
}

static void free_checked_memory(struct memory *checked)
{
    void *const buffers[] = {a, b, out};

    for (size_t i = 0; i < 3; i++) {
        memory_remove(checked, (uint64_t)(uintptr_t)buffers[i]);
    }
    if (check_destroy(checked->check) != 0) {
        fail("the checks found errors");
    }
    memory_clear(checked);
}

/* The same launch in two ways, in turns. */
static void time_two(const struct launch launches[2], const struct row *row, double ns[2])
{
    ns[0] = ns[1] = HUGE_VAL;
    for (int i = 0; i < 2 * ROUNDS; i++) {
        ns[i % 2] = least(ns[i % 2], time_device(&launches[i % 2], row->name, OWN_TIME));
    }
}

/* A row with all checks on, beside itself without. */
static void run_checked(struct program *program, const char *folder, const struct row *row)
{
    _Alignas(8) unsigned char params[64] = {0};
    const struct arguments in = {a, b, out, row->n, HEIGHT, 256, 1.5f};
    struct memory checked = make_checked_memory();
    struct program *checked_program = load(folder, &checked);
    struct launch launches[2] = {launch_of(row, params), launch_of(row, params)};
    double ns[2];

    fill(a, row->a, row->n);
    fill(b, row->b, row->n);
    put_arguments(params, row->layout, &in);
    launches[1].memory = &checked;
    prepare(program, row, &launches[0]);
    prepare(checked_program, row, &launches[1]);
    time_two(launches, row, ns);
    printf("{\"name\": \"ptx_checks_all\", \"ns\": %.0f, \"unchecked_ns\": %.0f}\n", ns[1], ns[0]);
    fflush(stdout);
    program_destroy(checked_program);
    free_checked_memory(&checked);
}

/* ---- Threads ---- */

struct c_work {
    c_kernel *kernel;
    const struct arguments *in;
};

static void *run_c(void *work)
{
    const struct c_work *c_work = work;

    c_work->kernel(c_work->in);
    return NULL;
}

/* One product in C, and beside it one more when there are two threads. */
static double time_c_by(int threads, struct c_work work[2])
{
    double start = now_ns(CLOCK_MONOTONIC);
    pthread_t other;

    if (threads == 2 && pthread_create(&other, NULL, run_c, &work[1]) != 0) {
        fail("no threads");
    }
    run_c(&work[0]);
    if (threads == 2) {
        pthread_join(other, NULL);
    }
    return now_ns(CLOCK_MONOTONIC) - start;
}

/*
 * By the clock: who of the two did how much, and waited for the other, is not asked. In the same
 * rounds what the machine allows: two products in C that share nothing, over one after the other.
 */
static void run_scaled(struct program *program, const char *folder, const struct row *row)
{
    _Alignas(8) unsigned char params[64] = {0};
    const struct arguments in = {a, b, out, row->n, HEIGHT, 256, 1.5f};
    struct pool *pool = pool_create(1);
    struct launch launches[2] = {launch_of(row, params), launch_of(row, params)};
    c_kernel *kernel = find_c(folder, "clang", row->c_name);
    struct arguments other = in;
    struct c_work work[2] = {{kernel, &in}, {kernel, &other}};
    double ns[2] = {HUGE_VAL, HUGE_VAL}, c_ns[2] = {HUGE_VAL, HUGE_VAL};

    if (pool == NULL) {
        fail("no threads");
    }
    put_arguments(params, row->layout, &in);
    prepare(program, row, &launches[0]);
    launches[0].pool = pool;
    launches[0].threads = 1;
    launches[1] = launches[0];
    launches[1].threads = 2;
    other.out = c_out;
    for (int i = 0; i < 2 * ROUNDS; i++) {
        int two = i % 2;

        ns[two] = least(ns[two], time_device(&launches[two], row->name, CLOCK_MONOTONIC));
        c_ns[two] = least(c_ns[two], time_c_by(1 + two, work));
    }
    printf("{\"name\": \"ptx_scaling\", \"ns\": %.0f, \"alone_ns\": %.0f}\n", ns[1], ns[0]);
    printf("{\"name\": \"ptx_scaling_c\", \"ns\": %.0f, \"alone_ns\": %.0f}\n", c_ns[1],
           2 * c_ns[0]);
    fflush(stdout);
    pool_destroy(pool);
}

static bool is_wanted(const char *name, const char *only)
{
    return only == NULL || strcmp(name, only) == 0;
}

int main(int count, char **texts)
{
    const char *only = count > 2 ? texts[2] : NULL;
    struct program *program;

    if (count < 2) {
        fail("usage: ptx_bench FOLDER [NAME]");
    }
    make_buffers();
    program = load(texts[1], &memory);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (is_wanted(rows[i].name, only)) {
            run_row(program, texts[1], &rows[i]);
        }
        if (strcmp(rows[i].name, "matmul_32") == 0) {
            if (is_wanted("checks_all", only)) {
                run_checked(program, texts[1], &rows[i]);
            }
            if (is_wanted("scaling", only)) {
                run_scaled(program, texts[1], &rows[i]);
            }
        }
    }
    program_destroy(program);
    return 0;
}
