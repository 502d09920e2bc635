/* SPDX-License-Identifier: BSD-2-Clause */
/* The supervisor's start, clock and end. */
#include "host/mediator/supervisor/supervisor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "host/common/clock.h"
#include "host/common/ready_fd.h"
#include "host/mediator/log.h"
#include "host/mediator/supervisor/admin.h"
#include "host/mediator/supervisor/exporter.h"
#include "host/mediator/supervisor/history.h"
#include "host/mediator/supervisor/inherited.h"
#include "host/mediator/supervisor/kernel_cache.h"
#include "host/mediator/supervisor/listeners.h"
#include "host/mediator/supervisor/notify.h"
#include "host/mediator/supervisor/privileges.h"
#include "host/mediator/supervisor/reload.h"
#include "host/mediator/supervisor/takeover.h"
#include "host/mediator/supervisor/worker_lease.h"
#include "host/mediator/supervisor/worker_log.h"
#include "host/mediator/supervisor/worker_process.h"
#include "host/mediator/worker/device.h"

#define TICK_MS 50 /* how late a lease's deadline may be noticed */
#define CHECK_NS (5 * NS_PER_S)
#define DRAIN_MARGIN_NS (2 * NS_PER_S) /* beyond the longest request limit */
#define DESCRIPTORS 16384              /* wanted; four sessions need about ten */

/* ---- The end ---- */

static void kill_all(struct supervisor *supervisor, const char *why)
{
    struct worker_process *worker;

    LIST_FOREACH (worker, &supervisor->workers, link) {
        worker_process_kill(worker, why);
    }
}

static void drain(struct supervisor *supervisor)
{
    struct worker_process *worker;
    uint32_t longest_ms = 0;

    LIST_FOREACH (worker, &supervisor->workers, link) {
        uint32_t limit_ms = worker->start.limits.request_timeout_ms;

        longest_ms = limit_ms > longest_ms ? limit_ms : longest_ms;
    }
    supervisor->draining = true;
    supervisor->drain_until_ns = clock_now_ns() + longest_ms * NS_PER_MS + DRAIN_MARGIN_NS;
    log_info("stopping: %u sessions finish what they accepted", supervisor->sessions);
    notify_send("STOPPING=1");
    listeners_close(supervisor);
    waiting_refuse_all(supervisor);
    LIST_FOREACH (worker, &supervisor->workers, link) {
        worker_process_drain(worker);
    }
    if (supervisor->worker_count + supervisor->starting == 0) {
        uv_stop(&supervisor->loop);
    }
}

/* For the next mediator: its sessions wait for it. */
static void leave(struct supervisor *supervisor)
{
    log_info("stopping: %u sessions wait for the next mediator", supervisor->sessions);
    supervisor->draining = true;
    notify_send("STOPPING=1");
    waiting_leave(supervisor);
    history_write(supervisor);
    listeners_leave(supervisor);
    uv_stop(&supervisor->loop);
}

static void on_signal(uv_signal_t *handle, int signal_number)
{
    struct supervisor *supervisor = handle->data;

    if (!supervisor->draining) {
        log_info("signal %d", signal_number);
        if (signal_number == SIGTERM && takeover_is_on(supervisor)) {
            leave(supervisor);
        } else {
            drain(supervisor);
        }
        return;
    }
    log_warning("signal %d again: ending at once", signal_number);
    kill_all(supervisor, "the mediator ends at once");
}

/* A new configuration, which is checked whole before any of it counts. */
static void reload(struct supervisor *supervisor)
{
    static struct config next;
    char error[CONFIG_ERROR_SIZE], text[64];

    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
             (unsigned long long)(clock_now_ns() / NS_PER_US));
    notify_send(text);
    if (supervisor->options->load(supervisor->options->load_context, &next, error) != 0) {
        log_error("%s", error);
        log_error("the configuration stays as it was");
    } else if (!reload_config(supervisor, &next)) {
        log_error("the configuration stays as it was");
    } else {
        log_info("the configuration was read anew");
    }
    notify_send("READY=1");
}

static void on_hangup(uv_signal_t *handle, int signal_number)
{
    struct supervisor *supervisor = handle->data;

    if (supervisor->options->load == NULL) {
        on_signal(handle, signal_number);
    } else if (!supervisor->draining) {
        reload(supervisor);
    }
}

static void on_worker_gone(struct supervisor *supervisor)
{
    if (supervisor->draining && supervisor->worker_count + supervisor->starting == 0) {
        uv_stop(&supervisor->loop);
    }
}

/* ---- The clock ---- */

