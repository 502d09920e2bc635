/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptor sets: what is bound to a stage's slots, as its shader takes it. */
#include "host/mediator/pvgpu/vulkan/draw.h"

/* Of a batch: for some thousand draws that each bind something else. */
#define SETS 4096u

static VkResult make_pool(const struct vulkan *vulkan, struct vulkan_batch *batch)
{
    static const VkDescriptorPoolSize sizes[] = {
        {VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, SETS * 2},
        {VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, SETS * 2},
        {VK_DESCRIPTOR_TYPE_SAMPLER, SETS * 2},
        {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, SETS},
        {VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, SETS / 4},
        {VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, SETS},
        {VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER, SETS / 4},
    };
    const VkDescriptorPoolCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = SETS,
        .poolSizeCount = sizeof(sizes) / sizeof(sizes[0]),
        .pPoolSizes = sizes,
    };

    return vulkan->vkCreateDescriptorPool(vulkan->device, &create, NULL, &batch->descriptors);
}

static bool allocate(const struct vulkan *vulkan, struct vulkan_batch *batch,
                     VkDescriptorSetLayout layout, VkDescriptorSet *set)
{
    VkDescriptorSetAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorSetCount = 1,
        .pSetLayouts = &layout,
    };

    if (batch->descriptors == VK_NULL_HANDLE && make_pool(vulkan, batch) != VK_SUCCESS) {
        return false;
    }
    allocate.descriptorPool = batch->descriptors;
    return vulkan->vkAllocateDescriptorSets(vulkan->device, &allocate, set) == VK_SUCCESS;
}

/* What a slot is bound to; one of the three counts. */
struct descriptor {
    VkDescriptorBufferInfo buffer;
    VkDescriptorImageInfo image;
    VkBufferView texels;
};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void take_constants(const struct vulkan *vulkan, const struct draw_constants *constants,
                           struct descriptor *descriptor)
{
    if (constants->buffer != NULL) {
        descriptor->buffer = vulkan_find_constants(vulkan_resource_of(constants->buffer));
        descriptor->buffer.offset += constants->offset;
        descriptor->buffer.range =
            least(constants->size, vulkan->properties.limits.maxUniformBufferRange);
    }
}

static bool view_fits(const struct interface_binding *binding, const struct pvgpu_view *view)
{
    return vulkan_view_of(view)->type == binding->view &&
           (view->resource->samples > 1) == binding->multisampled;
}

/* Of a view without a format, as much as the device can show. */
static void take_words(const struct vulkan *vulkan, const struct pvgpu_view *view,
                       struct descriptor *descriptor)
{
    if (view->format->number == BG_PVGPU_FORMAT_UNKNOWN) {
        descriptor->buffer = (VkDescriptorBufferInfo){
            vulkan_resource_of(view->resource)->buffer, vulkan_view_of(view)->offset,
            least(vulkan_view_of(view)->size, vulkan->properties.limits.maxStorageBufferRange)};
    }
}

/* A view of another kind than the shader's reads as none. */
static void take_view(const struct vulkan *vulkan, const struct interface_binding *binding,
                      const struct pvgpu_view *view, struct descriptor *descriptor)
{
    bool is_buffer;

    if (view == NULL) {
        return;
    }
    is_buffer = view->resource->type == BG_PVGPU_RESOURCE_BUFFER;
    switch (binding->type) {
    case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER:
        if (is_buffer) {
            take_words(vulkan, view, descriptor);
        }
        break;
    case VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER:
    case VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER:
        descriptor->texels = is_buffer ? vulkan_view_of(view)->texels : VK_NULL_HANDLE;
        break;
    default:
        if (!is_buffer && view_fits(binding, view)) {
            descriptor->image.imageView = vulkan_view_of(view)->image;
        }
    }
}

static struct descriptor find_bound(const struct vulkan_renderer *renderer,
                                    const struct draw_stage *stage,
                                    const struct interface_binding *binding)
{
    const struct vulkan *vulkan = renderer->vulkan;
    struct descriptor descriptor = {
        .buffer = {.range = VK_WHOLE_SIZE},
        .image = {.imageLayout = VK_IMAGE_LAYOUT_GENERAL},
    };
    uint32_t slot = binding->binding;

    if (slot >= BG_PVGPU_BINDING_UNORDERED_ACCESS) {
        take_view(vulkan, binding, stage->unordered[slot - BG_PVGPU_BINDING_UNORDERED_ACCESS],
                  &descriptor);
    } else if (slot >= BG_PVGPU_BINDING_SAMPLER) {
        const struct draw_object *sampler = stage->samplers[slot - BG_PVGPU_BINDING_SAMPLER];

        descriptor.image.sampler =
            sampler != NULL ? sampler->sampler : renderer->draw->default_sampler;
    } else if (slot >= BG_PVGPU_BINDING_SHADER_RESOURCE) {
        take_view(vulkan, binding, stage->resources[slot - BG_PVGPU_BINDING_SHADER_RESOURCE],
                  &descriptor);
    } else {
        take_constants(vulkan, &stage->constants[slot], &descriptor);
    }
    return descriptor;
}

static void write_set(const struct vulkan_renderer *renderer, const struct draw_stage *stage,
                      VkDescriptorSet set)
{
    const struct interface *interface = &stage->shader->shader.program.interface;
    struct descriptor bound[INTERFACE_BINDINGS_END];
    VkWriteDescriptorSet writes[INTERFACE_BINDINGS_END];

    for (uint32_t i = 0; i < interface->binding_count; i++) {
        bound[i] = find_bound(renderer, stage, &interface->bindings[i]);
        writes[i] = (VkWriteDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = set,
            .dstBinding = interface->bindings[i].binding,
            .descriptorCount = 1,
            .descriptorType = interface->bindings[i].type,
            .pImageInfo = &bound[i].image,
            .pBufferInfo = &bound[i].buffer,
            .pTexelBufferView = &bound[i].texels,
        };
    }
    renderer->vulkan->vkUpdateDescriptorSets(renderer->vulkan->device, interface->binding_count,
                                             writes, 0, NULL);
}

bool draw_write_set(struct vulkan_renderer *renderer, struct draw_stage *stage)
{
    if (!stage->changed || stage->shader->shader.program.interface.binding_count == 0) {
        return true;
    }
    if (!allocate(renderer->vulkan, vulkan_batch_of(renderer), stage->shader->shader.set_layout,
                  &stage->set)) {
        return false;
    }
    write_set(renderer, stage, stage->set);
    stage->changed = false;
    return true;
}
