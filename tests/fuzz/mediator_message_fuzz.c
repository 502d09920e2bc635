/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/stub/mailbox.c
/*
 * The mediator's stream parser on any bytes, in pieces of any size (the input's first byte). Held:
 * no byte is read outside the input, progress, a payload within its bound and inside the message,
 * and the same messages whatever the pieces when no PING is in doubt.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/mediator/stub/mailbox.h"

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void check_message(const struct mailbox_message *message, const uint8_t *bytes,
                          size_t length)
{
    uint8_t out[MAILBOX_MESSAGE_MAX];

    CHECK(message->size > 0 && message->size <= length);
    CHECK(message->payload_length <= BG_VGPU_STUB_PAYLOAD_MAX);
    if (message->payload_length > 0) {
        CHECK(message->payload >= bytes);
        CHECK(message->payload + message->payload_length == bytes + message->size);
    }
    /* What is built in answer is what the other side's form wants. */
    CHECK(mailbox_build(out, BG_VGPU_STUB_MESSAGE_RESPONSE, message, message->payload,
                        message->payload_length) ==
          mailbox_header_size(message) + message->payload_length);
}

/* Returns how much was taken; a hash over the messages in *hash. */
static size_t run(const uint8_t *bytes, size_t length, size_t piece, uint32_t *hash)
{
    struct mailbox_parser parser = {0};
    struct mailbox_message message;
    size_t taken = 0, arrived = 0;

    while (arrived < length) {
        enum mailbox_result result;

        arrived = length - arrived > piece ? arrived + piece : length;
        for (;;) {
            uint8_t *exact = malloc(arrived - taken + 1); /* ASan sees a byte too far */

            memcpy(exact, bytes + taken, arrived - taken);
            /* Never quiet before the end: the pieces then cannot change what a PING is. */
            result = mailbox_parse(&parser, exact, arrived - taken, arrived == length, &message);
            if (result == MAILBOX_MESSAGE) {
                check_message(&message, exact, arrived - taken);
                *hash = *hash * 31 + message.type;
                *hash = *hash * 31 + message.request_id + message.is_long;
                *hash = *hash * 31 + message.payload_length;
                taken += message.size;
            }
            free(exact);
            if (result != MAILBOX_MESSAGE) {
                break;
            }
        }
        if (result == MAILBOX_MALFORMED) {
            CHECK(parser.error[0] != '\0');
            *hash = *hash * 31 + 1;
            return taken;
        }
    }
    return taken;
}

static int has_ping(const uint8_t *bytes, size_t length)
{
    const uint32_t magic = BG_VGPU_STUB_MESSAGE_MAGIC;

    for (size_t i = 0; i + 8 <= length; i++) {
        if (memcmp(bytes + i, &magic, 4) == 0 && bytes[i + 4] == BG_VGPU_STUB_MESSAGE_PING) {
            return 1;
        }
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t whole = 0, pieces = 0;
    size_t taken;

    if (size < 1) {
        return 0;
    }
    taken = run(data + 1, size - 1, SIZE_MAX, &whole);
    CHECK(taken <= size - 1);
    run(data + 1, size - 1, 1 + data[0], &pieces);
    CHECK(has_ping(data + 1, size - 1) || whole == pieces);
    return 0;
}
