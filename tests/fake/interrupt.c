/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fake/interrupt.h"

#include <stdio.h>
#include <string.h>

#include "baregpu/error.h"
#include "tests/fake/hal.h"

#define CALLS_MAX 1000000u /* of one handler, before this is called an endless loop */
#define HANDLER_NS 1000u
#define CPUS 4u

struct fake_interrupts fake_interrupts;

static void violation(const char *text)
{
    printf("# violation: %s\n", text);
    fake_interrupts.violations++;
}

static struct fake_interrupt *attached(uint32_t interrupt)
{
    if (interrupt >= FAKE_INTERRUPTS || fake_interrupts.of[interrupt].handler == NULL) {
        violation("an interrupt is named that is not attached");
        return NULL;
    }
    return &fake_interrupts.of[interrupt];
}

static bool is_deliverable(const struct fake_interrupt *line)
{
    return line->handler != NULL && !line->is_masked && !line->is_running &&
           (line->trigger == BG_HAL_TRIGGER_LEVEL ? line->is_raised : line->is_pending);
}

static void deliver(struct fake_interrupt *line)
{
    for (unsigned i = 0; is_deliverable(line); i++) {
        if (i == CALLS_MAX) {
            violation("an interrupt never ends");
            line->is_masked = true;
        }
        line->is_pending = false;
        line->is_running = true;
        line->calls++;
        fake_hal.now_ns += HANDLER_NS;
        line->handler(line->context);
        line->is_running = false;
        fake_interrupts.is_latched = true;
    }
}

void fake_interrupts_begin(unsigned messages)
{
    memset(&fake_interrupts, 0, sizeof(fake_interrupts));
    fake_interrupts.messages_left = messages;
    fake_interrupts.message_address = 0x08090040;
}

void fake_interrupts_end(void)
{
    if (fake_interrupts.reserved != 0 || fake_interrupts.attached != 0) {
        violation("not everything was given back");
    }
    if (fake_interrupts.violations != 0) {
        __builtin_trap();
    }
}

void fake_interrupt_set(uint32_t interrupt, bool is_raised)
{
    bool is_edge = is_raised && !fake_interrupts.of[interrupt].is_raised;

    fake_interrupts.of[interrupt].is_raised = is_raised;
    fake_interrupts.of[interrupt].is_pending |= is_edge;
    deliver(&fake_interrupts.of[interrupt]);
}

void fake_interrupt_pulse(uint32_t interrupt)
{
    fake_interrupts.of[interrupt].is_pending = true;
    deliver(&fake_interrupts.of[interrupt]);
}

bool fake_interrupt_message(uint64_t address, uint32_t data)
{
    if (address != fake_interrupts.message_address || data < FAKE_FIRST_MESSAGE ||
        data >= FAKE_INTERRUPTS || !fake_interrupts.of[data].is_reserved) {
        fake_interrupts.unknown_messages++;
        return false;
    }
    fake_interrupt_pulse(data);
    return true;
}

/* ---- The HAL ---- */

void bg_hal_sleep(void *event, uint64_t deadline_ns)
{
    struct fake_interrupts *all = &fake_interrupts;

    all->slept_on = event;
    all->sleeps++;
    all->slept_ns = deadline_ns > fake_hal.now_ns ? deadline_ns - fake_hal.now_ns : 0;
    if (!all->is_latched && all->while_asleep != NULL) {
        all->while_asleep(all->context, deadline_ns);
    }
    if (!all->is_latched && fake_hal.now_ns < deadline_ns) {
        fake_hal.now_ns = deadline_ns;
        all->slept_through++;
    }
    all->is_latched = false;
}

int bg_hal_interrupt_attach(uint32_t interrupt, enum bg_hal_trigger trigger, uint32_t cpu,
                            bg_hal_interrupt_handler *handler, void *context)
{
    if (interrupt == 0 || interrupt >= FAKE_INTERRUPTS ||
        (interrupt >= FAKE_FIRST_MESSAGE && !fake_interrupts.of[interrupt].is_reserved) ||
        cpu > CPUS) {
        return BG_ERR_INVALID;
    }
    if (fake_interrupts.refuse_attach != 0 && --fake_interrupts.refuse_attach == 0) {
        return BG_ERR_UNSUPPORTED;
    }
    struct fake_interrupt *line = &fake_interrupts.of[interrupt];

    if (line->handler != NULL) {
        return BG_ERR_BUSY;
    }
    line->handler = handler;
    line->context = context;
    line->trigger = trigger;
    line->cpu = cpu;
    line->is_masked = false;
    fake_interrupts.attached++;
    deliver(line);
    return 0;
}

void bg_hal_interrupt_detach(uint32_t interrupt)
{
    struct fake_interrupt *line = attached(interrupt);

    if (line != NULL) {
        if (line->is_running) {
            violation("detached by its handler");
        }
        line->handler = NULL;
        line->is_pending = false;
        fake_interrupts.attached--;
    }
}

void bg_hal_interrupt_mask(uint32_t interrupt)
{
    struct fake_interrupt *line = attached(interrupt);

    if (line != NULL) {
        line->is_masked = true;
    }
}

void bg_hal_interrupt_unmask(uint32_t interrupt)
{
    struct fake_interrupt *line = attached(interrupt);

    if (line != NULL) {
        line->is_masked = false;
        deliver(line);
    }
}

/* The first of `count` free messages in a row, at a multiple of `align`; 0: none. */
static uint32_t find_free(unsigned count, unsigned align)
{
    for (uint32_t first = FAKE_FIRST_MESSAGE; first + count <= FAKE_INTERRUPTS; first += align) {
        unsigned free = 0;

        while (free < count && !fake_interrupts.of[first + free].is_reserved) {
            free++;
        }
        if (free == count) {
            return first;
        }
    }
    return 0;
}

int bg_hal_msi_alloc(const struct bg_hal_msi_request *request, struct bg_hal_msi *messages)
{
    unsigned count = request->count;

    if (fake_interrupts.message_error != 0) {
        return fake_interrupts.message_error;
    }
    if (count == 0 || (request->is_block && (count & (count - 1)) != 0)) {
        violation("a wrong number of messages is asked for");
        return BG_ERR_INVALID;
    }
    while (count > fake_interrupts.messages_left) {
        count = request->is_block ? count / 2 : fake_interrupts.messages_left;
    }
    if (count == 0) {
        return BG_ERR_NO_SPACE;
    }
    for (unsigned i = 0; i < count;) {
        unsigned run = request->is_block ? count : 1;
        uint32_t first = find_free(run, run);

        for (unsigned j = 0; j < run; j++, i++) {
            fake_interrupts.of[first + j].is_reserved = true;
            fake_interrupts.of[first + j].requester_id = request->requester_id;
            messages[i] =
                (struct bg_hal_msi){fake_interrupts.message_address, first + j, first + j};
        }
    }
    fake_interrupts.messages_left -= count;
    fake_interrupts.reserved += count;
    return (int)count;
}

void bg_hal_msi_free(const struct bg_hal_msi_request *request, const struct bg_hal_msi *messages,
                     unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t interrupt = messages[i].interrupt;
        struct fake_interrupt *line = &fake_interrupts.of[interrupt % FAKE_INTERRUPTS];

        if (!line->is_reserved || line->handler != NULL ||
            line->requester_id != request->requester_id) {
            violation("a message is given back that is free or attached, or another's");
        }
        line->is_reserved = false;
    }
    fake_interrupts.messages_left += count;
    fake_interrupts.reserved -= count;
}
