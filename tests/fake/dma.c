/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fake/dma.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baregpu/error.h"

#define POISON 0x5A     /* in what is shared */
#define BOUNCE_OLD 0xC3 /* in what the device is to write */
#define BOUNCE_ALIGN 64u

struct fake_dma fake_dma;

struct share {
    uint8_t *memory, *bounce;
    size_t size;
    enum bg_hal_dma_direction direction;
    uint64_t bus_address;
    struct share *next;
};

static struct share *first;

static void violation(const char *text)
{
    fake_dma.violations++;
    printf("# DMA violation: %s\n", text);
}

static bool meets(const struct share *share, const uint8_t *memory, size_t size)
{
    return memory < share->memory + share->size && share->memory < memory + size;
}

/* Two chains may read the same memory, in a driver; here the second would read the poison. */
static void check_overlap(const uint8_t *memory, size_t size)
{
    for (const struct share *share = first; share != NULL; share = share->next) {
        if (meets(share, memory, size)) {
            violation("memory is shared that is shared already");
        }
    }
}

static int bounce(void *memory, size_t size, enum bg_hal_dma_direction direction,
                  uint64_t *bus_address)
{
    struct share *share;
    uint8_t *copy;

    if (fake_dma.refuse != 0 && --fake_dma.refuse == 0) {
        return BG_ERR_NO_MEMORY;
    }
    copy = bg_hal_dma_alloc(size, BOUNCE_ALIGN, bus_address);
    share = copy != NULL ? malloc(sizeof(*share)) : NULL;
    if (share == NULL) {
        return BG_ERR_NO_MEMORY;
    }
    check_overlap(memory, size);
    *share = (struct share){memory, copy, size, direction, *bus_address, first};
    first = share;
    if (direction == BG_HAL_DMA_TO_DEVICE) {
        memcpy(copy, memory, size);
    } else {
        memset(copy, BOUNCE_OLD, size);
    }
    memset(memory, POISON, size);
    fake_dma.shared++;
    fake_dma.shares[direction]++;
    return 0;
}

static struct share *take(const void *memory, uint64_t bus_address)
{
    for (struct share **link = &first; *link != NULL; link = &(*link)->next) {
        struct share *share = *link;

        if (share->memory == memory && share->bus_address == bus_address) {
            *link = share->next;
            return share;
        }
    }
    return NULL;
}

static bool is_poison(const uint8_t *memory, size_t size)
{
    size_t i = 0;

    while (i < size && memory[i] == POISON) {
        i++;
    }
    return i == size;
}

static void unbounce(void *memory, size_t size, enum bg_hal_dma_direction direction,
                     uint64_t bus_address)
{
    struct share *share = take(memory, bus_address);

    if (share == NULL) {
        violation("memory is unshared that is not shared, or not there");
        return;
    }
    if (share->size != size || share->direction != direction) {
        violation("memory is unshared in another size or direction than it was shared");
    }
    if (!is_poison(memory, share->size)) {
        violation("memory was written while it was shared");
    }
    memcpy(memory, share->bounce, share->size);
    bg_hal_dma_free(share->bounce, share->size);
    free(share);
    fake_dma.shared--;
}

const struct bg_hal_dma fake_dma_bounce = {.share = bounce, .unshare = unbounce};

const struct bg_hal_dma fake_dma_bounce_translated = {
    .share = bounce, .unshare = unbounce, .is_translated = true};
