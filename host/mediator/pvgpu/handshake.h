/* SPDX-License-Identifier: BSD-2-Clause */
/* The first message of a pvgpu device: the shared memory, mapped, and how to notify each other. */
#ifndef MEDIATOR_PVGPU_HANDSHAKE_H
#define MEDIATOR_PVGPU_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/pvgpu.h"

#define PVGPU_HANDSHAKE_ERROR_SIZE 128

struct pvgpu_handshake_state {
    uint8_t bytes[sizeof(struct bg_pvgpu_message) + BG_PVGPU_PAYLOAD_MAX];
    size_t length;
    int descriptors[BG_PVGPU_DESCRIPTORS];
    unsigned descriptor_count;
    char error[PVGPU_HANDSHAKE_ERROR_SIZE]; /* after PVGPU_HANDSHAKE_BAD */
    /* Opens what an older device names; -1 with errno. NULL: such devices are not served. */
    int (*open_name)(void *owner, const char *name, size_t size);
    void *owner;
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
 */
bool pvgpu_handshake_map(struct pvgpu_handshake_state *state, struct pvgpu_shared *shared);

/* Opens shared memory by an older device's name, for who may open files. Whoever can connect could
 * name another one's: it must be the user's at the other end. -1 with errno: EINVAL for a name that
 * is not a device's, EACCES for another user's. */
int pvgpu_handshake_open_name(const char *name, size_t size, uid_t user);

/* The name in `text`, of `size` bytes with its NUL, is one that a device gives: the prefix, no
 * other slash, no surprise. */
bool pvgpu_handshake_name_is_allowed(const char *text, size_t size);

#endif
