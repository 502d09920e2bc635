/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fake/vgpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fake/hal.h"

struct fake fake;
struct bg_vgpu_stub gpu;

/* ---- Registers ---- */

uint32_t word(unsigned offset)
{
    uint32_t value;

    memcpy(&value, fake.bytes + offset, 4);
    return value;
}

void set_word(unsigned offset, uint32_t value)
{
    memcpy(fake.bytes + offset, &value, 4);
}

static bool access_is_legal(unsigned offset, unsigned width, bool is_write)
{
    if (offset % width != 0 || offset + width > sizeof(fake.bytes)) {
        return false;
    }
    if (offset < BG_VGPU_STUB_REQUEST_BUFFER) {
        return width == 4;
    }
    if (width == 8 && !(word(BG_VGPU_STUB_REG_CAPABILITIES) & BG_VGPU_STUB_CAP_ACCESS64)) {
        return false;
    }
    return !is_write || offset < BG_VGPU_STUB_RESPONSE_BUFFER;
}

static uint64_t fake_read(void *device, uint64_t address, unsigned width)
{
    uint64_t offset = address - fake.base;
    uint64_t value = 0;

    (void)device;
    fake.violations += !access_is_legal((unsigned)offset, width, false);
    fake.accesses64 += width == 8;
    if (fake.is_gone) {
        return UINT64_MAX;
    }
    if (offset == BG_VGPU_STUB_REG_STATUS && word(BG_VGPU_STUB_REG_STATUS) == BG_VGPU_STUB_BUSY &&
        !fake.never_answers) {
        if (fake.busy_polls == 0) {
            set_word(BG_VGPU_STUB_REG_STATUS, fake.final_status);
        } else {
            fake.busy_polls--;
        }
    }
    memcpy(&value, fake.bytes + offset, width);
    return value;
}

static void fake_write(void *device, uint64_t address, unsigned width, uint64_t value)
{
    uint64_t offset = address - fake.base;

    (void)device;
    fake.violations += !access_is_legal((unsigned)offset, width, true);
    fake.accesses64 += width == 8;
    switch (offset) {
    case BG_VGPU_STUB_REG_DOORBELL:
        fake.violations += value != 1;
        fake.doorbells++;
        set_word(BG_VGPU_STUB_REG_STATUS, BG_VGPU_STUB_BUSY);
        set_word(BG_VGPU_STUB_REG_ERROR_CODE, 0);
        set_word(BG_VGPU_STUB_REG_RESPONSE_LEN, 0);
        fake.final_status = BG_VGPU_STUB_DONE;
        memset(fake.bytes + BG_VGPU_STUB_RESPONSE_BUFFER, 0, BG_VGPU_STUB_BUFFER_SIZE);
        fake.answer(&fake);
        break;
    case BG_VGPU_STUB_REG_IRQ_STATUS:
        set_word(BG_VGPU_STUB_REG_IRQ_STATUS, word(BG_VGPU_STUB_REG_IRQ_STATUS) & ~(uint32_t)value);
        break;
    case BG_VGPU_STUB_REG_REQUEST_LEN:
    case BG_VGPU_STUB_REG_IRQ_CTRL:
    case BG_VGPU_STUB_REG_REQUEST_ID:
    case BG_VGPU_STUB_REG_SCRATCH:
        set_word((unsigned)offset, (uint32_t)value);
        break;
    default:
        fake.violations += offset < BG_VGPU_STUB_REQUEST_BUFFER;
        memcpy(fake.bytes + offset, &value, width);
        break;
    }
}

/* ---- The small mediator ---- */

