/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/pvgpu/ring.c
// tsan
/*
 * Guest and backend on one ring, in two threads, under ThreadSanitizer: what is handed over is
 * handed over by the rules of protocol/pvgpu.h, and nobody sleeps for ever. Dekker's pairs
 * (backend_sleeping, suppress_interrupts) decide who sleeps: both sides do, all the time.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "host/mediator/pvgpu/ring.h"

#define RING_SIZE 4096u
#define HEAP_SIZE 65536u
#define WAKE_LIMIT_MS 10000

static struct {
    _Alignas(4096) struct bg_pvgpu_control control;
    uint8_t pad[BG_PVGPU_CONTROL_SIZE - sizeof(struct bg_pvgpu_control)];
    _Alignas(16) uint8_t ring[RING_SIZE];
    uint8_t heap[HEAP_SIZE];
} shared;

static int doorbell, interrupt;
static unsigned rounds = 100000;
static uint64_t sleeps, naps;

static void fail(const char *what)
{
    printf("not ok 1 - %s\n", what);
    exit(1);
}

static void signal_event(int fd)
{
    const uint64_t one = 1;

    if (write(fd, &one, sizeof(one)) != sizeof(one)) {
        fail("an eventfd takes no signal");
    }
}

static void wait_event(int fd, const char *what)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    uint64_t count;

    if (poll(&polled, 1, WAKE_LIMIT_MS) != 1) {
        fail(what);
    }
    if (read(fd, &count, sizeof(count)) != sizeof(count)) {
        fail("an eventfd gives no signal");
    }
}

/* ---- The guest ---- */

static uint64_t producer;

static void put_bytes(const void *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < size; i += 16) {
        memcpy(shared.ring + ((producer + i) & (RING_SIZE - 1)), (const uint8_t *)bytes + i, 16);
    }
    producer += size;
}

static void wait_room(uint32_t size)
{
    while (producer - __atomic_load_n(&shared.control.consumer_ptr, __ATOMIC_ACQUIRE) + size >
           RING_SIZE) {
        __builtin_ia32_pause();
    }
}

/* A fence of this number, behind a value in the heap that it stands for. */
static void submit(uint64_t number, bool late)
{
    struct {
        struct bg_pvgpu_fence fence;
        uint64_t pad;
    } bytes = {.fence = {.header = {.type = BG_PVGPU_CMD_FENCE, .size = 24}, .value = number}};

    wait_room(sizeof(bytes));
    *(uint64_t *)(void *)(shared.heap + number % 64 * 8) = number;
    put_bytes(&bytes, sizeof(bytes));
    for (volatile unsigned spin = 0; late && spin < number % 512; spin++) {
    }
    __atomic_store_n(&shared.control.producer_ptr, producer, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&shared.control.backend_sleeping, __ATOMIC_RELAXED)) {
        signal_event(doorbell);
    }
}

static uint64_t completed(void)
{
    return __atomic_load_n(&shared.control.host_fence_completed, __ATOMIC_ACQUIRE);
}

/* By interrupt: looks, sleeps, looks again. */
static void wait_fence(uint64_t number)
{
    while (completed() < number) {
        __atomic_store_n(&shared.control.suppress_interrupts, 0, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (completed() < number) {
            naps++;
            wait_event(interrupt, "the guest's wake-up was lost");
        }
        __atomic_store_n(&shared.control.suppress_interrupts, BG_PVGPU_IRQ_FENCE, __ATOMIC_RELAXED);
    }
    /* What the backend wrote before the fence. */
    if (*(uint64_t *)(void *)(shared.heap + 512 + number % 64 * 8) != number) {
        fail("a fence came before what it stands for");
    }
}

static void *guest(void *unused)
{
    (void)unused;
    for (uint64_t number = 1; number <= rounds;) {
        uint64_t batch = number % 7 + 1;

        for (uint64_t i = 0; i < batch && number <= rounds; i++) {
            submit(number, number % 3 == 0);
            number++;
        }
        if (number % 2) {
            wait_fence(number - 1);
        }
        /* The heap's places are used again only behind their fence. */
        while (number > 50 && completed() < number - 50) {
            __builtin_ia32_pause();
        }
    }
    wait_fence(rounds);
    return NULL;
}

/* ---- The backend ---- */

static void run(struct pvgpu_ring *ring, const struct pvgpu_ring_command *command)
{
    const struct bg_pvgpu_fence *fence = (const void *)command->bytes;
    uint64_t number = fence->value;

    if (command->header.type != BG_PVGPU_CMD_FENCE || number != ring->completed + 1) {
        fail("a command is not what was put");
    }
    if (*(uint64_t *)(void *)(shared.heap + number % 64 * 8) != number) {
        fail("a command came before its operand");
    }
    *(uint64_t *)(void *)(shared.heap + 512 + number % 64 * 8) = number;
    pvgpu_ring_advance(ring, command);
    if (pvgpu_ring_complete(ring, number)) {
        signal_event(interrupt);
    }
}

static void *backend(void *unused)
{
    static struct pvgpu_ring_command command;
    struct pvgpu_ring ring;
    const char *reason;

    (void)unused;
    if (!pvgpu_ring_open(&ring, &shared, sizeof(shared), true, &reason)) {
        fail(reason);
    }
    while (ring.completed < rounds) {
        switch (pvgpu_ring_next(&ring, &command)) {
        case PVGPU_RING_COMMAND:
            run(&ring, &command);
            break;
        case PVGPU_RING_EMPTY:
            /* Submissions come at any distance from the moment of falling asleep. */
            for (volatile unsigned spin = 0; spin < sleeps % 512; spin++) {
            }
            if (pvgpu_ring_sleep(&ring)) {
                sleeps++;
                wait_event(doorbell, "the backend's wake-up was lost");
                pvgpu_ring_wake(&ring);
            }
            break;
        default:
            fail("the ring is broken");
        }
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[2];

    shared.control = (struct bg_pvgpu_control){
        .magic = BG_PVGPU_MAGIC,
        .version = BG_PVGPU_VERSION,
        .ring_offset = BG_PVGPU_CONTROL_SIZE,
        .ring_size = RING_SIZE,
        .heap_offset = BG_PVGPU_CONTROL_SIZE + RING_SIZE,
        .heap_size = HEAP_SIZE,
        .suppress_interrupts = BG_PVGPU_IRQ_FENCE,
    };
    if (getenv("BAREGPU_SOAK") != NULL) {
        rounds *= 100;
    }
    doorbell = eventfd(0, 0);
    interrupt = eventfd(0, 0);
    printf("1..1\n");
    pthread_create(&threads[0], NULL, backend, NULL);
    pthread_create(&threads[1], NULL, guest, NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    printf("ok 1 - %u fences, the backend slept %llu times, the guest %llu times\n", rounds,
           (unsigned long long)sleeps, (unsigned long long)naps);
    return 0;
}
