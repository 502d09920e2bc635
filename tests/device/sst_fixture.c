/* SPDX-License-Identifier: BSD-2-Clause */
/* See sst_fixture.h. */
#include "sst_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "baregpu/hal.h"
#include "baregpu/mmio.h"
#include "baregpu/pci_ecam.h"

#define MEMORY_BASE (qtest_machine()->ram)
#define MEMORY_SIZE (64ull << 20)
#define MEMORY_START (2ull << 20) /* QEMU's devicetree lies before that */
#define BUSES 3
#define FUNCTIONS 8

static struct sst *sst;

/* ---- What the driver library stands on ---- */

void *bg_hal_dma_alloc(size_t size, size_t align, uint64_t *bus_address)
{
    uint64_t start = (sst->used + align - 1) / align * align;

    if (start + size > MEMORY_SIZE) {
        return NULL;
    }
    sst->used = start + size;
    *bus_address = MEMORY_BASE + start;
    memset(sst->memory + start, 0, size);
    return sst->memory + start;
}

void bg_hal_dma_free(void *memory, size_t size)
{
    (void)memory;
    (void)size;
}

void *bg_hal_map(uint64_t address, uint64_t size, enum bg_hal_memory_type type)
{
    (void)size;
    (void)type;
    return (void *)(uintptr_t)address;
}

uint64_t bg_hal_time_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void bg_hal_wait(uint64_t deadline_ns)
{
    (void)deadline_ns;
}

#define ACCESSORS(bits)                                                                            \
    uint##bits##_t bg_mmio_read##bits(const void *base, uint64_t offset)                           \
    {                                                                                              \
        return (uint##bits##_t)qtest_read(sst->qemu, bits / 8, (uintptr_t)base + offset);          \
    }                                                                                              \
    void bg_mmio_write##bits(void *base, uint64_t offset, uint##bits##_t value)                    \
    {                                                                                              \
        qtest_write(sst->qemu, bits / 8, (uintptr_t)base + offset, value);                         \
    }

ACCESSORS(8)
ACCESSORS(16)
ACCESSORS(32)
ACCESSORS(64)

/* ---- Start and end ---- */

static void fail_test(const char *message)
{
    fail_msg("%s", message);
}

void sst_use_cmocka(void)
{
    harness_on_failure = fail_test;
    cmocka_set_message_output(CM_OUTPUT_TAP);
}

void sst_select(struct sst *chosen)
{
    sst = chosen;
}

static void map_memory(struct sst *s)
{
    int fd = open(s->memory_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, MEMORY_SIZE), 0);
    s->memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(s->memory != MAP_FAILED);
    close(fd);
}

static char *device_words(const struct sst *s)
{
    const char *properties = s->setup.properties != NULL ? s->setup.properties : "";

    switch (s->setup.bus) {
    case SST_MMIO:
        return harness_format("-global virtio-mmio.force-legacy=%s -device "
                              "virtio-sst-device,id=sst,bus=virtio-mmio-bus.0,socket=%s%s",
                              s->setup.legacy ? "true" : "false", s->path, properties);
    case SST_PORT:
        return harness_format("-device pcie-root-port,id=rp1,addr=2,chassis=1 "
                              "-device virtio-sst-pci,id=sst,bus=rp1,socket=%s%s",
                              s->path, properties);
    default:
        return harness_format("-device virtio-sst-pci,id=sst,addr=%d,socket=%s%s", SST_SLOT,
                              s->path, properties);
    }
}

struct sst *sst_start(const struct sst_setup *setup)
{
    static unsigned number;
    struct sst *s = calloc(1, sizeof(*s));
    char *device;

