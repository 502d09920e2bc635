/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-sst: queues, operations and events. protocol/sst.h, part 1. */
#include "baregpu/virtio_sst.h"

#include "baregpu/barrier.h"
#include "firmware/common/mem.h"
#include "firmware/virtio/virtqueue_internal.h"

#define DEPTH_MAX 128u
#define EVENTS_MAX 128u
#define MEMORY_ALIGN 4096u
/* An operation's request and response, each on cache lines of its own. */
#define REQUEST_SPACE 4160u
#define OP_SPACE (REQUEST_SPACE + 4160u)
#define RESPONSE_HEAD offsetof(struct bg_sst_response, payload)
#define ZEROED_SIZE (offsetof(struct bg_sst_request, payload) + sizeof(struct bg_sst_memory))

_Static_assert(sizeof(struct bg_sst_request) <= REQUEST_SPACE, "request fits");
_Static_assert(sizeof(struct bg_sst_response) <= OP_SPACE - REQUEST_SPACE, "response fits");

/* ---- Status ---- */

static const struct {
    int error;
    const char *name;
} statuses[] = {
    [BG_SST_OK] = {0, "OK"},
    [BG_SST_ERROR] = {BG_ERR_IO, "error"},
    [BG_SST_BUSY] = {BG_ERR_LIMITED, "busy"},
    [BG_SST_INVALID] = {BG_ERR_INVALID, "invalid"},
    [BG_SST_TIMEOUT] = {BG_ERR_TIMEOUT, "time-out"},
    [BG_SST_NO_DEVICE] = {BG_ERR_UNAVAILABLE, "no simulator"},
};

#define STATUS_COUNT (sizeof(statuses) / sizeof(statuses[0]))

int bg_virtio_sst_status_error(uint32_t status)
{
    return status < STATUS_COUNT ? statuses[status].error : BG_ERR_IO;
}

const char *bg_virtio_sst_status_name(uint32_t status)
{
    return status < STATUS_COUNT ? statuses[status].name : "a status of its own";
}

/* ---- Bringing up ---- */

static void release_pair(struct bg_virtio_sst_pair *pair)
{
    struct bg_virtio_sst *sst = pair->sst;

    bg_virtqueue_destroy(&pair->queue);
    if (pair->memory != NULL) {
        bg_hal_dma_free(pair->memory, (size_t)sst->depth * OP_SPACE);
    }
    if (pair->ops != NULL) {
        bg_hal_dma_free(pair->ops, sst->depth * sizeof(*pair->ops));
    }
    pair->memory = NULL;
    pair->ops = NULL;
}

static void release_all(struct bg_virtio_sst *sst)
{
    for (unsigned i = 0; i < BG_SST_PAIRS_MAX; i++) {
        if (sst->pairs[i].sst != NULL) {
            release_pair(&sst->pairs[i]);
        }
    }
    bg_virtqueue_destroy(&sst->events);
    if (sst->event_memory != NULL) {
        bg_hal_dma_free(sst->event_memory, EVENTS_MAX * sizeof(struct bg_sst_event));
        sst->event_memory = NULL;
    }
}

static int set_up_pair(struct bg_virtio_sst *sst, unsigned index)
{
    const struct bg_virtqueue_options options = {
        .index = (uint16_t)BG_SST_QUEUE_REQUEST(index),
        .indirect_segments = 2,
    };
    struct bg_virtio_sst_pair *pair = &sst->pairs[index];
    uint64_t address, unused;
    int error = bg_virtqueue_create(&pair->queue, sst->device, &options);

    if (error < 0) {
        return error;
    }
    pair->sst = sst;
    pair->memory = bg_hal_dma_alloc((size_t)sst->depth * OP_SPACE, MEMORY_ALIGN, &address);
    /* Kept from the device: it is not told about this one. */
    pair->ops = bg_hal_dma_alloc(sst->depth * sizeof(*pair->ops), 64, &unused);
    if (pair->memory == NULL || pair->ops == NULL) {
        return BG_ERR_NO_MEMORY;
    }
    for (unsigned i = sst->depth; i-- > 0;) {
        struct bg_virtio_sst_op *op = &pair->ops[i];
        uint8_t *memory = pair->memory + (size_t)i * OP_SPACE;

        op->request = (struct bg_sst_request *)(void *)memory;
        op->response = (const struct bg_sst_response *)(const void *)(memory + REQUEST_SPACE);
        op->request_address = address + (uint64_t)i * OP_SPACE;
        op->response_address = op->request_address + REQUEST_SPACE;
        op->pair = pair;
        op->next_free = pair->free;
        pair->free = op;
    }
    return 0;
}

