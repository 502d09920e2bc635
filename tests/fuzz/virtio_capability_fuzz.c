/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/virtio/virtio.c firmware/virtio/virtqueue.c firmware/virtio/virtqueue_split.c
// build: firmware/virtio/virtqueue_packed.c firmware/virtio/transport_pci.c firmware/pci_ecam.c
// build: firmware/virtio/virtqueue_share.c
// build: firmware/pci/enumerate.c firmware/pci/device.c
// build: firmware/pci/bar.c firmware/pci/assign.c firmware/pci/capability.c firmware/pci/list.c
// build: firmware/common/error.c tests/fake/hal.c tests/fake/pci.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
/*
 * A virtio function over PCI whose capabilities and registers lie. The input is a byte for the
 * machine, a list of changes of two bytes (configuration register, value) that ends with register
 * 0, then what the function's registers read as. Whatever they say, no access leaves its BARs.
 */
#include <stdlib.h>
#include <string.h>

#include "baregpu/hal.h"
#include "baregpu/virtqueue.h"
#include "tests/fake/hal.h"
#include "tests/fake/pci.h"

#define IO_WINDOW 0x3EFF0000u
#define CHANGE_SIZE 2
#define SHARED_IDS 8

static struct fake_pci pci;
static struct bg_pci_device devices[4];
static struct bg_pci_host host;
static struct bg_virtio_device device;
static int function;

static const uint8_t *values;
static size_t values_size, values_at;
static uint8_t status;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition) {
        abort();
    }
}

static uint8_t next_value(void)
{
    return values_size == 0 ? 0 : values[values_at++ % values_size];
}

/* ---- Registers ---- */

/* All bytes of an access lie in one BAR of the function. */
static void check_address(uint64_t address, unsigned width)
{
    bool is_io = address >= IO_WINDOW && address < IO_WINDOW + 0x10000;
    uint64_t on_bus = is_io ? address - IO_WINDOW : address;
    int found = -1;
    unsigned bar = 9, last_bar = 9;

    check(fake_pci_decode(&pci, on_bus, is_io, &found, &bar) == 1 && found == function);
    check(fake_pci_decode(&pci, on_bus + width - 1, is_io, &found, &last_bar) == 1 &&
          last_bar == bar);
    check(address % width == 0);
}

static bool is_status(uint64_t address, unsigned width)
{
    return width == 1 && device.ops != NULL && device.transport.pci.common.base != NULL &&
           address == (uintptr_t)device.transport.pci.common.base +
                          offsetof(struct bg_virtio_pci_common_cfg, device_status);
}

static uint64_t read_register(void *context, uint64_t address, unsigned width)
{
    uint64_t value = 0;

    (void)context;
    check_address(address, width);
    if (is_status(address, width)) {
        return next_value() % 16 == 15 ? next_value() : status; /* mostly a good device */
    }
    for (unsigned i = 0; i < width; i++) {
        value |= (uint64_t)next_value() << (8 * i);
    }
    return value;
}

static void write_register(void *context, uint64_t address, unsigned width, uint64_t value)
{
    (void)context;
    check_address(address, width);
    if (is_status(address, width)) {
        status = (uint8_t)value;
    }
}

/* ---- The function ---- */

static unsigned put_capability(unsigned at, uint8_t type, uint8_t bar, uint32_t offset,
                               uint32_t length, uint8_t size, uint8_t next)
{
    fake_pci_capability(&pci, function, at, BG_PCI_CAP_VENDOR, next);
    fake_pci_set8(&pci, function, at + 2, size);
    fake_pci_set8(&pci, function, at + 3, type);
    fake_pci_set8(&pci, function, at + 4, bar);
    fake_pci_set32(&pci, function, at + 8, offset);
    fake_pci_set32(&pci, function, at + 12, length);
    return at;
}

static void build(void)
{
    fake_pci_init(&pci, 0, 0);
    function = fake_pci_add(&pci, FAKE_ROOT, 1 << 3, BG_VIRTIO_PCI_VENDOR_ID, 0x1044, 0x00FF00, -1);
    fake_pci_bar_io(&pci, function, 1, 256);
    fake_pci_bar64(&pci, function, 2, 1ull << 34, FAKE_PREFETCHABLE);
    fake_pci_bar64(&pci, function, 4, 16384, FAKE_PREFETCHABLE);
    fake_pci_set16(&pci, function, BG_PCI_REG_STATUS, 0x10);
    fake_pci_set8(&pci, function, 0x34, 0x40);
    put_capability(0x40, BG_VIRTIO_PCI_CAP_COMMON_CFG, 4, 0, 0x1000, 16, 0x50);
    put_capability(0x50, BG_VIRTIO_PCI_CAP_NOTIFY_CFG, 4, 0x3000, 0x1000, 20, 0x64);
    fake_pci_set32(&pci, function, 0x60, 4);
    put_capability(0x64, BG_VIRTIO_PCI_CAP_ISR_CFG, 4, 0x1000, 1, 16, 0x74);
    put_capability(0x74, BG_VIRTIO_PCI_CAP_DEVICE_CFG, 4, 0x2000, 64, 16, 0x84);
    put_capability(0x84, BG_VIRTIO_PCI_CAP_PCI_CFG, 0, 0, 0, 20, 0x98);
    put_capability(0x98, BG_VIRTIO_PCI_CAP_SHARED_MEMORY_CFG, 2, 0, 0x1000, 24, 0xB0);
    put_capability(0xB0, BG_VIRTIO_PCI_CAP_NOTIFY_CFG, 1, 0, 0x80, 20, 0);
    memset(&pci.functions[function].writable[0x84 + 8], 0xFF, 12);
    pci.functions[function].writable[0x84 + 4] = 0xFF;
}

