/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds the vgpu-stub device and has it add two numbers: the whole of what another kernel does to
 * use the library (docs/porting.md). Exit status 0 when the sum was right.
 */
#include "baregpu/pci_ecam.h"
#include "baregpu/vgpu_stub.h"

/* QEMU's virt machine with highmem=on. A real kernel reads these from the devicetree. */
#define ECAM_BASE 0x4010000000ull
#define ECAM_SIZE 0x10000000ull /* 256 buses */

/* QEMU puts up to 32 devices on the root bus; each may be a bridge. */
#define DEVICES_MAX 64

int minimal_main(void);
void semihosting_write0(const char *text);

static struct bg_pci_device devices[DEVICES_MAX];
static struct bg_pci_host host;
static struct bg_vgpu_stub gpu;

static void print(void *context, const char *text)
{
    (void)context;
    semihosting_write0(text);
}

static void print_decimal(uint32_t value)
{
    char digits[11];
    char *p = digits + sizeof(digits) - 1;

    *p = '\0';
    do {
        *--p = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    semihosting_write0(p);
}

static void report(void *context, const struct bg_pci_problem *problem, const char *text)
{
    (void)problem;
    print(context, text);
    print(context, "\n");
}

static int fail(const char *what, int error)
{
    semihosting_write0(what);
    semihosting_write0(": ");
    semihosting_write0(bg_strerror(error));
    semihosting_write0("\n");
    return 1;
}

int minimal_main(void)
{
    const struct bg_pci_host_config config = {
        .ecam = bg_hal_map(ECAM_BASE, ECAM_SIZE, BG_HAL_MEMORY_DEVICE),
        .ecam_size = ECAM_SIZE,
        .bus_last = 255,
        .windows =
            {
                [BG_PCI_WINDOW_IO] = {0x3EFF0000, 0, 0x10000},
                [BG_PCI_WINDOW_MEM32] = {0x10000000, 0x10000000, 0x2EFF0000},
            },
        .devices = devices,
        .device_capacity = DEVICES_MAX,
        .report = report,
    };
    uint32_t sum = 0;
    int error = bg_pci_host_init(&host, &config);

    if (error < 0) {
        return fail("PCI host", error);
    }
    bg_pci_host_enumerate(&host); /* what does not fit is reported; the device may still be there */
    bg_pci_list_tree(&host, print, NULL);
    error = bg_vgpu_stub_open(&gpu, &host, NULL);
    if (error < 0) {
        return fail("vgpu-stub", error);
    }
    error = bg_vgpu_stub_add_basic(&gpu, 100, 200, &sum, bg_hal_time_ns() + 5000000000u);
    if (error < 0) {
        return fail("100 + 200", error);
    }
    semihosting_write0("100 + 200 = ");
    print_decimal(sum);
    semihosting_write0("\n");
    return sum == 300 ? 0 : 1;
}
