/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names as other kernels have them, Linux's above all: types, macros and functions that the
 * library's own must not meet. names_test.sh includes this before every public header.
 */
#ifndef TESTS_LIBRARY_KERNEL_NAMES_H
#define TESTS_LIBRARY_KERNEL_NAMES_H

/* ---- Macros that reach everywhere ---- */

#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define swap(a, b) kernel_swap(&(a), &(b))
#define wait_event(queue, condition) kernel_wait(queue, condition)
#define container_of(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))
#define BIT(n) (1ul << (n))
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define current kernel_current()
#define barrier() __asm__ volatile("" ::: "memory")
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define likely(x) __builtin_expect(!!(x), 1)
#define __iomem
#define __init
#define __packed __attribute__((packed))
#define BUG_ON(condition) kernel_bug(condition)
#define EINVAL 22
#define ENOMEM 12
#define PAGE_SIZE 4096ul

/* ---- PCI ---- */

#define PCI_SLOT(devfn) (((devfn) >> 3) & 0x1f)
#define PCI_FUNC(devfn) ((devfn) & 0x07)
#define PCI_BUS(bdf) ((bdf) >> 8)
#define PCI_BDF(bus, device, function) (((bus) << 8) | ((device) << 3) | (function))
#define PCI_BAR_COUNT 7
#define PCI_COMMAND_IO 0x1
#define PCI_COMMAND_MEMORY 0x2
#define PCI_COMMAND_MASTER 0x4
#define PCI_CAP_MSI 5
#define PCI_CAP_MSIX 17
#define PCI_ANY_ID (~0)

struct pci_device {
    int kernels_own;
};
struct pci_host {
    int kernels_own;
};
struct pci_resource {
    int kernels_own;
};
struct pci_window {
    int kernels_own;
};
enum pci_interrupt_kind { PCI_INTERRUPT_NONE, PCI_INTERRUPT_MSI, PCI_INTERRUPT_MSIX };

/* ---- Interrupts, memory ---- */

struct interrupt_source {
    int kernels_own;
};
struct interrupt_line {
    int kernels_own;
};
struct waiter {
    int kernels_own;
};
enum hal_memory_type { HAL_MEMORY_DEVICE, HAL_MEMORY_NORMAL };
#define WAIT_POLL 0

/* ---- virtio ---- */

#define VIRTIO_F_VERSION_1 32
#define VIRTIO_F_RING_PACKED 34
#define VIRTIO_F_ACCESS_PLATFORM 33
#define VIRTIO_ID_GPU 16
#define VIRTIO_PCI_CAP_COMMON_CFG 1
#define VIRTIO_CONFIG_S_DRIVER_OK 4
#define VIRTIO_STATUS_DRIVER_OK 4
#define VIRTIO_GPU_FLAG_FENCE (1 << 0)
#define VIRTIO_GPU_F_VIRGL 0
#define VIRTQ_DESC_F_NEXT 1
enum virtio_gpu_ctrl_type { VIRTIO_GPU_UNDEFINED = 0, VIRTIO_GPU_CMD_GET_DISPLAY_INFO = 0x0100 };
struct virtqueue {
    int kernels_own;
};
struct virtio_device {
    int kernels_own;
};
struct virtio_gpu {
    int kernels_own;
};
struct virtio_gpu_ctrl_hdr {
    int kernels_own;
};
struct virtio_gpu_config {
    int kernels_own;
};
struct virtio_pci_cap {
    int kernels_own;
};
struct virtq_desc {
    int kernels_own;
};
struct edid {
    int kernels_own;
};

/* ---- Functions, which names_test.c defines ---- */

#ifdef __cplusplus
extern "C" {
#endif
int pci_find_capability(struct pci_device *device, int capability);
int pci_host_init(void);
int pci_report(void);
int pci_size_bars(void);
int pci_assign_resources(void);
int interrupt_attach(int number);
int interrupt_line_join(void);
int hal_map(void);
int hal_time_ns(void);
unsigned mmio_read32(const void *address);
void mmio_write32(void *address, unsigned value);
int virtio_open(void);
int virtqueue_add(struct virtqueue *queue);
int virtqueue_kick(struct virtqueue *queue);
int virtqueue_pause(void);
int virtio_gpu_open(void);
int gpu_submit(void);
int edid_parse(struct edid *edid);
int pvgpu_open(void);
int pvgpu_begin(void);
int vgpu_stub_open(void);
int waiter_begin(void);
#ifdef __cplusplus
}
#endif

#endif
