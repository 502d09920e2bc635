/* SPDX-License-Identifier: BSD-2-Clause */
/* Choosing a function's kind of interrupt, and attaching it. */
#include "firmware/pci/internal.h"

#include "firmware/common/mem.h"

#define STATUS_INTERRUPT 0x0008u /* PCI 6.2.3 */
#define EXPRESS_TYPE_TO_PCI_BRIDGE 0x7u

/* Messages asked for at once, as they lie on the stack. MSI's most. */
#define CHUNK 32u

static const struct pci_message_ops *ops_of(unsigned kind)
{
    return kind == BG_PCI_INTERRUPT_MSIX  ? &pci_msix_ops
           : kind == BG_PCI_INTERRUPT_MSI ? &pci_msi_ops
                                          : NULL;
}

static void turn_all(void *context, enum bg_interrupt_state state)
{
    struct bg_pci_interrupt *interrupt = context;

    for (unsigned i = 0; i < interrupt->options.vector_count; i++) {
        bg_interrupt_source_turn(&interrupt->options.vectors[i].source, state);
    }
}

/* ---- INTx ---- */

uint32_t bg_pci_intx_interrupt(const struct bg_pci_host *host, const struct bg_pci_device *device)
{
    unsigned slot, pin = bg_pci_intx_route(host, device, &slot);

    if (pin == 0 || pin > BG_PCI_INTX_PINS || slot >= BG_PCI_INTX_SLOTS ||
        host->config.intx == NULL) {
        return 0;
    }
    return host->config.intx->interrupts[slot][pin - 1];
}

/* The line of this interrupt, or a free one. */
static struct bg_interrupt_line *find_line(struct bg_pci_intx *intx, uint32_t interrupt)
{
    struct bg_interrupt_line *line = NULL;

    for (unsigned i = 0; i < BG_PCI_INTX_LINES; i++) {
        if (intx->lines[i].clients == NULL) {
            line = line == NULL ? &intx->lines[i] : line;
        } else if (intx->lines[i].interrupt == interrupt) {
            return &intx->lines[i];
        }
    }
    return line;
}

static bool take_intx(void *context, bool *is_storm)
{
    struct bg_pci_interrupt *interrupt = context;

    return interrupt->options.intx_take(interrupt->options.intx_context, is_storm);
}

static int join_line(struct bg_pci_interrupt *interrupt, struct bg_interrupt_line *line,
                     uint32_t number, enum bg_hal_trigger trigger)
{
    for (unsigned i = 0; i < interrupt->options.vector_count; i++) {
        interrupt->options.vectors[i].entry = 0;
    }
    interrupt->client = (struct bg_interrupt_client){
        .take = take_intx,
        .turn = turn_all,
        .context = interrupt,
    };
    return bg_interrupt_line_join(line, &interrupt->client, number, trigger,
                                  interrupt->options.intx_cpu);
}

static int open_intx(struct bg_pci_interrupt *interrupt)
{
    uint32_t number = bg_pci_intx_interrupt(interrupt->host, interrupt->device);
    struct bg_interrupt_line *line;

    if (interrupt->options.intx_take == NULL || number == 0) {
        return BG_ERR_NOT_FOUND;
    }
    line = find_line(interrupt->host->config.intx, number);
    if (line == NULL) {
        return BG_ERR_NO_SPACE;
    }
    int error = join_line(interrupt, line, number, BG_HAL_TRIGGER_LEVEL);

    if (error == 0) {
        bg_pci_device_disable(interrupt->host, interrupt->device, BG_PCI_COMMAND_INTX_DISABLE);
    }
    return error;
}

/* That the kernel has set up itself. */
static int open_line(struct bg_pci_interrupt *interrupt)
{
    const struct bg_pci_interrupt_options *options = &interrupt->options;

    if (options->intx_take == NULL ||
        options->forbidden & BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_INTX)) {
        return BG_ERR_NOT_FOUND;
    }
    int error = join_line(interrupt, options->line, options->interrupt, options->trigger);

    interrupt->kind = error == 0 ? BG_PCI_INTERRUPT_INTX : BG_PCI_INTERRUPT_NONE;
    return error;
}

/* ---- MSI-X and MSI ---- */

/*
 * Whose id the function's writes carry (PCI Express to PCI/PCI-X Bridge 1.0, 2.3): behind a bridge
 * from PCI Express to PCI the bridge's secondary bus, device 0; behind a bridge between
 * conventional buses, which have no ids, the bridge.
 */
