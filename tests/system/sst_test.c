/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/system/guest_tap.c tests/system/sst_guest.c
/*
 * virtio-sst from end to end: the guest's test-sst, QEMU's device, baregpu-sst-sim; and what
 * happens when the simulator comes late, stops, dies, or is none at all.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/sst.h"
#include "sst_guest.h"

#define MODERN_MMIO "-global virtio-mmio.force-legacy=false "
#define DEADLINE_MS 60000u
#define SOAK_DEADLINE_MS 3600000u
#define DEPTH 32

static struct process *simulator;
static char *sockets[2], *multiplier;

/* ---- Each request, by each way ---- */

/* `device` is a format for the socket: its only %s. */
static void run_types(const char *device, const char *options)
{
    char *arguments = harness_format(device, sockets[0]);

    sst_guest_run(options, arguments, DEADLINE_MS);
    free(arguments);
}

static void pci_split(void **state)
{
    (void)state;
    run_types("-device virtio-sst-pci,socket=%s", "packed=0");
    run_types("-device virtio-sst-pci,socket=%s,event_idx=off", "packed=0");
    run_types("-device virtio-sst-pci,socket=%s,event_idx=off,indirect_desc=off", "packed=0");
    run_types("-device virtio-sst-pci,socket=%s,in_order=on", "packed=0");
    run_types("-device virtio-sst-pci,socket=%s,direct_kick=off", "packed=0");
}

static void pci_packed(void **state)
{
    (void)state;
    run_types("-device virtio-sst-pci,socket=%s,packed=on", "packed=1");
    run_types("-device virtio-sst-pci,socket=%s,packed=on,event_idx=off,indirect_desc=off",
              "packed=1");
}

static void mmio_modern(void **state)
{
    (void)state;
    run_types(MODERN_MMIO "-device virtio-sst-device,socket=%s", "packed=0 legacy=0");
    run_types(MODERN_MMIO "-device virtio-sst-device,socket=%s,packed=on", "packed=1 legacy=0");
}

static void mmio_legacy(void **state)
{
    (void)state;
    run_types("-device virtio-sst-device,socket=%s", "packed=0 legacy=1");
    run_types("-device virtio-sst-device,socket=%s,event_idx=off,indirect_desc=off",
              "packed=0 legacy=1");
}

static void by_interrupt(void **state)
{
    (void)state;
    run_types("-device virtio-sst-pci,socket=%s", "interrupt=msix packed=0");
    run_types("-device virtio-sst-pci,socket=%s,packed=on", "interrupt=msix packed=1");
    run_types("-device virtio-sst-pci,socket=%s", "interrupt=intx");
    run_types("-device virtio-sst-device,socket=%s", "interrupt=intx legacy=1");
    run_types(MODERN_MMIO "-device virtio-sst-device,socket=%s,packed=on",
              "interrupt=intx legacy=0 packed=1");
}

static void behind_a_port(void **state)
{
    (void)state;
    run_types("-device pcie-root-port,id=rp,chassis=1 -device virtio-sst-pci,bus=rp,socket=%s",
              "interrupt=msix");
}

static void behind_an_smmu(void **state)
{
    (void)state;
    run_types("-machine iommu=smmuv3 -device virtio-sst-pci,socket=%s,iommu_platform=on",
              "smmu=1 interrupt=intx");
    run_types("-machine iommu=smmuv3 "
              "-device virtio-sst-pci,socket=%s,iommu_platform=on,packed=on,num-queues=4",
              "smmu=1 interrupt=intx packed=1 pairs=4");
}

static void pairs(void **state)
{
    (void)state;
    run_types("-device virtio-sst-pci,num-queues=4,socket=%s", "pairs=4");
    run_types("-device virtio-sst-pci,num-queues=4,socket=%s", "pairs=1");
    run_types("-device virtio-sst-pci,num-queues=4,packed=on,socket=%s", "pairs=4 interrupt=msix");
    run_types("-device virtio-sst-device,num-queues=4,socket=%s", "pairs=4 interrupt=intx");
    run_types("-device virtio-sst-device,num-queues=4,socket=%s", "pairs=1 legacy=1");
}

