/* SPDX-License-Identifier: BSD-2-Clause */
/* Translation tables: Arm ARM D8.3, VMSAv8-64 with the 4 KiB granule. */
#include "firmware/platform/mmu.h"

#include <stddef.h>
#include <string.h>

#include "baregpu/error.h"
#include "firmware/memory/lock.h"
#include "firmware/memory/pages.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/exception.h"
#include "firmware/platform/machine.h"
#include "firmware/platform/sections.h"

#define DESCRIPTOR_VALID (1ull << 0)
#define DESCRIPTOR_TABLE (1ull << 1) /* levels 0 to 2 */
#define DESCRIPTOR_PAGE (1ull << 1)  /* level 3 */
#define DESCRIPTOR_ATTR(i) ((uint64_t)(i) << 2)
#define DESCRIPTOR_READ_ONLY (1ull << 7)
#define DESCRIPTOR_INNER (3ull << 8)
#define DESCRIPTOR_ACCESSED (1ull << 10)
#define DESCRIPTOR_PXN (1ull << 53)
#define DESCRIPTOR_UXN (1ull << 54)
#define DESCRIPTOR_ADDRESS 0x0000fffffffff000ull
#define DESCRIPTOR_FLAGS (~(DESCRIPTOR_ADDRESS | 3ull))

/* Indexes into MAIR_EL1 as boot.S sets it. */
#define ATTR_NORMAL 0
#define ATTR_DEVICE 1

#define FLAGS_NORMAL                                                                               \
    (DESCRIPTOR_ATTR(ATTR_NORMAL) | DESCRIPTOR_INNER | DESCRIPTOR_ACCESSED | DESCRIPTOR_UXN)
#define FLAGS_DATA (FLAGS_NORMAL | DESCRIPTOR_PXN)
#define FLAGS_RODATA (FLAGS_DATA | DESCRIPTOR_READ_ONLY)
#define FLAGS_TEXT (FLAGS_NORMAL | DESCRIPTOR_READ_ONLY)
#define FLAGS_DEVICE                                                                               \
    (DESCRIPTOR_ATTR(ATTR_DEVICE) | DESCRIPTOR_ACCESSED | DESCRIPTOR_UXN | DESCRIPTOR_PXN)

#define TABLE_ENTRIES 512
#define LEVEL_LAST 3
#define ADDRESS_BITS 48

/* boot.S starts other CPUs on this. */
uint64_t mmu_root;
void mmu_switch(uint64_t root);

static struct {
    struct lock lock;
    bool live;
    uint64_t physical_limit;
} mmu;

static unsigned level_shift(unsigned level)
{
    return 39 - 9 * level;
}

static uint64_t *table_entry(uint64_t *table, uint64_t address, unsigned level)
{
    return &table[address >> level_shift(level) & (TABLE_ENTRIES - 1)];
}

static bool is_table(uint64_t entry, unsigned level)
{
    return level < LEVEL_LAST && (entry & 3) == (DESCRIPTOR_VALID | DESCRIPTOR_TABLE);
}

static uint64_t *table_of(uint64_t entry)
{
    return (uint64_t *)(uintptr_t)(entry & DESCRIPTOR_ADDRESS);
}

static uint64_t leaf(uint64_t address, unsigned level, uint64_t flags)
{
    return address | flags | DESCRIPTOR_VALID | (level == LEVEL_LAST ? DESCRIPTOR_PAGE : 0);
}

static uint64_t *table_new(void)
{
    uint64_t page = pages_alloc(1, PAGE_SIZE);

    if (page == PAGES_NONE) {
        return NULL;
    }
    memset((void *)page, 0, PAGE_SIZE);
    return (uint64_t *)page;
}

/*
 * The table below `entry`, made if it is absent. A block is split into the same mappings, one level
 * down, only before the map is live (break-before-make).
 */
static uint64_t *table_below(uint64_t *entry, unsigned level)
{
    uint64_t old = *entry;
    uint64_t *table;

    if (is_table(old, level)) {
        return table_of(old);
    }
    if ((old & DESCRIPTOR_VALID) && mmu.live) {
        return NULL;
    }
    table = table_new();
    if (table == NULL) {
        return NULL;
    }
    if (old & DESCRIPTOR_VALID) {
        for (uint64_t i = 0; i < TABLE_ENTRIES; i++) {
            table[i] = leaf((old & DESCRIPTOR_ADDRESS) + (i << level_shift(level + 1)), level + 1,
                            old & DESCRIPTOR_FLAGS);
        }
    }
    /* The table is whole before a walk can find it. */
    __asm__ volatile("dsb ishst" ::: "memory");
    *entry = (uintptr_t)table | DESCRIPTOR_VALID | DESCRIPTOR_TABLE;
    return table;
}

/* Whether a block of this level may begin at `address` and stay inside `size` bytes. */
static bool block_fits(uint64_t address, uint64_t size, unsigned level)
{
    uint64_t block = 1ull << level_shift(level);

    return level >= 1 && address % block == 0 && size >= block;
}

/* Finds the leaf that maps `address`, 0 if none does; *level tells its size either way. */
static uint64_t find_leaf(uint64_t address, unsigned *level)
{
    uint64_t *table = (uint64_t *)mmu_root;

    for (*level = 0; *level <= LEVEL_LAST; (*level)++) {
        uint64_t entry = *table_entry(table, address, *level);

        if (!(entry & DESCRIPTOR_VALID)) {
            return 0;
        }
        if (!is_table(entry, *level)) {
            return entry;
        }
        table = table_of(entry);
    }
    return 0;
}

