/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel around docs/cuda.md's first one: firmware/minimal/ with this instead of its main.c. */
#include "baregpu/cuda.h"
#include "baregpu/pci_ecam.h"

/* QEMU's virt machine with highmem=on. */
#define ECAM_BASE 0x4010000000ull
#define ECAM_SIZE 0x10000000ull
#define DEVICES_MAX 64
#define COUNT 1000u

int minimal_main(void);
void semihosting_write0(const char *text);
CUresult square_all(float *x, unsigned n);

static struct bg_pci_device devices[DEVICES_MAX];
static struct bg_pci_host host;
static struct bg_vgpu_stub gpu;
static uint64_t bookkeeping[1 << 17];
static uint32_t x[COUNT]; /* floats: this kernel has no floating point */

static int open_gpu(void)
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
    };
    int error = bg_pci_host_init(&host, &config);

    if (error < 0) {
        return error;
    }
    bg_pci_host_enumerate(&host);
    return bg_vgpu_stub_open(&gpu, &host, NULL)
               ?: bg_cuda_add_vgpu_stub(&gpu, bookkeeping, sizeof(bookkeeping));
}

/* Powers of two, whose squares are seen in the exponent. */
static uint32_t power_of_two(uint32_t exponent)
{
    return (127 + exponent) << 23;
}

static bool are_squares(void)
{
    for (uint32_t i = 0; i < COUNT; i++) {
        if (x[i] != power_of_two(i % 50 * 2)) {
            return false;
        }
    }
    return true;
}

int minimal_main(void)
{
    const char *name = "";
    CUresult result;
    int error = open_gpu();

    if (error < 0) {
        semihosting_write0(bg_strerror(error));
        return 1;
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        x[i] = power_of_two(i % 50);
    }
    result = square_all((float *)(void *)x, COUNT);
    if (result != CUDA_SUCCESS) {
        cuGetErrorName(result, &name);
        semihosting_write0(name);
        return 1;
    }
    semihosting_write0(are_squares() ? "1000 squares\n" : "wrong\n");
    return are_squares() ? 0 : 1;
}
