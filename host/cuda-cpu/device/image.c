/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/device/image.h"

#include <math.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/cuda-cpu/device/relocation.h"

#define IMAGE_SIZE_MAX ((size_t)1 << 28)

struct image {
    unsigned char *memory;
    size_t size;
    size_t *places; /* of the object's sections in memory; SIZE_MAX: not there */
    unsigned char *object;
    const Elf64_Ehdr *header;
    const Elf64_Shdr *sections;
    const Elf64_Sym *symbols;
    size_t symbol_count;
    const char *names;
    size_t names_size;
    size_t stubs; /* one for each symbol */
};

/* What a compiler calls by itself. */
static const struct {
    const char *name;
    void *function;
} helpers[] = {
    {"memcpy", memcpy}, {"memset", memset},         {"memmove", memmove},     {"floorf", floorf},
    {"floor", floor},   {"ceilf", ceilf},           {"ceil", ceil},           {"truncf", truncf},
    {"trunc", trunc},   {"rintf", rintf},           {"rint", rint},           {"fmaf", fmaf},
    {"fma", fma},       {"roundevenf", roundevenf}, {"roundeven", roundeven},
};

static bool fail(char *reason, const char *why)
{
    snprintf(reason, IMAGE_REASON_SIZE, "%s", why);
    return false;
}

static bool is_inside(size_t size, uint64_t offset, uint64_t length)
{
    return offset <= size && length <= size - offset;
}

/* Symbols, and their names, of which the last one ends within them. */
static void find_symbols(struct image *image, const Elf64_Shdr *section)
{
    const Elf64_Shdr *names = &image->sections[section->sh_link];

    if (section->sh_offset % alignof(Elf64_Sym) || names->sh_type != SHT_STRTAB ||
        !names->sh_size || image->object[names->sh_offset + names->sh_size - 1] != '\0') {
        return;
    }
    image->symbols = (const Elf64_Sym *)(image->object + section->sh_offset);
    image->symbol_count = section->sh_size / sizeof(Elf64_Sym);
    image->names = (const char *)image->object + names->sh_offset;
    image->names_size = names->sh_size;
}

/* The object is our own compiler's, and may have been made by a process that was taken over. */
static bool read_headers(struct image *image, size_t size, unsigned machine, char *reason)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)image->object;

    if (size < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_type != ET_REL || header->e_shentsize != sizeof(Elf64_Shdr) ||
        !is_inside(size, header->e_shoff, (uint64_t)header->e_shnum * sizeof(Elf64_Shdr)) ||
        header->e_shoff % alignof(Elf64_Shdr)) {
        return fail(reason, "no object file");
    }
    if (header->e_machine != machine) {
        return fail(reason, "code for another machine");
    }
    image->header = header;
    image->sections = (const Elf64_Shdr *)(image->object + header->e_shoff);
    for (size_t i = 0; i < header->e_shnum; i++) {
        const Elf64_Shdr *section = &image->sections[i];

        if (section->sh_type != SHT_NOBITS &&
            !is_inside(size, section->sh_offset, section->sh_size)) {
            return fail(reason, "a section outside the object file");
        }
    }
    for (size_t i = 0; i < header->e_shnum; i++) {
        const Elf64_Shdr *section = &image->sections[i];

        if (section->sh_type == SHT_SYMTAB && section->sh_link < header->e_shnum) {
            find_symbols(image, section);
        }
    }
    return image->symbols != NULL || fail(reason, "no symbols");
}

static const char *name_of(const struct image *image, const Elf64_Sym *symbol)
{
    return symbol->st_name < image->names_size ? image->names + symbol->st_name : "";
}

static size_t align_up(size_t offset, size_t align)
{
    return (offset + align - 1) & ~(align - 1);
}

/* Sections one behind the other, then room for a stub for each symbol from elsewhere. */
static bool place_sections(struct image *image, char *reason)
{
    size_t count = image->header->e_shnum;

    image->places = calloc(count + 1, sizeof(*image->places));
    if (image->places == NULL) {
        return fail(reason, "no memory");
    }
    for (size_t i = 0; i < count; i++) {
        const Elf64_Shdr *section = &image->sections[i];
        size_t align = section->sh_addralign ? section->sh_addralign : 1;

        image->places[i] = SIZE_MAX;
        if (!(section->sh_flags & SHF_ALLOC) || align > 4096 || (align & (align - 1))) {
            continue;
        }
        if (section->sh_size > IMAGE_SIZE_MAX - image->size) {
            return fail(reason, "the code is too large");
        }
        image->size = align_up(image->size, align);
        image->places[i] = image->size;
        image->size += section->sh_size;
    }
    image->stubs = align_up(image->size, RELOCATION_STUB_SIZE);
    image->size = image->stubs + image->symbol_count * RELOCATION_STUB_SIZE;
    image->memory =
        mmap(NULL, image->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (image->memory == MAP_FAILED) {
        image->memory = NULL;
        return fail(reason, "no memory");
    }
    for (size_t i = 0; i < count; i++) {
        const Elf64_Shdr *section = &image->sections[i];

        if (image->places[i] != SIZE_MAX && section->sh_type != SHT_NOBITS) {
            memcpy(image->memory + image->places[i], image->object + section->sh_offset,
                   section->sh_size);
        }
    }
    return true;
}

static unsigned char *add_stub(struct image *image, const Elf64_Sym *symbol)
{
    unsigned char *stub =
        image->memory + image->stubs + (symbol - image->symbols) * RELOCATION_STUB_SIZE;

    for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++) {
        if (strcmp(helpers[i].name, name_of(image, symbol)) == 0) {
            relocation_stub(image->header->e_machine, stub, (uintptr_t)helpers[i].function);
            return stub;
        }
    }
    return NULL;
}

