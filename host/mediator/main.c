/* SPDX-License-Identifier: BSD-2-Clause */
/* baregpu-mediator: options, then one of its lives. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/common/ready_fd.h"
#include "host/common/standard_fds.h"
#include "host/mediator/admin_client.h"
#include "host/mediator/config.h"
#include "host/mediator/log.h"
#include "host/mediator/pvgpu/drawing.h"
#include "host/mediator/pvgpu/worker.h"
#include "host/mediator/stub/worker.h"
#include "host/mediator/supervisor/probe.h"
#include "host/mediator/supervisor/supervisor.h"
#include "firmware/include/baregpu/version.h"
#include "protocol/pvgpu.h"

const char *argp_program_version = "baregpu-mediator " BAREGPU_VERSION;

enum option_key {
    OPTION_BACKEND = 'b',
    OPTION_SOCKET = 's',
    OPTION_CONFIG = 'c',
    OPTION_LOG_LEVEL = 'l',
    OPTION_ADMIN_SOCKET = 0x100,
    OPTION_READY_FD,
    OPTION_PVGPU_SOCKET,
    OPTION_STATUS,
    OPTION_RELEASE,
    OPTION_CHECK_CONFIG,
};

static const struct argp_option options[] = {
    {"backend", OPTION_BACKEND, "auto|cpu|cuda", 0,
     "What computes: a GPU where there is one (auto, the default), or only that", 0},
    {"socket", OPTION_SOCKET, "PATH", 0,
     "Where vgpu-stub devices connect (default " BG_VGPU_STUB_SOCKET_PATH ")", 0},
    {"pvgpu-socket", OPTION_PVGPU_SOCKET, "PATH", 0,
     "Where pvgpu devices connect (default " BG_PVGPU_SOCKET_PATH "; with one of the two options "
     "and no listeners configured, there is only that one)",
     0},
    {"config", OPTION_CONFIG, "FILE", 0, "Listeners, pools and limits (docs/mediator.md)", 0},
    {"log-level", OPTION_LOG_LEVEL, "LEVEL", 0, "error, warning, info (the default) or debug", 0},
    {"admin-socket", OPTION_ADMIN_SOCKET, "PATH", 0,
     "For --status and --release (default: the first listener's path with .admin)", 0},
    {"ready-fd", OPTION_READY_FD, "FD", 0, "Write a line there when all sockets listen", 0},
    {NULL, 0, NULL, 0, "Instead of running:", 1},
    {"check-config", OPTION_CHECK_CONFIG, NULL, 0, "Check options and configuration", 1},
    {"status", OPTION_STATUS, NULL, 0, "Print the running mediator's state as JSON", 1},
    {"release", OPTION_RELEASE, "LISTENER[:VM_ID]", 0,
     "Let a guest out of quarantine; baregpu-smi does more", 1},
    {0},
};

static const char documentation[] =
    "Shares this host's GPUs among bare-metal guests."
    "\vExit status: 0 success, 1 the system refused something, 2 wrong options or configuration, "
    "3 the socket is in use, 4 the backend is not there, 5 no mediator answers, 6 no such guest "
    "in quarantine, 7 this user may not ask.";

struct arguments {
    enum supervisor_backend backend;
    const char *socket;
    const char *pvgpu_socket;
    const char *config;
    const char *admin_socket;
    const char *log_level;
    int ready_fd;
    bool status;
    bool check_config;
    struct admin_client_guest release; /* listener NULL: not asked for */
};

static void set_backend(struct argp_state *state, const char *text)
{
    static const char *const names[] = {"auto", "cpu", "cuda"};
    struct arguments *arguments = state->input;

    for (int i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            arguments->backend = (enum supervisor_backend)i;
            return;
        }
    }
    argp_error(state, "--backend %s: auto, cpu and cuda are allowed", text);
}

