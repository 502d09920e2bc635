/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtio 1.4: device status, feature bits, the PCI and MMIO register layouts, both ring formats.
 * All values are little-endian. Section numbers are those of the committee specification.
 */
#ifndef BAREGPU_PROTOCOL_VIRTIO_H
#define BAREGPU_PROTOCOL_VIRTIO_H

#include <stddef.h>
#include <stdint.h>

#include "decls.h" /* beside this file, also in a QEMU tree */

/* ---- Device status (2.1) ---- */

#define BG_VIRTIO_STATUS_ACKNOWLEDGE 0x01u
#define BG_VIRTIO_STATUS_DRIVER 0x02u
#define BG_VIRTIO_STATUS_DRIVER_OK 0x04u
#define BG_VIRTIO_STATUS_FEATURES_OK 0x08u
#define BG_VIRTIO_STATUS_SUSPEND 0x10u
#define BG_VIRTIO_STATUS_NEEDS_RESET 0x40u
#define BG_VIRTIO_STATUS_FAILED 0x80u

/* ---- Reserved feature bits (6), as masks ---- */

#define BG_VIRTIO_FEATURE(bit) (UINT64_C(1) << (bit))
#define BG_VIRTIO_F_NOTIFY_ON_EMPTY BG_VIRTIO_FEATURE(24) /* legacy only (6.3) */
#define BG_VIRTIO_F_ANY_LAYOUT BG_VIRTIO_FEATURE(27)      /* legacy only (6.3) */
#define BG_VIRTIO_F_INDIRECT_DESC BG_VIRTIO_FEATURE(28)
#define BG_VIRTIO_F_EVENT_IDX BG_VIRTIO_FEATURE(29)
#define BG_VIRTIO_F_VERSION_1 BG_VIRTIO_FEATURE(32)
#define BG_VIRTIO_F_ACCESS_PLATFORM BG_VIRTIO_FEATURE(33)
#define BG_VIRTIO_F_RING_PACKED BG_VIRTIO_FEATURE(34)
#define BG_VIRTIO_F_IN_ORDER BG_VIRTIO_FEATURE(35)
#define BG_VIRTIO_F_ORDER_PLATFORM BG_VIRTIO_FEATURE(36)
#define BG_VIRTIO_F_SR_IOV BG_VIRTIO_FEATURE(37)
#define BG_VIRTIO_F_NOTIFICATION_DATA BG_VIRTIO_FEATURE(38)
#define BG_VIRTIO_F_NOTIF_CONFIG_DATA BG_VIRTIO_FEATURE(39)
#define BG_VIRTIO_F_RING_RESET BG_VIRTIO_FEATURE(40)
#define BG_VIRTIO_F_ADMIN_VQ BG_VIRTIO_FEATURE(41)
#define BG_VIRTIO_F_SUSPEND BG_VIRTIO_FEATURE(43)

/* ---- Device types (5) ---- */

#define BG_VIRTIO_ID_ENTROPY 4u
#define BG_VIRTIO_ID_GPU 16u

/* ---- PCI (4.1) ---- */

#define BG_VIRTIO_PCI_VENDOR_ID 0x1AF4u
#define BG_VIRTIO_PCI_TRANSITIONAL_FIRST 0x1000u /* the virtio id is in the subsystem id */
#define BG_VIRTIO_PCI_TRANSITIONAL_LAST 0x103Fu
#define BG_VIRTIO_PCI_MODERN_BASE 0x1040u /* plus the virtio id */
#define BG_VIRTIO_PCI_MODERN_LAST 0x107Fu

/* cfg_type of a virtio structure capability (4.1.4) */
enum bg_virtio_pci_cap_type {
    BG_VIRTIO_PCI_CAP_COMMON_CFG = 1,
    BG_VIRTIO_PCI_CAP_NOTIFY_CFG = 2,
    BG_VIRTIO_PCI_CAP_ISR_CFG = 3,
    BG_VIRTIO_PCI_CAP_DEVICE_CFG = 4,
    BG_VIRTIO_PCI_CAP_PCI_CFG = 5,
    BG_VIRTIO_PCI_CAP_SHARED_MEMORY_CFG = 8,
    BG_VIRTIO_PCI_CAP_VENDOR_CFG = 9,
};

struct bg_virtio_pci_cap {
    uint8_t cap_vndr; /* 0x09 */
    uint8_t cap_next;
    uint8_t cap_len;
    uint8_t cfg_type; /* enum bg_virtio_pci_cap_type */
    uint8_t bar;
    uint8_t id;
    uint8_t padding[2];
    uint32_t offset;
    uint32_t length;
};

struct bg_virtio_pci_cap64 {
    struct bg_virtio_pci_cap cap;
    uint32_t offset_hi;
    uint32_t length_hi;
};

struct bg_virtio_pci_notify_cap {
    struct bg_virtio_pci_cap cap;
    uint32_t notify_off_multiplier;
};

