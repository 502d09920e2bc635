/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/apps/open/pci.h"

#include <stdio.h>

#include "firmware/platform/interrupt.h"
#include "firmware/platform/machine.h"
#include "firmware/platform/timer.h"

#define REQUEST_TIMEOUT_NS 30000000000u /* longer than the device's 25 s */

static struct bg_pci_device devices[MACHINE_PCI_DEVICES_MAX];
static struct bg_pci_host host;
static struct bg_pci_intx intx;
static uint64_t ready_ns;

static struct bg_pci_window window_from(const struct machine_window *window)
{
    return (struct bg_pci_window){window->cpu_base, window->bus_base, window->size};
}

static void report(void *context, const struct bg_pci_problem *problem, const char *text)
{
    (void)context;
    (void)problem;
    printf("# PCI: %s\n", text);
}

/* The devicetree's map has two bits of the slot, as a host bridge with four lines. */
static void fill_intx(void)
{
    for (unsigned slot = 0; slot < BG_PCI_INTX_SLOTS; slot++) {
        for (unsigned pin = 0; pin < BG_PCI_INTX_PINS; pin++) {
            uint32_t spi = machine.pci_interrupt_spi[slot % 4][pin];

            intx.interrupts[slot][pin] = spi == 0 ? 0 : INTERRUPT_SPI(spi);
        }
    }
}

static int start(void)
{
    const struct bg_pci_host_config config = {
        .ecam = bg_hal_map(machine.pci_ecam_base, machine.pci_ecam_size, BG_HAL_MEMORY_DEVICE),
        .ecam_size = machine.pci_ecam_size,
        .bus_first = machine.bus_first,
        .bus_last = machine.bus_last,
        .windows =
            {
                [BG_PCI_WINDOW_IO] = window_from(&machine.pci_io),
                [BG_PCI_WINDOW_MEM32] = window_from(&machine.pci_mem32),
                [BG_PCI_WINDOW_MEM64] = window_from(&machine.pci_mem64),
            },
        .devices = devices,
        .device_capacity = MACHINE_PCI_DEVICES_MAX,
        .intx = &intx,
        .report = report,
    };

    if (config.ecam == NULL) {
        return BG_ERR_NO_MEMORY;
    }
    fill_intx();
    int error = bg_pci_host_init(&host, &config);

    if (error == 0) {
        bg_pci_host_enumerate(
            &host); /* what was left out is reported and counted; the rest works */
        ready_ns = timer_since_entry_ns();
    }
    return error;
}

struct bg_pci_host *machine_pci(void)
{
    static int error = 1;

    if (error > 0) {
        error = machine.pci_present ? start() : BG_ERR_NOT_FOUND;
    }
    if (error == BG_ERR_NOT_FOUND) {
        printf("The devicetree describes no PCI host (pci-host-ecam-generic).\n");
    } else if (error < 0) {
        printf("The PCI host's configuration space at 0x%llx cannot be used: %s.\n",
               (unsigned long long)machine.pci_ecam_base, bg_strerror(error));
    }
    return error == 0 ? &host : NULL;
}

uint64_t machine_pci_ready_ns(void)
{
    return ready_ns;
}

void machine_pci_print(void *context, const char *text)
{
    (void)context;
    fputs(text, stdout);
}

int open_vgpu_stub(struct bg_vgpu_stub *gpu)
{
    struct bg_pci_host *pci = machine_pci();

    if (pci == NULL) {
        return BG_ERR_NOT_FOUND;
    }
    int error = bg_vgpu_stub_open(gpu, pci, NULL);

    switch (error) {
    case 0:
        break;
    case BG_ERR_NOT_FOUND:
        printf("There is no vgpu-stub device [1af4:1111] on the PCI bus.\n"
               "Start the QEMU that `make qemu` builds with: -device vgpu-stub\n");
        break;
    case BG_ERR_UNSUPPORTED:
        printf("The vgpu-stub device speaks protocol 0x%08x with capabilities 0x%08x; this driver "
               "knows protocol 0x%08x.\n",
               (unsigned)gpu->identity.protocol_version, (unsigned)gpu->identity.capabilities,
               BG_VGPU_STUB_PROTOCOL_VERSION);
        break;
    default:
        printf("The vgpu-stub device cannot be used: %s.\n", bg_strerror(error));
        break;
    }
    return error;
}

static uint64_t deadline(void)
{
    return bg_hal_time_ns() + REQUEST_TIMEOUT_NS;
}

bool vgpu_stub_only_adds(struct bg_vgpu_stub *gpu)
{
    uint32_t sum;

    return bg_vgpu_stub_add_basic(gpu, 100, 200, &sum, deadline()) == 0 && sum == 300 &&
           bg_vgpu_stub_nop(gpu, deadline()) == BG_ERR_UNAVAILABLE;
}

static void explain_unavailable(struct bg_vgpu_stub *gpu)
{
    if (vgpu_stub_only_adds(gpu)) {
        printf("The mediator is an older one: it adds two numbers and does nothing else.\n");
        return;
    }
    if (bg_vgpu_stub_nop(gpu, deadline()) == 0) {
        printf("The connection ended with this request; others are answered.\n");
        return;
    }
    printf("The device is there, but nobody answers behind it. `make run` starts a mediator by "
           "itself;\nby hand: build/host/baregpu-mediator --socket %s\n"
           "or the path that the device's socket= property names. One of others that listens there "
           "may\nwant messages of another form: wire=auto.\n",
           BG_VGPU_STUB_SOCKET_PATH);
}

void explain_vgpu_stub(struct bg_vgpu_stub *gpu, const char *what, int error)
{
    printf("%s failed: %s", what, bg_strerror(error));
    if (gpu->last_status != BG_COMPUTE_OK) {
        printf(" (status 0x%x, %s)", (unsigned)gpu->last_status,
               bg_compute_status_name(gpu->last_status));
    }
    printf(".\n");
    if (error == BG_ERR_UNAVAILABLE) {
        explain_unavailable(gpu);
    } else if (error == BG_ERR_QUARANTINED) {
        printf("An operator releases it with: baregpu-mediator --release LISTENER:VM_ID\n");
    } else if (error == BG_ERR_POOL) {
        printf("The mediator's configuration has no GPU for pool %c.\n", gpu->identity.pool);
    }
}
