/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-sst: a simulated accelerator (protocol/sst.h). Requests are made one at a time by the
 * calls at the end, or many at once by operations:
 *
 *     struct bg_virtio_sst_op *op = bg_virtio_sst_take(&sst, pair);
 *     op->request->type = BG_SST_COMPUTE; ...       in place: nothing is copied
 *     bg_virtio_sst_submit(op);                     the device may not see it yet
 *     bg_virtio_sst_kick(&sst, pair);               one notification for all that were submitted
 *     bg_virtio_sst_wait(op, deadline_ns);          or bg_virtio_sst_poll, and op->done
 *     ... op->response ...
 *     bg_virtio_sst_release(op);
 *
 * All memory comes from the HAL in bg_virtio_sst_open. Waits are those of device->wait. A pair of
 * queues and its operations belong to one CPU at a time, different pairs may be used at once; the
 * events belong to one CPU at a time, too. Nothing may be called from an interrupt handler. A call
 * that comes into another one on the same pair returns BUSY (take: NULL) and does nothing.
 *
 * The simulator's word is not the device's: what it answers is a status, which becomes an error
 * (bg_virtio_sst_status_error). The device is not trusted: lengths and ids are checked; the content
 * of a response may still change while it is read.
 */
#ifndef BAREGPU_VIRTIO_SST_H
#define BAREGPU_VIRTIO_SST_H

#include "baregpu/virtqueue.h"
#include "protocol/decls.h"
#include "protocol/sst.h"

BG_BEGIN_DECLS

struct bg_virtio_sst_pair;

struct bg_virtio_sst_op {
    /* The caller's from take to submit, and from the end to release. take zeroes header and first
     * 16 bytes of the payload; the rest is as it was left. request_id is the driver's. */
    struct bg_sst_request *request;
    /* From the end to release; only if `error` is 0 or came from `status`. What lies behind
     * response_size is not the device's. */
    const struct bg_sst_response *response;
    uint32_t response_size;
    uint32_t status; /* enum bg_sst_status, or a simulator's own */
    int error;       /* BUSY: in flight; 0; what `status` stands for; what ended the device */
    /* Called by polls and waits when it has ended; it may release, take and submit. May be NULL;
     * take sets it so. */
    void (*done)(struct bg_virtio_sst_op *op);
    void *context;    /* the caller's */
    uintptr_t cookie; /* the caller's, too: kept from the device */

    /* Private. */
    struct bg_virtio_sst_pair *pair;
    uint64_t request_address, response_address;
    struct bg_virtio_sst_op *next_free;
    bool is_taken, is_abandoned;
};

struct bg_virtio_sst_pair {
    struct bg_virtqueue queue;
    uint64_t requests; /* ever submitted */
    /* Private. */
    struct bg_virtio_sst *sst;
    struct bg_virtio_sst_op *ops, *free;
    uint8_t *memory;
    int error;      /* what ended it; 0 */
    uint32_t owner; /* the call under way */
};

struct bg_virtio_sst_event {
    uint32_t type; /* enum bg_sst_event_type */
    uint64_t timestamp;
    uint64_t data;
};

struct bg_virtio_sst_options {
    uint16_t pairs;  /* wanted; 0: 1. There may be fewer: sst->pair_count */
    uint16_t depth;  /* operations of each pair; 0: 32. At most 128, or what the queues take */
    uint16_t events; /* buffers for events; 0: none come */
    /* Called for each event by bg_virtio_sst_poll and the waits of pair 0, which are not to be
     * called from it; then the events belong to the CPU of pair 0. NULL: events are asked for. A
     * wait that sleeps looks for them when it wakes up, which an event alone does not make it do.
     */
    void (*on_event)(void *context, const struct bg_virtio_sst_event *event);
    void *event_context;
};

#define BG_VIRTIO_SST_DEPTH_DEFAULT 32u

/* Owned by the caller; may be read. */
struct bg_virtio_sst {
    struct bg_virtio_device *device;
    struct bg_sst_config config;
    uint16_t pair_count;
    uint16_t depth;
    uint16_t event_count;     /* buffers */
    uint64_t protocol_errors; /* answers and events that were not as they have to be */
    /* Private. */
    struct bg_virtio_sst_pair pairs[BG_SST_PAIRS_MAX];
    struct bg_virtqueue events;
    struct bg_sst_event *event_memory;
    uint64_t event_address;
    void (*on_event)(void *context, const struct bg_virtio_sst_event *event);
    void *event_context;
};

/*
 * Brings up `device`, which is open (bg_virtio_pci_open, bg_virtio_mmio_open), the caller's, and in
 * use until bg_virtio_sst_close. `options` may be NULL. Errors: INVALID (not such a device;
 * options), UNSUPPORTED (another protocol version), PROTOCOL, NO_MEMORY, those of bg_virtio_start
 * and bg_virtqueue_create.
 */
