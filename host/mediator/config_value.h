/* SPDX-License-Identifier: BSD-2-Clause */
/* config.c's values: each is read, checked and put in its place. */
#ifndef MEDIATOR_CONFIG_VALUE_H
#define MEDIATOR_CONFIG_VALUE_H

#include "host/mediator/config.h"

#define CONFIG_KEYS 32 /* of a section; more than any has */

enum config_section {
    CONFIG_SECTION_NONE,
    CONFIG_SECTION_MEDIATOR,
    CONFIG_SECTION_POOL_A,
    CONFIG_SECTION_POOL_B,
    CONFIG_SECTION_LISTENER, /* the last of the configuration's */
};

struct config_loader {
    struct config *config;
    const char *file;
    char *error;
    int line;
    enum config_section section;   /* the one that the line is in */
    const char *keys[CONFIG_KEYS]; /* of that section so far, in the file's text */
    unsigned key_count;
    bool mediator_seen;
    bool pool_seen[CONFIG_POOLS];
    bool burst_given[CONFIG_LISTENERS];
    int listener_line[CONFIG_LISTENERS]; /* where it begins */
    int worker_uids_line;
};

/* Says what is wrong, with file and line. Returns 0, as those do that call it. */
int config_fail(struct config_loader *loader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* 1, or 0 after config_fail. */
int config_set_number(struct config_loader *loader, const char *key, const char *text,
                      uint32_t least, uint32_t most, uint32_t *value);
int config_set_size(struct config_loader *loader, const char *key, const char *text,
                    uint64_t *value);
int config_set_path(struct config_loader *loader, const char *key, const char *text, char *path);
int config_set_metrics(struct config_loader *loader, const char *text, char *metrics);
int config_set_device(struct config_loader *loader, const char *text,
                      struct config_listener *listener);
int config_set_draw(struct config_loader *loader, const char *text, enum config_draw *draw);
int config_set_vulkan_device(struct config_loader *loader, const char *text, struct config *config);
int config_set_mode(struct config_loader *loader, const char *text, mode_t *mode);
int config_set_priority(struct config_loader *loader, const char *text, uint32_t *priority);
int config_set_pools(struct config_loader *loader, const char *text,
                     struct config_listener *listener);
int config_set_checks(struct config_loader *loader, const char *text,
                      char checks[CONFIG_CHECKS_SIZE]);
int config_set_users(struct config_loader *loader, const char *text,
                     struct config_listener *listener);
int config_set_devices(struct config_loader *loader, const char *text, struct config_pool *pool);
int config_set_user(struct config_loader *loader, const char *text, struct config *config);
int config_set_worker_uids(struct config_loader *loader, const char *text, struct config *config);
int config_set_restart(struct config_loader *loader, const char *text, uint32_t *restart_s);

#endif
