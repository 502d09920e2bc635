/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/supervisor/admin_status.h"

#include <unistd.h>

#include "host/common/clock.h"
#include "host/mediator/supervisor/state.h"
#include "firmware/include/baregpu/version.h"

static void set(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

static void set_usage(json_t *object, const struct usage *usage)
{
    set(object, "busy_us", usage->busy_ns / NS_PER_US);
    set(object, "utilization", (uint64_t)(usage->share * 100 + 0.5));
}

/* ---- Sessions ---- */

static json_t *describe_session(const struct worker_process *worker)
{
    static const char *const leases[] = {
        [SCHEDULER_IDLE] = "none", [SCHEDULER_WAITING] = "waiting", [SCHEDULER_HOLDING] = "held"};
    const struct control_statistics *statistics = &worker->statistics;
    char pool[2] = {worker->pool, '\0'};
    json_t *object =
        json_pack("{ss si si si ss}", "listener", worker->listener->config->name, "worker_pid",
                  (int)worker->pid, "peer_pid", (int)worker->guest->past.peer.process, "peer_uid",
                  (int)worker->guest->past.peer.user, "lease", leases[worker->lease.state]);

    set(object, "session", worker->session);
    set(object, "requests", statistics->requests);
    set(object, "errors", statistics->errors);
    set(object, "memory_used", statistics->memory_used);
    set(object, "memory_limit", worker->start.limits.memory_limit);
    set(object, "queued", statistics->queued);
    set(object, "bytes_in", statistics->bytes_in);
    set(object, "bytes_out", statistics->bytes_out);
    set(object, "device_us", worker->lease.charged_ns / NS_PER_US);
    if (worker->attached) {
        set(object, "vm_id", worker->vm_id);
    }
    if (worker->device != NULL) {
        json_object_set_new(object, "pool", json_string(pool));
        json_object_set_new(object, "device", json_string(worker->device->name));
        if (!worker->device->cuda) {
            set_usage(object, &worker->usage);
        }
    }
    return object;
}

static json_t *describe_sessions(const struct supervisor *supervisor)
{
    json_t *sessions = json_array();
    struct worker_process *worker;

    LIST_FOREACH (worker, &supervisor->workers, link) {
        if (worker->listener != NULL) {
            json_array_insert_new(sessions, 0, describe_session(worker));
        }
    }
    return sessions;
}

/* ---- Devices ---- */

static uint64_t sum_memory(const struct supervisor *supervisor,
                           const struct supervisor_device *device)
{
    struct worker_process *worker;
    uint64_t sum = 0;

    LIST_FOREACH (worker, &supervisor->workers, link) {
        sum += worker->device == device ? worker->statistics.memory_used : 0;
    }
    return sum;
}

static json_t *describe_device(const struct supervisor *supervisor,
                               const struct supervisor_device *device)
{
    const struct probe *probe = supervisor_probe_of(supervisor, device);
    unsigned ordinal = (unsigned)device->ordinal % PROBE_DEVICES;
    json_t *object =
        json_pack("{ss ss ss si}", "name", device->name, "model", probe->names[ordinal], "driver",
                  probe->path, "cuda_version", probe->version);

    if (probe->uuids[ordinal][0]) {
        json_object_set_new(object, "uuid", json_string(probe->uuids[ordinal]));
    }
    set(object, "sessions", device->sessions);
    set(object, "room", device->scheduler.room);
    set(object, "waiting", device->scheduler.waiting);
    set(object, "memory_total", probe->memory[ordinal]);
    set(object, "memory_used", sum_memory(supervisor, device));
    if (!device->cuda) {
        set_usage(object, &device->usage);
    }
    return object;
}

static json_t *describe_devices(const struct supervisor *supervisor)
{
    json_t *devices = json_array();

    for (unsigned i = 0; i < supervisor->device_count; i++) {
        json_array_append_new(devices, describe_device(supervisor, &supervisor->devices[i]));
    }
    return devices;
}

/* null where nothing draws. */
static json_t *describe_drawing(const struct probe *vulkan)
{
    return vulkan->count == 0 ? json_null()
                              : json_pack("{ss ss si}", "model", vulkan->names[0], "driver",
                                          vulkan->path, "vulkan_version", vulkan->version);
}

/* ---- Listeners ---- */

static json_t *describe_waits(const struct histogram *histogram)
{
    json_t *counts = json_array();

    for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++) {
        json_array_append_new(counts, json_integer((json_int_t)histogram->counts[i]));
    }
    return json_pack("{so sI}", "counts", counts, "sum_us",
                     (json_int_t)(histogram->sum_ns / NS_PER_US));
}

