/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a display says of itself: EDID 1.0 to 1.4 (VESA E-EDID A2) and the detailed timings of
 * CTA-861 extensions. The bytes are untrusted: nothing outside [bytes, bytes + size) is read.
 */
#ifndef BAREGPU_EDID_H
#define BAREGPU_EDID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baregpu/error.h"
#include "protocol/decls.h"

BG_BEGIN_DECLS

#define BG_EDID_BLOCK_SIZE 128u
/* The most that a base block lists (1 detailed, 17 + 44 established, 8 + 2 * 6 standard) and a few;
 * what extensions add beyond it is left out and is_truncated is set. */
#define BG_EDID_MODES_MAX 88u
#define BG_EDID_TEXT_SIZE 14u /* 13 characters and a NUL */

enum bg_edid_source {
    BG_EDID_DETAILED,
    BG_EDID_STANDARD,
    BG_EDID_ESTABLISHED,
};

struct bg_edid_mode {
    uint32_t width, height;            /* pixels of a frame */
    uint32_t refresh_mhz;              /* millihertz, up to 10 kHz; an interlaced mode: fields */
    uint32_t pixel_clock_khz;          /* this and the timings: detailed modes only, else 0 */
    uint16_t h_front, h_sync, h_blank; /* pixels */
    uint16_t v_front, v_sync, v_blank; /* lines */
    uint8_t source;                    /* enum bg_edid_source */
    bool is_interlaced;
    bool is_preferred; /* at most one: the first detailed timing */
};

struct bg_edid {
    char manufacturer[4]; /* three letters */
    uint16_t product;
    uint32_t serial;
    uint8_t week; /* of manufacture; 0: not told; 255: `year` is the model's */
    uint16_t year;
    uint8_t version, revision;
    bool is_digital;
    uint16_t width_mm, height_mm; /* of the picture; 0: not told (a projector) */
    char name[BG_EDID_TEXT_SIZE]; /* printable ASCII, "" when there is none */
    char serial_text[BG_EDID_TEXT_SIZE];
    uint8_t extension_count;  /* as the base block tells */
    uint8_t extensions_valid; /* those that are there, with a right checksum */
    bool is_truncated;        /* more modes than fit */
    uint16_t mode_count;
    /* Without duplicates (size, whole hertz, interlaced). The base block's detailed ones come
     * first, then those of the extensions, then standard and established ones. */
    struct bg_edid_mode modes[BG_EDID_MODES_MAX];
};

/*
 * Reads `size` bytes into *edid. BG_ERR_INVALID: fewer than a block. BG_ERR_PROTOCOL:
 * wrong header or checksum of the base block. BG_ERR_UNSUPPORTED: not EDID 1.x. An extension
 * that is missing, unknown or damaged is passed over. Callable from anywhere.
 */
int bg_edid_parse(const void *bytes, size_t size, struct bg_edid *edid);

/* The preferred mode, else the first one; NULL when there is none. */
const struct bg_edid_mode *bg_edid_preferred(const struct bg_edid *edid);

BG_END_DECLS

#endif
