/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-sst: the link to the simulator. Carries any number of requests at once over either wire of
 * protocol/sst.h, and finds for each answer the request that it belongs to.
 *
 * All calls are made with the big QEMU lock held. A request that was submitted ends in exactly one
 * event (answer or failed), unless it is abandoned before that. No call waits, but for those of
 * deterministic time (virtio-sst-sync.c). While the VM is stopped the link reads and writes nothing
 * and there are no events; what happened meanwhile is found when it runs again.
 */
#ifndef HW_MISC_BAREGPU_VIRTIO_SST_LINK_H
#define HW_MISC_BAREGPU_VIRTIO_SST_LINK_H

#include "peer-link.h"
#include "qemu/queue.h"
#include "virtio-sst-wire.h"

typedef enum SSTRequestState {
    SST_REQUEST_OUTSIDE, /* the link knows nothing of it */
    SST_REQUEST_PENDING, /* waits to be sent */
    SST_REQUEST_SENT,    /* waits for its answer */
} SSTRequestState;

/* Part of a struct of the caller's, who owns it and keeps it until it is outside again. */
typedef struct SSTLinkRequest {
    /* Filled in by the caller. */
    uint16_t pair;
    uint64_t time_ns;              /* of the virtual clock */
    struct bg_sst_request request; /* as the guest wrote it */

    /* The link's own. */
    SSTRequestState state;
    unsigned attempts; /* how often a connection was lost under it */
    uint64_t tag;      /* old wire: request_id in the message */
    uint64_t position; /* in the connection's stream, of the message that it is in */
    QTAILQ_ENTRY(SSTLinkRequest) next;
} SSTLinkRequest;

typedef QTAILQ_HEAD(, SSTLinkRequest) SSTLinkRequestList;

typedef struct SSTAnswer {
    const struct bg_sst_response *response; /* little-endian; the first `size` bytes of it */
    size_t size;                            /* at least up to the payload */
    uint64_t time_ns;                       /* deterministic time: when the guest gets it */
    uint64_t cycles;
} SSTAnswer;

/*
 * They must not call back into the link, nor touch the guest's memory or interrupt it: a write
 * there may reset or unplug the device, and the link is in the middle of its lists. The request is
 * outside already.
 */
typedef struct SSTLinkEvents {
    void (*answer)(void *opaque, SSTLinkRequest *request, const SSTAnswer *answer);
    /* @status: BG_SST_NO_DEVICE, BG_SST_ERROR (the connection was lost), BG_SST_TIMEOUT. */
    void (*failed)(void *opaque, SSTLinkRequest *request, uint32_t status);
    void (*event)(void *opaque, const struct bg_sst_event *event, uint64_t time_ns);
    /* The main loop's call ends, and the link does nothing after this: what the above have kept may
     * be told to the guest. Whoever calls a function of the link's looks by itself afterwards. */
    void (*batch_end)(void *opaque);
    /* There is a connection now, or there is none any more. */
    void (*changed)(void *opaque, bool connected);
} SSTLinkEvents;

/* What it is that is UP. */
enum {
    SST_LINK_HELLO = PEER_LINK_UP, /* the probe has not been answered */
    SST_LINK_OLD,                  /* whole structures */
    SST_LINK_FRAMES,               /* the extension */
};

/* Why a connection ended. */
typedef enum SSTLoss {
    SST_LOSS_CLOSED,   /* by the peer */
    SST_LOSS_STALE,    /* the same, found before anything was sent: nothing pending is lost */
    SST_LOSS_PROTOCOL, /* the peer sent what the protocol does not allow */
    SST_LOSS_TIMEOUT,  /* deterministic time: no reply before the deadline */
    SST_LOSS_LOCAL,    /* we ended it */
} SSTLoss;