static void end_quarantines(struct supervisor_listener *listener, uint64_t now_ns)
{
    for (unsigned i = 0; i < listener->guests.count; i++) {
        struct guest_record *guest = &listener->guests.records[i];

        if (guest_record_has_served(guest, now_ns) && guest_record_release(guest)) {
            log_info("listener %s, vm %u: its quarantine is over (process %d of user %u)",
                     guest->listener->name, guest->past.vm_id, (int)guest->past.peer.process,
                     (unsigned)guest->past.peer.user);
            worker_process_tell_quarantine(listener, guest);
        }
    }
}

static void check_quarantines(struct supervisor *supervisor, uint64_t now_ns)
{
    if (now_ns - supervisor->quarantines_ns < NS_PER_S) {
        return;
    }
    supervisor->quarantines_ns = now_ns;
    for (unsigned i = 0; i < supervisor->config->listener_count; i++) {
        end_quarantines(&supervisor->listeners[i], now_ns);
    }
    history_write(supervisor);
}

static void on_tick(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;
    uint64_t now_ns = clock_now_ns();
    struct worker_process *worker;

    for (unsigned i = 0; i < supervisor->device_count; i++) {
        worker_lease_check(&supervisor->devices[i], now_ns);
    }
    listeners_tick(supervisor, now_ns);
    admin_tick(supervisor->admin);
    exporter_tick(supervisor, now_ns);
    check_quarantines(supervisor, now_ns);
    usage_tick(supervisor, now_ns);
    worker_log_tick(supervisor, now_ns);
    if (now_ns - supervisor->checked_ns >= CHECK_NS) {
        supervisor->checked_ns = now_ns;
        LIST_FOREACH (worker, &supervisor->workers, link) {
            worker_process_check(worker);
        }
    }
    if (supervisor->draining && now_ns >= supervisor->drain_until_ns) {
        kill_all(supervisor, "it did not finish in time");
    }
    waiting_tick(supervisor, now_ns);
    worker_process_serve(supervisor);
}

/* ---- The start ---- */

static int find_device(struct supervisor *supervisor, bool cuda, int ordinal)
{
    struct supervisor_device *device;

    for (unsigned i = 0; i < supervisor->device_count; i++) {
        if (supervisor->devices[i].cuda == cuda && supervisor->devices[i].ordinal == ordinal) {
            return (int)i;
        }
    }
    device = &supervisor->devices[supervisor->device_count];
    device->cuda = cuda;
    device->ordinal = ordinal;
    if (cuda) {
        snprintf(device->name, sizeof(device->name), "cuda:%d", ordinal);
    } else {
        snprintf(device->name, sizeof(device->name), "cpu");
    }
    worker_lease_open_device(supervisor, device);
    return (int)supervisor->device_count++;
}

/* Which device a line of the configuration means on this host; -1 after a log line. */
static int resolve_device(struct supervisor *supervisor, const struct supervisor_options *options,
                          const struct config_device *wanted)
{
    bool cuda = wanted->kind == CONFIG_DEVICE_CUDA;

    if (wanted->kind == CONFIG_DEVICE_AUTO) {
        cuda = supervisor->cuda.count > 0;
    } else if (cuda && options->backend == SUPERVISOR_BACKEND_CPU) {
        log_error("the configuration wants cuda:%d, --backend cpu forbids it", wanted->ordinal);
        return -1;
    } else if (!cuda && options->backend == SUPERVISOR_BACKEND_CUDA) {
        log_error("the configuration wants cpu, --backend cuda forbids it");
        return -1;
    }
    if (cuda && wanted->ordinal >= supervisor->cuda.count) {
        log_error("there is no device cuda:%d", wanted->ordinal);
        return -1;
    }
    return find_device(supervisor, cuda, cuda ? wanted->ordinal : 0);
}

/* False after a log line. */
static bool resolve_pool(struct supervisor *supervisor, const struct supervisor_options *options,
                         int pool)
{
    const struct config_pool *config = &options->config->pools[pool];

    for (unsigned i = 0; i < config->device_count; i++) {
        int device = resolve_device(supervisor, options, &config->devices[i]);

        if (device < 0) {
            return false;
        }
        supervisor->pool_devices[pool][i] = (unsigned)device;
    }
    supervisor->pool_device_count[pool] = config->device_count;
    return true;
}

static bool has_devices(const struct supervisor *supervisor, bool cuda)
{
    for (unsigned i = 0; i < supervisor->device_count; i++) {
        if (supervisor->devices[i].cuda == cuda) {
            return true;
        }
    }
    return false;
}