/* An event's buffer is the device's again. Its number is the token, plus one. */
static int give_event(struct bg_virtio_sst *sst, uintptr_t number)
{
    const struct bg_virtqueue_segment segment = {
        sst->event_address + number * sizeof(struct bg_sst_event),
        sizeof(struct bg_sst_event),
    };

    return bg_virtqueue_add(&sst->events, &segment, 0, 1, (void *)(number + 1));
}

static int set_up_events(struct bg_virtio_sst *sst)
{
    const struct bg_virtqueue_options options = {
        .index = (uint16_t)BG_SST_QUEUE_EVENT(sst->config.max_queues),
    };
    int error;

    if (sst->event_count == 0) {
        return 0;
    }
    error = bg_virtqueue_create(&sst->events, sst->device, &options);
    if (error < 0) {
        return error;
    }
    if (sst->event_count > sst->events.capacity) {
        sst->event_count = sst->events.capacity;
    }
    sst->event_memory = bg_hal_dma_alloc(EVENTS_MAX * sizeof(struct bg_sst_event), MEMORY_ALIGN,
                                         &sst->event_address);
    if (sst->event_memory == NULL) {
        return BG_ERR_NO_MEMORY;
    }
    for (unsigned i = 0; i < sst->event_count && error >= 0; i++) {
        error = give_event(sst, i);
    }
    return error < 0 ? error : bg_virtqueue_kick(&sst->events);
}

static int read_config(struct bg_virtio_sst *sst)
{
    struct bg_virtio_device *device = sst->device;
    uint32_t words[sizeof(struct bg_sst_config) / 4];
    int error = bg_virtio_config_read(device, 0, 4, words, sizeof(words) / sizeof(words[0]));

    if (error < 0) {
        return error;
    }
    memcpy(&sst->config, words, sizeof(sst->config));
    if (sst->config.version >> 16 != BG_SST_PROTOCOL_VERSION >> 16) {
        return BG_ERR_UNSUPPORTED;
    }
    if (sst->config.max_queues == 0 || sst->config.max_queues > BG_SST_PAIRS_MAX) {
        return BG_ERR_PROTOCOL;
    }
    /* A legacy device has no FEATURES_OK, and still tells what was to be had. */
    if (!bg_virtio_has_feature(device, BG_SST_F_MULTI_QUEUE)) {
        sst->config.max_queues = 1;
    }
    return 0;
}

static int set_up(struct bg_virtio_sst *sst, unsigned pairs, uint64_t deadline_ns)
{
    uint64_t wanted = BG_VIRTIO_FEATURES_QUEUE | (BG_SST_F_ALL & ~BG_SST_F_MULTI_QUEUE);
    int error = bg_virtio_start(sst->device, wanted | (pairs > 1 ? BG_SST_F_MULTI_QUEUE : 0), 0,
                                deadline_ns)
                    ?: read_config(sst);

    if (error < 0) {
        return error;
    }
    if (pairs > sst->config.max_queues) {
        pairs = (unsigned)sst->config.max_queues;
    }
    for (unsigned i = 0; i < pairs && error >= 0; i++) {
        error = set_up_pair(sst, i);
        sst->pair_count = (uint16_t)(i + 1);
    }
    if (error >= 0) {
        error = set_up_events(sst);
    }
    return error < 0 ? error : bg_virtio_ready(sst->device);
}

/* Their buffers were made available before the device was live: it is told now. */
static void kick_events(struct bg_virtio_sst *sst)
{
    if (sst->event_count > 0) {
        (void)bg_virtqueue_kick(&sst->events); /* an error of the queue is told by its next poll */
    }
}

int bg_virtio_sst_open(struct bg_virtio_sst *sst, struct bg_virtio_device *device,
                       const struct bg_virtio_sst_options *options, uint64_t deadline_ns)
{
    static const struct bg_virtio_sst_options defaults;
    int error;

    memset(sst, 0, sizeof(*sst));
    options = options != NULL ? options : &defaults;
    if (device->id != BG_SST_VIRTIO_ID || options->pairs > BG_SST_PAIRS_MAX ||
        options->depth > DEPTH_MAX || options->events > EVENTS_MAX) {
        return BG_ERR_INVALID;
    }
    sst->device = device;
    sst->depth = options->depth != 0 ? options->depth : BG_VIRTIO_SST_DEPTH_DEFAULT;
    sst->event_count = options->events;
    sst->on_event = options->on_event;
    sst->event_context = options->event_context;
    error = set_up(sst, options->pairs != 0 ? options->pairs : 1, deadline_ns);
    if (error < 0) {
        bg_virtio_fail(device);
        if (bg_virtio_reset(device, deadline_ns) == 0) {
            release_all(sst); /* else the device may still write to it */
        }
        return error;
    }
    kick_events(sst);
    return 0;
}

