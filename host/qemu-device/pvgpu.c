/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pvgpu: a PCI GPU behind shared memory. The guest writes commands into BAR2, a backend process on
 * the host maps the same memory and executes them; this device introduces the two to each other,
 * carries doorbells and interrupts, and shows what is presented.
 *
 * protocol/pvgpu.h has registers, control region and messages, docs/pvgpu.md tells what happens
 * when. In here: registers, the device's words of the control region, life.
 */
#include "qemu/osdep.h"
#include "compat.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_device.h"
#include "migration/vmstate.h"
#include "protocol/vgpu_stub.h"
#include "pvgpu-control.h"
#include "pvgpu-interrupt.h"
#include "pvgpu-link.h"
#include "pvgpu-scanout.h"
#include "pvgpu-shmem.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "system/cpus.h"
#include "system/runstate.h"
#include "system/system.h"
#include "trace.h"

#define TYPE_PVGPU "pvgpu"
OBJECT_DECLARE_SIMPLE_TYPE(PVGPUState, PVGPU)

/* How long the VM's stop waits for the backend to be quiet. */
#define PAUSE_TIMEOUT_DEFAULT_MS 2000
#define PAUSE_TIMEOUT_MAX_MS (10 * 60 * 1000)

#define REFRESH_MAX_HZ 1000

struct PVGPUState {
    PCIDevice parent_obj;
    MemoryRegion mmio;
    MemoryRegion shmem_region;
    struct bg_pvgpu_control *control; /* the start of the shared memory */

    uint32_t status;      /* PVGPU_STATUS_* */
    uint32_t reset_count; /* what control->reset_request says */
    uint64_t features;    /* of the backend that answered last, as the guest sees them */
    bool session_moved;   /* a session was loaded from elsewhere: it is lost when the VM runs */
    bool backend_wrote;   /* there was a backend since the memory was last marked dirty */

    PVGPUInterrupts interrupts;
    PVGPUShmem shmem;
    int named_fd; /* of the object, when it is the memory; or -1 */
    PVGPULink link;
    PVGPUScanout scanout;
    VMChangeStateEntry *run_state_entry;
    Notifier exit_notifier;

    /* Properties, and what they were found to mean. */
    uint64_t shmem_size; /* bytes */
    bool reserve, named;
    char *pool_id;
    char *priority;
    uint32_t vm_id;
    uint32_t pause_timeout_ms;

    /* Statistics, properties for reading. */
    uint64_t resets, lost_sessions, stale_objects;
};

/* ---- The control region ---- */

/*
 * What RESET does to the control region, before the backend hears of it. Without a backend that
 * understands it, nobody else will say that it is done; an older one stays ready.
 */
static void reset_control(PVGPUState *s)
{
    struct bg_pvgpu_control *c = s->control;
    bool old_backend = s->link.peer.state == PVGPU_LINK_UP && !s->link.direct;

    s->reset_count++;
    pvgpu_set32(&c->reset_request, s->reset_count);
    pvgpu_control_change_status(s->control, old_backend ? ~BG_PVGPU_CONTROL_READY : ~0u, 0);
    pvgpu_set64(&c->producer_ptr, 0);
    pvgpu_set64(&c->consumer_ptr, 0);
    pvgpu_set64(&c->guest_fence_request, 0);
    pvgpu_set64(&c->host_fence_completed, 0);
    pvgpu_set32(&c->error_code, 0);
    pvgpu_set32(&c->error_data, 0);
    pvgpu_set32(&c->error_count, 0);
    if (!pvgpu_link_reset(&s->link, s->reset_count)) {
        pvgpu_set32(&c->reset_done, s->reset_count);
    }
}

/* ---- Sessions ---- */

static void raise_interrupt(PVGPUState *s, uint32_t bits)
{
    trace_pvgpu_interrupt(s->vm_id, bits, s->interrupts.status | bits, s->interrupts.mask);
    pvgpu_interrupts_raise(&s->interrupts, bits);
}

