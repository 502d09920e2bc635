/* SPDX-License-Identifier: BSD-2-Clause */
/* Text about the bus: listings and the sentences for problems. The library has no printf: a line
 * is put together in a small buffer. */
#include "firmware/pci/internal.h"

#include <stdarg.h>

/* Longest line: a window with two 64-bit addresses and a size. Longer text is cut. */
#define LINE_SIZE 160

struct text {
    char *bytes;
    size_t size, length;
    /* Of a listing: where its lines go. */
    bg_pci_print *print;
    void *context;
};

static void put_char(struct text *text, char c)
{
    if (text->length + 1 < text->size) {
        text->bytes[text->length++] = c;
        text->bytes[text->length] = '\0';
    }
}

static void put_string(struct text *text, const char *s)
{
    while (*s != '\0') {
        put_char(text, *s++);
    }
}

static void put_hex(struct text *text, uint64_t value, int digits)
{
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
        put_char(text, "0123456789abcdef"[value >> shift & 0xF]);
    }
}

static void put_decimal(struct text *text, uint64_t value)
{
    if (value >= 10) {
        put_decimal(text, value / 10);
    }
    put_char(text, (char)('0' + value % 10));
}

static void put_size(struct text *text, uint64_t size)
{
    static const char *const units[] = {" bytes", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
    unsigned unit = 0;

    while (size >= 1024 && size % 1024 == 0 && unit < 6) {
        size /= 1024;
        unit++;
    }
    put_decimal(text, size);
    put_string(text, units[unit]);
}

static void put_value(struct text *text, char kind, int digits, va_list *values)
{
    uint64_t address;

    switch (kind) {
    case 's':
        put_string(text, va_arg(*values, const char *));
        break;
    case 'u':
        put_decimal(text, va_arg(*values, unsigned));
        break;
    case 'x':
        put_hex(text, va_arg(*values, unsigned), digits);
        break;
    case 'a':
        address = va_arg(*values, uint64_t);
        put_hex(text, address, address >> 32 != 0 ? 16 : 8);
        break;
    case 'z':
        put_size(text, va_arg(*values, uint64_t));
        break;
    }
}

/* %s: a string; %u, %4x: an unsigned, decimal or of four digits; %a, %z: a uint64_t, an address or
 * a size. */
static void put(struct text *text, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            put_char(text, *format);
            continue;
        }
        int digits = *++format - '0';

        put_value(text, digits <= 9 ? *++format : *format, digits, &values);
    }
    va_end(values);
}

/* The line is complete. */
static void end_line(struct text *text)
{
    put_char(text, '\n');
    text->print(text->context, text->bytes);
    text->length = 0;
}

#define BDF_FORMAT "%2x:%2x.%1x"
#define BDF_VALUES(bdf) BG_PCI_BUS(bdf), BG_PCI_SLOT(bdf), BG_PCI_FUNCTION(bdf)

/* ---- Names ---- */

struct name {
    uint32_t code;
    const char *text;
};

/* Class and subclass; a subclass of 0xFF names the rest of the class. */
static const struct name class_names[] = {
    {0x00FF, "Unclassified device"},
    {0x0100, "SCSI controller"},
    {0x0101, "IDE controller"},
    {0x0106, "SATA controller"},
    {0x0108, "NVM Express controller"},
    {0x01FF, "Storage controller"},
    {0x0200, "Ethernet controller"},
    {0x02FF, "Network controller"},
    {0x0300, "VGA controller"},
    {0x0302, "3D controller"},
    {0x03FF, "Display controller"},
    {0x0401, "Audio device"},
    {0x0403, "Audio device"},
    {0x04FF, "Multimedia controller"},
    {0x0500, "RAM controller"},
    {0x05FF, "Memory controller"},
    {0x0600, "Host bridge"},
    {0x0601, "ISA bridge"},
    {0x0604, "PCI bridge"},
    {0x06FF, "Bridge"},
    {0x0700, "Serial controller"},
    {0x07FF, "Communication controller"},
    {0x08FF, "System peripheral"},
    {0x09FF, "Input device"},
    {0x0BFF, "Processor"},
    {0x0C03, "USB controller"},
    {0x0C05, "SMBus"},
    {0x0CFF, "Serial bus controller"},
    {0x10FF, "Encryption controller"},
    {0x1200, "Processing accelerator"},
    {0x12FF, "Processing accelerator"},
};

const char *bg_pci_class_name(uint32_t class_code)
{
    uint32_t code = class_code >> 8 & 0xFFFF;

    for (size_t i = 0; i < sizeof(class_names) / sizeof(class_names[0]); i++) {
        uint32_t name = class_names[i].code;

        if (name == code || (name >> 8 == code >> 8 && (name & 0xFF) == 0xFF)) {
            return class_names[i].text;
        }
    }
    return "Device";
}

