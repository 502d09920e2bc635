/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fake/gic.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/platform/cache.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/gic_sysreg.h"
#include "tests/fake/hal.h"

#define FRAME 0x10000ull
#define ITS_ENTRY_VALID (1ull << 63)
#define LPI_FIRST 8192u
#define WORDS (0x10000 / 4)

struct fake_gic fake_gic;
struct machine machine_fake;

static struct fake_gic *g = &fake_gic;

/* ---- What the code under test calls besides mmio.h ---- */

uint32_t cpu_index(void)
{
    return g->own_cpu;
}

bool gic_sysreg_present(void)
{
    return true;
}

bool gic_sysreg_enable(void)
{
    return true;
}

void gic_sysreg_send_sgi(uint64_t value)
{
    g->sgi = value;
    g->sgi_count++;
}

void cache_clean(const void *address, size_t size)
{
    (void)address;
    (void)size;
    g->cleaned++;
}

/* ---- ITS: commands ---- */

static bool error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    if (g->errors++ == 0) {
        vsnprintf(g->error, sizeof(g->error), format, arguments);
    }
    va_end(arguments);
    return false;
}

struct fake_device *fake_gic_device(uint32_t id)
{
    for (unsigned i = 0; i < FAKE_DEVICES_MAX; i++) {
        if (g->devices[i].is_mapped && g->devices[i].id == id) {
            return &g->devices[i];
        }
    }
    return NULL;
}

static uint64_t page_bytes(uint64_t base)
{
    return 0x1000ull << 2 * (base >> 8 & 3);
}

static uint64_t table_address(uint64_t base)
{
    return base & 0xfffffffff000ull;
}

/* The device table has a place for it: GITS_BASER0, with its second level. */
static bool device_has_entry(uint32_t id)
{
    uint64_t base = g->base[0], page = page_bytes(base), pages = (base & 255) + 1;
    uint64_t per_page = page / ((base >> 48 & 31) + 1);

    if (!(base & ITS_ENTRY_VALID)) {
        return false;
    }
    if (base >> 62 & 1) {
        const uint64_t *level1 = (const uint64_t *)(uintptr_t)table_address(base);

        return id / per_page < pages * page / 8 && (level1[id / per_page] & ITS_ENTRY_VALID);
    }
    return id < pages * per_page;
}

static bool base_is_known(uint64_t rdbase)
{
    for (unsigned i = 0; i < g->redistributor_count; i++) {
        uint64_t known = g->its_type >> 19 & 1 ? FAKE_REDISTRIBUTOR + i * (uint64_t)g->stride
                                               : (g->redistributor_types[i] >> 8 & 0xffff) << 16;

        if (known == rdbase) {
            return true;
        }
    }
    return error("RDbase %#llx", (unsigned long long)rdbase);
}

static bool run_mapd(const uint64_t *words)
{
    uint32_t id = (uint32_t)(words[0] >> 32), bits = (words[1] & 31) + 1;
    struct fake_device *device = fake_gic_device(id);
    uint64_t table = words[2] & 0xfffffffffff00ull;

    if (!device_has_entry(id) || bits > (g->its_type >> 8 & 31) + 1) {
        return error("MAPD %#x, %u bits", id, bits);
    }
    for (unsigned i = 0; device == NULL && i < FAKE_DEVICES_MAX; i++) {
        device = g->devices[i].is_mapped ? NULL : &g->devices[i];
    }
    if (!(words[2] & ITS_ENTRY_VALID)) {
        device->is_mapped = false;
        return true;
    }
    memset(device, 0, sizeof(*device));
    device->is_mapped = true;
    device->id = id;
    device->event_count = 1u << bits;
    device->table = table;
    /* All of it is there: ASan looks. */
    for (uint64_t i = 0; i < device->event_count * ((g->its_type >> 4 & 15) + 1); i++) {
        ((uint8_t *)(uintptr_t)table)[i] = 0xa5;
    }
    return true;
}

static bool run_mapc(const uint64_t *words)
{
    uint32_t collection = words[2] & 0xffff;
    uint64_t rdbase = words[2] & 0x7ffffffff0000ull;

    if (collection >= FAKE_CPUS_MAX || !base_is_known(rdbase)) {
        return error("MAPC %u", collection);
    }
    g->collections[collection] = rdbase + 1;
    return true;
}

