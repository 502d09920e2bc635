/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(call PTX_ROOM,ptx compile device check ptxc program)
// build: $(wildcard tests/models/ptx/*.c)
// cflags: -frounding-math
// libs: -ldl
/*
 * Textures and surfaces: kernels with one instruction, on images of all formats and modes, at
 * coordinates inside, on the edges, outside, and no numbers at all, against a model that is written
 * from the programming guide.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/device/places.h"
#include "host/cuda-cpu/program/program.h"
#include "tests/models/ptx/float.h"
#include "tests/models/ptx/texture.h"

#define THREADS 160
#define IMAGE_BYTES 65536

/* What each thread has, and what comes back. */
struct input {
    uint64_t handle;
    uint32_t level, unused;
    uint32_t coordinates[4];
    float gradients[2][4];
    uint64_t values[4];
};

struct output {
    uint64_t results[4];
};

static _Alignas(64) struct input inputs[THREADS];
static _Alignas(64) struct output outputs[THREADS];
static _Alignas(64) unsigned char image[IMAGE_BYTES];
static struct textures textures;
static struct memory memory;
static struct program *program;
static struct launch launch;
static struct launch_fault fault;
static const uint32_t never;
static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static const struct params {
    uint64_t in, out;
} params = {(uintptr_t)inputs, (uintptr_t)outputs};

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < IMAGE_BYTES; i++) {
        image[i] = (unsigned char)next_random();
    }
    return memory_add(&memory, params.in, sizeof(inputs), true) &&
                   memory_add(&memory, params.out, sizeof(outputs), false) &&
                   memory_add(&memory, (uintptr_t)image, IMAGE_BYTES, false)
               ? 0
               : -1;
}

static int teardown(void **state)
{
    (void)state;
    textures_clear(&textures);
    memory_clear(&memory);
    return 0;
}

/* ---- Kernels ---- */

static void print_nothing(void *context, const char *text)
{
    (void)context;
    (void)text;
}

static unsigned first_line; /* of the statements */

/* %rd0 has the handle, %r0 to %r3 and %f0 to %f3 the coordinates. */
static void start(const char *declarations, const char *statements)
{
    static char text[8192], log_text[2048];
    struct ptx_log log;

    snprintf(text, sizeof(text),
             ".version 8.0\n.target sm_90\n.address_size 64\n%s"
             ".entry k(.param .u64 in, .param .u64 out)\n{\n"
             ".reg .b32 %%r<20>; .reg .f32 %%f<20>; .reg .b64 %%rd<20>; .reg .b16 %%h<8>; "
             ".reg .pred %%p<4>;\n"
             "ld.param.u64 %%rd10, [in]; ld.param.u64 %%rd11, [out]; mov.u32 %%r10, %%tid.x;\n"
             "mad.wide.u32 %%rd10, %%r10, %zu, %%rd10; mad.wide.u32 %%rd11, %%r10, %zu, %%rd11;\n"
             "ld.global.u64 %%rd0, [%%rd10]; ld.global.f32 %%f4, [%%rd10 + 8]; "
             "ld.global.u32 %%r4, [%%rd10 + 8];\n"
             "ld.global.v4.f32 {%%f0, %%f1, %%f2, %%f3}, [%%rd10 + 16]; "
             "ld.global.v4.u32 {%%r0, %%r1, %%r2, %%r3}, [%%rd10 + 16];\n"
             "ld.global.v4.f32 {%%f12, %%f13, %%f14, %%f15}, [%%rd10 + 32]; "
             "ld.global.v4.f32 {%%f16, %%f17, %%f18, %%f19}, [%%rd10 + 48];\n"
             "ld.global.v2.b64 {%%rd1, %%rd2}, [%%rd10 + 64]; "
             "ld.global.v2.b64 {%%rd3, %%rd4}, [%%rd10 + 80]; cvt.u32.u64 %%r5, %%rd1; "
             "cvt.u32.u64 %%r6, %%rd2; cvt.u32.u64 %%r7, %%rd3; cvt.u32.u64 %%r8, %%rd4; "
             "cvt.u16.u64 %%h1, %%rd1;\n%s\nret;\n}\n",
             declarations, sizeof(struct input), sizeof(struct output), statements);
    first_line = 1;
    for (const char *c = text; c < strstr(text, statements); c++) {
        first_line += *c == '\n';
    }
    ptx_log_init(&log, log_text, sizeof(log_text));
    program = program_create(text, strlen(text), &memory, &log);
    launch = (struct launch){
        .grid = {1, 1, 1},
        .block = {THREADS, 1, 1},
        .params = &params,
        .memory = &memory,
        .textures = &textures,
        .stop = &never,
        .print = print_nothing,
    };
    if (program == NULL ||
        !program_prepare(program, program_find_kernel(program, "k"), &launch, &log)) {
        print_error("%s\n%s", text, log_text);
        fail();
    }
}

