/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions of Vulkan that are used; one is X(its name). */
#ifndef MEDIATOR_PVGPU_VULKAN_FUNCTIONS_H
#define MEDIATOR_PVGPU_VULKAN_FUNCTIONS_H

#define VULKAN_INSTANCE_FUNCTIONS(X)                                                               \
    X(vkCreateDevice)                                                                              \
    X(vkDestroyInstance)                                                                           \
    X(vkEnumerateDeviceExtensionProperties)                                                        \
    X(vkEnumeratePhysicalDevices)                                                                  \
    X(vkGetDeviceProcAddr)                                                                         \
    X(vkGetPhysicalDeviceFeatures2)                                                                \
    X(vkGetPhysicalDeviceFormatProperties)                                                         \
    X(vkGetPhysicalDeviceImageFormatProperties)                                                    \
    X(vkGetPhysicalDeviceMemoryProperties)                                                         \
    X(vkGetPhysicalDeviceProperties2)                                                              \
    X(vkGetPhysicalDeviceQueueFamilyProperties)

#define VULKAN_DEVICE_FUNCTIONS(X)                                                                 \
    X(vkAllocateCommandBuffers)                                                                    \
    X(vkAllocateDescriptorSets)                                                                    \
    X(vkAllocateMemory)                                                                            \
    X(vkBeginCommandBuffer)                                                                        \
    X(vkBindBufferMemory)                                                                          \
    X(vkBindImageMemory)                                                                           \
    X(vkCmdBeginRendering)                                                                         \
    X(vkCmdBindDescriptorSets)                                                                     \
    X(vkCmdBindIndexBuffer)                                                                        \
    X(vkCmdBindPipeline)                                                                           \
    X(vkCmdBindVertexBuffers2)                                                                     \
    X(vkCmdClearColorImage)                                                                        \
    X(vkCmdClearDepthStencilImage)                                                                 \
    X(vkCmdCopyBuffer)                                                                             \
    X(vkCmdCopyBufferToImage)                                                                      \
    X(vkCmdCopyImage)                                                                              \
    X(vkCmdCopyImageToBuffer)                                                                      \
    X(vkCmdDispatch)                                                                               \
    X(vkCmdDraw)                                                                                   \
    X(vkCmdDrawIndexed)                                                                            \
    X(vkCmdEndRendering)                                                                           \
    X(vkCmdFillBuffer)                                                                             \
    X(vkCmdPipelineBarrier2)                                                                       \
    X(vkCmdResolveImage)                                                                           \
    X(vkCmdSetBlendConstants)                                                                      \
    X(vkCmdSetCullMode)                                                                            \
    X(vkCmdSetDepthBias)                                                                           \
    X(vkCmdSetDepthBiasEnable)                                                                     \
    X(vkCmdSetDepthCompareOp)                                                                      \
    X(vkCmdSetDepthTestEnable)                                                                     \
    X(vkCmdSetDepthWriteEnable)                                                                    \
    X(vkCmdSetFrontFace)                                                                           \
    X(vkCmdSetPrimitiveRestartEnable)                                                              \
    X(vkCmdSetPrimitiveTopology)                                                                   \
    X(vkCmdSetScissorWithCount)                                                                    \
    X(vkCmdSetStencilCompareMask)                                                                  \
    X(vkCmdSetStencilOp)                                                                           \
    X(vkCmdSetStencilReference)                                                                    \
    X(vkCmdSetStencilTestEnable)                                                                   \
    X(vkCmdSetStencilWriteMask)                                                                    \
    X(vkCmdSetViewportWithCount)                                                                   \
    X(vkCreateBuffer)                                                                              \
    X(vkCreateBufferView)                                                                          \
    X(vkCreateCommandPool)                                                                         \
    X(vkCreateComputePipelines)                                                                    \
    X(vkCreateDescriptorPool)                                                                      \
    X(vkCreateDescriptorSetLayout)                                                                 \
    X(vkCreateGraphicsPipelines)                                                                   \
    X(vkCreateImage)                                                                               \
    X(vkCreateImageView)                                                                           \
    X(vkCreatePipelineCache)                                                                       \
    X(vkCreatePipelineLayout)                                                                      \
    X(vkCreateSampler)                                                                             \
    X(vkCreateSemaphore)                                                                           \
    X(vkCreateShaderModule)                                                                        \
    X(vkDestroyBuffer)                                                                             \
    X(vkDestroyBufferView)                                                                         \
    X(vkDestroyCommandPool)                                                                        \
    X(vkDestroyDescriptorPool)                                                                     \
    X(vkDestroyDescriptorSetLayout)                                                                \
    X(vkDestroyDevice)                                                                             \
    X(vkDestroyImage)                                                                              \
    X(vkDestroyImageView)                                                                          \
    X(vkDestroyPipeline)                                                                           \
    X(vkDestroyPipelineCache)                                                                      \
    X(vkDestroyPipelineLayout)                                                                     \
    X(vkDestroySampler)                                                                            \
    X(vkDestroySemaphore)                                                                          \
    X(vkDestroyShaderModule)                                                                       \
    X(vkEndCommandBuffer)                                                                          \
    X(vkFreeMemory)                                                                                \
    X(vkGetBufferMemoryRequirements)                                                               \
    X(vkGetDeviceQueue)                                                                            \
    X(vkGetImageMemoryRequirements)                                                                \
    X(vkGetSemaphoreCounterValue)                                                                  \
    X(vkMapMemory)                                                                                 \
    X(vkQueueSubmit2)                                                                              \
    X(vkResetCommandPool)                                                                          \
    X(vkResetDescriptorPool)                                                                       \
    X(vkUpdateDescriptorSets)                                                                      \
    X(vkWaitSemaphores)

/* Of extensions: NULL without the extension. */
#define VULKAN_EXTENSION_FUNCTIONS(X)                                                              \
    X(vkCmdDrawMultiEXT)                                                                           \
    X(vkCmdDrawMultiIndexedEXT)                                                                    \
    X(vkGetMemoryHostPointerPropertiesEXT)

#endif
