/* SPDX-License-Identifier: BSD-2-Clause */
/* What a worker draws with: found while it waits for a connection, used by the session that comes.
 */
#ifndef MEDIATOR_PVGPU_DRAWING_H
#define MEDIATOR_PVGPU_DRAWING_H

#include "host/mediator/worker/worker.h"

struct vulkan;

/* With the names of drivers (worker/device.h). What fails, the supervisor has said already: it
 * looked in the same way. */
void drawing_load(char *const *devices);

/* For the session that begins: what it draws with, and (base->drawing) how; NULL: nothing. */
struct vulkan *drawing_begin(struct worker *base);

/* The same, for people. */
struct drawing_device {
    char name[64], driver[128];
    int version; /* of Vulkan: 1030 is 1.3 */
};

/* What drawing_load would take. False with a reason. */
#define DRAWING_REASON_SIZE 160
bool drawing_find(const char *wanted, struct drawing_device *device,
                  char reason[DRAWING_REASON_SIZE]);

#endif
