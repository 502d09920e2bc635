/* SPDX-License-Identifier: BSD-2-Clause */
/* The ring: room, submission, fences. */
#include "firmware/vgpu/pvgpu_internal.h"

#include "baregpu/mmio.h"

/* A look at a word in memory costs far less than one at the clock: so many for one of those. */
#define LOOKS 64u

/* ---- A session's start ---- */

static void suppress(struct bg_pvgpu *gpu, uint32_t bits)
{
    if (bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_CONTROL_WORDS)) {
        bg_store_release32(&gpu->control->suppress_interrupts, bits);
    }
}

int pvgpu_ring_start(struct bg_pvgpu *gpu)
{
    uint64_t position = bg_load_acquire64(&gpu->control->consumer_ptr);
    uint64_t completed = bg_load_acquire64(&gpu->control->host_fence_completed);

    /* Both are 0 after a reset, but nothing here depends on it. */
    if (position % BG_PVGPU_COMMAND_ALIGN != 0 || completed > UINT64_MAX / 2) {
        return BG_ERR_PROTOCOL;
    }
    gpu->written = gpu->published = gpu->consumed = gpu->cursor = gpu->rung = position;
    gpu->quick_end = position;
    bg_store_release64(&gpu->control->producer_ptr, position);
    gpu->fence_seen = completed;
    gpu->fence_last = completed > gpu->fence_last ? completed : gpu->fence_last;
    gpu->fence_first = gpu->fence_last + 1;
    gpu->error_seen = bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_CONTROL_WORDS)
                          ? bg_load_acquire32(&gpu->control->error_count)
                          : 0;
    suppress(gpu, gpu->suppressed);
    return 0;
}

/* ---- Submission ---- */

/*
 * Does the backend sleep, with nobody having woken it? One that was woken may not have come to
 * running yet: while it has not consumed what it was woken for, it looks at producer_ptr once more
 * before it sleeps again, since it stores consumer_ptr before that look. producer_ptr was stored
 * before, with a full barrier between.
 */
static bool must_ring(const struct bg_pvgpu *gpu)
{
    if (!bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_CONTROL_WORDS)) {
        return true;
    }
    if (bg_load_once32(&gpu->control->backend_sleeping) == 0) {
        return false;
    }
    uint64_t pending = gpu->rung - bg_load_acquire64(&gpu->control->consumer_ptr);

    return pending == 0 || pending > gpu->ring_size;
}

static void publish(struct bg_pvgpu *gpu)
{
    bg_store_publish64(&gpu->control->producer_ptr, gpu->written);
    gpu->published = gpu->written;
    bg_barrier_full(); /* producer_ptr before backend_sleeping: protocol/pvgpu.h, Doorbell */
    if (must_ring(gpu)) {
        gpu->rung = gpu->published;
        gpu->doorbells++;
        bg_mmio_notify32(gpu->registers, BG_PVGPU_REG_DOORBELL, 1);
    }
}

int pvgpu_submit(struct bg_pvgpu *gpu)
{
    int error = bg_pvgpu_check(gpu);

    if (error < 0 || gpu->written == gpu->published) {
        return error;
    }
    publish(gpu);
    return 0;
}

int bg_pvgpu_submit(struct bg_pvgpu *gpu)
{
    return OWNED(gpu, pvgpu_submit(gpu));
}

/* Reads consumer_ptr: it neither goes back nor beyond what was published. */
static int look_at_room(struct bg_pvgpu *gpu)
{
    uint64_t consumed = bg_load_acquire64(&gpu->control->consumer_ptr);

    if (consumed - gpu->consumed > gpu->published - gpu->consumed) {
        return pvgpu_lose(gpu, BG_ERR_PROTOCOL, BG_PVGPU_ERROR_UNKNOWN);
    }
    gpu->consumed = consumed;
    return 0;
}

static bool has_room(const struct bg_pvgpu *gpu, uint32_t size)
{
    return gpu->ring_size - (gpu->written - gpu->consumed) >= size;
}

/* ---- The quick way ---- */

