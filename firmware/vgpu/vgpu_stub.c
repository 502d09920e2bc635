/* SPDX-License-Identifier: BSD-2-Clause */
/* The mailbox: finding the device, sending a request, taking and checking its answer. */
#include "firmware/vgpu/vgpu_stub_internal.h"

#include "baregpu/mmio.h"
#include "firmware/common/mem.h"

#define ALL_ONES UINT32_MAX /* what reads give when the device is gone */

static uint32_t read_register(const struct bg_vgpu_stub *gpu, uint32_t reg)
{
    return bg_mmio_read32(gpu->registers, reg);
}

static void write_register(struct bg_vgpu_stub *gpu, uint32_t reg, uint32_t value)
{
    bg_mmio_write32(gpu->registers, reg, value);
}

/* ---- Finding the device ---- */

int bg_vgpu_stub_attach(struct bg_vgpu_stub *gpu, void *registers)
{
    gpu->registers = registers;
    gpu->host = NULL;
    gpu->device = NULL;
    gpu->last_status = BG_COMPUTE_OK;
    gpu->is_in_flight = false;
    gpu->wait = BG_WAIT_POLL;
    gpu->source = NULL;
    gpu->sleeps = 0;
    gpu->owner = 0;
    gpu->is_irq_on = false;
    gpu->identity = (struct bg_vgpu_stub_identity){
        .pool = (char)read_register(gpu, BG_VGPU_STUB_REG_POOL_ID),
        .priority = read_register(gpu, BG_VGPU_STUB_REG_PRIORITY),
        .vm_id = read_register(gpu, BG_VGPU_STUB_REG_VM_ID),
        .protocol_version = read_register(gpu, BG_VGPU_STUB_REG_PROTOCOL_VER),
        .capabilities = read_register(gpu, BG_VGPU_STUB_REG_CAPABILITIES),
    };
    /* Ids go on from where an earlier driver stopped: two requests in a row never share one. */
    gpu->request_id = read_register(gpu, BG_VGPU_STUB_REG_REQUEST_ID);
    if (gpu->identity.protocol_version >> 16 != BG_VGPU_STUB_PROTOCOL_VERSION >> 16 ||
        !(gpu->identity.capabilities & BG_VGPU_STUB_CAP_BASIC)) {
        return BG_ERR_UNSUPPORTED;
    }
    return 0;
}

int bg_vgpu_stub_open(struct bg_vgpu_stub *gpu, const struct bg_pci_host *host,
                      const struct bg_pci_device *device)
{
    void *registers;

    if (device == NULL) {
        device = bg_pci_find_id(host, BG_VGPU_STUB_PCI_VENDOR_ID, BG_VGPU_STUB_PCI_DEVICE_ID, NULL);
    }
    if (device == NULL || device->bars[BG_VGPU_STUB_BAR].is_io ||
        (device->bars[BG_VGPU_STUB_BAR].state != BG_PCI_RESOURCE_FAILED &&
         device->bars[BG_VGPU_STUB_BAR].size < BG_VGPU_STUB_BAR_SIZE)) {
        return BG_ERR_NOT_FOUND;
    }
    int error =
        bg_pci_device_enable(host, device, BG_PCI_COMMAND_MEMORY)
            ?: bg_pci_bar_map(host, device, BG_VGPU_STUB_BAR, BG_HAL_MEMORY_DEVICE, &registers);

    if (error == 0) {
        error = bg_vgpu_stub_attach(gpu, registers);
        gpu->host = host;
        gpu->device = device;
    }
    return error;
}

/* ---- Buffers: one access per word, of 8 bytes where the device says that it takes them ---- */

