/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* strsep */
#include "host/mediator/config.h"

#include <errno.h>
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
#define FILE_SIZE_MAX (1u << 20)
#define SECTIONS "[mediator], [pool A], [pool B] and [listener NAME]"
#define BLANKS " \t\r\v\f"

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

static int load_pool_key(struct config_loader *loader, int pool, const char *key, const char *text)
{
    if (strcmp(key, "devices") != 0) {
        return config_fail(loader, "unknown key %s in [pool %c]: devices is allowed", key,
                           'A' + pool);
    }
    return config_set_devices(loader, text, &loader->config->pools[pool]);
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

static int begin_listener(struct config_loader *loader, const char *name)
{
    struct config *config = loader->config;
    struct config_listener *listener;

    for (unsigned i = 0; i < config->listener_count; i++) {
        if (strcmp(config->listeners[i].name, name) == 0) {
            return config_fail(loader, "[listener %s] is there already, in line %d", name,
                               loader->listener_line[i]);
        }
    }
    if (!name_allowed(name)) {
        return config_fail(loader,
                           "[listener %s]: a name of at most %d letters, digits, _ and - is "
                           "allowed",
                           name, CONFIG_NAME_SIZE - 1);
    }
    if (config->listener_count == CONFIG_LISTENERS) {
        return config_fail(loader, "[listener %s]: at most %d listeners are allowed", name,
                           CONFIG_LISTENERS);
    }
    loader->listener_line[config->listener_count] = loader->line;
    listener = &config->listeners[config->listener_count++];
    set_listener_default(listener);
    strcpy(listener->name, name);
    return 1;
}

static int begin_pool(struct config_loader *loader, int pool)
{
    if (loader->pool_seen[pool]) {
        return config_fail(loader, "[pool %c] is there already", 'A' + pool);
    }
    loader->pool_seen[pool] = true;
    loader->config->pools[pool].device_count = 1; /* zero is CONFIG_DEVICE_AUTO */
    return 1;
}

static int begin_mediator(struct config_loader *loader)
{
    if (loader->mediator_seen) {
        return config_fail(loader, "[mediator] is there already");
    }
    loader->mediator_seen = true;
    return 1;
}

/* A section counts without any keys, too. */
static int begin_section(struct config_loader *loader, const char *name)
{
    loader->key_count = 0;
    if (strcmp(name, "mediator") == 0) {
        loader->section = CONFIG_SECTION_MEDIATOR;
        return begin_mediator(loader);
    }
    if (strcmp(name, "pool A") == 0 || strcmp(name, "pool B") == 0) {
        loader->section = name[5] == 'A' ? CONFIG_SECTION_POOL_A : CONFIG_SECTION_POOL_B;
        return begin_pool(loader, name[5] - 'A');
    }
    if (strncmp(name, "listener ", 9) == 0) {
        loader->section = CONFIG_SECTION_LISTENER;
        return begin_listener(loader, name + 9);
    }
    return config_fail(loader, "unknown section [%s]: " SECTIONS " are allowed", name);
}

/* There is a place for every key: an unknown one is the last. */
static int check_once(struct config_loader *loader, const char *key)
{
    for (unsigned i = 0; i < loader->key_count; i++) {
        if (strcmp(loader->keys[i], key) == 0) {
            return config_fail(loader, "%s has a value already, in this section", key);
        }
    }
    loader->keys[loader->key_count++] = key;
    return 1;
}

static int load_key(struct config_loader *loader, const char *key, const char *value)
{
    struct config *config = loader->config;

    if (!check_once(loader, key)) {
        return 0;
    }
    switch (loader->section) {
    case CONFIG_SECTION_MEDIATOR:
        return load_mediator_key(loader, key, value);
    case CONFIG_SECTION_POOL_A:
        return load_pool_key(loader, 0, key, value);
    case CONFIG_SECTION_POOL_B:
        return load_pool_key(loader, 1, key, value);
    case CONFIG_SECTION_LISTENER:
        return load_listener_key(loader, &config->listeners[config->listener_count - 1], key,
                                 value);
    default:
        return config_fail(loader, "%s is in no section: " SECTIONS " are allowed", key);
    }
}

/* ---- Lines ---- */

static char *trim(char *text)
{
    size_t length;

    text += strspn(text, BLANKS);
    length = strlen(text);
    while (length > 0 && strchr(BLANKS, text[length - 1]) != NULL) {
        length--;
    }
    text[length] = '\0';
    return text;
}

/* It begins the line, or follows a blank. */
static void cut_comment(char *line)
{
    char *at = strpbrk(line, ";#");

    while (at != NULL && at > line && strchr(BLANKS, at[-1]) == NULL) {
        at = strpbrk(at + 1, ";#");
    }
    if (at != NULL) {
        *at = '\0';
    }
}

static int load_line(struct config_loader *loader, char *line)
{
    char *text, *separator;
    size_t length;

    cut_comment(line);
    text = trim(line);
    length = strlen(text);
    if (length == 0) {
        return 1;
    }
    if (text[0] == '[' && text[length - 1] == ']') {
        text[length - 1] = '\0';
        return begin_section(loader, text + 1);
    }
    separator = strpbrk(text, "=:");
    if (text[0] == '[' || separator == NULL) {
        return config_fail(loader,
                           "neither a [section] nor a key = value, which are one line each");
    }
    *separator = '\0';
    return load_key(loader, trim(text), trim(separator + 1));
}

static int load_lines(struct config_loader *loader, char *text)
{
    char *line;

    while ((line = strsep(&text, "\n")) != NULL) {
        loader->line++;
        if (!load_line(loader, line)) {
            return 0;
        }
    }
    return 1;
}

/* ---- The whole ---- */

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

/* Takes the text to pieces. */
static int load(struct config_loader *loader, char *text)
{
    struct config *config = loader->config;

    set_base(config);
    if (!load_lines(loader, text)) {
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
    char *copy = strdup(text);
    int result = -1;

    error[0] = '\0';
    if (copy == NULL) {
        snprintf(error, CONFIG_ERROR_SIZE, "%s: no memory", name);
    } else {
        result = load(&loader, copy);
    }
    free(copy);
    return result;
}

/* The caller frees the text; NULL after an error: a part of a file is none. */
static char *read_file(const char *path, char error[CONFIG_ERROR_SIZE])
{
    FILE *stream = fopen(path, "re");
    char *text = malloc(FILE_SIZE_MAX + 1);
    size_t length = 0;

    error[0] = '\0';
    if (stream != NULL && text != NULL) {
        length = fread(text, 1, FILE_SIZE_MAX + 1, stream);
    }
    if (stream == NULL || text == NULL || ferror(stream)) {
        snprintf(error, CONFIG_ERROR_SIZE, "%s: %s", path, strerror(errno));
    } else if (length > FILE_SIZE_MAX || memchr(text, '\0', length) != NULL) {
        snprintf(error, CONFIG_ERROR_SIZE, "%s: a text of at most %u bytes is allowed", path,
                 FILE_SIZE_MAX);
    } else {
        text[length] = '\0';
    }
    if (stream != NULL) {
        fclose(stream);
    }
    if (error[0]) {
        free(text);
        return NULL;
    }
    return text;
}

int config_load_file(struct config *config, const char *path, char error[CONFIG_ERROR_SIZE])
{
    struct config_loader loader = {.config = config, .file = path, .error = error};
    char *text = read_file(path, error);
    int result = text != NULL ? load(&loader, text) : -1;

    free(text);
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

bool config_has_device(const struct config *config, const struct config_listener *listener)
{
    for (int pool = 0; pool < CONFIG_POOLS; pool++) {
        if (listener->pools[pool] && config->pools[pool].device_count > 0) {
            return true;
        }
    }
    return false;
}

bool config_wants_drawing(const struct config_listener *listener)
{
    return listener->device == CONFIG_LISTENER_PVGPU && listener->draw != CONFIG_DRAW_OFF;
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
