/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vkd3d_shader.h>

#include "host/mediator/pvgpu/vulkan/program.h"
#include "host/mediator/pvgpu/vulkan/spirv.h"

/* ---- Bindings: every slot that a shader could name ---- */

/* Slots of resources and unordered access are there twice, as buffer and as image. */
#define SLOTS                                                                                      \
    (BG_PVGPU_CONSTANT_BUFFERS_MAX + 2 * BG_PVGPU_SHADER_RESOURCES_MAX + BG_PVGPU_SAMPLERS_MAX +   \
     2 * BG_PVGPU_UNORDERED_ACCESS_MAX)

struct slots {
    uint32_t count;
    struct vkd3d_shader_resource_binding slots[SLOTS];
};

static void add_slots(struct slots *slots, enum bg_pvgpu_stage stage,
                      enum vkd3d_shader_descriptor_type type, uint32_t flags, uint32_t first,
                      uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        slots->slots[slots->count++] = (struct vkd3d_shader_resource_binding){
            .type = type,
            .register_index = i,
            .shader_visibility = VKD3D_SHADER_VISIBILITY_ALL,
            .flags = flags,
            .binding = {.set = stage, .binding = first + i, .count = 1},
        };
    }
}

static void list_slots(struct slots *slots, enum bg_pvgpu_stage stage)
{
    const uint32_t flags[] = {VKD3D_SHADER_BINDING_FLAG_BUFFER, VKD3D_SHADER_BINDING_FLAG_IMAGE};

    slots->count = 0;
    add_slots(slots, stage, VKD3D_SHADER_DESCRIPTOR_TYPE_CBV, flags[0],
              BG_PVGPU_BINDING_CONSTANT_BUFFER, BG_PVGPU_CONSTANT_BUFFERS_MAX);
    add_slots(slots, stage, VKD3D_SHADER_DESCRIPTOR_TYPE_SAMPLER, flags[1],
              BG_PVGPU_BINDING_SAMPLER, BG_PVGPU_SAMPLERS_MAX);
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        add_slots(slots, stage, VKD3D_SHADER_DESCRIPTOR_TYPE_SRV, flags[i],
                  BG_PVGPU_BINDING_SHADER_RESOURCE, BG_PVGPU_SHADER_RESOURCES_MAX);
        add_slots(slots, stage, VKD3D_SHADER_DESCRIPTOR_TYPE_UAV, flags[i],
                  BG_PVGPU_BINDING_UNORDERED_ACCESS, BG_PVGPU_UNORDERED_ACCESS_MAX);
    }
}

/* ---- Instructions that the library does not know, or skips ---- */

/* Of libvkd3d-shader 1.2, by Direct3D 11's numbers: what is skipped would be drawn wrongly. */
static const char *const untranslated[] = {
    [4] = "call",
    [5] = "callc",
    [20] = "emit_then_cut",
    [44] = "label",
    [81] = "umul",
    [82] = "umad",
    [119] = "emit_then_cut_stream",
    [120] = "interface_call",
    [132] = "uaddc",
    [133] = "usubb",
    [191] = "dadd",
    [192] = "dmax",
    [193] = "dmin",
    [194] = "dmul",
    [195] = "deq",
    [196] = "dge",
    [197] = "dlt",
    [198] = "dne",
    [199] = "dmov",
    [200] = "dmovc",
    [201] = "dtof",
    [202] = "ftod",
    [203] = "eval_snapped",
    [207] = "abort",
    [208] = "debug_break",
    [210] = "ddiv",
    [211] = "dfma",
    [212] = "drcp",
    [213] = "msad",
    [214] = "dtoi",
    [215] = "dtou",
    [216] = "itod",
    [217] = "utod",
};

enum opcode {
    OP_CUSTOM_DATA = 53,
    OP_SAMPLE_C = 70,
    OP_SAMPLE_C_LZ = 71,
    OP_EMIT_STREAM = 117,
    OP_CUT_STREAM = 118,
};

#define OP_MASK 0x7FFu
#define OP_EXTENDED 0x80000000u
#define EXTENSION_MASK 0x3Fu
#define EXTENSION_OFFSETS 1u /* of texels */
#define EXTENSION_OFFSETS_MASK 0x1FFE00u

/* NULL: it is translated. `instruction` has `length` words. */
static const char *find_untranslated(const uint32_t *instruction, size_t length)
{
    uint32_t op = instruction[0] & OP_MASK;
    uint32_t second = length > 1 ? instruction[1] : 0;

    switch (op) {
    case OP_SAMPLE_C:
    case OP_SAMPLE_C_LZ:
        return (instruction[0] & OP_EXTENDED) != 0 &&
                       (second & EXTENSION_MASK) == EXTENSION_OFFSETS &&
                       (second & EXTENSION_OFFSETS_MASK) != 0
                   ? "sample_c with an offset"
                   : NULL;
    case OP_EMIT_STREAM:
    case OP_CUT_STREAM:
        return length > 2 && instruction[2] != 0 ? "emit_stream of a second stream" : NULL;
    default:
        return op < sizeof(untranslated) / sizeof(untranslated[0]) ? untranslated[op] : NULL;
    }
}

/* 0 at the end, and where the library will say what is wrong. */
static size_t length_of(const uint32_t *instruction, size_t left)
{
    size_t length = 0;

    if (left > 1 && (instruction[0] & OP_MASK) == OP_CUSTOM_DATA) {
        length = instruction[1];
    } else if (left > 0) {
        length = instruction[0] >> 24 & 0x7F;
    }
    return length <= left ? length : 0;
}

