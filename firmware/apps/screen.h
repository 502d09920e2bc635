/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FIRMWARE_APPS_SCREEN_H
#define FIRMWARE_APPS_SCREEN_H

#include <stdbool.h>

/* First: ends the run when they are not right (app_option_number). */
void screen_read_options(void);

/* Shows a picture on the virtio GPU, if there is one. False, after saying so, when that failed. */
bool screen_demo(void);

#endif
