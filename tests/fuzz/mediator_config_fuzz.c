/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/config.c host/mediator/config_value.c host/mediator/log.c host/common/address.c
/*
 * Any text as the mediator's configuration. Held: what is refused has a line that says why; what is
 * taken has listeners with a name and a path of their own, and lists within their bounds.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/mediator/config.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_listener(const struct config *config, unsigned index)
{
    const struct config_listener *listener = &config->listeners[index];

    CHECK(listener->name[0] && listener->path[0] == '/');
    CHECK(listener->pools[0] || listener->pools[1]);
    CHECK(listener->allow_user_count <= CONFIG_USERS);
    CHECK(listener->limits.burst > 0 && listener->limits.max_queued > 0);
    CHECK(listener->limits.memory_limit > 0 && listener->weight > 0);
    for (unsigned i = 0; i < index; i++) {
        CHECK(strcmp(listener->name, config->listeners[i].name) != 0);
        CHECK(strcmp(listener->path, config->listeners[i].path) != 0);
    }
}

static void check(const struct config *config)
{
    char path[CONFIG_PATH_SIZE];

    CHECK(config->listener_count > 0 && config->listener_count <= CONFIG_LISTENERS);
    for (unsigned i = 0; i < config->listener_count; i++) {
        check_listener(config, i);
    }
    CHECK(config->pools[0].device_count > 0 || config->pools[1].device_count > 0);
    for (unsigned i = 0; i < CONFIG_POOLS; i++) {
        CHECK(config->pools[i].device_count <= CONFIG_POOL_DEVICES);
    }
    config_get_admin_path(config, path);
    CHECK(path[0] == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config config;
    char error[CONFIG_ERROR_SIZE];
    char *text = malloc(size + 1);

    memcpy(text, data, size);
    text[size] = '\0';
    if (config_load_text(&config, text, "fuzz.ini", error) == 0) {
        check(&config);
    } else {
        CHECK(strncmp(error, "fuzz.ini:", 9) == 0);
    }
    free(text);
    return 0;
}