static struct fake_event *event_find(const uint64_t *words, bool must_be_mapped)
{
    struct fake_device *device = fake_gic_device((uint32_t)(words[0] >> 32));
    uint32_t event = (uint32_t)words[1];

    if (device == NULL || event >= device->event_count ||
        (must_be_mapped && device->events[event].lpi == 0)) {
        error("command %#llx: device %#x, event %u", (unsigned long long)words[0] & 0xff,
              (unsigned)(words[0] >> 32), event);
        return NULL;
    }
    return &device->events[event];
}

static bool run_mapti(const uint64_t *words)
{
    struct fake_event *event = event_find(words, false);
    uint32_t lpi = (uint32_t)(words[1] >> 32), collection = words[2] & 0xffff;

    if (event == NULL || event->lpi || lpi < LPI_FIRST || lpi >= LPI_FIRST + FAKE_LPIS ||
        collection >= FAKE_CPUS_MAX || !g->collections[collection]) {
        return error("MAPTI of LPI %u", lpi);
    }
    *event = (struct fake_event){lpi, collection};
    return true;
}

/* The redistributor of the collection reads the property: it must have tables. */
static bool run_inv(const uint64_t *words)
{
    struct fake_event *event = event_find(words, true);
    const uint8_t *table;

    if (event == NULL) {
        return false;
    }
    if (!(g->lpi_control[event->collection] & 1)) {
        return error("INV at a redistributor without LPIs");
    }
    table = (const uint8_t *)(uintptr_t)(g->property_base[event->collection] & 0xffffffffff000ull);
    g->properties[event->lpi - LPI_FIRST] = table[event->lpi - LPI_FIRST];
    return true;
}

static bool run_one(const uint64_t *words)
{
    uint8_t command = words[0] & 0xff;
    struct fake_event *event;

    g->counts[command & 0x1f]++;
    switch (command) {
    case 0x01: /* MOVI */
        event = event_find(words, true);
        if (event == NULL || !g->collections[words[2] & 0xffff]) {
            return error("MOVI to a collection that is not mapped");
        }
        event->collection = words[2] & 0xffff;
        return true;
    case 0x03: /* INT */
        event = event_find(words, true);
        if (event != NULL && (g->properties[event->lpi - LPI_FIRST] & 1)) {
            g->delivered[event->lpi - LPI_FIRST]++;
        }
        return event;
    case 0x04: /* CLEAR */
        return event_find(words, true);
    case 0x05: /* SYNC */
        return base_is_known(words[2] & 0x7ffffffff0000ull);
    case 0x08:
        return run_mapd(words);
    case 0x09:
        return run_mapc(words);
    case 0x0a:
        return run_mapti(words);
    case 0x0c:
        return run_inv(words);
    case 0x0d: /* INVALL */
        return g->collections[words[2] & 0xffff] || error("INVALL");
    case 0x0f: /* DISCARD */
        event = event_find(words, true);
        if (event != NULL) {
            event->lpi = 0;
        }
        return event;
    default:
        return error("command %#x", command);
    }
}

static void run_queue(void)
{
    uint64_t size = ((g->queue_base & 255) + 1) * 4096;
    const char *queue = (const char *)(uintptr_t)(g->queue_base & 0xffffffffff000ull);

    if (!(g->its_control & 1) || !(g->queue_base & ITS_ENTRY_VALID) || g->hangs) {
        return;
    }
    while ((g->queue_read & ~31ull) != (g->queue_write & ~31ull)) {
        uint64_t words[4];

        memcpy(words, queue + (g->queue_read & ~31ull), sizeof(words));
        if (++g->commands == g->stall_at) {
            g->queue_read |= 1;
            return;
        }
        run_one(words);
        g->queue_read = (((g->queue_read & ~31ull) + 32) % size) | (g->queue_read & 1);
    }
}

/* ---- Registers ---- */