static const char *capability_name(const struct bg_pci_capability *capability)
{
    static const struct name standard[] = {
        {BG_PCI_CAP_POWER, "power management"},
        {0x03, "vital product data"},
        {0x04, "slot identification"},
        {BG_PCI_CAP_MSI, "MSI"},
        {0x07, "PCI-X"},
        {BG_PCI_CAP_VENDOR, "vendor specific"},
        {0x0C, "hot-plug controller"},
        {0x0D, "bridge subsystem id"},
        {BG_PCI_CAP_EXPRESS, "PCI Express"},
        {BG_PCI_CAP_MSIX, "MSI-X"},
        {0x12, "SATA"},
        {0x13, "advanced features"},
    };
    static const struct name extended[] = {
        {0x01, "advanced error reporting"},
        {0x02, "virtual channel"},
        {0x03, "device serial number"},
        {0x0B, "vendor specific"},
        {0x0D, "access control"},
        {0x0E, "alternative routing id"},
        {0x0F, "address translation"},
        {0x10, "single root I/O virtualization"},
        {0x15, "resizable BAR"},
        {0x1B, "process address space id"},
        {0x1D, "downstream port containment"},
    };
    const struct name *names = capability->is_extended ? extended : standard;
    size_t count = capability->is_extended ? sizeof(extended) / sizeof(extended[0])
                                           : sizeof(standard) / sizeof(standard[0]);

    for (size_t i = 0; i < count; i++) {
        if (names[i].code == capability->id) {
            return names[i].text;
        }
    }
    return "unknown";
}

static const char *window_name(enum bg_pci_window_kind window)
{
    switch (window) {
    case BG_PCI_WINDOW_IO:
        return "I/O";
    case BG_PCI_WINDOW_MEM32:
        return "32-bit memory";
    default:
        return "64-bit memory";
    }
}

/* ---- Problems ---- */

static void put_full_window(struct text *text, const struct bg_pci_host *host,
                            const struct bg_pci_problem *problem)
{
    const struct bg_pci_window *window = &host->config.windows[problem->window];

    put(text, " BAR %u of %z gets no address: ", problem->bar, problem->size);
    if (problem->kind == BG_PCI_PROBLEM_NO_WINDOW) {
        put(text, "no %s window leads to it", window_name(problem->window));
    } else {
        put(text, "the %s window %a-%a is full", window_name(problem->window), window->bus_base,
            window->bus_base + window->size - 1);
    }
}

static void describe_problem(const struct bg_pci_host *host, const struct bg_pci_problem *problem,
                             struct text *text)
{
    if (problem->kind != BG_PCI_PROBLEM_NO_ECAM) {
        put(text, BDF_FORMAT, BDF_VALUES(problem->bdf));
    }
    switch (problem->kind) {
    case BG_PCI_PROBLEM_TABLE_FULL:
        put(text, " left out: the table has room for %u devices",
            (unsigned)host->config.device_capacity);
        break;
    case BG_PCI_PROBLEM_NO_BUS:
        put(text, " left without a bus behind it: bus numbers end at %2x", host->bus_limit);
        break;
    case BG_PCI_PROBLEM_NO_ROOT:
        put(text, " leads to a root bus that is empty or beyond %2x", host->config.bus_last);
        break;
    case BG_PCI_PROBLEM_TOO_DEEP:
        put(text, " left without a bus behind it: more than %u bridges in a row",
            BG_PCI_BRIDGE_DEPTH_MAX);
        break;
    case BG_PCI_PROBLEM_BAD_BAR:
        put(text, " BAR %u is of a kind that does not exist", problem->bar);
        break;
    case BG_PCI_PROBLEM_WINDOW_FULL:
    case BG_PCI_PROBLEM_NO_WINDOW:
        put_full_window(text, host, problem);
        break;
    case BG_PCI_PROBLEM_NOT_ASSIGNED:
        put(text, " BAR %u of %z is not usable: its address %a lies in no window", problem->bar,
            problem->size, problem->address);
        break;
    case BG_PCI_PROBLEM_NO_ECAM:
        put(text, "there is no configuration space: `ecam` is NULL, as when bg_hal_map refuses its "
                  "range");
        break;
    }
}

void pci_report(struct bg_pci_host *host, const struct bg_pci_problem *problem)
{
    char bytes[192];
    struct text text = {.bytes = bytes, .size = sizeof(bytes)};

    host->problem_count++;
    if (host->config.report != NULL) {
        describe_problem(host, problem, &text);
        host->config.report(host->config.report_context, problem, bytes);
    }
}

void pci_report_function(struct bg_pci_host *host, enum bg_pci_problem_kind kind, uint16_t bdf)
{
    const struct bg_pci_problem problem = {.kind = kind, .bdf = bdf};

    pci_report(host, &problem);
}

/* ---- Listings ---- */

static void put_identity(struct text *text, const struct bg_pci_device *device)
{
    put(text, BDF_FORMAT " %s [%4x:%4x]", BDF_VALUES(device->bdf),
        bg_pci_class_name(device->class_code), device->vendor_id, device->device_id);
    if (device->revision != 0) {
        put(text, " rev %2x", device->revision);
    }
}

static void list_branch(const struct bg_pci_device *device, struct text *text)
{
    for (unsigned depth = 0; depth < device->depth; depth++) {
        put(text, "  ");
    }
    put_identity(text, device);
    if (device->secondary_bus != 0) {
        put(text, ", bus %2x", device->secondary_bus);
        if (device->subordinate_bus != device->secondary_bus) {
            put(text, "-%2x", device->subordinate_bus);
        }
    }
    end_line(text);
}

