/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/stub/mailbox.c
/* The mediator's stream parser and message builder, in both header forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "host/mediator/stub/mailbox.h"

struct stream {
    struct mailbox_parser parser;
    uint8_t bytes[8192];
    size_t length;
    struct mailbox_message message;
};

static void put(struct stream *stream, const void *bytes, size_t size)
{
    memcpy(stream->bytes + stream->length, bytes, size);
    stream->length += size;
}

static void put_header(struct stream *stream, uint32_t type, uint32_t id, uint16_t payload_length)
{
    const struct bg_vgpu_stub_message header = {
        .magic = BG_VGPU_STUB_MESSAGE_MAGIC,
        .type = type,
        .vm_id = 200,
        .request_id = id,
        .pool_id = 'B',
        .priority = 2,
        .payload_length = payload_length,
    };

    put(stream, &header, sizeof(header));
}

static void put_u32(struct stream *stream, uint32_t value)
{
    put(stream, &value, sizeof(value));
}

static enum mailbox_result parse(struct stream *stream, int quiet)
{
    return mailbox_parse(&stream->parser, stream->bytes, stream->length, quiet, &stream->message);
}

static void drop(struct stream *stream)
{
    stream->length -= stream->message.size;
    memmove(stream->bytes, stream->bytes + stream->message.size, stream->length);
}

static void expect_message(struct stream *stream, uint32_t type, uint32_t id, int is_long,
                           size_t size)
{
    assert_int_equal(parse(stream, 0), MAILBOX_MESSAGE);
    assert_int_equal(stream->message.type, type);
    assert_int_equal(stream->message.request_id, id);
    assert_int_equal(stream->message.is_long, is_long);
    assert_int_equal(stream->message.size, size);
    drop(stream);
}

static void test_short_request(void **state)
{
    struct stream stream = {0};

    (void)state;
    put_header(&stream, BG_VGPU_STUB_MESSAGE_REQUEST, 7, 5);
    put(&stream, "hello", 5);
    assert_int_equal(parse(&stream, 0), MAILBOX_MESSAGE);
    assert_int_equal(stream.message.vm_id, 200);
    assert_int_equal(stream.message.pool_id, 'B');
    assert_int_equal(stream.message.priority, 2);
    assert_int_equal(stream.message.payload_length, 5);
    assert_memory_equal(stream.message.payload, "hello", 5);
    assert_false(stream.message.is_long);
    assert_int_equal(stream.message.size, 25);
}

static void test_long_request(void **state)
{
    struct stream stream = {0};

    (void)state;
    put_header(&stream, BG_VGPU_STUB_MESSAGE_REQUEST, 7, 0);
    put_u32(&stream, 5);
    put(&stream, "hello", 5);
    assert_int_equal(parse(&stream, 0), MAILBOX_MESSAGE);
    assert_true(stream.message.is_long);
    assert_int_equal(stream.message.payload_length, 5);
    assert_memory_equal(stream.message.payload, "hello", 5);
    assert_int_equal(stream.message.size, 29);
}

static void test_long_request_without_payload(void **state)
{
    struct stream stream = {0};

    (void)state;
    put_header(&stream, BG_VGPU_STUB_MESSAGE_REQUEST, 7, 0);
    put_u32(&stream, 0);
    expect_message(&stream, BG_VGPU_STUB_MESSAGE_REQUEST, 7, 1, 24);
}

/* Every prefix of a message asks for more, and reads nothing beyond it (ASan watches). */
static void test_partial(void **state)
{
    struct stream stream = {0};

    (void)state;
    put_header(&stream, BG_VGPU_STUB_MESSAGE_REQUEST, 7, 5);
    put(&stream, "hello", 5);
    size_t whole = stream.length;
    for (size_t length = 0; length < whole; length++) {
        uint8_t *exact = test_malloc(length + 1);
        struct mailbox_message message;

        memcpy(exact + 1, stream.bytes, length);
        assert_int_equal(mailbox_parse(&stream.parser, exact + 1, length, 0, &message),
                         MAILBOX_NEED_MORE);
        test_free(exact);
    }
    stream.length = whole;
    expect_message(&stream, BG_VGPU_STUB_MESSAGE_REQUEST, 7, 0, 25);
}

static void test_ping_of_24(void **state)
{
    struct stream stream = {0};

    (void)state;
    put_header(&stream, BG_VGPU_STUB_MESSAGE_PING, 1, 0);
    put_u32(&stream, 0);
    expect_message(&stream, BG_VGPU_STUB_MESSAGE_PING, 1, 1, 24);
    assert_int_equal(stream.length, 0);
}

