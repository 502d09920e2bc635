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
 * virtio-sst: a migration stream that lies about the requests in flight. It is refused, or does
 * what the guest could have done by itself; QEMU goes on in any case.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sst_simulator.h"

#define REQUESTS 4
#define FIRST_ID UINT64_C(0x1122334455667700)

/* Of an item in the stream, from its request id on: see put_item() in virtio-sst-migration.c. */
enum {
    AT_PAIR = -2,
    AT_INDEX = 16,
    AT_DESCRIPTORS = 20,
    AT_OUT_COUNT = 24,
    AT_IN_COUNT = 26,
    AT_OUT_ADDRESS = 28,
    AT_OUT_SIZE = 36,
    AT_IN_ADDRESS = 40,
    AT_IN_SIZE = 48,
};

struct lie {
    const char *what;
    int offset;
    unsigned size; /* bytes, big-endian */
    uint64_t value;
    bool fails;
};

static const struct lie lies[] = {
    {"nothing", AT_IN_SIZE, 4, 4112, false},
    {"an index beyond the ring", AT_INDEX, 4, BG_SST_QUEUE_SIZE, true},
    {"an index of no ring", AT_INDEX, 4, UINT32_MAX, true},
    {"no descriptor", AT_DESCRIPTORS, 4, 0, true},
    {"more descriptors than are in use", AT_DESCRIPTORS, 4, 100, true},
    {"more descriptors than there are", AT_DESCRIPTORS, 4, UINT32_MAX, true},
    {"a pair that is not in use", AT_PAIR, 2, 1, true},
    {"a pair that there is not", AT_PAIR, 2, 0xFFFF, true},
    {"too many segments", AT_IN_COUNT, 2, 0xFFFF, true},
    {"the response to a register", AT_IN_ADDRESS, 8, 0x4010000000, false},
    {"the response to nowhere", AT_IN_ADDRESS, 8, 0xFFFFFFFFFFFFF000, false},
    {"the request in a register", AT_OUT_ADDRESS, 8, 0x4010000000, false},
    {"a response without end", AT_IN_SIZE, 4, UINT32_MAX, false},
    {"a request without end", AT_OUT_SIZE, 4, UINT32_MAX, false},
};

static uint8_t *find(uint8_t *data, size_t size, uint64_t id)
{
    uint8_t bytes[8], *found;

    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(id >> (56 - 8 * i));
    }
    /* Big-endian: not the guest's memory, which has it, too. */
    found = memmem(data, size, bytes, sizeof(bytes));
    assert_non_null(found);
    return found;
}

static void lie_about_first(const char *path, const struct lie *lie)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat status;
    uint8_t *data, *item;

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    data = malloc((size_t)status.st_size);
    assert_non_null(data);
    assert_int_equal(pread(fd, data, (size_t)status.st_size, 0), status.st_size);
    item = find(data, (size_t)status.st_size, FIRST_ID) + lie->offset;
    for (unsigned i = 0; i < lie->size; i++) {
        item[i] = (uint8_t)(lie->value >> (8 * (lie->size - 1 - i)));
    }
    assert_int_equal(pwrite(fd, data, (size_t)status.st_size, 0), status.st_size);
    free(data);
    close(fd);
}

/* "completed" or "failed". */
static bool wait_migrated(struct qemu *qemu)
{
    uint64_t deadline_ms = harness_now_ms() + HARNESS_TIMEOUT_MS;

    for (;;) {
        json_t *reply = qmp_command(qemu, "query-migrate", NULL);
        const char *status = json_string_value(json_object_get(reply, "status"));
        bool completed = status != NULL && strcmp(status, "completed") == 0;
        bool failed = status != NULL && strcmp(status, "failed") == 0;

        json_decref(reply);
        if (completed || failed) {
            return completed;
        }
        assert_true(harness_now_ms() < deadline_ms);
        usleep(1000);
    }
}

static void check(const struct lie *lie, bool packed)
{
    const struct sst_setup setup = {
        .bus = SST_PCI,
        .properties = packed ? ",packed=on,num-queues=2" : ",num-queues=2",
        .features = packed ? BG_VIRTIO_F_RING_PACKED : 0,
    };
    struct sst_setup to_setup = setup;
    char *path = harness_temp_path("stream"), *uri = harness_format("file:%s", path);
    struct sst *from = sst_start(&setup), *to;

    printf("# %s\n", lie->what);
    sim_connect(from, SIM_ALL);
    for (unsigned i = 0; i < REQUESTS; i++) {
        sst_submit_compute(from, FIRST_ID + i);
        sim_take_request(from);
    }
    json_decref(qmp_command(from->qemu, "migrate", "{s:s}", "uri", uri));
    assert_true(wait_migrated(from->qemu));
    sst_end(from);
    lie_about_first(path, lie);

    to_setup.arguments = "-incoming defer";
    to_setup.no_driver = true;
    to = sst_start(&to_setup);
    json_decref(
        qmp_command(to->qemu, "migrate-incoming", "{s:s, s:b}", "uri", uri, "exit-on-error", 0));
    assert_int_equal(wait_migrated(to->qemu), !lie->fails);
    for (unsigned i = 0; i < 3; i++) {
        json_decref(qmp_command(to->qemu, "query-status", NULL));
        qtest_clock_step_ns(to->qemu, UINT64_C(3000000000));
    }
    if (!lie->fails) {
        assert_true(sst_statistic(to, "stat-failed") >= REQUESTS - 1);
    }
    sst_end(to);
    unlink(path);
    free(uri);
    free(path);
}

static void test_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
        check(&lies[i], false);
    }
}

static void test_packed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
        check(&lies[i], true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_packed),
    };

    sst_use_cmocka();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
