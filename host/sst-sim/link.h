/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection's bytes: requests cut out of what comes in, answers and events put into what goes
 * out, on the old wire or in frames (protocol/sst.h, part 3). No input or output of its own.
 */
#ifndef SST_SIM_LINK_H
#define SST_SIM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/sst.h"

enum link_state {
    LINK_NEW,    /* nothing has come yet */
    LINK_OLD,    /* the old wire */
    LINK_FRAMES, /* between frames */
    LINK_RECORDS /* within one */
};

struct link_ops {
    /* A record of a frame, or a request of the old wire (tag 0 then: request_id tells): the first
     * `size` bytes of a sst_request, at least its header; the rest of it is zero. False: out of
     * memory. */
    bool (*request)(void *owner, uint64_t tag, uint16_t pair, const uint8_t *bytes, size_t size);
    void (*reset)(void *owner, uint32_t reason);
    /* Around the records of a SYNC frame. link_reply is due before or when end returns. */
    void (*sync_begin)(void *owner, uint64_t time_ns);
    void (*sync_end)(void *owner);
    /* Fills clock_hz and name; features come with those that both sides want. */
    void (*hello)(void *owner, const struct bg_sst_hello *hello, struct bg_sst_hello_reply *reply);
};

struct link {
    const struct link_ops *ops;
    void *owner;
    bool is_old_only;
    /* Asked after each message: true ends link_receive early, is_paused tells. NULL: never. */
    bool (*wants_pause)(void *context);
    void *pause_context;
    bool is_paused;
    enum link_state state;
    uint64_t features; /* SST_WIRE_* agreed upon */
    char error[96];    /* after link_receive returned false */

    /* In: the record under way does not lie in a buffer of the link's, link_receive is given it
     * whole. Of the frame under way: */
    struct bg_sst_frame frame;
    uint32_t frame_size_left, frame_count_left;
    uint64_t sequence; /* of the last frame */

    /* Out. */
    uint8_t *out;
    size_t out_sent, out_size, out_capacity;
    size_t out_frame; /* where the open frame's header lies, when is_frame_open */
    bool is_frame_open;
    uint32_t out_frame_count;
    /* Records that a SYNC reply had no room for: they go into the next ones. */
    uint8_t *later;
    size_t later_taken, later_size, later_capacity;
    bool is_out_of_memory; /* or beyond what is kept */
};

/* What is kept for one connection; a model that never stops answering comes to it. */
#define LINK_OUT_MAX ((size_t)64 << 20)

void link_init(struct link *link, const struct link_ops *ops, void *owner, bool is_old_only);
void link_free(struct link *link);

/*
 * Takes whole messages from the front of `bytes` and returns how many bytes that were; what is left
 * is to be given again with more behind it, LINK_UNIT_MAX bytes at most unless paused. SIZE_MAX:
 * the other side broke the protocol, or there is no memory; link->error says which.
 */
#define LINK_TIME_MAX INT64_MAX /* of the other side's clock, ns */
#define LINK_UNIT_MAX (sizeof(struct bg_sst_record) + BG_SST_RECORD_SIZE_MAX + 8)
size_t link_receive(struct link *link, const uint8_t *bytes, size_t length);

static inline bool link_has_feature(const struct link *link, uint64_t feature)
{
    return (link->features & feature) != 0;
}

struct link_answer {
    uint64_t tag;
    uint64_t time_ns, cycles;
    uint32_t status;
    uint64_t request_id, user_data, result;
    const void *payload; /* zero follows it */
    size_t size;         /* of the payload */
};

void link_put_answer(struct link *link, const struct link_answer *answer);
void link_put_event(struct link *link, const struct bg_sst_event *event);

/* Ends the open frame: it may be sent. With sync, a frame is sent even without records, and asks to
 * be called at once when records are left. */
void link_end_frame(struct link *link, bool is_sync, uint64_t time_ns, uint64_t next_ns);

/* What is to be sent, and that `size` bytes of it were. */
const uint8_t *link_output(const struct link *link, size_t *size);
void link_sent(struct link *link, size_t size);

#endif
