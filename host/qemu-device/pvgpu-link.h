/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pvgpu: the link to the backend. Connects and connects again, shakes hands, carries messages both
 * ways, doorbells and interrupts by message or by eventfd. Never waits, but for one thing: when the
 * VM stops, for the backend to be quiet, with a deadline.
 *
 * All calls are made with the big QEMU lock held. While the VM is stopped nothing is read and there
 * are no events; what happened meanwhile is found when it runs again.
 *
 *   DOWN ---------> GREETING --------> UP
 *     connect()      HANDSHAKE sent     HANDSHAKE_ACK came
 */
#ifndef HW_MISC_BAREGPU_PVGPU_LINK_H
#define HW_MISC_BAREGPU_PVGPU_LINK_H

#include "peer-link.h"
#include "pvgpu-message.h"
#include "qemu/event_notifier.h"

typedef struct PVGPULink PVGPULink;

/* Why a connection ended. */
typedef enum PVGPULoss {
    PVGPU_LOSS_CLOSED,   /* the backend closed it, or died */
    PVGPU_LOSS_SHUTDOWN, /* the backend said SHUTDOWN */
    PVGPU_LOSS_PROTOCOL, /* the backend sent what the protocol does not allow */
    PVGPU_LOSS_SILENT,   /* the backend did not read, or did not pause in time */
} PVGPULoss;

typedef struct PVGPULinkEvents {
    /* GREETING: the backend has not taken the descriptors, but opened the memory by its name.
     * False: it cannot be used, @errp says why; or the connection has ended meanwhile. */
    bool (*older)(void *opaque, Error **errp);
    /* GREETING has become UP. */
    void (*acknowledged)(void *opaque, uint64_t features);
    /* UP has ended. Events and eventfds of the connection do not exist any more. */
    void (*lost)(void *opaque, PVGPULoss why);
    /* GREETING has ended, or may never begin. */
    void (*refused)(void *opaque);
    /* PVGPU_IRQ_*: by message or by eventfd. */
    void (*interrupt)(void *opaque, uint32_t bits);
    /* The backend's own messages. @fd is the callee's. NULL, or what is wrong with it: the
     * connection ends then. */
    const char *(*scanout_buffer)(void *opaque, const struct bg_pvgpu_scanout_buffer *buffer,
                                  int fd);
    const char *(*scanout)(void *opaque, const struct bg_pvgpu_scanout *scanout);
    /* The doorbell's eventfd of this connection is there, or about to go. */
    void (*doorbell_added)(void *opaque, EventNotifier *doorbell);
    void (*doorbell_removed)(void *opaque, EventNotifier *doorbell);
} PVGPULinkEvents;

enum {
    PVGPU_LINK_GREETING = PEER_LINK_UP,
    PVGPU_LINK_UP,
};

/* What HANDSHAKE and IDENTITY say. */
typedef struct PVGPUGreeting {
    const char *shmem_name;
    uint64_t shmem_size; /* bytes */
    int shmem_fd;
    uint32_t vm_id;
    uint8_t pool_id;
    uint8_t priority;
} PVGPUGreeting;

/* A backend that does not read costs us no more than this. */
#define PVGPU_TX_SIZE 4096

struct PVGPULink {
    PeerLink peer;
    const PVGPULinkEvents *events;
    void *opaque;     /* the device */
    bool direct;      /* BG_PVGPU_FEATURE_DIRECT was acknowledged */
    unsigned pauses;  /* PAUSE was sent so often without an answer yet */
    bool resume_due;  /* and not taken back */
    bool wanted;      /* the guest has rung or reset the device since a system reset */
    bool rung;        /* the guest rang while GREETING */
    bool reset_waits; /* RESET is to be told as soon as UP */
    uint32_t reset_count;

    PVGPUGreeting greeting;
    EventNotifier doorbell, fence, error;
    bool tx_ends_with_doorbell;

    PVGPUReader reader;
    int received_fd; /* came, and its message is not complete yet; or -1 */

    int64_t tried_ms;     /* virtual time of the last try: a doorbell does not make them too many */
    unsigned distance_ms; /* from that to what a doorbell or a reset begins: grows with connections
                             that ended soon */
    int64_t up_since_ms;
    uint64_t doorbells; /* shown as a property of the device */
};

/* The link is zeroed, except for properties and greeting. It connects a moment later, when a
 * hot-plugged device has been reset, or when the VM runs. */
void pvgpu_link_init(PVGPULink *link, const PVGPULinkEvents *events, Object *owner, bool running);

/* Says SHUTDOWN if there is somebody to hear it. */
void pvgpu_link_say_goodbye(PVGPULink *link);

/* Says goodbye, ends the connection without the events `lost` and
 * `refused`, and frees everything but properties. */
void pvgpu_link_cleanup(PVGPULink *link);

/* Connects if that is possible now; tries again later by itself if not. */
void pvgpu_link_try_open(PVGPULink *link);

/* Ends the connection without the events `lost` and `refused`: what it was is not known any
 * more. */
void pvgpu_link_forget(PVGPULink *link);

/* The guest rang, and no ioeventfd took it. */
void pvgpu_link_ring(PVGPULink *link);

/*
 * Tells the backend of a reset. True when it will answer in the control region, or `lost` or
 * `refused` will come; false when there is none that understands it. With none at all, the next
 * tries to connect come soon.
 */
bool pvgpu_link_reset(PVGPULink *link, uint32_t count);

void pvgpu_link_scanout_done(PVGPULink *link, uint32_t buffer, uint32_t slot);

/* The VM runs. */
void pvgpu_link_resume(PVGPULink *link);

/*
 * The VM stops. A DIRECT backend is quiet when this returns: it does not write into the shared
 * memory until pvgpu_link_resume(), and its interrupts were delivered; or it will be, as soon as it
 * has ended what it does, when that takes more than @timeout_ms. @for_good, that is when the shared
 * memory is about to be saved or to move, such a one is lost, and so is an older one.
 */
void pvgpu_link_pause(PVGPULink *link, unsigned timeout_ms, bool for_good);

#endif