bool bg_pvgpu_quick_look(struct bg_pvgpu *gpu, uint32_t size)
{
    uint64_t room, to_end;

    if (gpu->loss != 0 || !bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_CONTROL_WORDS) ||
        look_at_room(gpu) < 0) {
        return false;
    }
    room = gpu->ring_size - (gpu->written - gpu->consumed);
    to_end = gpu->ring_size - (gpu->written & gpu->ring_mask);
    gpu->quick_end = gpu->written + (room < to_end ? room : to_end);
    return gpu->quick_end - gpu->written >= size;
}

/* ---- Waiting for room ---- */

struct room_wait {
    struct bg_pvgpu *gpu;
    uint32_t size;
};

static int check_for_room(void *context)
{
    const struct room_wait *wait = context;

    return bg_pvgpu_check(wait->gpu);
}

/* Nothing announces room, but who has a full ring to consume does not come to its end meanwhile. */
static void nap(const struct bg_pvgpu *gpu)
{
    if (gpu->wait.sleep != NULL && gpu->fence_source != NULL &&
        bg_interrupt_source_is_on(gpu->fence_source)) {
        gpu->wait.sleep(gpu->wait.event, bg_hal_time_ns() + BG_WAIT_NAP_FIRST_NS);
    }
}

static int look_for_room(void *context)
{
    const struct room_wait *wait = context;
    int error = 0;

    for (unsigned i = 0; error == 0 && i < LOOKS; i++) {
        error = look_at_room(wait->gpu);
        if (error == 0 && has_room(wait->gpu, wait->size)) {
            return 1;
        }
    }
    if (error == 0) {
        nap(wait->gpu);
    }
    return error;
}

static int wait_room(struct bg_pvgpu *gpu, uint32_t size)
{
    static const struct bg_wait_strategy polling;
    struct room_wait wait = {.gpu = gpu, .size = size};
    const struct bg_wait_loop loop = {
        .look = look_for_room, .check = check_for_room, .context = &wait};
    uint64_t deadline_ns = bg_hal_time_ns() + gpu->room_timeout_ns;
    int error = pvgpu_submit(gpu) ?: bg_wait_until(&loop, &polling, NULL, deadline_ns);

    return error < 0 ? error : 0;
}

int pvgpu_make_room(struct bg_pvgpu *gpu, uint32_t size)
{
    int error = gpu->loss;

    if (error == 0 && !has_room(gpu, size)) {
        error = look_at_room(gpu);
    }
    return error == 0 && !has_room(gpu, size) ? wait_room(gpu, size) : error;
}

/* ---- Commands, written where the backend reads them: 16 bytes at a time, which never wrap ---- */

static uint32_t round_up(uint32_t size)
{
    return (size + BG_PVGPU_COMMAND_ALIGN - 1) / BG_PVGPU_COMMAND_ALIGN * BG_PVGPU_COMMAND_ALIGN;
}

static void put(struct bg_pvgpu *gpu, const uint32_t words[4])
{
    uint8_t *place = gpu->ring + (gpu->cursor & gpu->ring_mask);

    __builtin_memcpy(__builtin_assume_aligned(place, 16), words, 16);
    gpu->cursor += 16;
}

/* Room for a command of `size` bytes, a multiple of 16, and its header. */
static int begin(struct bg_pvgpu *gpu, uint32_t type, uint32_t resource_id, uint32_t flags,
                 uint32_t size)
{
    int error = gpu->loss == 0 && has_room(gpu, size) ? 0 : pvgpu_make_room(gpu, size);

    if (error == 0) {
        gpu->cursor = gpu->written;
        put(gpu, (const uint32_t[]){type, size, resource_id, flags});
    }
    return error;
}

int pvgpu_put(struct bg_pvgpu *gpu, uint32_t type, uint32_t resource_id, const uint32_t *before,
              uint32_t before_count, const void *words, uint32_t count)
{
    const uint8_t *from = words;
    uint32_t quad[4] = {0}, end = before_count + count;
    int error = begin(gpu, type, resource_id, 0,
                      sizeof(struct bg_pvgpu_command) + round_up(end * sizeof(uint32_t)));

    if (error < 0) {
        return error;
    }
    for (uint32_t i = 0; i < end; i++) {
        if (i < before_count) {
            quad[i % 4] = before[i];
        } else {
            __builtin_memcpy(&quad[i % 4], from, sizeof(quad[0]));
            from += sizeof(quad[0]);
        }
        if (i % 4 == 3 || i + 1 == end) {
            put(gpu, quad);
            quad[0] = quad[1] = quad[2] = quad[3] = 0;
        }
    }
    gpu->written = gpu->cursor;
    return 0;
}

