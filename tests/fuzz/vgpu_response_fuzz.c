/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/vgpu/vgpu_stub.c firmware/vgpu/vgpu_stub_compute.c firmware/vgpu/compute.c
// build: firmware/pci_ecam.c firmware/pci/enumerate.c firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c
// build: firmware/pci/list.c firmware/common/error.c tests/fake/hal.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
/*
 * The vgpu-stub driver and a device that answers what the input says: one operation, then changes
 * to an answer that is in order, six bytes each.
 */
#include <stdlib.h>
#include <string.h>

#include "baregpu/vgpu_stub.h"
#include "tests/fake/hal.h"

#define CHANGE_SIZE 6
#define COUNT 300 /* elements: three pieces */

static struct bg_vgpu_stub gpu;
static uint8_t registers[4096];
static const uint8_t *changes;
static size_t changes_left;
static unsigned doorbells;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void set(unsigned offset, uint32_t value)
{
    memcpy(registers + offset, &value, 4);
}

static uint32_t get(unsigned offset)
{
    uint32_t value;

    memcpy(&value, registers + offset, 4);
    return value;
}

/* A good answer for what was asked, then the input's changes to it. A change for another doorbell
 * than this one ends the list. */
static void answer(void)
{
    uint32_t operation = get(BG_VGPU_STUB_REQUEST_BUFFER + 4);
    uint32_t results = operation == 1 || operation == 2;
    uint32_t length = 0;

    if (operation == BG_COMPUTE_VECTOR_ADD_INLINE) {
        length = get(BG_VGPU_STUB_REQUEST_BUFFER + 36) * 4;
    } else if (operation == BG_VGPU_STUB_OP_MEMORY_COPY) {
        length =
            get(BG_VGPU_STUB_REQUEST_BUFFER + 32) == 2 ? get(BG_VGPU_STUB_REQUEST_BUFFER + 60) : 0;
    } else if (operation == BG_VGPU_STUB_OP_GET_DEVICE_INFO) {
        length = sizeof(struct bg_compute_device_info);
    }
    memset(registers + BG_VGPU_STUB_RESPONSE_BUFFER, 0x55, BG_VGPU_STUB_BUFFER_SIZE);
    const uint32_t header[] = {
        BG_VGPU_STUB_PROTOCOL_VERSION, 0, results, 32 + 4 * results, length, 1};
    memcpy(registers + BG_VGPU_STUB_RESPONSE_BUFFER, header, sizeof(header));
    set(BG_VGPU_STUB_REG_RESPONSE_LEN, 32 + 4 * results + length);
    set(BG_VGPU_STUB_REG_STATUS, BG_VGPU_STUB_DONE);
    for (; changes_left >= CHANGE_SIZE && changes[0] >> 4 <= doorbells;
         changes += CHANGE_SIZE, changes_left -= CHANGE_SIZE) {
        static const uint16_t targets[16] = {
            BG_VGPU_STUB_REG_STATUS,           BG_VGPU_STUB_REG_ERROR_CODE,
            BG_VGPU_STUB_REG_RESPONSE_LEN,     BG_VGPU_STUB_REG_REQUEST_ID,
            BG_VGPU_STUB_RESPONSE_BUFFER,      BG_VGPU_STUB_RESPONSE_BUFFER + 4,
            BG_VGPU_STUB_RESPONSE_BUFFER + 8,  BG_VGPU_STUB_RESPONSE_BUFFER + 12,
            BG_VGPU_STUB_RESPONSE_BUFFER + 16,
        };
        unsigned offset = targets[changes[0] & 15];
        uint32_t value;

        memcpy(&value, changes + 2, 4);
        set(offset != 0 ? offset : BG_VGPU_STUB_RESPONSE_BUFFER + changes[1] * 4u, value);
    }
    doorbells++;
}

