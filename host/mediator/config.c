/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* strsep, fmemopen */
#include "host/mediator/config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/mediator/config_value.h"
#include "protocol/pvgpu.h"

/* Bounds of the keys; docs/mediator.md repeats them. */
#define QUEUED_MAX 1024u
#define RATE_MAX 1000000u
#define TIMEOUT_MS_MAX 3600000u
#define WEIGHT_MAX 10000u
#define FAULTS_MAX 64u
#define WINDOW_S_MAX 86400u
#define QUARANTINE_S_MAX 604800u
#define ADMIN_SUFFIX ".admin"
#define RUN_DIRECTORY "/run/baregpu"

static int load_mediator_key(struct config_loader *loader, const char *key, const char *text)
{
    struct config *config = loader->config;

    if (strcmp(key, "max_sessions") == 0) {
        return config_set_number(loader, key, text, 1, CONFIG_SESSIONS_MAX, &config->max_sessions);
    }
    if (strcmp(key, "spare_workers") == 0) {
        return config_set_number(loader, key, text, 0, CONFIG_SPARES_MAX, &config->spare_workers);
    }
    if (strcmp(key, "restart_s") == 0) {
        return config_set_restart(loader, text, &config->restart_s);
    }
    if (strcmp(key, "user") == 0) {
        return config_set_user(loader, text, config);
    }
    if (strcmp(key, "worker_uids") == 0) {
        return config_set_worker_uids(loader, text, config);
    }
    if (strcmp(key, "cuda_sandbox") == 0) {
        config->cuda_loose = strcmp(text, "loose") == 0;
        return config->cuda_loose || strcmp(text, "strict") == 0 ||
               config_fail(loader, "cuda_sandbox = %s: strict or loose is allowed", text);
    }
    if (strcmp(key, "vulkan_device") == 0) {
        return config_set_vulkan_device(loader, text, config);
    }
    if (strcmp(key, "metrics") == 0) {
        return config_set_metrics(loader, text, config->metrics);
    }
    if (strcmp(key, "admin_socket") == 0) {
        return config_set_path(loader, key, text, config->admin_socket);
    }
    if (strcmp(key, "log_level") == 0) {
        return log_parse_level(text, &config->log_level) ||
               config_fail(loader, "log_level = %s: one of %s is allowed", text,
                           MEDIATOR_LOG_LEVELS);
    }
    return config_fail(
        loader,
        "unknown key %s in [mediator]: max_sessions, spare_workers, restart_s, user, worker_uids, "
        "cuda_sandbox, vulkan_device, admin_socket, metrics and "
        "log_level are allowed",
        key);
}

static int load_listener_key(struct config_loader *loader, struct config_listener *listener,
                             const char *key, const char *text)
{
    struct config_limits *limits = &listener->limits;

    if (strcmp(key, "path") == 0) {
        return config_set_path(loader, key, text, listener->path);
    }
    if (strcmp(key, "device") == 0) {
        return config_set_device(loader, text, listener);
    }
    if (strcmp(key, "draw") == 0) {
        return config_set_draw(loader, text, &listener->draw);
    }
    if (strcmp(key, "mode") == 0) {
        return config_set_mode(loader, text, &listener->mode);
    }
    if (strcmp(key, "pools") == 0) {
        return config_set_pools(loader, text, listener);
    }
    if (strcmp(key, "checks") == 0) {
        return config_set_checks(loader, text, listener->checks);
    }
    if (strcmp(key, "allow_users") == 0) {
        return config_set_users(loader, text, listener);
    }
    if (strcmp(key, "max_priority") == 0) {
        return config_set_priority(loader, text, &limits->max_priority);
    }
    if (strcmp(key, "memory_limit") == 0) {
        return config_set_size(loader, key, text, &limits->memory_limit);
    }
    if (strcmp(key, "max_queued") == 0) {
        return config_set_number(loader, key, text, 1, QUEUED_MAX, &limits->max_queued);
    }
    if (strcmp(key, "requests_per_s") == 0) {
        return config_set_number(loader, key, text, 0, RATE_MAX, &limits->requests_per_s);
    }
    if (strcmp(key, "burst") == 0) {
        loader->burst_given[listener - loader->config->listeners] = true;
        return config_set_number(loader, key, text, 1, RATE_MAX, &limits->burst);
    }
    if (strcmp(key, "request_timeout_ms") == 0) {
        return config_set_number(loader, key, text, 1, TIMEOUT_MS_MAX, &limits->request_timeout_ms);
    }
    if (strcmp(key, "cuda_threads") == 0) {
        return config_set_number(loader, key, text, 0, CONFIG_CUDA_THREADS_MAX,
                                 &limits->cuda_threads);
    }
    if (strcmp(key, "max_sessions") == 0) {
        return config_set_number(loader, key, text, 1, CONFIG_SESSIONS_MAX,
                                 &listener->max_sessions);
    }
    if (strcmp(key, "connections_per_s") == 0) {
        return config_set_number(loader, key, text, 0, RATE_MAX, &listener->connections_per_s);
    }
    if (strcmp(key, "guest_connections_per_s") == 0) {
        return config_set_number(loader, key, text, 0, RATE_MAX,
                                 &listener->guest_connections_per_s);
    }
    if (strcmp(key, "weight") == 0) {
        return config_set_number(loader, key, text, 1, WEIGHT_MAX, &listener->weight);
    }
    if (strcmp(key, "quarantine_faults") == 0) {
        return config_set_number(loader, key, text, 0, FAULTS_MAX, &listener->quarantine_faults);
    }
    if (strcmp(key, "quarantine_window_s") == 0) {
        return config_set_number(loader, key, text, 1, WINDOW_S_MAX,
                                 &listener->quarantine_window_s);
    }
    if (strcmp(key, "quarantine_s") == 0) {
        return config_set_number(loader, key, text, 0, QUARANTINE_S_MAX, &listener->quarantine_s);
    }
    return config_fail(
        loader,
        "unknown key %s in [listener %s]: path, device, draw, mode, pools, allow_users, "
        "checks, max_priority, weight, memory_limit, max_queued, requests_per_s, burst, "
        "request_timeout_ms, cuda_threads, max_sessions, connections_per_s, "
        "guest_connections_per_s, quarantine_faults, quarantine_window_s and quarantine_s "
        "are allowed",
        key, listener->name);
}