struct bg_virtio_pci_cfg_cap {
    struct bg_virtio_pci_cap cap;
    uint8_t pci_cfg_data[4];
};

BG_STATIC_ASSERT(sizeof(struct bg_virtio_pci_cap) == 16, "virtio_pci_cap");
BG_STATIC_ASSERT(offsetof(struct bg_virtio_pci_cap, offset) == 8, "virtio_pci_cap.offset");
BG_STATIC_ASSERT(sizeof(struct bg_virtio_pci_cap64) == 24, "virtio_pci_cap64");
BG_STATIC_ASSERT(sizeof(struct bg_virtio_pci_notify_cap) == 20, "virtio_pci_notify_cap");
BG_STATIC_ASSERT(sizeof(struct bg_virtio_pci_cfg_cap) == 20, "virtio_pci_cfg_cap");

/* The common configuration structure (4.1.4.3). */
struct bg_virtio_pci_common_cfg {
    uint32_t device_feature_select;
    uint32_t device_feature;
    uint32_t driver_feature_select;
    uint32_t driver_feature;
    uint16_t config_msix_vector;
    uint16_t num_queues;
    uint8_t device_status;
    uint8_t config_generation;
    uint16_t queue_select;
    uint16_t queue_size;
    uint16_t queue_msix_vector;
    uint16_t queue_enable;
    uint16_t queue_notify_off;
    uint32_t queue_desc_lo, queue_desc_hi;
    uint32_t queue_driver_lo, queue_driver_hi;
    uint32_t queue_device_lo, queue_device_hi;
    uint16_t queue_notif_config_data; /* with BG_VIRTIO_F_NOTIF_CONFIG_DATA */
    uint16_t queue_reset;             /* with BG_VIRTIO_F_RING_RESET */
    uint16_t admin_queue_index;
    uint16_t admin_queue_num;
};

BG_STATIC_ASSERT(offsetof(struct bg_virtio_pci_common_cfg, device_status) == 0x14, "device_status");
BG_STATIC_ASSERT(offsetof(struct bg_virtio_pci_common_cfg, queue_desc_lo) == 0x20, "queue_desc");
BG_STATIC_ASSERT(offsetof(struct bg_virtio_pci_common_cfg, queue_reset) == 0x3A, "queue_reset");
BG_STATIC_ASSERT(sizeof(struct bg_virtio_pci_common_cfg) == 0x40, "virtio_pci_common_cfg");

#define BG_VIRTIO_PCI_COMMON_LENGTH_MIN 0x38u /* virtio 1.0: up to queue_device */

#define BG_VIRTIO_ISR_QUEUE 0x1u /* 4.1.4.5, and InterruptStatus of 4.2.2 */
#define BG_VIRTIO_ISR_CONFIG 0x2u

#define BG_VIRTIO_MSI_NO_VECTOR 0xFFFFu

/* ---- MMIO (4.2.2; legacy: 4.2.4) ---- */

#define BG_VIRTIO_MMIO_MAGIC 0x74726976u /* "virt" */
#define BG_VIRTIO_MMIO_VERSION_LEGACY 1u
#define BG_VIRTIO_MMIO_VERSION_MODERN 2u

#define BG_VIRTIO_MMIO_MAGIC_VALUE 0x000u
#define BG_VIRTIO_MMIO_VERSION 0x004u
#define BG_VIRTIO_MMIO_DEVICE_ID 0x008u
#define BG_VIRTIO_MMIO_VENDOR_ID 0x00Cu
#define BG_VIRTIO_MMIO_DEVICE_FEATURES 0x010u
#define BG_VIRTIO_MMIO_DEVICE_FEATURES_SEL 0x014u
#define BG_VIRTIO_MMIO_DRIVER_FEATURES 0x020u
#define BG_VIRTIO_MMIO_DRIVER_FEATURES_SEL 0x024u
#define BG_VIRTIO_MMIO_GUEST_PAGE_SIZE 0x028u /* legacy */
#define BG_VIRTIO_MMIO_QUEUE_SEL 0x030u
#define BG_VIRTIO_MMIO_QUEUE_SIZE_MAX 0x034u
#define BG_VIRTIO_MMIO_QUEUE_SIZE 0x038u
#define BG_VIRTIO_MMIO_QUEUE_ALIGN 0x03Cu /* legacy */
#define BG_VIRTIO_MMIO_QUEUE_PFN 0x040u   /* legacy */
#define BG_VIRTIO_MMIO_QUEUE_READY 0x044u
#define BG_VIRTIO_MMIO_QUEUE_NOTIFY 0x050u
#define BG_VIRTIO_MMIO_INTERRUPT_STATUS 0x060u
#define BG_VIRTIO_MMIO_INTERRUPT_ACK 0x064u
#define BG_VIRTIO_MMIO_STATUS 0x070u
#define BG_VIRTIO_MMIO_QUEUE_DESC_LOW 0x080u
#define BG_VIRTIO_MMIO_QUEUE_DESC_HIGH 0x084u
#define BG_VIRTIO_MMIO_QUEUE_DRIVER_LOW 0x090u
#define BG_VIRTIO_MMIO_QUEUE_DRIVER_HIGH 0x094u
#define BG_VIRTIO_MMIO_QUEUE_DEVICE_LOW 0x0A0u
#define BG_VIRTIO_MMIO_QUEUE_DEVICE_HIGH 0x0A4u
#define BG_VIRTIO_MMIO_SHM_SEL 0x0ACu
#define BG_VIRTIO_MMIO_SHM_LEN_LOW 0x0B0u
#define BG_VIRTIO_MMIO_SHM_LEN_HIGH 0x0B4u
#define BG_VIRTIO_MMIO_SHM_BASE_LOW 0x0B8u
#define BG_VIRTIO_MMIO_SHM_BASE_HIGH 0x0BCu
#define BG_VIRTIO_MMIO_QUEUE_RESET 0x0C0u
#define BG_VIRTIO_MMIO_CONFIG_GENERATION 0x0FCu
#define BG_VIRTIO_MMIO_CONFIG 0x100u

