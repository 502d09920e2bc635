/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device's link to a process on this host: one connection at a time, over a Unix socket or
 * whatever else carries bytes. A device's own link has this inside, and adds its protocol.
 *
 * All calls are made with the big QEMU lock held. None waits but peer_link_wait(). Whatever calls a
 * function of the device's may end the connection, and begin the next: who goes on afterwards looks
 * with peer_link_is_current().
 */
#ifndef HW_MISC_BAREGPU_PEER_LINK_H
#define HW_MISC_BAREGPU_PEER_LINK_H

#include "compat.h"
#include "io/channel.h"
#include "qemu/timer.h"

typedef struct PeerLink PeerLink;

/* What a device does with its link. The main loop's calls hold a reference to the owner. */
typedef struct PeerLinkOps {
    const char *device, *peer; /* for messages: "pvgpu", "backend" */
    QEMUClockType clock;       /* of the tries to connect */
    unsigned retry_first_ms, retry_max_ms;
    size_t tx_capacity; /* a peer that does not read costs no more than this */

    /* The main loop: there is something to be received; there is room; time to try again. */
    void (*readable)(PeerLink *link);
    void (*writable)(PeerLink *link);
    void (*retry)(PeerLink *link);

    /* Called by peer_link_receive(). False: no more now, or the connection is gone. */
    bool (*received)(PeerLink *link, const uint8_t *data, size_t size);
    /* Before received() of what they came with; they are the callee's, the array is not. False: the
     * connection is gone. NULL: the peer can not send any. */
    bool (*received_fds)(PeerLink *link, const int *fds, size_t count);
    /* The peer has closed the connection; @reset: and had not read all that we sent. */
    void (*ended)(PeerLink *link, bool reset);
} PeerLinkOps;

/* How bytes get to the peer: a Unix socket of our own, or something of the user's. */
typedef struct PeerTransport {
    /* 0: connected. -EAGAIN: someone listens, but has too many callers now. Other -errno: nobody
     * is there, or not one we trust; @errp says who and why. */
    int (*open)(PeerLink *link, Error **errp);
    /* Bytes read, 0 at the stream's end, -EAGAIN or another -errno. NULL: it calls the device's
     * received() by itself. */
    ssize_t (*read)(PeerLink *link, void *data, size_t size, int **fds, size_t *fd_count);
    /* Bytes taken, at least 1; -EAGAIN or another -errno. */
    ssize_t (*write)(PeerLink *link, const void *data, size_t size, int *fds, size_t fd_count);
    /* Tells the main loop what to look for: as wants_*() and `running` say now. */
    void (*watch)(PeerLink *link);
    void (*close)(PeerLink *link);
} PeerTransport;

/* A device may have states of its own from UP on. */
enum {
    PEER_LINK_DOWN,
    PEER_LINK_WAITING, /* for room in the listener's queue; a timer tries again */
    PEER_LINK_UP,
};

struct PeerLink {
    /* Properties. */
    char *path, *peer_user;
    bool trusts_user; /* this one, besides root and our own */
    uid_t trusted_uid;

    const PeerLinkOps *ops;
    const PeerTransport *transport;
    Object *owner;
    bool *guard; /* true while the main loop's calls run. May be NULL */
    int state;
    bool running;   /* the VM runs; the main loop looks at the connection */
    bool unwatched; /* but not for what comes: somebody else does */
    bool warned;    /* a warning was printed and nothing has worked since */

    /* Bytes [tx_sent, tx_size) wait to be sent. */
    uint8_t *tx;
    size_t tx_sent, tx_size;
    uint64_t sent; /* bytes on this connection */

    QEMUTimer *retry_timer;
    unsigned retry_ms; /* to the next try: longer each time */

    /* The socket. */
    QIOChannel *channel;
    bool watches_read, watches_write; /* what the main loop was told */

    /* Statistics, shown as properties of the device. */
    uint64_t connections, disconnections, protocol_errors, bytes_sent, bytes_received;
};

/* The link is zeroed but for properties and guard. It does not connect yet. */
void peer_link_init(PeerLink *link, const PeerLinkOps *ops, Object *owner, bool running);
/* Ends the connection without a call and frees everything but properties. */
void peer_link_cleanup(PeerLink *link);

static inline bool peer_link_is_up(const PeerLink *link)
{
    return link->state >= PEER_LINK_UP;
}

static inline bool peer_link_is_current(const PeerLink *link, uint64_t connection)
{
    return peer_link_is_up(link) && link->connections == connection;
}

static inline bool peer_link_wants_write(const PeerLink *link)
{
    return link->tx_sent < link->tx_size;
}

/* Connects now: 0 and UP, or DOWN and what PeerTransport.open() says. Not watched yet. */
int peer_link_open(PeerLink *link, Error **errp);
/* The transport has connected by itself. */
void peer_link_opened(PeerLink *link);
/* DOWN from here on, whatever it was; no try is to come. */
void peer_link_close(PeerLink *link);
/* The next try comes after a while, which grows until peer_link_retry_anew(). */
void peer_link_retry_later(PeerLink *link);
void peer_link_retry_anew(PeerLink *link);
/* Tells the main loop, after a change of `running`, `unwatched` or tx. */
void peer_link_watch(PeerLink *link);

/* Bytes taken, at least 1; -EAGAIN or another -errno. Nothing waits in tx. */
ssize_t peer_link_write(PeerLink *link, const void *data, size_t size, int *fds, size_t fd_count);
/* False: there is no room. */
bool peer_link_queue(PeerLink *link, const void *data, size_t size);
/* Sends what the connection takes now. False: it takes nothing any more. */
bool peer_link_flush(PeerLink *link);

/* Takes what has come, so much at most that a peer that floods us can not hold the lock. */
void peer_link_receive(PeerLink *link);
/* The same by hand: bytes read, 0 at the stream's end, -EAGAIN or another -errno. */
ssize_t peer_link_read(PeerLink *link, void *data, size_t size);
/* True if the peer has closed the connection and all that it said was received. */
bool peer_link_has_ended(PeerLink *link);
/* Waits for POLLIN, POLLOUT; what was found, or 0 when it is @until_us (monotonic). */
int peer_link_wait(PeerLink *link, int events, int64_t until_us);

/* One line, until something works again (warned): a guest can ring its doorbell all day. */
void peer_link_warn(PeerLink *link, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* ---- Properties: what is wrong with one is said in @errp ---- */

/* path, whose property has the name @property, and peer_user. */
bool peer_link_check_properties(PeerLink *link, const char *property, Error **errp);

/* Who the guest is to the mediator. */
bool peer_check_identity(const char *pool_id, const char *priority, uint8_t *pool, uint8_t *level,
                         Error **errp);

typedef struct PeerStatistic {
    const char *name;
    const uint64_t *value;
} PeerStatistic;

/* Adds those of the link to the device's own, as properties of @owner. */
void peer_link_add_statistics(const PeerLink *link, Object *owner, const PeerStatistic *own,
                              size_t count);

#endif
