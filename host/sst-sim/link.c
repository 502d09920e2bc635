/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sst-sim/link.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEATURES (BG_SST_WIRE_EVENTS | BG_SST_WIRE_SYNC)
#define PADDED(size) (((size_t)(size) + 7) & ~(size_t)7)
#define REQUEST_HEAD offsetof(struct bg_sst_request, payload)
#define RESPONSE_HEAD offsetof(struct bg_sst_response, payload)

/* sst_response without its payload, of which few bytes are used. */
struct response_head {
    uint32_t status, reserved;
    uint64_t request_id, user_data, result;
};

_Static_assert(sizeof(struct response_head) == RESPONSE_HEAD, "response_head");
_Static_assert(offsetof(struct response_head, request_id) ==
                   offsetof(struct bg_sst_response, request_id),
               "response_head.request_id");
_Static_assert(offsetof(struct response_head, result) == offsetof(struct bg_sst_response, result),
               "response_head.result");

void link_init(struct link *link, const struct link_ops *ops, void *owner, bool is_old_only)
{
    *link = (struct link){.ops = ops, .owner = owner, .is_old_only = is_old_only};
}

void link_free(struct link *link)
{
    free(link->out);
    free(link->later);
    link->out = link->later = NULL;
}

/* ---- Out ---- */

/* What was sent makes room once it is half of the buffer: a peer that is never quite up to date
 * does not make it grow. */
static void drop_sent(struct link *link)
{
    size_t sent = link->out_sent;

    if (sent < link->out_size - sent) {
        return;
    }
    memmove(link->out, link->out + sent, link->out_size - sent);
    link->out_size -= sent;
    link->out_sent = 0;
    link->out_frame -= link->is_frame_open ? sent : 0;
}

/* Room for `size` bytes more behind the *used ones, whatever is in there; NULL without memory. */
static uint8_t *extend(struct link *link, uint8_t **bytes, size_t *capacity, size_t *used,
                       size_t size)
{
    size_t end = *used + size;

    if (end > *capacity) {
        uint8_t *larger = end <= LINK_OUT_MAX ? realloc(*bytes, 2 * end) : NULL;

        if (larger == NULL) {
            link->is_out_of_memory = true;
            return NULL;
        }
        *bytes = larger;
        *capacity = 2 * end;
    }
    *used = end;
    return *bytes + end - size;
}

static uint8_t *append(struct link *link, size_t size)
{
    if (link->out_capacity - link->out_size < size && link->out_sent > 0) {
        drop_sent(link);
    }
    return extend(link, &link->out, &link->out_capacity, &link->out_size, size);
}

/* The same behind the records that wait for the next SYNC reply. */
static uint8_t *append_later(struct link *link, size_t size)
{
    return extend(link, &link->later, &link->later_capacity, &link->later_size, size);
}

static bool open_frame(struct link *link)
{
    if (link->is_frame_open) {
        return true;
    }
    if (append(link, sizeof(struct bg_sst_frame)) == NULL) {
        return false;
    }
    link->out_frame = link->out_size - sizeof(struct bg_sst_frame);
    link->out_frame_count = 0;
    link->is_frame_open = true;
    return true;
}

static size_t frame_bytes(const struct link *link)
{
    return link->is_frame_open ? link->out_size - link->out_frame - sizeof(struct bg_sst_frame) : 0;
}

static bool has_room(const struct link *link)
{
    return !link->is_frame_open || (link->out_frame_count < BG_SST_FRAME_COUNT_MAX &&
                                    frame_bytes(link) + LINK_UNIT_MAX <= BG_SST_FRAME_SIZE_MAX);
}

/* What earlier replies had no room for comes first. */
static void put_what_was_left(struct link *link)
{
    while (link->later_taken < link->later_size && has_room(link) && open_frame(link)) {
        const uint8_t *from = link->later + link->later_taken;
        struct bg_sst_record record;
        size_t size;
        uint8_t *place;

        memcpy(&record, from, sizeof(record));
        size = sizeof(record) + PADDED(record.size);
        place = append(link, size);
        if (place == NULL) {
            return;
        }
        memcpy(place, from, size);
        link->later_taken += size;
        link->out_frame_count++;
    }
    if (link->later_taken == link->later_size) {
        link->later_taken = link->later_size = 0;
    } else if (link->later_taken >= link->later_size / 2) {
        link->later_size -= link->later_taken;
        memmove(link->later, link->later + link->later_taken, link->later_size);
        link->later_taken = 0;
    }
}

void link_end_frame(struct link *link, bool is_sync, uint64_t time_ns, uint64_t next_ns)
{
    struct bg_sst_frame frame = {
        .magic = BG_SST_FRAME_MAGIC,
        .flags = is_sync ? BG_SST_FRAME_SYNC : 0,
        .sequence = is_sync ? link->sequence : 0,
        .time_ns = time_ns,
        .next_ns = is_sync ? next_ns : 0,
    };

    if ((is_sync && !open_frame(link)) || !link->is_frame_open) {
        return;
    }
    if (link->later_size > 0) {
        frame.next_ns = time_ns;
    }
    frame.size = (uint32_t)frame_bytes(link);
    frame.count = link->out_frame_count;
    memcpy(link->out + link->out_frame, &frame, sizeof(frame));
    link->is_frame_open = false;
}

