/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Direct3D's points are one pixel; Vulkan's have the size that the vertex shader writes, and none
 * where it writes none (VUID-VkGraphicsPipelineCreateInfo-topology-07722). So the shader begins by
 * writing 1.
 */
#include <stdlib.h>
#include <string.h>

#include "host/mediator/pvgpu/vulkan/program.h"
#include "host/mediator/pvgpu/vulkan/spirv.h"

#define ONE 0x3F800000u /* as a float */
#define ADDED_MAX 32u   /* words */

/* Ids, 0 where there is none, and places in the module's words. */
struct module {
    uint32_t function, float_type, int_type;
    uint32_t block, member, block_pointer; /* a structure with the size in it */
    uint32_t block_variable, size_variable;
    size_t entry, types, functions, body;
};

static void read_decoration(struct module *module, const uint32_t *words, uint32_t length)
{
    bool of_member = spirv_op_of(words) == SPIRV_OP_MEMBER_DECORATE;
    const uint32_t *what = words + (of_member ? 3 : 2);

    if (length < (of_member ? 5 : 4) || what[0] != SPIRV_DECORATION_BUILT_IN ||
        what[1] != SPIRV_BUILT_IN_POINT_SIZE) {
        return;
    }
    if (of_member) {
        module->block = words[1];
        module->member = words[2];
    } else {
        module->size_variable = words[1];
    }
}

static void read_global(struct module *module, const uint32_t *words, uint32_t length)
{
    switch (spirv_op_of(words)) {
    case SPIRV_OP_TYPE_FLOAT:
        module->float_type = length >= 3 && words[2] == 32 ? words[1] : module->float_type;
        break;
    case SPIRV_OP_TYPE_INT:
        module->int_type = length >= 4 && words[2] == 32 ? words[1] : module->int_type;
        break;
    case SPIRV_OP_TYPE_POINTER:
        if (length >= 4 && words[2] == SPIRV_OUTPUT && words[3] == module->block) {
            module->block_pointer = words[1];
        }
        break;
    case SPIRV_OP_VARIABLE:
        if (length >= 4 && words[3] == SPIRV_OUTPUT && module->block != 0 &&
            words[1] == module->block_pointer) {
            module->block_variable = words[2];
        }
        break;
    case SPIRV_OP_DECORATE:
    case SPIRV_OP_MEMBER_DECORATE:
        read_decoration(module, words, length);
        break;
    default:
        break;
    }
}

static bool begins_types(enum spirv_op op)
{
    return op >= SPIRV_OP_TYPE_VOID && op <= SPIRV_OP_TYPE_POINTER;
}

/* What may stand before and between a function's variables. */
static bool begins_function(enum spirv_op op)
{
    return op == SPIRV_OP_FUNCTION || op == SPIRV_OP_FUNCTION_PARAMETER || op == SPIRV_OP_LABEL ||
           op == SPIRV_OP_VARIABLE || op == SPIRV_OP_LINE || op == SPIRV_OP_NO_LINE;
}

static void read_places(struct module *module, const uint32_t *words, uint32_t length, size_t at,
                        bool *in_entry)
{
    enum spirv_op op = spirv_op_of(words);

    if (op == SPIRV_OP_ENTRY_POINT && length >= 5) {
        module->entry = at;
        module->function = words[2];
    }
    if (begins_types(op) && module->types == 0) {
        module->types = at;
    }
    if (op == SPIRV_OP_FUNCTION && length >= 5) {
        module->functions = module->functions != 0 ? module->functions : at;
        *in_entry = words[2] == module->function;
    }
    if (*in_entry && module->body == 0 && !begins_function(op)) {
        module->body = at;
    }
}

/* False: it is not what it has to be. */
static bool read_module(struct module *module, const uint32_t *words, size_t count)
{
    bool in_entry = false;
    uint32_t length;

    memset(module, 0, sizeof(*module));
    for (size_t at = SPIRV_HEADER_WORDS; at < count; at += length) {
        length = spirv_length_of(words + at, count - at);
        if (length == 0) {
            return false;
        }
        read_places(module, words + at, length, at, &in_entry);
        if (module->functions == 0) {
            read_global(module, words + at, length);
        }
    }
    return module->entry != 0 && module->entry < module->types &&
           module->types < module->functions && module->functions < module->body &&
           words[module->entry] >> 16 < 0xFFFF;
}

