/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fake/virtio_registers.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fake/virtqueue.h"

#define IO_WINDOW 0x3EFF0000u
#define MSIX_BAR 2u
#define MSIX_PENDING 0x800u

static const struct bg_virtio_transport_ops *ops_of(struct fake_registers *r)
{
    return r->behind.ops;
}

static struct fake_virtio_queue *selected(struct fake_registers *r)
{
    return r->queue_select < r->fake.queue_count ? &r->fake.queues[r->queue_select] : NULL;
}

static struct bg_virtio_queue_layout *staged(struct fake_registers *r)
{
    static struct bg_virtio_queue_layout nowhere;

    return r->queue_select < r->fake.queue_count ? &r->staged[r->queue_select] : &nowhere;
}

static void set_half(uint64_t *value, bool is_high, uint32_t half)
{
    *value = is_high ? (*value & UINT32_MAX) | (uint64_t)half << 32
                     : (*value & ~(uint64_t)UINT32_MAX) | half;
}

static uint32_t half_of(uint64_t value, uint32_t select)
{
    return select == 0 ? (uint32_t)value : select == 1 ? (uint32_t)(value >> 32) : 0;
}

static void write_driver_features(struct fake_registers *r, uint32_t value)
{
    if (r->driver_select < 2) {
        set_half(&r->driver_features, r->driver_select == 1, value);
        ops_of(r)->write_features(&r->behind, r->driver_features);
    }
}

static void unmap_vectors(struct fake_registers *r)
{
    r->config_vector = BG_VIRTIO_MSI_NO_VECTOR;
    for (unsigned i = 0; i < FAKE_VIRTIO_QUEUES_MAX; i++) {
        r->queue_vectors[i] = BG_VIRTIO_MSI_NO_VECTOR;
    }
}

/* The line follows the interrupt status. */
static void update_line(struct fake_registers *r)
{
    bool is_disabled = r->version == 0 && fake_pci_get(&r->pci, r->function, 4, 2) & 0x0400;

    if (r->set_line != NULL && !r->is_mute) {
        r->set_line(r->line, r->fake.isr != 0 && !is_disabled);
    }
}

static void send(struct fake_registers *r, uint16_t vector)
{
    const uint32_t *entry = r->msix_table[vector % FAKE_REGISTERS_MSIX_ENTRIES];

    if (vector == BG_VIRTIO_MSI_NO_VECTOR || r->is_mute || (entry[3] & 1) ||
        r->send_message == NULL) {
        return;
    }
    if (!r->send_message(entry[0] | (uint64_t)entry[1] << 32, entry[2])) {
        fake_violation(&r->fake, "the MSI-X table holds a message that nobody has");
    }
}

/* From the device: by MSI-X when that is on (4.1.5.3, 4.1.5.4), else by the line. */
static void interrupt(void *context, int queue)
{
    struct fake_registers *r = context;

    if (r->msix == 0 || !(fake_pci_get(&r->pci, r->function, r->msix + 2, 2) & 0x8000)) {
        update_line(r);
        return;
    }
    r->fake.isr = 0;
    send(r, queue < 0 ? r->config_vector : r->queue_vectors[queue]);
}

static void write_status(struct fake_registers *r, uint32_t value)
{
    ops_of(r)->write_status(&r->behind, (uint8_t)value);
    if (value == 0) {
        memset(r->staged, 0, sizeof(r->staged));
        r->driver_features = 0;
        unmap_vectors(r);
    }
}

static void enable_queue(struct fake_registers *r)
{
    struct bg_virtio_notify_target unused;

    if (selected(r) != NULL) {
        if (staged(r)->size == 0) {
            staged(r)->size = selected(r)->size_max;
        }
        ops_of(r)->queue_enable(&r->behind, (uint16_t)r->queue_select, staged(r), &unused);
    }
}

