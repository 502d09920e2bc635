/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fake/pci.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define NOBODY INT_MIN

static uint32_t get(const uint8_t *bytes, unsigned reg, unsigned width)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < width; i++) {
        value |= (uint32_t)bytes[reg + i] << (8 * i);
    }
    return value;
}

static void put(uint8_t *bytes, unsigned reg, unsigned width, uint32_t value)
{
    for (unsigned i = 0; i < width; i++) {
        bytes[reg + i] = (uint8_t)(value >> (8 * i));
    }
}

uint32_t fake_pci_get(const struct fake_pci *pci, int function, unsigned reg, unsigned width)
{
    return get(pci->functions[function].config, reg, width);
}

void fake_pci_set8(struct fake_pci *pci, int function, unsigned reg, uint8_t value)
{
    put(pci->functions[function].config, reg, 1, value);
}

void fake_pci_set16(struct fake_pci *pci, int function, unsigned reg, uint16_t value)
{
    put(pci->functions[function].config, reg, 2, value);
}

void fake_pci_set32(struct fake_pci *pci, int function, unsigned reg, uint32_t value)
{
    put(pci->functions[function].config, reg, 4, value);
}

/* ---- Configuration accesses ---- */

static bool is_root(const struct fake_pci *pci, unsigned bus)
{
    for (int i = 0; i < pci->count; i++) {
        if (pci->functions[i].parent == FAKE_ROOT_AT((int)bus)) {
            return true;
        }
    }
    return false;
}

/* The bridge whose secondary bus is `bus`, following secondary and subordinate numbers down from
 * all roots as hardware does; FAKE_ROOT or FAKE_ROOT_AT for a root bus, NOBODY for none. */
static int bridge_to(struct fake_pci *pci, unsigned bus)
{
    int at = FAKE_ROOT;

    if (bus == pci->bus_first) {
        return FAKE_ROOT;
    }
    if (is_root(pci, bus)) {
        return FAKE_ROOT_AT((int)bus);
    }
    for (int depth = 0; depth < FAKE_FUNCTIONS_MAX; depth++) {
        int next = NOBODY;

        for (int i = 0; i < pci->count; i++) {
            const struct fake_function *f = &pci->functions[i];

            if (f->is_bridge && !f->is_absent && (f->parent == at || (at < 0 && f->parent < 0)) &&
                f->config[0x19] != 0 && f->config[0x19] <= bus && bus <= f->config[0x1A]) {
                pci->conflicts += next != NOBODY;
                next = i;
            }
        }
        if (next == NOBODY || pci->functions[next].config[0x19] == bus) {
            return next;
        }
        at = next;
    }
    return NOBODY;
}

static struct fake_function *find(struct fake_pci *pci, unsigned bus, unsigned devfn)
{
    int parent = bridge_to(pci, bus);

    for (int i = 0; i < pci->count && parent != NOBODY; i++) {
        struct fake_function *f = &pci->functions[i];

        if (f->parent == parent && f->devfn == devfn && !f->is_absent) {
            return f;
        }
    }
    return NULL;
}

static struct fake_function *resolve(struct fake_pci *pci, uint64_t offset, unsigned width)
{
    uint64_t bus = pci->bus_first + (offset >> 20);

    pci->accesses++;
    if (bus > pci->bus_last || offset % width != 0 || (width != 1 && width != 2 && width != 4)) {
        pci->accesses_outside++;
        return NULL;
    }
    return find(pci, (unsigned)bus, offset >> 12 & 0xFF);
}

static uint32_t fake_read(void *context, uint64_t offset, unsigned width)
{
    const struct fake_function *f = resolve(context, offset, width);

    return f == NULL ? UINT32_MAX >> (32 - 8 * width) : get(f->config, offset & 0xFFF, width);
}

static void fake_write(void *context, uint64_t offset, unsigned width, uint32_t value)
{
    struct fake_pci *pci = context;
    struct fake_function *f = resolve(pci, offset, width);
    unsigned reg = offset & 0xFFF;

    if (f == NULL) {
        return;
    }
    if (reg >= 0x10 && reg < (f->is_bridge ? 0x18u : 0x28u) && (f->config[4] & 3) != 0) {
        pci->bars_moved_live++;
    }
    for (unsigned i = 0; i < width; i++) {
        uint8_t wired = f->writable[reg + i];

        f->config[reg + i] =
            (uint8_t)((f->config[reg + i] & ~wired) | ((value >> (8 * i)) & wired));
    }
}

