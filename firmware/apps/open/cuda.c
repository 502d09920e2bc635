/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/apps/open/cuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baregpu/pvgpu_interrupt.h"
#include "firmware/apps/app.h"
#include "firmware/apps/open/pci.h"
#include "firmware/apps/open/pvgpu.h"

#define EXIT_STATUS_USAGE 2
#define SPIN_NS 50000u

static uint64_t memory[(1u << 20) / sizeof(uint64_t)]; /* CUDA's bookkeeping */
static struct bg_pvgpu ring;
static struct bg_pvgpu_interrupt interrupt;
static struct bg_vgpu_stub mailbox;
static bool is_ring;

/* ---- Which device ---- */

static bool has_pvgpu(void)
{
    struct bg_pci_host *host = machine_pci();

    return host != NULL &&
           bg_pci_find_id(host, BG_PVGPU_PCI_VENDOR_ID, BG_PVGPU_PCI_DEVICE_ID, NULL) != NULL;
}

static bool choose_ring(void)
{
    char via[16];

    if (!app_option("via", via, sizeof(via))) {
        return has_pvgpu();
    }
    if (strcmp(via, "ring") != 0 && strcmp(via, "mailbox") != 0) {
        printf("via=%s is refused: ring or mailbox is wanted.\n", via);
        exit(EXIT_STATUS_USAGE);
    }
    return strcmp(via, "ring") == 0;
}

/* Waits leave this CPU to the host, which may have to compute on it; a short one would take longer
 * by it. Without interrupts they poll. */
static int open_ring(void)
{
    int error = pvgpu_host_open(&ring);

    if (error == 0 && bg_pvgpu_interrupt_open(&interrupt, &ring, NULL) == 0) {
        ring.wait = BG_WAIT_SPIN_THEN_SLEEP(SPIN_NS);
    }
    return error;
}

static bool open_device(void)
{
    is_ring = choose_ring();
    return (is_ring ? open_ring() : open_vgpu_stub(&mailbox)) == 0;
}

static bool add_device(void)
{
    int error = is_ring ? bg_cuda_add_pvgpu(&ring, memory, sizeof(memory))
                        : bg_cuda_add_vgpu_stub(&mailbox, memory, sizeof(memory));

    if (error < 0) {
        printf("The device cannot be used for CUDA: %s.\n", bg_strerror(error));
    }
    return error == 0;
}

const char *cuda_host_carrier(void)
{
    return is_ring ? "pvgpu's ring" : "vgpu-stub's mailbox";
}

/* ---- Errors ---- */

static void explain_unavailable(void)
{
    if (is_ring) {
        printf("Nobody answers behind the device any more. Was the mediator ended?\n");
    } else {
        explain_vgpu_stub(&mailbox, "The request", BG_ERR_UNAVAILABLE);
    }
}

bool cuda_host_check(const char *what, CUresult result)
{
    const char *name = "an unknown error", *text = "";

    if (result == CUDA_SUCCESS) {
        return true;
    }
    cuGetErrorName(result, &name);
    cuGetErrorString(result, &text);
    printf("%s failed: %s (%s).\n", what, name, text);
    if (result == CUDA_ERROR_DEVICE_UNAVAILABLE) {
        explain_unavailable();
    }
    return false;
}

/* ---- Open, close ---- */

static void print_text(void *context, const char *text, size_t length)
{
    (void)context;
    fwrite(text, 1, length, stdout);
}

static CUresult start(void)
{
    CUcontext context;
    CUdevice device;

    return cuInit(0) ?: cuDeviceGet(&device, 0) ?: cuDevicePrimaryCtxRetain(&context, device)
               ?: cuCtxSetCurrent(context);
}

bool cuda_host_open(void)
{
    CUresult result;

    if (!open_device() || !add_device()) {
        return false;
    }
    bg_cuda_set_console(print_text, NULL);
    bg_cuda_set_launch_blocking(app_option_number("blocking", 0, 0, 1) != 0);
    result = start();
    if (result == CUDA_ERROR_NOT_SUPPORTED) {
        printf(
            "The mediator is older than this kernel and knows no CUDA: `make host` builds one.\n");
    }
    return cuda_host_check("Starting CUDA", result);
}

void cuda_host_close(void)
{
    cuDevicePrimaryCtxRelease(0);
    bg_cuda_remove_all();
    if (is_ring) {
        bg_pvgpu_interrupt_close(&interrupt);
        bg_pvgpu_close(&ring, pvgpu_host_deadline());
    }
}
