/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* pipe2, POLLRDHUP */
#include "host/cuda-cpu/process/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/common/clock.h"
#include "host/common/jail.h"
#include "host/cuda-cpu/process/wire.h"

#define DESCRIPTORS_MAX 16
#define EXIT_GAVE_UP 3
#define EXIT_NO_MEMORY 4
#define MEMORY_SHARE 16 /* who gives up, and cannot have this part of it, has none left */

/* What a child leaves behind, in memory that it shares with its parent. */
struct result {
    struct wire_answer answer;
    char log[WIRE_LOG_SIZE];
    unsigned char bytes[];
};

struct session {
    int socket;
    const struct server *server;
    struct wire_request head;
    char *name, *text; /* one behind the other */
    struct result *result;
    uint64_t end_ns; /* of the time that it may take */
    bool in_haste;
    struct wire_answer answer; /* the child's, looked at, or our own */
    const char *log;
    pid_t ending;   /* who has answered, and was not waited for; 0: none */
    int jail_error; /* errno: there is no jail, so nothing is compiled */
    struct source llvm;
};

static const struct ptx_position start = {1, 1};

/* ---- Bytes ---- */

static bool receive(int socket, void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = recv(socket, (char *)bytes + done, size - done, 0);

        if (count == 0 || (count < 0 && errno != EINTR)) {
            return false;
        }
        done += count > 0 ? (size_t)count : 0;
    }
    return true;
}

static bool transmit(int socket, const void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = send(socket, (const char *)bytes + done, size - done, MSG_NOSIGNAL);

        if (count < 0 && errno != EINTR) {
            return false;
        }
        done += count > 0 ? (size_t)count : 0;
    }
    return true;
}

/* ---- The child ---- */

static uint64_t memory_limit;

