/* SPDX-License-Identifier: BSD-2-Clause */
/* The compiler in a process of its own, baregpu-ptxc: started with the first request. */
#define _GNU_SOURCE 1 /* secure_getenv, dladdr */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/common/clock.h"
#include "host/cuda-cpu/process/wire.h"

#define PROGRAM "baregpu-ptxc"
#define START_MS 60000 /* opening LLVM, on a busy machine; on top of a request's own time */

extern char **environ;

/* The process; `mutex` guards it, and a request holds it. */
static struct {
    pthread_mutex_t mutex;
    int socket; /* -1: none */
    pid_t process, owner;
    bool is_only; /* no other one can be started, nor waited for */
} compiler = {.mutex = PTHREAD_MUTEX_INITIALIZER, .socket = -1};

static struct {
    void (*waits)(void *context, bool begins);
    void *context;
} waiter;

static const struct ptx_position start = {1, 1};

static bool fail(struct ptx_log *log, enum ptx_error error, const char *what, int number)
{
    ptx_log_kind(log, error);
    ptx_log_error(log, start, "%s%s%s", what, number ? ": " : "", number ? strerror(number) : "");
    return false;
}

/* ---- The program ---- */

/* Beside the library that this is in. By a descriptor it can lie where paths do not lead. */
static void find_library(char path[PATH_MAX])
{
    Dl_info info;

    path[0] = '\0';
    if (dladdr(&compiler, &info) != 0 && realpath(info.dli_fname, path) == NULL) {
        snprintf(path, PATH_MAX, "%s", info.dli_fname);
    }
}

static void find_program(char path[PATH_MAX])
{
    const char *given = secure_getenv("BAREGPU_PTXC");
    char *end;

    if (given != NULL) {
        snprintf(path, PATH_MAX, "%s", given);
        return;
    }
    find_library(path);
    end = strrchr(path, '/');
    if (end != NULL && (size_t)(end - path) + sizeof("/" PROGRAM) <= PATH_MAX) {
        strcpy(end, "/" PROGRAM);
    }
}

struct source compiler_source(void)
{
    char path[PATH_MAX];

    find_program(path);
    return source_of(path);
}

/* ---- The process ---- */

static int spawn(const char *path, int socket, pid_t *process)
{
    char *arguments[] = {(char *)PROGRAM, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    int error;

    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, socket, WIRE_SOCKET);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    error = posix_spawn(process, path, &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* The ends are above the numbers that the new process has something else at. */
static int make_pair(int sockets[2])
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return errno;
    }
    for (int i = 0; i < 2; i++) {
        sockets[i] = fcntl(pair[i], F_DUPFD_CLOEXEC, WIRE_SOCKET + 1);
        close(pair[i]);
    }
    if (sockets[0] >= 0 && sockets[1] >= 0) {
        return 0;
    }
    close(sockets[0]);
    close(sockets[1]);
    return EMFILE;
}

/* A parent's process is not ours: it is left alone. How it ended, as waitpid has it; -1: nobody
 * knows. */
static int stop(void)
{
    int status = -1;
    pid_t ended;

    if (compiler.socket < 0) {
        return -1;
    }
    close(compiler.socket);
    compiler.socket = -1;
    if (compiler.owner != getpid() || compiler.is_only) {
        return -1;
    }
    ended = waitpid(compiler.process, &status, WNOHANG);
    if (ended == 0) {
        kill(compiler.process, SIGKILL); /* no matter, if it is about to end */
        do {
            ended = waitpid(compiler.process, &status, 0);
        } while (ended < 0 && errno == EINTR);
    }
    return ended > 0 ? status : -1;
}

static bool fail_ended(struct ptx_log *log, int status)
{
    char text[64] = "the compiler's process has ended";
    size_t used = strlen(text);

    if (status >= 0 && WIFSIGNALED(status)) {
        snprintf(text + used, sizeof(text) - used, " by signal %d", WTERMSIG(status));
    } else if (status >= 0) {
        snprintf(text + used, sizeof(text) - used, " with status %d", WEXITSTATUS(status));
    }
    return fail(log, PTX_ERROR_COMPILER, text, 0);
}

/* ---- Bytes ---- */

/* Ready for `events` before the deadline. */
static bool wait_for(short events, uint64_t end_ns)
{
    struct pollfd polled = {.fd = compiler.socket, .events = events};

    for (;;) {
        uint64_t now_ns = clock_now_ns();
        uint64_t left_ms = now_ns < end_ns ? (end_ns - now_ns) / NS_PER_MS + 1 : 0;
        int ready;

        if (left_ms == 0) {
            return false;
        }
        ready = poll(&polled, 1, left_ms < INT_MAX ? (int)left_ms : INT_MAX);
        if (ready > 0 || (ready < 0 && errno != EINTR)) {
            return ready > 0;
        }
    }
}

static bool transmit(const void *bytes, size_t size, uint64_t end_ns)
{
    for (size_t done = 0; done < size;) {
        ssize_t count;

        if (!wait_for(POLLOUT, end_ns)) {
            return false;
        }
        count = send(compiler.socket, (const char *)bytes + done, size - done,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && errno != EINTR && errno != EAGAIN) {
            return false;
        }
        done += count > 0 ? (size_t)count : 0;
    }
    return true;
}

