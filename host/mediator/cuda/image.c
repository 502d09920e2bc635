/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/cuda/image.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define FATBIN_MAGIC 0xBA55ED50u
#define WRAPPER_MAGIC 0x466243B1u /* has a pointer */

/* As nvcc writes it; no document says so. Behind it are the entries. */
struct fatbin_header {
    uint32_t magic;
    uint16_t version, size; /* of the header */
    uint64_t entries_size;
};

static bool begins(const uint8_t *image, size_t size, uint32_t magic)
{
    return size >= sizeof(magic) && memcmp(image, &magic, sizeof(magic)) == 0;
}

static bool fits(uint64_t offset, uint64_t length, size_t size)
{
    return offset <= size && length <= size - offset;
}

static bool fatbin_is_whole(const uint8_t *image, size_t size)
{
    struct fatbin_header header;

    if (size < sizeof(header)) {
        return false;
    }
    memcpy(&header, image, sizeof(header));
    return header.size >= sizeof(header) && fits(header.size, header.entries_size, size);
}

static bool section_is_whole(const uint8_t *place, size_t size)
{
    Elf64_Shdr section;

    memcpy(&section, place, sizeof(section));
    return section.sh_type == SHT_NOBITS || fits(section.sh_offset, section.sh_size, size);
}

static bool segment_is_whole(const uint8_t *place, size_t size)
{
    Elf64_Phdr segment;

    memcpy(&segment, place, sizeof(segment));
    return fits(segment.p_offset, segment.p_filesz, size);
}

static bool table_is_whole(const uint8_t *image, size_t size, uint64_t offset, uint32_t entry_size,
                           uint32_t wanted_size, uint32_t count,
                           bool (*entry_is_whole)(const uint8_t *place, size_t size))
{
    if (count == 0) {
        return true;
    }
    if (entry_size != wanted_size || !fits(offset, (uint64_t)count * entry_size, size)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!entry_is_whole(image + offset + (uint64_t)i * entry_size, size)) {
            return false;
        }
    }
    return true;
}

static bool elf_is_whole(const uint8_t *image, size_t size)
{
    Elf64_Ehdr header;

    if (size < sizeof(header)) {
        return false;
    }
    memcpy(&header, image, sizeof(header));
    return header.e_ident[EI_CLASS] == ELFCLASS64 &&
           table_is_whole(image, size, header.e_shoff, header.e_shentsize, sizeof(Elf64_Shdr),
                          header.e_shnum, section_is_whole) &&
           table_is_whole(image, size, header.e_phoff, header.e_phentsize, sizeof(Elf64_Phdr),
                          header.e_phnum, segment_is_whole);
}

static bool image_is_whole(const uint8_t *image, size_t size)
{
    if (begins(image, size, FATBIN_MAGIC)) {
        return fatbin_is_whole(image, size);
    }
    if (size >= SELFMAG && memcmp(image, ELFMAG, SELFMAG) == 0) {
        return elf_is_whole(image, size);
    }
    return size > 0 && image[size - 1] == '\0' && !begins(image, size, WRAPPER_MAGIC);
}

CUresult cuda_image_take(const uint8_t *data, size_t size, struct bytes *image)
{
    image->size = size + 1;
    image->bytes = calloc(1, image->size);
    if (image->bytes == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    memcpy(image->bytes, data, size);
    return image_is_whole(image->bytes, image->size) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_IMAGE;
}
