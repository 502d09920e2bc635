/* SPDX-License-Identifier: BSD-2-Clause */
/* The mailbox: finding the device, sending a request, taking and checking its answer. */
#include "baregpu/vgpu_stub.h"

#include "baregpu/mmio.h"
#include "firmware/common/mem.h"

#define ALL_ONES UINT32_MAX /* what reads give when the device is gone */

static uint32_t read_register(const struct vgpu_stub *gpu, uint32_t reg)
{
    return mmio_read32(gpu->registers, reg);
}

static void write_register(struct vgpu_stub *gpu, uint32_t reg, uint32_t value)
{
    mmio_write32(gpu->registers, reg, value);
}

/* ---- Finding the device ---- */

int vgpu_stub_attach(struct vgpu_stub *gpu, void *registers)
{
    gpu->registers = registers;
    gpu->device = NULL;
    gpu->last_status = COMPUTE_OK;
    gpu->is_in_flight = false;
    gpu->wait = WAIT_POLL;
    gpu->source = NULL;
    gpu->sleeps = 0;
    gpu->is_irq_on = false;
    gpu->identity = (struct vgpu_stub_identity){
        .pool = (char)read_register(gpu, VGPU_STUB_REG_POOL_ID),
        .priority = read_register(gpu, VGPU_STUB_REG_PRIORITY),
        .vm_id = read_register(gpu, VGPU_STUB_REG_VM_ID),
        .protocol_version = read_register(gpu, VGPU_STUB_REG_PROTOCOL_VER),
        .capabilities = read_register(gpu, VGPU_STUB_REG_CAPABILITIES),
    };
    /* Ids go on from where an earlier driver stopped: two requests in a row never share one. */
    gpu->request_id = read_register(gpu, VGPU_STUB_REG_REQUEST_ID);
    if (gpu->identity.protocol_version >> 16 != VGPU_STUB_PROTOCOL_VERSION >> 16 ||
        !(gpu->identity.capabilities & VGPU_STUB_CAP_BASIC)) {
        return BAREGPU_ERR_UNSUPPORTED;
    }
    return 0;
}

int vgpu_stub_open(struct vgpu_stub *gpu, const struct pci_host *host,
                   const struct pci_device *device)
{
    void *registers;

    if (device == NULL) {
        device = pci_find_id(host, VGPU_STUB_PCI_VENDOR_ID, VGPU_STUB_PCI_DEVICE_ID, NULL);
    }
    if (device == NULL || device->bars[VGPU_STUB_BAR].is_io ||
        (device->bars[VGPU_STUB_BAR].state != PCI_RESOURCE_FAILED &&
         device->bars[VGPU_STUB_BAR].size < VGPU_STUB_BAR_SIZE)) {
        return BAREGPU_ERR_NOT_FOUND;
    }
    int error = pci_device_enable(host, device, PCI_COMMAND_MEMORY);

    if (error == 0) {
        error = pci_bar_map(host, device, VGPU_STUB_BAR, HAL_MEMORY_DEVICE, &registers);
    }
    if (error == 0) {
        error = vgpu_stub_attach(gpu, registers);
        gpu->device = device;
    }
    return error;
}

/* ---- Buffers: one access per word, of 8 bytes where the device says that it takes them ---- */

static void write_request_buffer(struct vgpu_stub *gpu, uint32_t length)
{
    uint32_t offset = 0;

    if (gpu->identity.capabilities & VGPU_STUB_CAP_ACCESS64) {
        for (; offset + 8 <= length; offset += 8) {
            mmio_write64(gpu->registers, VGPU_STUB_REQUEST_BUFFER + offset,
                         gpu->request.words64[offset / 8]);
        }
    }
    for (; offset < length; offset += 4) {
        mmio_write32(gpu->registers, VGPU_STUB_REQUEST_BUFFER + offset,
                     gpu->request.words32[offset / 4]);
    }
}

static void read_response_buffer(struct vgpu_stub *gpu, uint32_t length)
{
    uint32_t offset = 0;

    if (gpu->identity.capabilities & VGPU_STUB_CAP_ACCESS64) {
        for (; offset + 8 <= length; offset += 8) {
            gpu->response.words64[offset / 8] =
                mmio_read64(gpu->registers, VGPU_STUB_RESPONSE_BUFFER + offset);
        }
    }
    for (; offset < length; offset += 4) {
        gpu->response.words32[offset / 4] =
            mmio_read32(gpu->registers, VGPU_STUB_RESPONSE_BUFFER + offset);
    }
}

/* ---- Requests ---- */

/* Puts the request together in gpu->request, zero-padded to a word. Returns its length or an
 * error. */
