/* SPDX-License-Identifier: BSD-2-Clause */
/* run=test_memory: pages, heap and DMA memory on the machine itself. */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "baregpu/hal.h"
#include "firmware/apps/app.h"
#include "tests/guest/lib/tap.h"
#include "firmware/memory/heap.h"
#include "firmware/memory/pages.h"
#include "firmware/platform/machine.h"
#include "firmware/platform/sections.h"

#define MIB 0x100000ull
#define SLOTS 512
#define OPERATIONS 20000
#define BLOCKS_MAX 64

static uint64_t random_state = 0x9e3779b97f4a7c15ull;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static bool touch(uint64_t address)
{
    volatile uint64_t *word = (volatile uint64_t *)address;

    *word = ~address;
    return *word == ~address;
}

static uint64_t pages_touched(uint64_t base, uint64_t size)
{
    return size ? (base + size - 1) / PAGE_SIZE - base / PAGE_SIZE + 1 : 0;
}

static uint64_t memory_pages(void)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < machine.memory_count; i++) {
        count += machine.memory[i].size / PAGE_SIZE;
    }
    return count;
}

/* What the page allocator never gets. QEMU's devicetree alone has 1 MiB, nearly all of it padding.
 */
static uint64_t pages_spoken_for(void)
{
    struct pages_range banks[MACHINE_MEMORY_BANKS_MAX];
    uint64_t count =
        pages_touched((uintptr_t)__image_start, (uintptr_t)__image_end - (uintptr_t)__image_start) +
        pages_touched(machine.devicetree.base, machine.devicetree.size);

    for (uint32_t i = 0; i < machine.reserved_count; i++) {
        count += pages_touched(machine.reserved[i].base, machine.reserved[i].size);
    }
    for (uint32_t i = 0; i < machine.memory_count; i++) {
        banks[i] = (struct pages_range){machine.memory[i].base, machine.memory[i].size};
    }
    /* Wherever in a page the bitmaps begin. */
    return count + pages_touched(PAGE_SIZE - 1, pages_metadata_size(banks, machine.memory_count));
}

/* Takes all memory in large blocks, touches both ends of each, gives it back. */
static void test_all_pages(void)
{
    static uint64_t blocks[BLOCKS_MAX];
    static uint64_t counts[BLOCKS_MAX];
    struct pages_statistics before;
    struct pages_statistics after;
    struct pages_statistics now;
    uint64_t taken = 0;
    unsigned count = 0;
    bool right = true;

    pages_statistics(&before);
    for (now = before; now.free > 0 && count < BLOCKS_MAX; pages_statistics(&now)) {
        blocks[count] = pages_alloc(now.largest_free, PAGE_SIZE);
        counts[count] = now.largest_free;
        if (blocks[count] == PAGES_NONE) {
            break;
        }
        right =
            right && touch(blocks[count]) && touch(blocks[count] + counts[count] * PAGE_SIZE - 8);
        taken += counts[count++];
    }
    tap_ok(right, "%llu MiB in %u blocks can be written", (unsigned long long)taken / 256, count);
    tap_ok(taken * 100 >= before.free * 99, "that is 99%% of what was free, or more");
    tap_ok(before.total >= memory_pages() - pages_spoken_for(),
           "no page is missing but those of image, devicetree, bitmaps and what is reserved");
    while (count-- > 0) {
        pages_free(blocks[count], counts[count]);
    }
    pages_statistics(&after);
    tap_ok(after.free == before.free && after.largest_free == before.largest_free,
           "all of it comes back in one piece");
    tap_ok(pages_check() == NULL, "the page allocator is sound");
}

static bool overlaps_image(uint64_t base, uint64_t size)
{
    return base < (uintptr_t)__image_end && (uintptr_t)__image_start < base + size;
}

static void test_page_limits(void)
{
    uint64_t aligned = pages_alloc(3, 2 * MIB);

    tap_ok(aligned != PAGES_NONE && aligned % (2 * MIB) == 0, "pages aligned to 2 MiB");
    tap_ok(!overlaps_image(aligned, 3 * PAGE_SIZE), "they are not the kernel's");
    pages_free(aligned + PAGE_SIZE, 1);
    pages_free(aligned, 1);
    pages_free(aligned + 2 * PAGE_SIZE, 1);
    tap_ok(pages_alloc(0, PAGE_SIZE) == PAGES_NONE, "no pages cannot be had");
    tap_ok(pages_alloc(UINT64_MAX / PAGE_SIZE, PAGE_SIZE) == PAGES_NONE, "nor all there could be");
    tap_ok(pages_check() == NULL, "the page allocator is sound");
}

