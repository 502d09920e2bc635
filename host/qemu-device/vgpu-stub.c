/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vgpu-stub: a PCI device that carries requests of a guest to a GPU mediator on the host and its
 * answers back, through registers and two buffers in BAR0.
 *
 * protocol/vgpu_stub.h has the register map, docs/vgpu-stub.md tells what each state does.
 */
#include "qemu/osdep.h"
#include "compat.h"
#include "hw/pci/pci_device.h"
#include "migration/vmstate.h"
#include "protocol/compute.h"
#include "protocol/vgpu_stub.h"
#include "qapi/error.h"
#include "qemu/bswap.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "system/runstate.h"
#include "trace.h"
#include "vgpu-stub-link.h"

#define TYPE_VGPU_STUB "vgpu-stub"
OBJECT_DECLARE_SIMPLE_TYPE(VGPUStubState, VGPU_STUB)

/* Existing clients give up after 30 s: they shall hear of a time-out from us before that. */
#define TIMEOUT_DEFAULT_MS 25000
#define TIMEOUT_MAX_MS (60 * 60 * 1000)

struct VGPUStubState {
    PCIDevice parent_obj;
    MemoryRegion mmio;

    uint32_t status;
    uint32_t error_code;
    uint32_t request_len;  /* bytes */
    uint32_t response_len; /* bytes */
    uint32_t irq_ctrl;
    uint32_t irq_status;
    uint32_t request_id;
    uint32_t scratch;
    uint64_t timestamp_us; /* of the last completion, virtual clock */
    uint8_t request[BG_VGPU_STUB_BUFFER_SIZE];
    uint8_t response[BG_VGPU_STUB_BUFFER_SIZE];

    VGPUStubLink link;
    int64_t deadline_ms;      /* of what is BUSY, virtual clock */
    QEMUTimer *timeout_timer; /* not later than that. It is not moved: that wakes the main loop */
    VMChangeStateEntry *run_state_entry;

    /* Properties, and what they were found to mean. */
    char *pool_id;
    char *priority;
    char *wire;
    uint32_t vm_id;
    uint32_t timeout_ms;
    bool interrupt;
    bool access64;
    uint8_t pool_letter;
    uint8_t priority_level; /* enum bg_vgpu_stub_priority */

    /* Statistics, properties for reading. */
    uint64_t requests, completed, failed, timeouts, abandoned;
};

/* ---- Interrupt ---- */

static void vgpu_stub_update_irq(VGPUStubState *s)
{
    int level = !!(s->irq_status & s->irq_ctrl);

    trace_vgpu_stub_irq(s->vm_id, level);
    pci_set_irq(PCI_DEVICE(s), level);
}

/* ---- Requests ---- */

/* BUSY ends here, whatever the reason. */
static void vgpu_stub_complete(VGPUStubState *s, uint32_t status, uint32_t error_code)
{
    s->status = status;
    s->error_code = error_code;
    s->timestamp_us = qemu_clock_get_us(QEMU_CLOCK_VIRTUAL);
    if (status == BG_VGPU_STUB_DONE) {
        s->completed++;
    } else {
        s->failed++;
    }
    trace_vgpu_stub_complete(s->vm_id, status, error_code, s->response_len);
    if (s->irq_ctrl & BG_VGPU_STUB_IRQ_COMPLETION) {
        s->irq_status |= BG_VGPU_STUB_IRQ_COMPLETION;
    }
    vgpu_stub_update_irq(s);
}

/* VGPUStubLinkEvents.answer */
static void vgpu_stub_answer(void *opaque, const VGPUStubMessage *message)
{
    VGPUStubState *s = opaque;
    VGPUStubOutcome outcome = vgpu_stub_message_outcome(message);

    memset(s->response, 0, sizeof(s->response));
    s->response_len = 0;
    if (message->type == BG_VGPU_STUB_MESSAGE_RESPONSE) {
        memcpy(s->response, message->payload, message->payload_length);
        s->response_len = message->payload_length;
    }
    vgpu_stub_complete(s, outcome.status, outcome.error_code);
}

