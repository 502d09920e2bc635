/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/cuda-cpu/process/client.c host/cuda-cpu/process/server.c $(addprefix host/cuda-cpu/ptx/,input.c log.c)
// build: host/cuda-cpu/ptxc/flat.c host/cuda-cpu/ptxc/limits.c host/cuda-cpu/ptxc/source.c
// build: host/common/jail.c host/common/jail_calls.c host/common/jail_root.c
// libs: -lseccomp -ldl
// needs: $(BUILD)/host/cuda-cpu/baregpu-ptxc
/* The compiler's process: what it may, what it may cost, and that its end is noticed. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/common/jail.h"
#include "host/cuda-cpu/process/server.h"
#include "host/cuda-cpu/process/wire.h"
#include "host/cuda-cpu/ptxc/flat.h"

#define HEAD ".version 8.0\n.target sm_90\n.address_size 64\n"
#define DEADLINE_S 120
#define NO_NAMESPACES 98

static char log_text[WIRE_LOG_SIZE];
static struct ptx_log ptx_log;

/* ---- The server, with somebody else who answers: by what the text says ---- */

static int told[2]; /* a pipe for who answers */

/* In a jail the sanitizer cannot look for leaks. */
static bool is_jailed;
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return is_jailed;
}

static int try_call(const char *name)
{
    if (strcmp(name, "open") == 0) {
        return (int)syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
    }
    if (strcmp(name, "socket") == 0) {
        return (int)syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
    }
    if (strcmp(name, "trace") == 0) {
        return (int)syscall(SYS_ptrace, 0, 0, 0, 0);
    }
    if (strcmp(name, "fork") == 0) {
        return (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    }
    if (strcmp(name, "kill") == 0) {
        return (int)syscall(SYS_kill, INT32_MAX, SIGKILL);
    }
    if (strcmp(name, "limit") == 0) {
        return (int)syscall(SYS_prlimit64, 0, 0, NULL, NULL);
    }
    return (int)syscall(SYS_execve, "/bin/true", NULL, NULL);
}

static void stay(void)
{
    pid_t self = getpid();

    if (write(told[1], &self, sizeof(self)) != sizeof(self)) {
        abort();
    }
    for (volatile unsigned turns = 0;; turns++) { /* who yields gets no time on a busy machine */
    }
}

/* To every descriptor that there may be, but standard error and what is told. */
static void say_that_it_is_done(void)
{
    for (int fd = told[1] + 1; fd < 16; fd++) {
        if (write(fd, "", 1) < 0 && errno != EBADF) {
            abort();
        }
    }
}

/* Where a text lies, and whether there is anything at a place. */
static void tell_place(const void *place)
{
    if (write(told[1], &place, sizeof(place)) != sizeof(place)) {
        abort();
    }
}

static bool is_there(const char *number)
{
    const void *place = (const void *)(uintptr_t)strtoull(number, NULL, 16);

    return write(told[1], place, 1) >= 0 || errno != EFAULT;
}

static bool answer_oddly(const struct compile_request *request, struct compile_answer *answer,
                         struct ptx_log *log)
{
    static unsigned times;
    char text[32];

    snprintf(text, sizeof(text), "%.*s", (int)request->text_size, request->text);
    if (strcmp(text, "abort") == 0) {
        abort();
    } else if (strcmp(text, "lie") == 0) {
        say_that_it_is_done();
        stay();
    } else if (strcmp(text, "stay") == 0) {
        stay();
    } else if (strcmp(text, "hurry") == 0) {
        for (volatile bool works = !request->in_haste; works;) {
        }
        answer->size = 3;
    } else if (strncmp(text, "try ", 4) == 0) {
        answer->size = (size_t)(try_call(text + 4) < 0 ? 1 : 2);
    } else if (strcmp(text, "where") == 0) {
        tell_place(request->text);
        answer->size = 1;
    } else if (strncmp(text, "look ", 5) == 0) {
        answer->size = is_there(text + 5) ? 2 : 1;
    } else if (strcmp(text, "large") == 0) {
        answer->size = request->limits.answer + 1;
    } else if (strcmp(text, "times") == 0) {
        answer->size = ++times;
    } else {
        ptx_log_error(log, (struct ptx_position){3, 4}, "%s", text);
        return false;
    }
    answer->bytes = calloc(1, answer->size);
    return true;
}

static struct source prepare_nothing(void)
{
    return (struct source){0};
}

static const struct server oddly = {prepare_nothing, answer_oddly};

struct peer {
    int socket;
    pid_t process;
};

/* prepare: what the server's process does before. */
static struct peer start_server_that(void (*prepare)(void))
{
    struct peer peer;
    int sockets[2];
    char ready;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
    assert_int_equal(pipe2(told, O_CLOEXEC), 0);
    peer.process = fork();
    if (peer.process == 0) {
        is_jailed = true;
        alarm(DEADLINE_S);
        close(sockets[0]);
        prepare();
        _exit(server_run(sockets[1], &oddly));
    }
    close(sockets[1]);
    peer.socket = sockets[0];
    assert_int_equal(recv(peer.socket, &ready, 1, 0), 1);
    assert_int_equal(ready, WIRE_READY);
    return peer;
}

static void do_nothing(void)
{
}

static struct peer start_server(void)
{
    return start_server_that(do_nothing);
}

static void request_within(const struct peer *peer, const char *text, uint64_t processor,
                           uint64_t time_ms)
{
    const struct wire_request head = {
        .magic = WIRE_MAGIC,
        .what = COMPILE_KERNEL,
        .text_size = strlen(text),
        .name_size = 1,
        .limits = {.text = 1 << 20,
                   .answer = 1 << 20,
                   .memory = JAIL_NO_LIMIT,
                   .patience = 1,
                   .processor = processor,
                   .time = time_ms},
    };

    assert_int_equal(write(peer->socket, &head, sizeof(head)), sizeof(head));
    assert_int_equal(write(peer->socket, "", 1), 1);
    assert_int_equal(write(peer->socket, text, strlen(text)), strlen(text));
}

static void request(const struct peer *peer, const char *text, uint64_t time_ms)
{
    request_within(peer, text, 1, time_ms);
}

static void receive(const struct peer *peer, void *bytes, size_t size)
{
    if (size) {
        assert_int_equal(recv(peer->socket, bytes, size, MSG_WAITALL), size);
    }
}

static struct wire_answer response(const struct peer *peer)
{
    static char bytes[1 << 20];
    struct wire_answer head;

    receive(peer, &head, sizeof(head));
    assert_true(head.log_size < sizeof(log_text) && head.size <= sizeof(bytes));
    receive(peer, log_text, head.log_size);
    log_text[head.log_size] = '\0';
    receive(peer, bytes, head.size);
    return head;
}

static struct wire_answer ask(const struct peer *peer, const char *text)
{
    request(peer, text, DEADLINE_S * 1000);
    return response(peer);
}

/* Its status. */
static int stop_server(struct peer *peer)
{
    int status;

    close(peer->socket);
    close(told[0]);
    close(told[1]);
    assert_int_equal(waitpid(peer->process, &status, 0), peer->process);
    return status;
}

static void test_jail(void **state)
{
    static const char *const ends[] = {"try socket", "try trace", "try fork",
                                       "try kill",   "try limit", "try program"};
    struct peer peer = start_server();

    (void)state;
    assert_int_equal(ask(&peer, "try open").size, 1);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        assert_int_equal(ask(&peer, ends[i]).error, PTX_ERROR_COMPILER);
        assert_string_equal(log_text, "1:1: error: the compiler died of signal 31\n");
    }
    assert_int_equal(stop_server(&peer), 0);
}