/* A simulator that does not know our extension; and one that is not asked for it. */
static void old_wire(void **state)
{
    char *path = harness_temp_path("old");
    char *arguments = harness_format("-device virtio-sst-pci,socket=%s", path);
    struct process *old = sst_simulator_start("%s --old-wire", path);

    (void)state;
    sst_guest_run("old=1", arguments, DEADLINE_MS);
    free(arguments);
    process_end(old);
    run_types("-device virtio-sst-pci,socket=%s,extension=off", "old=1 interrupt=msix");
    free(path);
}

static void nobody(void **state)
{
    char *path = harness_temp_path("nobody");
    char *arguments = harness_format("-device virtio-sst-pci,socket=%s", path);

    (void)state;
    sst_guest_run("part=alone", arguments, DEADLINE_MS);
    free(arguments);
    free(path);
}

static void multiply(void **state)
{
    char *arguments = harness_format("-device virtio-sst-pci,socket=%s", multiplier);

    (void)state;
    sst_guest_run("part=multiply", arguments, DEADLINE_MS);
    free(arguments);
}

static void run_sst(void **state)
{
    char *arguments = harness_format("-device virtio-sst-pci,socket=%s "
                                     "-device virtio-sst-device,socket=%s",
                                     sockets[0], multiplier);
    const struct guest_options guest = {.append = "run=sst", .arguments = arguments};
    char *output = guest_expect(&guest, 0);

    (void)state;
    guest_expect_text(output, "Everything was right.");
    guest_expect_text(output, "96 x 96 matrices multiplied there");
    free(output);
    free(arguments);
}

static void run_sst_alone(void **state)
{
    char *path = harness_temp_path("nobody");
    char *arguments = harness_format("-device virtio-sst-pci,socket=%s", path);
    const struct guest_options guest = {.append = "run=sst", .arguments = arguments};
    const struct guest_options bench = {.append = "run=bench-sst n=1", .arguments = arguments};
    char *output = guest_expect(&guest, 1), *bench_output = guest_expect(&bench, 1);

    (void)state;
    guest_expect_text(output, "no simulator");
    guest_expect_text(output, "build/host/baregpu-sst-sim PATH");
    guest_expect_text(output, "socket= property");
    guest_expect_text(bench_output, "COMPUTE: no simulator");
    guest_expect_text(bench_output, "build/host/baregpu-sst-sim PATH");
    assert_null(strstr(output, "mediator"));
    free(bench_output);
    free(output);
    free(arguments);
    free(path);
}

/* ---- Load ---- */

static void run_load(const char *options, const char *device, unsigned long soak,
                     unsigned long usual)
{
    bool is_soak = getenv("BAREGPU_SOAK") != NULL;
    char *append =
        harness_format("%s requests=%lu depth=%u", options, is_soak ? soak : usual, DEPTH);
    char *arguments = harness_format(device, sockets[0], sockets[1]);

    sst_guest_run(append, arguments, is_soak ? SOAK_DEADLINE_MS : DEADLINE_MS);
    free(arguments);
    free(append);
}

static void a_million(void **state)
{
    (void)state;
    run_load("part=load", "-device virtio-sst-pci,socket=%s", 1000000, 60000);
    run_load("part=load interrupt=msix packed=1", "-device virtio-sst-pci,packed=on,socket=%s",
             1000000, 20000);
    run_load("part=load legacy=1", "-device virtio-sst-device,socket=%s", 1000000, 20000);
    run_load("part=load", "-device virtio-sst-pci,socket=%s,extension=off", 1000000, 20000);
}

static void pairs_on_cpus(void **state)
{
    (void)state;
    run_load("part=load pairs=4", "-smp 4 -device virtio-sst-pci,num-queues=4,socket=%s", 1000000,
             40000);
    run_load("part=load pairs=4 interrupt=msix",
             "-smp 4 -device virtio-sst-pci,num-queues=4,socket=%s", 1000000, 40000);
    run_load("part=load pairs=4", "-device virtio-sst-pci,num-queues=4,socket=%s", 1000000, 40000);
}

static void two_at_once(void **state)
{
    (void)state;
    run_load("part=both devices=2",
             "-smp 2 -device virtio-sst-pci,socket=%s -device virtio-sst-device,socket=%s", 1000000,
             40000);
    run_load("devices=2",
             "-device virtio-sst-pci,socket=%s,device-id=1 "
             "-device virtio-sst-pci,packed=on,socket=%s,device-id=2",
             1, 1);
}

