/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/platform/power.h"

#include <stdint.h>

#include "firmware/platform/console.h"
#include "firmware/platform/machine.h"
#include "firmware/platform/monitor.h"
#include "firmware/platform/semihosting.h"
#include "firmware/platform/timer.h"

#define POWER_OFF_TIMEOUT_NS 1000000000ull

/* PL061 (DDI 0190): the data register's address bits 9:2 select the lines that a write changes. */
#define PL061_GPIODATA(line) (4ull << (line))
#define PL061_GPIODIR 0x400

static void pull_secure_gpio(struct machine_range gpio, uint32_t line)
{
    if (!monitor_present() || gpio.size == 0) {
        return;
    }
    monitor_write32(gpio.base + PL061_GPIODIR, 1u << line);
    monitor_write32(gpio.base + PL061_GPIODATA(line), 1u << line);
}

/* The machine may take a moment; whoever is still here then should know why. */
static void __attribute__((noreturn)) wait_for_end(const char *what)
{
    timer_delay_ns(POWER_OFF_TIMEOUT_NS);
    console_print("%s", what);
    for (;;) {
        __asm__ volatile("wfi");
    }
}

void power_exit(int status)
{
    semihosting_exit(status);
    console_print("baregpu: exit status %u\n", (unsigned)status & 0xff);
    psci_system_off();
    pull_secure_gpio(machine.secure_gpio, machine.secure_gpio_poweroff_line);
    wait_for_end("baregpu: no way to power off, stopped\n");
}

void power_reset(void)
{
    psci_system_reset();
    pull_secure_gpio(machine.secure_restart_gpio, machine.secure_restart_line);
    wait_for_end("baregpu: no way to reset, stopped\n");
}
