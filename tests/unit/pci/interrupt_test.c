/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/pci/interrupt.c firmware/pci/msix.c firmware/pci/msi.c firmware/common/interrupt_line.c
// build: firmware/common/interrupt_source.c firmware/pci_ecam.c firmware/pci/enumerate.c
// build: firmware/pci/device.c firmware/pci/bar.c firmware/pci/assign.c
// build: firmware/pci/capability.c firmware/pci/list.c firmware/common/error.c tests/fake/pci.c
// build: tests/fake/hal.c tests/fake/interrupt.c tests/unit/pci/fixture.c
/* MSI-X, MSI, INTx: which is taken, how it is programmed, what arrives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/pci_interrupt.h"
#include "tests/fake/hal.h"
#include "tests/fake/interrupt.h"
#include "tests/unit/pci/fixture.h"

#define VECTORS 5
#define BAR_SIZE 0x4000u
#define CAPABILITY 0x80u
#define SECOND_CAPABILITY 0xA0u
#define TABLE 0x1000u         /* BAR 0 */
#define PENDING (0x800u | 4u) /* BAR 4 */
#define MASK_ALL_KINDS                                                                             \
    (BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_INTX) | BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_MSI) |    \
     BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_MSIX))

/* A function with two BARs of memory, and its pin. */
struct fake_device {
    int function;
    struct bg_pci_device *device;
    uint8_t bars[2][BAR_SIZE];
    bool asserts; /* its pin */
    unsigned takes;
    struct bg_pci_interrupt interrupt;
    struct bg_pci_interrupt_vector vectors[VECTORS];
};

static struct fake_device devices[2];
static struct bg_pci_intx intx;
static unsigned accesses_outside;

/* ---- The functions' memory ---- */

static uint8_t *memory_at(uint64_t address, unsigned width)
{
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned bar = 0; bar < 2 && devices[i].device != NULL; bar++) {
            const struct bg_pci_resource *resource = &devices[i].device->bars[bar * 4];

            if (resource->state == BG_PCI_RESOURCE_ASSIGNED && address >= resource->address &&
                address - resource->address <= BAR_SIZE - width) {
                return &devices[i].bars[bar][address - resource->address];
            }
        }
    }
    accesses_outside++;
    return NULL;
}

static uint64_t read_memory(void *context, uint64_t address, unsigned width)
{
    const uint8_t *memory = memory_at(address, width);
    uint64_t value = UINT64_MAX;

    (void)context;
    if (memory != NULL) {
        value = 0;
        memcpy(&value, memory, width);
    }
    return value;
}

static void write_memory(void *context, uint64_t address, unsigned width, uint64_t value)
{
    uint8_t *memory = memory_at(address, width);

    (void)context;
    if (memory != NULL) {
        memcpy(memory, &value, width);
    }
}

/* ---- Set-up ---- */

static int setup(void **state)
{
    pci_setup(state);
    memset(devices, 0, sizeof(devices));
    memset(&intx, 0, sizeof(intx));
    for (unsigned slot = 0; slot < BG_PCI_INTX_SLOTS; slot++) {
        for (unsigned pin = 0; pin < BG_PCI_INTX_PINS; pin++) {
            intx.interrupts[slot][pin] = 1 + (slot + pin) % 4;
        }
    }
    f.config.intx = &intx;
    accesses_outside = 0;
    fake_hal = (struct fake_hal){.wait_ns = 1000, .read = read_memory, .write = write_memory};
    fake_interrupts_begin(64);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_interrupts_end();
    return accesses_outside != 0;
}

static struct fake_device *add_behind(int parent, uint8_t devfn)
{
    struct fake_device *device = &devices[devices[0].function != -1 && devices[0].takes != 0];
    int function = add_plain(parent, devfn);

    device->takes = 1; /* taken */
    device->function = function;
    fake_pci_bar32(&f.pci, function, 0, BAR_SIZE, 0);
    fake_pci_bar64(&f.pci, function, 4, BAR_SIZE, FAKE_PREFETCHABLE);
    fake_pci_set8(&f.pci, function, 0x3D, 1);
    return device;
}

static struct fake_device *add(uint8_t devfn)
{
    return add_behind(FAKE_ROOT, devfn);
}

static void find(void)
{
    enumerate();
    for (unsigned i = 0; i < 2; i++) {
        if (devices[i].takes != 0) {
            devices[i].device = device_of(devices[i].function);
            devices[i].takes = 0;
            bg_pci_device_disable(&f.host, devices[i].device,
                                  BG_PCI_COMMAND_MEMORY | BG_PCI_COMMAND_IO);
        }
    }
}

static bool take(void *context, bool *is_storm)
{
    struct fake_device *device = context;
    bool is_calm = false;

    device->takes++;
    if (!device->asserts) {
        return false;
    }
    device->asserts = false;
    fake_interrupts.of[1].is_raised = devices[0].asserts || devices[1].asserts;
    for (unsigned i = 0; i < VECTORS; i++) {
        is_calm |= bg_interrupt_source_arrive(&device->vectors[i].source);
    }
    *is_storm |= !is_calm;
    return true;
}

