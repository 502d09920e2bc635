/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/apps/open/gpu.h"

#include <inttypes.h>
#include <stdio.h>

#include "firmware/apps/open/pci.h"
#include "firmware/apps/open/virtio.h"

bool gpu_host_check(const char *what, int error)
{
    if (error < 0) {
        printf("%s failed: %s.\n", what, bg_strerror(error));
    }
    return error >= 0;
}

static void print_features(const struct bg_virtio_gpu *gpu)
{
    static const struct {
        uint64_t feature;
        const char *name;
    } names[] = {
        {BG_VIRTIO_GPU_F_VIRGL, "3D"},
        {BG_VIRTIO_GPU_F_EDID, "EDID"},
        {BG_VIRTIO_GPU_F_RESOURCE_UUID, "UUIDs"},
        {BG_VIRTIO_GPU_F_RESOURCE_BLOB, "blobs"},
        {BG_VIRTIO_GPU_F_CONTEXT_INIT, "context types"},
        {BG_VIRTIO_GPU_F_BLOB_ALIGNMENT, "blob alignment"},
        {BG_VIRTIO_F_RING_PACKED, "packed queues"},
        {BG_VIRTIO_F_INDIRECT_DESC, "indirect descriptors"},
        {BG_VIRTIO_F_EVENT_IDX, "event index"},
    };
    const char *before = "  ";

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (bg_virtio_gpu_has(gpu, names[i].feature)) {
            printf("%s%s", before, names[i].name);
            before = ", ";
        }
    }
    printf("\n");
}

/* Behind MMIO the transport is opened first; on PCI the driver does both. */
static int open_gpu(struct bg_virtio_gpu *gpu, struct virtio_place *place)
{
    static struct bg_virtio_device device;

    if (virtio_host_find_pci(BG_VIRTIO_ID_GPU, 0, place)) {
        return bg_virtio_gpu_open_pci(gpu, machine_pci(), place->function, NULL);
    }
    return virtio_host_open(&device, BG_VIRTIO_ID_GPU, 0, place)
               ?: bg_virtio_gpu_open(gpu, &device, NULL);
}

int gpu_host_open(struct bg_virtio_gpu *gpu)
{
    struct virtio_place place;
    int error = open_gpu(gpu, &place);

    if (error == BG_ERR_NOT_FOUND) {
        printf("There is no virtio GPU. `make run run=screen` gives the guest one; other programs "
               "get it by\nQEMU_ARGS=\"-device virtio-gpu-pci\".\n");
        return error;
    }
    if (gpu_host_check("Opening the GPU", error)) {
        printf("GPU at %s (%s), %" PRIu32 " scanouts, %" PRIu32 " capability sets\n", place.text,
               gpu->device->ops->name, gpu->scanout_count, gpu->capset_count);
        print_features(gpu);
    }
    return error;
}
