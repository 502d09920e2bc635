/* SPDX-License-Identifier: BSD-2-Clause */
/* Text about the bus: listings and the sentences for problems. The library has no printf: a line
 * is put together in a small buffer. */
#include "firmware/pci/internal.h"

struct text {
    char *bytes;
    size_t size, length;
};

/* Longest line: a window with two 64-bit addresses and a size. Longer text is cut. */
#define LINE_SIZE 160

static void put_char(struct text *text, char c)
{
    if (text->length + 1 < text->size) {
        text->bytes[text->length++] = c;
        text->bytes[text->length] = '\0';
    }
}

static void put(struct text *text, const char *s)
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

static void put_address(struct text *text, uint64_t address)
{
    put_hex(text, address, address >> 32 != 0 ? 16 : 8);
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
    put(text, units[unit]);
}

static void put_bdf(struct text *text, uint16_t bdf)
{
    put_hex(text, BG_PCI_BUS(bdf), 2);
    put_char(text, ':');
    put_hex(text, BG_PCI_SLOT(bdf), 2);
    put_char(text, '.');
    put_hex(text, BG_PCI_FUNCTION(bdf), 1);
}

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

    put(text, " BAR ");
    put_decimal(text, problem->bar);
    put(text, " of ");
    put_size(text, problem->size);
    if (problem->kind == BG_PCI_PROBLEM_NO_WINDOW) {
        put(text, " gets no address: no ");
        put(text, window_name(problem->window));
        put(text, " window leads to it");
        return;
    }
    put(text, " gets no address: the ");
    put(text, window_name(problem->window));
    put(text, " window ");
    put_address(text, window->bus_base);
    put_char(text, '-');
    put_address(text, window->bus_base + window->size - 1);
    put(text, " is full");
}

static void describe_problem(const struct bg_pci_host *host, const struct bg_pci_problem *problem,
                             char *bytes, size_t size)
{
    struct text text = {bytes, size, 0};

    put_bdf(&text, problem->bdf);
    switch (problem->kind) {
    case BG_PCI_PROBLEM_TABLE_FULL:
        put(&text, " left out: the table has room for ");
        put_decimal(&text, host->config.device_capacity);
        put(&text, " devices");
        break;
    case BG_PCI_PROBLEM_NO_BUS:
        put(&text, " left without a bus behind it: bus numbers end at ");
        put_hex(&text, host->config.bus_last, 2);
        break;
    case BG_PCI_PROBLEM_TOO_DEEP:
        put(&text, " left without a bus behind it: more than ");
        put_decimal(&text, BG_PCI_BRIDGE_DEPTH_MAX);
        put(&text, " bridges in a row");
        break;
    case BG_PCI_PROBLEM_BAD_BAR:
        put(&text, " BAR ");
        put_decimal(&text, problem->bar);
        put(&text, " is of a kind that does not exist");
        break;
    case BG_PCI_PROBLEM_WINDOW_FULL:
    case BG_PCI_PROBLEM_NO_WINDOW:
        put_full_window(&text, host, problem);
        break;
    }
}

void pci_report(struct bg_pci_host *host, const struct bg_pci_problem *problem)
{
    char text[192];

    host->problem_count++;
    if (host->config.report != NULL) {
        describe_problem(host, problem, text, sizeof(text));
        host->config.report(host->config.report_context, problem, text);
    }
}

/* ---- Listings ---- */

static void put_identity(struct text *text, const struct bg_pci_device *device)
{
    put_bdf(text, device->bdf);
    put_char(text, ' ');
    put(text, bg_pci_class_name(device->class_code));
    put(text, " [");
    put_hex(text, device->vendor_id, 4);
    put_char(text, ':');
    put_hex(text, device->device_id, 4);
    put_char(text, ']');
    if (device->revision != 0) {
        put(text, " rev ");
        put_hex(text, device->revision, 2);
    }
}

static void list_branch(const struct bg_pci_device *device, bg_pci_print *print, void *context)
{
    char line[LINE_SIZE];
    struct text text = {line, sizeof(line), 0};

    for (unsigned depth = 0; depth < device->depth; depth++) {
        put(&text, "  ");
    }
    put_identity(&text, device);
    if (device->secondary_bus != 0) {
        put(&text, ", bus ");
        put_hex(&text, device->secondary_bus, 2);
        if (device->subordinate_bus != device->secondary_bus) {
            put_char(&text, '-');
            put_hex(&text, device->subordinate_bus, 2);
        }
    }
    put_char(&text, '\n');
    print(context, line);
}

/* What was plugged in stands behind its bridge, wherever it is in the array. */
static void list_behind(const struct bg_pci_host *host, int parent, bg_pci_print *print,
                        void *context)
{
    for (size_t i = (size_t)(parent + 1); i < host->device_count; i++) {
        const struct bg_pci_device *device = &host->config.devices[i];

        if (device->parent == parent && !device->is_removed) {
            list_branch(device, print, context);
            if (device->header_kind == BG_PCI_HEADER_BRIDGE) {
                list_behind(host, (int)i, print, context);
            }
        }
    }
}

void bg_pci_list_tree(const struct bg_pci_host *host, bg_pci_print *print, void *context)
{
    list_behind(host, BG_PCI_NO_PARENT, print, context);
}

