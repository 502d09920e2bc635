/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When the machine started us at EL3, boot.S left a small monitor there that reaches the secure
 * world's registers on our behalf, and the other CPUs wait there (docs/smp.md).
 */
#ifndef FIRMWARE_PLATFORM_MONITOR_H
#define FIRMWARE_PLATFORM_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

/* The SGI that wakes parked CPUs; running ones see it, too, and must have a handler for it. */
#define MONITOR_SGI 15

void monitor_init(uint64_t entry_level);
bool monitor_present(void);

/* A 32-bit register at a physical address, as the secure world sees it. Only with a monitor. */
void monitor_write32(uint64_t address, uint32_t value);

/* Makes every interrupt non-secure group 1, so that EL1 may use it. Nothing without a monitor. */
void monitor_release_gic(void);
/* The part of it that each other CPU does for itself when it starts. */
void monitor_release_gic_cpu(void);

/*
 * A parked CPU goes on at `entry` at EL1, MMU and caches on (boot.S), with `argument` in x19. 0, or
 * TIMEOUT: it did not take the call in time. Callable on any CPU, with interrupts enabled.
 */
int monitor_unpark(uint64_t affinity, uint64_t entry, uint64_t argument, uint64_t deadline_ns);

/* Parks the calling CPU, asleep, until monitor_unpark. Returns only without a monitor. */
void monitor_park(void);

#endif
