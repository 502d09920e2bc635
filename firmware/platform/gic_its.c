/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/platform/gic_its.h"

#include <stddef.h>

#include "baregpu/barrier.h"
#include "baregpu/error.h"
#include "firmware/platform/cache.h"
#include "firmware/platform/gic.h"

/* ---- Registers (GICv3 12.19) ---- */

#define GITS_CTLR 0x0000
#define GITS_CTLR_ENABLED (1u << 0)
#define GITS_CTLR_QUIESCENT (1u << 31)
#define GITS_TYPER 0x0008
#define GITS_CBASER 0x0080
#define GITS_CWRITER 0x0088
#define GITS_CWRITER_RETRY 1ull
#define GITS_CREADR 0x0090
#define GITS_CREADR_STALLED 1ull
#define GITS_BASER(n) (0x0100 + 8 * (n))
#define GITS_BASER_COUNT 8
#define GITS_TRANSLATER 0x10040
#define GITS_CONTROL_BYTES 0x10000

#define TYPER_ENTRY_BYTES(t) (((t) >> 4 & 15) + 1)
#define TYPER_EVENT_BITS(t) (((t) >> 8 & 31) + 1)
#define TYPER_DEVICE_BITS(t) (((t) >> 13 & 31) + 1)
#define TYPER_PTA (1ull << 19) /* RDbase is an address */
#define TYPER_PHYSICAL (1ull << 0)

#define BASER_VALID (1ull << 63)
#define BASER_INDIRECT (1ull << 62)
#define BASER_CACHE_WB (7ull << 59)
#define BASER_CACHE_NONE (1ull << 59)
#define BASER_TYPE(b) ((b) >> 56 & 7)
#define BASER_TYPE_DEVICES 1
#define BASER_ENTRY_BYTES(b) (((b) >> 48 & 31) + 1)
#define BASER_SHARED_INNER (1ull << 10)
#define BASER_SHARED(b) ((b) >> 10 & 3)
#define BASER_PAGE_SIZE(b) ((b) >> 8 & 3)
#define BASER_PAGES_MAX 256

/* ---- Commands (GICv3 5.3), of four words each ---- */

enum its_command {
    ITS_MOVI = 0x01,
    ITS_INT = 0x03,
    ITS_CLEAR = 0x04,
    ITS_SYNC = 0x05,
    ITS_MAPD = 0x08,
    ITS_MAPC = 0x09,
    ITS_MAPTI = 0x0a,
    ITS_INV = 0x0c,
    ITS_INVALL = 0x0d,
    ITS_DISCARD = 0x0f,
};

#define COMMAND_BYTES 32
#define COMMAND_VALID (1ull << 63)
#define QUEUE_BYTES 4096u
#define QUEUE_OFFSET 0xfffe0ull
#define COMMAND_WAIT_NS 1000000000ull

/* ---- State ---- */

struct its_device {
    uint32_t id;
    uint32_t event_count; /* 0: this record is free */
    uint32_t used;        /* events */
    uint64_t events[ITS_EVENTS_MAX / 64];
    void *table; /* the interrupt translation table */
    uint64_t table_address;
    size_t table_bytes;
};

struct its_lpi {
    struct its_device *device; /* NULL: free */
    uint16_t event;
    uint8_t cpu;
    uint8_t priority;
    bool is_enabled;
};

struct its_state {
    struct its_device devices[ITS_DEVICES_MAX];
    struct its_lpi lpis[ITS_LPIS_MAX];
    bool collections[MACHINE_CPUS_MAX]; /* mapped */
};

static struct {
    bool is_tried;
    int result;
    const char *problem;
    char *registers;
    uint64_t type;
    bool is_coherent;
    uint64_t *queue;
    uint64_t queue_address;
    uint32_t tail; /* bytes */
    /* The device table; level 1 of it when it is indirect. */
    uint64_t *device_table;
    uint64_t device_page_bytes;
    uint64_t device_entry_bytes;
    uint64_t device_count; /* ids below are in the table */
    bool is_indirect;
    struct its_state *state;
} its;

static int fail(int error, const char *problem)
{
    its.problem = problem;
    return error;
}

