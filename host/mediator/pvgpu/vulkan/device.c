/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/pvgpu/vulkan/device.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/common/symbol.h"
#include "host/mediator/pvgpu/vulkan/files.h"
#include "host/mediator/pvgpu/vulkan/waiter.h"
#include "protocol/pvgpu.h"

#define LIBRARY "libvulkan.so.1"
#define DEVICES_MAX 16u
#define FAMILIES_MAX 16u
#define EXTENSIONS_MAX 512u
#define PROGRAM "baregpu"

/* ---- Library and instance ---- */

static bool find_instance_functions(struct vulkan *vulkan)
{
    bool found = true;

#define FIND(name)                                                                                 \
    vulkan->name = (PFN_##name)vulkan->vkGetInstanceProcAddr(vulkan->instance, #name);             \
    found = found && vulkan->name != NULL;
    VULKAN_INSTANCE_FUNCTIONS(FIND)
#undef FIND
    return found;
}

static bool open_instance(struct vulkan *vulkan, char *reason)
{
    const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                           .pApplicationName = PROGRAM,
                                           .apiVersion = VK_API_VERSION_1_3};
    const VkInstanceCreateInfo create = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                         .pApplicationInfo = &application};

    vulkan->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (vulkan->library == NULL ||
        !symbol_find(vulkan->library, "vkGetInstanceProcAddr", &vulkan->vkGetInstanceProcAddr)) {
        snprintf(reason, VULKAN_REASON_SIZE, "there is no " LIBRARY " (Debian: libvulkan1)");
        return false;
    }
    vulkan->vkCreateInstance =
        (PFN_vkCreateInstance)vulkan->vkGetInstanceProcAddr(NULL, "vkCreateInstance");
    if (vulkan->vkCreateInstance == NULL ||
        vulkan->vkCreateInstance(&create, NULL, &vulkan->instance) != VK_SUCCESS ||
        !find_instance_functions(vulkan)) {
        snprintf(reason, VULKAN_REASON_SIZE,
                 LIBRARY " finds no driver of Vulkan 1.3 (Debian: mesa-vulkan-drivers)");
        return false;
    }
    return true;
}

/* ---- Which device ---- */

/* What a device is asked for, and has. */
struct features {
    VkPhysicalDeviceFeatures2 core;
    VkPhysicalDeviceVulkan11Features vulkan11;
    VkPhysicalDeviceVulkan12Features vulkan12;
    VkPhysicalDeviceVulkan13Features vulkan13;
    VkPhysicalDeviceRobustness2FeaturesEXT robustness;
    VkPhysicalDeviceVertexAttributeDivisorFeaturesEXT divisor;
    VkPhysicalDeviceLineRasterizationFeaturesEXT lines;
    VkPhysicalDeviceCustomBorderColorFeaturesEXT border;
    VkPhysicalDeviceTexelBufferAlignmentFeaturesEXT texels;
    VkPhysicalDeviceMultiDrawFeaturesEXT multi_draw;
};

static void chain(void **end, void *structure, VkStructureType type)
{
    VkBaseOutStructure *base = structure;

    base->sType = type;
    base->pNext = NULL;
    ((VkBaseOutStructure *)*end)->pNext = structure;
    *end = structure;
}

static void begin_features(struct features *features, void **end)
{
    memset(features, 0, sizeof(*features));
    features->core.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
    *end = &features->core;
    chain(end, &features->vulkan11, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES);
    chain(end, &features->vulkan12, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
    chain(end, &features->vulkan13, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES);
}

/* Which family draws, computes and copies. */
static bool find_family(const struct vulkan *vulkan, VkPhysicalDevice device, uint32_t *family)
{
    const VkQueueFlags needed = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
    VkQueueFamilyProperties families[FAMILIES_MAX];
    uint32_t count = FAMILIES_MAX;

    vulkan->vkGetPhysicalDeviceQueueFamilyProperties(device, &count, families);
    for (*family = 0; *family < count; (*family)++) {
        if ((families[*family].queueFlags & needed) == needed) {
            return true;
        }
    }
    return false;
}

/* Whether all that is needed is there: a guest's shader cannot leave what is bound to it. */
static bool is_enough(const struct vulkan *vulkan, VkPhysicalDevice device,
                      const VkPhysicalDeviceProperties *properties)
{
    struct features has;
    uint32_t family;
    void *end;

    if (properties->apiVersion < VK_API_VERSION_1_3 || !find_family(vulkan, device, &family)) {
        return false;
    }
    begin_features(&has, &end);
    vulkan->vkGetPhysicalDeviceFeatures2(device, &has.core);
    return has.core.features.robustBufferAccess && has.core.features.independentBlend &&
           has.vulkan12.timelineSemaphore && has.vulkan13.robustImageAccess &&
           has.vulkan13.dynamicRendering && has.vulkan13.synchronization2;
}

static bool is_wanted(const char *wanted, uint32_t number, const char *name)
{
    char *end;
    unsigned long value = strtoul(wanted, &end, 10);

    return *end == '\0' ? value == number : strstr(name, wanted) != NULL;
}

static uint32_t rank(VkPhysicalDeviceType type)
{
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return 4;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return 3;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
        return 2;
    default:
        return 1;
    }
}

