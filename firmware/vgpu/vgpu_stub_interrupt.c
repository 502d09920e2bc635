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
                                const struct bg_pci_host *host,
                                const struct bg_vgpu_stub_interrupt_options *options)
{
    const uint32_t cpu = options != NULL ? options->cpu : BG_HAL_CPU_SELF;

    memset(interrupt, 0, sizeof(*interrupt));
    if (gpu->device == NULL) {
        return BG_ERR_INVALID;
    }
    interrupt->gpu = gpu;
    interrupt->vector.cpu = cpu;
    bg_vgpu_stub_irq_enable(gpu, false);
    bg_vgpu_stub_irq_take(gpu); /* of before */
    const struct bg_pci_interrupt_options pci = {
        .vectors = &interrupt->vector,
        .vector_count = 1,
        .intx_take = take,
        .intx_context = interrupt,
        .intx_cpu = cpu,
        .forbidden = BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_MSIX) |
                     BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_MSI),
    };
    int error = bg_pci_interrupt_open(&interrupt->pci, host, gpu->device, &pci);

    if (error == 0) {
        gpu->source = &interrupt->vector.source;
    }
    return error;
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