static void finish(void)
{
    program_destroy(program);
}

static enum launch_status run(uint64_t handle)
{
    for (unsigned i = 0; i < THREADS; i++) {
        inputs[i].handle = handle;
    }
    memset(outputs, 0, sizeof(outputs));
    return launch_run(&launch, &fault);
}

/* ---- Images ---- */

static struct texture make_texture(enum texture_format format, uint32_t channels, uint32_t width,
                                   uint32_t height, uint32_t depth, uint32_t levels)
{
    struct texture texture = {
        .format = format, .channels = channels, .level_count = levels, .level_max = 100};
    uint64_t address = (uintptr_t)image;

    for (uint32_t i = 0; i < levels; i++) {
        struct texture_level *level = &texture.levels[i];

        *level = (struct texture_level){
            .address = address,
            .width = width >> i ? width >> i : 1,
            .height = height >> i ? height >> i : 1,
            .depth = depth,
        };
        level->pitch =
            (uint64_t)level->width * channels * texture_channel_size(format) + (i ? 0 : 16);
        level->slice = level->pitch * level->height;
        address += level->slice * depth;
        address = (address + 15) / 16 * 16;
    }
    assert_true(address <= (uintptr_t)image + IMAGE_BYTES);
    return texture;
}

static void set_modes(struct texture *texture, unsigned number)
{
    for (unsigned i = 0; i < 3; i++) {
        texture->address[i] = (enum texture_address)((number + i * (number >> 2)) % 4);
    }
    texture->is_linear = number & 4;
    texture->has_normalised_coordinates = number & 8;
    texture->reads_integers = number & 16;
    texture->is_linear_in_levels = number & 32;
    texture->is_srgb = number & 64;
    texture->border[0] = 0.25f;
    texture->border[1] = 2;
    texture->border[2] = -1;
    texture->border[3] = 0.5f;
}

/* ---- Coordinates ---- */

static uint32_t float_bits(float number)
{
    uint32_t bits;

    memcpy(&bits, &number, sizeof(bits));
    return bits;
}

static float random_float(void)
{
    static const float special[] = {0,         -0.0f, 1,         -1,        0.5f,
                                    4,         7,     0.999999f, NAN,       INFINITY,
                                    -INFINITY, 1e30f, -1e30f,    0x1p-149f, 8};
    uint64_t random = next_random();

    switch (random % 4) {
    case 0:
        return special[random / 4 % (sizeof(special) / sizeof(special[0]))];
    case 1:
        return (float)(random / 4 % 4000) / 1000.0f - 1.5f;
    default:
        return (float)(random / 4 % 20000) / 1000.0f - 5.0f;
    }
}

static uint32_t random_integer(void)
{
    uint64_t random = next_random();

    return random % 8 ? (uint32_t)(random / 8 % 20) - 4 : (uint32_t)(random >> 20);
}

static void fill_inputs(const struct texture_fetch *fetch)
{
    bool has_layer = fetch->geometry == TEXTURE_A1D || fetch->geometry == TEXTURE_A2D ||
                     fetch->geometry == TEXTURE_ACUBE;

    for (unsigned i = 0; i < THREADS; i++) {
        for (unsigned j = 0; j < 4; j++) {
            inputs[i].coordinates[j] = fetch->is_integer || (has_layer && j == 0)
                                           ? random_integer()
                                           : float_bits(random_float());
        }
        inputs[i].level = fetch->is_integer ? random_integer()
                                            : float_bits((float)(next_random() % 100) / 20 - 1);
        for (unsigned j = 0; j < 8; j++) {
            inputs[i].gradients[j / 4][j % 4] = (float)(next_random() % 1000) / 500 - 1;
        }
    }
}

