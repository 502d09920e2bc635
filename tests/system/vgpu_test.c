/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/system/guest_tap.c
// needs: build/firmware/minimal.elf
/* Guest, device and mediator together, as a user has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "guest_tap.h"
#include "protocol/vgpu_stub.h"

#define ACCEPT_TIMEOUT_MS 100u /* between two looks whether the guest has ended */

static char *socket_path;

static struct process *start_mediator(void)
{
    free(socket_path);
    socket_path = harness_temp_path("vgpu.sock");
    return mediator_start("--socket %s", socket_path);
}

/* A path at which nobody listens. */
static void no_mediator(void)
{
    free(socket_path);
    socket_path = harness_temp_path("nobody.sock");
}

static struct guest_options guest(const char *append, char *arguments)
{
    return (struct guest_options){.append = append, .arguments = arguments};
}

static char *stub(const char *properties)
{
    return harness_format("-device vgpu-stub,socket=%s%s", socket_path, properties);
}

static void run_tap(const char *machine, const char *append, const char *properties)
{
    char *arguments = stub(properties);
    struct guest_options options = guest(append, arguments);

    options.machine = machine;
    free(guest_tap_run(&options));
    free(arguments);
}

/* ---- The eleven register tests ---- */

static void registers_with_mediator(void **state)
{
    (void)state;
    struct process *mediator = start_mediator();

    run_tap(NULL, "run=test-vgpu-registers mediator=yes", "");
    run_tap("virt,highmem=off", "run=test-vgpu-registers mediator=yes", "");
    process_end(mediator);
}

static void registers_without_mediator(void **state)
{
    (void)state;
    no_mediator();
    run_tap(NULL, "run=test-vgpu-registers mediator=no", "");
}

static void registers_show_the_properties(void **state)
{
    (void)state;
    no_mediator();
    run_tap(NULL, "run=test-vgpu-registers pool=B priority=high vm_id=200",
            ",pool_id=B,priority=high,vm_id=200");
    run_tap(NULL, "run=test-vgpu-registers pool=A priority=low vm_id=0xffffffff",
            ",pool_id=A,priority=low,vm_id=4294967295");
}

/* That the test is able to fail. */
static void register_test_notices(void **state)
{
    (void)state;
    no_mediator();
    char *arguments = stub(",access64=on");
    struct guest_options options = guest("run=test-vgpu-registers mediator=yes", arguments);
    char *output = guest_expect(&options, 1);

    guest_expect_text(output, "not ok 1 - read-only identity");
    guest_expect_text(output, "not ok 10 - doorbell with a valid request");
    free(output);
    free(arguments);
}

/* ---- All operations ---- */

static void operations(void **state)
{
    (void)state;
    struct process *mediator = start_mediator();

    run_tap(NULL, "run=test-vgpu", "");
    process_end(mediator);
}

static void operations_with_64_bit_accesses(void **state)
{
    (void)state;
    struct process *mediator = start_mediator();

    run_tap(NULL, "run=test-vgpu", ",access64=on,interrupt=on");
    process_end(mediator);
}

static void operations_behind_bridges(void **state)
{
    (void)state;
    struct process *mediator = start_mediator();
    char *arguments = harness_format(
        "-device pcie-root-port,id=rp,chassis=1 -device pcie-pci-bridge,id=pci,bus=rp "
        "-device pci-bridge,id=inner,bus=pci,addr=1,chassis_nr=2 "
        "-device vgpu-stub,socket=%s,bus=inner,addr=9",
        socket_path);
    struct guest_options options = guest("run=test-vgpu", arguments);

    options.machine = "virt,highmem=off";
    free(guest_tap_run(&options));
    free(arguments);
    process_end(mediator);
}

static void interrupt(void **state)
{
    (void)state;
    struct process *mediator = start_mediator();

    run_tap("virt,gic-version=2", "run=test-vgpu-irq", ",interrupt=on");
    run_tap("virt,gic-version=3", "run=test-vgpu-irq", "");
    process_end(mediator);
    no_mediator();
    run_tap(NULL, "run=test-vgpu-irq", ",addr=7");
}

