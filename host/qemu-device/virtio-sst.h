/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-sst: the state that the device's files share.
 *
 *   virtio-sst.c        the virtio device: features, configuration, properties, life, migration
 *   virtio-sst-queue.c  requests, responses, events in the virtqueues; time-outs, virtual time
 *   virtio-sst-migration.c  requests in flight, from one side to the other
 *   virtio-sst-link.c   the connection to the simulator; virtio-sst-sync.c: deterministic time
 *   virtio-sst-wire.c   bytes on the socket
 *   virtio-sst-pci.c    the device on PCI
 */
#ifndef HW_MISC_BAREGPU_VIRTIO_SST_H
#define HW_MISC_BAREGPU_VIRTIO_SST_H

#include "hw/virtio/virtio.h"
#include "migration/vmstate.h"
#include "virtio-sst-link.h"

#define TYPE_VIRTIO_SST "virtio-sst-device"
OBJECT_DECLARE_SIMPLE_TYPE(VirtIOSST, VIRTIO_SST)

typedef enum SSTItemState {
    SST_ITEM_NEW,
    SST_ITEM_FORWARDED, /* the simulator has it; in `items` */
    SST_ITEM_SCHEDULED, /* the answer is known; in `items` and `due` */
    SST_ITEM_WAITING,   /* answered; waits for a buffer of the response queue; in pair->waiting */
    SST_ITEM_RESTORED,  /* came with a migration; in `restored`, and not mapped */
} SSTItemState;

/* A request of the guest: what virtqueue_pop() returns. */
typedef struct SSTDue SSTDue;

typedef struct SSTItem {
    VirtQueueElement element; /* first: virtqueue_pop() wants that */
    SSTItemState state;
    int64_t deadline_ns;              /* virtual time */
    struct bg_sst_response *response; /* WAITING: allocated */
    SSTDue *due;                      /* SCHEDULED */
    QTAILQ_ENTRY(SSTItem) next;
    SSTLinkRequest link; /* last: it is big */
} SSTItem;

typedef QTAILQ_HEAD(, SSTItem) SSTItemList;

/*
 * An answer or an event that is to reach the guest: when the call that brought it is over, or in
 * deterministic time at its time. Nothing is told to the guest from within the link, since a write
 * to the guest's memory may reset or unplug the device through its port's configuration space.
 */
struct SSTDue {
    uint64_t time_ns;
    SSTItem *item; /* NULL: an event */
    size_t size;
    QTAILQ_ENTRY(SSTDue) next;
    uint8_t data[]; /* sst_response, or sst_event */
};

typedef struct SSTPair {
    VirtQueue *request_queue, *response_queue;
    SSTItemList waiting;
    bool notify_request, notify_response;
} SSTPair;

struct VirtIOSST {
    VirtIODevice parent_obj;

    DeviceState *transport; /* which has us inside, or on its bus */
    bool live;              /* realized. Looked at after everything that may have unplugged us */
    bool look_due;          /* due_timer: all queues are to be looked at */
    unsigned generation;    /* counts resets */
    SSTLink link;
    VirtQueue *queues[2 * BG_SST_PAIRS_MAX + 1]; /* what they are depends on BG_SST_F_MULTI_QUEUE */
    SSTItemList items;                           /* at the simulator, the earliest deadline first */
    SSTItemList restored;
    QTAILQ_HEAD(, SSTDue) due; /* by time */
    unsigned due_events;       /* in there */
    SSTPair pairs[BG_SST_PAIRS_MAX];
    bool notify_event;
    QEMUTimer *timeout_timer, *due_timer; /* virtual time */
    QEMUBH *queue_bh; /* goes on with the queues where a notification has stopped */
    VMChangeStateEntry *run_state_entry;

    /* Properties. */
    uint32_t num_queues; /* pairs */
    uint32_t timeout_ms;
    bool direct_kick;

    /* Statistics, properties for reading. */
    uint64_t requests, completed, failed, timeouts, events, events_dropped, resets, cycles;
    uint64_t in_flight;
};

extern const SSTLinkEvents virtio_sst_link_events;
extern const VMStateInfo virtio_sst_items_info;
/* VirtioDeviceClass.post_load: the items can be what the queues have in use. */
int virtio_sst_post_load(VirtIODevice *vdev);
/* Maps what came with a migration, where virtqueue_map() would end QEMU. False: some of it is not
 * there; the chain has no parts then. */
bool virtio_sst_map(VirtIOSST *s, VirtQueueElement *element);

/* Pairs that are in use: num_queues, or 1. */
unsigned virtio_sst_pair_count(VirtIOSST *s);
/* Offers BG_SST_F_EVENTS, or not: while a simulator is connected. */
void virtio_sst_update_offer(VirtIOSST *s);
/* VirtIOHandleOutput of all queues. */
void virtio_sst_handle_queue(VirtIODevice *vdev, VirtQueue *vq);
/* Looks at all queues, a moment later: for callers that go on with the device afterwards. */
void virtio_sst_process_soon(VirtIOSST *s);
/* sst_link_kick(), and the timers that depend on the reply. Nothing is told to the guest. */
void virtio_sst_kick(VirtIOSST *s);
/*
 * Around everything that may write to the guest's memory or interrupt it, as QEMU does it around
 * accesses by the guest: a buffer, or an MSI-X vector, that leads into our own registers must not
 * bring us here again from within. It can still reset or unplug us, through the configuration space
 * of a port above us: we stay in memory until virtio_sst_leave().
 */
bool virtio_sst_enter(VirtIOSST *s);
void virtio_sst_leave(VirtIOSST *s, bool was);
bool *virtio_sst_guard(VirtIOSST *s);
/* Fields that do not depend on properties. After cleanup nothing is told to the guest any more. */
void virtio_sst_queue_init(VirtIOSST *s);
void virtio_sst_queue_cleanup(VirtIOSST *s);
void virtio_sst_queue_free(VirtIOSST *s);
/* Drops what is in flight: of pair @pair, or of all (-1). The guest gets nothing back. */
void virtio_sst_drop(VirtIOSST *s, int pair);

#endif
