/* SPDX-License-Identifier: BSD-2-Clause */
/* Test harness: see harness.h. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES_MAX 256

struct capture {
    int fd; /* -1 at its end */
    char *text;
    size_t size, capacity;
};

struct process {
    pid_t pid;
    int input; /* -1: closed */
    struct capture output, errors;
    uint64_t deadline_ms;
    bool ended;
    int status;
    char *name;
};

void (*harness_on_failure)(const char *message);

static struct process *processes[PROCESSES_MAX];
static char temp_dir[64];
static pid_t owner; /* forked children must not tidy up */

/* ---- The end ---- */

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

static void kill_all(void)
{
    for (size_t i = 0; i < PROCESSES_MAX; i++) {
        if (processes[i] != NULL && !processes[i]->ended) {
            kill(-processes[i]->pid, SIGKILL);
        }
    }
}

static void tidy_up(void)
{
    if (getpid() != owner) {
        return;
    }
    kill_all();
    if (temp_dir[0]) {
        nftw(temp_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    }
}

static void on_signal(int number)
{
    if (getpid() == owner) {
        kill_all();
    }
    signal(number, SIG_DFL);
    raise(number);
}

__attribute__((constructor)) static void prepare(void)
{
    owner = getpid();
    atexit(tidy_up);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    signal(SIGHUP, on_signal);
    setvbuf(stdout, NULL, _IOLBF, 0);
}

void harness_fail(const char *format, ...)
{
    char message[2048];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    if (harness_on_failure != NULL) {
        harness_on_failure(message);
    }
    printf("Bail out! %s\n", message);
    exit(1);
}

/* ---- Small things ---- */

uint64_t harness_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int remaining_ms(uint64_t deadline_ms)
{
    uint64_t now = harness_now_ms();

    return now >= deadline_ms ? 0 : (int)(deadline_ms - now);
}

const char *harness_setting(const char *name, const char *fallback)
{
    const char *value = getenv(name);

    return value != NULL && *value ? value : fallback;
}

char *harness_format(const char *format, ...)
{
    char *text;
    va_list arguments;

    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) {
        abort();
    }
    va_end(arguments);
    return text;
}

char *harness_build_path(const char *name)
{
    return harness_format("%s/%s", harness_setting("BAREGPU_BUILD", "build"), name);
}

const char *harness_temp_dir(void)
{
    if (!temp_dir[0]) {
        strcpy(temp_dir, "/tmp/baregpu-test-XXXXXX");
        if (mkdtemp(temp_dir) == NULL) {
            temp_dir[0] = 0;
            harness_fail("no temporary directory: %s", strerror(errno));
        }
    }
    return temp_dir;
}

char *harness_temp_path(const char *name)
{
    return harness_format("%s/%s", harness_temp_dir(), name);
}

void harness_write_file(const char *path, const char *format, ...)
{
    FILE *file = fopen(path, "w");
    va_list arguments;

    if (file == NULL) {
        harness_fail("%s: %s", path, strerror(errno));
    }
    va_start(arguments, format);
    vfprintf(file, format, arguments);
    va_end(arguments);
    if (fclose(file) != 0) {
        harness_fail("%s: %s", path, strerror(errno));
    }
}

/* ---- Output of processes ---- */

static void capture_more(struct capture *capture)
{
    ssize_t size;

    if (capture->capacity - capture->size < 4096) {
        capture->capacity = capture->capacity * 2 + 8192;
        capture->text = realloc(capture->text, capture->capacity);
        if (capture->text == NULL) {
            abort();
        }
    }
    size = read(capture->fd, capture->text + capture->size, capture->capacity - capture->size - 1);
    if (size > 0) {
        capture->size += (size_t)size;
    } else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(capture->fd);
        capture->fd = -1;
    }
    capture->text[capture->size] = 0;
}

/*
 * Takes output of all processes until @fd (-1: none) is readable, something was taken, or the time
 * is over. True: @fd is readable.
 */
static bool pump(int fd, int timeout_ms)
{
    struct pollfd set[1 + 2 * PROCESSES_MAX];
    struct capture *captures[1 + 2 * PROCESSES_MAX];
    nfds_t count = 1;

    set[0] = (struct pollfd){.fd = fd, .events = POLLIN};
    for (size_t i = 0; i < PROCESSES_MAX; i++) {
        struct capture *both[2] = {NULL, NULL};

        if (processes[i] != NULL) {
            both[0] = &processes[i]->output;
            both[1] = &processes[i]->errors;
        }
        for (size_t j = 0; j < 2; j++) {
            if (both[j] != NULL && both[j]->fd >= 0) {
                captures[count] = both[j];
                set[count++] = (struct pollfd){.fd = both[j]->fd, .events = POLLIN};
            }
        }
    }
    if (poll(set, count, timeout_ms) <= 0) {
        return false;
    }
    for (nfds_t i = 1; i < count; i++) {
        if (set[i].revents) {
            capture_more(captures[i]);
        }
    }
    return set[0].revents != 0;
}

