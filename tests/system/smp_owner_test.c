/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/system/guest_tap.c
/* Several CPUs that use one device: the guest's test-smp-owner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guest_tap.h"

static struct process *mediator;
static char *sockets[2];

static void run(unsigned cpus)
{
    char *arguments = harness_format("-smp %u -device vgpu-stub,socket=%s "
                                     "-device pvgpu,backend_pipe=%s",
                                     cpus, sockets[0], sockets[1]);
    const struct guest_options guest = {
        .machine = "virt,gic-version=3", .append = "run=test-smp-owner", .arguments = arguments};

    free(guest_tap_run(&guest));
    free(arguments);
}

static void two_cpus(void **state)
{
    (void)state;
    run(2);
}

static void four_cpus(void **state)
{
    (void)state;
    run(4);
}

static int begin(void **state)
{
    (void)state;
    sockets[0] = harness_temp_path("stub.sock");
    sockets[1] = harness_temp_path("pvgpu.sock");
    mediator =
        mediator_start("--backend cpu --socket %s --pvgpu-socket %s", sockets[0], sockets[1]);
    return 0;
}

static int end(void **state)
{
    (void)state;
    process_end(mediator);
    free(sockets[0]);
    free(sockets[1]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_cpus),
        cmocka_unit_test(four_cpus),
    };

    guest_tap_setup();
    return cmocka_run_group_tests(tests, begin, end);
}
