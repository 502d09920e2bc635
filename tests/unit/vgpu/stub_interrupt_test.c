/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/vgpu/vgpu_stub.c firmware/vgpu/vgpu_stub_compute.c firmware/vgpu/compute.c
// build: firmware/vgpu/vgpu_stub_interrupt.c firmware/pci/interrupt.c firmware/pci/msix.c
// build: firmware/pci/msi.c firmware/common/interrupt_line.c firmware/common/interrupt_source.c firmware/common/wait.c
// build: firmware/pci_ecam.c firmware/pci/enumerate.c firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c
// build: firmware/pci/list.c firmware/common/error.c tests/fake/hal.c tests/fake/pci.c
// build: tests/fake/vgpu.c tests/fake/interrupt.c tests/unit/pci/fixture.c
/* The vgpu-stub's waits by interrupt, against the fake device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fake/hal.h"
#include "tests/fake/interrupt.h"
#include "tests/fake/vgpu.h"
#include "tests/unit/pci/fixture.h"

#define LINE 1u
#define MS 1000000u

static struct bg_pci_intx intx;
static struct bg_vgpu_stub_interrupt interrupt;
static void (*write_register)(void *device, uint64_t address, unsigned width, uint64_t value);
static unsigned naps_until_done, ctrl_writes;
static bool is_mute;

/* The pin follows IRQ_STATUS and IRQ_CTRL. */
static void update_pin(void)
{
    fake_interrupt_set(LINE, !is_mute && (word(BG_VGPU_STUB_REG_IRQ_STATUS) &
                                          word(BG_VGPU_STUB_REG_IRQ_CTRL)) != 0);
}

static void write_and_update(void *device, uint64_t address, unsigned width, uint64_t value)
{
    write_register(device, address, width, value);
    ctrl_writes += address - fake.base == BG_VGPU_STUB_REG_IRQ_CTRL;
    update_pin();
}

/* The answer comes while the CPU sleeps. */
static void while_asleep(void *context, uint64_t deadline_ns)
{
    (void)context, (void)deadline_ns;
    if (naps_until_done != 0 && --naps_until_done == 0) {
        fake_hal.now_ns += MS / 10;
        set_word(BG_VGPU_STUB_REG_STATUS, fake.final_status);
        if (word(BG_VGPU_STUB_REG_IRQ_CTRL) != 0) {
            set_word(BG_VGPU_STUB_REG_IRQ_STATUS, BG_VGPU_STUB_IRQ_COMPLETION);
        }
        update_pin();
    }
}

static int setup(void **state)
{
    static const struct bg_vgpu_stub_interrupt_options on_cpu_1 = {.cpu = BG_HAL_CPU(1)};

    pci_setup(state);
    int function = add_plain(FAKE_ROOT, 4 << 3);

    fake_pci_set8(&f.pci, function, 0x3D, 1);
    memset(&intx, 0, sizeof(intx));
    intx.interrupts[4][0] = LINE;
    f.config.intx = &intx;
    vgpu_setup(state);
    enumerate();
    fake_interrupts_begin(8);
    fake_interrupts.while_asleep = while_asleep;
    write_register = fake_hal.write;
    fake_hal.write = write_and_update;
    fake_hal.wait_ns = 1000;
    fake.never_answers = true; /* by itself */
    is_mute = false;
    ctrl_writes = 0;
    gpu.host = &f.host;
    gpu.device = device_of(function);
    assert_int_equal(bg_vgpu_stub_interrupt_open(&interrupt, &gpu, &on_cpu_1), 0);
    assert_int_equal(interrupt.pci.kind, BG_PCI_INTERRUPT_INTX);
    assert_int_equal(fake_interrupts.of[LINE].cpu, BG_HAL_CPU(1));
    ctrl_writes = 0;
    return 0;
}

static int teardown(void **state)
{
    bg_vgpu_stub_interrupt_close(&interrupt);
    bg_vgpu_stub_interrupt_close(&interrupt);
    assert_int_equal(word(BG_VGPU_STUB_REG_IRQ_CTRL), 0);
    fake_interrupts_end();
    return vgpu_teardown(state);
}

static void nop(unsigned naps)
{
    naps_until_done = naps;
    assert_int_equal(bg_vgpu_stub_nop(&gpu, bg_hal_time_ns() + SECOND_NS), 0);
}

static void sleeping(void **state)
{
    (void)state;
    gpu.wait = BG_WAIT_SLEEP;
    for (unsigned i = 0; i < 10; i++) {
        nop(1);
    }
    assert_int_equal(interrupt.vector.source.count, 10);
    assert_int_equal(interrupt.vector.source.lost, 0);
    assert_int_equal(intx.lines[0].idle.count, 0);
    assert_int_equal(gpu.sleeps, 10);
    assert_int_equal(ctrl_writes, 1); /* stays on */
    nop(3);
    assert_int_equal(gpu.sleeps, 13);
    assert_int_equal(interrupt.vector.source.lost, 0);
}

/* Polls first, without interrupts; asks for one only then. */
static void spinning(void **state)
{
    (void)state;
    gpu.wait = BG_WAIT_SPIN_THEN_SLEEP(50000);
    nop(1);
    assert_int_equal(gpu.sleeps, 1);
    assert_true(fake_hal.waits >= 49);
    assert_int_equal(ctrl_writes, 2);
    assert_int_equal(word(BG_VGPU_STUB_REG_IRQ_CTRL), 0);
    fake.never_answers = false;
    nop(0);
    assert_int_equal(ctrl_writes, 2);
    assert_int_equal(interrupt.vector.source.count, 1);
}

