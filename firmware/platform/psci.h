/* SPDX-License-Identifier: BSD-2-Clause */
/* Power State Coordination Interface (DEN 0022), by the conduit that the devicetree names. */
#ifndef PLATFORM_PSCI_H
#define PLATFORM_PSCI_H

#include <stdbool.h>
#include <stdint.h>

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