static void set_listener_default(struct config_listener *listener)
{
    *listener = (struct config_listener){
        .mode = 0600,
        .pools = {true, true},
        .limits =
            {
                .memory_limit = UINT64_C(1) << 30,
                .max_queued = 64,
                .requests_per_s = 0,
                .request_timeout_ms = 10000, /* below the device's own 25 s */
                .max_priority = BG_VGPU_STUB_PRIORITY_HIGH,
            },
        .weight = 100,
        .max_sessions = 256,
        .connections_per_s = 100,
        .guest_connections_per_s = 10,
        .quarantine_faults = 3,
        .quarantine_window_s = 60,
        .quarantine_s = 600,
    };
}

static bool name_allowed(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

    return length > 0 && length < CONFIG_NAME_SIZE && !name[length];
}

static struct config_listener *find_listener(struct config_loader *loader, const char *name)
{
    struct config *config = loader->config;
    struct config_listener *listener;

    for (unsigned i = 0; i < config->listener_count; i++) {
        if (strcmp(config->listeners[i].name, name) == 0) {
            return &config->listeners[i];
        }
    }
    if (!name_allowed(name)) {
        config_fail(loader,
                    "[listener %s]: a name of at most %d letters, digits, _ and - is allowed", name,
                    CONFIG_NAME_SIZE - 1);
        return NULL;
    }
    if (config->listener_count == CONFIG_LISTENERS) {
        config_fail(loader, "[listener %s]: at most %d listeners are allowed", name,
                    CONFIG_LISTENERS);
        return NULL;
    }
    loader->listener_line[config->listener_count] = loader->line;
    listener = &config->listeners[config->listener_count++];
    set_listener_default(listener);
    strcpy(listener->name, name);
    return listener;
}

/* 0 or 1, or -1 when that section is no pool's. */
static int find_pool(const char *section)
{
    return strcmp(section, "pool A") == 0 ? 0 : strcmp(section, "pool B") == 0 ? 1 : -1;
}

/* A section counts without any keys, too. */
static int load_section(struct config_loader *loader, const char *section)
{
    int pool = find_pool(section);

    if (pool >= 0) {
        if (!loader->pool_seen[pool]) {
            loader->pool_seen[pool] = true;
            loader->config->pools[pool].device_count = 1; /* zero is CONFIG_DEVICE_AUTO */
        }
        return 1;
    }
    if (strncmp(section, "listener ", 9) == 0) {
        return find_listener(loader, section + 9) != NULL;
    }
    return strcmp(section, "mediator") == 0 ||
           config_fail(loader,
                       "unknown section [%s]: [mediator], [pool A], [pool B] and [listener NAME] "
                       "are allowed",
                       section);
}

