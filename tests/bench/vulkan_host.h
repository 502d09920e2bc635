/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program on the host needs to draw with Vulkan, for those that a pvgpu's guest is held
 * against: as a program does that is written for Vulkan, with two frames in flight. What goes wrong
 * ends the program. One thread.
 */
#ifndef TESTS_BENCH_VULKAN_HOST_H
#define TESTS_BENCH_VULKAN_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <vulkan/vulkan.h>

#define HOST_FRAMES 2u

struct host_buffer {
    VkBuffer buffer;
    VkDeviceMemory memory;
    void *bytes; /* mapped as long as it lives */
};

struct host_image {
    VkImage image;
    VkDeviceMemory memory;
    VkImageView view;
    VkFormat format;
    uint32_t width, height;
};

/* The device of the mediator's choice: a GPU before a processor. */
void host_open(void);
VkDevice host_device(void);
const char *host_device_name(void);

struct host_buffer host_buffer_make(VkBufferUsageFlags usage, const void *data, VkDeviceSize size);
/* In VK_IMAGE_LAYOUT_GENERAL, as all of them. */
struct host_image host_image_make(VkFormat format, uint32_t width, uint32_t height, uint32_t levels,
                                  VkImageUsageFlags usage, VkImageAspectFlags aspects);
/* All levels, packed one behind the other, of 4 bytes a texel; waits for it. */
void host_image_fill(const struct host_image *image, uint32_t levels, const void *texels,
                     VkDeviceSize size);

/* The stage of a shader that the build made: its path in the build's folder, without ".spv". */
VkPipelineShaderStageCreateInfo host_stage(VkShaderStageFlagBits stage, const char *path);

struct host_pipeline {
    const char *vertex, *pixel; /* as for host_stage */
    const VkPipelineVertexInputStateCreateInfo *input;
    VkPrimitiveTopology topology;
    VkCullModeFlags cull; /* fronts run clockwise */
    VkPipelineLayout layout;
    const struct host_image *screen, *depth; /* depth NULL: there is none */
    bool glows; /* added to what is there, and behind it nothing is hidden */
};

/* All of the screen, y up. */
VkPipeline host_pipeline_make(const struct host_pipeline *wanted);

/* Waits until the frame before the last is over; begins to record. */
VkCommandBuffer host_frame_begin(void);
/* Ends and submits it. */
void host_frame_end(void);
/* All frames are over. */
void host_finish(void);

/* Between what was done and what follows. */
void host_barrier(VkCommandBuffer commands);

/* Ends the program unless it is VK_SUCCESS. */
void host_check(VkResult result, const char *what);
#define HOST_CHECK(call) host_check((call), #call)

uint64_t host_now_ns(void);

#endif
