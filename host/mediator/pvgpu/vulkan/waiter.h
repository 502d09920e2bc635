/* SPDX-License-Identifier: BSD-2-Clause */
/* A thread that waits for submissions, so that the consumer may sleep meanwhile. */
#ifndef MEDIATOR_PVGPU_VULKAN_WAITER_H
#define MEDIATOR_PVGPU_VULKAN_WAITER_H

#include <stdint.h>

#include "host/mediator/pvgpu/vulkan/device.h"

/* NULL with errno. */
struct vulkan_waiter *vulkan_waiter_start(struct vulkan *vulkan);

/* Nothing that it was told to wait for is left. */
void vulkan_waiter_stop(struct vulkan_waiter *waiter);

/* Called by that thread from now on, each time when submissions have ended, or the device is
 * lost; NULL: nobody. */
void vulkan_waiter_notify(struct vulkan_waiter *waiter, void (*notify)(void *owner), void *owner);

/* Waits for all submissions up to this one, which has been made. Any thread. */
void vulkan_waiter_want(struct vulkan_waiter *waiter, uint64_t submission);
/* The last one whose end it has seen; UINT64_MAX: the device is lost. For any thread, at no cost.
 */
uint64_t vulkan_waiter_seen(const struct vulkan_waiter *waiter);

#endif
