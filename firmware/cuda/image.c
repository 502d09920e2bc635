/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long a module's image is, which CUDA's calls do not say. The program's own are believed: PTX
 * ends with a NUL, fat binaries and ELF files tell by their headers. Little-endian.
 */
#include "firmware/cuda/internal.h"

#define WRAPPER_MAGIC 0x466243B1u /* a pointer at the fat binary is at offset 8 */
#define WRAPPER_POINTER 8u
#define FATBIN_MAGIC 0xBA55ED50u
#define FATBIN_HEADER_SIZE 6u /* offsets */
#define FATBIN_ENTRIES_SIZE 8u
#define ELF_MAGIC 0x464C457Fu

/* Offsets in ELF64's structures. */
enum {
    ELF_PHOFF = 32,
    ELF_SHOFF = 40,
    ELF_PHENTSIZE = 54,
    ELF_PHNUM = 56,
    ELF_SHENTSIZE = 58,
    ELF_SHNUM = 60,
    SECTION_TYPE = 4,
    SECTION_OFFSET = 24,
    SECTION_SIZE = 32,
    SECTION_NOBITS = 8,
    SECTION_END = 64, /* of what is read of one, */
    SEGMENT_END = 56, /* and of these */
    ELF_END = 64,
    SEGMENT_OFFSET = 8,
    SEGMENT_SIZE = 32,
};

static uint64_t read_number(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;

    memcpy(&value, bytes, size);
    return value;
}

/* Byte for byte, since a text may be short. */
static bool begins(const uint8_t *image, uint32_t magic)
{
    for (unsigned i = 0; i < sizeof(magic); i++) {
        if (image[i] != (uint8_t)(magic >> 8 * i)) {
            return false;
        }
    }
    return true;
}

static size_t text_size(const uint8_t *image)
{
    size_t size = 0;

    while (size <= BG_CUDA_IMAGE_SIZE_MAX && image[size] != '\0') {
        size++;
    }
    return size;
}

static uint64_t greater(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Up to where the tables and what they name reach. */
static uint64_t elf_size(const uint8_t *image)
{
    uint64_t segments = read_number(image + ELF_PHOFF, 8);
    uint64_t sections = read_number(image + ELF_SHOFF, 8);
    uint64_t segment_size = read_number(image + ELF_PHENTSIZE, 2);
    uint64_t section_size = read_number(image + ELF_SHENTSIZE, 2);
    uint64_t segment_count = read_number(image + ELF_PHNUM, 2);
    uint64_t section_count = read_number(image + ELF_SHNUM, 2);
    uint64_t end =
        greater(segments + segment_size * segment_count, sections + section_size * section_count);

    for (uint64_t i = 0; i < segment_count; i++) {
        const uint8_t *segment = image + segments + i * segment_size;

        end = greater(end, read_number(segment + SEGMENT_OFFSET, 8) +
                               read_number(segment + SEGMENT_SIZE, 8));
    }
    for (uint64_t i = 0; i < section_count; i++) {
        const uint8_t *section = image + sections + i * section_size;

        if (read_number(section + SECTION_TYPE, 4) != SECTION_NOBITS) {
            end = greater(end, read_number(section + SECTION_OFFSET, 8) +
                                   read_number(section + SECTION_SIZE, 8));
        }
    }
    return end;
}

CUresult cuda_image_find(const void *image, struct cuda_bytes *found)
{
    const uint8_t *bytes = image;
    uint64_t size;

    if (begins(bytes, WRAPPER_MAGIC)) {
        memcpy(&bytes, bytes + WRAPPER_POINTER, sizeof(bytes));
    }
    if (bytes == NULL) {
        return CUDA_ERROR_INVALID_IMAGE;
    }
    if (begins(bytes, FATBIN_MAGIC)) {
        size = read_number(bytes + FATBIN_HEADER_SIZE, 2) +
               read_number(bytes + FATBIN_ENTRIES_SIZE, 8);
    } else {
        size = begins(bytes, ELF_MAGIC) ? elf_size(bytes) : text_size(bytes);
    }
    *found = (struct cuda_bytes){bytes, size};
    return size > 0 && size <= BG_CUDA_IMAGE_SIZE_MAX ? CUDA_SUCCESS : CUDA_ERROR_INVALID_IMAGE;
}

/* ---- Those that are not believed ---- */

static bool has_table(const uint8_t *image, size_t size, unsigned offset_at, unsigned entry_size_at,
                      unsigned count_at, unsigned least)
{
    uint64_t offset = read_number(image + offset_at, 8);
    uint64_t entry_size = read_number(image + entry_size_at, 2);
    uint64_t count = read_number(image + count_at, 2);

    return count == 0 ||
           (entry_size >= least && offset <= size && entry_size * count <= size - offset);
}

static bool has_tables(const uint8_t *image, size_t size)
{
    return has_table(image, size, ELF_PHOFF, ELF_PHENTSIZE, ELF_PHNUM, SEGMENT_END) &&
           has_table(image, size, ELF_SHOFF, ELF_SHENTSIZE, ELF_SHNUM, SECTION_END);
}

bool cuda_image_is_whole(struct cuda_bytes image)
{
    const uint8_t *bytes = image.bytes;
    bool is_text = image.size > 0 && bytes[image.size - 1] == '\0', is_elf, is_fatbin;
    struct cuda_bytes found;

    if (!is_text && image.size < ELF_END) {
        return false;
    }
    is_elf = begins(bytes, ELF_MAGIC);
    is_fatbin = begins(bytes, FATBIN_MAGIC);
    if (!is_elf && !is_fatbin) {
        return is_text && !begins(bytes, WRAPPER_MAGIC);
    }
    return image.size >= ELF_END && (is_fatbin || has_tables(bytes, image.size)) &&
           cuda_image_find(bytes, &found) == CUDA_SUCCESS && found.size <= image.size;
}
