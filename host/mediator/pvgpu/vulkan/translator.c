/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/pvgpu/vulkan/translator.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/common/jail.h"

#define WORDS_MAX (1u << 21) /* of a translation: 8 MiB */
#define DESCRIPTORS_MAX 8
#define SOCKET 3 /* the process's own end */

/* A shader and what became of it, in memory that both have. */
struct exchange {
    uint32_t stage, size;
    struct interface_limits limits;
    uint8_t bytecode[BG_PVGPU_SHADER_SIZE_MAX];

    uint32_t status; /* of the child, as of waitpid(): it is read when it is 0 */
    bool ok;
    char reason[PROGRAM_REASON_MAX];
    struct program program; /* its words are these: */
    uint32_t words[WORDS_MAX];
};

struct translator {
    int socket;
    pid_t process;
    struct exchange *exchange;
};

/* False: the other side is gone. */
static bool pass_byte(int socket, bool out)
{
    char byte = 0;
    ssize_t count;

    do {
        count = out ? write(socket, &byte, 1) : read(socket, &byte, 1);
    } while (count < 0 && errno == EINTR);
    return count == 1;
}

/* ---- The process ---- */

static bool limit(int what, rlim_t most)
{
    const struct rlimit limits = {most, most};

    return setrlimit(what, &limits) == 0;
}

/* The exit status. */
static int run_child(struct exchange *exchange)
{
    struct program *program = &exchange->program;

    close(STDERR_FILENO); /* the log is no guest's */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || !limit(RLIMIT_CPU, TRANSLATOR_CPU_S) ||
        jail_forbid_processes() != 0) {
        return EXIT_FAILURE;
    }
    exchange->ok = program_read(program, exchange->bytecode, exchange->size, exchange->stage,
                                &exchange->limits, exchange->reason);
    if (exchange->ok && program->count > WORDS_MAX) {
        exchange->ok = false;
        snprintf(exchange->reason, sizeof(exchange->reason), "more than %u words of SPIR-V",
                 WORDS_MAX);
    }
    if (exchange->ok) {
        memcpy(exchange->words, program->words, program->count * sizeof(uint32_t));
    }
    return EXIT_SUCCESS;
}

static uint32_t read_one(struct exchange *exchange)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        _exit(run_child(exchange));
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return (uint32_t)status;
}

static int run_process(struct exchange *exchange, int socket)
{
    const struct jail jail = {.calls = JAIL_CALLS_PROCESSES,
                              .descriptors = DESCRIPTORS_MAX,
                              .address_space = JAIL_NO_LIMIT};
    char exposed[JAIL_TEXT_SIZE]; /* where there are no namespaces the calls are fewer all the same
                                   */

    if (dup2(socket, SOCKET) < 0 || close_range(SOCKET + 1, ~0u, 0) != 0 ||
        jail_enter(&jail, exposed) != 0) {
        return EXIT_FAILURE;
    }
    while (pass_byte(SOCKET, false)) {
        exchange->status = read_one(exchange);
        if (!pass_byte(SOCKET, true)) {
            break;
        }
    }
    return EXIT_SUCCESS;
}

/* ---- Start, stop ---- */

static bool start_process(struct translator *translator)
{
    int sockets[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
        return false;
    }
    translator->process = fork();
    if (translator->process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(run_process(translator->exchange, sockets[1]));
    }
    close(sockets[1]);
    translator->socket = sockets[0];
    return translator->process > 0;
}

struct translator *translator_start(void)
{
    struct translator *translator = calloc(1, sizeof(*translator));
    void *memory = mmap(NULL, sizeof(struct exchange), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (translator == NULL || memory == MAP_FAILED) {
        free(translator);
        return NULL;
    }
    translator->exchange = memory;
    translator->socket = -1;
    if (!start_process(translator)) {
        translator_stop(translator);
        return NULL;
    }
    return translator;
}

void translator_stop(struct translator *translator)
{
    if (translator == NULL) {
        return;
    }
    if (translator->socket >= 0) {
        close(translator->socket);
    }
    if (translator->process > 0) {
        waitpid(translator->process, NULL, 0);
    }
    munmap(translator->exchange, sizeof(*translator->exchange));
    free(translator);
}

/* ---- One shader ---- */

static bool refuse(char reason[PROGRAM_REASON_MAX], const char *why)
{
    snprintf(reason, PROGRAM_REASON_MAX, "%s", why);
    return false;
}

static bool judge(uint32_t status, char reason[PROGRAM_REASON_MAX])
{
    if (status == 0) {
        return true;
    }
    if (!WIFSIGNALED((int)status)) {
        return refuse(reason, "no process can read it");
    }
    if (WTERMSIG((int)status) == SIGXCPU || WTERMSIG((int)status) == SIGKILL) {
        snprintf(reason, PROGRAM_REASON_MAX, "reading it takes more than %d s", TRANSLATOR_CPU_S);
        return false;
    }
    return refuse(reason, "not valid: its reader gave up");
}

/* Who read the shader may have become the shader's: what would leave tables is refused. */
static bool take(const struct exchange *exchange, struct program *program,
                 char reason[PROGRAM_REASON_MAX])
{
    if (!exchange->ok) {
        snprintf(reason, PROGRAM_REASON_MAX, "%.*s", (int)PROGRAM_REASON_MAX - 1, exchange->reason);
        return false;
    }
    *program = exchange->program;
    program->words = NULL;
    for (uint32_t i = 0; i < INTERFACE_LOCATIONS; i++) {
        program->inputs[i].name[PROGRAM_SEMANTIC_MAX] = '\0';
    }
    if (program->count == 0 || program->count > WORDS_MAX ||
        program->input_count > INTERFACE_LOCATIONS || !interface_is_sound(&program->interface)) {
        return refuse(reason, "not valid: its reader gave up");
    }
    return program_copy_words(program, exchange->words, program->count * sizeof(uint32_t)) ||
           refuse(reason, "no memory");
}

bool translator_read(struct translator *translator, struct program *program, const void *bytecode,
                     uint32_t size, enum bg_pvgpu_stage stage,
                     const struct interface_limits *limits, char reason[PROGRAM_REASON_MAX])
{
    struct exchange *exchange;

    memset(program, 0, sizeof(*program));
    if (translator == NULL) {
        return refuse(reason, "no process can read it");
    }
    exchange = translator->exchange;
    exchange->stage = stage;
    exchange->size = size;
    exchange->limits = *limits;
    exchange->ok = false;
    memcpy(exchange->bytecode, bytecode, size);
    if (!pass_byte(translator->socket, true) || !pass_byte(translator->socket, false)) {
        return refuse(reason, "no process can read it");
    }
    return judge(exchange->status, reason) && take(exchange, program, reason);
}
