/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-sst-device: a simulated accelerator behind a socket as a virtio device. protocol/sst.h has
 * the structures, docs/virtio-sst.md tells what each state does.
 */
#include "qemu/osdep.h"
#if __has_include("exec/icount.h")
#include "exec/icount.h"
#else
#include "system/cpu-timers.h" /* up to 10.0 */
#endif
#include "hw/virtio/virtio-bus.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "qemu/bswap.h"
#include "qemu/module.h"
#include "standard-headers/linux/virtio_config.h"
#include "system/qtest.h"
#include "system/runstate.h"
#include "trace.h"
#include "virtio-sst.h"

/* The existing driver gives up after 5 s: it shall hear of a time-out from us before that. */
#define TIMEOUT_DEFAULT_MS 4000
#define TIMEOUT_MAX_MS (60 * 60 * 1000)
#define SYNC_DEADLINE_DEFAULT_MS 10000
#define CLOCK_DEFAULT_HZ 1000000000

/* ---- Features and configuration ---- */

unsigned virtio_sst_pair_count(VirtIOSST *s)
{
    bool many = virtio_vdev_has_feature(VIRTIO_DEVICE(s), ctz64(BG_SST_F_MULTI_QUEUE));

    return many ? s->num_queues : 1;
}

/*
 * Whoever negotiated BG_SST_F_EVENTS before a migration keeps it, also when there is no simulator
 * yet on this side. The offer stands from the moment on that a driver may have read it.
 */
static uint64_t event_feature(VirtIOSST *s)
{
    return sst_link_is_up(&s->link) || runstate_check(RUN_STATE_INMIGRATE) ? BG_SST_F_EVENTS : 0;
}

void virtio_sst_update_offer(VirtIOSST *s)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(s);

    if (!(vdev->status & VIRTIO_CONFIG_S_DRIVER)) {
        vdev->host_features = (vdev->host_features & ~BG_SST_F_EVENTS) | event_feature(s);
    }
}

static uint64_t virtio_sst_get_features(VirtIODevice *vdev, uint64_t features, Error **errp)
{
    VirtIOSST *s = VIRTIO_SST(vdev);

    features |=
        BG_SST_F_ECHO | BG_SST_F_COMPUTE | BG_SST_F_MEMORY | BG_SST_F_RESET | event_feature(s);
    if (s->num_queues > 1) {
        features |= BG_SST_F_MULTI_QUEUE;
    }
    return features;
}