static bool is_filled(const uint8_t *memory, uint8_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (memory[i] != value) {
            return false;
        }
    }
    return true;
}

struct slot {
    uint8_t *memory;
    size_t size;
    uint8_t value;
};

static bool slot_operate(struct slot *slot)
{
    bool right = slot->memory == NULL || is_filled(slot->memory, slot->value, slot->size);
    size_t size = next_random() % (next_random() % 16 ? 300 : 70000);

    if (slot->memory == NULL) {
        slot->memory = malloc(size);
        slot->size = size;
    } else if (next_random() % 3) {
        free(slot->memory);
        slot->memory = NULL;
        return right;
    } else {
        slot->memory = realloc(slot->memory, size + 1);
        right = right &&
                is_filled(slot->memory, slot->value, slot->size < size + 1 ? slot->size : size + 1);
        slot->size = size + 1;
    }
    slot->value = (uint8_t)next_random();
    memset(slot->memory, slot->value, slot->size);
    return right && (uintptr_t)slot->memory % 16 == 0;
}

static void test_heap_random(void)
{
    static struct slot slots[SLOTS];
    struct heap_statistics before;
    struct heap_statistics after;
    bool right = true;

    heap_statistics(&before);
    for (unsigned i = 0; i < OPERATIONS && right; i++) {
        right = slot_operate(&slots[next_random() % SLOTS]);
    }
    tap_ok(right, "%u random operations keep every block's contents", OPERATIONS);
    tap_ok(heap_check() == NULL, "the heap is sound");
    for (unsigned i = 0; i < SLOTS; i++) {
        free(slots[i].memory);
    }
    heap_statistics(&after);
    tap_ok(after.bytes_in_use == before.bytes_in_use && heap_check() == NULL,
           "all of it came back");
}

static void test_heap_calls(void)
{
    volatile size_t huge = SIZE_MAX / 2, nothing = 0; /* volatile: or the compiler objects */
    uint8_t *memory = calloc(100, 3);
    void *aligned = NULL;

    tap_ok(memory != NULL && is_filled(memory, 0, 300), "calloc gives zeroes");
    free(memory);
    tap_ok(calloc(huge, 4) == NULL, "calloc sees the overflow");
    errno = 0;
    tap_ok(malloc(huge) == NULL && errno == ENOMEM, "malloc of too much says ENOMEM");
    for (size_t align = 32; align <= 65536; align *= 8) {
        aligned = memalign(align, 100);
        tap_ok(aligned != NULL && (uintptr_t)aligned % align == 0, "memalign to %zu", align);
        free(aligned);
    }
    tap_ok(posix_memalign(&aligned, 4096, 10) == 0 && (uintptr_t)aligned % 4096 == 0,
           "posix_memalign");
    free(aligned);
    tap_ok(posix_memalign(&aligned, 24, 10) == EINVAL, "posix_memalign refuses an odd alignment");
    memory = malloc(nothing);
    tap_ok(memory != NULL, "malloc(0) gives a pointer");
    free(memory);
    free(NULL);
    memory = malloc(20 * MIB);
    tap_ok(memory != NULL && touch((uintptr_t)memory) && touch((uintptr_t)memory + 20 * MIB - 8),
           "20 MiB in one piece");
    free(memory);
    tap_ok(heap_check() == NULL, "the heap is sound");
}

static void test_dma(void)
{
    struct pages_statistics before;
    struct pages_statistics after;
    uint64_t bus = 0;
    uint8_t *memory;

    pages_statistics(&before);
    memory = bg_hal_dma_alloc(10000, 16, &bus);
    tap_ok(memory != NULL && bus == (uintptr_t)memory && bus % 16 == 0,
           "DMA memory has a bus address");
    tap_ok(is_filled(memory, 0, 10000), "it is zero");
    memset(memory, 0xff, 10000);
    bg_hal_dma_free(memory, 10000);
    memory = bg_hal_dma_alloc(10000, 16, &bus);
    tap_ok(is_filled(memory, 0, 10000), "and so it is when it was used before");
    bg_hal_dma_free(memory, 10000);
    memory = bg_hal_dma_alloc(1, 65536, &bus);
    tap_ok(memory != NULL && bus % 65536 == 0, "it is aligned as asked");
    bg_hal_dma_free(memory, 1);
    tap_ok(bg_hal_dma_alloc(0, 16, &bus) == NULL, "none of it is refused");
    tap_ok(bg_hal_dma_alloc(16, 24, &bus) == NULL, "so is an odd alignment");
    tap_ok(bg_hal_dma_alloc(SIZE_MAX, 16, &bus) == NULL, "and too much");
    pages_statistics(&after);
    tap_ok(after.free == before.free, "all of it came back");
}