/* ---- What happens to simulators ---- */

/*
 * Late, stopped twice, killed while requests are in flight, and back. On the old wire none is in
 * flight any more when it is killed: as many as may be sent at once (16) have timed out, and what
 * waits behind them was never sent.
 */
static void check_life(const char *device, const char *simulator_options, const char *options)
{
    bool is_old = strstr(simulator_options, "--old-wire") != NULL;
    char *path = harness_temp_path("life");
    char *arguments = harness_format("-device %s,id=sst,timeout_ms=700,socket=%s", device, path);
    char *append = harness_format("part=life states=none,ok,timeout,ok,timeout,%snone,ok %s",
                                  is_old ? "" : "error,", options);
    struct sst_guest *guest = sst_guest_start(append, arguments, DEADLINE_MS);

    sst_guest_wait(guest, "# now 0 none");
    struct process *sim = sst_simulator_start("%s %s", path, simulator_options);

    sst_guest_wait(guest, "# now 1 ok");
    process_signal(sim, SIGSTOP);
    sst_guest_wait(guest, "# now 2 timeout");
    process_signal(sim, SIGCONT);
    sst_guest_wait(guest, "# now 3 ok");
    process_signal(sim, SIGSTOP);
    sst_guest_wait(guest, "# now 4 timeout");
    sst_guest_wait_statistic(guest, "stat-in-flight", DEPTH);
    process_signal(sim, SIGKILL);
    sst_guest_wait(guest, is_old ? "# now 5 none" : "# now 6 none");
    process_end(sim);
    sim = sst_simulator_start("%s %s", path, simulator_options);
    sst_guest_end(guest);
    process_end(sim);
    free(append);
    free(arguments);
    free(path);
}

static void life(void **state)
{
    (void)state;
    check_life("virtio-sst-pci", "", "");
    check_life("virtio-sst-pci,packed=on", "--old-wire", "interrupt=msix");
    check_life("virtio-sst-device", "", "interrupt=intx");
}

/* ---- Who is no simulator ---- */

#define LIE_MS 2000u

enum lie {
    GARBAGE_FOR_HELLO,
    GARBAGE_FOR_ANSWER,
    TRUNCATED_ANSWER,
    UNKNOWN_ANSWER,
    GARBAGE_FRAME,
    HUGE_FRAME,
    LIES
};

/* False when there is none. */
static bool read_request(int peer, struct bg_sst_request *request)
{
    return harness_wait_readable(peer, LIE_MS) &&
           socket_read(peer, request, sizeof(*request), HARNESS_TIMEOUT_MS) == sizeof(*request);
}

/* Says yes to the extension or, as an old simulator, no. */
static bool answer_hello(int peer, bool is_new)
{
    const struct bg_sst_hello_reply reply = {.magic = BG_SST_HELLO_REPLY_MAGIC, .version = 1};
    struct bg_sst_response response = {.status = is_new ? BG_SST_OK : BG_SST_INVALID};
    struct bg_sst_request hello;

    if (!read_request(peer, &hello)) {
        return false;
    }
    assert_int_equal(hello.type, BG_SST_HELLO_TYPE);
    response.request_id = hello.request_id;
    memcpy(&response.payload, &reply, is_new ? sizeof(reply) : 0);
    return socket_write(peer, &response, sizeof(response));
}

static void send_frame(int peer, uint32_t magic, uint32_t size)
{
    struct bg_sst_frame frame = {.magic = magic, .size = size, .count = 1};
    struct bg_sst_frame first;

    if (harness_wait_readable(peer, LIE_MS) &&
        socket_read(peer, &first, sizeof(first), HARNESS_TIMEOUT_MS) == sizeof(first)) {
        assert_int_equal(first.magic, BG_SST_FRAME_MAGIC);
        socket_write(peer, &frame, sizeof(frame));
    }
}

