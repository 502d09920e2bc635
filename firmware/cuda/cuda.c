/* SPDX-License-Identifier: BSD-2-Clause */
/* What a kernel sets up: devices, and options. */
#include "firmware/cuda/capture.h"
#include "firmware/cuda/host.h"
#include "firmware/cuda/internal.h"

struct cuda cuda;

int cuda_device_add(const struct cuda_carrier *carrier, void *gpu, void *memory, size_t size)
{
    struct cuda_device *device;

    if (cuda.is_initialized || gpu == NULL || memory == NULL || size < BG_CUDA_MEMORY_SIZE_MIN) {
        return BG_ERR_INVALID;
    }
    if (cuda.device_count == BG_CUDA_DEVICES_MAX) {
        return BG_ERR_NO_SPACE;
    }
    cuda_store_add(memory, size);
    device = cuda_alloc(sizeof(*device));
    if (device == NULL) {
        return BG_ERR_NO_SPACE;
    }
    device->carrier = carrier;
    device->gpu = gpu;
    device->number = (CUdevice)cuda.device_count;
    cuda.devices[cuda.device_count++] = device;
    return 0;
}

void bg_cuda_remove_all(void)
{
    for (unsigned i = 0; i < cuda.device_count; i++) {
        cuda_session_end(cuda.devices[i]);
    }
    cuda = (struct cuda){0};
    cuda_contexts_reset();
    cuda_host_reset();
    cuda_capture_reset();
    cuda_objects_reset();
    cuda_store_reset();
}

void bg_cuda_set_console(bg_cuda_console *write, void *context)
{
    cuda.console = write;
    cuda.console_context = context;
}

void bg_cuda_set_launch_blocking(bool is_blocking)
{
    cuda.is_launch_blocking = is_blocking;
}
