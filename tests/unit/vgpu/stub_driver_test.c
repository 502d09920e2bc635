/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/vgpu/vgpu_stub.c firmware/vgpu/vgpu_stub_compute.c firmware/vgpu/compute.c
// build: firmware/pci_ecam.c firmware/pci/enumerate.c firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c
// build: firmware/pci/list.c firmware/common/error.c tests/fake/hal.c tests/fake/pci.c
// build: tests/fake/vgpu.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
/* The vgpu-stub driver against a fake device: one that answers by the protocol, and others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fake/hal.h"
#include "tests/fake/pci.h"
#include "tests/fake/vgpu.h"

/* ---- Attach and open ---- */

static void identity(void **state)
{
    (void)state;
    assert_int_equal(gpu.identity.pool, 'B');
    assert_int_equal(gpu.identity.priority, BG_VGPU_STUB_PRIORITY_HIGH);
    assert_int_equal(gpu.identity.vm_id, 200);
    assert_string_equal(bg_vgpu_stub_priority_name(gpu.identity.priority), "high");
}

static void other_protocols_are_refused(void **state)
{
    (void)state;
    set_word(BG_VGPU_STUB_REG_PROTOCOL_VER, 0x00020000);
    assert_int_equal(bg_vgpu_stub_attach(&gpu, gpu.registers), BG_ERR_UNSUPPORTED);
    set_word(BG_VGPU_STUB_REG_PROTOCOL_VER, 0x00010003); /* a minor version is no reason */
    assert_int_equal(bg_vgpu_stub_attach(&gpu, gpu.registers), 0);
    set_word(BG_VGPU_STUB_REG_CAPABILITIES, BG_VGPU_STUB_CAP_DMA);
    assert_int_equal(bg_vgpu_stub_attach(&gpu, gpu.registers), BG_ERR_UNSUPPORTED);
}

static void open_finds_and_enables(void **state)
{
    (void)state;
    static struct fake_pci pci;
    static struct bg_pci_device devices[4];
    static struct bg_pci_host host;
    struct bg_pci_host_config config = {
        .ecam = &pci,
        .ecam_size = 0x100000,
        .ops = &fake_pci_ops,
        .windows = {[BG_PCI_WINDOW_MEM32] = {0x10000000, 0x10000000, 0x100000}},
        .devices = devices,
        .device_capacity = 4,
    };

    fake_pci_init(&pci, 0, 0);
    assert_int_equal(bg_pci_host_init(&host, &config), 0);
    assert_int_equal(bg_pci_host_enumerate(&host), 0);
    assert_int_equal(bg_vgpu_stub_open(&gpu, &host, NULL), BG_ERR_NOT_FOUND);

    int function = fake_pci_add(&pci, FAKE_ROOT, 8, BG_VGPU_STUB_PCI_VENDOR_ID,
                                BG_VGPU_STUB_PCI_DEVICE_ID, BG_VGPU_STUB_PCI_CLASS, -1);
    assert_int_equal(bg_pci_host_enumerate(&host), 0);
    assert_int_equal(bg_vgpu_stub_open(&gpu, &host, NULL), BG_ERR_NOT_FOUND); /* no BAR */

    fake_pci_bar32(&pci, function, 0, 2048, 0);
    assert_int_equal(bg_pci_host_enumerate(&host), 0);
    assert_int_equal(bg_vgpu_stub_open(&gpu, &host, NULL), BG_ERR_NOT_FOUND); /* too small */

    fake_pci_bar32(&pci, function, 0, 4096, 0);
    assert_int_equal(bg_pci_host_enumerate(&host), 0);
    fake_hal.refuse_map = true;
    assert_int_equal(bg_vgpu_stub_open(&gpu, &host, NULL), BG_ERR_NO_MEMORY);
    fake_hal.refuse_map = false;
    assert_int_equal(bg_vgpu_stub_open(&gpu, &host, NULL), 0);
    assert_ptr_equal(gpu.device, &devices[0]);
    assert_int_equal(fake_pci_get(&pci, function, 4, 2), BG_PCI_COMMAND_MEMORY);
    assert_int_equal(bg_vgpu_stub_nop(&gpu, SECOND_NS), 0);

    fake_pci_bar32(&pci, function, 0, 0x40000000, 0); /* no room */
    assert_int_equal(bg_pci_host_enumerate(&host), BG_ERR_NO_SPACE);
    assert_int_equal(bg_vgpu_stub_open(&gpu, &host, NULL), BG_ERR_NO_SPACE);
}