/* Room for the body of a record; NULL without memory. */
static uint8_t *put_record(struct link *link, const struct bg_sst_record *record)
{
    size_t padded = PADDED(record->size);
    bool is_later = link->later_size > 0;
    uint8_t *place;

    if (!has_room(link)) {
        if (link_has_feature(link, BG_SST_WIRE_SYNC)) {
            is_later = true; /* one frame for each reply */
        } else {
            link_end_frame(link, false, record->time_ns, 0);
        }
    }
    if (!is_later && !open_frame(link)) {
        return NULL;
    }
    place = is_later ? append_later(link, sizeof(*record) + padded)
                     : append(link, sizeof(*record) + padded);
    if (place == NULL) {
        return NULL;
    }
    memcpy(place, record, sizeof(*record));
    place += sizeof(*record);
    memset(place + record->size, 0, padded - record->size);
    link->out_frame_count += !is_later;
    return place;
}

void link_put_answer(struct link *link, const struct link_answer *answer)
{
    const struct bg_sst_record record = {
        .kind = BG_SST_RECORD_ANSWER,
        .size = (uint32_t)(RESPONSE_HEAD + answer->size),
        .tag = answer->tag,
        .time_ns = answer->time_ns,
        .cycles = answer->cycles,
    };
    bool is_old = link->state == LINK_OLD;
    uint8_t *place =
        is_old ? append(link, sizeof(struct bg_sst_response)) : put_record(link, &record);
    struct response_head head = {
        .status = answer->status,
        .request_id = answer->request_id,
        .user_data = answer->user_data,
        .result = answer->result,
    };

    assert(answer->size <= BG_SST_PAYLOAD_SIZE);
    if (place == NULL) {
        return;
    }
    memcpy(place, &head, sizeof(head));
    if (answer->size > 0) {
        memcpy(place + RESPONSE_HEAD, answer->payload, answer->size);
    }
    if (is_old) {
        memset(place + RESPONSE_HEAD + answer->size, 0, BG_SST_PAYLOAD_SIZE - answer->size);
    }
}

void link_put_event(struct link *link, const struct bg_sst_event *event)
{
    const struct bg_sst_record record = {
        .kind = BG_SST_RECORD_EVENT,
        .size = sizeof(*event),
        .time_ns = event->timestamp,
    };
    uint8_t *place = put_record(link, &record);

    if (place != NULL) {
        memcpy(place, event, sizeof(*event));
    }
}

const uint8_t *link_output(const struct link *link, size_t *size)
{
    *size = (link->is_frame_open ? link->out_frame : link->out_size) - link->out_sent;
    return link->out != NULL ? link->out + link->out_sent : NULL;
}

void link_sent(struct link *link, size_t size)
{
    link->out_sent += size;
    if (link->out_sent == link->out_size) {
        link->out_sent = link->out_size = 0;
    }
}

/* ---- In ---- */

static bool fail(struct link *link, const char *why)
{
    snprintf(link->error, sizeof(link->error), "%s", why);
    return false;
}

static bool answer_hello(struct link *link, const uint8_t *bytes)
{
    struct bg_sst_hello hello;
    struct bg_sst_hello_reply reply = {.magic = BG_SST_HELLO_REPLY_MAGIC,
                                       .version = BG_SST_WIRE_VERSION};
    struct bg_sst_response response = {.status = BG_SST_OK};
    uint8_t *place;

    memcpy(&hello, bytes + REQUEST_HEAD, sizeof(hello));
    if (hello.magic != BG_SST_HELLO_MAGIC || hello.version < BG_SST_WIRE_VERSION ||
        hello.time_ns > LINK_TIME_MAX) {
        return false;
    }
    reply.features = link->features = hello.features & FEATURES;
    link->frame.time_ns = hello.time_ns;
    link->ops->hello(link->owner, &hello, &reply);
    memcpy(&response.request_id, bytes + offsetof(struct bg_sst_request, request_id), 8);
    memcpy(&response.user_data, bytes + offsetof(struct bg_sst_request, user_data), 8);
    memcpy(&response.payload, &reply, sizeof(reply));
    place = append(link, sizeof(response));
    if (place != NULL) {
        memcpy(place, &response, sizeof(response));
    }
    link->state = LINK_FRAMES;
    return true;
}

static size_t take_old(struct link *link, const uint8_t *bytes, size_t length)
{
    const size_t size = sizeof(struct bg_sst_request);
    uint32_t type;

    if (length < size) {
        return 0;
    }
    memcpy(&type, bytes, sizeof(type));
    if (link->state == LINK_NEW && type == BG_SST_HELLO_TYPE && !link->is_old_only &&
        answer_hello(link, bytes)) {
        return size;
    }
    link->state = LINK_OLD;
    return link->ops->request(link->owner, 0, 0, bytes, size) ? size : SIZE_MAX;
}

