/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Vulkan device of this process. The library is opened at run time: nothing of it is linked.
 *
 * Found before the jail, since the loader and the drivers read files; started in it, since a thread
 * from before would keep what the jail takes away.
 */
#ifndef MEDIATOR_PVGPU_VULKAN_DEVICE_H
#define MEDIATOR_PVGPU_VULKAN_DEVICE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#include "host/mediator/pvgpu/vulkan/functions.h"

#define VULKAN_REASON_SIZE 160

struct vulkan {
    void *library;
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue; /* draws, computes, copies; the consumer's thread */
    uint32_t family;

    VkPhysicalDeviceProperties properties;
    VkPhysicalDeviceMemoryProperties memory;
    VkPhysicalDeviceFeatures features; /* those enabled */
    VkDeviceSize buffer_size_max;      /* bytes */
    VkDeviceSize import_alignment;     /* of host memory; 0: it cannot be imported */
    VkDeviceSize texel_alignment;      /* of views of buffers, besides their texel's size */
    bool has_texel_alignment;          /* VK_EXT_texel_buffer_alignment */
    bool has_mirror_clamp;             /* samplers that mirror once */
    bool has_filter_minmax;            /* samplers that take the least or the greatest texel */
    bool has_divisor;                  /* VK_EXT_vertex_attribute_divisor, with its zero divisor */
    bool has_thin_lines, has_smooth_lines; /* VK_EXT_line_rasterization: Bresenham's, blended */
    bool has_custom_border;                /* VK_EXT_custom_border_color, without a format */

    /* Counts submissions; the last one that ended. */
    VkSemaphore timeline;

    /* Who reads shaders; the caller's to set, before vulkan_start, and to stop. NULL: nobody. */
    struct translator *translator;

    /* The thread that waits for submissions (waiter.c). */
    struct vulkan_waiter *waiter;

    PFN_vkGetInstanceProcAddr vkGetInstanceProcAddr;
    PFN_vkCreateInstance vkCreateInstance;
#define VULKAN_MEMBER(name) PFN_##name name;
    VULKAN_INSTANCE_FUNCTIONS(VULKAN_MEMBER)
    VULKAN_DEVICE_FUNCTIONS(VULKAN_MEMBER)
    VULKAN_EXTENSION_FUNCTIONS(VULKAN_MEMBER)
#undef VULKAN_MEMBER
};

/*
 * Makes the instance and chooses the physical device; no thread, no VkDevice yet.
 * `wanted`: a part of the device's name, or its number among the host's; NULL or empty: the first
 * that draws, a GPU before a processor. NULL with a reason, which says what to do, when there is no
 * library, or no device with Vulkan 1.3 and what is needed of it.
 */
struct vulkan *vulkan_open(const char *wanted, char reason[VULKAN_REASON_SIZE]);

/* The number of its render node, /dev/dri/renderD128 for one; VULKAN_NO_NODE (files.h). */
int vulkan_get_node(const struct vulkan *vulkan);

/* Makes the VkDevice, and the threads; before anything else is done with it. False with a reason.
 */
bool vulkan_start(struct vulkan *vulkan, char reason[VULKAN_REASON_SIZE]);

/* What was made of it is gone. */
void vulkan_close(struct vulkan *vulkan);

/* BG_PVGPU_FEATURE_* that drawing on it adds, once it is started. */
uint64_t vulkan_get_features(const struct vulkan *vulkan);

#endif