/* ---- Operations ---- */

static void basic_operations(void **state)
{
    (void)state;
    uint32_t sum = 0;

    assert_int_equal(bg_vgpu_stub_nop(&gpu, SECOND_NS), 0);
    assert_int_equal(bg_vgpu_stub_add_basic(&gpu, 100, 200, &sum, SECOND_NS), 0);
    assert_int_equal(sum, 300);
    assert_int_equal(bg_vgpu_stub_add_basic(&gpu, UINT32_MAX, 2, &sum, SECOND_NS), 0);
    assert_int_equal(sum, 1);
    assert_int_equal(bg_vgpu_stub_synchronize(&gpu, SECOND_NS), 0);
    assert_int_equal(fake.doorbells, 4);
    assert_int_equal(gpu.last_status, BG_COMPUTE_OK);
    assert_int_equal(fake.accesses64, 0);
}

static void vectors_go_in_pieces(void **state)
{
    (void)state;
    enum { COUNT = 2 * 123 + 1 };
    static uint32_t a[COUNT], b[COUNT], c[COUNT];
    static float x[COUNT], y[COUNT];

    assert_int_equal(BG_VGPU_STUB_VECTOR_MAX, 123);
    for (uint32_t i = 0; i < COUNT; i++) {
        a[i] = i * 2654435761u;
        b[i] = ~i * 77;
        x[i] = (float)i / 7;
        y[i] = 1e6f / (float)(i + 1);
    }
    assert_int_equal(
        bg_vgpu_stub_add_vectors(&gpu, BG_COMPUTE_ELEMENT_UINT32, a, b, c, COUNT, 0, SECOND_NS), 0);
    assert_int_equal(fake.doorbells, 3);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(c[i], a[i] + b[i]);
    }
    /* In place. */
    assert_int_equal(bg_vgpu_stub_add_vectors(&gpu, BG_COMPUTE_ELEMENT_FLOAT32, x, y, x, COUNT,
                                              BG_VGPU_STUB_FLAG_RAISE_PRIORITY, SECOND_NS),
                     0);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_true(x[i] == (float)i / 7 + y[i]);
    }
    assert_int_equal(fake.last_flags, BG_VGPU_STUB_FLAG_RAISE_PRIORITY);
    fake.doorbells = 0;
    assert_int_equal(
        bg_vgpu_stub_add_vectors(&gpu, BG_COMPUTE_ELEMENT_UINT32, a, b, c, 123, 0, SECOND_NS), 0);
    assert_int_equal(fake.doorbells, 1);
    assert_int_equal(
        bg_vgpu_stub_add_vectors(&gpu, BG_COMPUTE_ELEMENT_UINT32, a, b, c, 0, 0, SECOND_NS), 0);
    assert_int_equal(fake.doorbells, 1);
    assert_int_equal(bg_vgpu_stub_add_vectors(&gpu, BG_COMPUTE_ELEMENT_UINT32, a, b, c,
                                              SIZE_MAX / 2, 0, SECOND_NS),
                     BG_ERR_INVALID);
}

static void access_64(void **state)
{
    (void)state;
    uint32_t a[123], b[123], c[123];

    set_word(BG_VGPU_STUB_REG_CAPABILITIES, BG_VGPU_STUB_CAP_BASIC | BG_VGPU_STUB_CAP_ACCESS64);
    assert_int_equal(bg_vgpu_stub_attach(&gpu, gpu.registers), 0);
    for (uint32_t i = 0; i < 123; i++) {
        a[i] = i;
        b[i] = i << 16;
    }
    for (uint32_t count = 1; count <= 123; count++) { /* lengths that end in a half word, too */
        assert_int_equal(
            bg_vgpu_stub_add_vectors(&gpu, BG_COMPUTE_ELEMENT_INT32, a, b, c, count, 0, SECOND_NS),
            0);
        assert_int_equal(c[count - 1], a[count - 1] + b[count - 1]);
    }
    assert_true(fake.accesses64 > 1000);
}

