/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue side of the fake GPU: answers, misbehaviours, fences. gpu_command.c has the
 * commands. */
#include "tests/fake/gpu.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fake/gpu_command.h"

/* ---- Answers ---- */

static void put_header(uint8_t *out, size_t size, const struct bg_virtio_gpu_ctrl_hdr *hdr)
{
    memcpy(out, hdr, size < sizeof(*hdr) ? size : sizeof(*hdr));
}

/* Spoils a good answer of `written` bytes; returns how many are told. */
static uint32_t spoil(struct fake_gpu *fake, const struct bg_virtio_gpu_ctrl_hdr *request,
                      uint8_t *out, size_t out_size, uint32_t written)
{
    enum fake_gpu_misbehaviour misbehaviour = fake->misbehaviour;
    struct bg_virtio_gpu_ctrl_hdr hdr = {0};

    if (misbehaviour == FAKE_GPU_GOOD) {
        return written;
    }
    if (fake->after > 0) {
        fake->after--;
        return written;
    }
    fake->misbehaviour = FAKE_GPU_GOOD;
    memcpy(&hdr, out, out_size < sizeof(hdr) ? out_size : sizeof(hdr));
    switch (misbehaviour) {
    case FAKE_GPU_EMPTY:
        return 0;
    case FAKE_GPU_CUT_HEADER:
        return sizeof(hdr) - 1;
    case FAKE_GPU_CUT:
        return written - 1;
    case FAKE_GPU_WRONG_TYPE:
        hdr.type = hdr.type == BG_VIRTIO_GPU_RESP_OK_NODATA ? BG_VIRTIO_GPU_RESP_OK_CAPSET
                                                            : BG_VIRTIO_GPU_RESP_OK_NODATA;
        break;
    case FAKE_GPU_COMMAND_TYPE:
        hdr.type = request->type;
        break;
    case FAKE_GPU_ZERO_TYPE:
        hdr.type = 0;
        break;
    case FAKE_GPU_WRONG_FENCE:
        hdr.fence_id ^= 1;
        break;
    case FAKE_GPU_NO_FENCE:
        hdr.flags &= ~BG_VIRTIO_GPU_FLAG_FENCE;
        break;
    case FAKE_GPU_LONG_EDID: {
        uint32_t size = BG_VIRTIO_GPU_EDID_MAX + 1;

        memcpy(out + sizeof(hdr), &size, sizeof(size));
        break;
    }
    case FAKE_GPU_NOT_WRITTEN:
        memset(out, 0, out_size);
        return written;
    case FAKE_GPU_ERROR:
        hdr.type = fake->error;
        written = sizeof(hdr);
        break;
    case FAKE_GPU_SILENCE:
    case FAKE_GPU_GOOD:
    case FAKE_GPU_MISBEHAVIOURS:
        break;
    }
    put_header(out, out_size, &hdr);
    return written;
}

static bool will_be_silent(const struct fake_gpu *fake)
{
    return fake->misbehaviour == FAKE_GPU_SILENCE && fake->after == 0;
}

static uint32_t hold(struct fake_gpu *fake, unsigned queue,
                     const struct bg_virtio_gpu_ctrl_hdr *hdr, uint32_t written, bool is_silent)
{
    if (fake->held_count[queue] == FAKE_GPU_HELD_MAX) {
        abort();
    }
    fake->held[queue][fake->held_count[queue]++] = (struct fake_gpu_held){
        .written = written,
        .ctx_id = hdr->ctx_id,
        .ring =
            hdr->flags & BG_VIRTIO_GPU_FLAG_INFO_RING_IDX ? hdr->ring_idx : BG_VIRTIO_GPU_NO_RING,
        .fence_id = hdr->fence_id,
        .is_silent = is_silent,
    };
    return FAKE_VIRTIO_HOLD;
}