static uint16_t requester_id(const struct bg_pci_host *host, const struct bg_pci_device *device)
{
    uint16_t id = device->bdf;

    while (device->parent >= 0) {
        device = &host->config.devices[device->parent];
        int express = bg_pci_capability_find(host, device, BG_PCI_CAP_EXPRESS, 0);

        if (express < 0) {
            id = device->bdf;
        } else if (EXPRESS_TYPE(bg_pci_config_read16(
                       host, device->bdf, (unsigned)express + EXPRESS_REG_CAPABILITIES)) ==
                   EXPRESS_TYPE_TO_PCI_BRIDGE) {
            id = BG_PCI_BDF(device->secondary_bus, 0, 0);
        }
    }
    return id;
}

/* All vectors of a message follow each other. */
static void handle_message(void *context)
{
    struct bg_pci_interrupt_vector *first = context, *vector;
    const struct bg_pci_interrupt *interrupt = first->owner;
    const struct bg_pci_interrupt_vector *end =
        interrupt->options.vectors + interrupt->options.vector_count;
    bool is_calm = false;

    for (vector = first; vector < end && vector->entry == first->entry; vector++) {
        is_calm |= bg_interrupt_source_arrive(&vector->source);
    }
    if (!is_calm) {
        bg_hal_interrupt_mask(first->message.interrupt);
        for (vector = first; vector < end && vector->entry == first->entry; vector++) {
            bg_interrupt_source_turn(&vector->source, BG_INTERRUPT_STORM);
        }
    }
}

/* The messages of the block that starts with the first vector's, from `first` on. */
static void list_messages(const struct bg_pci_interrupt *interrupt, unsigned first, unsigned count,
                          bool is_block, struct bg_hal_msi *messages)
{
    for (unsigned i = 0; i < count; i++) {
        if (is_block) {
            messages[i] = interrupt->options.vectors[0].message;
            messages[i].data |= first + i;
            messages[i].interrupt += first + i;
        } else {
            messages[i] = interrupt->options.vectors[first + i].message;
        }
    }
}

/* In the pieces that bg_hal_msi_alloc gave: whole chunks, and then a rest. */
static void free_messages(struct bg_pci_interrupt *interrupt, const struct pci_message_ops *ops)
{
    struct bg_hal_msi messages[CHUNK];

    for (unsigned first = 0; first < interrupt->reserved; first += CHUNK) {
        unsigned count = interrupt->reserved - first < CHUNK ? interrupt->reserved - first : CHUNK;

        list_messages(interrupt, first, count, ops->is_block, messages);
        bg_hal_msi_free(&interrupt->request, messages, count);
    }
    interrupt->reserved = 0;
}

static unsigned round_up_to_power_of_2(unsigned value)
{
    return value <= 1 ? 1 : 2u << (31 - __builtin_clz(value - 1));
}

/* One for each vector, or as many as there are. */
static int reserve_messages(struct bg_pci_interrupt *interrupt, const struct pci_message_ops *ops,
                            unsigned capacity)
{
    struct bg_pci_interrupt_vector *vectors = interrupt->options.vectors;
    unsigned wanted = interrupt->options.vector_count;
    struct bg_hal_msi messages[CHUNK];
    int count = 0;

    wanted = ops->is_block ? round_up_to_power_of_2(wanted) : wanted;
    wanted = wanted < capacity ? wanted : capacity;
    interrupt->request = (struct bg_hal_msi_request){
        .requester_id = requester_id(interrupt->host, interrupt->device),
        .cpu = vectors[0].cpu,
        .is_block = ops->is_block,
    };
    do {
        unsigned left = wanted - interrupt->reserved;

        interrupt->request.count = (uint16_t)(left < CHUNK ? left : CHUNK);
        count = bg_hal_msi_alloc(&interrupt->request, messages);
        for (int i = 0; i < count; i++, interrupt->reserved++) {
            if (interrupt->reserved < interrupt->options.vector_count) {
                vectors[interrupt->reserved].message = messages[i];
            }
        }
    } while (count == CHUNK && interrupt->reserved < wanted);
    interrupt->message_count = interrupt->reserved < interrupt->options.vector_count
                                   ? interrupt->reserved
                                   : (uint16_t)interrupt->options.vector_count;
    return interrupt->message_count != 0 ? 0 : count < 0 ? count : BG_ERR_NO_SPACE;
}

static void detach_messages(struct bg_pci_interrupt *interrupt, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        bg_hal_interrupt_detach(interrupt->options.vectors[i].message.interrupt);
    }
}

