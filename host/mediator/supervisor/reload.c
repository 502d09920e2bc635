/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/supervisor/reload.h"

#include <stdio.h>
#include <string.h>

#include "host/mediator/log.h"
#include "host/mediator/supervisor/inherited.h"
#include "host/mediator/supervisor/listeners.h"
#include "host/mediator/supervisor/takeover.h"
#include "host/mediator/supervisor/worker_lease.h"

#define KEYS_KEPT 7

/* Where each listener of the new configuration goes. A listener is the same one if its name, its
 * path and its device are; another one at the same path goes on with the socket that is there. */
struct plan {
    const struct config *next;
    unsigned slots[CONFIG_LISTENERS];
    bool is_same[CONFIG_LISTENERS];
    struct listener_socket opened[CONFIG_LISTENERS]; /* fd -1: not needed */
    const char *kept[KEYS_KEPT];                     /* keys whose change needs a restart */
    unsigned kept_count;
};

/* ---- What only a start can change ---- */

static void keep(struct plan *plan, bool differs, const char *key)
{
    if (differs) {
        plan->kept[plan->kept_count++] = key;
    }
}

static bool pools_differ(const struct config_pool *one, const struct config_pool *two)
{
    bool differ = one->device_count != two->device_count;

    for (unsigned i = 0; !differ && i < one->device_count; i++) {
        differ = one->devices[i].kind != two->devices[i].kind ||
                 one->devices[i].ordinal != two->devices[i].ordinal;
    }
    return differ;
}

/* `next` gets it as it is. */
static void keep_what_stays(struct plan *plan, const struct config *now, struct config *next)
{
    char path[CONFIG_PATH_SIZE], next_path[CONFIG_PATH_SIZE];

    keep(plan, pools_differ(&now->pools[0], &next->pools[0]), "[pool A] devices");
    keep(plan, pools_differ(&now->pools[1], &next->pools[1]), "[pool B] devices");
    keep(plan, strcmp(now->user_name, next->user_name) != 0, "user");
    keep(plan,
         now->worker_first_uid != next->worker_first_uid ||
             now->worker_uid_count != next->worker_uid_count,
         "worker_uids");
    keep(plan, strcmp(now->vulkan_device, next->vulkan_device) != 0, "vulkan_device");
    config_get_admin_path(now, path);
    config_get_admin_path(next, next_path);
    keep(plan, strcmp(path, next_path) != 0, "admin_socket");
    keep(plan, strcmp(now->metrics, next->metrics) != 0, "metrics");
    memcpy(next->pools, now->pools, sizeof(next->pools));
    memcpy(next->user_name, now->user_name, sizeof(next->user_name));
    next->user_uid = now->user_uid;
    next->user_gid = now->user_gid;
    next->worker_first_uid = now->worker_first_uid;
    next->worker_uid_count = now->worker_uid_count;
    memcpy(next->vulkan_device, now->vulkan_device, sizeof(next->vulkan_device));
    memcpy(next->admin_socket, path, sizeof(path));
    memcpy(next->metrics, now->metrics, sizeof(next->metrics));
}

/* ---- What can be refused ---- */

static bool users_suffice(const struct config *next)
{
    uint32_t needed = next->max_sessions + next->spare_workers;

    if (next->worker_uid_count > 0 && next->worker_uid_count < needed) {
        log_error("max_sessions and spare_workers need %u users together, worker_uids has %u",
                  needed, next->worker_uid_count);
        return false;
    }
    return true;
}

/* An editor may have emptied the file, to write it: that ends no listener. */
static bool has_listeners(const struct config *now, const struct config *next)
{
    if (next->default_listeners && !now->default_listeners) {
        log_error("the file has no [listener]; a restart brings the default ones");
        return false;
    }
    return true;
}

/* What draws is looked for at the start, if a listener of then wanted it. */
static bool can_draw(const struct supervisor *supervisor, const struct config_listener *config)
{
    const struct probe *vulkan = &supervisor->vulkan;

    if (vulkan->count > 0 || config->draw != CONFIG_DRAW_ON) {
        return true;
    }
    log_error("listener %s: no drawing: %s", config->name,
              vulkan->reason[0] ? vulkan->reason : "a restart looks for a device that does");
    return false;
}