static void publish(const void *memory, size_t size)
{
    if (!its.is_coherent) {
        cache_clean(memory, size);
    }
}

/* ---- The command queue ---- */

static void put_command(uint64_t word0, uint64_t word1, uint64_t word2)
{
    uint64_t *slot = its.queue + its.tail / sizeof(uint64_t);

    slot[0] = word0;
    slot[1] = word1;
    slot[2] = word2;
    slot[3] = 0;
    publish(slot, COMMAND_BYTES);
    its.tail = (its.tail + COMMAND_BYTES) % QUEUE_BYTES;
}

/* The redistributor as commands name it: by its address or by its number (GITS_TYPER.PTA). */
static uint64_t redistributor_base(uint32_t cpu)
{
    if (its.type & TYPER_PTA) {
        return (uintptr_t)gic.redistributors[cpu]; /* mapped one to one */
    }
    return (gic.redistributor_types[cpu] >> 8 & 0xffff) << 16;
}

static void put_event_command(enum its_command command, const struct its_lpi *entry,
                              uint64_t word1_high, uint64_t word2)
{
    put_command((uint64_t)entry->device->id << 32 | command, word1_high << 32 | entry->event,
                word2);
}

static void put_sync(uint32_t cpu)
{
    put_command(ITS_SYNC, 0, redistributor_base(cpu));
}

/*
 * A command that the ITS stalls on becomes a SYNC, so that the queue goes on (GICv3 5.3, command
 * errors).
 */
static void step_over(uint64_t offset)
{
    uint64_t *slot = its.queue + offset / sizeof(uint64_t);

    slot[0] = ITS_SYNC;
    slot[1] = 0;
    slot[2] = redistributor_base(0);
    publish(slot, COMMAND_BYTES);
}

/* Has the ITS do what was put, and waits until it is done. */
static int run_commands(void)
{
    uint64_t deadline_ns = bg_hal_time_ns() + COMMAND_WAIT_NS;
    uint64_t stepped_over = ~0ull;
    uint64_t at;
    int result = BG_OK;

    bg_barrier_full_outer();
    bg_mmio_write64(its.registers, GITS_CWRITER, its.tail);
    while ((at = bg_mmio_read64(its.registers, GITS_CREADR), (at & QUEUE_OFFSET) != its.tail)) {
        if ((at & GITS_CREADR_STALLED) && (at & QUEUE_OFFSET) != stepped_over) {
            result = fail(BG_ERR_IO, "the ITS stalled on a command");
            stepped_over = at & QUEUE_OFFSET;
            step_over(stepped_over);
            bg_barrier_full_outer();
            bg_mmio_write64(its.registers, GITS_CWRITER, its.tail | GITS_CWRITER_RETRY);
        } else if (bg_hal_time_ns() >= deadline_ns) {
            return fail(BG_ERR_TIMEOUT, "the ITS does not work through its commands");
        } else {
            bg_hal_wait(deadline_ns);
        }
    }
    return result;
}

/* ---- Bringing it up ---- */

/* The largest page that the ITS takes is all that some have: the field may be read-only. */
static uint64_t choose_page_size(uint32_t offset, uint64_t baser)
{
    for (uint64_t size = 0; size <= 2; size++) {
        bg_mmio_write64(its.registers, offset, (baser & ~(3ull << 8)) | size << 8);
        if (BASER_PAGE_SIZE(bg_mmio_read64(its.registers, offset)) == size) {
            return size;
        }
    }
    return 2;
}

static bool takes_indirect(uint32_t offset, uint64_t page_size)
{
    bg_mmio_write64(its.registers, offset, BASER_INDIRECT | page_size << 8);
    return bg_mmio_read64(its.registers, offset) & BASER_INDIRECT;
}

static uint64_t divide_up(uint64_t value, uint64_t by)
{
    return (value + by - 1) / by;
}

/* Cached and shared, unless the ITS knows no such memory. */
static void write_base(uint32_t offset, uint64_t value)
{
    bg_mmio_write64(its.registers, offset, value | BASER_CACHE_WB | BASER_SHARED_INNER);
    if (BASER_SHARED(bg_mmio_read64(its.registers, offset)) == 0) {
        its.is_coherent = false;
        bg_mmio_write64(its.registers, offset, value | BASER_CACHE_NONE);
    }
}

