/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/pvgpu/vulkan/resource.h"

#include <stdlib.h>

#include "host/mediator/pvgpu/vulkan/draw.h"
#include "host/mediator/pvgpu/vulkan/format.h"

/* A buffer may be all that Direct3D binds; the wire's bind flags are checked above. */
#define BUFFER_USAGE                                                                               \
    (VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |                         \
     VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT |         \
     VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |                     \
     VK_BUFFER_USAGE_INDEX_BUFFER_BIT | VK_BUFFER_USAGE_VERTEX_BUFFER_BIT)
#define STAGE_USAGE (COPY_USAGE | VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT)
#define COPY_USAGE (VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT)
/* Constant buffers are read by vectors of four words, fills write words. */
#define BUFFER_ALIGN 16u

/* ---- Buffers ---- */

static VkResult make_buffer(const struct vulkan *vulkan, uint64_t size, VkBufferUsageFlags usage,
                            VkBuffer *buffer)
{
    const VkBufferCreateInfo create = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                       .size = size,
                                       .usage = usage,
                                       .sharingMode = VK_SHARING_MODE_EXCLUSIVE};

    if (size > vulkan->buffer_size_max) {
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    }
    return vulkan->vkCreateBuffer(vulkan->device, &create, NULL, buffer);
}

/* More than what is charged may be needed: the rest is charged, too. */
static struct pvgpu_outcome allocate(struct vulkan_renderer *renderer,
                                     const VkMemoryRequirements *needs,
                                     VkMemoryPropertyFlags wanted, uint64_t *charged,
                                     VkDeviceMemory *memory)
{
    uint64_t more = needs->size > *charged ? needs->size - *charged : 0;

    if (session_charge(renderer->session, more) != BG_COMPUTE_OK) {
        return pvgpu_fail(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    }
    *charged += more;
    return vulkan_check(renderer, vulkan_allocate(renderer->vulkan, needs, wanted, memory),
                        "vkAllocateMemory");
}

static struct pvgpu_outcome create_buffer(struct vulkan_renderer *renderer, uint64_t size,
                                          struct vulkan_resource *resource)
{
    const struct vulkan *vulkan = renderer->vulkan;
    VkMemoryRequirements needs;
    struct pvgpu_outcome outcome =
        vulkan_check(renderer,
                     make_buffer(vulkan, (size + BUFFER_ALIGN - 1) & ~(uint64_t)(BUFFER_ALIGN - 1),
                                 BUFFER_USAGE, &resource->buffer),
                     "vkCreateBuffer");

    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    vulkan->vkGetBufferMemoryRequirements(vulkan->device, resource->buffer, &needs);
    outcome = allocate(renderer, &needs, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, &resource->charged,
                       &resource->memory);
    if (outcome.code == BG_PVGPU_OK) {
        outcome = vulkan_check(
            renderer,
            vulkan->vkBindBufferMemory(vulkan->device, resource->buffer, resource->memory, 0),
            "vkBindBufferMemory");
    }
    return outcome;
}

/* ---- Images ---- */

static VkImageUsageFlags usage_of(const struct pvgpu_resource *resource,
                                  VkFormatFeatureFlags features)
{
    VkImageUsageFlags usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;

    if (resource->bind_flags & BG_PVGPU_BIND_RENDER_TARGET) {
        usage |= VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT;
    }
    if (resource->bind_flags & BG_PVGPU_BIND_DEPTH_STENCIL) {
        usage |= VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT;
    }
    if (resource->bind_flags & BG_PVGPU_BIND_UNORDERED_ACCESS) {
        usage |= VK_IMAGE_USAGE_STORAGE_BIT;
    }
    /* Without a use that has views an image can have none: with sampling, they all do. */
    if (resource->bind_flags & BG_PVGPU_BIND_SHADER_RESOURCE ||
        (features & VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT)) {
        usage |= VK_IMAGE_USAGE_SAMPLED_BIT;
    }
    return usage;
}

static VkImageType type_of(uint32_t type)
{
    return type == BG_PVGPU_RESOURCE_TEXTURE_1D   ? VK_IMAGE_TYPE_1D
           : type == BG_PVGPU_RESOURCE_TEXTURE_2D ? VK_IMAGE_TYPE_2D
                                                  : VK_IMAGE_TYPE_3D;
}

static VkImageCreateInfo describe_image(const struct vulkan *vulkan,
                                        const struct pvgpu_resource *resource, VkFormat format)
{
    const struct pvgpu_level *level = &resource->level[0];
    VkFormatProperties properties;
    VkImageCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .imageType = type_of(resource->type),
        .format = format,
        .extent = {level->width, level->height, level->depth},
        .mipLevels = resource->levels,
        .arrayLayers = resource->layers,
        .samples = (VkSampleCountFlagBits)resource->samples,
        .tiling = VK_IMAGE_TILING_OPTIMAL,
        .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
        .initialLayout = VK_IMAGE_LAYOUT_UNDEFINED,
    };

    vulkan->vkGetPhysicalDeviceFormatProperties(vulkan->physical, format, &properties);
    create.usage = usage_of(resource, properties.optimalTilingFeatures);
    if (!resource->format->depth) { /* views of other formats, which may have other uses */
        create.flags |= VK_IMAGE_CREATE_MUTABLE_FORMAT_BIT | VK_IMAGE_CREATE_EXTENDED_USAGE_BIT;
    }
    if (resource->misc_flags & BG_PVGPU_MISC_TEXTURE_CUBE) {
        create.flags |= VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT;
    }
    if (create.imageType == VK_IMAGE_TYPE_3D &&
        (resource->bind_flags & BG_PVGPU_BIND_RENDER_TARGET)) {
        create.flags |= VK_IMAGE_CREATE_2D_ARRAY_COMPATIBLE_BIT;
    }
    return create;
}