static uint64_t its_read(uint64_t offset)
{
    switch (offset) {
    case 0x00:
        return g->its_control | (g->never_rests ? 0 : 1u << 31);
    case 0x08:
        return g->its_type;
    case 0x80:
        return g->queue_base;
    case 0x90:
        return g->queue_read;
    default:
        return offset >= 0x100 && offset < 0x140 ? g->base[(offset - 0x100) / 8] : 0;
    }
}

static uint64_t without_sharing(uint64_t value)
{
    return g->is_not_shared ? value & ~(3ull << 10) : value;
}

static void its_write(uint64_t offset, uint64_t value)
{
    unsigned n = (unsigned)(offset - 0x100) / 8;

    if (offset == 0x00) {
        g->its_control = value & 1;
    } else if (offset == 0x80 && !(g->its_control & 1)) {
        g->queue_base = without_sharing(value);
        g->queue_read = 0;
    } else if (offset == 0x88) {
        g->queue_write = value;
        if ((g->queue_read & 1) && !(value & 1) && !g->stays_stalled) {
            return; /* stalled, and no Retry */
        }
        if (!g->stays_stalled) {
            g->queue_read &= ~1ull;
        }
        run_queue();
    } else if (offset >= 0x100 && offset < 0x140 && !(g->its_control & 1)) {
        g->base[n] = without_sharing((value & ~g->base_fixed_mask[n]) |
                                     (g->base_fixed[n] & g->base_fixed_mask[n]));
    }
}

static uint64_t redistributor_read(unsigned cpu, uint64_t offset)
{
    switch (offset) {
    case 0x00:
        return g->lpi_control[cpu];
    case 0x08:
        return g->redistributor_types[cpu];
    case 0x14:
        return g->wakers[cpu] & 2 ? g->wakers[cpu] : 0;
    case 0x70:
        return g->property_base[cpu];
    case 0x78:
        return g->pending_base[cpu];
    default:
        return 0;
    }
}

static void redistributor_write(unsigned cpu, uint64_t offset, uint64_t value)
{
    switch (offset) {
    case 0x00:
        g->lpi_control[cpu] = (uint32_t)value | (g->keeps_lpis ? g->lpi_control[cpu] & 1 : 0);
        break;
    case 0x14:
        g->wakers[cpu] = (uint32_t)value & 2;
        break;
    case 0x70:
        g->property_base[cpu] = without_sharing(value);
        break;
    case 0x78:
        g->pending_base[cpu] = without_sharing(value);
        break;
    }
}

static uint64_t distributor_read(uint64_t offset, unsigned width)
{
    if (offset == 0) {
        return g->control | (g->is_never_ready ? 1u << 31 : 0);
    }
    if (offset == 4) {
        return g->type;
    }
    if (offset >= 0x100 && offset < 0x200) {
        return g->enabled[offset % 0x80 / 4];
    }
    if (offset >= 0x200 && offset < 0x300) {
        return g->pending[offset % 0x80 / 4];
    }
    return g->registers[offset / 4] >> offset % 4 * 8 & (width == 1 ? 0xff : 0xffffffff);
}

static void distributor_write(uint64_t offset, unsigned width, uint64_t value)
{
    uint32_t *registered = &g->registers[offset / 4 % WORDS];

    if (offset == 0) {
        g->control = (uint32_t)value;
    } else if (offset >= 0x100 && offset < 0x180) {
        g->enabled[offset % 0x80 / 4] |= (uint32_t)value;
    } else if (offset >= 0x180 && offset < 0x200) {
        g->enabled[offset % 0x80 / 4] &= ~(uint32_t)value;
    } else if (offset >= 0x200 && offset < 0x280) {
        g->pending[offset % 0x80 / 4] |= (uint32_t)value;
    } else if (offset >= 0x280 && offset < 0x300) {
        g->pending[offset % 0x80 / 4] &= ~(uint32_t)value;
    } else if (offset == 0xf00) {
        g->sgir = (uint32_t)value;
    } else if (offset >= 0x6000 && offset < 0x8000) {
        g->routes[(offset - 0x6000) / 8] = value;
    } else if (width == 1) {
        *registered = (*registered & ~(0xffu << offset % 4 * 8)) | (uint32_t)value
                                                                       << offset % 4 * 8;
    } else {
        *registered = (uint32_t)value;
    }
}