/* A doorbell: what was written names the queue. */
static void ring(struct fake_registers *r, uint16_t index, uint32_t value)
{
    const struct bg_virtio_notify_target target = {.id = index};

    ops_of(r)->notify(&r->behind, &target, (value & 0xFFFF0000u) | index);
}

/* ---- The common configuration structure ---- */

#define AT(field) offsetof(struct bg_virtio_pci_common_cfg, field)

static unsigned common_width(uint64_t offset)
{
    if (offset == AT(device_status) || offset == AT(config_generation)) {
        return 1;
    }
    return offset < AT(config_msix_vector) ||
                   (offset >= AT(queue_desc_lo) && offset < AT(queue_notif_config_data))
               ? 4
               : 2;
}

static uint32_t common_read(struct fake_registers *r, uint64_t offset)
{
    const struct fake_virtio_queue *queue = selected(r);

    switch (offset) {
    case AT(device_feature):
        return half_of(ops_of(r)->read_features(&r->behind), r->device_select);
    case AT(driver_feature):
        return half_of(r->driver_features, r->driver_select);
    case AT(num_queues):
        return r->fake.queue_count;
    case AT(device_status):
        return ops_of(r)->read_status(&r->behind);
    case AT(config_generation):
        return ops_of(r)->config_generation(&r->behind) & 0xFF;
    case AT(queue_size):
        return queue == NULL ? 0 : staged(r)->size != 0 ? staged(r)->size : queue->size_max;
    case AT(queue_enable):
        return queue != NULL && queue->is_enabled;
    case AT(queue_notify_off):
        return queue != NULL ? r->notify_off[r->queue_select] : 0;
    case AT(queue_notif_config_data):
        return queue != NULL ? r->notify_data[r->queue_select] : 0;
    case AT(queue_reset):
        return queue != NULL &&
               ops_of(r)->queue_reset_poll(&r->behind, (uint16_t)r->queue_select) == 0;
    case AT(config_msix_vector):
        return r->config_vector;
    case AT(queue_msix_vector):
        return queue != NULL ? r->queue_vectors[r->queue_select] : BG_VIRTIO_MSI_NO_VECTOR;
    default:
        return 0;
    }
}

/* 4.1.5.1.2 */
static void map_vector(struct fake_registers *r, uint16_t *vector, uint32_t value)
{
    bool is_refused = r->vectors_refused != 0;

    if (value != BG_VIRTIO_MSI_NO_VECTOR &&
        (r->msix == 0 || value >= FAKE_REGISTERS_MSIX_ENTRIES)) {
        fake_violation(&r->fake, "a vector that the function does not have");
        is_refused = true;
    }
    r->vectors_refused -= r->vectors_refused != 0;
    *vector = is_refused ? BG_VIRTIO_MSI_NO_VECTOR : (uint16_t)value;
}

static void common_write(struct fake_registers *r, uint64_t offset, uint32_t value)
{
    switch (offset) {
    case AT(device_feature_select):
        r->device_select = value;
        return;
    case AT(driver_feature_select):
        r->driver_select = value;
        return;
    case AT(driver_feature):
        write_driver_features(r, value);
        return;
    case AT(device_status):
        write_status(r, value);
        return;
    case AT(queue_select):
        r->queue_select = value;
        return;
    case AT(queue_size):
        staged(r)->size = (uint16_t)value;
        return;
    case AT(config_msix_vector):
        map_vector(r, &r->config_vector, value);
        return;
    case AT(queue_msix_vector):
        if (selected(r) == NULL || selected(r)->is_enabled) {
            fake_violation(&r->fake, "a vector for no queue, or one that is enabled");
            return;
        }
        map_vector(r, &r->queue_vectors[r->queue_select], value);
        return;
    case AT(queue_enable):
        if (value != 1) {
            fake_violation(&r->fake, "queue_enable is written with another value than 1");
        }
        enable_queue(r);
        return;
    case AT(queue_desc_lo):
    case AT(queue_desc_hi):
        set_half(&staged(r)->descriptor_address, offset == AT(queue_desc_hi), value);
        return;
    case AT(queue_driver_lo):
    case AT(queue_driver_hi):
        set_half(&staged(r)->driver_address, offset == AT(queue_driver_hi), value);
        return;
    case AT(queue_device_lo):
    case AT(queue_device_hi):
        set_half(&staged(r)->device_address, offset == AT(queue_device_hi), value);
        return;
    case AT(queue_reset):
        ops_of(r)->queue_reset_begin(&r->behind, (uint16_t)r->queue_select);
        staged(r)->size = 0;
        return;
    default:
        fake_violation(&r->fake, "a write to a register that is read-only");
    }
}