static int open_with(struct fake_device *device, uint32_t forbidden)
{
    const struct bg_pci_interrupt_options options = {
        .vectors = device->vectors,
        .vector_count = VECTORS,
        .intx_take = take,
        .intx_context = device,
        .forbidden = forbidden,
    };

    for (unsigned i = 0; i < VECTORS; i++) {
        device->vectors[i].cpu = BG_HAL_CPU(i % 2);
    }
    return bg_pci_interrupt_open(&device->interrupt, &f.host, device->device, &options);
}

static int open(struct fake_device *device)
{
    return open_with(device, 0);
}

static uint32_t config(const struct fake_device *device, unsigned reg, unsigned width)
{
    return fake_pci_get(&f.pci, device->function, reg, width);
}

static uint32_t table(const struct fake_device *device, unsigned entry, unsigned word)
{
    uint32_t value;

    memcpy(&value, &device->bars[0][TABLE + entry * 16 + word * 4], 4);
    return value;
}

/* The function sends a message, as its table and masks say. */
static void send_msix(struct fake_device *device, unsigned entry)
{
    uint32_t control = config(device, CAPABILITY + 2, 2);

    assert_true(control & 0x8000);
    assert_true(config(device, 4, 2) & BG_PCI_COMMAND_BUS_MASTER);
    if ((control & 0x4000) || (table(device, entry, 3) & 1)) {
        device->bars[1][0x800 + entry / 8] |= (uint8_t)(1u << entry % 8);
        return;
    }
    device->bars[1][0x800 + entry / 8] &= (uint8_t)~(1u << entry % 8);
    assert_true(
        fake_interrupt_message(table(device, entry, 0) | (uint64_t)table(device, entry, 1) << 32,
                               table(device, entry, 2)));
}

static void expect_counts(const struct fake_device *device, uint64_t a, uint64_t b, uint64_t c,
                          uint64_t d, uint64_t e)
{
    const uint64_t expected[VECTORS] = {a, b, c, d, e};

    for (unsigned i = 0; i < VECTORS; i++) {
        assert_int_equal(device->vectors[i].source.count, expected[i]);
    }
}

/* ---- MSI-X ---- */

static void msix_has_a_vector_each(void **state)
{
    (void)state;
    struct fake_device *device = add(1 << 3);

    fake_pci_msix(&f.pci, device->function, CAPABILITY, 8, TABLE, PENDING);
    fake_pci_msi(&f.pci, device->function, SECOND_CAPABILITY, 2, true, true);
    find();
    memset(device->bars[0] + TABLE, 0, 8 * 16); /* not masked, as no function should leave it */
    assert_int_equal(open(device), 0);
    assert_int_equal(device->interrupt.kind, BG_PCI_INTERRUPT_MSIX);
    assert_int_equal(device->interrupt.message_count, VECTORS);
    assert_int_equal(config(device, CAPABILITY + 2, 2), 0x8007);
    assert_int_equal(config(device, SECOND_CAPABILITY + 2, 2) & 1, 0);
    assert_int_equal(config(device, 4, 2), BG_PCI_COMMAND_MEMORY | BG_PCI_COMMAND_BUS_MASTER |
                                               BG_PCI_COMMAND_INTX_DISABLE);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(table(device, i, 3), i < VECTORS ? 0 : 1);
    }
    for (unsigned i = 0; i < VECTORS; i++) {
        const struct fake_interrupt *line = &fake_interrupts.of[table(device, i, 2)];

        assert_int_equal(device->vectors[i].entry, i);
        assert_int_equal(line->cpu, BG_HAL_CPU(i % 2));
        assert_int_equal(line->trigger, BG_HAL_TRIGGER_EDGE);
        assert_int_equal(line->requester_id, device->device->bdf);
        assert_true(bg_interrupt_source_is_on(&device->vectors[i].source));
        send_msix(device, i);
    }
    send_msix(device, 2);
    expect_counts(device, 1, 1, 2, 1, 1);
    bg_pci_interrupt_close(&device->interrupt);
    assert_int_equal(config(device, CAPABILITY + 2, 2), 0x0007);
    assert_false(bg_interrupt_source_is_on(&device->vectors[0].source));
    assert_int_equal(device->interrupt.kind, BG_PCI_INTERRUPT_NONE);
    bg_pci_interrupt_close(&device->interrupt);
}

static void count_call(void *context)
{
    ++*(unsigned *)context;
}

