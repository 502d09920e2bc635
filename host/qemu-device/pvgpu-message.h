/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pvgpu: the messages between device and backend, taken apart, checked and put together.
 *
 * No QEMU in here: unit tests and the fuzzer compile these files alone. Nothing here blocks,
 * allocates or keeps a pointer to the caller's data.
 */
#ifndef HW_MISC_BAREGPU_PVGPU_MESSAGE_H
#define HW_MISC_BAREGPU_PVGPU_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/pvgpu.h"
#include "protocol/pvgpu_command.h"

#define PVGPU_HEADER_SIZE sizeof(struct bg_pvgpu_message)

/* ---- Sending ---- */

/* Header and @size bytes of @payload to @out; returns how many bytes that is. */
size_t pvgpu_message_encode(uint8_t *out, uint32_t type, const void *payload, uint32_t size);

/* The largest HANDSHAKE. */
#define PVGPU_HANDSHAKE_MAX                                                                        \
    (PVGPU_HEADER_SIZE + sizeof(struct bg_pvgpu_handshake) + BG_PVGPU_SHMEM_NAME_MAX + 1)

/* @name has at most BG_PVGPU_SHMEM_NAME_MAX bytes. Returns the size of the message in bytes. */
size_t pvgpu_message_encode_handshake(uint8_t *out, uint64_t shmem_size, const char *name);
size_t pvgpu_message_encode_identity(uint8_t *out, uint32_t vm_id, uint8_t pool_id,
                                     uint8_t priority);
size_t pvgpu_message_encode_reset(uint8_t *out, uint32_t count);
size_t pvgpu_message_encode_scanout_done(uint8_t *out, uint32_t buffer, uint32_t slot);

/* What the longest message of these is, HANDSHAKE apart. */
#define PVGPU_SENT_MAX (PVGPU_HEADER_SIZE + 16)

/* ---- Receiving ---- */

typedef struct PVGPUMessage {
    uint32_t type; /* enum bg_pvgpu_message_type, or one we do not know */
    uint32_t size; /* of the payload, bytes */
    const uint8_t *payload;
} PVGPUMessage;

typedef enum PVGPUReadResult {
    PVGPU_READ_MORE,      /* all was taken, the message is not complete yet */
    PVGPU_READ_MESSAGE,   /* reader->message is complete; there may be bytes left */
    PVGPU_READ_TOO_LARGE, /* more than the protocol allows: the stream cannot be followed on */
} PVGPUReadResult;

/* Assembles messages from a byte stream that is cut anywhere. All zero is its start. */
typedef struct PVGPUReader {
    uint32_t have; /* bytes of the present message taken so far, header included */
    uint8_t header[sizeof(struct bg_pvgpu_message)];
    uint8_t payload[BG_PVGPU_PAYLOAD_MAX];
    PVGPUMessage message;
} PVGPUReader;

/* Forgets what was taken: a new connection begins. */
void pvgpu_reader_reset(PVGPUReader *reader);

/*
 * Takes bytes from @data and says how many in @taken. Stops behind each message, which stays
 * valid until the next call; call again with the rest. After TOO_LARGE only pvgpu_reader_reset()
 * makes sense.
 */
PVGPUReadResult pvgpu_reader_feed(PVGPUReader *reader, const uint8_t *data, size_t length,
                                  size_t *taken);

/* Each is false when the payload is not long enough. In host byte order then. An acknowledgement
 * of 0 is told as what it stands for. */
bool pvgpu_message_get_ack(const PVGPUMessage *message, uint64_t *features);
bool pvgpu_message_get_scanout_buffer(const PVGPUMessage *message,
                                      struct bg_pvgpu_scanout_buffer *buffer);
bool pvgpu_message_get_scanout(const PVGPUMessage *message, struct bg_pvgpu_scanout *scanout);

/* ---- What a backend may say; NULL, or what is wrong ---- */

/* @file_size: of the descriptor that came with it. @previous: number of the buffer before, or 0. */
const char *pvgpu_check_scanout_buffer(const struct bg_pvgpu_scanout_buffer *buffer,
                                       uint64_t file_size, uint32_t previous);

/* @buffer: the present one, NULL when there is none. */
const char *pvgpu_check_scanout(const struct bg_pvgpu_scanout *scanout,
                                const struct bg_pvgpu_scanout_buffer *buffer);

#endif