/* ---- Comparing ---- */

/* Sums may be rounded in another order; what is not filtered may not. */
static bool is_same(const struct texture *texture, bool is_half, uint32_t got, double expected)
{
    enum ptx_word type = is_half ? PTX_W_F16 : PTX_W_F32;
    double number;

    if (!model_is_float(texture)) {
        return got == ((uint32_t)(int64_t)expected & (is_half ? 0xFFFF : UINT32_MAX));
    }
    number = decode(type, got);
    if (isnan(expected) || isinf(expected)) {
        return isnan(expected) ? isnan(number) : number == expected;
    }
    return got == encode(expected, type, ROUND_NEAREST) ||
           (texture->is_linear &&
            fabs(number - decode(type, encode(expected, type, ROUND_NEAREST))) <=
                fmax(fabs(expected), 1e-30) * (is_half ? 1e-3 : 2e-7));
}

static void compare_results(const struct texture *texture, const struct texture_fetch *asked,
                            bool is_half, const char *what)
{
    for (unsigned i = 0; i < THREADS; i++) {
        struct texture_fetch fetch = *asked;
        double expected[4];

        memcpy(fetch.coordinates, inputs[i].coordinates, sizeof(fetch.coordinates));
        memcpy(fetch.gradients[0], inputs[i].gradients[0], sizeof(fetch.gradients[0]));
        memcpy(fetch.gradients[1], inputs[i].gradients[1], sizeof(fetch.gradients[1]));
        fetch.level = inputs[i].level;
        model_fetch(texture, &fetch, expected);
        for (unsigned j = 0; j < 4; j++) {
            if (!is_same(texture, is_half, (uint32_t)outputs[i].results[j], expected[j])) {
                print_error("%s: format %d, %u channels, modes %d %d %d, linear %d, normalised %d, "
                            "integers %d\n(%#x, %#x, %#x, %#x): %u is %#x, not %.9g\n",
                            what, texture->format, texture->channels, texture->address[0],
                            texture->address[1], texture->address[2], texture->is_linear,
                            texture->has_normalised_coordinates, texture->reads_integers,
                            fetch.coordinates[0], fetch.coordinates[1], fetch.coordinates[2],
                            fetch.coordinates[3], j, (uint32_t)outputs[i].results[j], expected[j]);
                fail();
            }
        }
    }
}

#define STORE_WORDS                                                                                \
    " cvt.u64.u32 %rd1, %r16; cvt.u64.u32 %rd2, %r17; cvt.u64.u32 %rd3, %r18; "                    \
    "cvt.u64.u32 %rd4, %r19;\n"                                                                    \
    "st.global.v2.b64 [%rd11], {%rd1, %rd2}; st.global.v2.b64 [%rd11 + 16], {%rd3, %rd4};"
#define STORE_HALVES                                                                               \
    " cvt.u32.u16 %r16, %h4; cvt.u32.u16 %r17, %h5; cvt.u32.u16 %r18, %h6; cvt.u32.u16 %r19, "     \
    "%h7;\n" STORE_WORDS
#define STORE_PAIRS                                                                                \
    " shr.u32 %r19, %r17, 16; and.b32 %r18, %r17, 0xFFFF; shr.u32 %r17, %r16, 16; "                \
    "and.b32 %r16, %r16, 0xFFFF;\n" STORE_WORDS
#define WORDS "{%r16, %r17, %r18, %r19}"
#define FLOATS "{%f6, %f7, %f8, %f9}"

struct trial {
    const char *statements;
    struct texture_fetch fetch;
    uint32_t width, height, depth, levels;
    bool is_half;
};

