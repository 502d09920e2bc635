/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test-pci-adopt: a bus that other code has set up, and lets decode. Its functions are handed
 * over to a host of their own, and all four devices work there, by each kind of interrupt.
 */
#include "firmware/apps/app.h"
#include "firmware/apps/open/pci.h"
#include "tests/guest/lib/tap.h"

#include "baregpu/pvgpu_interrupt.h"
#include "baregpu/virtio_gpu_command.h"
#include "baregpu/virtio_interrupt.h"
#include "baregpu/virtio_sst.h"

#define REQUESTS 20u
#define TIMEOUT_NS 30000000000u
#define BLOCKS 16u

static struct bg_pci_host *other; /* the other code's */
static struct bg_pci_device devices[MACHINE_PCI_DEVICES_MAX];
static struct bg_pci_host host;

static uint64_t soon(void)
{
    return bg_hal_time_ns() + TIMEOUT_NS;
}

/* ---- The other code ---- */

static void write_bar(const struct bg_pci_device *device, unsigned bar, uint64_t address)
{
    bg_pci_config_write32(other, device->bdf, 0x10 + 4 * bar, (uint32_t)address);
    if (device->bars[bar].is_64bit) {
        bg_pci_config_write32(other, device->bdf, 0x14 + 4 * bar, (uint32_t)(address >> 32));
    }
}

/* From the end of the window downwards, which the library never does. */
static void move_bars(struct bg_pci_device *device, uint64_t ends[BG_PCI_WINDOW_COUNT])
{
    for (unsigned bar = 0; bar < BG_PCI_BAR_COUNT; bar++) {
        struct bg_pci_resource *resource = &device->bars[bar];

        if (resource->state == BG_PCI_RESOURCE_ASSIGNED) {
            ends[resource->window] =
                (ends[resource->window] - resource->size) & ~(resource->size - 1);
            resource->address = ends[resource->window];
            write_bar(device, bar, resource->address);
        }
    }
}

static bool is_ours(const struct bg_pci_device *device)
{
    return device->header_kind == BG_PCI_HEADER_DEVICE && device->vendor_id == 0x1AF4;
}

static void set_up(void)
{
    uint64_t ends[BG_PCI_WINDOW_COUNT];

    for (unsigned window = 0; window < BG_PCI_WINDOW_COUNT; window++) {
        ends[window] = other->config.windows[window].bus_base + other->config.windows[window].size;
    }
    for (size_t i = 0; i < other->device_count; i++) {
        struct bg_pci_device *device = &other->config.devices[i];

        if (is_ours(device) && device->parent == BG_PCI_NO_PARENT) {
            move_bars(device, ends);
        }
        if (is_ours(device)) {
            bg_pci_device_enable(other, device, BG_PCI_COMMAND_MEMORY | BG_PCI_COMMAND_IO);
        }
    }
}

/* ---- Handing over ---- */

static bool is_alike(const struct bg_pci_device *a, const struct bg_pci_device *b)
{
    bool is_good = a->bdf == b->bdf && a->interrupt_pin == b->interrupt_pin;

    for (unsigned bar = 0; bar < BG_PCI_BAR_COUNT; bar++) {
        is_good &= a->bars[bar].state == b->bars[bar].state &&
                   a->bars[bar].address == b->bars[bar].address &&
                   a->bars[bar].size == b->bars[bar].size;
    }
    return is_good;
}

static void hand_over(const struct bg_pci_device *device)
{
    uint16_t command = bg_pci_config_read16(other, device->bdf, BG_PCI_REG_COMMAND);
    struct bg_pci_device *adopted = NULL;
    int error = bg_pci_host_adopt(&host, device->bdf, &adopted);

    tap_ok(error == 0 && is_alike(adopted, device) &&
               bg_pci_config_read16(other, device->bdf, BG_PCI_REG_COMMAND) == command,
           "%02x:%02x.%x is handed over as it is", BG_PCI_BUS(device->bdf),
           BG_PCI_SLOT(device->bdf), BG_PCI_FUNCTION(device->bdf));
}

static void hand_all_over(void)
{
    struct bg_pci_host_config config = other->config;

    config.devices = devices;
    tap_equal((unsigned)-bg_pci_host_init(&host, &config), 0, "a second host");
    for (size_t i = 0; i < other->device_count; i++) {
        if (is_ours(&other->config.devices[i])) {
            hand_over(&other->config.devices[i]);
        }
    }
    tap_equal(host.problem_count, 0, "without problems");
}

/* ---- The devices ---- */

static uint32_t forbidden; /* kinds of interrupts */

/* What a device has while it is open. */
static struct {
    uint8_t kind;
    const struct bg_interrupt_source *source;
} opened;

static struct bg_vgpu_stub stub;
static struct bg_vgpu_stub_interrupt stub_interrupt;

static int open_stub(void)
{
    int error = bg_vgpu_stub_open(&stub, &host, NULL)
                    ?: bg_vgpu_stub_interrupt_open(&stub_interrupt, &stub, NULL);

    stub.wait = BG_WAIT_SLEEP;
    opened.kind = stub_interrupt.pci.kind;
    opened.source = &stub_interrupt.vector.source;
    return error;
}

static int ask_stub(void)
{
    uint32_t sum = 0;
    int error = bg_vgpu_stub_add_basic(&stub, 100, 200, &sum, soon());

    return error < 0 ? error : sum == 300 ? 0 : BG_ERR_PROTOCOL;
}

static int close_stub(void)
{
    bg_vgpu_stub_interrupt_close(&stub_interrupt);
    return 0;
}