/* A request that goes wrong costs itself, and leaves nothing for the next one. */
static void test_ends(void **state)
{
    struct peer peer = start_server();

    (void)state;
    assert_int_equal(ask(&peer, "what").error, PTX_ERROR_INVALID);
    assert_string_equal(log_text, "3:4: error: what\n");
    assert_int_equal(ask(&peer, "abort").error, PTX_ERROR_COMPILER);
    assert_string_equal(log_text, "1:1: error: the compiler gave up\n");
    assert_int_equal(ask(&peer, "times").size, 1);
    assert_int_equal(ask(&peer, "times").size, 1);
    assert_int_equal(ask(&peer, "large").size, 0);
    assert_int_equal(ask(&peer, "lie").size, 0);
    assert_int_equal(ask(&peer, "times").size, 1);
    assert_int_equal(stop_server(&peer), 0);
}

static void test_time(void **state)
{
    struct peer peer = start_server();

    (void)state;
    request(&peer, "stay", 100);
    assert_int_equal(response(&peer).error, PTX_ERROR_TIME);
    assert_string_equal(log_text, "1:1: error: compiling takes more than 100 ms\n");
    assert_int_equal(ask(&peer, "stay").error, PTX_ERROR_TIME);
    assert_string_equal(log_text, "1:1: error: compiling takes more than 1 s of the processor\n");
    assert_int_equal(ask(&peer, "times").size, 1);
    assert_int_equal(stop_server(&peer), 0);
}

