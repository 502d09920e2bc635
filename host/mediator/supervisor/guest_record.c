/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/supervisor/guest_record.h"

#include <stdlib.h>
#include <string.h>

#include "host/common/clock.h"

int tenant_table_init(struct tenant_table *table)
{
    table->count = 0;
    table->tenants = calloc(TENANT_COUNT, sizeof(*table->tenants));
    return table->tenants ? 0 : -1;
}

struct tenant *tenant_find(struct tenant_table *table, const struct config_listener *listener,
                           uint32_t vm_id)
{
    for (unsigned i = 0; i < table->count; i++) {
        struct tenant *tenant = &table->tenants[i];

        if (tenant->listener == listener && tenant->vm_id == vm_id) {
            return tenant;
        }
    }
    return NULL;
}

static struct tenant *make_room(struct tenant_table *table)
{
    struct tenant *oldest = NULL;

    if (table->count < TENANT_COUNT) {
        return &table->tenants[table->count++];
    }
    for (unsigned i = 0; i < table->count; i++) {
        struct tenant *tenant = &table->tenants[i];

        if (tenant->sessions == 0 && !tenant->quarantined &&
            (!oldest || tenant->used_ns < oldest->used_ns)) {
            oldest = tenant;
        }
    }
    return oldest;
}

struct tenant *tenant_attach(struct tenant_table *table, const struct config_listener *listener,
                             uint32_t vm_id, uint64_t now_ns, uint32_t *tokens)
{
    const struct config_limits *limits = &listener->limits;
    struct tenant *tenant = tenant_find(table, listener, vm_id);

    if (!tenant) {
        tenant = make_room(table);
        if (!tenant) {
            return NULL;
        }
        memset(tenant, 0, sizeof(*tenant));
        tenant->listener = listener;
        tenant->vm_id = vm_id;
        limiter_init(&tenant->limiter, limits->requests_per_s, limits->burst, limits->burst,
                     now_ns);
    }
    /* A second session at the same time starts with nothing, and so does one after it took all:
     * connecting again brings no tokens. */
    *tokens = tenant->sessions == 0 ? limiter_get_tokens(&tenant->limiter, now_ns) : 0;
    tenant->sessions++;
    tenant->used_ns = now_ns;
    return tenant;
}

void tenant_detach(struct tenant *tenant, uint32_t tokens, uint64_t now_ns)
{
    tenant->sessions--;
    tenant->used_ns = now_ns;
    limiter_init(&tenant->limiter, tenant->listener->limits.requests_per_s,
                 tenant->listener->limits.burst, tokens, now_ns);
}

bool tenant_count_fault(struct tenant *tenant, uint64_t now_ns)
{
    const struct config_listener *listener = tenant->listener;
    uint32_t limit = listener->quarantine_faults;

    tenant->fault_ns[tenant->fault_count % TENANT_FAULTS] = now_ns;
    tenant->fault_count++;
    if (limit == 0 || tenant->quarantined || tenant->fault_count < limit) {
        return false;
    }
    /* The limit-th last fault, this one counted, lies within the window. */
    uint64_t first_ns = tenant->fault_ns[(tenant->fault_count - limit) % TENANT_FAULTS];
    if (now_ns - first_ns > listener->quarantine_window_s * NS_PER_S) {
        return false;
    }
    tenant->quarantined = true;
    return true;
}

bool tenant_release(struct tenant *tenant)
{
    bool was = tenant->quarantined;

    tenant->quarantined = false;
    tenant->fault_count = 0;
    return was;
}
