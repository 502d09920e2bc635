/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/bench/vulkan_host.c
// pkg: vulkan
// needs: build/tests/shaders/raster.vert.spv build/tests/shaders/raster.frag.spv
/*
 * The frames of run=bench-pvgpu-draw, drawn on the host: FRAMES of DRAWS triangles of their own
 * draw, each with 16 pixels' sides at most, in 1280 x 720. One JSON object on a line.
 *
 *   vulkan_draws_bench [FRAMES]
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/draw_frame.h"
#include "tests/bench/vulkan_host.h"

static VkPipeline make_pipeline(const char *folder, VkFormat format)
{
    char vertex[256], pixel[256];
    const VkPipelineRenderingCreateInfo targets = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
        .colorAttachmentCount = 1,
        .pColorAttachmentFormats = &format};
    const VkVertexInputBindingDescription binding = {.stride = sizeof(struct draw_vertex)};
    const VkVertexInputAttributeDescription attributes[] = {
        {.location = 0, .format = VK_FORMAT_R32G32B32A32_SFLOAT},
        {.location = 1,
         .format = VK_FORMAT_R32G32B32A32_SFLOAT,
         .offset = offsetof(struct draw_vertex, colour)},
        {.location = 2,
         .format = VK_FORMAT_R32G32_SFLOAT,
         .offset = offsetof(struct draw_vertex, place)}};
    const VkPipelineVertexInputStateCreateInfo input = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
        .vertexBindingDescriptionCount = 1,
        .pVertexBindingDescriptions = &binding,
        .vertexAttributeDescriptionCount = 3,
        .pVertexAttributeDescriptions = attributes};
    const VkPipelineInputAssemblyStateCreateInfo assembly = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
        .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST};
    const VkViewport viewport = {0, DRAW_HEIGHT, DRAW_WIDTH, -(float)DRAW_HEIGHT, 0, 1};
    const VkRect2D scissor = {{0, 0}, {DRAW_WIDTH, DRAW_HEIGHT}};
    const VkPipelineViewportStateCreateInfo view = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
        .viewportCount = 1,
        .pViewports = &viewport,
        .scissorCount = 1,
        .pScissors = &scissor};
    const VkPipelineRasterizationStateCreateInfo rasterization = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
        .cullMode = VK_CULL_MODE_NONE,
        .lineWidth = 1};
    const VkPipelineMultisampleStateCreateInfo samples = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
        .rasterizationSamples = VK_SAMPLE_COUNT_1_BIT};
    const VkPipelineColorBlendAttachmentState all = {.colorWriteMask = 0xF};
    const VkPipelineColorBlendStateCreateInfo blend = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
        .attachmentCount = 1,
        .pAttachments = &all};
    const VkPipelineLayoutCreateInfo empty = {.sType =
                                                  VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
    VkPipelineLayout layout;
    VkPipeline made;

    snprintf(vertex, sizeof(vertex), "%s/tests/shaders/raster.vert.spv", folder);
    snprintf(pixel, sizeof(pixel), "%s/tests/shaders/raster.frag.spv", folder);
    HOST_CHECK(vkCreatePipelineLayout(host_device(), &empty, NULL, &layout));
    const VkPipelineShaderStageCreateInfo stages[2] = {
        {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
         .stage = VK_SHADER_STAGE_VERTEX_BIT,
         .module = host_shader(vertex),
         .pName = "main"},
        {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
         .stage = VK_SHADER_STAGE_FRAGMENT_BIT,
         .module = host_shader(pixel),
         .pName = "main"}};
    const VkGraphicsPipelineCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
        .pNext = &targets,
        .stageCount = 2,
        .pStages = stages,
        .pVertexInputState = &input,
        .pInputAssemblyState = &assembly,
        .pViewportState = &view,
        .pRasterizationState = &rasterization,
        .pMultisampleState = &samples,
        .pColorBlendState = &blend,
        .layout = layout};
    HOST_CHECK(vkCreateGraphicsPipelines(host_device(), VK_NULL_HANDLE, 1, &create, NULL, &made));
    return made;
}

static void record(VkCommandBuffer commands, const struct host_image *target, VkPipeline pipeline,
                   VkBuffer vertices)
{
    const VkRenderingAttachmentInfo attachment = {.sType =
                                                      VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
                                                  .imageView = target->view,
                                                  .imageLayout = VK_IMAGE_LAYOUT_GENERAL,
                                                  .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
                                                  .storeOp = VK_ATTACHMENT_STORE_OP_STORE};
    const VkRenderingInfo rendering = {.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
                                       .renderArea = {{0, 0}, {DRAW_WIDTH, DRAW_HEIGHT}},
                                       .layerCount = 1,
                                       .colorAttachmentCount = 1,
                                       .pColorAttachments = &attachment};
    const VkDeviceSize start = 0;

    host_barrier(commands);
    vkCmdBeginRendering(commands, &rendering);
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    vkCmdBindVertexBuffers(commands, 0, 1, &vertices, &start);
    for (uint32_t i = 0; i < DRAW_COUNT; i++) {
        vkCmdDraw(commands, 3, 1, 3 * i, 0);
    }
    vkCmdEndRendering(commands);
}

int main(int count, char **arguments)
{
    static struct draw_vertex triangles[3 * DRAW_COUNT];
    uint32_t frames = count > 1 ? (uint32_t)strtoul(arguments[1], NULL, 10) : DRAW_FRAMES;
    const char *folder = getenv("BAREGPU_BUILD") != NULL ? getenv("BAREGPU_BUILD") : "build";
    uint64_t start_ns = 0;

    host_open();
    draw_frame_fill(triangles);
    struct host_image target =
        host_image_make(VK_FORMAT_R8G8B8A8_UNORM, DRAW_WIDTH, DRAW_HEIGHT, 1,
                        VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT, VK_IMAGE_ASPECT_COLOR_BIT);
    struct host_buffer vertices =
        host_buffer_make(VK_BUFFER_USAGE_VERTEX_BUFFER_BIT, triangles, sizeof(triangles));
    VkPipeline pipeline = make_pipeline(folder, target.format);
    for (uint32_t i = 0; i < DRAW_FRAMES_FIRST + frames; i++) {
        if (i == DRAW_FRAMES_FIRST) {
            host_finish();
            start_ns = host_now_ns();
        }
        record(host_frame_begin(), &target, pipeline, vertices.buffer);
        host_frame_end();
    }
    host_finish();
    printf("BENCH {\"name\": \"vulkan_draws\", \"value\": %.1f, \"device\": \"%s\"}\n",
           (double)frames * DRAW_COUNT * 1e9 / (double)(host_now_ns() - start_ns),
           host_device_name());
    return 0;
}
