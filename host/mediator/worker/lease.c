/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/worker/lease.h"

#include <stdio.h>

#include "host/common/clock.h"

void lease_ask(struct lease *lease, uint32_t priority)
{
    const struct control_message message = {.type = CONTROL_ASK, .priority = priority};

    if (lease->state == LEASE_NONE) {
        lease->state = LEASE_ASKED;
        control_tell(lease->control, &message);
    }
}

void lease_take_grant(struct lease *lease, bool contended)
{
    lease->state = LEASE_HELD;
    lease->used = false;
    lease->release_wanted = contended;
}

void lease_take_revoke(struct lease *lease)
{
    lease->release_wanted = true;
}

bool lease_is_due(const struct lease *lease)
{
    return lease->state == LEASE_HELD && lease->release_wanted;
}

void lease_release(struct lease *lease)
{
    const struct control_message message = {.type = CONTROL_RELEASE};

    lease->state = LEASE_NONE;
    lease->release_wanted = false;
    control_tell(lease->control, &message);
}

static struct session *open_session(const struct control_attached *device, uint64_t memory_limit,
                                    char reason[LEASE_REASON_SIZE])
{
    struct backend *backend;
    struct session *session;

    if (device->cuda) {
        backend = backend_cuda_open(device->ordinal, reason, LEASE_REASON_SIZE);
    } else {
        backend = backend_cpu_open();
        snprintf(reason, LEASE_REASON_SIZE, "no memory");
    }
    if (backend == NULL) {
        return NULL;
    }
    snprintf(reason, LEASE_REASON_SIZE, "no memory");
    session = session_create(backend, memory_limit);
    if (session != NULL) {
        session_seed_handles(session, clock_now_ns() / NS_PER_US);
    }
    return session;
}

bool lease_prepare(struct session **session, const struct control_attached *device,
                   uint64_t memory_limit, bool with_context, char reason[LEASE_REASON_SIZE])
{
    struct backend *backend;

    if (*session == NULL) {
        *session = open_session(device, memory_limit, reason);
    }
    if (*session == NULL) {
        return false;
    }
    backend = (*session)->backend;
    if (with_context && backend->ops->prepare != NULL &&
        backend->ops->prepare(backend) != BG_COMPUTE_OK) {
        snprintf(reason, LEASE_REASON_SIZE, "%s", backend->error);
        return false;
    }
    return true;
}
