/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c)
/*
 * Any text as PTX. Held: it is taken or an error is said; within the memory allowed; and what is
 * taken names only registers, labels and symbols that are there.
 */
#include <string.h>

#include "host/cuda-cpu/ptx/module.h"
#include "tests/fuzz/input.h"

static const struct ptx_limits limits = {
    .text = 1 << 20,
    .memory = 1 << 25,
    .instructions = 10000,
    .variable = 1 << 20,
};

static void check_operand(const struct ptx_function *function, const struct ptx_operand *operand)
{
    if (operand->kind == PTX_O_REGISTER) {
        CHECK(operand->reg < function->register_count);
    } else if (operand->kind == PTX_O_LABEL) {
        CHECK(operand->label < function->branch_count);
    } else if (operand->kind == PTX_O_SYMBOL) {
        CHECK(operand->symbol != NULL && operand->symbol->name != NULL);
    } else if (operand->kind == PTX_O_LIST || operand->kind == PTX_O_PAIR ||
               operand->kind == PTX_O_TABLE) {
        for (size_t i = 0; i < operand->count; i++) {
            check_operand(function, &operand->items[i]);
        }
    }
    if (operand->base != NULL) {
        check_operand(function, operand->base);
    }
}

static void check_instruction(const struct ptx_module *module, const struct ptx_function *function,
                              const struct ptx_instruction *instruction)
{
    CHECK(instruction->form != NULL && instruction->form->opcode == instruction->opcode);
    CHECK(!instruction->has_guard || instruction->guard < function->register_count);
    CHECK(instruction->location <= module->location_count);
    for (size_t i = 0; i < instruction->operand_count; i++) {
        check_operand(function, &instruction->operands[i]);
    }
    for (size_t i = 0; instruction->call != NULL && i < 4; i++) {
        check_operand(function, &instruction->call[i]);
    }
}

static void check_function(const struct ptx_module *module, const struct ptx_function *function)
{
    for (size_t i = 0; i < function->branch_count; i++) {
        CHECK(function->branches[i].instruction <= function->instruction_count);
    }
    for (size_t i = 0; i < function->instruction_count; i++) {
        check_instruction(module, function, &function->instructions[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char log_text[256];
    struct ptx_log log;
    struct ptx_module *module;

    ptx_log_init(&log, log_text, sizeof(log_text));
    module = ptx_module_create((const char *)data, size, &limits, &log);
    CHECK(memchr(log_text, '\0', sizeof(log_text)) != NULL);
    CHECK((module == NULL) == (log.errors > 0));
    if (module != NULL) {
        CHECK(module->arena.used <= limits.memory);
        for (size_t i = 0; i < module->function_count; i++) {
            check_function(module, module->functions[i]);
        }
    }
    ptx_module_destroy(module);
    return 0;
}