static void msix_vectors_are_shared_when_they_are_few(void **state)
{
    (void)state;
    struct fake_device *device = add(1 << 3);
    unsigned calls = 0;

    fake_pci_msix(&f.pci, device->function, CAPABILITY, 8, TABLE, PENDING);
    find();
    fake_interrupts.messages_left = 3; /* the machine's limit */
    device->vectors[4].source.handler = count_call;
    device->vectors[4].source.context = &calls;
    assert_int_equal(open(device), 0);
    assert_int_equal(device->interrupt.message_count, 3);
    assert_int_equal(fake_interrupts.attached, 3);
    for (unsigned i = 0; i < VECTORS; i++) {
        assert_int_equal(device->vectors[i].entry, i < 2 ? i : 2);
    }
    send_msix(device, 0);
    send_msix(device, 2);
    send_msix(device, 2);
    expect_counts(device, 1, 0, 2, 2, 2);
    assert_int_equal(calls, 2);
    bg_pci_interrupt_close(&device->interrupt);
    assert_int_equal(fake_interrupts.messages_left, 3);
}

static void msix_table_smaller_than_wanted(void **state)
{
    (void)state;
    struct fake_device *device = add(1 << 3);

    fake_pci_msix(&f.pci, device->function, CAPABILITY, 1, TABLE, PENDING);
    find();
    assert_int_equal(open(device), 0);
    assert_int_equal(device->interrupt.message_count, 1);
    send_msix(device, 0);
    expect_counts(device, 1, 1, 1, 1, 1);
    bg_pci_interrupt_close(&device->interrupt);
}

static void msix_many_vectors(void **state)
{
    (void)state;
    static struct bg_pci_interrupt_vector many[100];
    struct fake_device *device = add(1 << 3);
    const struct bg_pci_interrupt_options options = {.vectors = many, .vector_count = 100};

    fake_pci_msix(&f.pci, device->function, CAPABILITY, 128, TABLE, PENDING);
    find();
    fake_interrupts.messages_left = 90; /* two whole pieces and a part of the third */
    assert_int_equal(bg_pci_interrupt_open(&device->interrupt, &f.host, device->device, &options),
                     0);
    assert_int_equal(device->interrupt.message_count, 90);
    for (unsigned i = 0; i < 90; i++) {
        send_msix(device, i);
    }
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(many[i].source.count, 1);
        assert_int_equal(many[i].entry, i < 90 ? i : 89);
    }
    bg_pci_interrupt_close(&device->interrupt);
    fake_interrupts.messages_left = 64; /* ends with a piece */
    assert_int_equal(bg_pci_interrupt_open(&device->interrupt, &f.host, device->device, &options),
                     0);
    assert_int_equal(device->interrupt.message_count, 64);
    bg_pci_interrupt_close(&device->interrupt);
}

static void msix_masks(void **state)
{
    (void)state;
    struct fake_device *device = add(1 << 3);

    fake_pci_msix(&f.pci, device->function, CAPABILITY, 8, TABLE, PENDING);
    find();
    assert_int_equal(open(device), 0);
    bg_pci_interrupt_mask(&device->interrupt, 1);
    send_msix(device, 1);
    send_msix(device, 0);
    expect_counts(device, 1, 0, 0, 0, 0);
    assert_true(bg_pci_interrupt_is_pending(&device->interrupt, 1));
    assert_false(bg_pci_interrupt_is_pending(&device->interrupt, 0));
    bg_pci_interrupt_unmask(&device->interrupt, 1);
    send_msix(device, 1); /* as the function does then */
    expect_counts(device, 1, 1, 0, 0, 0);
    assert_false(bg_pci_interrupt_is_pending(&device->interrupt, 1));
    bg_pci_interrupt_mask(&device->interrupt, VECTORS);
    assert_false(bg_pci_interrupt_is_pending(&device->interrupt, VECTORS));
    bg_pci_interrupt_close(&device->interrupt);
}

/* None of them is believed: what is left is MSI. */
static void msix_that_lies(void **state)
{
    static const struct {
        unsigned entries;
        uint32_t table, pending;
    } lies[] = {
        {8, TABLE | 5, PENDING},             /* behind the last BAR there is: the upper half of 4 */
        {8, TABLE | 7, PENDING},             /* no BAR at all */
        {8, TABLE | 1, PENDING},             /* an absent one */
        {8, TABLE | 2, PENDING},             /* one for I/O */
        {8, TABLE, PENDING | 2},             /* a reserved number: 6 */
        {8, BAR_SIZE, PENDING},              /* behind the BAR */
        {8, BAR_SIZE - 8 * 16 + 8, PENDING}, /* beyond its end */
        {8, 0xFFFFFFF8, PENDING},
        {8, TABLE, 0xFFFFFFFC},
        {8, TABLE, BAR_SIZE | 4},
        {2048, TABLE, PENDING}, /* 32 KiB */
        {8, TABLE, TABLE + 8},  /* over each other */
        {8, TABLE, TABLE + 8 * 16 - 8},
        {8, TABLE, TABLE},
    };

    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        setup(state);
        struct fake_device *device = add(1 << 3);

        fake_pci_bar_io(&f.pci, device->function, 2, 0x2000);
        fake_pci_msix(&f.pci, device->function, CAPABILITY, lies[i].entries, lies[i].table,
                      lies[i].pending);
        fake_pci_msi(&f.pci, device->function, SECOND_CAPABILITY, 0, true, false);
        find();
        assert_int_equal(open(device), 0);
        assert_int_equal(device->interrupt.kind, BG_PCI_INTERRUPT_MSI);
        assert_int_equal(config(device, CAPABILITY + 2, 2) & 0xC000, 0);
        for (unsigned at = 0; at < BAR_SIZE; at++) {
            assert_int_equal(device->bars[0][at], 0);
        }
        bg_pci_interrupt_close(&device->interrupt);
        assert_int_equal(teardown(state), 0);
    }
    setup(state);
}