/* What takes too long for its patience is made again. */
static void test_haste(void **state)
{
    struct peer peer = start_server();

    (void)state;
    request_within(&peer, "hurry", 2, DEADLINE_S * 1000);
    assert_int_equal(response(&peer).size, 3);
    assert_int_equal(ask(&peer, "hurry").error, PTX_ERROR_TIME);
    assert_int_equal(ask(&peer, "times").size, 1);
    assert_int_equal(stop_server(&peer), 0);
}

/* The next one of this server's that stays. */
static pid_t wait_for_child(void)
{
    pid_t child;

    assert_int_equal(read(told[0], &child, sizeof(child)), sizeof(child));
    return child;
}

static void test_killed(void **state)
{
    struct peer peer = start_server();

    (void)state;
    request(&peer, "stay", DEADLINE_S * 1000);
    kill(wait_for_child(), SIGKILL);
    assert_int_equal(response(&peer).error, PTX_ERROR_COMPILER);
    assert_string_equal(log_text, "1:1: error: the compiler died of signal 9\n");
    request(&peer, "stay", DEADLINE_S * 1000);
    wait_for_child();
    assert_int_equal(stop_server(&peer), 0); /* with what it was doing */
}

/* ---- The spare process ---- */

/* The server's children that are alive; the last one is the spare. */
static int open_spare(const struct peer *peer)
{
    char path[64], state;
    int child, found = 0;
    FILE *children, *status;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", peer->process, peer->process);
    children = fopen(path, "re");
    assert_non_null(children);
    while (fscanf(children, "%d", &child) == 1) {
        snprintf(path, sizeof(path), "/proc/%d/stat", child);
        status = fopen(path, "re");
        if (status != NULL) {
            found = fscanf(status, "%*d (%*[^)]) %c", &state) == 1 && state != 'Z' ? child : found;
            fclose(status);
        }
    }
    fclose(children);
    assert_int_not_equal(found, 0);
    return (int)syscall(SYS_pidfd_open, found, 0);
}

static void wait_for_its_end(int process)
{
    struct pollfd polled = {.fd = process, .events = POLLIN};

    assert_int_equal(poll(&polled, 1, DEADLINE_S * 1000), 1);
    close(process);
}

/* Nothing is lost with it. */
static void test_spare_killed(void **state)
{
    struct peer peer = start_server();

    (void)state;
    for (int i = 0; i < 2; i++) {
        int spare;

        assert_int_equal(ask(&peer, "times").size, 1);
        spare = open_spare(&peer);
        assert_true(spare >= 0);
        assert_int_equal(syscall(SYS_pidfd_send_signal, spare, SIGKILL, NULL, 0), 0);
        wait_for_its_end(spare);
    }
    assert_int_equal(ask(&peer, "times").size, 1);
    assert_int_equal(stop_server(&peer), 0);
}

/* It ends with its server, also when that has no time to end it. */
static void test_spare_ends(void **state)
{
    struct peer peer = start_server();
    int spare;

    (void)state;
    assert_int_equal(ask(&peer, "times").size, 1);
    spare = open_spare(&peer);
    kill(peer.process, SIGKILL);
    wait_for_its_end(spare);
    assert_int_equal(stop_server(&peer), SIGKILL);
    peer = start_server();
    assert_int_equal(ask(&peer, "times").size, 1);
    spare = open_spare(&peer);
    assert_int_equal(stop_server(&peer), 0);
    wait_for_its_end(spare);
}