static void set_release(struct argp_state *state, char *text)
{
    struct arguments *arguments = state->input;

    if (!admin_client_read_guest(text, &arguments->release)) {
        argp_error(state, "--release %s: LISTENER or LISTENER:VM_ID is needed, such as default:200",
                   text);
    }
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case OPTION_BACKEND:
        set_backend(state, text);
        return 0;
    case OPTION_SOCKET:
        arguments->socket = text;
        return 0;
    case OPTION_PVGPU_SOCKET:
        arguments->pvgpu_socket = text;
        return 0;
    case OPTION_CONFIG:
        arguments->config = text;
        return 0;
    case OPTION_LOG_LEVEL:
        arguments->log_level = text;
        return 0;
    case OPTION_ADMIN_SOCKET:
        arguments->admin_socket = text;
        return 0;
    case OPTION_READY_FD:
        if (!ready_fd_parse(text, &arguments->ready_fd)) {
            argp_error(state, "--ready-fd %s: a descriptor's number is needed", text);
        }
        return 0;
    case OPTION_STATUS:
        arguments->status = true;
        return 0;
    case OPTION_CHECK_CONFIG:
        arguments->check_config = true;
        return 0;
    case OPTION_RELEASE:
        set_release(state, text);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "%s: only options are allowed", text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int usage_error(const char *text)
{
    fprintf(stderr, "baregpu-mediator: %s\n", text);
    return MEDIATOR_EXIT_USAGE;
}

/* The file, and the options that go before what it has. -1 with a text. */
static int load_config(void *context, struct config *config, char error[CONFIG_ERROR_SIZE])
{
    const struct arguments *arguments = context;

    if (arguments->config == NULL) {
        config_set_default(config);
    } else if (config_load_file(config, arguments->config, error) != 0) {
        return -1;
    }
    if ((arguments->socket != NULL &&
         config_set_socket(config, CONFIG_LISTENER_VGPU_STUB, arguments->socket, error) != 0) ||
        (arguments->pvgpu_socket != NULL &&
         config_set_socket(config, CONFIG_LISTENER_PVGPU, arguments->pvgpu_socket, error) != 0)) {
        return -1;
    }
    if (config->default_listeners &&
        (arguments->socket == NULL) != (arguments->pvgpu_socket == NULL)) {
        config_drop_listeners(config, arguments->socket != NULL ? CONFIG_LISTENER_PVGPU
                                                                : CONFIG_LISTENER_VGPU_STUB);
    }
    if (arguments->admin_socket != NULL &&
        config_parse_path("--admin-socket", arguments->admin_socket, config->admin_socket, error) !=
            0) {
        return -1;
    }
    if (arguments->log_level != NULL &&
        !log_parse_level(arguments->log_level, &config->log_level)) {
        snprintf(error, CONFIG_ERROR_SIZE, "--log-level %.64s: " MEDIATOR_LOG_LEVELS " are allowed",
                 arguments->log_level);
        return -1;
    }
    return 0;
}

static int print_status(const char *admin_path)
{
    enum mediator_exit result;
    json_t *status = admin_client_ask(admin_path, json_pack("{ss}", "command", "status"), &result);

    if (status != NULL &&
        (json_dumpf(status, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) != 0 || puts("") < 0)) {
        result = MEDIATOR_EXIT_FAILED;
    }
    json_decref(status);
    return result;
}

static int release(const char *admin_path, const struct admin_client_guest *guest)
{
    enum mediator_exit result;

    json_decref(admin_client_tell(admin_path, "release", guest, &result));
    return result;
}

static int check_config(const struct config *config)
{
    for (unsigned i = 0; i < config->listener_count; i++) {
        if (!config_has_device(config, &config->listeners[i])) {
            fprintf(stderr,
                    "baregpu-mediator: warning: listener %s: none of its pools has a device\n",
                    config->listeners[i].name);
        }
    }
    return MEDIATOR_EXIT_OK;
}

static int run(struct arguments *arguments)
{
    static struct config config;
    struct supervisor_options supervisor = {
        .config = &config,
        .backend = arguments->backend,
        .ready_fd = arguments->ready_fd,
        .load = arguments->config != NULL ? load_config : NULL,
        .load_context = arguments,
    };
    char admin_path[CONFIG_PATH_SIZE], error[CONFIG_ERROR_SIZE];
    int result;

    if (load_config(arguments, &config, error) != 0) {
        return usage_error(error);
    }
    if (arguments->check_config) {
        return check_config(&config);
    }
    log_set_level(config.log_level);
    config_get_admin_path(&config, admin_path);
    if (arguments->status) {
        return print_status(admin_path);
    }
    if (arguments->release.listener != NULL) {
        return release(admin_path, &arguments->release);
    }
    result = supervisor_run(&supervisor);
    log_finish();
    return result;
}

static void find_drawing(const char *wanted, struct probe *probe)
{
    struct drawing_device device;

    if (!drawing_find(wanted, &device, probe->reason)) {
        return;
    }
    snprintf(probe->names[0], sizeof(probe->names[0]), "%s", device.name);
    snprintf(probe->path, sizeof(probe->path), "%s", device.driver);
    probe->version = device.version;
    probe->count = 1;
}

static const struct worker_kind *const worker_kinds[] = {&stub_worker_kind, &pvgpu_worker_kind};

int main(int count, char **texts)
{
    static const struct argp parser = {options, parse_option, NULL, documentation,
                                       NULL,    NULL,         NULL};
    struct arguments arguments = {.ready_fd = -1};

    if (standard_fds_open() != 0) {
        return MEDIATOR_EXIT_FAILED; /* with nowhere to say so */
    }
    if (count >= 2 && strcmp(texts[1], WORKER_ARGUMENT) == 0) {
        return worker_main(worker_kinds, sizeof(worker_kinds) / sizeof(worker_kinds[0]), texts + 2);
    }
    if (count == 3 && strcmp(texts[1], PROBE_ARGUMENT) == 0) {
        return probe_main(texts[2], find_drawing);
    }
    argp_err_exit_status = MEDIATOR_EXIT_USAGE;
    atexit(standard_fds_finish);
    argp_parse(&parser, count, texts, 0, NULL, &arguments);
    return run(&arguments);
}
