/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c)
// build: $(wildcard host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c) tests/unit/cuda-cpu/forced.c tests/unit/cuda-cpu/compiled.c
// libs: -ldl -Wl,--wrap=processor_options
// needs: build/tests/kernels-clang.ptx build/tests/kernels-nvcc.ptx
/*
 * Kernels of kernels.cu, as clang and nvcc compile them, against the same computed here. No product
 * and sum is contracted, on neither side: floats are equal by the bit. And all again where there is
 * no code for whole warps; BAREGPU_SOAK: and for each of the processor's sets of instructions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/compiled.h"
#include "tests/unit/cuda-cpu/forced.h"

#define TILE 16
#define SIZE (1 << 16)

/* ---- Memory and launches ---- */

static struct memory memory;
static struct program *program;
static uint64_t noise;

/* Arrays that kernels may touch. */
static _Alignas(256) unsigned char arrays[4][SIZE];

#define FLOATS(index) ((float *)(void *)arrays[index])
#define WORDS(index) ((uint32_t *)(void *)arrays[index])

static uint32_t draw(void)
{
    noise = noise * 6364136223846793005 + 1442695040888963407;
    return (uint32_t)(noise >> 32);
}

static void draw_floats(int index, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        FLOATS(index)[i] = (float)(int)(draw() % 2000 - 1000) / 8;
    }
}

static void draw_words(int index, unsigned count, unsigned below)
{
    for (unsigned i = 0; i < count; i++) {
        WORDS(index)[i] = draw() % below;
    }
}

static int setup(void **state)
{
    (void)state;
    memset(arrays, 0, sizeof(arrays));
    noise = 1;
    return 0;
}

struct launch_size {
    unsigned grid[2], block[2];
    unsigned dynamic; /* bytes of shared memory */
};

/* Arguments lie as a struct of them lies. */
static void run(const char *name, const struct launch_size *size, const void *arguments)
{
    const struct launch launch = {
        .grid = {size->grid[0], size->grid[1], 1},
        .block = {size->block[0], size->block[1], 1},
        .shared_size = size->dynamic,
        .params = arguments,
        .memory = &memory,
    };

    compiled_launch(program, name, launch);
}

#define RUN(name, ...)                                                                             \
    do {                                                                                           \
        const struct launch_size size = {__VA_ARGS__};                                             \
                                                                                                   \
        run(name, &size, &arguments);                                                              \
    } while (0)

/* ---- One value of each thread ---- */

static void test_vector_add(void **state)
{
    struct {
        float *c, *a, *b;
        uint32_t n;
    } arguments = {FLOATS(0), FLOATS(1), FLOATS(2), 5000};

    (void)state;
    draw_floats(1, 5000);
    draw_floats(2, 5000);
    RUN("vector_add", {20, 1}, {256, 1}, 0);
    for (unsigned i = 0; i < 5120; i++) {
        assert_true(FLOATS(0)[i] == (i < 5000 ? FLOATS(1)[i] + FLOATS(2)[i] : 0));
    }
}

static void test_saxpy(void **state)
{
    struct {
        float *y, *x, a;
        uint32_t n;
    } arguments = {FLOATS(0), FLOATS(1), 3.25f, 7777};

    (void)state;
    draw_floats(0, 7777);
    draw_floats(1, 7777);
    memcpy(arrays[2], arrays[0], SIZE);
    RUN("saxpy", {3, 1}, {192, 1}, 0);
    for (unsigned i = 0; i < 7777; i++) {
        assert_true(FLOATS(0)[i] == 3.25f * FLOATS(1)[i] + FLOATS(2)[i]);
    }
}

static void test_convolution(void **state)
{
    struct {
        float *to, *from;
        int32_t n;
    } arguments = {FLOATS(0), FLOATS(1), 1000};
    const float weights[5] = {0.5f, 1, -2, 4, 0.25f};
    const struct program_variable *variable = program_find_variable(program, "weights");

    (void)state;
    assert_non_null(variable);
    assert_int_equal(variable->size, sizeof(weights));
    memcpy(variable->bytes, weights, sizeof(weights));
    draw_floats(1, 1000);
    RUN("convolution", {8, 1}, {128, 1}, 0);
    for (int i = 0; i < 1000; i++) {
        float sum = 0;

        for (int k = -2; k <= 2; k++) {
            sum += weights[k + 2] * FLOATS(1)[i + k < 0 ? 0 : i + k > 999 ? 999 : i + k];
        }
        assert_true(FLOATS(0)[i] == sum);
    }
}

struct body {
    float x, y, z, mass;
};

static struct body acceleration(const struct body *bodies, unsigned n, struct body own)
{
    struct body sum = {0, 0, 0, 0};

