/* SPDX-License-Identifier: BSD-2-Clause */
#include "rfb.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define VERSION "RFB 003.008\n"
#define SECURITY_NONE 1

/* Client's messages, 7.5; SetDesktopSize is the community's extension. */
#define SET_ENCODINGS 2
#define UPDATE_REQUEST 3
#define SET_DESKTOP_SIZE 251

/* Encodings, 7.7 and 7.8. */
#define ENCODING_RAW 0
#define ENCODING_DESKTOP_SIZE (-223)
#define ENCODING_EXTENDED_DESKTOP_SIZE (-308)
#define ENCODING_ALPHA_CURSOR (-314)

#define PIXEL_SIZE 4
#define CURSOR_LIMIT (RFB_CURSOR_MAX * RFB_CURSOR_MAX * PIXEL_SIZE)

static void take(struct rfb *rfb, void *data, size_t size)
{
    if (socket_read(rfb->fd, data, size, HARNESS_TIMEOUT_MS) != size) {
        harness_fail("the VNC server closed the connection");
    }
}

static uint8_t take8(struct rfb *rfb)
{
    uint8_t byte;

    take(rfb, &byte, 1);
    return byte;
}

static uint16_t take16(struct rfb *rfb)
{
    uint16_t high = take8(rfb);

    return (uint16_t)(high << 8 | take8(rfb));
}

static uint32_t take32(struct rfb *rfb)
{
    uint32_t high = take16(rfb);

    return high << 16 | take16(rfb);
}

static void drop(struct rfb *rfb, size_t size)
{
    uint8_t bytes[4096];

    while (size > 0) {
        size_t part = size < sizeof(bytes) ? size : sizeof(bytes);

        take(rfb, bytes, part);
        size -= part;
    }
}

static void send_bytes(struct rfb *rfb, const void *data, size_t size)
{
    if (!socket_write(rfb->fd, data, size)) {
        harness_fail("the VNC server closed the connection");
    }
}

static void put16(uint8_t *to, uint16_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

/* ---- Start: 7.1 to 7.3 ---- */

static void shake_hands(struct rfb *rfb)
{
    char version[12];
    uint8_t types[256], chosen = SECURITY_NONE, shared = 1;
    uint8_t count;

    take(rfb, version, sizeof(version));
    send_bytes(rfb, VERSION, strlen(VERSION));
    count = take8(rfb);
    take(rfb, types, count);
    if (memchr(types, SECURITY_NONE, count) == NULL) {
        harness_fail("the VNC server wants a password");
    }
    send_bytes(rfb, &chosen, 1);
    if (take32(rfb) != 0) {
        harness_fail("the VNC server refuses");
    }
    send_bytes(rfb, &shared, 1);
    rfb->width = take16(rfb);
    rfb->height = take16(rfb);
    drop(rfb, 16); /* the pixel format */
    drop(rfb, take32(rfb));
}

static void set_encodings(struct rfb *rfb)
{
    static const int32_t encodings[] = {ENCODING_RAW, ENCODING_DESKTOP_SIZE,
                                        ENCODING_EXTENDED_DESKTOP_SIZE, ENCODING_ALPHA_CURSOR};
    const unsigned count = sizeof(encodings) / sizeof(encodings[0]);
    uint8_t message[4 + sizeof(encodings)] = {SET_ENCODINGS};

    put16(message + 2, (uint16_t)count);
    for (unsigned i = 0; i < count; i++) {
        put16(message + 4 + 4 * i, (uint16_t)((uint32_t)encodings[i] >> 16));
        put16(message + 6 + 4 * i, (uint16_t)encodings[i]);
    }
    send_bytes(rfb, message, sizeof(message));
}

static void request_update(struct rfb *rfb)
{
    uint8_t message[10] = {UPDATE_REQUEST, 1};

    put16(message + 6, 1); /* a pixel: sizes and cursors come all the same */
    put16(message + 8, 1);
    send_bytes(rfb, message, sizeof(message));
}

struct rfb *rfb_connect(const char *path)
{
    struct rfb *rfb = calloc(1, sizeof(*rfb));

    rfb->fd = unix_connect(path, HARNESS_TIMEOUT_MS);
    shake_hands(rfb);
    set_encodings(rfb);
    request_update(rfb);
    return rfb;
}

void rfb_end(struct rfb *rfb)
{
    if (rfb != NULL) {
        close(rfb->fd);
        free(rfb);
    }
}

/* ---- Messages of the server: 7.6 ---- */

static void take_cursor(struct rfb *rfb, const uint16_t *rect)
{
    size_t size = (size_t)rect[2] * rect[3] * PIXEL_SIZE;

    if (take32(rfb) != ENCODING_RAW || size > CURSOR_LIMIT) {
        harness_fail("a cursor of %u x %u", rect[2], rect[3]);
    }
    rfb->hot_x = rect[0];
    rfb->hot_y = rect[1];
    rfb->cursor_width = rect[2];
    rfb->cursor_height = rect[3];
    take(rfb, rfb->cursor, size);
    rfb->cursors++;
}

static void take_rectangle(struct rfb *rfb)
{
    uint16_t rect[4];
    int32_t encoding;

    for (int i = 0; i < 4; i++) {
        rect[i] = take16(rfb);
    }
    encoding = (int32_t)take32(rfb);
    switch (encoding) {
    case ENCODING_RAW:
        drop(rfb, (size_t)rect[2] * rect[3] * PIXEL_SIZE);
        break;
    case ENCODING_DESKTOP_SIZE:
        rfb->width = rect[2];
        rfb->height = rect[3];
        break;
    case ENCODING_EXTENDED_DESKTOP_SIZE: {
        uint8_t screens = take8(rfb);

        drop(rfb, 3 + 16 * (size_t)screens);
        rfb->can_resize = true;
        rfb->width = rect[2];
        rfb->height = rect[3];
        break;
    }
    case ENCODING_ALPHA_CURSOR:
        take_cursor(rfb, rect);
        break;
    default:
        harness_fail("the VNC server sends encoding %d", encoding);
    }
}

static void take_message(struct rfb *rfb)
{
    uint8_t type = take8(rfb);

    switch (type) {
    case 0: { /* FramebufferUpdate */
        uint16_t count;

        drop(rfb, 1);
        count = take16(rfb);
        for (uint16_t i = 0; i < count; i++) {
            take_rectangle(rfb);
        }
        request_update(rfb);
        break;
    }
    case 2: /* Bell */
        break;
    case 3: /* ServerCutText */
        drop(rfb, 3);
        drop(rfb, take32(rfb));
        break;
    default:
        harness_fail("the VNC server sends message %u", type);
    }
}

void rfb_poll(struct rfb *rfb, unsigned wait_ms)
{
    while (harness_wait_readable(rfb->fd, wait_ms)) {
        take_message(rfb);
    }
}

void rfb_wait_cursor(struct rfb *rfb, unsigned seen)
{
    uint64_t deadline_ms = harness_now_ms() + HARNESS_TIMEOUT_MS;

    while (rfb->cursors <= seen) {
        if (harness_now_ms() >= deadline_ms) {
            harness_fail("the VNC server sends no cursor");
        }
        rfb_poll(rfb, 5);
    }
}

void rfb_resize(struct rfb *rfb, uint16_t width, uint16_t height)
{
    uint8_t message[8 + 16] = {SET_DESKTOP_SIZE};

    put16(message + 2, width);
    put16(message + 4, height);
    message[6] = 1; /* one screen: id 0 at 0, 0 */
    put16(message + 8 + 8, width);
    put16(message + 8 + 10, height);
    send_bytes(rfb, message, sizeof(message));
}
