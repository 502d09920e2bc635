/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GICv3's messages: LPIs, with their tables, and the ITS, which makes an LPI of a device's write
 * (GICv3 chapters 5 and 6). One ITS. Memory comes from bg_hal_dma_alloc.
 *
 * The caller (interrupt.c, msi.c) holds its lock around every call. Errors: IO when the ITS stalled
 * on a command, TIMEOUT when it does not answer, and those named. its_problem() then says more.
 */
#ifndef FIRMWARE_PLATFORM_GIC_ITS_H
#define FIRMWARE_PLATFORM_GIC_ITS_H

#include <stdbool.h>
#include <stdint.h>

#include "baregpu/hal.h"

#define ITS_LPIS_MAX 2048u   /* INTIDs 8192 to 10239 */
#define ITS_DEVICES_MAX 64u  /* with messages at the same time */
#define ITS_EVENTS_MIN 64u   /* of a device, so that it may come back for more */
#define ITS_EVENTS_MAX 2048u /* MSI-X's largest table */

/*
 * Brings up the ITS of the devicetree, after gic_init. Returns how many LPIs there are, or
 * UNSUPPORTED, NO_MEMORY, IO. Once; later calls return the same.
 */
int its_init(void);

/* What went wrong last; NULL: nothing. */
const char *its_problem(void);

/*
 * Reserves up to `count` messages of a device for LPIs that are disabled and go to `cpu`. Returns
 * how many, or NO_SPACE, INVALID (a device id that the ITS does not take), NO_MEMORY. As
 * bg_hal_msi_alloc for `is_block`.
 */
int its_alloc(uint32_t device_id, unsigned count, bool is_block, uint32_t cpu,
              struct bg_hal_msi *messages);
void its_free(uint32_t device_id, const struct bg_hal_msi *messages, unsigned count);

/* LPIs that are reserved, by INTID; others: INVALID. */
bool its_lpi_is_reserved(uint32_t intid);
int its_lpi_set_enabled(uint32_t intid, bool is_enabled);
int its_lpi_set_priority(uint32_t intid, uint8_t priority);
int its_lpi_set_cpu(uint32_t intid, uint32_t cpu);
int its_lpi_set_pending(uint32_t intid, bool pending);

/* ---- gic_lpi.c: the tables that are not the ITS's own ---- */

struct lpi_tables {
    uint8_t *properties; /* a byte for each LPI: enable bit and priority */
    uint64_t properties_address;
    uint64_t pending_address[64]; /* by CPU; 0: none yet */
    uint32_t id_bits;
    uint32_t count;   /* LPIs in use by us */
    bool is_coherent; /* the redistributors look into the caches */
};

extern struct lpi_tables lpi;

int lpi_init(const char **problem);
/* Has the CPU's redistributor take LPIs. From any CPU. */
int lpi_init_cpu(uint32_t cpu, const char **problem);
/* To be followed by INV for the ITS (or INVALL). */
void lpi_set_property(uint32_t intid, uint8_t priority, bool is_enabled);

/* ---- gic_v2m.c: a doorbell each, where the number of an SPI is written to raise it (Arm's Server
 * Base System Architecture, GICv2m) ---- */

/* As its_alloc, from the frame with this phandle; NOT_FOUND: there is none. */
int v2m_alloc(uint32_t phandle, unsigned count, bool is_block, struct bg_hal_msi *messages);
void v2m_free(uint32_t phandle, const struct bg_hal_msi *messages, unsigned count);

#endif
