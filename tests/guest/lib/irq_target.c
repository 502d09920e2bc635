/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guest/lib/irq_target.h"

#include <stdio.h>
#include <string.h>

#include "baregpu/mmio.h"
#include "baregpu/virtio_gpu_command.h"
#include "baregpu/virtio_interrupt.h"
#include "baregpu/virtqueue.h"
#include "firmware/apps/open/pci.h"
#include "firmware/apps/open/virtio.h"
#include "firmware/platform/interrupt.h"

uint32_t irq_target_cpu = BG_HAL_CPU_SELF;

static uint64_t soon(void)
{
    return bg_hal_time_ns() + IRQ_TARGET_TIMEOUT_NS;
}

/* ---- Virtio ---- */

#define VECTORS 3u

static struct bg_virtio_device device;
static struct bg_virtio_interrupt interrupt;
static struct bg_pci_interrupt_vector vectors[VECTORS];
static struct bg_interrupt_line mmio_line;

static int open_virtio(struct irq_state *state, uint32_t id, unsigned n, uint32_t forbidden,
                       bool *is_mmio)
{
    struct virtio_place place;
    int error = virtio_host_open(&device, id, n, &place);

    if (error < 0) {
        return error;
    }
    *is_mmio = place.function == NULL;
    memset(vectors, 0, sizeof(vectors));
    for (unsigned i = 0; i < VECTORS; i++) {
        vectors[i].cpu = irq_target_cpu;
    }
    const struct bg_virtio_interrupt_options options = {
        .vectors = vectors,
        .vector_count = VECTORS,
        .cpu = irq_target_cpu,
        .forbidden = forbidden,
        .line = *is_mmio ? &mmio_line : NULL,
        .interrupt = place.interrupt,
        .trigger = place.trigger,
    };

    snprintf(state->name, sizeof(state->name), "device %u at %s", (unsigned)id, place.text);
    error = bg_virtio_interrupt_open(&interrupt, &device, &options);
    state->kind = interrupt.kind;
    state->wait = &device.wait;
    state->vector = BG_VIRTIO_INTERRUPT_QUEUE(0);
    state->source = &vectors[state->vector].source;
    state->pci = *is_mmio ? NULL : &interrupt.pci;
    state->line = *is_mmio                                  ? &mmio_line
                  : interrupt.kind == BG_PCI_INTERRUPT_INTX ? interrupt.pci.client.line
                                                            : NULL;
    return error == BG_ERR_NOT_FOUND ? 0 : error;
}

static int close_virtio(void)
{
    int error = bg_virtio_close(&device, soon());

    bg_virtio_interrupt_close(&interrupt);
    return error;
}

static void resume_virtio(void)
{
    bg_virtio_interrupt_resume(&interrupt);
}

/* ---- Entropy ---- */

bool irq_rng_asks_at_once;

static struct bg_virtqueue queue;
static uint8_t *bytes;
static uint64_t bytes_address;

#define BYTES 64u

static int start_rng(void)
{
    const struct bg_virtqueue_options options = {.index = 0};
    int error = bg_virtio_start(&device, BG_VIRTIO_FEATURES_QUEUE, 0, soon());

    if (error == 0) {
        error = bg_virtqueue_create(&queue, &device, &options);
    }
    if (bytes == NULL) {
        bytes = bg_hal_dma_alloc(4096, 4096, &bytes_address);
    }
    return error < 0 ? error : bytes == NULL ? BG_ERR_NO_MEMORY : bg_virtio_ready(&device);
}

static int open_rng(struct irq_state *state, unsigned n, uint32_t forbidden, bool *is_mmio)
{
    int error = open_virtio(state, BG_VIRTIO_ID_ENTROPY, n, forbidden, is_mmio);

    state->sleeps = &queue.sleeps;
    return error < 0 ? error : start_rng();
}

static int request_rng(uint64_t deadline_ns)
{
    const struct bg_virtqueue_segment segment = {bytes_address, BYTES};
    struct bg_virtqueue_used used;
    int result = bg_virtqueue_add(&queue, &segment, 0, 1, &queue);

    if (irq_rng_asks_at_once) {
        bg_virtqueue_enable_notifications(&queue);
    }
    if (result == 0) {
        result = bg_virtqueue_kick(&queue);
    }
    if (result >= 0) {
        result = bg_virtqueue_wait(&queue, &used, deadline_ns);
    }
    return result < 0 ? result : used.written == 0 ? BG_ERR_PROTOCOL : 0;
}

static int close_rng(void)
{
    int error = close_virtio();

    if (error == 0) {
        bg_virtqueue_destroy(&queue);
    }
    return error;
}

#define MSIX_AND_INTX                                                                              \
    (BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_MSIX) | BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_INTX))

