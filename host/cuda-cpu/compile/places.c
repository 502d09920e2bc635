/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/places.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/compile/shared.h"
#include "host/cuda-cpu/device/places.h"

/* Names lie behind each other: an empty one, those of files, those of variables. */
bool places_begin(struct emitter *emitter)
{
    const struct ptx_module *module = emitter->module;
    uint32_t used = 1;

    emitter->file_names = calloc(module->file_count + 1, sizeof(*emitter->file_names));
    if (emitter->file_names == NULL) {
        return false;
    }
    for (size_t i = 0; i < module->file_count; i++) {
        if (module->files[i] != NULL) {
            emitter->file_names[i] = used;
            used += (uint32_t)strlen(module->files[i]) + 1;
        }
    }
    return true;
}

static void add_word(struct text *list, uint32_t word)
{
    text_add(list, "%si32 %u", list->used ? ", " : "", word);
}

/* Copies are between two. */
static enum place_space space_of(const struct emitter *emitter)
{
    if (emitter->instruction == NULL || emitter->instruction->opcode == PTX_CP) {
        return PLACE_ANYWHERE;
    }
    switch (emit_named_space(emitter)) {
    case PTX_SPACE_GLOBAL:
    case PTX_SPACE_CONST:
        return PLACE_GLOBAL;
    case PTX_SPACE_SHARED:
        return PLACE_SHARED;
    case PTX_SPACE_LOCAL:
        return PLACE_LOCAL;
    default:
        return PLACE_ANYWHERE;
    }
}

uint32_t emit_site(struct emitter *emitter)
{
    const struct ptx_module *module = emitter->module;
    const struct ptx_instruction *instruction = emitter->instruction;
    struct ptx_position at = instruction != NULL ? instruction->at : emitter->function->at;
    struct ptx_location source = {0};

    if (emitter->file_names != NULL) { /* the code is kept */
        if (instruction != NULL && instruction->location) {
            source = module->locations[instruction->location - 1];
        }
        add_word(&emitter->places, at.line);
        add_word(&emitter->places, at.column);
        add_word(&emitter->places,
                 source.file < module->file_count ? emitter->file_names[source.file] : 0);
        add_word(&emitter->places, source.line);
        add_word(&emitter->places, space_of(emitter));
    }
    return emitter->sites++;
}

/* ---- Behind the last site ---- */

struct lists {
    struct text variables, names;
    uint32_t variable_count, name_size;
};

static void add_name(struct lists *lists, const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        text_add(&lists->names, "\\%02X", (unsigned char)*c);
    }
    text_add(&lists->names, "\\00");
    lists->name_size += (uint32_t)strlen(name) + 1;
}

static void add_variables(struct lists *lists, struct ptx_variable *const *variables, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (variables[i]->space == PTX_SPACE_SHARED && variables[i]->offset != SHARED_NOWHERE) {
            add_word(&lists->variables, (uint32_t)variables[i]->offset);
            add_word(&lists->variables, (uint32_t)variables[i]->size);
            add_word(&lists->variables, lists->name_size);
            add_name(lists, variables[i]->name);
            lists->variable_count++;
        }
    }
}

static void emit_words(struct text *out, const struct text *words, uint32_t count)
{
    text_add(out, "[%u x i32] %s%s%s, ", count, count ? "[" : "zeroinitializer",
             count ? words->bytes : "", count ? "]" : "");
}

static void emit_data(struct emitter *emitter, const struct lists *lists)
{
    uint32_t site_words = emitter->sites * (uint32_t)(sizeof(struct place) / sizeof(uint32_t));
    uint32_t variable_words = lists->variable_count * 3;

    text_add(emitter->out, "@" KERNEL_PLACES " = constant <{ [3 x i32], [%u x i32], [%u x i32], ",
             site_words, variable_words);
    text_add(emitter->out, "[%u x i8] }> <{ [3 x i32] [i32 %u, i32 %u, i32 %u], ", lists->name_size,
             emitter->sites, lists->variable_count, lists->name_size);
    emit_words(emitter->out, &emitter->places, site_words);
    emit_words(emitter->out, &lists->variables, variable_words);
    text_add(emitter->out, "[%u x i8] c\"%s\" }>, align 8\n", lists->name_size, lists->names.bytes);
}

void places_end(struct emitter *emitter, const struct ptx_function *kernel)
{
    const struct ptx_module *module = emitter->module;
    struct lists lists = {0};

    add_name(&lists, "");
    for (size_t i = 0; i < module->file_count; i++) {
        if (module->files[i] != NULL) {
            add_name(&lists, module->files[i]);
        }
    }
    add_variables(&lists, module->variables, module->variable_count);
    add_variables(&lists, kernel->variables, kernel->variable_count);
    if (lists.names.failed || lists.variables.failed || emitter->places.failed) {
        emitter->out->failed = true;
    } else {
        emit_data(emitter, &lists);
    }
    text_free(&lists.names);
    text_free(&lists.variables);
    text_free(&emitter->places);
    free(emitter->file_names);
}
