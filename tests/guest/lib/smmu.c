/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arm SMMUv3 (IHI 0070), as little as one stage needs: a linear stream table whose entries all have
 * the same context, and one table of 1 GiB blocks that maps RAM, far above where it is. Nothing
 * changes once it is on, so there are no commands, and events are counted, not read.
 */
#include "tests/guest/lib/smmu.h"

#include <string.h>

#include "baregpu/hal.h"
#include "baregpu/mmio.h"
#include "firmware/apps/open/pci.h"
#include "tests/fake/dma.h"

/* The machine's memory map, hw/arm/virt.c. */
#define SMMU_BASE 0x09050000u
#define SMMU_SIZE 0x20000u
#define RAM_BASE 0x40000000u
#define RAM_BLOCKS 4u /* of 1 GiB, from its base on */

#define BUS_OFFSET 0x1000000000u

/* Registers (6.3). */
#define CR0 0x20u
#define CR0_SMMUEN (1u << 0)
#define CR0_EVENTQEN (1u << 2)
#define CR0ACK 0x24u
#define STRTAB_BASE 0x80u
#define STRTAB_BASE_CFG 0x88u
#define EVENTQ_BASE 0xA0u
#define EVENTQ_PROD 0x100A8u
#define EVENTQ_CONS 0x100ACu
#define EVENTQ_LOG2 8u
#define EVENT_BYTES 32u

/* Stream table entries (5.2), one for each function of bus 0. */
#define STREAMS_LOG2 8u
#define STREAM_BYTES 64u
#define STREAM_VALID 1u
#define STREAM_STAGE1 (5u << 1)

/* A context descriptor (5.4): 39 bits of bus address in pages of 4 KiB, one table. */
#define CONTEXT_BYTES 64u
#define CONTEXT_T0SZ 25u
#define CONTEXT_NO_TABLE1 (1u << 30)
#define CONTEXT_VALID (1u << 31)
#define CONTEXT_IPS_48 (5ull << 32)
#define CONTEXT_AA64 (1ull << 41)
#define CONTEXT_RECORD (1ull << 45)
#define CONTEXT_ABORT (1ull << 46)
#define MEMORY_WRITE_BACK 0xFFu /* attribute 0 */

/* A block of level 1: attribute 0, read and write, inner shareable, accessed. */
#define BLOCK_SHIFT 30u
#define BLOCK (1u | 1u << 6 | 3u << 8 | 1u << 10)
#define TABLE_BYTES 4096u

static uint8_t *registers;
static uint64_t bus_offset;

/* The test image is linked with --wrap: this is bg_hal_dma_alloc for everybody. */
void *__real_bg_hal_dma_alloc(size_t size, size_t align, uint64_t *bus_address);
void *__wrap_bg_hal_dma_alloc(size_t size, size_t align, uint64_t *bus_address);

void *__wrap_bg_hal_dma_alloc(size_t size, size_t align, uint64_t *bus_address)
{
    void *memory = __real_bg_hal_dma_alloc(size, align, bus_address);

    if (memory != NULL) {
        *bus_address += bus_offset;
    }
    return memory;
}

/* The SMMU's own memory is not behind it. Aligned to its size, as its tables have to be. */
static uint64_t *allocate(size_t bytes, uint64_t *address)
{
    return __real_bg_hal_dma_alloc(bytes, bytes < TABLE_BYTES ? TABLE_BYTES : bytes, address);
}

static uint64_t make_table(void)
{
    uint64_t address, *table = allocate(TABLE_BYTES, &address);

    for (uint64_t i = 0; table != NULL && i < RAM_BLOCKS; i++) {
        uint64_t physical = RAM_BASE + (i << BLOCK_SHIFT);

        table[(physical + BUS_OFFSET) >> BLOCK_SHIFT] = physical | BLOCK;
    }
    return table != NULL ? address : 0;
}

static uint64_t make_context(uint64_t table)
{
    uint64_t address, *context = allocate(CONTEXT_BYTES, &address);

    if (context == NULL || table == 0) {
        return 0;
    }
    context[0] = CONTEXT_T0SZ | CONTEXT_NO_TABLE1 | CONTEXT_VALID | CONTEXT_IPS_48 | CONTEXT_AA64 |
                 CONTEXT_RECORD | CONTEXT_ABORT;
    context[1] = table;
    context[3] = MEMORY_WRITE_BACK;
    return address;
}

static uint64_t make_streams(uint64_t context)
{
    uint64_t address, *streams = allocate(STREAM_BYTES << STREAMS_LOG2, &address);

    if (streams == NULL || context == 0) {
        return 0;
    }
    for (size_t i = 0; i < 1u << STREAMS_LOG2; i++) {
        streams[i * STREAM_BYTES / sizeof(*streams)] = context | STREAM_VALID | STREAM_STAGE1;
    }
    return address;
}

bool smmu_start(void)
{
    uint64_t events, streams = make_streams(make_context(make_table()));
    struct bg_pci_host *host = machine_pci();

    registers = bg_hal_map(SMMU_BASE, SMMU_SIZE, BG_HAL_MEMORY_DEVICE);
    if (registers == NULL || host == NULL || streams == 0 ||
        allocate(EVENT_BYTES << EVENTQ_LOG2, &events) == NULL) {
        return false;
    }
    bg_mmio_write64(registers, STRTAB_BASE, streams);
    bg_mmio_write32(registers, STRTAB_BASE_CFG, STREAMS_LOG2);
    bg_mmio_write64(registers, EVENTQ_BASE, events | EVENTQ_LOG2);
    bg_mmio_write32(registers, EVENTQ_PROD, 0);
    bg_mmio_write32(registers, EVENTQ_CONS, 0);
    bg_mmio_notify32(registers, CR0, CR0_SMMUEN | CR0_EVENTQEN);
    bus_offset = BUS_OFFSET;
    host->config.dma = &fake_dma_bounce_translated;
    return bg_mmio_read32(registers, CR0ACK) == (CR0_SMMUEN | CR0_EVENTQEN);
}

uint32_t smmu_faults(void)
{
    return bg_mmio_read32(registers, EVENTQ_PROD);
}

uint64_t smmu_offset(void)
{
    return bus_offset;
}
