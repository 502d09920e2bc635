/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* strsep */
#include "host/mediator/config_value.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/common/address.h"

/* docs/mediator.md repeats them. */
#define RESTART_S_MIN 10u
#define RESTART_S_MAX 3600u
#define CUDA_ORDINAL_MAX 63
#define LIST_SIZE 512

int config_fail(struct config_loader *loader, const char *format, ...)
{
    va_list arguments;
    int used;

    used = snprintf(loader->error, CONFIG_ERROR_SIZE, "%s:%d: ", loader->file, loader->line);
    if (used > 0 && used < CONFIG_ERROR_SIZE) {
        va_start(arguments, format);
        vsnprintf(loader->error + used, CONFIG_ERROR_SIZE - (size_t)used, format, arguments);
        va_end(arguments);
    }
    return 0;
}

static bool parse_unsigned(const char *text, uint64_t *value, char **end)
{
    if (!isdigit((unsigned char)text[0])) {
        return false;
    }
    errno = 0;
    *value = strtoull(text, end, 10);
    return errno == 0;
}

int config_set_number(struct config_loader *loader, const char *key, const char *text,
                      uint32_t least, uint32_t most, uint32_t *value)
{
    uint64_t number;
    char *end;

    if (!parse_unsigned(text, &number, &end) || *end || number < least || number > most) {
        return config_fail(loader, "%s = %s: a number from %u to %u is allowed", key, text, least,
                           most);
    }
    *value = (uint32_t)number;
    return 1;
}

int config_set_size(struct config_loader *loader, const char *key, const char *text,
                    uint64_t *value)
{
    static const char units[] = "KMGT";
    uint64_t number;
    char *end;
    unsigned shift = 0;

    if (!parse_unsigned(text, &number, &end)) {
        goto bad;
    }
    if (*end) {
        const char *unit = strchr(units, toupper((unsigned char)*end));

        if (unit == NULL || end[1]) {
            goto bad;
        }
        shift = 10 * (unsigned)(unit - units + 1);
    }
    if (number > UINT64_MAX >> shift || number == 0) {
        goto bad;
    }
    *value = number << shift;
    return 1;
bad:
    return config_fail(loader, "%s = %s: a size is allowed, such as 4096, 64K, 512M, 2G or 1T", key,
                       text);
}

int config_set_path(struct config_loader *loader, const char *key, const char *text, char *path)
{
    if (text[0] != '/' || strlen(text) >= CONFIG_PATH_SIZE) {
        return config_fail(loader, "%s = %s: an absolute path of at most %d bytes is allowed", key,
                           text, CONFIG_PATH_SIZE - 1);
    }
    strcpy(path, text);
    return 1;
}

int config_set_metrics(struct config_loader *loader, const char *text, char *metrics)
{
    struct address address;

    if (strlen(text) >= CONFIG_PATH_SIZE || !address_parse(text, &address)) {
        return config_fail(
            loader,
            "metrics = %s: an address such as 127.0.0.1:9400, [::1]:9400 or :9400, or an "
            "absolute path is allowed",
            text);
    }
    strcpy(metrics, text);
    return 1;
}

int config_set_device(struct config_loader *loader, const char *text,
                      struct config_listener *listener)
{
    if (strcmp(text, "vgpu-stub") == 0) {
        listener->device = CONFIG_LISTENER_VGPU_STUB;
    } else if (strcmp(text, "pvgpu") == 0) {
        listener->device = CONFIG_LISTENER_PVGPU;
    } else {
        return config_fail(loader, "device = %s: vgpu-stub or pvgpu is allowed", text);
    }
    return 1;
}

/* Which of the names it is; count: none of them. */
static unsigned find_name(const char *text, const char *const *names, unsigned count)
{
    unsigned i = 0;

    while (i < count && strcmp(text, names[i]) != 0) {
        i++;
    }
    return i;
}

