/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* memfd_create */
#include "host/mediator/supervisor/history.h"

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/common/clock.h"
#include "host/mediator/log.h"
#include "host/mediator/supervisor/inherited.h"
#include "host/mediator/supervisor/listeners.h"
#include "host/mediator/supervisor/notify.h"

#define NAME "history"
#define VERSION 1u
#define GUESTS GUEST_TABLE_SIZE /* of all listeners; more are forgotten at a restart */

struct old_listener {
    char name[CONFIG_NAME_SIZE];
    enum config_listener_device device;
    bool quarantined, draining;
    uint64_t accepted, refused, busy_ns;
    struct usage_counts counts;
};

struct old_guest {
    unsigned listener;
    struct guest_past past;
};

/* It has two places in the file, written in turn: one is whole, whenever its writer ends. */
struct history {
    uint32_t version, size;
    uint64_t number; /* of the writing; written last, 0 before: it is not whole */
    unsigned listener_count, guest_count;
    struct old_listener listeners[CONFIG_LISTENERS];
    struct old_guest guests[GUESTS];
};

static struct history history; /* too large for a stack */
static int file = -1;

static off_t place_of(uint64_t number)
{
    return (off_t)(number % 2 * sizeof(history));
}

/* ---- What was left ---- */

static bool is_whole(void)
{
    return history.version == VERSION && history.size == sizeof(history) && history.number != 0 &&
           history.listener_count <= CONFIG_LISTENERS && history.guest_count <= GUESTS;
}

/* The later one of the two; false: there is none, or it is another version's. */
static bool read_file(void)
{
    uint64_t numbers[2] = {0};
    off_t at = offsetof(struct history, number);

    for (unsigned i = 0; i < 2; i++) {
        (void)!pread(file, &numbers[i], sizeof(numbers[i]), place_of(i) + at);
    }
    return pread(file, &history, sizeof(history), place_of(numbers[1] > numbers[0])) > 0 &&
           is_whole();
}

static void restore_listener(struct supervisor_listener *listener, const struct old_listener *old)
{
    listener->quarantined = old->quarantined;
    listener->draining = old->draining;
    listener->accepted = old->accepted;
    listener->refused = old->refused;
    listener->usage.busy_ns = listener->usage.marked_ns = old->busy_ns;
    listener->counts = old->counts;
}

static void restore_guest(struct supervisor_listener *listener, const struct guest_past *past)
{
    struct guest_record *guest =
        guest_record_open(&listener->guests, listener->config, &past->peer, clock_now_ns());

    if (guest != NULL) {
        guest->past = *past;
    }
}

static void restore(struct supervisor *supervisor)
{
    struct supervisor_listener *listeners[CONFIG_LISTENERS] = {NULL};

    for (unsigned i = 0; i < history.listener_count; i++) {
        const struct old_listener *old = &history.listeners[i];

        listeners[i] = listeners_find(supervisor, old->name, old->device);
        if (listeners[i] != NULL) {
            restore_listener(listeners[i], old);
        }
    }
    for (unsigned i = 0; i < history.guest_count; i++) {
        const struct old_guest *old = &history.guests[i];

        if (old->listener < history.listener_count && listeners[old->listener] != NULL) {
            restore_guest(listeners[old->listener], &old->past);
        }
    }
}

void history_open(struct supervisor *supervisor)
{
    if (!notify_is_wanted()) {
        return;
    }
    if (inherited_take(NAME, &file, 1) == 1 && read_file()) {
        restore(supervisor);
        return;
    }
    memset(&history, 0, sizeof(history));
    notify_remove(NAME);
    file = memfd_create(NAME, MFD_CLOEXEC);
    if (file < 0) {
        log_warning("a restart will forget faults and quarantines: %m");
        return;
    }
    notify_store(NAME, &file, 1);
}

/* ---- What is left ---- */

static void add_listener(const struct supervisor_listener *listener)
{
    struct old_listener *old = &history.listeners[history.listener_count++];

    memcpy(old->name, listener->config->name, sizeof(old->name));
    old->device = listener->config->device;
    old->quarantined = listener->quarantined;
    old->draining = listener->draining;
    old->accepted = listener->accepted;
    old->refused = listener->refused;
    old->busy_ns = listener->usage.busy_ns;
    old->counts = listener->counts;
}

static void add_guests(const struct guest_table *table, unsigned listener, bool quarantined)
{
    for (unsigned i = 0; i < table->count && history.guest_count < GUESTS; i++) {
        const struct guest_past *past = &table->records[i].past;

        if (past->quarantined == quarantined && (quarantined || past->fault_count > 0)) {
            history.guests[history.guest_count++] =
                (struct old_guest){.listener = listener, .past = *past};
        }
    }
}

static void add_all_guests(const struct supervisor *supervisor, bool quarantined)
{
    unsigned listener = 0;

    for (unsigned i = 0; i < supervisor->config->listener_count; i++) {
        if (!supervisor->listeners[i].removed) {
            add_guests(&supervisor->listeners[i].guests, listener++, quarantined);
        }
    }
}

/* Quarantined guests first: no number of others takes their place. */
static void fill(const struct supervisor *supervisor)
{
    history.version = VERSION;
    history.size = sizeof(history);
    history.listener_count = history.guest_count = 0;
    for (unsigned i = 0; i < supervisor->config->listener_count; i++) {
        if (!supervisor->listeners[i].removed) {
            add_listener(&supervisor->listeners[i]);
        }
    }
    add_all_guests(supervisor, true);
    add_all_guests(supervisor, false);
}

/* In memory: it fails where there is none. Then the other place is whole, and stays so: the next
 * writing is to this one again. */
void history_write(const struct supervisor *supervisor)
{
    uint64_t number = history.number + 1;
    off_t place = place_of(number);
    size_t size;

    if (file < 0) {
        return;
    }
    fill(supervisor);
    history.number = 0;
    size = offsetof(struct history, guests) + history.guest_count * sizeof(history.guests[0]);
    bool is_written =
        pwrite(file, &history, size, place) == (ssize_t)size &&
        pwrite(file, &number, sizeof(number), place + (off_t)offsetof(struct history, number)) ==
            (ssize_t)sizeof(number);
    history.number = is_written ? number : number - 1;
}
