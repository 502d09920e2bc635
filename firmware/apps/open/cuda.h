/* SPDX-License-Identifier: BSD-2-Clause */
/* This machine's GPUs for CUDA, for apps. */
#ifndef FIRMWARE_APPS_OPEN_CUDA_H
#define FIRMWARE_APPS_OPEN_CUDA_H

#include "baregpu/cuda.h"

/* The options' keys of programs that call cuda_host_open. */
#define CUDA_HOST_OPTIONS "via blocking"

/*
 * Opens the pvgpu, or where there is none the vgpu-stub, makes it CUdevice 0, and its primary
 * context the current one. What kernels print goes to the console. On failure prints what is wrong
 * and what to do. Reads the options via=ring, via=mailbox: that one alone; and blocking=1: launches
 * wait.
 */
bool cuda_host_open(void);

/* "pvgpu's ring", "vgpu-stub's mailbox". */
const char *cuda_host_carrier(void);

/* Releases the context and closes the device. */
void cuda_host_close(void);

/* Whether that went well; if not, prints why: "WHAT failed: ...". */
bool cuda_host_check(const char *what, CUresult result);

#endif