/* ---- A PCI function's BARs ---- */

static bool is_in(uint64_t offset, uint32_t start, uint64_t length)
{
    return offset >= start && offset - start < length;
}

static uint32_t bar_access(struct fake_registers *r, unsigned bar, uint64_t offset, unsigned width,
                           bool is_write, uint32_t value)
{
    r->accesses++;
    if (bar == r->common.bar && is_in(offset, r->common.offset, AT(admin_queue_index))) {
        offset -= r->common.offset;
        if (width != common_width(offset) || offset % width != 0) {
            fake_violation(&r->fake, "a common register is accessed with another width");
        }
        return is_write ? common_write(r, offset, value), 0 : common_read(r, offset);
    }
    if (bar == r->isr.bar && offset == r->isr.offset && !is_write) {
        uint32_t bits = ops_of(r)->take_interrupt(&r->behind);

        update_line(r);
        return bits;
    }
    if (r->msix != 0 && bar == MSIX_BAR && width == 4 && offset < sizeof(r->msix_table)) {
        uint32_t *word = &r->msix_table[offset / 16][offset / 4 % 4];

        *word = is_write ? value : *word;
        return *word;
    }
    if (bar == r->config.bar && is_in(offset, r->config.offset, r->fake.config_size)) {
        uint32_t at = (uint32_t)(offset - r->config.offset);

        return is_write ? ops_of(r)->write_config(&r->behind, at, width, value),
               0        : ops_of(r)->read_config(&r->behind, at, width);
    }
    for (uint16_t i = 0; is_write && bar == r->notify.bar && i < r->fake.queue_count; i++) {
        uint32_t expected =
            r->fake.accepted & BG_VIRTIO_F_NOTIF_CONFIG_DATA ? r->notify_data[i] : i;

        /* With a multiplier of 0 all queues share one doorbell. */
        if (offset == r->notify.offset + (uint64_t)r->notify_off[i] * r->notify_multiplier &&
            (value & 0xFFFF) == expected) {
            if (width != (r->fake.accepted & BG_VIRTIO_F_NOTIFICATION_DATA ? 4 : 2)) {
                fake_violation(&r->fake, "a notification of another width");
            }
            ring(r, i, value);
            return 0;
        }
    }
    if (is_write) {
        fake_violation(&r->fake, "a write to nothing");
    }
    return UINT32_MAX;
}

static uint32_t pci_access(struct fake_registers *r, uint64_t address, unsigned width,
                           bool is_write, uint32_t value)
{
    bool is_io = address >= IO_WINDOW && address < IO_WINDOW + 0x10000;
    uint64_t on_bus = is_io ? address - IO_WINDOW : address;
    int function = -1;
    unsigned bar = 0;

    if (fake_pci_decode(&r->pci, on_bus, is_io, &function, &bar) != 1) {
        fake_violation(&r->fake, "an access that no BAR answers");
        return UINT32_MAX;
    }
    return bar_access(r, bar, on_bus - r->devices[0].bars[bar].address, width, is_write, value);
}

static uint64_t pci_read(void *device, uint64_t address, unsigned width)
{
    return pci_access(device, address, width, false, 0);
}

static void pci_write(void *device, uint64_t address, unsigned width, uint64_t value)
{
    pci_access(device, address, width, true, (uint32_t)value);
}