static const struct trial trials[] = {
    {"tex.1d.v4.u32.f32 " WORDS ", [%rd0, {%f0}];" STORE_WORDS,
     {.geometry = TEXTURE_1D, .gather = -1},
     13,
     1,
     1,
     1,
     false},
    {"tex.1d.v4.s32.s32 " WORDS ", [%rd0, {%r0}];" STORE_WORDS,
     {.geometry = TEXTURE_1D, .is_integer = true, .gather = -1},
     13,
     1,
     1,
     1,
     false},
    {"tex.2d.v4.f32.f32 " FLOATS ", [%rd0, {%f0, %f1}]; mov.b32 %r16, %f6; mov.b32 %r17, %f7; "
     "mov.b32 %r18, %f8; mov.b32 %r19, %f9;" STORE_WORDS,
     {.geometry = TEXTURE_2D, .gather = -1},
     8,
     5,
     1,
     1,
     false},
    {"tex.2d.v4.u32.s32 " WORDS ", [%rd0, {%r0, %r1}];" STORE_WORDS,
     {.geometry = TEXTURE_2D, .is_integer = true, .gather = -1},
     8,
     5,
     1,
     1,
     false},
    {"tex.2d.v4.f16.f32 {%h4, %h5, %h6, %h7}, [%rd0, {%f0, %f1}];" STORE_HALVES,
     {.geometry = TEXTURE_2D, .gather = -1},
     8,
     5,
     1,
     1,
     true},
    {"tex.2d.v2.f16x2.f32 {%r16, %r17}, [%rd0, {%f0, %f1}];" STORE_PAIRS,
     {.geometry = TEXTURE_2D, .gather = -1},
     8,
     5,
     1,
     1,
     true},
    {"tex.2d.v4.u32.f32 " WORDS "|%p1, [%rd0, {%f0, %f1}], {-3, 2}; "
     "@!%p1 mov.u32 %r16, 77;" STORE_WORDS,
     {.geometry = TEXTURE_2D, .offsets = {-3, 2}, .gather = -1},
     8,
     5,
     1,
     1,
     false},
    {"tex.3d.v4.u32.f32 " WORDS ", [%rd0, {%f0, %f1, %f2, %f2}];" STORE_WORDS,
     {.geometry = TEXTURE_3D, .gather = -1},
     6,
     5,
     4,
     1,
     false},
    {"tex.a1d.v4.u32.f32 " WORDS ", [%rd0, {%r0, %f1}];" STORE_WORDS,
     {.geometry = TEXTURE_A1D, .gather = -1},
     9,
     1,
     5,
     1,
     false},
    {"tex.a2d.v4.u32.f32 " WORDS ", [%rd0, {%r0, %f1, %f2, %f2}];" STORE_WORDS,
     {.geometry = TEXTURE_A2D, .gather = -1},
     7,
     6,
     3,
     1,
     false},
    {"tex.cube.v4.u32.f32 " WORDS ", [%rd0, {%f0, %f1, %f2, %f2}];" STORE_WORDS,
     {.geometry = TEXTURE_CUBE, .gather = -1},
     6,
     6,
     6,
     1,
     false},
    {"tex.acube.v4.u32.f32 " WORDS ", [%rd0, {%r0, %f1, %f2, %f3}];" STORE_WORDS,
     {.geometry = TEXTURE_ACUBE, .gather = -1},
     4,
     4,
     18,
     1,
     false},
    {"tex.level.2d.v4.u32.f32 " WORDS ", [%rd0, {%f0, %f1}], %f4;" STORE_WORDS,
     {.geometry = TEXTURE_2D, .lod = TEXTURE_LOD_LEVEL, .gather = -1},
     16,
     8,
     1,
     5,
     false},
    {"tex.level.2d.v4.u32.s32 " WORDS ", [%rd0, {%r0, %r1}], %r4;" STORE_WORDS,
     {.geometry = TEXTURE_2D, .is_integer = true, .lod = TEXTURE_LOD_LEVEL, .gather = -1},
     16,
     8,
     1,
     5,
     false},
    {"tex.level.a2d.v4.u32.f32 " WORDS ", [%rd0, {%r0, %f1, %f2, %f2}], %f4, {1, -1};" STORE_WORDS,
     {.geometry = TEXTURE_A2D, .lod = TEXTURE_LOD_LEVEL, .offsets = {1, -1}, .gather = -1},
     8,
     8,
     3,
     4,
     false},
    {"tex.grad.2d.v4.u32.f32 " WORDS
     ", [%rd0, {%f0, %f1}], {%f12, %f13}, {%f16, %f17};" STORE_WORDS,
     {.geometry = TEXTURE_2D, .lod = TEXTURE_LOD_GRADIENTS, .gather = -1},
     16,
     8,
     1,
     5,
     false},
    {"tld4.r.2d.v4.u32.f32 " WORDS ", [%rd0, {%f0, %f1}];" STORE_WORDS,
     {.geometry = TEXTURE_2D, .gather = 0},
     8,
     5,
     1,
     1,
     false},
    {"tld4.g.a2d.v4.u32.f32 " WORDS ", [%rd0, {%r0, %f1, %f2, %f2}], {1, 2};" STORE_WORDS,
     {.geometry = TEXTURE_A2D, .offsets = {1, 2}, .gather = 1},
     8,
     5,
     3,
     1,
     false},
    {"tld4.a.cube.v4.u32.f32 " WORDS ", [%rd0, {%f0, %f1, %f2, %f2}];" STORE_WORDS,
     {.geometry = TEXTURE_CUBE, .gather = 3},
     5,
     5,
     6,
     1,
     false},
};

