/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/system/guest_tap.c tests/system/sst_guest.c
/* A kernel with PCI code of its own, which hands its functions over: the guest's test-pci-adopt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sst_guest.h"

static struct process *mediator, *simulator;
static char *sockets[3];

static void run(const char *machine)
{
    char *arguments = harness_format(
        "-device vgpu-stub,socket=%s -device virtio-gpu-pci "
        "-device pcie-root-port,id=rp,chassis=1 -device pvgpu,bus=rp,backend_pipe=%s "
        "-device pci-bridge,id=old,chassis_nr=2 -device virtio-sst-pci,bus=old,addr=5,socket=%s",
        sockets[0], sockets[1], sockets[2]);
    const struct guest_options guest = {
        .machine = machine, .append = "run=test-pci-adopt", .arguments = arguments};

    free(guest_tap_run(&guest));
    free(arguments);
}

static void with_v2m(void **state)
{
    (void)state;
    run("virt,gic-version=2");
}

static void with_an_its(void **state)
{
    (void)state;
    run("virt,gic-version=3");
}

static int begin(void **state)
{
    (void)state;
    sockets[0] = harness_temp_path("stub.sock");
    sockets[1] = harness_temp_path("pvgpu.sock");
    sockets[2] = harness_temp_path("sst.sock");
    mediator =
        mediator_start("--backend cpu --socket %s --pvgpu-socket %s", sockets[0], sockets[1]);
    simulator = sst_simulator_start("%s", sockets[2]);
    return 0;
}

static int end(void **state)
{
    (void)state;
    process_end(simulator);
    process_end(mediator);
    for (unsigned i = 0; i < 3; i++) {
        free(sockets[i]);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_v2m),
        cmocka_unit_test(with_an_its),
    };

    guest_tap_setup();
    return cmocka_run_group_tests(tests, begin, end);
}
