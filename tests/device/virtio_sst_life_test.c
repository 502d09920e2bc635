/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/sst_fixture.c tests/device/sst_simulator.c
// build: firmware/virtio/virtio.c firmware/virtio/virtqueue.c firmware/virtio/virtqueue_split.c
// build: firmware/virtio/virtqueue_packed.c firmware/virtio/transport_pci.c
// build: firmware/virtio/virtqueue_share.c
// build: firmware/virtio/transport_mmio.c firmware/pci_ecam.c firmware/pci/enumerate.c
// build: firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c firmware/pci/list.c firmware/common/error.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
/* virtio-sst: reset, unplug, stop and migration at any moment; several devices; properties. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sst_simulator.h"

#define MS 1000000ull
#define HEAD offsetof(struct bg_sst_response, payload)
#define RESPONSE sizeof(struct bg_sst_response)

static const struct sst_setup pci = {.bus = SST_PCI}, port = {.bus = SST_PORT};

static void expect_untouched(const struct sst_chain *chain)
{
    for (size_t i = 0; i < chain->writable_size; i++) {
        assert_int_equal(chain->writable[i], SST_PATTERN);
    }
}

/* A driver on a device that has lost its state. */
static void reopen(struct sst *sst)
{
    sst_forget_driver(sst);
    sst_open_driver(sst);
}

/* ---- Reset ---- */

static void test_machine_reset(void **state)
{
    struct sst *sst = *state;
    struct bg_sst_request request = sst_request(BG_SST_NOOP, 1);
    struct sst_chain *chain = sst_submit_compute(sst, 1), *waiting;
    uint64_t tag = sim_take_request(sst).record.tag;

    waiting = sst_add(sst, 0, &request, sizeof(request), 0); /* for a buffer */
    sst_expect_pending(sst, waiting);
    json_decref(qmp_command(sst->qemu, "system_reset", NULL));
    json_decref(qmp_wait_event(sst->qemu, "RESET", HARNESS_TIMEOUT_MS));
    sim_expect_reset(sst, BG_SST_RESET_DEVICE);
    sim_answer_status(sst, tag, BG_SST_OK);
    sst_wait_statistic(sst, "stat-late-answers", 1);
    expect_untouched(chain);
    qtest_clock_step_ns(sst->qemu, 60000 * MS); /* no time-out is left over */
    assert_int_equal(sst_statistic(sst, "stat-timeouts"), 0);
    assert_int_equal(sst_statistic(sst, "stat-in-flight"), 0);
    reopen(sst);
    sim_expect_reset(sst, BG_SST_RESET_DEVICE);
    sim_check_works(sst, 2);
    assert_int_equal(sst_statistic(sst, "stat-connections"), 1);
}

/* One queue alone (BG_VIRTIO_F_RING_RESET): its requests go, the others stay. */
static void test_queue_reset(void **state)
{
    struct sst *sst = sst_start(&(struct sst_setup){
        .bus = SST_PCI, .properties = ",num-queues=2", .features = BG_VIRTIO_F_RING_RESET});
    struct bg_sst_request request = sst_request(BG_SST_COMPUTE, 2);
    struct sst_chain *first = sst_submit_compute(sst, 1), *second;
    uint64_t tags[2];
    void *token;

    (void)state;
    sim_connect(sst, SIM_ALL);
    assert_true(sst->device.features & BG_VIRTIO_F_RING_RESET);
    tags[0] = sim_take_request(sst).record.tag;
    second = sst_add(sst, BG_SST_QUEUE_REQUEST(1), &request, sizeof(request), RESPONSE);
    tags[1] = sim_take_request(sst).record.tag;
    assert_int_equal(bg_virtqueue_reset(&sst->queues[0], UINT64_MAX), 0);
    assert_int_equal(sim_take(sst).record.kind, BG_SST_RECORD_CANCEL);
    sim_answer_status(sst, tags[0], BG_SST_OK);
    sim_answer_status(sst, tags[1], BG_SST_OK);
    sst_wait_statistic(sst, "stat-completed", 1);
    expect_untouched(first);
    assert_int_equal(bg_virtqueue_reclaim(&sst->queues[0], &token), 1);
    assert_ptr_equal(token, first);
    first->done = true;
    assert_int_equal(bg_virtqueue_restart(&sst->queues[0]), 0);
    sst_expect(sst, second, BG_SST_OK);
    sim_check_works(sst, 3);
    sst_end(sst);
}

/* ---- Hot-plug and unplug behind a root port ---- */