static void memory_goes_in_pieces(void **state)
{
    (void)state;
    static uint8_t from[5000], to[5000];
    uint32_t handle = 0;

    for (size_t i = 0; i < sizeof(from); i++) {
        from[i] = (uint8_t)(i * 31 + (i >> 8));
    }
    assert_int_equal(BG_VGPU_STUB_WRITE_MAX, 956);
    assert_int_equal(BG_VGPU_STUB_READ_MAX, 992);
    assert_int_equal(bg_vgpu_stub_memory_alloc(&gpu, 3ull << 32, &handle, SECOND_NS), 0);
    assert_int_equal(handle, 2);
    assert_int_equal(bg_vgpu_stub_memory_alloc(&gpu, MEMORY_SIZE, &handle, SECOND_NS), 0);
    assert_int_equal(handle, 1);
    /* Odd sizes and offsets: words are padded, bytes are not lost. */
    assert_int_equal(
        bg_vgpu_stub_memory_write(&gpu, 1, 13, from, 4999, BG_VGPU_STUB_FLAG_ASYNC, SECOND_NS), 0);
    assert_int_equal(fake.last_flags, BG_VGPU_STUB_FLAG_ASYNC);
    assert_memory_equal(fake.memory[0] + 13, from, 4999);
    assert_int_equal(fake.memory[0][12] | fake.memory[0][13 + 4999], 0);
    assert_int_equal(bg_vgpu_stub_memory_copy(&gpu, 2, 0, 1, 13, 4999, 0, SECOND_NS), 0);
    assert_int_equal(bg_vgpu_stub_memory_read(&gpu, 2, 0, to, 4999, 0, SECOND_NS), 0);
    assert_memory_equal(to, from, 4999);
    assert_int_equal(to[4999], 0);
    assert_int_equal(bg_vgpu_stub_memory_free(&gpu, 1, SECOND_NS), 0);
}

static void memory_is_added(void **state)
{
    (void)state;
    uint32_t a = 40, b = 2, c = 0;

    memcpy(fake.memory[0] + 64, &a, 4);
    memcpy(fake.memory[1] + 128, &b, 4);
    assert_int_equal(bg_vgpu_stub_vector_add(
                         &gpu, BG_COMPUTE_ELEMENT_UINT32, (struct bg_compute_operand){1, 256},
                         (struct bg_compute_operand){1, 64}, (struct bg_compute_operand){2, 128}, 1,
                         BG_VGPU_STUB_FLAG_ASYNC, SECOND_NS),
                     0);
    memcpy(&c, fake.memory[0] + 256, 4);
    assert_int_equal(c, 42);
    assert_int_equal(fake.last_operation, BG_COMPUTE_VECTOR_ADD_MEMORY);
}

static uint32_t captured[16];

static void capture(struct fake *unused)
{
    (void)unused;
    memcpy(captured, fake.bytes + BG_VGPU_STUB_REQUEST_BUFFER + 32, sizeof(captured));
    reply(0, NULL, 0, NULL, 0);
}

static void upper_halves_are_sent(void **state)
{
    (void)state;
    static const uint32_t copied[] = {3, 1, 2, 0x11, 0x1, 0x22, 0x2, 0x33, 0x3};
    static const uint32_t added[] = {1, 7, 8, 9, 0x14, 0x4, 0x18, 0x5, 0x1C, 0x6, 0x77, 0x7};

    fake.answer = capture;
    assert_int_equal(
        bg_vgpu_stub_memory_copy(&gpu, 1, 0x100000011, 2, 0x200000022, 0x300000033, 0, SECOND_NS),
        0);
    assert_memory_equal(captured, copied, sizeof(copied));
    assert_int_equal(bg_vgpu_stub_vector_add(&gpu, BG_COMPUTE_ELEMENT_UINT32,
                                             (struct bg_compute_operand){7, 0x400000014},
                                             (struct bg_compute_operand){8, 0x500000018},
                                             (struct bg_compute_operand){9, 0x60000001C},
                                             0x700000077, 0, SECOND_NS),
                     0);
    assert_memory_equal(captured, added, sizeof(added));
}

/* What lies behind an odd length is no piece of an earlier request. */
static void padding_is_zero(void **state)
{
    (void)state;
    const struct bg_vgpu_stub_call call = {.operation = 0, .data = {{"abcde", 5}}};

    fake.answer = capture;
    assert_int_equal(bg_vgpu_stub_call(&gpu, &call, SECOND_NS, NULL), 0);
    assert_int_equal(captured[0], 0x64636261);
    assert_int_equal(captured[1], 'e');
}

static void info_name_is_terminated(void **state)
{
    (void)state;
    struct bg_compute_device_info info;

    assert_int_equal(bg_vgpu_stub_get_info(&gpu, &info, SECOND_NS), 0);
    assert_int_equal(info.memory_total, 5ull << 32);
    assert_int_equal(strlen(info.name), BG_COMPUTE_DEVICE_NAME_SIZE - 1);
}