bool harness_wait_readable(int fd, unsigned timeout_ms)
{
    uint64_t deadline_ms = harness_now_ms() + timeout_ms;

    for (;;) {
        int rest = remaining_ms(deadline_ms);

        if (pump(fd, rest)) {
            return true;
        }
        if (rest == 0) {
            return false;
        }
    }
}

/* ---- Processes ---- */

static void run_child(const char *const *argv, const struct process_options *options, pid_t parent,
                      const int pipes[3][2])
{
    sigset_t none;

    setpgid(0, 0);
    if (options != NULL && options->uid && (setgid(options->uid) || setuid(options->uid))) {
        _exit(126);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* after setuid(), which clears it */
    if (getppid() != parent) {
        _exit(126);
    }
    dup2(pipes[0][0], 0);
    dup2(pipes[1][1], 1);
    dup2(pipes[2][1], 2);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    for (size_t i = 0;
         options != NULL && options->environment != NULL && options->environment[i] != NULL; i++) {
        putenv((char *)(uintptr_t)options->environment[i]);
    }
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    dprintf(2, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static struct process *new_process(void)
{
    for (size_t i = 0; i < PROCESSES_MAX; i++) {
        if (processes[i] == NULL) {
            processes[i] = calloc(1, sizeof(struct process));
            return processes[i] != NULL ? processes[i] : (abort(), NULL);
        }
    }
    harness_fail("more than %d processes", PROCESSES_MAX);
}

struct process *process_start(const char *const *argv, const struct process_options *options)
{
    unsigned deadline_ms =
        options != NULL && options->deadline_ms ? options->deadline_ms : HARNESS_PROCESS_TIMEOUT_MS;
    struct process *process = new_process();
    pid_t parent = getpid();
    int pipes[3][2];

    process->ended = true; /* until it is there */
    for (int i = 0; i < 3; i++) {
        if (pipe2(pipes[i], O_CLOEXEC)) {
            harness_fail("no pipe: %s", strerror(errno));
        }
    }
    fflush(NULL);
    process->pid = fork();
    if (process->pid < 0) {
        harness_fail("no process: %s", strerror(errno));
    }
    if (process->pid == 0) {
        run_child(argv, options, parent, (const int(*)[2])pipes);
    }
    setpgid(process->pid, process->pid); /* both sides do it: neither has to wait */
    close(pipes[0][0]);
    close(pipes[1][1]);
    close(pipes[2][1]);
    process->ended = false;
    process->input = pipes[0][1];
    process->output.fd = pipes[1][0];
    process->errors.fd = pipes[2][0];
    process->deadline_ms = harness_now_ms() + deadline_ms;
    process->name = harness_format("%s", argv[0]);
    return process;
}

void process_write(struct process *process, const char *text)
{
    size_t size = strlen(text);

    if (write(process->input, text, size) != (ssize_t)size) {
        harness_fail("%s does not take its input", process->name);
    }
}

void process_close_input(struct process *process)
{
    if (process->input >= 0) {
        close(process->input);
        process->input = -1;
    }
}

pid_t process_pid(const struct process *process)
{
    return process->pid;
}

bool process_has_ended(struct process *process, int *status)
{
    int raw;

    if (!process->ended && waitpid(process->pid, &raw, WNOHANG) == process->pid) {
        process->ended = true;
        process->status = WIFEXITED(raw) ? WEXITSTATUS(raw) : -WTERMSIG(raw);
        kill(-process->pid, SIGKILL); /* what it has left behind */
    }
    if (process->ended && status != NULL) {
        *status = process->status;
    }
    return process->ended;
}

static void print_diagnostics(const char *title, const char *text)
{
    printf("# ---- %s\n# ", title);
    for (const char *c = text != NULL ? text : ""; *c; c++) {
        putchar(*c);
        if (*c == '\n' && c[1]) {
            fputs("# ", stdout);
        }
    }
    putchar('\n');
}

__attribute__((noreturn)) static void process_give_up(struct process *process, const char *what)
{
    kill(-process->pid, SIGKILL);
    print_diagnostics("output", process->output.text);
    print_diagnostics("errors", process->errors.text);
    harness_fail("%s (%d): %s", process->name, (int)process->pid, what);
}

/* Waits for the end in small steps: output must be taken meanwhile. */
static bool wait_step(struct process *process, uint64_t deadline_ms)
{
    int rest =
        remaining_ms(deadline_ms < process->deadline_ms ? deadline_ms : process->deadline_ms);

    if (rest == 0) {
        return false;
    }
    if (process->output.fd < 0 && process->errors.fd < 0) {
        rest = rest < 2 ? rest : 2; /* it has closed both: it is about to end */
    } else {
        rest = rest < 50 ? rest : 50;
    }
    pump(-1, rest);
    return true;
}

static void drain(struct capture *capture)
{
    struct pollfd set = {.fd = capture->fd, .events = POLLIN};

    while (capture->fd >= 0 && poll(&set, 1, 0) > 0) {
        capture_more(capture);
    }
}

int process_wait(struct process *process)
{
    int status;

    while (!process_has_ended(process, &status)) {
        if (!wait_step(process, UINT64_MAX)) {
            process_give_up(process, "still running at its deadline");
        }
    }
    drain(&process->output);
    drain(&process->errors);
    return status;
}

static bool contains(const struct capture *capture, const char *text)
{
    return capture->text != NULL && strstr(capture->text, text) != NULL;
}

void process_wait_text(struct process *process, const char *text)
{
    uint64_t deadline_ms = harness_now_ms() + HARNESS_TIMEOUT_MS;

    for (;;) {
        bool ended = process_has_ended(process, NULL);

        if (ended) {
            drain(&process->output);
            drain(&process->errors);
        }
        if (contains(&process->output, text) || contains(&process->errors, text)) {
            return;
        }
        if (ended || !wait_step(process, deadline_ms)) {
            printf("# waited for: %s\n", text);
            process_give_up(process, ended ? "ended too early" : "did not say it in time");
        }
    }
}

const char *process_output(struct process *process)
{
    drain(&process->output);
    return process->output.text != NULL ? process->output.text : "";
}

const char *process_errors(struct process *process)
{
    drain(&process->errors);
    return process->errors.text != NULL ? process->errors.text : "";
}

void process_show(struct process *process)
{
    fflush(stdout);
    fprintf(stderr, "%s%s", process_output(process), process_errors(process));
}

void process_signal(struct process *process, int signal_number)
{
    if (!process->ended) {
        kill(process->pid, signal_number);
    }
}

static void capture_free(struct capture *capture)
{
    if (capture->fd >= 0) {
        close(capture->fd);
    }
    free(capture->text);
}

void process_end(struct process *process)
{
    if (process == NULL) {
        return;
    }
    if (!process->ended) {
        kill(-process->pid, SIGKILL);
        waitpid(process->pid, NULL, 0); /* SIGKILL: it ends */
    }
    process_close_input(process);
    capture_free(&process->output);
    capture_free(&process->errors);
    free(process->name);
    for (size_t i = 0; i < PROCESSES_MAX; i++) {
        if (processes[i] == process) {
            processes[i] = NULL;
        }
    }
    free(process);
}

/* ---- Sockets ---- */

static struct sockaddr_un unix_address(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path)) {
        harness_fail("too long for a socket: %s", path);
    }
    strcpy(address.sun_path, path);
    return address;
}

int unix_listen(const char *path, int backlog)
{
    struct sockaddr_un address = unix_address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, backlog)) {
        harness_fail("%s: cannot listen: %s", path, strerror(errno));
    }
    return fd;
}

