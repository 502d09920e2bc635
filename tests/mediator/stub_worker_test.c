/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/client.c tests/mediator/fixture.c host/mediator/worker/control.c
// build: tests/mediator/processes.c
// build: host/mediator/log.c host/common/fd_message.c
// needs: build/host/baregpu-mediator
/*
 * One worker process, with the test in the supervisor's place: what it does with each control
 * message, and in which order, where a whole mediator leaves that to chance.
 */
#include <dirent.h>
#include <poll.h>
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
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "host/mediator/worker/control.h"
#include "host/mediator/worker/device.h"
#include "host/mediator/worker/worker.h"
#include "protocol/cuda.h"
#include "protocol/cuda_command.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"

#define ROUNDS 100 /* the worker's two threads race for what is tested */

static pid_t worker;
static int control = -1;
static struct client client = {.fd = -1};

static int teardown(void **state)
{
    (void)state;
    client_close(&client);
    if (control >= 0) {
        close(control);
        control = -1;
    }
    if (worker > 0) {
        kill(worker, SIGKILL);
        waitpid(worker, NULL, 0);
        worker = 0;
    }
    return 0;
}

static pid_t start_process(int worker_end)
{
    char *program = harness_build_path("host/baregpu-mediator");
    pid_t child = fork();

    if (child == 0) {
        dup2(worker_end, WORKER_CONTROL_FD);
        execl(program, "baregpu-mediator", WORKER_ARGUMENT, DEVICE_CPU, NULL);
        _exit(127);
    }
    assert_true(child > 0);
    free(program);
    return child;
}

static void tell(const struct control_message *message, int fd)
{
    assert_int_equal(control_send(control, message, fd), 0);
}

static struct control_message receive_any(void)
{
    struct pollfd polled = {.fd = control, .events = POLLIN};
    struct control_message message = {0};

    assert_int_equal(poll(&polled, 1, CLIENT_TIMEOUT_MS), 1);
    assert_int_equal(control_receive(control, &message, NULL), 1);
    return message;
}

/* The worker's next message. That it has no namespaces, as in a container, is said beside all
 * others. */
static struct control_message receive(void)
{
    struct control_message message = receive_any();

    return message.type == CONTROL_EXPOSED ? receive_any() : message;
}

/* The next message, which must be of this type. */
static struct control_message expect(uint32_t type)
{
    struct control_message message = receive();

    assert_int_equal(message.type, type);
    return message;
}

static void start_worker(void)
{
    struct control_message start = {
        .type = CONTROL_START,
        .start = {.session = 1,
                  .log_level = MEDIATOR_LOG_INFO,
                  .listener = "test",
                  .limits = {.memory_limit = 1 << 30,
                             .max_queued = 8,
                             .burst = 1,
                             .request_timeout_ms = 10000,
                             .max_priority = BG_VGPU_STUB_PRIORITY_HIGH}}};
    int pair[2], connection[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, connection), 0);
    control = pair[0];
    worker = start_process(pair[1]);
    close(pair[1]);
    client = (struct client){.fd = connection[0],
                             .vm_id = 7,
                             .pool_id = 'A',
                             .priority = BG_VGPU_STUB_PRIORITY_MEDIUM,
                             .next_id = 1};
    tell(&start, connection[1]);
    close(connection[1]);
}

/* Up to its first wish for the lease, for this request. */
static void attach(const struct request *request)
{
    const struct control_message attached = {.type = CONTROL_ATTACHED};

    client_send(&client, request);
    assert_int_equal(expect(CONTROL_ATTACH).attach.vm_id, 7);
    tell(&attached, -1);
}