/* ---- memcpy and its like, where the CPU may do them ---- */

#define COPY_MAX 20000u

static uint8_t pattern_of(size_t i)
{
    return (uint8_t)(i * 167 >> 3);
}

/* `size` bytes from one offset to the other, and nothing beside them. */
static bool is_copied(uint8_t *memory, size_t to, size_t from, size_t size)
{
    for (size_t i = 0; i < 2 * COPY_MAX; i++) {
        memory[i] = pattern_of(i);
    }
    memmove(memory + to, memory + from, size);
    for (size_t i = 0; i < 2 * COPY_MAX; i++) {
        bool is_inside = i >= to && i - to < size;

        if (memory[i] != pattern_of(is_inside ? i - to + from : i)) {
            return false;
        }
    }
    return true;
}

static bool is_set(uint8_t *memory, size_t at, size_t size)
{
    memset(memory, 0xA5, 2 * COPY_MAX);
    memset(memory + at, 0x5A, size);
    return is_filled(memory, 0xA5, at) && is_filled(memory + at, 0x5A, size) &&
           is_filled(memory + at + size, 0xA5, 2 * COPY_MAX - at - size);
}

static void test_copies(void)
{
    static const size_t sizes[] = {1, 100, 1023, 1024, 1025, 4096, 4099, 12345, COPY_MAX - 17};
    uint8_t *memory = malloc(2 * COPY_MAX);
    bool is_right = memory != NULL, is_overlap_right = is_right, is_set_right = is_right;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && is_right; i++) {
        for (size_t offset = 0; offset < 17; offset += 5) {
            is_right = is_right && is_copied(memory, COPY_MAX + offset, 16 - offset, sizes[i]) &&
                       is_copied(memory, offset, COPY_MAX + 3, sizes[i]);
            is_overlap_right = is_overlap_right && is_copied(memory, offset, 100, sizes[i]) &&
                               is_copied(memory, 100 + offset, 90, sizes[i]);
            is_set_right = is_set_right && is_set(memory, offset, sizes[i]);
        }
    }
    free(memory);
    tap_ok(is_right, "copies are right, short and long");
    tap_ok(is_overlap_right, "so are those within one stretch");
    tap_ok(is_set_right, "and memory that is set");
}

/* ---- The TLB ---- */

#define LARGE (8 * MIB)
#define PASSES 31u

static int compare_times(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

/* As many reads, of so many pages in turn: the median of some passes. */
static uint64_t time_reads(const volatile uint8_t *memory, size_t size)
{
    uint64_t times_ns[PASSES];

    for (unsigned pass = 0; pass < PASSES; pass++) {
        uint64_t start_ns = bg_hal_time_ns();

        for (size_t i = 0; i < LARGE; i += PAGE_SIZE) {
            (void)memory[i % size];
        }
        times_ns[pass] = bg_hal_time_ns() - start_ns;
    }
    qsort(times_ns, PASSES, sizeof(times_ns[0]), compare_times);
    return times_ns[PASSES / 2];
}

/* An emulated CPU takes a hundred times as long for a page that its TLB does not hold. */
static void test_large(void)
{
    void *memory = malloc(LARGE);
    uint64_t few_ns = memory != NULL ? time_reads(memory, 16 * PAGE_SIZE) : 0;
    uint64_t all_ns = memory != NULL ? time_reads(memory, LARGE) : UINT64_MAX;

    tap_ok(all_ns < 10 * few_ns, "the pages of large memory stay in the TLB (%u ns, %u ns of few)",
           (unsigned)all_ns, (unsigned)few_ns);
    free(memory);
}

static int test_memory(void)
{
    tap_plan(0);
    test_copies();
    test_large();
    test_page_limits();
    test_all_pages();
    test_heap_calls();
    test_heap_random();
    test_dma();
    return tap_done();
}

APP(test_memory, "tests the page allocator, the heap and DMA memory", test_memory, "");