static unsigned char *address_of(struct image *image, const Elf64_Sym *symbol)
{
    size_t section = symbol->st_shndx;

    if (section == SHN_UNDEF) {
        return add_stub(image, symbol);
    }
    if (section >= image->header->e_shnum || image->places[section] == SIZE_MAX ||
        symbol->st_value > image->sections[section].sh_size) {
        return NULL;
    }
    return image->memory + image->places[section] + symbol->st_value;
}

static bool relocate(struct image *image, const Elf64_Rela *entry, size_t target, char *reason)
{
    size_t symbol = ELF64_R_SYM(entry->r_info), size = image->sections[target].sh_size;
    struct relocation relocation = {.type = ELF64_R_TYPE(entry->r_info)};
    const unsigned char *address;
    const char *wrong;

    if (symbol >= image->symbol_count || entry->r_offset > size) {
        return fail(reason, "a relocation outside its section");
    }
    address = address_of(image, &image->symbols[symbol]);
    if (address == NULL) {
        snprintf(reason, IMAGE_REASON_SIZE, "no function %s",
                 name_of(image, &image->symbols[symbol]));
        return false;
    }
    relocation.place = image->memory + image->places[target] + entry->r_offset;
    relocation.room = size - entry->r_offset;
    relocation.value = (uintptr_t)address + (uint64_t)entry->r_addend;
    wrong = relocation_apply(image->header->e_machine, &relocation);
    return wrong == NULL || fail(reason, wrong);
}

static bool relocate_all(struct image *image, size_t size, char *reason)
{
    size_t left = size;

    for (size_t i = 0; i < image->header->e_shnum; i++) {
        const Elf64_Shdr *section = &image->sections[i];
        const Elf64_Rela *relocations;

        if (section->sh_type != SHT_RELA || section->sh_info >= image->header->e_shnum ||
            image->places[section->sh_info] == SIZE_MAX) {
            continue;
        }
        left -= section->sh_size < left ? section->sh_size : left;
        if (section->sh_offset % alignof(Elf64_Rela) || !left) { /* or sections overlap */
            return fail(reason, "relocations that are none");
        }
        relocations = (const Elf64_Rela *)(image->object + section->sh_offset);
        for (size_t j = 0; j < section->sh_size / sizeof(*relocations); j++) {
            if (!relocate(image, &relocations[j], section->sh_info, reason)) {
                return false;
            }
        }
    }
    return true;
}

struct image *image_link(const void *object, size_t size, unsigned machine,
                         char reason[IMAGE_REASON_SIZE])
{
    struct image *image = calloc(1, sizeof(*image));

    if (image == NULL || (image->object = malloc(size ? size : 1)) == NULL) {
        free(image);
        fail(reason, "no memory");
        return NULL;
    }
    memcpy(image->object, object, size);
    if (!read_headers(image, size, machine, reason) || !place_sections(image, reason) ||
        !relocate_all(image, size, reason)) {
        image_unload(image);
        return NULL;
    }
    __builtin___clear_cache((char *)image->memory, (char *)image->memory + image->size);
    if (mprotect(image->memory, image->size, PROT_READ | PROT_EXEC) != 0) {
        fail(reason, "the system allows no code here");
        image_unload(image);
        return NULL;
    }
    return image;
}

void image_unload(struct image *image)
{
    if (image->memory != NULL) {
        munmap(image->memory, image->size);
    }
    free(image->places);
    free(image->object);
    free(image);
}

static const Elf64_Sym *find_symbol(const struct image *image, const char *name, unsigned type)
{
    for (size_t i = 0; i < image->symbol_count; i++) {
        const Elf64_Sym *symbol = &image->symbols[i];

        if (ELF64_ST_TYPE(symbol->st_info) == type && symbol->st_shndx != SHN_UNDEF &&
            strcmp(name_of(image, symbol), name) == 0) {
            return symbol;
        }
    }
    return NULL;
}

void *image_function(const struct image *image, const char *name)
{
    const Elf64_Sym *symbol = find_symbol(image, name, STT_FUNC);

    return symbol != NULL ? address_of((struct image *)(uintptr_t)image, symbol) : NULL;
}

const void *image_data(const struct image *image, const char *name, size_t *size)
{
    const Elf64_Sym *symbol = find_symbol(image, name, STT_OBJECT);
    const void *data = symbol != NULL ? address_of((struct image *)(uintptr_t)image, symbol) : NULL;

    if (data == NULL ||
        symbol->st_size > image->sections[symbol->st_shndx].sh_size - symbol->st_value) {
        return NULL;
    }
    *size = symbol->st_size;
    return data;
}