static int load_key(void *context, const char *section, const char *key, const char *value)
{
    struct config_loader *loader = context;
    int pool = find_pool(section);

    if (!load_section(loader, section)) {
        return 0;
    }
    if (key == NULL) {
        return 1; /* an inih that is built to tell of sections */
    }
    if (strcmp(section, "mediator") == 0) {
        return load_mediator_key(loader, key, value);
    }
    if (pool < 0) {
        return load_listener_key(loader, find_listener(loader, section + 9), key, value);
    }
    if (strcmp(key, "devices") != 0) {
        return config_fail(loader, "unknown key %s in [%s]: devices is allowed", key, section);
    }
    return config_set_devices(loader, value, &loader->config->pools[pool]);
}

/* What inih takes for a section's line; it takes an indented one for more of a value sometimes, but
 * no value begins so. */
static void look_for_section(struct config_loader *loader, const char *line)
{
    const char *name = line + strspn(line, " \t\r\n\v\f") + 1;
    const char *end;
    char section[2 * CONFIG_NAME_SIZE];

    if (name[-1] == '[' && (end = strchr(name, ']')) != NULL) {
        snprintf(section, sizeof(section), "%.*s", (int)(end - name), name);
        load_section(loader, section);
    }
}

/* inih tells its handler neither the line nor of a section that has no keys (it can be built to,
 * Debian's is not). */
static char *read_line(char *line, int size, void *context)
{
    struct config_loader *loader = context;

    if (fgets(line, size, loader->stream) == NULL) {
        return NULL;
    }
    loader->line++;
    look_for_section(loader, line);
    return line;
}

static int check_worker_uids(struct config_loader *loader)
{
    const struct config *config = loader->config;
    uint32_t needed = config->max_sessions + config->spare_workers;

    loader->line = loader->worker_uids_line;
    if (config->worker_uid_count > 0 && config->worker_uid_count < needed) {
        return config_fail(
            loader, "worker_uids has %u users; max_sessions and spare_workers need %u together",
            config->worker_uid_count, needed);
    }
    if (config->user_uid - config->worker_first_uid < config->worker_uid_count) {
        return config_fail(loader, "worker_uids has user %s in it", config->user_name);
    }
    return 1;
}

static int check_whole(struct config_loader *loader)
{
    struct config *config = loader->config;

    if (!check_worker_uids(loader)) {
        return 0;
    }
    for (unsigned i = 0; i < config->listener_count; i++) {
        struct config_listener *listener = &config->listeners[i];
        struct config_limits *limits = &listener->limits;

        loader->line = loader->listener_line[i];
        if (!listener->path[0]) {
            return config_fail(loader, "[listener %s] has no path", listener->name);
        }
        if (listener->draw == CONFIG_DRAW_ON && listener->device != CONFIG_LISTENER_PVGPU) {
            return config_fail(loader, "[listener %s]: draw = on goes with device = pvgpu",
                               listener->name);
        }
        for (unsigned j = 0; j < i; j++) {
            if (strcmp(listener->path, config->listeners[j].path) == 0) {
                return config_fail(loader, "[listener %s] and [listener %s] have the same path",
                                   config->listeners[j].name, listener->name);
            }
        }
        if (!loader->burst_given[i]) {
            limits->burst = limits->requests_per_s ? limits->requests_per_s : 1;
        }
    }
    return 1;
}

static void set_base(struct config *config)
{
    memset(config, 0, sizeof(*config));
    config->max_sessions = 256;
    config->spare_workers = 1;
    config->log_level = MEDIATOR_LOG_INFO;
}

static void add_default_listener(struct config *config, const char *name, const char *path,
                                 enum config_listener_device device)
{
    struct config_listener *listener = &config->listeners[config->listener_count++];

    set_listener_default(listener);
    strcpy(listener->name, name);
    strcpy(listener->path, path);
    listener->device = device;
    listener->limits.burst = 1;
}

/* Where only this user can put a socket; else where older clients look for one. */
static const char *default_path(const char *path, char safe[CONFIG_PATH_SIZE])
{
    struct stat status;

    if (lstat(RUN_DIRECTORY, &status) != 0 || !S_ISDIR(status.st_mode) ||
        status.st_uid != geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return path;
    }
    snprintf(safe, CONFIG_PATH_SIZE, RUN_DIRECTORY "%s", strrchr(path, '/'));
    return safe;
}

static void set_default_listeners(struct config *config)
{
    char safe[CONFIG_PATH_SIZE];

    config->listener_count = 0;
    config->default_listeners = true;
    add_default_listener(config, "default", default_path(BG_VGPU_STUB_SOCKET_PATH, safe),
                         CONFIG_LISTENER_VGPU_STUB);
    add_default_listener(config, "pvgpu", default_path(BG_PVGPU_SOCKET_PATH, safe),
                         CONFIG_LISTENER_PVGPU);
}

