/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test-vgpu-registers: the eleven tests that existing guests make of the device's registers,
 * and what else the register map promises at the same places. To be run first after a reset.
 *
 * Options: mediator=yes or no (whether a request is to succeed; else either will do), pool=,
 * priority=, vm_id= (the device's properties, when they are not the defaults).
 */
#include "firmware/apps/app.h"
#include "firmware/apps/open/pci.h"
#include "tests/guest/lib/tap.h"

#include <string.h>

#include "baregpu/mmio.h"

#define ANSWER_TIMEOUT_NS 10000000000u

static struct bg_vgpu_stub gpu;
static bool is_good; /* of the test in progress */

static uint32_t get(uint32_t reg)
{
    return bg_mmio_read32(gpu.registers, reg);
}

static void set(uint32_t reg, uint32_t value)
{
    bg_mmio_write32(gpu.registers, reg, value);
}

static void check(const char *what, uint64_t got, uint64_t expected)
{
    if (got != expected) {
        tap_diag("%s is 0x%llx, not 0x%llx", what, (unsigned long long)got,
                 (unsigned long long)expected);
        is_good = false;
    }
}

static uint32_t number_option(const char *key, uint32_t otherwise)
{
    return (uint32_t)app_option_number(key, otherwise, 0, UINT32_MAX);
}

static void identity(void)
{
    check("PROTOCOL_VER", get(BG_VGPU_STUB_REG_PROTOCOL_VER), 0x00010000);
    check("CAPABILITIES", get(BG_VGPU_STUB_REG_CAPABILITIES), 0x00000001);
    check("class", gpu.device->class_code, BG_VGPU_STUB_PCI_CLASS);
    check("revision", gpu.device->revision, BG_VGPU_STUB_PCI_REVISION);
    check("interrupt pin", gpu.device->interrupt_pin, 1);
    check("BAR 0 size", gpu.device->bars[0].size, BG_VGPU_STUB_BAR_SIZE);
    check("BAR 0 is 64-bit", gpu.device->bars[0].is_64bit, false);
    check("BAR 0 is prefetchable", gpu.device->bars[0].is_prefetchable, false);
}

static void properties(void)
{
    char pool[8] = "A";
    char name[16] = "medium";
    uint32_t priority = BG_VGPU_STUB_PRIORITY_MEDIUM;

    app_option("pool", pool, sizeof(pool));
    app_option("priority", name, sizeof(name));
    for (uint32_t i = BG_VGPU_STUB_PRIORITY_LOW; i <= BG_VGPU_STUB_PRIORITY_HIGH; i++) {
        if (strcmp(name, bg_vgpu_stub_priority_name(i)) == 0) {
            priority = i;
        }
    }
    check("POOL_ID", get(BG_VGPU_STUB_REG_POOL_ID), (uint8_t)pool[0]);
    check("PRIORITY", get(BG_VGPU_STUB_REG_PRIORITY), priority);
    check("VM_ID", get(BG_VGPU_STUB_REG_VM_ID), number_option("vm_id", 0));
}

static void status_at_start(void)
{
    check("STATUS", get(BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_IDLE);
    check("ERROR_CODE", get(BG_VGPU_STUB_REG_ERROR_CODE), 0);
    check("RESPONSE_LEN", get(BG_VGPU_STUB_REG_RESPONSE_LEN), 0);
    set(BG_VGPU_STUB_REG_STATUS, BG_VGPU_STUB_DONE); /* read-only */
    set(BG_VGPU_STUB_REG_ERROR_CODE, 5);
    set(BG_VGPU_STUB_REG_RESPONSE_LEN, 99);
    set(BG_VGPU_STUB_REG_CAPABILITIES, 0xFF);
    check("STATUS after a write", get(BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_IDLE);
    check("ERROR_CODE after a write", get(BG_VGPU_STUB_REG_ERROR_CODE), 0);
    check("RESPONSE_LEN after a write", get(BG_VGPU_STUB_REG_RESPONSE_LEN), 0);
    check("CAPABILITIES after a write", get(BG_VGPU_STUB_REG_CAPABILITIES), 1);
}

static void scratch(void)
{
    static const uint32_t values[] = {0xDEADBEEF, 0x12345678, 0xFFFFFFFF, 0};

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        set(BG_VGPU_STUB_REG_SCRATCH, values[i]);
        check("SCRATCH", get(BG_VGPU_STUB_REG_SCRATCH), values[i]);
    }
}

static void request_length(void)
{
    check("REQUEST_LEN at start", get(BG_VGPU_STUB_REG_REQUEST_LEN), 0);
    set(BG_VGPU_STUB_REG_REQUEST_LEN, 64);
    check("REQUEST_LEN", get(BG_VGPU_STUB_REG_REQUEST_LEN), 64);
    set(BG_VGPU_STUB_REG_REQUEST_LEN, 1024);
    check("REQUEST_LEN", get(BG_VGPU_STUB_REG_REQUEST_LEN), 1024);
    set(BG_VGPU_STUB_REG_REQUEST_LEN, 1025); /* ignored */
    check("REQUEST_LEN after 1025", get(BG_VGPU_STUB_REG_REQUEST_LEN), 1024);
    set(BG_VGPU_STUB_REG_REQUEST_LEN, 0);
}

static void request_id(void)
{
    set(BG_VGPU_STUB_REG_REQUEST_ID, 42);
    check("REQUEST_ID", get(BG_VGPU_STUB_REG_REQUEST_ID), 42);
    set(BG_VGPU_STUB_REG_REQUEST_ID, 0xFFFFFFFF);
    check("REQUEST_ID", get(BG_VGPU_STUB_REG_REQUEST_ID), 0xFFFFFFFF);
    set(BG_VGPU_STUB_REG_REQUEST_ID, 0);
}

static void request_buffer(void)
{
    for (uint32_t i = 0; i < BG_VGPU_STUB_BUFFER_SIZE; i += 4) {
        set(BG_VGPU_STUB_REQUEST_BUFFER + i, 0xAAAA0001 + i * 0x01010101);
    }
    for (uint32_t i = 0; i < BG_VGPU_STUB_BUFFER_SIZE; i += 4) {
        check("request buffer", get(BG_VGPU_STUB_REQUEST_BUFFER + i),
              (uint32_t)(0xAAAA0001 + i * 0x01010101));
    }
    /* Accesses of other widths, and that they are little-endian parts of one another. */
    bg_mmio_write64(gpu.registers, BG_VGPU_STUB_REQUEST_BUFFER + 1016, 0x8877665544332211);
    check("lower word", get(BG_VGPU_STUB_REQUEST_BUFFER + 1016), 0x44332211);
    check("half word", bg_mmio_read16(gpu.registers, BG_VGPU_STUB_REQUEST_BUFFER + 1022), 0x8877);
    bg_mmio_write8(gpu.registers, BG_VGPU_STUB_REQUEST_BUFFER + 1019, 0x99);
    bg_mmio_write16(gpu.registers, BG_VGPU_STUB_REQUEST_BUFFER + 1020, 0xBBAA);
    check("double word", bg_mmio_read64(gpu.registers, BG_VGPU_STUB_REQUEST_BUFFER + 1016),
          0x8877BBAA99332211);
    check("byte", bg_mmio_read8(gpu.registers, BG_VGPU_STUB_REQUEST_BUFFER + 1019), 0x99);
    for (uint32_t i = 0; i < BG_VGPU_STUB_BUFFER_SIZE; i += 4) {
        set(BG_VGPU_STUB_REQUEST_BUFFER + i, 0);
    }
}

static void response_buffer(void)
{
    for (uint32_t at = BG_VGPU_STUB_RESPONSE_BUFFER; at < BG_VGPU_STUB_BAR_SIZE; at += 4) {
        check("response buffer or reserved at start", get(at), 0);
        set(at, 0x5A5A5A5A);
        check("response buffer or reserved after a write", get(at), 0);
    }
}

static void zero_length(void)
{
    set(BG_VGPU_STUB_REG_REQUEST_LEN, 0);
    set(BG_VGPU_STUB_REG_DOORBELL, 2); /* not a doorbell */
    set(BG_VGPU_STUB_REG_DOORBELL, 0);
    check("STATUS after no doorbell", get(BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_IDLE);
    set(BG_VGPU_STUB_REG_DOORBELL, 1);
    check("STATUS", get(BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_ERROR);
    check("ERROR_CODE", get(BG_VGPU_STUB_REG_ERROR_CODE), BG_COMPUTE_INVALID_LENGTH);
}

/* A NOP as existing guests send it: 32 bytes, data_offset 32, nothing else. */
static void valid_request(void)
{
    char mediator[8] = "";
    uint64_t deadline_ns = bg_hal_time_ns() + ANSWER_TIMEOUT_NS;

    app_option("mediator", mediator, sizeof(mediator));
    for (uint32_t i = 0; i < 32; i += 4) {
        set(BG_VGPU_STUB_REQUEST_BUFFER + i, i == 0 ? 0x00010000 : i == 16 ? 32 : 0);
    }
    set(BG_VGPU_STUB_REG_REQUEST_LEN, 32);
    set(BG_VGPU_STUB_REG_REQUEST_ID, 9999);
    set(BG_VGPU_STUB_REG_DOORBELL, 1);
    uint32_t at_once = get(BG_VGPU_STUB_REG_STATUS);

    while (get(BG_VGPU_STUB_REG_STATUS) == BG_VGPU_STUB_BUSY && bg_hal_time_ns() < deadline_ns) {
        bg_hal_wait(deadline_ns);
    }
    uint32_t status = get(BG_VGPU_STUB_REG_STATUS);
    uint32_t error = get(BG_VGPU_STUB_REG_ERROR_CODE);
    bool succeeded = status == BG_VGPU_STUB_DONE && get(BG_VGPU_STUB_REG_RESPONSE_LEN) == 32 &&
                     get(BG_VGPU_STUB_RESPONSE_BUFFER) == 0x00010000 &&
                     get(BG_VGPU_STUB_RESPONSE_BUFFER + 4) == 0;
    bool unavailable = status == BG_VGPU_STUB_ERROR && error == BG_COMPUTE_MEDIATOR_UNAVAILABLE;

    tap_diag("STATUS %u at once, then %u, ERROR_CODE %u", (unsigned)at_once, (unsigned)status,
             (unsigned)error);
    if (strcmp(mediator, "no") == 0) {
        check("MEDIATOR_UNAVAILABLE", unavailable, true);
        check("STATUS at once", at_once, BG_VGPU_STUB_ERROR);
    } else if (strcmp(mediator, "yes") == 0) {
        check("success", succeeded, true);
    } else {
        check("success or MEDIATOR_UNAVAILABLE", succeeded || unavailable, true);
    }
    check("REQUEST_ID", get(BG_VGPU_STUB_REG_REQUEST_ID), 9999);
}

static void doorbell_reads_zero(void)
{
    check("DOORBELL", get(BG_VGPU_STUB_REG_DOORBELL), 0);
    set(BG_VGPU_STUB_REG_IRQ_CTRL, 0xFFFFFFFF);
    check("IRQ_CTRL", get(BG_VGPU_STUB_REG_IRQ_CTRL), 1);
    set(BG_VGPU_STUB_REG_IRQ_CTRL, 0);
    check("IRQ_CTRL", get(BG_VGPU_STUB_REG_IRQ_CTRL), 0);
}

static int run_test_vgpu_registers(void)
{
    static const struct {
        const char *name;
        void (*test)(void);
    } tests[] = {
        {"read-only identity", identity},
        {"registers of the properties", properties},
        {"status is idle, read-only registers stay", status_at_start},
        {"scratch register", scratch},
        {"request length", request_length},
        {"request id", request_id},
        {"request buffer, all widths", request_buffer},
        {"response buffer and reserved range are read-only", response_buffer},
        {"doorbell with length 0", zero_length},
        {"doorbell with a valid request", valid_request},
        {"doorbell reads 0, interrupt control keeps one bit", doorbell_reads_zero},
    };
    const unsigned count = sizeof(tests) / sizeof(tests[0]);

    tap_plan(count);
    if (open_vgpu_stub(&gpu) < 0) {
        tap_bail("no vgpu-stub");
        return 1;
    }
    for (unsigned i = 0; i < count; i++) {
        is_good = true;
        tests[i].test();
        tap_ok(is_good, "%s", tests[i].name);
    }
    return tap_done();
}

APP(test_vgpu_registers, "the vgpu-stub's register map, eleven tests", run_test_vgpu_registers,
    "pool priority vm_id mediator");
