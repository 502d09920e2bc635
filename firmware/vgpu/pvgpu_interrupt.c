/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts of a pvgpu: handlers that make the device content. */
#include "baregpu/pvgpu_interrupt.h"

#include "baregpu/mmio.h"
#include "firmware/common/mem.h"
#include "firmware/vgpu/pvgpu_internal.h"

#define ALL_ONES UINT32_MAX /* what reads give when the device is gone */
#define ALL_BITS (BG_PVGPU_IRQ_FENCE | BG_PVGPU_IRQ_ERROR)

static void acknowledge(const struct bg_pvgpu_interrupt *interrupt, uint32_t bits)
{
    bg_mmio_write32(interrupt->gpu->registers, BG_PVGPU_REG_IRQ_STATUS, bits);
}

/* With a message of its own the status bit is cleared for the next one; INTx has done that. */
static void arrived(const struct bg_pvgpu_interrupt *interrupt, uint32_t bit)
{
    if (interrupt->pci.kind != BG_PCI_INTERRUPT_INTX) {
        acknowledge(interrupt, bit);
    }
}

static void fence_arrived(void *context)
{
    const struct bg_pvgpu_interrupt *interrupt = context;

    arrived(interrupt, BG_PVGPU_IRQ_FENCE);
    if (interrupt->options.handler != NULL) {
        interrupt->options.handler(interrupt->options.context);
    }
}

static void error_arrived(void *context)
{
    const struct bg_pvgpu_interrupt *interrupt = context;

    arrived(interrupt, BG_PVGPU_IRQ_ERROR);
    if (interrupt->options.error_handler != NULL) {
        interrupt->options.error_handler(interrupt->options.error_context);
    }
}

static bool take_intx(void *context, bool *is_storm)
{
    struct bg_pvgpu_interrupt *interrupt = context;
    uint32_t status = bg_mmio_read32(interrupt->gpu->registers, BG_PVGPU_REG_IRQ_STATUS);

    if (status == ALL_ONES || !(status & ALL_BITS)) {
        return false;
    }
    acknowledge(interrupt, status & ALL_BITS);
    if (status & BG_PVGPU_IRQ_FENCE) {
        *is_storm |= !bg_interrupt_source_arrive(&interrupt->vectors[BG_PVGPU_VECTOR_FENCE].source);
    }
    if (status & BG_PVGPU_IRQ_ERROR) {
        *is_storm |= !bg_interrupt_source_arrive(&interrupt->vectors[BG_PVGPU_VECTOR_ERROR].source);
    }
    return true;
}

/* Which interrupts the backend may leave out while nobody sleeps. */
static void suppress(struct bg_pvgpu *gpu, uint32_t bits)
{
    gpu->suppressed = bits;
    if (bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_CONTROL_WORDS)) {
        bg_store_release32(&gpu->control->suppress_interrupts, bits);
    }
}

int bg_pvgpu_interrupt_open(struct bg_pvgpu_interrupt *interrupt, struct bg_pvgpu *gpu,
                            const struct bg_pvgpu_interrupt_options *options)
{
    static const struct bg_pvgpu_interrupt_options defaults;

    options = options != NULL ? options : &defaults;
    const struct bg_pci_interrupt_options pci = {
        .vectors = interrupt->vectors,
        .vector_count = BG_PVGPU_VECTORS,
        .intx_take = take_intx,
        .intx_context = interrupt,
        .intx_cpu = options->cpu,
        .forbidden = options->forbidden,
        .line = options->line,
        .interrupt = options->interrupt,
        .trigger = options->trigger,
    };
    int error;

    memset(interrupt, 0, sizeof(*interrupt));
    interrupt->gpu = gpu;
    interrupt->options = *options;
    for (unsigned i = 0; i < BG_PVGPU_VECTORS; i++) {
        interrupt->vectors[i].cpu = options->cpu;
        interrupt->vectors[i].source.context = interrupt;
    }
    interrupt->vectors[BG_PVGPU_VECTOR_FENCE].source.handler = fence_arrived;
    interrupt->vectors[BG_PVGPU_VECTOR_ERROR].source.handler = error_arrived;
    bg_mmio_write32(gpu->registers, BG_PVGPU_REG_IRQ_MASK, 0);
    acknowledge(interrupt, ALL_BITS);
    error = bg_pci_interrupt_open(&interrupt->pci, gpu->host, gpu->device, &pci);
    if (error < 0) {
        interrupt->gpu = NULL;
        return error;
    }
    gpu->fence_source = &interrupt->vectors[BG_PVGPU_VECTOR_FENCE].source;
    suppress(gpu, BG_PVGPU_IRQ_FENCE);
    bg_mmio_write32(gpu->registers, BG_PVGPU_REG_IRQ_MASK, ALL_BITS);
    return 0;
}

void bg_pvgpu_interrupt_close(struct bg_pvgpu_interrupt *interrupt)
{
    if (interrupt->gpu == NULL) {
        return;
    }
    bg_mmio_write32(interrupt->gpu->registers, BG_PVGPU_REG_IRQ_MASK, 0);
    interrupt->gpu->fence_source = NULL;
    suppress(interrupt->gpu, ALL_BITS);
    bg_pci_interrupt_close(&interrupt->pci);
    interrupt->gpu = NULL;
}

void bg_pvgpu_interrupt_resume(struct bg_pvgpu_interrupt *interrupt)
{
    if (interrupt->gpu != NULL) {
        bg_pci_interrupt_resume(&interrupt->pci);
    }
}