/* VGPUStubLinkEvents.failed */
static void vgpu_stub_failed(void *opaque, uint32_t code)
{
    vgpu_stub_complete(opaque, BG_VGPU_STUB_ERROR, code);
}

static const VGPUStubLinkEvents vgpu_stub_link_events = {
    .answer = vgpu_stub_answer,
    .failed = vgpu_stub_failed,
};

static void vgpu_stub_arm_timeout(VGPUStubState *s)
{
    if (!timer_pending(s->timeout_timer)) {
        timer_mod(s->timeout_timer, s->deadline_ms);
    }
}

/* The timer may be that of a request before. */
static void vgpu_stub_timeout(void *opaque)
{
    VGPUStubState *s = opaque;

    if (s->status == BG_VGPU_STUB_BUSY && qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) < s->deadline_ms) {
        vgpu_stub_arm_timeout(s);
        return;
    }
    if (s->status == BG_VGPU_STUB_BUSY) {
        vgpu_stub_link_poll(&s->link); /* the answer may be there, and nobody has looked */
    }
    if (s->status != BG_VGPU_STUB_BUSY) {
        return;
    }
    trace_vgpu_stub_timeout(s->vm_id, s->timeout_ms);
    s->timeouts++;
    vgpu_stub_link_abandon(&s->link);
    vgpu_stub_complete(s, BG_VGPU_STUB_ERROR, BG_COMPUTE_TIMEOUT);
}

static void vgpu_stub_submit(VGPUStubState *s)
{
    const VGPUStubMessage message = {
        .type = BG_VGPU_STUB_MESSAGE_REQUEST,
        .vm_id = s->vm_id,
        .request_id = s->request_id,
        .pool_id = s->pool_letter,
        .priority = s->priority_level,
        .payload_length = s->request_len,
        .payload = s->request,
    };

    s->deadline_ms = qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) + s->timeout_ms;
    vgpu_stub_arm_timeout(s);
    vgpu_stub_link_submit(&s->link, &message);
}

/* A doorbell is accepted in every state; in BUSY it abandons what is in flight. */
static void vgpu_stub_doorbell(VGPUStubState *s)
{
    trace_vgpu_stub_doorbell(s->vm_id, s->request_id, s->request_len);
    if (s->status == BG_VGPU_STUB_BUSY) {
        qemu_log_mask(LOG_GUEST_ERROR,
                      "vgpu-stub: doorbell while busy: the request in flight is abandoned\n");
        s->abandoned++;
        vgpu_stub_link_abandon(&s->link);
    }
    s->requests++;
    s->error_code = BG_COMPUTE_OK;
    s->response_len = 0;
    s->status = BG_VGPU_STUB_BUSY;
    if (s->request_len == 0) {
        vgpu_stub_complete(s, BG_VGPU_STUB_ERROR, BG_COMPUTE_INVALID_LENGTH);
        return;
    }
    vgpu_stub_submit(s);
}

/* ---- Registers ---- */

static uint32_t vgpu_stub_capabilities(const VGPUStubState *s)
{
    return BG_VGPU_STUB_CAP_BASIC | (s->interrupt ? BG_VGPU_STUB_CAP_INTERRUPT : 0) |
           (s->access64 ? BG_VGPU_STUB_CAP_ACCESS64 : 0);
}

/*
 * A guest that polls gets its answer from here, not from the main loop, which would have to be
 * woken and to wait for the lock that the polling guest takes all the time. Never waits.
 */
static uint32_t vgpu_stub_read_status(VGPUStubState *s)
{
    if (s->status == BG_VGPU_STUB_BUSY && s->irq_ctrl) {
        vgpu_stub_link_poll(&s->link);
    } else if (s->status == BG_VGPU_STUB_BUSY) {
        vgpu_stub_link_guest_polls(&s->link);
    }
    return s->status;
}