static bool check_frame(struct link *link, const struct bg_sst_frame *frame)
{
    bool is_sync = link_has_feature(link, BG_SST_WIRE_SYNC);

    if (frame->magic != BG_SST_FRAME_MAGIC) {
        return fail(link, "a frame with a wrong magic");
    }
    if (frame->size > BG_SST_FRAME_SIZE_MAX || frame->count > BG_SST_FRAME_COUNT_MAX ||
        frame->size % 8 != 0) {
        return fail(link, "a frame beyond the limits");
    }
    if (is_sync != ((frame->flags & BG_SST_FRAME_SYNC) != 0)) {
        return fail(link, is_sync ? "a frame without SYNC" : "a SYNC frame that was not agreed on");
    }
    if (frame->sequence != link->sequence + 1) {
        return fail(link, "a frame out of sequence");
    }
    if (is_sync && (frame->time_ns < link->frame.time_ns || frame->time_ns > LINK_TIME_MAX)) {
        return fail(link, "time runs backwards, or beyond its end");
    }
    return true;
}

static bool end_frame_if_done(struct link *link)
{
    if (link->frame_count_left > 0) {
        return true;
    }
    if (link->frame_size_left > 0) {
        return fail(link, "a frame with bytes behind its records");
    }
    link->state = LINK_FRAMES;
    if (link_has_feature(link, BG_SST_WIRE_SYNC)) {
        link->ops->sync_end(link->owner);
    }
    return true;
}

static size_t take_frame(struct link *link, const uint8_t *bytes, size_t length)
{
    struct bg_sst_frame frame;

    if (length < sizeof(frame)) {
        return 0;
    }
    memcpy(&frame, bytes, sizeof(frame));
    if (!check_frame(link, &frame)) {
        return SIZE_MAX;
    }
    link->frame = frame;
    link->sequence = frame.sequence;
    link->frame_size_left = frame.size;
    link->frame_count_left = frame.count;
    link->state = LINK_RECORDS;
    if (link_has_feature(link, BG_SST_WIRE_SYNC)) {
        put_what_was_left(link);
        link->ops->sync_begin(link->owner, frame.time_ns);
    }
    return end_frame_if_done(link) ? sizeof(frame) : SIZE_MAX;
}

static bool run_record(struct link *link, const struct bg_sst_record *record, const uint8_t *body)
{
    struct bg_sst_reset_notice notice;

    switch (record->kind) {
    case BG_SST_RECORD_REQUEST:
        if (record->size < REQUEST_HEAD || record->size > sizeof(struct bg_sst_request)) {
            return fail(link, "a request of a wrong size");
        }
        return link->ops->request(link->owner, record->tag, record->pair, body, record->size);
    case BG_SST_RECORD_RESET:
        if (record->size != sizeof(notice)) {
            return fail(link, "a reset of a wrong size");
        }
        memcpy(&notice, body, sizeof(notice));
        link->ops->reset(link->owner, notice.reason);
        return true;
    default:
        return true;
    }
}

static size_t take_record(struct link *link, const uint8_t *bytes, size_t length)
{
    struct bg_sst_record record;
    size_t size;

    if (link->frame_size_left < sizeof(record)) {
        fail(link, "a frame that ends within a record");
        return SIZE_MAX;
    }
    if (length < sizeof(record)) {
        return 0;
    }
    memcpy(&record, bytes, sizeof(record));
    if (record.size > BG_SST_RECORD_SIZE_MAX) {
        fail(link, "a record beyond the limit");
        return SIZE_MAX;
    }
    size = sizeof(record) + PADDED(record.size);
    if (link->frame_size_left < size) {
        fail(link, "a frame that ends within a record");
        return SIZE_MAX;
    }
    if (length < size) {
        return 0;
    }
    link->frame_size_left -= (uint32_t)size;
    link->frame_count_left--;
    return run_record(link, &record, bytes + sizeof(record)) && end_frame_if_done(link) ? size
                                                                                        : SIZE_MAX;
}

static size_t take_one(struct link *link, const uint8_t *bytes, size_t length)
{
    switch (link->state) {
    case LINK_FRAMES:
        return take_frame(link, bytes, length);
    case LINK_RECORDS:
        return take_record(link, bytes, length);
    default:
        return take_old(link, bytes, length);
    }
}

size_t link_receive(struct link *link, const uint8_t *bytes, size_t length)
{
    size_t taken = 0;

    for (;;) {
        size_t size = take_one(link, bytes + taken, length - taken);

        if (size == SIZE_MAX || link->is_out_of_memory) {
            if (!link->error[0]) {
                fail(link, "out of memory");
            }
            return SIZE_MAX;
        }
        taken += size;
        link->is_paused =
            size > 0 && link->wants_pause != NULL && link->wants_pause(link->pause_context);
        if (size == 0 || link->is_paused) {
            return taken;
        }
    }
}
