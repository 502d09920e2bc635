/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/vgpu/pvgpu.c firmware/vgpu/pvgpu_ring.c firmware/vgpu/pvgpu_health.c
// build: firmware/vgpu/pvgpu_heap.c
// build: firmware/vgpu/pvgpu_resource.c firmware/vgpu/pvgpu_draw.c firmware/vgpu/pvgpu_compute.c
// build: firmware/vgpu/pvgpu_names.c firmware/vgpu/compute.c firmware/vgpu/pvgpu_interrupt.c
// build: firmware/pci/interrupt.c firmware/pci/msix.c firmware/pci/msi.c
// build: firmware/common/interrupt_line.c firmware/common/interrupt_source.c
// build: firmware/common/wait.c firmware/pci_ecam.c firmware/pci/enumerate.c
// build: firmware/pci/device.c firmware/pci/bar.c firmware/pci/assign.c
// build: firmware/pci/capability.c firmware/pci/list.c firmware/common/error.c tests/fake/hal.c
// build: tests/fake/pvgpu.c tests/fake/pci.c tests/fake/interrupt.c tests/unit/pci/fixture.c
/* The pvgpu's waits by interrupt, against the fake device: its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/pvgpu_interrupt.h"
#include "tests/fake/hal.h"
#include "tests/fake/interrupt.h"
#include "tests/fake/pvgpu.h"
#include "tests/unit/pci/fixture.h"

#define LINE 1u
#define SECOND_NS 1000000000ull

static struct bg_pci_intx intx;
static struct bg_pvgpu_interrupt interrupt;
static void (*write_register)(void *device, uint64_t address, unsigned width, uint64_t value);
static void (*work)(void *context);
static unsigned errors;
static bool is_others_raised; /* by a device that shares the line */

static void update_pin(void)
{
    fake_interrupt_set(LINE, is_others_raised || (fake.irq_status & fake.irq_mask) != 0);
}

static void write_and_update(void *device, uint64_t address, unsigned width, uint64_t value)
{
    write_register(device, address, width, value);
    update_pin();
}

static void raise(struct fake_pvgpu *device, uint32_t bits)
{
    device->irq_status |= bits;
    update_pin();
}

/* The backend works while the CPU sleeps, and not while it polls. */
static void while_asleep(void *context, uint64_t deadline_ns)
{
    (void)context, (void)deadline_ns;
    fake_hal.now_ns += 100000;
    fake_pvgpu_step(&fake, 0);
}

static void count_one(void *context)
{
    ++*(unsigned *)context;
}

static int setup(void **state)
{
    const struct bg_pvgpu_interrupt_options options = {.error_handler = count_one,
                                                       .error_context = &errors};

    pci_setup(state);
    int function = add_plain(FAKE_ROOT, 4 << 3);

    fake_pci_set8(&f.pci, function, 0x3D, 1);
    memset(&intx, 0, sizeof(intx));
    intx.interrupts[4][0] = LINE;
    f.config.intx = &intx;
    pvgpu_setup(state);
    enumerate();
    fake_interrupts_begin(8);
    fake_interrupts.while_asleep = while_asleep;
    errors = 0;
    is_others_raised = false;
    write_register = fake_hal.write;
    fake_hal.write = write_and_update;
    work = fake_hal.on_wait;
    fake_hal.on_wait = NULL;
    fake.interrupt = raise;
    gpu.host = &f.host;
    gpu.device = device_of(function);
    gpu.wait = BG_WAIT_SLEEP;
    assert_int_equal(bg_pvgpu_interrupt_open(&interrupt, &gpu, &options), 0);
    assert_int_equal(interrupt.pci.kind, BG_PCI_INTERRUPT_INTX);
    return 0;
}

static int teardown(void **state)
{
    bg_pvgpu_interrupt_close(&interrupt);
    bg_pvgpu_interrupt_close(&interrupt);
    bg_pvgpu_interrupt_resume(&interrupt); /* nothing */
    assert_int_equal(fake.irq_mask, 0);
    fake_interrupts_end();
    return pvgpu_teardown(state);
}

static void finish(void)
{
    assert_int_equal(bg_pvgpu_finish(&gpu, bg_hal_time_ns() + SECOND_NS), 0);
}

static uint64_t fence_count(void)
{
    return interrupt.vectors[BG_PVGPU_VECTOR_FENCE].source.count;
}

