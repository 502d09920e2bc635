/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asynchronous copies into shared memory. The device makes them where they stand; but until they
 * were waited for, what they write counts as never written. A copy of a thread's group is waited
 * for by the thread, or handed to an mbarrier by it; a bulk copy by whoever finds its mbarrier's
 * phase over. PTX ISA 9.7.9.25.
 */
#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/check/state.h"

/* More of a warp's are not remembered: they count as waited for. */
#define COPIES_MAX 4096u

#define OF_GROUP 0u         /* the lane's */
#define OF_NEXT_MBARRIER 1u /* that the lane completes bytes of */

struct check_copy {
    uint64_t address, size;
    uint64_t mbarrier; /* its address, or one of those above */
    uint32_t lane, group;
};

static bool add(struct check_copies *copies, const struct check_copy *copy)
{
    if (copies->count == copies->capacity) {
        uint32_t capacity = copies->capacity ? copies->capacity * 2 : WARP_LANES;
        struct check_copy *list =
            capacity > COPIES_MAX ? NULL : realloc(copies->list, capacity * sizeof(*list));

        if (list == NULL) {
            return false;
        }
        copies->list = list;
        copies->capacity = capacity;
    }
    copies->list[copies->count++] = *copy;
    return true;
}

/* All of it is in the block's shared memory, or nothing is remembered. */
static void begin(struct check_warp *warp, const struct check_copy *copy)
{
    struct region *shared = &warp->block->shared;

    if (warp->block->check->kinds >> CHECK_INIT & 1 && copy->size &&
        copy->address >= shared->start && copy->address < shared->end &&
        copy->size <= shared->end - copy->address && add(&warp->copies, copy)) {
        shadow_erase(&shared->shadow, copy->address, copy->size);
    }
}

void check_copy(struct warp *of, const uint64_t *to, uint32_t mask, uint32_t size)
{
    for (; mask; mask &= mask - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(mask);

        begin(of->check,
              &(struct check_copy){to[lane], size, OF_GROUP, lane, of->check->copies.groups[lane]});
    }
}

void check_copy_bulk(struct warp *of, uint32_t lane, uint64_t to, uint64_t size)
{
    begin(of->check, &(struct check_copy){to, size, OF_NEXT_MBARRIER, lane, 0});
}

void check_copy_counts(struct check_warp *warp, uint32_t lane, uint64_t mbarrier)
{
    for (uint32_t i = 0; i < warp->copies.count; i++) {
        struct check_copy *copy = &warp->copies.list[i];

        if (copy->mbarrier == OF_NEXT_MBARRIER && copy->lane == lane) {
            copy->mbarrier = mbarrier;
        }
    }
}

static void end(struct check_warp *warp, uint32_t number)
{
    struct check_copies *copies = &warp->copies;
    const struct check_copy copy = copies->list[number];

    shadow_write(&warp->block->shared.shadow, copy.address, copy.size);
    copies->list[number] = copies->list[--copies->count];
}

void check_copies_over(struct check_warp *warp, uint64_t mbarrier)
{
    for (uint32_t i = 0; i < warp->block->count; i++) {
        struct check_warp *other = &warp->block->warps[i];

        for (uint32_t j = other->copies.count; j-- > 0;) {
            if (other->copies.list[j].mbarrier == mbarrier) {
                end(other, j);
            }
        }
    }
}

void copies_commit(struct check_warp *warp, uint32_t lanes)
{
    for (; lanes; lanes &= lanes - 1) {
        warp->copies.groups[__builtin_ctz(lanes)]++;
    }
}

void copies_wait(struct check_warp *warp, const uint32_t *but, uint32_t lanes)
{
    for (uint32_t i = warp->copies.count; i-- > 0;) {
        const struct check_copy *copy = &warp->copies.list[i];
        uint32_t lane = copy->lane;

        if (copy->mbarrier == OF_GROUP && lanes >> lane & 1 &&
            (but == NULL || (uint64_t)copy->group + but[lane] < warp->copies.groups[lane])) {
            end(warp, i);
        }
    }
}

void copies_forget(struct check_copies *copies)
{
    copies->count = 0;
    memset(copies->groups, 0, sizeof(copies->groups));
}

bool copies_hold(const struct check_block *block, uint64_t address, uint64_t size)
{
    for (uint32_t i = 0; i < block->count; i++) {
        const struct check_copies *copies = &block->warps[i].copies;

        for (uint32_t j = 0; j < copies->count; j++) {
            const struct check_copy *copy = &copies->list[j];

            if (address < copy->address + copy->size && copy->address < address + size) {
                return true;
            }
        }
    }
    return false;
}
