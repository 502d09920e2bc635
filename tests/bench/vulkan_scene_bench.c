/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/bench/vulkan_host.c firmware/apps/draw/scene.c
// pkg: vulkan
// needs: build/tests/bench/scene/scene_mesh.vert.spv build/tests/bench/scene/scene_mesh.frag.spv
// needs: build/tests/bench/scene/scene_particle.vert.spv
// needs: build/tests/bench/scene/scene_particle.frag.spv
// needs: build/tests/bench/scene/scene_particle.comp.spv
/*
 * The scene of run=pvgpu-draw, drawn on the host by the same shaders, 1280 x 720, with a copy of
 * each frame into memory, which is what a present is. One JSON object on a line.
 *
 *   vulkan_scene_bench [FRAMES]
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "firmware/apps/draw/scene.h"
#include "tests/bench/vulkan_host.h"

#define WIDTH 1280u
#define HEIGHT 720u
#define FRAMES 40u
#define FRAMES_FIRST 5u /* not counted: what is compiled and allocated once */
#define STRIDE 256u     /* of the frames' constants */
/* The sets are the stages of protocol/pvgpu_draw.h, as mk/shaders.sh numbers them. */
#define SETS 6u
#define SET_VERTEX 0u
#define SET_PIXEL 1u
#define SET_COMPUTE 5u
#define BINDING_TEXTURE 16u
#define BINDING_SAMPLER 144u
#define BINDING_PARTICLES 160u

static struct {
    struct host_image screen, depth, texture;
    struct host_buffer vertices, indices, instances, particles, constants, shown;
    VkDescriptorSetLayout set_layouts[SETS];
    VkDescriptorSet sets[SETS];
    VkPipelineLayout layout;
    VkPipeline meshes, sparks, moves;
    VkSampler sampler;
} scene;

/* ---- Resources ---- */

static void make_targets(void)
{
    scene.screen =
        host_image_make(VK_FORMAT_B8G8R8A8_SRGB, WIDTH, HEIGHT, 1,
                        VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
                        VK_IMAGE_ASPECT_COLOR_BIT);
    scene.depth =
        host_image_make(VK_FORMAT_D32_SFLOAT, WIDTH, HEIGHT, 1,
                        VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT, VK_IMAGE_ASPECT_DEPTH_BIT);
    scene.shown =
        host_buffer_make(VK_BUFFER_USAGE_TRANSFER_DST_BIT, NULL, (VkDeviceSize)WIDTH * HEIGHT * 4);
}

static void make_buffers(void)
{
    static struct scene_vertex vertices[SCENE_VERTICES];
    static uint16_t indices[SCENE_INDICES];
    static struct scene_instance instances[SCENE_INSTANCES];
    static struct scene_particle particles[SCENE_PARTICLES];
    static uint32_t texels[SCENE_TEXTURE_TEXELS];

    scene_mesh(vertices, indices);
    scene_instances(instances);
    scene_particles(particles);
    scene_texture(texels);
    scene.vertices =
        host_buffer_make(VK_BUFFER_USAGE_VERTEX_BUFFER_BIT, vertices, sizeof(vertices));
    scene.indices = host_buffer_make(VK_BUFFER_USAGE_INDEX_BUFFER_BIT, indices, sizeof(indices));
    scene.instances =
        host_buffer_make(VK_BUFFER_USAGE_VERTEX_BUFFER_BIT, instances, sizeof(instances));
    scene.particles =
        host_buffer_make(VK_BUFFER_USAGE_VERTEX_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
                         particles, sizeof(particles));
    scene.constants =
        host_buffer_make(VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, NULL, HOST_FRAMES * STRIDE);
    scene.texture = host_image_make(
        VK_FORMAT_R8G8B8A8_SRGB, SCENE_TEXTURE_SIDE, SCENE_TEXTURE_SIDE, SCENE_TEXTURE_LEVELS,
        VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT, VK_IMAGE_ASPECT_COLOR_BIT);
    host_image_fill(&scene.texture, SCENE_TEXTURE_LEVELS, texels, sizeof(texels));
}

/* ---- Descriptors ---- */

