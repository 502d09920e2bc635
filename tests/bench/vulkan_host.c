/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/bench/vulkan_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEVICES_MAX 16u

struct frame {
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkFence fence;
};

static VkPhysicalDevice physical;
static VkPhysicalDeviceProperties properties;
static VkPhysicalDeviceMemoryProperties memory_types;
static VkDevice device;
static VkQueue queue;
static struct frame frames[HOST_FRAMES];
static uint32_t frame_number;

void host_check(VkResult result, const char *what)
{
    if (result != VK_SUCCESS) {
        fprintf(stderr, "%s: %d\n", what, (int)result);
        exit(1);
    }
}

uint64_t host_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

VkDevice host_device(void)
{
    return device;
}

const char *host_device_name(void)
{
    return properties.deviceName;
}

/* ---- The device ---- */

static void choose_device(VkInstance instance)
{
    VkPhysicalDevice there[DEVICES_MAX];
    uint32_t count = DEVICES_MAX;

    HOST_CHECK(vkEnumeratePhysicalDevices(instance, &count, there));
    for (uint32_t i = 0; i < count; i++) {
        vkGetPhysicalDeviceProperties(there[i], &properties);
        physical = there[i];
        if (properties.deviceType != VK_PHYSICAL_DEVICE_TYPE_CPU) {
            break;
        }
    }
    if (physical == VK_NULL_HANDLE) {
        host_check(VK_ERROR_INITIALIZATION_FAILED, "no Vulkan device");
    }
    vkGetPhysicalDeviceMemoryProperties(physical, &memory_types);
}

/* The first family of queues draws, on all drivers that there are. */
static void make_device(void)
{
    const float priority = 1;
    VkPhysicalDeviceVulkan13Features features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
        .synchronization2 = VK_TRUE,
        .dynamicRendering = VK_TRUE};
    const VkDeviceQueueCreateInfo one = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                         .queueCount = 1,
                                         .pQueuePriorities = &priority};
    const VkDeviceCreateInfo create = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                       .pNext = &features,
                                       .queueCreateInfoCount = 1,
                                       .pQueueCreateInfos = &one};

    HOST_CHECK(vkCreateDevice(physical, &create, NULL, &device));
    vkGetDeviceQueue(device, 0, 0, &queue);
}

static void make_frame(struct frame *frame)
{
    const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                          .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT};
    const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
                                     .flags = VK_FENCE_CREATE_SIGNALED_BIT};

    HOST_CHECK(vkCreateCommandPool(device, &pool, NULL, &frame->pool));
    HOST_CHECK(vkCreateFence(device, &fence, NULL, &frame->fence));
    HOST_CHECK(vkAllocateCommandBuffers(
        device,
        &(VkCommandBufferAllocateInfo){.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                       .commandPool = frame->pool,
                                       .commandBufferCount = 1},
        &frame->commands));
}

void host_open(void)
{
    const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                           .apiVersion = VK_API_VERSION_1_3};
    const VkInstanceCreateInfo create = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                         .pApplicationInfo = &application};
    VkInstance instance;

    HOST_CHECK(vkCreateInstance(&create, NULL, &instance));
    choose_device(instance);
    make_device();
    for (uint32_t i = 0; i < HOST_FRAMES; i++) {
        make_frame(&frames[i]);
    }
}

/* ---- Memory ---- */

static VkDeviceMemory allocate(const VkMemoryRequirements *needs, VkMemoryPropertyFlags wanted)
{
    VkMemoryAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                     .allocationSize = needs->size};
    VkDeviceMemory memory;

    while (
        allocate.memoryTypeIndex < memory_types.memoryTypeCount &&
        (!(needs->memoryTypeBits & 1u << allocate.memoryTypeIndex) ||
         (memory_types.memoryTypes[allocate.memoryTypeIndex].propertyFlags & wanted) != wanted)) {
        allocate.memoryTypeIndex++;
    }
    HOST_CHECK(vkAllocateMemory(device, &allocate, NULL, &memory));
    return memory;
}

struct host_buffer host_buffer_make(VkBufferUsageFlags usage, const void *data, VkDeviceSize size)
{
    const VkBufferCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = size, .usage = usage};
    VkMemoryRequirements needs;
    struct host_buffer made;

    HOST_CHECK(vkCreateBuffer(device, &create, NULL, &made.buffer));
    vkGetBufferMemoryRequirements(device, made.buffer, &needs);
    made.memory = allocate(&needs, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                       VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
    HOST_CHECK(vkBindBufferMemory(device, made.buffer, made.memory, 0));
    HOST_CHECK(vkMapMemory(device, made.memory, 0, VK_WHOLE_SIZE, 0, &made.bytes));
    if (data != NULL) {
        memcpy(made.bytes, data, size);
    }
    return made;
}