    assert_non_null(s);
    s->setup = *setup;
    if (qtest_machine()->mmio == 0 && setup->bus == SST_MMIO) {
        s->setup.bus = SST_PCI;
    }
    s->memory_path = harness_format("%s/memory-%u", harness_temp_dir(), number);
    s->path = setup->socket != NULL ? harness_format("%s", setup->socket)
                                    : harness_format("%s/sst-%u.sock", harness_temp_dir(), number);
    number++;
    s->listener = setup->no_simulator ? -1 : unix_listen(s->path, 8);
    s->peer = -1;
    s->used = MEMORY_START;
    map_memory(s);
    device = device_words(s);
    s->qemu = qemu_start_qtest("-machine memory-backend=ram -m %u -object memory-backend-file,"
                               "id=ram,size=%u,share=on,mem-path=%s -d guest_errors %s %s",
                               (unsigned)(MEMORY_SIZE >> 20), (unsigned)MEMORY_SIZE, s->memory_path,
                               setup->arguments != NULL ? setup->arguments : "", device);
    free(device);
    sst_select(s);
    if (!setup->no_driver) {
        sst_open_driver(s);
    }
    return s;
}

void sst_end(struct sst *s)
{
    qemu_end(s->qemu);
    if (s->peer >= 0) {
        close(s->peer);
    }
    if (s->listener >= 0) {
        close(s->listener);
    }
    if (s->memory != NULL) {
        munmap(s->memory, MEMORY_SIZE);
    }
    unlink(s->memory_path);
    free(s->memory_path);
    free(s->path);
    free(s->sim_frame);
    free(s);
}

int sst_begin_test(void **state)
{
    *state = sst_start(*state);
    return 0;
}

int sst_end_test(void **state)
{
    sst_end(*state);
    return 0;
}

/* ---- Driver ---- */

static void open_pci(struct sst *s)
{
    static struct bg_pci_host host;
    static struct bg_pci_device functions[FUNCTIONS];
    struct bg_pci_device *function;

    qtest_enable_ecam(s->qemu);
    const struct bg_pci_host_config config = {
        .ecam = (void *)(uintptr_t)qtest_machine()->ecam,
        .ecam_size = BUSES << 20,
        .bus_last = BUSES - 1,
        .windows =
            {
                [BG_PCI_WINDOW_MEM32] = {PCI_MEM32_BASE, PCI_MEM32_BASE, 0x2EFF0000},
                [BG_PCI_WINDOW_MEM64] = {qtest_machine()->mem64, qtest_machine()->mem64,
                                         16ull << 30},
            },
        .devices = functions,
        .device_capacity = FUNCTIONS,
    };

    assert_int_equal(bg_pci_host_init(&host, &config), 0);
    bg_pci_host_enumerate(&host); /* I/O ports find no window */
    function = bg_virtio_pci_find(&host, BG_SST_VIRTIO_ID, NULL);
    assert_non_null(function);
    assert_int_equal(bg_virtio_pci_open(&s->device, &host, function), 0);
}

uint64_t sst_mmio_address(unsigned number)
{
    const struct qtest_machine *machine = qtest_machine();

    if (machine->mmio == 0) {
        print_message("# %s has no virtio-mmio\n", machine->target);
        skip();
    }
    return machine->mmio + number * machine->mmio_size;
}

static uint64_t soon(void)
{
    return bg_hal_time_ns() + HARNESS_TIMEOUT_MS * 1000000ull;
}

void sst_open_driver(struct sst *s)
{
    uint64_t max_queues;

    if (s->setup.bus == SST_MMIO) {
        assert_int_equal(
            bg_virtio_mmio_open(&s->device, sst_mmio_address(0), qtest_machine()->mmio_size), 0);
    } else {
        open_pci(s);
    }
    assert_int_equal(s->device.id, BG_SST_VIRTIO_ID);
    assert_int_equal(bg_virtio_start(&s->device,
                                     BG_SST_F_ALL | SST_RING_FEATURES | s->setup.features, 0,
                                     soon()),
                     0);
    assert_int_equal(bg_virtio_config_read64(&s->device, offsetof(struct bg_sst_config, max_queues),
                                             &max_queues),
                     0);
    assert_in_range(max_queues, 1, BG_SST_PAIRS_MAX);
    s->pairs = (unsigned)max_queues;
    s->queue_count = 2 * s->pairs + 1;
    for (unsigned i = 0; i < s->queue_count; i++) {
        const struct bg_virtqueue_options options = {
            .index = (uint16_t)i,
            .size_max = BG_SST_QUEUE_SIZE,
            .indirect_segments = 4,
        }; /* virtio-mmio offers any size */

        assert_int_equal(bg_virtqueue_create(&s->queues[i], &s->device, &options), 0);
        assert_int_equal(s->queues[i].size, BG_SST_QUEUE_SIZE);
    }
    assert_int_equal(bg_virtio_ready(&s->device), 0);
}