static struct bg_pvgpu ring;
static struct bg_pvgpu_interrupt ring_interrupt;
static struct bg_pvgpu_block blocks[BLOCKS];

static int open_pvgpu(void)
{
    const struct bg_pvgpu_options options = {.blocks = blocks, .block_count = BLOCKS};
    const struct bg_pvgpu_interrupt_options interrupt = {.forbidden = forbidden};
    int error = bg_pvgpu_open(&ring, &host, &options, soon())
                    ?: bg_pvgpu_interrupt_open(&ring_interrupt, &ring, &interrupt);

    ring.wait = BG_WAIT_SLEEP;
    opened.kind = ring_interrupt.pci.kind;
    opened.source = &ring_interrupt.vectors[BG_PVGPU_VECTOR_FENCE].source;
    return error;
}

static int ask_pvgpu(void)
{
    uint32_t sum = 0;
    int error = bg_pvgpu_add_basic(&ring, 100, 200, &sum, soon());

    return error < 0 ? error : sum == 300 ? 0 : BG_ERR_PROTOCOL;
}

static int close_pvgpu(void)
{
    bg_pvgpu_interrupt_close(&ring_interrupt);
    return bg_pvgpu_close(&ring, soon());
}

static struct bg_virtio_device device;
static struct bg_virtio_interrupt virtio_interrupt;

static int open_virtio(uint32_t id)
{
    const struct bg_virtio_interrupt_options options = {
        .forbidden = forbidden,
    };
    const struct bg_pci_device *function = bg_virtio_pci_find(&host, id, NULL);

    if (function == NULL) {
        return BG_ERR_NOT_FOUND;
    }
    int error = bg_virtio_pci_open(&device, &host, function)
                    ?: bg_virtio_interrupt_open(&virtio_interrupt, &device, &options);

    device.wait = BG_WAIT_SLEEP;
    opened.kind = virtio_interrupt.kind;
    opened.source = &virtio_interrupt.vector.source;
    return error;
}

static struct bg_virtio_gpu gpu;

static int open_gpu(void)
{
    return open_virtio(BG_VIRTIO_ID_GPU) ?: bg_virtio_gpu_open(&gpu, &device, NULL);
}

static int ask_gpu(void)
{
    static struct bg_virtio_gpu_display_one modes[BG_VIRTIO_GPU_MAX_SCANOUTS];

    return bg_virtio_gpu_cmd_get_display_info(&gpu, NULL, modes);
}

static int close_gpu(void)
{
    int error = bg_virtio_gpu_close(&gpu);

    bg_virtio_interrupt_close(&virtio_interrupt);
    return error;
}

static struct bg_virtio_sst sst;

static int open_sst(void)
{
    return open_virtio(BG_SST_VIRTIO_ID) ?: bg_virtio_sst_open(&sst, &device, NULL, soon());
}

static int ask_sst(void)
{
    return bg_virtio_sst_noop(&sst, soon());
}

static int close_sst(void)
{
    int error = bg_virtio_sst_close(&sst, soon());

    bg_virtio_interrupt_close(&virtio_interrupt);
    return error;
}

static const struct {
    const char *name;
    unsigned worst, best; /* enum bg_pci_interrupt_kind */
    int (*open)(void);
    int (*ask)(void);
    int (*close)(void);
} targets[] = {
    {"vgpu-stub", BG_PCI_INTERRUPT_INTX, BG_PCI_INTERRUPT_INTX, open_stub, ask_stub, close_stub},
    {"pvgpu", BG_PCI_INTERRUPT_INTX, BG_PCI_INTERRUPT_MSIX, open_pvgpu, ask_pvgpu, close_pvgpu},
    {"virtio-gpu", BG_PCI_INTERRUPT_INTX, BG_PCI_INTERRUPT_MSIX, open_gpu, ask_gpu, close_gpu},
    {"virtio-sst", BG_PCI_INTERRUPT_INTX, BG_PCI_INTERRUPT_MSIX, open_sst, ask_sst, close_sst},
};

/* A request may be done before its wait sleeps: so there may be fewer interrupts than requests. */
static void test_target(unsigned target, unsigned kind)
{
    unsigned done = 0;

    forbidden = ~(uint32_t)BG_PCI_INTERRUPT_BIT(kind);
    int error = targets[target].open();

    if (!tap_ok(error == 0 && opened.kind == kind, "%s opens with %s", targets[target].name,
                bg_pci_interrupt_kind_name(kind))) {
        tap_diag("%s; %s", bg_strerror(error), bg_pci_interrupt_kind_name(opened.kind));
        return;
    }
    while (done < REQUESTS && (error = targets[target].ask()) == 0) {
        done++;
    }
    tap_ok(done == REQUESTS && opened.source->storms == 0, "%s answers %u requests: %s",
           targets[target].name, done, bg_strerror(error));
    tap_diag("%u interrupts", (unsigned)opened.source->count);
    tap_equal((unsigned)-targets[target].close(), 0, "%s closes", targets[target].name);
}

static int run_test_pci_adopt(void)
{
    tap_plan(0);
    other = machine_pci();
    if (other == NULL) {
        tap_bail("no PCI host");
        return 1;
    }
    set_up();
    hand_all_over();
    for (unsigned i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        for (unsigned kind = targets[i].worst; kind <= targets[i].best; kind++) {
            if (kind != BG_PCI_INTERRUPT_MSI) { /* which none of them has */
                test_target(i, kind);
            }
        }
    }
    return tap_done();
}

APP(test_pci_adopt, "functions that other code has set up", run_test_pci_adopt, "");
