/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages on their way to a pvgpu device, some with a descriptor: sent at once when the socket
 * takes them, kept otherwise. Of bounded size, never blocks. The caller serialises.
 */
#ifndef MEDIATOR_PVGPU_OUTBOX_H
#define MEDIATOR_PVGPU_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#define PVGPU_OUTBOX_MESSAGES 64u /* a device that leaves so many unread does not read any more */
#define PVGPU_OUTBOX_PAYLOAD 40u  /* struct pvgpu_scanout */

struct pvgpu_outbox_message {
    uint32_t size, sent;
    int fd; /* goes with its first byte; -1: none */
    uint8_t bytes[8 + PVGPU_OUTBOX_PAYLOAD];
};

struct pvgpu_outbox {
    int socket;
    uint32_t first, count;
    bool broken; /* the device is gone, or does not read */
    struct pvgpu_outbox_message messages[PVGPU_OUTBOX_MESSAGES];
};

void pvgpu_outbox_init(struct pvgpu_outbox *outbox, int socket);

/* Takes fd (-1: none) in every case. */
void pvgpu_outbox_put(struct pvgpu_outbox *outbox, uint32_t type, const void *payload,
                      uint32_t size, int fd);

/* The same, unless one of this type is waiting to be sent. */
void pvgpu_outbox_put_once(struct pvgpu_outbox *outbox, uint32_t type, const void *payload,
                           uint32_t size);

void pvgpu_outbox_flush(struct pvgpu_outbox *outbox);

#endif