/* It was there during the request before, and has nothing of it. */
static void test_spare_knows_nothing(void **state)
{
    struct peer peer = start_server();
    char text[32];
    void *place;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(&peer, "where").size, 1);
        assert_int_equal(read(told[0], &place, sizeof(place)), sizeof(place));
        snprintf(text, sizeof(text), "look %p", place);
        assert_int_equal(ask(&peer, text).size, 1);
    }
    assert_int_equal(stop_server(&peer), 0);
}

/* There is room for a longer text, too. */
static void test_long(void **state)
{
    static char text[3 << 20];
    struct peer peer = start_server();
    struct wire_request head = {
        .magic = WIRE_MAGIC,
        .what = COMPILE_KERNEL,
        .text_size = sizeof(text),
        .name_size = 1,
        .limits = {.text = sizeof(text),
                   .answer = UINT64_C(1) << 30,
                   .memory = JAIL_NO_LIMIT,
                   .patience = 1,
                   .processor = 1,
                   .time = DEADLINE_S * 1000},
    };

    (void)state;
    for (int i = 0; i < 2; i++) {
        strcpy(text, i == 0 ? "times" : "unknown");
        assert_int_equal(write(peer.socket, &head, sizeof(head)), sizeof(head));
        assert_int_equal(write(peer.socket, "", 1), 1);
        assert_int_equal(send(peer.socket, text, sizeof(text), 0), sizeof(text));
        assert_int_equal(response(&peer).size, i == 0 ? 1 : 0);
        assert_int_equal(ask(&peer, "times").size, 1);
    }
    assert_int_equal(stop_server(&peer), 0);
}

static void use_up_descriptors(void)
{
    while (dup(0) < 64) {
    }
}

/* There is an answer to a request for which there is no process. */
static void test_no_process(void **state)
{
    struct peer peer = start_server_that(use_up_descriptors);

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask(&peer, "times").error, PTX_ERROR_NO_COMPILER);
        assert_string_equal(log_text, "1:1: error: no process for it: Too many open files\n");
    }
    assert_int_equal(stop_server(&peer), 0);
}

static FILE *errors;

static void write_errors_to_file(void)
{
    dup2(fileno(errors), STDERR_FILENO);
}

/* What the server itself has to say comes through, where it writes to a file, too. */
static void test_other_build(void **state)
{
    const struct wire_request head = {.magic = WIRE_MAGIC + 1};
    struct peer peer;
    char text[128];

    (void)state;
    errors = tmpfile();
    assert_non_null(errors);
    peer = start_server_that(write_errors_to_file);
    assert_int_equal(write(peer.socket, &head, sizeof(head)), sizeof(head));
    assert_int_equal(recv(peer.socket, text, 1, 0), 0);
    assert_int_equal(stop_server(&peer), 0);
    rewind(errors);
    assert_non_null(fgets(text, sizeof(text), errors));
    assert_non_null(strstr(text, "another build"));
    fclose(errors);
}

/* ---- The client, with the program ---- */

static const char kernel_text[] =
    HEAD ".global .b32 table[4] = {1, 2, 3, 4};\n"
         ".visible .entry add(.param .u64 p, .param .f32 f) .maxntid 64\n{\n"
         ".reg .b32 %r<4>; .reg .b64 %rd<4>;\n"
         "ld.param.u64 %rd1, [p]; mov.u32 %r1, %tid.x; mad.wide.u32 %rd2, %r1, 4, %rd1;\n"
         "st.global.u32 [%rd2], %r1; ret;\n}\n";

static struct compile_request request_of(const char *text, const char *kernel)
{
    return (struct compile_request){
        .what = kernel != NULL ? COMPILE_KERNEL : COMPILE_MODULE,
        .text = text,
        .text_size = strlen(text),
        .kernel = kernel,
        .limits = compile_default_limits,
    };
}

static bool ask_program(const struct compile_request *request, struct compile_answer *answer)
{
    bool done;

    ptx_log_init(&ptx_log, log_text, sizeof(log_text));
    done = compiler_ask(request, answer, &ptx_log);
    assert_int_equal(done, answer->bytes != NULL);
    assert_int_equal(done, ptx_log.errors == 0);
    return done;
}

static void use_program(const char *path)
{
    compiler_stop();
    setenv("BAREGPU_PTXC", path, 1);
}

static void use_compiler(void)
{
    const char *build = getenv("BAREGPU_BUILD");
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/host/cuda-cpu/baregpu-ptxc", build != NULL ? build : "build");
    use_program(path);
}

