/* SPDX-License-Identifier: BSD-2-Clause */
/* As much of a VNC client (RFC 6143) as a screen test needs: a window's size, and the cursor. */
#ifndef TESTS_SYSTEM_RFB_H
#define TESTS_SYSTEM_RFB_H

#include <stdbool.h>
#include <stdint.h>

#define RFB_CURSOR_MAX 64

struct rfb {
    int fd;
    uint16_t width, height;
    bool can_resize; /* the server has told so */
    /* The last cursor that came. */
    unsigned cursors; /* how many came */
    uint16_t cursor_width, cursor_height, hot_x, hot_y;
    uint32_t cursor[RFB_CURSOR_MAX * RFB_CURSOR_MAX]; /* 0xAARRGGBB */
};

/* Connects to a Unix socket where QEMU's VNC server listens; fails when it does not answer. */
struct rfb *rfb_connect(const char *path);
void rfb_end(struct rfb *rfb);

/* Takes what the server has sent until `wait_ms` pass without anything new. */
void rfb_poll(struct rfb *rfb, unsigned wait_ms);

/* Waits until another cursor than the `seen`-th has come; fails at the harness's time-out. */
void rfb_wait_cursor(struct rfb *rfb, unsigned seen);

/* SetDesktopSize: as if a person resized the window. */
void rfb_resize(struct rfb *rfb, uint16_t width, uint16_t height);

#endif