int bg_virtio_sst_close(struct bg_virtio_sst *sst, uint64_t deadline_ns)
{
    int error = bg_virtio_reset(sst->device, deadline_ns);

    if (error == 0) {
        release_all(sst);
    }
    return error;
}

/* ---- Operations ---- */

static struct bg_virtio_sst_op *take_free(struct bg_virtio_sst_pair *pair)
{
    struct bg_virtio_sst_op *op = pair->free;

    if (op == NULL) {
        return NULL;
    }
    op->pair->free = op->next_free;
    op->is_taken = true;
    op->is_abandoned = false;
    op->done = NULL;
    op->error = 0;
    memset(op->request, 0, ZEROED_SIZE);
    return op;
}

struct bg_virtio_sst_op *bg_virtio_sst_take(struct bg_virtio_sst *sst, unsigned pair)
{
    struct bg_virtio_sst_op *op;

    if (pair >= sst->pair_count || owner_enter(&sst->pairs[pair].owner) < 0) {
        return NULL;
    }
    op = take_free(&sst->pairs[pair]);
    owner_leave(&sst->pairs[pair].owner, 0);
    return op;
}

void bg_virtio_sst_release(struct bg_virtio_sst_op *op)
{
    if (op->is_taken && op->error != BG_ERR_BUSY) {
        op->is_taken = false;
        op->next_free = op->pair->free;
        op->pair->free = op;
    }
}

static int submit(struct bg_virtio_sst_op *op)
{
    const struct bg_virtqueue_segment segments[] = {
        {op->request_address, sizeof(struct bg_sst_request)},
        {op->response_address, sizeof(struct bg_sst_response)},
    };
    int error;

    if (!op->is_taken || op->error == BG_ERR_BUSY) {
        return BG_ERR_INVALID;
    }
    if (op->pair->error < 0) {
        return op->pair->error;
    }
    op->request->request_id = op->pair->requests;
    error = bg_virtqueue_add(&op->pair->queue, segments, 1, 1, op);
    if (error < 0) {
        return error;
    }
    op->pair->requests++;
    op->error = BG_ERR_BUSY;
    return 0;
}

int bg_virtio_sst_submit(struct bg_virtio_sst_op *op)
{
    return OWNED(op->pair, submit(op));
}

static void end_op(struct bg_virtio_sst_op *op, int error)
{
    op->error = error;
    if (op->is_abandoned) {
        bg_virtio_sst_release(op);
    } else if (op->done != NULL) {
        uint32_t before = owner_begin_callback(&op->pair->owner);

        op->done(op);
        owner_end_callback(&op->pair->owner, before);
    }
}

/* request_id in our memory could only be changed by a device that writes where it may not. */
static int check_response(struct bg_virtio_sst_op *op, uint32_t written)
{
    const struct bg_sst_response *response = op->response;
    const void *status;

    op->response_size = written;
    if (written < RESPONSE_HEAD || response->request_id != op->request->request_id) {
        op->pair->sst->protocol_errors++;
        op->status = BG_SST_ERROR;
        return BG_ERR_PROTOCOL;
    }
    status = (const uint8_t *)response + offsetof(struct bg_sst_response, status);
    op->status = bg_load_once32(status);
    return bg_virtio_sst_status_error(op->status);
}

/* The queue is beyond use. Should the device give something back all the same, nobody looks: who
 * waited for it has been told its end. */
static int fail_pair(struct bg_virtio_sst_pair *pair, int error)
{
    pair->error = error;
    for (unsigned i = 0; i < pair->sst->depth; i++) {
        if (pair->ops[i].is_taken && pair->ops[i].error == BG_ERR_BUSY) {
            end_op(&pair->ops[i], error);
        }
    }
    return error;
}

/* As many as there are buffers at most: a flood does not keep us here. */
static void deliver_events(struct bg_virtio_sst *sst)
{
    struct bg_virtio_sst_event event;

    for (unsigned i = 0; i < sst->event_count && bg_virtio_sst_poll_event(sst, &event) > 0; i++) {
        uint32_t before = owner_begin_callback(&sst->pairs[0].owner);

        sst->on_event(sst->event_context, &event);
        owner_end_callback(&sst->pairs[0].owner, before);
    }
}