static int64_t compose_request(struct vgpu_stub *gpu, const struct vgpu_stub_call *call)
{
    uint64_t data_offset =
        sizeof(struct vgpu_stub_request) + (uint64_t)call->param_count * sizeof(uint32_t);
    uint64_t data_length = (uint64_t)call->data[0].length + call->data[1].length;
    uint64_t length = data_offset + data_length;

    if (length > VGPU_STUB_BUFFER_SIZE) {
        return BAREGPU_ERR_TOO_LARGE;
    }
    const struct vgpu_stub_request header = {
        .version = VGPU_STUB_PROTOCOL_VERSION,
        .opcode = call->operation,
        .flags = call->flags,
        .param_count = call->param_count,
        .data_offset = (uint32_t)data_offset,
        .data_length = (uint32_t)data_length,
    };
    uint8_t *to = gpu->request.bytes;

    gpu->request.words32[(length - 1) / 4] = 0;
    memcpy(to, &header, sizeof(header));
    to += sizeof(header);
    if (call->param_count != 0) {
        memcpy(to, call->params, call->param_count * sizeof(uint32_t));
        to += call->param_count * sizeof(uint32_t);
    }
    for (int part = 0; part < 2; part++) {
        if (call->data[part].length != 0) {
            memcpy(to, call->data[part].bytes, call->data[part].length);
            to += call->data[part].length;
        }
    }
    return (int64_t)length;
}

int vgpu_stub_submit(struct vgpu_stub *gpu, const struct vgpu_stub_call *call)
{
    if (gpu->is_in_flight) {
        return BAREGPU_ERR_BUSY;
    }
    int64_t length = compose_request(gpu, call);

    if (length < 0) {
        return (int)length;
    }
    write_request_buffer(gpu, (uint32_t)length);
    write_register(gpu, VGPU_STUB_REG_REQUEST_LEN, (uint32_t)length);
    write_register(gpu, VGPU_STUB_REG_REQUEST_ID, ++gpu->request_id);
    gpu->is_in_flight = true;
    mmio_notify32(gpu->registers, VGPU_STUB_REG_DOORBELL, 1);
    return 0;
}

static int fail(struct vgpu_stub *gpu, uint32_t status)
{
    gpu->last_status = status;
    return compute_status_error(status);
}

/* Checks gpu->response, `length` bytes of it, and describes it in *answer. */
static int check_answer(struct vgpu_stub *gpu, uint32_t length, struct vgpu_stub_answer *answer)
{
    struct vgpu_stub_response header;

    if (length < sizeof(header)) {
        return BAREGPU_ERR_PROTOCOL;
    }
    memcpy(&header, gpu->response.bytes, sizeof(header));
    if (header.version >> 16 != VGPU_STUB_PROTOCOL_VERSION >> 16) {
        return BAREGPU_ERR_PROTOCOL;
    }
    answer->status = header.status;
    answer->exec_time_us = header.exec_time_us;
    if (header.status != COMPUTE_OK) {
        return fail(gpu, header.status);
    }
    if (header.result_count > (length - sizeof(header)) / sizeof(uint32_t)) {
        return BAREGPU_ERR_PROTOCOL;
    }
    answer->results = &gpu->response.words32[sizeof(header) / 4];
    answer->result_count = header.result_count;
    if (header.data_length != 0) {
        if (header.data_offset < sizeof(header) + header.result_count * sizeof(uint32_t) ||
            header.data_offset > length || header.data_length > length - header.data_offset) {
            return BAREGPU_ERR_PROTOCOL;
        }
        answer->data = gpu->response.bytes + header.data_offset;
        answer->data_length = header.data_length;
    }
    return 0;
}

/* The device said ERROR. Behind CUDA_ERROR there may be an answer that says more. */
static int take_error(struct vgpu_stub *gpu, struct vgpu_stub_answer *answer)
{
    uint32_t code = read_register(gpu, VGPU_STUB_REG_ERROR_CODE);
    uint32_t length = read_register(gpu, VGPU_STUB_REG_RESPONSE_LEN);

    if (code == COMPUTE_CUDA_ERROR && length >= sizeof(struct vgpu_stub_response) &&
        length <= VGPU_STUB_BUFFER_SIZE) {
        read_response_buffer(gpu, sizeof(struct vgpu_stub_response));
        if (check_answer(gpu, sizeof(struct vgpu_stub_response), answer) < 0 &&
            answer->status != COMPUTE_OK) {
            code = answer->status;
        }
    }
    if (code == COMPUTE_OK) {
        return BAREGPU_ERR_PROTOCOL;
    }
    answer->status = code;
    return fail(gpu, code);
}

static int take_answer(struct vgpu_stub *gpu, struct vgpu_stub_answer *answer)
{
    uint32_t length = read_register(gpu, VGPU_STUB_REG_RESPONSE_LEN);

    if (length > VGPU_STUB_BUFFER_SIZE) {
        return BAREGPU_ERR_PROTOCOL;
    }
    read_response_buffer(gpu, length);
    return check_answer(gpu, length, answer);
}