const struct irq_target irq_target_rng = {
    .type = "virtio-rng",
    .pci_kinds = MSIX_AND_INTX,
    .open = open_rng,
    .request = request_rng,
    .close = close_rng,
    .resume = resume_virtio,
};

/* ---- GPU ---- */

static struct bg_virtio_gpu gpu;

static int open_gpu(struct irq_state *state, unsigned n, uint32_t forbidden, bool *is_mmio)
{
    int error = open_virtio(state, BG_VIRTIO_ID_GPU, n, forbidden, is_mmio);

    state->sleeps = &gpu.control.sleeps;
    return error < 0 ? error : bg_virtio_gpu_open(&gpu, &device, NULL);
}

static int request_gpu(uint64_t deadline_ns)
{
    static struct bg_virtio_gpu_display_one modes[BG_VIRTIO_GPU_MAX_SCANOUTS];

    (void)deadline_ns; /* it has its own */
    return bg_virtio_gpu_cmd_get_display_info(&gpu, NULL, modes);
}

static int close_gpu(void)
{
    int error = bg_virtio_gpu_close(&gpu);

    bg_virtio_interrupt_close(&interrupt);
    return error;
}

const struct irq_target irq_target_gpu = {
    .type = "virtio-gpu",
    .pci_kinds = MSIX_AND_INTX,
    .open = open_gpu,
    .request = request_gpu,
    .close = close_gpu,
    .resume = resume_virtio,
};

/* ---- vgpu-stub ---- */

static struct bg_vgpu_stub stub;
static struct bg_vgpu_stub_interrupt stub_interrupt;

/* The n-th function with these ids; NULL: there are not so many. */
static struct bg_pci_device *find_function(uint16_t vendor_id, uint16_t device_id, unsigned n)
{
    struct bg_pci_device *function = NULL;

    do {
        function = bg_pci_find_id(machine_pci(), vendor_id, device_id, function);
    } while (function != NULL && n-- != 0);
    return function;
}

static void name_function(struct irq_state *state, const char *type,
                          const struct bg_pci_device *function)
{
    snprintf(state->name, sizeof(state->name), "%s at %02x:%02x.%x", type,
             BG_PCI_BUS(function->bdf), BG_PCI_SLOT(function->bdf), BG_PCI_FUNCTION(function->bdf));
}

static int open_stub(struct irq_state *state, unsigned n, uint32_t forbidden, bool *is_mmio)
{
    struct bg_pci_device *function =
        find_function(BG_VGPU_STUB_PCI_VENDOR_ID, BG_VGPU_STUB_PCI_DEVICE_ID, n);

    *is_mmio = false;
    if (function == NULL) {
        return BG_ERR_NOT_FOUND;
    }
    int error = bg_vgpu_stub_open(&stub, machine_pci(), function);

    if (error < 0) {
        return error == BG_ERR_NOT_FOUND ? BG_ERR_IO : error;
    }
    memset(&stub_interrupt, 0, sizeof(stub_interrupt));
    if (!(forbidden & BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_INTX))) {
        const struct bg_vgpu_stub_interrupt_options options = {.cpu = irq_target_cpu};

        bg_vgpu_stub_interrupt_open(&stub_interrupt, &stub, &options);
    }
    name_function(state, "vgpu-stub", function);
    state->sleeps = &stub.sleeps;
    state->kind = stub_interrupt.pci.kind;
    state->wait = &stub.wait;
    state->source = &stub_interrupt.vector.source;
    state->line = stub_interrupt.pci.client.line;
    state->pci = &stub_interrupt.pci;
    state->vector = 0;
    return 0;
}

static int request_stub(uint64_t deadline_ns)
{
    return bg_vgpu_stub_nop(&stub, deadline_ns);
}

static int close_stub(void)
{
    bg_vgpu_stub_interrupt_close(&stub_interrupt);
    return 0;
}

static void resume_stub(void)
{
    bg_pci_interrupt_resume(&stub_interrupt.pci);
}

const struct irq_target irq_target_stub = {
    .type = "vgpu-stub",
    .pci_kinds = BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_INTX),
    .open = open_stub,
    .request = request_stub,
    .close = close_stub,
    .resume = resume_stub,
};

/* ---- edu: how a driver outside of the library does it ---- */

#define EDU_FACTORIAL 0x08u
#define EDU_STATUS 0x20u
#define EDU_STATUS_COMPUTING 0x01u
#define EDU_STATUS_INTERRUPT 0x80u /* when a factorial is done */
#define EDU_INTERRUPT_STATUS 0x24u
#define EDU_INTERRUPT_RAISE 0x60u
#define EDU_INTERRUPT_LOWER 0x64u
#define EDU_REASON_TEST 0x100u

