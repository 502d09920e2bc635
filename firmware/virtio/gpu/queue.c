/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands on their way: slots, answers, fences. Virtio 1.4, 5.7.6.5 and 5.7.6.7. */
#include "firmware/virtio/gpu/internal.h"

#include "baregpu/hal.h"
#include "firmware/virtio/virtqueue_internal.h"

#define SEGMENTS_MAX 3u
#define DATA_SEGMENT 1u /* where it has one of its own */

/* ---- Timelines ---- */

static struct bg_virtio_gpu_timeline *find_timeline(struct bg_virtio_gpu *gpu, uint32_t ctx_id,
                                                    uint16_t ring)
{
    for (unsigned i = 0; i < BG_VIRTIO_GPU_TIMELINES_MAX; i++) {
        struct bg_virtio_gpu_timeline *timeline = &gpu->timelines[i];

        if (timeline->in_flight > 0 && timeline->ctx_id == ctx_id && timeline->ring == ring) {
            return timeline;
        }
    }
    return NULL;
}

/* The one with this name, or a free one: where nothing is in flight all fences have passed. */
static struct bg_virtio_gpu_timeline *get_timeline(struct bg_virtio_gpu *gpu, uint32_t ctx_id,
                                                   uint16_t ring)
{
    struct bg_virtio_gpu_timeline *timeline = find_timeline(gpu, ctx_id, ring);

    for (unsigned i = 0; timeline == NULL && i < BG_VIRTIO_GPU_TIMELINES_MAX; i++) {
        if (gpu->timelines[i].in_flight == 0) {
            timeline = &gpu->timelines[i];
            *timeline = (struct bg_virtio_gpu_timeline){.ctx_id = ctx_id, .ring = ring};
        }
    }
    return timeline;
}

struct bg_virtio_gpu_fence bg_virtio_gpu_fence_of(const struct bg_virtio_gpu_op *op)
{
    return (struct bg_virtio_gpu_fence){
        .ctx_id = op->ctx_id,
        .ring = op->flags & BG_VIRTIO_GPU_OP_RING ? op->ring_idx : BG_VIRTIO_GPU_NO_RING,
        .id = op->fence_id,
    };
}

bool bg_virtio_gpu_fence_passed(struct bg_virtio_gpu *gpu, const struct bg_virtio_gpu_fence *fence)
{
    const struct bg_virtio_gpu_timeline *timeline = find_timeline(gpu, fence->ctx_id, fence->ring);

    if (timeline == NULL || timeline->passed >= fence->id) {
        return true;
    }
    for (unsigned i = 0; i < BG_VIRTIO_GPU_SLOTS_MAX; i++) { /* this fence, or one before it */
        const struct bg_virtio_gpu_slot *slot = &gpu->slots[i];

        if (slot->is_used && slot->is_fenced && slot->fence_id <= fence->id &&
            &gpu->timelines[slot->timeline] == timeline) {
            return false;
        }
    }
    return true;
}

/* ---- Slots ---- */

static struct bg_virtqueue *queue_of(struct bg_virtio_gpu *gpu, bool is_cursor)
{
    return is_cursor ? &gpu->cursor : &gpu->control;
}