static void msix_at_the_edges_of_its_bar(void **state)
{
    (void)state;
    struct fake_device *device = add(1 << 3);

    fake_pci_msix(&f.pci, device->function, CAPABILITY, 8, BAR_SIZE - 8 * 16,
                  BAR_SIZE - 8 * 16 - 8);
    find();
    assert_int_equal(open(device), 0);
    assert_int_equal(device->interrupt.kind, BG_PCI_INTERRUPT_MSIX);
    bg_pci_interrupt_close(&device->interrupt);
}

static void msix_in_a_bar_without_an_address(void **state)
{
    (void)state;
    struct fake_device *device = add(1 << 3);

    fake_pci_msix(&f.pci, device->function, CAPABILITY, 8, TABLE, PENDING);
    f.config.windows[BG_PCI_WINDOW_MEM64] = (struct bg_pci_window){0};
    f.config.windows[BG_PCI_WINDOW_MEM32] = (struct bg_pci_window){0};
    find();
    assert_int_equal(open(device), 0);
    assert_int_equal(device->interrupt.kind, BG_PCI_INTERRUPT_INTX);
    bg_pci_interrupt_close(&device->interrupt);
}

static void msix_cannot_be_mapped(void **state)
{
    (void)state;
    struct fake_device *device = add(1 << 3);

    fake_pci_msix(&f.pci, device->function, CAPABILITY, 8, TABLE, PENDING);
    find();
    fake_hal.refuse_map = true;
    assert_int_equal(open(device), 0);
    assert_int_equal(device->interrupt.kind, BG_PCI_INTERRUPT_INTX);
    bg_pci_interrupt_close(&device->interrupt);
}

/* ---- MSI ---- */

/* The function sends message `number`, as its registers say. */
static void send_msi(struct fake_device *device, unsigned number)
{
    unsigned control = config(device, CAPABILITY + 2, 2), at = CAPABILITY + 4;
    uint64_t address = config(device, at, 4);

    at += 4;
    if (control & 0x80) {
        address |= (uint64_t)config(device, at, 4) << 32;
        at += 4;
    }
    uint32_t data = config(device, at, 2);

    assert_true(control & 1);
    assert_true(number < 1u << (control >> 4 & 7));
    assert_true(config(device, 4, 2) & BG_PCI_COMMAND_BUS_MASTER);
    assert_int_equal(data & ((1u << (control >> 4 & 7)) - 1), 0);
    if ((control & 0x100) && (config(device, at + 4, 4) >> number & 1)) {
        fake_pci_set32(&f.pci, device->function, at + 8, 1u << number);
        return;
    }
    assert_true(fake_interrupt_message(address, data | number));
}

static void msi_of_all_shapes(void **state)
{
    for (unsigned shape = 0; shape < 4; shape++) {
        setup(state);
        struct fake_device *device = add(1 << 3);
        bool has_masks = shape & 2;

        fake_pci_msi(&f.pci, device->function, CAPABILITY, 3, shape & 1, has_masks);
        find();
        if (shape & 1) {
            fake_interrupts.message_address = 0x5508090040;
        }
        assert_int_equal(open(device), 0);
        assert_int_equal(device->interrupt.kind, BG_PCI_INTERRUPT_MSI);
        assert_int_equal(device->interrupt.message_count, VECTORS);
        assert_int_equal(fake_interrupts.reserved, 8); /* a power of two */
        assert_int_equal(config(device, CAPABILITY + 2, 2) & 0x71, 0x31);
        assert_true(config(device, 4, 2) & BG_PCI_COMMAND_INTX_DISABLE);
        if (has_masks) {
            unsigned reg = CAPABILITY + 12 + (shape & 1) * 4;

            assert_int_equal(config(device, reg, 4), UINT32_MAX << VECTORS);
        }
        for (unsigned i = 0; i < VECTORS; i++) {
            assert_int_equal(device->vectors[i].entry, i);
            send_msi(device, i);
        }
        expect_counts(device, 1, 1, 1, 1, 1);
        bg_pci_interrupt_mask(&device->interrupt, 3);
        send_msi(device, 3);
        send_msi(device, 4);
        expect_counts(device, 1, 1, 1, 1, 2);
        assert_int_equal(bg_pci_interrupt_is_pending(&device->interrupt, 3), has_masks);
        assert_false(bg_pci_interrupt_is_pending(&device->interrupt, 4));
        bg_pci_interrupt_unmask(&device->interrupt, 3);
        if (has_masks) {
            send_msi(device, 3); /* as the function does then; else the controller kept it */
        }
        expect_counts(device, 1, 1, 1, 2, 2);
        bg_pci_interrupt_close(&device->interrupt);
        assert_int_equal(config(device, CAPABILITY + 2, 2) & 1, 0);
        assert_int_equal(teardown(state), 0);
    }
    setup(state);
}