/* The guest hears of it once: what it had at the backend is gone. */
static void lose_session(PVGPUState *s, bool by_shutdown)
{
    struct bg_pvgpu_control *c = s->control;

    trace_pvgpu_session_lost(s->vm_id, by_shutdown);
    s->lost_sessions++;
    s->status &= ~BG_PVGPU_STATUS_CONNECTED;
    if (by_shutdown) {
        pvgpu_control_change_status(s->control, BG_PVGPU_CONTROL_READY,
                                    BG_PVGPU_CONTROL_SHUTDOWN | BG_PVGPU_CONTROL_DEVICE_LOST);
    } else {
        s->status |= BG_PVGPU_STATUS_ERROR;
        if (!pvgpu_control_has_status(c, BG_PVGPU_CONTROL_DEVICE_LOST)) { /* it said why */
            pvgpu_set32(&c->error_code, BG_PVGPU_ERROR_BACKEND_DISCONNECTED);
        }
        pvgpu_control_change_status(s->control, BG_PVGPU_CONTROL_READY,
                                    BG_PVGPU_CONTROL_ERROR | BG_PVGPU_CONTROL_DEVICE_LOST);
    }
    pvgpu_set32(&c->reset_done, s->reset_count); /* nobody else will */
    raise_interrupt(s, BG_PVGPU_IRQ_ERROR);
}

/*
 * PVGPULinkEvents.older: it has mapped the object that the name leads to, and has done nothing with
 * it yet. The guest's processors stand still meanwhile, and may do what they have begun before
 * that.
 */
static bool on_older(void *opaque, Error **errp)
{
    PVGPUState *s = opaque;
    uint64_t connection = s->link.peer.connections;

    if (s->shmem.is_named) {
        return true;
    }
    if (!s->named) {
        error_setg(errp, "it takes no descriptors: it needs shmem_named=on");
        return false;
    }
    pause_all_vcpus();
    if (peer_link_is_current(&s->link.peer, connection)) {
        s->named_fd = pvgpu_shmem_move_to_name(&s->shmem, s->control, s->shmem_size, errp);
    }
    if (runstate_is_running()) {
        resume_all_vcpus();
    }
    if (!s->shmem.is_named) {
        return false;
    }
    s->link.greeting.shmem_fd = s->named_fd;
    memory_region_set_dirty(&s->shmem_region, 0, s->shmem_size);
    return true;
}

/* PVGPULinkEvents.acknowledged */
static void on_acknowledged(void *opaque, uint64_t features)
{
    PVGPUState *s = opaque;

    s->backend_wrote = true;
    s->features = features & ~BG_PVGPU_FEATURE_DIRECT;
    pvgpu_set64(&s->control->features, s->features);
    s->status |= BG_PVGPU_STATUS_CONNECTED;
    if (!s->link.direct) {
        pvgpu_set32(&s->control->reset_done, s->reset_count);
    }
}

/* PVGPULinkEvents.lost */
static void on_lost(void *opaque, PVGPULoss why)
{
    PVGPUState *s = opaque;

    pvgpu_scanout_end_session(&s->scanout);
    lose_session(s, why == PVGPU_LOSS_SHUTDOWN);
}

/* PVGPULinkEvents.refused */
static void on_refused(void *opaque)
{
    PVGPUState *s = opaque;

    s->backend_wrote = true; /* who knows */
    pvgpu_set32(&s->control->reset_done, s->reset_count);
}

/* PVGPULinkEvents.interrupt */
static void on_interrupt(void *opaque, uint32_t bits)
{
    raise_interrupt(opaque, bits);
}

static const char *on_scanout_buffer(void *opaque, const struct bg_pvgpu_scanout_buffer *buffer,
                                     int fd)
{
    PVGPUState *s = opaque;

    return pvgpu_scanout_set_buffer(&s->scanout, buffer, fd);
}

static const char *on_scanout(void *opaque, const struct bg_pvgpu_scanout *picture)
{
    PVGPUState *s = opaque;

    return pvgpu_scanout_show(&s->scanout, picture);
}