static struct {
    void *registers;
    struct bg_pci_device *function;
    struct bg_wait_strategy wait;
    struct bg_pci_interrupt pci;
    struct bg_pci_interrupt_vector vector;
    uint64_t sleeps;
} edu;

void irq_edu_raise(void)
{
    bg_mmio_write32(edu.registers, EDU_INTERRUPT_RAISE, EDU_REASON_TEST);
}

INTERRUPT_HANDLER void irq_edu_lower(void)
{
    bg_mmio_write32(edu.registers, EDU_INTERRUPT_LOWER,
                    bg_mmio_read32(edu.registers, EDU_INTERRUPT_STATUS));
}

static int map_edu(unsigned n)
{
    edu.function = find_function(EDU_VENDOR_ID, EDU_DEVICE_ID, n);
    if (edu.function == NULL) {
        return BG_ERR_NOT_FOUND;
    }
    int error = bg_pci_device_enable(machine_pci(), edu.function, BG_PCI_COMMAND_MEMORY);

    return error < 0 ? error
                     : bg_pci_bar_map(machine_pci(), edu.function, 0, BG_HAL_MEMORY_DEVICE,
                                      &edu.registers);
}

int irq_edu_map(void)
{
    int error = map_edu(0);

    /* As a function is after a reset. */
    return error < 0
               ? error
               : bg_pci_device_disable(machine_pci(), edu.function, BG_PCI_COMMAND_INTX_DISABLE);
}

INTERRUPT_HANDLER static bool take_edu(void *context, bool *is_storm)
{
    (void)context;
    if (bg_mmio_read32(edu.registers, EDU_INTERRUPT_STATUS) == 0) {
        return false;
    }
    irq_edu_lower();
    *is_storm |= !bg_interrupt_source_arrive(&edu.vector.source);
    return true;
}

static int open_edu(struct irq_state *state, unsigned n, uint32_t forbidden, bool *is_mmio)
{
    const struct bg_pci_interrupt_options options = {
        .vectors = &edu.vector,
        .vector_count = 1,
        .intx_take = take_edu,
        .intx_cpu = irq_target_cpu,
        .forbidden = forbidden,
    };
    int error = map_edu(n);

    *is_mmio = false;
    if (error < 0) {
        return error;
    }
    memset(&edu.vector, 0, sizeof(edu.vector));
    edu.vector.cpu = irq_target_cpu;
    edu.wait = BG_WAIT_POLL;
    irq_edu_lower();
    error = bg_pci_interrupt_open(&edu.pci, machine_pci(), edu.function, &options);
    name_function(state, "edu", edu.function);
    state->sleeps = &edu.sleeps;
    state->kind = edu.pci.kind;
    state->wait = &edu.wait;
    state->source = &edu.vector.source;
    state->line = edu.pci.client.line;
    state->pci = &edu.pci;
    state->vector = 0;
    return error == BG_ERR_NOT_FOUND ? 0 : error;
}

static int look_at_edu(void *context)
{
    (void)context;
    return !(bg_mmio_read_status32(edu.registers, EDU_STATUS) & EDU_STATUS_COMPUTING);
}

/* Its interrupt is asked for before the work, not when a wait is about to sleep: its status cannot
 * be changed while it computes. */
static bool arm_edu(void *context)
{
    if (look_at_edu(context) != 0) {
        return true;
    }
    edu.sleeps++;
    return false;
}

/* 12! */
static int request_edu(uint64_t deadline_ns)
{
    const struct bg_wait_loop loop = {.look = look_at_edu, .arm = arm_edu};
    int error;

    bg_mmio_write32(edu.registers, EDU_STATUS, edu.wait.sleep != NULL ? EDU_STATUS_INTERRUPT : 0);
    bg_mmio_write32(edu.registers, EDU_FACTORIAL, 12);
    error = bg_wait_until(&loop, &edu.wait, &edu.vector.source, deadline_ns);
    if (error < 0) {
        return error;
    }
    return bg_mmio_read32(edu.registers, EDU_FACTORIAL) == 479001600u ? 0 : BG_ERR_PROTOCOL;
}

/*
 * A factorial is done before its interrupt is raised, by a thread of QEMU's that a busy host may
 * hold up in between: then the pin would go up after this. That thread does one after the other, so
 * with one more, which does not interrupt, no interrupt is left to come.
 */
static int close_edu(void)
{
    edu.wait = BG_WAIT_POLL;
    int error = request_edu(soon());

    irq_edu_lower();
    bg_pci_interrupt_close(&edu.pci);
    return error;
}

static void resume_edu(void)
{
    bg_pci_interrupt_resume(&edu.pci);
}

const struct irq_target irq_target_edu = {
    .type = "edu",
    .pci_kinds =
        BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_MSI) | BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_INTX),
    .open = open_edu,
    .request = request_edu,
    .close = close_edu,
    .resume = resume_edu,
};
