/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/sst_fixture.c tests/device/sst_simulator.c
// build: firmware/virtio/virtio.c firmware/virtio/virtqueue.c firmware/virtio/virtqueue_split.c
// build: firmware/virtio/virtqueue_packed.c firmware/virtio/transport_pci.c
// build: firmware/virtio/virtqueue_share.c
// build: firmware/virtio/transport_mmio.c firmware/pci_ecam.c firmware/pci/enumerate.c
// build: firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c firmware/pci/list.c firmware/common/error.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
/*
 * virtio-sst: a guest that aims the device's own writes. Each place where the device writes to the
 * guest's memory or interrupts it (PATHS) meets each kind of thing that such a write can hit
 * (TARGETS), as a response and as an MSI-X message: a register that resets the device or unplugs it
 * in the middle of its work, its rings, other devices, the edges of memory. QEMU stays alive.
 *
 * A run has those targets that end the device with each path; with BAREGPU_SOAK set all of them,
 * and both kinds of rings.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "baregpu/mmio.h"
#include "protocol/virtio.h"
#include "sst_simulator.h"

#define PORT_SLOT 2
#define OTHER_SLOT 3
#define RAM_START (qtest_machine()->ram)
#define RAM_SIZE (UINT64_C(64) << 20)
#define PLAIN_REQUESTS 6

#define CAP_EXPRESS 0x10
#define CAP_MSIX 0x11

/* ---- Targets ---- */

struct target {
    const char *name;
    uint64_t (*address)(struct sst *sst);
    unsigned size; /* bytes, at most 4 */
    uint32_t value;
    bool ends_device;
};

static uint64_t config(unsigned bus, unsigned slot, unsigned offset)
{
    return pci_config_address(bus, slot, 0, offset);
}

static unsigned capability(struct sst *sst, unsigned bus, unsigned slot, unsigned id)
{
    unsigned offset = (unsigned)qtest_read(sst->qemu, 1, config(bus, slot, 0x34));

    while (offset && qtest_read(sst->qemu, 1, config(bus, slot, offset)) != id) {
        offset = (unsigned)qtest_read(sst->qemu, 1, config(bus, slot, offset + 1));
    }
    assert_int_not_equal(offset, 0);
    return offset;
}

static uint64_t bridge_control(struct sst *sst)
{
    (void)sst;
    return config(0, PORT_SLOT, 0x3E);
}

static uint64_t slot_control(struct sst *sst)
{
    return config(0, PORT_SLOT, capability(sst, 0, PORT_SLOT, CAP_EXPRESS) + 0x18);
}

static uint64_t other_slot_control(struct sst *sst)
{
    return config(0, OTHER_SLOT, capability(sst, 0, OTHER_SLOT, CAP_EXPRESS) + 0x18);
}

static uint64_t port_buses(struct sst *sst)
{
    (void)sst;
    return config(0, PORT_SLOT, 0x18);
}

static uint64_t port_command(struct sst *sst)
{
    (void)sst;
    return config(0, PORT_SLOT, 0x04);
}

static uint64_t own_command(struct sst *sst)
{
    (void)sst;
    return config(1, 0, 0x04);
}

static uint64_t own_bar(struct sst *sst)
{
    (void)sst;
    return config(1, 0, 0x20);
}

/* Bit 15: function-level reset. */
static uint64_t own_device_control(struct sst *sst)
{
    return config(1, 0, capability(sst, 1, 0, CAP_EXPRESS) + 8);
}

static uint64_t own_msix_control(struct sst *sst)
{
    return config(1, 0, capability(sst, 1, 0, CAP_MSIX) + 2);
}

static uint64_t own_access_data(struct sst *sst)
{
    return config(1, 0, sst->device.transport.pci.access_capability + 16u);
}

static uint64_t own_status(struct sst *sst)
{
    return (uintptr_t)sst->device.transport.pci.common.base +
           offsetof(struct bg_virtio_pci_common_cfg, device_status);
}

static uint64_t own_doorbell(struct sst *sst)
{
    return (uintptr_t)sst->device.transport.pci.notify.base + sst->queues[0].notify_target.offset;
}

static uint64_t own_ring(struct sst *sst)
{
    return sst->queues[0].ring_address;
}

static uint64_t own_used_ring(struct sst *sst)
{
    return sst->queues[0].ring_address + sst->queues[0].device_offset;
}

static uint64_t other_command(struct sst *sst)
{
    (void)sst;
    return config(2, 0, 0x04);
}

static uint64_t firmware_config(struct sst *sst)
{
    (void)sst;
    return 0x09020010; /* its own DMA */
}

static uint64_t interrupt_controller(struct sst *sst)
{
    (void)sst;
    return 0x08000000;
}

static uint64_t ram_end(struct sst *sst)
{
    (void)sst;
    return RAM_START + RAM_SIZE - 2;
}

