/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/supervisor/admin_command.h"

#include <string.h>

#include "host/common/clock.h"
#include "host/mediator/log.h"
#include "host/mediator/supervisor/history.h"
#include "host/mediator/supervisor/worker_process.h"

/* A listener, or its guests of a name. */
struct target {
    struct supervisor_listener *listener;
    bool is_guest;
    uint32_t vm_id;
};

struct done {
    unsigned guests, sessions;
};

static json_t *refuse(const char *code, const char *text)
{
    return json_pack("{ss ss}", "error", text, "code", code);
}

/* Who only looked whether somebody listens, as another mediator does, has no name and is no guest.
 */
static bool is_known(const struct guest_record *guest)
{
    return guest->past.named || guest->sessions > 0 || guest->past.fault_count > 0 ||
           guest->past.quarantined;
}

static bool has_guest(const struct target *target, const struct guest_record *guest)
{
    return !target->is_guest || (guest->past.vm_id == target->vm_id && is_known(guest));
}

static void log_guest(const struct guest_record *guest, const char *what)
{
    log_info("listener %s, vm %u: %s (process %d of user %u)", guest->listener->name,
             guest->past.vm_id, what, (int)guest->past.peer.process,
             (unsigned)guest->past.peer.user);
}

/* ---- Each command ---- */

static void quarantine(const struct target *target, struct done *done)
{
    struct supervisor_listener *listener = target->listener;

    if (!target->is_guest) {
        listener->quarantined = true;
        log_info("listener %s: quarantined by an operator", listener->config->name);
        worker_process_tell_quarantine(listener, NULL);
        done->sessions = listener->sessions;
        return;
    }
    for (unsigned i = 0; i < listener->guests.count; i++) {
        struct guest_record *guest = &listener->guests.records[i];

        if (has_guest(target, guest)) {
            guest_record_quarantine(guest, clock_now_ns());
            log_guest(guest, "quarantined by an operator");
            worker_process_tell_quarantine(listener, guest);
            done->guests++;
            done->sessions += guest->sessions;
        }
    }
}

static void release(const struct target *target, struct done *done)
{
    struct supervisor_listener *listener = target->listener;

    if (!target->is_guest) {
        listener->quarantined = listener->draining = false;
        log_info("listener %s: released by an operator", listener->config->name);
        worker_process_tell_quarantine(listener, NULL);
    }
    for (unsigned i = 0; i < listener->guests.count; i++) {
        struct guest_record *guest = &listener->guests.records[i];

        if (has_guest(target, guest) && guest_record_release(guest)) {
            log_guest(guest, "released from quarantine");
            worker_process_tell_quarantine(listener, guest);
            done->guests++;
            done->sessions += guest->sessions;
        }
    }
}

static void drain(const struct target *target, struct done *done)
{
    struct supervisor_listener *listener = target->listener;
    struct worker_process *worker;

    if (!target->is_guest) {
        listener->draining = true;
        log_info("listener %s: drained by an operator, %u sessions", listener->config->name,
                 listener->sessions);
    }
    LIST_FOREACH (worker, &listener->supervisor->workers, link) {
        if (worker->listener == listener && has_guest(target, worker->guest)) {
            worker_process_drain(worker);
            done->sessions++;
        }
    }
}

/* ---- Which, and to whom ---- */

static const struct {
    const char *name;
    void (*run)(const struct target *target, struct done *done);
    const char *nobody;
} commands[] = {
    {"quarantine", quarantine, "no such guest is known"},
    {"release", release, "no such guest is in quarantine"},
    {"drain", drain, "no such guest has a session"},
};

/* One that a reload removed may still have sessions; another one of its name goes before it. */
static struct supervisor_listener *find_listener(struct supervisor *supervisor, const char *name)
{
    struct supervisor_listener *found = NULL;

    for (unsigned i = 0; i < supervisor->config->listener_count; i++) {
        struct supervisor_listener *listener = &supervisor->listeners[i];

        if (strcmp(listener->config->name, name) == 0 && (found == NULL || found->removed)) {
            found = listener;
        }
    }
    return found;
}

/* False: it is no target. */
static bool read_target(struct supervisor *supervisor, json_t *command, struct target *target)
{
    json_t *vm_id = json_object_get(command, "vm_id");
    const char *name = json_string_value(json_object_get(command, "listener"));

    if (name == NULL) {
        return false;
    }
    *target = (struct target){.listener = find_listener(supervisor, name),
                              .is_guest = vm_id != NULL,
                              .vm_id = (uint32_t)json_integer_value(vm_id)};
    return vm_id == NULL || (json_is_integer(vm_id) && json_integer_value(vm_id) >= 0 &&
                             json_integer_value(vm_id) <= UINT32_MAX);
}

json_t *admin_run(struct supervisor *supervisor, json_t *command)
{
    const char *name = json_string_value(json_object_get(command, "command"));
    struct done done = {0};
    struct target target;
    unsigned i = 0;

    while (i < sizeof(commands) / sizeof(commands[0]) &&
           (name == NULL || strcmp(name, commands[i].name) != 0)) {
        i++;
    }
    if (i == sizeof(commands) / sizeof(commands[0])) {
        return refuse("invalid", "the commands are status, quarantine, release and drain");
    }
    if (!read_target(supervisor, command, &target)) {
        return refuse("invalid", "a listener is needed, and a vm_id from 0 to 4294967295 if it is "
                                 "for a guest");
    }
    if (target.listener == NULL) {
        return refuse("not_found", "there is no such listener");
    }
    commands[i].run(&target, &done);
    history_write(supervisor);
    if (target.is_guest && done.guests + done.sessions == 0) {
        return refuse("not_found", commands[i].nobody);
    }
    return json_pack("{si si}", "guests", (int)done.guests, "sessions", (int)done.sessions);
}