int bg_virtio_sst_open(struct bg_virtio_sst *sst, struct bg_virtio_device *device,
                       const struct bg_virtio_sst_options *options, uint64_t deadline_ns);

/* Resets the device, and frees the memory. Operations are gone. TIMEOUT: the device does not
 * answer, and its memory stays allocated. */
int bg_virtio_sst_close(struct bg_virtio_sst *sst, uint64_t deadline_ns);

/* ---- Operations ---- */

/* NULL when all are taken, or another call is under way. Here and below, `pair` < sst->pair_count.
 */
struct bg_virtio_sst_op *bg_virtio_sst_take(struct bg_virtio_sst *sst, unsigned pair);

/* Not in flight. */
void bg_virtio_sst_release(struct bg_virtio_sst_op *op);

/* Queues it. Returns 0, INVALID (in flight, or not taken), what bg_virtqueue_add returns, or what
 * has ended the pair. */
int bg_virtio_sst_submit(struct bg_virtio_sst_op *op);

/* Lets the device see what was queued: 1 if it was notified, 0, or an error as of the next. */
int bg_virtio_sst_kick(struct bg_virtio_sst *sst, unsigned pair);

/* Ends the operations that the device has answered; returns how many. An error of
 * bg_virtqueue_poll, bg_virtqueue_kick or bg_virtio_check ends the pair: all that were in flight
 * have ended with it, and every later call returns it, until the device is opened anew. */
int bg_virtio_sst_poll(struct bg_virtio_sst *sst, unsigned pair);

/* Kicks, and waits until `op` has ended: returns op->error. TIMEOUT at the deadline, when it has
 * not ended: then wait again, or abandon it. */
int bg_virtio_sst_wait(struct bg_virtio_sst_op *op, uint64_t deadline_ns);

/* Kicks, and waits until at least one operation of the pair has ended: returns how many. TIMEOUT,
 * also when none is in flight; or what ended the pair. */
int bg_virtio_sst_wait_any(struct bg_virtio_sst *sst, unsigned pair, uint64_t deadline_ns);

/* Gives it up: it is released when it ends, without `done`. */
void bg_virtio_sst_abandon(struct bg_virtio_sst_op *op);

/* ---- Events, without on_event ---- */

/* Returns 1 and an event, 0: there is none, or an error. Events that find no buffer are lost. */
int bg_virtio_sst_poll_event(struct bg_virtio_sst *sst, struct bg_virtio_sst_event *event);

/* The same, but waits. TIMEOUT. */
int bg_virtio_sst_wait_event(struct bg_virtio_sst *sst, struct bg_virtio_sst_event *event,
                             uint64_t deadline_ns);

/* ---- One request at a time, on pair 0. Errors: BUSY (no operation is free), TIMEOUT, PROTOCOL,
 * and those that a status stands for ---- */

int bg_virtio_sst_noop(struct bg_virtio_sst *sst, uint64_t deadline_ns);

/* `size` bytes, at most BG_SST_PAYLOAD_SIZE, there and back; `to` may be `from`. TOO_LARGE. */
int bg_virtio_sst_echo(struct bg_virtio_sst *sst, const void *from, void *to, size_t size,
                       uint64_t deadline_ns);

/* enum bg_sst_latency. `result` may be NULL. */
int bg_virtio_sst_compute(struct bg_virtio_sst *sst, uint64_t units, uint32_t latency,
                          struct bg_sst_compute_result *result, uint64_t deadline_ns);

/* Any size: as many requests as it needs, as many at once as there are free operations. After an
 * error part of it may have been done. */
int bg_virtio_sst_read(struct bg_virtio_sst *sst, uint64_t address, void *to, size_t size,
                       uint64_t deadline_ns);
int bg_virtio_sst_write(struct bg_virtio_sst *sst, uint64_t address, const void *from, size_t size,
                        uint64_t deadline_ns);

/* What is in flight ends with an error first. */
int bg_virtio_sst_reset(struct bg_virtio_sst *sst, uint64_t deadline_ns);

int bg_virtio_sst_get_info(struct bg_virtio_sst *sst, struct bg_sst_info *info,
                           uint64_t deadline_ns);

/* enum bg_sst_param, or a model's own. `before` may be NULL. */
int bg_virtio_sst_configure(struct bg_virtio_sst *sst, uint32_t param, uint64_t value,
                            uint64_t *before, uint64_t deadline_ns);

/* The error that a status stands for: OK 0, ERROR IO, BUSY LIMITED, INVALID INVALID, TIMEOUT
 * TIMEOUT, NO_DEVICE UNAVAILABLE, others IO. */
int bg_virtio_sst_status_error(uint32_t status);

/* "no simulator"; never NULL. */
const char *bg_virtio_sst_status_name(uint32_t status);

BG_END_DECLS

#endif
