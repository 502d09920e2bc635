/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pvgpu device and the guest behind it, for tests of the mediator: shared memory with a control
 * region, the socket, and a producer for the ring. An old peer speaks the first version's five
 * messages and names POSIX shared memory; a new one passes descriptors. What goes wrong beside the
 * thing tested ends the test through harness_fail().
 */
#ifndef TESTS_MEDIATOR_PVGPU_PEER_H
#define TESTS_MEDIATOR_PVGPU_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/pvgpu.h"
#include "protocol/pvgpu_command.h"

#define PEER_TIMEOUT_MS 60000u
#define PEER_SHMEM_SIZE (64u << 20)
#define PEER_RING_SIZE 65536u /* small, so that tests wrap around it */

enum peer_age {
    PEER_OLD,
    PEER_NEW,
};

struct peer {
    enum peer_age age;
    unsigned process; /* that connects (processes.h) */
    int socket;
    int shmem, doorbell, fence, error; /* descriptors; the last three of a new peer only */
    char name[64];                     /* of the shared memory */
    uint64_t size;
    uint64_t features;
    struct bg_pvgpu_control *control;
    uint8_t *ring, *heap;
    uint64_t producer; /* what was written, submitted or not */
    uint64_t last_fence;
    uint32_t resets;
};

/* Makes the shared memory, with a control region as a device leaves it. */
struct peer peer_create(enum peer_age age, uint64_t shmem_size, uint32_t ring_size);

/* Connects, sends the handshake, takes the answer, and, new, says who it is. */
void peer_connect(struct peer *peer, const char *path, uint32_t vm_id);
/* Only the first two. */
void peer_send_handshake(struct peer *peer, const char *path);
void peer_take_ack(struct peer *peer);

/* Both; connected. */
struct peer peer_open(enum peer_age age, const char *path, uint32_t vm_id);

void peer_disconnect(struct peer *peer);
void peer_close(struct peer *peer);

/* ---- Socket ---- */

void peer_send(struct peer *peer, uint32_t type, const void *payload, uint32_t size);

/* The next message, which must be of this type and size; *fd (NULL: there must be none) its
 * descriptor. */
void peer_receive(struct peer *peer, uint32_t type, void *payload, uint32_t size, int *fd);

/* ---- Ring ---- */

/* Waits for room, and writes a command, padded; not submitted. Its position. */
uint64_t peer_put(struct peer *peer, const void *command, uint32_t size);

/* Hands over what was put; rings when the backend sleeps (an old peer always). */
void peer_submit(struct peer *peer);

/* A fence behind all that was put, submitted and waited for. */
void peer_finish(struct peer *peer);
/* In steps: its value. */
uint64_t peer_put_fence(struct peer *peer);
void peer_wait_fence(struct peer *peer, uint64_t value);

/* One command, finished. */
void peer_run(struct peer *peer, const void *command, uint32_t size);

/* Until *word, of shared memory, is this value. */
void peer_wait_word(struct peer *peer, const uint32_t *word, uint32_t value);

/* What a device does at RESET; a new one's backend has answered. */
void peer_reset(struct peer *peer);

/* ---- Errors ---- */

/* Runs a command that must end in this error, at its own place, with its type as the detail. */
void peer_expect_error(struct peer *peer, const void *command, uint32_t size,
                       enum bg_pvgpu_error code);
/* Runs one that must not end in any. */
void peer_expect_ok(struct peer *peer, const void *command, uint32_t size);

/* ---- Commands ---- */

/* Fills in type and size, and all else with zeros. */
#define PEER_COMMAND(structure, command_type, ...)                                                 \
    (structure)                                                                                    \
    {                                                                                              \
        .header = {.type = (command_type), .size = sizeof(structure)}, __VA_ARGS__                 \
    }

/* A compute operation with its result at result_offset; the status it ended with. */
uint32_t peer_compute(struct peer *peer, uint32_t operation, const struct bg_pvgpu_compute *body,
                      const void *params, uint32_t params_size, uint32_t result_offset,
                      struct bg_pvgpu_compute_result *result);
/* The command alone; its size. */
uint32_t peer_build_compute(uint8_t *command, uint32_t operation,
                            const struct bg_pvgpu_compute *body, const void *params,
                            uint32_t params_size, uint32_t result_offset);

#endif
