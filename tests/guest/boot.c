/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test_boot: what the boot code and the devicetree reader promise. The host says what it
 * started by expect_<name>=<value> in the bootargs; without only what holds everywhere is tested.
 */
#include <inttypes.h>

#include "firmware/apps/app.h"
#include "tests/guest/lib/tap.h"
#include "baregpu/hal.h"
#include "baregpu/mmio.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/machine.h"
#include "firmware/platform/mmu.h"
#include "firmware/platform/monitor.h"
#include "firmware/platform/semihosting.h"
#include "firmware/platform/timer.h"

#define MIB 0x100000ull
#define GIB 0x40000000ull

#define SCTLR_M (1ull << 0)
#define SCTLR_C (1ull << 2)
#define SCTLR_SA (1ull << 3)
#define SCTLR_I (1ull << 12)
#define SCTLR_WXN (1ull << 19)

#define READ_SYSTEM_REGISTER(name)                                                                 \
    ({                                                                                             \
        uint64_t value_;                                                                           \
        __asm__ volatile("mrs %0, " name : "=r"(value_));                                          \
        value_;                                                                                    \
    })

static uint64_t zero_words[512];
static uint64_t initialised_word = 0x0123456789abcdefull;

/* Compares with expect_<name>, if the host gave it. */
static void expect(const char *option, uint64_t got, const char *what)
{
    int64_t expected = app_option_number(option, -1, 0, INT64_MAX);

    if (expected >= 0) {
        tap_equal(got, (uint64_t)expected, "%s is 0x%" PRIx64, what, (uint64_t)expected);
    }
}

static bool mmu_is_on(void)
{
    uint64_t wanted = SCTLR_M | SCTLR_C | SCTLR_I | SCTLR_SA | SCTLR_WXN;

    return (READ_SYSTEM_REGISTER("sctlr_el1") & wanted) == wanted;
}

static bool floating_point_works(void)
{
    volatile double a = 1.5;
    volatile double b = 2.25;
    uint64_t lanes;

    __asm__ volatile("movi v0.16b, #3\n\t"
                     "add v0.16b, v0.16b, v0.16b\n\t"
                     "umov %0, v0.d[1]"
                     : "=r"(lanes)::"v0");
    return a * b == 3.375 && lanes == 0x0606060606060606ull;
}

static void test_state(void)
{
    uint64_t dirty = 0;

    expect("expect_el", kernel_entry.level, "the exception level at entry");
    tap_equal(READ_SYSTEM_REGISTER("currentel") >> 2, 1, "the kernel runs at EL1");
    tap_equal(READ_SYSTEM_REGISTER("spsel"), 0, "ordinary code has a stack of its own");
    tap_ok(mmu_is_on(), "MMU, caches, WXN and stack alignment checks are on");
    for (unsigned i = 0; i < sizeof(zero_words) / sizeof(zero_words[0]); i++) {
        dirty |= ((volatile uint64_t *)zero_words)[i];
    }
    tap_ok(dirty == 0, "bss is zero");
    tap_ok(*(volatile uint64_t *)&initialised_word == 0x0123456789abcdefull, "data is there");
    tap_ok(floating_point_works(), "floating point and SIMD compute");
    tap_ok(!kernel_entry.devicetree_passed || machine.devicetree.base % 8 == 0,
           "the devicetree came %s", kernel_entry.devicetree_passed ? "in x0" : "at RAM's start");
    tap_diag("semihosting: %s", semihosting_present() ? "yes" : "no");
    expect("expect_semihosting", semihosting_present(), "semihosting");
}

static void test_devicetree(void)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < machine.memory_count; i++) {
        total += machine.memory[i].size;
        tap_diag("memory %#llx + %llu MiB", (unsigned long long)machine.memory[i].base,
                 (unsigned long long)(machine.memory[i].size / MIB));
    }
    tap_ok(total >= 64 * MIB, "the machine has memory");
    expect("expect_memory_mib", total / MIB, "memory in MiB");
    tap_ok(machine.uart.size > 0 && mmu_query(machine.uart.base).device, "the UART is mapped");
    tap_ok(machine.cpu_count > 0, "there are CPUs");
    expect("expect_cpus", machine.cpu_count, "the number of CPUs");
    tap_ok(machine.gic_version == 2 || machine.gic_version == 3, "there is a GIC");
    expect("expect_gic", machine.gic_version, "the GIC's version");
    tap_ok(machine.pci_present, "there is a PCI host");
    tap_equal(machine.pci_ecam_size, (machine.bus_last - machine.bus_first + 1ull) * MIB,
              "ECAM has 1 MiB for each bus");
    expect("expect_highmem", machine.pci_ecam_base >= 4 * GIB, "ECAM above 4 GiB");
    expect("expect_highmem", machine.pci_mem64.size > 0, "a 64-bit PCI window");
    tap_ok(machine.pci_mem32.size > 0 && machine.pci_io.size > 0, "memory and I/O windows");
    tap_ok(machine.pci_interrupt_spi[0][0] > 0 &&
               machine.pci_interrupt_spi[1][0] == machine.pci_interrupt_spi[0][1],
           "PCI interrupts are rotated by slot");
    expect("expect_psci", machine.psci, "the PSCI conduit (0 none, 1 HVC, 2 SMC)");
}

