/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/virtio/virtio.c firmware/virtio/virtqueue.c firmware/virtio/virtqueue_split.c
// build: firmware/virtio/virtqueue_packed.c firmware/virtio/transport_pci.c
// build: firmware/virtio/virtqueue_share.c
// build: firmware/virtio/transport_mmio.c firmware/pci_ecam.c firmware/pci/enumerate.c
// build: firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c firmware/pci/list.c firmware/common/error.c
// build: tests/fake/hal.c tests/fake/pci.c tests/fake/virtio.c
// build: tests/fake/virtqueue.c tests/fake/virtio_registers.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
/* The PCI and MMIO transports against registers that count every access that is not allowed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/hal.h"
#include "baregpu/virtqueue.h"
#include "tests/fake/virtio_registers.h"

#define ENTROPY (BG_VIRTIO_PCI_MODERN_BASE + BG_VIRTIO_ID_ENTROPY)

static struct fake_registers r;
static struct bg_virtio_device device;
static struct bg_virtqueue queues[2];

static uint64_t soon(void)
{
    return bg_hal_time_ns() + 1000000;
}

static uint32_t fill(void *context, const struct fake_virtio_request *request)
{
    (void)context;
    memset(request->out, 0x5A, request->out_size);
    return (uint32_t)request->out_size;
}

static void begin(uint64_t features)
{
    memset(&r, 0, sizeof(r));
    fake_hal = (struct fake_hal){.wait_ns = 1000};
    fake_virtio_init(&r.fake, features, 2, 16, fill, NULL);
    r.fake.config_size = 16;
    for (unsigned i = 0; i < 16; i++) {
        r.fake.config[i] = (uint8_t)(0xC0 + i);
    }
}

static void begin_pci(uint64_t features)
{
    begin(features);
    fake_registers_begin_pci(&r, ENTROPY);
    r.notify_multiplier = 4;
    r.notify_off[1] = 3;
    r.notify_data[0] = 0x1234;
    r.notify_data[1] = 0x4321;
}

static void end(void)
{
    fake_virtio_end(&r.fake);
    assert_int_equal(r.fake.violations, 0);
}

static int open_pci(void)
{
    return bg_virtio_pci_open(&device, &r.host, fake_registers_enumerate(&r, true));
}

static void exchange(struct bg_virtqueue *queue)
{
    uint8_t memory[16] = {0};
    const struct bg_virtqueue_segment segment = {(uintptr_t)memory, 16};
    struct bg_virtqueue_used used;

    assert_int_equal(bg_virtqueue_add(queue, &segment, 0, 1, memory), 0);
    assert_int_equal(bg_virtqueue_kick(queue), 1);
    assert_int_equal(bg_virtqueue_poll(queue, &used), 1);
    assert_int_equal(used.written, 16);
    assert_int_equal(memory[15], 0x5A);
}

/* Everything that a driver does, on an open device. */
static void use(uint64_t features)
{
    uint32_t word;
    uint8_t byte;

    assert_int_equal(device.id, BG_VIRTIO_ID_ENTROPY);
    assert_int_equal(bg_virtio_start(&device, BG_VIRTIO_FEATURES_QUEUE, 0, soon()), 0);
    assert_int_equal(device.features & BG_VIRTIO_FEATURES_QUEUE, features);
    for (uint16_t i = 0; i < 2; i++) {
        const struct bg_virtqueue_options options = {.index = i, .size_max = i == 0 ? 0 : 4};

        assert_int_equal(bg_virtqueue_create(&queues[i], &device, &options), 0);
        assert_int_equal(r.fake.queues[i].layout.size, i == 0 ? 16 : 4);
    }
    assert_int_equal(bg_virtio_ready(&device), 0);
    for (unsigned i = 0; i < 50; i++) {
        exchange(&queues[i % 2]);
        exchange(&queues[0]);
    }
    assert_int_equal(r.fake.queues[0].requests, 75);
    assert_int_equal(r.fake.queues[1].requests, 25);
    assert_int_equal(bg_virtio_config_read32(&device, 4, &word), 0);
    assert_int_equal(word, 0xC7C6C5C4);
    assert_int_equal(bg_virtio_config_read8(&device, 15, &byte), 0);
    assert_int_equal(byte, 0xCF);
    assert_int_equal(bg_virtio_config_write(&device, 2, 2, 0xBEEF), 0);
    assert_int_equal(r.fake.config[3], 0xBE);
    assert_false(bg_virtqueue_enable_notifications(&queues[0]));
    exchange(&queues[0]);
    assert_int_equal(bg_virtio_take_interrupt(&device), BG_VIRTIO_ISR_QUEUE);
    assert_int_equal(bg_virtio_take_interrupt(&device), 0);
    if (features & BG_VIRTIO_F_RING_RESET) {
        r.fake.queue_reset_reads = 3;
        assert_int_equal(bg_virtqueue_reset(&queues[1], soon()), 0);
        assert_int_equal(bg_virtqueue_restart(&queues[1]), 0);
        exchange(&queues[1]);
        exchange(&queues[0]);
        r.fake.ignores_queue_reset = true;
        assert_int_equal(bg_virtqueue_reset(&queues[1], soon()), BG_ERR_UNSUPPORTED);
        exchange(&queues[1]);
    }
    assert_int_equal(bg_virtio_check(&device), 0);
    fake_virtio_need_reset(&r.fake);
    assert_int_equal(bg_virtio_check(&device), BG_ERR_IO);
    r.fake.reset_reads = 5;
    assert_int_equal(bg_virtio_close(&device, soon()), 0);
    bg_virtqueue_destroy(&queues[0]);
    bg_virtqueue_destroy(&queues[1]);
}