static uint32_t vgpu_stub_read_register(VGPUStubState *s, hwaddr offset)
{
    switch (offset) {
    case BG_VGPU_STUB_REG_STATUS:
        return vgpu_stub_read_status(s);
    case BG_VGPU_STUB_REG_POOL_ID:
        return s->pool_letter;
    case BG_VGPU_STUB_REG_PRIORITY:
        return s->priority_level;
    case BG_VGPU_STUB_REG_VM_ID:
        return s->vm_id;
    case BG_VGPU_STUB_REG_ERROR_CODE:
        return s->error_code;
    case BG_VGPU_STUB_REG_REQUEST_LEN:
        return s->request_len;
    case BG_VGPU_STUB_REG_RESPONSE_LEN:
        return s->response_len;
    case BG_VGPU_STUB_REG_PROTOCOL_VER:
        return BG_VGPU_STUB_PROTOCOL_VERSION;
    case BG_VGPU_STUB_REG_CAPABILITIES:
        return vgpu_stub_capabilities(s);
    case BG_VGPU_STUB_REG_IRQ_CTRL:
        return s->irq_ctrl;
    case BG_VGPU_STUB_REG_IRQ_STATUS:
        return s->irq_status;
    case BG_VGPU_STUB_REG_REQUEST_ID:
        return s->request_id;
    case BG_VGPU_STUB_REG_TIMESTAMP_LO:
        return s->timestamp_us;
    case BG_VGPU_STUB_REG_TIMESTAMP_HI:
        return s->timestamp_us >> 32;
    case BG_VGPU_STUB_REG_SCRATCH:
        return s->scratch;
    default: /* DOORBELL */
        return 0;
    }
}

static void vgpu_stub_write_request_len(VGPUStubState *s, uint32_t value)
{
    if (value > BG_VGPU_STUB_BUFFER_SIZE) {
        qemu_log_mask(LOG_GUEST_ERROR, "vgpu-stub: request length %u exceeds %u: ignored\n", value,
                      BG_VGPU_STUB_BUFFER_SIZE);
        return;
    }
    s->request_len = value;
}

static void vgpu_stub_write_register(VGPUStubState *s, hwaddr offset, uint32_t value)
{
    switch (offset) {
    case BG_VGPU_STUB_REG_DOORBELL:
        if (value == 1) {
            vgpu_stub_doorbell(s);
        }
        break;
    case BG_VGPU_STUB_REG_REQUEST_LEN:
        vgpu_stub_write_request_len(s, value);
        break;
    case BG_VGPU_STUB_REG_IRQ_CTRL:
        s->irq_ctrl = value & BG_VGPU_STUB_IRQ_COMPLETION;
        if (s->irq_ctrl) {
            vgpu_stub_link_guest_waits(&s->link);
        }
        vgpu_stub_update_irq(s);
        break;
    case BG_VGPU_STUB_REG_IRQ_STATUS:
        s->irq_status &= ~value;
        vgpu_stub_update_irq(s);
        break;
    case BG_VGPU_STUB_REG_REQUEST_ID:
        s->request_id = value;
        break;
    case BG_VGPU_STUB_REG_SCRATCH:
        s->scratch = value;
        break;
    default:
        qemu_log_mask(LOG_GUEST_ERROR,
                      "vgpu-stub: write to read-only register 0x%" HWADDR_PRIX ": ignored\n",
                      offset);
        break;
    }
}

/* ---- BAR 0 ---- */

static uint64_t vgpu_stub_mmio_read(void *opaque, hwaddr offset, unsigned size)
{
    VGPUStubState *s = opaque;
    uint64_t value = 0;

    if (offset < BG_VGPU_STUB_REQUEST_BUFFER) {
        value = vgpu_stub_read_register(s, offset);
    } else if (offset < BG_VGPU_STUB_RESPONSE_BUFFER) {
        value = ldn_le_p(s->request + (offset - BG_VGPU_STUB_REQUEST_BUFFER), size);
    } else if (offset < BG_VGPU_STUB_RESERVED) {
        value = ldn_le_p(s->response + (offset - BG_VGPU_STUB_RESPONSE_BUFFER), size);
    }
    trace_vgpu_stub_read(s->vm_id, offset, value, size);
    return value;
}