    for (unsigned j = 0; j < n; j++) {
        float x = bodies[j].x - own.x, y = bodies[j].y - own.y, z = bodies[j].z - own.z;
        float square = x * x + y * y + z * z + 0.01f;
        float scale = bodies[j].mass / (square * square);

        sum.x += x * scale;
        sum.y += y * scale;
        sum.z += z * scale;
        sum.mass += bodies[j].mass;
    }
    return sum;
}

static void test_accelerations(void **state)
{
    struct {
        struct body *to, *bodies;
        uint32_t n;
    } arguments = {(struct body *)(void *)arrays[0], (struct body *)(void *)arrays[1], 100};

    (void)state;
    draw_floats(1, 400);
    RUN("accelerations", {2, 1}, {64, 1}, 0);
    for (unsigned i = 0; i < 100; i++) {
        struct body sum = acceleration(arguments.bodies, 100, arguments.bodies[i]);

        assert_memory_equal(&arguments.to[i], &sum, sizeof(sum));
    }
}

static void test_mixed_widths(void **state)
{
    struct {
        int64_t *results;
        const int8_t *bytes;
        const int16_t *shorts;
        const double *doubles;
        uint32_t n;
    } arguments = {(void *)arrays[0], (void *)arrays[1], (void *)arrays[2], (void *)arrays[3], 500};

    (void)state;
    draw_words(1, 500, UINT32_MAX);
    draw_words(2, 500, UINT32_MAX);
    for (unsigned i = 0; i < 500; i++) {
        ((double *)(void *)arrays[3])[i] = (double)(int32_t)draw() / 1000;
    }
    RUN("mixed_widths", {4, 1}, {128, 1}, 0);
    for (unsigned i = 0; i < 500; i++) {
        int64_t product = (int64_t)arguments.bytes[i] * arguments.shorts[i] * 1000003;

        assert_int_equal(arguments.results[i], product / (arguments.shorts[i] | 1) % 1000 +
                                                   (int64_t)(arguments.doubles[i] * 8.5) -
                                                   (product >> (i % 64)));
    }
}

/* ---- Ways that part ---- */

static unsigned mandelbrot(float a, float b, unsigned most)
{
    float x = 0, y = 0;
    unsigned count = 0;

    while (count < most && x * x + y * y < 4.0f) {
        float next = x * x - y * y + a;

        y = 2.0f * x * y + b;
        x = next;
        count++;
    }
    return count;
}

static void test_mandelbrot(void **state)
{
    struct {
        uint32_t *counts, width, height, most;
    } arguments = {WORDS(0), 100, 70, 60};

    (void)state;
    RUN("mandelbrot", {7, 5}, {TILE, TILE}, 0);
    for (unsigned i = 0; i < 7000; i++) {
        assert_int_equal(WORDS(0)[i], mandelbrot(-2.0f + 3.0f * (float)(i % 100) / 100,
                                                 -1.0f + 2.0f * (float)(i / 100) / 70, 60));
    }
}

static void test_collatz(void **state)
{
    struct {
        uint32_t *steps, n;
    } arguments = {WORDS(0), 3000};

    (void)state;
    RUN("collatz", {24, 1}, {128, 1}, 0);
    for (unsigned i = 0; i < 3000; i++) {
        unsigned steps = 0;

        for (unsigned x = i + 1; x != 1; steps++) {
            x = x % 2 ? 3 * x + 1 : x / 2;
        }
        assert_int_equal(WORDS(0)[i], steps);
    }
}

static unsigned interpret(unsigned start, const unsigned char *code, unsigned length)
{
    unsigned value = start, left = 200;

    for (unsigned at = 0; at < length && left; at++, left--) {
        switch ((code[at] + value) % 7) {
        case 0:
            value = value * 5 + 1;
            break;
        case 1:
            value ^= value >> 7;
            break;
        case 2:
            at = value % length;
            break;
        case 3:
            value += value & 8 ? 0 : left;
            break;
        case 4:
            for (unsigned i = 0; i < value % 5; i++) {
                value += i * 3;
            }
            break;
        case 5:
            if (value % 64 == 63) {
                return value;
            }
            value--;
            break;
        default:
            value = value / 3 + 17;
        }
    }
    return value ^ 0x55555555;
}

static void test_interpret(void **state)
{
    struct {
        uint32_t *results;
        const unsigned char *code;
        uint32_t length;
    } arguments = {WORDS(0), arrays[1], 100};

    (void)state;
    draw_words(1, 25, UINT32_MAX);
    RUN("interpret", {8, 1}, {128, 1}, 0);
    for (unsigned i = 0; i < 1024; i++) {
        assert_int_equal(WORDS(0)[i], interpret(i, arrays[1], 100));
    }
}

/* ---- Shared memory and barriers ---- */