static void expect_error(const char *text, enum ptx_error error, const char *said)
{
    const struct compile_request request = request_of(text, NULL);
    struct compile_answer answer;

    assert_false(ask_program(&request, &answer));
    assert_int_equal(ptx_log.error, error);
    assert_non_null(strstr(log_text, said));
}

static void expect_module(void)
{
    const struct compile_request request = request_of(kernel_text, NULL);
    struct compile_answer answer;
    struct flat_module module;

    assert_true(ask_program(&request, &answer));
    assert_true(flat_read(answer.bytes, answer.size, &module));
    assert_int_equal(module.header->kernels, 1);
    assert_string_equal(module.strings + module.kernels[0].name, "add");
    assert_int_equal(module.kernels[0].parameters, 2);
    assert_int_equal(module.kernels[0].max_threads[0], 64);
    assert_int_equal(module.parameters[1].offset, 8);
    assert_true(module.parameters[1].is_float);
    assert_int_equal(module.header->variables, 1);
    assert_int_equal(module.bytes[module.variables[0].initial + 12], 4);
    free(answer.bytes);
}

/* patience: for good code; 0: it is made in haste */
static void expect_code(uint64_t patience)
{
    struct compile_request request = request_of(kernel_text, "add");
    struct compile_answer answer;

    request.limits.patience = patience;

    assert_true(ask_program(&request, &answer));
    assert_non_null(flat_read_code(answer.bytes, answer.size));
    assert_memory_equal((char *)answer.bytes + sizeof(struct flat_code), "\177ELF", 4);
    assert_true(source_is_current(&answer.llvm));
    assert_true(answer.llvm.size > 0);
    free(answer.bytes);
}

static void test_answers(void **state)
{
    (void)state;
    use_compiler();
    expect_module();
    expect_code(compile_default_limits.patience);
    expect_code(0);
    expect_module();
    assert_true(compiler_source().size > 0);
}

static void count_waits(void *count, bool begins)
{
    *(int *)count += begins ? 1 : 100;
}

static void test_waits(void **state)
{
    int count = 0;

    (void)state;
    use_compiler();
    compiler_on_wait(count_waits, &count);
    expect_code(compile_default_limits.patience);
    assert_int_equal(count, 101);
    compiler_on_wait(NULL, NULL);
    expect_code(compile_default_limits.patience);
    assert_int_equal(count, 101);
}

static void test_errors(void **state)
{
    (void)state;
    use_compiler();
    expect_error(HEAD ".entry k() {\n  frob.u32 %r1;\n}\n", PTX_ERROR_INVALID, "5:3: error: ");
    expect_error(".version 12.0\n.target sm_90\n", PTX_ERROR_VERSION, "12.0 is newer");
    expect_error(".version 8.0\n.target sm_200a\n", PTX_ERROR_VERSION, "sm_200a");
    expect_error(
        HEAD ".entry k() { .reg .b32 %r<2>; tex.1d.v4.u32.s32 {%r1, %r1, %r1, %r1}, [k, {%r1}]; }",
        PTX_ERROR_INVALID, "4:");
    expect_module();
}

static void test_missing(void **state)
{
    (void)state;
    use_program("/nowhere/baregpu-ptxc");
    expect_error(kernel_text, PTX_ERROR_NO_COMPILER, "/nowhere/baregpu-ptxc: No such file");
    assert_int_equal(compiler_source().size, 0);
    use_program("/bin/true");
    expect_error(kernel_text, PTX_ERROR_NO_COMPILER, "the compiler does not start");
    use_compiler();
    expect_module();
}

/* Files that are no libraries, where they are looked for first. */
static void test_without_llvm(void **state)
{
    static const char *const names[] = {"libLLVM.so.19.1", "libLLVM-19.so.1", "libLLVM-19.so"};
    const struct compile_request request = request_of(kernel_text, "add");
    struct compile_answer answer;
    char directory[] = "/tmp/compiler_test.XXXXXX", path[64];

    (void)state;
    assert_non_null(mkdtemp(directory));
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    }
    use_compiler();
    setenv("LD_LIBRARY_PATH", directory, 1);
    expect_module();
    assert_false(ask_program(&request, &answer));
    assert_int_equal(ptx_log.error, PTX_ERROR_NO_COMPILER);
    assert_non_null(strstr(log_text, "LLVM 19 is missing"));
    unsetenv("LD_LIBRARY_PATH");
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        unlink(path);
    }
    rmdir(directory);
}