static int attach_messages(struct bg_pci_interrupt *interrupt)
{
    struct bg_pci_interrupt_vector *vectors = interrupt->options.vectors;
    unsigned last = interrupt->message_count - 1;

    for (unsigned i = 0; i < interrupt->options.vector_count; i++) {
        vectors[i].owner = interrupt;
        vectors[i].entry = (uint16_t)(i < last ? i : last);
    }
    for (unsigned i = 0; i <= last; i++) {
        int error = bg_hal_interrupt_attach(vectors[i].message.interrupt, BG_HAL_TRIGGER_EDGE,
                                            vectors[i].cpu, handle_message, &vectors[i]);

        if (error < 0) {
            detach_messages(interrupt, i);
            return error;
        }
    }
    return 0;
}

static int program(struct bg_pci_interrupt *interrupt, const struct pci_message_ops *ops)
{
    /* A message is a write by the function; and it is not to assert its pin besides (PCI 6.8.1). */
    int error = bg_pci_device_enable(interrupt->host, interrupt->device,
                                     BG_PCI_COMMAND_BUS_MASTER | BG_PCI_COMMAND_INTX_DISABLE);

    if (error < 0) {
        return error;
    }
    ops->enable(interrupt);
    for (unsigned i = 0; i < interrupt->message_count; i++) {
        if (!ops->set_message(interrupt, i, &interrupt->options.vectors[i].message)) {
            ops->disable(interrupt);
            return BG_ERR_UNSUPPORTED;
        }
    }
    ops->unmask_all(interrupt);
    return 0;
}

static int open_messages(struct bg_pci_interrupt *interrupt, const struct pci_message_ops *ops)
{
    int error = ops->find(interrupt);

    if (error >= 0) {
        error = reserve_messages(interrupt, ops, (unsigned)error);
    }
    if (error < 0) {
        return error;
    }
    turn_all(interrupt, BG_INTERRUPT_ON);
    error = attach_messages(interrupt);
    if (error == 0) {
        error = program(interrupt, ops);
        if (error < 0) {
            detach_messages(interrupt, interrupt->message_count);
        }
    }
    if (error < 0) {
        turn_all(interrupt, BG_INTERRUPT_OFF);
        free_messages(interrupt, ops);
    }
    return error;
}

static void close_messages(struct bg_pci_interrupt *interrupt, const struct pci_message_ops *ops)
{
    ops->disable(interrupt);
    detach_messages(interrupt, interrupt->message_count);
    free_messages(interrupt, ops);
    turn_all(interrupt, BG_INTERRUPT_OFF);
}

/* ---- All kinds ---- */

static int open_kind(struct bg_pci_interrupt *interrupt, unsigned kind)
{
    interrupt->message_count = interrupt->reserved = 0;
    return kind == BG_PCI_INTERRUPT_INTX ? open_intx(interrupt)
                                         : open_messages(interrupt, ops_of(kind));
}

/* As firmware or an earlier driver may have left it. */
static void disable_all(struct bg_pci_interrupt *interrupt)
{
    for (unsigned kind = BG_PCI_INTERRUPT_MSI; kind <= BG_PCI_INTERRUPT_MSIX; kind++) {
        uint8_t id = kind == BG_PCI_INTERRUPT_MSIX ? BG_PCI_CAP_MSIX : BG_PCI_CAP_MSI;
        int offset = bg_pci_capability_find(interrupt->host, interrupt->device, id, 0);

        if (offset > 0) {
            interrupt->capability = (uint16_t)offset;
            ops_of(kind)->disable(interrupt);
        }
    }
    bg_pci_device_enable(interrupt->host, interrupt->device, BG_PCI_COMMAND_INTX_DISABLE);
}

int bg_pci_interrupt_open(struct bg_pci_interrupt *interrupt, const struct bg_pci_host *host,
                          const struct bg_pci_device *device,
                          const struct bg_pci_interrupt_options *options)
{
    memset(interrupt, 0, sizeof(*interrupt));
    if (options->vectors == NULL || options->vector_count == 0 ||
        options->vector_count > BG_PCI_INTERRUPT_VECTORS_MAX) {
        return BG_ERR_INVALID;
    }
    interrupt->host = host;
    interrupt->device = device;
    interrupt->options = *options;
    if (options->line != NULL) {
        return open_line(interrupt);
    }
    if (device == NULL) {
        return BG_ERR_INVALID;
    }
    disable_all(interrupt);
    for (unsigned kind = BG_PCI_INTERRUPT_MSIX; kind > BG_PCI_INTERRUPT_NONE; kind--) {
        if (!(options->forbidden & BG_PCI_INTERRUPT_BIT(kind)) && open_kind(interrupt, kind) == 0) {
            interrupt->kind = (uint8_t)kind;
            return 0;
        }
    }
    return BG_ERR_NOT_FOUND;
}

