/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test_smp_ring: the driver's virtqueue on one CPU, its device on another (ring_device.h). Each
 * buffer is a request with a checksum, which the device checks, and an answer with another. Both
 * sides ask for no notification while they are busy and sleep when they have nothing to do: so a
 * store that is seen too late is a wrong checksum, a hang, or a chain lost.
 * buffers=N, of each kind.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baregpu/barrier.h"
#include "baregpu/error.h"
#include "baregpu/virtqueue.h"
#include "firmware/apps/app.h"
#include "tests/guest/lib/ring_device.h"
#include "tests/guest/lib/smp.h"
#include "tests/guest/lib/tap.h"
#include "firmware/memory/lock.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/timer.h"

#define BUFFERS 20000
#define QUEUE_SIZE 128
#define SLOTS 48 /* more than the queue takes without indirect tables: it is full at times */
#define WORDS_MAX 12
#define BATCH_MAX 7
#define SILENCE_NS 60000000000ull
#define SETUP_NS 5000000000ull
#define DEADLINE_NS 3600000000000ull
#define TURN_PAUSES 1100
#define PASSED_MIN 2000
#define SPLIT_AT 2 /* words in the first segment of a request */

struct request {
    uint64_t number;
    uint64_t words[WORDS_MAX]; /* `count` of them, then the sum */
};

struct answer {
    uint64_t number;
    uint64_t sum;
};

struct slot {
    struct request request;
    struct answer answer;
    uint64_t number;
    uint64_t expected;
    uint32_t owner; /* the CPU that added it */
    bool is_used;
};

static struct {
    struct ring_device device;
    struct bg_virtqueue queue;
    struct slot slots[SLOTS];
    uint32_t is_over;
    uint32_t wrong_requests; /* seen by the device */
    uint32_t wrong_answers;  /* seen by the driver */
    const char *problem;

    /* Of the driver that is passed on. */
    struct lock lock;
    uint64_t added;
    uint64_t taken;
    uint64_t total;
    struct smp_meeting meeting;
    uint64_t turns[MACHINE_CPUS_MAX];
    uint32_t last;    /* whose turn it was */
    uint64_t foreign; /* chains that another CPU took back than the one that added them */
} ring;

static uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 0x9e3779b97f4a7c15ull;
    return sum ^ sum >> 29;
}

/* ---- The device ---- */

static uint64_t read_word(const struct ring_chain *chain, unsigned index)
{
    unsigned first = chain->segments[0].length / 8;
    const uint8_t *from = index < first ? chain->segments[0].memory + index * 8
                                        : chain->segments[1].memory + (index - first) * 8;
    uint64_t word;

    memcpy(&word, from, sizeof(word));
    return word;
}

static uint32_t answer_request(struct ring_device *device, const struct ring_chain *chain)
{
    unsigned words = (chain->segments[0].length + chain->segments[1].length) / 8;
    struct answer answer;
    uint64_t sum = 0;

    (void)device;
    if (chain->segment_count != 3 || chain->segments[0].is_writable ||
        chain->segments[1].is_writable || !chain->segments[2].is_writable) {
        ring.wrong_requests++;
        return 0;
    }
    for (unsigned i = 0; i < words - 1; i++) {
        sum = mix(sum, read_word(chain, i));
    }
    if (sum != read_word(chain, words - 1)) {
        ring.wrong_requests++;
    }
    answer = (struct answer){read_word(chain, 0), mix(sum, ~0ull)};
    memcpy(chain->segments[2].memory, &answer, sizeof(answer));
    return sizeof(answer);
}

static void device_thread(void *argument)
{
    (void)argument;
    if (!ring_device_run(&ring.device, &ring.is_over, SILENCE_NS)) {
        ring.problem = ring.device.violation;
    }
}

/* ---- The driver ---- */

static struct bg_virtqueue_segment segment_of(const void *memory, size_t length)
{
    return (struct bg_virtqueue_segment){(uintptr_t)memory, (uint32_t)length};
}

static bool add(struct slot *slot, uint64_t number)
{
    unsigned words = 1 + number % (WORDS_MAX - 1) + SPLIT_AT; /* with the number and the sum */
    uint64_t *at = &slot->request.number;
    uint64_t sum = 0;
    struct bg_virtqueue_segment segments[3];

    if (words > WORDS_MAX + 1) {
        words = WORDS_MAX + 1;
    }
    for (unsigned i = 0; i < words - 1; i++) {
        at[i] = i == 0 ? number : mix(number, i);
        sum = mix(sum, at[i]);
    }
    at[words - 1] = sum;
    slot->number = number;
    slot->expected = mix(sum, ~0ull);
    slot->answer = (struct answer){0};
    slot->owner = cpu_index();
    segments[0] = segment_of(at, SPLIT_AT * 8);
    segments[1] = segment_of(at + SPLIT_AT, (words - SPLIT_AT) * 8);
    segments[2] = segment_of(&slot->answer, sizeof(slot->answer));
    slot->is_used = bg_virtqueue_add(&ring.queue, segments, 2, 1, slot) == BG_OK;
    return slot->is_used;
}

