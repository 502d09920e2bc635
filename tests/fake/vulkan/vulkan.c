/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vulkan's loader for tests of a device that is lost, which no driver does when it is asked: the
 * host's own, but for a few functions of the device. Found through LD_LIBRARY_PATH.
 *
 * The device is lost with a draw of FAKE_VULKAN_LOST_* vertices (vulkan.h), for the process that
 * records it: from its submission on, or as soon as that is waited for. It draws one at a time.
 */
#include "tests/fake/vulkan/vulkan.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

static PFN_vkGetInstanceProcAddr get_instance_proc;
static PFN_vkGetDeviceProcAddr get_device_proc;
static PFN_vkCmdDraw cmd_draw;
static PFN_vkQueueSubmit2 queue_submit;
static PFN_vkWaitSemaphores wait_semaphores;
static PFN_vkGetSemaphoreCounterValue get_counter;

static uint32_t lost_with;  /* FAKE_VULKAN_LOST_*; 0: not yet. Of the thread that draws */
static bool lost_in_a_wait; /* atomic */

/* ---- Of the device ---- */

static VKAPI_ATTR void VKAPI_CALL draw(VkCommandBuffer commands, uint32_t vertices,
                                       uint32_t instances, uint32_t first, uint32_t first_instance)
{
    if (vertices == FAKE_VULKAN_LOST_IN_SUBMIT || vertices == FAKE_VULKAN_LOST_IN_WAIT) {
        lost_with = vertices;
    }
    cmd_draw(commands, vertices, instances, first, first_instance);
}

static VKAPI_ATTR VkResult VKAPI_CALL submit(VkQueue queue, uint32_t count,
                                             const VkSubmitInfo2 *submits, VkFence fence)
{
    if (lost_with == FAKE_VULKAN_LOST_IN_SUBMIT) {
        return VK_ERROR_DEVICE_LOST;
    }
    if (lost_with == FAKE_VULKAN_LOST_IN_WAIT) {
        __atomic_store_n(&lost_in_a_wait, true, __ATOMIC_RELEASE);
    }
    return queue_submit(queue, count, submits, fence);
}

static bool is_lost(void)
{
    return __atomic_load_n(&lost_in_a_wait, __ATOMIC_ACQUIRE);
}

static VKAPI_ATTR VkResult VKAPI_CALL wait(VkDevice device, const VkSemaphoreWaitInfo *info,
                                           uint64_t timeout)
{
    VkResult result = is_lost() ? VK_ERROR_DEVICE_LOST : wait_semaphores(device, info, timeout);

    return is_lost() ? VK_ERROR_DEVICE_LOST : result;
}

static VKAPI_ATTR VkResult VKAPI_CALL count(VkDevice device, VkSemaphore semaphore, uint64_t *value)
{
    return is_lost() ? VK_ERROR_DEVICE_LOST : get_counter(device, semaphore, value);
}

/* ---- Who finds them ---- */

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL find_of_device(VkDevice device, const char *name)
{
    PFN_vkVoidFunction found =
        strstr(name, "DrawMulti") == NULL ? get_device_proc(device, name) : NULL;

#define REPLACE(function, real, with)                                                              \
    if (strcmp(name, #function) == 0) {                                                            \
        real = (PFN_##function)found;                                                              \
        return (PFN_vkVoidFunction)with;                                                           \
    }
    REPLACE(vkCmdDraw, cmd_draw, draw)
    REPLACE(vkQueueSubmit2, queue_submit, submit)
    REPLACE(vkWaitSemaphores, wait_semaphores, wait)
    REPLACE(vkGetSemaphoreCounterValue, get_counter, count)
#undef REPLACE
    return found;
}

__attribute__((visibility("default"))) VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL
vkGetInstanceProcAddr(VkInstance instance, const char *name)
{
    PFN_vkVoidFunction found;

    if (get_instance_proc == NULL) {
        void *library = dlopen(FAKE_VULKAN_REAL, RTLD_NOW | RTLD_LOCAL);

        get_instance_proc = library != NULL
                                ? (PFN_vkGetInstanceProcAddr)dlsym(library, "vkGetInstanceProcAddr")
                                : NULL;
    }
    found = get_instance_proc != NULL ? get_instance_proc(instance, name) : NULL;
    if (found != NULL && strcmp(name, "vkGetDeviceProcAddr") == 0) {
        get_device_proc = (PFN_vkGetDeviceProcAddr)found;
        return (PFN_vkVoidFunction)find_of_device;
    }
    return found;
}