static void tell_devices(const struct supervisor *supervisor)
{
    if (supervisor->cuda.count == 0) {
        log_info("no GPU: %s", supervisor->cuda.reason);
    }
    for (unsigned i = 0; i < supervisor->device_count; i++) {
        const struct supervisor_device *device = &supervisor->devices[i];
        const struct probe *probe = supervisor_probe_of(supervisor, device);

        log_info("device %s: %s, CUDA %d.%d of %s", device->name,
                 probe->names[device->ordinal % PROBE_DEVICES], probe->version / 1000,
                 probe->version % 1000 / 10, probe->path);
    }
}

static enum mediator_exit resolve_devices(struct supervisor *supervisor,
                                          const struct supervisor_options *options)
{
    struct probe *cuda = &supervisor->cuda;

    snprintf(cuda->reason, sizeof(cuda->reason), "--backend cpu");
    if (options->backend != SUPERVISOR_BACKEND_CPU) {
        probe_run(DEVICE_CUDA, supervisor->device_folder, cuda);
    }
    if (options->backend == SUPERVISOR_BACKEND_CUDA && cuda->count == 0) {
        log_error("no GPU: %s", cuda->reason);
        return MEDIATOR_EXIT_NO_BACKEND;
    }
    for (int pool = 0; pool < CONFIG_POOLS; pool++) {
        if (!resolve_pool(supervisor, options, pool)) {
            return MEDIATOR_EXIT_NO_BACKEND;
        }
    }
    return MEDIATOR_EXIT_OK;
}

static enum mediator_exit open_sockets(struct supervisor *supervisor)
{
    enum mediator_exit result = listeners_open(supervisor);
    char admin_path[CONFIG_PATH_SIZE];

