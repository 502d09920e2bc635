/* SPDX-License-Identifier: BSD-2-Clause */
/* Section numbers: VESA Enhanced EDID Standard, release A revision 2; CTA-861-G for extensions. */
#include "baregpu/edid.h"

#include "firmware/common/mem.h"

/* Offsets in the base block, 3.1. */
#define MANUFACTURER 8
#define PRODUCT 10
#define SERIAL 12
#define WEEK 16
#define YEAR 17
#define VERSION 18
#define REVISION 19
#define VIDEO_INPUT 20
#define WIDTH_CM 21
#define HEIGHT_CM 22
#define ESTABLISHED 35
#define STANDARD 38
#define STANDARD_COUNT 8
#define DESCRIPTORS 54
#define DESCRIPTOR_COUNT 4
#define DESCRIPTOR_SIZE 18
#define EXTENSIONS 126

#define VIDEO_INPUT_DIGITAL 0x80

/* Display descriptors, 3.10.3. */
#define TAG_SERIAL 0xFF
#define TAG_NAME 0xFC
#define TAG_STANDARD 0xFA
#define TAG_ESTABLISHED_III 0xF7
#define DESCRIPTOR_TEXT 5
#define STANDARD_MORE 6

/* Pixel clocks go up to 655 MHz: a timing of a few pixels would have rates that no display has. */
#define REFRESH_MAX_MHZ 10000000u

/* CTA-861 extension, 7.5. */
#define CTA_TAG 0x02
#define CTA_TIMINGS_OFFSET 2

struct fixed_mode {
    uint16_t width, height;
    uint8_t refresh_hz;
};

/* 3.8: bytes 35, 36 and the top bit of 37, from bit 7 down. */
static const struct fixed_mode established[] = {
    {720, 400, 70},   {720, 400, 88},  {640, 480, 60},  {640, 480, 67},  {640, 480, 72},
    {640, 480, 75},   {800, 600, 56},  {800, 600, 60},  {800, 600, 72},  {800, 600, 75},
    {832, 624, 75},   {1024, 768, 87}, {1024, 768, 60}, {1024, 768, 70}, {1024, 768, 75},
    {1280, 1024, 75}, {1152, 870, 75},
};
#define ESTABLISHED_INTERLACED 11 /* 1024x768 at 87 Hz */

/* 3.10.3.9: bytes 6 to 11 of the descriptor, from bit 7 down. */
static const struct fixed_mode established_more[] = {
    {640, 350, 85},   {640, 400, 85},   {720, 400, 85},   {640, 480, 85},   {848, 480, 60},
    {800, 600, 85},   {1024, 768, 85},  {1152, 864, 75},  {1280, 768, 60},  {1280, 768, 60},
    {1280, 768, 75},  {1280, 768, 85},  {1280, 960, 60},  {1280, 960, 85},  {1280, 1024, 60},
    {1280, 1024, 85}, {1360, 768, 60},  {1440, 900, 60},  {1440, 900, 60},  {1440, 900, 75},
    {1440, 900, 85},  {1400, 1050, 60}, {1400, 1050, 60}, {1400, 1050, 75}, {1400, 1050, 85},
    {1680, 1050, 60}, {1680, 1050, 60}, {1680, 1050, 75}, {1680, 1050, 85}, {1600, 1200, 60},
    {1600, 1200, 65}, {1600, 1200, 70}, {1600, 1200, 75}, {1600, 1200, 85}, {1792, 1344, 60},
    {1792, 1344, 75}, {1856, 1392, 60}, {1856, 1392, 75}, {1920, 1200, 60}, {1920, 1200, 60},
    {1920, 1200, 75}, {1920, 1200, 85}, {1920, 1440, 60}, {1920, 1440, 75},
};
#define ESTABLISHED_MORE_BYTE 6

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static unsigned read16(const uint8_t *bytes)
{
    return bytes[0] | (unsigned)bytes[1] << 8;
}

static bool checksum_is_right(const uint8_t *block)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < BG_EDID_BLOCK_SIZE; i++) {
        sum = (uint8_t)(sum + block[i]);
    }
    return sum == 0;
}

/* The same size at the same rate, to the hertz, is listed once: its first entry says more. */
static void add_mode(struct bg_edid *edid, const struct bg_edid_mode *mode)
{
    for (size_t i = 0; i < edid->mode_count; i++) {
        const struct bg_edid_mode *known = &edid->modes[i];

        if (known->width == mode->width && known->height == mode->height &&
            known->is_interlaced == mode->is_interlaced &&
            (known->refresh_mhz + 500) / 1000 == (mode->refresh_mhz + 500) / 1000) {
            return;
        }
    }
    if (edid->mode_count == BG_EDID_MODES_MAX) {
        edid->is_truncated = true;
        return;
    }
    edid->modes[edid->mode_count++] = *mode;
}