static bool choose(struct vulkan *vulkan, const char *wanted, char *reason)
{
    VkPhysicalDevice devices[DEVICES_MAX];
    uint32_t count = DEVICES_MAX, best = 0;

    if (vulkan->vkEnumeratePhysicalDevices(vulkan->instance, &count, devices) < 0) {
        count = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        VkPhysicalDeviceProperties2 properties = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};

        vulkan->vkGetPhysicalDeviceProperties2(devices[i], &properties);
        if ((wanted[0] && !is_wanted(wanted, i, properties.properties.deviceName)) ||
            rank(properties.properties.deviceType) <= best ||
            !is_enough(vulkan, devices[i], &properties.properties)) {
            continue;
        }
        best = rank(properties.properties.deviceType);
        vulkan->physical = devices[i];
        vulkan->properties = properties.properties;
    }
    if (best == 0) {
        snprintf(reason, VULKAN_REASON_SIZE,
                 "none of the %u devices %s%.60s%shas Vulkan 1.3 with robust access", count,
                 wanted[0] ? "called \"" : "", wanted, wanted[0] ? "\" " : "");
    }
    return best != 0;
}

/* ---- The device ---- */

struct extension {
    const char *name;
    bool there;
};

enum {
    EXTERNAL_MEMORY_HOST,
    ROBUSTNESS_2,
    DIVISOR,
    CUSTOM_BORDER,
    TEXEL_ALIGNMENT,
    MULTI_DRAW,
    LINES,
    EXTENSION_COUNT
};

static void find_extensions(const struct vulkan *vulkan, struct extension *extensions,
                            uint32_t wanted)
{
    VkExtensionProperties *there = calloc(EXTENSIONS_MAX, sizeof(*there));
    uint32_t count = EXTENSIONS_MAX;

    if (there == NULL ||
        vulkan->vkEnumerateDeviceExtensionProperties(vulkan->physical, NULL, &count, there) < 0) {
        count = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < wanted; j++) {
            extensions[j].there =
                extensions[j].there || strcmp(extensions[j].name, there[i].extensionName) == 0;
        }
    }
    free(there);
}

int vulkan_get_node(const struct vulkan *vulkan)
{
    struct extension drm[] = {{.name = VK_EXT_PHYSICAL_DEVICE_DRM_EXTENSION_NAME}};
    VkPhysicalDeviceDrmPropertiesEXT node = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRM_PROPERTIES_EXT};
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &node};

    find_extensions(vulkan, drm, 1);
    if (drm[0].there) {
        vulkan->vkGetPhysicalDeviceProperties2(vulkan->physical, &properties);
    }
    return node.hasRender ? (int)node.renderMinor : VULKAN_NO_NODE;
}

/* What is not used, or would let a guest's shader do what nobody checks. */
static void take_away(struct features *features)
{
    VkPhysicalDeviceFeatures *core = &features->core.features;

    core->sparseBinding = core->sparseResidencyBuffer = core->sparseResidencyImage2D =
        core->sparseResidencyImage3D = core->sparseResidency2Samples =
            core->sparseResidency4Samples = core->sparseResidency8Samples =
                core->sparseResidency16Samples = core->sparseResidencyAliased = VK_FALSE;
    features->vulkan12.bufferDeviceAddress = features->vulkan12.bufferDeviceAddressCaptureReplay =
        features->vulkan12.bufferDeviceAddressMultiDevice = VK_FALSE;
    features->vulkan11.protectedMemory = VK_FALSE;
}

