/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/pvgpu/vulkan/program.h"

#include <spirv-tools/libspirv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/mediator/pvgpu/vulkan/spirv.h"

static bool refuse(char reason[PROGRAM_REASON_MAX], const char *why)
{
    snprintf(reason, PROGRAM_REASON_MAX, "%.*s", (int)strcspn(why, "\n"), why);
    return false;
}

bool program_copy_words(struct program *program, const void *bytes, size_t size)
{
    program->words = malloc(size);
    if (program->words == NULL) {
        return false;
    }
    memcpy(program->words, bytes, size);
    program->count = size / sizeof(uint32_t);
    return true;
}

/* By the rules of Vulkan 1.3, which a driver does not check. */
static bool validate(const struct program *program, char reason[PROGRAM_REASON_MAX])
{
    spv_context context = spvContextCreate(SPV_ENV_VULKAN_1_3);
    spv_validator_options options = spvValidatorOptionsCreate();
    spv_const_binary_t binary = {program->words, program->count};
    spv_diagnostic diagnostic = NULL;
    bool valid;

    spvValidatorOptionsSetUniversalLimit(options, spv_validator_limit_max_id_bound,
                                         INTERFACE_IDS_MAX);
    valid = spvValidateWithOptions(context, options, &binary, &diagnostic) == SPV_SUCCESS;
    if (!valid) {
        refuse(reason, diagnostic != NULL ? diagnostic->error : "not valid");
    }
    spvDiagnosticDestroy(diagnostic);
    spvValidatorOptionsDestroy(options);
    spvContextDestroy(context);
    return valid;
}

static bool take_in(struct program *program, const void *bytecode, size_t size,
                    enum bg_pvgpu_stage stage, char reason[PROGRAM_REASON_MAX])
{
    uint32_t magic = 0;

    memcpy(&magic, bytecode, size >= sizeof(magic) ? sizeof(magic) : 0);
    if (magic == BG_PVGPU_SPIRV_MAGIC) {
        return program_copy_words(program, bytecode, size) || refuse(reason, "no memory");
    }
    if (magic != BG_PVGPU_DXBC_MAGIC) {
        return refuse(reason, "neither SPIR-V nor DXBC");
    }
    return dxbc_translate(bytecode, size, stage, program, reason);
}

bool program_read(struct program *program, const void *bytecode, size_t size,
                  enum bg_pvgpu_stage stage, const struct interface_limits *limits,
                  char reason[PROGRAM_REASON_MAX])
{
    bool ok;

    memset(program, 0, sizeof(*program));
    ok = take_in(program, bytecode, size, stage, reason) && validate(program, reason) &&
         interface_read(&program->interface, program->words, program->count, stage, limits, reason,
                        PROGRAM_REASON_MAX);
    if (!ok) {
        program_free(program);
    }
    return ok;
}

uint32_t *program_make_dual(const struct program *program)
{
    const uint32_t *words = program->words;
    size_t at = program->interface.second_output;
    uint32_t *dual;

    if (at < SPIRV_HEADER_WORDS + 3 || at >= program->count ||
        words[at - 3] != SPIRV_INSTRUCTION(SPIRV_OP_DECORATE, 4)) {
        return NULL;
    }
    dual = malloc((program->count + 4) * sizeof(*dual));
    if (dual == NULL) {
        return NULL;
    }
    memcpy(dual, words, at * sizeof(*dual));
    dual[at] = 0;
    memcpy(dual + at + 1,
           (const uint32_t[]){SPIRV_INSTRUCTION(SPIRV_OP_DECORATE, 4), words[at - 2],
                              SPIRV_DECORATION_INDEX, 1},
           4 * sizeof(*dual));
    memcpy(dual + at + 5, words + at + 1, (program->count - at - 1) * sizeof(*dual));
    return dual;
}

void program_free(struct program *program)
{
    free(program->words);
    memset(program, 0, sizeof(*program));
}