static void msi_of_a_few_messages(void **state)
{
    static const struct {
        unsigned log2, left, reserved, used;
    } cases[] = {{0, 64, 1, 1}, {1, 64, 2, 2}, {2, 64, 4, 4},
                 {5, 64, 8, 5}, {5, 7, 4, 4},  {5, 1, 1, 1}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        setup(state);
        struct fake_device *device = add(1 << 3);

        fake_pci_msi(&f.pci, device->function, CAPABILITY, cases[i].log2, true, false);
        find();
        fake_interrupts.messages_left = cases[i].left;
        assert_int_equal(open(device), 0);
        assert_int_equal(fake_interrupts.reserved, cases[i].reserved);
        assert_int_equal(device->interrupt.message_count, cases[i].used);
        assert_int_equal(1u << (config(device, CAPABILITY + 2, 2) >> 4 & 7), cases[i].reserved);
        send_msi(device, cases[i].used - 1);
        assert_int_equal(device->vectors[VECTORS - 1].source.count, 1);
        assert_int_equal(device->vectors[0].source.count, cases[i].used == 1);
        bg_pci_interrupt_close(&device->interrupt);
        assert_int_equal(teardown(state), 0);
    }
    setup(state);
}

static void msi_that_cannot_be_used(void **state)
{
    for (unsigned i = 0; i < 4; i++) {
        setup(state);
        struct fake_device *device = add(1 << 3);
        /* 0: an address above 4 GiB, 32 bits; 1: a reserved number of messages; 2: beyond the
         * configuration space; 3: the controller refuses. */
        fake_pci_msi(&f.pci, device->function, i == 2 ? 0xF0 : CAPABILITY, i == 1 ? 6 : 0, i == 3,
                     i == 2);
        find();
        fake_interrupts.message_address = i == 0 ? 0x100000000 : 0x08090040;
        if (i == 3) {
            fake_interrupts.message_error = BG_ERR_IO;
        }
        assert_int_equal(open(device), 0);
        assert_int_equal(device->interrupt.kind, BG_PCI_INTERRUPT_INTX);
        assert_int_equal(fake_interrupts.reserved, 0);
        assert_int_equal(config(device, 4, 2) & BG_PCI_COMMAND_INTX_DISABLE, 0);
        bg_pci_interrupt_close(&device->interrupt);
        assert_int_equal(teardown(state), 0);
    }
    setup(state);
}

/* ---- INTx ---- */

static void raise_pin(struct fake_device *device)
{
    device->asserts = true;
    fake_interrupt_set(1, true);
}

static void intx_shared_by_two(void **state)
{
    (void)state;
    struct fake_device *a = add(4 << 3), *b = add(8 << 3); /* both at line 1 */

    find();
    assert_int_equal(open(a), 0);
    assert_int_equal(open(b), 0);
    assert_int_equal(a->interrupt.kind, BG_PCI_INTERRUPT_INTX);
    assert_int_equal(fake_interrupts.attached, 1);
    assert_int_equal(fake_interrupts.of[1].trigger, BG_HAL_TRIGGER_LEVEL);
    raise_pin(a);
    expect_counts(a, 1, 1, 1, 1, 1);
    expect_counts(b, 0, 0, 0, 0, 0);
    raise_pin(b);
    expect_counts(b, 1, 1, 1, 1, 1);
    assert_int_equal(a->takes, 2); /* everybody is asked */
    assert_int_equal(intx.lines[0].count, 2);
    assert_int_equal(intx.lines[0].idle.count, 0);
    bg_pci_interrupt_close(&a->interrupt);
    assert_int_equal(config(a, 4, 2) & BG_PCI_COMMAND_INTX_DISABLE, BG_PCI_COMMAND_INTX_DISABLE);
    raise_pin(b);
    expect_counts(b, 2, 2, 2, 2, 2);
    assert_int_equal(a->takes, 2);
    bg_pci_interrupt_mask(&b->interrupt, 0);
    assert_int_equal(config(b, 4, 2) & BG_PCI_COMMAND_INTX_DISABLE, BG_PCI_COMMAND_INTX_DISABLE);
    bg_pci_interrupt_unmask(&b->interrupt, 0);
    assert_int_equal(config(b, 4, 2) & BG_PCI_COMMAND_INTX_DISABLE, 0);
    assert_false(bg_pci_interrupt_is_pending(&b->interrupt, 0));
    fake_pci_set16(&f.pci, b->function, 6, 0x18);
    assert_true(bg_pci_interrupt_is_pending(&b->interrupt, 0));
    bg_pci_interrupt_close(&b->interrupt);
}

