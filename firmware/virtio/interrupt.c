/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts of a virtio device (virtio 1.4, 4.1.5.1, 4.1.5.3, 4.1.5.4, 4.2.3.4). */
#include "baregpu/virtio_interrupt.h"

#include "firmware/common/mem.h"

#define EDGE_LOOKS_MAX 16u

static void turn(void *context, enum bg_interrupt_state state)
{
    struct bg_virtio_interrupt *interrupt = context;

    for (unsigned i = 0; i < interrupt->options.vector_count; i++) {
        bg_interrupt_source_turn(&interrupt->options.vectors[i].source, state);
    }
}

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

static int open_pci(struct bg_virtio_interrupt *interrupt)
{
    const struct bg_virtio_pci *pci = &interrupt->device->transport.pci;
    const struct bg_pci_interrupt_options options = {
        .vectors = interrupt->options.vectors,
        .vector_count = interrupt->options.vector_count,
        .intx_take = take_level,
        .intx_context = interrupt,
        .intx_cpu = interrupt->options.line_cpu,
        .forbidden = interrupt->options.forbidden | BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_MSI),
    };
    int error = bg_pci_interrupt_open(&interrupt->pci, pci->host, pci->function, &options);

    interrupt->kind = interrupt->pci.kind;
    return error;
}

static int open_line(struct bg_virtio_interrupt *interrupt)
{
    const struct bg_virtio_interrupt_options *options = &interrupt->options;

    if (options->forbidden & BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_INTX)) {
        return BG_ERR_NOT_FOUND;
    }
    interrupt->client = (struct bg_interrupt_client){
        .take = options->trigger == BG_HAL_TRIGGER_EDGE ? take_edge : take_level,
        .turn = turn,
        .context = interrupt,
    };
    int error = bg_interrupt_line_join(options->line, &interrupt->client, options->interrupt,
                                       options->trigger, options->line_cpu);

    interrupt->kind = error == 0 ? BG_PCI_INTERRUPT_INTX : BG_PCI_INTERRUPT_NONE;
    return error;
}

int bg_virtio_interrupt_open(struct bg_virtio_interrupt *interrupt, struct bg_virtio_device *device,
                             const struct bg_virtio_interrupt_options *options)
{
    memset(interrupt, 0, sizeof(*interrupt));
    if (device->ops == NULL || options->vectors == NULL || options->vector_count == 0) {
        return BG_ERR_INVALID;
    }
    bool is_pci = device->ops->set_queue_vector != NULL;

    if (!is_pci && options->line == NULL) {
        return BG_ERR_INVALID;
    }
    interrupt->device = device;
    interrupt->options = *options;
    int error = is_pci ? open_pci(interrupt) : open_line(interrupt);

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
    bg_interrupt_line_leave(&interrupt->client);
    interrupt->kind = BG_PCI_INTERRUPT_NONE;
    interrupt->device = NULL;
}

void bg_virtio_interrupt_resume(struct bg_virtio_interrupt *interrupt)
{
    if (interrupt->pci.kind != BG_PCI_INTERRUPT_NONE) {
        bg_pci_interrupt_resume(&interrupt->pci);
    } else if (interrupt->client.line != NULL) {
        bg_interrupt_line_resume(interrupt->client.line);
    }
}