#define PORT_SLOT 2

static unsigned port_capability(struct sst *sst)
{
    unsigned offset = (unsigned)qtest_read(sst->qemu, 1, pci_config_address(0, PORT_SLOT, 0, 0x34));

    for (unsigned i = 0; i < 48 && offset; i++) {
        uint64_t header = qtest_read(sst->qemu, 2, pci_config_address(0, PORT_SLOT, 0, offset));

        if ((header & 0xFF) == 0x10) {
            return offset;
        }
        offset = (unsigned)(header >> 8);
    }
    fail_msg("no PCI Express capability");
    return 0;
}

static uint64_t slot_address(struct sst *sst, unsigned offset)
{
    return pci_config_address(0, PORT_SLOT, 0, port_capability(sst) + offset);
}

/* What a guest does about a removal request: power indicator and power off. */
static void unplug(struct sst *sst)
{
    json_decref(qmp_command(sst->qemu, "device_del", "{s:s}", "id", "sst"));
    /* Slot Status: the attention button was pressed, which is the guest's event. */
    assert_true(qtest_read(sst->qemu, 2, slot_address(sst, 0x1A)) & 0x01);
    qtest_write(sst->qemu, 2, slot_address(sst, 0x1A), 0x01);
    qtest_write(sst->qemu, 2, slot_address(sst, 0x18), 0x0700);
    json_decref(qmp_wait_event(sst->qemu, "DEVICE_DELETED", HARNESS_TIMEOUT_MS));
}

static void replug(struct sst *sst)
{
    json_decref(qmp_command(sst->qemu, "device_add", "{s:s, s:s, s:s, s:s}", "driver",
                            "virtio-sst-pci", "id", "sst", "bus", "rp1", "socket", sst->path));
    assert_true(qtest_read(sst->qemu, 2, slot_address(sst, 0x1A)) & 0x40); /* presence */
    qtest_write(sst->qemu, 2, slot_address(sst, 0x18), 0x0100);            /* power on */
    reopen(sst);
    sst->sim_knows_guest = false;
    sim_connect(sst, SIM_ALL);
}

static void test_unplug(void **state)
{
    struct sst *sst = *state;

    sim_check_works(sst, 1);
    unplug(sst);
    assert_true(socket_wait_closed(sst->peer, HARNESS_TIMEOUT_MS));
    sim_hang_up(sst);
    replug(sst);
    sim_check_works(sst, 2);
}

/* With requests at the simulator, waiting for a buffer, not sent, and answers under way. */
static void test_unplug_during_work(void **state)
{
    struct sst *sst = *state;

    for (unsigned i = 0; i < 6; i++) {
        struct bg_sst_request request = sst_request(BG_SST_NOOP, 1);
        struct sst_chain *chain = sst_submit_compute(sst, i);
        uint64_t tag = sim_take_request(sst).record.tag;

        sst_add(sst, 0, &request, sizeof(request), 0);
        sst_submit_compute(sst, 100 + i);
        if (i % 2) {
            sim_answer_status(sst, tag, BG_SST_OK);
        }
        unplug(sst);
        qtest_clock_step_ns(sst->qemu, 60000 * MS);
        if (!(i % 2)) {
            expect_untouched(chain);
        }
        sim_hang_up(sst);
        replug(sst);
        sim_check_works(sst, i);
    }
}

/* In the probe, and while nobody listens. */
static void test_unplug_while_connecting(void **state)
{
    struct sst *sst = *state;

    sim_hang_up(sst);
    sst_submit_compute(sst, 1);
    sim_accept(sst);
    unplug(sst);
    sim_take_hello(sst);
    assert_true(socket_wait_closed(sst->peer, HARNESS_TIMEOUT_MS));
    close(sst->listener);
    sst->listener = -1;
    unlink(sst->path);
    sim_hang_up(sst);
    json_decref(qmp_command(sst->qemu, "device_add", "{s:s, s:s, s:s, s:s}", "driver",
                            "virtio-sst-pci", "id", "sst", "bus", "rp1", "socket", sst->path));
    qtest_write(sst->qemu, 2, slot_address(sst, 0x18), 0x0100);
    reopen(sst);
    sst_do(sst, BG_SST_COMPUTE, 1, BG_SST_NO_DEVICE);
    unplug(sst);
    sim_listen(sst);
    assert_int_equal(unix_accept(sst->listener, 50), -1); /* no timer is left */
}

/* ---- Stop ---- */