/* The modes of a table whose bits are set, from bit 7 of the first byte down. */
static void add_fixed(struct bg_edid *edid, const struct fixed_mode *table, size_t count,
                      const uint8_t *bits)
{
    for (size_t i = 0; i < count; i++) {
        const struct bg_edid_mode mode = {
            .width = table[i].width,
            .height = table[i].height,
            .refresh_mhz = table[i].refresh_hz * 1000u,
            .source = BG_EDID_ESTABLISHED,
            .is_interlaced = &table[i] == &established[ESTABLISHED_INTERLACED],
        };

        if (bits[i / 8] & 0x80 >> i % 8) {
            add_mode(edid, &mode);
        }
    }
}

/* 3.10.2: 18 bytes. */
static void add_detailed(struct bg_edid *edid, const uint8_t *d, bool is_preferred)
{
    struct bg_edid_mode mode = {
        .width = d[2] | (d[4] & 0xF0u) << 4,
        .height = d[5] | (d[7] & 0xF0u) << 4,
        .pixel_clock_khz = read16(d) * 10u,
        .h_blank = (uint16_t)(d[3] | (d[4] & 0x0Fu) << 8),
        .v_blank = (uint16_t)(d[6] | (d[7] & 0x0Fu) << 8),
        .h_front = (uint16_t)(d[8] | (d[11] & 0xC0u) << 2),
        .h_sync = (uint16_t)(d[9] | (d[11] & 0x30u) << 4),
        .v_front = (uint16_t)(d[10] >> 4 | (d[11] & 0x0Cu) << 2),
        .v_sync = (uint16_t)((d[10] & 0x0Fu) | (d[11] & 0x03u) << 4),
        .source = BG_EDID_DETAILED,
        .is_interlaced = (d[17] & 0x80) != 0,
        .is_preferred = is_preferred,
    };
    uint64_t total = (uint64_t)(mode.width + mode.h_blank) * (mode.height + mode.v_blank);
    uint64_t refresh_mhz;

    if (mode.width == 0 || mode.height == 0) {
        return;
    }
    refresh_mhz = ((uint64_t)mode.pixel_clock_khz * 1000 * 1000 + total / 2) / total;
    if (refresh_mhz > REFRESH_MAX_MHZ) {
        return;
    }
    mode.refresh_mhz = (uint32_t)refresh_mhz;
    if (mode.is_interlaced) {
        mode.height *= 2; /* the timing counts the lines of a field */
    }
    if (edid->mode_count == 0) { /* the best knowledge of the picture's size, in mm */
        unsigned width_mm = d[12] | (d[14] & 0xF0u) << 4;
        unsigned height_mm = d[13] | (d[14] & 0x0Fu) << 8;

        if (width_mm != 0 && height_mm != 0) {
            edid->width_mm = (uint16_t)width_mm;
            edid->height_mm = (uint16_t)height_mm;
        }
    }
    add_mode(edid, &mode);
}

/* 3.9: two bytes; 01 01 is an unused one. */
static void add_standard(struct bg_edid *edid, const uint8_t *bytes)
{
    struct bg_edid_mode mode = {.source = BG_EDID_STANDARD};

    if ((bytes[0] == 1 && bytes[1] == 1) || bytes[0] == 0) {
        return;
    }
    mode.width = (bytes[0] + 31u) * 8u;
    mode.refresh_mhz = ((bytes[1] & 0x3Fu) + 60u) * 1000u;
    switch (bytes[1] >> 6) {
    case 0: /* before EDID 1.3 it meant 1:1 */
        mode.height = edid->revision < 3 ? mode.width : mode.width * 10 / 16;
        break;
    case 1:
        mode.height = mode.width * 3 / 4;
        break;
    case 2:
        mode.height = mode.width * 4 / 5;
        break;
    default:
        mode.height = mode.width * 9 / 16;
        break;
    }
    add_mode(edid, &mode);
}

/* 3.10.3.1: up to 13 characters, ended by a line feed and padded with spaces. */
static void copy_text(char *text, const uint8_t *bytes)
{
    size_t length = 0;

    while (length < BG_EDID_TEXT_SIZE - 1 && bytes[length] != '\n' && bytes[length] != '\0') {
        uint8_t c = bytes[length];

        text[length++] = c >= ' ' && c <= '~' ? (char)c : '?';
    }
    while (length > 0 && text[length - 1] == ' ') {
        length--;
    }
    memset(text + length, 0, BG_EDID_TEXT_SIZE - length);
}

/* A pixel clock of 0 marks what is not a timing. */
static bool is_timing(const uint8_t *descriptor)
{
    return read16(descriptor) != 0;
}

static void read_descriptor(struct bg_edid *edid, const uint8_t *descriptor)
{
    switch (descriptor[3]) {
    case TAG_NAME:
        copy_text(edid->name, descriptor + DESCRIPTOR_TEXT);
        break;
    case TAG_SERIAL:
        copy_text(edid->serial_text, descriptor + DESCRIPTOR_TEXT);
        break;
    case TAG_STANDARD:
        for (size_t i = 0; i < STANDARD_MORE; i++) {
            add_standard(edid, descriptor + DESCRIPTOR_TEXT + 2 * i);
        }
        break;
    case TAG_ESTABLISHED_III:
        add_fixed(edid, established_more, COUNT(established_more),
                  descriptor + ESTABLISHED_MORE_BYTE);
        break;
    default:
        break;
    }
}