static uint64_t device_read(void *device, uint64_t address, unsigned width)
{
    uint64_t value = 0;

    (void)device;
    check(address + width <= sizeof(registers) && address % width == 0);
    memcpy(&value, registers + address, width);
    return value;
}

static void device_write(void *device, uint64_t address, unsigned width, uint64_t value)
{
    (void)device;
    check(address + width <= sizeof(registers) && address % width == 0);
    check(address < BG_VGPU_STUB_RESPONSE_BUFFER);
    memcpy(registers + address, &value, width);
    if (address == BG_VGPU_STUB_REG_DOORBELL) {
        answer();
    }
}

static int operate(unsigned operation)
{
    static uint8_t bytes[COUNT * 4];
    uint64_t deadline_ns = fake_hal.now_ns + 100;
    uint32_t value = 0;
    struct bg_compute_device_info info;
    struct bg_vgpu_stub_answer taken = {0};
    int error;

    switch (operation % 8) {
    case 0:
        return bg_vgpu_stub_nop(&gpu, deadline_ns);
    case 1:
        return bg_vgpu_stub_add_basic(&gpu, 1, 2, &value, deadline_ns);
    case 2:
        return bg_vgpu_stub_add_vectors(&gpu, BG_COMPUTE_ELEMENT_UINT32, bytes, bytes, bytes, COUNT,
                                        0, deadline_ns);
    case 3:
        error = bg_vgpu_stub_get_info(&gpu, &info, deadline_ns);
        check(error != 0 || memchr(info.name, 0, sizeof(info.name)) != NULL);
        return error;
    case 4:
        error = bg_vgpu_stub_memory_alloc(&gpu, 4096, &value, deadline_ns);
        check(error != 0 || value != 0);
        return error;
    case 5:
        return bg_vgpu_stub_memory_read(&gpu, 1, 0, bytes, sizeof(bytes) - 1, 0, deadline_ns);
    case 6:
        return bg_vgpu_stub_memory_write(&gpu, 1, 0, bytes, sizeof(bytes) - 1, 0, deadline_ns);
    default: {
        const struct bg_vgpu_stub_call call = {.operation = 0};
        uint32_t sum = 0;

        error = bg_vgpu_stub_call(&gpu, &call, deadline_ns, &taken);
        if (error == 0) { /* all that is handed out can be read */
            for (uint32_t i = 0; i < taken.result_count; i++) {
                sum += taken.results[i];
            }
            for (uint32_t i = 0; i < taken.data_length; i++) {
                sum += ((const uint8_t *)taken.data)[i];
            }
            check((uintptr_t)taken.data + taken.data_length <= (uintptr_t)(&gpu.response + 1));
            set(BG_VGPU_STUB_REG_SCRATCH, sum);
        }
        return error;
    }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    fake_hal = (struct fake_hal){
        .wait_ns = 10, .device = registers, .read = device_read, .write = device_write};
    memset(registers, 0, sizeof(registers));
    set(BG_VGPU_STUB_REG_PROTOCOL_VER, BG_VGPU_STUB_PROTOCOL_VERSION);
    set(BG_VGPU_STUB_REG_CAPABILITIES,
        BG_VGPU_STUB_CAP_BASIC | (data[1] & 1 ? BG_VGPU_STUB_CAP_ACCESS64 : 0));
    check(bg_vgpu_stub_attach(&gpu, NULL) == 0);
    changes = data + 2;
    changes_left = size - 2;
    doorbells = 0;
    int error = operate(data[0]);

    check(error <= 0 && error >= BG_ERR_DEVICE_MEMORY && !gpu.is_in_flight);
    check(bg_strerror(error) != NULL && bg_compute_status_name(gpu.last_status) != NULL);
    /* Whatever happened, the next request of an honest device is served. */
    changes_left = 0;
    set(BG_VGPU_STUB_REG_REQUEST_ID, 0);
    check(bg_vgpu_stub_nop(&gpu, fake_hal.now_ns + 100) == 0);
    return 0;
}
