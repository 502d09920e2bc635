/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/memory/pages.c
/* The heap against a model: random calls, best fit, and every misuse that it promises to find. */
#include <stdlib.h>
#include <sys/mman.h>

#include "tests/unit/memory/panic.h"

#include "firmware/memory/heap.c" /* its state is reset between tests */

#define ARENA_BYTES (64ull << 20)
#define SLOTS 700
#define ROUNDS 200000

static uint8_t *arena;
static void *metadata;
static uint64_t pages_at_start;

static uint64_t free_pages(void)
{
    struct pages_statistics statistics;

    pages_statistics(&statistics);
    return statistics.free;
}

static int setup(void **state)
{
    struct pages_range bank;

    (void)state;
    arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(arena != MAP_FAILED);
    bank = (struct pages_range){(uintptr_t)arena, ARENA_BYTES};
    metadata = malloc(pages_metadata_size(&bank, 1));
    pages_init(&bank, 1, metadata);
    pages_add(bank.base, bank.size);
    memset(&heap, 0, sizeof(heap));
    pages_at_start = free_pages();
    srand(2);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    munmap(arena, ARENA_BYTES);
    free(metadata);
    return 0;
}

struct slot {
    uint8_t *memory;
    size_t size;
    uint8_t value;
};

static void slot_verify(const struct slot *slot, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(slot->memory[i], slot->value);
    }
}

static void slot_fill(struct slot *slot, size_t size)
{
    assert_non_null(slot->memory);
    assert_int_equal((uintptr_t)slot->memory % HEAP_ALIGN, 0);
    assert_int_equal(heap_size_of(slot->memory), size);
    slot->size = size;
    slot->value = (uint8_t)rand();
    memset(slot->memory, slot->value, size);
}

static size_t random_size(void)
{
    switch (rand() % 16) {
    case 0:
        return (size_t)rand() % 200000;
    case 1:
        return 0;
    default:
        return (size_t)rand() % 500;
    }
}

static void slot_operate(struct slot *slot)
{
    size_t size = random_size();
    size_t align = 1ull << rand() % 13;

    if (slot->memory == NULL) {
        slot->memory = rand() % 4 ? heap_alloc(size) : heap_alloc_aligned(align, size);
        slot_fill(slot, size);
        return;
    }
    slot_verify(slot, slot->size);
    if (rand() % 3) {
        heap_free(slot->memory);
        slot->memory = NULL;
    } else {
        slot->memory = heap_realloc(slot->memory, size);
        slot_verify(slot, slot->size < size ? slot->size : size);
        slot_fill(slot, size);
    }
}

static void test_random_operations(void **state)
{
    static struct slot slots[SLOTS];
    struct heap_statistics statistics;

    (void)state;
    memset(slots, 0, sizeof(slots));
    for (unsigned i = 0; i < ROUNDS; i++) {
        slot_operate(&slots[rand() % SLOTS]);
        if (i % 5000 == 0) {
            assert_null(heap_check());
        }
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        heap_free(slots[i].memory);
    }
    assert_null(heap_check());
    heap_statistics(&statistics);
    assert_int_equal(statistics.bytes_in_use, 0);
    assert_int_equal(statistics.blocks_in_use, 0);
    /* One region is kept; everything else went back to the page allocator. */
    assert_int_equal(free_pages() * PAGE_SIZE + statistics.bytes_held, pages_at_start * PAGE_SIZE);
    assert_ptr_equal(heap.regions->next, NULL);
    assert_null(pages_check());
}

/* Three holes of 100, 60 and 200 units: each request takes the tightest that holds it. */
static void test_best_fit(void **state)
{
    void *holes[3];
    void *walls[3];
    static const size_t sizes[3] = {1600, 960, 3200};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        holes[i] = heap_alloc(sizes[i]);
        walls[i] = heap_alloc(16);
    }
    for (unsigned i = 0; i < 3; i++) {
        heap_free(holes[i]);
    }
    assert_ptr_equal(heap_alloc(900), holes[1]);
    assert_ptr_equal(heap_alloc(1500), holes[0]);
    assert_ptr_equal(heap_alloc(1700), holes[2]);
    for (unsigned i = 0; i < 3; i++) {
        heap_free(walls[i]);
    }
    assert_null(heap_check());
}

/* In one list (several sizes share it above 1 KiB) the order counts too. */
static void test_best_fit_in_one_list(void **state)
{
    void *large = heap_alloc(4500);
    void *wall = heap_alloc(16);
    void *small = heap_alloc(4200);
    void *end = heap_alloc(16);

    (void)state;
    assert_int_equal(list_of(4500 + 32), list_of(4200 + 32));
    heap_free(small);
    heap_free(large);
    assert_ptr_equal(heap_alloc(4190), small);
    assert_ptr_equal(heap_alloc(4300), large);
    heap_free(wall);
    heap_free(end);
}