void reply(uint32_t status, const uint32_t *results, uint32_t result_count, const void *data,
           uint32_t data_length)
{
    const struct bg_vgpu_stub_response header = {
        .version = BG_VGPU_STUB_PROTOCOL_VERSION,
        .status = status,
        .result_count = result_count,
        .data_offset = (uint32_t)sizeof(header) + 4 * result_count,
        .data_length = data_length,
        .exec_time_us = 12,
    };
    uint8_t *to = fake.bytes + BG_VGPU_STUB_RESPONSE_BUFFER;

    assert_true(header.data_offset + data_length <= BG_VGPU_STUB_BUFFER_SIZE);
    memcpy(to, &header, sizeof(header));
    if (result_count != 0) {
        memcpy(to + sizeof(header), results, 4 * result_count);
    }
    if (data_length != 0) {
        memcpy(to + header.data_offset, data, data_length);
    }
    set_word(BG_VGPU_STUB_REG_RESPONSE_LEN, header.data_offset + data_length);
    set_word(BG_VGPU_STUB_REG_TIMESTAMP_LO, 0x55667788);
    set_word(BG_VGPU_STUB_REG_TIMESTAMP_HI, 0x11223344);
    if (status != BG_COMPUTE_OK) {
        bool is_own = status == 7 || status == 0xA || status == 0xB;

        fake.final_status = BG_VGPU_STUB_ERROR;
        set_word(BG_VGPU_STUB_REG_ERROR_CODE, is_own ? status : BG_COMPUTE_CUDA_ERROR);
    }
}

static void add_words(const uint8_t *a, const uint8_t *b, uint8_t *c, uint32_t type, size_t count)
{
    for (size_t i = 0; i < count; i++, a += 4, b += 4, c += 4) {
        if (type == BG_COMPUTE_ELEMENT_FLOAT32) {
            float x, y;
            memcpy(&x, a, 4);
            memcpy(&y, b, 4);
            x += y;
            memcpy(c, &x, 4);
        } else {
            uint32_t x, y;
            memcpy(&x, a, 4);
            memcpy(&y, b, 4);
            x += y;
            memcpy(c, &x, 4);
        }
    }
}

static void copy(const uint32_t *p, uint32_t param_count, const uint8_t *data, uint32_t length)
{
    assert_int_equal(param_count, 9);
    uint32_t size = p[7];
    assert_int_equal(p[4] | p[6] | p[8], 0); /* upper halves */
    switch (p[0]) {
    case BG_COMPUTE_COPY_HOST_TO_DEVICE:
        assert_int_equal(length, size);
        assert_true(p[1] >= 1 && p[1] <= 2 && p[3] + size <= MEMORY_SIZE);
        memcpy(fake.memory[p[1] - 1] + p[3], data, size);
        reply(0, NULL, 0, NULL, 0);
        break;
    case BG_COMPUTE_COPY_DEVICE_TO_HOST:
        assert_int_equal(length, 0);
        assert_true(p[2] >= 1 && p[2] <= 2 && p[5] + size <= MEMORY_SIZE);
        reply(0, NULL, 0, fake.memory[p[2] - 1] + p[5], size);
        break;
    default:
        assert_int_equal(p[0], BG_COMPUTE_COPY_DEVICE_TO_DEVICE);
        memmove(fake.memory[p[1] - 1] + p[3], fake.memory[p[2] - 1] + p[5], size);
        reply(0, NULL, 0, NULL, 0);
        break;
    }
}

