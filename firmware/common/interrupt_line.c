/* SPDX-License-Identifier: BSD-2-Clause */
/* An interrupt line and the devices that share it. */
#include "baregpu/barrier.h"
#include "baregpu/interrupt.h"

static void turn_all(const struct interrupt_line *line, enum interrupt_state state)
{
    for (struct interrupt_client *client = line->clients; client != NULL; client = client->next) {
        client->turn(client->context, state);
    }
}

/* All clients are asked: two may have a reason, and an edge comes only once for both. */
static void handle(void *context)
{
    struct interrupt_line *line = context;
    bool is_taken = false, is_storm = false;

    store_release64(&line->count, line->count + 1);
    for (struct interrupt_client *client = line->clients; client != NULL; client = client->next) {
        is_taken |= client->take(client->context, &is_storm);
    }
    if (is_taken) {
        interrupt_source_answer(&line->idle);
    } else if (!interrupt_source_arrive(&line->idle)) {
        is_storm = true;
    }
    if (is_storm) {
        store_release64(&line->storms, line->storms + 1);
        hal_interrupt_mask(line->interrupt);
        line->is_stormed = true;
        turn_all(line, INTERRUPT_STORM);
    }
}

static int attach_first(struct interrupt_line *line, struct interrupt_client *client,
                        uint32_t interrupt, enum hal_trigger trigger, uint32_t cpu)
{
    line->interrupt = interrupt;
    line->is_stormed = false;
    line->clients = client;
    client->next = NULL;
    client->turn(client->context, INTERRUPT_ON);
    int error = hal_interrupt_attach(interrupt, trigger, cpu, handle, line);

    if (error < 0) {
        client->turn(client->context, INTERRUPT_OFF);
        line->clients = NULL;
        client->line = NULL;
    }
    return error;
}

int interrupt_line_join(struct interrupt_line *line, struct interrupt_client *client,
                        uint32_t interrupt, enum hal_trigger trigger, uint32_t cpu)
{
    client->line = line;
    if (line->clients == NULL) {
        return attach_first(line, client, interrupt, trigger, cpu);
    }
    if (line->interrupt != interrupt) {
        client->line = NULL;
        return BAREGPU_ERR_INVALID;
    }
    hal_interrupt_mask(interrupt); /* the handler walks the list */
    client->next = line->clients;
    line->clients = client;
    client->turn(client->context, line->is_stormed ? INTERRUPT_OFF : INTERRUPT_ON);
    if (!line->is_stormed) {
        hal_interrupt_unmask(interrupt);
    }
    return 0;
}

void interrupt_line_leave(struct interrupt_client *client)
{
    struct interrupt_line *line = client->line;
    struct interrupt_client **link;

    if (line == NULL) {
        return;
    }
    hal_interrupt_mask(line->interrupt);
    for (link = &line->clients; *link != client; link = &(*link)->next) {
    }
    *link = client->next;
    client->line = NULL;
    client->turn(client->context, INTERRUPT_OFF);
    if (line->clients == NULL) {
        hal_interrupt_detach(line->interrupt);
    } else {
        interrupt_line_resume(line); /* if there was a storm, it may have been this one's */
    }
}

void interrupt_line_resume(struct interrupt_line *line)
{
    if (line->is_stormed) {
        line->is_stormed = false;
        interrupt_source_turn(&line->idle, INTERRUPT_ON);
        turn_all(line, INTERRUPT_ON);
    }
    hal_interrupt_unmask(line->interrupt);
}