/* PVGPULinkEvents.doorbell_added: a write to DOORBELL becomes a signal without coming here. */
static void on_doorbell_added(void *opaque, EventNotifier *doorbell)
{
    PVGPUState *s = opaque;

    memory_region_add_eventfd(&s->mmio, BG_PVGPU_REG_DOORBELL, 4, false, 0, doorbell);
}

static void on_doorbell_removed(void *opaque, EventNotifier *doorbell)
{
    PVGPUState *s = opaque;

    memory_region_del_eventfd(&s->mmio, BG_PVGPU_REG_DOORBELL, 4, false, 0, doorbell);
}

static const PVGPULinkEvents link_events = {
    .older = on_older,
    .acknowledged = on_acknowledged,
    .lost = on_lost,
    .refused = on_refused,
    .interrupt = on_interrupt,
    .scanout_buffer = on_scanout_buffer,
    .scanout = on_scanout,
    .doorbell_added = on_doorbell_added,
    .doorbell_removed = on_doorbell_removed,
};

/* ---- Console ---- */

static void on_scanout_done(void *opaque, uint32_t buffer, uint32_t slot)
{
    PVGPUState *s = opaque;

    pvgpu_link_scanout_done(&s->link, buffer, slot);
}

/* The window's screen has a refresh rate, in mHz: presents are paced by it. */
static void on_ui_info(void *opaque, uint32_t head, QemuUIInfo *info)
{
    PVGPUState *s = opaque;
    uint32_t hz = DIV_ROUND_UP(info->refresh_rate, 1000);

    if (hz && hz <= REFRESH_MAX_HZ) {
        pvgpu_set32(&s->control->display_refresh, hz);
    }
}

static const GraphicHwOps console_ops = {
    .ui_info = on_ui_info,
};

/* ---- Registers ---- */

static void pvgpu_reset_by_guest(PVGPUState *s)
{
    trace_pvgpu_reset(s->vm_id, s->reset_count + 1);
    s->resets++;
    s->status = BG_PVGPU_STATUS_READY | (s->status & BG_PVGPU_STATUS_CONNECTED);
    pvgpu_interrupts_reset(&s->interrupts);
    s->link.wanted = true;
    reset_control(s);
}

static uint64_t pvgpu_mmio_read(void *opaque, hwaddr offset, unsigned size)
{
    PVGPUState *s = opaque;
    uint32_t value = 0;

    switch (offset) {
    case BG_PVGPU_REG_VERSION:
        value = BG_PVGPU_VERSION;
        break;
    case BG_PVGPU_REG_FEATURES_LO:
        value = s->features;
        break;
    case BG_PVGPU_REG_FEATURES_HI:
        value = s->features >> 32;
        break;
    case BG_PVGPU_REG_STATUS:
        value = s->status;
        break;
    case BG_PVGPU_REG_IRQ_STATUS:
        value = s->interrupts.status;
        break;
    case BG_PVGPU_REG_IRQ_MASK:
        value = s->interrupts.mask;
        break;
    case BG_PVGPU_REG_SHMEM_SIZE:
        value = s->shmem_size;
        break;
    case BG_PVGPU_REG_RING_SIZE:
        value = BG_PVGPU_RING_SIZE;
        break;
    default: /* DOORBELL, RESET, and what has no name */
        break;
    }
    trace_pvgpu_read(s->vm_id, offset, value);
    return value;
}

