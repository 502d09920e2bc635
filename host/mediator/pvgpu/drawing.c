/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/pvgpu/drawing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/mediator/log.h"
#include "host/mediator/pvgpu/vulkan/device.h"
#include "host/mediator/pvgpu/vulkan/files.h"
#include "host/mediator/pvgpu/vulkan/translator.h"
#include "host/mediator/worker/device.h"

#define VENDOR_NVIDIA 0x10DEu /* PCI's */

static struct vulkan *vulkan;

_Static_assert(DRAWING_REASON_SIZE >= VULKAN_REASON_SIZE, "a reason is passed on");

/* No layers of the user's, and no cache of what tenants' shaders became: the jail has no files. */
static struct vulkan *open_device(const char *wanted, char reason[VULKAN_REASON_SIZE])
{
    setenv("MESA_SHADER_CACHE_DISABLE", "true", 1);
    setenv("VK_LOADER_LAYERS_DISABLE", "~implicit~", 1);
    setenv("NODEVICE_SELECT", "1", 1);       /* Mesa's layer, where the loader is an older one */
    setenv("VKD3D_SHADER_DEBUG", "none", 1); /* a guest does not write into the log */
    return vulkan_open(wanted, reason);
}

void drawing_load(char *const *devices)
{
    const size_t length = strlen(DEVICE_VULKAN);
    char reason[VULKAN_REASON_SIZE];

    for (; *devices != NULL; devices++) {
        if (strncmp(*devices, DEVICE_VULKAN, length) == 0) {
            vulkan = open_device(*devices + length, reason);
        }
    }
}

struct vulkan *drawing_begin(struct worker *base)
{
    if (vulkan == NULL || !base->start.draws) {
        return NULL;
    }
    if (vulkan->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU) {
        base->drawing = WORKER_DRAWS_ON_CPU;
    } else {
        base->drawing = vulkan->properties.vendorID == VENDOR_NVIDIA ? WORKER_DRAWS_ON_NVIDIA
                                                                     : WORKER_DRAWS_ON_DRM;
        base->drawing_files = vulkan_files_find(vulkan_get_node(vulkan));
    }
    vulkan->translator = translator_start();
    if (vulkan->translator == NULL) {
        log_warning("shaders cannot be read: %m");
    }
    return vulkan;
}

static void describe_driver(const struct vulkan *found, struct drawing_device *device)
{
    VkPhysicalDeviceDriverProperties driver = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &driver};

    found->vkGetPhysicalDeviceProperties2(found->physical, &properties);
    snprintf(device->driver, sizeof(device->driver), "%.40s %.80s", driver.driverName,
             driver.driverInfo);
}

bool drawing_find(const char *wanted, struct drawing_device *device,
                  char reason[DRAWING_REASON_SIZE])
{
    const struct vulkan *found = open_device(wanted, reason);

    if (found == NULL) {
        return false;
    }
    snprintf(device->name, sizeof(device->name), "%.63s", found->properties.deviceName);
    device->version = (int)(VK_API_VERSION_MAJOR(found->properties.apiVersion) * 1000 +
                            VK_API_VERSION_MINOR(found->properties.apiVersion) * 10);
    describe_driver(found, device);
    return true;
}