static bool is_in(uint64_t address, uint64_t base, uint64_t size, uint64_t *offset)
{
    *offset = address - base;
    return address >= base && address < base + size;
}

/* A redistributor's second frame is laid over the distributor's banked registers. */
static uint64_t gic_read(void *device, uint64_t address, unsigned width)
{
    uint64_t offset;

    (void)device;
    if (is_in(address, FAKE_ITS, 2 * FRAME, &offset)) {
        return its_read(offset);
    }
    if (is_in(address, FAKE_REDISTRIBUTOR, g->redistributor_count * (uint64_t)g->stride, &offset)) {
        if (offset % g->stride < FRAME) {
            return redistributor_read((unsigned)(offset / g->stride), offset % g->stride);
        }
        return distributor_read(offset % FRAME, width);
    }
    if (is_in(address, FAKE_DISTRIBUTOR, FRAME, &offset)) {
        return distributor_read(offset, width);
    }
    return 0;
}

static void gic_write(void *device, uint64_t address, unsigned width, uint64_t value)
{
    uint64_t offset;

    (void)device;
    if (is_in(address, FAKE_ITS, 2 * FRAME, &offset)) {
        its_write(offset, value);
    } else if (is_in(address, FAKE_REDISTRIBUTOR, g->redistributor_count * (uint64_t)g->stride,
                     &offset)) {
        if (offset % g->stride < FRAME) {
            redistributor_write((unsigned)(offset / g->stride), offset % g->stride, value);
        } else {
            distributor_write(offset % FRAME, width, value);
        }
    } else if (is_in(address, FAKE_DISTRIBUTOR, FRAME, &offset)) {
        distributor_write(offset, width, value);
    }
}

void fake_gic_begin(uint32_t version, uint32_t cpus)
{
    memset(g, 0, sizeof(*g));
    memset(&machine_fake, 0, sizeof(machine_fake));
    machine_fake.cpu_count = cpus;
    machine_fake.gic_version = version;
    machine_fake.gic_distributor = (struct machine_range){FAKE_DISTRIBUTOR, FRAME};
    machine_fake.gic_cpu_interface = (struct machine_range){FAKE_CPU_INTERFACE, FRAME};
    machine_fake.gic_its = (struct machine_range){FAKE_ITS, 2 * FRAME};
    g->stride = 2 * FRAME;
    g->redistributor_count = cpus;
    machine_fake.gic_redistributors[0] =
        (struct machine_range){FAKE_REDISTRIBUTOR, cpus * 2 * FRAME};
    for (uint32_t i = 0; i < cpus; i++) {
        uint64_t affinity = (uint64_t)(i / 4) << 8 | i % 4;

        machine_fake.cpus[i] = affinity;
        g->redistributor_types[i] =
            affinity << 32 | (uint64_t)i << 8 | 1 | (i + 1 == cpus ? 1u << 4 : 0);
        g->wakers[i] = 6;
    }
    g->type = 8 | 1u << 17 | 15u << 19; /* 288 lines, LPIs, 16 bits */
    /* Physical, entries of 12 bytes, 16 bits of events and devices. */
    g->its_type = 1 | 11u << 4 | 15u << 8 | 15u << 13;
    g->base_fixed[0] = 1ull << 56 | 7ull << 48;
    g->base_fixed[1] = 4ull << 56 | 7ull << 48;
    for (unsigned i = 0; i < 8; i++) {
        g->base_fixed_mask[i] = g->base_fixed[i] ? 7ull << 56 | 31ull << 48 : ~0ull;
        g->base[i] = g->base_fixed[i];
    }
    fake_hal =
        (struct fake_hal){.device = g, .read = gic_read, .write = gic_write, .wait_ns = 1000000};
}

uint32_t fake_gic_message(uint32_t id, uint32_t event)
{
    struct fake_device *device = fake_gic_device(id);
    uint32_t lpi = device != NULL && event < device->event_count ? device->events[event].lpi : 0;

    return lpi && (g->properties[lpi - LPI_FIRST] & 1) ? lpi : 0;
}