/* ---- Submit, poll, wait ---- */

static void polling(void **state)
{
    (void)state;
    const uint32_t params[] = {1, 2};
    const struct bg_vgpu_stub_call call = {
        .operation = BG_COMPUTE_VECTOR_ADD_BASIC, .params = params, .param_count = 2};
    struct bg_vgpu_stub_answer answer;

    assert_int_equal(bg_vgpu_stub_poll(&gpu, &answer), BG_ERR_INVALID);
    fake.busy_polls = 2;
    fake.answer = small_mediator;
    assert_int_equal(bg_vgpu_stub_submit(&gpu, &(struct bg_vgpu_stub_call){.operation = 0}), 0);
    assert_int_equal(bg_vgpu_stub_submit(&gpu, &call), BG_ERR_BUSY);
    assert_int_equal(fake.doorbells, 1);
    assert_int_equal(bg_vgpu_stub_poll(&gpu, &answer), BG_ERR_BUSY);
    assert_int_equal(bg_vgpu_stub_poll(&gpu, &answer), BG_ERR_BUSY);
    assert_int_equal(bg_vgpu_stub_poll(&gpu, &answer), 0);
    assert_int_equal(answer.exec_time_us, 12);
    assert_int_equal(answer.completed_us, 0x1122334455667788);
    assert_int_equal(bg_vgpu_stub_poll(&gpu, &answer), BG_ERR_INVALID);
}

static void too_large_requests_are_not_sent(void **state)
{
    (void)state;
    static uint8_t data[2000];
    struct bg_vgpu_stub_call call = {.operation = 0, .data = {{data, 992}, {data, 1}}};

    assert_int_equal(bg_vgpu_stub_submit(&gpu, &call), BG_ERR_TOO_LARGE);
    call.data[0].length = UINT32_MAX;
    call.data[1].length = UINT32_MAX;
    call.param_count = UINT32_MAX;
    assert_int_equal(bg_vgpu_stub_submit(&gpu, &call), BG_ERR_TOO_LARGE);
    assert_int_equal(fake.doorbells, 0);
    call = (struct bg_vgpu_stub_call){.operation = 0, .data = {{data, 991}, {data, 1}}};
    assert_int_equal(bg_vgpu_stub_call(&gpu, &call, SECOND_NS, NULL), 0);
}

static void silence_ends_at_the_deadline(void **state)
{
    (void)state;
    uint32_t sum = 0;
    uint32_t first_id;

    fake.never_answers = true;
    assert_int_equal(bg_vgpu_stub_nop(&gpu, 50000), BG_ERR_TIMEOUT);
    assert_int_equal(gpu.last_status, BG_COMPUTE_TIMEOUT);
    assert_true(fake_hal.now_ns >= 50000 && fake_hal.now_ns <= 52000);
    assert_false(gpu.is_in_flight);
    first_id = word(BG_VGPU_STUB_REG_REQUEST_ID);
    fake.never_answers = false;
    assert_int_equal(bg_vgpu_stub_add_basic(&gpu, 3, 4, &sum, SECOND_NS), 0);
    assert_int_equal(sum, 7);
    assert_int_not_equal(word(BG_VGPU_STUB_REG_REQUEST_ID), first_id);
}

static void late_look_still_takes_the_answer(void **state)
{
    (void)state;
    assert_int_equal(bg_vgpu_stub_submit(&gpu, &(struct bg_vgpu_stub_call){.operation = 0}), 0);
    fake_hal.now_ns = 100 * SECOND_NS;
    assert_int_equal(bg_vgpu_stub_wait(&gpu, SECOND_NS, NULL), 0);
}

static void request_ids_wrap(void **state)
{
    (void)state;
    set_word(BG_VGPU_STUB_REG_REQUEST_ID, UINT32_MAX - 1);
    assert_int_equal(bg_vgpu_stub_attach(&gpu, gpu.registers), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(bg_vgpu_stub_nop(&gpu, SECOND_NS), 0);
    }
    assert_int_equal(word(BG_VGPU_STUB_REG_REQUEST_ID), 1);
}