static int write_table(uint32_t offset, uint64_t value, uint64_t pages, uint64_t page_bytes,
                       uint64_t **table)
{
    uint64_t address;

    *table = bg_hal_dma_alloc(pages * page_bytes, page_bytes, &address);
    if (*table == NULL) {
        return fail(BG_ERR_NO_MEMORY, "no memory for a table of the ITS");
    }
    cache_clean(*table, pages * page_bytes);
    /* With pages of 64 KiB address bits 51:48 are in 15:12 (GICv3 12.19.1). */
    if (page_bytes == 0x10000) {
        address = (address & 0xffffffff0000) | (address >> 48 & 15) << 12;
    }
    write_base(offset, value | BASER_VALID | address | (pages - 1));
    return BG_OK;
}

/*
 * The device table is indirect where that is possible and saves memory: then a page of level 2 is
 * added when its first device comes.
 */
static int make_device_table(uint32_t offset, uint64_t baser, uint64_t page_size)
{
    uint64_t page_bytes = 0x1000ull << 2 * page_size;
    uint64_t entry_bytes = BASER_ENTRY_BYTES(baser);
    uint64_t wanted = 1ull << TYPER_DEVICE_BITS(its.type);
    uint64_t pages = divide_up(wanted, page_bytes / entry_bytes);
    uint64_t value = page_size << 8;

    its.is_indirect = pages > 1 && takes_indirect(offset, page_size);
    if (its.is_indirect) {
        value |= BASER_INDIRECT;
        pages = divide_up(pages, page_bytes / sizeof(uint64_t));
    }
    if (pages > BASER_PAGES_MAX) {
        pages = BASER_PAGES_MAX;
    }
    its.device_page_bytes = page_bytes;
    its.device_entry_bytes = entry_bytes;
    its.device_count = pages * page_bytes / (its.is_indirect ? sizeof(uint64_t) : entry_bytes) *
                       (its.is_indirect ? page_bytes / entry_bytes : 1);
    if (its.device_count > wanted) {
        its.device_count = wanted;
    }
    return write_table(offset, value, pages, page_bytes, &its.device_table);
}

static int make_tables(void)
{
    for (uint32_t n = 0; n < GITS_BASER_COUNT; n++) {
        uint64_t baser = bg_mmio_read64(its.registers, GITS_BASER(n));
        uint64_t *table;
        uint64_t page_size;
        int error;

        if (BASER_TYPE(baser) == 0) {
            continue;
        }
        page_size = choose_page_size(GITS_BASER(n), baser);
        /* One page has collections for more CPUs than we run; vPEs are not used. */
        if (BASER_TYPE(baser) == BASER_TYPE_DEVICES) {
            error = make_device_table(GITS_BASER(n), baser, page_size);
        } else {
            error =
                write_table(GITS_BASER(n), page_size << 8, 1, 0x1000ull << 2 * page_size, &table);
        }
        if (error) {
            return error;
        }
    }
    return its.device_table != NULL ? BG_OK
                                    : fail(BG_ERR_UNSUPPORTED, "the ITS has no device table");
}

static int make_queue(void)
{
    its.queue = bg_hal_dma_alloc(QUEUE_BYTES, 0x10000, &its.queue_address);
    if (its.queue == NULL) {
        return fail(BG_ERR_NO_MEMORY, "no memory for the ITS's commands");
    }
    cache_clean(its.queue, QUEUE_BYTES);
    write_base(GITS_CBASER, BASER_VALID | its.queue_address | (QUEUE_BYTES / 4096 - 1));
    its.tail = 0;
    bg_mmio_write64(its.registers, GITS_CWRITER, 0);
    return BG_OK;
}

static int stop(void)
{
    uint32_t control = bg_mmio_read32(its.registers, GITS_CTLR);
    uint64_t deadline_ns = bg_hal_time_ns() + COMMAND_WAIT_NS;

    bg_mmio_write32(its.registers, GITS_CTLR, control & ~GITS_CTLR_ENABLED);
    while (!(bg_mmio_read32(its.registers, GITS_CTLR) & GITS_CTLR_QUIESCENT)) {
        if (bg_hal_time_ns() >= deadline_ns) {
            return fail(BG_ERR_TIMEOUT, "the ITS does not come to rest");
        }
        bg_hal_wait(deadline_ns);
    }
    return BG_OK;
}

