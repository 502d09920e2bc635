/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages between a vgpu-stub device and the mediator, cut out of a byte stream and built.
 * Pure: no input or output, no allocation. The header has two sizes (protocol/vgpu_stub.h): both
 * are understood, and an answer has the size of what it answers.
 */
#ifndef MEDIATOR_MAILBOX_H
#define MEDIATOR_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/vgpu_stub.h"

#define MAILBOX_MESSAGE_MAX (sizeof(struct bg_vgpu_stub_message_long) + BG_VGPU_STUB_PAYLOAD_MAX)

struct mailbox_message {
    uint32_t type; /* BG_VGPU_STUB_MESSAGE_REQUEST or _PING */
    uint32_t vm_id;
    uint32_t request_id;
    uint8_t pool_id;
    uint8_t priority;
    bool is_long; /* the 24-byte form */
    uint32_t payload_length;
    const uint8_t *payload; /* into the caller's bytes */
    size_t size;            /* bytes of the stream this message took */
};

enum mailbox_form {
    MAILBOX_FORM_UNKNOWN,
    MAILBOX_FORM_SHORT,
    MAILBOX_FORM_LONG,
};

/* One per connection, zeroed at its start. */
struct mailbox_parser {
    enum mailbox_form form; /* of the last message */
    bool ping_tail;         /* a PING was taken as 20 bytes; its last four may still come */
    char error[96];         /* after MAILBOX_MALFORMED: what was wrong, for the log */
};

enum mailbox_result {
    MAILBOX_MESSAGE,
    MAILBOX_NEED_MORE,
    /* The 20 bytes of a PING are there and nothing after them: 20 or 24 bytes. Wait a moment for
     * more, then call again with quiet set. */
    MAILBOX_PING_UNDECIDED,
    MAILBOX_MALFORMED,
};

/*
 * Looks at the stream's next bytes. quiet: nothing came after them for a while, so that a PING
 * that could be of either size is one of 20 bytes.
 */
enum mailbox_result mailbox_parse(struct mailbox_parser *parser, const uint8_t *bytes,
                                  size_t length, bool quiet, struct mailbox_message *message);

/*
 * Writes the message of the given type that answers `to`, payload included (at most
 * BG_VGPU_STUB_PAYLOAD_MAX bytes; it may already lie at its place in out). Returns its size.
 */
size_t mailbox_build(uint8_t out[MAILBOX_MESSAGE_MAX], uint32_t type,
                     const struct mailbox_message *to, const void *payload,
                     uint32_t payload_length);

/* Where mailbox_build puts the payload of an answer to `to`. */
size_t mailbox_header_size(const struct mailbox_message *to);

#endif