/* A connection that nothing comes by is not lied to: there will be another one. */
static void tell(int peer, enum lie lie)
{
    struct bg_sst_response response = {.status = BG_SST_OK, .request_id = UINT64_MAX};
    struct bg_sst_request request;

    if (lie != GARBAGE_FOR_HELLO &&
        !answer_hello(peer, lie == GARBAGE_FRAME || lie == HUGE_FRAME)) {
        return;
    }
    if (lie == GARBAGE_FRAME || lie == HUGE_FRAME) {
        send_frame(peer, lie == GARBAGE_FRAME ? 0x12345678 : BG_SST_FRAME_MAGIC, 0xFFFFFFF8);
        return;
    }
    if (!read_request(peer, &request)) {
        return;
    }
    if (lie == GARBAGE_FOR_HELLO || lie == GARBAGE_FOR_ANSWER) {
        memset(&response, 0xFE, sizeof(response));
    } else if (lie == TRUNCATED_ANSWER) {
        response.request_id = request.request_id;
    }
    socket_write(peer, &response, lie == TRUNCATED_ANSWER ? 1000 : sizeof(response));
}

static void meet_liar(struct sst_guest *guest, int listener, enum lie lie)
{
    char rest[4096]; /* of what it was sent before the lie came */
    int peer = unix_accept(listener, HARNESS_TIMEOUT_MS);

    if (peer < 0) {
        fail_msg("lie %u: no connection: %s%s", lie, process_output(guest->process),
                 process_errors(guest->process));
    }
    tell(peer, lie);
    while (lie != TRUNCATED_ANSWER && harness_wait_readable(peer, LIE_MS) &&
           read(peer, rest, sizeof(rest)) > 0) {
    }
    close(peer);
}

/* What waits for a probe is tried several times before it ends in an error. */
static void check_lie(enum lie lie)
{
    char *path = harness_temp_path("liar");
    char *arguments = harness_format("-device virtio-sst-pci,id=sst,socket=%s", path);
    int listener = unix_listen(path, 8);
    struct sst_guest *guest = sst_guest_start("part=life states=error,ok", arguments, DEADLINE_MS);

    do {
        meet_liar(guest, listener, lie);
    } while (!sst_guest_has_said(guest, "# now 0 error"));
    close(listener);
    unlink(path);
    struct process *sim = sst_simulator_start("%s", path);

    sst_guest_end(guest);
    process_end(sim);
    free(arguments);
    free(path);
}

static void liars(void **state)
{
    (void)state;
    for (unsigned lie = 0; lie < LIES; lie++) {
        check_lie((enum lie)lie);
    }
}

/* ---- Hot-plug ---- */

#define VISITS 3

/* The event DEVICE_DELETED is no use: QEMU sends it when a virtual CPU leaves its loop, and one
 * that polls does not. Asked at the next visit: after the last one the guest ends. */
static void expect_no_device(struct sst_guest *guest, unsigned visit)
{
    char *path = harness_format("/machine/peripheral/visitor%u", visit);
    json_t *reply = qmp_try_command(&guest->qemu, "qom-list", "{s:s}", "path", path);

    assert_non_null(json_object_get(reply, "error"));
    json_decref(reply);
    free(path);
}

static void plug_and_unplug(struct sst_guest *guest, unsigned visit)
{
    char *empty = harness_format("# now %u empty", visit);
    char *in_use = harness_format("# now %u in use", visit);
    char *gone = harness_format("visit %u: the slot is empty again", visit);
    char *id = harness_format("visitor%u", visit);

    sst_guest_wait(guest, empty);
    if (visit > 0) {
        expect_no_device(guest, visit - 1);
    }
    json_decref(qmp_command(&guest->qemu, "device_add", "{s:s, s:s, s:s, s:s}", "driver",
                            "virtio-sst-pci", "bus", "rp", "id", id, "socket", sockets[1]));
    sst_guest_wait(guest, in_use);
    json_decref(qmp_command(&guest->qemu, "device_del", "{s:s}", "id", id));
    sst_guest_wait(guest, gone);
    free(gone);
    free(id);
    free(in_use);
    free(empty);
}

static void check_plug(const char *options)
{
    char *append = harness_format("part=plug times=%u %s", VISITS, options);
    char *arguments = harness_format("-device virtio-sst-pci,socket=%s "
                                     "-device pcie-root-port,id=rp,chassis=1",
                                     sockets[0]);
    struct sst_guest *guest = sst_guest_start(append, arguments, DEADLINE_MS);

    for (unsigned i = 0; i < VISITS; i++) {
        plug_and_unplug(guest, i);
    }
    sst_guest_end(guest);
    free(arguments);
    free(append);
}