static void sleeping(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        finish();
    }
    assert_int_equal(fake_interrupts.sleeps, 10);
    assert_int_equal(interrupt.vectors[BG_PVGPU_VECTOR_FENCE].source.count, 10);
    assert_int_equal(interrupt.vectors[BG_PVGPU_VECTOR_FENCE].source.lost, 0);
    assert_int_equal(errors, 0);
}

/* What a full ring waits for nothing announces. */
static void sleeping_while_the_ring_is_full(void **state)
{
    const uint32_t commands = 2 * FAKE_PVGPU_RING / 16;

    (void)state;
    for (uint32_t i = 0; i < commands; i++) {
        assert_int_equal(bg_pvgpu_flush(&gpu), 0);
    }
    assert_int_equal(fake_interrupts.sleeps, 1);
    assert_int_equal(fake.commands, commands / 2);
    gpu.wait = BG_WAIT_POLL;
    fake_hal.on_wait = work;
    assert_int_equal(bg_pvgpu_flush(&gpu), 0);
    assert_int_equal(fake_interrupts.sleeps, 1);
    assert_int_equal(fake.commands, commands);
}

static void errors_are_told(void **state)
{
    (void)state;
    raise(&fake, BG_PVGPU_IRQ_ERROR);
    assert_int_equal(errors, 1);
    assert_int_equal(fake.irq_status, 0);
    assert_int_equal(interrupt.vectors[BG_PVGPU_VECTOR_ERROR].source.count, 1);
}

/* After a storm it polls, until it is told to try again. */
static void storm_and_resume(void **state)
{
    struct bg_interrupt_source *source = &interrupt.vectors[BG_PVGPU_VECTOR_FENCE].source;

    (void)state;
    finish();
    assert_int_equal(fake_interrupts.sleeps, 1);
    is_others_raised = true;
    update_pin();
    assert_int_equal(source->storms, 1);
    assert_false(bg_interrupt_source_is_on(source));
    fake_hal.on_wait = work;
    finish();
    assert_int_equal(fake_interrupts.sleeps, 1);
    fake_hal.on_wait = NULL;
    is_others_raised = false;
    update_pin();
    bg_pvgpu_interrupt_resume(&interrupt);
    assert_true(bg_interrupt_source_is_on(source));
    fake_interrupts.is_latched = false;
    finish();
    assert_int_equal(fake_interrupts.sleeps, 2);
    assert_int_equal(source->storms, 1);
}

static void without_an_interrupt(void **state)
{
    struct bg_pvgpu_interrupt second;

    (void)state;
    bg_pvgpu_interrupt_close(&interrupt);
    intx.interrupts[4][0] = 0;
    assert_int_equal(bg_pvgpu_interrupt_open(&second, &gpu, NULL), BG_ERR_NOT_FOUND);
    bg_pvgpu_interrupt_close(&second);
    fake_hal.on_wait = work;
    finish();
    assert_int_equal(fake_interrupts.sleeps, 0);
    gpu.device = NULL;
    assert_int_equal(bg_pvgpu_interrupt_open(&second, &gpu, NULL), BG_ERR_INVALID);
}

/* As messages that the kernel has set up come: edges. */
static void on_a_line_of_the_kernels(void **state)
{
    static struct bg_interrupt_line line;
    unsigned fences = 0;
    const struct bg_pvgpu_interrupt_options options = {
        .handler = count_one,
        .context = &fences,
        .error_handler = count_one,
        .error_context = &errors,
        .line = &line,
        .interrupt = LINE,
        .trigger = BG_HAL_TRIGGER_EDGE,
    };

    (void)state;
    bg_pvgpu_interrupt_close(&interrupt);
    gpu.host = NULL;
    gpu.device = NULL;
    assert_int_equal(bg_pvgpu_interrupt_open(&interrupt, &gpu, &options), 0);
    gpu.wait = BG_WAIT_SLEEP_ON(&fences);
    finish();
    finish();
    assert_int_equal(fence_count(), 2);
    assert_int_equal(fences, 2);
    assert_ptr_equal(fake_interrupts.slept_on, &fences);
    raise(&fake, BG_PVGPU_IRQ_ERROR);
    assert_int_equal(errors, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sleeping),
        TEST(sleeping_while_the_ring_is_full),
        TEST(errors_are_told),
        TEST(storm_and_resume),
        TEST(without_an_interrupt),
        TEST(on_a_line_of_the_kernels),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