int pvgpu_command(struct bg_pvgpu *gpu, uint32_t type, uint32_t resource_id, const uint32_t *before,
                  uint32_t before_count, const void *words, uint32_t count)
{
    return OWNED(gpu, pvgpu_put(gpu, type, resource_id, before, before_count, words, count));
}

static int create(struct bg_pvgpu *gpu, uint32_t type, uint32_t *last, const uint32_t *before,
                  uint32_t before_count, const void *words, uint32_t count, uint32_t *id)
{
    int error = *last < UINT32_MAX
                    ? pvgpu_put(gpu, type, *last + 1, before, before_count, words, count)
                    : BG_ERR_NO_SPACE;

    if (error == 0) {
        *id = ++*last;
    }
    return error;
}

int pvgpu_create(struct bg_pvgpu *gpu, uint32_t type, uint32_t *last, const uint32_t *before,
                 uint32_t before_count, const void *words, uint32_t count, uint32_t *id)
{
    return OWNED(gpu, create(gpu, type, last, before, before_count, words, count, id));
}

/* ---- Commands of the caller's own: the device is taken from begin to end ---- */

int bg_pvgpu_command_begin(struct bg_pvgpu *gpu, uint32_t type, uint32_t resource_id,
                           uint32_t flags, uint32_t payload_size, struct bg_pvgpu_space *space)
{
    if (payload_size > BG_PVGPU_COMMAND_SIZE_MAX - sizeof(struct bg_pvgpu_command)) {
        return BG_ERR_TOO_LARGE;
    }
    uint32_t payload = round_up(payload_size);
    int error = owner_enter(&gpu->owner);

    if (error < 0) {
        return error;
    }
    error = begin(gpu, type, resource_id, flags, sizeof(struct bg_pvgpu_command) + payload);
    if (error < 0) {
        return owner_leave(&gpu->owner, error);
    }
    uint32_t at = (uint32_t)gpu->cursor & gpu->ring_mask;
    uint32_t to_end = gpu->ring_size - at;

    *space = (struct bg_pvgpu_space){
        .words = {(uint32_t *)(void *)(gpu->ring + at), (uint32_t *)(void *)gpu->ring},
        .size = {payload < to_end ? payload : to_end, payload < to_end ? 0 : payload - to_end},
    };
    gpu->cursor += payload;
    return 0;
}

void bg_pvgpu_command_end(struct bg_pvgpu *gpu)
{
    gpu->written = gpu->cursor;
    owner_leave(&gpu->owner, 0);
}

/* ---- Waiting for what the fence interrupt announces ---- */

struct announced_wait {
    struct bg_pvgpu *gpu;
    const struct bg_wait_loop *loop; /* the caller's */
};

static int look_for_announced(void *context)
{
    const struct announced_wait *wait = context;

    return wait->loop->look(wait->loop->context);
}

static int check_backend(void *context)
{
    const struct announced_wait *wait = context;

    return bg_pvgpu_check(wait->gpu);
}

static bool ask_for_interrupt(void *context)
{
    const struct announced_wait *wait = context;

    suppress(wait->gpu, wait->gpu->suppressed & ~BG_PVGPU_IRQ_FENCE);
    bg_barrier_full(); /* the wish before the fence: protocol/pvgpu.h, Interrupts */
    return look_for_announced(context) != 0;
}

static void ask_for_none(void *context)
{
    const struct announced_wait *wait = context;

    suppress(wait->gpu, wait->gpu->suppressed);
}

int bg_pvgpu_wait(struct bg_pvgpu *gpu, const struct bg_wait_loop *loop, uint64_t deadline_ns)
{
    struct announced_wait wait = {.gpu = gpu, .loop = loop};
    const struct bg_wait_loop own = {
        .look = look_for_announced,
        .check = check_backend,
        .arm = ask_for_interrupt,
        .disarm = ask_for_none,
        .context = &wait,
    };

    return bg_wait_until(&own, &gpu->wait, gpu->fence_source, deadline_ns);
}