/* What was plugged in stands behind its bridge, wherever it is in the array. */
static void list_behind(const struct bg_pci_host *host, int parent, struct text *text)
{
    for (size_t i = (size_t)(parent + 1); i < host->device_count; i++) {
        const struct bg_pci_device *device = &host->config.devices[i];

        if (device->parent == parent && !device->is_removed) {
            list_branch(device, text);
            if (device->header_kind == BG_PCI_HEADER_BRIDGE) {
                list_behind(host, (int)i, text);
            }
        }
    }
}

void bg_pci_list_tree(const struct bg_pci_host *host, bg_pci_print *print, void *context)
{
    char line[LINE_SIZE];
    struct text text = {line, sizeof(line), 0, print, context};

    list_behind(host, BG_PCI_NO_PARENT, &text);
}

static void list_flags(const struct bg_pci_host *host, const struct bg_pci_device *device,
                       struct text *text)
{
    uint16_t command = bg_pci_config_read16(host, device->bdf, BG_PCI_REG_COMMAND);

    put(text, "    class %6x", device->class_code);
    if (device->subsystem_vendor_id != 0) {
        put(text, ", subsystem %4x:%4x", device->subsystem_vendor_id, device->subsystem_id);
    }
    put(text, ", I/O%s memory%s bus master%s", command & BG_PCI_COMMAND_IO ? "+" : "-",
        command & BG_PCI_COMMAND_MEMORY ? "+" : "-",
        command & BG_PCI_COMMAND_BUS_MASTER ? "+" : "-");
    if (device->interrupt_pin != 0) {
        put(text, ", INT");
        put_char(text, (char)('A' + device->interrupt_pin - 1));
    }
    end_line(text);
}

static void list_bridge(const struct bg_pci_device *device, struct text *text)
{
    put(text, "    buses: primary %2x, secondary %2x, subordinate %2x", BG_PCI_BUS(device->bdf),
        device->secondary_bus, device->subordinate_bus);
    end_line(text);
    for (int window = 0; window < BG_PCI_WINDOW_COUNT; window++) {
        const struct bg_pci_resource *forwarded = &device->forwarded[window];

        if (forwarded->state == BG_PCI_RESOURCE_ASSIGNED) {
            put(text, "    forwards %s %a-%a, %z",
                window == BG_PCI_WINDOW_MEM64 ? "prefetchable memory"
                                              : window_name((enum bg_pci_window_kind)window),
                forwarded->address, forwarded->address + forwarded->size - 1, forwarded->size);
            end_line(text);
        }
    }
}

static void list_bars(const struct bg_pci_device *device, struct text *text)
{
    for (unsigned bar = 0; bar < BG_PCI_BAR_COUNT; bar++) {
        const struct bg_pci_resource *resource = &device->bars[bar];

        if (resource->state == BG_PCI_RESOURCE_ABSENT) {
            continue;
        }
        put(text, "    BAR %u: %s ", bar, resource->is_io ? "I/O" : "memory");
        put(text, resource->state == BG_PCI_RESOURCE_ASSIGNED ? "%a" : "without address",
            resource->address);
        put(text, ", %z", resource->size);
        if (!resource->is_io) {
            put(text, ", %u-bit%s", resource->is_64bit ? 64u : 32u,
                resource->is_prefetchable ? ", prefetchable" : "");
        }
        end_line(text);
    }
    if (device->rom_size != 0) {
        put(text, "    expansion ROM, %z, off", (uint64_t)device->rom_size);
        end_line(text);
    }
}

static void list_capabilities(struct bg_pci_capability_walk *walk, struct text *text)
{
    struct bg_pci_capability capability;
    int found;

    while ((found = bg_pci_capability_next(walk, &capability)) > 0) {
        put(text,
            capability.is_extended ? "    capability %3x: %s [%4x]"
                                   : "    capability %3x: %s [%2x]",
            capability.offset, capability_name(&capability), capability.id);
        end_line(text);
    }
    if (found < 0) {
        put(text, "    the capability list is broken here");
        end_line(text);
    }
}

void bg_pci_list_verbose(const struct bg_pci_host *host, bg_pci_print *print, void *context)
{
    char line[LINE_SIZE];
    struct text text = {line, sizeof(line), 0, print, context};

    for (size_t i = 0; i < host->device_count; i++) {
        const struct bg_pci_device *device = &host->config.devices[i];
        struct bg_pci_capability_walk walk;

        if (device->is_removed) {
            continue;
        }
        put_identity(&text, device);
        end_line(&text);
        list_flags(host, device, &text);
        if (device->header_kind == BG_PCI_HEADER_BRIDGE) {
            list_bridge(device, &text);
        }
        list_bars(device, &text);
        bg_pci_capability_begin(&walk, host, device);
        list_capabilities(&walk, &text);
        bg_pci_extended_capability_begin(&walk, host, device);
        list_capabilities(&walk, &text);
    }
}