static struct slot *find_slot(uint64_t number)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        struct slot *slot = &ring.slots[(number + i) % SLOTS];

        if (!slot->is_used) {
            return slot;
        }
    }
    return NULL;
}

static void add_batch(unsigned count)
{
    struct slot *slot;

    for (unsigned i = 0; i < count && ring.added < ring.total; i++) {
        slot = find_slot(ring.added);
        if (slot == NULL || !add(slot, ring.added)) {
            return;
        }
        ring.added++;
    }
}

/* Returns how many came back, or a negative error. */
static int take_all(void)
{
    struct bg_virtqueue_used used;
    int count = 0;
    int result;

    while ((result = bg_virtqueue_poll(&ring.queue, &used)) == 1) {
        struct slot *slot = used.token;

        if (!slot->is_used || used.written != sizeof(slot->answer) ||
            slot->answer.number != slot->number || slot->answer.sum != slot->expected) {
            ring.wrong_answers++;
        }
        ring.foreign += slot->owner != cpu_index();
        slot->is_used = false;
        ring.taken++;
        count++;
    }
    return result < 0 ? result : count;
}

/* One turn of the driver; sleeps when it can do nothing. False: it is over, or something broke. */
static bool drive(uint32_t *random, bool may_sleep)
{
    uint32_t seen = bg_load_acquire32(&ring.device.interrupts);
    int result;
    int got;

    add_batch(1 + smp_random(random) % BATCH_MAX);
    result = bg_virtqueue_kick(&ring.queue);
    got = take_all();
    if (result < 0 || got < 0) {
        ring.problem = bg_strerror(result < 0 ? result : got);
        return false;
    }
    if (ring.taken == ring.total || ring.problem != NULL) {
        return false;
    }
    if (may_sleep && got == 0 && ring.taken < ring.added &&
        !bg_virtqueue_enable_notifications(&ring.queue) &&
        !ring_device_wait(&ring.device, &ring.device.interrupts, seen, SILENCE_NS)) {
        ring.problem = "no interrupt came";
        return false;
    }
    if (!may_sleep && got == 0) {
        bg_hal_wait(UINT64_MAX);
    }
    if (smp_random(random) % 16 == 0) {
        bg_virtqueue_disable_notifications(&ring.queue);
    }
    return true;
}

/* ---- Runs ---- */

struct kind {
    const char *name;
    uint64_t features;
    bool is_asleep;
};

static const struct kind kinds[] = {
    {"split", 0, false},
    {"split, EVENT_IDX", BG_VIRTIO_F_EVENT_IDX, false},
    {"split, EVENT_IDX, indirect, asleep", BG_VIRTIO_F_EVENT_IDX | BG_VIRTIO_F_INDIRECT_DESC, true},
    {"packed", BG_VIRTIO_F_RING_PACKED, false},
    {"packed, EVENT_IDX", BG_VIRTIO_F_RING_PACKED | BG_VIRTIO_F_EVENT_IDX, false},
    {"packed, EVENT_IDX, indirect, asleep",
     BG_VIRTIO_F_RING_PACKED | BG_VIRTIO_F_EVENT_IDX | BG_VIRTIO_F_INDIRECT_DESC, true},
};

static int open_queue(const struct kind *kind, uint64_t total)
{
    const struct bg_virtqueue_options options = {.indirect_segments = 4};
    uint64_t wanted = BG_VIRTIO_F_VERSION_1 | kind->features;
    int error;

    memset(&ring, 0, sizeof(ring));
    ring.total = total;
    ring.device.offered = kind->features;
    ring.device.queue_size = QUEUE_SIZE;
    ring.device.is_asleep_by_interrupt = kind->is_asleep;
    ring.device.handler = answer_request;
    ring.device.device_cpu = machine.cpu_count - 1;
    error = ring_device_open(&ring.device);
    if (!error) {
        error = bg_virtio_start(&ring.device.virtio, wanted, wanted, timer_deadline_ns(SETUP_NS));
    }
    if (!error) {
        error = bg_virtqueue_create(&ring.queue, &ring.device.virtio, &options);
    }
    return error ? error : bg_virtio_ready(&ring.device.virtio);
}