static void begin_layout(VkImage image, VkImageAspectFlags aspects)
{
    const VkImageMemoryBarrier2 barrier = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2,
        .dstStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
        .dstAccessMask = VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT,
        .newLayout = VK_IMAGE_LAYOUT_GENERAL,
        .image = image,
        .subresourceRange = {aspects, 0, VK_REMAINING_MIP_LEVELS, 0, 1}};
    const VkDependencyInfo dependency = {.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
                                         .imageMemoryBarrierCount = 1,
                                         .pImageMemoryBarriers = &barrier};

    vkCmdPipelineBarrier2(host_frame_begin(), &dependency);
    host_frame_end();
}

void host_image_fill(const struct host_image *image, uint32_t levels, const void *texels,
                     VkDeviceSize size)
{
    struct host_buffer staged = host_buffer_make(VK_BUFFER_USAGE_TRANSFER_SRC_BIT, texels, size);
    VkCommandBuffer commands = host_frame_begin();
    VkDeviceSize offset = 0;

    for (uint32_t level = 0; level < levels; level++) {
        const VkBufferImageCopy copy = {
            .bufferOffset = offset,
            .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, level, 0, 1},
            .imageExtent = {image->width >> level, image->height >> level, 1}};

        vkCmdCopyBufferToImage(commands, staged.buffer, image->image, VK_IMAGE_LAYOUT_GENERAL, 1,
                               &copy);
        offset += (VkDeviceSize)4 * copy.imageExtent.width * copy.imageExtent.height;
    }
    host_barrier(commands);
    host_frame_end();
    host_finish();
    vkDestroyBuffer(device, staged.buffer, NULL);
    vkFreeMemory(device, staged.memory, NULL);
}

struct host_image host_image_make(VkFormat format, uint32_t width, uint32_t height, uint32_t levels,
                                  VkImageUsageFlags usage, VkImageAspectFlags aspects)
{
    const VkImageCreateInfo create = {.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                                      .imageType = VK_IMAGE_TYPE_2D,
                                      .format = format,
                                      .extent = {width, height, 1},
                                      .mipLevels = levels,
                                      .arrayLayers = 1,
                                      .samples = VK_SAMPLE_COUNT_1_BIT,
                                      .usage = usage};
    struct host_image made = {.format = format, .width = width, .height = height};
    VkMemoryRequirements needs;

    HOST_CHECK(vkCreateImage(device, &create, NULL, &made.image));
    vkGetImageMemoryRequirements(device, made.image, &needs);
    made.memory = allocate(&needs, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
    HOST_CHECK(vkBindImageMemory(device, made.image, made.memory, 0));
    HOST_CHECK(vkCreateImageView(
        device,
        &(VkImageViewCreateInfo){.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
                                 .image = made.image,
                                 .viewType = VK_IMAGE_VIEW_TYPE_2D,
                                 .format = format,
                                 .subresourceRange = {aspects, 0, levels, 0, 1}},
        NULL, &made.view));
    begin_layout(made.image, aspects);
    return made;
}

/* ---- Pipelines ---- */

static VkShaderModule read_shader(const char *path)
{
    static uint32_t words[65536];
    FILE *file = fopen(path, "rb");
    size_t size = file != NULL ? fread(words, 1, sizeof(words), file) : 0;
    const VkShaderModuleCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = size, .pCode = words};
    VkShaderModule made;

    if (size == 0) {
        host_check(VK_ERROR_UNKNOWN, path);
    }
    fclose(file);
    HOST_CHECK(vkCreateShaderModule(device, &create, NULL, &made));
    return made;
}

VkPipelineShaderStageCreateInfo host_stage(VkShaderStageFlagBits stage, const char *path)
{
    const char *build = getenv("BAREGPU_BUILD");
    char file[256];

    snprintf(file, sizeof(file), "%s/%s.spv", build != NULL ? build : "build", path);
    return (VkPipelineShaderStageCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
        .stage = stage,
        .module = read_shader(file),
        .pName = "main"};
}