static void interrupt_status(void **state)
{
    (void)state;
    bg_vgpu_stub_irq_enable(&gpu, true);
    assert_int_equal(word(BG_VGPU_STUB_REG_IRQ_CTRL), 1);
    assert_int_equal(bg_vgpu_stub_nop(&gpu, bg_hal_time_ns() + SECOND_NS), 0);
    assert_int_equal(word(BG_VGPU_STUB_REG_IRQ_CTRL), 1); /* for a handler of one's own */
    assert_false(bg_vgpu_stub_irq_take(&gpu));
    set_word(BG_VGPU_STUB_REG_IRQ_STATUS, 1);
    assert_true(bg_vgpu_stub_irq_take(&gpu));
    assert_false(bg_vgpu_stub_irq_take(&gpu));
    bg_vgpu_stub_irq_enable(&gpu, false);
    assert_int_equal(word(BG_VGPU_STUB_REG_IRQ_CTRL), 0);
    fake.is_gone = true;
    assert_false(bg_vgpu_stub_irq_take(&gpu));
}

/* ---- Every error ---- */

static void every_status_is_mapped(void **state)
{
    (void)state;
    static const struct {
        uint32_t status;
        int error;
    } expected[] = {
        {BG_COMPUTE_INVALID_REQUEST, BG_ERR_INVALID},
        {BG_COMPUTE_REQUEST_TOO_LARGE, BG_ERR_TOO_LARGE},
        {BG_COMPUTE_MEDIATOR_UNAVAILABLE, BG_ERR_UNAVAILABLE},
        {BG_COMPUTE_TIMEOUT, BG_ERR_TIMEOUT},
        {BG_COMPUTE_CUDA_ERROR, BG_ERR_IO},
        {BG_COMPUTE_INVALID_POOL, BG_ERR_POOL},
        {BG_COMPUTE_QUEUE_FULL, BG_ERR_LIMITED},
        {BG_COMPUTE_UNSUPPORTED_OPERATION, BG_ERR_UNSUPPORTED},
        {BG_COMPUTE_INVALID_LENGTH, BG_ERR_INVALID},
        {BG_COMPUTE_RATE_LIMITED, BG_ERR_LIMITED},
        {BG_COMPUTE_VM_QUARANTINED, BG_ERR_QUARANTINED},
        {BG_COMPUTE_OUT_OF_MEMORY, BG_ERR_DEVICE_MEMORY},
        {BG_COMPUTE_INVALID_HANDLE, BG_ERR_NOT_FOUND},
        {BG_COMPUTE_OUT_OF_RANGE, BG_ERR_RANGE},
        {0x4242, BG_ERR_IO},
    };

    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        fake.reply_status = expected[i].status;
        assert_int_equal(bg_vgpu_stub_nop(&gpu, SECOND_NS), expected[i].error);
        assert_int_equal(gpu.last_status, expected[i].status);
        assert_string_not_equal(bg_compute_status_name(expected[i].status), "success");
        assert_true(strlen(bg_strerror(expected[i].error)) > 3);
    }
    assert_string_equal(bg_compute_status_name(BG_COMPUTE_VM_QUARANTINED), "VM quarantined");
    assert_string_equal(bg_compute_status_name(0x4242), "unknown status");
    assert_string_equal(bg_strerror(-12345), "unknown error");
    assert_string_equal(bg_strerror(BG_ERR_NO_MEMORY), "this guest is out of memory");
    assert_string_equal(bg_strerror(BG_ERR_DEVICE_MEMORY), "the device is out of memory");
    assert_string_equal(bg_strerror(0), "no error");
}

static uint32_t error_code;

static void answer_error_only(struct fake *unused)
{
    (void)unused;
    fake.final_status = BG_VGPU_STUB_ERROR;
    set_word(BG_VGPU_STUB_REG_ERROR_CODE, error_code);
}

static void device_errors_without_an_answer(void **state)
{
    (void)state;
    fake.answer = answer_error_only;
    for (error_code = 1; error_code <= BG_COMPUTE_VM_QUARANTINED; error_code++) {
        assert_int_equal(bg_vgpu_stub_nop(&gpu, SECOND_NS), bg_compute_status_error(error_code));
        assert_int_equal(gpu.last_status, error_code);
    }
    error_code = 0; /* an error that is none */
    assert_int_equal(bg_vgpu_stub_nop(&gpu, SECOND_NS), BG_ERR_PROTOCOL);
    error_code = UINT32_MAX;
    assert_int_equal(bg_vgpu_stub_nop(&gpu, SECOND_NS), BG_ERR_IO);
}