static void pvgpu_mmio_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    PVGPUState *s = opaque;

    trace_pvgpu_write(s->vm_id, offset, value);
    switch (offset) {
    case BG_PVGPU_REG_STATUS:
        s->status &= ~(value & BG_PVGPU_STATUS_ERROR);
        break;
    case BG_PVGPU_REG_DOORBELL:
        pvgpu_link_ring(&s->link);
        break;
    case BG_PVGPU_REG_IRQ_STATUS:
        pvgpu_interrupts_clear(&s->interrupts, value);
        break;
    case BG_PVGPU_REG_IRQ_MASK:
        pvgpu_interrupts_set_mask(&s->interrupts, value);
        break;
    case BG_PVGPU_REG_RESET:
        if (value == BG_PVGPU_RESET_VALUE) {
            pvgpu_reset_by_guest(s);
        } else {
            qemu_log_mask(LOG_GUEST_ERROR, "pvgpu: 0x%" PRIx64 " written to RESET: ignored\n",
                          value);
        }
        break;
    default:
        qemu_log_mask(LOG_GUEST_ERROR, "pvgpu: write to 0x%" HWADDR_PRIX ": ignored\n", offset);
        break;
    }
}

/* Alignment is checked by the memory core, after this. */
static bool pvgpu_mmio_accepts(void *opaque, hwaddr offset, unsigned size, bool is_write,
                               MemTxAttrs attrs)
{
    if (size == 4) {
        return true;
    }
    qemu_log_mask(LOG_GUEST_ERROR,
                  "pvgpu: %s of %u bytes at register 0x%" HWADDR_PRIX ": only 4 are possible\n",
                  is_write ? "write" : "read", size, offset);
    return false;
}

static const MemoryRegionOps pvgpu_mmio_ops = {
    .read = pvgpu_mmio_read,
    .write = pvgpu_mmio_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid =
        {
            .min_access_size = 1,
            .max_access_size = 8,
            .accepts = pvgpu_mmio_accepts,
        },
    .impl =
        {
            .min_access_size = 4,
            .max_access_size = 4,
        },
};

static void pvgpu_config_write(PCIDevice *pci_dev, uint32_t address, uint32_t value, int size)
{
    pci_default_write_config(pci_dev, address, value, size);
    pvgpu_interrupts_switch(&PVGPU(pci_dev)->interrupts);
}

/* ---- Properties ---- */

static bool check_shmem_size(PVGPUState *s, Error **errp)
{
    if (is_power_of_2(s->shmem_size) && s->shmem_size >= BG_PVGPU_SHMEM_SIZE_MIN &&
        s->shmem_size <= BG_PVGPU_SHMEM_SIZE_MAX) {
        return true;
    }
    error_setg(errp, "shmem_size must be a power of two from 64M to 2G, not %" PRIu64,
               s->shmem_size);
    return false;
}

static bool check_properties(PVGPUState *s, Error **errp)
{
    if (s->pause_timeout_ms > PAUSE_TIMEOUT_MAX_MS) {
        error_setg(errp, "pause_timeout_ms must be at most %d, not %u", PAUSE_TIMEOUT_MAX_MS,
                   s->pause_timeout_ms);
        return false;
    }
    if (s->link.peer.path == NULL) {
        s->link.peer.path = g_strdup(BG_PVGPU_SOCKET_PATH);
    }
    s->link.greeting.vm_id = s->vm_id;
    return check_shmem_size(s, errp) &&
           peer_check_identity(s->pool_id, s->priority, &s->link.greeting.pool_id,
                               &s->link.greeting.priority, errp) &&
           peer_link_check_properties(&s->link.peer, "backend_pipe", errp);
}

static const Property pvgpu_properties[] = {
    DEFINE_PROP_SIZE("shmem_size", PVGPUState, shmem_size, BG_PVGPU_SHMEM_SIZE_DEFAULT),
    DEFINE_PROP_BOOL("shmem_reserve", PVGPUState, reserve, true),
    DEFINE_PROP_BOOL("shmem_named", PVGPUState, named, true),
    DEFINE_PROP_STRING("backend_pipe", PVGPUState, link.peer.path),
    DEFINE_PROP_STRING("peer_user", PVGPUState, link.peer.peer_user),
    DEFINE_PROP_STRING("pool_id", PVGPUState, pool_id),
    DEFINE_PROP_STRING("priority", PVGPUState, priority),
    DEFINE_PROP_UINT32("vm_id", PVGPUState, vm_id, 0),
    DEFINE_PROP_UINT32("pause_timeout_ms", PVGPUState, pause_timeout_ms, PAUSE_TIMEOUT_DEFAULT_MS),
};