static void intx_through_bridges(void **state)
{
    (void)state;
    int port = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 3 << 3, 4);
    int bridge = fake_pci_add_bridge(&f.pci, port, 0, 7);
    struct fake_device *device = add_behind(bridge, 5 << 3);

    fake_pci_set8(&f.pci, device->function, 0x3D, 2);
    find();
    /* INTB of slot 5 is INTC at the bridge, that of slot 0 stays, slot 3's is INTB at the root. */
    assert_int_equal(bg_pci_intx_interrupt(&f.host, device->device), 1 + (3 + 2) % 4);
    intx.interrupts[3][2] = 77;
    assert_int_equal(bg_pci_intx_interrupt(&f.host, device->device), 77);
    assert_int_equal(open(device), 0);
    assert_non_null(fake_interrupts.of[77].handler);
    bg_pci_interrupt_close(&device->interrupt);
}

static void requester_behind_bridges(void **state)
{
    /* What the bridge above is, and whose id the function's messages carry. */
    static const struct {
        int root_type, bridge_type;
        bool is_bridge, is_secondary;
    } cases[] = {
        {4, 5, false, false}, /* PCI Express down to the function: its own */
        {4, 7, false, true},  /* to PCI: the secondary bus, device 0 */
        {4, -1, true, false}, /* PCI to PCI: the bridge */
        {-1, -1, false, false},
    };

    for (unsigned i = 0; i < 4; i++) {
        setup(state);
        int port = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 3 << 3, cases[i].root_type);
        int bridge = fake_pci_add_bridge(&f.pci, port, 0, cases[i].bridge_type);
        struct fake_device *device = add_behind(bridge, 5 << 3);
        uint16_t expected;

        fake_pci_msix(&f.pci, device->function, CAPABILITY, 8, TABLE, PENDING);
        find();
        expected = device->device->bdf;
        expected = cases[i].is_bridge ? device_of(bridge)->bdf : expected;
        expected = cases[i].is_secondary ? BG_PCI_BDF(BG_PCI_BUS(expected), 0, 0) : expected;
        expected = i == 3 ? device_of(port)->bdf : expected; /* conventional all the way up */
        assert_int_equal(open(device), 0);
        assert_int_equal(fake_interrupts.of[FAKE_FIRST_MESSAGE].requester_id, expected);
        bg_pci_interrupt_close(&device->interrupt);
        assert_int_equal(teardown(state), 0);
    }
    setup(state);
}

static void no_interrupt_at_all(void **state)
{
    for (unsigned i = 0; i < 5; i++) {
        setup(state);
        struct fake_device *device = add(4 << 3);

        fake_pci_msix(&f.pci, device->function, CAPABILITY, 8, TABLE, PENDING);
        fake_pci_msi(&f.pci, device->function, SECOND_CAPABILITY, 0, true, false);
        if (i == 1) {
            fake_pci_set8(&f.pci, device->function, 0x3D, 0);
        } else if (i == 2) {
            memset(&intx, 0, sizeof(intx));
        } else if (i == 3) {
            f.config.intx = NULL;
        } else if (i == 4) {
            fake_pci_set8(&f.pci, device->function, 0x3D, 5); /* there is no such pin */
        }
        find();
        fake_pci_set16(&f.pci, device->function, CAPABILITY + 2, 0x8007); /* left on */
        fake_pci_set16(&f.pci, device->function, SECOND_CAPABILITY + 2, 0x0081);
        fake_interrupts.message_error = BG_ERR_UNSUPPORTED;
        assert_int_equal(open_with(device, i == 0 ? MASK_ALL_KINDS : 0), BG_ERR_NOT_FOUND);
        assert_int_equal(device->interrupt.kind, BG_PCI_INTERRUPT_NONE);
        assert_int_equal(config(device, CAPABILITY + 2, 2), 7);
        assert_int_equal(config(device, SECOND_CAPABILITY + 2, 2), 0x80);
        assert_true(config(device, 4, 2) & BG_PCI_COMMAND_INTX_DISABLE);
        assert_false(bg_interrupt_source_is_on(&device->vectors[0].source));
        bg_pci_interrupt_mask(&device->interrupt, 0);
        assert_false(bg_pci_interrupt_is_pending(&device->interrupt, 0));
        bg_pci_interrupt_resume(&device->interrupt);
        bg_pci_interrupt_close(&device->interrupt);
        assert_int_equal(teardown(state), 0);
    }
    setup(state);
}

