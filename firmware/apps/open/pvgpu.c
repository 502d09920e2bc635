// SPDX-License-Identifier: BSD-2-Clause
#include "firmware/apps/open/pvgpu.h"

#include <inttypes.h>
#include <stdio.h>

#include "firmware/apps/open/pci.h"

#define BLOCKS 1024u

/* A backend that is there has connected long before. */
#define OPEN_TIMEOUT_NS 5000000000ull

static struct pvgpu_block blocks[BLOCKS];

uint64_t pvgpu_host_deadline(void)
{
    return hal_time_ns() + PVGPU_HOST_TIMEOUT_NS;
}

static void explain_unavailable(void)
{
    printf("The device is there, but nobody answers behind it. `make run` starts a mediator by "
           "itself;\nby hand: build/host/baregpu-mediator --pvgpu-socket %s\n"
           "or the path that the device's backend_pipe= property names.\n",
           PVGPU_SOCKET_PATH);
}

int pvgpu_host_open(struct pvgpu *gpu)
{
    const struct pvgpu_options options = {.blocks = blocks, .block_count = BLOCKS};
    struct pci_host *pci = machine_pci();

    if (pci == NULL) {
        return BAREGPU_ERR_NOT_FOUND;
    }
    int error = pvgpu_open(gpu, pci, &options, hal_time_ns() + OPEN_TIMEOUT_NS);

    switch (error) {
    case 0:
        break;
    case BAREGPU_ERR_NOT_FOUND:
        printf("There is no pvgpu device [1af4:10f0] on the PCI bus.\n"
               "Start the QEMU that `make qemu` builds with: -device pvgpu\n");
        break;
    case BAREGPU_ERR_UNAVAILABLE:
        explain_unavailable();
        break;
    case BAREGPU_ERR_UNSUPPORTED:
        printf("The pvgpu device speaks another version than 0x%08x, or its backend does not have "
               "the base commands (features 0x%" PRIx64 ").\n",
               PVGPU_VERSION, gpu->features);
        break;
    default:
        printf("The pvgpu device cannot be used: %s.\n", baregpu_strerror(error));
        break;
    }
    return error;
}

bool pvgpu_host_check(const struct pvgpu *gpu, const char *what, int error)
{
    if (error >= 0) {
        return true;
    }
    printf("%s failed: %s", what, baregpu_strerror(error));
    if (error == BAREGPU_ERR_IO) {
        printf(" (command 0x%" PRIx32 ", resource %" PRIu32 ": %s)", gpu->failure.type,
               gpu->failure.resource_id, pvgpu_error_name(gpu->failure.code));
    } else if (gpu->loss != 0) {
        printf(" (%s)", pvgpu_error_name(gpu->loss_code));
    } else if (gpu->last_status != COMPUTE_OK) {
        printf(" (status 0x%" PRIx32 ")", gpu->last_status);
    }
    printf(".\n");
    return false;
}

void pvgpu_host_print_features(const struct pvgpu *gpu)
{
    static const struct {
        uint64_t feature;
        const char *name;
    } names[] = {
        {PVGPU_FEATURE_D3D11, "base commands"},
        {PVGPU_FEATURE_COMPUTE, "compute operations"},
        {PVGPU_FEATURE_REGIONS, "regions"},
        {PVGPU_FEATURE_SCANOUT, "console"},
        {PVGPU_FEATURE_VSYNC, "vsync"},
        {PVGPU_FEATURE_TRIPLE_BUFFER, "triple buffer"},
        {PVGPU_FEATURE_CONTROL_WORDS, "doorbell suppression"},
        {PVGPU_FEATURE_DIRECT, "eventfds"},
        {PVGPU_FEATURE_DRAW, "drawing"},
    };
    const char *before = "  ";

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (pvgpu_has(gpu, names[i].feature)) {
            printf("%s%s", before, names[i].name);
            before = ", ";
        }
    }
    printf("\n");
}