/* Whether the device has such images: a use of the format, the sides, so many bytes. */
static bool is_possible(const struct vulkan *vulkan, const VkImageCreateInfo *create, uint64_t size)
{
    VkImageFormatProperties has;

    return vulkan->vkGetPhysicalDeviceImageFormatProperties(
               vulkan->physical, create->format, create->imageType, create->tiling, create->usage,
               create->flags, &has) == VK_SUCCESS &&
           size <= has.maxResourceSize && create->extent.width <= has.maxExtent.width &&
           create->extent.height <= has.maxExtent.height &&
           create->extent.depth <= has.maxExtent.depth && create->mipLevels <= has.maxMipLevels &&
           create->arrayLayers <= has.maxArrayLayers && (create->samples & has.sampleCounts);
}

bool vulkan_has(struct pvgpu_context *context, const struct pvgpu_resource *wanted)
{
    const struct vulkan *vulkan = vulkan_of(context)->vulkan;
    VkFormat format = vulkan_format_find(vulkan, wanted->format->number);
    VkImageCreateInfo create;

    if (wanted->type == BG_PVGPU_RESOURCE_BUFFER) {
        return true;
    }
    create = describe_image(vulkan, wanted, format);
    return format != VK_FORMAT_UNDEFINED && is_possible(vulkan, &create, wanted->size);
}

static struct pvgpu_outcome create_image(struct vulkan_renderer *renderer,
                                         const struct pvgpu_resource *wanted,
                                         struct vulkan_resource *resource)
{
    const struct vulkan *vulkan = renderer->vulkan;
    VkImageCreateInfo create;
    VkMemoryRequirements needs;
    struct pvgpu_outcome outcome;

    resource->format = vulkan_format_find(vulkan, wanted->format->number);
    resource->aspects = vulkan_format_aspects(wanted->format);
    create = describe_image(vulkan, wanted, resource->format);
    outcome = vulkan_check(renderer,
                           vulkan->vkCreateImage(vulkan->device, &create, NULL, &resource->image),
                           "vkCreateImage");
    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    vulkan->vkGetImageMemoryRequirements(vulkan->device, resource->image, &needs);
    outcome = allocate(renderer, &needs, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, &resource->charged,
                       &resource->memory);
    if (outcome.code == BG_PVGPU_OK) {
        outcome = vulkan_check(
            renderer,
            vulkan->vkBindImageMemory(vulkan->device, resource->image, resource->memory, 0),
            "vkBindImageMemory");
    }
    return outcome;
}

