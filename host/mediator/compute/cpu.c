/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPU backend: the same results as a GPU, bit for bit, where there is none. Asynchronous
 * requests are done when they are accepted.
 */
#include "host/mediator/compute/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ELEMENT_SIZE 4u /* all element types of compute.h */
#define PAGE 4096u
#define FREE_PIECE (UINT64_C(32) << 20)
#define FILL_PIECE 4096u /* stays in the first cache; a multiple of every texel */

static void *pointer(backend_address address)
{
    return (void *)(uintptr_t)address;
}

/* ---- Pieces ---- */

static uint64_t piece_of(uint64_t left)
{
    return left < BACKEND_PIECE ? left : BACKEND_PIECE;
}

/* From the end that is not overwritten before it is read. */
void backend_move(struct backend *backend, void *dst, const void *src, uint64_t size)
{
    bool forward = (uintptr_t)dst <= (uintptr_t)src;
    uint64_t piece;

    for (uint64_t left = size; left > 0; left -= piece) {
        piece = piece_of(left);
        uint64_t offset = forward ? size - left : left - piece;

        memmove((uint8_t *)dst + offset, (const uint8_t *)src + offset, (size_t)piece);
        if (left > piece) {
            backend_give_way(backend);
        }
    }
}

/* ---- The device ---- */

static void cpu_close(struct backend *backend)
{
    free(backend);
}

/* Asked once, before a worker's sandbox closes the files that tell. */
static void learn_host(struct bg_compute_device_info *info)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_size = sysconf(_SC_PAGESIZE);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    info->backend = BG_COMPUTE_BACKEND_CPU;
    info->multiprocessors = processors > 0 ? (uint32_t)processors : 1;
    info->memory_total = pages > 0 && page_size > 0 ? (uint64_t)pages * (uint64_t)page_size : 0;
    snprintf(info->name, sizeof(info->name), "baregpu CPU backend");
}

static enum bg_compute_status cpu_get_info(struct backend *backend,
                                           struct bg_compute_device_info *info)
{
    static struct bg_compute_device_info host;

    (void)backend;
    if (host.backend == 0) {
        learn_host(&host);
    }
    *info = host;
    return BG_COMPUTE_OK;
}

/* calloc takes large blocks from the kernel, which zeroes a page when it is first touched. */
static enum bg_compute_status cpu_memory_alloc(struct backend *backend, uint64_t size,
                                               backend_address *address)
{
    void *memory = size <= SIZE_MAX ? calloc(1, (size_t)size) : NULL;

    if (memory == NULL) {
        snprintf(backend->error, sizeof(backend->error), "no host memory for %llu bytes",
                 (unsigned long long)size);
        return BG_COMPUTE_OUT_OF_MEMORY;
    }
    *address = (uintptr_t)memory;
    return BG_COMPUTE_OK;
}

/* The pages first: to give back many at once takes long, too. */
static enum bg_compute_status cpu_memory_free(struct backend *backend, backend_address address,
                                              uint64_t size)
{
    uint64_t whole = (address + PAGE - 1) / PAGE * PAGE;

    for (; whole + FREE_PIECE < address + size; whole += FREE_PIECE) {
        madvise(pointer(whole), FREE_PIECE, MADV_DONTNEED);
        backend_give_way(backend);
    }
    free(pointer(address));
    return BG_COMPUTE_OK;
}

static enum bg_compute_status cpu_copy_to_device(struct backend *backend, backend_address dst,
                                                 const void *src, uint64_t size, bool async)
{
    (void)async;
    backend_move(backend, pointer(dst), src, size);
    return BG_COMPUTE_OK;
}

static enum bg_compute_status cpu_copy_from_device(struct backend *backend, void *dst,
                                                   backend_address src, uint64_t size, bool async)
{
    (void)async;
    backend_move(backend, dst, pointer(src), size);
    return BG_COMPUTE_OK;
}

static enum bg_compute_status cpu_copy_in_device(struct backend *backend, backend_address dst,
                                                 backend_address src, uint64_t size, bool async)
{
    (void)async;
    backend_move(backend, pointer(dst), pointer(src), size);
    return BG_COMPUTE_OK;
}

/* Data in a mailbox has any alignment; memcpy of one element compiles to a plain load. */
static void add_integers(unsigned char *c, const unsigned char *a, const unsigned char *b,
                         uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint32_t x, y, sum;

        memcpy(&x, a + i * sizeof(x), sizeof(x));
        memcpy(&y, b + i * sizeof(y), sizeof(y));
        sum = x + y;
        memcpy(c + i * sizeof(sum), &sum, sizeof(sum));
    }
}

