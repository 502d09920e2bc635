/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/virtio/gpu/edid.c
/* EDID from anywhere. The first byte says what is put right first, so that the fuzzer need not find
 * a header and checksums. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "baregpu/edid.h"

#define FIX_HEADER 1u
#define FIX_CHECKSUMS 2u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fix_checksum(uint8_t *block)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < BG_EDID_BLOCK_SIZE - 1; i++) {
        sum = (uint8_t)(sum + block[i]);
    }
    block[BG_EDID_BLOCK_SIZE - 1] = (uint8_t)-sum;
}

/* What a caller relies on. */
static void check(const struct bg_edid *edid, int error)
{
    if (edid->mode_count > BG_EDID_MODES_MAX || (error != 0 && edid->mode_count != 0) ||
        memchr(edid->name, 0, BG_EDID_TEXT_SIZE) == NULL ||
        memchr(edid->serial_text, 0, BG_EDID_TEXT_SIZE) == NULL || edid->manufacturer[3] != 0) {
        abort();
    }
    for (size_t i = 0; i < edid->mode_count; i++) {
        if (edid->modes[i].width == 0 || edid->modes[i].height == 0) {
            abort();
        }
    }
    bg_edid_preferred(edid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t header[8] = {0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0};
    struct bg_edid edid;
    uint8_t *bytes;
    uint8_t fix;

    if (size == 0) {
        return 0;
    }
    fix = *data++;
    size--;
    bytes = malloc(size + 1);
    memcpy(bytes, data, size);
    if (fix & FIX_HEADER && size >= BG_EDID_BLOCK_SIZE) {
        memcpy(bytes, header, sizeof(header));
        bytes[18] = 1;
    }
    for (size_t end = BG_EDID_BLOCK_SIZE; fix & FIX_CHECKSUMS && end <= size;
         end += BG_EDID_BLOCK_SIZE) {
        fix_checksum(bytes + end - BG_EDID_BLOCK_SIZE);
    }
    check(&edid, bg_edid_parse(bytes, size, &edid));
    free(bytes);
    return 0;
}