/* ---- Zeros ---- */

static VkImageSubresourceRange all_of(const struct vulkan_resource *resource)
{
    return (VkImageSubresourceRange){.aspectMask = resource->aspects,
                                     .levelCount = VK_REMAINING_MIP_LEVELS,
                                     .layerCount = VK_REMAINING_ARRAY_LAYERS};
}

static void record_layout(const struct vulkan *vulkan, VkCommandBuffer commands,
                          const struct vulkan_resource *resource)
{
    const VkImageMemoryBarrier2 barrier = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2,
        .dstStageMask = VK_PIPELINE_STAGE_2_CLEAR_BIT,
        .dstAccessMask = VK_ACCESS_2_TRANSFER_WRITE_BIT,
        .oldLayout = VK_IMAGE_LAYOUT_UNDEFINED,
        .newLayout = VK_IMAGE_LAYOUT_GENERAL,
        .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .image = resource->image,
        .subresourceRange = all_of(resource),
    };
    const VkDependencyInfo dependency = {.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
                                         .imageMemoryBarrierCount = 1,
                                         .pImageMemoryBarriers = &barrier};

    vulkan->vkCmdPipelineBarrier2(commands, &dependency);
}

static struct pvgpu_outcome fill_with_zeros(struct vulkan_renderer *renderer,
                                            struct vulkan_resource *resource)
{
    const struct vulkan *vulkan = renderer->vulkan;
    const VkImageSubresourceRange all = all_of(resource);
    VkCommandBuffer commands = vulkan_record(renderer);

    if (commands == VK_NULL_HANDLE) {
        return pvgpu_fail(BG_PVGPU_ERROR_DEVICE_LOST);
    }
    vulkan_mark(renderer, &resource->marks, true);
    if (resource->buffer != VK_NULL_HANDLE) {
        vulkan->vkCmdFillBuffer(commands, resource->buffer, 0, VK_WHOLE_SIZE, 0);
        return pvgpu_ok();
    }
    record_layout(vulkan, commands, resource);
    if (resource->aspects & VK_IMAGE_ASPECT_COLOR_BIT) {
        vulkan->vkCmdClearColorImage(commands, resource->image, VK_IMAGE_LAYOUT_GENERAL,
                                     &(VkClearColorValue){0}, 1, &all);
    } else {
        vulkan->vkCmdClearDepthStencilImage(commands, resource->image, VK_IMAGE_LAYOUT_GENERAL,
                                            &(VkClearDepthStencilValue){0}, 1, &all);
    }
    return pvgpu_ok();
}

static void discard(struct vulkan_renderer *renderer, const struct vulkan_resource *resource)
{
    vulkan_discard(renderer, VK_OBJECT_TYPE_BUFFER, VULKAN_HANDLE(resource->buffer), 0);
    vulkan_discard(renderer, VK_OBJECT_TYPE_IMAGE, VULKAN_HANDLE(resource->image), 0);
    vulkan_discard(renderer, VK_OBJECT_TYPE_DEVICE_MEMORY, VULKAN_HANDLE(resource->memory),
                   resource->charged);
}

static void copy_zeros(const struct vulkan *vulkan, VkCommandBuffer commands, VkBuffer zeros,
                       const struct pvgpu_resource *wanted, const struct vulkan_resource *resource)
{
    for (uint32_t i = 0; i < wanted->levels * wanted->layers; i++) {
        const struct pvgpu_level *level = &wanted->level[i % wanted->levels];
        const VkBufferImageCopy copy = {
            .imageSubresource = {resource->aspects, i % wanted->levels, i / wanted->levels, 1},
            .imageExtent = {level->width, level->height, level->depth}};

        vulkan->vkCmdCopyBufferToImage(commands, zeros, resource->image, VK_IMAGE_LAYOUT_GENERAL, 1,
                                       &copy);
    }
}

