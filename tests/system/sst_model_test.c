/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/system/guest_tap.c tests/system/sst_guest.c tests/system/sst_example_model.c
// build: host/sst-sim/device.c host/sst-sim/kernel.c host/sst-sim/link.c host/sst-sim/server.c
// build: host/common/listener.c
/*
 * The model that docs/sst-sim.md shows, behind a virtio device of a guest, with and without
 * deterministic time: this program is the simulator.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/sst-sim/sst_device.h"
#include "sst_guest.h"

#define DEADLINE_MS 60000u

extern const struct sst_model_ops adder_model;

static volatile int stop;

static void take_signal(int number)
{
    (void)number;
    stop = 1;
}

/* A simulator's main(), but for the line on `ready`. */
static int simulate(const char *path, int ready)
{
    struct sigaction action = {.sa_handler = take_signal};
    struct sst_server_options options = {0};
    struct sst_server *server = sst_server_create(&options);
    sigset_t set;
    int result = 1;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (server != NULL && sst_server_listen(server, path, &adder_model) &&
        write(ready, "r", 1) == 1) {
        result = sst_server_run(server, &stop);
    }
    sst_server_destroy(server);
    return result;
}

static pid_t start_simulator(const char *path)
{
    int ready[2];
    char byte;
    pid_t child;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ready), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(simulate(path, ready[1]));
    }
    close(ready[1]);
    assert_int_equal(socket_read(ready[0], &byte, 1, HARNESS_TIMEOUT_MS), 1);
    close(ready[0]);
    return child;
}

static void run(const char *device_options, const char *more)
{
    char *path = harness_temp_path("adder");
    pid_t simulator = start_simulator(path);
    char *arguments =
        harness_format("-device virtio-sst-pci,socket=%s%s %s", path, device_options, more);
    int status;

    sst_guest_run("part=example", arguments, DEADLINE_MS);
    kill(simulator, SIGTERM);
    assert_int_equal(waitpid(simulator, &status, 0), simulator);
    assert_int_equal(status, 0);
    free(arguments);
    free(path);
}

static void a_model(void **state)
{
    (void)state;
    run("", "");
    run(",extension=off", "");
}

static void a_model_in_deterministic_time(void **state)
{
    (void)state;
    run(",sync=on", "-icount shift=0,sleep=off");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model),
        cmocka_unit_test(a_model_in_deterministic_time),
    };

    guest_tap_setup();
    return cmocka_run_group_tests_name("a model of one's own", tests, NULL, NULL);
}