/* ---- PCI ---- */

static const uint64_t feature_sets[] = {
    0,
    BG_VIRTIO_F_RING_PACKED,
    BG_VIRTIO_F_NOTIFICATION_DATA | BG_VIRTIO_F_RING_RESET,
    BG_VIRTIO_F_NOTIFICATION_DATA | BG_VIRTIO_F_NOTIF_CONFIG_DATA | BG_VIRTIO_F_RING_PACKED,
    BG_VIRTIO_F_NOTIF_CONFIG_DATA | BG_VIRTIO_F_EVENT_IDX | BG_VIRTIO_F_RING_RESET,
};

static void pci_device(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(feature_sets) / sizeof(feature_sets[0]); i++) {
        begin_pci(feature_sets[i]);
        fake_registers_usual_capabilities(&r);
        assert_int_equal(open_pci(), 0);
        assert_int_equal(fake_pci_get(&r.pci, r.function, 4, 2),
                         BG_PCI_COMMAND_MEMORY | BG_PCI_COMMAND_BUS_MASTER);
        use(feature_sets[i]);
        /* After the close it can not write any more. */
        assert_int_equal(fake_pci_get(&r.pci, r.function, 4, 2), BG_PCI_COMMAND_MEMORY);
        end();
    }
}

/* All doorbells at one address: the value tells them apart. */
static void pci_multiplier_of_zero(void **state)
{
    (void)state;
    begin_pci(0);
    r.notify_multiplier = 0;
    fake_registers_usual_capabilities(&r);
    assert_int_equal(open_pci(), 0);
    use(0);
    end();
}

static void pci_doorbell_outside(void **state)
{
    (void)state;
    static const struct {
        uint32_t multiplier, length;
        uint16_t off;
        uint64_t features;
        int expected;
    } cases[] = {
        {4, 0x1000, 0x3FF, 0, 0},
        {4, 0x1000, 0x400, 0, BG_ERR_PROTOCOL},
        {4, 0xFFF, 0x3FF, BG_VIRTIO_F_NOTIFICATION_DATA, BG_ERR_PROTOCOL},
        {4, 0x1000, 0x3FF, BG_VIRTIO_F_NOTIFICATION_DATA, 0},
        {2, 0x1000, 1, BG_VIRTIO_F_NOTIFICATION_DATA, BG_ERR_PROTOCOL}, /* not aligned */
        {1, 0x1000, 1, 0, BG_ERR_PROTOCOL},
        {UINT32_MAX, 0x1000, UINT16_MAX, 0, BG_ERR_PROTOCOL},
        {0x80000000u, 0x1000, 2, 0, BG_ERR_PROTOCOL}, /* 0 in 32 bits */
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct bg_virtqueue_options options = {0};

        begin_pci(cases[i].features);
        r.notify_multiplier = cases[i].multiplier;
        r.notify_off[0] = cases[i].off;
        fake_registers_capability(&r, BG_VIRTIO_PCI_CAP_COMMON_CFG, 4, 0, 0, 64, NULL, 0);
        fake_registers_capability(&r, BG_VIRTIO_PCI_CAP_ISR_CFG, 4, 0, 0x1000, 1, NULL, 0);
        fake_registers_capability(&r, BG_VIRTIO_PCI_CAP_NOTIFY_CFG, 4, 0, 0x3000, cases[i].length,
                                  &cases[i].multiplier, 1);
        assert_int_equal(open_pci(), 0);
        assert_int_equal(bg_virtio_start(&device, BG_VIRTIO_FEATURES_QUEUE, 0, soon()), 0);
        assert_int_equal(bg_virtqueue_create(&queues[0], &device, &options), cases[i].expected);
        if (cases[i].expected == 0) {
            assert_int_equal(bg_virtio_ready(&device), 0);
            exchange(&queues[0]);
        }
        assert_int_equal(bg_virtio_reset(&device, soon()), 0);
        bg_virtqueue_destroy(&queues[0]);
        end();
    }
}