static void list_flags(const struct bg_pci_host *host, const struct bg_pci_device *device,
                       bg_pci_print *print, void *context)
{
    uint16_t command = bg_pci_config_read16(host, device->bdf, BG_PCI_REG_COMMAND);
    char line[LINE_SIZE];
    struct text text = {line, sizeof(line), 0};

    put(&text, "    class ");
    put_hex(&text, device->class_code, 6);
    if (device->subsystem_vendor_id != 0) {
        put(&text, ", subsystem ");
        put_hex(&text, device->subsystem_vendor_id, 4);
        put_char(&text, ':');
        put_hex(&text, device->subsystem_id, 4);
    }
    put(&text, ", I/O");
    put_char(&text, command & BG_PCI_COMMAND_IO ? '+' : '-');
    put(&text, " memory");
    put_char(&text, command & BG_PCI_COMMAND_MEMORY ? '+' : '-');
    put(&text, " bus master");
    put_char(&text, command & BG_PCI_COMMAND_BUS_MASTER ? '+' : '-');
    if (device->interrupt_pin != 0) {
        put(&text, ", INT");
        put_char(&text, (char)('A' + device->interrupt_pin - 1));
    }
    put_char(&text, '\n');
    print(context, line);
}

static void list_bridge(const struct bg_pci_device *device, bg_pci_print *print, void *context)
{
    char line[LINE_SIZE];
    struct text text = {line, sizeof(line), 0};

    put(&text, "    buses: primary ");
    put_hex(&text, BG_PCI_BUS(device->bdf), 2);
    put(&text, ", secondary ");
    put_hex(&text, device->secondary_bus, 2);
    put(&text, ", subordinate ");
    put_hex(&text, device->subordinate_bus, 2);
    put_char(&text, '\n');
    print(context, line);
    for (int window = 0; window < BG_PCI_WINDOW_COUNT; window++) {
        const struct bg_pci_resource *forwarded = &device->forwarded[window];

        if (forwarded->state != BG_PCI_RESOURCE_ASSIGNED) {
            continue;
        }
        text = (struct text){line, sizeof(line), 0};
        put(&text, "    forwards ");
        put(&text, window == BG_PCI_WINDOW_MEM64 ? "prefetchable memory"
                                                 : window_name((enum bg_pci_window_kind)window));
        put_char(&text, ' ');
        put_address(&text, forwarded->address);
        put_char(&text, '-');
        put_address(&text, forwarded->address + forwarded->size - 1);
        put(&text, ", ");
        put_size(&text, forwarded->size);
        put_char(&text, '\n');
        print(context, line);
    }
}

static void list_bars(const struct bg_pci_device *device, bg_pci_print *print, void *context)
{
    char line[LINE_SIZE];

    for (unsigned bar = 0; bar < BG_PCI_BAR_COUNT; bar++) {
        const struct bg_pci_resource *resource = &device->bars[bar];
        struct text text = {line, sizeof(line), 0};

        if (resource->state == BG_PCI_RESOURCE_ABSENT) {
            continue;
        }
        put(&text, "    BAR ");
        put_decimal(&text, bar);
        put(&text, resource->is_io ? ": I/O " : ": memory ");
        if (resource->state == BG_PCI_RESOURCE_ASSIGNED) {
            put_address(&text, resource->address);
        } else {
            put(&text, "without address");
        }
        put(&text, ", ");
        put_size(&text, resource->size);
        if (!resource->is_io) {
            put(&text, resource->is_64bit ? ", 64-bit" : ", 32-bit");
            put(&text, resource->is_prefetchable ? ", prefetchable" : "");
        }
        put_char(&text, '\n');
        print(context, line);
    }
    if (device->rom_size != 0) {
        struct text text = {line, sizeof(line), 0};

        put(&text, "    expansion ROM, ");
        put_size(&text, device->rom_size);
        put(&text, ", off\n");
        print(context, line);
    }
}

static void list_capabilities(struct bg_pci_capability_walk *walk, bg_pci_print *print,
                              void *context)
{
    struct bg_pci_capability capability;
    char line[LINE_SIZE];
    int found;

    while ((found = bg_pci_capability_next(walk, &capability)) != 0) {
        struct text text = {line, sizeof(line), 0};

        if (found < 0) {
            print(context, "    the capability list is broken here\n");
            return;
        }
        put(&text, "    capability ");
        put_hex(&text, capability.offset, 3);
        put(&text, ": ");
        put(&text, capability_name(&capability));
        put(&text, " [");
        put_hex(&text, capability.id, capability.is_extended ? 4 : 2);
        put(&text, "]\n");
        print(context, line);
    }
}

void bg_pci_list_verbose(const struct bg_pci_host *host, bg_pci_print *print, void *context)
{
    for (size_t i = 0; i < host->device_count; i++) {
        const struct bg_pci_device *device = &host->config.devices[i];
        struct bg_pci_capability_walk walk;
        char line[LINE_SIZE];
        struct text text = {line, sizeof(line), 0};

        if (device->is_removed) {
            continue;
        }
        put_identity(&text, device);
        put_char(&text, '\n');
        print(context, line);
        list_flags(host, device, print, context);
        if (device->header_kind == BG_PCI_HEADER_BRIDGE) {
            list_bridge(device, print, context);
        }
        list_bars(device, print, context);
        bg_pci_capability_begin(&walk, host, device);
        list_capabilities(&walk, print, context);
        bg_pci_extended_capability_begin(&walk, host, device);
        list_capabilities(&walk, print, context);
    }
}