static bool answer_is_there(void)
{
    char byte;

    return recv(client.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

/* Who gives the lease back unused asks again behind all others, and may never have its turn. */
static void test_lease_is_used_before_it_is_released(void **state)
{
    const struct control_message grant = {.type = CONTROL_GRANT};
    const struct control_message revoke = {.type = CONTROL_REVOKE};
    struct request alloc = request_alloc(64); /* for the executor: the other thread reads on */

    (void)state;
    start_worker();
    attach(&alloc);
    for (int i = 0; i < ROUNDS; i++) {
        expect(CONTROL_ASK);
        tell(&grant, -1);
        tell(&revoke, -1);
        expect(CONTROL_RELEASE);
        if (!answer_is_there()) {
            fail_msg("round %d: released without having used it", i);
        }
        assert_int_equal(client_receive(&client).status, BG_COMPUTE_OK);
        client_send(&client, &alloc);
    }
    expect(CONTROL_ASK);
}

/* Nothing waits: the lease stays until it is revoked, and goes at once then. */
static void test_idle_lease(void **state)
{
    const struct control_message grant = {.type = CONTROL_GRANT};
    const struct control_message revoke = {.type = CONTROL_REVOKE};
    const struct control_message check = {.type = CONTROL_CHECK};
    struct request add = request_add(1, 2);

    (void)state;
    start_worker();
    attach(&add);
    expect(CONTROL_ASK);
    tell(&grant, -1);
    assert_int_equal(client_receive(&client).result, 3);
    assert_int_equal(client_expect_ok(&client, &add), 3); /* no new lease */
    tell(&check, -1);
    assert_int_equal(expect(CONTROL_CHECKED).statistics.requests, 2);
    tell(&revoke, -1);
    expect(CONTROL_RELEASE);
}

/* In the middle of a request as well: it goes on when the lease is there again. */
static void test_a_request_in_slices(void **state)
{
    enum { SIZE = 256 << 20 };
    const struct control_message grant = {.type = CONTROL_GRANT};
    const struct control_message contended = {.type = CONTROL_GRANT, .contended = true};
    const struct control_message revoke = {.type = CONTROL_REVOKE};
    const struct control_message check = {.type = CONTROL_CHECK};
    struct request alloc = request_alloc(SIZE);
    struct control_message message;
    unsigned yields = 0;

    (void)state;
    start_worker();
    attach(&alloc);
    expect(CONTROL_ASK);
    tell(&grant, -1);
    uint32_t dst = client_receive(&client).result;
    struct request move = request_move(dst, client_expect_ok(&client, &alloc), SIZE);
    client_send(&client, &move);
    client_send_ping(&client, 99, false);
    assert_int_equal(client_receive(&client).type, BG_VGPU_STUB_MESSAGE_PONG); /* it is queued */
    tell(&revoke, -1);
    while ((message = receive()).type == CONTROL_YIELD) {
        assert_int_equal(message.priority, BG_VGPU_STUB_PRIORITY_MEDIUM);
        tell(&check, -1);
        expect(CONTROL_CHECKED); /* it hears all the time */
        assert_false(answer_is_there());
        tell(&contended, -1);
        yields++;
    }
    assert_int_equal(message.type, CONTROL_RELEASE);
    assert_int_equal(client_receive(&client).status, BG_COMPUTE_OK);
    assert_true(yields >= 3);
}

/* Each refusal is a line in the mediator's log: not as many as the client likes. */
static void test_refused_pools_are_asked_for_once(void **state)
{
    static const struct {
        uint8_t pool;
        bool asks;
    } steps[] = {{'C', true},  {'D', false}, {'A', true},  {0, false},  {'B', true},
                 {'A', false}, {'B', false}, {'C', false}, {'a', false}};
    const struct control_message refused = {.type = CONTROL_ATTACHED,
                                            .attached.status = BG_COMPUTE_INVALID_POOL};
    const struct control_message check = {.type = CONTROL_CHECK};
    struct request add = request_add(1, 2);

    (void)state;
    start_worker();
    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        client.pool_id = steps[i].pool;
        client_send(&client, &add);
        if (steps[i].asks) {
            assert_int_equal(expect(CONTROL_ATTACH).attach.pool_id, steps[i].pool);
            tell(&refused, -1);
        }
        assert_int_equal(client_receive(&client).status, BG_COMPUTE_INVALID_POOL);
    }
    tell(&check, -1);
    expect(CONTROL_CHECKED);
}

/* One connection is one guest's: the supervisor would take a second for a fault of the first. */
static void test_another_guest_on_the_connection(void **state)
{
    const struct control_message refused = {.type = CONTROL_ATTACHED,
                                            .attached.status = BG_COMPUTE_INVALID_POOL};
    const struct control_message check = {.type = CONTROL_CHECK};
    struct request add = request_add(1, 2);

    (void)state;
    start_worker();
    client_send(&client, &add);
    assert_int_equal(expect(CONTROL_ATTACH).attach.vm_id, 7);
    tell(&refused, -1);
    assert_int_equal(client_receive(&client).status, BG_COMPUTE_INVALID_POOL);
    client.vm_id = 8;
    client.pool_id = 'B';
    client_send(&client, &add);
    tell(&check, -1);
    expect(CONTROL_CHECKED); /* no ATTACH before */
    assert_int_equal(client_receive(&client).status, BG_COMPUTE_INVALID_REQUEST);
}

/* It computes nothing: others may, and it has a turn as they have when it goes on. */
static void test_no_lease_while_it_compiles(void **state)
{
    static const char module[] =
        ".version 8.0\n.target sm_80\n.address_size 64\n.visible .entry k() "
        "{ ret; }\n";
    const struct control_message grant = {.type = CONTROL_GRANT};
    struct request init = {.opcode = BG_CUDA_INIT,
                           .param_count = 2,
                           .params = {BG_CUDA_COMMAND_VERSION, BG_CUDA_NONE}};
    struct request load = {.opcode = BG_CUDA_MODULE_LOAD,
                           .param_count = sizeof(struct bg_cuda_module_load) / 4,
                           .data = module,
                           .data_length = sizeof(module)};

    (void)state;
    start_worker();
    attach(&init);
    expect(CONTROL_ASK);
    tell(&grant, -1);
    assert_int_equal(client_receive(&client).result, CUDA_SUCCESS);
    client_send(&client, &load);
    expect(CONTROL_RELEASE);
    expect(CONTROL_ASK);
    assert_false(answer_is_there());
    tell(&grant, -1);
    assert_int_equal(client_receive(&client).result, CUDA_SUCCESS);
}

/* From a folder a jail's own root would not keep anybody. */
static void test_no_folder_is_open(void **state)
{
    const struct control_message attached = {.type = CONTROL_ATTACHED,
                                             .attached.status = BG_COMPUTE_INVALID_POOL};
    struct request add = request_add(1, 2);
    struct dirent *entry;
    struct stat status;
    char name[32];
    DIR *folder;

    (void)state;
    start_worker();
    client_send(&client, &add);
    expect(CONTROL_ATTACH); /* it has read a byte: it is in its sandbox */
    tell(&attached, -1);
    snprintf(name, sizeof(name), "/proc/%d/fd", (int)worker);
    folder = opendir(name);
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.' && fstatat(dirfd(folder), entry->d_name, &status, 0) == 0) {
            assert_false(S_ISDIR(status.st_mode));
        }
    }
    closedir(folder);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_teardown(function, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_lease_is_used_before_it_is_released),
        TEST(test_idle_lease),
        TEST(test_a_request_in_slices),
        TEST(test_refused_pools_are_asked_for_once),
        TEST(test_another_guest_on_the_connection),
        TEST(test_no_lease_while_it_compiles),
        TEST(test_no_folder_is_open),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