static void test_ping_of_20_alone(void **state)
{
    struct stream stream = {0};

    (void)state;
    put_header(&stream, BG_VGPU_STUB_MESSAGE_PING, 1, 0);
    assert_int_equal(parse(&stream, 0), MAILBOX_PING_UNDECIDED);
    assert_int_equal(parse(&stream, 1), MAILBOX_MESSAGE);
    assert_false(stream.message.is_long);
    assert_int_equal(stream.message.size, 20);
}

static void test_ping_of_20_before_a_request(void **state)
{
    struct stream stream = {0};

    (void)state;
    put_header(&stream, BG_VGPU_STUB_MESSAGE_PING, 1, 0);
    put_header(&stream, BG_VGPU_STUB_MESSAGE_REQUEST, 2, 1);
    put(&stream, "x", 1);
    expect_message(&stream, BG_VGPU_STUB_MESSAGE_PING, 1, 0, 20);
    expect_message(&stream, BG_VGPU_STUB_MESSAGE_REQUEST, 2, 0, 21);
}

/* After a request the form is known: no waiting. */
static void test_ping_after_known_form(void **state)
{
    struct stream stream = {0};

    (void)state;
    put_header(&stream, BG_VGPU_STUB_MESSAGE_REQUEST, 1, 1);
    put(&stream, "x", 1);
    expect_message(&stream, BG_VGPU_STUB_MESSAGE_REQUEST, 1, 0, 21);
    put_header(&stream, BG_VGPU_STUB_MESSAGE_PING, 2, 0);
    expect_message(&stream, BG_VGPU_STUB_MESSAGE_PING, 2, 0, 20);

    struct stream other = {0};
    put_header(&other, BG_VGPU_STUB_MESSAGE_REQUEST, 1, 0);
    put_u32(&other, 1);
    put(&other, "x", 1);
    expect_message(&other, BG_VGPU_STUB_MESSAGE_REQUEST, 1, 1, 25);
    put_header(&other, BG_VGPU_STUB_MESSAGE_PING, 2, 0);
    assert_int_equal(parse(&other, 0), MAILBOX_NEED_MORE);
    put_u32(&other, 0);
    expect_message(&other, BG_VGPU_STUB_MESSAGE_PING, 2, 1, 24);
}

/* Answered as one of 20 bytes, its last four come late: they are taken, not misread. */
static void test_ping_with_late_tail(void **state)
{
    struct stream stream = {0};

    (void)state;
    put_header(&stream, BG_VGPU_STUB_MESSAGE_PING, 1, 0);
    assert_int_equal(parse(&stream, 1), MAILBOX_MESSAGE);
    drop(&stream);
    put(&stream, "\0", 1);
    assert_int_equal(parse(&stream, 0), MAILBOX_NEED_MORE);
    put(&stream, "\0\0", 3);
    put_header(&stream, BG_VGPU_STUB_MESSAGE_REQUEST, 2, 0);
    put_u32(&stream, 1);
    put(&stream, "x", 1);
    expect_message(&stream, BG_VGPU_STUB_MESSAGE_REQUEST, 2, 1, 4 + 25);
    assert_int_equal(stream.length, 0);
    put(&stream, "\0\0\0", 4); /* but only after a PING */
    assert_int_equal(parse(&stream, 0), MAILBOX_MALFORMED);
}

static void test_ping_tail_broken(void **state)
{
    struct stream stream = {0};

    (void)state;
    put_header(&stream, BG_VGPU_STUB_MESSAGE_PING, 1, 0);
    put(&stream, "\0\0", 2);
    assert_int_equal(parse(&stream, 0), MAILBOX_NEED_MORE);
    put(&stream, "V", 1);
    assert_int_equal(parse(&stream, 0), MAILBOX_MALFORMED);
    assert_non_null(strstr(stream.parser.error, "PING"));
}

static void test_pipelined(void **state)
{
    struct stream stream = {0};

    (void)state;
    for (uint32_t id = 1; id <= 5; id++) {
        put_header(&stream, BG_VGPU_STUB_MESSAGE_REQUEST, id, 3);
        put(&stream, "abc", 3);
    }
    for (uint32_t id = 1; id <= 5; id++) {
        expect_message(&stream, BG_VGPU_STUB_MESSAGE_REQUEST, id, 0, 23);
    }
    assert_int_equal(parse(&stream, 0), MAILBOX_NEED_MORE);
}