static void lost_devices(void **state)
{
    (void)state;
    const struct bg_vgpu_stub_call nop = {.operation = 0};

    assert_int_equal(bg_vgpu_stub_submit(&gpu, &nop), 0);
    fake.is_gone = true;
    assert_int_equal(bg_vgpu_stub_wait(&gpu, SECOND_NS, NULL), BG_ERR_UNAVAILABLE);
    fake.is_gone = false;
    assert_int_equal(bg_vgpu_stub_submit(&gpu, &nop), 0);
    memset(fake.bytes, 0, BG_VGPU_STUB_REG_POOL_ID); /* a reset in between: STATUS is IDLE */
    assert_int_equal(bg_vgpu_stub_wait(&gpu, SECOND_NS, NULL), BG_ERR_UNAVAILABLE);
    assert_int_equal(bg_vgpu_stub_nop(&gpu, SECOND_NS), 0);
}

static void answers_to_others_are_not_ours(void **state)
{
    (void)state;
    assert_int_equal(bg_vgpu_stub_submit(&gpu, &(struct bg_vgpu_stub_call){.operation = 0}), 0);
    set_word(BG_VGPU_STUB_REG_REQUEST_ID, gpu.request_id + 1);
    assert_int_equal(bg_vgpu_stub_wait(&gpu, SECOND_NS, NULL), BG_ERR_PROTOCOL);
}

/* ---- Answers against the protocol ---- */

static struct bg_vgpu_stub_response evil;
static uint32_t evil_length;
static uint32_t evil_status;

static void answer_evil(struct fake *unused)
{
    (void)unused;
    memcpy(fake.bytes + BG_VGPU_STUB_RESPONSE_BUFFER, &evil, sizeof(evil));
    set_word(BG_VGPU_STUB_REG_RESPONSE_LEN, evil_length);
    fake.final_status = evil_status;
}

/* The call as an operation whose answer has one result and some data. */
static int try_evil(struct bg_vgpu_stub_answer *answer)
{
    int error =
        bg_vgpu_stub_call(&gpu, &(struct bg_vgpu_stub_call){.operation = 0}, SECOND_NS, answer);

    /* Whatever is handed out lies inside the copy. */
    if (error == 0) {
        const uint8_t *start = gpu.response.bytes;

        assert_true(answer->result_count <= (evil_length - 32) / 4);
        if (answer->data_length != 0) {
            assert_true((const uint8_t *)answer->data >= start + 32 &&
                        (const uint8_t *)answer->data + answer->data_length <= start + evil_length);
        }
    }
    return error;
}