/* 5.7.6.7: flags and fence come back, and the ring. */
static void answer_header(const struct bg_virtio_gpu_ctrl_hdr *request, uint32_t type,
                          struct bg_virtio_gpu_ctrl_hdr *answer)
{
    *answer = (struct bg_virtio_gpu_ctrl_hdr){.type = type};
    if (request->flags & BG_VIRTIO_GPU_FLAG_FENCE) {
        answer->flags = request->flags;
        answer->fence_id = request->fence_id;
        answer->ctx_id = request->ctx_id;
        answer->ring_idx = request->ring_idx;
    }
}

static void check_header(struct fake_gpu *fake, unsigned queue,
                         const struct bg_virtio_gpu_ctrl_hdr *hdr)
{
    uint32_t known = BG_VIRTIO_GPU_FLAG_FENCE | BG_VIRTIO_GPU_FLAG_INFO_RING_IDX;
    bool is_cursor = hdr->type >= BG_VIRTIO_GPU_CMD_UPDATE_CURSOR;

    fake_gpu_require(fake, (hdr->flags & ~known) == 0, "unknown flags");
    fake_gpu_require(fake, hdr->ring_idx <= BG_VIRTIO_GPU_RING_IDX_MAX, "ring_idx above 63");
    fake_gpu_require(fake,
                     !(hdr->flags & BG_VIRTIO_GPU_FLAG_INFO_RING_IDX) ||
                         (fake->virtio.accepted & BG_VIRTIO_GPU_F_CONTEXT_INIT),
                     "a ring without F_CONTEXT_INIT");
    fake_gpu_require(fake, is_cursor == (queue == BG_VIRTIO_GPU_QUEUE_CURSOR),
                     "a command on the wrong queue");
}

static uint32_t handle(void *context, const struct fake_virtio_request *request)
{
    struct fake_gpu *fake = context;
    struct bg_virtio_gpu_ctrl_hdr hdr, answer;
    uint32_t type, written = sizeof(answer);
    bool is_silent;

    if (fake->virtio.resets != fake->resets_seen) {
        fake->resets_seen = fake->virtio.resets;
        fake_gpu_forget(fake);
    }
    if (request->in_size < sizeof(hdr)) {
        fake_gpu_require(fake, false, "a request without a header");
        return 0;
    }
    memcpy(&hdr, request->in, sizeof(hdr));
    fake->last = hdr;
    if (fake->log_count < FAKE_GPU_LOG_MAX) {
        fake->log[fake->log_count] = hdr.type;
    }
    fake->log_count++;
    check_header(fake, request->queue, &hdr);
    memset(request->out, 0, request->out_size);
    type = hdr.type == fake->refused_type ? fake->error
                                          : fake_gpu_execute(fake, &hdr, request, &written);
    if (request->queue == BG_VIRTIO_GPU_QUEUE_CURSOR && fake->is_silent_cursor &&
        fake->misbehaviour == FAKE_GPU_GOOD) {
        return 0;
    }
    answer_header(&hdr, type, &answer);
    put_header(request->out, request->out_size, &answer);
    is_silent = will_be_silent(fake);
    written = spoil(fake, &hdr, request->out, request->out_size, written);
    if (is_silent || hdr.type == fake->held_type ||
        (fake->holds_fences && (hdr.flags & BG_VIRTIO_GPU_FLAG_FENCE))) {
        return hold(fake, request->queue, &hdr, written, is_silent);
    }
    return written;
}

/* ---- Fences ---- */

static void complete(struct fake_gpu *fake, unsigned queue, unsigned number)
{
    struct fake_gpu_held *held = &fake->held[queue][number];
    uint32_t written = held->written;

    fake->held_count[queue]--;
    memmove(held, held + 1, (fake->held_count[queue] - number) * sizeof(*held));
    fake_virtio_complete(&fake->virtio, queue, number, written);
}