/* What counts is who called listen() last. */
int unix_listen_as_nobody(const char *path)
{
    int fd = unix_listen(path, 4);

    if (seteuid(HARNESS_NOBODY) || listen(fd, 4) || seteuid(0)) {
        harness_fail("%s: cannot listen as nobody: %s", path, strerror(errno));
    }
    return fd;
}

int unix_accept(int listener, unsigned timeout_ms)
{
    return harness_wait_readable(listener, timeout_ms) ? accept4(listener, NULL, NULL, SOCK_CLOEXEC)
                                                       : -1;
}

int unix_connect(const char *path, unsigned timeout_ms)
{
    struct sockaddr_un address = unix_address(path);
    uint64_t deadline_ms = harness_now_ms() + timeout_ms;

    for (;;) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
            fcntl(fd, F_SETFL, 0);
            return fd;
        }
        if (remaining_ms(deadline_ms) == 0) {
            harness_fail("%s: nobody listens: %s", path, strerror(errno));
        }
        close(fd);
        pump(-1, 2);
    }
}

size_t socket_read(int fd, void *data, size_t size, unsigned timeout_ms)
{
    uint64_t deadline_ms = harness_now_ms() + timeout_ms;
    size_t have = 0;

    while (have < size) {
        ssize_t part;

        if (!harness_wait_readable(fd, (unsigned)remaining_ms(deadline_ms))) {
            harness_fail("only %zu of %zu bytes came", have, size);
        }
        part = recv(fd, (char *)data + have, size - have, MSG_DONTWAIT);
        if (part == 0 || (part < 0 && errno != EAGAIN && errno != EINTR)) {
            break;
        }
        have += part > 0 ? (size_t)part : 0;
    }
    return have;
}

bool socket_write(int fd, const void *data, size_t size)
{
    size_t sent = 0;

    while (sent < size) {
        struct pollfd set = {.fd = fd, .events = POLLOUT};
        ssize_t part;

        if (poll(&set, 1, (int)HARNESS_TIMEOUT_MS) == 0) {
            harness_fail("a peer does not read");
        }
        part = send(fd, (const char *)data + sent, size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (part < 0 && errno != EAGAIN && errno != EINTR) {
            return false;
        }
        sent += part > 0 ? (size_t)part : 0;
    }
    return true;
}

bool socket_wait_closed(int fd, unsigned timeout_ms)
{
    char byte;

    return harness_wait_readable(fd, timeout_ms) && recv(fd, &byte, 1, MSG_DONTWAIT) <= 0;
}
