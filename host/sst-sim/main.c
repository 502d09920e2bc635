/* SPDX-License-Identifier: BSD-2-Clause */
/* baregpu-sst-sim: sockets and the models behind them. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "firmware/include/baregpu/version.h"
#include "host/common/jail.h"
#include "host/common/ready_fd.h"
#include "host/common/standard_fds.h"
#include "host/sst-sim/accelerator.h"
#include "host/sst-sim/janitor.h"

#define EXIT_SYSTEM 1
#define EXIT_USAGE 2
#define SOCKETS_MAX 64

const char *argp_program_version = "baregpu-sst-sim " BAREGPU_VERSION;

/* One's own model: a line here, and its file. */
static const struct sst_model_ops *const models[] = {&accelerator_model, &systolic_model};

enum option_key {
    OPTION_TRACE = 't',
    OPTION_OLD_WIRE = 0x100,
    OPTION_READY_FD,
};

static const struct argp_option options[] = {
    {"trace", OPTION_TRACE, "FILE", 0, "Write a line for each request, answer and event", 0},
    {"old-wire", OPTION_OLD_WIRE, NULL, 0, "Speak the first version of the protocol only", 0},
    {"ready-fd", OPTION_READY_FD, "FD", 0, "Write a line there when all sockets listen", 0},
    {0},
};

static const char documentation[] =
    "Simulates accelerators for guests with a virtio-sst device. Each connection is one of its own."
    "\vMODEL is accelerator (the default) or systolic; docs/sst-sim.md describes them. Exit "
    "status: 0 ended by a signal, 1 the system refused something, 2 wrong options.";

struct arguments {
    struct sst_server_options server;
    int ready_fd;
    struct {
        const char *path;
        const struct sst_model_ops *model;
    } sockets[SOCKETS_MAX];
    size_t socket_count;
};

static volatile int stop;

static void take_signal(int number)
{
    (void)number;
    stop = 1;
}

/* The model of that name; the first one without a name. */
static const struct sst_model_ops *find_model(const char *name)
{
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        if (name == NULL || strcmp(models[i]->name, name) == 0) {
            return models[i];
        }
    }
    return NULL;
}

static void add_socket(struct argp_state *state, char *path)
{
    static const char option[] = "model=";
    struct arguments *arguments = state->input;
    char *comma = strchr(path, ',');
    const char *name = NULL;
    const struct sst_model_ops *model;

    if (comma != NULL) {
        *comma = '\0';
        if (strncmp(comma + 1, option, sizeof(option) - 1) != 0) {
            argp_error(state, "%s,%s: model=accelerator and model=systolic are allowed there", path,
                       comma + 1);
        }
        name = comma + sizeof(option);
    }
    model = find_model(name);
    if (model == NULL) {
        argp_error(state, "model=%s: accelerator and systolic are allowed", name);
    }
    if (!*path) {
        argp_error(state, "the path of a socket is empty");
    }
    for (size_t i = 0; i < arguments->socket_count; i++) {
        if (strcmp(arguments->sockets[i].path, path) == 0) {
            argp_error(state, "%s: named twice; each socket has one model", path);
        }
    }
    if (arguments->socket_count == SOCKETS_MAX) {
        argp_error(state, "at most %d sockets", SOCKETS_MAX);
    }
    arguments->sockets[arguments->socket_count].path = path;
    arguments->sockets[arguments->socket_count++].model = model;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case OPTION_TRACE:
        arguments->server.trace_path = text;
        return 0;
    case OPTION_OLD_WIRE:
        arguments->server.is_old_wire = true;
        return 0;
    case OPTION_READY_FD:
        if (!ready_fd_parse(text, &arguments->ready_fd)) {
            argp_error(state, "--ready-fd %s: a descriptor's number is needed", text);
        }
        return 0;
    case ARGP_KEY_ARG:
        add_socket(state, text);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_usage(state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Signals come only while the server waits: none is missed between a look at `stop` and that. */
static void prepare_signals(void)
{
    struct sigaction action = {.sa_handler = take_signal}, before;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) { /* nohup's */
        sigaction(SIGHUP, &action, NULL);
    }
}

static int fail(const char *what)
{
    fprintf(stderr, "baregpu-sst-sim: %s: %s\n", what, strerror(errno));
    return EXIT_SYSTEM;
}

/* What comes from guests is read in here: connections, answers and the trace are all there is. */
static int enter_jail(void)
{
    const struct jail jail = {.calls = JAIL_CALLS_SERVE,
                              .descriptors = JAIL_NO_LIMIT,
                              .file_size = JAIL_NO_LIMIT,
                              .address_space = JAIL_NO_LIMIT};
    char exposed[JAIL_TEXT_SIZE];
    int result = jail_enter(&jail, exposed);

    if (exposed[0]) {
        fprintf(stderr, "baregpu-sst-sim: not alone: %s\n", exposed);
    }
    return result;
}

static int serve(struct sst_server *server, int ready_fd)
{
    if (enter_jail() != 0) {
        return fail("sandbox");
    }
    if (!ready_fd_tell(ready_fd)) {
        fail("--ready-fd");
    }
    return sst_server_run(server, &stop) == 0 ? 0 : EXIT_SYSTEM;
}

/* The janitor's copy of the server removes the files, which this one cannot. */
static int serve_with_janitor(struct sst_server *server, int ready_fd)
{
    int janitor = janitor_start(server);

    if (janitor < 0) {
        return fail("no second process");
    }
    int result = serve(server, ready_fd);
    janitor_finish(janitor);
    return result;
}

int main(int count, char **texts)
{
    static const struct argp parser = {
        options, parse_option, "SOCKET[,model=MODEL]...", documentation, NULL, NULL, NULL};
    struct arguments arguments = {.ready_fd = -1};
    struct sst_server *server;
    char option[32];
    int result = 0;

    if (standard_fds_open() != 0) {
        return EXIT_SYSTEM; /* with nowhere to say so */
    }
    argp_err_exit_status = EXIT_USAGE;
    atexit(standard_fds_finish);
    argp_parse(&parser, count, texts, 0, NULL, &arguments);
    prepare_signals();
    if (!ready_fd_claim(arguments.ready_fd)) {
        snprintf(option, sizeof(option), "--ready-fd %d", arguments.ready_fd);
        return fail(option);
    }
    server = sst_server_create(&arguments.server);
    if (server == NULL) {
        return EXIT_SYSTEM;
    }
    for (size_t i = 0; result == 0 && i < arguments.socket_count; i++) {
        if (!sst_server_listen(server, arguments.sockets[i].path, arguments.sockets[i].model)) {
            result = EXIT_SYSTEM;
        }
    }
    if (result == 0) {
        result = serve_with_janitor(server, arguments.ready_fd);
    }
    sst_server_destroy(server);
    return result;
}