unsigned fake_gpu_retire(struct fake_gpu *fake, uint32_t ctx_id, uint16_t ring, uint64_t fence_id)
{
    const unsigned queue = BG_VIRTIO_GPU_QUEUE_CONTROL;
    unsigned count = 0;

    for (unsigned i = 0; i < fake->held_count[queue];) {
        const struct fake_gpu_held *held = &fake->held[queue][i];

        if (!held->is_silent && held->ctx_id == ctx_id && held->ring == ring &&
            held->fence_id <= fence_id) {
            complete(fake, queue, i);
            count++;
        } else {
            i++;
        }
    }
    return count;
}

void fake_gpu_retire_one(struct fake_gpu *fake, unsigned number)
{
    complete(fake, BG_VIRTIO_GPU_QUEUE_CONTROL, number);
}

unsigned fake_gpu_retire_all(struct fake_gpu *fake)
{
    unsigned count = 0;

    for (unsigned queue = 0; queue < BG_VIRTIO_GPU_QUEUE_COUNT; queue++) {
        while (fake->held_count[queue] > 0) {
            complete(fake, queue, 0);
            count++;
        }
    }
    return count;
}

/* ---- The device ---- */

static void put_config(struct fake_gpu *fake, uint32_t events, uint32_t scanout_count)
{
    const struct bg_virtio_gpu_config config = {
        .events_read = events,
        .num_scanouts = scanout_count,
        .num_capsets = fake->virtio.offered & BG_VIRTIO_GPU_F_VIRGL ? FAKE_GPU_CAPSETS : 0,
        .blob_alignment = fake->virtio.offered & BG_VIRTIO_GPU_F_BLOB_ALIGNMENT ? 8192 : 0,
    };

    fake->virtio.config_size = fake->virtio.offered & BG_VIRTIO_GPU_F_BLOB_ALIGNMENT
                                   ? sizeof(config)
                                   : offsetof(struct bg_virtio_gpu_config, blob_alignment);
    memcpy(fake->virtio.config, &config, fake->virtio.config_size);
}

void fake_gpu_init(struct fake_gpu *fake, uint64_t features, uint32_t scanout_count)
{
    memset(fake, 0, sizeof(*fake));
    fake_virtio_init(&fake->virtio, features, BG_VIRTIO_GPU_QUEUE_COUNT, 64, handle, fake);
    fake->virtio.queues[BG_VIRTIO_GPU_QUEUE_CURSOR].size_max = 16;
    if (features & BG_VIRTIO_GPU_F_RESOURCE_BLOB) {
        fake->virtio.regions[BG_VIRTIO_GPU_SHM_ID_HOST_VISIBLE] = (struct bg_virtio_shared_memory){
            .address = (uintptr_t)fake->region, .size = FAKE_GPU_REGION_SIZE};
    }
    for (uint32_t i = 0; i < scanout_count && i < BG_VIRTIO_GPU_MAX_SCANOUTS; i++) {
        fake->scanouts[i].info.r = (struct bg_virtio_gpu_rect){640 * i, 0, 640, 480};
        fake->scanouts[i].info.enabled = i == 0;
    }
    put_config(fake, 0, scanout_count);
    fake->map_cache = BG_VIRTIO_GPU_MAP_CACHE_CACHED;
}

void fake_gpu_end(struct fake_gpu *fake)
{
    fake_gpu_forget(fake);
    fake_virtio_end(&fake->virtio);
}

void fake_gpu_resize(struct fake_gpu *fake, uint32_t scanout, uint32_t width, uint32_t height)
{
    uint32_t events = BG_VIRTIO_GPU_EVENT_DISPLAY;

    fake->scanouts[scanout].info.r.width = width;
    fake->scanouts[scanout].info.r.height = height;
    fake->scanouts[scanout].info.enabled = width != 0 && height != 0;
    memcpy(fake->virtio.config, &events, sizeof(events));
    fake_virtio_config_changed(&fake->virtio);
}

unsigned fake_gpu_count(const struct fake_gpu *fake, uint32_t type)
{
    unsigned count = 0;

    for (unsigned i = 0; i < fake->log_count && i < FAKE_GPU_LOG_MAX; i++) {
        count += fake->log[i] == type;
    }
    return count;
}