const struct bg_pci_config_ops fake_pci_ops = {fake_read, fake_write};

/* ---- Building a bus ---- */

void fake_pci_init(struct fake_pci *pci, uint8_t bus_first, uint8_t bus_last)
{
    memset(pci, 0, sizeof(*pci));
    pci->bus_first = bus_first;
    pci->bus_last = bus_last;
}

void fake_pci_capability(struct fake_pci *pci, int function, unsigned offset, uint8_t id,
                         uint8_t next)
{
    struct fake_function *f = &pci->functions[function];

    f->config[0x06] |= 0x10;
    if (f->config[0x34] == 0) {
        f->config[0x34] = (uint8_t)offset;
    }
    f->config[offset] = id;
    f->config[offset + 1] = next;
}

/* The first pointer of 0 in the list. */
static void append_capability(struct fake_pci *pci, int function, unsigned offset, uint8_t id)
{
    uint8_t *config = pci->functions[function].config;
    unsigned pointer = 0x34;

    while (config[pointer] != 0) {
        pointer = config[pointer] + 1u;
    }
    fake_pci_capability(pci, function, offset, id, 0);
    config[pointer] = (uint8_t)offset;
}

void fake_pci_msix(struct fake_pci *pci, int function, unsigned offset, unsigned entries,
                   uint32_t table, uint32_t pending)
{
    struct fake_function *f = &pci->functions[function];

    append_capability(pci, function, offset, BG_PCI_CAP_MSIX);
    put(f->config, offset + 2, 2, entries - 1);
    put(f->writable, offset + 2, 2, 0xC000);
    put(f->config, offset + 4, 4, table);
    put(f->config, offset + 8, 4, pending);
}

void fake_pci_msi(struct fake_pci *pci, int function, unsigned offset, unsigned log2, bool is_64bit,
                  bool has_masks)
{
    struct fake_function *f = &pci->functions[function];
    unsigned data = offset + (is_64bit ? 12 : 8);

    append_capability(pci, function, offset, BG_PCI_CAP_MSI);
    put(f->config, offset + 2, 2, log2 << 1 | (is_64bit ? 0x80u : 0) | (has_masks ? 0x100u : 0));
    put(f->writable, offset + 2, 2, 0x71);
    put(f->writable, offset + 4, 4, 0xFFFFFFFC);
    if (is_64bit) {
        put(f->writable, offset + 8, 4, UINT32_MAX);
    }
    put(f->writable, data, 2, 0xFFFF);
    if (has_masks) {
        put(f->writable, data + 4, 4, UINT32_MAX);
    }
}

int fake_pci_add(struct fake_pci *pci, int parent, uint8_t devfn, uint16_t vendor, uint16_t device,
                 uint32_t class_code, int express_type)
{
    if (pci->count == FAKE_FUNCTIONS_MAX) {
        abort();
    }
    int index = pci->count++;
    struct fake_function *f = &pci->functions[index];

    f->parent = parent;
    f->devfn = devfn;
    put(f->config, 0x00, 2, vendor);
    put(f->config, 0x02, 2, device);
    put(f->config, 0x08, 4, class_code << 8 | 1);
    put(f->writable, 0x04, 2, 0x0407);
    put(f->writable, 0x0C, 1, 0xFF);
    put(f->writable, 0x3C, 1, 0xFF);
    if (express_type >= 0) {
        fake_pci_capability(pci, index, 0x40, BG_PCI_CAP_EXPRESS, 0);
        put(f->config, 0x42, 2, (uint32_t)express_type << 4 | 2);
    }
    for (int i = 0; i < index; i++) { /* every function of a device says that there are more */
        struct fake_function *other = &pci->functions[i];

        if (other->parent == parent && other->devfn >> 3 == devfn >> 3) {
            other->config[0x0E] |= 0x80;
            f->config[0x0E] |= 0x80;
        }
    }
    return index;
}

int fake_pci_add_bridge(struct fake_pci *pci, int parent, uint8_t devfn, int express_type)
{
    int index = fake_pci_add(pci, parent, devfn, 0x1B36, 0x000C, 0x060400, express_type);
    struct fake_function *f = &pci->functions[index];

    f->is_bridge = true;
    f->config[0x0E] |= 1;
    put(f->writable, 0x18, 4, 0x00FFFFFF);
    put(f->writable, 0x1C, 2, 0xF0F0);
    put(f->writable, 0x20, 4, 0xFFF0FFF0);
    put(f->config, 0x24, 4, 0x00010001);
    put(f->writable, 0x24, 4, 0xFFF0FFF0);
    put(f->writable, 0x28, 4, UINT32_MAX);
    put(f->writable, 0x2C, 4, UINT32_MAX);
    return index;
}

