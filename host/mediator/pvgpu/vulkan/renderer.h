/* SPDX-License-Identifier: BSD-2-Clause */
/* The renderer of a session that draws (../renderer.h). */
#ifndef MEDIATOR_PVGPU_VULKAN_RENDERER_H
#define MEDIATOR_PVGPU_VULKAN_RENDERER_H

#include "host/mediator/pvgpu/renderer.h"
#include "host/mediator/pvgpu/vulkan/device.h"

struct session;

/*
 * For the session whose heap is the part from heap_offset on of `memory`, which is shared with the
 * guest: pages of it, all of which stay for as long as the renderer. NULL with a reason.
 */
struct pvgpu_renderer *vulkan_renderer_create(struct vulkan *vulkan, struct session *session,
                                              void *memory, uint64_t size, uint64_t heap_offset,
                                              char reason[VULKAN_REASON_SIZE]);

/* Vulkan's device is lost, and with it the session. */
bool vulkan_renderer_is_lost(const struct pvgpu_renderer *renderer);

/* All resources and views are gone. Waits for what runs. */
void vulkan_renderer_destroy(struct pvgpu_renderer *renderer);

/* Called by a thread of its own when a submission that pvgpu_renderer_ops.submit returned has
 * ended. */
void vulkan_renderer_notify(struct pvgpu_renderer *renderer, void (*notify)(void *owner),
                            void *owner);

#endif
