/* SPDX-License-Identifier: BSD-2-Clause */
/* Shaders: from bytecode in the heap to a module and the layout of its descriptor set. */
#include <stdlib.h>
#include <string.h>

#include "host/mediator/pvgpu/vulkan/draw.h"
#include "host/mediator/pvgpu/vulkan/translator.h"

static VkResult make_module(const struct vulkan *vulkan, const uint32_t *words, size_t count,
                            VkShaderModule *module)
{
    const VkShaderModuleCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = count * sizeof(uint32_t),
        .pCode = words,
    };

    return vulkan->vkCreateShaderModule(vulkan->device, &create, NULL, module);
}

/* For a list of points. */
static VkResult make_points(const struct vulkan *vulkan, struct draw_shader *shader)
{
    size_t count = 0;
    uint32_t *words = program_make_points(&shader->program, &count);
    VkResult result = words != NULL ? make_module(vulkan, words, count, &shader->points)
                                    : VK_ERROR_OUT_OF_HOST_MEMORY;

    free(words);
    return result;
}

static VkResult make_modules(const struct vulkan *vulkan, struct draw_shader *shader)
{
    const struct program *program = &shader->program;
    VkResult result = make_module(vulkan, program->words, program->count, &shader->module);
    uint32_t *dual = result == VK_SUCCESS ? program_make_dual(program) : NULL;

    if (dual != NULL) {
        result = make_module(vulkan, dual, program->count + 4, &shader->dual);
        free(dual);
    }
    if (result == VK_SUCCESS && shader->stage == BG_PVGPU_STAGE_VERTEX) {
        result = make_points(vulkan, shader);
    }
    return result;
}

VkShaderStageFlagBits draw_stage_bit(enum bg_pvgpu_stage stage)
{
    static const VkShaderStageFlagBits bits[BG_PVGPU_STAGES] = {
        [BG_PVGPU_STAGE_VERTEX] = VK_SHADER_STAGE_VERTEX_BIT,
        [BG_PVGPU_STAGE_PIXEL] = VK_SHADER_STAGE_FRAGMENT_BIT,
        [BG_PVGPU_STAGE_GEOMETRY] = VK_SHADER_STAGE_GEOMETRY_BIT,
        [BG_PVGPU_STAGE_HULL] = VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT,
        [BG_PVGPU_STAGE_DOMAIN] = VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT,
        [BG_PVGPU_STAGE_COMPUTE] = VK_SHADER_STAGE_COMPUTE_BIT,
    };

    return bits[stage];
}

static VkResult make_set_layout(const struct vulkan *vulkan, struct draw_shader *shader)
{
    const struct interface *interface = &shader->program.interface;
    VkDescriptorSetLayoutBinding bindings[INTERFACE_BINDINGS_END];
    const VkDescriptorSetLayoutCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = interface->binding_count,
        .pBindings = bindings,
    };

    for (uint32_t i = 0; i < interface->binding_count; i++) {
        shader->writes =
            shader->writes || interface->bindings[i].binding >= BG_PVGPU_BINDING_UNORDERED_ACCESS;
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = interface->bindings[i].binding,
            .descriptorType = interface->bindings[i].type,
            .descriptorCount = 1,
            .stageFlags = draw_stage_bit(shader->stage),
        };
    }
    return vulkan->vkCreateDescriptorSetLayout(vulkan->device, &create, NULL, &shader->set_layout);
}

static VkResult make_compute(const struct vulkan_renderer *renderer, struct draw_object *object)
{
    const struct vulkan *vulkan = renderer->vulkan;
    struct draw_shader *shader = &object->shader;
    const struct draw_object *shaders[BG_PVGPU_STAGES] = {[BG_PVGPU_STAGE_COMPUTE] = object};
    VkResult result =
        draw_make_layout(renderer, shaders, BG_PVGPU_STAGES, &shader->pipeline_layout);
    const VkComputePipelineCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = shader->module,
                  .pName = "main"},
        .layout = shader->pipeline_layout,
    };

    return result != VK_SUCCESS
               ? result
               : vulkan->vkCreateComputePipelines(vulkan->device, renderer->draw->cache, 1, &create,
                                                  NULL, &shader->pipeline);
}