/* LLVM aborts when it gets no memory. The C library's own end takes calls that are refused. */
static void on_abort(int number)
{
    void *some = MAP_FAILED;

    (void)number;
    if (memory_limit != JAIL_NO_LIMIT) {
        some = mmap(NULL, memory_limit / MEMORY_SHARE, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    }
    _exit(memory_limit != JAIL_NO_LIMIT && some == MAP_FAILED ? EXIT_NO_MEMORY : EXIT_GAVE_UP);
}

static bool limit(int resource, uint64_t soft, uint64_t hard)
{
    const struct rlimit limits = {.rlim_cur = soft, .rlim_max = hard};

    return setrlimit(resource, &limits) == 0;
}

/* The answer's memory is mapped already. Standard error may be a file: that is the server's alone.
 */
static bool confine(const struct compile_limits *limits, uint64_t processor)
{
    uint64_t memory = limits->memory + limits->answer;

    memory_limit = limits->memory;
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
           (limits->memory == JAIL_NO_LIMIT || limit(RLIMIT_AS, memory, memory)) &&
           limit(RLIMIT_CPU, processor, processor + 1) && limit(RLIMIT_FSIZE, 0, 0) &&
           jail_forbid_processes() == 0;
}

static bool is_patient(const struct session *session)
{
    const struct wire_request *head = &session->head;

    return head->what == COMPILE_KERNEL && !session->in_haste &&
           head->limits.patience < head->limits.processor;
}

/* The exit status. A byte to `told` says that the answer is there. */
static int run_child(const struct session *session, int told)
{
    const struct wire_request *head = &session->head;
    struct result *result = session->result;
    const struct compile_request request = {
        .what = (enum compile_what)head->what,
        .text = session->text,
        .text_size = head->text_size,
        .kernel = session->name,
        .options = head->options,
        .limits = head->limits,
        .in_haste = session->in_haste,
    };
    struct compile_answer answer = {0};
    struct ptx_log log;

    if (!confine(&head->limits,
                 is_patient(session) ? head->limits.patience : head->limits.processor)) {
        return EXIT_FAILURE;
    }
    ptx_log_init(&log, result->log, sizeof(result->log));
    result->answer.size = 0; /* of one before that was patient */
    if (session->server->answer(&request, &answer, &log) && answer.size <= head->limits.answer) {
        memcpy(result->bytes, answer.bytes, answer.size);
        result->answer.size = answer.size;
    }
    result->answer.error = log.error;
    result->answer.errors = log.errors;
    result->answer.log_size = log.used;
    return write(told, "", 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- Its end ---- */

enum end { END_ANSWER, END_CHILD, END_TIME, END_PEER };

/* What comes first. The child has the other end of `alive`. */
static enum end wait_for_end(const struct session *session, int alive)
{
    struct pollfd polled[] = {{.fd = alive, .events = POLLIN},
                              {.fd = session->socket, .events = POLLRDHUP}};

    for (;;) {
        uint64_t now_ns = clock_now_ns();
        uint64_t left_ms =
            now_ns < session->end_ns ? (session->end_ns - now_ns) / NS_PER_MS + 1 : 0;
        char byte;

        if (left_ms == 0) {
            return END_TIME;
        }
        if (poll(polled, 2, left_ms < INT32_MAX ? (int)left_ms : INT32_MAX) > 0) {
            return polled[1].revents                      ? END_PEER
                   : read(alive, &byte, sizeof(byte)) > 0 ? END_ANSWER
                                                          : END_CHILD;
        }
    }
}

static void say(struct session *session, enum ptx_error error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct session *session, enum ptx_error error, const char *format, ...)
{
    static char text[WIRE_LOG_SIZE];
    char reason[128];
    struct ptx_log log;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    ptx_log_init(&log, text, sizeof(text));
    ptx_log_kind(&log, error);
    ptx_log_error(&log, start, "%s", reason);
    session->log = text;
    session->answer = (struct wire_answer){
        .error = log.error, .errors = log.errors, .log_size = log.used, .size = 0};
}

/* Once: whose memory it is may still be there. */
static bool take_answer(struct session *session)
{
    const struct result *result = session->result;

    memcpy(&session->answer, &result->answer, sizeof(session->answer));
    session->log = result->log;
    return session->answer.size <= session->head.limits.answer &&
           session->answer.log_size <= sizeof(result->log);
}

static bool is_out_of_time(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU;
}

/* To which end it came without an answer. */
static void judge(struct session *session, int status, bool in_time)
{
    const struct compile_limits *limits = &session->head.limits;

    if (!in_time) {
        say(session, PTX_ERROR_TIME, "compiling takes more than %llu ms",
            (unsigned long long)limits->time);
    } else if (is_out_of_time(status)) {
        say(session, PTX_ERROR_TIME, "compiling takes more than %llu s of the processor",
            (unsigned long long)limits->processor);
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_MEMORY) {
        say(session, PTX_ERROR_MEMORY, "compiling takes more than %llu MB of memory",
            (unsigned long long)limits->memory >> 20);
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_GAVE_UP) {
        say(session, PTX_ERROR_COMPILER, "the compiler gave up");
    } else if (WIFSIGNALED(status)) {
        say(session, PTX_ERROR_COMPILER, "the compiler died of signal %d", WTERMSIG(status));
    } else {
        say(session, PTX_ERROR_COMPILER, "the compiler ended with status %d", WEXITSTATUS(status));
    }
}

/* The child's process; -1 with errno. The end of `alive` is its end. */
static pid_t start_child(const struct session *session, int *alive)
{
    int pipes[2], error;
    pid_t child;

    if (pipe2(pipes, O_CLOEXEC) != 0) {
        return -1;
    }
    child = fork();
    error = errno;
    if (child == 0) {
        close(session->socket);
        close(pipes[0]);
        _exit(run_child(session, pipes[1]));
    }
    close(pipes[1]);
    *alive = pipes[0];
    if (child < 0) {
        close(pipes[0]);
        errno = error;
    }
    return child;
}

/* How it ended, which a signal that comes later does not change. */
static int wait_for(pid_t child)
{
    int status = 0;

    if (child > 0) {
        waitpid(child, &status, 0);
    }
    return status;
}

/* False: the peer is gone. Who has answered ends beside the next request: giving back all of its
 * memory takes a tenth of its time. Who has not by the end of the patience is followed by one in
 * haste. */
static bool run_request(struct session *session)
{
    pid_t former = session->ending;
    int alive, status;
    enum end end;
    pid_t child = start_child(session, &alive);

    if (child < 0) {
        say(session, PTX_ERROR_NO_COMPILER, "no process for it: %s", strerror(errno));
        return true;
    }
    end = wait_for_end(session, alive);
    close(alive);
    kill(child, SIGKILL);
    wait_for(former);
    session->ending = child;
    if (end == END_ANSWER && take_answer(session)) {
        return true;
    }
    session->ending = 0;
    status = wait_for(child);
    if (end == END_CHILD && is_out_of_time(status) && is_patient(session)) {
        session->in_haste = true;
        return run_request(session);
    }
    judge(session, status, end != END_TIME);
    return end != END_PEER;
}

/* ---- A request ---- */

static bool is_valid(const struct wire_request *head)
{
    if (head->magic != WIRE_MAGIC) {
        fputs("baregpu-ptxc: who asks is of another build\n", stderr);
        return false;
    }
    return head->text_size <= head->limits.text && head->name_size > 0 &&
           head->name_size <= WIRE_NAME_MAX && head->limits.answer <= SIZE_MAX / 2;
}

/* What cannot be kept is thrown away: there is an answer to that, too. */
static bool receive_body(struct session *session)
{
    uint64_t left = session->head.name_size + session->head.text_size;
    char unused[4096];
    bool done = true;

    session->name = malloc(left);
    if (session->name != NULL) {
        session->text = session->name + session->head.name_size;
        done = receive(session->socket, session->name, left);
        session->text[-1] = '\0';
        return done;
    }
    for (; left > 0 && done; left -= left < sizeof(unused) ? left : sizeof(unused)) {
        done = receive(session->socket, unused, left < sizeof(unused) ? left : sizeof(unused));
    }
    return done;
}

static bool send_answer(struct session *session)
{
    session->answer.llvm = session->llvm;
    return transmit(session->socket, &session->answer, sizeof(session->answer)) &&
           transmit(session->socket, session->log, session->answer.log_size) &&
           (session->answer.size == 0 ||
            transmit(session->socket, session->result->bytes, session->answer.size));
}

/* False: the peer is gone. */
static bool compile(struct session *session, size_t size)
{
    struct result *shared =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    bool done = true;

    session->result = shared;
    if (session->jail_error) {
        say(session, PTX_ERROR_NO_COMPILER, "no jail for it: %s", strerror(session->jail_error));
    } else if (shared == MAP_FAILED || session->name == NULL) {
        say(session, PTX_ERROR_MEMORY, "no memory for a request");
    } else {
        session->end_ns = clock_now_ns() + session->head.limits.time * NS_PER_MS;
        session->in_haste = session->head.limits.patience == 0;
        done = run_request(session);
    }
    done = done && send_answer(session);
    if (shared != MAP_FAILED) {
        munmap(shared, size);
    }
    return done;
}

static bool serve(struct session *session)
{
    bool done = is_valid(&session->head) && receive_body(session) &&
                compile(session, sizeof(*session->result) + session->head.limits.answer);

    free(session->name);
    session->name = NULL;
    return done;
}

/* ---- The process ---- */

static void enter(struct session *session)
{
    const struct jail jail = {.calls = JAIL_CALLS_PROCESSES,
                              .descriptors = DESCRIPTORS_MAX,
                              .file_size = JAIL_NO_LIMIT,
                              .address_space = JAIL_NO_LIMIT};
    char exposed[JAIL_TEXT_SIZE]; /* where there are no namespaces the calls are fewer all the same
                                   */

    signal(SIGXFSZ, SIG_IGN);
    signal(SIGABRT, on_abort);
    session->llvm = session->server->prepare();
    if (jail_enter(&jail, exposed) != 0) {
        session->jail_error = errno;
    }
}

int server_run(int socket, const struct server *server)
{
    struct session session = {.socket = socket, .server = server};
    const char ready = WIRE_READY;
    bool goes_on;

    if (jail_keep_files() != 0) {
        server->prepare(); /* at once: later they may not be there */
    }
    goes_on = transmit(socket, &ready, 1) && receive(socket, &session.head, sizeof(session.head));

    if (goes_on) {
        enter(&session);
    }
    while (goes_on) {
        goes_on = serve(&session) && receive(socket, &session.head, sizeof(session.head));
    }
    return EXIT_SUCCESS;
}