/* ---- Stop, go, reset ---- */

/*
 * A backend writes without QEMU's dirty tracking. Whatever it has written since the last time
 * counts as written now.
 */
static void mark_dirty(PVGPUState *s)
{
    memory_region_set_dirty(&s->shmem_region, 0,
                            s->backend_wrote ? s->shmem_size : BG_PVGPU_CONTROL_SIZE);
    s->backend_wrote = s->link.peer.state != PEER_LINK_DOWN;
}

/* The shared memory is about to be saved, to move, or to be replaced. */
static bool stops_for_good(RunState state)
{
    return state == RUN_STATE_FINISH_MIGRATE || state == RUN_STATE_SAVE_VM ||
           state == RUN_STATE_RESTORE_VM || state == RUN_STATE_COLO;
}

/*
 * Runs after a migration, too, once all devices are loaded: the session was left behind, and is
 * lost now, where an interrupt can be raised.
 */
static void pvgpu_run_state_changed(void *opaque, bool running, RunState state)
{
    PVGPUState *s = opaque;

    trace_pvgpu_run_state(s->vm_id, running, s->status);
    pvgpu_interrupts_defer(&s->interrupts);
    if (running) {
        if (s->session_moved) {
            s->session_moved = false;
            lose_session(s, false);
        }
        if (s->control != NULL) {
            pvgpu_link_resume(&s->link);
        }
    } else {
        pvgpu_link_pause(&s->link, s->pause_timeout_ms, stops_for_good(state));
        if (s->control != NULL) {
            mark_dirty(s);
        }
    }
    pvgpu_interrupts_go_on(&s->interrupts);
}

static void pvgpu_reset_hold(Object *obj, ResetType type)
{
    PVGPUState *s = PVGPU(obj);

    trace_pvgpu_reset(s->vm_id, s->reset_count + 1);
    s->status = BG_PVGPU_STATUS_READY |
                (s->link.peer.state == PVGPU_LINK_UP ? BG_PVGPU_STATUS_CONNECTED : 0);
    s->interrupts.mask = 0;
    pvgpu_interrupts_reset(&s->interrupts);
    s->session_moved = false;
    s->link.wanted = false;
    if (s->control != NULL) {
        pvgpu_control_clear(s->control, s->shmem_size, s->features);
        reset_control(s);
        pvgpu_scanout_hide(&s->scanout);
    }
}

/* ---- Life ---- */

static void pvgpu_at_exit(Notifier *notifier, void *data)
{
    PVGPUState *s = container_of(notifier, PVGPUState, exit_notifier);

    pvgpu_link_say_goodbye(&s->link);
    pvgpu_shmem_remove(&s->shmem);
}

static bool create_shmem(PVGPUState *s, Error **errp)
{
    unsigned removed;
    int fd = pvgpu_shmem_create(&s->shmem, s->shmem_size, s->reserve, s->named, &removed, errp);

    s->stale_objects = removed;
    if (fd < 0) {
        return false;
    }
    if (!memory_region_init_ram_from_fd(&s->shmem_region, OBJECT(s), "pvgpu.shmem", s->shmem_size,
                                        RAM_SHARED, fd, 0, errp)) {
        close(fd);
        pvgpu_shmem_remove(&s->shmem);
        return false;
    }
    s->control = memory_region_get_ram_ptr(&s->shmem_region);
    s->link.greeting.shmem_name = s->named ? s->shmem.name : BG_PVGPU_SHMEM_NAME_PREFIX "none";
    s->link.greeting.shmem_size = s->shmem_size;
    s->link.greeting.shmem_fd = memory_region_get_fd(&s->shmem_region);
    pvgpu_control_clear(s->control, s->shmem_size, s->features);
    if (!pvgpu_shmem_describe(&s->shmem, s->control, errp)) {
        pvgpu_shmem_remove(&s->shmem);
        return false;
    }
    s->named_fd = -1;
    return true;
}