static void pci_host_says_how_memory_is_shared(void **state)
{
    static const struct bg_hal_dma dma = {.is_translated = true};
    const struct bg_pci_device *function;

    (void)state;
    begin_pci(0);
    fake_registers_usual_capabilities(&r);
    function = fake_registers_enumerate(&r, true);
    r.host.config.dma = &dma;
    assert_int_equal(bg_virtio_pci_open(&device, &r.host, function), 0);
    assert_ptr_equal(device.dma, &dma);
    assert_int_equal(bg_virtio_start(&device, 0, 0, 1000000), BG_ERR_UNSUPPORTED);
    end();
}

/* No memory window, or one BAR without an address: everything through configuration space. */
static void pci_through_the_access_capability(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(feature_sets) / sizeof(feature_sets[0]); i++) {
        begin_pci(feature_sets[i]);
        fake_registers_usual_capabilities(&r);
        assert_int_equal(bg_virtio_pci_open(&device, &r.host, fake_registers_enumerate(&r, false)),
                         0);
        assert_null(device.transport.pci.common.base);
        use(feature_sets[i]);
        end();
    }
    /* Without that capability there is no way. */
    begin_pci(0);
    fake_registers_capability(&r, BG_VIRTIO_PCI_CAP_COMMON_CFG, 4, 0, 0, 64, NULL, 0);
    fake_registers_capability(&r, BG_VIRTIO_PCI_CAP_ISR_CFG, 4, 0, 0x1000, 1, NULL, 0);
    fake_registers_capability(&r, BG_VIRTIO_PCI_CAP_NOTIFY_CFG, 4, 0, 0x3000, 64,
                              &r.notify_multiplier, 1);
    assert_int_equal(bg_virtio_pci_open(&device, &r.host, fake_registers_enumerate(&r, false)),
                     BG_ERR_PROTOCOL);
    end();
}

/* The device's first choice counts: here a doorbell in I/O space. */
static void pci_first_usable_structure(void **state)
{
    (void)state;
    for (unsigned has_io = 0; has_io < 2; has_io++) {
        begin_pci(0);
        r.notify.bar = has_io ? 1 : 4;
        r.notify.offset = has_io ? 0x80 : 0x3000;
        /* Where there is no BAR 0, its multiplier counts as little as the rest. */
        const uint32_t other_multiplier = 16;

        fake_registers_capability(&r, BG_VIRTIO_PCI_CAP_NOTIFY_CFG, has_io ? 1 : 0, 0, 0x80, 0x80,
                                  has_io ? &r.notify_multiplier : &other_multiplier, 1);
        fake_registers_usual_capabilities(&r);
        fake_registers_capability(&r, BG_VIRTIO_PCI_CAP_COMMON_CFG, 4, 0, 0x800, 64, NULL, 0);
        fake_registers_capability(&r, BG_VIRTIO_PCI_CAP_NOTIFY_CFG, 4, 0, 0x3800, 0x800,
                                  &other_multiplier, 1);
        assert_int_equal(open_pci(), 0);
        use(0);
        end();
    }
}