static void hot_plug(void **state)
{
    (void)state;
    check_plug("");
    check_plug("interrupt=msix");
}

/* ---- Deterministic time ---- */

static char *read_whole(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;

    assert_non_null(file);
    assert_true(getdelim(&text, &size, 0, file) > 0);
    fclose(file);
    return text;
}

static void run_deterministic(const char *options, const char *device, const char *icount,
                              const char *simulator_options, char **output, char **trace)
{
    char *path = harness_temp_path("time");
    char *trace_path = harness_temp_path("trace");
    struct process *sim =
        sst_simulator_start("%s --trace %s %s", path, trace_path, simulator_options);
    char *arguments =
        harness_format("-icount %s -device %s,sync=on,socket=%s", icount, device, path);
    char *append = harness_format("run=test-sst %s", options);
    const struct guest_options guest = {
        .append = append, .arguments = arguments, .deadline_ms = DEADLINE_MS};

    *output = guest_tap_run(&guest);
    process_signal(sim, SIGTERM);
    assert_int_equal(process_wait(sim), 0);
    process_end(sim);
    *trace = read_whole(trace_path);
    free(append);
    free(arguments);
    free(trace_path);
    free(path);
}

/* Twice the same, byte for byte, the second time beside somebody who takes the CPU. */
static void check_deterministic(const char *options, const char *device, const char *icount,
                                const char *simulator_options)
{
    static const char *const busy[] = {"sh", "-c", "while :; do :; done", NULL};
    const struct process_options busy_options = {.deadline_ms = 2 * DEADLINE_MS};
    char *output[2], *trace[2];

    for (unsigned i = 0; i < 2; i++) {
        struct process *noise = i == 1 ? process_start(busy, &busy_options) : NULL;

        run_deterministic(options, device, icount, simulator_options, &output[i], &trace[i]);
        process_end(noise);
    }
    assert_string_equal(output[0], output[1]);
    assert_string_equal(trace[0], trace[1]);
    for (unsigned i = 0; i < 2; i++) {
        free(output[i]);
        free(trace[i]);
    }
}

static void determinism(void **state)
{
    (void)state;
    check_deterministic("part=time", "virtio-sst-pci", "shift=0,sleep=off", "");
    check_deterministic("part=time", "virtio-sst-pci,packed=on", "shift=3,sleep=off", "");
    check_deterministic("part=time interrupt=msix", "virtio-sst-pci", "shift=0,sleep=off", "");
    check_deterministic("part=time interrupt=intx", "virtio-sst-device", "shift=2,sleep=off", "");
    check_deterministic("part=load requests=500", "virtio-sst-pci", "shift=1,sleep=off",
                        "--old-wire");
}

/* ---- ---- */

static int begin(void **state)
{
    (void)state;
    sockets[0] = harness_temp_path("sst0");
    sockets[1] = harness_temp_path("sst1");
    multiplier = harness_temp_path("multiplier");
    simulator = sst_simulator_start("%s %s %s,model=systolic", sockets[0], sockets[1], multiplier);
    return 0;
}

static int end(void **state)
{
    (void)state;
    process_signal(simulator, SIGTERM);
    int status = process_wait(simulator);

    process_end(simulator);
    free(multiplier);
    free(sockets[1]);
    free(sockets[0]);
    return status;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pci_split),      cmocka_unit_test(pci_packed),
        cmocka_unit_test(mmio_modern),    cmocka_unit_test(mmio_legacy),
        cmocka_unit_test(by_interrupt),   cmocka_unit_test(behind_a_port),
        cmocka_unit_test(behind_an_smmu), cmocka_unit_test(pairs),
        cmocka_unit_test(old_wire),       cmocka_unit_test(nobody),
        cmocka_unit_test(multiply),       cmocka_unit_test(run_sst),
        cmocka_unit_test(run_sst_alone),  cmocka_unit_test(a_million),
        cmocka_unit_test(pairs_on_cpus),  cmocka_unit_test(two_at_once),
        cmocka_unit_test(life),           cmocka_unit_test(liars),
        cmocka_unit_test(hot_plug),       cmocka_unit_test(determinism),
    };

    guest_tap_setup();
    return cmocka_run_group_tests_name("virtio-sst", tests, begin, end);
}
