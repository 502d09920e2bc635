/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks the host to look at the screen, over the UART: "@shot NAME", answered by a line. */
#ifndef FIRMWARE_APPS_OPEN_SCREENSHOT_H
#define FIRMWARE_APPS_OPEN_SCREENSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Sends "@WHAT NAME" and waits for a line, which goes to `answer` (may be NULL; cut to `size` with
 * its NUL). Returns false, after saying so, when none comes in time. Without shots=1: true at once.
 */
bool host_shot_ask(const char *what, const char *name, char *answer, size_t size);

/* What somebody who looks asks for, by options of these names. */
struct host_show {
    uint32_t frames, width, height; /* 0: the display's */
    uint64_t hold_ns;               /* how long each picture stays; in seconds as an option */
};

/* `frames` is the default; a side is 0 or from `side_min` to `side_max`. Ends the run when they are
 * not right (app_option_number). */
struct host_show host_show_read(uint32_t frames, uint32_t side_min, uint32_t side_max);

/* A picture is on the screen: a person may want to look, and then the host may, by "@shot NAME". */
bool host_show_stage(const struct host_show *show, const char *name);

#endif
