/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/supervisor/guest_record.h"

#include <stdlib.h>
#include <string.h>

#include "host/common/clock.h"

int guest_table_init(struct guest_table *table)
{
    table->count = 0;
    table->records = calloc(GUEST_TABLE_SIZE, sizeof(*table->records));
    return table->records != NULL ? 0 : -1;
}

struct guest_record *guest_record_find(struct guest_table *table,
                                       const struct config_listener *listener,
                                       const struct peer *peer)
{
    for (unsigned i = 0; i < table->count; i++) {
        struct guest_record *guest = &table->records[i];

        if (guest->listener == listener && peer_is_same(&guest->past.peer, peer)) {
            return guest;
        }
    }
    return NULL;
}

static struct guest_record *make_room(struct guest_table *table)
{
    struct guest_record *oldest = NULL;

    if (table->count < GUEST_TABLE_SIZE) {
        return &table->records[table->count++];
    }
    for (unsigned i = 0; i < table->count; i++) {
        struct guest_record *guest = &table->records[i];

        if (guest->sessions == 0 && !guest->past.quarantined &&
            (oldest == NULL || guest->used_ns < oldest->used_ns)) {
            oldest = guest;
        }
    }
    return oldest;
}

static void init_record(struct guest_record *guest, const struct config_listener *listener,
                        const struct peer *peer, uint64_t now_ns)
{
    const struct config_limits *limits = &listener->limits;

    memset(guest, 0, sizeof(*guest));
    guest->listener = listener;
    guest->past.peer = *peer;
    limiter_init(&guest->limiter, limits->requests_per_s, limits->burst, limits->burst, now_ns);
    limiter_init(&guest->lines, GUEST_RECORD_LINES_PER_S, GUEST_RECORD_LINES_BURST,
                 GUEST_RECORD_LINES_BURST, now_ns);
    limiter_init(&guest->connections, listener->guest_connections_per_s,
                 GUEST_RECORD_CONNECTIONS_BURST, GUEST_RECORD_CONNECTIONS_BURST, now_ns);
    limiter_init(&guest->starts, listener->guest_connections_per_s, GUEST_RECORD_STARTS_BURST,
                 GUEST_RECORD_STARTS_BURST, now_ns);
}

struct guest_record *guest_record_open(struct guest_table *table,
                                       const struct config_listener *listener,
                                       const struct peer *peer, uint64_t now_ns)
{
    struct guest_record *guest = guest_record_find(table, listener, peer);

    if (guest == NULL) {
        guest = make_room(table);
        if (guest != NULL) {
            init_record(guest, listener, peer, now_ns);
        }
    }
    if (guest != NULL) {
        guest->used_ns = now_ns;
    }
    return guest;
}

void guest_record_begin(struct guest_record *guest, uint64_t now_ns, uint32_t *tokens)
{
    /* A second session at the same time starts with nothing, and so does one after it took all:
     * connecting again brings no tokens. */
    *tokens = guest->sessions == 0 ? limiter_get_tokens(&guest->limiter, now_ns) : 0;
    guest->sessions++;
}

struct guest_record *guest_record_attach(struct guest_table *table,
                                         const struct config_listener *listener,
                                         const struct peer *peer, uint64_t now_ns, uint32_t *tokens)
{
    struct guest_record *guest = guest_record_open(table, listener, peer, now_ns);

    if (guest != NULL) {
        guest_record_begin(guest, now_ns, tokens);
    }
    return guest;
}

void guest_record_name(struct guest_record *guest, uint32_t vm_id)
{
    if (!guest->past.named) {
        guest->past.named = true;
        guest->past.vm_id = vm_id;
    }
}

void guest_record_detach(struct guest_record *guest, uint32_t tokens, uint64_t now_ns)
{
    guest->sessions--;
    guest->used_ns = now_ns;
    limiter_init(&guest->limiter, guest->listener->limits.requests_per_s,
                 guest->listener->limits.burst, tokens, now_ns);
}

bool guest_record_count_fault(struct guest_record *guest, uint64_t now_ns)
{
    const struct config_listener *listener = guest->listener;
    uint32_t limit = listener->quarantine_faults;

    guest->past.fault_ns[guest->past.fault_count % GUEST_RECORD_FAULTS] = now_ns;
    guest->past.fault_count++;
    if (limit == 0 || guest->past.quarantined || guest->past.fault_count < limit) {
        return false;
    }
    /* The limit-th last fault, this one counted, lies within the window. */
    uint64_t first_ns =
        guest->past.fault_ns[(guest->past.fault_count - limit) % GUEST_RECORD_FAULTS];
    if (now_ns - first_ns > listener->quarantine_window_s * NS_PER_S) {
        return false;
    }
    guest->past.quarantined = true;
    guest->past.quarantined_ns = now_ns;
    return true;
}

void guest_record_quarantine(struct guest_record *guest, uint64_t now_ns)
{
    guest->past.quarantined = guest->past.held = true;
    guest->past.quarantined_ns = now_ns;
}

bool guest_record_release(struct guest_record *guest)
{
    bool was = guest->past.quarantined;

    guest->past.quarantined = guest->past.held = false;
    guest->past.fault_count = 0;
    return was;
}

bool guest_record_has_served(const struct guest_record *guest, uint64_t now_ns)
{
    uint64_t time_ns = guest->listener->quarantine_s * NS_PER_S;

    return guest->past.quarantined && !guest->past.held && time_ns &&
           now_ns - guest->past.quarantined_ns >= time_ns;
}