/* BAREGPU_SOAK: in all modes. */
static void try_textures(const struct trial *trial)
{
    bool all = getenv("BAREGPU_SOAK") != NULL;

    start("", trial->statements);
    for (unsigned number = 0; number < 128; number++) {
        for (unsigned format = TEXTURE_U8; format <= TEXTURE_F32; format++) {
            struct texture texture =
                make_texture((enum texture_format)format, 1u << (number + format) % 3, trial->width,
                             trial->height, trial->depth, trial->levels);
            uint64_t handle;

            if (!all && (number * 5 + format) % 3 != 0) {
                continue;
            }
            if ((number & 64 && format != TEXTURE_U8) ||
                (trial->levels == 1 && number & 32 && !(number & 64))) {
                continue; /* the same again */
            }
            set_modes(&texture, number);
            fill_inputs(&trial->fetch);
            handle = textures_add(&textures, &texture);
            assert_int_equal(run(handle), LAUNCH_OK);
            compare_results(&texture, &trial->fetch, trial->is_half, trial->statements);
            assert_true(textures_remove(&textures, handle, false));
        }
    }
    finish();
}

static void test_textures(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
        try_textures(&trials[i]);
    }
}

/* ---- By name ---- */

static void test_references(void **state)
{
    struct texture texture = make_texture(TEXTURE_U8, 1, 64, 1, 1, 1);
    uint64_t handle;

    (void)state;
    texture.reads_integers = true;
    start(".global .texref t;\n",
          "tex.1d.v4.u32.s32 " WORDS ", [t, {%r0}]; txq.width.b32 %r17, [t];" STORE_WORDS);
    handle = textures_add(&textures, &texture);
    assert_int_equal(run(0), LAUNCH_FAULT); /* nothing is bound to it */
    assert_int_equal(fault.fault, WARP_FAULT_TEXTURE);
    memcpy(program_find_variable(program, "t")->bytes, &handle, sizeof(handle));
    for (unsigned i = 0; i < THREADS; i++) {
        inputs[i].coordinates[0] = i;
    }
    assert_int_equal(run(0), LAUNCH_OK);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(outputs[i].results[0], i < 64 ? image[i] : 0);
        assert_int_equal(outputs[i].results[1], 64);
    }
    finish();
}

/* By the variable, not by what is bound to it; a handle is the address of none. */
static void test_types(void **state)
{
    static const struct {
        const char *address;
        uint32_t types;
    } examples[] = {
        {"t", 1}, {"many + 8", 1}, {"sampler", 2}, {"s", 4}, {"plain", 0}, {"0", 0},
    };
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        snprintf(text, sizeof(text),
                 "mov.u64 %%rd1, %s; istypep.texref %%p1, %%rd1; selp.u32 %%r1, 1, 0, %%p1; "
                 "istypep.samplerref %%p1, %%rd1; selp.u32 %%r2, 2, 0, %%p1; "
                 "istypep.surfref %%p1, %%rd1; selp.u32 %%r3, 4, 0, %%p1; "
                 "add.u32 %%r1, %%r1, %%r2; add.u32 %%r1, %%r1, %%r3; "
                 "st.global.u32 [%%rd11], %%r1;",
                 examples[i].address);
        start(".global .texref t, many[2]; .global .samplerref sampler; .global .surfref s; "
              ".global .u64 plain;\n",
              text);
        assert_int_equal(run(0), LAUNCH_OK);
        assert_int_equal(outputs[5].results[0], examples[i].types);
        finish();
    }
}