/* What must be ignored before, between and behind the good ones (4.1.4.1). */
static void pci_capabilities_to_ignore(void **state)
{
    (void)state;
    static const struct {
        uint8_t type, bar;
        uint32_t offset, length;
    } bad[] = {
        {BG_VIRTIO_PCI_CAP_COMMON_CFG, 6, 0, 64}, /* reserved BAR */
        {BG_VIRTIO_PCI_CAP_COMMON_CFG, 255, 0, 64},
        {BG_VIRTIO_PCI_CAP_COMMON_CFG, 0, 0, 64},          /* no such BAR */
        {BG_VIRTIO_PCI_CAP_COMMON_CFG, 4, 2, 64},          /* not aligned */
        {BG_VIRTIO_PCI_CAP_COMMON_CFG, 4, 0, 55},          /* too short */
        {BG_VIRTIO_PCI_CAP_COMMON_CFG, 4, 0x4000, 64},     /* behind the BAR */
        {BG_VIRTIO_PCI_CAP_COMMON_CFG, 4, 0x3FFC, 64},     /* over its end */
        {BG_VIRTIO_PCI_CAP_COMMON_CFG, 4, 0xFFFFFFFC, 64}, /* wraps in 32 bits */
        {BG_VIRTIO_PCI_CAP_COMMON_CFG, 4, 0, UINT32_MAX},
        {BG_VIRTIO_PCI_CAP_ISR_CFG, 4, 0x4000, 1},
        {BG_VIRTIO_PCI_CAP_ISR_CFG, 4, 0x1000, 0},
        {BG_VIRTIO_PCI_CAP_DEVICE_CFG, 4, 0x2001, 4},
        {BG_VIRTIO_PCI_CAP_DEVICE_CFG, 4, 0x3FFC, 8},
        {BG_VIRTIO_PCI_CAP_NOTIFY_CFG, 4, 0x3000, 0x1000}, /* without its multiplier */
        {0, 4, 0, 64},
        {6, 4, 0, 64},
        {BG_VIRTIO_PCI_CAP_VENDOR_CFG, 4, 0, 64},
        {200, 4, 0, 64},
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        begin_pci(0);
        fake_registers_capability(&r, bad[i].type, bad[i].bar, 0, bad[i].offset, bad[i].length,
                                  NULL, 0);
        fake_registers_usual_capabilities(&r);
        assert_int_equal(open_pci(), 0);
        assert_int_equal(device.transport.pci.common.length, 0x1000);
        use(0);
        end();
        /* Alone, it is not enough. */
        begin_pci(0);
        fake_registers_capability(&r, bad[i].type, bad[i].bar, 0, bad[i].offset, bad[i].length,
                                  NULL, 0);
        assert_int_equal(open_pci(), BG_ERR_PROTOCOL);
        end();
    }
}

/* Structures that are shorter than today's, or of which more is there than used. */
static void pci_lengths(void **state)
{
    (void)state;
    uint64_t features = BG_VIRTIO_F_RING_RESET | BG_VIRTIO_F_NOTIF_CONFIG_DATA;
    static const struct {
        uint32_t common_length;
        uint64_t expected;
    } cases[] = {
        {56, 0},
        {58, BG_VIRTIO_F_NOTIF_CONFIG_DATA},
        {60, BG_VIRTIO_F_NOTIF_CONFIG_DATA | BG_VIRTIO_F_RING_RESET},
        {0x1000, BG_VIRTIO_F_NOTIF_CONFIG_DATA | BG_VIRTIO_F_RING_RESET},
    };
    for (unsigned i = 0; i < 4; i++) {
        begin_pci(features);
        fake_registers_capability(&r, BG_VIRTIO_PCI_CAP_COMMON_CFG, 4, 0, 0, cases[i].common_length,
                                  NULL, 0);
        fake_registers_usual_capabilities(&r);
        assert_int_equal(open_pci(), 0);
        use(cases[i].expected);
        end();
    }
    /* No device configuration at all: nothing may be read. */
    uint32_t word;

    begin_pci(0);
    r.fake.config_size = 0;
    fake_registers_usual_capabilities(&r);
    assert_int_equal(open_pci(), 0);
    assert_int_equal(bg_virtio_config_read32(&device, 0, &word), BG_ERR_RANGE);
    end();
}

static void pci_identities(void **state)
{
    (void)state;
    static const struct {
        uint16_t vendor, device, subsystem;
        uint32_t expected;
    } cases[] = {
        {0x1AF4, 0x1044, 0x1100, 4}, {0x1AF4, 0x1050, 0x1100, 16}, {0x1AF4, 0x107F, 0, 63},
        {0x1AF4, 0x1080, 4, 0},      {0x1AF4, 0x1005, 4, 4},       {0x1AF4, 0x103F, 7, 7},
        {0x1AF4, 0x0FFF, 4, 0},      {0x1AF5, 0x1044, 4, 0},       {0x1AF4, 0x1111, 0, 0},
        {0x1AF4, 0x1040, 4, 0},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct bg_pci_device function = {.vendor_id = cases[i].vendor,
                                               .device_id = cases[i].device,
                                               .subsystem_id = cases[i].subsystem};

        assert_int_equal(bg_virtio_pci_device_id(&function), cases[i].expected);
    }
}