/* Before the negotiation is complete, max_queues is what there is to be had (virtio 1.4, 2.5.1). */
static void virtio_sst_get_config(VirtIODevice *vdev, uint8_t *config)
{
    VirtIOSST *s = VIRTIO_SST(vdev);
    bool negotiated = vdev->status & (VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
    const struct bg_sst_config values = {
        .version = cpu_to_le32(BG_SST_PROTOCOL_VERSION),
        .device_id = cpu_to_le32(s->link.device_id),
        .features = cpu_to_le64(vdev->guest_features & BG_SST_F_ALL),
        .max_queues = cpu_to_le64(negotiated ? virtio_sst_pair_count(s) : s->num_queues),
    };

    memcpy(config, &values, sizeof(values));
}

/* ---- Status and reset ---- */

/*
 * QEMU goes on with the device after each of these. So nothing is written to the guest's memory
 * from here, which could reset or unplug us meanwhile: that comes a moment later.
 */

/* 10.1: a device can say that it failed. */
#if BAREGPU_QEMU_AT_LEAST(10, 1)
typedef int VirtIOSSTStatusResult;
#else
typedef void VirtIOSSTStatusResult;
#endif

static VirtIOSSTStatusResult virtio_sst_set_status(VirtIODevice *vdev, uint8_t status)
{
    bool starts =
        (status & VIRTIO_CONFIG_S_DRIVER_OK) && !(vdev->status & VIRTIO_CONFIG_S_DRIVER_OK);

    if (starts && vdev->vm_running) {
        virtio_sst_process_soon(VIRTIO_SST(vdev)); /* what was made available before */
    }
    return (VirtIOSSTStatusResult)0;
}

static void virtio_sst_reset(VirtIODevice *vdev)
{
    VirtIOSST *s = VIRTIO_SST(vdev);

    trace_virtio_sst_reset(s->link.device_id);
    virtio_sst_drop(s, -1);
    sst_link_reset(&s->link, BG_SST_RESET_DEVICE);
    virtio_sst_kick(s);
    virtio_sst_update_offer(s);
}

static void virtio_sst_queue_reset(VirtIODevice *vdev, uint32_t index)
{
    VirtIOSST *s = VIRTIO_SST(vdev);

    if (index % 2 == 0 && index < 2 * virtio_sst_pair_count(s)) {
        virtio_sst_drop(s, index / 2);
        virtio_sst_kick(s);
    }
}

/*
 * A notification is handled by the vCPU that makes it: it only copies and sends without waiting,
 * and saves the main loop's wake-up. Deterministic time wants it so in any case.
 */
static int virtio_sst_start_ioeventfd(VirtIODevice *vdev)
{
    VirtIOSST *s = VIRTIO_SST(vdev);
    VirtioDeviceClass *parent = VIRTIO_DEVICE_CLASS(object_class_by_name(TYPE_VIRTIO_DEVICE));

    return s->direct_kick || s->link.sync ? 0 : parent->start_ioeventfd(vdev);
}

static void virtio_sst_stop_ioeventfd(VirtIODevice *vdev)
{
    VirtIOSST *s = VIRTIO_SST(vdev);
    VirtioDeviceClass *parent = VIRTIO_DEVICE_CLASS(object_class_by_name(TYPE_VIRTIO_DEVICE));

    if (!s->direct_kick && !s->link.sync) {
        parent->stop_ioeventfd(vdev);
    }
}

/*
 * Runs after a migration, too, once all devices are loaded. The requests that were in flight on the
 * other side end in an error a moment later: QEMU is in the middle of its list of handlers, of
 * which an unplugged device would take some away.
 */
static void virtio_sst_run_state_changed(void *opaque, bool running, RunState state)
{
    VirtIOSST *s = opaque;
    bool guard = virtio_sst_enter(s);

    trace_virtio_sst_run_state(s->link.device_id, running, s->in_flight);
    sst_link_set_running(&s->link, running);
    if (running) {
        virtio_sst_update_offer(s);
        virtio_sst_process_soon(s);
    }
    virtio_sst_leave(s, guard);
}

/* ---- Properties ---- */

static bool check_range(const char *name, uint64_t value, uint64_t max, Error **errp)
{
    if (value >= 1 && value <= max) {
        return true;
    }
    error_setg(errp, "%s must be from 1 to %" PRIu64 ", not %" PRIu64, name, max, value);
    return false;
}

static bool check_properties(VirtIOSST *s, Error **errp)
{
    if (s->link.peer.path == NULL) {
        error_setg(errp, "socket is missing: the path of the simulator's socket");
        return false;
    }
    if (s->link.sync && !icount_enabled() && !qtest_enabled()) {
        error_setg(errp, "sync=on needs a guest whose time is counted in instructions: -icount");
        return false;
    }
    return peer_link_check_properties(&s->link.peer, "socket", errp) &&
           check_range("num-queues", s->num_queues, BG_SST_PAIRS_MAX, errp) &&
           check_range("timeout_ms", s->timeout_ms, TIMEOUT_MAX_MS, errp) &&
           check_range("sync_deadline_ms", s->link.sync_deadline_ms, TIMEOUT_MAX_MS, errp) &&
           check_range("clock_hz", s->link.clock_hz, INT64_MAX, errp);
}

static const Property virtio_sst_properties[] = {
    DEFINE_PROP_STRING("socket", VirtIOSST, link.peer.path),
    DEFINE_PROP_UINT32("device-id", VirtIOSST, link.device_id, 0),
    DEFINE_PROP_UINT32("num-queues", VirtIOSST, num_queues, 1),
    DEFINE_PROP_UINT32("timeout_ms", VirtIOSST, timeout_ms, TIMEOUT_DEFAULT_MS),
    DEFINE_PROP_STRING("peer_user", VirtIOSST, link.peer.peer_user),
    DEFINE_PROP_BOOL("extension", VirtIOSST, link.extension, true),
    DEFINE_PROP_BOOL("direct_kick", VirtIOSST, direct_kick, true),
    DEFINE_PROP_BOOL("sync", VirtIOSST, link.sync, false),
    DEFINE_PROP_UINT32("sync_deadline_ms", VirtIOSST, link.sync_deadline_ms,
                       SYNC_DEADLINE_DEFAULT_MS),
    DEFINE_PROP_UINT64("clock_hz", VirtIOSST, link.clock_hz, CLOCK_DEFAULT_HZ),
};

static bool get_connected(Object *obj, Error **errp)
{
    return sst_link_is_up(&VIRTIO_SST(obj)->link);
}

static char *get_wire(Object *obj, Error **errp)
{
    static const char *const names[] = {
        [PEER_LINK_DOWN] = "none", [PEER_LINK_WAITING] = "none", [SST_LINK_HELLO] = "hello",
        [SST_LINK_OLD] = "old",    [SST_LINK_FRAMES] = "frames",
    };

    return g_strdup(names[VIRTIO_SST(obj)->link.peer.state]);
}

static char *get_model(Object *obj, Error **errp)
{
    return g_strdup(VIRTIO_SST(obj)->link.model.name);
}

static void virtio_sst_instance_init(Object *obj)
{
    VirtIOSST *s = VIRTIO_SST(obj);
    const PeerStatistic statistics[] = {
        {"stat-requests", &s->requests},
        {"stat-completed", &s->completed},
        {"stat-failed", &s->failed},
        {"stat-timeouts", &s->timeouts},
        {"stat-in-flight", &s->in_flight},
        {"stat-resets", &s->resets},
        {"stat-cycles", &s->cycles},
        {"stat-events", &s->events},
        {"stat-events-dropped", &s->events_dropped},
        {"stat-late-answers", &s->link.late_answers},
        {"stat-frames-sent", &s->link.frames_sent},
        {"stat-bytes-sent", &s->link.peer.bytes_sent},
        {"stat-bytes-received", &s->link.peer.bytes_received},
    };

    peer_link_add_statistics(&s->link.peer, obj, statistics, ARRAY_SIZE(statistics));
}

/* ---- Life ---- */

static void virtio_sst_realize(DeviceState *dev, Error **errp)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(dev);
    VirtIOSST *s = VIRTIO_SST(dev);

    if (!check_properties(s, errp)) {
        return;
    }
    s->link.pairs = s->num_queues;
    s->link.in_flight_max = s->num_queues * VIRTQUEUE_MAX_SIZE; /* MMIO offers so many */
    virtio_init(vdev, BG_SST_VIRTIO_ID, sizeof(struct bg_sst_config));
    for (unsigned i = 0; i < 2 * s->num_queues + 1; i++) {
        s->queues[i] = virtio_add_queue(vdev, BG_SST_QUEUE_SIZE, virtio_sst_handle_queue);
    }
    for (unsigned i = 0; i < s->num_queues; i++) {
        s->pairs[i].request_queue = s->queues[BG_SST_QUEUE_REQUEST(i)];
        s->pairs[i].response_queue = s->queues[BG_SST_QUEUE_RESPONSE(i)];
    }
    s->transport = qdev_get_parent_bus(dev)->parent;
    virtio_sst_queue_init(s);
    s->link.peer.guard = virtio_sst_guard(s);
    sst_link_init(&s->link, &virtio_sst_link_events, s, OBJECT(s->transport));
    s->run_state_entry = qemu_add_vm_change_state_handler(virtio_sst_run_state_changed, s);
    if (!runstate_check(RUN_STATE_INMIGRATE)) {
        sst_link_try_open(&s->link);
    }
}