static void lines_run_out(void **state)
{
    (void)state;
    static struct bg_pci_interrupt interrupts[BG_PCI_INTX_LINES + 1];
    struct fake_device *device = add(4 << 3);
    const struct bg_pci_interrupt_options options = {
        .vectors = device->vectors, .vector_count = 1, .intx_take = take, .intx_context = device};

    find();
    for (unsigned i = 0; i <= BG_PCI_INTX_LINES; i++) {
        intx.interrupts[4][0] = 10 + i;
        assert_int_equal(bg_pci_interrupt_open(&interrupts[i], &f.host, device->device, &options),
                         i < BG_PCI_INTX_LINES ? 0 : BG_ERR_NOT_FOUND);
    }
    for (unsigned i = 0; i <= BG_PCI_INTX_LINES; i++) {
        bg_pci_interrupt_close(&interrupts[i]);
    }
}

static void kinds_that_are_forbidden(void **state)
{
    static const struct {
        uint32_t forbidden;
        unsigned kind;
    } cases[] = {
        {0, BG_PCI_INTERRUPT_MSIX},
        {BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_MSIX), BG_PCI_INTERRUPT_MSI},
        {BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_MSIX) | BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_MSI),
         BG_PCI_INTERRUPT_INTX},
        {BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_INTX), BG_PCI_INTERRUPT_MSIX},
    };
    struct fake_device *device = add(4 << 3);

    (void)state;
    fake_pci_msix(&f.pci, device->function, CAPABILITY, 8, TABLE, PENDING);
    fake_pci_msi(&f.pci, device->function, SECOND_CAPABILITY, 0, true, false);
    find();
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(open_with(device, cases[i].forbidden), 0);
        assert_int_equal(device->interrupt.kind, cases[i].kind);
        bg_pci_interrupt_close(&device->interrupt);
    }
}

/* Each attach fails in turn: what was begun is undone, and the next kind is tried. */
static void attach_is_refused(void **state)
{
    for (unsigned i = 1; i <= VECTORS + 1; i++) {
        setup(state);
        struct fake_device *device = add(4 << 3);

        fake_pci_msix(&f.pci, device->function, CAPABILITY, 8, TABLE, PENDING);
        fake_pci_msi(&f.pci, device->function, SECOND_CAPABILITY, 0, true, false);
        find();
        fake_interrupts.refuse_attach = i;
        assert_int_equal(open(device), 0);
        assert_int_equal(device->interrupt.kind,
                         i <= VECTORS ? BG_PCI_INTERRUPT_MSI : BG_PCI_INTERRUPT_MSIX);
        assert_true(bg_interrupt_source_is_on(&device->vectors[0].source));
        assert_int_equal(fake_interrupts.attached, i <= VECTORS ? 1 : VECTORS);
        bg_pci_interrupt_close(&device->interrupt);
        assert_int_equal(teardown(state), 0);
    }
    setup(state);
    struct fake_device *device = add(4 << 3);

    find();
    fake_interrupts.refuse_attach = 1;
    assert_int_equal(open(device), BG_ERR_NOT_FOUND);
    assert_false(bg_interrupt_source_is_on(&device->vectors[0].source));
    assert_int_equal(open(device), 0); /* the line is free again */
    bg_pci_interrupt_close(&device->interrupt);
}

static void wrong_options(void **state)
{
    (void)state;
    struct fake_device *device = add(4 << 3);
    struct bg_pci_interrupt_options options = {.vectors = device->vectors};

    find();
    assert_int_equal(bg_pci_interrupt_open(&device->interrupt, &f.host, device->device, &options),
                     BG_ERR_INVALID);
    options = (struct bg_pci_interrupt_options){.vector_count = 1};
    assert_int_equal(bg_pci_interrupt_open(&device->interrupt, &f.host, device->device, &options),
                     BG_ERR_INVALID);
    options = (struct bg_pci_interrupt_options){.vectors = device->vectors, .vector_count = 2049};
    assert_int_equal(bg_pci_interrupt_open(&device->interrupt, &f.host, device->device, &options),
                     BG_ERR_INVALID);
    bg_pci_interrupt_close(&device->interrupt);
}

/* ---- Storms ---- */

static void storm_of_messages(void **state)
{
    (void)state;
    struct fake_device *device = add(1 << 3);

    fake_pci_msix(&f.pci, device->function, CAPABILITY, 8, TABLE, PENDING);
    find();
    fake_interrupts.messages_left = 4; /* the last two vectors share */
    assert_int_equal(open(device), 0);
    for (unsigned i = 0; i < BG_INTERRUPT_STORM_COUNT + 100; i++) {
        send_msix(device, 3);
    }
    expect_counts(device, 0, 0, 0, BG_INTERRUPT_STORM_COUNT, BG_INTERRUPT_STORM_COUNT);
    assert_false(bg_interrupt_source_is_on(&device->vectors[3].source));
    assert_false(bg_interrupt_source_is_on(&device->vectors[4].source));
    assert_int_equal(device->vectors[4].source.storms, 1);
    assert_true(bg_interrupt_source_is_on(&device->vectors[2].source));
    send_msix(device, 2);
    assert_int_equal(device->vectors[2].source.count, 1);
    bg_pci_interrupt_resume(&device->interrupt);
    assert_true(bg_interrupt_source_is_on(&device->vectors[4].source));
    uint64_t count = device->vectors[3].source.count;

    send_msix(device, 3);
    assert_int_equal(device->vectors[3].source.count, count + 1);
    /* One that has an answer now and then is none, nor is a slow one, for either of the two. */
    for (unsigned i = 0; i < 5 * BG_INTERRUPT_STORM_COUNT; i++) {
        send_msix(device, 3);
        if (i % 4000 == 0) {
            bg_interrupt_source_answer(
                &device->vectors[i < 2 * BG_INTERRUPT_STORM_COUNT ? 3 : 4].source);
        }
    }
    assert_int_equal(device->vectors[3].source.storms, 1);
    for (unsigned i = 0; i < 2 * BG_INTERRUPT_STORM_COUNT; i++) {
        send_msix(device, 1);
        fake_hal.now_ns += BG_INTERRUPT_STORM_GAP_NS;
    }
    assert_int_equal(device->vectors[1].source.storms, 0);
    bg_pci_interrupt_close(&device->interrupt);
}

