/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* pipe2, prlimit, POLLRDHUP */
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

/* Memory that one child and its parent share: the request, and what the child leaves behind. */
struct room {
    struct wire_request head;
    bool in_haste;
    struct wire_answer answer;
    char log[WIRE_LOG_SIZE];
    char name[]; /* then the text, then the answer's bytes */
};

struct child {
    pid_t process; /* 0: none */
    int go;        /* a byte to it: there is a request */
    int alive;     /* a byte from it: there is an answer. Its end is the child's */
    struct room *room;
    size_t size;
};

struct session {
    int socket;
    const struct server *server;
    char *heap; /* its end before there was LLVM */
    struct wire_request head;
    struct child child; /* who has the request */
    struct child
        spare;       /* who waits for the next one: to make a process takes a tenth of its time */
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

static bool limit(pid_t process, enum __rlimit_resource resource, uint64_t soft, uint64_t hard)
{
    const struct rlimit limits = {.rlim_cur = soft, .rlim_max = hard};

    return prlimit(process, resource, &limits, NULL) == 0;
}

/* Standard error may be a file: that is the server's alone. */
static bool confine(void)
{
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && limit(0, RLIMIT_FSIZE, 0, 0) &&
           jail_forbid_processes() == 0;
}

static bool is_patient(const struct session *session)
{
    const struct wire_request *head = &session->head;

    return head->what == COMPILE_KERNEL && !session->in_haste &&
           head->limits.patience < head->limits.processor;
}

/* By its parent: it cannot itself any more. */
static bool limit_child(const struct session *session)
{
    const struct compile_limits *limits = &session->head.limits;
    uint64_t memory = limits->memory + session->child.size;
    uint64_t processor = is_patient(session) ? limits->patience : limits->processor;
    pid_t process = session->child.process;

    return (limits->memory == JAIL_NO_LIMIT || limit(process, RLIMIT_AS, memory, memory)) &&
           limit(process, RLIMIT_CPU, processor, processor + 1);
}

/* The heap that LLVM has written to, and will again: its pages are copied before there is work. */
static void copy_heap(const struct session *session)
{
    char *end = sbrk(0);

    if (end > session->heap) {
        madvise(session->heap, (size_t)(end - session->heap), MADV_POPULATE_WRITE);
    }
}

static void answer_in(const struct server *server, struct room *room)
{
    const struct wire_request head = room->head;
    const struct compile_request request = {
        .what = (enum compile_what)head.what,
        .text = room->name + head.name_size,
        .text_size = head.text_size,
        .kernel = room->name,
        .options = head.options,
        .limits = head.limits,
        .in_haste = room->in_haste,
    };
    struct compile_answer answer = {0};
    struct ptx_log log;

    memory_limit = head.limits.memory;
    ptx_log_init(&log, room->log, sizeof(room->log));
    if (server->answer(&request, &answer, &log) && answer.size <= head.limits.answer) {
        memcpy(room->name + head.name_size + head.text_size, answer.bytes, answer.size);
        room->answer.size = answer.size;
    }
    room->answer.error = log.error;
    room->answer.errors = log.errors;
    room->answer.log_size = log.used;
}

/* The exit status. */
static int run_child(const struct session *session, struct room *room, int go, int told)
{
    char byte;

    if (!confine()) {
        return EXIT_FAILURE;
    }
    copy_heap(session);
    if (read(go, &byte, 1) != 1) {
        return EXIT_FAILURE;
    }
    answer_in(session->server, room);
    return write(told, "", 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- Its beginning ---- */

/* Of a request that is not too long; another one's child is made for it. */
#define ROOM_TEXT ((size_t)1 << 20)
#define ROOM_SIZE (sizeof(struct room) + WIRE_NAME_MAX + ROOM_TEXT + compile_default_limits.answer)

static size_t room_for(const struct wire_request *head)
{
    return sizeof(struct room) + head->name_size + head->text_size + head->limits.answer;
}

/* What the server has open for a child, which another child has no business with. */
static void leave(const struct child *child)
{
    if (child->room != NULL) {
        munmap(child->room, child->size);
    }
    if (child->process != 0) {
        close(child->alive);
    }
}

/* False with errno. */
static bool fork_spare(struct session *session, struct room *room, size_t size)
{
    int go[2], alive[2], error;
    pid_t process;

    if (pipe2(go, O_CLOEXEC) != 0) {
        return false;
    }
    if (pipe2(alive, O_CLOEXEC) != 0) {
        close(go[0]);
        close(go[1]);
        return false;
    }
    process = fork();
    error = errno;
    if (process == 0) {
        close(session->socket);
        close(go[1]);
        close(alive[0]);
        leave(&session->child);
        memset(&session->head, 0, sizeof(session->head));
        _exit(run_child(session, room, go[0], alive[1]));
    }
    close(go[0]);
    close(alive[1]);
    if (process < 0) {
        close(go[1]);
        close(alive[0]);
        errno = error;
        return false;
    }
    session->spare = (struct child){process, go[1], alive[0], room, size};
    return true;
}

static bool make_spare(struct session *session, size_t size)
{
    struct room *room =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int error;

    if (room == MAP_FAILED) {
        return false;
    }
    if (!fork_spare(session, room, size)) {
        error = errno;
        munmap(room, size);
        errno = error;
        return false;
    }
    return true;
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

static void discard_spare(struct session *session)
{
    if (session->spare.process != 0) {
        kill(session->spare.process, SIGKILL);
        wait_for(session->spare.process);
        close(session->spare.go);
        leave(&session->spare);
        session->spare = (struct child){0};
    }
}

/* One that is there, and has room for the request. False with errno. */
static bool ensure_spare(struct session *session)
{
    struct pollfd polled = {.fd = session->spare.alive, .events = POLLIN};
    size_t size = room_for(&session->head);

    if (session->spare.process != 0 && session->spare.size >= size && poll(&polled, 1, 0) == 0) {
        return true;
    }
    discard_spare(session);
    return make_spare(session, size > ROOM_SIZE ? size : ROOM_SIZE);
}

/* The spare begins with the request, which is in its room, and there is a new one, if that can be
 * had. */
static void begin(struct session *session)
{
    struct child *child = &session->child;

    *child = session->spare;
    session->spare = (struct child){0};
    child->room->head = session->head;
    child->room->in_haste = session->in_haste;
    if (!limit_child(session) || write(child->go, "", 1) != 1) {
        kill(child->process, SIGKILL);
    }
    close(child->go);
    make_spare(session, ROOM_SIZE);
}

/* ---- Its end ---- */

enum end { END_ANSWER, END_CHILD, END_TIME, END_PEER };

/* What comes first. */
static enum end wait_for_end(const struct session *session)
{
    int alive = session->child.alive;
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
    const struct room *room = session->child.room;

    memcpy(&session->answer, &room->answer, sizeof(session->answer));
    session->log = room->log;
    return session->answer.size <= session->head.limits.answer &&
           session->answer.log_size <= sizeof(room->log);
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

static void say_no_child(struct session *session, int error)
{
    if (error == ENOMEM) {
        say(session, PTX_ERROR_MEMORY, "no memory for a request");
    } else {
        say(session, PTX_ERROR_NO_COMPILER, "no process for it: %s", strerror(error));
    }
}

static void forget_child(struct session *session)
{
    leave(&session->child);
    session->child = (struct child){0};
}

static bool run_request(struct session *session);

/* By the spare, what the child before it has not answered. */
static bool run_in_haste(struct session *session)
{
    session->in_haste = true;
    if (!ensure_spare(session)) {
        say_no_child(session, errno);
        return true;
    }
    memcpy(session->spare.room->name, session->child.room->name,
           session->head.name_size + session->head.text_size);
    forget_child(session);
    return run_request(session);
}

/* False: the peer is gone. Who has answered ends beside the next request: giving back all of its
 * memory takes a tenth of its time. Who has not by the end of the patience is followed by one in
 * haste. */
static bool run_request(struct session *session)
{
    pid_t former = session->ending, child;
    enum end end;
    int status;

    begin(session);
    child = session->child.process;
    end = wait_for_end(session);
    kill(child, SIGKILL);
    wait_for(former);
    session->ending = child;
    if (end == END_ANSWER && take_answer(session)) {
        return true;
    }
    session->ending = 0;
    status = wait_for(child);
    if (end == END_CHILD && is_out_of_time(status) && is_patient(session)) {
        return run_in_haste(session);
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
    return head->text_size <= head->limits.text && head->limits.text <= SIZE_MAX / 4 &&
           head->name_size > 0 && head->name_size <= WIRE_NAME_MAX &&
           head->limits.answer <= SIZE_MAX / 4;
}

static bool receive_body(const struct session *session)
{
    char *name = session->spare.room->name;
    bool done = receive(session->socket, name, session->head.name_size + session->head.text_size);

    name[session->head.name_size - 1] = '\0';
    return done;
}

/* What there is no room for: there is an answer to that, too. */
static bool skip_body(const struct session *session)
{
    uint64_t left = session->head.name_size + session->head.text_size;
    char unused[4096];
    bool done = true;

    for (; left > 0 && done; left -= left < sizeof(unused) ? left : sizeof(unused)) {
        done = receive(session->socket, unused, left < sizeof(unused) ? left : sizeof(unused));
    }
    return done;
}

static bool send_answer(struct session *session)
{
    const struct wire_request *head = &session->head;

    session->answer.llvm = session->llvm;
    return transmit(session->socket, &session->answer, sizeof(session->answer)) &&
           transmit(session->socket, session->log, session->answer.log_size) &&
           (session->answer.size == 0 ||
            transmit(session->socket, session->child.room->name + head->name_size + head->text_size,
                     session->answer.size));
}

/* False: the peer is gone. */
static bool compile(struct session *session)
{
    if (session->jail_error) {
        say(session, PTX_ERROR_NO_COMPILER, "no jail for it: %s", strerror(session->jail_error));
        return skip_body(session);
    }
    if (!ensure_spare(session)) {
        say_no_child(session, errno);
        return skip_body(session);
    }
    if (!receive_body(session)) {
        return false;
    }
    session->end_ns = clock_now_ns() + session->head.limits.time * NS_PER_MS;
    session->in_haste = session->head.limits.patience == 0;
    return run_request(session);
}

static bool serve(struct session *session)
{
    bool done = is_valid(&session->head) && compile(session) && send_answer(session);

    forget_child(session);
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
    signal(SIGPIPE, SIG_IGN);
    signal(SIGABRT, on_abort);
    session->llvm = session->server->prepare();
    if (jail_enter(&jail, exposed) != 0) {
        session->jail_error = errno;
    }
}

int server_run(int socket, const struct server *server)
{
    struct session session = {.socket = socket, .server = server, .heap = sbrk(0)};
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
    discard_spare(&session);
    return EXIT_SUCCESS;
}