/* A transitional id with modern structures is driven as modern; without them it is not driven. */
static void pci_transitional(void **state)
{
    (void)state;
    begin(0);
    fake_registers_begin_pci(&r, 0x1005);
    r.notify_multiplier = 4;
    fake_pci_set16(&r.pci, r.function, BG_PCI_REG_SUBSYSTEM_ID, BG_VIRTIO_ID_ENTROPY);
    fake_registers_usual_capabilities(&r);
    assert_int_equal(open_pci(), 0);
    assert_ptr_equal(bg_virtio_pci_find(&r.host, BG_VIRTIO_ID_ENTROPY, NULL), &r.devices[0]);
    assert_null(bg_virtio_pci_find(&r.host, BG_VIRTIO_ID_ENTROPY, &r.devices[0]));
    assert_null(bg_virtio_pci_find(&r.host, BG_VIRTIO_ID_GPU, NULL));
    assert_null(bg_virtio_pci_find(&r.host, 0, NULL));
    use(0);
    end();

    begin(0);
    fake_registers_begin_pci(&r, 0x1005);
    fake_pci_set16(&r.pci, r.function, BG_PCI_REG_SUBSYSTEM_ID, BG_VIRTIO_ID_ENTROPY);
    assert_int_equal(open_pci(), BG_ERR_NOT_FOUND);
    end();
}

static void pci_shared_memory(void **state)
{
    (void)state;
    static const uint32_t high[2] = {0, 0}, too_high[2] = {1, 0}, too_long[2] = {0, 1};
    struct bg_virtio_shared_memory region;

    begin_pci(0);
    /* One without its upper halves first; it is shorter than the capability must be. */
    fake_registers_capability(&r, BG_VIRTIO_PCI_CAP_SHARED_MEMORY_CFG, 4, 1, 0, 16, NULL, 0);
    fake_registers_capability(&r, BG_VIRTIO_PCI_CAP_SHARED_MEMORY_CFG, 4, 1, 0x2000, 0x1000, high,
                              2);
    fake_registers_capability(&r, BG_VIRTIO_PCI_CAP_SHARED_MEMORY_CFG, 4, 2, 0, 16384, too_high, 2);
    fake_registers_capability(&r, BG_VIRTIO_PCI_CAP_SHARED_MEMORY_CFG, 4, 3, 0, 16, too_long, 2);
    fake_registers_usual_capabilities(&r);
    assert_int_equal(open_pci(), 0);
    assert_int_equal(bg_virtio_find_shared_memory(&device, 1, &region), 0);
    assert_int_equal(region.address, r.devices[0].bars[4].address + 0x2000);
    assert_int_equal(region.size, 0x1000);
    assert_int_equal(bg_virtio_find_shared_memory(&device, 2, &region), BG_ERR_PROTOCOL);
    assert_int_equal(bg_virtio_find_shared_memory(&device, 3, &region), BG_ERR_PROTOCOL);
    assert_int_equal(bg_virtio_find_shared_memory(&device, 4, &region), BG_ERR_NOT_FOUND);
    end();

    /* Above 4 GiB in its BAR. */
    static const uint32_t far[2] = {2, 1};

    begin_pci(0);
    fake_pci_bar64(&r.pci, r.function, 2, 1ull << 35, FAKE_PREFETCHABLE);
    fake_registers_capability(&r, BG_VIRTIO_PCI_CAP_SHARED_MEMORY_CFG, 2, 0, 0x1000, 0x2000, far,
                              2);
    fake_registers_usual_capabilities(&r);
    assert_int_equal(open_pci(), 0);
    assert_int_equal(bg_virtio_find_shared_memory(&device, 0, &region), 0);
    assert_int_equal(region.address, r.devices[0].bars[2].address + 0x200001000);
    assert_int_equal(region.size, 0x100002000);
    end();
}