/* ---- Configuration space, with the access capability (4.1.4.9) ---- */

static bool is_window_data(const struct fake_registers *r, uint64_t offset)
{
    return r->window != 0 && offset == (1u << 15) + r->window + 16; /* function 00:01.0 */
}

static uint32_t window_access(struct fake_registers *r, unsigned width, bool is_write,
                              uint32_t value)
{
    uint32_t offset = fake_pci_get(&r->pci, r->function, r->window + 8, 4);
    uint32_t length = fake_pci_get(&r->pci, r->function, r->window + 12, 4);

    if (length != width || offset % width != 0) {
        fake_violation(&r->fake, "the access capability is aimed wrongly");
    }
    return bar_access(r, fake_pci_get(&r->pci, r->function, r->window + 4, 1), offset, width,
                      is_write, value);
}

static uint32_t config_read(void *ecam, uint64_t offset, unsigned width)
{
    struct fake_registers *r = ecam;

    return is_window_data(r, offset) ? window_access(r, width, false, 0)
                                     : fake_pci_ops.read(&r->pci, offset, width);
}

static void config_write(void *ecam, uint64_t offset, unsigned width, uint32_t value)
{
    struct fake_registers *r = ecam;

    if (is_window_data(r, offset)) {
        window_access(r, width, true, value);
    } else {
        fake_pci_ops.write(&r->pci, offset, width, value);
    }
}

static const struct bg_pci_config_ops config_ops = {config_read, config_write};

void fake_registers_begin_pci(struct fake_registers *r, uint16_t pci_device_id)
{
    fake_virtio_open(&r->fake, &r->behind, 1);
    r->fake.interrupt = interrupt;
    r->fake.interrupt_context = r;
    unmap_vectors(r);
    fake_pci_init(&r->pci, 0, 0);
    r->function = fake_pci_add(&r->pci, FAKE_ROOT, 1 << 3, BG_VIRTIO_PCI_VENDOR_ID, pci_device_id,
                               0x00FF00, -1);
    fake_pci_bar_io(&r->pci, r->function, 1, 256);
    fake_pci_bar64(&r->pci, r->function, 4, 16384, FAKE_PREFETCHABLE);
    r->next_capability = 0x40;
    r->last_pointer = 0x34;
    r->common.bar = r->notify.bar = r->isr.bar = r->config.bar = 4;
    r->isr.offset = 0x1000;
    r->config.offset = 0x2000;
    r->notify.offset = 0x3000;
    fake_hal.device = r;
    fake_hal.read = pci_read;
    fake_hal.write = pci_write;
}

unsigned fake_registers_capability(struct fake_registers *r, uint8_t type, uint8_t bar, uint8_t id,
                                   uint32_t offset, uint32_t length, const uint32_t *extra,
                                   unsigned extra_count)
{
    unsigned at = r->next_capability;

    fake_pci_capability(&r->pci, r->function, at, BG_PCI_CAP_VENDOR, 0);
    fake_pci_set8(&r->pci, r->function, r->last_pointer, (uint8_t)at);
    fake_pci_set16(&r->pci, r->function, 0x06, 0x0010); /* has capabilities */
    fake_pci_set8(&r->pci, r->function, at + 2, (uint8_t)(16 + 4 * extra_count));
    fake_pci_set8(&r->pci, r->function, at + 3, type);
    fake_pci_set8(&r->pci, r->function, at + 4, bar);
    fake_pci_set8(&r->pci, r->function, at + 5, id);
    fake_pci_set32(&r->pci, r->function, at + 8, offset);
    fake_pci_set32(&r->pci, r->function, at + 12, length);
    for (unsigned i = 0; i < extra_count; i++) {
        fake_pci_set32(&r->pci, r->function, at + 16 + 4 * i, extra[i]);
    }
    if (type == BG_VIRTIO_PCI_CAP_PCI_CFG && r->window == 0) {
        r->window = at;
        memset(&r->pci.functions[r->function].writable[at + 4], 0xFF, 1);
        memset(&r->pci.functions[r->function].writable[at + 8], 0xFF, 12);
    }
    r->last_pointer = at + 1;
    r->next_capability = at + 16 + 4 * extra_count;
    return at;
}

