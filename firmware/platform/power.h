/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a run. */
#ifndef FIRMWARE_PLATFORM_POWER_H
#define FIRMWARE_PLATFORM_POWER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Ends the run: with the exit status over semihosting, else by switching the machine off (the
 * status is then the last line on the console), else by stopping this CPU. Callable from anywhere.
 */
void power_exit(int status) __attribute__((noreturn));

/*
 * Starts the machine anew, from boot.S on; memory keeps what it holds but for the image, devices
 * are reset. Where there is no way to do that it says so and stops. From any CPU.
 */
void power_reset(void) __attribute__((noreturn));

/* ---- psci.c: Power State Coordination Interface (DEN 0022), by the conduit that the devicetree
 * names ---- */

/* Starts a CPU at a physical address, MMU off, `context` in x0. 0 or a negative baregpu_error. */
int psci_cpu_on(uint64_t affinity, uint64_t entry, uint64_t context);

/* Turns the calling CPU off. Returns only when that is refused. */
void psci_cpu_off(void);

/* Whether the CPU has been turned off, all the way. */
bool psci_cpu_is_off(uint64_t affinity);

/* Powers the machine off, or starts it anew. Returns only where there is no PSCI. */
void psci_system_off(void);
void psci_system_reset(void);

#endif