static void polling(void **state)
{
    (void)state;
    gpu.wait = BG_WAIT_SLEEP;
    nop(1);
    gpu.wait = BG_WAIT_POLL; /* turns it off */
    fake.never_answers = false;
    fake.busy_polls = 10;
    nop(0);
    assert_int_equal(word(BG_VGPU_STUB_REG_IRQ_CTRL), 0);
    fake.busy_polls = 10;
    nop(0);
    assert_int_equal(gpu.sleeps, 1);
    assert_int_equal(ctrl_writes, 2);
}

static void lost(void **state)
{
    (void)state;
    gpu.wait = BG_WAIT_SLEEP;
    is_mute = true;
    uint64_t before_ns = bg_hal_time_ns();

    nop(1);
    assert_in_range(bg_hal_time_ns() - before_ns, BG_WAIT_NAP_FIRST_NS,
                    BG_WAIT_NAP_FIRST_NS + MS / 2);
    assert_int_equal(interrupt.vector.source.lost, 1);
    is_mute = false;
    bg_vgpu_stub_irq_take(&gpu);
    nop(1);
    assert_int_equal(interrupt.vector.source.lost, 1);
}

static void timeout(void **state)
{
    (void)state;
    gpu.wait = BG_WAIT_SLEEP;
    naps_until_done = 0;
    uint64_t before_ns = bg_hal_time_ns();

    assert_int_equal(bg_vgpu_stub_nop(&gpu, before_ns + 10 * MS), BG_ERR_TIMEOUT);
    assert_int_equal(bg_hal_time_ns(), before_ns + 10 * MS);
    assert_int_equal(gpu.last_status, BG_COMPUTE_TIMEOUT);
    nop(1);
}

static void storm(void **state)
{
    (void)state;
    gpu.wait = BG_WAIT_SLEEP;
    nop(1);
    fake_interrupt_set(LINE, true); /* of a device that shares the line */
    assert_int_equal(interrupt.vector.source.storms, 1);
    assert_int_equal(intx.lines[0].storms, 1);
    fake.never_answers = false;
    fake.busy_polls = 10;
    nop(0);
    assert_int_equal(gpu.sleeps, 1);
    fake.never_answers = true;
    fake_interrupt_set(LINE, false);
    bg_pci_interrupt_resume(&interrupt.pci);
    fake_interrupts.is_latched = false;
    nop(1);
    assert_int_equal(gpu.sleeps, 2);
}

static void without_an_interrupt(void **state)
{
    struct bg_vgpu_stub_interrupt second;

    (void)state;
    bg_vgpu_stub_interrupt_close(&interrupt);
    intx.interrupts[4][0] = 0;
    assert_int_equal(bg_vgpu_stub_interrupt_open(&second, &gpu, NULL), BG_ERR_NOT_FOUND);
    gpu.wait = BG_WAIT_SLEEP;
    fake.never_answers = false;
    nop(0);
    assert_int_equal(gpu.sleeps, 0);
    bg_vgpu_stub_interrupt_close(&second);
    gpu.device = NULL;
    assert_int_equal(bg_vgpu_stub_interrupt_open(&second, &gpu, NULL), BG_ERR_INVALID);
}

static void count(void *context)
{
    ++*(unsigned *)context;
}

/* The kernel's own PCI code has routed the pin, and its handler sets an event. */
static void on_a_line_of_the_kernels(void **state)
{
    static struct bg_interrupt_line line;
    unsigned completions = 0;
    const struct bg_vgpu_stub_interrupt_options options = {
        .handler = count,
        .context = &completions,
        .line = &line,
        .interrupt = LINE,
        .trigger = BG_HAL_TRIGGER_LEVEL,
    };

    (void)state;
    bg_vgpu_stub_interrupt_close(&interrupt);
    gpu.host = NULL;
    gpu.device = NULL;
    assert_int_equal(bg_vgpu_stub_interrupt_open(&interrupt, &gpu, &options), 0);
    assert_int_equal(fake_interrupts.of[LINE].cpu, BG_HAL_CPU_SELF);
    gpu.wait = BG_WAIT_SLEEP_ON(&completions);
    nop(1);
    nop(1);
    assert_ptr_equal(fake_interrupts.slept_on, &completions);
    assert_int_equal(completions, 2);
    assert_int_equal(gpu.sleeps, 2);
    assert_int_equal(interrupt.vector.source.lost, 0);
    bg_pci_interrupt_mask(&interrupt.pci, 0); /* nothing: others may be on the line */
    assert_false(bg_pci_interrupt_is_pending(&interrupt.pci, 0));
    nop(1);
    bg_vgpu_stub_interrupt_close(&interrupt);
    assert_null(line.clients);
    assert_null(fake_interrupts.of[LINE].handler);
    gpu.wait = BG_WAIT_POLL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sleeping),
        TEST(spinning),
        TEST(polling),
        TEST(lost),
        TEST(timeout),
        TEST(storm),
        TEST(without_an_interrupt),
        TEST(on_a_line_of_the_kernels),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