static void virtio_sst_unrealize(DeviceState *dev)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(dev);
    VirtIOSST *s = VIRTIO_SST(dev);

    vdev->broken = true; /* whoever is in the middle of a queue stops */
    qemu_del_vm_change_state_handler(s->run_state_entry);
    virtio_sst_queue_cleanup(s);
    sst_link_cleanup(&s->link);
    for (unsigned i = 0; i < 2 * s->num_queues + 1; i++) {
        virtio_del_queue(vdev, i);
    }
    virtio_cleanup(vdev);
}

/* Here, not in virtio_sst_unrealize(), which may be called from the middle of their use. */
static void virtio_sst_finalize(Object *obj)
{
    VirtIOSST *s = VIRTIO_SST(obj);

    virtio_sst_queue_free(s);
    sst_link_free(&s->link);
}

/* ---- Migration ---- */

/* The parts of the device, inside of virtio's own state. */
static const VMStateDescription virtio_sst_device_vmstate = {
    .name = "virtio-sst-device",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields =
        (const VMStateField[]){VMSTATE_UINT32_EQUAL(num_queues, VirtIOSST, "num-queues differs"),
                               {
                                   .name = "items",
                                   .info = &virtio_sst_items_info,
                                   .flags = VMS_SINGLE,
                               },
                               VMSTATE_END_OF_LIST()},
};

static const VMStateDescription virtio_sst_vmstate = {
    .name = "virtio-sst",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]){VMSTATE_VIRTIO_DEVICE, VMSTATE_END_OF_LIST()},
};

/* ---- Type ---- */

static void virtio_sst_class_init(ObjectClass *class, BAREGPU_CLASS_DATA *data)
{
    DeviceClass *dc = DEVICE_CLASS(class);
    VirtioDeviceClass *vdc = VIRTIO_DEVICE_CLASS(class);

    vdc->realize = virtio_sst_realize;
    vdc->unrealize = virtio_sst_unrealize;
    vdc->get_features = virtio_sst_get_features;
    vdc->get_config = virtio_sst_get_config;
    vdc->set_status = virtio_sst_set_status;
    vdc->reset = virtio_sst_reset;
    vdc->queue_reset = virtio_sst_queue_reset;
    vdc->start_ioeventfd = virtio_sst_start_ioeventfd;
    vdc->stop_ioeventfd = virtio_sst_stop_ioeventfd;
    vdc->vmsd = &virtio_sst_device_vmstate;
    vdc->post_load = virtio_sst_post_load;
    dc->vmsd = &virtio_sst_vmstate;
    dc->desc = "baregpu simulated accelerator";
    device_class_set_props(dc, virtio_sst_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    object_class_property_add_bool(class, "connected", get_connected, NULL);
    object_class_property_add_str(class, "wire", get_wire, NULL);
    object_class_property_add_str(class, "model", get_model, NULL);
}

static const TypeInfo virtio_sst_types[] = {
    {
        .name = TYPE_VIRTIO_SST,
        .parent = TYPE_VIRTIO_DEVICE,
        .instance_size = sizeof(VirtIOSST),
        .instance_init = virtio_sst_instance_init,
        .instance_finalize = virtio_sst_finalize,
        .class_init = virtio_sst_class_init,
    },
};

DEFINE_TYPES(virtio_sst_types)
