/* SPDX-License-Identifier: BSD-2-Clause */
/* An interrupt line and the devices that share it. */
#include "baregpu/barrier.h"
#include "baregpu/interrupt.h"

static void turn_all(const struct bg_interrupt_line *line, enum bg_interrupt_state state)
{
    for (struct bg_interrupt_client *client = line->clients; client != NULL;
         client = client->next) {
        client->turn(client->context, state);
    }
}

/* All clients are asked: two may have a reason, and an edge comes only once for both. */
static void handle(void *context)
{
    struct bg_interrupt_line *line = context;
    bool is_taken = false, is_storm = false;

    bg_store_release64(&line->count, line->count + 1);
    for (struct bg_interrupt_client *client = line->clients; client != NULL;
         client = client->next) {
        is_taken |= client->take(client->context, &is_storm);
    }
    if (is_taken) {
        bg_interrupt_source_answer(&line->idle);
    } else if (!bg_interrupt_source_arrive(&line->idle)) {
        is_storm = true;
    }
    if (is_storm) {
        bg_store_release64(&line->storms, line->storms + 1);
        bg_hal_interrupt_mask(line->interrupt);
        line->is_stormed = true;
        turn_all(line, BG_INTERRUPT_STORM);
    }
}

static int attach_first(struct bg_interrupt_line *line, struct bg_interrupt_client *client,
                        uint32_t interrupt, enum bg_hal_trigger trigger, uint32_t cpu)
{
    line->interrupt = interrupt;
    line->is_stormed = false;
    line->clients = client;
    client->next = NULL;
    client->turn(client->context, BG_INTERRUPT_ON);
    int error = bg_hal_interrupt_attach(interrupt, trigger, cpu, handle, line);

    if (error < 0) {
        client->turn(client->context, BG_INTERRUPT_OFF);
        line->clients = NULL;
        client->line = NULL;
    }
    return error;
}

int bg_interrupt_line_join(struct bg_interrupt_line *line, struct bg_interrupt_client *client,
                           uint32_t interrupt, enum bg_hal_trigger trigger, uint32_t cpu)
{
    client->line = line;
    if (line->clients == NULL) {
        return attach_first(line, client, interrupt, trigger, cpu);
    }
    if (line->interrupt != interrupt) {
        client->line = NULL;
        return BG_ERR_INVALID;
    }
    bg_hal_interrupt_mask(interrupt); /* the handler walks the list */
    client->next = line->clients;
    line->clients = client;
    client->turn(client->context, line->is_stormed ? BG_INTERRUPT_OFF : BG_INTERRUPT_ON);
    if (!line->is_stormed) {
        bg_hal_interrupt_unmask(interrupt);
    }
    return 0;
}

void bg_interrupt_line_leave(struct bg_interrupt_client *client)
{
    struct bg_interrupt_line *line = client->line;
    struct bg_interrupt_client **link;

    if (line == NULL) {
        return;
    }
    bg_hal_interrupt_mask(line->interrupt);
    for (link = &line->clients; *link != client; link = &(*link)->next) {
    }
    *link = client->next;
    client->line = NULL;
    client->turn(client->context, BG_INTERRUPT_OFF);
    if (line->clients == NULL) {
        bg_hal_interrupt_detach(line->interrupt);
    } else {
        bg_interrupt_line_resume(line); /* if there was a storm, it may have been this one's */
    }
}

void bg_interrupt_line_resume(struct bg_interrupt_line *line)
{
    if (line->is_stormed) {
        line->is_stormed = false;
        bg_interrupt_source_turn(&line->idle, BG_INTERRUPT_ON);
        turn_all(line, BG_INTERRUPT_ON);
    }
    bg_hal_interrupt_unmask(line->interrupt);
}
