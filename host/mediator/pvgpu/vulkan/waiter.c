/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/pvgpu/vulkan/waiter.h"

#include <errno.h>
#include <stdlib.h>

struct vulkan_waiter {
    struct vulkan *vulkan;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;

    /* Under the lock. */
    uint64_t wanted, seen; /* seen is read without it */
    bool stops;
    void (*notify)(void *owner);
    void *owner;
};

/* Until one more has ended. False: none ever will. */
static bool wait_for_one(const struct vulkan *vulkan, uint64_t *seen)
{
    uint64_t next = *seen + 1;
    const VkSemaphoreWaitInfo wait = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
        .semaphoreCount = 1,
        .pSemaphores = &vulkan->timeline,
        .pValues = &next,
    };

    return vulkan->vkWaitSemaphores(vulkan->device, &wait, UINT64_MAX) == VK_SUCCESS &&
           vulkan->vkGetSemaphoreCounterValue(vulkan->device, vulkan->timeline, seen) == VK_SUCCESS;
}

/* With the lock. */
static void note(struct vulkan_waiter *waiter)
{
    if (waiter->notify != NULL) {
        waiter->notify(waiter->owner);
    }
}

static void *wait(void *context)
{
    struct vulkan_waiter *waiter = context;

    pthread_mutex_lock(&waiter->lock);
    while (!waiter->stops) {
        uint64_t seen = waiter->seen;

        if (waiter->wanted <= seen) {
            pthread_cond_wait(&waiter->changed, &waiter->lock);
            continue;
        }
        pthread_mutex_unlock(&waiter->lock);
        if (!wait_for_one(waiter->vulkan, &seen)) {
            seen = UINT64_MAX;
        }
        pthread_mutex_lock(&waiter->lock);
        __atomic_store_n(&waiter->seen, seen, __ATOMIC_RELEASE);
        note(waiter);
    }
    pthread_mutex_unlock(&waiter->lock);
    return NULL;
}

struct vulkan_waiter *vulkan_waiter_start(struct vulkan *vulkan)
{
    struct vulkan_waiter *waiter = calloc(1, sizeof(*waiter));

    if (waiter == NULL) {
        return NULL;
    }
    waiter->vulkan = vulkan;
    pthread_mutex_init(&waiter->lock, NULL);
    pthread_cond_init(&waiter->changed, NULL);
    errno = pthread_create(&waiter->thread, NULL, wait, waiter);
    if (errno != 0) {
        free(waiter);
        return NULL;
    }
    return waiter;
}

void vulkan_waiter_stop(struct vulkan_waiter *waiter)
{
    pthread_mutex_lock(&waiter->lock);
    waiter->stops = true;
    pthread_cond_signal(&waiter->changed);
    pthread_mutex_unlock(&waiter->lock);
    pthread_join(waiter->thread, NULL);
    free(waiter);
}

void vulkan_waiter_notify(struct vulkan_waiter *waiter, void (*notify)(void *owner), void *owner)
{
    pthread_mutex_lock(&waiter->lock);
    waiter->notify = notify;
    waiter->owner = owner;
    pthread_mutex_unlock(&waiter->lock);
}

uint64_t vulkan_waiter_seen(const struct vulkan_waiter *waiter)
{
    return __atomic_load_n(&waiter->seen, __ATOMIC_ACQUIRE);
}

void vulkan_waiter_want(struct vulkan_waiter *waiter, uint64_t submission)
{
    pthread_mutex_lock(&waiter->lock);
    if (submission > waiter->wanted) {
        waiter->wanted = submission;
        pthread_cond_signal(&waiter->changed);
    }
    pthread_mutex_unlock(&waiter->lock);
}