static void expect_malformed(struct stream *stream, const char *why)
{
    assert_int_equal(parse(stream, 0), MAILBOX_MALFORMED);
    if (strstr(stream->parser.error, why) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", stream->parser.error, why);
    }
}

static void test_malformed(void **state)
{
    struct stream garbage = {0}, late = {0}, large = {0}, longest = {0}, type = {0}, ping = {0};

    (void)state;
    put(&garbage, "G", 1); /* the first wrong byte is enough */
    expect_malformed(&garbage, "magic 0x00000047");
    put(&late, "UPGX", 4);
    expect_malformed(&late, "instead of 0x56475055");
    put_header(&large, BG_VGPU_STUB_MESSAGE_REQUEST, 1, 1025);
    expect_malformed(&large, "payload of 1025 bytes, 1024");
    put_header(&longest, BG_VGPU_STUB_MESSAGE_REQUEST, 1, 0);
    put_u32(&longest, UINT32_MAX);
    expect_malformed(&longest, "payload of 4294967295");
    put_header(&type, BG_VGPU_STUB_MESSAGE_RESPONSE, 1, 4);
    expect_malformed(&type, "type 0x2");
    put_header(&ping, BG_VGPU_STUB_MESSAGE_PING, 1, 4);
    expect_malformed(&ping, "PING with a payload of 4");
}

static void test_largest_payload(void **state)
{
    static const uint8_t payload[BG_VGPU_STUB_PAYLOAD_MAX];
    struct stream stream = {0};

    (void)state;
    put_header(&stream, BG_VGPU_STUB_MESSAGE_REQUEST, 1, BG_VGPU_STUB_PAYLOAD_MAX);
    put(&stream, payload, sizeof(payload));
    expect_message(&stream, BG_VGPU_STUB_MESSAGE_REQUEST, 1, 0, 20 + 1024);
    put_header(&stream, BG_VGPU_STUB_MESSAGE_REQUEST, 2, 0);
    put_u32(&stream, BG_VGPU_STUB_PAYLOAD_MAX);
    put(&stream, payload, sizeof(payload));
    expect_message(&stream, BG_VGPU_STUB_MESSAGE_REQUEST, 2, 1, MAILBOX_MESSAGE_MAX);
}

/* Answers have the size of what they answer and carry its identity. */
static void test_build(void **state)
{
    struct mailbox_message to = {
        .vm_id = 5, .request_id = 6, .pool_id = 'A', .priority = 1, .is_long = false};
    uint8_t out[MAILBOX_MESSAGE_MAX];
    struct bg_vgpu_stub_message_long header;

    (void)state;
    assert_int_equal(mailbox_build(out, BG_VGPU_STUB_MESSAGE_RESPONSE, &to, "hello", 5), 25);
    memcpy(&header, out, sizeof(header));
    assert_int_equal(header.header.magic, BG_VGPU_STUB_MESSAGE_MAGIC);
    assert_int_equal(header.header.type, BG_VGPU_STUB_MESSAGE_RESPONSE);
    assert_int_equal(header.header.vm_id, 5);
    assert_int_equal(header.header.request_id, 6);
    assert_int_equal(header.header.pool_id, 'A');
    assert_int_equal(header.header.priority, 1);
    assert_int_equal(header.header.payload_length, 5);
    assert_memory_equal(out + 20, "hello", 5);

    to.is_long = true;
    assert_int_equal(mailbox_build(out, BG_VGPU_STUB_MESSAGE_RESPONSE, &to, "hello", 5), 29);
    memcpy(&header, out, sizeof(header));
    assert_int_equal(header.header.payload_length, 0);
    assert_int_equal(header.payload_length, 5);
    assert_memory_equal(out + 24, "hello", 5);
    assert_int_equal(mailbox_build(out, BG_VGPU_STUB_MESSAGE_PONG, &to, NULL, 0), 24);
    to.is_long = false;
    assert_int_equal(mailbox_build(out, BG_VGPU_STUB_MESSAGE_BUSY, &to, NULL, 0), 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_request),
        cmocka_unit_test(test_long_request),
        cmocka_unit_test(test_long_request_without_payload),
        cmocka_unit_test(test_partial),
        cmocka_unit_test(test_ping_of_24),
        cmocka_unit_test(test_ping_of_20_alone),
        cmocka_unit_test(test_ping_of_20_before_a_request),
        cmocka_unit_test(test_ping_after_known_form),
        cmocka_unit_test(test_ping_with_late_tail),
        cmocka_unit_test(test_ping_tail_broken),
        cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_largest_payload),
        cmocka_unit_test(test_build),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
