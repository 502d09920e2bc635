/* SPDX-License-Identifier: BSD-2-Clause */
/* This machine's pvgpu, for apps. */
#ifndef FIRMWARE_APPS_OPEN_PVGPU_H
#define FIRMWARE_APPS_OPEN_PVGPU_H

#include "baregpu/pvgpu.h"

#define PVGPU_HOST_TIMEOUT_NS 30000000000ull

/* bg_hal_time_ns() and so much more. */
uint64_t pvgpu_host_deadline(void);

/* Opens the first pvgpu; on failure prints what is wrong and what to do, and returns the error. */
int pvgpu_host_open(struct bg_pvgpu *gpu);

/* Whether that went well; if not, prints why: "WHAT failed: ...". */
bool pvgpu_host_check(const struct bg_pvgpu *gpu, const char *what, int error);

/* A line with what the backend has. */
void pvgpu_host_print_features(const struct bg_pvgpu *gpu);

#endif