static int bring_up(void)
{
    uint64_t address;
    int error;

    if (machine.gic_its.size < 2 * GITS_CONTROL_BYTES) {
        return fail(BG_ERR_UNSUPPORTED, "the machine has no ITS");
    }
    its.registers = bg_hal_map(machine.gic_its.base, machine.gic_its.size, BG_HAL_MEMORY_DEVICE);
    if (its.registers == NULL) {
        return fail(BG_ERR_UNSUPPORTED, "the ITS's registers cannot be mapped");
    }
    its.type = bg_mmio_read64(its.registers, GITS_TYPER);
    if (!(its.type & TYPER_PHYSICAL)) {
        return fail(BG_ERR_UNSUPPORTED, "the ITS makes no physical LPIs");
    }
    error = lpi_init(&its.problem);
    if (error) {
        return error;
    }
    its.state = bg_hal_dma_alloc(sizeof(*its.state), 64, &address);
    if (its.state == NULL) {
        return fail(BG_ERR_NO_MEMORY, "no memory for the ITS's devices");
    }
    its.is_coherent = true;
    error = stop() ?: make_tables() ?: make_queue();
    if (!error) {
        bg_mmio_write32(its.registers, GITS_CTLR, GITS_CTLR_ENABLED);
    }
    return error;
}

int its_init(void)
{
    if (!its.is_tried) {
        int error = bring_up();

        its.is_tried = true;
        its.result = error ? error : (int)lpi.count;
    }
    return its.result;
}

const char *its_problem(void)
{
    return its.problem;
}

/* ---- Collections: one for each CPU, of its number ---- */

static int collection_map(uint32_t cpu)
{
    int error;

    if (its.state->collections[cpu]) {
        return BG_OK;
    }
    error = lpi_init_cpu(cpu, &its.problem);
    if (error) {
        return error;
    }
    put_command(ITS_MAPC, 0, COMMAND_VALID | redistributor_base(cpu) | cpu);
    put_command(ITS_INVALL, 0, cpu);
    put_sync(cpu);
    error = run_commands();
    its.state->collections[cpu] = !error;
    return error;
}

/* ---- Devices ---- */

static struct its_device *device_find(uint32_t id)
{
    for (uint32_t i = 0; i < ITS_DEVICES_MAX; i++) {
        if (its.state->devices[i].event_count && its.state->devices[i].id == id) {
            return &its.state->devices[i];
        }
    }
    return NULL;
}

/* The device's entry in the table has memory behind it. */
static int device_table_reach(uint32_t id)
{
    uint64_t index = id / (its.device_page_bytes / its.device_entry_bytes);
    uint64_t address;
    void *page;

    if (id >= its.device_count) {
        return fail(BG_ERR_INVALID, "a device id that the ITS does not take");
    }
    if (!its.is_indirect || (its.device_table[index] & BASER_VALID)) {
        return BG_OK;
    }
    page = bg_hal_dma_alloc(its.device_page_bytes, its.device_page_bytes, &address);
    if (page == NULL) {
        return fail(BG_ERR_NO_MEMORY, "no memory for a page of the device table");
    }
    cache_clean(page, its.device_page_bytes);
    its.device_table[index] = address | BASER_VALID;
    publish(&its.device_table[index], sizeof(uint64_t));
    bg_barrier_full_outer();
    return BG_OK;
}

static uint32_t log2_of(uint32_t power)
{
    return 31u - (uint32_t)__builtin_clz(power);
}

static int device_map(struct its_device *device, bool is_valid)
{
    put_command((uint64_t)device->id << 32 | ITS_MAPD, log2_of(device->event_count) - 1,
                (is_valid ? COMMAND_VALID : 0) | device->table_address);
    put_sync(0);
    return run_commands();
}

static void device_remove(struct its_device *device)
{
    device_map(device, false);
    bg_hal_dma_free(device->table, device->table_bytes);
    device->event_count = 0;
}