static void make_set_layout(uint32_t set, const VkDescriptorSetLayoutBinding *bindings,
                            uint32_t count)
{
    const VkDescriptorSetLayoutCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = count,
        .pBindings = bindings};

    HOST_CHECK(vkCreateDescriptorSetLayout(host_device(), &create, NULL, &scene.set_layouts[set]));
}

#define BINDING(number, type) {(number), VK_DESCRIPTOR_TYPE_##type, 1, VK_SHADER_STAGE_ALL, NULL}

static void make_layout(void)
{
    static const VkDescriptorSetLayoutBinding pixel[] = {BINDING(0, UNIFORM_BUFFER_DYNAMIC),
                                                         BINDING(BINDING_TEXTURE, SAMPLED_IMAGE),
                                                         BINDING(BINDING_SAMPLER, SAMPLER)};
    static const VkDescriptorSetLayoutBinding compute[] = {
        BINDING(0, UNIFORM_BUFFER_DYNAMIC), BINDING(BINDING_PARTICLES, STORAGE_BUFFER)};

    for (uint32_t i = 0; i < SETS; i++) {
        make_set_layout(i, i == SET_COMPUTE ? compute : pixel,
                        i == SET_COMPUTE ? 2
                        : i == SET_PIXEL ? 3
                                         : i == SET_VERTEX);
    }
    const VkPipelineLayoutCreateInfo create = {.sType =
                                                   VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                               .setLayoutCount = SETS,
                                               .pSetLayouts = scene.set_layouts};
    HOST_CHECK(vkCreatePipelineLayout(host_device(), &create, NULL, &scene.layout));
}

static void allocate_sets(void)
{
    const VkDescriptorPoolSize sizes[] = {{VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC, 3},
                                          {VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, 1},
                                          {VK_DESCRIPTOR_TYPE_SAMPLER, 1},
                                          {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1}};
    const VkDescriptorPoolCreateInfo create = {.sType =
                                                   VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                               .maxSets = SETS,
                                               .poolSizeCount = 4,
                                               .pPoolSizes = sizes};
    VkDescriptorSetAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                            .descriptorSetCount = SETS,
                                            .pSetLayouts = scene.set_layouts};

    HOST_CHECK(vkCreateDescriptorPool(host_device(), &create, NULL, &allocate.descriptorPool));
    HOST_CHECK(vkAllocateDescriptorSets(host_device(), &allocate, scene.sets));
}

static void write_buffer(uint32_t set, uint32_t binding, VkDescriptorType type, VkBuffer buffer,
                         VkDeviceSize size)
{
    const VkDescriptorBufferInfo info = {buffer, 0, size};
    const VkWriteDescriptorSet write = {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                        .dstSet = scene.sets[set],
                                        .dstBinding = binding,
                                        .descriptorCount = 1,
                                        .descriptorType = type,
                                        .pBufferInfo = &info};

    vkUpdateDescriptorSets(host_device(), 1, &write, 0, NULL);
}

static void write_texture(void)
{
    const VkSamplerCreateInfo create = {.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
                                        .magFilter = VK_FILTER_LINEAR,
                                        .minFilter = VK_FILTER_LINEAR,
                                        .mipmapMode = VK_SAMPLER_MIPMAP_MODE_LINEAR,
                                        .maxLod = VK_LOD_CLAMP_NONE};

    HOST_CHECK(vkCreateSampler(host_device(), &create, NULL, &scene.sampler));
    const VkDescriptorImageInfo info = {scene.sampler, scene.texture.view, VK_IMAGE_LAYOUT_GENERAL};
    VkWriteDescriptorSet write = {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                  .dstSet = scene.sets[SET_PIXEL],
                                  .dstBinding = BINDING_TEXTURE,
                                  .descriptorCount = 1,
                                  .descriptorType = VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE,
                                  .pImageInfo = &info};
    vkUpdateDescriptorSets(host_device(), 1, &write, 0, NULL);
    write.dstBinding = BINDING_SAMPLER;
    write.descriptorType = VK_DESCRIPTOR_TYPE_SAMPLER;
    vkUpdateDescriptorSets(host_device(), 1, &write, 0, NULL);
}

