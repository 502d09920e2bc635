/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/apps/open/pvgpu.h"

#include <inttypes.h>
#include <stdio.h>

#include "baregpu/pvgpu_draw.h"
#include "firmware/apps/open/pci.h"

#define BLOCKS 1024u

/* A backend that is there has connected long before. */
#define OPEN_TIMEOUT_NS 5000000000ull

static struct bg_pvgpu_block blocks[BLOCKS];

uint64_t pvgpu_host_deadline(void)
{
    return bg_hal_time_ns() + PVGPU_HOST_TIMEOUT_NS;
}

static void explain_unavailable(void)
{
    printf("The device is there, but nobody answers behind it. `make run` starts a mediator by "
           "itself;\nby hand: build/host/baregpu-mediator --pvgpu-socket %s\n"
           "or the path that the device's backend_pipe= property names.\n",
           BG_PVGPU_SOCKET_PATH);
}

int pvgpu_host_open(struct bg_pvgpu *gpu)
{
    const struct bg_pvgpu_options options = {.blocks = blocks, .block_count = BLOCKS};
    struct bg_pci_host *pci = machine_pci();

    if (pci == NULL) {
        return BG_ERR_NOT_FOUND;
    }
    int error = bg_pvgpu_open(gpu, pci, &options, bg_hal_time_ns() + OPEN_TIMEOUT_NS);

    switch (error) {
    case 0:
        break;
    case BG_ERR_NOT_FOUND:
        printf("There is no pvgpu device [1af4:10f0] on the PCI bus.\n"
               "Start the QEMU that `make qemu` builds with: -device pvgpu\n");
        break;
    case BG_ERR_UNAVAILABLE:
        explain_unavailable();
        break;
    case BG_ERR_UNSUPPORTED:
        printf("The pvgpu device speaks another version than 0x%08x, or its backend does not have "
               "the base commands (features 0x%" PRIx64 ").\n",
               BG_PVGPU_VERSION, gpu->features);
        break;
    default:
        printf("The pvgpu device cannot be used: %s.\n", bg_strerror(error));
        break;
    }
    return error;
}

static void print_failure(const struct bg_pvgpu *gpu)
{
    char text[BG_PVGPU_ERROR_TEXT_SIZE];

    printf(" (command 0x%" PRIx32 ", resource %" PRIu32 ": %s)", gpu->failure.type,
           gpu->failure.resource_id, bg_pvgpu_error_name(gpu->failure.code));
    if (gpu->failure.code == BG_PVGPU_ERROR_SHADER_COMPILE) {
        bg_pvgpu_shader_error(gpu, text);
        printf(": %s", text);
    }
}

bool pvgpu_host_check(const struct bg_pvgpu *gpu, const char *what, int error)
{
    if (error >= 0) {
        return true;
    }
    printf("%s failed: %s", what, bg_strerror(error));
    if (error == BG_ERR_IO) {
        print_failure(gpu);
    } else if (gpu->loss != 0) {
        printf(" (%s)", bg_pvgpu_error_name(gpu->loss_code));
    } else if (gpu->last_status != BG_COMPUTE_OK) {
        printf(" (status 0x%" PRIx32 ")", gpu->last_status);
    }
    printf(".\n");
    return false;
}

void pvgpu_host_print_features(const struct bg_pvgpu *gpu)
{
    static const struct {
        uint64_t feature;
        const char *name;
    } names[] = {
        {BG_PVGPU_FEATURE_D3D11, "base commands"},
        {BG_PVGPU_FEATURE_COMPUTE, "compute operations"},
        {BG_PVGPU_FEATURE_REGIONS, "regions"},
        {BG_PVGPU_FEATURE_CUDA, "CUDA"},
        {BG_PVGPU_FEATURE_SCANOUT, "console"},
        {BG_PVGPU_FEATURE_VSYNC, "vsync"},
        {BG_PVGPU_FEATURE_TRIPLE_BUFFER, "triple buffer"},
        {BG_PVGPU_FEATURE_CONTROL_WORDS, "doorbell suppression"},
        {BG_PVGPU_FEATURE_DIRECT, "eventfds"},
        {BG_PVGPU_FEATURE_DRAW, "drawing"},
        {BG_PVGPU_FEATURE_COMPUTE_SHADER, "compute shaders"},
        {BG_PVGPU_FEATURE_GEOMETRY, "geometry shaders"},
        {BG_PVGPU_FEATURE_TESSELLATION, "tessellation"},
        {BG_PVGPU_FEATURE_MSAA, "multisampling"},
    };
    const char *before = "  ";

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (bg_pvgpu_has(gpu, names[i].feature)) {
            printf("%s%s", before, names[i].name);
            before = ", ";
        }
    }
    printf("\n");
}