void small_mediator(struct fake *unused)
{
    struct bg_vgpu_stub_request header;
    uint32_t p[16] = {0};
    uint8_t request[BG_VGPU_STUB_BUFFER_SIZE];
    uint32_t length = word(BG_VGPU_STUB_REG_REQUEST_LEN);

    (void)unused;
    memcpy(request, fake.bytes + BG_VGPU_STUB_REQUEST_BUFFER, sizeof(request));
    memcpy(&header, request, sizeof(header));
    assert_int_equal(header.version, BG_VGPU_STUB_PROTOCOL_VERSION);
    assert_int_equal(header.reserved[0] | header.reserved[1], 0);
    assert_true(header.param_count <= 16);
    assert_int_equal(header.data_offset, sizeof(header) + 4 * header.param_count);
    assert_int_equal(header.data_offset + header.data_length, length);
    memcpy(p, request + sizeof(header), 4 * header.param_count);
    const uint8_t *data = request + header.data_offset;

    fake.last_flags = header.flags;
    fake.last_operation = header.opcode;
    if (fake.reply_status != BG_COMPUTE_OK) {
        reply(fake.reply_status, NULL, 0, NULL, 0);
        return;
    }
    switch (header.opcode) {
    case BG_VGPU_STUB_OP_NOP:
    case BG_VGPU_STUB_OP_SYNCHRONIZE:
    case BG_VGPU_STUB_OP_MEMORY_FREE:
        reply(0, NULL, 0, NULL, 0);
        break;
    case BG_VGPU_STUB_OP_CUDA_KERNEL: {
        uint32_t sum = p[0] + p[1];

        assert_int_equal(length, 40);
        reply(0, &sum, 1, NULL, 0);
        break;
    }
    case BG_VGPU_STUB_OP_MEMORY_ALLOC: {
        uint32_t handle = p[1] == 0 ? 1 : 2; /* tells the upper half of the size */

        reply(0, &handle, 1, NULL, 0);
        break;
    }
    case BG_VGPU_STUB_OP_MEMORY_COPY:
        copy(p, header.param_count, data, header.data_length);
        break;
    case BG_VGPU_STUB_OP_GET_DEVICE_INFO: {
        struct bg_compute_device_info info = {
            .backend = BG_COMPUTE_BACKEND_CPU, .memory_total = 5ull << 32, .multiprocessors = 2};

        memset(info.name, 'x', sizeof(info.name)); /* no NUL */
        reply(0, NULL, 0, &info, sizeof(info));
        break;
    }
    case BG_COMPUTE_VECTOR_ADD_INLINE: {
        uint8_t sums[BG_VGPU_STUB_BUFFER_SIZE];

        assert_int_equal(header.data_length, 8 * p[1]);
        add_words(data, data + 4 * p[1], sums, p[0], p[1]);
        reply(0, NULL, 0, sums, 4 * p[1]);
        break;
    }
    case BG_COMPUTE_VECTOR_ADD_MEMORY:
        assert_int_equal(header.param_count, 12);
        add_words(fake.memory[p[2] - 1] + p[6], fake.memory[p[3] - 1] + p[8],
                  fake.memory[p[1] - 1] + p[4], p[0], p[10]);
        reply(0, NULL, 0, NULL, 0);
        break;
    default:
        reply(BG_COMPUTE_UNSUPPORTED_OPERATION, NULL, 0, NULL, 0);
        break;
    }
}

/* ---- Fixture ---- */

int vgpu_setup(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof(fake));
    memset(&gpu, 0xA5, sizeof(gpu));
    memset(&fake_hal, 0, sizeof(fake_hal));
    fake.base = 0x10000000;
    fake.answer = small_mediator;
    fake_hal.read = fake_read;
    fake_hal.write = fake_write;
    fake_hal.wait_ns = 1000;
    set_word(BG_VGPU_STUB_REG_POOL_ID, 'B');
    set_word(BG_VGPU_STUB_REG_PRIORITY, BG_VGPU_STUB_PRIORITY_HIGH);
    set_word(BG_VGPU_STUB_REG_VM_ID, 200);
    set_word(BG_VGPU_STUB_REG_PROTOCOL_VER, BG_VGPU_STUB_PROTOCOL_VERSION);
    set_word(BG_VGPU_STUB_REG_CAPABILITIES, BG_VGPU_STUB_CAP_BASIC);
    assert_int_equal(bg_vgpu_stub_attach(&gpu, (void *)(uintptr_t)fake.base), 0);
    return 0;
}

int vgpu_teardown(void **state)
{
    (void)state;
    assert_int_equal(fake.violations, 0);
    return 0;
}