static void test_neighbours_merge(void **state)
{
    void *parts[5];
    void *whole;

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        parts[i] = heap_alloc(1000);
    }
    heap_free(parts[1]);
    heap_free(parts[3]);
    heap_free(parts[2]);
    assert_null(heap_check());
    whole = heap_alloc(3000);
    assert_ptr_equal(whole, parts[1]);
}

static void test_realloc_in_place(void **state)
{
    char *memory = heap_alloc(100);
    void *next = heap_alloc(1000);

    (void)state;
    strcpy(memory, "kept");
    assert_ptr_equal(heap_realloc(memory, 50), memory);
    heap_free(next);
    assert_ptr_equal(heap_realloc(memory, 800), memory);
    assert_string_equal(memory, "kept");
    assert_null(heap_check());
    heap_free(memory);
}

static void test_large_requests(void **state)
{
    uint8_t *memory = heap_alloc(20 << 20);

    (void)state;
    assert_non_null(memory);
    memory[0] = memory[(20 << 20) - 1] = 1;
    assert_null(heap_alloc(100 << 20));
    assert_null(heap_alloc(SIZE_MAX));
    assert_null(heap_alloc(SIZE_MAX - 15));
    assert_null(heap_alloc_aligned(24, 10));
    assert_null(heap_alloc_aligned(1ull << 62, 10));
    assert_null(heap_realloc(memory, SIZE_MAX));
    memory[5] = 2; /* a realloc that fails leaves it alone */
    heap_free(memory);
    assert_null(heap_check());
}

static void test_empty_allocations_differ(void **state)
{
    void *a = heap_alloc(0);
    void *b = heap_alloc(0);

    (void)state;
    assert_non_null(a);
    assert_ptr_not_equal(a, b);
    heap_free(a);
    heap_free(b);
    heap_free(NULL);
}

static void test_double_free(void **state)
{
    void *memory = heap_alloc(100);
    void *wall = heap_alloc(100);

    (void)state;
    heap_free(memory);
    assert_panics(heap_free(memory), "freed twice");
    (void)wall;
}

/* The second free comes after the block was merged with the one below. */
static void test_double_free_after_merge(void **state)
{
    void *below = heap_alloc(100);
    void *memory = heap_alloc(100);
    void *wall = heap_alloc(100);

    (void)state;
    heap_free(below);
    heap_free(memory);
    assert_panics(heap_free(memory), "heap: ");
    (void)wall;
}

static void overrun_by_one(size_t size)
{
    char *memory = heap_alloc(size);

    memory[size] ^= 1;
    assert_panics(heap_free(memory), "past the end");
    heap.lock = (struct lock){0}; /* the panic took it along */
    memory[size] ^= 1;
    heap_free(memory);
}

static void test_overrun_by_one(void **state)
{
    (void)state;
    for (size_t size = 0; size < 64; size++) {
        overrun_by_one(size);
    }
}

static void test_overrun_found_by_realloc(void **state)
{
    char *memory = heap_alloc(30);

    (void)state;
    memory[30] = 0;
    assert_panics(heap_realloc(memory, 300), "past the end");
}

static void test_overrun_into_next_header(void **state)
{
    char *memory = heap_alloc(32);
    char *next = heap_alloc(32);

    (void)state;
    memset(memory, 0x41, 32 + 32);
    assert_panics(heap_free(next), "overwritten");
    heap.lock = (struct lock){0}; /* the panic took it along */
    assert_non_null(heap_check());
}

static void test_underrun(void **state)
{
    char *memory = heap_alloc(32);

    (void)state;
    memory[-1] ^= 0x10;
    assert_panics(heap_free(memory), "overwritten");
}

static void test_wild_pointer(void **state)
{
    char *memory = heap_alloc(100);

    (void)state;
    memset(memory, 0, 100);
    assert_panics(heap_free(memory + 32), "overwritten");
    heap.lock = (struct lock){0}; /* the panic took it along */
    assert_panics(heap_free(memory + 1), "not from malloc");
}

static void test_use_after_free(void **state)
{
    char *memory = heap_alloc(100);
    char *wall = heap_alloc(100);

    (void)state;
    heap_free(memory);
    memset(memory, 0x41, 16);
    assert_panics(heap_alloc(100), "used after free");
    (void)wall;
}

#define HEAP_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEAP_TEST(test_random_operations),
        HEAP_TEST(test_best_fit),
        HEAP_TEST(test_best_fit_in_one_list),
        HEAP_TEST(test_neighbours_merge),
        HEAP_TEST(test_realloc_in_place),
        HEAP_TEST(test_large_requests),
        HEAP_TEST(test_empty_allocations_differ),
        HEAP_TEST(test_double_free),
        HEAP_TEST(test_double_free_after_merge),
        HEAP_TEST(test_overrun_by_one),
        HEAP_TEST(test_overrun_found_by_realloc),
        HEAP_TEST(test_overrun_into_next_header),
        HEAP_TEST(test_underrun),
        HEAP_TEST(test_wild_pointer),
        HEAP_TEST(test_use_after_free),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
