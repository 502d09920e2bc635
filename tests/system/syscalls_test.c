/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/syscalls.c tests/system/guest_tap.c tests/system/sst_guest.c
// needs: build/firmware/baregpu-test.elf build/host/baregpu-mediator build/host/baregpu-sst-sim
/*
 * A request costs QEMU the system calls that carry it, and wakes no thread that it does not need:
 * a timer that is moved, or a handler that comes and goes, wakes the main loop each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "syscalls.h"
#include "system/sst_guest.h"

#define FEW 200u
#define MANY 1200u
/* For what comes by the clock, a look of the main loop now and then: on a slow machine a request
 * has more of it. One more call for each request would be over. */
#define BY_THE_CLOCK 0.8

static void expect_at_most(const struct syscalls *calls, double most)
{
    print_message("# sends %.2f, reads %.2f, waits %.2f, others %.2f; empty reads %.2f, locks "
                  "%.2f\n",
                  calls->sends, calls->reads, calls->waits, calls->others, calls->empty_reads,
                  calls->locks);
    assert_true(calls->sends >= 1 && calls->reads >= 1);
    assert_true(syscalls_needed(calls) <= most + BY_THE_CLOCK);
}

/* One send, one read that finds the answer. */
static void stub_request(void **state)
{
    (void)state;
    char *path = harness_temp_path("vgpu.sock");
    char *arguments = harness_format("-device vgpu-stub,access64=on,socket=%s", path);
    struct process *mediator = mediator_start("--socket %s", path);
    struct syscalls calls = syscalls_of_request("run=bench-vgpu", arguments, FEW, MANY);

    expect_at_most(&calls, 2);
    process_end(mediator);
    free(arguments);
    free(path);
}

/* The guest looks into its memory: there must be one wait of the main loop for the answer. */
static void sst_request(void **state)
{
    (void)state;
    char *path = harness_temp_path("sst.sock");
    char *arguments = harness_format("-device virtio-sst-pci,socket=%s", path);
    struct process *simulator = sst_simulator_start("%s", path);
    struct syscalls calls = syscalls_of_request("run=bench-sst rtt=1", arguments, FEW, MANY);

    expect_at_most(&calls, 3);
    process_end(simulator);
    free(arguments);
    free(path);
}

int main(int count, char **texts)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stub_request),
        cmocka_unit_test(sst_request),
    };

    (void)count;
    syscalls_begin(texts);
    guest_tap_setup();
    return cmocka_run_group_tests_name("system calls of a request", tests, NULL, NULL);
}
