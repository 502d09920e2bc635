/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fat binary is a header and entries. Each entry is a header, and code for one architecture: PTX
 * or machine code, packed by LZ4 or Zstandard. All is little-endian. No document says so; the
 * offsets are as nvcc of CUDA 9 to 13 writes them.
 */
#include "host/cuda-cpu/driver/fatbin.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/common/symbol.h"
#include "host/cuda-cpu/ptxc/compiler.h"

#define WRAPPER_MAGIC 0x466243B1u /* a pointer at the header is at offset 8 */
#define WRAPPER_POINTER 8
#define MAGIC 0xBA55ED50u
#define ELF_MAGIC 0x464C457Fu
#define HEADER_SIZE 16
#define KIND_PTX 1
#define FLAG_LZ4 UINT64_C(0x2000)
#define FLAG_ZSTD UINT64_C(0x8000)

/* Offsets in an entry's header, which is as long as it says, and at least this long. */
enum {
    ENTRY_KIND = 0,         /* 2 bytes */
    ENTRY_HEADER_SIZE = 4,  /* 4 */
    ENTRY_SIZE = 8,         /* 8: of what follows, padded */
    ENTRY_PACKED_SIZE = 16, /* 4 */
    ENTRY_ARCH = 28,        /* 4 */
    ENTRY_FLAGS = 40,       /* 8 */
    ENTRY_TEXT_SIZE = 56,   /* 8: unpacked */
    ENTRY_MIN = 64
};

struct entry {
    const unsigned char *bytes; /* behind its header */
    uint64_t size, packed_size, text_size, flags;
    unsigned kind, arch;
};

static uint64_t read_number(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;

    for (size_t i = size; i > 0; i--) {
        value = value << 8 | bytes[i - 1];
    }
    return value;
}

/* ---- Unpacking ---- */

static int (*lz4_unpack)(const char *from, char *to, int size, int room);
static size_t (*zstd_unpack)(void *to, size_t room, const void *from, size_t size);

static void open_function(const char *library, const char *name, void *field)
{
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);

    if (handle != NULL) {
        symbol_find(handle, name, field);
    }
}

static void open_libraries(void)
{
    open_function("liblz4.so.1", "LZ4_decompress_safe", &lz4_unpack);
    open_function("libzstd.so.1", "ZSTD_decompress", &zstd_unpack);
}

void fatbin_prepare(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, open_libraries);
}

/* The sizes are below the limit of a text. */
static bool unpack_into(const struct entry *entry, char *text)
{
    if (entry->flags & FLAG_ZSTD) {
        return zstd_unpack != NULL && zstd_unpack(text, entry->text_size, entry->bytes,
                                                  entry->packed_size) == entry->text_size;
    }
    return lz4_unpack != NULL &&
           lz4_unpack((const char *)entry->bytes, text, (int)entry->packed_size,
                      (int)entry->text_size) == (int)entry->text_size;
}

static CUresult unpack(const struct entry *entry, struct fatbin_text *text)
{
    fatbin_prepare();
    if (entry->text_size > compile_default_limits.text || entry->packed_size > entry->size) {
        return CUDA_ERROR_INVALID_IMAGE;
    }
    text->owned = malloc(entry->text_size + 1);
    if (text->owned == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (!unpack_into(entry, text->owned)) {
        free(text->owned);
        text->owned = NULL;
        return CUDA_ERROR_INVALID_IMAGE;
    }
    text->text = text->owned;
    text->size = strnlen(text->text, entry->text_size);
    return CUDA_SUCCESS;
}

/* ---- Entries ---- */

/* The entry at the head of so many bytes; it takes *taken of them. */
static bool read_entry(const unsigned char *bytes, uint64_t left, struct entry *entry,
                       uint64_t *taken)
{
    uint64_t header;

    if (left < ENTRY_MIN) {
        return false;
    }
    header = read_number(bytes + ENTRY_HEADER_SIZE, 4);
    *entry = (struct entry){
        .bytes = bytes + header,
        .size = read_number(bytes + ENTRY_SIZE, 8),
        .packed_size = read_number(bytes + ENTRY_PACKED_SIZE, 4),
        .text_size = read_number(bytes + ENTRY_TEXT_SIZE, 8),
        .flags = read_number(bytes + ENTRY_FLAGS, 8),
        .kind = (unsigned)read_number(bytes + ENTRY_KIND, 2),
        .arch = (unsigned)read_number(bytes + ENTRY_ARCH, 4),
    };
    *taken = header + entry->size;
    return header >= ENTRY_MIN && header <= left && entry->size <= left - header;
}

static CUresult read_text(const struct entry *entry, struct fatbin_text *text)
{
    if (entry->flags & (FLAG_LZ4 | FLAG_ZSTD)) {
        return unpack(entry, text);
    }
    text->text = (const char *)entry->bytes;
    text->size = strnlen(text->text, entry->size);
    return CUDA_SUCCESS;
}

static CUresult find_entry(const unsigned char *image, size_t size, unsigned arch,
                           struct fatbin_text *text)
{
    uint64_t left = size >= HEADER_SIZE ? read_number(image + 8, 8) : UINT64_MAX, taken;
    struct entry entry, best = {.bytes = NULL};

    if (left > size - HEADER_SIZE) {
        return CUDA_ERROR_INVALID_IMAGE;
    }
    for (image += HEADER_SIZE; left > 0; image += taken, left -= taken) {
        if (!read_entry(image, left, &entry, &taken)) {
            return CUDA_ERROR_INVALID_IMAGE;
        }
        if (entry.kind == KIND_PTX && entry.arch <= arch &&
            (best.bytes == NULL || entry.arch > best.arch)) {
            best = entry;
        }
    }
    return best.bytes != NULL ? read_text(&best, text) : CUDA_ERROR_NO_BINARY_FOR_GPU;
}

/* Whether it begins so: byte for byte, since a text may be short. */
static bool begins(const unsigned char *image, size_t size, uint32_t magic)
{
    for (size_t i = 0; i < sizeof(magic); i++) {
        if (i == size || image[i] != (unsigned char)(magic >> (8 * i))) {
            return false;
        }
    }
    return true;
}

CUresult fatbin_find(const void *image, size_t size, unsigned arch, struct fatbin_text *text)
{
    const unsigned char *bytes = image;
    size_t room = compile_default_limits.text + 1;

    *text = (struct fatbin_text){.text = image};
    if (begins(bytes, size, ELF_MAGIC)) {
        return CUDA_ERROR_NO_BINARY_FOR_GPU;
    }
    if (size == FATBIN_UNSIZED && begins(bytes, size, WRAPPER_MAGIC)) {
        memcpy(&bytes, bytes + WRAPPER_POINTER, sizeof(bytes));
    }
    if (begins(bytes, size, MAGIC)) {
        return find_entry(bytes, size, arch, text);
    }
    text->size = strnlen(text->text, size < room ? size : room);
    return CUDA_SUCCESS;
}
