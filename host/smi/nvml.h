/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What NVIDIA's management library tells of a GPU. libnvidia-ml.so.1 is opened at run time; what it
 * does not have, or refuses, is left out.
 *
 * Its functions are declared here: their shapes are fixed by the names with versions (NVIDIA's NVML
 * API reference).
 */
#ifndef SMI_NVML_H
#define SMI_NVML_H

#include <jansson.h>
#include <stdbool.h>

struct nvml;

/* NULL: there is none, or it does not start. One at a time. */
struct nvml *nvml_open(void);
void nvml_close(struct nvml *nvml);

/*
 * Puts into a device of the mediator's status what is known of the GPU with its "uuid", and nothing
 * when NVML has no such one. In the place of the mediator's own figures, which are its guests':
 *   memory_total, memory_used, memory_free (bytes), utilization (percent)
 * and besides: utilization_memory, temperature_c, power_mw, power_limit_mw, energy_mj, pstate,
 *   fan_percent, clock_graphics_mhz, clock_sm_mhz, clock_memory_mhz and clock_max_..., pcie_gen,
 *   pcie_width, pcie_replays, pci_bus_id, driver_version.
 */
void nvml_describe(struct nvml *nvml, json_t *device);

/* From here on critical errors of this device are waited for, for nvml_take_xid. False: they cannot
 * be. */
bool nvml_watch_xid(struct nvml *nvml, const char *uuid);

/* The next error that came: the device's UUID, to be freed, and its number. NULL: none. */
char *nvml_take_xid(struct nvml *nvml, unsigned *xid);

#endif
