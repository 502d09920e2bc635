/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pvgpu: message parsing, see the header. */
#include "pvgpu-message.h"

#include <string.h>

static uint32_t load_le32(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static uint64_t load_le64(const uint8_t *bytes)
{
    return load_le32(bytes) | (uint64_t)load_le32(bytes + 4) << 32;
}

static void store_le32(uint8_t *bytes, uint32_t value)
{
    bytes[0] = value;
    bytes[1] = value >> 8;
    bytes[2] = value >> 16;
    bytes[3] = value >> 24;
}

static void store_le64(uint8_t *bytes, uint64_t value)
{
    store_le32(bytes, value);
    store_le32(bytes + 4, value >> 32);
}

/* ---- Sending ---- */

size_t pvgpu_message_encode(uint8_t *out, uint32_t type, const void *payload, uint32_t size)
{
    store_le32(out + offsetof(struct bg_pvgpu_message, type), type);
    store_le32(out + offsetof(struct bg_pvgpu_message, size), size);
    if (size) {
        memcpy(out + PVGPU_HEADER_SIZE, payload, size);
    }
    return PVGPU_HEADER_SIZE + size;
}

size_t pvgpu_message_encode_handshake(uint8_t *out, uint64_t shmem_size, const char *name)
{
    uint8_t payload[sizeof(struct bg_pvgpu_handshake) + BG_PVGPU_SHMEM_NAME_MAX + 1];
    size_t length = strlen(name) + 1;

    store_le64(payload + offsetof(struct bg_pvgpu_handshake, shmem_size), shmem_size);
    memcpy(payload + sizeof(struct bg_pvgpu_handshake), name, length);
    return pvgpu_message_encode(out, BG_PVGPU_MESSAGE_HANDSHAKE, payload,
                                sizeof(struct bg_pvgpu_handshake) + length);
}

size_t pvgpu_message_encode_identity(uint8_t *out, uint32_t vm_id, uint8_t pool_id,
                                     uint8_t priority)
{
    uint8_t payload[sizeof(struct bg_pvgpu_identity)] = {0};

    store_le32(payload + offsetof(struct bg_pvgpu_identity, vm_id), vm_id);
    payload[offsetof(struct bg_pvgpu_identity, pool_id)] = pool_id;
    payload[offsetof(struct bg_pvgpu_identity, priority)] = priority;
    return pvgpu_message_encode(out, BG_PVGPU_MESSAGE_IDENTITY, payload, sizeof(payload));
}

size_t pvgpu_message_encode_reset(uint8_t *out, uint32_t count)
{
    uint8_t payload[4];

    store_le32(payload, count);
    return pvgpu_message_encode(out, BG_PVGPU_MESSAGE_RESET, payload, sizeof(payload));
}

size_t pvgpu_message_encode_scanout_done(uint8_t *out, uint32_t buffer, uint32_t slot)
{
    uint8_t payload[sizeof(struct bg_pvgpu_scanout_done)];

    store_le32(payload + offsetof(struct bg_pvgpu_scanout_done, buffer), buffer);
    store_le32(payload + offsetof(struct bg_pvgpu_scanout_done, slot), slot);
    return pvgpu_message_encode(out, BG_PVGPU_MESSAGE_SCANOUT_DONE, payload, sizeof(payload));
}

/* ---- Receiving ---- */

void pvgpu_reader_reset(PVGPUReader *reader)
{
    reader->have = 0;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Moves bytes so that @have, counted from the message's start, grows up to @until. */
static size_t take(PVGPUReader *reader, uint8_t *to, const uint8_t *data, size_t length,
                   size_t until)
{
    size_t size = smaller(length, until - reader->have);

    memcpy(to, data, size);
    reader->have += size;
    return size;
}

PVGPUReadResult pvgpu_reader_feed(PVGPUReader *reader, const uint8_t *data, size_t length,
                                  size_t *taken)
{
    PVGPUMessage *message = &reader->message;
    size_t used = 0;

    *taken = 0;
    if (length && reader->have < PVGPU_HEADER_SIZE) {
        used = take(reader, reader->header + reader->have, data, length, PVGPU_HEADER_SIZE);
        *taken = used;
    }
    if (reader->have < PVGPU_HEADER_SIZE) {
        return PVGPU_READ_MORE;
    }
    message->type = load_le32(reader->header + offsetof(struct bg_pvgpu_message, type));
    message->size = load_le32(reader->header + offsetof(struct bg_pvgpu_message, size));
    message->payload = reader->payload;
    if (message->size > BG_PVGPU_PAYLOAD_MAX) {
        return PVGPU_READ_TOO_LARGE;
    }
    if (used < length && reader->have < PVGPU_HEADER_SIZE + message->size) {
        used += take(reader, reader->payload + (reader->have - PVGPU_HEADER_SIZE), data + used,
                     length - used, PVGPU_HEADER_SIZE + message->size);
        *taken = used;
    }
    if (reader->have < PVGPU_HEADER_SIZE + message->size) {
        return PVGPU_READ_MORE;
    }
    reader->have = 0;
    return PVGPU_READ_MESSAGE;
}

bool pvgpu_message_get_ack(const PVGPUMessage *message, uint64_t *features)
{
    if (message->size < sizeof(*features)) {
        return false;
    }
    *features = load_le64(message->payload);
    if (*features == 0) {
        *features = BG_PVGPU_FEATURES_DEFAULT;
    }
    return true;
}

#define GET32(type, name) load_le32(message->payload + offsetof(type, name))
#define GET64(type, name) load_le64(message->payload + offsetof(type, name))

bool pvgpu_message_get_scanout_buffer(const PVGPUMessage *message,
                                      struct bg_pvgpu_scanout_buffer *buffer)
{
    if (message->size < sizeof(*buffer)) {
        return false;
    }
    buffer->buffer = GET32(struct bg_pvgpu_scanout_buffer, buffer);
    buffer->slots = GET32(struct bg_pvgpu_scanout_buffer, slots);
    buffer->slot_size = GET64(struct bg_pvgpu_scanout_buffer, slot_size);
    buffer->size = GET64(struct bg_pvgpu_scanout_buffer, size);
    return true;
}

bool pvgpu_message_get_scanout(const PVGPUMessage *message, struct bg_pvgpu_scanout *scanout)
{
    if (message->size < sizeof(*scanout)) {
        return false;
    }
    scanout->buffer = GET32(struct bg_pvgpu_scanout, buffer);
    scanout->slot = GET32(struct bg_pvgpu_scanout, slot);
    scanout->width = GET32(struct bg_pvgpu_scanout, width);
    scanout->height = GET32(struct bg_pvgpu_scanout, height);
    scanout->stride = GET32(struct bg_pvgpu_scanout, stride);
    scanout->format = GET32(struct bg_pvgpu_scanout, format);
    scanout->damage_x = GET32(struct bg_pvgpu_scanout, damage_x);
    scanout->damage_y = GET32(struct bg_pvgpu_scanout, damage_y);
    scanout->damage_width = GET32(struct bg_pvgpu_scanout, damage_width);
    scanout->damage_height = GET32(struct bg_pvgpu_scanout, damage_height);
    return true;
}

/* ---- What a backend may say ---- */

#define BYTES_PER_PIXEL 4u
#define SLOT_SIZE_MAX                                                                              \
    ((uint64_t)BG_PVGPU_SCANOUT_SIDE_MAX * BG_PVGPU_SCANOUT_SIDE_MAX * BYTES_PER_PIXEL)
#define SLOT_ALIGN 4096u

const char *pvgpu_check_scanout_buffer(const struct bg_pvgpu_scanout_buffer *buffer,
                                       uint64_t file_size, uint32_t previous)
{
    if (buffer->buffer <= previous) {
        return "its number does not count up";
    }
    if (buffer->slots < 2 || buffer->slots > BG_PVGPU_SCANOUT_SLOTS_MAX) {
        return "too few or too many slots";
    }
    if (buffer->slot_size == 0 || buffer->slot_size > SLOT_SIZE_MAX ||
        buffer->slot_size % SLOT_ALIGN) {
        return "bad slot size";
    }
    if (buffer->size != buffer->slots * buffer->slot_size || file_size != buffer->size) {
        return "its size is not that of its slots";
    }
    return NULL;
}

static bool format_is_shown(uint32_t format)
{
    return format == BG_PVGPU_FORMAT_B8G8R8A8_UNORM || format == BG_PVGPU_FORMAT_B8G8R8X8_UNORM ||
           format == BG_PVGPU_FORMAT_R8G8B8A8_UNORM;
}

const char *pvgpu_check_scanout(const struct bg_pvgpu_scanout *scanout,
                                const struct bg_pvgpu_scanout_buffer *buffer)
{
    if (scanout->width == 0) {
        return NULL; /* nothing is shown */
    }
    if (buffer == NULL || scanout->buffer != buffer->buffer || scanout->slot >= buffer->slots) {
        return "no such picture";
    }
    if (scanout->width > BG_PVGPU_SCANOUT_SIDE_MAX || scanout->height == 0 ||
        scanout->height > BG_PVGPU_SCANOUT_SIDE_MAX) {
        return "bad width or height";
    }
    if (!format_is_shown(scanout->format)) {
        return "a format that cannot be shown";
    }
    if (scanout->stride < scanout->width * BYTES_PER_PIXEL || scanout->stride % BYTES_PER_PIXEL ||
        (uint64_t)scanout->stride * scanout->height > buffer->slot_size) {
        return "a stride that does not fit";
    }
    if (scanout->damage_x > scanout->width || scanout->damage_y > scanout->height ||
        scanout->damage_width > scanout->width - scanout->damage_x ||
        scanout->damage_height > scanout->height - scanout->damage_y) {
        return "damage outside of the picture";
    }
    return NULL;
}