static bool check_code(const uint32_t *code, size_t count, char reason[PROGRAM_REASON_MAX])
{
    size_t length;

    for (size_t at = 2; at < count && (length = length_of(code + at, count - at)) != 0;
         at += length) {
        const char *name = find_untranslated(code + at, length);

        if (name != NULL) {
            snprintf(reason, PROGRAM_REASON_MAX, "%s is not translated from DXBC", name);
            return false;
        }
    }
    return true;
}

#define CHUNK_SHDR 0x52444853u
#define CHUNK_SHEX 0x58454853u
#define CHUNKS 7 /* the word that counts them; where they are is behind it */

static bool check_instructions(const uint32_t *words, size_t count, char reason[PROGRAM_REASON_MAX])
{
    uint32_t chunks = count > CHUNKS ? words[CHUNKS] : 0;

    for (size_t i = CHUNKS + 1; chunks > 0 && i < count; i++, chunks--) {
        size_t at = words[i] / sizeof(uint32_t), left = at < count ? count - at : 0;

        if (left > 2 && (words[at] == CHUNK_SHDR || words[at] == CHUNK_SHEX)) {
            size_t length = words[at + 1] / sizeof(uint32_t);

            return check_code(words + at + 2, length < left - 2 ? length : left - 2, reason);
        }
    }
    return true;
}

/* ---- Translation ---- */

/* The library says of an array for each of its elements that it is a patch's; SPIR-V has that once.
 */
static bool is_said_again(const uint32_t *words, bool *said, uint32_t bound)
{
    bool again;

    if (words[0] != SPIRV_INSTRUCTION(SPIRV_OP_DECORATE, 3) || words[2] != SPIRV_DECORATION_PATCH ||
        words[1] >= bound) {
        return false;
    }
    again = said[words[1]];
    said[words[1]] = true;
    return again;
}

static bool say_patch_once(struct program *program)
{
    uint32_t *words = program->words, bound = words[3];
    size_t at = SPIRV_HEADER_WORDS, kept = at;
    bool *said = calloc(bound, sizeof(*said));

    while (said != NULL && at < program->count) {
        size_t length = spirv_length_of(words + at, program->count - at);

        if (length == 0) {
            break;
        }
        if (!is_said_again(words + at, said, bound)) {
            memmove(words + kept, words + at, length * sizeof(*words));
            kept += length;
        }
        at += length;
    }
    free(said);
    if (at != program->count) {
        return false;
    }
    program->count = kept;
    return true;
}

/* Takes the library's messages. */
static bool refuse(char reason[PROGRAM_REASON_MAX], char *messages)
{
    const char *text = messages != NULL && messages[0] != '\0' ? messages : "not valid DXBC";

    snprintf(reason, PROGRAM_REASON_MAX, "%.*s", (int)strcspn(text, "\n"), text);
    vkd3d_shader_free_messages(messages);
    return false;
}

static bool compile(const struct vkd3d_shader_code *source, enum bg_pvgpu_stage stage,
                    struct program *program, char reason[PROGRAM_REASON_MAX])
{
    struct slots slots;
    const struct vkd3d_shader_interface_info interface = {
        .type = VKD3D_SHADER_STRUCTURE_TYPE_INTERFACE_INFO,
        .bindings = slots.slots,
        .binding_count = SLOTS,
    };
    const struct vkd3d_shader_compile_info info = {
        .type = VKD3D_SHADER_STRUCTURE_TYPE_COMPILE_INFO,
        .next = &interface,
        .source = *source,
        .source_type = VKD3D_SHADER_SOURCE_DXBC_TPF,
        .target_type = VKD3D_SHADER_TARGET_SPIRV_BINARY,
        .log_level = VKD3D_SHADER_LOG_ERROR,
    };
    struct vkd3d_shader_code code;
    char *messages = NULL;
    bool taken;

    list_slots(&slots, stage);
    if (vkd3d_shader_compile(&info, &code, &messages) < 0) {
        return refuse(reason, messages);
    }
    vkd3d_shader_free_messages(messages);
    taken = program_copy_words(program, code.code, code.size) && say_patch_once(program);
    vkd3d_shader_free_shader_code(&code);
    return taken || refuse(reason, NULL);
}

/* Elements that are no system value have the location of their register. */
static void take_inputs(struct program *program, const struct vkd3d_shader_signature *signature)
{
    for (uint32_t i = 0; i < signature->element_count; i++) {
        const struct vkd3d_shader_signature_element *element = &signature->elements[i];
        struct program_input *input = &program->inputs[program->input_count];

        if (element->sysval_semantic != VKD3D_SHADER_SV_NONE ||
            program->input_count == INTERFACE_LOCATIONS) {
            continue;
        }
        snprintf(input->name, sizeof(input->name), "%s", element->semantic_name);
        input->index = element->semantic_index;
        input->location = element->register_index;
        program->input_count++;
    }
}

static bool read_inputs(const struct vkd3d_shader_code *source, struct program *program,
                        char reason[PROGRAM_REASON_MAX])
{
    struct vkd3d_shader_signature signature;
    char *messages = NULL;

    if (vkd3d_shader_parse_input_signature(source, &signature, &messages) < 0) {
        return refuse(reason, messages);
    }
    vkd3d_shader_free_messages(messages);
    take_inputs(program, &signature);
    vkd3d_shader_free_shader_signature(&signature);
    program->named = true;
    return true;
}

bool dxbc_translate(const void *bytecode, size_t size, enum bg_pvgpu_stage stage,
                    struct program *program, char reason[PROGRAM_REASON_MAX])
{
    const struct vkd3d_shader_code source = {bytecode, size};

    return check_instructions(bytecode, size / sizeof(uint32_t), reason) &&
           compile(&source, stage, program, reason) &&
           (stage != BG_PVGPU_STAGE_VERTEX || read_inputs(&source, program, reason));
}