static void test_matrix_product(void **state)
{
    const unsigned n = 50;
    struct {
        float *c, *a, *b;
        uint32_t n;
    } arguments = {FLOATS(0), FLOATS(1), FLOATS(2), n};

    (void)state;
    draw_floats(1, n * n);
    draw_floats(2, n * n);
    RUN("matrix_product", {4, 4}, {TILE, TILE}, 0);
    for (unsigned i = 0; i < n * n; i++) {
        float sum = 0;

        for (unsigned k = 0; k < n; k++) {
            sum += FLOATS(1)[i / n * n + k] * FLOATS(2)[k * n + i % n];
        }
        assert_true(FLOATS(0)[i] == sum);
    }
}

static void test_transpose(void **state)
{
    struct {
        float *to, *from;
        uint32_t width, height;
    } arguments = {FLOATS(0), FLOATS(1), 90, 45};

    (void)state;
    draw_floats(1, 90 * 45);
    RUN("transpose", {6, 3}, {TILE, TILE}, 0);
    for (unsigned i = 0; i < 90 * 45; i++) {
        assert_true(FLOATS(0)[i % 90 * 45 + i / 90] == FLOATS(1)[i]);
    }
}

/* All that is added is a multiple of 1/8 and small: no order changes the sum. */
static float sum_of(const float *values, unsigned first, unsigned end, unsigned step)
{
    float sum = 0;

    for (unsigned i = first; i < end; i += step) {
        sum += values[i];
    }
    return sum;
}

static void test_sum_by_shuffles(void **state)
{
    struct {
        float *sums, *values;
        uint32_t n;
    } arguments = {FLOATS(0), FLOATS(1), 10000};

    (void)state;
    draw_floats(1, 10000);
    RUN("sum_by_shuffles", {4, 1}, {256, 1}, 0);
    assert_true(FLOATS(0)[0] + FLOATS(0)[1] + FLOATS(0)[2] + FLOATS(0)[3] ==
                sum_of(FLOATS(1), 0, 10000, 1));
}

static void test_sum_by_tree(void **state)
{
    struct {
        float *sums, *values;
        uint32_t n;
    } arguments = {FLOATS(0), FLOATS(1), 1000};

    (void)state;
    draw_floats(1, 1024);
    RUN("sum_by_tree", {4, 1}, {256, 1}, 1024);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(FLOATS(0)[i] == sum_of(FLOATS(1), 256 * i, i < 3 ? 256 * (i + 1) : 1000, 1));
    }
}

static void test_sum_in_one_launch(void **state)
{
    struct {
        uint32_t *total, *parts, *values, n;
    } arguments = {WORDS(0), WORDS(1), WORDS(2), 5000};
    uint32_t expected = 0;

    (void)state;
    draw_words(2, 5000, UINT32_MAX);
    for (unsigned i = 0; i < 5000; i++) {
        expected += WORDS(2)[i];
    }
    for (int i = 0; i < 2; i++) { /* the counter is as it was */
        RUN("sum_in_one_launch", {7, 1}, {96, 1}, 0);
        assert_int_equal(WORDS(0)[0], expected);
    }
}

static void test_scan(void **state)
{
    struct {
        uint32_t *sums, *values;
    } arguments = {WORDS(0), WORDS(1)};

    (void)state;
    draw_words(1, 768, UINT32_MAX);
    RUN("scan", {3, 1}, {256, 1}, 0);
    for (unsigned i = 0; i < 768; i++) {
        assert_int_equal(WORDS(0)[i], WORDS(1)[i] + (i % 256 ? WORDS(0)[i - 1] : 0));
    }
}

static int compare_keys(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

    return (x > y) - (x < y);
}

static void test_bitonic_sort(void **state)
{
    struct {
        uint32_t *keys;
    } arguments = {WORDS(0)};

    (void)state;
    draw_words(0, 512, UINT32_MAX);
    memcpy(arrays[1], arrays[0], SIZE);
    RUN("bitonic_sort", {2, 1}, {256, 1}, 0);
    qsort(WORDS(1), 256, 4, compare_keys);
    qsort(WORDS(1) + 256, 256, 4, compare_keys);
    assert_memory_equal(arrays[0], arrays[1], 512 * 4);
}

/* ---- Atomics ---- */

static void count_bytes(uint32_t bins[256], const unsigned char *bytes, unsigned n)
{
    memset(bins, 0, 256 * sizeof(*bins));
    for (unsigned i = 0; i < n; i++) {
        bins[bytes[i]]++;
    }
}

static void test_histograms(void **state)
{
    struct {
        uint32_t *bins;
        const unsigned char *bytes;
        uint32_t n;
    } arguments = {WORDS(0), arrays[1], 9999};
    uint32_t expected[256];

    (void)state;
    draw_words(1, 2500, UINT32_MAX);
    count_bytes(expected, arrays[1], 9999);
    RUN("histogram_shared", {5, 1}, {160, 1}, 0);
    assert_memory_equal(arrays[0], expected, sizeof(expected));
    memset(arrays[0], 0, SIZE);
    RUN("histogram_global", {40, 1}, {256, 1}, 0);
    assert_memory_equal(arrays[0], expected, sizeof(expected));
}

