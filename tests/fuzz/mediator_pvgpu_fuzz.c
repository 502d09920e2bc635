/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/pvgpu/ring.c $(PVGPU_SRC)
// libs: -ldl
/*
 * Any bytes as pvgpu's shared memory, consumed as a worker does, while another thread changes it.
 *
 * An input: one byte of flags, one of where the ring starts, then commands: a byte that chooses the
 * type (or, 0xFF, leaves all to the bytes), one with the number of payload words, and per word a
 * byte that stands for a value (small numbers, edges of heap and ring) or, 0xFF, four bytes. Held:
 * no access outside what belongs to the session (ASan), at most the memory limit is used, all of it
 * is given back, no fence goes backwards.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/input.h"
#include "host/mediator/pvgpu/commands.h"
#include "host/mediator/pvgpu/ring.h"
#include "tests/unit/mediator/test_gpu.h"

#define RING_SIZE 8192u
#define HEAP_SIZE 16384u
#define SHMEM_SIZE (BG_PVGPU_CONTROL_SIZE + RING_SIZE + HEAP_SIZE)
#define MEMORY_LIMIT (UINT64_C(1) << 20)
#define COMMANDS_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *memory;
static gpu_address memory_address;
static struct bg_pvgpu_control *control;
static uint32_t produced;

/* ---- The guest's other processor ---- */

static bool disturb; /* atomic */

static void *disturber(void *unused)
{
    uint32_t random = 1;

    (void)unused;
    for (;;) {
        random = random * 1664525u + 1013904223u;
        if (!__atomic_load_n(&disturb, __ATOMIC_ACQUIRE)) {
            usleep(100);
            continue;
        }
        /* Mostly the ring, where a check could be overtaken; sometimes anything at all. */
        uint32_t place = random >> 28 ? BG_PVGPU_CONTROL_SIZE + (random >> 8) % RING_SIZE
                                      : (random >> 8) % SHMEM_SIZE;
        __atomic_store_n(memory + place, (uint8_t)(random >> 3), __ATOMIC_RELAXED);
    }
    return NULL;
}

/* ---- Inputs ---- */

struct input {
    const uint8_t *bytes;
    size_t left;
};

static uint8_t take(struct input *input)
{
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->bytes++;
}

static uint32_t take_word(struct input *input)
{
    static const uint32_t values[] = {
        HEAP_SIZE, HEAP_SIZE - 1,  HEAP_SIZE - 64, RING_SIZE, UINT32_MAX, 0x80000000, 4096,
        16384,     UINT32_MAX - 7, 1u << 20,       87,        28,         45,         40,
        1000,      0x3F800000};
    uint8_t choice = take(input);
    uint32_t word = 0;

    if (choice == 0xFF) {
        for (int i = 0; i < 4; i++) {
            word = word << 8 | take(input);
        }
        return word;
    }
    return choice < 200 ? choice : values[choice % 16];
}

static void put_word(uint32_t word)
{
    uint32_t place = (uint32_t)(control->producer_ptr + produced) & (RING_SIZE - 1);

    memcpy(memory + BG_PVGPU_CONTROL_SIZE + place, &word, sizeof(word));
    produced += 4;
}

static bool put_command(struct input *input)
{
    static const uint32_t types[] = {0x0001, 0x0001, 0x0001, 0x0002, 0x0003, 0x0004, 0x0005,
                                     0x0006, 0x0007, 0x0020, 0x0021, 0x0022, 0x0023, 0x0101,
                                     0x0102, 0x0103, 0x0206, 0x0207, 0x0301, 0x0302, 0x0303,
                                     0x0304, 0x0305, 0x1000, 0x1001, 0x1002, 0x1003, 0x1004,
                                     0x1005, 0x1006, 0x1010, 0x1011, 0x2001, 0x2002, 0x2003};
    uint8_t choice = take(input);
    uint32_t words = take(input) % 100;
    uint32_t size = 16 + words * 4;

    if (input->left == 0 || produced + size + 16 > RING_SIZE) {
        return false;
    }
    if (choice == 0xFF) {
        for (uint32_t i = 0; i < 4 + words; i++) {
            put_word(take_word(input));
        }
    } else {
        put_word(types[choice % (sizeof(types) / sizeof(types[0]))]);
        put_word(size);
        for (uint32_t i = 0; i < 2 + words; i++) {
            put_word(take_word(input));
        }
    }
    while (produced % 16) {
        put_word(0);
    }
    return true;
}

/* ---- The worker ---- */

