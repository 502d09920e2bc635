/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/apps/open/screenshot.h"

#include <stdio.h>

#include "baregpu/hal.h"
#include "firmware/apps/app.h"
#include "firmware/platform/console.h"
#include "firmware/platform/timer.h"

#define FRAMES_MAX 1000000
#define HOLD_MAX 86400
#define TIMEOUT_NS 30000000000ull /* the host writes a picture to a disk, on a busy machine */

/* Whether somebody is there to answer: shots=1 in the bootargs. */
static bool is_asked(void)
{
    return app_option_number("shots", 0, 0, 1) != 0;
}

static bool read_line(char *line, size_t size)
{
    uint64_t deadline_ns = bg_hal_time_ns() + TIMEOUT_NS;
    size_t length = 0;

    while (bg_hal_time_ns() < deadline_ns) {
        char c;

        if (!pl011_read(&c)) {
            bg_hal_wait(deadline_ns);
            continue;
        }
        if (c == '\n') {
            if (size > 0) {
                line[length] = '\0';
            }
            return true;
        }
        if (c != '\r' && length + 1 < size) {
            line[length++] = c;
        }
    }
    return false;
}

bool host_shot_ask(const char *what, const char *name, char *answer, size_t size)
{
    char line[96];
    int length = snprintf(line, sizeof(line), "@%s %s\n", what, name);

    if (answer != NULL && size > 0) {
        answer[0] = '\0';
    }
    if (!is_asked()) {
        return true;
    }
    pl011_write(line, (size_t)length);
    if (!read_line(answer, answer != NULL ? size : 0)) {
        printf("Nobody answers to \"@%s %s\" on the UART.\n", what, name);
        return false;
    }
    return true;
}

struct host_show host_show_read(uint32_t frames, uint32_t side_min, uint32_t side_max)
{
    return (struct host_show){
        .frames = (uint32_t)app_option_number("frames", frames, 0, FRAMES_MAX),
        .width = (uint32_t)app_option_number("width", 0, side_min, side_max),
        .height = (uint32_t)app_option_number("height", 0, side_min, side_max),
        .hold_ns = (uint64_t)app_option_number("hold", 0, 0, HOLD_MAX) * 1000000000u,
    };
}

bool host_show_stage(const struct host_show *show, const char *name)
{
    fflush(stdout);
    timer_delay_ns(show->hold_ns);
    return host_shot_ask("shot", name, NULL, 0);
}
