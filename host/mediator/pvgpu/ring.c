/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/pvgpu/ring.h"

#include <string.h>

/* consumer_ptr is stored after so many bytes at the latest (or a quarter of a small ring): a
 * store per command would take the guest's cache line away from it each time. */
#define PUBLISH_BYTES 65536u
#define RING_SIZE_MIN 4096u

#define LOAD(place) __atomic_load_n(&(place), __ATOMIC_RELAXED)
#define LOAD_ACQUIRE(place) __atomic_load_n(&(place), __ATOMIC_ACQUIRE)
#define STORE(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELAXED)
#define STORE_RELEASE(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELEASE)

/* Between a store and a load of another word: release and acquire do not order those. */
static void bg_barrier_full(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static bool layout_is_sound(const struct pvgpu_ring *ring, uint64_t shmem_size,
                            uint32_t ring_offset, uint32_t heap_offset, const char **reason)
{
    uint64_t ring_end = (uint64_t)ring_offset + ring->size;
    uint64_t heap_end = heap_offset + ring->heap_size;

    if (ring->size < RING_SIZE_MIN || (ring->size & (ring->size - 1)) != 0) {
        *reason = "ring_size is not a power of two from 4096 up";
    } else if (ring_offset < BG_PVGPU_CONTROL_SIZE || ring_offset % BG_PVGPU_COMMAND_ALIGN ||
               ring_end > shmem_size) {
        *reason = "the ring is not in the shared memory behind the control region";
    } else if (heap_offset < BG_PVGPU_CONTROL_SIZE || heap_offset % BG_PVGPU_COMMAND_ALIGN ||
               heap_end > shmem_size) {
        *reason = "the heap is not in the shared memory behind the control region";
    } else if (heap_offset < ring_end && ring_offset < heap_end) {
        *reason = "ring and heap overlap";
    } else {
        return true;
    }
    return false;
}

bool pvgpu_ring_open(struct pvgpu_ring *ring, void *memory, uint64_t size, bool direct,
                     const char **reason)
{
    struct bg_pvgpu_control *control = memory;
    uint32_t ring_offset, heap_offset;

    memset(ring, 0, sizeof(*ring));
    if (size < BG_PVGPU_CONTROL_SIZE) {
        *reason = "no room for a control region";
        return false;
    }
    if (LOAD(control->magic) != BG_PVGPU_MAGIC ||
        LOAD(control->version) >> 16 != BG_PVGPU_VERSION >> 16) {
        *reason = "not a control region of version 1";
        return false;
    }
    ring_offset = LOAD(control->ring_offset);
    heap_offset = LOAD(control->heap_offset);
    ring->size = LOAD(control->ring_size);
    ring->heap_size = LOAD(control->heap_size);
    if (!layout_is_sound(ring, size, ring_offset, heap_offset, reason)) {
        return false;
    }
    ring->control = control;
    ring->bytes = (const uint8_t *)memory + ring_offset;
    ring->heap = (uint8_t *)memory + heap_offset;
    ring->direct = direct;
    ring->consumer = ring->published = ring->produced = LOAD(control->consumer_ptr);
    ring->completed = LOAD(control->host_fence_completed);
    ring->error_count = LOAD(control->error_count);
    ring->reset_seen = LOAD(control->reset_request);
    return true;
}

/* Whole 64-bit words, each read once, whatever the guest writes meanwhile. */
static void copy_words(uint64_t *to, const uint8_t *from, uint32_t size)
{
    const uint64_t *words = (const uint64_t *)(const void *)from;

    for (uint32_t i = 0; i < size / sizeof(uint64_t); i++) {
        to[i] = LOAD(words[i]);
    }
}

/* [offset, offset + size) of the command at the ring's `consumer`; both multiples of 16. */
static void copy_out(const struct pvgpu_ring *ring, uint8_t *to, uint32_t offset, uint32_t size)
{
    uint32_t place = (uint32_t)((ring->consumer + offset) & (ring->size - 1));
    uint32_t first = ring->size - place < size ? ring->size - place : size;

    copy_words((uint64_t *)(void *)to, ring->bytes + place, first);
    copy_words((uint64_t *)(void *)(to + first), ring->bytes, size - first);
}

bool pvgpu_ring_is_zeroed(const struct pvgpu_ring *ring)
{
    const struct bg_pvgpu_control *control = ring->control;

    /* Where nothing was published before, a producer that moved is all there is to go by. */
    return LOAD(control->consumer_ptr) == 0 && LOAD(control->host_fence_completed) == 0 &&
           (ring->published != 0 || ring->completed != 0 ||
            LOAD(control->producer_ptr) != ring->produced);
}

/* A device with no reset_request zeroes these, and says nothing. The guest may have gone on. */
static bool was_reset_silently(const struct pvgpu_ring *ring)
{
    const struct bg_pvgpu_control *control = ring->control;

    return !ring->direct && ring->published != 0 && LOAD(control->consumer_ptr) == 0 &&
           LOAD(control->host_fence_completed) == 0 && LOAD(control->producer_ptr) < ring->consumer;
}

bool pvgpu_ring_was_reset(const struct pvgpu_ring *ring)
{
    return (ring->direct && LOAD_ACQUIRE(ring->control->reset_request) != ring->reset_seen) ||
           was_reset_silently(ring);
}

enum pvgpu_ring_result pvgpu_ring_next(struct pvgpu_ring *ring, struct pvgpu_ring_command *command)
{
    uint64_t available;

    if (ring->produced == ring->consumer) {
        ring->produced = LOAD_ACQUIRE(ring->control->producer_ptr);
        if (pvgpu_ring_was_reset(ring)) {
            ring->produced = ring->consumer;
            return PVGPU_RING_RESET;
        }
        if (ring->produced == ring->consumer) {
            return PVGPU_RING_EMPTY;
        }
    }
    command->position = ring->consumer;
    /* Modulo 2^64: a producer behind the consumer is very far before it. */
    available = ring->produced - ring->consumer;
    if (available > ring->size || available % BG_PVGPU_COMMAND_ALIGN ||
        ring->consumer % BG_PVGPU_COMMAND_ALIGN) {
        return PVGPU_RING_BROKEN;
    }
    copy_out(ring, command->bytes, 0, sizeof(struct bg_pvgpu_command));
    uint64_t space = ((uint64_t)command->header.size + BG_PVGPU_COMMAND_ALIGN - 1) &
                     ~(uint64_t)(BG_PVGPU_COMMAND_ALIGN - 1);
    if (command->header.size < sizeof(struct bg_pvgpu_command) || space > available) {
        return PVGPU_RING_BROKEN;
    }
    command->space = (uint32_t)space;
    if (space > BG_PVGPU_COMMAND_SIZE_MAX) {
        return PVGPU_RING_TOO_LARGE;
    }
    /* The header is not read again: it could be another one by now. */
    copy_out(ring, command->bytes + sizeof(struct bg_pvgpu_command),
             sizeof(struct bg_pvgpu_command),
             command->space - (uint32_t)sizeof(struct bg_pvgpu_command));
    return PVGPU_RING_COMMAND;
}

void pvgpu_ring_advance(struct pvgpu_ring *ring, const struct pvgpu_ring_command *command)
{
    uint64_t step = ring->size / 4 < PUBLISH_BYTES ? ring->size / 4 : PUBLISH_BYTES;

    ring->consumer += command->space;
    if (ring->consumer - ring->published >= step) {
        pvgpu_ring_publish(ring);
    }
}

void pvgpu_ring_publish(struct pvgpu_ring *ring)
{
    if (ring->published != ring->consumer && !pvgpu_ring_was_reset(ring)) {
        ring->published = ring->consumer;
        STORE_RELEASE(ring->control->consumer_ptr, ring->published);
    }
}

bool pvgpu_ring_has_work(const struct pvgpu_ring *ring)
{
    return LOAD(ring->control->producer_ptr) != ring->consumer || pvgpu_ring_was_reset(ring);
}

bool pvgpu_ring_sleep(struct pvgpu_ring *ring)
{
    pvgpu_ring_publish(ring);
    STORE(ring->control->backend_sleeping, 1);
    bg_barrier_full(); /* the guest: producer_ptr, barrier, backend_sleeping */
    if (!pvgpu_ring_has_work(ring)) {
        return true;
    }
    pvgpu_ring_wake(ring);
    return false;
}

void pvgpu_ring_wake(struct pvgpu_ring *ring)
{
    STORE(ring->control->backend_sleeping, 0);
}

bool pvgpu_ring_wants_interrupt(const struct pvgpu_ring *ring, uint32_t bit)
{
    bg_barrier_full(); /* the guest: suppress_interrupts, barrier, what it waits for */
    return !(LOAD(ring->control->suppress_interrupts) & bit);
}

bool pvgpu_ring_complete(struct pvgpu_ring *ring, uint64_t fence)
{
    if (fence <= ring->completed || pvgpu_ring_was_reset(ring)) {
        return false;
    }
    pvgpu_ring_publish(ring);
    ring->completed = fence;
    STORE_RELEASE(ring->control->host_fence_completed, fence);
    return pvgpu_ring_wants_interrupt(ring, BG_PVGPU_IRQ_FENCE);
}

void pvgpu_ring_explain(struct pvgpu_ring *ring, const char *text)
{
    char *to = ring->control->error_text;
    bool over = pvgpu_ring_was_reset(ring);

    for (uint32_t i = 0; i < BG_PVGPU_ERROR_TEXT_SIZE && !over; i++) {
        over = text[i] == '\0' || i == BG_PVGPU_ERROR_TEXT_SIZE - 1;
        STORE(to[i], over ? '\0' : text[i]);
    }
}

bool pvgpu_ring_report(struct pvgpu_ring *ring, uint64_t position, enum bg_pvgpu_error code,
                       uint32_t detail)
{
    struct bg_pvgpu_control *control = ring->control;
    struct bg_pvgpu_error_record *record =
        &control->error_log[ring->error_count % BG_PVGPU_ERROR_LOG_SIZE];

    if (pvgpu_ring_was_reset(ring)) {
        return false;
    }
    STORE(record->position, position);
    STORE(record->code, code);
    STORE(record->detail, detail);
    STORE(control->error_data, (uint32_t)(position & (ring->size - 1)));
    STORE(control->error_code, code);
    pvgpu_ring_set_status(ring, BG_PVGPU_CONTROL_ERROR);
    ring->error_count++;
    STORE_RELEASE(control->error_count, ring->error_count);
    return pvgpu_ring_wants_interrupt(ring, BG_PVGPU_IRQ_ERROR);
}

void pvgpu_ring_count_present(struct pvgpu_ring *ring, bool dropped, uint64_t copied)
{
    uint32_t *word = dropped ? &ring->control->scanout_dropped : &ring->control->scanout_count;

    STORE(*word, LOAD(*word) + 1);
    STORE(ring->control->scanout_copied, LOAD(ring->control->scanout_copied) + copied);
}

void pvgpu_ring_set_status(struct pvgpu_ring *ring, uint32_t bits)
{
    __atomic_or_fetch(&ring->control->status, bits, __ATOMIC_RELEASE);
}

void pvgpu_ring_clear_status(struct pvgpu_ring *ring, uint32_t bits)
{
    __atomic_and_fetch(&ring->control->status, ~bits, __ATOMIC_RELEASE);
}

uint32_t pvgpu_ring_get_status(const struct pvgpu_ring *ring)
{
    return LOAD_ACQUIRE(ring->control->status);
}

void pvgpu_ring_reset(struct pvgpu_ring *ring, uint32_t request)
{
    struct bg_pvgpu_control *control = ring->control;

    ring->consumer = ring->published = ring->produced = 0;
    ring->completed = 0;
    ring->error_count = 0;
    ring->reset_seen = request;
    STORE(control->consumer_ptr, 0);
    STORE(control->host_fence_completed, 0);
    STORE(control->error_code, 0);
    STORE(control->error_data, 0);
    STORE(control->error_count, 0);
    STORE(control->scanout_count, 0);
    STORE(control->scanout_dropped, 0);
    STORE(control->scanout_copied, 0);
    STORE(control->status, BG_PVGPU_CONTROL_READY);
    if (ring->direct) {
        STORE_RELEASE(control->reset_done, request);
    }
}