static json_t *describe_bounds(void)
{
    json_t *bounds = json_array();

    for (unsigned i = 0; i < HISTOGRAM_CLASSES - 1; i++) {
        json_array_append_new(bounds, json_integer(histogram_bounds_us[i]));
    }
    return bounds;
}

static unsigned count_quarantined(const struct guest_table *table)
{
    unsigned count = 0;

    for (unsigned i = 0; i < table->count; i++) {
        count += table->records[i].past.quarantined;
    }
    return count;
}

/* What its sessions have now. */
static void set_sums(json_t *object, const struct supervisor_listener *listener)
{
    struct worker_process *worker;
    uint64_t memory = 0, queued = 0;

    LIST_FOREACH (worker, &listener->supervisor->workers, link) {
        if (worker->listener == listener) {
            memory += worker->statistics.memory_used;
            queued += worker->statistics.queued;
        }
    }
    set(object, "memory_used", memory);
    set(object, "queued", queued);
}

static void set_counts(json_t *object, const struct usage_counts *counts)
{
    set(object, "requests", counts->requests);
    set(object, "errors", counts->errors);
    set(object, "bytes_in", counts->bytes_in);
    set(object, "bytes_out", counts->bytes_out);
    set(object, "faults", counts->faults);
    set(object, "quarantines", counts->quarantines);
    json_object_set_new(object, "lease_waits", describe_waits(&counts->lease_waits));
    json_object_set_new(object, "start_waits", describe_waits(&counts->start_waits));
}

static json_t *describe_listener(const struct supervisor_listener *listener)
{
    const struct config_listener *config = listener->config;
    json_t *object =
        json_pack("{ss ss ss sb sb sb}", "name", config->name, "path", config->path, "device",
                  config->device == CONFIG_LISTENER_PVGPU ? "pvgpu" : "vgpu-stub", "draws",
                  (int)supervisor_draws(listener), "quarantined", (int)listener->quarantined,
                  "draining", (int)listener->draining);

    set(object, "sessions", listener->sessions);
    set(object, "max_sessions", config->max_sessions);
    set(object, "accepted", listener->accepted);
    set(object, "refused", listener->refused);
    set(object, "quarantined_guests", count_quarantined(&listener->guests));
    set_sums(object, listener);
    set_counts(object, &listener->counts);
    set_usage(object, &listener->usage);
    return object;
}

static json_t *describe_listeners(const struct supervisor *supervisor)
{
    json_t *listeners = json_array();

    for (unsigned i = 0; i < supervisor->config->listener_count; i++) {
        if (!supervisor->listeners[i].removed) {
            json_array_append_new(listeners, describe_listener(&supervisor->listeners[i]));
        }
    }
    return listeners;
}

/* ---- Guests ---- */

static void append_guests(json_t *guests, const struct guest_table *table)
{
    for (unsigned i = 0; i < table->count; i++) {
        const struct guest_record *guest = &table->records[i];

        if (guest->past.fault_count > 0 || guest->past.quarantined) {
            json_array_append_new(guests, json_pack("{ss sI si si si sb}", "listener",
                                                    guest->listener->name, "vm_id",
                                                    (json_int_t)guest->past.vm_id, "peer_pid",
                                                    (int)guest->past.peer.process, "peer_uid",
                                                    (int)guest->past.peer.user, "faults",
                                                    (int)guest->past.fault_count, "quarantined",
                                                    (int)guest->past.quarantined));
        }
    }
}

static json_t *describe_guests(const struct supervisor *supervisor)
{
    json_t *guests = json_array();

    for (unsigned i = 0; i < supervisor->config->listener_count; i++) {
        append_guests(guests, &supervisor->listeners[i].guests);
    }
    return guests;
}

json_t *admin_describe(struct supervisor *supervisor)
{
    usage_take_all(supervisor);
    return json_pack("{ss si sI sb so so so so so so}", "version", BAREGPU_VERSION, "pid",
                     (int)getpid(), "uptime_ms",
                     (json_int_t)((clock_now_ns() - supervisor->started_ns) / NS_PER_MS),
                     "draining", (int)supervisor->draining, "devices", describe_devices(supervisor),
                     "drawing", describe_drawing(&supervisor->vulkan), "listeners",
                     describe_listeners(supervisor), "sessions", describe_sessions(supervisor),
                     "faults", describe_guests(supervisor), "wait_bounds_us", describe_bounds());
}
