/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration file (docs/mediator.md): parsed, checked, defaults filled in. Errors go into
 * a text that names file, line, key and what is allowed.
 */
#ifndef MEDIATOR_CONFIG_H
#define MEDIATOR_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "host/mediator/log.h"
#include "protocol/vgpu_stub.h"

#define CONFIG_NAME_SIZE 32  /* of a listener, NUL included */
#define CONFIG_PATH_SIZE 108 /* what a Unix socket address holds */
#define CONFIG_POOLS 2       /* A and B */
#define CONFIG_POOL_DEVICES 16
#define CONFIG_LISTENERS 32
#define CONFIG_USERS 16
#define CONFIG_SESSIONS_MAX 4096u
#define CONFIG_SPARES_MAX 16u
#define CONFIG_CHECKS_SIZE 32
#define CONFIG_CUDA_THREADS_MAX 64u /* twice as many fit into a worker's cgroup */
#define CONFIG_VULKAN_DEVICE_SIZE 64
#define CONFIG_ERROR_SIZE 1024

/* What a session of a listener may do. Set by the supervisor, out of every guest's reach. */
struct config_limits {
    uint64_t memory_limit;       /* bytes */
    uint32_t max_queued;         /* requests waiting behind the one that runs */
    uint32_t requests_per_s;     /* 0: no limit */
    uint32_t burst;              /* requests at once, above that rate */
    uint32_t request_timeout_ms; /* from a request's start */
    uint32_t max_priority;       /* enum bg_vgpu_stub_priority */
    uint32_t cuda_threads;       /* of kernels on the CPU; 0: as many as processors */
};

/* Which device connects to a listener. */
enum config_listener_device {
    CONFIG_LISTENER_VGPU_STUB,
    CONFIG_LISTENER_PVGPU,
};

/* Whether the guests of a listener draw. */
enum config_draw {
    CONFIG_DRAW_AUTO, /* where there is a Vulkan device */
    CONFIG_DRAW_ON,
    CONFIG_DRAW_OFF,
};

enum config_device_kind {
    CONFIG_DEVICE_AUTO, /* cuda:0 where there is one, else cpu */
    CONFIG_DEVICE_CPU,
    CONFIG_DEVICE_CUDA,
};

struct config_device {
    enum config_device_kind kind;
    int ordinal;
};

struct config_pool {
    struct config_device devices[CONFIG_POOL_DEVICES];
    unsigned device_count; /* 0: nothing serves this pool */
};

struct config_listener {
    char name[CONFIG_NAME_SIZE];
    char path[CONFIG_PATH_SIZE];
    enum config_listener_device device;
    enum config_draw draw; /* a pvgpu's */
    mode_t mode;
    bool pools[CONFIG_POOLS];
    uid_t allow_users[CONFIG_USERS]; /* besides root and the mediator's own */
    unsigned allow_user_count;
    struct config_limits limits;
    char checks[CONFIG_CHECKS_SIZE]; /* of kernels on the CPU, as BAREGPU_CUDA_CHECK; empty: none */
    uint32_t weight;                 /* its share of a device, beside the other listeners' */
    uint32_t max_sessions;
    uint32_t connections_per_s;       /* 0: no limit */
    uint32_t guest_connections_per_s; /* of one guest; 0: no limit */
    uint32_t quarantine_faults;       /* 0: never */
    uint32_t quarantine_window_s;
    uint32_t quarantine_s; /* how long it lasts; 0: until it is released */
};

struct config {
    struct config_pool pools[CONFIG_POOLS];
    struct config_listener listeners[CONFIG_LISTENERS];
    unsigned listener_count;
    bool default_listeners; /* none is configured */
    uint32_t max_sessions;
    uint32_t spare_workers;
    uint32_t restart_s; /* that a session waits for the next mediator; 0: it ends with this one */
    /* Part of the name of the Vulkan device that draws, or its number; empty: a GPU, if there is
     * one. */
    char vulkan_device[CONFIG_VULKAN_DEVICE_SIZE];
    char user_name[CONFIG_NAME_SIZE]; /* whom the supervisor becomes; empty: nobody else */
    uid_t user_uid;
    gid_t user_gid;
    uid_t worker_first_uid; /* each worker has a user of its own, from this on; 0: none has */
    uint32_t worker_uid_count;
    bool cuda_loose; /* a worker that may use a GPU keeps files, and most system calls */
    char admin_socket[CONFIG_PATH_SIZE];
    char metrics[CONFIG_PATH_SIZE]; /* host/common/address.h; empty: there are none */
    enum mediator_log_level log_level;
};

/* The configuration without a file: a listener for each device, pools A and B on the first GPU. */
void config_set_default(struct config *config);

/* 0, or -1 with a text: of the first error, or why the file cannot be read to its end. */
int config_load_file(struct config *config, const char *path, char error[CONFIG_ERROR_SIZE]);
int config_load_text(struct config *config, const char *text, const char *name,
                     char error[CONFIG_ERROR_SIZE]);

/* A path that an option names: a relative one is made absolute. -1 with a text when it is too long,
 * or empty. */
int config_parse_path(const char *option, const char *text, char path[CONFIG_PATH_SIZE],
                      char error[CONFIG_ERROR_SIZE]);

/* Puts path in the place of the path of this device's only listener; -1 with a text when it is
 * too long, or there is none, or several. */
int config_set_socket(struct config *config, enum config_listener_device device, const char *path,
                      char error[CONFIG_ERROR_SIZE]);

/* Removes this device's listeners. */
void config_drop_listeners(struct config *config, enum config_listener_device device);

/* Whether a pool of the listener has a device: else its guests do not compute. */
bool config_has_device(const struct config *config, const struct config_listener *listener);

/* Whether its guests are to draw, where something can. */
bool config_wants_drawing(const struct config_listener *listener);

/* Where the admin socket is: as configured, else the first listener's path with .admin. */
void config_get_admin_path(const struct config *config, char path[CONFIG_PATH_SIZE]);

#endif