static void make_descriptors(void)
{
    static const uint32_t with_constants[] = {SET_VERTEX, SET_PIXEL, SET_COMPUTE};

    make_layout();
    allocate_sets();
    for (uint32_t i = 0; i < 3; i++) {
        write_buffer(with_constants[i], 0, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC,
                     scene.constants.buffer, STRIDE);
    }
    write_buffer(SET_COMPUTE, BINDING_PARTICLES, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                 scene.particles.buffer, VK_WHOLE_SIZE);
    write_texture();
}

/* ---- Pipelines ---- */

#define SCENE "tests/bench/scene/scene_"

static VkPipeline make_pipeline(struct host_pipeline wanted)
{
    wanted.cull = VK_CULL_MODE_BACK_BIT;
    wanted.layout = scene.layout;
    wanted.screen = &scene.screen;
    wanted.depth = &scene.depth;
    return host_pipeline_make(&wanted);
}

#define ELEMENT(place, of, member, vulkan, buffer)                                                 \
    {.location = (place),                                                                          \
     .binding = (buffer),                                                                          \
     .format = VK_FORMAT_##vulkan,                                                                 \
     .offset = offsetof(struct of, member)}

static void make_meshes(void)
{
    static const VkVertexInputBindingDescription bindings[] = {
        {0, sizeof(struct scene_vertex), VK_VERTEX_INPUT_RATE_VERTEX},
        {1, sizeof(struct scene_instance), VK_VERTEX_INPUT_RATE_INSTANCE}};
    static const VkVertexInputAttributeDescription elements[] = {
        ELEMENT(0, scene_vertex, position, R32G32B32_SFLOAT, 0),
        ELEMENT(1, scene_vertex, normal, R32G32B32_SFLOAT, 0),
        ELEMENT(2, scene_vertex, texture_place, R32G32_SFLOAT, 0),
        ELEMENT(3, scene_instance, place, R32G32B32A32_SFLOAT, 1),
        ELEMENT(4, scene_instance, tint, R8G8B8A8_UNORM, 1),
        ELEMENT(5, scene_instance, motion, R32G32B32_SFLOAT, 1)};
    const VkPipelineVertexInputStateCreateInfo input = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
        .vertexBindingDescriptionCount = 2,
        .pVertexBindingDescriptions = bindings,
        .vertexAttributeDescriptionCount = 6,
        .pVertexAttributeDescriptions = elements};

    scene.meshes =
        make_pipeline((struct host_pipeline){.vertex = SCENE "mesh.vert",
                                             .pixel = SCENE "mesh.frag",
                                             .input = &input,
                                             .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST});
}

static void make_sparks(void)
{
    static const VkVertexInputBindingDescription binding = {1, sizeof(struct scene_particle),
                                                            VK_VERTEX_INPUT_RATE_INSTANCE};
    static const VkVertexInputAttributeDescription elements[] = {
        ELEMENT(0, scene_particle, place, R32G32B32A32_SFLOAT, 1),
        ELEMENT(1, scene_particle, tint, R8G8B8A8_UNORM, 1)};
    const VkPipelineVertexInputStateCreateInfo input = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
        .vertexBindingDescriptionCount = 1,
        .pVertexBindingDescriptions = &binding,
        .vertexAttributeDescriptionCount = 2,
        .pVertexAttributeDescriptions = elements};

    scene.sparks =
        make_pipeline((struct host_pipeline){.vertex = SCENE "particle.vert",
                                             .pixel = SCENE "particle.frag",
                                             .input = &input,
                                             .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP,
                                             .glows = true});
}

static void make_moves(void)
{
    const VkComputePipelineCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = host_stage(VK_SHADER_STAGE_COMPUTE_BIT, SCENE "particle.comp"),
        .layout = scene.layout};

    HOST_CHECK(
        vkCreateComputePipelines(host_device(), VK_NULL_HANDLE, 1, &create, NULL, &scene.moves));
}

/* ---- A frame ---- */

static void bind_sets(VkCommandBuffer commands, VkPipelineBindPoint point, uint32_t number)
{
    const uint32_t at = number % HOST_FRAMES * STRIDE, offsets[3] = {at, at, at};

    vkCmdBindDescriptorSets(commands, point, scene.layout, 0, SETS, scene.sets, 3, offsets);
}