/* The driver has pointers into the guest's memory: the other's file takes its place. */
void sst_adopt_guest(struct sst *to, struct sst *from)
{
    int fd = open(to->memory_path, O_RDWR | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_ptr_equal(
        mmap(from->memory, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0),
        from->memory);
    close(fd);
    munmap(to->memory, MEMORY_SIZE);
    to->memory = from->memory;
    from->memory = NULL;
    to->used = from->used;
    to->device = from->device;
    memcpy(to->queues, from->queues, sizeof(to->queues));
    to->queue_count = from->queue_count;
    to->pairs = from->pairs;
    for (unsigned i = 0; i < to->queue_count; i++) {
        to->queues[i].device = &to->device;
    }
    sst_select(to);
}

void sst_forget_driver(struct sst *s)
{
    memset(&s->device, 0, sizeof(s->device));
    memset(s->queues, 0, sizeof(s->queues));
    memset(s->chains, 0, sizeof(s->chains));
    s->chain_count = 0;
}

/* ---- Chains ---- */

struct bg_sst_request sst_request(uint32_t type, uint64_t id)
{
    struct bg_sst_request request = {.type = type, .request_id = id, .user_data = ~id};

    return request;
}

struct sst_chain *sst_prepare(struct sst *s, unsigned queue, const void *readable,
                              uint32_t readable_size, uint32_t writable_size)
{
    struct bg_virtqueue_segment segments[4];
    struct sst_chain *chain = &s->chains[s->chain_count];
    unsigned count = 0, first;

    assert_true(s->chain_count < SST_CHAINS);
    s->chain_count++;
    memset(chain, 0, sizeof(*chain));
    chain->queue = queue;
    chain->readable_size = readable_size;
    chain->writable_size = writable_size;
    if (readable_size) {
        chain->readable = bg_hal_dma_alloc(readable_size, 8, &chain->readable_address);
        memcpy(chain->readable, readable, readable_size);
        segments[count++] = (struct bg_virtqueue_segment){chain->readable_address, readable_size};
    }
    first = count;
    if (writable_size) {
        uint32_t part = writable_size / 3; /* in two pieces */

        chain->writable = bg_hal_dma_alloc(writable_size + 64, 8, &chain->writable_address);
        memset(chain->writable, SST_PATTERN, writable_size + 64);
        if (part) {
            segments[count++] = (struct bg_virtqueue_segment){chain->writable_address, part};
        }
        segments[count++] =
            (struct bg_virtqueue_segment){chain->writable_address + part, writable_size - part};
    }
    assert_int_equal(bg_virtqueue_add(&s->queues[queue], segments, first, count - first, chain), 0);
    return chain;
}

void sst_kick(struct sst *s, unsigned queue)
{
    assert_true(bg_virtqueue_kick(&s->queues[queue]) >= 0);
}

struct sst_chain *sst_add(struct sst *s, unsigned queue, const void *readable,
                          uint32_t readable_size, uint32_t writable_size)
{
    struct sst_chain *chain = sst_prepare(s, queue, readable, readable_size, writable_size);

    sst_kick(s, queue);
    return chain;
}

struct sst_chain *sst_submit(struct sst *s, const struct bg_sst_request *request)
{
    return sst_add(s, 0, request, sizeof(*request), sizeof(struct bg_sst_response));
}

struct sst_chain *sst_submit_compute(struct sst *s, uint64_t id)
{
    struct bg_sst_request request = sst_request(BG_SST_COMPUTE, id);

    return sst_submit(s, &request);
}

/* Never more than it says it wrote, and it says no more than there is. */
static void check_written(const struct sst_chain *chain)
{
    assert_true(chain->written <= chain->writable_size);
    for (uint32_t i = chain->written; chain->writable != NULL && i < chain->writable_size + 64;
         i++) {
        assert_int_equal(chain->writable[i], SST_PATTERN);
    }
}

void sst_poll(struct sst *s)
{
    for (unsigned i = 0; i < s->queue_count; i++) {
        struct bg_virtqueue_used used;
        int result;

        while ((result = bg_virtqueue_poll(&s->queues[i], &used)) == 1) {
            struct sst_chain *chain = used.token;

            assert_int_equal(chain->queue, i);
            assert_false(chain->done);
            chain->done = true;
            chain->written = used.written;
            check_written(chain);
        }
        assert_int_equal(result, 0);
    }
}

void sst_wait(struct sst *s, struct sst_chain *chain)
{
    uint64_t deadline_ns = soon();

    for (sst_poll(s); !chain->done; sst_poll(s)) {
        if (bg_hal_time_ns() > deadline_ns) {
            harness_fail("chain %d on queue %u stays unused", (int)(chain - s->chains),
                         chain->queue);
        }
        usleep(50);
    }
}

void sst_expect_pending(struct sst *s, const struct sst_chain *chain)
{
    sst_statistic(s, "stat-requests"); /* QEMU's main loop has been around */
    sst_statistic(s, "stat-requests");
    sst_poll(s);
    assert_false(chain->done);
}

const struct bg_sst_response *sst_expect(struct sst *s, struct sst_chain *chain, uint32_t status)
{
    const struct bg_sst_request *request = (const void *)chain->readable;
    const struct bg_sst_response *response = (const void *)chain->writable;

    sst_wait(s, chain);
    assert_int_equal(chain->written, sizeof(*response));
    assert_int_equal(response->status, status);
    assert_int_equal(response->reserved, 0);
    assert_int_equal(response->request_id, request->request_id);
    assert_int_equal(response->user_data, request->user_data);
    return response;
}

const struct bg_sst_response *sst_do(struct sst *s, uint32_t type, uint64_t id, uint32_t status)
{
    struct bg_sst_request request = sst_request(type, id);

    return sst_expect(s, sst_submit(s, &request), status);
}

void sst_expect_zero(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(data[i], 0);
    }
}