void fake_pci_bar32(struct fake_pci *pci, int function, unsigned bar, uint32_t size, uint32_t flags)
{
    struct fake_function *f = &pci->functions[function];

    put(f->config, 0x10 + 4 * bar, 4, flags);
    put(f->writable, 0x10 + 4 * bar, 4, ~(size - 1));
    f->bar_size[bar] = size;
}

void fake_pci_bar64(struct fake_pci *pci, int function, unsigned bar, uint64_t size, uint32_t flags)
{
    struct fake_function *f = &pci->functions[function];

    put(f->config, 0x10 + 4 * bar, 4, flags | 4);
    put(f->writable, 0x10 + 4 * bar, 4, (uint32_t)~(size - 1));
    put(f->writable, 0x14 + 4 * bar, 4, (uint32_t)(~(size - 1) >> 32));
    f->bar_size[bar] = size;
}

void fake_pci_bar_io(struct fake_pci *pci, int function, unsigned bar, uint32_t size)
{
    struct fake_function *f = &pci->functions[function];

    put(f->config, 0x10 + 4 * bar, 4, 1);
    put(f->writable, 0x10 + 4 * bar, 4, ~(size - 1) & 0xFFFF); /* 16 bits wired, as PCs have it */
    f->bar_size[bar] = size;
}

void fake_pci_rom(struct fake_pci *pci, int function, uint32_t size)
{
    struct fake_function *f = &pci->functions[function];

    put(f->writable, f->is_bridge ? 0x38 : 0x30, 4, ~(size - 1) | 1);
}

/* ---- Address decoding ---- */

/* Does the bridge forward this address downstream? */
static bool forwards(const struct fake_function *bridge, uint64_t address, bool is_io)
{
    const uint8_t *c = bridge->config;
    uint64_t base, limit;

    if (is_io) {
        base = (uint64_t)(c[0x1C] & 0xF0) << 8;
        limit = (uint64_t)(c[0x1D] & 0xF0) << 8 | 0xFFF;
        return (c[4] & 1) && base <= address && address <= limit;
    }
    if (!(c[4] & 2)) {
        return false;
    }
    base = (uint64_t)(get(c, 0x20, 2) & 0xFFF0) << 16;
    limit = (uint64_t)(get(c, 0x22, 2) & 0xFFF0) << 16 | 0xFFFFF;
    if (base <= address && address <= limit) {
        return true;
    }
    base = (uint64_t)(get(c, 0x24, 2) & 0xFFF0) << 16 | (uint64_t)get(c, 0x28, 4) << 32;
    limit = (uint64_t)(get(c, 0x26, 2) & 0xFFF0) << 16 | (uint64_t)get(c, 0x2C, 4) << 32 | 0xFFFFF;
    return base <= address && address <= limit;
}

static bool reaches(const struct fake_pci *pci, const struct fake_function *f, uint64_t address,
                    bool is_io)
{
    for (int p = f->parent; p >= 0; p = pci->functions[p].parent) {
        if (!forwards(&pci->functions[p], address, is_io)) {
            return false;
        }
    }
    return true;
}

int fake_pci_decode(const struct fake_pci *pci, uint64_t address, bool is_io, int *function,
                    unsigned *bar)
{
    int claims = 0;

    for (int i = 0; i < pci->count; i++) {
        const struct fake_function *f = &pci->functions[i];

        if (f->is_absent || !(f->config[4] & (is_io ? 1 : 2)) || !reaches(pci, f, address, is_io)) {
            continue;
        }
        for (unsigned b = 0; b < 6; b++) {
            uint32_t low = get(f->config, 0x10 + 4 * b, 4);
            uint64_t base = low & ((low & 1) ? ~3u : ~15u);

            if (f->bar_size[b] == 0 || (low & 1) != is_io) {
                continue;
            }
            if (!is_io && (low & 4)) {
                base |= (uint64_t)get(f->config, 0x14 + 4 * b, 4) << 32;
            }
            if (base <= address && address - base < f->bar_size[b]) {
                claims++;
                *function = i;
                *bar = b;
            }
        }
    }
    return claims;
}