/* ---- The other module ---- */

struct writer {
    uint32_t *words;
    size_t count;
    const uint32_t *from;
    size_t read; /* of `from` */
};

static void copy_to(struct writer *writer, size_t until)
{
    memcpy(writer->words + writer->count, writer->from + writer->read,
           (until - writer->read) * sizeof(*writer->words));
    writer->count += until - writer->read;
    writer->read = until;
}

#define ADD(writer, op, ...)                                                                       \
    add(writer, op, (const uint32_t[]){__VA_ARGS__},                                               \
        sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void add(struct writer *writer, enum spirv_op op, const uint32_t *operands, size_t count)
{
    writer->words[writer->count++] = SPIRV_INSTRUCTION(op, count + 1);
    memcpy(writer->words + writer->count, operands, count * sizeof(*operands));
    writer->count += count;
}

/* A variable for the size, decorated and in the interface: `id`. */
static void declare_variable(struct writer *writer, const struct module *module, uint32_t id)
{
    uint32_t length = writer->from[module->entry] >> 16;

    copy_to(writer, module->entry + length);
    writer->words[writer->count - length] += 1u << 16;
    writer->words[writer->count++] = id;
    copy_to(writer, module->types);
    ADD(writer, SPIRV_OP_DECORATE, id, SPIRV_DECORATION_BUILT_IN, SPIRV_BUILT_IN_POINT_SIZE);
}

#define ADDED_IDS 6u

/* The type that there is, or this one. */
static uint32_t declare_float(struct writer *writer, const struct module *module, uint32_t id)
{
    if (module->float_type != 0) {
        return module->float_type;
    }
    ADD(writer, SPIRV_OP_TYPE_FLOAT, id, 32);
    return id;
}

static uint32_t declare_int(struct writer *writer, const struct module *module, uint32_t id)
{
    if (module->int_type != 0) {
        return module->int_type;
    }
    ADD(writer, SPIRV_OP_TYPE_INT, id, 32, 0);
    return id;
}

/* From `id` on there are ids for what is added. */
static void write_module(struct writer *writer, const struct module *module, uint32_t id)
{
    uint32_t pointer = id, one = id + 1, size = id + 2, index = id + 3;
    bool in_block = module->size_variable == 0 && module->block_variable != 0;
    bool declare = module->size_variable == 0 && !in_block;
    uint32_t float_type;

    if (declare) {
        declare_variable(writer, module, size);
    }
    copy_to(writer, module->functions);
    float_type = declare_float(writer, module, id + 4);
    ADD(writer, SPIRV_OP_TYPE_POINTER, pointer, SPIRV_OUTPUT, float_type);
    ADD(writer, SPIRV_OP_CONSTANT, float_type, one, ONE);
    if (in_block) {
        uint32_t int_type = declare_int(writer, module, id + 5);

        ADD(writer, SPIRV_OP_CONSTANT, int_type, index, module->member);
    } else if (declare) {
        ADD(writer, SPIRV_OP_VARIABLE, pointer, size, SPIRV_OUTPUT);
    }
    copy_to(writer, module->body);
    if (in_block) {
        ADD(writer, SPIRV_OP_ACCESS_CHAIN, pointer, size, module->block_variable, index);
    }
    ADD(writer, SPIRV_OP_STORE, module->size_variable != 0 ? module->size_variable : size, one);
}

uint32_t *program_make_points(const struct program *program, size_t *count)
{
    struct writer writer = {.from = program->words};
    struct module module;

    if (program->count <= SPIRV_HEADER_WORDS ||
        !read_module(&module, program->words, program->count)) {
        return NULL;
    }
    writer.words = malloc((program->count + ADDED_MAX) * sizeof(*writer.words));
    if (writer.words == NULL) {
        return NULL;
    }
    write_module(&writer, &module, program->words[3]);
    copy_to(&writer, program->count);
    writer.words[3] += ADDED_IDS; /* the bound */
    *count = writer.count;
    return writer.words;
}
