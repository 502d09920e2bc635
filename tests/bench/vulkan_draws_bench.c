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

static VkPipeline make_pipeline(const struct host_image *screen)
{
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
    const VkPipelineLayoutCreateInfo empty = {.sType =
                                                  VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
    struct host_pipeline wanted = {.vertex = "tests/shaders/raster.vert",
                                   .pixel = "tests/shaders/raster.frag",
                                   .input = &input,
                                   .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
                                   .screen = screen};

    HOST_CHECK(vkCreatePipelineLayout(host_device(), &empty, NULL, &wanted.layout));
    return host_pipeline_make(&wanted);
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
    uint64_t start_ns = 0;

    host_open();
    draw_frame_fill(triangles);
    struct host_image target =
        host_image_make(VK_FORMAT_R8G8B8A8_UNORM, DRAW_WIDTH, DRAW_HEIGHT, 1,
                        VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT, VK_IMAGE_ASPECT_COLOR_BIT);
    struct host_buffer vertices =
        host_buffer_make(VK_BUFFER_USAGE_VERTEX_BUFFER_BIT, triangles, sizeof(triangles));
    VkPipeline pipeline = make_pipeline(&target);
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