/* Starts the device, has `driver` drive it, and says how it went. */
static void run_kind(const char *how, const struct kind *kind, uint64_t total, bool (*driver)(void))
{
    struct cpu_ticket ticket = {0};
    uint64_t start_ns = bg_hal_time_ns();
    int error = open_queue(kind, total);
    bool good;

    if (!error) {
        error = cpu_call_async(ring.device.device_cpu, device_thread, NULL, &ticket);
    }
    good = !error && driver();
    bg_store_release32(&ring.is_over, 1);
    ring_device_kick(&ring.device);
    if (!error) {
        error = cpu_call_wait(ticket, timer_deadline_ns(SILENCE_NS));
    }
    good = good && !error && ring.problem == NULL && ring.taken == total &&
           ring.device.chains == total && ring.wrong_requests == 0 && ring.wrong_answers == 0;
    tap_ok(good, "%s%s: %llu buffers", how, kind->name, (unsigned long long)ring.taken);
    if (!good) {
        tap_diag("%s; %u wrong requests, %u wrong answers, device had %llu of %llu",
                 error                  ? bg_strerror(error)
                 : ring.problem != NULL ? ring.problem
                                        : "lost",
                 ring.wrong_requests, ring.wrong_answers, (unsigned long long)ring.device.chains,
                 (unsigned long long)total);
    }
    tap_diag("%llu ms, %llu notifications, %u interrupts, the device slept %llu times",
             (unsigned long long)((bg_hal_time_ns() - start_ns) / 1000000),
             (unsigned long long)ring.queue.notifications, ring.device.interrupts,
             (unsigned long long)ring.device.sleeps);
    bg_virtio_close(&ring.device.virtio, timer_deadline_ns(SETUP_NS));
    bg_virtqueue_destroy(&ring.queue);
}

static bool drive_alone(void)
{
    uint32_t random = 12345;

    ring.device.driver_cpu = cpu_index();
    while (drive(&random, true))
        ;
    return true;
}

/*
 * The driver's side passed on under a lock: whoever holds it has the queue, with all that the one
 * before has written. Nobody sleeps: an interrupt goes to one CPU.
 */
static void drive_by_turns(uint32_t cpu, void *context)
{
    uint32_t random = cpu + 77;
    bool more = true;

    (void)context;
    smp_meet(&ring.meeting, machine.cpu_count - 1);
    while (more) {
        uint32_t spins = 0;

        lock_take(&ring.lock);
        more = ring.taken < ring.total && drive(&random, false);
        ring.turns[cpu]++;
        bg_store_release32(&ring.last, cpu);
        lock_release(&ring.lock);
        /* The others' turn, if they run at all. */
        for (unsigned i = 0; more && i < TURN_PAUSES && bg_load_acquire32(&ring.last) == cpu; i++) {
            lock_pause(&spins);
        }
    }
}

static bool drive_passed_by_lock(void)
{
    return smp_run(machine.cpu_count - 1, drive_by_turns, NULL, timer_deadline_ns(DEADLINE_NS));
}

/* Passed on by a call and its end: CPU 1 has the queue while CPU 0 waits. */
static void drive_some(void *argument)
{
    uint32_t *random = argument;

    for (unsigned i = 0; i < 20 && ring.taken < ring.total && drive(random, false); i++) {
        ring.turns[cpu_index()]++;
    }
    /* Something under way for whoever comes next. */
    add_batch(BATCH_MAX);
    if (bg_virtqueue_kick(&ring.queue) < 0) {
        ring.problem = "no kick";
    }
}

static bool drive_passed_by_call(void)
{
    uint32_t random = 99;

    while (ring.taken < ring.total && ring.problem == NULL) {
        drive_some(&random);
        if (cpu_call(1, drive_some, &random, timer_deadline_ns(SILENCE_NS))) {
            return false;
        }
    }
    return true;
}

static void test_passing(const struct kind *kind, uint64_t total)
{
    if (machine.cpu_count < 3) {
        tap_skip("too few CPUs", "a queue is passed on, %s", kind->name);
        return;
    }
    run_kind("passed on by a lock, ", kind, total, drive_passed_by_lock);
    tap_ok(ring.foreign > 0 && ring.turns[0] > 0 && ring.turns[1] > 0,
           "%llu chains were taken back by another CPU than added them",
           (unsigned long long)ring.foreign);
    run_kind("passed on by calls, ", kind, total, drive_passed_by_call);
    tap_ok(ring.foreign > 0 && ring.turns[0] > 0 && ring.turns[1] > 0,
           "%llu chains were taken back by another CPU than added them",
           (unsigned long long)ring.foreign);
}

static int test_smp_ring(void)
{
    uint64_t buffers = smp_option("buffers", BUFFERS);

    tap_plan(0);
    if (machine.cpu_count < 2) {
        tap_skip("one CPU", "buffers through a ring between CPUs");
        return tap_done();
    }
    tap_equal((unsigned)smp_start(), machine.cpu_count, "all CPUs start");
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        run_kind("", &kinds[i], buffers, drive_alone);
    }
    test_passing(&kinds[1], PASSED_MIN + buffers / 10);
    test_passing(&kinds[4], PASSED_MIN + buffers / 10);
    tap_equal((unsigned)smp_stop(), 0, "all CPUs stop");
    return tap_done();
}

APP(test_smp_ring, "sends buffers through virtqueues between two CPUs", test_smp_ring, "buffers");
