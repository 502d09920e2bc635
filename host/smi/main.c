/* SPDX-License-Identifier: BSD-2-Clause */
/* baregpu-smi: options, then what was asked for. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "firmware/include/baregpu/version.h"
#include "host/common/standard_fds.h"
#include "host/mediator/admin_client.h"
#include "host/mediator/config.h"
#include "host/smi/nvml.h"
#include "host/smi/query.h"
#include "host/smi/reading.h"
#include "host/smi/table.h"
#include "host/smi/top.h"
#include "protocol/pvgpu.h"
#include "protocol/vgpu_stub.h"

#define CONFIG_FILE "/etc/baregpu/mediator.ini"
#define SECONDS_MAX 86400u

const char *argp_program_version = "baregpu-smi " BAREGPU_VERSION;

enum option_key {
    OPTION_LIST = 'L',
    OPTION_ID = 'i',
    OPTION_LOOP = 'l',
    OPTION_COUNT = 'n',
    OPTION_CONFIG = 'c',
    OPTION_QUERY_GPU = 0x100,
    OPTION_QUERY_APPS,
    OPTION_HELP_GPU,
    OPTION_HELP_APPS,
    OPTION_FORMAT,
    OPTION_JSON,
    OPTION_ADMIN_SOCKET,
};

static const struct argp_option options[] = {
    {"list-gpus", OPTION_LIST, NULL, 0, "A line for each device, with its UUID", 0},
    {"query-gpu", OPTION_QUERY_GPU, "FIELDS", 0, "These fields of each device; with --format", 0},
    {"query-compute-apps", OPTION_QUERY_APPS, "FIELDS", 0,
     "These fields of each session; with --format", 0},
    {"format", OPTION_FORMAT, "csv[,noheader][,nounits]", 0, "How a query is printed", 0},
    {"help-query-gpu", OPTION_HELP_GPU, NULL, 0, "The fields of --query-gpu", 0},
    {"help-query-compute-apps", OPTION_HELP_APPS, NULL, 0, "The fields of --query-compute-apps", 0},
    {"json", OPTION_JSON, NULL, 0, "All that is known, as JSON", 0},
    {NULL, 0, NULL, 0, "Of what, and how often:", 1},
    {"id", OPTION_ID, "INDEX|UUID", 0, "Of this device only", 1},
    {"loop", OPTION_LOOP, "SECONDS", 0, "Again and again (of top: 1)", 1},
    {"count", OPTION_COUNT, "N", 0, "So often, then end", 1},
    {NULL, 0, NULL, 0, "Which mediator:", 2},
    {"admin-socket", OPTION_ADMIN_SOCKET, "PATH", 0, "Its admin socket", 2},
    {"config", OPTION_CONFIG, "FILE", 0,
     "Its configuration, which says where that is (default " CONFIG_FILE
     ", else the places of a mediator without one)",
     2},
    {0},
};

static const char documentation[] =
    "Shows what a baregpu mediator's devices, listeners and sessions do, and acts on guests.\n\n"
    "  top         live, the busiest session first; q ends it\n"
    "  quarantine  all its requests are refused until it is released\n"
    "  drain       its sessions finish and end; a listener serves no others\n"
    "  release     takes back both, and other quarantines"
    "\vNames and units are nvidia-smi's; what is not known is [N/A]. Exit status: 0 success, 1 the "
    "system or the mediator refused something, 2 wrong options, 5 no mediator answers, 6 no such "
    "device, listener or guest, 7 this user may not ask.";

static const char arguments_documentation[] =
    "\ntop\nquarantine LISTENER[:VM_ID]\ndrain LISTENER[:VM_ID]\nrelease LISTENER[:VM_ID]";

struct arguments {
    bool list, json, has_query, help;
    struct query query;
    const char *id;
    unsigned seconds, count; /* 0: not given */
    const char *admin_socket, *config, *format;
    const char *command; /* NULL: none */
    struct admin_client_guest guest;
};

/* ---- Options ---- */

static unsigned parse_number(struct argp_state *state, const char *option, const char *text)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end || number == 0 || number > SECONDS_MAX) {
        argp_error(state, "%s %s: a number from 1 to %u is allowed", option, text, SECONDS_MAX);
    }
    return (unsigned)number;
}

static void set_query(struct argp_state *state, enum query_kind kind, const char *fields)
{
    struct arguments *arguments = state->input;

    if (arguments->has_query) {
        argp_error(state, "one --query- at a time is allowed");
    }
    arguments->has_query = true;
    if (!query_parse(&arguments->query, kind, fields)) {
        exit(MEDIATOR_EXIT_USAGE);
    }
}

static void print_help(struct argp_state *state, enum query_kind kind)
{
    struct arguments *arguments = state->input;

    query_print_help(kind);
    arguments->help = true;
}

