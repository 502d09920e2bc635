/* SPDX-License-Identifier: BSD-2-Clause */
/* The vgpu-stub's interrupt: a line, which may be shared with other devices. */
#include "baregpu/vgpu_stub.h"

#include "firmware/common/mem.h"

static bool take(void *context, bool *is_storm)
{
    struct bg_vgpu_stub_interrupt *interrupt = context;

    if (!bg_vgpu_stub_irq_take(interrupt->gpu)) {
        return false;
    }
    *is_storm |= !bg_interrupt_source_arrive(&interrupt->vector.source);
    return true;
}

int bg_vgpu_stub_interrupt_open(struct bg_vgpu_stub_interrupt *interrupt, struct bg_vgpu_stub *gpu,
                                const struct bg_vgpu_stub_interrupt_options *options)
{
    static const struct bg_vgpu_stub_interrupt_options defaults;

    options = options != NULL ? options : &defaults;
    const struct bg_pci_interrupt_options pci = {
        .vectors = &interrupt->vector,
        .vector_count = 1,
        .intx_take = take,
        .intx_context = interrupt,
        .intx_cpu = options->cpu,
        .forbidden = options->forbidden | BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_MSIX) |
                     BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_MSI),
        .line = options->line,
        .interrupt = options->interrupt,
        .trigger = options->trigger,
    };

    memset(interrupt, 0, sizeof(*interrupt));
    interrupt->vector.cpu = options->cpu;
    interrupt->vector.source.handler = options->handler;
    interrupt->vector.source.context = options->context;
    bg_vgpu_stub_irq_enable(gpu, false);
    bg_vgpu_stub_irq_take(gpu); /* of before */
    interrupt->gpu = gpu;
    int error = bg_pci_interrupt_open(&interrupt->pci, gpu->host, gpu->device, &pci);

    if (error < 0) {
        interrupt->gpu = NULL;
        return error;
    }
    gpu->source = &interrupt->vector.source;
    return 0;
}

void bg_vgpu_stub_interrupt_close(struct bg_vgpu_stub_interrupt *interrupt)
{
    struct bg_vgpu_stub *gpu = interrupt->gpu;

    if (gpu == NULL) {
        return;
    }
    bg_vgpu_stub_irq_enable(gpu, false);
    bg_pci_interrupt_close(&interrupt->pci);
    if (gpu->source == &interrupt->vector.source) {
        gpu->source = NULL;
    }
    interrupt->gpu = NULL;
}
