/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vgpu-stub: message parsing, see the header. */
#include "vgpu-stub-message.h"

#include <string.h>

#include "protocol/compute.h"

static uint32_t load_le16(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8;
}

static uint32_t load_le32(const uint8_t *bytes)
{
    return load_le16(bytes) | load_le16(bytes + 2) << 16;
}

static void store_le16(uint8_t *bytes, uint32_t value)
{
    bytes[0] = value;
    bytes[1] = value >> 8;
}

static void store_le32(uint8_t *bytes, uint32_t value)
{
    store_le16(bytes, value);
    store_le16(bytes + 2, value >> 16);
}

#define FIELD(name) offsetof(struct bg_vgpu_stub_message, name)

static size_t header_size(bool long_form)
{
    return long_form ? VGPU_STUB_LONG_HEADER_SIZE : VGPU_STUB_HEADER_SIZE;
}

size_t vgpu_stub_message_encode(uint8_t *out, const VGPUStubMessage *message)
{
    store_le32(out + FIELD(magic), BG_VGPU_STUB_MESSAGE_MAGIC);
    store_le32(out + FIELD(type), message->type);
    store_le32(out + FIELD(vm_id), message->vm_id);
    store_le32(out + FIELD(request_id), message->request_id);
    out[FIELD(pool_id)] = message->pool_id;
    out[FIELD(priority)] = message->priority;
    store_le16(out + FIELD(payload_length), message->long_form ? 0 : message->payload_length);
    if (message->long_form) {
        store_le32(out + VGPU_STUB_HEADER_SIZE, message->payload_length);
    }
    if (message->payload_length) {
        memcpy(out + header_size(message->long_form), message->payload, message->payload_length);
    }
    return header_size(message->long_form) + message->payload_length;
}

void vgpu_stub_reader_reset(VGPUStubReader *reader)
{
    reader->have = 0;
    reader->long_form = false;
}

bool vgpu_stub_reader_is_between(const VGPUStubReader *reader)
{
    return reader->have == 0;
}

static bool is_answer_type(uint32_t type)
{
    return type == BG_VGPU_STUB_MESSAGE_RESPONSE || type == BG_VGPU_STUB_MESSAGE_BUSY ||
           type == BG_VGPU_STUB_MESSAGE_QUARANTINED;
}

bool vgpu_stub_message_is_answer(const VGPUStubMessage *message)
{
    return is_answer_type(message->type);
}

/* The header is complete: check it and put it into reader->message. */
static VGPUStubReadResult decode_header(VGPUStubReader *reader)
{
    VGPUStubMessage *message = &reader->message;
    const uint8_t *header = reader->header;

    message->type = load_le32(header + FIELD(type));
    message->vm_id = load_le32(header + FIELD(vm_id));
    message->request_id = load_le32(header + FIELD(request_id));
    message->pool_id = header[FIELD(pool_id)];
    message->priority = header[FIELD(priority)];
    message->long_form = reader->long_form;
    message->payload_length = reader->long_form ? load_le32(header + VGPU_STUB_HEADER_SIZE)
                                                : load_le16(header + FIELD(payload_length));
    message->payload = is_answer_type(message->type) ? reader->payload : NULL;
    if (message->payload_length >
        (message->payload != NULL ? BG_VGPU_STUB_PAYLOAD_MAX : UINT16_MAX)) {
        return VGPU_STUB_READ_TOO_LARGE;
    }
    return VGPU_STUB_READ_MORE;
}

/* As many bytes as @length and @missing allow. */
static size_t bytes_to_take(size_t length, size_t missing)
{
    return length < missing ? length : missing;
}

/*
 * Bytes of the magic are compared as they come: a peer that sends a few bytes of something else
 * and then waits is found out at once.
 */
static bool magic_is_wrong(const VGPUStubReader *reader)
{
    static const uint8_t magic[4] = {
        BG_VGPU_STUB_MESSAGE_MAGIC & 0xFF,
        BG_VGPU_STUB_MESSAGE_MAGIC >> 8 & 0xFF,
        BG_VGPU_STUB_MESSAGE_MAGIC >> 16 & 0xFF,
        BG_VGPU_STUB_MESSAGE_MAGIC >> 24 & 0xFF,
    };

    return memcmp(reader->header, magic, bytes_to_take(reader->have, sizeof(magic))) != 0;
}

static VGPUStubReadResult feed_header(VGPUStubReader *reader, const uint8_t *data, size_t length,
                                      size_t *taken)
{
    size_t size = header_size(reader->long_form);
    size_t part = bytes_to_take(length, size - reader->have);

    memcpy(reader->header + reader->have, data, part);
    reader->have += part;
    *taken = part;
    if (magic_is_wrong(reader)) {
        return VGPU_STUB_READ_BAD_MAGIC;
    }
    return reader->have < size ? VGPU_STUB_READ_MORE : decode_header(reader);
}

VGPUStubReadResult vgpu_stub_reader_feed(VGPUStubReader *reader, const uint8_t *data, size_t length,
                                         size_t *taken)
{
    size_t header = header_size(reader->long_form);

    *taken = 0;
    if (length == 0) {
        return VGPU_STUB_READ_MORE;
    }
    if (reader->have < header) {
        VGPUStubReadResult result = feed_header(reader, data, length, taken);

        if (result != VGPU_STUB_READ_MORE || reader->have < header) {
            return result;
        }
    }

    size_t payload_have = reader->have - header;
    size_t part = bytes_to_take(length - *taken, reader->message.payload_length - payload_have);

    if (reader->message.payload != NULL && part) {
        memcpy(reader->payload + payload_have, data + *taken, part);
    }
    reader->have += part;
    *taken += part;
    if (reader->have < header + reader->message.payload_length) {
        return VGPU_STUB_READ_MORE;
    }
    reader->have = 0;
    return VGPU_STUB_READ_MESSAGE;
}

static VGPUStubOutcome outcome_error(uint32_t error_code)
{
    return (VGPUStubOutcome){BG_VGPU_STUB_ERROR, error_code};
}

VGPUStubOutcome vgpu_stub_message_outcome(const VGPUStubMessage *message)
{
    const VGPUStubOutcome done = {BG_VGPU_STUB_DONE, BG_COMPUTE_OK};
    uint32_t status;

    if (message->type == BG_VGPU_STUB_MESSAGE_BUSY) {
        return outcome_error(BG_COMPUTE_RATE_LIMITED);
    }
    if (message->type == BG_VGPU_STUB_MESSAGE_QUARANTINED) {
        return outcome_error(BG_COMPUTE_VM_QUARANTINED);
    }
    if (message->payload_length < sizeof(struct bg_vgpu_stub_response)) {
        return done;
    }
    status = load_le32(message->payload + offsetof(struct bg_vgpu_stub_response, status));
    switch (status) {
    case BG_COMPUTE_OK:
        return done;
    case BG_COMPUTE_QUEUE_FULL:
    case BG_COMPUTE_RATE_LIMITED:
    case BG_COMPUTE_VM_QUARANTINED:
        return outcome_error(status);
    default:
        return outcome_error(BG_COMPUTE_CUDA_ERROR);
    }
}