static void set_word(struct argp_state *state, char *text)
{
    struct arguments *arguments = state->input;

    if (arguments->command == NULL) {
        if (strcmp(text, "top") != 0 && strcmp(text, "quarantine") != 0 &&
            strcmp(text, "drain") != 0 && strcmp(text, "release") != 0) {
            argp_error(state, "%s: top, quarantine, drain and release are allowed", text);
        }
        arguments->command = text;
    } else if (strcmp(arguments->command, "top") == 0 || arguments->guest.listener != NULL ||
               !admin_client_read_guest(text, &arguments->guest)) {
        argp_error(state, "%s %s: one LISTENER or LISTENER:VM_ID is needed, such as default:200",
                   arguments->command, text);
    }
}

static void check_whole(struct argp_state *state)
{
    const struct arguments *arguments = state->input;
    unsigned ways = arguments->list + arguments->json + arguments->has_query;

    if (ways + (arguments->command != NULL) > 1) {
        argp_error(state, "one of -L, --json, --query-... and a command is allowed");
    }
    if (arguments->command != NULL && strcmp(arguments->command, "top") != 0 &&
        arguments->guest.listener == NULL) {
        argp_error(state, "%s needs LISTENER or LISTENER:VM_ID", arguments->command);
    }
    if (arguments->has_query && arguments->format == NULL) {
        argp_error(state, "--query-... needs --format=csv");
    }
    if (arguments->format != NULL && !arguments->has_query) {
        argp_error(state, "--format goes with --query-gpu or --query-compute-apps");
    }
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case OPTION_LIST:
        arguments->list = true;
        return 0;
    case OPTION_JSON:
        arguments->json = true;
        return 0;
    case OPTION_QUERY_GPU:
        set_query(state, QUERY_GPU, text);
        return 0;
    case OPTION_QUERY_APPS:
        set_query(state, QUERY_COMPUTE_APPS, text);
        return 0;
    case OPTION_HELP_GPU:
        print_help(state, QUERY_GPU);
        return 0;
    case OPTION_HELP_APPS:
        print_help(state, QUERY_COMPUTE_APPS);
        return 0;
    case OPTION_FORMAT:
        arguments->format = text;
        if (!query_parse_format(&arguments->query, text)) {
            exit(MEDIATOR_EXIT_USAGE);
        }
        return 0;
    case OPTION_ID:
        arguments->id = text;
        return 0;
    case OPTION_LOOP:
        arguments->seconds = parse_number(state, "--loop", text);
        return 0;
    case OPTION_COUNT:
        arguments->count = parse_number(state, "--count", text);
        return 0;
    case OPTION_ADMIN_SOCKET:
        arguments->admin_socket = text;
        return 0;
    case OPTION_CONFIG:
        arguments->config = text;
        return 0;
    case ARGP_KEY_ARG:
        set_word(state, text);
        return 0;
    case ARGP_KEY_END:
        check_whole(state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- Where the mediator is ---- */

/* Where mediators without a configuration have it; whoever is asked has to be root, this user, or
 * the directory's owner. False after a message. */
static bool find_default_socket(char path[CONFIG_PATH_SIZE])
{
    static const char *const places[] = {
        "/run/baregpu/admin.sock", "/run/baregpu/vgpu-mediator.sock.admin",
        "/run/baregpu/pvgpu.sock.admin", BG_VGPU_STUB_SOCKET_PATH ".admin",
        BG_PVGPU_SOCKET_PATH ".admin"};
    const unsigned count = sizeof(places) / sizeof(places[0]);

    for (unsigned i = 0; i < count; i++) {
        if (access(places[i], F_OK) == 0 || errno != ENOENT) {
            snprintf(path, CONFIG_PATH_SIZE, "%s", places[i]);
            return true;
        }
    }
    fputs("baregpu-smi: no mediator answers: there is none of", stderr);
    for (unsigned i = 0; i < count; i++) {
        fprintf(stderr, "%s %s", i > 0 ? "," : "", places[i]);
    }
    fputs("; --admin-socket or --config say where another one is\n", stderr);
    return false;
}

/* Else a message, and what to exit with. */
static enum mediator_exit find_socket(const struct arguments *arguments,
                                      char path[CONFIG_PATH_SIZE])
{
    const char *file = arguments->config != NULL ? arguments->config : CONFIG_FILE;
    static struct config config;
    char error[CONFIG_ERROR_SIZE];

    if (arguments->admin_socket != NULL) {
        if (config_parse_path("--admin-socket", arguments->admin_socket, path, error) == 0) {
            return MEDIATOR_EXIT_OK;
        }
    } else if (arguments->config == NULL && access(file, R_OK) != 0) {
        return find_default_socket(path) ? MEDIATOR_EXIT_OK : MEDIATOR_EXIT_NOT_RUNNING;
    } else if (config_load_file(&config, file, error) == 0) {
        config_get_admin_path(&config, path);
        return MEDIATOR_EXIT_OK;
    }
    fprintf(stderr, "baregpu-smi: %s\n", error);
    return MEDIATOR_EXIT_USAGE;
}

/* ---- What is shown ---- */

/* -1: all. False after a message. */
static bool find_device(const json_t *reading, const char *id, int *device)
{
    const json_t *devices = reading_list(reading, "devices");
    char index[24];

    *device = -1;
    for (size_t i = 0; id != NULL && i < json_array_size(devices); i++) {
        const char *uuid = json_string_value(json_object_get(json_array_get(devices, i), "uuid"));

        snprintf(index, sizeof(index), "%zu", i);
        if (strcmp(id, index) == 0 || (uuid != NULL && strcmp(id, uuid) == 0)) {
            *device = (int)i;
        }
    }
    if (id != NULL && *device < 0) {
        fprintf(stderr, "baregpu-smi: no device %s; -L lists them\n", id);
    }
    return id == NULL || *device >= 0;
}

static void print(const struct arguments *arguments, const json_t *reading, int device)
{
    if (arguments->has_query) {
        query_print(&arguments->query, reading, device);
    } else if (arguments->list) {
        table_print_list(reading, device);
    } else if (arguments->json) {
        json_dumpf(reading, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
        putchar('\n');
    } else {
        table_print(reading, device);
    }
}

static enum mediator_exit show(const struct arguments *arguments, const char *path,
                               struct nvml *nvml)
{
    enum mediator_exit status = MEDIATOR_EXIT_OK;
    unsigned count = arguments->count > 0 || arguments->seconds > 0 ? arguments->count : 1;
    json_t *reading;
    int device;

    if (arguments->has_query) {
        query_print_header(&arguments->query);
    }
    for (unsigned i = 0; count == 0 || i < count; i++) {
        if (i > 0) {
            sleep(arguments->seconds > 0 ? arguments->seconds : 1);
        }
        reading = reading_take(path, nvml, &status);
        if (reading == NULL) {
            return status;
        }
        if (find_device(reading, arguments->id, &device)) {
            print(arguments, reading, device);
        } else {
            status = MEDIATOR_EXIT_NOT_FOUND;
        }
        json_decref(reading);
        if (status != MEDIATOR_EXIT_OK || fflush(stdout) != 0) {
            return status; /* whoever read has gone: the end says so */
        }
    }
    return status;
}

static enum mediator_exit watch(const struct arguments *arguments, const char *path,
                                struct nvml *nvml)
{
    unsigned seconds = arguments->seconds > 0 ? arguments->seconds : 1;
    enum mediator_exit status;
    json_t *reading;
    int device = -1;

    if (arguments->id != NULL) {
        reading = reading_take(path, NULL, &status);
        if (reading == NULL) {
            return status;
        }
        bool found = find_device(reading, arguments->id, &device);
        json_decref(reading);
        if (!found) {
            return MEDIATOR_EXIT_NOT_FOUND;
        }
    }
    return top_run(path, nvml, device, seconds, arguments->count);
}

static enum mediator_exit act(const struct arguments *arguments, const char *path)
{
    enum mediator_exit status;
    json_t *answer = admin_client_tell(path, arguments->command, &arguments->guest, &status);

    if (answer != NULL) {
        double guests = reading_number(answer, "guests");
        double sessions = reading_number(answer, "sessions");

        printf("%s: %.0f guest%s, %.0f session%s\n", arguments->command, guests,
               guests == 1 ? "" : "s", sessions, sessions == 1 ? "" : "s");
    }
    json_decref(answer);
    return status;
}

static enum mediator_exit run(const struct arguments *arguments)
{
    bool is_top = arguments->command != NULL && strcmp(arguments->command, "top") == 0;
    char path[CONFIG_PATH_SIZE];
    enum mediator_exit status;
    struct nvml *nvml;

    status = find_socket(arguments, path);
    if (status != MEDIATOR_EXIT_OK) {
        return status;
    }
    if (arguments->command != NULL && !is_top) {
        return act(arguments, path);
    }
    nvml = nvml_open();
    status = is_top ? watch(arguments, path, nvml) : show(arguments, path, nvml);
    nvml_close(nvml);
    return status;
}

int main(int count, char **texts)
{
    static const struct argp parser = {
        options, parse_option, arguments_documentation, documentation, NULL, NULL, NULL};
    static struct arguments arguments;

    if (standard_fds_open() != 0) {
        return MEDIATOR_EXIT_FAILED; /* with nowhere to say so */
    }
    argp_err_exit_status = MEDIATOR_EXIT_USAGE;
    atexit(standard_fds_finish);
    argp_parse(&parser, count, texts, 0, NULL, &arguments);
    return arguments.help ? MEDIATOR_EXIT_OK : run(&arguments);
}