void sst_recycle(struct sst *s)
{
    for (unsigned i = 0; i < s->chain_count; i++) {
        assert_true(s->chains[i].done);
        if (s->chains[i].readable != NULL &&
            s->chains[i].readable_address - MEMORY_BASE < s->used) {
            s->used = s->chains[i].readable_address - MEMORY_BASE;
        }
        if (s->chains[i].writable != NULL &&
            s->chains[i].writable_address - MEMORY_BASE < s->used) {
            s->used = s->chains[i].writable_address - MEMORY_BASE;
        }
    }
    s->chain_count = 0;
}

/* ---- Properties ---- */

int64_t sst_statistic(struct sst *s, const char *name)
{
    return qmp_get_integer(s->qemu, SST_PATH, name);
}

void sst_wait_statistic(struct sst *s, const char *name, int64_t count)
{
    uint64_t deadline_ns = soon();
    int64_t now;

    while ((now = sst_statistic(s, name)) != count) {
        if (bg_hal_time_ns() > deadline_ns) {
            harness_fail("%s stays %lld, wanted %lld", name, (long long)now, (long long)count);
        }
    }
}

char *sst_property(struct sst *s, const char *name)
{
    json_t *value =
        qmp_command(s->qemu, "qom-get", "{s:s, s:s}", "path", SST_PATH, "property", name);
    char *text = harness_format("%s", json_string_value(value));

    json_decref(value);
    return text;
}

void sst_wait_wire(struct sst *s, const char *wire)
{
    uint64_t deadline_ns = soon();

    for (;;) {
        char *now = sst_property(s, "wire");
        bool equal = strcmp(now, wire) == 0;

        if (!equal && bg_hal_time_ns() > deadline_ns) {
            harness_fail("the wire stays '%s', wanted '%s'", now, wire);
        }
        free(now);
        if (equal) {
            return;
        }
    }
}