/* A power of two, as many as are asked for and as the ITS allows. */
static uint32_t events_for(unsigned count)
{
    uint32_t events = ITS_EVENTS_MIN;

    while (events < count && events < ITS_EVENTS_MAX) {
        events *= 2;
    }
    while (events > 2 && log2_of(events) > TYPER_EVENT_BITS(its.type)) {
        events /= 2;
    }
    return events;
}

static int device_add(uint32_t id, unsigned count, struct its_device **out)
{
    struct its_device *device = NULL;
    int error = device_table_reach(id);

    if (error) {
        return error;
    }
    for (uint32_t i = 0; i < ITS_DEVICES_MAX && device == NULL; i++) {
        if (its.state->devices[i].event_count == 0) {
            device = &its.state->devices[i];
        }
    }
    if (device == NULL) {
        return fail(BG_ERR_NO_SPACE, "too many devices with messages");
    }
    *device = (struct its_device){.id = id};
    device->table_bytes = events_for(count) * TYPER_ENTRY_BYTES(its.type);
    device->table = bg_hal_dma_alloc(device->table_bytes, 256, &device->table_address);
    if (device->table == NULL) {
        return fail(BG_ERR_NO_MEMORY, "no memory for a device's translation table");
    }
    cache_clean(device->table, device->table_bytes);
    device->event_count = events_for(count);
    error = device_map(device, true);
    if (error) {
        device_remove(device);
        return error;
    }
    *out = device;
    return BG_OK;
}

/* ---- Events and LPIs ---- */

static bool event_is_used(const struct its_device *device, uint32_t event)
{
    return device->events[event / 64] >> event % 64 & 1;
}

/* The first of `run` free events, aligned to `run`, a power of two; event_count: none. */
static uint32_t events_find(const struct its_device *device, uint32_t run)
{
    for (uint32_t first = 0; first + run <= device->event_count; first += run) {
        uint32_t n = 0;

        while (n < run && !event_is_used(device, first + n)) {
            n++;
        }
        if (n == run) {
            return first;
        }
    }
    return device->event_count;
}

static struct its_lpi *lpi_find_free(uint32_t *index)
{
    for (; *index < lpi.count; (*index)++) {
        if (its.state->lpis[*index].device == NULL) {
            return &its.state->lpis[*index];
        }
    }
    return NULL;
}

static uint32_t lpis_free(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < lpi.count; i++) {
        count += its.state->lpis[i].device == NULL;
    }
    return count;
}

static void event_map(struct its_device *device, uint32_t event, uint32_t index, uint32_t cpu,
                      struct bg_hal_msi *message)
{
    struct its_lpi *entry = &its.state->lpis[index];

    *entry = (struct its_lpi){
        .device = device,
        .event = (uint16_t)event,
        .cpu = (uint8_t)cpu,
        .priority = GIC_PRIORITY_DEFAULT,
    };
    device->events[event / 64] |= 1ull << event % 64;
    device->used++;
    lpi_set_property(GIC_LPI_FIRST + index, entry->priority, false);
    put_event_command(ITS_MAPTI, entry, GIC_LPI_FIRST + index, cpu);
    put_event_command(ITS_INV, entry, 0, 0);
    *message = (struct bg_hal_msi){
        .address = machine.gic_its.base + GITS_TRANSLATER,
        .data = event,
        .interrupt = GIC_LPI_FIRST + index,
    };
}

/* Maps as many as there are; their number. Few at a time, for the queue's sake. */
static int events_map(struct its_device *device, unsigned count, uint32_t run, uint32_t cpu,
                      struct bg_hal_msi *messages)
{
    unsigned done = 0;
    uint32_t index = 0;

    while (done < count) {
        uint32_t first = events_find(device, run);
        int error;

        if (first == device->event_count) {
            break;
        }
        for (uint32_t i = 0; i < run; i++) {
            lpi_find_free(&index);
            event_map(device, first + i, index, cpu, &messages[done++]);
            if ((done % 32) && i + 1 < run) {
                continue;
            }
            put_sync(cpu);
            error = run_commands();
            if (error) {
                its_free(device->id, messages, done);
                return error;
            }
        }
    }
    return (int)done;
}