static bool make_device(struct vulkan *vulkan, const char **names, uint32_t count,
                        struct features *features)
{
    const float priority = 1;
    const VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = vulkan->family,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    const VkDeviceCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = &features->core,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
        .enabledExtensionCount = count,
        .ppEnabledExtensionNames = names,
    };
    bool found = true;

    if (vulkan->vkCreateDevice(vulkan->physical, &create, NULL, &vulkan->device) != VK_SUCCESS) {
        return false;
    }
#define FIND(name)                                                                                 \
    vulkan->name = (PFN_##name)vulkan->vkGetDeviceProcAddr(vulkan->device, #name);                 \
    found = found && vulkan->name != NULL;
    VULKAN_DEVICE_FUNCTIONS(FIND)
#undef FIND
#define FIND(name) vulkan->name = (PFN_##name)vulkan->vkGetDeviceProcAddr(vulkan->device, #name);
    VULKAN_EXTENSION_FUNCTIONS(FIND)
#undef FIND
    vulkan->vkGetDeviceQueue(vulkan->device, vulkan->family, 0, &vulkan->queue);
    return found;
}

static bool open_device(struct vulkan *vulkan)
{
    struct extension extensions[EXTENSION_COUNT] = {
        [EXTERNAL_MEMORY_HOST] = {.name = VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME},
        [ROBUSTNESS_2] = {.name = VK_EXT_ROBUSTNESS_2_EXTENSION_NAME},
        [DIVISOR] = {.name = VK_EXT_VERTEX_ATTRIBUTE_DIVISOR_EXTENSION_NAME},
        [CUSTOM_BORDER] = {.name = VK_EXT_CUSTOM_BORDER_COLOR_EXTENSION_NAME},
        [TEXEL_ALIGNMENT] = {.name = VK_EXT_TEXEL_BUFFER_ALIGNMENT_EXTENSION_NAME},
        [MULTI_DRAW] = {.name = VK_EXT_MULTI_DRAW_EXTENSION_NAME},
        [LINES] = {.name = VK_EXT_LINE_RASTERIZATION_EXTENSION_NAME},
    };
    const char *names[EXTENSION_COUNT];
    struct features features;
    uint32_t count = 0;
    void *end;

    find_extensions(vulkan, extensions, EXTENSION_COUNT);
    begin_features(&features, &end);
#define ADD(which, member, type)                                                                   \
    if (extensions[which].there) {                                                                 \
        chain(&end, &features.member, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_##type##_FEATURES_EXT);    \
    }
    ADD(ROBUSTNESS_2, robustness, ROBUSTNESS_2)
    ADD(DIVISOR, divisor, VERTEX_ATTRIBUTE_DIVISOR)
    ADD(LINES, lines, LINE_RASTERIZATION)
    ADD(CUSTOM_BORDER, border, CUSTOM_BORDER_COLOR)
    ADD(TEXEL_ALIGNMENT, texels, TEXEL_BUFFER_ALIGNMENT)
    ADD(MULTI_DRAW, multi_draw, MULTI_DRAW)
#undef ADD
    vulkan->vkGetPhysicalDeviceFeatures2(vulkan->physical, &features.core);
    take_away(&features);
    for (uint32_t i = 0; i < EXTENSION_COUNT; i++) {
        if (extensions[i].there) {
            names[count++] = extensions[i].name;
        }
    }
    vulkan->features = features.core.features;
    vulkan->has_texel_alignment = features.texels.texelBufferAlignment;
    vulkan->has_mirror_clamp = features.vulkan12.samplerMirrorClampToEdge;
    vulkan->has_filter_minmax = features.vulkan12.samplerFilterMinmax;
    vulkan->has_divisor = features.divisor.vertexAttributeInstanceRateDivisor &&
                          features.divisor.vertexAttributeInstanceRateZeroDivisor;
    vulkan->has_thin_lines = features.lines.bresenhamLines;
    vulkan->has_smooth_lines = features.lines.smoothLines;
    vulkan->has_custom_border =
        features.border.customBorderColors && features.border.customBorderColorWithoutFormat;
    /* What is not bound, and indices beyond their buffer, read as zero. */
    return features.robustness.nullDescriptor && features.robustness.robustBufferAccess2 &&
           find_family(vulkan, vulkan->physical, &vulkan->family) &&
           make_device(vulkan, names, count, &features);
}

/* How large a buffer may be, how host memory has to lie to be imported, and a view in its buffer.
 */
static void ask_for_buffers(struct vulkan *vulkan)
{
    VkPhysicalDeviceExternalMemoryHostPropertiesEXT host = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT};
    VkPhysicalDeviceVulkan13Properties vulkan13 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES};
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &vulkan13};
    bool imports = vulkan->vkGetMemoryHostPointerPropertiesEXT != NULL;

    vulkan13.pNext = imports ? &host : NULL;
    vulkan->vkGetPhysicalDeviceProperties2(vulkan->physical, &properties);
    vulkan->buffer_size_max = vulkan13.maxBufferSize;
    vulkan->import_alignment = imports ? host.minImportedHostPointerAlignment : 0;
    vulkan->texel_alignment = vulkan->has_texel_alignment &&
                                      vulkan13.uniformTexelBufferOffsetSingleTexelAlignment &&
                                      vulkan13.storageTexelBufferOffsetSingleTexelAlignment
                                  ? 1
                                  : vulkan->properties.limits.minTexelBufferOffsetAlignment;
}