/* Blocks cannot be cleared: they are copied from a buffer as large as the largest level. */
static struct pvgpu_outcome fill_blocks(struct vulkan_renderer *renderer,
                                        const struct pvgpu_resource *wanted,
                                        struct vulkan_resource *resource)
{
    struct vulkan_resource zeros = {0};
    struct pvgpu_outcome outcome = create_buffer(renderer, wanted->level[0].size, &zeros);
    VkCommandBuffer commands = vulkan_record(renderer);

    if (outcome.code == BG_PVGPU_OK && commands == VK_NULL_HANDLE) {
        outcome = pvgpu_fail(BG_PVGPU_ERROR_DEVICE_LOST);
    }
    if (outcome.code == BG_PVGPU_OK) {
        renderer->vulkan->vkCmdFillBuffer(commands, zeros.buffer, 0, VK_WHOLE_SIZE, 0);
        record_layout(renderer->vulkan, commands, resource);
        vulkan_barrier(renderer);
        vulkan_mark(renderer, &resource->marks, true);
        copy_zeros(renderer->vulkan, commands, zeros.buffer, wanted, resource);
    }
    discard(renderer, &zeros);
    return outcome;
}

/* ---- Create, destroy ---- */

struct pvgpu_outcome vulkan_create(struct pvgpu_context *context, struct pvgpu_resource *wanted)
{
    struct vulkan_renderer *renderer = vulkan_of(context);
    struct vulkan_resource *resource = calloc(1, sizeof(*resource));
    struct pvgpu_outcome outcome;

