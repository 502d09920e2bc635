/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/stub/mailbox.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SHORT_SIZE sizeof(struct bg_vgpu_stub_message)
#define LONG_SIZE sizeof(struct bg_vgpu_stub_message_long)
#define TAIL_SIZE (LONG_SIZE - SHORT_SIZE)

__attribute__((format(printf, 2, 3))) static enum mailbox_result
malformed(struct mailbox_parser *parser, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(parser->error, sizeof(parser->error), format, arguments);
    va_end(arguments);
    return MAILBOX_MALFORMED;
}

static uint32_t load32(const uint8_t *bytes)
{
    uint32_t value;

    memcpy(&value, bytes, sizeof(value)); /* wire and hosts are little-endian */
    return value;
}

/* How many of the up to four bytes are zero before the first that is not. */
static size_t count_zeros(const uint8_t *bytes, size_t length)
{
    size_t count = 0;

    while (count < length && count < TAIL_SIZE && bytes[count] == 0) {
        count++;
    }
    return count;
}

/* A wrong first byte is enough to give up: no need to wait for a whole header of garbage. */
static bool magic_begins(const uint8_t *bytes, size_t length)
{
    const uint32_t magic = BG_VGPU_STUB_MESSAGE_MAGIC;

    return memcmp(bytes, &magic, length < sizeof(magic) ? length : sizeof(magic)) == 0;
}

static enum mailbox_result parse_ping(struct mailbox_parser *parser, const uint8_t *bytes,
                                      size_t length, bool quiet, struct mailbox_message *message)
{
    size_t zeros = count_zeros(bytes + SHORT_SIZE, length - SHORT_SIZE);
    bool more = length > SHORT_SIZE;

    if (message->payload_length != 0) {
        return malformed(parser, "a PING with a payload of %u bytes", message->payload_length);
    }
    if (!more && parser->form == MAILBOX_FORM_UNKNOWN && !quiet) {
        return MAILBOX_PING_UNDECIDED;
    }
    if (!more && parser->form == MAILBOX_FORM_LONG && !quiet) {
        return MAILBOX_NEED_MORE;
    }
    if (zeros == 0) {
        parser->ping_tail = !more;
        message->size = SHORT_SIZE;
        return MAILBOX_MESSAGE;
    }
    if (zeros < TAIL_SIZE) {
        if (length >= LONG_SIZE || SHORT_SIZE + zeros < length) {
            return malformed(parser, "neither four zero bytes nor a message after a PING");
        }
        return MAILBOX_NEED_MORE;
    }
    message->is_long = true;
    message->size = LONG_SIZE;
    return MAILBOX_MESSAGE;
}

static enum mailbox_result parse_request(struct mailbox_parser *parser, const uint8_t *bytes,
                                         size_t length, struct mailbox_message *message)
{
    size_t header_size = SHORT_SIZE;

    if (message->payload_length == 0) {
        if (length < LONG_SIZE) {
            return MAILBOX_NEED_MORE;
        }
        message->is_long = true;
        message->payload_length = load32(bytes + SHORT_SIZE);
        header_size = LONG_SIZE;
    }
    if (message->payload_length > BG_VGPU_STUB_PAYLOAD_MAX) {
        return malformed(parser, "a payload of %u bytes, %u are allowed", message->payload_length,
                         BG_VGPU_STUB_PAYLOAD_MAX);
    }
    if (length < header_size + message->payload_length) {
        return MAILBOX_NEED_MORE;
    }
    message->payload = bytes + header_size;
    message->size = header_size + message->payload_length;
    return MAILBOX_MESSAGE;
}

static enum mailbox_result parse_header(struct mailbox_parser *parser, const uint8_t *bytes,
                                        size_t length, bool quiet, struct mailbox_message *message)
{
    struct bg_vgpu_stub_message header;
    enum mailbox_result result;

    if (length == 0) {
        return MAILBOX_NEED_MORE;
    }
    if (!magic_begins(bytes, length)) {
        uint32_t found = 0;

        memcpy(&found, bytes, length < sizeof(found) ? length : sizeof(found));
        return malformed(parser, "magic 0x%08x instead of 0x%08x", found,
                         BG_VGPU_STUB_MESSAGE_MAGIC);
    }
    if (length < SHORT_SIZE) {
        return MAILBOX_NEED_MORE;
    }
    memcpy(&header, bytes, sizeof(header));
    *message = (struct mailbox_message){
        .type = header.type,
        .vm_id = header.vm_id,
        .request_id = header.request_id,
        .pool_id = header.pool_id,
        .priority = header.priority,
        .payload_length = header.payload_length,
    };
    if (header.type == BG_VGPU_STUB_MESSAGE_PING) {
        result = parse_ping(parser, bytes, length, quiet, message);
    } else if (header.type == BG_VGPU_STUB_MESSAGE_REQUEST) {
        result = parse_request(parser, bytes, length, message);
    } else {
        return malformed(parser, "a message of type 0x%x, only REQUEST and PING come from a device",
                         header.type);
    }
    if (result == MAILBOX_MESSAGE) {
        parser->form = message->is_long ? MAILBOX_FORM_LONG : MAILBOX_FORM_SHORT;
    }
    return result;
}

enum mailbox_result mailbox_parse(struct mailbox_parser *parser, const uint8_t *bytes,
                                  size_t length, bool quiet, struct mailbox_message *message)
{
    size_t skip = 0;

    if (parser->ping_tail && length > 0) {
        skip = count_zeros(bytes, length);
        if (skip > 0 && skip < TAIL_SIZE) {
            if (skip < length) {
                return malformed(parser, "neither four zero bytes nor a message after a PING");
            }
            return MAILBOX_NEED_MORE;
        }
    }
    enum mailbox_result result = parse_header(parser, bytes + skip, length - skip, quiet, message);
    if (result == MAILBOX_MESSAGE) {
        message->size += skip;
        if (message->type != BG_VGPU_STUB_MESSAGE_PING || message->is_long ||
            length > message->size) {
            parser->ping_tail = false;
        }
    }
    return result;
}

size_t mailbox_header_size(const struct mailbox_message *to)
{
    return to->is_long ? LONG_SIZE : SHORT_SIZE;
}

size_t mailbox_build(uint8_t out[MAILBOX_MESSAGE_MAX], uint32_t type,
                     const struct mailbox_message *to, const void *payload, uint32_t payload_length)
{
    struct bg_vgpu_stub_message_long header = {
        .header =
            {
                .magic = BG_VGPU_STUB_MESSAGE_MAGIC,
                .type = type,
                .vm_id = to->vm_id,
                .request_id = to->request_id,
                .pool_id = to->pool_id,
                .priority = to->priority,
                .payload_length = to->is_long ? 0 : (uint16_t)payload_length,
            },
        .payload_length = payload_length,
    };
    size_t header_size = mailbox_header_size(to);

    memcpy(out, &header, header_size);
    if (payload_length > 0 && payload != out + header_size) {
        memcpy(out + header_size, payload, payload_length);
    }
    return header_size + payload_length;
}