static bool make_timeline(struct vulkan *vulkan)
{
    const VkSemaphoreTypeCreateInfo type = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                            .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
    const VkSemaphoreCreateInfo create = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
                                          .pNext = &type};

    return vulkan->vkCreateSemaphore(vulkan->device, &create, NULL, &vulkan->timeline) ==
           VK_SUCCESS;
}

struct vulkan *vulkan_open(const char *wanted, char reason[VULKAN_REASON_SIZE])
{
    struct vulkan *vulkan = calloc(1, sizeof(*vulkan));

    if (vulkan == NULL) {
        snprintf(reason, VULKAN_REASON_SIZE, "out of memory");
        return NULL;
    }
    if (!open_instance(vulkan, reason) || !choose(vulkan, wanted != NULL ? wanted : "", reason)) {
        vulkan_close(vulkan);
        return NULL;
    }
    vulkan->vkGetPhysicalDeviceMemoryProperties(vulkan->physical, &vulkan->memory);
    return vulkan;
}

bool vulkan_start(struct vulkan *vulkan, char reason[VULKAN_REASON_SIZE])
{
    if (!open_device(vulkan) || !make_timeline(vulkan)) {
        snprintf(reason, VULKAN_REASON_SIZE, "%.80s cannot be used", vulkan->properties.deviceName);
        return false;
    }
    ask_for_buffers(vulkan);
    vulkan->waiter = vulkan_waiter_start(vulkan);
    if (vulkan->waiter == NULL) {
        snprintf(reason, VULKAN_REASON_SIZE, "no thread: %m");
        return false;
    }
    return true;
}

void vulkan_close(struct vulkan *vulkan)
{
    if (vulkan->waiter != NULL) {
        vulkan_waiter_stop(vulkan->waiter);
    }
    if (vulkan->timeline != VK_NULL_HANDLE) {
        vulkan->vkDestroySemaphore(vulkan->device, vulkan->timeline, NULL);
    }
    if (vulkan->device != VK_NULL_HANDLE) {
        vulkan->vkDestroyDevice(vulkan->device, NULL);
    }
    if (vulkan->instance != VK_NULL_HANDLE && vulkan->vkDestroyInstance != NULL) {
        vulkan->vkDestroyInstance(vulkan->instance, NULL);
    }
    if (vulkan->library != NULL) {
        dlclose(vulkan->library);
    }
    free(vulkan);
}

uint64_t vulkan_get_features(const struct vulkan *vulkan)
{
    VkSampleCountFlags samples = vulkan->properties.limits.framebufferColorSampleCounts &
                                 vulkan->properties.limits.framebufferDepthSampleCounts;

    return BG_PVGPU_FEATURE_DRAW | BG_PVGPU_FEATURE_COMPUTE_SHADER |
           (vulkan->features.geometryShader ? BG_PVGPU_FEATURE_GEOMETRY : 0) |
           (vulkan->features.tessellationShader ? BG_PVGPU_FEATURE_TESSELLATION : 0) |
           (samples & VK_SAMPLE_COUNT_4_BIT ? BG_PVGPU_FEATURE_MSAA : 0);
}