static void add_floats(unsigned char *c, const unsigned char *a, const unsigned char *b,
                       uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        float x, y, sum;

        memcpy(&x, a + i * sizeof(x), sizeof(x));
        memcpy(&y, b + i * sizeof(y), sizeof(y));
        sum = x + y;
        memcpy(c + i * sizeof(sum), &sum, sizeof(sum));
    }
}

static void add_elements(enum bg_compute_element_type type, void *c, const void *a, const void *b,
                         uint64_t count)
{
    if (type == BG_COMPUTE_ELEMENT_FLOAT32) {
        add_floats(c, a, b, count);
    } else {
        add_integers(c, a, b, count); /* two's complement: signed and unsigned are one */
    }
}

static enum bg_compute_status cpu_vector_add(struct backend *backend,
                                             enum bg_compute_element_type type, backend_address c,
                                             backend_address a, backend_address b, uint64_t count,
                                             bool async)
{
    uint64_t size = count * ELEMENT_SIZE, piece;

    (void)async;
    for (uint64_t done = 0; done < size; done += piece) {
        piece = piece_of(size - done);
        add_elements(type, pointer(c + done), pointer(a + done), pointer(b + done),
                     piece / ELEMENT_SIZE);
        if (size - done > piece) {
            backend_give_way(backend);
        }
    }
    return BG_COMPUTE_OK;
}

static enum bg_compute_status cpu_vector_add_host(struct backend *backend,
                                                  enum bg_compute_element_type type, void *c,
                                                  const void *a, const void *b, uint32_t count)
{
    (void)backend;
    add_elements(type, c, a, b, count);
    return BG_COMPUTE_OK;
}

static enum bg_compute_status cpu_share(struct backend *backend, void *memory, uint64_t size,
                                        backend_address *address)
{
    (void)backend;
    (void)size;
    *address = (uintptr_t)memory;
    return BG_COMPUTE_OK;
}

static void cpu_unshare(struct backend *backend, void *memory)
{
    (void)backend;
    (void)memory;
}

static enum bg_compute_status cpu_copy_box(struct backend *backend, const struct backend_side *dst,
                                           const struct backend_side *src,
                                           const struct backend_box *box, bool async)
{
    uint8_t *to = dst->host != NULL ? dst->host : pointer(dst->address);
    const uint8_t *from = src->host != NULL ? src->host : pointer(src->address);
    struct backend_box rest = *box;
    uint64_t since = 0; /* bytes without having given way */

    (void)async;
    backend_box_join(&rest, dst, src);
    for (uint64_t slice = 0; slice < rest.slices; slice++) {
        for (uint64_t row = 0; row < rest.rows; row++) {
            backend_move(backend, to + slice * dst->slice_pitch + row * dst->row_pitch,
                         from + slice * src->slice_pitch + row * src->row_pitch, rest.row_size);
            since += rest.row_size;
            if (since >= BACKEND_PIECE) {
                backend_give_way(backend);
                since = 0;
            }
        }
    }
    return BG_COMPUTE_OK;
}

/* The first texel, then twice as many with each copy. */
static enum bg_compute_status cpu_fill(struct backend *backend, backend_address dst,
                                       const void *texel, uint32_t size, uint64_t count, bool async)
{
    uint64_t total = size * count;
    uint64_t done = size;

    (void)async;
    memcpy(pointer(dst), texel, size);
    while (done < total) {
        uint64_t piece = done < FILL_PIECE ? done : FILL_PIECE;

        piece = piece < total - done ? piece : total - done;
        memcpy(pointer(dst + done), pointer(dst), (size_t)piece);
        done += piece;
        if (done % BACKEND_PIECE == 0) {
            backend_give_way(backend);
        }
    }
    return BG_COMPUTE_OK;
}

static enum bg_compute_status cpu_synchronize(struct backend *backend)
{
    (void)backend;
    return BG_COMPUTE_OK;
}

static void cpu_finish(struct backend *backend)
{
    (void)backend;
}

static const struct backend_ops cpu_ops = {
    .name = "cpu",
    .close = cpu_close,
    .get_info = cpu_get_info,
    .memory_alloc = cpu_memory_alloc,
    .memory_free = cpu_memory_free,
    .copy_to_device = cpu_copy_to_device,
    .copy_from_device = cpu_copy_from_device,
    .copy_in_device = cpu_copy_in_device,
    .vector_add = cpu_vector_add,
    .vector_add_host = cpu_vector_add_host,
    .share = cpu_share,
    .unshare = cpu_unshare,
    .copy_box = cpu_copy_box,
    .fill = cpu_fill,
    .synchronize = cpu_synchronize,
    .finish = cpu_finish,
};

struct backend *backend_cpu_open(void)
{
    struct backend *backend = calloc(1, sizeof(*backend));

    if (backend != NULL) {
        backend->ops = &cpu_ops;
    }
    return backend;
}
