/* SPDX-License-Identifier: BSD-2-Clause */
/* See stub_fixture.h. */
#include "stub_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void fail_test(const char *message)
{
    fail_msg("%s", message);
}

void stub_use_cmocka(void)
{
    harness_on_failure = fail_test;
    cmocka_set_message_output(CM_OUTPUT_TAP);
}

/* ---- Start and end ---- */

void stub_enable(struct stub *stub, unsigned bus, unsigned slot, uint64_t bar)
{
    stub->bar = bar;
    qtest_enable_ecam(stub->qemu);
    qtest_write(stub->qemu, 4, pci_config_address(bus, slot, 0, 0x10), bar);
    qtest_write(stub->qemu, 2, pci_config_address(bus, slot, 0, 0x04), 0x6);
}

struct stub *stub_start_line(bool listen, const char *line)
{
    static unsigned number;
    struct stub *stub = calloc(1, sizeof(*stub));
    char *words, *middle;

    assert_non_null(stub);
    stub->path = harness_format("%s/vgpu-%u.sock", harness_temp_dir(), number++);
    stub->listener = listen ? unix_listen(stub->path, 8) : -1;
    stub->peer = -1;
    middle = strstr(line, "%s");
    words = middle != NULL
                ? harness_format("%.*s%s%s", (int)(middle - line), line, stub->path, middle + 2)
                : harness_format("%s", line);
    stub->qemu = qemu_start_qtest("%s", words);
    free(words);
    return stub;
}

struct stub *stub_start(bool listen, const char *properties)
{
    char *line = harness_format("-d guest_errors -device vgpu-stub,id=gpu,addr=%d,socket=%%s%s",
                                STUB_SLOT, properties);
    struct stub *stub = stub_start_line(listen, line);

    stub_enable(stub, 0, STUB_SLOT, STUB_BAR_ADDRESS);
    free(line);
    return stub;
}

void stub_hang_up(struct stub *stub)
{
    if (stub->peer >= 0) {
        close(stub->peer);
        stub->peer = -1;
    }
}

void stub_end(struct stub *stub)
{
    qemu_end(stub->qemu);
    stub_hang_up(stub);
    if (stub->listener >= 0) {
        close(stub->listener);
    }
    free(stub->path);
    free(stub);
}

/* ---- Guest's side ---- */

uint32_t stub_read(struct stub *stub, uint32_t offset)
{
    return (uint32_t)qtest_read(stub->qemu, 4, stub->bar + offset);
}

void stub_write(struct stub *stub, uint32_t offset, uint32_t value)
{
    qtest_write(stub->qemu, 4, stub->bar + offset, value);
}

void stub_submit(struct stub *stub, uint32_t id, const void *request, uint32_t size)
{
    if (size) {
        qtest_write_block(stub->qemu, stub->bar + BG_VGPU_STUB_REQUEST_BUFFER, request, size);
    }
    stub_write(stub, BG_VGPU_STUB_REG_REQUEST_ID, id);
    stub_write(stub, BG_VGPU_STUB_REG_REQUEST_LEN, size);
    stub_write(stub, BG_VGPU_STUB_REG_DOORBELL, 1);
}

uint32_t stub_poll(struct stub *stub)
{
    uint64_t deadline_ms = harness_now_ms() + HARNESS_TIMEOUT_MS;
    uint32_t status;

    while ((status = stub_read(stub, BG_VGPU_STUB_REG_STATUS)) == BG_VGPU_STUB_BUSY) {
        if (harness_now_ms() > deadline_ms) {
            harness_fail("the device stays BUSY");
        }
    }
    return status;
}

int64_t stub_statistic(struct stub *stub, const char *name)
{
    return qmp_get_integer(stub->qemu, STUB_PATH, name);
}

void stub_wait_statistic(struct stub *stub, const char *name, int64_t count)
{
    uint64_t deadline_ms = harness_now_ms() + HARNESS_TIMEOUT_MS;
    int64_t now;

    while ((now = stub_statistic(stub, name)) != count) {
        if (harness_now_ms() > deadline_ms) {
            harness_fail("%s stays %lld, wanted %lld", name, (long long)now, (long long)count);
        }
    }
}

void stub_expect_error(struct stub *stub, uint32_t code)
{
    assert_int_equal(stub_poll(stub), BG_VGPU_STUB_ERROR);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_ERROR_CODE), code);
}

void stub_expect_done(struct stub *stub)
{
    assert_int_equal(stub_poll(stub), BG_VGPU_STUB_DONE);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_ERROR_CODE), 0);
}

bool stub_intx(struct stub *stub)
{
    return qtest_read(stub->qemu, 2, pci_config_address(0, STUB_SLOT, 0, 0x06)) & 8;
}

/* ---- Mediator's side ---- */

void stub_accept(struct stub *stub)
{
    stub_hang_up(stub);
    stub->peer = unix_accept(stub->listener, HARNESS_TIMEOUT_MS);
    assert_true(stub->peer >= 0);
}

struct bg_vgpu_stub_message stub_take(struct stub *stub, void *payload)
{
    struct bg_vgpu_stub_message header;

    assert_int_equal(socket_read(stub->peer, &header, sizeof(header), HARNESS_TIMEOUT_MS),
                     sizeof(header));
    assert_int_equal(header.magic, BG_VGPU_STUB_MESSAGE_MAGIC);
    assert_int_equal(header.type, BG_VGPU_STUB_MESSAGE_REQUEST);
    assert_in_range(header.payload_length, 1, BG_VGPU_STUB_PAYLOAD_MAX);
    assert_int_equal(socket_read(stub->peer, payload, header.payload_length, HARNESS_TIMEOUT_MS),
                     header.payload_length);
    return header;
}

size_t stub_message(uint8_t *out, uint32_t type, uint32_t id, const void *payload, uint16_t size)
{
    struct bg_vgpu_stub_message header = {
        .magic = BG_VGPU_STUB_MESSAGE_MAGIC,
        .type = type,
        .request_id = id,
        .pool_id = 'A',
        .payload_length = size,
    };

    memcpy(out, &header, sizeof(header));
    if (size) {
        memcpy(out + sizeof(header), payload, size);
    }
    return sizeof(header) + size;
}

void stub_answer(struct stub *stub, uint32_t type, uint32_t id, const void *payload, uint16_t size)
{
    uint8_t message[sizeof(struct bg_vgpu_stub_message) + 0x10000];

    assert_true(socket_write(stub->peer, message, stub_message(message, type, id, payload, size)));
}

void stub_answer_status(struct stub *stub, uint32_t id, uint32_t status)
{
    struct bg_vgpu_stub_response response = {.version = BG_VGPU_STUB_PROTOCOL_VERSION,
                                             .status = status,
                                             .data_offset = sizeof(response)};

    stub_answer(stub, BG_VGPU_STUB_MESSAGE_RESPONSE, id, &response, sizeof(response));
}

void stub_check_works(struct stub *stub, uint32_t id)
{
    uint8_t request[100], payload[BG_VGPU_STUB_PAYLOAD_MAX];
    struct bg_vgpu_stub_message header;

    memset(request, (int)(id | 1), sizeof(request));
    stub_submit(stub, id, request, sizeof(request));
    if (stub->peer < 0) {
        stub_accept(stub);
    }
    header = stub_take(stub, payload);
    assert_int_equal(header.request_id, id);
    assert_int_equal(header.payload_length, sizeof(request));
    assert_memory_equal(payload, request, sizeof(request));
    stub_answer_status(stub, id, BG_COMPUTE_OK);
    stub_expect_done(stub);
}