static void enumerate(bool has_memory)
{
    struct bg_pci_host_config config = {
        .ecam = &pci,
        .ecam_size = 1 << 20,
        .ops = &fake_pci_ops,
        .devices = devices,
        .device_capacity = 4,
        .windows = {[BG_PCI_WINDOW_IO] = {IO_WINDOW, 0, 0x10000}},
    };

    if (has_memory) {
        config.windows[BG_PCI_WINDOW_MEM32] =
            (struct bg_pci_window){0x10000000, 0x10000000, 1 << 28};
        config.windows[BG_PCI_WINDOW_MEM64] =
            (struct bg_pci_window){1ull << 39, 1ull << 39, 1ull << 39};
    }
    check(bg_pci_host_init(&host, &config) == 0);
    bg_pci_host_enumerate(&host);
    check(host.device_count == 1);
}

/* ---- What a driver does ---- */

static void check_region(const struct bg_virtio_pci_region *region)
{
    if (region->length != 0) {
        check(region->bar < BG_PCI_BAR_COUNT &&
              region->offset + region->length <= devices[0].bars[region->bar].size);
    }
}

static void look_for_shared_memory(void)
{
    struct bg_virtio_shared_memory region;

    for (uint8_t id = 0; id < SHARED_IDS; id++) {
        int result = bg_virtio_find_shared_memory(&device, id, &region);

        check(result == 0 || result == BG_ERR_NOT_FOUND || result == BG_ERR_PROTOCOL);
        if (result == 0) {
            bool is_inside = false;

            for (unsigned bar = 0; bar < BG_PCI_BAR_COUNT; bar++) {
                uint64_t address = 0;

                is_inside |= bg_pci_bar_cpu_address(&host, &devices[0], bar, &address) == 0 &&
                             region.address >= address &&
                             region.address + region.size <= address + devices[0].bars[bar].size;
            }
            check(is_inside && region.size != 0);
        }
    }
}

static void use(void)
{
    static struct bg_virtqueue queue;
    const struct bg_virtqueue_options options = {.index = next_value() % 4, .size_max = 16};
    uint8_t config[64];
    struct bg_virtqueue_used used;
    uint64_t deadline_ns = bg_hal_time_ns() + 20000;

    if (bg_virtio_start(&device, BG_VIRTIO_FEATURES_QUEUE, 0, deadline_ns) < 0) {
        return;
    }
    bg_virtio_config_read(&device, 0, 4, config, 16);
    bg_virtio_config_read(&device, next_value(), 1, config, 64);
    bg_virtio_take_interrupt(&device);
    if (bg_virtqueue_create(&queue, &device, &options) == 0) {
        static uint8_t memory[16];
        const struct bg_virtqueue_segment segment = {(uintptr_t)memory, 16};

        bg_virtio_ready(&device);
        check(bg_virtqueue_add(&queue, &segment, 1, 0, memory) == 0);
        check(bg_virtqueue_kick(&queue) == 1);
        check(bg_virtqueue_wait(&queue, &used, deadline_ns) < 0); /* nobody is there to answer */
        bg_virtqueue_reset(&queue, deadline_ns);
        bg_virtio_close(&device, deadline_ns);
        bg_virtqueue_destroy(&queue);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = 1;

    if (size < 1) {
        return 0;
    }
    fake_hal = (struct fake_hal){.wait_ns = 1000, .read = read_register, .write = write_register};
    device = (struct bg_virtio_device){0};
    status = 0;
    build();
    for (; at + CHANGE_SIZE <= size && data[at] != 0; at += CHANGE_SIZE) {
        /* From the capability pointer on; the header itself is pci_capability_fuzz's. */
        if (data[at] >= 0x34) {
            fake_pci_set8(&pci, function, data[at], data[at + 1]);
        }
    }
    values = data + at;
    values_size = size - at;
    values_at = 0;
    enumerate(data[0] % 4 != 0);
    if (bg_virtio_pci_open(&device, &host, &devices[0]) == 0) {
        check_region(&device.transport.pci.common);
        check_region(&device.transport.pci.notify);
        check_region(&device.transport.pci.isr);
        check_region(&device.transport.pci.config);
        look_for_shared_memory();
        use();
    }
    check(fake_hal.allocated == 0);
    return 0;
}