/* ---- Hostile handles ---- */

static void test_handles(void **state)
{
    struct texture texture = make_texture(TEXTURE_F32, 1, 16, 16, 1, 1);
    uint64_t handle, hostile[6];

    (void)state;
    start("", "tex.2d.v4.u32.s32 " WORDS ", [%rd0, {%r0, %r1}];" STORE_WORDS);
    memset(inputs, 0, sizeof(inputs));
    handle = textures_add(&textures, &texture);
    assert_int_equal(run(handle), LAUNCH_OK);
    texture.is_surface = true;
    hostile[0] = textures_add(&textures, &texture);
    hostile[1] = handle + 1;
    hostile[2] = handle ^ UINT64_C(1) << 40;
    hostile[3] = UINT64_MAX;
    hostile[4] = (uintptr_t)&texture;
    hostile[5] = handle & UINT32_MAX;
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(run(hostile[i]), LAUNCH_FAULT);
        assert_int_equal(fault.fault, WARP_FAULT_TEXTURE);
        assert_int_equal(places_at(launch.places, fault.site).line, first_line);
    }
    assert_true(textures_remove(&textures, handle, false));
    assert_false(textures_remove(&textures, handle, false));
    assert_int_equal(run(handle), LAUNCH_FAULT);
    texture.is_surface = false;
    assert_true(textures_add(&textures, &texture) != handle); /* in the same place */
    assert_int_equal(run(handle), LAUNCH_FAULT);
    finish();
}

/* A texture is believed no more than a pointer. */
static void test_memory_that_is_gone(void **state)
{
    struct texture texture = make_texture(TEXTURE_F32, 4, 16, 16, 1, 1);
    uint64_t handle;

    (void)state;
    start("", "tex.2d.v4.u32.s32 " WORDS ", [%rd0, {%r0, %r1}];" STORE_WORDS);
    memset(inputs, 0, sizeof(inputs));
    texture.levels[0].address = (uintptr_t)image + IMAGE_BYTES - 16;
    texture.levels[0].pitch = UINT64_C(1) << 40;
    handle = textures_add(&textures, &texture);
    assert_int_equal(run(handle), LAUNCH_OK);
    inputs[70].coordinates[1] = 1;
    assert_int_equal(run(handle), LAUNCH_FAULT);
    assert_int_equal(fault.fault, WARP_FAULT_ADDRESS);
    assert_int_equal(fault.thread[0], 70);
    inputs[70].coordinates[1] = 0;
    memory_remove(&memory, (uintptr_t)image);
    assert_int_equal(run(handle), LAUNCH_FAULT);
    assert_int_equal(fault.fault, WARP_FAULT_ADDRESS);
    finish();
}

/* ---- Queries ---- */

static void test_queries(void **state)
{
    static const struct {
        const char *query;
        uint32_t answer;
    } queries[] = {
        {"txq.width", 20},
        {"txq.height", 10},
        {"txq.depth", 3},
        {"txq.array_size", 3},
        {"txq.num_mipmap_levels", 3},
        {"txq.channel_order", 0x10B2},
        {"txq.channel_data_type", 0x10D3},
        {"txq.normalized_coords", 1},
        {"txq.filter_mode", 1},
        {"txq.addr_mode_1", TEXTURE_MIRROR},
        {"txq.num_samples", 1},
    };
    struct texture texture = make_texture(TEXTURE_U16, 2, 20, 10, 3, 3);
    uint64_t handle;
    char text[256];

    (void)state;
    texture.has_normalised_coordinates = texture.is_linear = true;
    texture.address[1] = TEXTURE_MIRROR;
    handle = textures_add(&textures, &texture);
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        snprintf(text, sizeof(text), "%s.b32 %%r16, [%%rd0]; st.global.u32 [%%rd11], %%r16;",
                 queries[i].query);
        start("", text);
        assert_int_equal(run(handle), LAUNCH_OK);
        assert_int_equal(outputs[5].results[0], queries[i].answer);
        finish();
    }
    start("", "mov.u32 %r1, 1; txq.level.width.b32 %r16, [%rd0], %r1; "
              "st.global.u32 [%rd11], %r16;");
    assert_int_equal(run(handle), LAUNCH_OK);
    assert_int_equal(outputs[5].results[0], 10);
    finish();
}