static uint64_t ram_before(struct sst *sst)
{
    (void)sst;
    return RAM_START - 2;
}

static uint64_t top_of_memory(struct sst *sst)
{
    (void)sst;
    return UINT64_MAX - 3;
}

static const struct target targets[] = {
    {"bridge control", bridge_control, 2, 0x0040, true},
    {"slot control", slot_control, 2, 0x0700, true},
    {"own device control", own_device_control, 2, 0x8000, true},
    {"own command", own_command, 2, 0, false},
    {"port's buses", port_buses, 4, 0, false},
    {"port's command", port_command, 2, 0, false},
    {"own BAR", own_bar, 4, 0x40000000, false},
    {"own MSI-X control", own_msix_control, 2, 0, false},
    {"own access window", own_access_data, 4, 0, false},
    {"own status", own_status, 1, 0, false},
    {"own doorbell", own_doorbell, 4, 0, false},
    {"own ring", own_ring, 4, 0xFFFFFFFF, false},
    {"own used ring", own_used_ring, 4, 0xFFFFFFFF, false},
    {"another slot", other_slot_control, 2, 0x0700, false},
    {"another command", other_command, 2, 0, false},
    {"fw_cfg", firmware_config, 4, 0, false},
    {"GIC", interrupt_controller, 4, 0, false},
    {"end of RAM", ram_end, 4, 0x12345678, false},
    {"before RAM", ram_before, 4, 0x12345678, false},
    {"top of memory", top_of_memory, 4, 0x12345678, false},
};

/* ---- The weapon ---- */

struct attack {
    struct sst *sst;
    const struct target *target;
    uint64_t address;
    bool by_message; /* MSI-X; else a buffer */
};

/* All queues' vector leads to the target. */
static void aim_messages(struct attack *attack)
{
    struct sst *sst = attack->sst;
    unsigned offset = capability(sst, 1, 0, CAP_MSIX), shift = attack->address % 4 * 8;
    uint32_t where = (uint32_t)qtest_read(sst->qemu, 4, config(1, 0, offset + 4));
    uint64_t table = qtest_read(sst->qemu, 4, config(1, 0, 0x10 + where % 8 * 4)) & ~UINT64_C(15);
    void *common = sst->device.transport.pci.common.base;

    table += where & ~7u;
    qtest_write(sst->qemu, 4, table, attack->address & ~UINT64_C(3) & UINT32_MAX);
    qtest_write(sst->qemu, 4, table + 4, attack->address >> 32);
    qtest_write(sst->qemu, 4, table + 8, (uint32_t)(attack->target->value << shift));
    qtest_write(sst->qemu, 4, table + 12, 0);
    qtest_write(sst->qemu, 2, config(1, 0, offset + 2), 0x8000);
    for (unsigned i = 0; i < sst->queue_count; i++) {
        bg_mmio_write16(common, offsetof(struct bg_virtio_pci_common_cfg, queue_select),
                        (uint16_t)i);
        bg_mmio_write16(common, offsetof(struct bg_virtio_pci_common_cfg, queue_msix_vector), 0);
    }
}

/* A writable part that hits the target with its bytes from @at on. */
static void add_weapon(struct attack *attack, unsigned queue, const struct bg_sst_request *request,
                       uint32_t at)
{
    struct sst *sst = attack->sst;
    struct sst_chain *chain = &sst->chains[sst->chain_count++];
    struct bg_virtqueue_segment segments[4];
    unsigned readable = request != NULL, size = attack->target->size;
    uint64_t address;

    memset(chain, 0, sizeof(*chain));
    chain->queue = queue;
    chain->writable_size = sizeof(struct bg_sst_response);
    if (readable) {
        memcpy(bg_hal_dma_alloc(sizeof(*request), 8, &address), request, sizeof(*request));
        segments[0] = (struct bg_virtqueue_segment){address, sizeof(*request)};
    }
    bg_hal_dma_alloc(sizeof(struct bg_sst_response), 8, &address);
    segments[readable] = (struct bg_virtqueue_segment){address, at};
    segments[readable + 1] = (struct bg_virtqueue_segment){attack->address, size};
    segments[readable + 2] = (struct bg_virtqueue_segment){
        address + at + size,
        (uint32_t)sizeof(struct bg_sst_response) - at - size,
    };
    assert_int_equal(bg_virtqueue_add(&sst->queues[queue], segments, readable, 3, chain), 0);
}

/* One with the weapon, and some behind it that are still there when it hits. */
static void add_requests(struct attack *attack, uint32_t type)
{
    struct bg_sst_request request = sst_request(type, attack->target->value);

    if (!attack->by_message) {
        add_weapon(attack, 0, &request, offsetof(struct bg_sst_response, request_id));
    }
    for (unsigned i = 0; i < PLAIN_REQUESTS; i++) {
        request = sst_request(type, 100 + i);
        sst_prepare(attack->sst, 0, &request, sizeof(request), sizeof(struct bg_sst_response));
    }
}

