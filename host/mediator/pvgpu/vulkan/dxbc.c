/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <vkd3d_shader.h>

#include "host/mediator/pvgpu/vulkan/program.h"

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

/* ---- Translation ---- */

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
    taken = program_copy_words(program, code.code, code.size);
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

    return compile(&source, stage, program, reason) &&
           (stage != BG_PVGPU_STAGE_VERTEX || read_inputs(&source, program, reason));
}