int config_set_draw(struct config_loader *loader, const char *text, enum config_draw *draw)
{
    static const char *const names[] = {
        [CONFIG_DRAW_AUTO] = "auto", [CONFIG_DRAW_ON] = "on", [CONFIG_DRAW_OFF] = "off"};
    unsigned i = find_name(text, names, 3);

    if (i == 3) {
        return config_fail(loader, "draw = %s: auto, on or off is allowed", text);
    }
    *draw = (enum config_draw)i;
    return 1;
}

int config_set_vulkan_device(struct config_loader *loader, const char *text, struct config *config)
{
    if (!text[0] || strlen(text) >= sizeof(config->vulkan_device)) {
        return config_fail(
            loader, "vulkan_device: a device's number, or 1 to %zu bytes of its name, is allowed",
            sizeof(config->vulkan_device) - 1);
    }
    strcpy(config->vulkan_device, text);
    return 1;
}

int config_set_mode(struct config_loader *loader, const char *text, mode_t *mode)
{
    char *end;
    unsigned long value;

    value = strtoul(text, &end, 8);
    if (!isdigit((unsigned char)text[0]) || *end || value > 0777) {
        return config_fail(loader, "mode = %s: an octal mode from 0000 to 0777 is allowed", text);
    }
    *mode = (mode_t)value;
    return 1;
}

int config_set_priority(struct config_loader *loader, const char *text, uint32_t *priority)
{
    static const char *const names[] = {"low", "medium", "high"};
    unsigned i = find_name(text, names, 3);

    if (i == 3) {
        return config_fail(loader, "max_priority = %s: low, medium or high is allowed", text);
    }
    *priority = i;
    return 1;
}

/* Of a list, for next_word. */
static bool copy_list(struct config_loader *loader, const char *key, const char *text,
                      char copy[LIST_SIZE])
{
    if (strlen(text) >= LIST_SIZE) {
        return config_fail(loader, "%s: at most %d bytes are allowed", key, LIST_SIZE - 1);
    }
    strcpy(copy, text);
    return true;
}

/* The next word of a list separated by commas or blanks; NULL at its end. */
static char *next_word(char **rest)
{
    char *word;

    do {
        word = strsep(rest, ", \t");
    } while (word != NULL && !*word);
    return word;
}

int config_set_pools(struct config_loader *loader, const char *text,
                     struct config_listener *listener)
{
    char copy[LIST_SIZE];
    char *rest = copy;
    char *word;

    if (!copy_list(loader, "pools", text, copy)) {
        return 0;
    }
    listener->pools[0] = listener->pools[1] = false;
    while ((word = next_word(&rest)) != NULL) {
        if (strcmp(word, "A") != 0 && strcmp(word, "B") != 0) {
            return config_fail(loader, "pools = %s: a list of A and B is allowed", text);
        }
        listener->pools[word[0] - 'A'] = true;
    }
    if (!listener->pools[0] && !listener->pools[1]) {
        return config_fail(loader, "pools is empty: a list of A and B is allowed");
    }
    return 1;
}

int config_set_checks(struct config_loader *loader, const char *text,
                      char checks[CONFIG_CHECKS_SIZE])
{
    static const char *const names[] = {"memory", "race", "init", "sync"};
    bool wanted[4] = {false};
    char copy[LIST_SIZE];
    char *rest = copy;
    char *word;

    if (!copy_list(loader, "checks", text, copy)) {
        return 0;
    }
    while ((word = next_word(&rest)) != NULL) {
        unsigned i = find_name(word, names, 4);

        if (i == 4) {
            return config_fail(
                loader, "checks = %s: a list of memory, race, init and sync is allowed", text);
        }
        wanted[i] = true;
    }
    checks[0] = '\0';
    for (unsigned i = 0; i < 4; i++) {
        if (wanted[i]) {
            strcat(strcat(checks, checks[0] ? "," : ""), names[i]);
        }
    }
    return 1;
}

int config_set_users(struct config_loader *loader, const char *text,
                     struct config_listener *listener)
{
    char copy[LIST_SIZE];
    char *rest = copy;
    char *word;

