/* SPDX-License-Identifier: BSD-2-Clause */
/* LPIs at the redistributors: the table of properties and each CPU's of what is pending. */
#include <stddef.h>

#include "firmware/platform/cache.h"
#include "firmware/platform/gic.h"
#include "firmware/platform/gic_its.h"

#define GICR_CTLR 0x0000
#define GICR_CTLR_ENABLE_LPIS (1u << 0)
#define GICR_CTLR_RWP (1u << 3)
#define GICR_PROPBASER 0x0070
#define GICR_PENDBASER 0x0078
#define GICR_TYPER_PLPIS (1ull << 0)

/* In both: inner write-back, inner shareable (GICv3 12.11.32). */
#define CACHE_WRITE_BACK (7ull << 7)
#define CACHE_NONE (1ull << 7)
#define CACHE_MASK (7ull << 7)
#define SHARED_INNER (1ull << 10)
#define SHARED_MASK (3ull << 10)
#define PENDBASER_ZEROED (1ull << 62)

#define PROPERTY_ENABLE 0x01
#define PROPERTY_ONE 0x02 /* RES1 */
#define PROPERTY_PRIORITY 0xfc

/* The smallest number of bits that has any LPIs: 8192 to 16383. */
#define ID_BITS 14
#define PENDING_ALIGN 0x10000

struct lpi_tables lpi;

int lpi_init(const char **problem)
{
    uint32_t count = (1u << ID_BITS) - GIC_LPI_FIRST;

    if (!gic.has_lpis || gic.id_bits < ID_BITS) {
        return gic_refuse(problem, "the GIC has no LPIs");
    }
    lpi.properties = bg_hal_dma_alloc(count, 4096, &lpi.properties_address);
    if (lpi.properties == NULL) {
        *problem = "no memory for the LPIs' properties";
        return BG_ERR_NO_MEMORY;
    }
    lpi.id_bits = ID_BITS;
    lpi.count = count < ITS_LPIS_MAX ? count : ITS_LPIS_MAX;
    lpi.is_coherent = true;
    for (uint32_t i = 0; i < count; i++) {
        lpi.properties[i] = GIC_PRIORITY_DEFAULT | PROPERTY_ONE;
    }
    cache_clean(lpi.properties, count);
    return BG_OK;
}

/* Writes it cacheable, and again without where the redistributor does not share our caches. */
static void write_base(char *redistributor, uint32_t offset, uint64_t value)
{
    bg_mmio_write64(redistributor, offset, value | CACHE_WRITE_BACK | SHARED_INNER);
    if ((bg_mmio_read64(redistributor, offset) & SHARED_MASK) == 0) {
        lpi.is_coherent = false;
        bg_mmio_write64(redistributor, offset, (value & ~CACHE_MASK) | CACHE_NONE);
    }
}

int lpi_init_cpu(uint32_t cpu, const char **problem)
{
    char *redistributor = gic.redistributors[cpu];
    uint64_t pending_bytes = 1ull << lpi.id_bits >> 3;
    void *pending;

    if (redistributor == NULL || !(gic.redistributor_types[cpu] & GICR_TYPER_PLPIS)) {
        return gic_refuse(problem, "a redistributor without LPIs");
    }
    if (lpi.pending_address[cpu]) {
        return BG_OK;
    }
    /* Somebody's before us: it may be that they cannot be turned off (GICR_CTLR.CES). */
    bg_mmio_write32(redistributor, GICR_CTLR, 0);
    gic_wait_clear(redistributor, GICR_CTLR, GICR_CTLR_RWP);
    if (bg_mmio_read32(redistributor, GICR_CTLR) & GICR_CTLR_ENABLE_LPIS) {
        return gic_refuse(problem, "a redistributor keeps LPI tables that are not ours");
    }
    pending = bg_hal_dma_alloc(pending_bytes, PENDING_ALIGN, &lpi.pending_address[cpu]);
    if (pending == NULL) {
        *problem = "no memory for a CPU's pending LPIs";
        return BG_ERR_NO_MEMORY;
    }
    cache_clean(pending, pending_bytes);
    write_base(redistributor, GICR_PROPBASER, lpi.properties_address | (lpi.id_bits - 1));
    write_base(redistributor, GICR_PENDBASER, lpi.pending_address[cpu] | PENDBASER_ZEROED);
    bg_barrier_full_outer();
    bg_mmio_write32(redistributor, GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
    return BG_OK;
}

void lpi_set_property(uint32_t intid, uint8_t priority, bool is_enabled)
{
    uint8_t *property = &lpi.properties[intid - GIC_LPI_FIRST];

    *property = (priority & PROPERTY_PRIORITY) | PROPERTY_ONE | (is_enabled ? PROPERTY_ENABLE : 0);
    if (!lpi.is_coherent) {
        cache_clean(property, 1);
    }
}