/* A root bus of another number: its lines arrive as those of bus 0. */
static void interrupt_behind_an_expander(void **state)
{
    (void)state;
    no_mediator();
    for (unsigned slot = 0; slot < 4; slot++) {
        char *arguments = harness_format("-device pxb-pcie,id=pxb,bus_nr=64,addr=6 "
                                         "-device pcie-root-port,id=rp,chassis=1,bus=pxb,addr=%u "
                                         "-device vgpu-stub,socket=%s,interrupt=on,bus=rp",
                                         slot, socket_path);
        struct guest_options options = guest("run=test-vgpu-irq", arguments);

        free(guest_tap_run(&options));
        free(arguments);
    }
}

/* ---- What a user sees ---- */

static void demo(void **state)
{
    (void)state;
    struct process *mediator = start_mediator();
    char *arguments = stub(",pool_id=A,priority=high,vm_id=7");
    struct guest_options options = guest(NULL, arguments); /* run=demo is the default */
    char *output = guest_expect(&options, 0);

    guest_expect_text(output, "00:01.0 Processing accelerator [1af4:1111] rev 02\n");
    guest_expect_text(output, "  pool A, priority high, VM 7\n");
    guest_expect_text(output, "100 + 200 = 300");
    guest_expect_text(output, "1000 floats, c = a + b ");
    guest_expect_text(output, "copy c back and compare ");
    guest_expect_text(output, "\nEverything was right: ");
    assert_null(strstr(output, "WRONG"));
    assert_null(strstr(output, "FAILED"));
    free(output);
    free(arguments);
    process_end(mediator);
}

static void demo_without_device(void **state)
{
    (void)state;
    struct guest_options options = guest("run=demo", NULL);
    char *output = guest_expect(&options, 1);

    guest_expect_text(output, "There is no vgpu-stub device [1af4:1111] on the PCI bus.");
    guest_expect_text(output, "-device vgpu-stub");
    free(output);
}

static void demo_without_mediator(void **state)
{
    (void)state;
    no_mediator();
    char *arguments = stub("");
    struct guest_options options = guest("run=demo", arguments);
    char *output = guest_expect(&options, 1);

    guest_expect_text(output, "no mediator answers (status 0x3, mediator unavailable)");
    guest_expect_text(output, "baregpu-mediator --socket");
    assert_null(strstr(output, "Everything was right"));
    free(output);
    free(arguments);
}

/* ---- A mediator of the older kind ---- */

/* It reads once, answers an addition, and closes; on all else, but for a NOP when it is to know
 * that, it closes without a reply. */
static void answer_as_older(int peer, bool knows_nop)
{
    struct {
        struct bg_vgpu_stub_message header;
        struct bg_vgpu_stub_request request;
        uint32_t params[2];
    } __attribute__((packed)) ask = {0};
    struct {
        struct bg_vgpu_stub_message header;
        struct bg_vgpu_stub_response response;
        uint32_t sum;
    } __attribute__((packed)) reply = {
        .response = {.version = BG_VGPU_STUB_PROTOCOL_VERSION,
                     .result_count = 1,
                     .data_offset = sizeof(reply.response) + sizeof(reply.sum)},
    };

    ssize_t size = recv(peer, &ask, sizeof(ask), MSG_DONTWAIT);

    if (size >= (ssize_t)offsetof(typeof(ask), params) &&
        (ask.request.opcode == BG_VGPU_STUB_OP_CUDA_KERNEL ||
         (knows_nop && ask.request.opcode == BG_VGPU_STUB_OP_NOP))) {
        reply.header = ask.header;
        reply.header.type = BG_VGPU_STUB_MESSAGE_RESPONSE;
        reply.header.payload_length = sizeof(reply) - sizeof(reply.header);
        reply.sum = ask.params[0] + ask.params[1];
        assert_true(socket_write(peer, &reply, sizeof(reply)));
    }
    close(peer);
}

/* The guest's output, to be freed, and its status. */
static char *run_with_older(const char *append, bool knows_nop, int *status)
{
    no_mediator();
    int listener = unix_listen(socket_path, 8);
    char *arguments = stub("");
    struct guest_options options = guest(append, arguments);
    struct process *process = guest_start(&options);

    while (!process_has_ended(process, status)) {
        int peer = unix_accept(listener, ACCEPT_TIMEOUT_MS);

        if (peer >= 0) {
            answer_as_older(peer, knows_nop);
        }
    }
    char *output = harness_format("%s", process_output(process));

    close(listener);
    process_end(process);
    free(arguments);
    return output;
}