    if (!copy_list(loader, "allow_users", text, copy)) {
        return 0;
    }
    listener->allow_user_count = 0;
    while ((word = next_word(&rest)) != NULL) {
        uint64_t number;
        char *end;

        if (listener->allow_user_count == CONFIG_USERS) {
            return config_fail(loader, "allow_users: at most %d users are allowed", CONFIG_USERS);
        }
        if (!parse_unsigned(word, &number, &end) || *end || number > UINT32_MAX) {
            struct passwd *user = getpwnam(word);

            if (user == NULL) {
                return config_fail(loader,
                                   "allow_users: no user %s; names and user ids are allowed", word);
            }
            number = user->pw_uid;
        }
        listener->allow_users[listener->allow_user_count++] = (uid_t)number;
    }
    return 1;
}

int config_set_devices(struct config_loader *loader, const char *text, struct config_pool *pool)
{
    char copy[LIST_SIZE];
    char *rest = copy;
    char *word;

    if (!copy_list(loader, "devices", text, copy)) {
        return 0;
    }
    pool->device_count = 0;
    while ((word = next_word(&rest)) != NULL) {
        struct config_device device = {.kind = CONFIG_DEVICE_AUTO};
        uint64_t ordinal;
        char *end;

        if (strcmp(word, "cpu") == 0) {
            device.kind = CONFIG_DEVICE_CPU;
        } else if (strncmp(word, "cuda:", 5) == 0 && parse_unsigned(word + 5, &ordinal, &end) &&
                   !*end && ordinal <= CUDA_ORDINAL_MAX) {
            device.kind = CONFIG_DEVICE_CUDA;
            device.ordinal = (int)ordinal;
        } else if (strcmp(word, "auto") != 0) {
            return config_fail(loader,
                               "devices: %s: auto, cpu and cuda:N (N from 0 to %d) are allowed",
                               word, CUDA_ORDINAL_MAX);
        }
        if (pool->device_count == CONFIG_POOL_DEVICES) {
            return config_fail(loader, "devices: at most %d are allowed", CONFIG_POOL_DEVICES);
        }
        pool->devices[pool->device_count++] = device;
    }
    if (pool->device_count == 0) {
        return config_fail(loader, "devices is empty: a list of auto, cpu and cuda:N is allowed");
    }
    return 1;
}

int config_set_user(struct config_loader *loader, const char *text, struct config *config)
{
    const struct passwd *user = getpwnam(text);

    if (user == NULL || strlen(text) >= sizeof(config->user_name)) {
        return config_fail(loader, "user = %s: no user of that name", text);
    }
    strcpy(config->user_name, text);
    config->user_uid = user->pw_uid;
    config->user_gid = user->pw_gid;
    return 1;
}

int config_set_worker_uids(struct config_loader *loader, const char *text, struct config *config)
{
    uint64_t first, last;
    char *end;

    if (!parse_unsigned(text, &first, &end) || *end != '-' ||
        !parse_unsigned(end + 1, &last, &end) || *end || first == 0 || last < first ||
        last >= UINT32_MAX) {
        return config_fail(loader, "worker_uids = %s: a range is allowed, such as 200000-265535",
                           text);
    }
    loader->worker_uids_line = loader->line;
    config->worker_first_uid = (uid_t)first;
    config->worker_uid_count = (uint32_t)(last - first + 1);
    return 1;
}

/* A worker hears of its supervisor every five seconds. */
int config_set_restart(struct config_loader *loader, const char *text, uint32_t *restart_s)
{
    uint64_t number;
    char *end;

    if (!parse_unsigned(text, &number, &end) || *end || number > RESTART_S_MAX ||
        (number > 0 && number < RESTART_S_MIN)) {
        return config_fail(loader, "restart_s = %s: 0, or a number from %u to %u is allowed", text,
                           RESTART_S_MIN, RESTART_S_MAX);
    }
    *restart_s = (uint32_t)number;
    return 1;
}