void fake_registers_usual_capabilities(struct fake_registers *r)
{
    const uint32_t none = 0;

    fake_registers_capability(r, BG_VIRTIO_PCI_CAP_COMMON_CFG, 4, 0, 0, 0x1000, NULL, 0);
    fake_registers_capability(r, BG_VIRTIO_PCI_CAP_ISR_CFG, 4, 0, 0x1000, 0x1000, NULL, 0);
    fake_registers_capability(r, BG_VIRTIO_PCI_CAP_DEVICE_CFG, 4, 0, 0x2000,
                              (uint32_t)r->fake.config_size, NULL, 0);
    fake_registers_capability(r, BG_VIRTIO_PCI_CAP_NOTIFY_CFG, 4, 0, 0x3000, 0x1000,
                              &r->notify_multiplier, 1);
    fake_registers_capability(r, BG_VIRTIO_PCI_CAP_PCI_CFG, 0, 0, 0, 0, &none, 1);
}

void fake_registers_msix(struct fake_registers *r, unsigned entries)
{
    fake_pci_bar32(&r->pci, r->function, MSIX_BAR, 4096, 0);
    r->msix = r->next_capability;
    fake_pci_msix(&r->pci, r->function, r->msix, entries, MSIX_BAR, MSIX_PENDING | MSIX_BAR);
    r->last_pointer = r->msix + 1;
    r->next_capability += 12;
}

struct bg_pci_device *fake_registers_enumerate(struct fake_registers *r, bool has_memory)
{
    struct bg_pci_host_config config = {
        .ecam = r,
        .ecam_size = 1 << 20,
        .ops = &config_ops,
        .devices = r->devices,
        .device_capacity = FAKE_FUNCTIONS_MAX,
        .windows = {[BG_PCI_WINDOW_IO] = {IO_WINDOW, 0, 0x10000}},
    };

    if (has_memory) {
        config.windows[BG_PCI_WINDOW_MEM32] =
            (struct bg_pci_window){0x10000000, 0x10000000, 1 << 28};
        config.windows[BG_PCI_WINDOW_MEM64] =
            (struct bg_pci_window){1ull << 39, 1ull << 39, 1ull << 39};
    }
    if (bg_pci_host_init(&r->host, &config) != 0) {
        abort();
    }
    bg_pci_host_enumerate(&r->host);
    return r->host.device_count == 1 ? &r->devices[0] : NULL;
}

/* ---- MMIO ---- */