static void test_compact(void **state)
{
    struct {
        uint32_t *kept, *count, *values;
    } arguments = {WORDS(0), WORDS(1), WORDS(2)};
    unsigned expected = 0;

    (void)state;
    draw_words(2, 1024, UINT32_MAX);
    RUN("compact", {4, 1}, {256, 1}, 0);
    for (unsigned i = 0; i < 1024; i++) {
        if (WORDS(2)[i] % 2) {
            WORDS(2)[expected++] = WORDS(2)[i];
        }
    }
    assert_int_equal(WORDS(1)[0], expected);
    qsort(WORDS(0), expected, 4, compare_keys);
    qsort(WORDS(2), expected, 4, compare_keys);
    assert_memory_equal(arrays[0], arrays[2], expected * 4);
}

static void test_do_where_odd(void **state)
{
    struct {
        uint32_t *done, *values;
    } arguments = {WORDS(0), WORDS(1)};

    (void)state;
    draw_words(1, 16, UINT32_MAX);
    memset(arrays[0], 0xFF, SIZE);
    RUN("do_where_odd", {16, 1}, {64, 1}, 0);
    for (unsigned i = 0; i < 16 * 64; i++) {
        assert_int_equal(WORDS(0)[i], WORDS(1)[i / 64] % 2 ? i % 64 : UINT32_MAX);
    }
}

static void test_add_doubles(void **state)
{
    struct {
        double *sum, *values;
        uint32_t n;
    } arguments = {(void *)arrays[0], (void *)arrays[1], 300};
    double expected = 0;

    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        arguments.values[i] = (double)(draw() % 1000) / 4;
        expected += arguments.values[i];
    }
    RUN("add_doubles", {3, 1}, {128, 1}, 0);
    assert_true(*arguments.sum == expected);
}

/* ---- For each compiler, compiled here in each way ---- */

struct variant {
    size_t way; /* of forced.h */
    struct program *program;
};

static int setup_variant(void **state)
{
    const struct variant *variant = *state;

    forced_choose(variant->way); /* kernels are compiled when they are first launched */
    program = variant->program;
    return setup(state);
}

#define TEST(name) {#name, name, setup_variant, NULL, NULL}

static const struct CMUnitTest tests[] = {
    TEST(test_vector_add),        TEST(test_saxpy),
    TEST(test_convolution),       TEST(test_accelerations),
    TEST(test_mixed_widths),      TEST(test_mandelbrot),
    TEST(test_collatz),           TEST(test_interpret),
    TEST(test_matrix_product),    TEST(test_transpose),
    TEST(test_sum_by_shuffles),   TEST(test_sum_by_tree),
    TEST(test_sum_in_one_launch), TEST(test_scan),
    TEST(test_bitonic_sort),      TEST(test_histograms),
    TEST(test_compact),           TEST(test_do_where_odd),
    TEST(test_add_doubles),
};

#define TESTS (sizeof(tests) / sizeof(tests[0]))
#define VARIANTS (2 * FORCED_WAYS)

static struct variant variants[VARIANTS];
static struct CMUnitTest all[VARIANTS * TESTS];
static char names[VARIANTS * TESTS][96];
static size_t variant_count, count;

/* The file is empty where its compiler is not. */
static void add_variant(size_t way, const char *file)
{
    struct variant *variant = &variants[variant_count];

    *variant = (struct variant){.way = way, .program = compiled_load(file, &memory)};
    if (variant->program == NULL) {
        return;
    }
    variant_count++;
    for (size_t i = 0; i < TESTS; i++, count++) {
        snprintf(names[count], sizeof(names[count]), "%s: %s, %s", tests[i].name, file,
                 forced_name(way));
        all[count] = tests[i];
        all[count].name = names[count];
        all[count].initial_state = variant;
    }
}

int main(void)
{
    size_t ways = getenv("BAREGPU_SOAK") != NULL ? FORCED_WAYS : 2;
    int failed;

    for (int i = 0; i < 4; i++) {
        if (!memory_add(&memory, (uint64_t)(uintptr_t)arrays[i], SIZE, false)) {
            return 1;
        }
    }
    for (size_t way = 0; way < ways; way++) {
        if (forced_choose(way)) {
            add_variant(way, "kernels-clang.ptx");
            add_variant(way, "kernels-nvcc.ptx");
        }
    }
    cmocka_set_message_output(CM_OUTPUT_TAP);
    failed = _cmocka_run_group_tests("kernels", all, count, NULL, NULL);
    for (size_t i = 0; i < variant_count; i++) {
        program_destroy(variants[i].program);
    }
    memory_clear(&memory);
    return failed;
}