static void stop(struct sst *sst)
{
    json_decref(qmp_command(sst->qemu, "stop", NULL));
}

static void go_on(struct sst *sst)
{
    json_decref(qmp_command(sst->qemu, "cont", NULL));
}

/* A stopped machine does not change; what came meanwhile is not lost. */
static void test_answer_while_stopped(void **state)
{
    struct sst *sst = *state;
    struct sst_chain *chain = sst_submit_compute(sst, 1);
    uint64_t tag = sim_take_request(sst).record.tag;

    stop(sst);
    sim_answer_status(sst, tag, BG_SST_OK);
    for (unsigned i = 0; i < 20; i++) {
        sst_expect_pending(sst, chain);
    }
    expect_untouched(chain);
    go_on(sst);
    sst_expect(sst, chain, BG_SST_OK);
}

static void test_death_while_stopped(void **state)
{
    struct sst *sst = *state;
    struct sst_chain *chain = sst_submit_compute(sst, 1);

    sim_take_request(sst);
    stop(sst);
    sim_hang_up(sst);
    for (unsigned i = 0; i < 20; i++) {
        sst_expect_pending(sst, chain);
    }
    expect_untouched(chain);
    go_on(sst);
    sst_expect(sst, chain, BG_SST_ERROR);
    sim_connect(sst, SIM_ALL);
    sim_check_works(sst, 2);
}

/* ---- Migration ---- */

static void wait_migrated(struct sst *from, struct sst *to)
{
    uint64_t deadline_ms = harness_now_ms() + HARNESS_TIMEOUT_MS;
    bool completed = false, running = false;

    while (!completed || !running) {
        json_t *source = qmp_command(from->qemu, "query-migrate", NULL);
        json_t *target = qmp_command(to->qemu, "query-status", NULL);
        const char *status = json_string_value(json_object_get(source, "status"));

        completed = status != NULL && strcmp(status, "completed") == 0;
        running = json_is_true(json_object_get(target, "running"));
        assert_false(status && strcmp(status, "failed") == 0);
        assert_true(harness_now_ms() < deadline_ms);
        json_decref(source);
        json_decref(target);
    }
}

/* The guest goes on in another QEMU, with its driver and its chains. */
static struct sst *migrate(struct sst *from, bool simulator)
{
    char *path = harness_temp_path("migration");
    char *uri = harness_format("unix:%s", path);
    char *arguments = harness_format("-incoming %s", uri);
    struct sst_setup setup = from->setup;
    struct sst *to;

    unlink(path);
    setup.arguments = arguments;
    setup.no_driver = true;
    setup.no_simulator = !simulator;
    to = sst_start(&setup);
    if (simulator) { /* it is not asked for before it is needed */
        assert_int_equal(unix_accept(to->listener, 0), -1);
    }
    json_decref(qmp_command(from->qemu, "migrate", "{s:s}", "uri", uri));
    wait_migrated(from, to);
    sst_adopt_guest(to, from);
    free(arguments);
    free(uri);
    free(path);
    return to;
}

static void check_migration(const struct sst_setup *setup, bool simulator)
{
    struct sst *from = sst_start(setup), *to;
    struct bg_sst_request request = sst_request(BG_SST_NOOP, 77);
    struct sst_chain *chains[5], *waiting;

    sim_connect(from, SIM_ALL);
    sim_check_works(from, 1);
    for (unsigned i = 0; i < 5; i++) {
        chains[i] = sst_submit_compute(from, 10 + i);
        sim_take_request(from);
    }
    waiting = sst_add(from, 0, &request, sizeof(request), 0);
    sst_expect_pending(from, waiting);
    to = migrate(from, simulator);
    for (unsigned i = 0; i < 5; i++) {
        sst_expect(to, chains[i], BG_SST_ERROR);
        sst_expect_zero(chains[i]->writable + 24, RESPONSE - 24);
    }
    assert_int_equal(sst_statistic(to, "stat-failed"), 6);
    sst_expect_pending(to, waiting);
    chains[0] = sst_add(to, 1, NULL, 0, RESPONSE);
    sst_wait(to, waiting);
    sst_wait(to, chains[0]);
    assert_int_equal(((struct bg_sst_response *)chains[0]->writable)->request_id, 77);
    qtest_clock_step_ns(to->qemu, 60000 * MS);
    sst_poll(to);
    assert_int_equal(sst_statistic(to, "stat-failed"), 6); /* once */
    if (simulator) {
        sim_connect(to, SIM_ALL);
        sim_check_works(to, 20);
    } else {
        sst_do(to, BG_SST_COMPUTE, 20, BG_SST_NO_DEVICE);
    }
    sst_end(from);
    sst_end(to);
}