static void test_timer(void)
{
    uint64_t before_ns = bg_hal_time_ns();
    uint64_t last_ns = before_ns;
    bool monotonic = true;

    for (unsigned i = 0; i < 1000; i++) {
        uint64_t now_ns = bg_hal_time_ns();

        monotonic = monotonic && now_ns >= last_ns;
        last_ns = now_ns;
    }
    tap_ok(monotonic, "time does not go back");
    timer_delay_ns(2000000);
    last_ns = bg_hal_time_ns();
    tap_ok(last_ns - before_ns >= 2000000 && last_ns - before_ns < 5000000000ull,
           "a delay of 2 ms takes its time");
    tap_ok(timer_since_entry_ns() >= last_ns - before_ns, "time counts from the kernel's entry");
    tap_ok(timer_has_passed(before_ns) && !timer_has_passed(timer_deadline_ns(1000000000000ull)),
           "deadlines pass, and not early");
    tap_equal(timer_deadline_ns(UINT64_MAX), UINT64_MAX, "a deadline saturates");
}

#define GICD_TYPER 0x004
#define GICD_ISENABLER_1 0x104
#define GICD_ICENABLER_1 0x184
#define GIC_TEST_BIT (1u << 1) /* SPI 1, the UART: masked at its source */

/* Interrupts that still belong to the secure world read as disabled here, whatever we write. */
static void test_gic(void)
{
    void *gic = bg_hal_map(machine.gic_distributor.base, machine.gic_distributor.size,
                           BG_HAL_MEMORY_DEVICE);
    uint32_t enabled;

    if (!tap_ok(gic != NULL, "the GIC's distributor can be mapped")) {
        return;
    }
    tap_ok((bg_mmio_read32(gic, GICD_TYPER) & 31) > 0, "it has shared interrupts");
    bg_mmio_write32(gic, GICD_ISENABLER_1, GIC_TEST_BIT);
    enabled = bg_mmio_read32(gic, GICD_ISENABLER_1);
    bg_mmio_write32(gic, GICD_ICENABLER_1, GIC_TEST_BIT);
    if (kernel_entry.level != 3 && machine.psci == MACHINE_PSCI_NONE) {
        tap_skip("no EL3 code of ours ran", "interrupts belong to us");
    } else {
        tap_ok(enabled & GIC_TEST_BIT, "interrupts belong to us");
    }
}

static struct {
    uint32_t arrived;
    uint32_t right;
} others;

static void other_cpu(void *argument)
{
    bool right = cpu_index() == (uint32_t)(uintptr_t)argument && mmu_is_on() &&
                 floating_point_works() && READ_SYSTEM_REGISTER("spsel") == 0 &&
                 READ_SYSTEM_REGISTER("currentel") >> 2 == 1;

    __atomic_fetch_add(&others.right, right, __ATOMIC_RELAXED);
    __atomic_fetch_add(&others.arrived, 1, __ATOMIC_RELEASE);
}

static void test_other_cpus(void)
{
    uint64_t deadline_ns = timer_deadline_ns(5000000000ull);
    uint32_t count = machine.cpu_count - 1;

    if (count == 0) {
        return;
    }
    if (machine.psci == MACHINE_PSCI_NONE && !monitor_present()) {
        tap_skip("no PSCI and not started at EL3", "the other CPUs start");
        return;
    }
    for (uint32_t i = 1; i <= count; i++) {
        tap_equal((unsigned)cpu_start(i, other_cpu, (void *)(uintptr_t)i), 0, "CPU %u starts", i);
    }
    while (__atomic_load_n(&others.arrived, __ATOMIC_ACQUIRE) < count &&
           !timer_has_passed(deadline_ns)) {
        bg_hal_wait(deadline_ns);
    }
    tap_equal(others.arrived, count, "all of them arrive");
    tap_equal(others.right, count, "each with MMU, floating point and its own stack, at EL1");
    tap_ok(cpu_start(1, other_cpu, NULL) < 0, "a running CPU does not start again");
    tap_ok(cpu_start(machine.cpu_count, other_cpu, NULL) < 0, "a CPU that is not there is refused");
}

static int test_boot(void)
{
    tap_plan(0);
    test_state();
    test_devicetree();
    test_timer();
    test_gic();
    test_other_cpus();
    return tap_done();
}

APP(test_boot, "tests boot, devicetree, timer, GIC and the start of all CPUs", test_boot,
    "expect_el expect_semihosting expect_memory_mib expect_cpus expect_gic expect_highmem "
    "expect_psci");