static bool start_for_good(void)
{
    ptx_log_init(&ptx_log, log_text, sizeof(log_text));
    return compiler_start(&ptx_log);
}

/* It starts, and does that. */
static void use_short_lived(char path[], const char *then)
{
    static const char script[] = "#!/bin/sh\nprintf %c >&%u\n%s\n";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    dprintf(fd, script, WIRE_READY, WIRE_SOCKET, then);
    fchmod(fd, 0700);
    close(fd);
    use_program(path);
}

/* How it ended is said. */
static void test_its_end(void **state)
{
    char path[] = "/tmp/compiler_test.XXXXXX", other[] = "/tmp/compiler_test.XXXXXX";

    (void)state;
    use_short_lived(path, "exit 7");
    expect_error(kernel_text, PTX_ERROR_COMPILER, "process has ended with status 7");
    use_short_lived(other, "kill -9 $$");
    expect_error(kernel_text, PTX_ERROR_COMPILER, "process has ended by signal 9");
    unlink(path);
    unlink(other);
    use_compiler();
}

/* Once it was started for good there is no other one. */
static void test_only_one(void **state)
{
    char path[] = "/tmp/compiler_test.XXXXXX";

    (void)state;
    use_compiler();
    assert_true(start_for_good());
    expect_code(compile_default_limits.patience);
    use_program("/bin/true");
    assert_false(start_for_good());
    use_short_lived(path, "");
    assert_true(start_for_good());
    expect_error(kernel_text, PTX_ERROR_COMPILER, "has ended");
    expect_error(kernel_text, PTX_ERROR_NO_COMPILER, "has ended");
    unlink(path);
    use_compiler();
}

/* As a worker of the mediator's: in a jail that has no files before it compiles. 0: all is well. */
static int compile_in_jail(void)
{
    const struct jail jail = {.calls = JAIL_CALLS_THREADS,
                              .isolated = true,
                              .descriptors = 64,
                              .file_size = 0,
                              .address_space = JAIL_NO_LIMIT};
    const struct compile_request request = request_of(kernel_text, "add");
    char exposed[JAIL_TEXT_SIZE];
    struct compile_answer answer;

    is_jailed = true;
    if (jail_keep_files() != 0) {
        return NO_NAMESPACES;
    }
    if (!start_for_good() || jail_enter(&jail, exposed) != 0 || exposed[0]) {
        return 1;
    }
    return compiler_ask(&request, &answer, &ptx_log) ? 0 : 2;
}

