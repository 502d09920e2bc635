/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel with names of its own, linked with all of the library by names_test.sh: once as C, once
 * as C++. It is never run.
 */
#include "tests/library/kernel_names.h"

#include "all_headers.h" /* written by names_test.sh */

#ifdef __cplusplus
extern "C" {
#endif

/* Of the same name as the library's once were, some public, some internal. */
#define KERNELS_OWN(name, ...)                                                                     \
    int name(__VA_ARGS__)                                                                          \
    {                                                                                              \
        return 0;                                                                                  \
    }

KERNELS_OWN(pci_find_capability, struct pci_device *device __attribute__((unused)),
            int capability __attribute__((unused)))
KERNELS_OWN(pci_host_init, void)
KERNELS_OWN(pci_report, void)
KERNELS_OWN(pci_size_bars, void)
KERNELS_OWN(pci_assign_resources, void)
KERNELS_OWN(interrupt_attach, int number __attribute__((unused)))
KERNELS_OWN(interrupt_line_join, void)
KERNELS_OWN(hal_map, void)
KERNELS_OWN(hal_time_ns, void)
KERNELS_OWN(virtio_open, void)
KERNELS_OWN(virtqueue_add, struct virtqueue *queue __attribute__((unused)))
KERNELS_OWN(virtqueue_kick, struct virtqueue *queue __attribute__((unused)))
KERNELS_OWN(virtqueue_pause, void)
KERNELS_OWN(virtio_gpu_open, void)
KERNELS_OWN(gpu_submit, void)
KERNELS_OWN(edid_parse, struct edid *edid __attribute__((unused)))
KERNELS_OWN(pvgpu_open, void)
KERNELS_OWN(pvgpu_begin, void)
KERNELS_OWN(vgpu_stub_open, void)
KERNELS_OWN(waiter_begin, void)

unsigned mmio_read32(const void *address)
{
    return *(const volatile unsigned *)address;
}

void mmio_write32(void *address, unsigned value)
{
    *(volatile unsigned *)address = value;
}

/* Uses both: the kernel's types beside the library's. */
int kernel_main(void);
int kernel_main(void)
{
    static struct bg_pci_device devices[4];
    static struct bg_pci_host host;
    static struct bg_vgpu_stub gpu;
    static struct bg_pci_host_config config;
    struct pci_device own = {1};
    uint32_t sum = 0;

    gpu.wait = BG_WAIT_SPIN_THEN_SLEEP(1000);
    config.devices = devices;
    config.device_capacity = ARRAY_SIZE(devices);
    if (bg_pci_host_init(&host, &config) != 0 || pci_host_init() != 0 ||
        pci_find_capability(&own, PCI_CAP_MSI) != 0) {
        return min(1, 2);
    }
    return bg_vgpu_stub_open(&gpu, &host, NULL) == BG_OK &&
           bg_vgpu_stub_add_basic(&gpu, 100, 200, &sum, bg_hal_time_ns()) == BG_OK && sum == 300;
}

#ifdef __cplusplus
}
#endif
