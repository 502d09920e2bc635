/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/sst-sim/device.c host/sst-sim/kernel.c host/sst-sim/link.c host/sst-sim/server.c
// build: host/common/listener.c
// libs: -pthread
/* The simulator's sockets: guests that have work for long, and more of them than descriptors. */
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/sst-sim/sst_device.h"

#define WORK_NS 10000000 /* of the host's time, for each request */
#define DEADLINE_MS 60000

static char directory[] = "/tmp/sst-sim-server-XXXXXX";
static char path[64];
static struct sst_server *server;
static pthread_t thread;
static volatile int stop;
static _Atomic unsigned done;

/* ---- A model that works long ---- */

static void *create(struct sst_device *device)
{
    return device;
}

static void destroy(void *model)
{
    (void)model;
}

static void request(void *model, struct sst_job *job)
{
    const struct timespec work = {.tv_nsec = WORK_NS};

    (void)model;
    nanosleep(&work, NULL);
    done++;
    sst_answer(job, &(struct sst_answer){.status = BG_SST_OK});
}

static uint64_t clock_hz(const void *model)
{
    (void)model;
    return 0;
}

static const struct sst_model_ops slow_model = {
    "slow", create, destroy, destroy, request, clock_hz,
};

/* ---- The server in a thread ---- */

static void take_signal(int number)
{
    (void)number;
    stop = 1;
}

static void *run(void *context)
{
    (void)context;
    return sst_server_run(server, &stop) == 0 ? server : NULL;
}

static int begin(void **state)
{
    const struct sigaction action = {.sa_handler = take_signal};
    const struct sst_server_options options = {0};
    sigset_t set;

    (void)state;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    sigaction(SIGUSR1, &action, NULL);
    stop = 0;
    done = 0;
    server = sst_server_create(&options);
    snprintf(path, sizeof(path), "%s/socket", directory);
    return server != NULL && sst_server_listen(server, path, &slow_model) &&
                   pthread_create(&thread, NULL, run, NULL) == 0
               ? 0
               : -1;
}

static int end(void **state)
{
    void *result;

    (void)state;
    pthread_kill(thread, SIGUSR1);
    pthread_join(thread, &result);
    sst_server_destroy(server);
    return result != NULL ? 0 : -1;
}

/* ---- Guests, with the old wire ---- */

static int connect_guest(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void ask(int fd, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct bg_sst_request message = {.type = BG_SST_COMPUTE, .request_id = i};

        assert_int_equal(send(fd, &message, sizeof(message), MSG_NOSIGNAL), sizeof(message));
    }
}

static void take(int fd)
{
    struct bg_sst_response response;
    size_t size = 0;

    while (size < sizeof(response)) {
        struct pollfd poller = {.fd = fd, .events = POLLIN};
        ssize_t got;

        assert_int_equal(poll(&poller, 1, DEADLINE_MS), 1);
        got = recv(fd, (uint8_t *)&response + size, sizeof(response) - size, 0);
        assert_true(got > 0);
        size += (size_t)got;
    }
    assert_int_equal(response.status, BG_SST_OK);
}

/* What is answered is sent, though there is more to do; another guest has its turn meanwhile, and
 * so has a signal. */
static void test_long_work(void **state)
{
    int fd = connect_guest(), other = connect_guest();

    (void)state;
    ask(fd, 40);
    take(fd);
    assert_in_range(done, 1, 20);
    ask(other, 1);
    take(other);
    assert_in_range(done, 2, 40);
    pthread_kill(thread, SIGUSR1);
    pthread_join(thread, NULL);
    assert_in_range(done, 2, 40);
    close(fd);
    close(other);
    stop = 0;
    assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
}

static void test_all_of_it(void **state)
{
    int fd = connect_guest();

    (void)state;
    ask(fd, 30);
    for (unsigned i = 0; i < 30; i++) {
        take(fd);
    }
    assert_int_equal(done, 30);
    close(fd);
}

static uint64_t cpu_ms(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

/* Without descriptors for one more guest the server waits, and then takes it. */
static void test_no_descriptors(void **state)
{
    struct rlimit before, none;
    struct pollfd nobody = {.fd = -1};
    uint64_t cpu;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)state;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    cpu = cpu_ms();
    poll(&nobody, 1, 500); /* how much it works in half a second */
    cpu = cpu_ms() - cpu;
    setrlimit(RLIMIT_NOFILE, &before);
    assert_in_range(cpu, 0, 100);
    ask(fd, 1);
    take(fd);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_long_work, begin, end),
        cmocka_unit_test_setup_teardown(test_all_of_it, begin, end),
        cmocka_unit_test_setup_teardown(test_no_descriptors, begin, end),
    };
    int result;

    if (mkdtemp(directory) == NULL) {
        return 1;
    }
    cmocka_set_message_output(CM_OUTPUT_TAP);
    result = cmocka_run_group_tests_name("simulator: sockets", tests, NULL, NULL);
    rmdir(directory);
    return result;
}
