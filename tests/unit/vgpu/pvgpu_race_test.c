/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/vgpu/pvgpu.c firmware/vgpu/pvgpu_ring.c firmware/vgpu/pvgpu_health.c
// build: firmware/vgpu/pvgpu_heap.c
// build: firmware/vgpu/pvgpu_resource.c firmware/vgpu/pvgpu_draw.c firmware/vgpu/pvgpu_compute.c
// build: firmware/vgpu/pvgpu_names.c firmware/vgpu/compute.c firmware/common/wait.c
// build: firmware/common/interrupt_source.c firmware/pci_ecam.c firmware/pci/enumerate.c
// build: firmware/pci/device.c firmware/pci/bar.c firmware/pci/assign.c
// build: firmware/pci/capability.c firmware/pci/list.c firmware/common/error.c tests/fake/hal.c
// build: tests/fake/pvgpu.c
// tsan
/*
 * The pvgpu driver on one thread, its backend on another, both asleep whenever they may be: a lost
 * doorbell or interrupt is a hang, which a deadline ends; a missing ordering is a race that
 * ThreadSanitizer reports, or a wrong word.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/fake/hal.h"
#include "tests/fake/pvgpu.h"

#define ROUNDS 30000
#define ROUNDS_SOAK 1000000
#define BATCH_MAX 24
#define SILENCE_S 60 /* without any progress: generous, machines are busy */

static uint32_t is_over, interrupts;
static uint32_t next_destroyed; /* the id that the backend has to see next */
static uint32_t random_state = 1;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % limit;
}

/* Spins a little, then lets others run, until *counter differs from `seen`. */
static void wait_change(const uint32_t *counter, uint32_t seen, const char *what)
{
    time_t start = 0;

    for (unsigned i = 0;; i++) {
        if (__atomic_load_n(counter, __ATOMIC_SEQ_CST) != seen ||
            __atomic_load_n(&is_over, __ATOMIC_SEQ_CST)) {
            return;
        }
        if (i % 64 == 63) {
            sched_yield();
        }
        if (i % 65536 == 65535) {
            time_t now = time(NULL);

            start = start == 0 ? now : start;
            if (now - start > SILENCE_S) {
                printf("# no %s came\n", what);
                fflush(stdout);
                abort();
            }
        }
    }
}

/* ---- The backend ---- */

static void check_commands(uint64_t from)
{
    for (uint64_t i = from; i < fake.commands; i++) {
        const struct fake_pvgpu_command *command = &fake.kept[i % FAKE_PVGPU_KEPT];

        if (command->header.type == BG_PVGPU_CMD_UNMAP_RESOURCE) {
            if (command->header.resource_id != next_destroyed ||
                command->words[3] != ~next_destroyed) {
                printf("# command %u is wrong\n", next_destroyed);
                fflush(stdout);
                abort();
            }
            next_destroyed++;
        }
    }
}

static void *run_backend(void *argument)
{
    (void)argument;
    while (!__atomic_load_n(&is_over, __ATOMIC_SEQ_CST)) {
        uint32_t seen = __atomic_load_n(&fake.doorbells, __ATOMIC_SEQ_CST);
        uint64_t from = fake.commands;
        unsigned count = fake_pvgpu_step(&fake, 64);

        check_commands(from);
        if (count == 0 && fake_pvgpu_sleep(&fake)) {
            wait_change(&fake.doorbells, seen, "doorbell");
        }
    }
    return NULL;
}

static void interrupted(struct fake_pvgpu *device, uint32_t bits)
{
    (void)device;
    (void)bits;
    __atomic_add_fetch(&interrupts, 1, __ATOMIC_SEQ_CST);
}

/* ---- The driver ---- */

static struct bg_interrupt_source source;
static uint32_t interrupts_seen;

/* As bg_hal_sleep: returns at once when one came since the last time. */
static void sleep_until(void *event, uint64_t deadline_ns)
{
    (void)event, (void)deadline_ns;
    wait_change(&interrupts, interrupts_seen, "interrupt");
    interrupts_seen = __atomic_load_n(&interrupts, __ATOMIC_SEQ_CST);
    source.count++;
}

static void run(struct bg_wait_strategy wait)
{
    uint32_t rounds = getenv("BAREGPU_SOAK") != NULL ? ROUNDS_SOAK : ROUNDS, id = 0;
    uint64_t fences[4] = {0};
    pthread_t thread;

    fake_hal.on_wait = NULL;
    fake_hal.wait_ns = 0;
    fake.interrupt = interrupted;
    source = (struct bg_interrupt_source){0};
    bg_interrupt_source_turn(&source, BG_INTERRUPT_ON);
    gpu.fence_source = &source;
    gpu.suppressed = BG_PVGPU_IRQ_FENCE;
    gpu.wait = wait;
    fake.control->suppress_interrupts = BG_PVGPU_IRQ_FENCE;
    is_over = next_destroyed = 0;
    assert_int_equal(pthread_create(&thread, NULL, run_backend, NULL), 0);
    for (uint32_t i = 0; i < rounds; i++) {
        for (uint32_t batch = 1 + random_below(BATCH_MAX); batch > 0; batch--, id++) {
            assert_int_equal(bg_pvgpu_resource_unmap(&gpu, id, 1, 2, ~id), 0);
        }
        if (random_below(4) == 0) {
            struct bg_pvgpu_job job;

            assert_int_equal(bg_pvgpu_nop(&gpu, &job, UINT64_MAX), 0);
            assert_int_equal(bg_pvgpu_job_wait(&gpu, &job, UINT64_MAX), 0);
        }
        /* Up to four are under way. */
        if (fences[i % 4] != 0) {
            assert_int_equal(bg_pvgpu_fence_wait(&gpu, fences[i % 4], UINT64_MAX), 0);
        }
        assert_int_equal(bg_pvgpu_fence(&gpu, &fences[i % 4]), 0);
        if (random_below(2) == 0) {
            assert_int_equal(bg_pvgpu_submit(&gpu), 0);
        }
    }
    assert_int_equal(bg_pvgpu_finish(&gpu, UINT64_MAX), 0);
    __atomic_store_n(&is_over, 1, __ATOMIC_SEQ_CST);
    pthread_join(thread, NULL);
    assert_int_equal(next_destroyed, id);
    printf("# %u commands, %u doorbells, %u interrupts, %llu times asleep\n",
           (unsigned)fake.commands, fake.doorbells, interrupts, (unsigned long long)fake.sleeps);
}

static void polling(void **state)
{
    (void)state;
    run(BG_WAIT_POLL);
}

static void sleeping(void **state)
{
    (void)state;
    run((struct bg_wait_strategy){.sleep = sleep_until});
    assert_true(interrupts > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, pvgpu_setup, pvgpu_teardown)
    const struct CMUnitTest tests[] = {TEST(polling), TEST(sleeping)};

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
