/* SPDX-License-Identifier: BSD-2-Clause */
/* The device's memory as a check knows it: what is there, and what was. */
#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/check/state.h"

/* An address that is further away from all memory is near none. */
#define NEAR ((uint64_t)16 << 20)

/* The number of ranges that begin at or before an address. */
static size_t count_up_to(const struct check *check, uint64_t address)
{
    size_t low = 0, high = check->region_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (check->regions[middle]->start <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool holds(const struct region *region, uint64_t address, uint64_t size)
{
    return address >= region->start && address < region->end && size <= region->end - address;
}

struct region *region_at(const struct check *check, uint64_t start)
{
    size_t place = count_up_to(check, start);

    return place && check->regions[place - 1]->start == start ? check->regions[place - 1] : NULL;
}

void region_release(struct region *region)
{
    shadow_destroy(&region->shadow);
    free(region->name);
}

void region_forget_dead(struct check *check)
{
    while (check->dead != NULL) {
        struct region *next = check->dead->next;

        region_release(check->dead);
        free(check->dead);
        check->dead = next;
    }
}

/* ---- What comes and goes ---- */

/* The ranges that were freed there are no more. */
static void forget_freed(struct check *check, uint64_t start, uint64_t end)
{
    for (uint32_t i = 0; i < FREED_MAX; i++) {
        if (check->freed[i].start < end && check->freed[i].end > start) {
            check->freed[i] = (struct region){0};
        }
    }
}

static bool make_room(struct check *check)
{
    size_t capacity = check->region_capacity ? check->region_capacity * 2 : 16;
    struct region **regions;

    if (check->region_count < check->region_capacity) {
        return true;
    }
    regions = realloc(check->regions, capacity * sizeof(struct region *));
    if (regions != NULL) {
        check->regions = regions;
        check->region_capacity = capacity;
    }
    return regions != NULL;
}

static void insert(struct check *check, struct region *region)
{
    size_t place = count_up_to(check, region->start);

    memmove(&check->regions[place + 1], &check->regions[place],
            (check->region_count - place) * sizeof(struct region *));
    check->regions[place] = region;
    check->region_count++;
}

static void remove_at(struct check *check, size_t place)
{
    struct region *region = check->regions[place];

    if (region->name == NULL) {
        check->freed[check->freed_count++ % FREED_MAX] = (struct region){
            .start = region->start,
            .end = region->end,
            .number = region->number,
            .freed = check->launches,
        };
    }
    region->next = check->dead;
    check->dead = region;
    memmove(&check->regions[place], &check->regions[place + 1],
            (check->region_count - place - 1) * sizeof(struct region *));
    check->region_count--;
    check->generation++;
    if (check->launch == NULL) {
        region_forget_dead(check);
    }
}

/* Without memory it stays unknown: then kernels that use it are told of. */
void check_allocated(struct check *check, uint64_t start, uint64_t size, bool read_only)
{
    struct region *region = calloc(1, sizeof(*region));

    pthread_mutex_lock(&check->lock);
    if (region == NULL || !make_room(check)) {
        free(region);
    } else {
        forget_freed(check, start, start + size);
        *region = (struct region){
            .start = start,
            .end = start + size,
            .read_only = read_only,
            .number = ++check->allocations,
        };
        if (check->kinds & (1u << CHECK_INIT | 1u << CHECK_RACE)) {
            shadow_create(&region->shadow, start, size);
        }
        insert(check, region);
    }
    pthread_mutex_unlock(&check->lock);
}

void check_freed(struct check *check, uint64_t start)
{
    size_t place;

    pthread_mutex_lock(&check->lock);
    place = count_up_to(check, start);
    if (place && check->regions[place - 1]->start == start) {
        remove_at(check, place - 1);
    }
    pthread_mutex_unlock(&check->lock);
}

void check_written(struct check *check, uint64_t start, uint64_t size)
{
    size_t place;

    pthread_mutex_lock(&check->lock);
    place = count_up_to(check, start);
    if (place && size && holds(check->regions[place - 1], start, size)) {
        struct region *region = check->regions[place - 1];

        if (start == region->start && start + size == region->end) {
            region->shadow.is_written = true;
        } else {
            shadow_write(&region->shadow, start, size);
        }
    }
    pthread_mutex_unlock(&check->lock);
}

void check_name(struct check *check, uint64_t start, const char *name)
{
    struct region *region;

    pthread_mutex_lock(&check->lock);
    region = region_at(check, start);
    if (region != NULL && region->name == NULL) {
        region->name = strdup(name);
        if (region->number == check->allocations) {
            check->allocations--;
        }
    }
    pthread_mutex_unlock(&check->lock);
}

/* ---- Where a lane's bytes are ---- */

static uint64_t local_of(const struct check_warp *warp, uint32_t lane)
{
    return warp->block->local.start +
           (uint64_t)(warp->number * WARP_LANES + lane) * warp->block->local_stride;
}

static bool is_own_local(const struct check_warp *warp, uint32_t lane, uint64_t address,
                         uint64_t size)
{
    uint64_t local = local_of(warp, lane), local_size = warp->block->check->launch->local_size;

    return address >= local && address - local < local_size &&
           size <= local_size - (address - local);
}

static struct region *find_global(struct check *check, uint64_t address, uint64_t size)
{
    struct region *found = NULL;
    size_t place;

    pthread_mutex_lock(&check->lock);
    place = count_up_to(check, address);
    if (place && holds(check->regions[place - 1], address, size)) {
        found = check->regions[place - 1];
    }
    pthread_mutex_unlock(&check->lock);
    return found;
}

struct region *region_find(const struct check_warp *warp, uint32_t lane, uint64_t address,
                           uint64_t size)
{
    struct check_block *block = warp->block;
    struct region *found;

    if (holds(&block->shared, address, size)) {
        return &block->shared;
    }
    found = find_global(block->check, address, size);
    if (found != NULL) {
        return found;
    }
    if (is_own_local(warp, lane, address, size)) {
        return &block->local;
    }
    return holds(&block->params, address, size) ? &block->params : NULL;
}

/* ---- Where it nearly is ---- */

static uint64_t distance(uint64_t start, uint64_t end, uint64_t address)
{
    return address < start ? start - address : address >= end ? address - end + 1 : 0;
}

struct nearest {
    uint64_t address, distance;
    uint32_t space; /* enum place_space */
    const struct region *region;
};

static bool is_of_space(const struct region *region, uint32_t space)
{
    switch (space) {
    case PLACE_GLOBAL:
        return region->kind == REGION_GLOBAL;
    case PLACE_SHARED:
        return region->kind == REGION_SHARED;
    case PLACE_LOCAL:
        return region->kind == REGION_LOCAL;
    default:
        return true;
    }
}

static void consider(struct nearest *nearest, const struct region *region)
{
    uint64_t far = distance(region->start, region->end, nearest->address);

    if (region->end > region->start && (far == 0 || is_of_space(region, nearest->space)) &&
        (nearest->region == NULL || far < nearest->distance)) {
        nearest->region = region;
        nearest->distance = far;
    }
}

static void describe_shared(const struct check_warp *warp, struct finding_memory *memory)
{
    const struct places *places = warp->block->check->launch->places;
    const struct place_variable *variable =
        memory->offset >= 0 && (uint64_t)memory->offset < memory->size
            ? places_variable(places, (uint64_t)memory->offset)
            : NULL;

    memory->kind = "shared memory";
    if (variable != NULL) {
        memory->kind = "shared variable";
        memory->name = places_name(places, variable->name);
        memory->start += variable->offset;
        memory->offset -= variable->offset;
        memory->size = variable->size ? variable->size : memory->size - variable->offset;
    }
}

static void describe(const struct check_warp *warp, const struct region *region,
                     struct finding_memory *memory)
{
    switch (region->kind) {
    case REGION_SHARED:
        describe_shared(warp, memory);
        return;
    case REGION_LOCAL:
        memory->kind = "local memory";
        return;
    case REGION_PARAMS:
        memory->kind = "the parameters";
        return;
    default:
        memory->kind = region->name != NULL ? "variable" : "allocation";
        memory->name = region->name;
        memory->number = region->name != NULL ? 0 : region->number;
    }
}

void region_describe(const struct check_warp *warp, uint32_t lane, struct finding *finding)
{
    struct check *check = warp->block->check;
    uint64_t address = finding->address;
    struct finding_memory *memory = &finding->memory;
    struct nearest nearest = {.address = address, .space = finding->by.place.space};
    size_t place;
    struct region local = warp->block->local;

    pthread_mutex_lock(&check->lock);
    place = count_up_to(check, address);
    local.start = local_of(warp, lane);
    local.end = local.start + check->launch->local_size;
    for (size_t i = place ? place - 1 : 0; i <= place && i < check->region_count; i++) {
        consider(&nearest, check->regions[i]);
    }
    consider(&nearest, &warp->block->shared);
    consider(&nearest, &local);
    consider(&nearest, &warp->block->params);
    for (uint32_t i = 0; i < FREED_MAX && nearest.distance; i++) {
        if (holds(&check->freed[i], address, 1)) {
            nearest = (struct nearest){.region = &check->freed[i]};
            memory->was_freed = true;
            memory->freed = check->freed[i].freed;
        }
    }
    if (nearest.region != NULL && nearest.distance < NEAR) {
        memory->start = nearest.region->start;
        memory->size = nearest.region->end - nearest.region->start;
        memory->offset = (int64_t)(address - memory->start);
        describe(warp, nearest.region, memory);
    }
    pthread_mutex_unlock(&check->lock);
}