static void move(VkCommandBuffer commands, uint32_t number)
{
    host_barrier(commands);
    bind_sets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, number);
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, scene.moves);
    vkCmdDispatch(commands, SCENE_PARTICLES / SCENE_PARTICLES_PER_GROUP, 1, 1);
    host_barrier(commands);
}

static void begin_rendering(VkCommandBuffer commands)
{
    VkRenderingAttachmentInfo colour = {.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
                                        .imageView = scene.screen.view,
                                        .imageLayout = VK_IMAGE_LAYOUT_GENERAL,
                                        .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
                                        .storeOp = VK_ATTACHMENT_STORE_OP_STORE};
    const VkRenderingAttachmentInfo depth = {.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
                                             .imageView = scene.depth.view,
                                             .imageLayout = VK_IMAGE_LAYOUT_GENERAL,
                                             .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
                                             .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
                                             .clearValue = {.depthStencil = {1, 0}}};
    const VkRenderingInfo rendering = {.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
                                       .renderArea = {{0, 0}, {WIDTH, HEIGHT}},
                                       .layerCount = 1,
                                       .colorAttachmentCount = 1,
                                       .pColorAttachments = &colour,
                                       .pDepthAttachment = &depth};

    for (int i = 0; i < 4; i++) {
        colour.clearValue.color.float32[i] = scene_background[i];
    }
    vkCmdBeginRendering(commands, &rendering);
}

static void draw(VkCommandBuffer commands, uint32_t number)
{
    const VkBuffer meshes[2] = {scene.vertices.buffer, scene.instances.buffer};
    const VkDeviceSize starts[2] = {0, 0};

    bind_sets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, number);
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, scene.meshes);
    vkCmdBindVertexBuffers(commands, 0, 2, meshes, starts);
    vkCmdBindIndexBuffer(commands, scene.indices.buffer, 0, VK_INDEX_TYPE_UINT16);
    vkCmdDrawIndexed(commands, SCENE_RING_INDICES, SCENE_RINGS, 0, 0, 0);
    vkCmdDrawIndexed(commands, SCENE_INDICES - SCENE_RING_INDICES, 1, SCENE_RING_INDICES,
                     SCENE_RING_VERTICES, SCENE_RINGS);
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, scene.sparks);
    vkCmdBindVertexBuffers(commands, 1, 1, &scene.particles.buffer, starts);
    vkCmdDraw(commands, SCENE_PARTICLE_CORNERS, SCENE_PARTICLES, 0, 0);
}

static void show(VkCommandBuffer commands)
{
    const VkBufferImageCopy copy = {.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
                                    .imageExtent = {WIDTH, HEIGHT, 1}};

    host_barrier(commands);
    vkCmdCopyImageToBuffer(commands, scene.screen.image, VK_IMAGE_LAYOUT_GENERAL,
                           scene.shown.buffer, 1, &copy);
}

static void draw_frame(uint32_t number)
{
    VkCommandBuffer commands = host_frame_begin();

    scene_frame((void *)((uint8_t *)scene.constants.bytes + number % HOST_FRAMES * STRIDE), number,
                WIDTH, HEIGHT);
    move(commands, number);
    begin_rendering(commands);
    draw(commands, number);
    vkCmdEndRendering(commands);
    show(commands);
    host_frame_end();
}

int main(int count, char **arguments)
{
    uint32_t frames = count > 1 ? (uint32_t)strtoul(arguments[1], NULL, 10) : FRAMES;
    uint64_t start_ns = 0;

    host_open();
    make_targets();
    make_buffers();
    make_descriptors();
    make_meshes();
    make_sparks();
    make_moves();
    for (uint32_t i = 0; i < FRAMES_FIRST + frames; i++) {
        if (i == FRAMES_FIRST) {
            host_finish();
            start_ns = host_now_ns();
        }
        draw_frame(i);
    }
    host_finish();
    printf("BENCH {\"name\": \"vulkan_scene\", \"value\": %.2f, \"device\": \"%s\"}\n",
           (double)frames * 1e9 / (double)(host_now_ns() - start_ns), host_device_name());
    return 0;
}