/* ---- Surfaces ---- */

static struct texture surface_of(enum texture_format format, uint32_t channels, uint32_t depth)
{
    struct texture surface = make_texture(format, channels, 16, 8, depth, 1);

    surface.is_surface = true;
    return surface;
}

static void test_queries_of_surfaces(void **state)
{
    static const struct {
        const char *query;
        uint32_t answer;
    } queries[] = {
        {"width", 16},
        {"height", 8},
        {"depth", 3},
        {"array_size", 3},
        {"channel_order", 0x10B2},
        {"channel_data_type", 0x10DB},
    };
    struct texture surface = surface_of(TEXTURE_U16, 2, 3);
    uint64_t handle = textures_add(&textures, &surface);
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        snprintf(text, sizeof(text), "suq.%s.b32 %%r16, [%%rd0]; st.global.u32 [%%rd11], %%r16;",
                 queries[i].query);
        start("", text);
        assert_int_equal(run(handle), LAUNCH_OK);
        assert_int_equal(outputs[5].results[0], queries[i].answer);
        finish();
    }
}

/* Threads stand at x = 4 * (thread % 20 - 2), y = thread / 20 - 1, z or layer 1. */
static void place_threads(bool is_array)
{
    for (unsigned i = 0; i < THREADS; i++) {
        const uint32_t at[] = {4 * (i % 20 - 2), i / 20 - 1, 1};

        inputs[i].coordinates[0] = at[is_array ? 2 : 0];
        inputs[i].coordinates[1] = at[is_array ? 0 : 1];
        inputs[i].coordinates[2] = at[is_array ? 1 : 2];
        inputs[i].values[0] = next_random();
        inputs[i].values[1] = next_random();
    }
}

static int clamped(int number, int most)
{
    return number < 0 ? 0 : number > most ? most : number;
}

/* The bytes that a thread meets; NULL: none. */
static unsigned char *surface_bytes(const struct texture *surface, unsigned thread, bool clamps)
{
    int x = (int)(thread % 20 - 2) * 4, y = (int)(thread / 20) - 1;

    if (!clamps && (x < 0 || x > 60 || y < 0 || y > 7)) {
        return NULL;
    }
    return image + clamped(y, 7) * (int)surface->levels[0].pitch + clamped(x, 60) +
           (int)surface->levels[0].slice;
}

static void test_surface_loads(void **state)
{
    static const char *const texts[] = {
        "suld.b.3d.b32.zero %r16, [%rd0, {%r0, %r1, %r2, %r2}]; st.global.u32 [%rd11], %r16;",
        "suld.b.3d.b32.clamp %r16, [%rd0, {%r0, %r1, %r2, %r2}]; st.global.u32 [%rd11], %r16;",
        "suld.b.a2d.v2.b16.zero {%h4, %h5}, [%rd0, {%r0, %r1, %r2, %r2}]; "
        "mov.b32 %r16, {%h4, %h5}; st.global.u32 [%rd11], %r16;",
    };
    struct texture surface = surface_of(TEXTURE_U32, 1, 3);
    uint64_t handle = textures_add(&textures, &surface);

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        place_threads(i == 2);
        start("", texts[i]);
        assert_int_equal(run(handle), LAUNCH_OK);
        for (unsigned thread = 0; thread < THREADS; thread++) {
            const unsigned char *bytes = surface_bytes(&surface, thread, i == 1);
            uint32_t expected = 0;

            if (bytes != NULL) {
                memcpy(&expected, bytes, sizeof(expected));
            }
            assert_int_equal(outputs[thread].results[0], expected);
        }
        finish();
    }
    start("", "suld.b.3d.b32.trap %r16, [%rd0, {%r0, %r1, %r2, %r2}];");
    assert_int_equal(run(handle), LAUNCH_FAULT);
    assert_int_equal(fault.fault, WARP_FAULT_TEXTURE);
    assert_int_equal(places_at(launch.places, fault.site).line, first_line);
    assert_int_equal(fault.thread[0], 0);
    finish();
}

