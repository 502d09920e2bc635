/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vgpu-stub: the link to the mediator. Carries one request at a time, finds its answer among
 * what comes back, and never waits: every call returns at once.
 *
 * All calls are made with the big QEMU lock held. A request that was submitted ends in exactly one
 * event (answer or failed), unless it is abandoned before that. While the VM is stopped the
 * link reads and writes nothing and there are no events; what happened meanwhile is found
 * when it runs again.
 *
 * Late answers: an answer belongs to the request whose id it carries. Requests that were abandoned
 * on this connection and have not been answered are remembered, and a new request never gets the
 * id of one of them: where the guest reuses an id too early, the message carries the next free
 * one. So the answer to an abandoned request can not be taken for that of a later one.
 */
#ifndef HW_MISC_BAREGPU_VGPU_STUB_LINK_H
#define HW_MISC_BAREGPU_VGPU_STUB_LINK_H

#include "chardev/char-fe.h"
#include "compat.h"
#include "peer-link.h"
#include "vgpu-stub-message.h"

typedef struct VGPUStubLink VGPUStubLink;

/* Both may be called from within vgpu_stub_link_submit(), _poll() and _set_running(). They must
 * not call back into the link. */
typedef struct VGPUStubLinkEvents {
    /* @message is valid during the call and is an answer (vgpu_stub_message_is_answer()). */
    void (*answer)(void *opaque, const VGPUStubMessage *message);
    /* BG_COMPUTE_MEDIATOR_UNAVAILABLE: there is no connection, or it ended before the answer.
     * BG_COMPUTE_QUEUE_FULL: too many abandoned requests have no answer yet. */
    void (*failed)(void *opaque, uint32_t code);
} VGPUStubLinkEvents;

/* Why a connection ended. */
typedef enum VGPUStubLoss {
    VGPU_STUB_LOSS_CLOSED,   /* the peer closed it */
    VGPU_STUB_LOSS_RESET,    /* the peer closed it and had not read all that we sent */
    VGPU_STUB_LOSS_PROTOCOL, /* the peer sent what the protocol does not allow */
    VGPU_STUB_LOSS_LOCAL,    /* we ended it */
} VGPUStubLoss;

/* An unanswered, abandoned request costs one place; when all are taken, there is none for another:
 * a guest that floods its doorbell costs the mediator neither memory nor connections. */
#define VGPU_STUB_ABANDONED_MAX 128

typedef enum VGPUStubWire {
    VGPU_STUB_WIRE_20, /* bytes of a header */
    VGPU_STUB_WIRE_24,
    VGPU_STUB_WIRE_AUTO, /* what was answered last on this path; 20, then 24, where nothing was */
} VGPUStubWire;

struct VGPUStubLink {
    PeerLink peer;
    VGPUStubWire wire; /* set by the owner before vgpu_stub_link_init() */
    const VGPUStubLinkEvents *events;
    void *opaque;
    bool answered; /* an answer came on this connection */

    bool active;      /* a request waits for its answer */
    uint32_t wire_id; /* its id in the message */
    unsigned resets;  /* how often its connection was reset under it */
    bool joined;      /* its connection was there before it: what comes may be older */
    VGPUStubMessage message;
    uint8_t payload[BG_VGPU_STUB_PAYLOAD_MAX];
    bool long_form;  /* of this connection */
    bool other_form; /* AUTO: the request is in the form that was not expected */
    bool refused;    /* AUTO: and was closed upon, once */
    size_t tx_last;  /* where it begins in peer.tx */
    size_t tx_end;   /* and ends; 0: it is not there any more */

    /* Connections have a distance in real time: it grows with requests that get no answer, and with
     * resets of the device soon after one was made. */
    int64_t connected_ms;
    bool unserved;        /* there was no answer since the last request */
    unsigned unserved_ms; /* the distances that follow */
    unsigned reset_ms;

    VGPUStubReader reader;
    unsigned abandoned_count;
    uint32_t abandoned[VGPU_STUB_ABANDONED_MAX]; /* ids */

    /* See vgpu_stub_link_guest_polls(). The main loop is left alone while peer.unwatched. */
    unsigned polls; /* that found no answer, since somebody last looked */
    QEMUTimer *polled_timer;

    uint64_t late_answers; /* shown as a property of the device */

    /* vgpu-stub-chardev.c */
    CharFrontend chr;
    guint write_tag;           /* of the watch for room, or 0 */
    bool closed_while_stopped; /* still UP; the loss is told when the VM runs */
};

static inline bool vgpu_stub_link_is_up(const VGPUStubLink *link)
{
    return peer_link_is_up(&link->peer);
}

/* The link is zeroed, except for properties. It does not connect yet. @owner is given to events. */
void vgpu_stub_link_init(VGPUStubLink *link, const VGPUStubLinkEvents *events, Object *owner);
/* The same, over chr. */
void vgpu_stub_link_init_chardev(VGPUStubLink *link, const VGPUStubLinkEvents *events,
                                 Object *owner);

/* Ends the connection without an event and frees everything but properties. */
void vgpu_stub_link_cleanup(VGPUStubLink *link);

/* Connects if that is possible now. Nothing happens otherwise. */
void vgpu_stub_link_try_open(VGPUStubLink *link);

/* No request is active. @message->request_id is what the guest wants it to be. */
void vgpu_stub_link_submit(VGPUStubLink *link, const VGPUStubMessage *message);

/* The active request, if there is one, ends without an event. What of it was not sent yet is
 * not sent, as far as that keeps the stream intact. */
void vgpu_stub_link_abandon(VGPUStubLink *link);

/* Abandons, and ends the connection if a session may exist on it. */
void vgpu_stub_link_reset(VGPUStubLink *link);

/* The VM stops or runs. */
void vgpu_stub_link_set_running(VGPUStubLink *link, bool running);

/* Takes what has come, as far as it can be had without waiting. */
void vgpu_stub_link_poll(VGPUStubLink *link);

/*
 * The same, for a guest that asks whether its answer is there and has no interrupt to tell it. When
 * it goes on asking, the main loop is left alone meanwhile: it would be woken for each answer, and
 * then fight for the lock with the guest, which finds the answer by itself. As soon as the guest
 * does not ask for 20 to 40 ms the main loop looks again.
 */
void vgpu_stub_link_guest_polls(VGPUStubLink *link);

/* The guest wants to be told, or may be about to do something else: the main loop looks again. */
void vgpu_stub_link_guest_waits(VGPUStubLink *link);

/* ---- Between vgpu-stub-link.c and vgpu-stub-chardev.c ---- */

/* There is a connection now. */
void vgpu_stub_link_opened(VGPUStubLink *link);
/* Ends the connection. @why LOCAL: a request that is active fails all the same. */
void vgpu_stub_link_lost(VGPUStubLink *link, VGPUStubLoss why);

#endif