static uint64_t low_bits(unsigned count)
{
    return count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

static void free_slot(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_slot *slot)
{
    unsigned index = (unsigned)(slot - gpu->slots);

    slot->is_used = false;
    slot->op = NULL;
    if (slot->has_staging) {
        slot->has_staging = false;
        gpu->staging_used = false;
    }
    if (slot->is_fenced) {
        gpu->timelines[slot->timeline].in_flight--;
        slot->is_fenced = false;
    }
    if (slot->is_cursor) {
        gpu->free_cursor_slots |= UINT64_C(1) << (index - BG_VIRTIO_GPU_SLOTS_MAX);
    } else {
        gpu->free_slots |= UINT64_C(1) << index;
    }
}

void gpu_free_slots(struct bg_virtio_gpu *gpu)
{
    for (unsigned i = 0; i < BG_VIRTIO_GPU_SLOTS_MAX + BG_VIRTIO_GPU_CURSOR_SLOTS_MAX; i++) {
        struct bg_virtio_gpu_slot *slot = &gpu->slots[i];

        slot->gpu = gpu;
        slot->is_used = slot->has_staging = slot->is_fenced = false;
        slot->is_cursor = i >= BG_VIRTIO_GPU_SLOTS_MAX;
        slot->op = NULL;
    }
    memset(gpu->timelines, 0, sizeof(gpu->timelines));
    gpu->free_slots = low_bits(gpu->slot_count);
    gpu->free_cursor_slots = low_bits(gpu->cursor_slot_count);
    gpu->staging_used = gpu->control_kick = gpu->cursor_kick = false;
    gpu->abandoned = 0;
}

static struct bg_virtio_gpu_slot *take_slot(struct bg_virtio_gpu *gpu, bool is_cursor)
{
    uint64_t *free = is_cursor ? &gpu->free_cursor_slots : &gpu->free_slots;
    unsigned index = (unsigned)__builtin_ctzll(*free);
    struct bg_virtio_gpu_slot *slot =
        &gpu->slots[index + (is_cursor ? BG_VIRTIO_GPU_SLOTS_MAX : 0)];

    *free &= *free - 1;
    slot->is_used = true;
    return slot;
}

static void end_op(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op, int error)
{
    op->error = error;
    if (op->done != NULL) {
        uint32_t before = owner_begin_callback(&gpu->owner);

        op->done(op);
        owner_end_callback(&gpu->owner, before);
    }
}

void gpu_end_all(struct bg_virtio_gpu *gpu, int error)
{
    for (unsigned i = 0; i < BG_VIRTIO_GPU_SLOTS_MAX + BG_VIRTIO_GPU_CURSOR_SLOTS_MAX; i++) {
        struct bg_virtio_gpu_op *op = gpu->slots[i].op;

        if (gpu->slots[i].is_used && op != NULL) {
            gpu->slots[i].op = NULL;
            gpu->abandoned++;
            end_op(gpu, op, error);
        }
    }
}

/* The device or a queue is beyond use. */
static int fail(struct bg_virtio_gpu *gpu, int error)
{
    gpu->error = error;
    gpu_end_all(gpu, error);
    return error;
}

/* ---- Answers ---- */

/* 5.7.6.7: the flag and the id come back as they were sent. */
static bool fence_is_right(const struct bg_virtio_gpu_slot *slot,
                           const struct bg_virtio_gpu_ctrl_hdr *hdr)
{
    return !slot->is_fenced || ((bg_load_once32(&hdr->flags) & BG_VIRTIO_GPU_FLAG_FENCE) &&
                                bg_load_acquire64(&hdr->fence_id) == slot->fence_id);
}

static int check_answer(const struct bg_virtio_gpu_slot *slot, const uint8_t *response,
                        uint32_t written, uint32_t *type)
{
    int error;

    *type = 0;
    if (slot->is_cursor && written == 0) {
        return 0; /* QEMU gives no answers on this queue */
    }
    if (written < sizeof(struct bg_virtio_gpu_ctrl_hdr)) {
        return BG_ERR_PROTOCOL;
    }
    *type = bg_load_once32(&((const struct bg_virtio_gpu_ctrl_hdr *)(const void *)response)->type);
    error = bg_virtio_gpu_response_error(*type);
    if (error < 0) {
        return error;
    }
    if (*type != slot->expected_type || written < slot->expected_size ||
        !fence_is_right(slot, (const void *)response)) {
        return BG_ERR_PROTOCOL;
    }
    return gpu_take_payload(slot, response, written);
}

static void take_answer(struct bg_virtio_gpu *gpu, const struct bg_virtqueue_used *used)
{
    struct bg_virtio_gpu_slot *slot = used->token;
    struct bg_virtio_gpu_op *op = slot->op;
    const uint8_t *response =
        slot->expected_type == BG_VIRTIO_GPU_RESP_OK_CAPSET ? gpu->staging : slot->response;
    uint32_t type;
    int error;

    if (op == NULL) { /* given up: nobody wants the answer, and its destination may be gone */
        slot->out = NULL;
        slot->out_length = NULL;
    }
    error = check_answer(slot, response, used->written, &type);
    if (error == BG_ERR_PROTOCOL) {
        gpu->protocol_errors++;
    }
    if (slot->is_fenced) {
        struct bg_virtio_gpu_timeline *timeline = &gpu->timelines[slot->timeline];

        if (slot->fence_id > timeline->passed) {
            timeline->passed = slot->fence_id;
        }
    }
    free_slot(gpu, slot);
    if (op != NULL) {
        op->response = type;
        end_op(gpu, op, error);
    } else {
        gpu->abandoned--;
    }
}

static int poll_queue(struct bg_virtio_gpu *gpu, struct bg_virtqueue *queue)
{
    struct bg_virtqueue_used used;
    int count = 0;

    for (;;) {
        int result = bg_virtqueue_poll(queue, &used);

        if (result <= 0) {
            return result < 0 ? fail(gpu, result) : count;
        }
        take_answer(gpu, &used);
        if (++count > (int)queue->size) { /* a `done` that queues anew must not keep us here */
            return count;
        }
    }
}

static int poll(struct bg_virtio_gpu *gpu)
{
    int control, cursor;

    if (gpu->error < 0) {
        return gpu->error;
    }
    control = poll_queue(gpu, &gpu->control);
    if (control < 0) {
        return control;
    }
    cursor = poll_queue(gpu, &gpu->cursor);
    return cursor < 0 ? cursor : control + cursor;
}

int bg_virtio_gpu_poll(struct bg_virtio_gpu *gpu)
{
    return OWNED(gpu, poll(gpu));
}

/* ---- Waiting ---- */

static int kick(struct bg_virtio_gpu *gpu);

struct wait {
    struct bg_virtio_gpu *gpu;
    struct bg_virtqueue *queue;              /* where that will be answered */
    const struct bg_virtio_gpu_op *op;       /* until it has ended */
    const struct bg_virtio_gpu_fence *fence; /* until it has passed */
    const struct gpu_request *request;       /* until there is room for it, and this many: */
    uint64_t completions;                    /* of the queue, before */
};

static bool has_room(struct bg_virtio_gpu *gpu, const struct gpu_request *request,
                     const struct bg_virtio_gpu_op *op);

static bool is_over(const struct wait *wait)
{
    if (wait->request != NULL) {
        return wait->queue->completions != wait->completions &&
               has_room(wait->gpu, wait->request, wait->op);
    }
    if (wait->fence != NULL) {
        return bg_virtio_gpu_fence_passed(wait->gpu, wait->fence);
    }
    return wait->op->error != BG_ERR_BUSY;
}

/* Takes answers, and sends what their `done` has queued. */
static int make_progress(struct bg_virtio_gpu *gpu)
{
    int error = poll(gpu);

    return error < 0 ? error : kick(gpu);
}

static int look(void *context)
{
    const struct wait *wait = context;
    int error = make_progress(wait->gpu);

    return error < 0 ? error : is_over(wait);
}

/* Returns 0 when it is over. */
static int wait_for(struct wait *wait, uint64_t deadline_ns)
{
    struct bg_virtio_gpu *gpu = wait->gpu;
    int result = bg_virtqueue_wait_until(wait->queue, look, wait, deadline_ns);

    if (result < 0 && result != BG_ERR_TIMEOUT && gpu->error == 0) {
        return fail(gpu, result); /* its status says so */
    }
    return result < 0 ? result : 0;
}

static int wait_for_op(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op, uint64_t deadline_ns)
{
    struct wait wait = {
        .gpu = gpu, .queue = queue_of(gpu, op->slot >= BG_VIRTIO_GPU_SLOTS_MAX), .op = op};
    int error = 0;

    if (op->error != BG_ERR_BUSY) {
        return op->error;
    }
    error = kick(gpu);
    if (error >= 0) {
        error = wait_for(&wait, deadline_ns);
    }
    if (error == BG_ERR_TIMEOUT) {
        struct bg_virtio_gpu_slot *slot = &gpu->slots[op->slot];

        slot->op = NULL;
        slot->out = NULL;
        slot->out_length = NULL;
        gpu->abandoned++;
        op->error = error;
    }
    return op->error;
}

int bg_virtio_gpu_wait(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op, uint64_t deadline_ns)
{
    return OWNED(gpu, wait_for_op(gpu, op, deadline_ns));
}

static int wait_for_fence(struct bg_virtio_gpu *gpu, const struct bg_virtio_gpu_fence *fence,
                          uint64_t deadline_ns)
{
    struct wait wait = {.gpu = gpu, .queue = &gpu->control, .fence = fence};
    int error = kick(gpu);

    return error < 0 ? error : wait_for(&wait, deadline_ns);
}

int bg_virtio_gpu_fence_wait(struct bg_virtio_gpu *gpu, const struct bg_virtio_gpu_fence *fence,
                             uint64_t deadline_ns)
{
    return OWNED(gpu, wait_for_fence(gpu, fence, deadline_ns));
}

/* ---- Sending ---- */

static int kick(struct bg_virtio_gpu *gpu)
{
    int control = 0, cursor = 0;

    if (gpu->error < 0) {
        return gpu->error;
    }
    if (gpu->control_kick) {
        gpu->control_kick = false;
        control = bg_virtqueue_kick(&gpu->control);
    }
    if (control >= 0 && gpu->cursor_kick) {
        gpu->cursor_kick = false;
        cursor = bg_virtqueue_kick(&gpu->cursor);
    }
    if (control < 0 || cursor < 0) {
        return fail(gpu, control < 0 ? control : cursor);
    }
    return control + cursor;
}

int bg_virtio_gpu_kick(struct bg_virtio_gpu *gpu)
{
    return OWNED(gpu, kick(gpu));
}

static bool is_copied(const struct bg_virtio_gpu_data *data)
{
    return data->size > 0 && data->bus_address == BG_VIRTIO_GPU_COPY;
}

static uint32_t request_capacity(const struct gpu_request *request)
{
    return request->is_cursor ? GPU_CURSOR_REQUEST_SIZE : GPU_REQUEST_SIZE;
}

static bool needs_staging(const struct gpu_request *request)
{
    return request->staging_response > 0 ||
           (is_copied(&request->data) &&
            request->data.size > request_capacity(request) - request->size);
}

static bool has_room(struct bg_virtio_gpu *gpu, const struct gpu_request *request,
                     const struct bg_virtio_gpu_op *op)
{
    if (request->is_cursor) {
        return gpu->free_cursor_slots != 0;
    }
    if (op->flags & BG_VIRTIO_GPU_OP_FENCE) {
        const struct bg_virtio_gpu_ctrl_hdr *hdr = request->bytes;
        uint16_t ring = op->flags & BG_VIRTIO_GPU_OP_RING ? op->ring_idx : BG_VIRTIO_GPU_NO_RING;

        if (get_timeline(gpu, hdr->ctx_id, ring) == NULL) {
            return false;
        }
    }
    return gpu->free_slots != 0 && !(needs_staging(request) && gpu->staging_used);
}

/* What can be refused before anything is sent. */
static int check_request(const struct bg_virtio_gpu *gpu, const struct bg_virtio_gpu_op *op,
                         const struct gpu_request *request)
{
    if (op->error == BG_ERR_BUSY) {
        return BG_ERR_BUSY;
    }
    if (gpu->error < 0) {
        return gpu->error;
    }
    if (op->flags & BG_VIRTIO_GPU_OP_RING) {
        if (!bg_virtio_gpu_has(gpu, BG_VIRTIO_GPU_F_CONTEXT_INIT)) {
            return BG_ERR_UNSUPPORTED;
        }
        if (op->ring_idx > BG_VIRTIO_GPU_RING_IDX_MAX) {
            return BG_ERR_INVALID;
        }
    }
    if (request->is_cursor && op->flags != 0) {
        return BG_ERR_INVALID;
    }
    if (request->data.size > UINT32_MAX - GPU_REQUEST_SIZE - GPU_RESPONSE_SIZE ||
        request->staging_response > gpu->staging_size ||
        (needs_staging(request) && is_copied(&request->data) &&
         request->data.size > gpu->staging_size)) {
        return BG_ERR_TOO_LARGE;
    }
    return 0;
}

/* Writes flags and fence into the header. */
static void put_fence(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_slot *slot,
                      struct bg_virtio_gpu_op *op, struct bg_virtio_gpu_ctrl_hdr *hdr)
{
    bool has_ring = (op->flags & BG_VIRTIO_GPU_OP_RING) != 0;

    if (has_ring) {
        hdr->flags |= BG_VIRTIO_GPU_FLAG_INFO_RING_IDX;
        hdr->ring_idx = op->ring_idx;
    }
    op->ctx_id = hdr->ctx_id;
    slot->is_fenced = (op->flags & BG_VIRTIO_GPU_OP_FENCE) != 0;
    if (slot->is_fenced) {
        struct bg_virtio_gpu_timeline *timeline =
            get_timeline(gpu, hdr->ctx_id, has_ring ? op->ring_idx : BG_VIRTIO_GPU_NO_RING);

        timeline->in_flight++;
        slot->timeline = (uint16_t)(timeline - gpu->timelines);
        slot->fence_id = op->fence_id = gpu->next_fence_id++;
        hdr->flags |= BG_VIRTIO_GPU_FLAG_FENCE;
        hdr->fence_id = slot->fence_id;
    }
}

/* Lays the request into the slot's memory. Returns how many segments the device reads. */
static unsigned put_request(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_slot *slot,
                            const struct gpu_request *request,
                            struct bg_virtqueue_segment *segments)
{
    const struct bg_virtio_gpu_data *data = &request->data;

    memcpy(slot->request, request->bytes, request->size);
    segments[0] = (struct bg_virtqueue_segment){slot->request_bus, request->size};
    if (data->size == 0) {
        return 1;
    }
    if (!is_copied(data)) {
        segments[DATA_SEGMENT] =
            (struct bg_virtqueue_segment){data->bus_address, (uint32_t)data->size};
        return 2;
    }
    if (!needs_staging(request)) {
        memcpy(slot->request + request->size, data->bytes, data->size);
        segments[0].length += (uint32_t)data->size;
        return 1;
    }
    memcpy(gpu->staging, data->bytes, data->size);
    segments[DATA_SEGMENT] = (struct bg_virtqueue_segment){gpu->staging_bus, (uint32_t)data->size};
    return 2;
}

static struct bg_virtqueue_segment put_response(struct bg_virtio_gpu *gpu,
                                                struct bg_virtio_gpu_slot *slot,
                                                const struct gpu_request *request)
{
    bool is_staging = request->staging_response > 0;

    /* What an earlier command left there is no answer to this one. */
    memset(is_staging ? gpu->staging : slot->response, 0, sizeof(struct bg_virtio_gpu_ctrl_hdr));
    if (is_staging) {
        return (struct bg_virtqueue_segment){gpu->staging_bus, request->staging_response};
    }
    return (struct bg_virtqueue_segment){slot->response_bus, request->expected_size};
}

/* The data, in a segment of its own, may be memory that is shared for the chain. */
static int add_chain(struct bg_virtqueue *queue, const struct gpu_request *request,
                     const struct bg_virtqueue_segment *segments, unsigned readable, void *token)
{
    struct bg_virtqueue_part parts[SEGMENTS_MAX];

    if (request->data.size == 0 || request->data.bus_address != BG_VIRTIO_GPU_SHARE) {
        return bg_virtqueue_add(queue, segments, readable, 1, token);
    }
    for (unsigned i = 0; i <= readable; i++) {
        parts[i] = (struct bg_virtqueue_part){NULL, segments[i].address, segments[i].length};
    }
    parts[DATA_SEGMENT].memory = (void *)(uintptr_t)request->data.bytes; /* only read */
    return bg_virtqueue_add_shared(queue, parts, readable, 1, token);
}

static int queue_request(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                         const struct gpu_request *request)
{
    struct bg_virtio_gpu_slot *slot = take_slot(gpu, request->is_cursor);
    struct bg_virtqueue *queue = queue_of(gpu, request->is_cursor);
    struct bg_virtio_gpu_ctrl_hdr *hdr = request->bytes;
    struct bg_virtqueue_segment segments[SEGMENTS_MAX];
    unsigned readable;
    int error;

    slot->command = hdr->type;
    slot->expected_type = request->expected_type;
    slot->expected_size = request->expected_size;
    slot->out = request->out;
    slot->out_size = request->out_size;
    slot->out_length = request->out_length;
    slot->has_staging = needs_staging(request);
    gpu->staging_used = gpu->staging_used || slot->has_staging;
    put_fence(gpu, slot, op, hdr);
    readable = put_request(gpu, slot, request, segments);
    segments[readable] = put_response(gpu, slot, request);
    error = add_chain(queue, request, segments, readable, slot);
    if (error < 0) {
        free_slot(gpu, slot);
        return error;
    }
    slot->op = op;
    op->slot = (uint16_t)(slot - gpu->slots);
    op->error = BG_ERR_BUSY;
    op->response = 0;
    *(request->is_cursor ? &gpu->cursor_kick : &gpu->control_kick) = true;
    return 0;
}

/* Slots, and descriptors where chains take more than one, become free as answers come. */
static int queue_when_possible(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                               const struct gpu_request *request, uint64_t deadline_ns)
{
    struct wait wait = {
        .gpu = gpu, .queue = queue_of(gpu, request->is_cursor), .op = op, .request = request};
    int error = has_room(gpu, request, op) ? queue_request(gpu, op, request) : BG_ERR_NO_SPACE;

    while (error == BG_ERR_NO_SPACE) {
        wait.completions = wait.queue->completions;
        error = kick(gpu);
        if (error >= 0) {
            error = wait_for(&wait, deadline_ns);
        }
        if (error == 0) {
            error = queue_request(gpu, op, request);
        }
    }
    return error == BG_ERR_PROTOCOL ? fail(gpu, error) : error;
}

static int submit(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
                  const struct gpu_request *request)
{
    uint64_t deadline_ns = bg_hal_time_ns() + gpu->timeout_ns;
    struct bg_virtio_gpu_op own = {0};
    struct bg_virtio_gpu_op *used = op != NULL ? op : &own;
    int error =
        check_request(gpu, used, request) ?: queue_when_possible(gpu, used, request, deadline_ns);

    if (error < 0) {
        return gpu_refuse(used, error);
    }
    return op != NULL ? 0 : wait_for_op(gpu, used, deadline_ns);
}

int gpu_submit(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_op *op,
               const struct gpu_request *request)
{
    return OWNED(gpu, submit(gpu, op, request));
}
