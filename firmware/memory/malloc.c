/* SPDX-License-Identifier: BSD-2-Clause */
/* The C library's allocation functions on the heap; newlib calls the ones that take a reent. */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/memory/heap.h"
#include "firmware/platform/tlb.h"

static void *or_errno(struct _reent *reent, void *memory, size_t size)
{
    if (memory == NULL) {
        reent->_errno = ENOMEM;
        return NULL;
    }
    tlb_expect(memory, size);
    return memory;
}

void *_malloc_r(struct _reent *reent, size_t size)
{
    return or_errno(reent, heap_alloc(size), size);
}

void _free_r(struct _reent *reent, void *memory)
{
    (void)reent;
    heap_free(memory);
}

void *_calloc_r(struct _reent *reent, size_t count, size_t size)
{
    size_t bytes;
    void *memory;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        return or_errno(reent, NULL, size);
    }
    memory = or_errno(reent, heap_alloc(bytes), bytes);
    if (memory != NULL) {
        memset(memory, 0, bytes);
    }
    return memory;
}

void *_realloc_r(struct _reent *reent, void *memory, size_t size)
{
    if (memory != NULL && size == 0) {
        heap_free(memory);
        return NULL;
    }
    return or_errno(reent, heap_realloc(memory, size), size);
}

void *_memalign_r(struct _reent *reent, size_t align, size_t size)
{
    if (align == 0 || (align & (align - 1)) != 0) {
        reent->_errno = EINVAL;
        return NULL;
    }
    return or_errno(reent, heap_alloc_aligned(align, size), size);
}

size_t _malloc_usable_size_r(struct _reent *reent, void *memory)
{
    (void)reent;
    return heap_size_of(memory);
}

void *malloc(size_t size)
{
    return _malloc_r(_REENT, size);
}

void free(void *memory)
{
    heap_free(memory);
}

void *calloc(size_t count, size_t size)
{
    return _calloc_r(_REENT, count, size);
}

void *realloc(void *memory, size_t size)
{
    return _realloc_r(_REENT, memory, size);
}

void *memalign(size_t align, size_t size)
{
    return _memalign_r(_REENT, align, size);
}

void *aligned_alloc(size_t align, size_t size)
{
    return _memalign_r(_REENT, align, size);
}

int posix_memalign(void **memory, size_t align, size_t size)
{
    void *found;

    if (align < sizeof(void *) || (align & (align - 1)) != 0) {
        return EINVAL;
    }
    found = heap_alloc_aligned(align, size);
    if (found == NULL) {
        return ENOMEM;
    }
    *memory = found;
    return 0;
}

size_t malloc_usable_size(void *memory)
{
    return heap_size_of(memory);
}