static bool is_same(const struct config_listener *one, const struct config_listener *two)
{
    return strcmp(one->name, two->name) == 0 && strcmp(one->path, two->path) == 0 &&
           one->device == two->device;
}

/* The slot whose socket is at this path; CONFIG_LISTENERS: none. */
static unsigned find_socket(const struct supervisor *supervisor, const char *path)
{
    unsigned slot = 0;

    while (slot < CONFIG_LISTENERS &&
           (supervisor->listeners[slot].socket.fd < 0 ||
            strcmp(supervisor->listeners[slot].socket.path, path) != 0)) {
        slot++;
    }
    return slot;
}

static bool is_free(const struct supervisor *supervisor, const struct plan *plan, unsigned count,
                    unsigned slot)
{
    for (unsigned i = 0; i < count; i++) {
        if (plan->slots[i] == slot) {
            return false;
        }
    }
    return slot >= supervisor->config->listener_count ||
           (supervisor->listeners[slot].removed && supervisor->listeners[slot].sessions == 0);
}

static bool find_slot(const struct supervisor *supervisor, struct plan *plan, unsigned index)
{
    const struct config_listener *wanted = &plan->next->listeners[index];
    unsigned slot = find_socket(supervisor, wanted->path);

    plan->is_same[index] =
        slot < CONFIG_LISTENERS && is_same(supervisor->listeners[slot].config, wanted);
    if (!plan->is_same[index]) {
        slot = 0;
        while (slot < CONFIG_LISTENERS && !is_free(supervisor, plan, index, slot)) {
            slot++;
        }
    }
    plan->slots[index] = slot;
    if (slot == CONFIG_LISTENERS) {
        log_error("listener %s: there are %d, with those whose last sessions have not ended",
                  wanted->name, CONFIG_LISTENERS);
    }
    return slot < CONFIG_LISTENERS;
}

static bool open_new(const struct supervisor *supervisor, struct plan *plan, unsigned index)
{
    const struct config_listener *wanted = &plan->next->listeners[index];

    return find_socket(supervisor, wanted->path) < CONFIG_LISTENERS ||
           listeners_open_socket(wanted, &plan->opened[index]) == MEDIATOR_EXIT_OK;
}

static bool make_plan(const struct supervisor *supervisor, struct plan *plan)
{
    bool made = has_listeners(supervisor->config, plan->next) && users_suffice(plan->next);

    for (unsigned i = 0; i < CONFIG_LISTENERS; i++) {
        plan->opened[i].fd = -1;
    }
    for (unsigned i = 0; made && i < plan->next->listener_count; i++) {
        made = can_draw(supervisor, &plan->next->listeners[i]) && find_slot(supervisor, plan, i);
    }
    for (unsigned i = 0; made && i < plan->next->listener_count; i++) {
        made = open_new(supervisor, plan, i);
    }
    for (unsigned i = 0; !made && i < CONFIG_LISTENERS; i++) {
        inherited_close_listener(&plan->opened[i]);
    }
    return made;
}

/* ---- What then happens ---- */

static void warn(const struct supervisor *supervisor, const struct plan *plan)
{
    const struct probe *vulkan = &supervisor->vulkan;

    for (unsigned i = 0; i < plan->kept_count; i++) {
        log_warning("%s: a change needs a restart; it is as it was", plan->kept[i]);
    }
    for (unsigned i = 0; i < plan->next->listener_count; i++) {
        const struct config_listener *listener = &plan->next->listeners[i];

        if (listener->device == CONFIG_LISTENER_PVGPU && listener->draw == CONFIG_DRAW_AUTO &&
            vulkan->count == 0 && !vulkan->reason[0]) {
            log_warning("listener %s does not draw: a restart looks for a device that does",
                        listener->name);
        }
    }
}

