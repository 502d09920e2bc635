/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/pci/interrupt.c firmware/pci/msix.c firmware/pci/msi.c firmware/common/interrupt_line.c
// build: firmware/common/interrupt_source.c firmware/pci_ecam.c firmware/pci/enumerate.c
// build: firmware/pci/device.c firmware/pci/bar.c firmware/pci/assign.c
// build: firmware/pci/capability.c firmware/pci/list.c firmware/common/error.c tests/fake/pci.c
// build: tests/fake/hal.c tests/fake/interrupt.c
/*
 * Interrupts of a function that lies about its MSI-X and MSI, on a machine with few messages. The
 * input: eight bytes of what the machine has and the driver wants, then changes to the function's
 * configuration space and things to do, four bytes each. Whatever it says, the driver's accesses
 * lie inside its BARs, and everything is given back in the end.
 */
#include <stdlib.h>
#include <string.h>

#include "baregpu/pci_interrupt.h"
#include "tests/fake/hal.h"
#include "tests/fake/interrupt.h"
#include "tests/fake/pci.h"

#define VECTORS 40
#define HEADER 8
#define STEP 4
#define LINE 3u
#define MEMORY 8192u

static struct fake_pci pci;
static struct bg_pci_device devices[4];
static struct bg_pci_host host;
static struct bg_pci_intx intx;
static struct bg_pci_interrupt interrupt;
static struct bg_pci_interrupt_vector vectors[VECTORS];
static uint8_t memory[MEMORY];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* An access, and where it is kept: some place that depends on its address. */
static uint8_t *at(uint64_t address, unsigned width)
{
    bool is_inside = false;

    for (unsigned bar = 0; bar < BG_PCI_BAR_COUNT; bar++) {
        const struct bg_pci_resource *resource = &devices[0].bars[bar];

        is_inside |= resource->state == BG_PCI_RESOURCE_ASSIGNED && !resource->is_io &&
                     address >= resource->address &&
                     address - resource->address <= resource->size - width;
    }
    check(is_inside && width == 4 && address % 4 == 0);
    return &memory[address % (MEMORY - 4)];
}

static uint64_t read_memory(void *context, uint64_t address, unsigned width)
{
    uint32_t value;

    (void)context;
    memcpy(&value, at(address, width), 4);
    return value;
}

static void write_memory(void *context, uint64_t address, unsigned width, uint64_t value)
{
    uint32_t word = (uint32_t)value;

    (void)context;
    memcpy(at(address, width), &word, 4);
}

static void build(const uint8_t *header)
{
    const struct bg_pci_host_config config = {
        .ecam = &pci,
        .ecam_size = 1 << 20,
        .ops = &fake_pci_ops,
        .windows =
            {
                [BG_PCI_WINDOW_IO] = {0x3EFF0000, 0, 0x10000},
                [BG_PCI_WINDOW_MEM32] = {0x10000000, 0x10000000, header[0] & 1 ? 1 << 24 : 0x2000},
                [BG_PCI_WINDOW_MEM64] = {1ull << 39, 1ull << 39, header[0] & 2 ? 1ull << 30 : 0},
            },
        .devices = devices,
        .device_capacity = 4,
        .intx = header[0] & 4 ? &intx : NULL,
    };

    fake_pci_init(&pci, 0, 0);
    int function = fake_pci_add(&pci, FAKE_ROOT, 1 << 3, 1, 1, 0x030000, -1);

    fake_pci_bar32(&pci, function, 0, 0x1000, 0);
    fake_pci_bar64(&pci, function, 2, header[0] & 8 ? 1 << 20 : 1ull << 32, FAKE_PREFETCHABLE);
    fake_pci_bar_io(&pci, function, 5, 64);
    fake_pci_msix(&pci, function, 0x80, 16, 0x100, 0x800 | 2);
    fake_pci_msi(&pci, function, 0xA0, header[1] % 8, header[0] & 16, header[0] & 32);
    fake_pci_set8(&pci, function, 0x3D, header[2] % 6);
    memset(&intx, 0, sizeof(intx));
    intx.interrupts[1][header[2] / 6 % 4] = LINE;
    check(bg_pci_host_init(&host, &config) == 0);
    bg_pci_host_enumerate(&host);
    fake_hal = (struct fake_hal){.read = read_memory, .write = write_memory};
    fake_hal.refuse_map = header[0] & 64;
    fake_interrupts_begin(header[3]);
    fake_interrupts.message_error = header[4] & 1 ? BG_ERR_UNSUPPORTED : 0;
    fake_interrupts.message_address = header[4] & 2 ? 0x5508090040 : 0x08090040;
    fake_interrupts.refuse_attach = header[5];
}

static bool take(void *context, bool *is_storm)
{
    (void)context;
    *is_storm |= !bg_interrupt_source_arrive(&vectors[0].source);
    fake_interrupts.of[LINE].is_raised = false;
    return true;
}

static void open(const uint8_t *header)
{
    const struct bg_pci_interrupt_options options = {
        .vectors = vectors,
        .vector_count = header[6] % VECTORS + 1,
        .intx_take = header[7] & 1 ? take : NULL,
        .forbidden = header[7],
    };

    memset(vectors, 0, sizeof(vectors));
    int error = bg_pci_interrupt_open(&interrupt, &host, &devices[0], &options);

    check((error == 0) == (interrupt.kind != BG_PCI_INTERRUPT_NONE));
    check(error == 0 || error == BG_ERR_NOT_FOUND);
    check(interrupt.message_count <= options.vector_count);
    for (unsigned i = 0; error == 0 && i < options.vector_count; i++) {
        check(bg_interrupt_source_is_on(&vectors[i].source));
        check(vectors[i].entry == 0 || vectors[i].entry < interrupt.message_count);
    }
}

static void step(const uint8_t *input, const uint8_t *header)
{
    unsigned vector = input[1] % (VECTORS + 1);

    switch (input[0] % 8) {
    case 0:
        bg_pci_interrupt_mask(&interrupt, vector);
        break;
    case 1:
        bg_pci_interrupt_unmask(&interrupt, vector);
        break;
    case 2:
        bg_pci_interrupt_is_pending(&interrupt, vector);
        break;
    case 3:
        bg_pci_interrupt_close(&interrupt);
        open(header);
        break;
    case 4:
        fake_interrupt_set(LINE, true);
        fake_interrupt_set(LINE, false);
        break;
    case 5: /* some message of those that there are */
        fake_interrupt_message(fake_interrupts.message_address, FAKE_FIRST_MESSAGE + input[1] % 64);
        break;
    case 6:
        bg_pci_interrupt_resume(&interrupt);
        break;
    default: /* it changes its mind */
        fake_pci_set8(&pci, 0, 0x40 + input[1] % 0xC0, input[2]);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t used = HEADER;

    if (size < HEADER) {
        return 0;
    }
    build(data);
    if (host.device_count != 1) {
        return 0;
    }
    for (; used + STEP <= size && data[used] % 8 == 7; used += STEP) {
        step(data + used, data); /* what it says from the start */
    }
    open(data);
    for (; used + STEP <= size; used += STEP) {
        step(data + used, data);
    }
    bg_pci_interrupt_close(&interrupt);
    fake_interrupts_end();
    return 0;
}