static void expect_image(const unsigned char *expected)
{
    for (size_t i = 0; i < IMAGE_BYTES; i++) {
        assert_int_equal(image[i], expected[i]);
    }
}

static void test_surface_stores(void **state)
{
    static unsigned char expected[IMAGE_BYTES];
    struct texture surface = surface_of(TEXTURE_U32, 1, 3);
    uint64_t handle = textures_add(&textures, &surface);

    (void)state;
    place_threads(false);
    memcpy(expected, image, sizeof(expected));
    for (unsigned thread = 0; thread < THREADS; thread++) {
        unsigned char *bytes = surface_bytes(&surface, thread, false);

        if (bytes != NULL) {
            memcpy(expected + (bytes - image), &inputs[thread].values[0], 4);
        }
    }
    start("", "sust.b.3d.b32.zero [%rd0, {%r0, %r1, %r2, %r2}], %r5;");
    assert_int_equal(run(handle), LAUNCH_OK);
    finish();
    expect_image(expected);
    for (unsigned thread = 0; thread < THREADS; thread++) {
        unsigned char *bytes = surface_bytes(&surface, thread, false);
        uint32_t old, added = (uint32_t)inputs[thread].values[0];

        if (bytes != NULL) {
            memcpy(&old, expected + (bytes - image), 4);
            old += added;
            memcpy(expected + (bytes - image), &old, 4);
        }
    }
    start("", "sured.b.add.3d.u32.zero [%rd0, {%r0, %r1, %r2, %r2}], %r5;");
    assert_int_equal(run(handle), LAUNCH_OK);
    finish();
    expect_image(expected);
}

/* Values of 32 bits as the format has them: x counts texels. */
static void test_formatted_stores(void **state)
{
    static const struct {
        enum texture_format format;
        uint32_t value, stored;
    } values[] = {
        {TEXTURE_F32, 0x40490FDB, 0x40490FDB},
        {TEXTURE_F16, 0x3F800000, 0x3C00},
        {TEXTURE_U8, 300, 255},
        {TEXTURE_S8, (uint32_t)-300, 0x80},
        {TEXTURE_S16, 40000, 0x7FFF},
        {TEXTURE_U16, 7, 7},
        {TEXTURE_U32, 0xFFFFFFFF, 0xFFFFFFFF},
    };

    (void)state;
    start("", "sust.p.2d.v2.b32.trap [%rd0, {%r0, %r1}], {%r5, %r6};");
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct texture surface = surface_of(values[i].format, 2, 1);
        unsigned size = texture_channel_size(values[i].format);
        uint64_t handle = textures_add(&textures, &surface);

        for (unsigned thread = 0; thread < THREADS; thread++) {
            inputs[thread].coordinates[0] = 3;
            inputs[thread].coordinates[1] = 2;
            inputs[thread].values[0] = 0;
            inputs[thread].values[1] = values[i].value;
        }
        assert_int_equal(run(handle), LAUNCH_OK);
        assert_memory_equal(image + 2 * surface.levels[0].pitch + 7 * size, &values[i].stored,
                            size);
    }
    finish();
    start("", "sured.p.max.1d.b32.trap [%rd0, {%r0}], %r5;");
    for (unsigned is_signed = 0; is_signed < 2; is_signed++) {
        struct texture surface = surface_of(is_signed ? TEXTURE_S32 : TEXTURE_U32, 1, 1);
        uint64_t handle = textures_add(&textures, &surface);
        const uint32_t first = 5, second = is_signed ? 5 : UINT32_MAX;

        memcpy(image + 12, &first, sizeof(first));
        for (unsigned thread = 0; thread < THREADS; thread++) {
            inputs[thread].values[0] = UINT32_MAX;
        }
        assert_int_equal(run(handle), LAUNCH_OK);
        assert_memory_equal(image + 12, &second, sizeof(second));
    }
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_textures, setup, teardown),
        cmocka_unit_test_setup_teardown(test_references, setup, teardown),
        cmocka_unit_test_setup_teardown(test_types, setup, teardown),
        cmocka_unit_test_setup_teardown(test_handles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_that_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queries, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queries_of_surfaces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_surface_loads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_surface_stores, setup, teardown),
        cmocka_unit_test_setup_teardown(test_formatted_stores, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