static void vgpu_stub_mmio_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    VGPUStubState *s = opaque;

    trace_vgpu_stub_write(s->vm_id, offset, value, size);
    if (offset < BG_VGPU_STUB_REQUEST_BUFFER) {
        vgpu_stub_write_register(s, offset, value);
    } else if (offset < BG_VGPU_STUB_RESPONSE_BUFFER) {
        stn_le_p(s->request + (offset - BG_VGPU_STUB_REQUEST_BUFFER), size, value);
    } else {
        qemu_log_mask(LOG_GUEST_ERROR, "vgpu-stub: write to 0x%" HWADDR_PRIX ": ignored\n", offset);
    }
}

/* The registers take 32 bits only. Alignment is checked by the memory core, after this. */
static bool vgpu_stub_mmio_accepts(void *opaque, hwaddr offset, unsigned size, bool is_write,
                                   MemTxAttrs attrs)
{
    if (offset >= BG_VGPU_STUB_REQUEST_BUFFER || size == 4) {
        return true;
    }
    qemu_log_mask(LOG_GUEST_ERROR,
                  "vgpu-stub: %s of %u bytes at register 0x%" HWADDR_PRIX ": only 4 are possible\n",
                  is_write ? "write" : "read", size, offset);
    return false;
}

static const MemoryRegionOps vgpu_stub_mmio_ops = {
    .read = vgpu_stub_mmio_read,
    .write = vgpu_stub_mmio_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid =
        {
            .min_access_size = 1,
            .max_access_size = 8,
            .accepts = vgpu_stub_mmio_accepts,
        },
    .impl =
        {
            .min_access_size = 1,
            .max_access_size = 8,
        },
};

/* ---- Properties ---- */

static bool vgpu_stub_check_carrier(VGPUStubState *s, Error **errp)
{
    bool chardev = qemu_chr_fe_backend_connected(&s->link.chr);

    if (chardev && s->link.peer.path != NULL) {
        error_setg(errp, "socket and chardev exclude each other: give one of them");
        return false;
    }
    if (chardev && s->link.peer.peer_user != NULL) {
        error_setg(errp, "peer_user is for socket: a chardev's peer is not checked");
        return false;
    }
    if (!chardev && s->link.peer.path == NULL) {
        s->link.peer.path = g_strdup(BG_VGPU_STUB_SOCKET_PATH);
    }
    return chardev || peer_link_check_properties(&s->link.peer, "socket", errp);
}

static bool vgpu_stub_check_wire(VGPUStubState *s, Error **errp)
{
    static const char *const names[] = {
        [VGPU_STUB_WIRE_20] = "20",
        [VGPU_STUB_WIRE_24] = "24",
        [VGPU_STUB_WIRE_AUTO] = "auto",
    };

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(s->wire != NULL && *s->wire ? s->wire : "20", names[i]) == 0) {
            s->link.wire = i;
            return true;
        }
    }
    error_setg(errp, "wire must be '20', '24' or 'auto' (the size of a message's header), not '%s'",
               s->wire);
    return false;
}

static bool vgpu_stub_check_properties(VGPUStubState *s, Error **errp)
{
    if (s->timeout_ms < 1 || s->timeout_ms > TIMEOUT_MAX_MS) {
        error_setg(errp, "timeout_ms must be from 1 to %d, not %u", TIMEOUT_MAX_MS, s->timeout_ms);
        return false;
    }
    return vgpu_stub_check_wire(s, errp) &&
           peer_check_identity(s->pool_id, s->priority, &s->pool_letter, &s->priority_level,
                               errp) &&
           vgpu_stub_check_carrier(s, errp);
}