static bool stays(const struct plan *plan, unsigned slot)
{
    for (unsigned i = 0; i < plan->next->listener_count; i++) {
        if (plan->slots[i] == slot && plan->is_same[i]) {
            return true;
        }
    }
    return false;
}

static void log_end(const struct supervisor_listener *listener)
{
    char count[16] = "none";

    if (listener->sessions > 0) {
        snprintf(count, sizeof(count), "%u", listener->sessions);
    }
    log_info("listener %s has ended: %s; %s of its sessions go on", listener->config->name,
             listener->config->path, count);
}

/* Their sessions go on. */
static void end_listeners(struct supervisor *supervisor, const struct plan *plan)
{
    for (unsigned slot = 0; slot < supervisor->config->listener_count; slot++) {
        struct supervisor_listener *listener = &supervisor->listeners[slot];

        if (!listener->removed && !stays(plan, slot)) {
            listeners_end(listener);
            listener->removed = true;
            log_end(listener);
        }
    }
}

/* Those at a path that has no other name only, as a file of another owner cannot be changed. */
static void change_mode(struct supervisor_listener *listener, mode_t mode)
{
    if (listener->config->mode != mode && listener_set_mode(&listener->socket, mode) != 0) {
        log_warning("listener %s: mode: %m; a restart changes it", listener->config->name);
    }
}

/* Before any begins: one may take the socket of another one's slot. */
static void move_sockets(struct supervisor *supervisor, struct plan *plan)
{
    for (unsigned i = 0; i < plan->next->listener_count; i++) {
        unsigned from = find_socket(supervisor, plan->next->listeners[i].path);

        if (!plan->is_same[i] && from < CONFIG_LISTENERS) {
            change_mode(&supervisor->listeners[from], plan->next->listeners[i].mode);
            plan->opened[i] = supervisor->listeners[from].socket;
            supervisor->listeners[from].socket.fd = -1;
        }
    }
    for (unsigned slot = 0; slot < supervisor->config->listener_count; slot++) {
        if (supervisor->listeners[slot].removed) {
            inherited_close_listener(&supervisor->listeners[slot].socket);
        }
    }
}

static void place(struct supervisor *supervisor, const struct plan *plan, unsigned index)
{
    const struct config_listener *wanted = &plan->next->listeners[index];
    unsigned slot = plan->slots[index];
    struct supervisor_listener *listener = &supervisor->listeners[slot];

    if (plan->is_same[index]) {
        change_mode(listener, wanted->mode);
    }
    supervisor->config->listeners[slot] = *wanted;
    worker_lease_set_tenant(supervisor, slot, !plan->is_same[index]);
    if (slot >= supervisor->config->listener_count) {
        supervisor->config->listener_count = slot + 1;
    }
    if (plan->is_same[index]) {
        listeners_configure(listener);
    } else {
        listener->socket = plan->opened[index];
        if (!listeners_begin(supervisor, slot)) {
            listener->removed = true;
            inherited_close_listener(&listener->socket);
        }
    }
}

static void set_mediator(struct config *now, const struct config *next)
{
    now->max_sessions = next->max_sessions;
    now->spare_workers = next->spare_workers;
    now->restart_s = next->restart_s;
    now->cuda_loose = next->cuda_loose;
    now->log_level = next->log_level;
    now->default_listeners = next->default_listeners;
    memcpy(now->admin_socket, next->admin_socket, sizeof(now->admin_socket));
    log_set_level(now->log_level);
}

bool reload_config(struct supervisor *supervisor, struct config *next)
{
    struct plan plan = {.next = next};

    keep_what_stays(&plan, supervisor->config, next);
    if (!make_plan(supervisor, &plan)) {
        return false;
    }
    warn(supervisor, &plan);
    end_listeners(supervisor, &plan);
    move_sockets(supervisor, &plan);
    for (unsigned i = 0; i < next->listener_count; i++) {
        place(supervisor, &plan, i);
    }
    set_mediator(supervisor->config, next);
    takeover_store_own(supervisor);
    return true;
}