static bool receive(void *bytes, size_t size, uint64_t end_ns)
{
    for (size_t done = 0; done < size;) {
        ssize_t count;

        if (!wait_for(POLLIN, end_ns)) {
            return false;
        }
        count = recv(compiler.socket, (char *)bytes + done, size - done, MSG_DONTWAIT);
        if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) {
            return false;
        }
        done += count > 0 ? (size_t)count : 0;
    }
    return true;
}

/* ---- Its start ---- */

static bool start_process(struct ptx_log *log)
{
    char path[PATH_MAX], ready = 0;
    int sockets[2] = {-1, -1}, error = make_pair(sockets);

    if (error) {
        return fail(log, PTX_ERROR_NO_COMPILER, "no socket for the compiler", error);
    }
    find_program(path);
    error = spawn(path, sockets[1], &compiler.process);
    close(sockets[1]);
    if (error) {
        close(sockets[0]);
        return fail(log, PTX_ERROR_NO_COMPILER, path, error);
    }
    compiler.socket = sockets[0];
    compiler.owner = getpid();
    if (!receive(&ready, 1, clock_now_ns() + START_MS * NS_PER_MS) || ready != WIRE_READY) {
        stop();
        return fail(log, PTX_ERROR_NO_COMPILER, "the compiler does not start", 0);
    }
    return true;
}

static bool ensure_process(struct ptx_log *log)
{
    if (compiler.is_only) {
        return compiler.socket >= 0 ||
               fail(log, PTX_ERROR_NO_COMPILER, "the compiler has ended", 0);
    }
    if (compiler.socket >= 0 && compiler.owner != getpid()) {
        stop();
    }
    return compiler.socket >= 0 || start_process(log);
}

/* ---- A request ---- */

static bool send_request(const struct compile_request *request, uint64_t end_ns)
{
    const char *name = request->kernel != NULL ? request->kernel : "";
    const struct wire_request head = {
        .magic = WIRE_MAGIC,
        .what = request->what,
        .text_size = request->text_size,
        .name_size = strlen(name) + 1,
        .options = request->options,
        .limits = request->limits,
    };

    return transmit(&head, sizeof(head), end_ns) && transmit(name, head.name_size, end_ns) &&
           transmit(request->text, request->text_size, end_ns);
}

/* The log's lines are the compiler's, as they are. */
static bool receive_log(const struct wire_answer *head, struct ptx_log *log, uint64_t end_ns)
{
    char *text = malloc(head->log_size + 1);
    bool done = text != NULL && receive(text, head->log_size, end_ns);

    if (done && head->errors) {
        text[head->log_size] = '\0';
        ptx_log_kind(log, head->error <= PTX_ERROR_NO_COMPILER ? (enum ptx_error)head->error
                                                               : PTX_ERROR_COMPILER);
        ptx_log_append(log, text, head->errors);
    }
    free(text);
    return done;
}

static bool receive_answer(const struct compile_request *request, struct compile_answer *answer,
                           struct ptx_log *log, uint64_t end_ns)
{
    struct wire_answer head;

    if (!receive(&head, sizeof(head), end_ns) || head.log_size > WIRE_LOG_SIZE ||
        head.size > request->limits.answer || !receive_log(&head, log, end_ns)) {
        return false;
    }
    answer->llvm = head.llvm;
    answer->size = head.size;
    answer->bytes = head.size ? malloc(head.size) : NULL;
    return answer->bytes == NULL ? !head.size : receive(answer->bytes, head.size, end_ns);
}

static bool exchange(const struct compile_request *request, struct compile_answer *answer,
                     struct ptx_log *log)
{
    uint64_t end_ns = clock_now_ns() + (request->limits.time + START_MS) * NS_PER_MS;

    if (send_request(request, end_ns) && receive_answer(request, answer, log, end_ns)) {
        return answer->bytes != NULL ||
               (!log->errors && fail(log, PTX_ERROR_COMPILER, "the compiler says nothing", 0));
    }
    free(answer->bytes);
    answer->bytes = NULL;
    if (clock_now_ns() >= end_ns) {
        stop();
        return fail(log, PTX_ERROR_COMPILER, "the compiler does not answer", 0);
    }
    return fail_ended(log, stop());
}

static void tell_waiter(bool begins)
{
    if (waiter.waits != NULL) {
        waiter.waits(waiter.context, begins);
    }
}

void compiler_on_wait(void (*waits)(void *context, bool begins), void *context)
{
    waiter.waits = waits;
    waiter.context = context;
}

bool compiler_ask(const struct compile_request *request, struct compile_answer *answer,
                  struct ptx_log *log)
{
    bool done;

    *answer = (struct compile_answer){0};
    if (request->text_size > request->limits.text) {
        return fail(log, PTX_ERROR_LIMIT, "the text is too long", 0);
    }
    tell_waiter(true);
    pthread_mutex_lock(&compiler.mutex);
    done = ensure_process(log) && exchange(request, answer, log);
    pthread_mutex_unlock(&compiler.mutex);
    tell_waiter(false);
    return done;
}

bool compiler_start(struct ptx_log *log)
{
    bool done;

    pthread_mutex_lock(&compiler.mutex);
    done = ensure_process(log);
    compiler.is_only = done;
    pthread_mutex_unlock(&compiler.mutex);
    return done;
}

void compiler_stop(void)
{
    pthread_mutex_lock(&compiler.mutex);
    stop();
    compiler.is_only = false;
    pthread_mutex_unlock(&compiler.mutex);
}
