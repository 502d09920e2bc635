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
#include "peer-socket.h"
#include "qemu/timer.h"
#include "vgpu-stub-message.h"

typedef struct VGPUStubLink VGPUStubLink;

/* Both may be called from within vgpu_stub_link_submit(), _poll() and _set_running(). They must
 * not call back into the link. */
typedef struct VGPUStubLinkEvents {
    /* @message is valid during the call and is an answer (vgpu_stub_message_is_answer()). */
    void (*answer)(void *opaque, const VGPUStubMessage *message);
    /* There is no connection, or it ended before the answer. */
    void (*failed)(void *opaque);
} VGPUStubLinkEvents;

/* How bytes get to the peer: a Unix socket of our own, or a character device of the user's. */
typedef struct VGPUStubTransport {
    /* 0: connected. -EAGAIN: someone listens, but has too many callers now. Other -errno: nobody
     * is there, or not one we trust; @errp says who and why. */
    int (*open)(VGPUStubLink *link, Error **errp);
    /* Bytes read, 0 at the stream's end, -EAGAIN or another -errno. NULL: the transport calls
     * vgpu_stub_link_received() by itself. */
    ssize_t (*read)(VGPUStubLink *link, uint8_t *data, size_t size);
    /* Bytes taken, at least 1; -EAGAIN or another -errno. */
    ssize_t (*write)(VGPUStubLink *link, const uint8_t *data, size_t size);
    /* Has the main loop call vgpu_stub_link_poll() for input and vgpu_stub_link_flush() when
     * there is room, as vgpu_stub_link_wants_read() and _wants_write() say now. */
    void (*watch)(VGPUStubLink *link);
    void (*close)(VGPUStubLink *link);
    /* Frees what the transport holds. The link is closed. */
    void (*cleanup)(VGPUStubLink *link);
} VGPUStubTransport;

typedef enum VGPUStubLinkState {
    VGPU_STUB_LINK_DOWN,
    VGPU_STUB_LINK_WAITING, /* for room in the listener's queue; a timer tries again */
    VGPU_STUB_LINK_UP,
} VGPUStubLinkState;

/* Why a connection ended. */
typedef enum VGPUStubLoss {
    VGPU_STUB_LOSS_CLOSED,   /* the peer closed it */
    VGPU_STUB_LOSS_RESET,    /* the peer closed it and had not read all that we sent */
    VGPU_STUB_LOSS_PROTOCOL, /* the peer sent what the protocol does not allow */
    VGPU_STUB_LOSS_LOCAL,    /* we ended it */
} VGPUStubLoss;

/* An unanswered, abandoned request costs one place; when all are taken, the connection ends. */
#define VGPU_STUB_ABANDONED_MAX 128

struct VGPUStubLink {
    const VGPUStubTransport *transport;
    const VGPUStubLinkEvents *events;
    void *opaque;
    VGPUStubLinkState state;
    bool running;  /* the VM runs */
    bool used;     /* something was sent on this connection: there may be a session */
    bool answered; /* an answer came on this connection */
    bool warned;   /* a warning was printed and nothing has worked since */

    bool active;         /* a request waits for its answer */
    uint32_t wire_id;    /* its id in the message */
    unsigned attempts;   /* how often it was begun */
    size_t request_size; /* bytes of the message in request[] */
    uint8_t request[VGPU_STUB_MESSAGE_MAX];

    /* Bytes [tx_sent, tx_size) wait to be sent: the rest of an abandoned message, if one was cut,
     * then the active one, which begins at tx_last. */
    size_t tx_sent, tx_last, tx_size;
    uint8_t tx[2 * VGPU_STUB_MESSAGE_MAX];

    VGPUStubReader reader;
    unsigned abandoned_count;
    uint32_t abandoned[VGPU_STUB_ABANDONED_MAX]; /* ids */
    QEMUTimer *retry_timer;

    /* See vgpu_stub_link_guest_polls(). */
    bool is_polled; /* the main loop is left alone */
    unsigned polls; /* that found no answer, since somebody last looked */
    QEMUTimer *polled_timer;

    /* Statistics, shown as properties of the device. */
    uint64_t connections, disconnections, protocol_errors, late_answers;

    /* vgpu-stub-socket.c */
    char *path;
    int fd;
    bool watches_read, watches_write; /* what the main loop was told */
    PeerSocketUser peer_user; /* accepted besides root and our own */

    /* vgpu-stub-chardev.c */
    CharFrontend chr;
    guint write_tag;         /* of the watch for room, or 0 */
    bool closed_while_stopped; /* state is still UP; the loss is told when the VM runs */
};

/* The link is zeroed, except for path or chr. It does not connect yet. */
void vgpu_stub_link_init_socket(VGPUStubLink *link, const VGPUStubLinkEvents *events,
                                void *opaque);
void vgpu_stub_link_init_chardev(VGPUStubLink *link, const VGPUStubLinkEvents *events,
                                 void *opaque);

/* Ends the connection without an event and frees everything but path and chr. */
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
 * does not ask for a few milliseconds the main loop looks again.
 */
void vgpu_stub_link_guest_polls(VGPUStubLink *link);

/* The guest wants to be told, or may be about to do something else: the main loop looks again. */
void vgpu_stub_link_guest_waits(VGPUStubLink *link);

/* ---- For the transports ---- */

bool vgpu_stub_link_wants_read(const VGPUStubLink *link);
/* By the main loop, that is: not while the guest polls. */
bool vgpu_stub_link_wants_watch(const VGPUStubLink *link);
bool vgpu_stub_link_wants_write(const VGPUStubLink *link);
void vgpu_stub_link_flush(VGPUStubLink *link);
void vgpu_stub_link_received(VGPUStubLink *link, const uint8_t *data, size_t size);
/* The transport has connected by itself. */
void vgpu_stub_link_opened(VGPUStubLink *link);
/* Ends the connection. @why LOCAL: a request that is active fails all the same. */
void vgpu_stub_link_lost(VGPUStubLink *link, VGPUStubLoss why);
void vgpu_stub_link_init(VGPUStubLink *link, const VGPUStubTransport *transport,
                         const VGPUStubLinkEvents *events, void *opaque);

#endif