    if (resource == NULL || session_charge(renderer->session, wanted->size) != BG_COMPUTE_OK) {
        free(resource);
        return pvgpu_fail(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    }
    resource->charged = wanted->size;
    outcome = wanted->type == BG_PVGPU_RESOURCE_BUFFER
                  ? create_buffer(renderer, wanted->size, resource)
                  : create_image(renderer, wanted, resource);
    if (outcome.code == BG_PVGPU_OK) {
        outcome = wanted->format->block > 1 ? fill_blocks(renderer, wanted, resource)
                                            : fill_with_zeros(renderer, resource);
    }
    if (outcome.code != BG_PVGPU_OK) {
        discard(renderer, resource);
        free(resource);
        return outcome;
    }
    wanted->object = resource;
    return outcome;
}

void vulkan_destroy(struct pvgpu_context *context, struct pvgpu_resource *resource)
{
    vulkan_draw_forget_resource(vulkan_of(context), resource);
    vulkan_forget_renamed(vulkan_of(context), vulkan_resource_of(resource));
    discard(vulkan_of(context), vulkan_resource_of(resource));
    free(resource->object);
    resource->object = NULL;
}

/* ---- Views ---- */

/* A view to draw to is one of slices, of a 3D image, too. */
static VkImageViewType view_type_of(const struct pvgpu_view *view)
{
    bool target = view->bind & (BG_PVGPU_BIND_RENDER_TARGET | BG_PVGPU_BIND_DEPTH_STENCIL);

    switch (view->dimension) {
    case BG_PVGPU_VIEW_TEXTURE_1D:
        return VK_IMAGE_VIEW_TYPE_1D;
    case BG_PVGPU_VIEW_TEXTURE_2D_ARRAY:
    case BG_PVGPU_VIEW_TEXTURE_2D_MULTISAMPLED_ARRAY:
        return VK_IMAGE_VIEW_TYPE_2D_ARRAY;
    case BG_PVGPU_VIEW_TEXTURE_3D:
        return target ? VK_IMAGE_VIEW_TYPE_2D_ARRAY : VK_IMAGE_VIEW_TYPE_3D;
    case BG_PVGPU_VIEW_TEXTURE_CUBE:
        return VK_IMAGE_VIEW_TYPE_CUBE;
    case BG_PVGPU_VIEW_TEXTURE_CUBE_ARRAY:
        return VK_IMAGE_VIEW_TYPE_CUBE_ARRAY;
    default:
        return target && view->slice_count > 1 ? VK_IMAGE_VIEW_TYPE_2D_ARRAY
                                               : VK_IMAGE_VIEW_TYPE_2D;
    }
}

static VkImageUsageFlags usage_of_view(const struct pvgpu_view *view)
{
    switch (view->bind) {
    case BG_PVGPU_BIND_RENDER_TARGET:
        return VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT;
    case BG_PVGPU_BIND_DEPTH_STENCIL:
        return VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT;
    case BG_PVGPU_BIND_UNORDERED_ACCESS:
        return VK_IMAGE_USAGE_STORAGE_BIT;
    default:
        return VK_IMAGE_USAGE_SAMPLED_BIT;
    }
}

/* What a shader reads of depth with stencil. */
static VkImageAspectFlags aspect_of(const struct pvgpu_view *view)
{
    bool stencil = view->format->number == BG_PVGPU_FORMAT_X24_TYPELESS_G8_UINT ||
                   view->format->number == BG_PVGPU_FORMAT_X32_TYPELESS_G8X24_UINT;

    return stencil ? VK_IMAGE_ASPECT_STENCIL_BIT : VK_IMAGE_ASPECT_DEPTH_BIT;
}

static VkResult view_image(const struct vulkan *vulkan, const struct pvgpu_view *view,
                           struct vulkan_view *made)
{
    bool to_read = view->bind == BG_PVGPU_BIND_SHADER_RESOURCE;
    VkImageViewType type = view_type_of(view);
    bool layered = type != VK_IMAGE_VIEW_TYPE_1D && type != VK_IMAGE_VIEW_TYPE_3D;
    const VkImageViewUsageCreateInfo usage = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_USAGE_CREATE_INFO, .usage = usage_of_view(view)};
    VkImageViewCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
        .pNext = &usage,
        .image = made->resource->image,
        .viewType = type,
        .format = made->format,
        .subresourceRange =
            {
                .aspectMask = made->resource->aspects,
                .baseMipLevel = view->mip_level,
                .levelCount = to_read ? view->mip_levels : 1,
                .baseArrayLayer = layered ? view->first_slice : 0,
                .layerCount = !layered || type == VK_IMAGE_VIEW_TYPE_2D ? 1 : view->slice_count,
            },
    };

    made->type = create.viewType;
    if (to_read && (made->resource->aspects & VK_IMAGE_ASPECT_DEPTH_BIT)) {
        create.subresourceRange.aspectMask = aspect_of(view);
    }
    if (to_read && view->format->no_alpha) {
        create.components.a = VK_COMPONENT_SWIZZLE_ONE;
    }
    return vulkan->vkCreateImageView(vulkan->device, &create, NULL, &made->image);
}

static bool has_texels(const struct vulkan *vulkan, const struct pvgpu_view *view, VkFormat format)
{
    VkFormatProperties properties;
    VkFormatFeatureFlags needed = view->bind == BG_PVGPU_BIND_UNORDERED_ACCESS
                                      ? VK_FORMAT_FEATURE_STORAGE_TEXEL_BUFFER_BIT
                                      : VK_FORMAT_FEATURE_UNIFORM_TEXEL_BUFFER_BIT;

    vulkan->vkGetPhysicalDeviceFormatProperties(vulkan->physical, format, &properties);
    return properties.bufferFeatures & needed;
}