static void pci_mapping_fails(void **state)
{
    (void)state;
    begin_pci(0);
    fake_registers_usual_capabilities(&r);
    struct bg_pci_device *function = fake_registers_enumerate(&r, true);

    fake_hal.refuse_map = true;
    assert_int_equal(bg_virtio_pci_open(&device, &r.host, function), BG_ERR_NO_MEMORY);
    fake_hal.refuse_map = false;
    end();
}

/* ---- MMIO ---- */

static void mmio_device(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        begin(feature_sets[i]);
        fake_registers_begin_mmio(&r, BG_VIRTIO_MMIO_VERSION_MODERN, BG_VIRTIO_ID_ENTROPY);
        r.fake.regions[1] = (struct bg_virtio_shared_memory){0x123456789000, 0x1000};
        assert_int_equal(bg_virtio_mmio_open(&device, FAKE_MMIO_ADDRESS, 0x110), 0);
        assert_false(device.is_legacy);
        struct bg_virtio_shared_memory region;

        assert_int_equal(bg_virtio_find_shared_memory(&device, 1, &region), 0);
        assert_int_equal(region.address, 0x123456789000);
        assert_int_equal(region.size, 0x1000);
        assert_int_equal(bg_virtio_find_shared_memory(&device, 0, &region), BG_ERR_NOT_FOUND);
        use(feature_sets[i]);
        end();
    }
}

static void legacy_mmio_device(void **state)
{
    (void)state;
    static const uint64_t sets[] = {0, BG_VIRTIO_F_EVENT_IDX | BG_VIRTIO_F_INDIRECT_DESC};

    for (unsigned i = 0; i < 2; i++) {
        /* What a legacy device cannot have must not be accepted from one that says so. */
        begin(sets[i] | BG_VIRTIO_F_RING_PACKED | BG_VIRTIO_F_RING_RESET | BG_VIRTIO_F_ANY_LAYOUT);
        fake_registers_begin_mmio(&r, BG_VIRTIO_MMIO_VERSION_LEGACY, BG_VIRTIO_ID_ENTROPY);
        assert_int_equal(bg_virtio_mmio_open(&device, FAKE_MMIO_ADDRESS, 0x110), 0);
        assert_true(device.is_legacy);
        fake_hal.low_memory = true;
        struct bg_virtio_shared_memory region;

        assert_int_equal(bg_virtio_find_shared_memory(&device, 1, &region), BG_ERR_NOT_FOUND);
        use(sets[i]);
        end();
    }
}

static void mmio_devices_that_are_none(void **state)
{
    (void)state;
    begin(0);
    fake_registers_begin_mmio(&r, 2, 0);
    assert_int_equal(bg_virtio_mmio_open(&device, FAKE_MMIO_ADDRESS, 0x200), BG_ERR_NOT_FOUND);
    fake_registers_begin_mmio(&r, 3, 4);
    assert_int_equal(bg_virtio_mmio_open(&device, FAKE_MMIO_ADDRESS, 0x200), BG_ERR_UNSUPPORTED);
    fake_registers_begin_mmio(&r, 2, 4);
    r.magic = 0x74726977;
    assert_int_equal(bg_virtio_mmio_open(&device, FAKE_MMIO_ADDRESS, 0x200), BG_ERR_NOT_FOUND);
    assert_int_equal(bg_virtio_mmio_open(&device, FAKE_MMIO_ADDRESS, 0xFF), BG_ERR_INVALID);
    fake_hal.refuse_map = true;
    assert_int_equal(bg_virtio_mmio_open(&device, FAKE_MMIO_ADDRESS, 0x200), BG_ERR_NO_MEMORY);
    fake_hal.refuse_map = false;
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pci_device),
        cmocka_unit_test(pci_multiplier_of_zero),
        cmocka_unit_test(pci_doorbell_outside),
        cmocka_unit_test(pci_host_says_how_memory_is_shared),
        cmocka_unit_test(pci_through_the_access_capability),
        cmocka_unit_test(pci_first_usable_structure),
        cmocka_unit_test(pci_capabilities_to_ignore),
        cmocka_unit_test(pci_lengths),
        cmocka_unit_test(pci_identities),
        cmocka_unit_test(pci_transitional),
        cmocka_unit_test(pci_shared_memory),
        cmocka_unit_test(pci_mapping_fails),
        cmocka_unit_test(mmio_device),
        cmocka_unit_test(legacy_mmio_device),
        cmocka_unit_test(mmio_devices_that_are_none),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
