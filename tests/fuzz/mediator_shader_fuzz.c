/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/pvgpu/vulkan/interface.c
// needs: build/tests/shaders/slots.vert.spv build/tests/shaders/slots.frag.spv
// needs: build/tests/shaders/numbers.frag.spv build/tests/shaders/targets.frag.spv
// needs: build/tests/shaders/array.frag.spv build/tests/shaders/cube.frag.spv
// needs: build/tests/shaders/groups.comp.spv build/tests/shaders/paint.comp.spv
// needs: build/tests/shaders/adjacent.geom.spv build/tests/shaders/patch.tesc.spv
// needs: build/tests/shaders/patch.tese.spv build/tests/shaders/large.comp.spv
/*
 * A guest's SPIR-V, changed, or any words, as the mediator reads what a shader takes and gives:
 * without the validator before it, which takes most of them away.
 *
 * An input: a byte for the stage, one for what the device can do, one for the shader that is
 * changed; then changes of a byte that chooses one, two that say where, and what it needs. Held:
 * no word outside is read; what is refused has a line that says why; what is taken has bindings
 * that are slots, each once.
 */
#include <stdbool.h>
#include <string.h>

#include "host/mediator/pvgpu/vulkan/interface.h"
#include "tests/fuzz/input.h"
#include "tests/shaders/read.h"

#define CHANGES_MAX 24
#define WORDS_MAX 8192u
#define REASON_SIZE 96u

static const char *const names[] = {"slots.vert", "slots.frag",    "numbers.frag", "targets.frag",
                                    "array.frag", "cube.frag",     "groups.comp",  "paint.comp",
                                    "large.comp", "adjacent.geom", "patch.tesc",   "patch.tese"};

#define SHADERS (sizeof(names) / sizeof(names[0]))

static struct {
    uint32_t *words;
    size_t count;
} shaders[SHADERS];

static uint32_t words[WORDS_MAX];
static size_t count;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argument_count, char ***arguments);

int LLVMFuzzerInitialize(int *argument_count, char ***arguments)
{
    (void)argument_count;
    (void)arguments;
    for (size_t i = 0; i < SHADERS; i++) {
        size_t size;

        shaders[i].words = shader_read_file(names[i], &size);
        shaders[i].count = size / sizeof(uint32_t);
        CHECK(shaders[i].count <= WORDS_MAX);
    }
    return 0;
}

/* ---- Changes ---- */

static uint32_t next_word(void)
{
    uint32_t word = next();

    word |= (uint32_t)next() << 8;
    word |= (uint32_t)next() << 16;
    return word | (uint32_t)next() << 24;
}

static size_t next_place(void)
{
    size_t place = next();

    place |= (size_t)next() << 8;
    return count > 0 ? place % count : 0;
}

static void cut_out(size_t place, size_t length)
{
    length = length < count - place ? length : count - place;
    memmove(&words[place], &words[place + length], (count - place - length) * sizeof(words[0]));
    count -= length;
}

/* The words at `place` once more, behind themselves. */
static void repeat(size_t place, size_t length)
{
    length = length < count - place ? length : count - place;
    length = length < WORDS_MAX - count ? length : WORDS_MAX - count;
    memmove(&words[place + length], &words[place], (count - place) * sizeof(words[0]));
    count += length;
}

static void change(void)
{
    uint8_t what = next();
    size_t place = next_place();

    if (count == 0) {
        return;
    }
    switch (what % 8) {
    case 0:
        words[place] = next();
        break;
    case 1:
        words[place] = words[next_place()]; /* another id, for one */
        break;
    case 2:
        words[place] ^= 1u << next() % 32;
        break;
    case 3:
        words[place] = (words[place] & 0xFFFF) | (uint32_t)next()
                                                     << 16; /* an instruction's length */
        break;
    case 4:
        words[place] = next_word();
        break;
    case 5:
        cut_out(place, next());
        break;
    case 6:
        repeat(place, next());
        break;
    default:
        count = place;
    }
}

static void take_shader(void)
{
    size_t i = next() % (SHADERS + 1);

    if (i < SHADERS) {
        count = shaders[i].count;
        memcpy(words, shaders[i].words, count * sizeof(words[0]));
        return;
    }
    for (count = 0; count < WORDS_MAX && input.size > 0; count++) {
        words[count] = next_word();
    }
}

/* ---- What is held ---- */

static struct interface_limits next_limits(void)
{
    uint8_t bits = next();

    return (struct interface_limits){.geometry = bits & 1,
                                     .tessellation = bits & 2,
                                     .float64 = bits & 4,
                                     .int64 = bits & 8,
                                     .int16 = bits & 16,
                                     .read_without_format = bits & 32,
                                     .group_size = {1024, 1024, 64},
                                     .group_invocations = 1024,
                                     .shared_size = 32768,
                                     .patch_points = 32};
}

static void check_bindings(const struct interface *interface)
{
    bool seen[INTERFACE_BINDINGS_END] = {false};

    CHECK(interface_is_sound(interface));
    for (uint32_t i = 0; i < interface->binding_count; i++) {
        CHECK(!seen[interface->bindings[i].binding]);
        seen[interface->bindings[i].binding] = true;
    }
}

/* In memory of just their size. */
static void read_words(enum bg_pvgpu_stage stage, const struct interface_limits *limits)
{
    uint32_t *module = malloc(count > 0 ? count * sizeof(words[0]) : 1);
    struct interface interface = {0};
    char reason[REASON_SIZE] = "";

    CHECK(module != NULL);
    memcpy(module, words, count * sizeof(words[0]));
    if (interface_read(&interface, module, count, stage, limits, reason, sizeof(reason))) {
        check_bindings(&interface);
    } else {
        CHECK(reason[0] != '\0' && memchr(reason, '\0', sizeof(reason)) != NULL);
        CHECK(strchr(reason, '\n') == NULL);
    }
    free(module);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input.data = data;
    input.size = size;

    enum bg_pvgpu_stage stage = next() % BG_PVGPU_STAGES;
    struct interface_limits limits = next_limits();

    take_shader();
    for (int i = 0; i < CHANGES_MAX && input.size > 0; i++) {
        change();
    }
    read_words(stage, &limits);
    return 0;
}