static VkResult view_texels(const struct vulkan *vulkan, const struct pvgpu_view *view,
                            struct vulkan_view *made)
{
    VkBufferViewCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
        .buffer = made->resource->buffer,
        .format = made->format,
    };

    made->offset = create.offset = (uint64_t)view->mip_level * view->format->size;
    made->size = create.range = (uint64_t)view->mip_levels * view->format->size;
    if (view->format->number == BG_PVGPU_FORMAT_UNKNOWN) {
        create.format = VK_FORMAT_R32_UINT; /* as shaders in DXBC read words */
        return view->mip_levels > vulkan->properties.limits.maxTexelBufferElements
                   ? VK_SUCCESS
                   : vulkan->vkCreateBufferView(vulkan->device, &create, NULL, &made->texels);
    }
    if (made->format == VK_FORMAT_UNDEFINED || !has_texels(vulkan, view, made->format) ||
        create.offset % vulkan->texel_alignment != 0 ||
        view->mip_levels > vulkan->properties.limits.maxTexelBufferElements) {
        return VK_ERROR_FORMAT_NOT_SUPPORTED;
    }
    return vulkan->vkCreateBufferView(vulkan->device, &create, NULL, &made->texels);
}

/* A depth image has views of its own format alone; what is read of it is read as colour. */
static VkFormat format_of_view(const struct vulkan *vulkan, const struct pvgpu_view *view)
{
    const struct vulkan_resource *resource = vulkan_resource_of(view->resource);

    if (resource->aspects & VK_IMAGE_ASPECT_DEPTH_BIT) {
        bool same = view->format == view->resource->format;
        bool reads = view->bind == BG_PVGPU_BIND_SHADER_RESOURCE &&
                     (view->format->number == BG_PVGPU_FORMAT_R32_FLOAT ||
                      view->format->number == BG_PVGPU_FORMAT_R16_UNORM ||
                      (view->format->aspect && view->resource->format->stencil));

        return same || reads ? resource->format : VK_FORMAT_UNDEFINED;
    }
    return view->format->depth ? VK_FORMAT_UNDEFINED
                               : vulkan_format_find(vulkan, view->format->number);
}

struct pvgpu_outcome vulkan_create_view(struct pvgpu_context *context, struct pvgpu_view *view)
{
    struct vulkan_renderer *renderer = vulkan_of(context);
    const struct vulkan *vulkan = renderer->vulkan;
    struct vulkan_view *made = calloc(1, sizeof(*made));
    VkResult result = VK_ERROR_FORMAT_NOT_SUPPORTED;

    if (made == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    }
    made->resource = vulkan_resource_of(view->resource);
    made->format = format_of_view(vulkan, view);
    if (made->resource->image == VK_NULL_HANDLE) {
        result = view_texels(vulkan, view, made);
    } else if (made->format != VK_FORMAT_UNDEFINED) {
        result = view_image(vulkan, view, made);
    }
    if (result != VK_SUCCESS) {
        free(made);
        return vulkan_check(renderer, result, "vkCreateImageView");
    }
    view->object = made;
    return pvgpu_ok();
}

void vulkan_destroy_view(struct pvgpu_context *context, struct pvgpu_view *view)
{
    struct vulkan_renderer *renderer = vulkan_of(context);
    struct vulkan_view *made = vulkan_view_of(view);

    vulkan_do_clears(renderer);
    vulkan_end_rendering(renderer); /* which may be to it */
    vulkan_draw_forget_view(renderer, view);
    vulkan_discard(renderer, VK_OBJECT_TYPE_IMAGE_VIEW, VULKAN_HANDLE(made->image), 0);
    vulkan_discard(renderer, VK_OBJECT_TYPE_BUFFER_VIEW, VULKAN_HANDLE(made->texels), 0);
    free(made);
    view->object = NULL;
}

/* ---- Memory of the host ---- */

struct pvgpu_outcome vulkan_stage_make(struct vulkan_renderer *renderer, uint64_t size,
                                       struct vulkan_stage *stage)
{
    const struct vulkan *vulkan = renderer->vulkan;
    const VkMemoryPropertyFlags wanted = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                         VK_MEMORY_PROPERTY_HOST_COHERENT_BIT |
                                         VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    VkMemoryRequirements needs;
    void *bytes = NULL;
    struct pvgpu_outcome outcome;