static void show_nothing(void *owner, const struct bg_pvgpu_scanout *scanout)
{
    struct bg_pvgpu_display *display = owner;

    CHECK(scanout->width <= BG_PVGPU_SCANOUT_SIDE_MAX);
    CHECK((uint64_t)scanout->stride * scanout->height <= display->slot_size || !scanout->width);
    CHECK((uint64_t)scanout->damage_x + scanout->damage_width <= scanout->width);
    CHECK((uint64_t)scanout->damage_y + scanout->damage_height <= scanout->height);
    pvgpu_display_take_back(display, scanout->buffer, scanout->slot);
}

static void take_buffer(void *owner, const struct bg_pvgpu_scanout_buffer *buffer, int fd)
{
    (void)owner;
    CHECK(buffer->size == buffer->slots * buffer->slot_size);
    close(fd);
}

static void consume(struct pvgpu_ring *ring, struct pvgpu_context *context,
                    struct bg_pvgpu_display *display)
{
    static struct pvgpu_ring_command command;

    for (int i = 0; i < COMMANDS_MAX; i++) {
        struct pvgpu_outcome outcome = {0};

        switch (pvgpu_ring_next(ring, &command)) {
        case PVGPU_RING_COMMAND:
            break;
        case PVGPU_RING_TOO_LARGE:
            pvgpu_ring_advance(ring, &command);
            continue;
        default:
            return;
        }
        switch (pvgpu_command_classify(context, command.bytes)) {
        case PVGPU_KIND_STATE:
        case PVGPU_KIND_WORK:
        case PVGPU_KIND_PRESENT:
            outcome = pvgpu_command_run(context, display, control, command.bytes, 1);
            CHECK(context->session->memory_used <= MEMORY_LIMIT);
            break;
        case PVGPU_KIND_FENCE: {
            uint64_t before = ring->completed;

            pvgpu_ring_complete(ring, ((struct bg_pvgpu_fence *)(void *)command.bytes)->value);
            CHECK(ring->completed >= before);
            break;
        }
        default:
            break;
        }
        if (outcome.code != BG_PVGPU_OK) {
            pvgpu_ring_report(ring, command.position, outcome.code, outcome.detail);
        }
        pvgpu_ring_advance(ring, &command);
    }
}

static bool is_read(void *owner)
{
    const struct bg_pvgpu_display *display = owner;

    return display->buffer % 4 != 0;
}

static void run_session(bool disturbed)
{
    static const struct pvgpu_display_ops ops = {
        .send_buffer = take_buffer, .show = show_nothing, .is_read = is_read};
    static struct pvgpu_context context;
    struct bg_pvgpu_display display;
    struct pvgpu_ring ring;
    const char *reason;

    CHECK(pvgpu_ring_open(&ring, memory, SHMEM_SIZE, true, &reason));
    memset(&context, 0, sizeof(context));
    context.renderer = &pvgpu_memory_renderer;
    context.session = session_create(test_gpu(), MEMORY_LIMIT);
    context.heap = (struct operation_heap){ring.heap, ring.heap_size,
                                           memory_address + (uint64_t)(ring.heap - memory)};
    pvgpu_display_init(&display, &ops, &display);
    control->producer_ptr += produced;
    __atomic_store_n(&disturb, disturbed, __ATOMIC_RELEASE);
    consume(&ring, &context, &display);
    __atomic_store_n(&disturb, false, __ATOMIC_RELEASE);
    pvgpu_context_reset(&context);
    pvgpu_display_reset(&display);
    CHECK(context.session->memory_used == (display.now.memory ? display.now.size : 0) +
                                              (display.before.memory ? display.before.size : 0));
    pvgpu_display_close(&display, &context);
    session_destroy(context.session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    uint8_t flags = take(&input);
    uint32_t start = take(&input) * 64u % RING_SIZE;

    if (memory == NULL) {
        pthread_t thread;

        memory = aligned_alloc(4096, SHMEM_SIZE);
        CHECK(memory && pthread_create(&thread, NULL, disturber, NULL) == 0);
        CHECK(gpu_share(test_gpu(), memory, SHMEM_SIZE, &memory_address) == BG_COMPUTE_OK);
        pthread_detach(thread);
    }
    control = (void *)memory;
    memset(memory, 0, SHMEM_SIZE);
    *control = (struct bg_pvgpu_control){.magic = BG_PVGPU_MAGIC,
                                         .version = BG_PVGPU_VERSION,
                                         .ring_offset = BG_PVGPU_CONTROL_SIZE,
                                         .ring_size = RING_SIZE,
                                         .heap_offset = BG_PVGPU_CONTROL_SIZE + RING_SIZE,
                                         .heap_size = HEAP_SIZE,
                                         .display_width = 16,
                                         .display_height = 16,
                                         .display_format = 87};
    control->producer_ptr = control->consumer_ptr = start;
    produced = 0;
    while (put_command(&input)) {
    }
    run_session(flags & 1);
    return 0;
}
