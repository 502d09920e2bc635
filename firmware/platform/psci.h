/* SPDX-License-Identifier: BSD-2-Clause */
/* Power State Coordination Interface (DEN 0022), by the conduit that the devicetree names. */
#ifndef PLATFORM_PSCI_H
#define PLATFORM_PSCI_H

#include <stdint.h>

/* Starts a CPU at a physical address, MMU off, `context` in x0. 0 or a negative baregpu_error. */
int psci_cpu_on(uint64_t affinity, uint64_t entry, uint64_t context);

/* Powers the machine off. Returns only where there is no PSCI. */
void psci_system_off(void);

#endif