static int poll_pair(struct bg_virtio_sst_pair *pair)
{
    struct bg_virtqueue_used used;
    int count = 0;

    if (pair->error < 0) {
        return pair->error;
    }
    if (pair == &pair->sst->pairs[0] && pair->sst->on_event != NULL) {
        deliver_events(pair->sst);
    }
    while (count < (int)pair->queue.size) { /* a `done` that submits anew must not keep us here */
        int result = bg_virtqueue_poll(&pair->queue, &used);

        if (result < 0) {
            return fail_pair(pair, result);
        }
        if (result == 0) {
            break;
        }
        count++;
        end_op(used.token, check_response(used.token, used.written));
    }
    return count;
}

int bg_virtio_sst_poll(struct bg_virtio_sst *sst, unsigned pair)
{
    return OWNED(&sst->pairs[pair], poll_pair(&sst->pairs[pair]));
}

void bg_virtio_sst_abandon(struct bg_virtio_sst_op *op)
{
    op->is_abandoned = true;
    bg_virtio_sst_release(op);
}

static int look_for_one(void *context)
{
    return poll_pair(context);
}

/* Until one more operation of the pair has ended. */
static int wait_for_one(struct bg_virtio_sst_pair *pair, uint64_t deadline_ns)
{
    int result = bg_virtqueue_wait_until(&pair->queue, look_for_one, pair, deadline_ns);

    return result < 0 && result != BG_ERR_TIMEOUT && pair->error == 0
               ? fail_pair(pair, result) /* its status says so */
               : result;
}

static int kick(struct bg_virtio_sst_pair *pair)
{
    int result = pair->error < 0 ? pair->error : bg_virtqueue_kick(&pair->queue);

    return result < 0 && pair->error == 0 ? fail_pair(pair, result) : result;
}

int bg_virtio_sst_kick(struct bg_virtio_sst *sst, unsigned pair)
{
    return OWNED(&sst->pairs[pair], kick(&sst->pairs[pair]));
}

static int kick_and_wait(struct bg_virtio_sst_pair *pair, uint64_t deadline_ns)
{
    int result = kick(pair);

    return result < 0 ? result : wait_for_one(pair, deadline_ns);
}

int bg_virtio_sst_wait_any(struct bg_virtio_sst *sst, unsigned pair, uint64_t deadline_ns)
{
    return OWNED(&sst->pairs[pair], kick_and_wait(&sst->pairs[pair], deadline_ns));
}

static int wait_for(struct bg_virtio_sst_op *op, uint64_t deadline_ns)
{
    while (op->error == BG_ERR_BUSY) {
        int result = kick_and_wait(op->pair, deadline_ns);

        if (op->error == BG_ERR_BUSY && result >= 0 && bg_hal_time_ns() >= deadline_ns) {
            result = BG_ERR_TIMEOUT; /* others may end for ever */
        }
        if (result < 0 && op->error == BG_ERR_BUSY) {
            return result;
        }
    }
    return op->error;
}

int bg_virtio_sst_wait(struct bg_virtio_sst_op *op, uint64_t deadline_ns)
{
    return OWNED(op->pair, wait_for(op, deadline_ns));
}

/* ---- Events ---- */

static int take_event(struct bg_virtio_sst *sst, const struct bg_virtqueue_used *used,
                      struct bg_virtio_sst_event *event)
{
    uintptr_t number = (uintptr_t)used->token - 1;
    struct bg_sst_event copy;
    int error;

    memcpy(&copy, &sst->event_memory[number], sizeof(copy));
    error = give_event(sst, number);
    if (error >= 0) {
        error = bg_virtqueue_kick(&sst->events);
    }
    if (used->written < sizeof(copy)) {
        sst->protocol_errors++;
        return error < 0 ? error : BG_ERR_PROTOCOL;
    }
    *event = (struct bg_virtio_sst_event){copy.type, copy.timestamp, copy.data};
    return error < 0 ? error : 1;
}

int bg_virtio_sst_poll_event(struct bg_virtio_sst *sst, struct bg_virtio_sst_event *event)
{
    struct bg_virtqueue_used used;
    int result = sst->event_count > 0 ? bg_virtqueue_poll(&sst->events, &used) : 0;

    return result > 0 ? take_event(sst, &used, event) : result;
}

int bg_virtio_sst_wait_event(struct bg_virtio_sst *sst, struct bg_virtio_sst_event *event,
                             uint64_t deadline_ns)
{
    struct bg_virtqueue_used used;
    int result =
        sst->event_count > 0 ? bg_virtqueue_wait(&sst->events, &used, deadline_ns) : BG_ERR_INVALID;

    return result > 0 ? take_event(sst, &used, event) : result;
}