static void demo_with_older_mediator(void **state)
{
    (void)state;
    int status;
    char *output = run_with_older("run=demo console=pl011", false, &status);

    guest_expect_text(output, "an older mediator, which adds two numbers and does nothing else");
    guest_expect_text(output, "100 + 200 = 300 ");
    guest_expect_text(output, "\nEverything was right: ");
    assert_null(strstr(output, "nobody answers"));
    assert_null(strstr(output, "vectors"));
    assert_int_equal(status, 0);
    free(output);

    output = run_with_older("run=test-vgpu console=pl011", false, &status);
    guest_expect_text(output, "The mediator is an older one: it adds two numbers");
    assert_null(strstr(output, "nobody answers"));
    assert_int_equal(status, 1);
    free(output);
}

/* As a worker does that a request kills: that is no older mediator. */
static void demo_with_connection_lost(void **state)
{
    (void)state;
    int status;
    char *output = run_with_older("run=demo console=pl011", true, &status);

    guest_expect_text(output, "The connection ended with this request; others are answered.");
    assert_null(strstr(output, "older"));
    assert_int_equal(status, 1);
    free(output);
}

/* ---- The kernel without a libc ---- */

static void minimal_kernel(void **state)
{
    (void)state;
    struct process *mediator = start_mediator();
    char *arguments = stub("");
    char *kernel = harness_build_path("firmware/minimal.elf");
    struct guest_options options = guest(NULL, arguments);

    options.kernel = kernel;
    char *output = guest_expect(&options, 0);
    guest_expect_text(output, "100 + 200 = 300\n");
    free(output);
    process_end(mediator);

    output = guest_expect(&options, 1);
    guest_expect_text(output, "100 + 200: no mediator answers\n");
    free(output);
    options.arguments = NULL;
    output = guest_expect(&options, 1);
    guest_expect_text(output, "vgpu-stub: not found\n");
    free(output);
    free(arguments);
    free(kernel);
}

/* ---- The benchmark's output, which a program reads ---- */

static void check_bench_line(const char *output, const char *name, const char *const *numbers)
{
    const char *line = output;

    while ((line = strstr(line, "BENCH ")) != NULL) {
        line += strlen("BENCH ");
        json_t *row = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);

        assert_non_null(row);
        if (strcmp(json_string_value(json_object_get(row, "name")), name) == 0) {
            assert_string_equal(json_string_value(json_object_get(row, "unit")), "ns");
            for (; *numbers != NULL; numbers++) {
                assert_true(json_integer_value(json_object_get(row, *numbers)) > 0);
            }
            json_decref(row);
            return;
        }
        json_decref(row);
    }
    fail_msg("no figure %s", name);
}

static void benchmark(void **state)
{
    (void)state;
    static const char *const value[] = {"value", NULL};
    static const char *const times[] = {"n", "p50", "p99", "mean", "min", "max", NULL};
    struct process *mediator = start_mediator();
    char *arguments = stub("");
    struct guest_options options = guest("run=bench-vgpu n=100", arguments);
    char *output = guest_expect(&options, 0);

    check_bench_line(output, "boot_to_pci", value);
    check_bench_line(output, "boot_to_result", value);
    check_bench_line(output, "vgpu_stub_nop_rtt", times);
    free(output);
    free(arguments);
    process_end(mediator);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_with_mediator),
        cmocka_unit_test(registers_without_mediator),
        cmocka_unit_test(registers_show_the_properties),
        cmocka_unit_test(register_test_notices),
        cmocka_unit_test(operations),
        cmocka_unit_test(operations_with_64_bit_accesses),
        cmocka_unit_test(operations_behind_bridges),
        cmocka_unit_test(interrupt),
        cmocka_unit_test(interrupt_behind_an_expander),
        cmocka_unit_test(demo),
        cmocka_unit_test(demo_without_device),
        cmocka_unit_test(demo_without_mediator),
        cmocka_unit_test(demo_with_older_mediator),
        cmocka_unit_test(demo_with_connection_lost),
        cmocka_unit_test(minimal_kernel),
        cmocka_unit_test(benchmark),
    };

    guest_tap_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