void bg_pci_interrupt_close(struct bg_pci_interrupt *interrupt)
{
    if (interrupt->kind == BG_PCI_INTERRUPT_NONE) {
        return;
    }
    if (interrupt->kind == BG_PCI_INTERRUPT_INTX) {
        if (interrupt->options.line == NULL) {
            bg_pci_device_enable(interrupt->host, interrupt->device, BG_PCI_COMMAND_INTX_DISABLE);
        }
        bg_interrupt_line_leave(&interrupt->client);
    } else {
        close_messages(interrupt, ops_of(interrupt->kind));
    }
    interrupt->kind = BG_PCI_INTERRUPT_NONE;
    interrupt->message_count = 0;
}

/* ---- Masks ---- */

static void mask_intx(struct bg_pci_interrupt *interrupt, bool is_masked)
{
    if (is_masked) {
        bg_pci_device_enable(interrupt->host, interrupt->device, BG_PCI_COMMAND_INTX_DISABLE);
    } else {
        bg_pci_device_disable(interrupt->host, interrupt->device, BG_PCI_COMMAND_INTX_DISABLE);
    }
}

static void mask_message(const struct bg_hal_msi *message, bool is_masked)
{
    if (is_masked) {
        bg_hal_interrupt_mask(message->interrupt);
    } else {
        bg_hal_interrupt_unmask(message->interrupt);
    }
}

/* The function delivers it: a line of the caller's is not ours to mask. */
static bool is_delivered(const struct bg_pci_interrupt *interrupt, unsigned vector)
{
    return vector < interrupt->options.vector_count && interrupt->kind != BG_PCI_INTERRUPT_NONE &&
           interrupt->options.line == NULL;
}

static void set_mask(struct bg_pci_interrupt *interrupt, unsigned vector, bool is_masked)
{
    if (!is_delivered(interrupt, vector)) {
        return;
    }
    if (interrupt->kind == BG_PCI_INTERRUPT_INTX) {
        mask_intx(interrupt, is_masked);
        return;
    }
    unsigned entry = interrupt->options.vectors[vector].entry;

    if (!ops_of(interrupt->kind)->set_mask(interrupt, entry, is_masked)) {
        mask_message(&interrupt->options.vectors[entry].message, is_masked);
    }
}

void bg_pci_interrupt_mask(struct bg_pci_interrupt *interrupt, unsigned vector)
{
    set_mask(interrupt, vector, true);
}

void bg_pci_interrupt_unmask(struct bg_pci_interrupt *interrupt, unsigned vector)
{
    set_mask(interrupt, vector, false);
}

bool bg_pci_interrupt_is_pending(const struct bg_pci_interrupt *interrupt, unsigned vector)
{
    if (!is_delivered(interrupt, vector)) {
        return false;
    }
    if (interrupt->kind == BG_PCI_INTERRUPT_INTX) {
        return bg_pci_config_read16(interrupt->host, interrupt->device->bdf, BG_PCI_REG_STATUS) &
               STATUS_INTERRUPT;
    }
    return ops_of(interrupt->kind)->is_pending(interrupt, interrupt->options.vectors[vector].entry);
}

void bg_pci_interrupt_resume(struct bg_pci_interrupt *interrupt)
{
    if (interrupt->kind == BG_PCI_INTERRUPT_INTX) {
        bg_interrupt_line_resume(interrupt->client.line);
        return;
    }
    for (unsigned i = 0; i < interrupt->options.vector_count; i++) {
        struct bg_pci_interrupt_vector *vector = &interrupt->options.vectors[i];

        if (interrupt->kind != BG_PCI_INTERRUPT_NONE &&
            !bg_interrupt_source_is_on(&vector->source)) {
            bg_interrupt_source_turn(&vector->source, BG_INTERRUPT_ON);
            bg_hal_interrupt_unmask(interrupt->options.vectors[vector->entry].message.interrupt);
        }
    }
}

const char *bg_pci_interrupt_kind_name(unsigned kind)
{
    static const char *const names[] = {"none", "INTx", "MSI", "MSI-X"};

    return kind <= BG_PCI_INTERRUPT_MSIX ? names[kind] : "unknown";
}