typedef struct SSTLink {
    PeerLink peer; /* `running` is never true in deterministic time */

    /* Set by the owner before sst_link_init(). */
    bool extension; /* send the probe */
    bool sync;      /* deterministic time */
    uint32_t sync_deadline_ms;
    uint64_t clock_hz; /* deterministic time, old wire: to turn cycles into time */
    uint32_t device_id, pairs, in_flight_max; /* for the probe */

    /* The link's own from here on. */
    const SSTLinkEvents *events;
    void *opaque;
    bool running; /* the VM runs */

    SSTLinkRequestList pending, sent;
    GHashTable *by_tag; /* those in `sent` */
    uint64_t next_tag;
    GHashTable *abandoned; /* old wire: ids of requests sent, not answered, abandoned */
    int64_t heard_ms;      /* real time, of the connection's begin or its last answer */
    unsigned distance_ms;  /* from that to the next one: grows with those that answer nothing */
    bool reset_due;        /* to be told to the simulator before anything else, also to the next */
    uint32_t reset_reason;
    uint64_t reset_end; /* in the connection's stream, of the last frame that tells of one */
    GArray *cancels;    /* uint64_t: tags, to be told */

    struct bg_sst_hello hello;       /* the last one sent */
    struct bg_sst_hello_reply model; /* while FRAMES */
    uint64_t sequence;               /* of the last frame */
    uint64_t next_ns;                /* deterministic time: when the simulator wants to be called */

    SSTWriter tx;           /* writes into peer.tx */
    uint64_t stream_queued; /* bytes put into peer.tx on this connection */
    SSTReader reader;

    /* Statistics, shown as properties of the device. */
    uint64_t late_answers, frames_sent;
} SSTLink;

/* The link is zeroed but for what the owner sets. It does not connect yet. */
void sst_link_init(SSTLink *link, const SSTLinkEvents *events, void *opaque, Object *owner);
/* Ends the connection without an event. No request is inside. What is called later does nothing. */
void sst_link_cleanup(SSTLink *link);
/* Frees all but properties, of one that was cleaned up or never began. */
void sst_link_free(SSTLink *link);

static inline bool sst_link_is_up(const SSTLink *link)
{
    return peer_link_is_up(&link->peer);
}

/* Connects if that is possible now. Else a timer will try again (not in deterministic time). */
void sst_link_try_open(SSTLink *link);

/* Takes the request. It is not sent before sst_link_kick(). */
void sst_link_submit(SSTLink *link, SSTLinkRequest *request);
/* Sends what was submitted; connects if need be. In deterministic time: waits for the reply. */
void sst_link_kick(SSTLink *link);
/* The request ends without an event. */
void sst_link_abandon(SSTLink *link, SSTLinkRequest *request);
/* All requests have been abandoned; the simulator is told with the next sst_link_kick(), or when
 * there is one that can be told. */
void sst_link_reset(SSTLink *link, uint32_t reason);
/* The VM stops or runs. */
void sst_link_set_running(SSTLink *link, bool running);

/* ---- Between virtio-sst-link.c and virtio-sst-sync.c ---- */

/* Fills the empty peer.tx with the next message. False: there is nothing to be said. @frame_flags:
 * BG_SST_FRAME_SYNC makes a frame in any case. */
bool sst_link_fill(SSTLink *link, uint32_t frame_flags);
/* Takes what reader has. False: the connection was lost, or in deterministic time the reply is
 * complete. */
bool sst_link_consume(SSTLink *link, uint64_t reply_to);
/* Connects now: sst_link_is_up(), or WAITING, or DOWN and the pending requests have failed. */
void sst_link_open(SSTLink *link);
void sst_link_lost(SSTLink *link, SSTLoss why);

/* virtio-sst-sync.c: when the answer of an old simulator reaches the guest, see clock_hz. */
uint64_t sst_link_old_time_ns(const SSTLink *link, const SSTLinkRequest *request, uint64_t cycles);
/* virtio-sst-sync.c: one exchange with the simulator, with all that is pending. */
void sst_link_exchange(SSTLink *link);

#endif
