/* SPDX-License-Identifier: BSD-2-Clause */
/* What programs print, on a display. */
#pragma once

#include "baregpu/virtio_gpu.h"

/* Clears the display, which has one buffer, and mirrors what is printed from here on. There is one
 * console. */
void screen_console_start(struct bg_virtio_gpu_display *display);

/* The display is the caller's again. Returns the first error that showing met. */
int screen_console_stop(void);