static void malformed_answers(void **state)
{
    (void)state;
    static const struct {
        struct bg_vgpu_stub_response header;
        uint32_t length;
        uint32_t status;
        int error;
    } cases[] = {
        {{0x10000, 0, 1, 36, 4, 0, {0}}, 40, BG_VGPU_STUB_DONE, 0},
        {{0x10000, 0, 0, 0, 0, 0, {0}}, 32, BG_VGPU_STUB_DONE, 0},
        {{0x10000, 0, 248, 0xFFFFFFFF, 0, 0, {0}}, 1024, BG_VGPU_STUB_DONE, 0},
        {{0x10000, 0, 0, 0, 0, 0, {0}}, 0, BG_VGPU_STUB_DONE, BG_ERR_PROTOCOL},
        {{0x10000, 0, 0, 0, 0, 0, {0}}, 31, BG_VGPU_STUB_DONE, BG_ERR_PROTOCOL},
        {{0x10000, 0, 0, 0, 0, 0, {0}}, 1025, BG_VGPU_STUB_DONE, BG_ERR_PROTOCOL},
        {{0x10000, 0, 0, 0, 0, 0, {0}}, 0xFFFFFFFF, BG_VGPU_STUB_DONE, BG_ERR_PROTOCOL},
        {{0x20000, 0, 0, 0, 0, 0, {0}}, 32, BG_VGPU_STUB_DONE, BG_ERR_PROTOCOL},
        {{0, 0, 0, 0, 0, 0, {0}}, 32, BG_VGPU_STUB_DONE, BG_ERR_PROTOCOL},
        {{0x10000, 0, 2, 36, 0, 0, {0}}, 36, BG_VGPU_STUB_DONE, BG_ERR_PROTOCOL},
        {{0x10000, 0, 0x40000000, 32, 0, 0, {0}}, 36, BG_VGPU_STUB_DONE, BG_ERR_PROTOCOL},
        {{0x10000, 0, 0xFFFFFFFF, 32, 4, 0, {0}}, 36, BG_VGPU_STUB_DONE, BG_ERR_PROTOCOL},
        {{0x10000, 0, 1, 32, 4, 0, {0}}, 40, BG_VGPU_STUB_DONE, BG_ERR_PROTOCOL},
        {{0x10000, 0, 0, 0, 4, 0, {0}}, 40, BG_VGPU_STUB_DONE, BG_ERR_PROTOCOL},
        {{0x10000, 0, 0, 32, 9, 0, {0}}, 40, BG_VGPU_STUB_DONE, BG_ERR_PROTOCOL},
        {{0x10000, 0, 0, 41, 1, 0, {0}}, 40, BG_VGPU_STUB_DONE, BG_ERR_PROTOCOL},
        {{0x10000, 0, 0, 0xFFFFFFFC, 8, 0, {0}}, 40, BG_VGPU_STUB_DONE, BG_ERR_PROTOCOL},
        {{0x10000, 0, 0, 32, 0xFFFFFFFF, 0, {0}}, 40, BG_VGPU_STUB_DONE, BG_ERR_PROTOCOL},
        /* DONE with a status that says otherwise: the status counts. */
        {{0x10000, 7, 0, 0, 0, 0, {0}}, 32, BG_VGPU_STUB_DONE, BG_ERR_LIMITED},
        /* Statuses that there are not. */
        {{0x10000, 0, 0, 0, 0, 0, {0}}, 32, 4, BG_ERR_PROTOCOL},
        {{0x10000, 0, 0, 0, 0, 0, {0}}, 32, 0x80000002, BG_ERR_PROTOCOL},
    };
    struct bg_vgpu_stub_answer answer;

    fake.answer = answer_evil;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        evil = cases[i].header;
        evil_length = cases[i].length;
        evil_status = cases[i].status;
        if (try_evil(&answer) != cases[i].error) {
            fail_msg("case %u", (unsigned)i);
        }
        assert_false(gpu.is_in_flight);
    }
}

/* Well-formed answers that do not fit the question. */
static void answers_to_other_questions(void **state)
{
    (void)state;
    uint32_t value = 77;
    uint8_t bytes[8];
    struct bg_compute_device_info info;

    fake.answer = answer_evil;
    evil = (struct bg_vgpu_stub_response){.version = 0x10000}; /* no results, no data */
    evil_length = 32;
    evil_status = BG_VGPU_STUB_DONE;
    assert_int_equal(bg_vgpu_stub_add_basic(&gpu, 1, 2, &value, SECOND_NS), BG_ERR_PROTOCOL);
    assert_int_equal(bg_vgpu_stub_memory_alloc(&gpu, 1, &value, SECOND_NS), BG_ERR_PROTOCOL);
    assert_int_equal(bg_vgpu_stub_get_info(&gpu, &info, SECOND_NS), BG_ERR_PROTOCOL);
    assert_int_equal(bg_vgpu_stub_memory_read(&gpu, 1, 0, bytes, 8, 0, SECOND_NS), BG_ERR_PROTOCOL);
    assert_int_equal(bg_vgpu_stub_add_vectors(&gpu, BG_COMPUTE_ELEMENT_UINT32, bytes, bytes, bytes,
                                              2, 0, SECOND_NS),
                     BG_ERR_PROTOCOL);
    evil.result_count = 1; /* a handle of 0 is none */
    evil_length = 36;
    assert_int_equal(bg_vgpu_stub_memory_alloc(&gpu, 1, &value, SECOND_NS), BG_ERR_PROTOCOL);
    evil.result_count = 0;
    evil.data_offset = 32;
    evil.data_length = 9; /* one byte more than asked for */
    evil_length = 41;
    assert_int_equal(bg_vgpu_stub_memory_read(&gpu, 1, 0, bytes, 8, 0, SECOND_NS), BG_ERR_PROTOCOL);
    assert_int_equal(value, 77);
}