int its_alloc(uint32_t device_id, unsigned count, bool is_block, uint32_t cpu,
              struct bg_hal_msi *messages)
{
    struct its_device *device = device_find(device_id);
    uint32_t left = lpis_free();
    uint32_t run = 1;
    int result = collection_map(cpu);

    if (result) {
        return result;
    }
    if (count > left) {
        count = left;
    }
    if (count == 0) {
        return fail(BG_ERR_NO_SPACE, "all LPIs are in use");
    }
    if (device == NULL) {
        result = device_add(device_id, count, &device);
        if (result) {
            return result;
        }
    }
    if (is_block) {
        run = 1u << log2_of(count);
        while (run > 1 && events_find(device, run) == device->event_count) {
            run /= 2;
        }
        count = run;
    }
    result = events_map(device, count, run, cpu, messages);
    if (result == 0) {
        result = fail(BG_ERR_NO_SPACE, "all of the device's events are in use");
    }
    return result;
}

static struct its_lpi *lpi_get(uint32_t intid)
{
    uint32_t index = intid - GIC_LPI_FIRST;

    if (its.state == NULL || index >= lpi.count || its.state->lpis[index].device == NULL) {
        return NULL;
    }
    return &its.state->lpis[index];
}

void its_free(uint32_t device_id, const struct bg_hal_msi *messages, unsigned count)
{
    struct its_device *device = its.state != NULL ? device_find(device_id) : NULL;

    for (unsigned i = 0; device != NULL && i < count; i++) {
        struct its_lpi *entry = lpi_get(messages[i].interrupt);

        if (entry == NULL || entry->device != device) {
            continue;
        }
        lpi_set_property(messages[i].interrupt, entry->priority, false);
        put_event_command(ITS_DISCARD, entry, 0, 0);
        put_sync(entry->cpu);
        run_commands();
        device->events[entry->event / 64] &= ~(1ull << entry->event % 64);
        device->used--;
        entry->device = NULL;
    }
    if (device != NULL && device->used == 0) {
        device_remove(device);
    }
}

bool its_lpi_is_reserved(uint32_t intid)
{
    return lpi_get(intid);
}

/* To be called after a change of what `entry`, the interrupt's, has; NULL: there is none. */
static int lpi_update(uint32_t intid, const struct its_lpi *entry)
{
    if (entry == NULL) {
        return BG_ERR_INVALID;
    }
    lpi_set_property(intid, entry->priority, entry->is_enabled);
    put_event_command(ITS_INV, entry, 0, 0);
    put_sync(entry->cpu);
    return run_commands();
}

int its_lpi_set_enabled(uint32_t intid, bool is_enabled)
{
    struct its_lpi *entry = lpi_get(intid);

    if (entry != NULL) {
        entry->is_enabled = is_enabled;
    }
    return lpi_update(intid, entry);
}

int its_lpi_set_priority(uint32_t intid, uint8_t priority)
{
    struct its_lpi *entry = lpi_get(intid);

    if (entry != NULL) {
        entry->priority = priority;
    }
    return lpi_update(intid, entry);
}

int its_lpi_set_cpu(uint32_t intid, uint32_t cpu)
{
    struct its_lpi *entry = lpi_get(intid);
    uint32_t old;
    int error;

    if (entry == NULL) {
        return BG_ERR_INVALID;
    }
    if (entry->cpu == cpu) {
        return BG_OK;
    }
    error = collection_map(cpu);
    if (error) {
        return error;
    }
    old = entry->cpu;
    put_event_command(ITS_MOVI, entry, 0, cpu);
    put_sync(old);
    error = run_commands();
    if (!error) {
        entry->cpu = (uint8_t)cpu;
    }
    return error;
}

int its_lpi_set_pending(uint32_t intid, bool pending)
{
    struct its_lpi *entry = lpi_get(intid);

    if (entry == NULL) {
        return BG_ERR_INVALID;
    }
    put_event_command(pending ? ITS_INT : ITS_CLEAR, entry, 0, 0);
    put_sync(entry->cpu);
    return run_commands();
}