static void test_migration(void **state)
{
    static const struct sst_setup setups[] = {
        {.bus = SST_PCI},
        {.bus = SST_MMIO},
        {.bus = SST_PCI,
         .properties = ",packed=on,num-queues=4",
         .features = BG_VIRTIO_F_RING_PACKED},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(setups) / sizeof(setups[0]); i++) {
        check_migration(&setups[i], true);
        check_migration(&setups[i], false);
    }
}

/* ---- Several devices ---- */

static void test_two_devices(void **state)
{
    uint64_t registers[2] = {sst_mmio_address(0), sst_mmio_address(1)};
    char *second = harness_temp_path("second.sock");
    char *arguments = harness_format("-global virtio-mmio.force-legacy=false "
                                     "-device virtio-sst-device,id=other,device-id=2,"
                                     "bus=virtio-mmio-bus.1,socket=%s",
                                     second);
    int listener = unix_listen(second, 4), peer;
    struct sst *sst = sst_start(
        &(struct sst_setup){.bus = SST_MMIO, .arguments = arguments, .properties = ",device-id=1"});
    struct bg_sst_request request;
    struct bg_virtio_device device;
    struct bg_sst_hello hello;

    (void)state;
    sim_connect(sst, SIM_ALL);
    sim_check_works(sst, 1);
    peer = unix_accept(listener, HARNESS_TIMEOUT_MS);
    assert_true(peer >= 0);
    assert_int_equal(socket_read(peer, &request, sizeof(request), HARNESS_TIMEOUT_MS),
                     sizeof(request));
    memcpy(&hello, request.payload.data, sizeof(hello));
    assert_int_equal(hello.device_id, 2);
    assert_int_equal(bg_virtio_mmio_open(&device, registers[1], qtest_machine()->mmio_size), 0);
    assert_int_equal(device.id, BG_SST_VIRTIO_ID);
    assert_int_equal(qtest_read(sst->qemu, 4, registers[0] + 0x104), 1);
    assert_int_equal(qtest_read(sst->qemu, 4, registers[1] + 0x104), 2);
    close(peer); /* the other one does not mind */
    sim_check_works(sst, 2);
    close(listener);
    sst_end(sst);
    free(arguments);
    free(second);
}

/* ---- Properties ---- */

static void test_properties(void **state)
{
    static const struct {
        const char *properties, *message;
    } cases[] = {
        {"", "socket is missing"},
        {",socket=", "socket must be a path of 1 to 107 bytes"},
        {",socket=/x,num-queues=0", "num-queues must be from 1 to 16"},
        {",socket=/x,num-queues=17", "num-queues must be from 1 to 16"},
        {",socket=/x,timeout_ms=0", "timeout_ms must be from 1 to 3600000"},
        {",socket=/x,sync_deadline_ms=0", "sync_deadline_ms must be from 1"},
        {",socket=/x,clock_hz=0", "clock_hz must be from 1"},
        {",socket=/x,peer_user=no-such-user", "peer_user must be the name or the number"},
    };

    (void)state;
    for (unsigned i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        struct process *process = qemu_start_plain(
            "-M virt -device virtio-sst-%s%s", i % 2 ? "pci" : "device", cases[i / 2].properties);

        assert_int_equal(process_wait(process), 1);
        if (strstr(process_errors(process), cases[i / 2].message) == NULL) {
            fail_msg("%s: %s", cases[i / 2].properties, process_errors(process));
        }
        process_end(process);
    }
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_prestate_setup_teardown(name, sim_begin_test, sst_end_test, (void *)&pci)
#define PORT_TEST(name)                                                                            \
    cmocka_unit_test_prestate_setup_teardown(name, sim_begin_test, sst_end_test, (void *)&port)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_machine_reset),
        cmocka_unit_test(test_queue_reset),
        PORT_TEST(test_unplug),
        PORT_TEST(test_unplug_during_work),
        PORT_TEST(test_unplug_while_connecting),
        TEST(test_answer_while_stopped),
        TEST(test_death_while_stopped),
        cmocka_unit_test(test_migration),
        cmocka_unit_test(test_two_devices),
        cmocka_unit_test(test_properties),
    };

    sst_use_cmocka();
    return cmocka_run_group_tests_name("virtio-sst life", tests, NULL, NULL);
}