void config_set_default(struct config *config)
{
    set_base(config);
    for (int pool = 0; pool < CONFIG_POOLS; pool++) {
        config->pools[pool].device_count = 1; /* zero is CONFIG_DEVICE_AUTO */
    }
    set_default_listeners(config);
}

static int load_stream(struct config_loader *loader)
{
    struct config *config = loader->config;
    int result = ini_parse_stream(read_line, loader, load_key, loader);

    if (result != 0 && !loader->error[0]) {
        loader->line = result > 0 ? result : 0;
        config_fail(loader, "%s",
                    result > 0 ? "neither a [section] nor a key = value" : "cannot be read");
    }
    if (loader->error[0]) {
        return -1;
    }
    /* No pools at all means the default ones; one alone leaves the other without a device. */
    if (!loader->pool_seen[0] && !loader->pool_seen[1]) {
        config->pools[0].device_count = config->pools[1].device_count = 1;
    }
    if (config->listener_count == 0) {
        set_default_listeners(config);
    }
    return check_whole(loader) ? 0 : -1;
}

int config_load_text(struct config *config, const char *text, const char *name,
                     char error[CONFIG_ERROR_SIZE])
{
    struct config_loader loader = {.config = config, .file = name, .error = error};
    int result = -1;

    error[0] = '\0';
    set_base(config);
    /* fmemopen refuses a size of 0 in older C libraries: the NUL is a line's end to inih. */
    loader.stream = fmemopen((void *)text, strlen(text) + 1, "r");
    if (loader.stream != NULL) {
        result = load_stream(&loader);
        fclose(loader.stream);
    }
    return result;
}

int config_load_file(struct config *config, const char *path, char error[CONFIG_ERROR_SIZE])
{
    struct config_loader loader = {.config = config, .file = path, .error = error};
    int result;

    error[0] = '\0';
    set_base(config);
    loader.stream = fopen(path, "re");
    if (loader.stream == NULL) {
        snprintf(error, CONFIG_ERROR_SIZE, "%s: %s", path, strerror(errno));
        return -1;
    }
    result = load_stream(&loader);
    fclose(loader.stream);
    return result;
}

int config_parse_path(const char *option, const char *text, char path[CONFIG_PATH_SIZE],
                      char error[CONFIG_ERROR_SIZE])
{
    char *directory = text[0] == '/' ? strdup("") : getcwd(NULL, 0);
    int length = -1;

    if (directory != NULL) {
        const char *slash = !directory[0] || strcmp(directory, "/") == 0 ? "" : "/";

        length = snprintf(path, CONFIG_PATH_SIZE, "%s%s%s", directory, slash, text);
    }
    if (length < 0) {
        snprintf(error, CONFIG_ERROR_SIZE, "%s %s: in no directory: %s", option, text,
                 strerror(errno));
    } else if (!text[0] || length >= CONFIG_PATH_SIZE) {
        snprintf(error, CONFIG_ERROR_SIZE,
                 "%s %s: a path of 1 to %d bytes is allowed, with the "
                 "directory that it is in",
                 option, text, CONFIG_PATH_SIZE - 1);
        length = -1;
    }
    free(directory);
    return length < 0 ? -1 : 0;
}

int config_set_socket(struct config *config, enum config_listener_device device, const char *path,
                      char error[CONFIG_ERROR_SIZE])
{
    const char *option = device == CONFIG_LISTENER_PVGPU ? "--pvgpu-socket" : "--socket";
    struct config_listener *only = NULL;
    unsigned count = 0;

    for (unsigned i = 0; i < config->listener_count; i++) {
        if (config->listeners[i].device == device) {
            only = &config->listeners[i];
            count++;
        }
    }
    if (count != 1) {
        snprintf(error, CONFIG_ERROR_SIZE,
                 "%s replaces the path of a single listener, the "
                 "configuration has %u of that device",
                 option, count);
        return -1;
    }
    return config_parse_path(option, path, only->path, error);
}

void config_drop_listeners(struct config *config, enum config_listener_device device)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < config->listener_count; i++) {
        if (config->listeners[i].device != device) {
            config->listeners[kept++] = config->listeners[i];
        }
    }
    config->listener_count = kept;
}

void config_get_admin_path(const struct config *config, char path[CONFIG_PATH_SIZE])
{
    if (config->admin_socket[0]) {
        strcpy(path, config->admin_socket);
        return;
    }
    /* A path too long for the suffix would lose it and be the listener's own. */
    const char *base = config->listeners[0].path;
    size_t length = strlen(base);
    if (length > CONFIG_PATH_SIZE - sizeof(ADMIN_SUFFIX)) {
        length = CONFIG_PATH_SIZE - sizeof(ADMIN_SUFFIX);
    }
    memcpy(path, base, length);
    strcpy(path + length, ADMIN_SUFFIX);
}
