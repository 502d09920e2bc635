/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver on one thread, the device on another, both asleep whenever they may be: a lost
 * notification is a hang, which a deadline ends; a missing ordering is a race that ThreadSanitizer
 * reports, or a wrong byte.
 */
#include "tests/unit/virtio/virtqueue_threads.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "protocol/virtio.h"
#include "tests/unit/virtio/virtqueue_fixture.h"

#define BUFFERS_SOAK 10000000
#define SILENCE_S 60 /* without any progress: generous, machines are busy */
#define SLOTS 64
#define BATCH_MAX 7

static struct fixture fixture;
static uint32_t is_over;
static uint64_t buffer_count; /* of each run */

/* Spins a little, then lets others run, until *counter differs from `seen`. False: nothing came. */
static bool wait_change(const uint32_t *counter, uint32_t seen)
{
    time_t start = 0;

    for (unsigned i = 0;; i++) {
        if (__atomic_load_n(counter, __ATOMIC_SEQ_CST) != seen ||
            __atomic_load_n(&is_over, __ATOMIC_SEQ_CST)) {
            return true;
        }
        if (i % 64 == 63) {
            sched_yield();
        }
        if (i % 65536 == 65535) {
            time_t now = time(NULL);

            start = start == 0 ? now : start;
            if (now - start > SILENCE_S) {
                return false;
            }
        }
    }
}

/* ---- The device ---- */

/* What it reads is a number; what it writes is that number's complement. */
static uint32_t complement(void *context, const struct fake_virtio_request *request)
{
    uint64_t number = 0;

    (void)context;
    memcpy(&number, request->in, request->in_size < 8 ? request->in_size : 8);
    number = ~number;
    memcpy(request->out, &number, request->out_size < 8 ? request->out_size : 8);
    return (uint32_t)request->out_size;
}

static void *run_device(void *argument)
{
    struct fake_virtio *fake = argument;

    while (!__atomic_load_n(&is_over, __ATOMIC_SEQ_CST)) {
        uint32_t seen = __atomic_load_n(&fake->kicks, __ATOMIC_SEQ_CST);

        if (fake_virtio_run(fake) == 0 && !fake_virtio_sleep(fake) &&
            !wait_change(&fake->kicks, seen)) {
            printf("# no notification reached the device\n");
            fflush(stdout);
            abort();
        }
    }
    return NULL;
}

/* ---- The driver ---- */

struct slot {
    uint64_t number;
    uint32_t half[2]; /* the number, in two segments */
    uint64_t answer;
    bool is_used;
};

static struct slot slots[SLOTS];

static bool add(struct slot *slot, uint64_t number)
{
    const struct bg_virtqueue_segment segments[3] = {{(uintptr_t)&slot->half[0], 4},
                                                     {(uintptr_t)&slot->half[1], 4},
                                                     {(uintptr_t)&slot->answer, 8}};

    slot->number = number;
    memcpy(slot->half, &number, sizeof(number));
    slot->answer = 0;
    slot->is_used = bg_virtqueue_add(&fixture.queue, segments, 2, 1, slot) == 0;
    return slot->is_used;
}

static uint64_t take(void)
{
    struct bg_virtqueue_used used;
    uint64_t count = 0;
    int result;

    while ((result = bg_virtqueue_poll(&fixture.queue, &used)) == 1) {
        struct slot *slot = used.token;

        assert_true(slot->is_used);
        assert_int_equal(used.written, 8);
        assert_int_equal(slot->answer, ~slot->number);
        slot->is_used = false;
        count++;
    }
    assert_int_equal(result, 0);
    return count;
}

/* Fills the queue in batches and sleeps when it can do nothing. */
static void drive(uint64_t total)
{
    uint64_t added = 0, taken = 0;

    while (taken < total) {
        uint32_t seen = __atomic_load_n(&fixture.fake.interrupts, __ATOMIC_SEQ_CST);
        unsigned batch = 1 + fixture_random(BATCH_MAX);

        for (unsigned i = 0; i < batch && added < total; i++) {
            struct slot *slot = &slots[added % SLOTS];

            if (slot->is_used || !add(slot, added)) {
                break;
            }
            added++;
        }
        assert_true(bg_virtqueue_kick(&fixture.queue) >= 0);
        uint64_t got = take();

        taken += got;
        if (got == 0 && !bg_virtqueue_enable_notifications(&fixture.queue) && taken < added &&
            !wait_change(&fixture.fake.interrupts, seen)) {
            printf("# no notification reached the driver\n");
            fflush(stdout);
            abort();
        }
        if (fixture_random(16) == 0) {
            bg_virtqueue_disable_notifications(&fixture.queue);
        }
    }
}

static void run_queue(uint64_t features, uint64_t total)
{
    const struct bg_virtqueue_options options = {.indirect_segments = 4, .size_max = 32};
    pthread_t thread;

    memset(slots, 0, sizeof(slots));
    fixture_begin_with(&fixture, features, 32, &options, true);
    fixture.fake.handler = complement;
    fixture.fake.waits_for_run = true;
    fixture.fake.batches = true;
    is_over = 0;
    assert_int_equal(pthread_create(&thread, NULL, run_device, &fixture.fake), 0);
    drive(total);
    __atomic_store_n(&is_over, 1, __ATOMIC_SEQ_CST);
    pthread_join(thread, NULL);
    assert_int_equal(fixture.queue.completions, total);
    printf("# 0x%llx: %llu buffers, %llu notifications, %u interrupts\n",
           (unsigned long long)features, (unsigned long long)total,
           (unsigned long long)fixture.queue.notifications, fixture.fake.interrupts);
    fixture_end(&fixture);
}

static void run_format(uint64_t features)
{
    run_queue(features, buffer_count);
    run_queue(features | BG_VIRTIO_F_EVENT_IDX, buffer_count);
    run_queue(features | BG_VIRTIO_F_EVENT_IDX | BG_VIRTIO_F_INDIRECT_DESC, buffer_count);
    run_queue(features | BG_VIRTIO_F_EVENT_IDX | BG_VIRTIO_F_IN_ORDER, buffer_count);
}

static void split(void **state)
{
    (void)state;
    run_format(0);
}

static void packed(void **state)
{
    (void)state;
    run_format(BG_VIRTIO_F_RING_PACKED);
}

int virtqueue_threads_main(uint64_t buffers)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(split), cmocka_unit_test(packed)};

    buffer_count = getenv("BAREGPU_SOAK") != NULL ? BUFFERS_SOAK : buffers;
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