/* ---- Fences ---- */

static bool has_passed(const struct bg_pvgpu *gpu, uint64_t fence)
{
    return fence >= gpu->fence_first && fence <= gpu->fence_seen;
}

bool bg_pvgpu_fence_has_passed(struct bg_pvgpu *gpu, uint64_t fence)
{
    if (gpu->loss == 0) {
        pvgpu_look_at_fences(gpu);
    }
    return has_passed(gpu, fence);
}

int pvgpu_fence(struct bg_pvgpu *gpu, uint64_t *fence)
{
    uint64_t next = gpu->fence_last + 1;
    const uint32_t words[] = {PVGPU_LOW(next), PVGPU_HIGH(next)};
    int error = pvgpu_put(gpu, BG_PVGPU_CMD_FENCE, 0, words, 2, NULL, 0);

    if (error < 0) {
        return error;
    }
    *fence = gpu->fence_last = next;
    if (!bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_CONTROL_WORDS)) {
        bg_store_release64(&gpu->control->guest_fence_request,
                           *fence); /* older backends may look */
    }
    return 0;
}

int bg_pvgpu_fence(struct bg_pvgpu *gpu, uint64_t *fence)
{
    return OWNED(gpu, pvgpu_fence(gpu, fence));
}

int bg_pvgpu_backend_wait(struct bg_pvgpu *gpu, uint64_t fence)
{
    return PVGPU_COMMAND(gpu, BG_PVGPU_CMD_WAIT_FENCE, 0, PVGPU_LOW(fence), PVGPU_HIGH(fence));
}

int bg_pvgpu_flush(struct bg_pvgpu *gpu)
{
    return pvgpu_command(gpu, BG_PVGPU_CMD_FLUSH, 0, NULL, 0, NULL, 0);
}

struct fence_wait {
    struct bg_pvgpu *gpu;
    uint64_t fence;
};

static int look_for_fence(void *context)
{
    const struct fence_wait *wait = context;
    int error = 0;

    for (unsigned i = 0; error == 0 && i < LOOKS; i++) {
        error = pvgpu_look_at_fences(wait->gpu);
        if (has_passed(wait->gpu, wait->fence)) {
            return 1;
        }
    }
    return error;
}

int pvgpu_wait_passed(struct bg_pvgpu *gpu, uint64_t fence, uint64_t deadline_ns)
{
    struct fence_wait wait = {.gpu = gpu, .fence = fence};
    const struct bg_wait_loop loop = {.look = look_for_fence, .context = &wait};
    int error = pvgpu_submit(gpu) ?: bg_pvgpu_wait(gpu, &loop, deadline_ns);

    return has_passed(gpu, fence) ? 0 : error;
}

static int wait_for_fence(struct bg_pvgpu *gpu, uint64_t fence, uint64_t deadline_ns)
{
    if (fence == 0 || fence > gpu->fence_last) {
        return BG_ERR_INVALID;
    }
    if (fence < gpu->fence_first) {
        return BG_ERR_UNAVAILABLE;
    }
    if (!has_passed(gpu, fence)) {
        int error = pvgpu_wait_passed(gpu, fence, deadline_ns);

        if (error < 0) {
            return error;
        }
    }
    return pvgpu_take_failure(gpu, &gpu->failure) == 0 ? 0 : BG_ERR_IO;
}

int bg_pvgpu_fence_wait(struct bg_pvgpu *gpu, uint64_t fence, uint64_t deadline_ns)
{
    return OWNED(gpu, wait_for_fence(gpu, fence, deadline_ns));
}

static int finish(struct bg_pvgpu *gpu, uint64_t deadline_ns)
{
    uint64_t fence;

    return pvgpu_fence(gpu, &fence) ?: wait_for_fence(gpu, fence, deadline_ns);
}

int bg_pvgpu_finish(struct bg_pvgpu *gpu, uint64_t deadline_ns)
{
    return OWNED(gpu, finish(gpu, deadline_ns));
}