static void write_request_buffer(struct bg_vgpu_stub *gpu, uint32_t length)
{
    uint32_t offset = 0;

    if (gpu->identity.capabilities & BG_VGPU_STUB_CAP_ACCESS64) {
        for (; offset + 8 <= length; offset += 8) {
            bg_mmio_write64(gpu->registers, BG_VGPU_STUB_REQUEST_BUFFER + offset,
                            gpu->request.words64[offset / 8]);
        }
    }
    for (; offset < length; offset += 4) {
        bg_mmio_write32(gpu->registers, BG_VGPU_STUB_REQUEST_BUFFER + offset,
                        gpu->request.words32[offset / 4]);
    }
}

static void read_response_buffer(struct bg_vgpu_stub *gpu, uint32_t length)
{
    uint32_t offset = 0;

    if (gpu->identity.capabilities & BG_VGPU_STUB_CAP_ACCESS64) {
        for (; offset + 8 <= length; offset += 8) {
            gpu->response.words64[offset / 8] =
                bg_mmio_read64(gpu->registers, BG_VGPU_STUB_RESPONSE_BUFFER + offset);
        }
    }
    for (; offset < length; offset += 4) {
        gpu->response.words32[offset / 4] =
            bg_mmio_read32(gpu->registers, BG_VGPU_STUB_RESPONSE_BUFFER + offset);
    }
}

/* ---- Requests ---- */

/* Puts the request together in gpu->request, zero-padded to a word. Returns its length or an
 * error. */