static uint32_t bg_mmio_read(struct fake_registers *r, uint64_t offset)
{
    const struct fake_virtio_queue *queue = selected(r);
    struct bg_virtio_shared_memory region = {UINT64_MAX, UINT64_MAX};

    switch (offset) {
    case BG_VIRTIO_MMIO_MAGIC_VALUE:
        return r->magic;
    case BG_VIRTIO_MMIO_VERSION:
        return r->version;
    case BG_VIRTIO_MMIO_DEVICE_ID:
        return r->device_id;
    case BG_VIRTIO_MMIO_DEVICE_FEATURES:
        return half_of(ops_of(r)->read_features(&r->behind), r->device_select);
    case BG_VIRTIO_MMIO_QUEUE_SIZE_MAX:
        return queue != NULL ? queue->size_max : 0;
    case BG_VIRTIO_MMIO_QUEUE_READY:
        return queue != NULL && queue->is_enabled && !r->is_legacy;
    case BG_VIRTIO_MMIO_QUEUE_PFN:
        return queue != NULL && queue->is_enabled && r->is_legacy;
    case BG_VIRTIO_MMIO_INTERRUPT_STATUS:
        return r->fake.isr;
    case BG_VIRTIO_MMIO_STATUS:
        return ops_of(r)->read_status(&r->behind);
    case BG_VIRTIO_MMIO_QUEUE_RESET:
        return queue != NULL &&
               ops_of(r)->queue_reset_poll(&r->behind, (uint16_t)r->queue_select) == 0;
    case BG_VIRTIO_MMIO_CONFIG_GENERATION:
        return ops_of(r)->config_generation(&r->behind);
    case BG_VIRTIO_MMIO_SHM_LEN_LOW:
    case BG_VIRTIO_MMIO_SHM_LEN_HIGH:
        ops_of(r)->find_shared_memory(&r->behind, (uint8_t)r->shm_select, &region);
        return half_of(region.size, offset == BG_VIRTIO_MMIO_SHM_LEN_HIGH);
    case BG_VIRTIO_MMIO_SHM_BASE_LOW:
    case BG_VIRTIO_MMIO_SHM_BASE_HIGH:
        ops_of(r)->find_shared_memory(&r->behind, (uint8_t)r->shm_select, &region);
        return half_of(region.address, offset == BG_VIRTIO_MMIO_SHM_BASE_HIGH);
    default:
        fake_violation(&r->fake, "a read of a register that is write-only or none");
        return UINT32_MAX;
    }
}

/* 4.2.4: one block of memory, cut as 2.7.2 says. */
static void legacy_enable(struct fake_registers *r, uint32_t page)
{
    struct bg_virtio_queue_layout *layout = staged(r);
    uint64_t rings = layout->size * 16ull;

    if (r->page_size == 0 || layout->legacy_align == 0 || layout->size == 0) {
        fake_violation(&r->fake, "a legacy queue without its page size, size or alignment");
        return;
    }
    layout->descriptor_address = (uint64_t)page * r->page_size;
    layout->driver_address = layout->descriptor_address + rings;
    layout->device_address = layout->driver_address + 2 * (3 + layout->size);
    layout->device_address += layout->legacy_align - 1;
    layout->device_address -= layout->device_address % layout->legacy_align;
    r->fake.status |= BG_VIRTIO_STATUS_FEATURES_OK; /* which a legacy device does not have */
    enable_queue(r);
    r->fake.status &= (uint8_t)~BG_VIRTIO_STATUS_FEATURES_OK;
}

