/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vgpu-stub: the messages between device and mediator, taken apart and put together.
 *
 * No QEMU in here: unit tests and the fuzzer compile these files alone. Nothing here blocks,
 * allocates or keeps a pointer to the caller's data.
 */
#ifndef HW_MISC_BAREGPU_VGPU_STUB_MESSAGE_H
#define HW_MISC_BAREGPU_VGPU_STUB_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/vgpu_stub.h"

#define VGPU_STUB_HEADER_SIZE sizeof(struct bg_vgpu_stub_message)
#define VGPU_STUB_LONG_HEADER_SIZE sizeof(struct bg_vgpu_stub_message_long)
#define VGPU_STUB_MESSAGE_MAX (VGPU_STUB_LONG_HEADER_SIZE + BG_VGPU_STUB_PAYLOAD_MAX)

/* A message in host byte order. */
typedef struct VGPUStubMessage {
    uint32_t type; /* enum bg_vgpu_stub_message_type, or one we do not know */
    uint32_t vm_id;
    uint32_t request_id;
    uint8_t pool_id;
    uint8_t priority;
    bool long_form;          /* a header of 24 bytes, not of 20 */
    uint32_t payload_length; /* bytes */
    const uint8_t *payload;  /* NULL where the payload was not kept: unknown types */
} VGPUStubMessage;

/*
 * Writes @message in its form to @out, which holds VGPU_STUB_MESSAGE_MAX bytes, and
 * returns its size in bytes. payload_length is at most BG_VGPU_STUB_PAYLOAD_MAX.
 */
size_t vgpu_stub_message_encode(uint8_t *out, const VGPUStubMessage *message);

typedef enum VGPUStubReadResult {
    VGPU_STUB_READ_MORE,      /* all was taken, the message is not complete yet */
    VGPU_STUB_READ_MESSAGE,   /* reader->message is complete; there may be bytes left */
    VGPU_STUB_READ_BAD_MAGIC, /* not our protocol: the stream cannot be followed any more */
    VGPU_STUB_READ_TOO_LARGE, /* an answer that is longer than the protocol allows: likewise */
} VGPUStubReadResult;

/* Assembles messages from a byte stream that is cut anywhere. All zero is its start. */
typedef struct VGPUStubReader {
    uint32_t have;  /* bytes of the present message taken so far, header included */
    bool long_form; /* a mediator answers in the form that it is asked in */
    uint8_t header[sizeof(struct bg_vgpu_stub_message_long)];
    uint8_t payload[BG_VGPU_STUB_PAYLOAD_MAX];
    VGPUStubMessage message;
} VGPUStubReader;

/* Forgets what was taken: a new connection begins, in the 20-byte form unless it is set again. */
void vgpu_stub_reader_reset(VGPUStubReader *reader);

/* True between two messages: no part of one has been taken. */
bool vgpu_stub_reader_is_between(const VGPUStubReader *reader);

/*
 * Takes bytes from @data and says how many in @taken. Stops behind each message, which stays
 * valid until the next call; call again with the rest. After a BAD_MAGIC or TOO_LARGE only
 * vgpu_stub_reader_reset() makes sense. The payload of a type we do not know is skipped, however
 * long it is.
 */
VGPUStubReadResult vgpu_stub_reader_feed(VGPUStubReader *reader, const uint8_t *data, size_t length,
                                         size_t *taken);

/* What an answer makes of the registers STATUS and ERROR_CODE. */
typedef struct VGPUStubOutcome {
    uint32_t status;     /* enum bg_vgpu_stub_status: DONE or ERROR */
    uint32_t error_code; /* enum bg_compute_status, 0 for DONE */
} VGPUStubOutcome;

/* True for the types that end a request: RESPONSE, BUSY, QUARANTINED. */
bool vgpu_stub_message_is_answer(const VGPUStubMessage *message);

/* @message is an answer. */
VGPUStubOutcome vgpu_stub_message_outcome(const VGPUStubMessage *message);

#endif