static int64_t compose_request(struct bg_vgpu_stub *gpu, const struct bg_vgpu_stub_call *call)
{
    uint64_t data_offset =
        sizeof(struct bg_vgpu_stub_request) + (uint64_t)call->param_count * sizeof(uint32_t);
    uint64_t data_length = (uint64_t)call->data[0].length + call->data[1].length;
    uint64_t length = data_offset + data_length;

    if (length > BG_VGPU_STUB_BUFFER_SIZE) {
        return BG_ERR_TOO_LARGE;
    }
    const struct bg_vgpu_stub_request header = {
        .version = BG_VGPU_STUB_PROTOCOL_VERSION,
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

static int submit(struct bg_vgpu_stub *gpu, const struct bg_vgpu_stub_call *call)
{
    if (gpu->is_in_flight) {
        return BG_ERR_BUSY;
    }
    int64_t length = compose_request(gpu, call);

    if (length < 0) {
        return (int)length;
    }
    write_request_buffer(gpu, (uint32_t)length);
    write_register(gpu, BG_VGPU_STUB_REG_REQUEST_LEN, (uint32_t)length);
    write_register(gpu, BG_VGPU_STUB_REG_REQUEST_ID, ++gpu->request_id);
    gpu->is_in_flight = true;
    bg_mmio_notify32(gpu->registers, BG_VGPU_STUB_REG_DOORBELL, 1);
    return 0;
}

static int fail(struct bg_vgpu_stub *gpu, uint32_t status)
{
    gpu->last_status = status;
    return bg_compute_status_error(status);
}

/* Checks gpu->response, `length` bytes of it, and describes it in *answer. */
static int check_answer(struct bg_vgpu_stub *gpu, uint32_t length,
                        struct bg_vgpu_stub_answer *answer)
{
    struct bg_vgpu_stub_response header;

    if (length < sizeof(header)) {
        return BG_ERR_PROTOCOL;
    }
    memcpy(&header, gpu->response.bytes, sizeof(header));
    if (header.version >> 16 != BG_VGPU_STUB_PROTOCOL_VERSION >> 16) {
        return BG_ERR_PROTOCOL;
    }
    answer->status = header.status;
    answer->exec_time_us = header.exec_time_us;
    if (header.status != BG_COMPUTE_OK) {
        return fail(gpu, header.status);
    }
    if (header.result_count > (length - sizeof(header)) / sizeof(uint32_t)) {
        return BG_ERR_PROTOCOL;
    }
    answer->results = &gpu->response.words32[sizeof(header) / 4];
    answer->result_count = header.result_count;
    if (header.data_length != 0) {
        if (header.data_offset < sizeof(header) + header.result_count * sizeof(uint32_t) ||
            header.data_offset > length || header.data_length > length - header.data_offset) {
            return BG_ERR_PROTOCOL;
        }
        answer->data = gpu->response.bytes + header.data_offset;
        answer->data_length = header.data_length;
    }
    return 0;
}

/* The device said ERROR. Behind CUDA_ERROR there may be an answer that says more. */
static int take_error(struct bg_vgpu_stub *gpu, struct bg_vgpu_stub_answer *answer)
{
    uint32_t code = read_register(gpu, BG_VGPU_STUB_REG_ERROR_CODE);
    uint32_t length = read_register(gpu, BG_VGPU_STUB_REG_RESPONSE_LEN);

    if (code == BG_COMPUTE_CUDA_ERROR && length >= sizeof(struct bg_vgpu_stub_response) &&
        length <= BG_VGPU_STUB_BUFFER_SIZE) {
        read_response_buffer(gpu, sizeof(struct bg_vgpu_stub_response));
        if (check_answer(gpu, sizeof(struct bg_vgpu_stub_response), answer) < 0 &&
            answer->status != BG_COMPUTE_OK) {
            code = answer->status;
        }
    }
    if (code == BG_COMPUTE_OK) {
        return BG_ERR_PROTOCOL;
    }
    answer->status = code;
    return fail(gpu, code);
}

static int take_answer(struct bg_vgpu_stub *gpu, struct bg_vgpu_stub_answer *answer)
{
    uint32_t length = read_register(gpu, BG_VGPU_STUB_REG_RESPONSE_LEN);

    if (length > BG_VGPU_STUB_BUFFER_SIZE) {
        return BG_ERR_PROTOCOL;
    }
    read_response_buffer(gpu, length);
    return check_answer(gpu, length, answer);
}

static int poll(struct bg_vgpu_stub *gpu, struct bg_vgpu_stub_answer *answer)
{
    struct bg_vgpu_stub_answer unused;

    if (!gpu->is_in_flight) {
        return BG_ERR_INVALID;
    }
    uint32_t status = bg_mmio_read_status32(gpu->registers, BG_VGPU_STUB_REG_STATUS);

    if (status == BG_VGPU_STUB_BUSY) {
        return BG_ERR_BUSY;
    }
    gpu->is_in_flight = false;
    gpu->last_status = BG_COMPUTE_OK;
    if (gpu->source != NULL) {
        bg_interrupt_source_answer(gpu->source); /* also for who is called back and then polls */
    }
    if (status == BG_VGPU_STUB_IDLE || status == ALL_ONES) {
        return fail(gpu, BG_COMPUTE_MEDIATOR_UNAVAILABLE); /* reset or gone: the session is lost */
    }
    if (read_register(gpu, BG_VGPU_STUB_REG_REQUEST_ID) != gpu->request_id ||
        (status != BG_VGPU_STUB_DONE && status != BG_VGPU_STUB_ERROR)) {
        return BG_ERR_PROTOCOL;
    }
    answer = answer == NULL ? &unused : answer;
    *answer = (struct bg_vgpu_stub_answer){0};
    if (answer != &unused) {
        answer->completed_us = (uint64_t)read_register(gpu, BG_VGPU_STUB_REG_TIMESTAMP_HI) << 32 |
                               read_register(gpu, BG_VGPU_STUB_REG_TIMESTAMP_LO);
    }
    return status == BG_VGPU_STUB_ERROR ? take_error(gpu, answer) : take_answer(gpu, answer);
}

struct answer_wait {
    struct bg_vgpu_stub *gpu;
    struct bg_vgpu_stub_answer *answer;
    int error; /* the request's */
};

static int look(void *context)
{
    struct answer_wait *wait = context;

    wait->error = poll(wait->gpu, wait->answer);
    return wait->error != BG_ERR_BUSY;
}

/* The read of the status register after IRQ_CTRL is set is the look that a completion in between
 * cannot escape. */
static bool arm(void *context)
{
    const struct answer_wait *wait = context;

    if (!wait->gpu->is_irq_on) {
        bg_vgpu_stub_irq_enable(wait->gpu, true);
        return true;
    }
    wait->gpu->sleeps++;
    return false;
}

static int wait(struct bg_vgpu_stub *gpu, uint64_t deadline_ns, struct bg_vgpu_stub_answer *answer)
{
    struct answer_wait wait = {.gpu = gpu, .answer = answer};
    const struct bg_wait_loop loop = {.look = look, .arm = arm, .context = &wait};

    if (bg_wait_until(&loop, &gpu->wait, gpu->source, deadline_ns) < 0) {
        bg_vgpu_stub_abandon(gpu);
        return fail(gpu, BG_COMPUTE_TIMEOUT);
    }
    /* Who polls first wants no interrupt meanwhile; who always sleeps leaves them on. That of a
     * handler of the caller's own is his. */
    if (gpu->source != NULL && gpu->is_irq_on &&
        (gpu->wait.sleep == NULL || gpu->wait.spin_ns != 0)) {
        bg_vgpu_stub_irq_enable(gpu, false);
    }
    return wait.error;
}

int vgpu_stub_call(struct bg_vgpu_stub *gpu, const struct bg_vgpu_stub_call *call,
                   uint64_t deadline_ns, struct bg_vgpu_stub_answer *answer)
{
    return submit(gpu, call) ?: wait(gpu, deadline_ns, answer);
}

/* ---- The same from outside ---- */

int bg_vgpu_stub_submit(struct bg_vgpu_stub *gpu, const struct bg_vgpu_stub_call *call)
{
    return OWNED(gpu, submit(gpu, call));
}

int bg_vgpu_stub_poll(struct bg_vgpu_stub *gpu, struct bg_vgpu_stub_answer *answer)
{
    return OWNED(gpu, poll(gpu, answer));
}

int bg_vgpu_stub_wait(struct bg_vgpu_stub *gpu, uint64_t deadline_ns,
                      struct bg_vgpu_stub_answer *answer)
{
    return OWNED(gpu, wait(gpu, deadline_ns, answer));
}

int bg_vgpu_stub_call(struct bg_vgpu_stub *gpu, const struct bg_vgpu_stub_call *call,
                      uint64_t deadline_ns, struct bg_vgpu_stub_answer *answer)
{
    return OWNED(gpu, vgpu_stub_call(gpu, call, deadline_ns, answer));
}

void bg_vgpu_stub_abandon(struct bg_vgpu_stub *gpu)
{
    gpu->is_in_flight = false;
}

/* ---- Interrupt ---- */

void bg_vgpu_stub_irq_enable(struct bg_vgpu_stub *gpu, bool enable)
{
    gpu->is_irq_on = enable;
    write_register(gpu, BG_VGPU_STUB_REG_IRQ_CTRL, enable ? BG_VGPU_STUB_IRQ_COMPLETION : 0);
}

bool bg_vgpu_stub_irq_take(struct bg_vgpu_stub *gpu)
{
    uint32_t status = read_register(gpu, BG_VGPU_STUB_REG_IRQ_STATUS);

    if (status == ALL_ONES || !(status & BG_VGPU_STUB_IRQ_COMPLETION)) {
        return false;
    }
    write_register(gpu, BG_VGPU_STUB_REG_IRQ_STATUS, BG_VGPU_STUB_IRQ_COMPLETION);
    return true;
}

/* ---- Names ---- */

const char *bg_vgpu_stub_priority_name(uint32_t priority)
{
    static const char *const names[] = {
        [BG_VGPU_STUB_PRIORITY_LOW] = "low",
        [BG_VGPU_STUB_PRIORITY_MEDIUM] = "medium",
        [BG_VGPU_STUB_PRIORITY_HIGH] = "high",
    };

    return priority < sizeof(names) / sizeof(names[0]) ? names[priority] : "unknown";
}