static unsigned request_count(const struct attack *attack)
{
    return PLAIN_REQUESTS + !attack->by_message;
}

static void submit(struct attack *attack, uint32_t type)
{
    add_requests(attack, type);
    sst_kick(attack->sst, 0);
}

/* With a simulator that has them all. */
static void submit_and_take(struct attack *attack)
{
    sim_connect(attack->sst, SIM_ALL);
    submit(attack, BG_SST_COMPUTE);
    for (unsigned i = 0; i < request_count(attack); i++) {
        sim_take_request(attack->sst);
    }
}

/* ---- Paths ---- */

static void answer_all(struct attack *attack)
{
    static struct sim_frame frame;
    const struct bg_sst_response response = sim_response(BG_SST_OK, 0, 0);

    sim_frame_begin(&frame);
    for (unsigned i = 0; i < request_count(attack); i++) {
        sim_frame_add(&frame, BG_SST_RECORD_ANSWER, i + 1, 0, 0, &response,
                      offsetof(struct bg_sst_response, payload));
    }
    sim_frame_send(attack->sst, &frame);
}

static void path_answer(struct attack *attack)
{
    submit_and_take(attack);
    answer_all(attack);
}

static void path_old_answer(struct attack *attack)
{
    struct bg_sst_response response;
    unsigned count = request_count(attack);
    uint64_t ids[PLAIN_REQUESTS + 1];

    sim_connect_old(attack->sst);
    submit(attack, BG_SST_COMPUTE);
    for (unsigned i = 0; i < count; i++) {
        ids[i] = sim_take_old(attack->sst).request_id;
    }
    for (unsigned i = 0; i < count; i++) {
        response = sim_response(BG_SST_OK, ids[i], 0);
        send(attack->sst->peer, &response, sizeof(response), MSG_NOSIGNAL); /* it may be gone */
    }
}

static void path_hang_up(struct attack *attack)
{
    submit_and_take(attack);
    sim_hang_up(attack->sst);
}

static void path_garbage(struct attack *attack)
{
    static const char garbage[256] = "no frame";

    submit_and_take(attack);
    assert_true(socket_write(attack->sst->peer, garbage, sizeof(garbage)));
}

static void path_timeout(struct attack *attack)
{
    submit_and_take(attack);
    qtest_clock_step_ns(attack->sst->qemu, UINT64_C(60000000000));
}

static void path_notification(struct attack *attack)
{
    submit(attack, BG_SST_NOOP);
}

static void path_nobody(struct attack *attack)
{
    submit(attack, BG_SST_COMPUTE);
}

static void path_reset_request(struct attack *attack)
{
    const struct bg_sst_request reset = sst_request(BG_SST_RESET, 1);

    submit_and_take(attack);
    sst_prepare(attack->sst, 0, &reset, sizeof(reset), sizeof(struct bg_sst_response));
    sst_kick(attack->sst, 0);
}

/* Into a buffer of the response queue, posted before or after the answer. */
static void respond_to_buffer(struct attack *attack, bool before)
{
    struct sst *sst = attack->sst;
    struct bg_sst_request request = sst_request(BG_SST_COMPUTE, attack->target->value);

    sim_connect(sst, SIM_ALL);
    for (unsigned i = 0; i < PLAIN_REQUESTS; i++) {
        sst_prepare(sst, 0, &request, sizeof(request), 0);
    }
    for (unsigned i = 0; before && i < PLAIN_REQUESTS; i++) {
        add_weapon(attack, 1, NULL, offsetof(struct bg_sst_response, request_id));
    }
    sst_kick(sst, 1);
    sst_kick(sst, 0);
    for (unsigned i = 0; i < PLAIN_REQUESTS; i++) {
        struct sim_record record = sim_take_request(sst);

        if (!before) {
            sim_answer_status(sst, record.record.tag, BG_SST_OK);
        }
    }
    if (before) {
        answer_all(attack);
        return;
    }
    sst_wait_statistic(sst, "stat-completed", PLAIN_REQUESTS);
    for (unsigned i = 0; i < 2; i++) {
        add_weapon(attack, 1, NULL, offsetof(struct bg_sst_response, request_id));
    }
    sst_kick(sst, 1);
}

static void path_posted(struct attack *attack)
{
    respond_to_buffer(attack, true);
}

static void path_waiting(struct attack *attack)
{
    respond_to_buffer(attack, false);
}

