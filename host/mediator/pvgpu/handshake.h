/* SPDX-License-Identifier: BSD-2-Clause */
/* The first message of a pvgpu device: the shared memory, mapped, and how to notify each other. */
#ifndef MEDIATOR_PVGPU_HANDSHAKE_H
#define MEDIATOR_PVGPU_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/pvgpu.h"

#define PVGPU_HANDSHAKE_ERROR_SIZE 128

struct pvgpu_handshake_state {
    uint8_t bytes[sizeof(struct bg_pvgpu_message) + BG_PVGPU_PAYLOAD_MAX];
    size_t length;
    int descriptors[BG_PVGPU_DESCRIPTORS];
    unsigned descriptor_count;
    char error[PVGPU_HANDSHAKE_ERROR_SIZE]; /* after PVGPU_HANDSHAKE_BAD */
};

enum pvgpu_handshake_result {
    PVGPU_HANDSHAKE_MORE, /* not whole yet */
    PVGPU_HANDSHAKE_WHOLE,
    PVGPU_HANDSHAKE_ENDED, /* the device went away */
    PVGPU_HANDSHAKE_BAD,
};

/* What a device shares. */
struct pvgpu_shared {
    void *memory;
    uint64_t size;
    bool direct;
    int doorbell, fence, error; /* eventfds; -1 without `direct` */
};

/* Zeroed, with length 0, at the start. Reads what is there, no byte of the next message. */
enum pvgpu_handshake_result pvgpu_handshake_read(struct pvgpu_handshake_state *state, int socket);

/* Maps what a WHOLE handshake names; false with state->error. The descriptors are taken or closed.
 * Opens files: before the sandbox. */
bool pvgpu_handshake_map(struct pvgpu_handshake_state *state, int socket,
                         struct pvgpu_shared *shared);

/* The name in `text`, of `size` bytes with its NUL, is one that a device gives: the prefix, no
 * other slash, no surprise. */
bool pvgpu_handshake_name_is_allowed(const char *text, size_t size);

#endif