static const Property vgpu_stub_properties[] = {
    DEFINE_PROP_STRING("pool_id", VGPUStubState, pool_id),
    DEFINE_PROP_STRING("priority", VGPUStubState, priority),
    DEFINE_PROP_UINT32("vm_id", VGPUStubState, vm_id, 0),
    DEFINE_PROP_STRING("socket", VGPUStubState, link.peer.path),
    DEFINE_PROP_CHR("chardev", VGPUStubState, link.chr),
    DEFINE_PROP_STRING("peer_user", VGPUStubState, link.peer.peer_user),
    DEFINE_PROP_STRING("wire", VGPUStubState, wire),
    DEFINE_PROP_UINT32("timeout_ms", VGPUStubState, timeout_ms, TIMEOUT_DEFAULT_MS),
    DEFINE_PROP_BOOL("interrupt", VGPUStubState, interrupt, false),
    DEFINE_PROP_BOOL("access64", VGPUStubState, access64, false),
};

/* ---- Life ---- */

/*
 * Runs after a migration, too, once all devices are loaded. A request that was in flight on the
 * other side has no connection here: it fails now, where an interrupt can be raised.
 */
static void vgpu_stub_run_state_changed(void *opaque, bool running, RunState state)
{
    VGPUStubState *s = opaque;

    trace_vgpu_stub_run_state(s->vm_id, running, s->status);
    vgpu_stub_link_set_running(&s->link, running);
    if (running && s->status == BG_VGPU_STUB_BUSY && !s->link.active) {
        vgpu_stub_failed(s, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
    }
}

static void vgpu_stub_reset_hold(Object *obj, ResetType type)
{
    VGPUStubState *s = VGPU_STUB(obj);

    trace_vgpu_stub_reset(s->vm_id);
    timer_del(s->timeout_timer);
    vgpu_stub_link_reset(&s->link);
    s->status = BG_VGPU_STUB_IDLE;
    s->error_code = BG_COMPUTE_OK;
    s->request_len = 0;
    s->response_len = 0;
    s->irq_ctrl = 0;
    s->irq_status = 0;
    s->request_id = 0;
    s->scratch = 0;
    s->timestamp_us = 0;
    memset(s->request, 0, sizeof(s->request));
    memset(s->response, 0, sizeof(s->response));
    vgpu_stub_update_irq(s);
}

static void vgpu_stub_realize(PCIDevice *pci_dev, Error **errp)
{
    VGPUStubState *s = VGPU_STUB(pci_dev);

    if (!vgpu_stub_check_properties(s, errp)) {
        return;
    }
    pci_config_set_interrupt_pin(pci_dev->config, 1);
    memory_region_init_io(&s->mmio, OBJECT(s), &vgpu_stub_mmio_ops, s, "vgpu-stub",
                          BG_VGPU_STUB_BAR_SIZE);
    pci_register_bar(pci_dev, BG_VGPU_STUB_BAR, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->mmio);

    s->timeout_timer = timer_new_ms(QEMU_CLOCK_VIRTUAL, vgpu_stub_timeout, s);
    if (qemu_chr_fe_backend_connected(&s->link.chr)) {
        vgpu_stub_link_init_chardev(&s->link, &vgpu_stub_link_events, OBJECT(s));
    } else {
        vgpu_stub_link_init(&s->link, &vgpu_stub_link_events, OBJECT(s));
    }
    vgpu_stub_link_try_open(&s->link);
    s->run_state_entry = qemu_add_vm_change_state_handler(vgpu_stub_run_state_changed, s);
}

static void vgpu_stub_exit(PCIDevice *pci_dev)
{
    VGPUStubState *s = VGPU_STUB(pci_dev);

    qemu_del_vm_change_state_handler(s->run_state_entry);
    vgpu_stub_link_cleanup(&s->link);
    qemu_chr_fe_set_handlers(&s->link.chr, NULL, NULL, NULL, NULL, NULL, NULL, true);
    timer_free(s->timeout_timer);
}

static bool vgpu_stub_get_connected(Object *obj, Error **errp)
{
    return vgpu_stub_link_is_up(&VGPU_STUB(obj)->link);
}

static void vgpu_stub_instance_init(Object *obj)
{
    VGPUStubState *s = VGPU_STUB(obj);
    const PeerStatistic statistics[] = {
        {"stat-requests", &s->requests},   {"stat-completed", &s->completed},
        {"stat-failed", &s->failed},       {"stat-timeouts", &s->timeouts},
        {"stat-abandoned", &s->abandoned}, {"stat-late-answers", &s->link.late_answers},
    };

    peer_link_add_statistics(&s->link.peer, obj, statistics, ARRAY_SIZE(statistics));
}

/* ---- Migration ---- */

static int vgpu_stub_post_load(void *opaque, int version_id)
{
    VGPUStubState *s = opaque;

    if (s->status > BG_VGPU_STUB_ERROR || s->request_len > BG_VGPU_STUB_BUFFER_SIZE ||
        s->response_len > BG_VGPU_STUB_BUFFER_SIZE || s->irq_ctrl > BG_VGPU_STUB_IRQ_COMPLETION ||
        s->irq_status > BG_VGPU_STUB_IRQ_COMPLETION) {
        return -EINVAL;
    }
    return 0;
}

static const VMStateDescription vgpu_stub_vmstate = {
    .name = TYPE_VGPU_STUB,
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = vgpu_stub_post_load,
    .fields =
        (const VMStateField[]){
            VMSTATE_PCI_DEVICE(parent_obj, VGPUStubState), VMSTATE_UINT32(status, VGPUStubState),
            VMSTATE_UINT32(error_code, VGPUStubState), VMSTATE_UINT32(request_len, VGPUStubState),
            VMSTATE_UINT32(response_len, VGPUStubState), VMSTATE_UINT32(irq_ctrl, VGPUStubState),
            VMSTATE_UINT32(irq_status, VGPUStubState), VMSTATE_UINT32(request_id, VGPUStubState),
            VMSTATE_UINT32(scratch, VGPUStubState), VMSTATE_UINT64(timestamp_us, VGPUStubState),
            VMSTATE_UINT8_ARRAY(request, VGPUStubState, BG_VGPU_STUB_BUFFER_SIZE),
            VMSTATE_UINT8_ARRAY(response, VGPUStubState, BG_VGPU_STUB_BUFFER_SIZE),
            VMSTATE_END_OF_LIST()},
};

/* ---- Type ---- */

static void vgpu_stub_class_init(ObjectClass *class, BAREGPU_CLASS_DATA *data)
{
    DeviceClass *dc = DEVICE_CLASS(class);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(class);
    ResettableClass *rc = RESETTABLE_CLASS(class);

    k->realize = vgpu_stub_realize;
    k->exit = vgpu_stub_exit;
    k->vendor_id = BG_VGPU_STUB_PCI_VENDOR_ID;
    k->device_id = BG_VGPU_STUB_PCI_DEVICE_ID;
    k->revision = BG_VGPU_STUB_PCI_REVISION;
    k->class_id = BG_VGPU_STUB_PCI_CLASS >> 8; /* the programming interface is 0 */
    rc->phases.hold = vgpu_stub_reset_hold;
    dc->desc = "baregpu mailbox to a GPU mediator";
    dc->vmsd = &vgpu_stub_vmstate;
    device_class_set_props(dc, vgpu_stub_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    object_class_property_add_bool(class, "connected", vgpu_stub_get_connected, NULL);
}

static const TypeInfo vgpu_stub_types[] = {
    {
        .name = TYPE_VGPU_STUB,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(VGPUStubState),
        .instance_init = vgpu_stub_instance_init,
        .class_init = vgpu_stub_class_init,
        .interfaces =
            (BAREGPU_INTERFACES[]){
                {INTERFACE_CONVENTIONAL_PCI_DEVICE},
                {},
            },
    },
};

DEFINE_TYPES(vgpu_stub_types)