static struct pvgpu_outcome make_objects(struct vulkan_renderer *renderer,
                                         struct draw_object *object)
{
    struct draw_shader *shader = &object->shader;
    struct pvgpu_outcome outcome =
        vulkan_check(renderer, make_modules(renderer->vulkan, shader), "vkCreateShaderModule");

    if (outcome.code == BG_PVGPU_OK) {
        outcome = vulkan_check(renderer, make_set_layout(renderer->vulkan, shader),
                               "vkCreateDescriptorSetLayout");
    }
    if (outcome.code == BG_PVGPU_OK && shader->stage == BG_PVGPU_STAGE_COMPUTE) {
        outcome =
            vulkan_check(renderer, make_compute(renderer, object), "vkCreateComputePipelines");
    }
    return outcome;
}

/* A private copy: the guest can change the heap at any time. */
static struct pvgpu_outcome read_program(struct pvgpu_context *context, struct draw_object *object,
                                         const struct bg_pvgpu_create_shader *create)
{
    struct vulkan_draw *draw = draw_of(context);
    void *bytecode = malloc(create->bytecode_size);
    char reason[PROGRAM_REASON_MAX];
    bool ok;

    if (bytecode == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    }
    vulkan_settle_heap(vulkan_of(context));
    memcpy(bytecode, context->heap.memory + create->bytecode_offset, create->bytecode_size);
    ok = translator_read(vulkan_of(context)->vulkan->translator, &object->shader.program, bytecode,
                         create->bytecode_size, create->stage, &draw->shader_limits, reason);
    free(bytecode);
    return ok ? pvgpu_ok() : pvgpu_fail_shader(context, reason);
}

static bool stage_is_there(const struct vulkan_draw *draw, uint32_t stage)
{
    switch (stage) {
    case BG_PVGPU_STAGE_GEOMETRY:
        return draw->shader_limits.geometry;
    case BG_PVGPU_STAGE_HULL:
    case BG_PVGPU_STAGE_DOMAIN:
        return draw->shader_limits.tessellation;
    default:
        return stage < BG_PVGPU_STAGES;
    }
}

struct pvgpu_outcome draw_make_shader(struct pvgpu_context *context, struct draw_object *object,
                                      const struct bg_pvgpu_create_shader *create)
{
    struct vulkan_renderer *renderer = vulkan_of(context);
    struct pvgpu_outcome outcome;

    if (!stage_is_there(renderer->draw, create->stage) || create->bytecode_size == 0 ||
        create->bytecode_size > BG_PVGPU_SHADER_SIZE_MAX || create->bytecode_size % 4 != 0 ||
        create->bytecode_offset % 4 != 0 ||
        !pvgpu_heap_has(context, create->bytecode_offset, create->bytecode_size)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    object->shader.id = create->shader_id;
    object->shader.stage = create->stage;
    outcome = read_program(context, object, create);
    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    pvgpu_compiling_begin(&context->compiling, &create->shader_id, 1);
    outcome = make_objects(renderer, object);
    pvgpu_compiling_end(&context->compiling);
    free(object->shader.program.words);
    object->shader.program.words = NULL;
    if (outcome.code != BG_PVGPU_OK) {
        draw_discard_shader(renderer, object);
    }
    return outcome;
}

void draw_discard_shader(struct vulkan_renderer *renderer, struct draw_object *object)
{
    struct draw_shader *shader = &object->shader;

    vulkan_discard(renderer, VK_OBJECT_TYPE_PIPELINE, VULKAN_HANDLE(shader->pipeline), 0);
    vulkan_discard(renderer, VK_OBJECT_TYPE_PIPELINE_LAYOUT, VULKAN_HANDLE(shader->pipeline_layout),
                   0);
    vulkan_discard(renderer, VK_OBJECT_TYPE_DESCRIPTOR_SET_LAYOUT,
                   VULKAN_HANDLE(shader->set_layout), 0);
    vulkan_discard(renderer, VK_OBJECT_TYPE_SHADER_MODULE, VULKAN_HANDLE(shader->module), 0);
    vulkan_discard(renderer, VK_OBJECT_TYPE_SHADER_MODULE, VULKAN_HANDLE(shader->dual), 0);
    vulkan_discard(renderer, VK_OBJECT_TYPE_SHADER_MODULE, VULKAN_HANDLE(shader->points), 0);
}
