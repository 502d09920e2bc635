/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts of a virtio device (virtio 1.4, 4.1.5.1, 4.1.5.3, 4.1.5.4, 4.2.3.4). */
#include "baregpu/virtio_interrupt.h"

#include "firmware/common/mem.h"

#define EDGE_LOOKS_MAX 16u

/* The line does not say which queue: all of them. A storm only when none of them has an answer. */
static bool queues_arrive(struct bg_virtio_interrupt *interrupt)
{
    unsigned first = interrupt->options.vector_count > 1 ? BG_VIRTIO_INTERRUPT_QUEUE(0) : 0;
    bool is_calm = false;

    for (unsigned i = first; i < interrupt->options.vector_count; i++) {
        is_calm |= bg_interrupt_source_arrive(&interrupt->options.vectors[i].source);
    }
    return is_calm;
}

/* 4.1.5.3, 4.2.3.4: both reasons may be there at once. */
static bool take_once(struct bg_virtio_interrupt *interrupt, bool *is_storm)
{
    uint32_t bits = bg_virtio_take_interrupt(interrupt->device);

    if (bits & BG_VIRTIO_ISR_QUEUE) {
        *is_storm |= !queues_arrive(interrupt);
    }
    if (bits & BG_VIRTIO_ISR_CONFIG) {
        *is_storm |= !bg_interrupt_source_arrive(
            &interrupt->options.vectors[BG_VIRTIO_INTERRUPT_CONFIG].source);
    }
    return bits != 0;
}

static bool take_level(void *context, bool *is_storm)
{
    return take_once(context, is_storm);
}

/*
 * A reason that comes between the read and the acknowledgement of another one keeps the line up, so
 * there is no further edge: looked for until there is none. Not for ever; who waits looks, too.
 */
static bool take_edge(void *context, bool *is_storm)
{
    unsigned times = 0;

    while (times < EDGE_LOOKS_MAX && take_once(context, is_storm)) {
        times++;
    }
    return times != 0;
}

static void take_options(struct bg_virtio_interrupt *interrupt,
                         const struct bg_virtio_interrupt_options *options)
{
    interrupt->options = *options;
    if (options->vectors == NULL) {
        interrupt->vector.cpu = options->cpu;
        interrupt->vector.source.handler = options->handler;
        interrupt->vector.source.context = options->context;
        interrupt->options.vectors = &interrupt->vector;
        interrupt->options.vector_count = 1;
    }
}

int bg_virtio_interrupt_open(struct bg_virtio_interrupt *interrupt, struct bg_virtio_device *device,
                             const struct bg_virtio_interrupt_options *options)
{
    static const struct bg_virtio_interrupt_options defaults;

    memset(interrupt, 0, sizeof(*interrupt));
    if (device->ops == NULL) {
        return BG_ERR_INVALID;
    }
    take_options(interrupt, options != NULL ? options : &defaults);
    options = &interrupt->options;
    bool is_pci = device->ops->set_queue_vector != NULL;
    bool is_edge = options->line != NULL && options->trigger == BG_HAL_TRIGGER_EDGE;
    const struct bg_pci_interrupt_options pci = {
        .vectors = options->vectors,
        .vector_count = options->vector_count,
        .intx_take = is_edge ? take_edge : take_level,
        .intx_context = interrupt,
        .intx_cpu = options->cpu,
        .forbidden = options->forbidden | BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_MSI),
        .line = options->line,
        .interrupt = options->interrupt,
        .trigger = options->trigger,
    };

    interrupt->device = device;
    int error = bg_pci_interrupt_open(&interrupt->pci, is_pci ? device->transport.pci.host : NULL,
                                      is_pci ? device->transport.pci.function : NULL, &pci);

    interrupt->kind = interrupt->pci.kind;
    if (error == 0) {
        device->interrupt = interrupt;
    }
    return error;
}

void bg_virtio_interrupt_close(struct bg_virtio_interrupt *interrupt)
{
    if (interrupt->device == NULL) {
        return;
    }
    if (interrupt->device->interrupt == interrupt) {
        interrupt->device->interrupt = NULL;
    }
    bg_pci_interrupt_close(&interrupt->pci);
    interrupt->kind = BG_PCI_INTERRUPT_NONE;
    interrupt->device = NULL;
}

void bg_virtio_interrupt_resume(struct bg_virtio_interrupt *interrupt)
{
    bg_pci_interrupt_resume(&interrupt->pci);
}