VkPipeline host_pipeline_make(const struct host_pipeline *wanted)
{
    const VkPipelineShaderStageCreateInfo stages[2] = {
        host_stage(VK_SHADER_STAGE_VERTEX_BIT, wanted->vertex),
        host_stage(VK_SHADER_STAGE_FRAGMENT_BIT, wanted->pixel)};
    const VkPipelineRenderingCreateInfo targets = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
        .colorAttachmentCount = 1,
        .pColorAttachmentFormats = &wanted->screen->format,
        .depthAttachmentFormat =
            wanted->depth != NULL ? wanted->depth->format : VK_FORMAT_UNDEFINED};
    const VkPipelineInputAssemblyStateCreateInfo assembly = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
        .topology = wanted->topology};
    const float width = (float)wanted->screen->width, height = (float)wanted->screen->height;
    const VkViewport viewport = {0, height, width, -height, 0, 1};
    const VkRect2D scissor = {{0, 0}, {wanted->screen->width, wanted->screen->height}};
    const VkPipelineViewportStateCreateInfo view = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
        .viewportCount = 1,
        .pViewports = &viewport,
        .scissorCount = 1,
        .pScissors = &scissor};
    const VkPipelineRasterizationStateCreateInfo rasterization = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
        .cullMode = wanted->cull,
        .frontFace = VK_FRONT_FACE_CLOCKWISE,
        .lineWidth = 1};
    const VkPipelineMultisampleStateCreateInfo samples = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
        .rasterizationSamples = VK_SAMPLE_COUNT_1_BIT};
    const VkPipelineDepthStencilStateCreateInfo depth = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
        .depthTestEnable = VK_TRUE,
        .depthWriteEnable = !wanted->glows,
        .depthCompareOp = VK_COMPARE_OP_LESS};
    const VkPipelineColorBlendAttachmentState target = {.blendEnable = wanted->glows,
                                                        .srcColorBlendFactor =
                                                            VK_BLEND_FACTOR_SRC_ALPHA,
                                                        .dstColorBlendFactor = VK_BLEND_FACTOR_ONE,
                                                        .srcAlphaBlendFactor = VK_BLEND_FACTOR_ONE,
                                                        .colorWriteMask = 0xF};
    const VkPipelineColorBlendStateCreateInfo blend = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
        .attachmentCount = 1,
        .pAttachments = &target};
    const VkGraphicsPipelineCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
        .pNext = &targets,
        .stageCount = 2,
        .pStages = stages,
        .pVertexInputState = wanted->input,
        .pInputAssemblyState = &assembly,
        .pViewportState = &view,
        .pRasterizationState = &rasterization,
        .pMultisampleState = &samples,
        .pDepthStencilState = &depth,
        .pColorBlendState = &blend,
        .layout = wanted->layout};
    VkPipeline made;

    HOST_CHECK(vkCreateGraphicsPipelines(device, VK_NULL_HANDLE, 1, &create, NULL, &made));
    return made;
}

/* ---- Frames ---- */

VkCommandBuffer host_frame_begin(void)
{
    const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                            .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    struct frame *frame = &frames[++frame_number % HOST_FRAMES];

    HOST_CHECK(vkWaitForFences(device, 1, &frame->fence, VK_TRUE, UINT64_MAX));
    HOST_CHECK(vkResetFences(device, 1, &frame->fence));
    HOST_CHECK(vkResetCommandPool(device, frame->pool, 0));
    HOST_CHECK(vkBeginCommandBuffer(frame->commands, &begin));
    return frame->commands;
}

void host_frame_end(void)
{
    struct frame *frame = &frames[frame_number % HOST_FRAMES];
    const VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                                 .commandBufferCount = 1,
                                 .pCommandBuffers = &frame->commands};

    HOST_CHECK(vkEndCommandBuffer(frame->commands));
    HOST_CHECK(vkQueueSubmit(queue, 1, &submit, frame->fence));
}

void host_finish(void)
{
    HOST_CHECK(vkDeviceWaitIdle(device));
}

void host_barrier(VkCommandBuffer commands)
{
    const VkMemoryBarrier2 all = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
                                  .srcStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
                                  .srcAccessMask = VK_ACCESS_2_MEMORY_WRITE_BIT,
                                  .dstStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
                                  .dstAccessMask =
                                      VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT};
    const VkDependencyInfo dependency = {.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
                                         .memoryBarrierCount = 1,
                                         .pMemoryBarriers = &all};

    vkCmdPipelineBarrier2(commands, &dependency);
}