/* ERROR with an answer that is malformed itself: the register counts. */
static void malformed_error_answers(void **state)
{
    (void)state;
    fake.answer = answer_evil;
    evil = (struct bg_vgpu_stub_response){.version = 0x10000, .status = BG_COMPUTE_OUT_OF_RANGE};
    evil_status = BG_VGPU_STUB_ERROR;
    evil_length = 2000;
    set_word(BG_VGPU_STUB_REG_ERROR_CODE, BG_COMPUTE_CUDA_ERROR);
    assert_int_equal(bg_vgpu_stub_submit(&gpu, &(struct bg_vgpu_stub_call){.operation = 0}), 0);
    set_word(BG_VGPU_STUB_REG_ERROR_CODE, BG_COMPUTE_CUDA_ERROR);
    assert_int_equal(bg_vgpu_stub_wait(&gpu, SECOND_NS, NULL), BG_ERR_IO);
    evil_length = 32;
    assert_int_equal(bg_vgpu_stub_submit(&gpu, &(struct bg_vgpu_stub_call){.operation = 0}), 0);
    set_word(BG_VGPU_STUB_REG_ERROR_CODE,
             BG_COMPUTE_TIMEOUT); /* the device's own; no answer behind */
    assert_int_equal(bg_vgpu_stub_wait(&gpu, SECOND_NS, NULL), BG_ERR_TIMEOUT);
    evil.status = 0; /* an error that says success */
    assert_int_equal(bg_vgpu_stub_submit(&gpu, &(struct bg_vgpu_stub_call){.operation = 0}), 0);
    set_word(BG_VGPU_STUB_REG_ERROR_CODE, BG_COMPUTE_CUDA_ERROR);
    assert_int_equal(bg_vgpu_stub_wait(&gpu, SECOND_NS, NULL), BG_ERR_IO);
}

/* ---- One call at a time ---- */

static unsigned intrusions;

/* Another thread, or a handler, while a call waits. */
static void intrude(void *device)
{
    uint32_t id = gpu.request_id, value = 77;
    uint8_t bytes[4] = {0};
    struct bg_compute_device_info info;

    (void)device;
    intrusions++;
    assert_int_equal(bg_vgpu_stub_poll(&gpu, NULL), BG_ERR_BUSY);
    assert_int_equal(bg_vgpu_stub_wait(&gpu, SECOND_NS, NULL), BG_ERR_BUSY);
    assert_int_equal(bg_vgpu_stub_add_basic(&gpu, 1, 2, &value, SECOND_NS), BG_ERR_BUSY);
    assert_int_equal(bg_vgpu_stub_nop(&gpu, SECOND_NS), BG_ERR_BUSY);
    assert_int_equal(bg_vgpu_stub_get_info(&gpu, &info, SECOND_NS), BG_ERR_BUSY);
    assert_int_equal(bg_vgpu_stub_memory_write(&gpu, 1, 0, bytes, 4, 0, SECOND_NS), BG_ERR_BUSY);
    assert_int_equal(bg_vgpu_stub_add_vectors(&gpu, 1, bytes, bytes, bytes, 1, 0, SECOND_NS),
                     BG_ERR_BUSY);
    assert_int_equal(value, 77);
    assert_int_equal(gpu.request_id, id);
    assert_true(gpu.is_in_flight);
}

static void calls_that_meet_are_refused(void **state)
{
    uint32_t sum = 0;

    (void)state;
    intrusions = 0;
    fake_hal.on_wait = intrude;
    fake.busy_polls = 3;
    assert_int_equal(bg_vgpu_stub_add_basic(&gpu, 100, 200, &sum, SECOND_NS), 0);
    assert_int_equal(sum, 300);
    assert_int_equal(intrusions, 3);
    fake_hal.on_wait = NULL;
    assert_int_equal(bg_vgpu_stub_nop(&gpu, SECOND_NS), 0); /* it is free again */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, vgpu_setup, vgpu_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(identity),
        TEST(other_protocols_are_refused),
        TEST(open_finds_and_enables),
        TEST(basic_operations),
        TEST(vectors_go_in_pieces),
        TEST(access_64),
        TEST(memory_goes_in_pieces),
        TEST(memory_is_added),
        TEST(upper_halves_are_sent),
        TEST(padding_is_zero),
        TEST(info_name_is_terminated),
        TEST(polling),
        TEST(too_large_requests_are_not_sent),
        TEST(silence_ends_at_the_deadline),
        TEST(late_look_still_takes_the_answer),
        TEST(request_ids_wrap),
        TEST(interrupt_status),
        TEST(every_status_is_mapped),
        TEST(device_errors_without_an_answer),
        TEST(lost_devices),
        TEST(answers_to_others_are_not_ours),
        TEST(malformed_answers),
        TEST(answers_to_other_questions),
        TEST(malformed_error_answers),
        TEST(calls_that_meet_are_refused),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
