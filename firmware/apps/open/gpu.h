/* SPDX-License-Identifier: BSD-2-Clause */
/* This machine's virtio GPU. */
#ifndef FIRMWARE_APPS_OPEN_GPU_H
#define FIRMWARE_APPS_OPEN_GPU_H

#include "baregpu/virtio_gpu.h"

/* Opens and starts the first one, on PCI or MMIO, and prints what it is; or prints what is wrong
 * and what to do, and returns the error. */
int gpu_host_open(struct bg_virtio_gpu *gpu);

/* Prints "WHAT failed: why" when `error` is one. Returns whether it is none. */
bool gpu_host_check(const char *what, int error);

#endif