static void test_from_jail(void **state)
{
    int status;
    pid_t child;

    (void)state;
    use_compiler();
    child = fork();
    if (child == 0) {
        alarm(DEADLINE_S);
        syscall(SYS_exit_group, compile_in_jail()); /* the sanitizer would do more before an end */
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WTERMSIG(status), 0);
    if (WEXITSTATUS(status) == NO_NAMESPACES) {
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* NULL: all is well. */
static void *ask_often(void *failed)
{
    const struct compile_request request = request_of(kernel_text, "add");

    for (int i = 0; i < 5; i++) {
        char text[256];
        struct compile_answer answer;
        struct ptx_log log;

        ptx_log_init(&log, text, sizeof(text));
        if (!compiler_ask(&request, &answer, &log)) {
            return failed;
        }
        free(answer.bytes);
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[4];
    void *failed;

    (void)state;
    use_compiler();
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, told), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

/* A child's requests are its own process's, and do not disturb ours. */
static void test_fork(void **state)
{
    int status;
    pid_t child;

    (void)state;
    use_compiler();
    expect_module();
    child = fork();
    if (child == 0) {
        bool failed = ask_often(told) != NULL;

        compiler_stop();
        _exit(failed);
    }
    expect_code(compile_default_limits.patience);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    expect_code(compile_default_limits.patience);
}

/* ---- What it may cost ---- */

/* `count` times the format, of a number, between a head and an end. */
static char *repeat(const char *head, const char *format, unsigned count, const char *end)
{
    size_t size = strlen(head) + count * (strlen(format) + 24) + strlen(end) + 1;
    char *text = malloc(size), *next = text;

    assert_non_null(text);
    next += sprintf(next, "%s", head);
    for (unsigned i = 0; i < count; i++) {
        const char *hole = strchr(format, '#');

        next += hole == NULL ? sprintf(next, "%s", format)
                             : sprintf(next, "%.*s%u%s", (int)(hole - format), format, i, hole + 1);
    }
    sprintf(next, "%s", end);
    return text;
}

static void expect_repeated(const char *head, const char *format, unsigned count, const char *end,
                            enum ptx_error error, const char *said)
{
    char *text = repeat(head, format, count, end);

    expect_error(text, error, said);
    free(text);
}

static void test_nesting(void **state)
{
    (void)state;
    use_compiler();
    expect_repeated(HEAD ".entry k() {", "{", 1000000, "}", PTX_ERROR_LIMIT, "nested");
    expect_repeated(HEAD ".global .b32 x = ", "(", 1000000, "1;", PTX_ERROR_LIMIT, "nested");
    expect_repeated(HEAD ".global .b32 x = ", "-", 1000000, "1;", PTX_ERROR_LIMIT, "nested");
}

static void expect_limit(struct compile_request request, enum ptx_error error, const char *said)
{
    struct compile_answer answer;

    assert_false(ask_program(&request, &answer));
    assert_int_equal(ptx_log.error, error);
    assert_non_null(strstr(log_text, said));
}

/* Of a text that is right, but for what it costs. */
static void test_limits(void **state)
{
    char *large = repeat(HEAD ".visible .entry k(.param .u64 p) {\n.reg .f32 %f<1000000000>;\n"
                              ".reg .b64 %rd<2>; ld.param.u64 %rd1, [p];\n",
                         "ld.global.f32 %f#, [%rd1 + 4];\n", 10000, "}\n");
    struct compile_request request = request_of(large, NULL), kernel = request_of(large, "k");

    (void)state;
    use_compiler();
    request.limits.text = 1000;
    expect_limit(request, PTX_ERROR_LIMIT, "text");
    request = request_of(large, NULL);
    request.limits.ir = 100000;
    expect_limit(request, PTX_ERROR_LIMIT, "there is too much code");
    request = request_of(large, NULL);
    request.limits.answer = 100;
    expect_limit(request, PTX_ERROR_LIMIT, "the limit is 100");
    kernel.limits.memory = (uint64_t)300 << 20;
    expect_limit(kernel, PTX_ERROR_MEMORY, "memory");
    kernel = request_of(large, "k");
    kernel.limits.time = 100;
    expect_limit(kernel, PTX_ERROR_TIME, "more than 100 ms");
    free(large);
}

/* 40 MB of labels. */
static void test_many_labels(void **state)
{
    char *text = repeat(HEAD ".entry k() {\n", "label#:\n", 3000000, "}\n");
    struct compile_request request = request_of(text, NULL);

    (void)state;
    use_compiler();
    request.limits.processor = 1;
    expect_limit(request, PTX_ERROR_TIME, "more than 1 s of the processor");
    request = request_of(text, NULL);
    request.limits.memory = (uint64_t)500 << 20;
    expect_limit(request, PTX_ERROR_LIMIT, "memory");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jail),         cmocka_unit_test(test_ends),
        cmocka_unit_test(test_time),         cmocka_unit_test(test_haste),
        cmocka_unit_test(test_killed),       cmocka_unit_test(test_spare_killed),
        cmocka_unit_test(test_spare_ends),   cmocka_unit_test(test_spare_knows_nothing),
        cmocka_unit_test(test_long),         cmocka_unit_test(test_no_process),
        cmocka_unit_test(test_other_build),  cmocka_unit_test(test_its_end),
        cmocka_unit_test(test_answers),      cmocka_unit_test(test_waits),
        cmocka_unit_test(test_errors),       cmocka_unit_test(test_missing),
        cmocka_unit_test(test_without_llvm), cmocka_unit_test(test_only_one),
        cmocka_unit_test(test_from_jail),    cmocka_unit_test(test_threads),
        cmocka_unit_test(test_fork),         cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_limits),       cmocka_unit_test(test_many_labels),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    alarm(3 * DEADLINE_S);
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    compiler_stop();
    return failures;
}