static void bg_mmio_write(struct fake_registers *r, uint64_t offset, uint32_t value)
{
    struct bg_virtio_queue_layout *layout = staged(r);
    bool is_legacy_only = offset == BG_VIRTIO_MMIO_GUEST_PAGE_SIZE ||
                          offset == BG_VIRTIO_MMIO_QUEUE_ALIGN ||
                          offset == BG_VIRTIO_MMIO_QUEUE_PFN;
    bool is_modern_only =
        offset == BG_VIRTIO_MMIO_QUEUE_READY ||
        (offset >= BG_VIRTIO_MMIO_QUEUE_DESC_LOW && offset < BG_VIRTIO_MMIO_CONFIG);

    if ((is_legacy_only && !r->is_legacy) || (is_modern_only && r->is_legacy)) {
        fake_violation(&r->fake, "a register of the other version");
        return;
    }
    switch (offset) {
    case BG_VIRTIO_MMIO_DEVICE_FEATURES_SEL:
        r->device_select = value;
        return;
    case BG_VIRTIO_MMIO_DRIVER_FEATURES:
        write_driver_features(r, value);
        return;
    case BG_VIRTIO_MMIO_DRIVER_FEATURES_SEL:
        r->driver_select = value;
        return;
    case BG_VIRTIO_MMIO_GUEST_PAGE_SIZE:
        r->page_size = value;
        return;
    case BG_VIRTIO_MMIO_QUEUE_SEL:
        r->queue_select = value;
        return;
    case BG_VIRTIO_MMIO_QUEUE_SIZE:
        layout->size = (uint16_t)value;
        return;
    case BG_VIRTIO_MMIO_QUEUE_ALIGN:
        layout->legacy_align = value;
        return;
    case BG_VIRTIO_MMIO_QUEUE_PFN:
        legacy_enable(r, value);
        return;
    case BG_VIRTIO_MMIO_QUEUE_READY:
        enable_queue(r);
        return;
    case BG_VIRTIO_MMIO_QUEUE_NOTIFY:
        ring(r, (uint16_t)value, value);
        return;
    case BG_VIRTIO_MMIO_INTERRUPT_ACK:
        r->fake.isr &= ~value;
        update_line(r);
        return;
    case BG_VIRTIO_MMIO_STATUS:
        write_status(r, value);
        return;
    case BG_VIRTIO_MMIO_QUEUE_DESC_LOW:
    case BG_VIRTIO_MMIO_QUEUE_DESC_HIGH:
        set_half(&layout->descriptor_address, offset == BG_VIRTIO_MMIO_QUEUE_DESC_HIGH, value);
        return;
    case BG_VIRTIO_MMIO_QUEUE_DRIVER_LOW:
    case BG_VIRTIO_MMIO_QUEUE_DRIVER_HIGH:
        set_half(&layout->driver_address, offset == BG_VIRTIO_MMIO_QUEUE_DRIVER_HIGH, value);
        return;
    case BG_VIRTIO_MMIO_QUEUE_DEVICE_LOW:
    case BG_VIRTIO_MMIO_QUEUE_DEVICE_HIGH:
        set_half(&layout->device_address, offset == BG_VIRTIO_MMIO_QUEUE_DEVICE_HIGH, value);
        return;
    case BG_VIRTIO_MMIO_SHM_SEL:
        r->shm_select = value;
        return;
    case BG_VIRTIO_MMIO_QUEUE_RESET:
        ops_of(r)->queue_reset_begin(&r->behind, (uint16_t)r->queue_select);
        return;
    default:
        fake_violation(&r->fake, "a write to a register that is read-only or none");
    }
}

static uint64_t mmio_access_read(void *device, uint64_t address, unsigned width)
{
    struct fake_registers *r = device;
    uint64_t offset = address - FAKE_MMIO_ADDRESS;

    r->accesses++;
    if (offset >= BG_VIRTIO_MMIO_CONFIG) {
        return ops_of(r)->read_config(&r->behind, (uint32_t)(offset - BG_VIRTIO_MMIO_CONFIG),
                                      width);
    }
    if (width != 4 || offset % 4 != 0) {
        fake_violation(&r->fake, "a control register is not accessed with 32 bits");
    }
    return bg_mmio_read(r, offset);
}

static void mmio_access_write(void *device, uint64_t address, unsigned width, uint64_t value)
{
    struct fake_registers *r = device;
    uint64_t offset = address - FAKE_MMIO_ADDRESS;

    r->accesses++;
    if (offset >= BG_VIRTIO_MMIO_CONFIG) {
        ops_of(r)->write_config(&r->behind, (uint32_t)(offset - BG_VIRTIO_MMIO_CONFIG), width,
                                (uint32_t)value);
        return;
    }
    if (width != 4 || offset % 4 != 0) {
        fake_violation(&r->fake, "a control register is not accessed with 32 bits");
    }
    bg_mmio_write(r, offset, (uint32_t)value);
}

void fake_registers_begin_mmio(struct fake_registers *r, uint32_t version, uint32_t device_id)
{
    fake_virtio_open(&r->fake, &r->behind, 1);
    r->fake.interrupt = interrupt;
    r->fake.interrupt_context = r;
    unmap_vectors(r);
    r->magic = BG_VIRTIO_MMIO_MAGIC;
    r->version = version;
    r->device_id = device_id;
    r->is_legacy = version == BG_VIRTIO_MMIO_VERSION_LEGACY;
    fake_hal.device = r;
    fake_hal.read = mmio_access_read;
    fake_hal.write = mmio_access_write;
}