static void line_that_nobody_asserts(void **state)
{
    (void)state;
    struct fake_device *a = add(4 << 3), *b = add(8 << 3);

    find();
    assert_int_equal(open(a), 0);
    assert_int_equal(open(b), 0);
    fake_interrupt_set(1, true); /* a third device's, which has no driver */
    assert_int_equal(intx.lines[0].storms, 1);
    assert_int_equal(intx.lines[0].idle.count, BG_INTERRUPT_STORM_COUNT);
    assert_true(fake_interrupts.of[1].is_masked);
    assert_false(bg_interrupt_source_is_on(&a->vectors[0].source));
    assert_false(bg_interrupt_source_is_on(&b->vectors[4].source));
    assert_int_equal(b->vectors[4].source.storms, 1);
    fake_interrupt_set(1, false);
    bg_pci_interrupt_resume(&a->interrupt);
    assert_true(bg_interrupt_source_is_on(&b->vectors[4].source));
    raise_pin(b);
    assert_int_equal(b->vectors[0].source.count, 1);
    /* Who comes while there is a storm polls, too; when one goes, the rest try again. */
    bg_pci_interrupt_close(&b->interrupt);
    fake_interrupt_set(1, true);
    assert_int_equal(open(b), 0);
    assert_false(bg_interrupt_source_is_on(&b->vectors[0].source));
    fake_interrupt_set(1, false);
    bg_pci_interrupt_close(&a->interrupt);
    assert_true(bg_interrupt_source_is_on(&b->vectors[0].source));
    assert_false(fake_interrupts.of[1].is_masked);
    bg_pci_interrupt_close(&b->interrupt);
}

static bool take_always(void *context, bool *is_storm)
{
    struct fake_device *device = context;

    *is_storm |= !bg_interrupt_source_arrive(&device->vectors[0].source);
    return true;
}

static void device_that_never_stops(void **state)
{
    (void)state;
    struct fake_device *device = add(4 << 3);
    const struct bg_pci_interrupt_options options = {.vectors = device->vectors,
                                                     .vector_count = 1,
                                                     .intx_take = take_always,
                                                     .intx_context = device};

    find();
    assert_int_equal(bg_pci_interrupt_open(&device->interrupt, &f.host, device->device, &options),
                     0);
    fake_interrupt_set(1, true);
    assert_int_equal(device->vectors[0].source.storms, 1);
    assert_int_equal(device->vectors[0].source.count, BG_INTERRUPT_STORM_COUNT);
    assert_false(bg_interrupt_source_is_on(&device->vectors[0].source));
    bg_pci_interrupt_close(&device->interrupt);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(bg_pci_interrupt_kind_name(BG_PCI_INTERRUPT_NONE), "none");
    assert_string_equal(bg_pci_interrupt_kind_name(BG_PCI_INTERRUPT_MSIX), "MSI-X");
    assert_string_equal(bg_pci_interrupt_kind_name(9), "unknown");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(msix_has_a_vector_each),
        TEST(msix_vectors_are_shared_when_they_are_few),
        TEST(msix_table_smaller_than_wanted),
        TEST(msix_many_vectors),
        TEST(msix_masks),
        TEST(msix_that_lies),
        TEST(msix_at_the_edges_of_its_bar),
        TEST(msix_in_a_bar_without_an_address),
        TEST(msix_cannot_be_mapped),
        TEST(msi_of_all_shapes),
        TEST(msi_of_a_few_messages),
        TEST(msi_that_cannot_be_used),
        TEST(intx_shared_by_two),
        TEST(intx_through_bridges),
        TEST(requester_behind_bridges),
        TEST(no_interrupt_at_all),
        TEST(lines_run_out),
        TEST(kinds_that_are_forbidden),
        TEST(attach_is_refused),
        TEST(wrong_options),
        TEST(storm_of_messages),
        TEST(line_that_nobody_asserts),
        TEST(device_that_never_stops),
        TEST(names),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