static void pvgpu_realize(PCIDevice *pci_dev, Error **errp)
{
    PVGPUState *s = PVGPU(pci_dev);

    if (!check_properties(s, errp) || !create_shmem(s, errp)) {
        return;
    }
    if (!pvgpu_interrupts_init(&s->interrupts, pci_dev, errp)) {
        pvgpu_shmem_remove(&s->shmem);
        return;
    }
    memory_region_init_io(&s->mmio, OBJECT(s), &pvgpu_mmio_ops, s, "pvgpu",
                          BG_PVGPU_REGISTERS_SIZE);
    pci_register_bar(pci_dev, BG_PVGPU_BAR_REGISTERS, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->mmio);
    vmstate_register_ram(&s->shmem_region, DEVICE(s));
    pci_register_bar(pci_dev, BG_PVGPU_BAR_SHMEM,
                     PCI_BASE_ADDRESS_SPACE_MEMORY | PCI_BASE_ADDRESS_MEM_PREFETCH |
                         PCI_BASE_ADDRESS_MEM_TYPE_64,
                     &s->shmem_region);

    s->exit_notifier.notify = pvgpu_at_exit;
    qemu_add_exit_notifier(&s->exit_notifier);
    pvgpu_scanout_init(&s->scanout, DEVICE(s), &console_ops, on_scanout_done, s);
    pvgpu_link_init(&s->link, &link_events, OBJECT(s), runstate_is_running());
    s->run_state_entry = qdev_add_vm_change_state_handler(DEVICE(s), pvgpu_run_state_changed, s);
}

static void pvgpu_exit(PCIDevice *pci_dev)
{
    PVGPUState *s = PVGPU(pci_dev);

    qemu_del_vm_change_state_handler(s->run_state_entry);
    pvgpu_link_cleanup(&s->link);
    pvgpu_scanout_cleanup(&s->scanout);
    qemu_remove_exit_notifier(&s->exit_notifier);
    vmstate_unregister_ram(&s->shmem_region, DEVICE(s));
    s->control = NULL;
    pvgpu_shmem_remove(&s->shmem);
    if (s->named_fd >= 0) {
        close(s->named_fd);
    }
    pvgpu_interrupts_cleanup(&s->interrupts);
}

static bool pvgpu_get_connected(Object *obj, Error **errp)
{
    return PVGPU(obj)->link.peer.state == PVGPU_LINK_UP;
}

static bool pvgpu_get_direct(Object *obj, Error **errp)
{
    return PVGPU(obj)->link.direct;
}

static char *pvgpu_get_shmem_name(Object *obj, Error **errp)
{
    return g_strdup(PVGPU(obj)->shmem.name);
}

static void pvgpu_instance_init(Object *obj)
{
    PVGPUState *s = PVGPU(obj);
    const PeerStatistic statistics[] = {
        {"stat-doorbell-messages", &s->link.doorbells},
        {"stat-fence-interrupts", &s->interrupts.fences},
        {"stat-error-interrupts", &s->interrupts.errors},
        {"stat-lost-sessions", &s->lost_sessions},
        {"stat-resets", &s->resets},
        {"stat-scanouts", &s->scanout.shown_count},
        {"stat-stale-objects", &s->stale_objects},
    };

    s->interrupts.pci_dev = PCI_DEVICE(obj);
    peer_link_add_statistics(&s->link.peer, obj, statistics, ARRAY_SIZE(statistics));
}

/* ---- Migration: the shared memory itself travels as RAM ---- */

