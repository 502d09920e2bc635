/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Properties that devices with a peer have alike, see peer-link.h. */
#include "qemu/osdep.h"
#include <pwd.h>
#include <sys/un.h>
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "peer-link.h"
#include "protocol/vgpu_stub.h"

static bool parse_user(PeerLink *link, Error **errp)
{
    const char *name = link->peer_user;
    const struct passwd *entry;
    unsigned int uid;

    if (name == NULL) {
        return true;
    }
    if (qemu_strtoui(name, NULL, 10, &uid) == 0) {
        link->trusted_uid = uid;
    } else {
        entry = getpwnam(name);
        if (entry == NULL) {
            error_setg(errp, "peer_user must be the name or the number of a user, not '%s'", name);
            return false;
        }
        link->trusted_uid = entry->pw_uid;
    }
    link->trusts_user = true;
    return true;
}

bool peer_link_check_properties(PeerLink *link, const char *property, Error **errp)
{
    const size_t path_max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

    if (*link->path && strlen(link->path) <= path_max) {
        return parse_user(link, errp);
    }
    error_setg(errp, "%s must be a path of 1 to %zu bytes, not '%s'", property, path_max,
               link->path);
    return false;
}

bool peer_check_identity(const char *pool_id, const char *priority, uint8_t *pool, uint8_t *level,
                         Error **errp)
{
    static const char *const levels[] = {
        [BG_VGPU_STUB_PRIORITY_LOW] = "low",
        [BG_VGPU_STUB_PRIORITY_MEDIUM] = "medium",
        [BG_VGPU_STUB_PRIORITY_HIGH] = "high",
    };

    pool_id = pool_id != NULL && *pool_id ? pool_id : "A";
    priority = priority != NULL && *priority ? priority : "medium";
    if (strcmp(pool_id, "A") != 0 && strcmp(pool_id, "B") != 0) {
        error_setg(errp, "pool_id must be 'A' or 'B', not '%s'", pool_id);
        return false;
    }
    *pool = pool_id[0];
    for (unsigned i = 0; i < ARRAY_SIZE(levels); i++) {
        if (strcmp(priority, levels[i]) == 0) {
            *level = i;
            return true;
        }
    }
    error_setg(errp, "priority must be 'low', 'medium' or 'high', not '%s'", priority);
    return false;
}

void peer_link_add_statistics(const PeerLink *link, Object *owner, const PeerStatistic *own,
                              size_t count)
{
    const PeerStatistic common[] = {
        {"stat-connections", &link->connections},
        {"stat-disconnections", &link->disconnections},
        {"stat-protocol-errors", &link->protocol_errors},
    };

    for (size_t i = 0; i < ARRAY_SIZE(common) + count; i++) {
        const PeerStatistic *s = i < count ? &own[i] : &common[i - count];

        object_property_add_uint64_ptr(owner, s->name, s->value, OBJ_PROP_FLAG_READ);
    }
}