    if (result == MEDIATOR_EXIT_OK) {
        config_get_admin_path(supervisor->config, admin_path);
        supervisor->admin = admin_open(supervisor, admin_path, &result);
    }
    return result == MEDIATOR_EXIT_OK ? exporter_open(supervisor) : result;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < DESCRIPTORS) {
        limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void tell_ready(const struct supervisor_options *options)
{
    notify_send("READY=1");
    if (!ready_fd_tell(options->ready_fd)) {
        log_warning("--ready-fd %d: %m", options->ready_fd);
    }
}

static bool is_ignored(int signal_number)
{
    struct sigaction action;

    return sigaction(signal_number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static void start_loop(struct supervisor *supervisor)
{
    uv_loop_init(&supervisor->loop);
    uv_timer_init(&supervisor->loop, &supervisor->tick);
    supervisor->tick.data = supervisor;
    uv_timer_start(&supervisor->tick, on_tick, TICK_MS, TICK_MS);
    uv_signal_init(&supervisor->loop, &supervisor->on_term);
    uv_signal_init(&supervisor->loop, &supervisor->on_int);
    uv_signal_init(&supervisor->loop, &supervisor->on_hup);
    supervisor->on_term.data = supervisor->on_int.data = supervisor->on_hup.data = supervisor;
    uv_signal_start(&supervisor->on_term, on_signal, SIGTERM);
    uv_signal_start(&supervisor->on_int, on_signal, SIGINT);
    if (!is_ignored(SIGHUP)) { /* as nohup leaves it */
        uv_signal_start(&supervisor->on_hup, on_hangup, SIGHUP);
    }
}

/* As the user whose workers find what it compiled. */
static enum mediator_exit prepare_cpu(struct supervisor *supervisor, bool other_users)
{
    struct probe *cpu = &supervisor->cpu;

    if (!kernel_cache_open(other_users)) {
        log_warning("no folder for compiled kernels, each worker compiles its own: %m");
    }
    probe_run(DEVICE_CPU, supervisor->device_folder, cpu);
    if (cpu->count == 0) {
        log_error("no CUDA device on the CPU: %s", cpu->reason);
        return MEDIATOR_EXIT_NO_BACKEND;
    }
    kernel_cache_share();
    return MEDIATOR_EXIT_OK;
}

/* Once for all listeners. False after a log line: one is to draw, and nothing can. */
static bool find_drawing(struct supervisor *supervisor)
{
    const struct config *config = supervisor->config;
    struct probe *vulkan = &supervisor->vulkan;
    bool wanted = false, needed = config->vulkan_device[0] != '\0';

    for (unsigned i = 0; i < config->listener_count; i++) {
        wanted = wanted || config_wants_drawing(&config->listeners[i]);
        needed = needed || config->listeners[i].draw == CONFIG_DRAW_ON;
    }
    if (!wanted) {
        return true;
    }
    snprintf(supervisor->vulkan_name, sizeof(supervisor->vulkan_name), DEVICE_VULKAN "%s",
             config->vulkan_device);
    probe_run(supervisor->vulkan_name, -1, vulkan);
    if (vulkan->count > 0) {
        log_info("drawing: %s, Vulkan %d.%d of %s", vulkan->names[0], vulkan->version / 1000,
                 vulkan->version % 1000 / 10, vulkan->path);
    } else if (needed) {
        log_error("no drawing: %s", vulkan->reason);
    } else {
        log_info("no drawing: %s", vulkan->reason);
    }
    return vulkan->count > 0 || !needed;
}

/* What the configuration may grow to while it runs. */
static unsigned count_slots(const struct config *config, uid_t first_user)
{
    unsigned most = CONFIG_SESSIONS_MAX + CONFIG_SPARES_MAX;

    return first_user != 0 && config->worker_uid_count < most ? config->worker_uid_count : most;
}

/* As the user that is configured, from here on. */
static enum mediator_exit open_nursery(struct supervisor *supervisor)
{
    const struct config *config = supervisor->config;
    struct nursery_options options = {
        .first_user = privileges_worker_users(config),
        .device_folder = supervisor->device_folder,
    };
    unsigned count = 0;

    options.slots = count_slots(config, options.first_user);
    options.cgroup = supervisor->cgroup = cgroup_open(config, takeover_take_cgroup());
    if (!privileges_drop(config)) {
        return MEDIATOR_EXIT_FAILED;
    }
    /* NVIDIA's is the first: cuda_driver.h says why. */
    if (has_devices(supervisor, true)) {
        options.devices[count++] = DEVICE_CUDA;
    }
    if (has_devices(supervisor, false)) {
        enum mediator_exit result = prepare_cpu(supervisor, options.first_user != 0);

        if (result != MEDIATOR_EXIT_OK) {
            return result;
        }
        options.devices[count++] = DEVICE_CPU;
    }
    tell_devices(supervisor);
    if (!find_drawing(supervisor)) {
        return MEDIATOR_EXIT_NO_BACKEND;
    }
    if (supervisor->vulkan.count > 0) {
        options.devices[count++] = supervisor->vulkan_name;
    }
    supervisor->nursery =
        nursery_open(&supervisor->loop, &options, supervisor, worker_process_on_birth);
    if (supervisor->nursery == NULL) {
        log_error("no thread that starts workers: %m");
        return MEDIATOR_EXIT_FAILED;
    }
    return MEDIATOR_EXIT_OK;
}

enum mediator_exit supervisor_run(const struct supervisor_options *options)
{
    static struct supervisor supervisor; /* one per process */
    enum mediator_exit result;

    supervisor.options = options;
    supervisor.config = options->config;
    supervisor.started_ns = supervisor.checked_ns = supervisor.usage_ns = clock_now_ns();
    supervisor.on_worker_gone = on_worker_gone;
    LIST_INIT(&supervisor.workers);
    TAILQ_INIT(&supervisor.waiting);
    for (unsigned i = 0; i < CONFIG_LISTENERS; i++) {
        supervisor.listeners[i].socket.fd = -1;
    }
    inherited_read();
    signal(SIGPIPE, SIG_IGN);
    if (!ready_fd_claim(options->ready_fd)) {
        log_error("--ready-fd %d: %m", options->ready_fd);
        return MEDIATOR_EXIT_FAILED;
    }
    if (!log_start_thread()) {
        log_error("no thread for the log; more processes must be allowed (ulimit -u)");
        return MEDIATOR_EXIT_FAILED;
    }
    raise_descriptor_limit();
    /* A worker may not write files, so no compiled kernels are kept on disk. */
    setenv("CUDA_CACHE_DISABLE", "1", 1);
    supervisor.device_folder = cuda_driver_open_folder();
    result = resolve_devices(&supervisor, options);
    if (result != MEDIATOR_EXIT_OK) {
        return result;
    }
    start_loop(&supervisor);
    result = open_sockets(&supervisor);
    if (result == MEDIATOR_EXIT_OK) {
        result = open_nursery(&supervisor);
    }
    if (result == MEDIATOR_EXIT_OK) {
        history_open(&supervisor);
        takeover_resume(&supervisor);
        takeover_store_own(&supervisor);
        worker_process_serve(&supervisor);
        exporter_tick(&supervisor, clock_now_ns());
        tell_ready(options);
        uv_run(&supervisor.loop, UV_RUN_DEFAULT);
        log_info("stopped");
    }
    exporter_close(&supervisor);
    admin_close(supervisor.admin);
    listeners_close(&supervisor);
    cgroup_close(supervisor.cgroup);
    kernel_cache_close();
    return result;
}