static void path_event(struct attack *attack)
{
    const struct bg_sst_event event = {.type = 1, .data = attack->target->value};
    static struct sim_frame frame;

    for (unsigned i = 0; i < 4; i++) {
        add_weapon(attack, 2, NULL, offsetof(struct bg_sst_event, data));
    }
    sst_kick(attack->sst, 2);
    submit_and_take(attack);
    sim_frame_begin(&frame);
    for (unsigned i = 0; i < 4; i++) {
        sim_frame_add(&frame, BG_SST_RECORD_EVENT, 0, 0, 0, &event, sizeof(event));
    }
    sim_frame_send(attack->sst, &frame);
}

/* The loss is found when the machine runs again. */
static void path_resume(struct attack *attack)
{
    submit_and_take(attack);
    json_decref(qmp_command(attack->sst->qemu, "stop", NULL));
    sim_hang_up(attack->sst);
    json_decref(qmp_command(attack->sst->qemu, "cont", NULL));
}

/* Made available before the driver says that it is ready. */
static void path_driver_ok(struct attack *attack)
{
    struct sst *sst = attack->sst;
    uint64_t address = own_status(sst);
    uint8_t status = (uint8_t)qtest_read(sst->qemu, 1, address);

    add_requests(attack, BG_SST_NOOP);
    qtest_write(sst->qemu, 1, address, status & ~BG_VIRTIO_STATUS_DRIVER_OK);
    qtest_write(sst->qemu, 1, address, status);
}

struct path {
    const char *name;
    void (*run)(struct attack *attack);
    struct sst_setup setup;
    bool no_message; /* it is about buffers */
};

static const struct path paths[] = {
    {.name = "answer", .run = path_answer},
    {.name = "old answer", .run = path_old_answer},
    {.name = "hang-up", .run = path_hang_up},
    {.name = "garbage", .run = path_garbage},
    {.name = "time-out", .run = path_timeout},
    {.name = "notification", .run = path_notification},
    {.name = "nobody", .run = path_nobody, .setup = {.no_simulator = true}},
    {.name = "reset request", .run = path_reset_request},
    {.name = "posted", .run = path_posted, .no_message = true},
    {.name = "waiting", .run = path_waiting, .no_message = true},
    {.name = "event", .run = path_event},
    {.name = "resume", .run = path_resume},
    {.name = "driver ok", .run = path_driver_ok},
    /* Deterministic time, with nobody and with somebody who says nothing. */
    {.name = "sync nobody",
     .run = path_nobody,
     .setup = {.no_simulator = true, .properties = ",sync=on"}},
    {.name = "sync silent",
     .run = path_nobody,
     .setup = {.properties = ",sync=on,sync_deadline_ms=20"}},
};

/* ---- Runs ---- */

/* It answers, also when all its timers have had their time. */
static void check_alive(struct qemu *qemu)
{
    for (unsigned i = 0; i < 4; i++) {
        json_decref(qmp_command(qemu, "query-status", NULL));
        qtest_clock_step_ns(qemu, UINT64_C(3000000000));
    }
}

static void run(const struct path *path, const struct target *target, bool by_message,
                uint64_t features)
{
    struct attack attack = {.target = target, .by_message = by_message};
    struct sst_setup setup = path->setup;

    printf("# %s of a %s, %s ring: %s\n", by_message ? "message" : "buffer", path->name,
           features ? "packed" : "split", target->name);
    fflush(stdout);
    setup.bus = SST_PORT;
    setup.features = features;
    setup.arguments = "-device pcie-root-port,id=rp2,addr=3,chassis=2 "
                      "-device vgpu-stub,bus=rp2,socket=/nonexistent";
    attack.sst = sst_start(&setup);
    attack.address = target->address(attack.sst);
    if (by_message) {
        aim_messages(&attack);
    }
    path->run(&attack);
    check_alive(attack.sst->qemu);
    sst_end(attack.sst);
}

static void run_all(bool by_message, uint64_t features)
{
    bool soak = getenv("BAREGPU_SOAK") != NULL;

    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        for (size_t j = 0; j < sizeof(targets) / sizeof(*targets); j++) {

            if ((soak || targets[j].ends_device) && !(by_message && paths[i].no_message)) {
                run(&paths[i], &targets[j], by_message, features);
            }
        }
    }
}

static void test_buffers(void **state)
{
    (void)state;
    run_all(false, 0);
    if (getenv("BAREGPU_SOAK") != NULL) {
        run_all(false, BG_VIRTIO_F_RING_PACKED);
    }
}

static void test_messages(void **state)
{
    (void)state;
    run_all(true, 0);
}

/* What does no harm to the device itself, on the path that is used most. */
static void test_other_targets(void **state)
{
    (void)state;
    for (size_t j = 0; j < sizeof(targets) / sizeof(*targets); j++) {
        run(&paths[0], &targets[j], false, BG_VIRTIO_F_RING_PACKED);
        run(&paths[2], &targets[j], true, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffers),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_other_targets),
    };

    sst_use_cmocka();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