    *stage = (struct vulkan_stage){.size = 0};
    if (session_charge(renderer->session, size) != BG_COMPUTE_OK) {
        return pvgpu_fail(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    }
    stage->size = size;
    outcome = vulkan_check(renderer, make_buffer(vulkan, size, STAGE_USAGE, &stage->buffer),
                           "vkCreateBuffer");
    if (outcome.code == BG_PVGPU_OK) {
        vulkan->vkGetBufferMemoryRequirements(vulkan->device, stage->buffer, &needs);
        outcome = allocate(renderer, &needs, wanted, &stage->size, &stage->memory);
    }
    if (outcome.code == BG_PVGPU_OK) {
        outcome = vulkan_check(
            renderer, vulkan->vkBindBufferMemory(vulkan->device, stage->buffer, stage->memory, 0),
            "vkBindBufferMemory");
    }
    if (outcome.code == BG_PVGPU_OK) {
        outcome = vulkan_check(
            renderer,
            vulkan->vkMapMemory(vulkan->device, stage->memory, 0, VK_WHOLE_SIZE, 0, &bytes),
            "vkMapMemory");
    }
    stage->bytes = bytes;
    if (outcome.code != BG_PVGPU_OK) {
        vulkan_stage_discard(renderer, stage);
    }
    return outcome;
}

void vulkan_stage_discard(struct vulkan_renderer *renderer, const struct vulkan_stage *stage)
{
    vulkan_discard(renderer, VK_OBJECT_TYPE_BUFFER, VULKAN_HANDLE(stage->buffer), 0);
    vulkan_discard(renderer, VK_OBJECT_TYPE_DEVICE_MEMORY, VULKAN_HANDLE(stage->memory),
                   stage->size);
}

static VkResult allocate_import(const struct vulkan *vulkan, void *address, uint64_t size,
                                uint32_t allowed, VkDeviceMemory *memory)
{
    const VkImportMemoryHostPointerInfoEXT import = {
        .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
        .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
        .pHostPointer = address,
    };
    VkMemoryAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .pNext = &import, .allocationSize = size};
    VkMemoryHostPointerPropertiesEXT properties = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT};
    VkResult result = vulkan->vkGetMemoryHostPointerPropertiesEXT(vulkan->device, import.handleType,
                                                                  address, &properties);

    allowed &= properties.memoryTypeBits;
    if (result != VK_SUCCESS || allowed == 0) {
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    }
    allocate.memoryTypeIndex = (uint32_t)__builtin_ctz(allowed);
    return vulkan->vkAllocateMemory(vulkan->device, &allocate, NULL, memory);
}

bool vulkan_import(const struct vulkan *vulkan, void *address, uint64_t size, VkBuffer *buffer,
                   VkDeviceMemory *memory)
{
    const VkExternalMemoryBufferCreateInfo external = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
        .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT};
    const VkBufferCreateInfo create = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                       .pNext = &external,
                                       .size = size,
                                       .usage = COPY_USAGE,
                                       .sharingMode = VK_SHARING_MODE_EXCLUSIVE};
    VkMemoryRequirements needs;

    *memory = VK_NULL_HANDLE;
    *buffer = VK_NULL_HANDLE;
    if (vulkan->import_alignment == 0 || (uintptr_t)address % vulkan->import_alignment != 0 ||
        size % vulkan->import_alignment != 0 ||
        vulkan->vkCreateBuffer(vulkan->device, &create, NULL, buffer) != VK_SUCCESS) {
        return false;
    }
    vulkan->vkGetBufferMemoryRequirements(vulkan->device, *buffer, &needs);
    if (needs.size <= size &&
        allocate_import(vulkan, address, size, needs.memoryTypeBits, memory) == VK_SUCCESS &&
        vulkan->vkBindBufferMemory(vulkan->device, *buffer, *memory, 0) == VK_SUCCESS) {
        return true;
    }
    vulkan->vkDestroyBuffer(vulkan->device, *buffer, NULL);
    vulkan->vkFreeMemory(vulkan->device, *memory, NULL);
    return false;
}