int vgpu_stub_poll(struct vgpu_stub *gpu, struct vgpu_stub_answer *answer)
{
    struct vgpu_stub_answer unused;

    if (!gpu->is_in_flight) {
        return BAREGPU_ERR_INVALID;
    }
    uint32_t status = mmio_read_status32(gpu->registers, VGPU_STUB_REG_STATUS);

    if (status == VGPU_STUB_BUSY) {
        return BAREGPU_ERR_BUSY;
    }
    gpu->is_in_flight = false;
    gpu->last_status = COMPUTE_OK;
    if (gpu->source != NULL) {
        interrupt_source_answer(gpu->source); /* also for who is called back and then polls */
    }
    if (status == VGPU_STUB_IDLE || status == ALL_ONES) {
        return fail(gpu, COMPUTE_MEDIATOR_UNAVAILABLE); /* reset or gone: the session is lost */
    }
    if (read_register(gpu, VGPU_STUB_REG_REQUEST_ID) != gpu->request_id ||
        (status != VGPU_STUB_DONE && status != VGPU_STUB_ERROR)) {
        return BAREGPU_ERR_PROTOCOL;
    }
    answer = answer == NULL ? &unused : answer;
    *answer = (struct vgpu_stub_answer){0};
    if (answer != &unused) {
        answer->completed_us =
            (uint64_t)read_register(gpu, VGPU_STUB_REG_TIMESTAMP_HI) << 32 |
            read_register(gpu, VGPU_STUB_REG_TIMESTAMP_LO);
    }
    return status == VGPU_STUB_ERROR ? take_error(gpu, answer) : take_answer(gpu, answer);
}

struct answer_wait {
    struct vgpu_stub *gpu;
    struct vgpu_stub_answer *answer;
    int error; /* the request's */
};

static int look(void *context)
{
    struct answer_wait *wait = context;

    wait->error = vgpu_stub_poll(wait->gpu, wait->answer);
    return wait->error != BAREGPU_ERR_BUSY;
}

/* The read of the status register after IRQ_CTRL is set is the look that a completion in between
 * cannot escape. */
static bool arm(void *context)
{
    const struct answer_wait *wait = context;

    if (!wait->gpu->is_irq_on) {
        vgpu_stub_irq_enable(wait->gpu, true);
        return true;
    }
    wait->gpu->sleeps++;
    return false;
}

int vgpu_stub_wait(struct vgpu_stub *gpu, uint64_t deadline_ns, struct vgpu_stub_answer *answer)
{
    struct answer_wait wait = {.gpu = gpu, .answer = answer};
    const struct wait_loop loop = {.look = look, .arm = arm, .context = &wait};

    if (wait_until(&loop, &gpu->wait, gpu->source, deadline_ns) < 0) {
        vgpu_stub_abandon(gpu);
        return fail(gpu, COMPUTE_TIMEOUT);
    }
    /* Who polls first wants no interrupt meanwhile; who always sleeps leaves them on. That of a
     * handler of the caller's own is his. */
    if (gpu->source != NULL && gpu->is_irq_on &&
        (gpu->wait.sleep == NULL || gpu->wait.spin_ns != 0)) {
        vgpu_stub_irq_enable(gpu, false);
    }
    return wait.error;
}

int vgpu_stub_call(struct vgpu_stub *gpu, const struct vgpu_stub_call *call, uint64_t deadline_ns,
                   struct vgpu_stub_answer *answer)
{
    int error = vgpu_stub_submit(gpu, call);

    return error < 0 ? error : vgpu_stub_wait(gpu, deadline_ns, answer);
}

void vgpu_stub_abandon(struct vgpu_stub *gpu)
{
    gpu->is_in_flight = false;
}

/* ---- Interrupt ---- */

void vgpu_stub_irq_enable(struct vgpu_stub *gpu, bool enable)
{
    gpu->is_irq_on = enable;
    write_register(gpu, VGPU_STUB_REG_IRQ_CTRL, enable ? VGPU_STUB_IRQ_COMPLETION : 0);
}

bool vgpu_stub_irq_take(struct vgpu_stub *gpu)
{
    uint32_t status = read_register(gpu, VGPU_STUB_REG_IRQ_STATUS);

    if (status == ALL_ONES || !(status & VGPU_STUB_IRQ_COMPLETION)) {
        return false;
    }
    write_register(gpu, VGPU_STUB_REG_IRQ_STATUS, VGPU_STUB_IRQ_COMPLETION);
    return true;
}

/* ---- Names ---- */

const char *vgpu_stub_priority_name(uint32_t priority)
{
    switch (priority) {
    case VGPU_STUB_PRIORITY_LOW:
        return "low";
    case VGPU_STUB_PRIORITY_MEDIUM:
        return "medium";
    case VGPU_STUB_PRIORITY_HIGH:
        return "high";
    default:
        return "unknown";
    }
}