/* A session of this process, if there is one, has nothing to do with what was loaded. */
static int pvgpu_post_load(void *opaque, int version_id)
{
    PVGPUState *s = opaque;

    if (s->status > (BG_PVGPU_STATUS_READY | BG_PVGPU_STATUS_ERROR | BG_PVGPU_STATUS_CONNECTED) ||
        !(s->status & BG_PVGPU_STATUS_READY) || !pvgpu_interrupts_are_sound(&s->interrupts)) {
        return -EINVAL;
    }
    pvgpu_link_forget(&s->link);
    pvgpu_scanout_end_session(&s->scanout);
    pvgpu_scanout_hide(&s->scanout);
    s->session_moved = s->status & BG_PVGPU_STATUS_CONNECTED;
    return 0;
}

static bool pvgpu_owes_msix(void *opaque)
{
    return PVGPU(opaque)->interrupts.owed != 0;
}

static const VMStateDescription pvgpu_owed_vmstate = {
    .name = TYPE_PVGPU "/owed",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = pvgpu_owes_msix,
    .fields =
        (const VMStateField[]){VMSTATE_UINT32(interrupts.owed, PVGPUState), VMSTATE_END_OF_LIST()},
};

/* What another's stream does not have is not owed. */
static int pvgpu_pre_load(void *opaque)
{
    PVGPU(opaque)->interrupts.owed = 0;
    return 0;
}

static const VMStateDescription pvgpu_vmstate = {
    .name = TYPE_PVGPU,
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_load = pvgpu_pre_load,
    .post_load = pvgpu_post_load,
    .subsections = (const VMStateDescription *const[]){&pvgpu_owed_vmstate, NULL},
    .fields =
        (const VMStateField[]){
            VMSTATE_PCI_DEVICE(parent_obj, PVGPUState), VMSTATE_MSIX(parent_obj, PVGPUState),
            VMSTATE_UINT64_EQUAL(shmem_size, PVGPUState, "shmem_size must be the same"),
            VMSTATE_UINT32(status, PVGPUState), VMSTATE_UINT32(interrupts.status, PVGPUState),
            VMSTATE_UINT32(interrupts.mask, PVGPUState), VMSTATE_UINT32(reset_count, PVGPUState),
            VMSTATE_UINT64(features, PVGPUState), VMSTATE_END_OF_LIST()},
};

/* ---- Type ---- */

static void pvgpu_class_init(ObjectClass *class, BAREGPU_CLASS_DATA *data)
{
    DeviceClass *dc = DEVICE_CLASS(class);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(class);
    ResettableClass *rc = RESETTABLE_CLASS(class);

    k->realize = pvgpu_realize;
    k->exit = pvgpu_exit;
    k->config_write = pvgpu_config_write;
    k->vendor_id = BG_PVGPU_PCI_VENDOR_ID;
    k->device_id = BG_PVGPU_PCI_DEVICE_ID;
    k->subsystem_vendor_id = BG_PVGPU_PCI_SUBSYSTEM_VENDOR_ID;
    k->subsystem_id = BG_PVGPU_PCI_SUBSYSTEM_ID;
    k->revision = BG_PVGPU_PCI_REVISION;
    k->class_id = BG_PVGPU_PCI_CLASS >> 8; /* the programming interface is 0 */
    rc->phases.hold = pvgpu_reset_hold;
    dc->desc = "baregpu GPU behind shared memory";
    dc->vmsd = &pvgpu_vmstate;
    device_class_set_props(dc, pvgpu_properties);
    set_bit(DEVICE_CATEGORY_DISPLAY, dc->categories);
    object_class_property_add_bool(class, "connected", pvgpu_get_connected, NULL);
    object_class_property_add_bool(class, "direct", pvgpu_get_direct, NULL);
    object_class_property_add_str(class, "shmem-name", pvgpu_get_shmem_name, NULL);
}

static const TypeInfo pvgpu_types[] = {
    {
        .name = TYPE_PVGPU,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(PVGPUState),
        .instance_init = pvgpu_instance_init,
        .class_init = pvgpu_class_init,
        .interfaces =
            (BAREGPU_INTERFACES[]){
                {INTERFACE_CONVENTIONAL_PCI_DEVICE},
                {},
            },
    },
};

DEFINE_TYPES(pvgpu_types)
