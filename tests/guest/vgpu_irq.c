/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test-vgpu-irq: the device's interrupt as far as polling shows it: IRQ_STATUS, and that the
 * line arrives at the interrupt controller, which is told to deliver nothing.
 */
#include "firmware/apps/app.h"
#include "firmware/apps/open/pci.h"
#include "tests/guest/lib/tap.h"

#include "baregpu/mmio.h"
#include "firmware/platform/machine.h"

#define TIMEOUT_NS 30000000000u

/* GICD_ISPENDR: one bit per interrupt; a level that is asserted reads as pending (Arm GIC
 * architecture, GICD_ISPENDR). SPI n is interrupt 32 + n. */
#define GICD_ISPENDR(interrupt) (0x200u + (interrupt) / 32 * 4)
#define GIC_FIRST_SPI 32u

static struct bg_vgpu_stub gpu;
static void *distributor;
static uint32_t interrupt; /* 0: not known */

static uint64_t deadline(void)
{
    return bg_hal_time_ns() + TIMEOUT_NS;
}

/* Any request does: without a mediator it completes with an error, which is a completion. */
static void complete_one(void)
{
    bg_vgpu_stub_nop(&gpu, deadline());
}

static uint32_t irq_status(void)
{
    return bg_mmio_read32(gpu.registers, BG_VGPU_STUB_REG_IRQ_STATUS);
}

static bool line_is_raised(void)
{
    return bg_mmio_read32(distributor, GICD_ISPENDR(interrupt)) >> (interrupt % 32) & 1;
}

static void find_line(void)
{
    unsigned slot = 0;
    unsigned pin = bg_pci_intx_route(machine_pci(), gpu.device, &slot);
    uint32_t spi = pin == 0 ? 0 : machine.pci_interrupt_spi[slot % 4][pin - 1];

    if (spi != 0 && machine.gic_distributor.size != 0) {
        distributor = bg_hal_map(machine.gic_distributor.base, machine.gic_distributor.size,
                                 BG_HAL_MEMORY_DEVICE);
        interrupt = distributor == NULL ? 0 : spi + GIC_FIRST_SPI;
    }
    tap_diag("INT%c of slot %u is interrupt %u", 'A' + (int)pin - 1, slot, (unsigned)interrupt);
}

static void expect_line(bool raised, const char *when)
{
    if (interrupt == 0) {
        tap_skip("the devicetree does not say where INTx arrives", "the line %s", when);
    } else {
        tap_ok(line_is_raised() == raised, "the line is %s %s", raised ? "up" : "down", when);
    }
}

static int run_test_vgpu_irq(void)
{
    tap_plan(0);
    if (open_vgpu_stub(&gpu) < 0) {
        tap_bail("no vgpu-stub");
        return 1;
    }
    find_line();
    tap_equal(irq_status(), 0, "no completion is pending at start");
    complete_one();
    tap_equal(irq_status(), 0, "without IRQ_CTRL a completion is not reported");
    expect_line(false, "without IRQ_CTRL");

    bg_vgpu_stub_irq_enable(&gpu, true);
    tap_equal(irq_status(), 0, "IRQ_CTRL alone reports nothing");
    complete_one();
    tap_equal(irq_status(), BG_VGPU_STUB_IRQ_COMPLETION, "a completion is reported");
    expect_line(true, "after a completion");
    bg_mmio_write32(gpu.registers, BG_VGPU_STUB_REG_IRQ_STATUS, 0);
    tap_equal(irq_status(), BG_VGPU_STUB_IRQ_COMPLETION, "writing 0 acknowledges nothing");
    tap_ok(bg_vgpu_stub_irq_take(&gpu), "it is taken");
    tap_ok(!bg_vgpu_stub_irq_take(&gpu), "once");
    tap_equal(irq_status(), 0, "and is gone");
    expect_line(false, "after the acknowledgement");

    complete_one();
    complete_one();
    tap_ok(bg_vgpu_stub_irq_take(&gpu) && !bg_vgpu_stub_irq_take(&gpu),
           "two completions before the handler runs are one");
    complete_one();
    bg_vgpu_stub_irq_enable(&gpu, false);
    expect_line(false, "when IRQ_CTRL is cleared");
    bg_vgpu_stub_irq_take(&gpu);
    complete_one();
    tap_ok(!bg_vgpu_stub_irq_take(&gpu), "nothing is reported any more");
    return tap_done();
}

APP(test_vgpu_irq, "the vgpu-stub's interrupt, polled", run_test_vgpu_irq, "");