/* ---- Driver notifications with BG_VIRTIO_F_NOTIFICATION_DATA (2.9) ---- */

#define BG_VIRTIO_NOTIFY_NEXT_SHIFT 16 /* next_off in 15 bits, next_wrap above */
#define BG_VIRTIO_NOTIFY_WRAP_SHIFT 31

/* ---- Virtqueues ---- */

#define BG_VIRTQ_SIZE_MAX 32768u

/* Descriptor flags (2.7.5, 2.8.1) */
#define BG_VIRTQ_DESC_F_NEXT 0x0001u
#define BG_VIRTQ_DESC_F_WRITE 0x0002u
#define BG_VIRTQ_DESC_F_INDIRECT 0x0004u
#define BG_VIRTQ_DESC_F_AVAIL 0x0080u /* packed */
#define BG_VIRTQ_DESC_F_USED 0x8000u  /* packed */

/* Split (2.7) */

#define BG_VIRTQ_AVAIL_F_NO_INTERRUPT 0x0001u
#define BG_VIRTQ_USED_F_NO_NOTIFY 0x0001u

struct bg_virtq_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags;
    uint16_t next;
};

BG_BEGIN_FLEXIBLE

struct bg_virtq_avail {
    uint16_t flags;
    uint16_t idx;
    uint16_t ring[]; /* queue size, then used_event */
};

struct bg_virtq_used_elem {
    uint32_t id;
    uint32_t len;
};

struct bg_virtq_used {
    uint16_t flags;
    uint16_t idx;
    struct bg_virtq_used_elem ring[]; /* queue size, then avail_event in 16 bits */
};

BG_END_FLEXIBLE

BG_STATIC_ASSERT(sizeof(struct bg_virtq_desc) == 16, "virtq_desc");
BG_STATIC_ASSERT(offsetof(struct bg_virtq_desc, flags) == 12, "virtq_desc.flags");
BG_STATIC_ASSERT(sizeof(struct bg_virtq_avail) == 4, "virtq_avail");
BG_STATIC_ASSERT(sizeof(struct bg_virtq_used_elem) == 8, "virtq_used_elem");
BG_STATIC_ASSERT(sizeof(struct bg_virtq_used) == 4, "virtq_used");

#define BG_VIRTQ_DESC_ALIGN 16u
#define BG_VIRTQ_AVAIL_ALIGN 2u
#define BG_VIRTQ_USED_ALIGN 4u

/* Packed (2.8) */

struct bg_pvirtq_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t id;
    uint16_t flags;
};

struct bg_pvirtq_event_suppress {
    uint16_t off_wrap; /* offset in 15 bits, wrap counter above */
    uint16_t flags;    /* RING_EVENT_FLAGS_* in 2 bits */
};

#define BG_RING_EVENT_FLAGS_ENABLE 0x0u
#define BG_RING_EVENT_FLAGS_DISABLE 0x1u
#define BG_RING_EVENT_FLAGS_DESC 0x2u
#define BG_RING_EVENT_FLAGS_MASK 0x3u
#define BG_RING_EVENT_WRAP_SHIFT 15
#define BG_RING_EVENT_OFFSET_MASK 0x7FFFu

BG_STATIC_ASSERT(sizeof(struct bg_pvirtq_desc) == 16, "pvirtq_desc");
BG_STATIC_ASSERT(offsetof(struct bg_pvirtq_desc, flags) == 14, "pvirtq_desc.flags");
BG_STATIC_ASSERT(sizeof(struct bg_pvirtq_event_suppress) == 4, "pvirtq_event_suppress");

#endif