/* Maps, or with flags 0 unmaps, from `address` on; returns the bytes done, 0 without a page. */
static uint64_t map_step(uint64_t address, uint64_t size, uint64_t flags)
{
    uint64_t *table = (uint64_t *)mmu_root;

    for (unsigned level = 0; level <= LEVEL_LAST; level++) {
        uint64_t *entry = table_entry(table, address, level);
        uint64_t block = 1ull << level_shift(level);

        if (block_fits(address, size, level) && !is_table(*entry, level)) {
            *entry = flags ? leaf(address, level, flags) : 0;
            return block;
        }
        table = table_below(entry, level);
        if (table == NULL) {
            return 0;
        }
    }
    return 0;
}

static int map_range(uint64_t address, uint64_t size, uint64_t flags)
{
    while (size > 0) {
        unsigned level;
        uint64_t done;

        if (mmu.live && find_leaf(address, &level)) {
            /* mmu_map has checked that it is mapped the same way. */
            done = (1ull << level_shift(level)) - address % (1ull << level_shift(level));
            done = done < size ? done : size;
        } else {
            done = map_step(address, size, flags);
        }
        if (done == 0) {
            return BG_ERR_NO_MEMORY;
        }
        address += done;
        size -= done;
    }
    __asm__ volatile("dsb ishst\n\tisb" ::: "memory");
    return BG_OK;
}

static void map_or_panic(uint64_t address, uint64_t size, uint64_t flags)
{
    uint64_t first = address & ~(PAGE_SIZE - 1);
    uint64_t end = (address + size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);

    if (end > mmu.physical_limit || end < first) {
        panic_detail("mmu: the devicetree names an address that the CPU cannot reach", address);
    }
    if (map_range(first, end - first, flags)) {
        panic("mmu: no page for the translation tables");
    }
}

static void map_section(const char *start, const char *end, uint64_t flags)
{
    map_or_panic((uintptr_t)start, (uintptr_t)end - (uintptr_t)start, flags);
}

static void unmap_page(uint64_t address)
{
    map_or_panic(address, PAGE_SIZE, 0);
}

static void unmap_guard_pages(void)
{
    uint64_t guard;

    for (uint32_t i = 0; cpu_stack_guard(i, &guard); i++) {
        unmap_page(guard);
    }
}

static uint64_t physical_limit(void)
{
    static const uint8_t bits[] = {32, 36, 40, 42, 44, 48};
    uint64_t features;
    unsigned range;

    __asm__("mrs %0, id_aa64mmfr0_el1" : "=r"(features));
    range = features & 15;
    return 1ull << (range < sizeof(bits) ? bits[range] : ADDRESS_BITS);
}

void mmu_init(void)
{
    mmu.physical_limit = physical_limit();
    mmu_root = (uintptr_t)table_new();
    if (mmu_root == 0) {
        panic("mmu: no page for the translation tables");
    }
    for (uint32_t i = 0; i < machine.memory_count; i++) {
        uint64_t first = (machine.memory[i].base + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
        uint64_t end = (machine.memory[i].base + machine.memory[i].size) & ~(PAGE_SIZE - 1);

        if (first < end) {
            map_or_panic(first, end - first, FLAGS_DATA);
        }
    }
    map_section(__image_start, __text_end, FLAGS_TEXT);
    map_section(__text_end, __rodata_end, FLAGS_RODATA);
    unmap_guard_pages();
    if (machine.uart.size) {
        map_or_panic(machine.uart.base, machine.uart.size, FLAGS_DEVICE);
    }
    mmu_switch(mmu_root);
    mmu.live = true;
}

static bool is_ram(uint64_t address, uint64_t size)
{
    for (uint32_t i = 0; i < machine.memory_count; i++) {
        const struct machine_range *bank = &machine.memory[i];

        if (address < bank->base + bank->size && bank->base < address + size) {
            return true;
        }
    }
    return false;
}

/* Every page is either free to be mapped or mapped with these flags already. RAM is never free: a
 * device that names some as its own would get at what the kernel has there. */
static int check_range(uint64_t address, uint64_t size, uint64_t flags)
{
    uint64_t end = address + size;

    if (is_ram(address, size)) {
        return BG_ERR_INVALID;
    }
    while (address < end) {
        unsigned level;
        uint64_t entry = find_leaf(address, &level);

        if (entry && (entry & DESCRIPTOR_FLAGS) != flags) {
            return BG_ERR_INVALID;
        }
        address = (address | ((1ull << level_shift(level)) - 1)) + 1;
    }
    return BG_OK;
}

int mmu_map(uint64_t address, uint64_t size, enum bg_hal_memory_type type)
{
    uint64_t flags = type == BG_HAL_MEMORY_DEVICE ? FLAGS_DEVICE : FLAGS_DATA;
    uint64_t first = address & ~(PAGE_SIZE - 1);
    uint64_t end;
    int error;

    if (size == 0 || address < PAGE_SIZE || size > mmu.physical_limit ||
        address > mmu.physical_limit - size) {
        return BG_ERR_RANGE;
    }
    if (type != BG_HAL_MEMORY_DEVICE && type != BG_HAL_MEMORY_NORMAL) {
        return BG_ERR_INVALID;
    }
    end = (address + size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    lock_take(&mmu.lock);
    error = check_range(first, end - first, flags) ?: map_range(first, end - first, flags);
    lock_release(&mmu.lock);
    return error;
}

struct mmu_permissions mmu_query(uint64_t address)
{
    struct mmu_permissions permissions = {0};
    unsigned level;
    uint64_t entry = find_leaf(address, &level);

    if (entry) {
        permissions.mapped = true;
        permissions.writable = !(entry & DESCRIPTOR_READ_ONLY);
        permissions.executable = !(entry & DESCRIPTOR_PXN);
        permissions.device = (entry & DESCRIPTOR_ATTR(7)) == DESCRIPTOR_ATTR(ATTR_DEVICE);
    }
    return permissions;
}
