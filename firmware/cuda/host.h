/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions of the program in the middle of a stream (host.c). */
#ifndef FIRMWARE_CUDA_HOST_H
#define FIRMWARE_CUDA_HOST_H

#include "firmware/cuda/internal.h"

/* The stream is not captured. */
CUresult cuda_host_launch(struct cuda_stream *stream, const CUDA_HOST_NODE_PARAMS *host);

/* Runs those that are due. */
void cuda_host_poll(struct cuda_device *device);

/* The device's session is lost: callbacks are told of the error, functions never run. */
void cuda_host_lose(struct cuda_device *device, CUresult error);

/* There are none any more; without running any. */
void cuda_host_reset(void);

#endif