/* From `offset` to the end of an extension block: timings and descriptors, ended by a zero. */
static void read_extension(struct bg_edid *edid, const uint8_t *block)
{
    unsigned offset = block[CTA_TIMINGS_OFFSET];

    if (block[0] != CTA_TAG || offset < 4) { /* 7.5: 0 means that there are none */
        return;
    }
    while (offset + DESCRIPTOR_SIZE <= BG_EDID_BLOCK_SIZE - 1 && is_timing(block + offset)) {
        add_detailed(edid, block + offset, false);
        offset += DESCRIPTOR_SIZE;
    }
    while (offset + DESCRIPTOR_SIZE <= BG_EDID_BLOCK_SIZE - 1 && block[offset + 3] != 0) {
        if (!is_timing(block + offset)) {
            read_descriptor(edid, block + offset);
        }
        offset += DESCRIPTOR_SIZE;
    }
}

static void read_extensions(struct bg_edid *edid, const uint8_t *bytes, size_t size)
{
    for (size_t i = 1; i <= edid->extension_count; i++) {
        if ((i + 1) * BG_EDID_BLOCK_SIZE > size) {
            return;
        }
        if (checksum_is_right(bytes + i * BG_EDID_BLOCK_SIZE)) {
            edid->extensions_valid++;
            read_extension(edid, bytes + i * BG_EDID_BLOCK_SIZE);
        }
    }
}

static void read_identity(struct bg_edid *edid, const uint8_t *block)
{
    unsigned letters = (unsigned)block[MANUFACTURER] << 8 | block[MANUFACTURER + 1];

    for (int i = 0; i < 3; i++) { /* 3.4.1: five bits each, 1 is A */
        unsigned letter = letters >> (10 - 5 * i) & 0x1F;

        edid->manufacturer[i] = letter >= 1 && letter <= 26 ? (char)('A' + letter - 1) : '?';
    }
    edid->product = (uint16_t)read16(block + PRODUCT);
    edid->serial = read16(block + SERIAL) | (uint32_t)read16(block + SERIAL + 2) << 16;
    edid->week = block[WEEK];
    edid->year = (uint16_t)(1990 + block[YEAR]);
    edid->version = block[VERSION];
    edid->revision = block[REVISION];
    edid->is_digital = (block[VIDEO_INPUT] & VIDEO_INPUT_DIGITAL) != 0;
    if (block[WIDTH_CM] != 0 &&
        block[HEIGHT_CM] != 0) { /* one of them 0: an aspect ratio or none */
        edid->width_mm = (uint16_t)(block[WIDTH_CM] * 10);
        edid->height_mm = (uint16_t)(block[HEIGHT_CM] * 10);
    }
    edid->extension_count = block[EXTENSIONS];
}

int bg_edid_parse(const void *bytes, size_t size, struct bg_edid *edid)
{
    static const uint8_t header[8] = {0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0};
    const uint8_t *block = bytes;

    memset(edid, 0, sizeof(*edid));
    if (size < BG_EDID_BLOCK_SIZE) {
        return BG_ERR_INVALID;
    }
    if (memcmp(block, header, sizeof(header)) != 0 || !checksum_is_right(block)) {
        return BG_ERR_PROTOCOL;
    }
    if (block[VERSION] != 1) {
        return BG_ERR_UNSUPPORTED;
    }
    read_identity(edid, block);
    for (size_t i = 0; i < DESCRIPTOR_COUNT; i++) {
        const uint8_t *descriptor = block + DESCRIPTORS + i * DESCRIPTOR_SIZE;

        if (is_timing(descriptor)) {
            add_detailed(edid, descriptor, i == 0);
        }
    }
    read_extensions(edid, block, size);
    for (size_t i = 0; i < DESCRIPTOR_COUNT; i++) {
        const uint8_t *descriptor = block + DESCRIPTORS + i * DESCRIPTOR_SIZE;

        if (!is_timing(descriptor)) {
            read_descriptor(edid, descriptor);
        }
    }
    for (size_t i = 0; i < STANDARD_COUNT; i++) {
        add_standard(edid, block + STANDARD + 2 * i);
    }
    add_fixed(edid, established, COUNT(established), block + ESTABLISHED);
    return 0;
}

const struct bg_edid_mode *bg_edid_preferred(const struct bg_edid *edid)
{
    for (size_t i = 0; i < edid->mode_count; i++) {
        if (edid->modes[i].is_preferred) {
            return &edid->modes[i];
        }
    }
    return edid->mode_count > 0 ? &edid->modes[0] : NULL;
}
