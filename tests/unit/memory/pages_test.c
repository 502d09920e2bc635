/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/memory/pages.c firmware/memory/layout.c
/* The page allocator against a model that knows each page's state. */
#include <stdlib.h>

#include "tests/unit/memory/panic.h"

#include "firmware/memory/memory.h"
#include "firmware/memory/pages.h"

#define BANK_COUNT 3
#define PAGES_MAX 8192
#define ALLOCATIONS 600
#define ROUNDS 30000

/* Odd places and sizes; the second begins inside what would be the first one's last block. */
static const struct pages_range banks[BANK_COUNT] = {
    {0x40003000, 1000 * PAGE_SIZE},
    {0x40003000 + 1001 * PAGE_SIZE, 37 * PAGE_SIZE},
    {0x180000800, 4096 * PAGE_SIZE}, /* not on a page: loses one */
};

static void *metadata;

enum page_state { OUTSIDE, FREE, USED };

static struct {
    uint64_t first;
    uint64_t count;
    enum page_state state[PAGES_MAX];
} model[BANK_COUNT];

static int setup(void **state)
{
    (void)state;
    metadata = malloc(pages_metadata_size(banks, BANK_COUNT));
    pages_init(banks, BANK_COUNT, metadata);
    for (unsigned i = 0; i < BANK_COUNT; i++) {
        model[i].first = (banks[i].base + PAGE_SIZE - 1) / PAGE_SIZE;
        model[i].count = (banks[i].base + banks[i].size) / PAGE_SIZE - model[i].first;
        for (uint64_t page = 0; page < model[i].count; page++) {
            model[i].state[page] = FREE;
        }
        pages_add(banks[i].base, banks[i].size);
    }
    srand(1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(metadata);
    return 0;
}

/* Every page of the run is in `from`; then it is in `to`. */
static void model_change(uint64_t base, uint64_t count, enum page_state from, enum page_state to)
{
    uint64_t page = base / PAGE_SIZE;

    for (unsigned i = 0; i < BANK_COUNT; i++) {
        if (page < model[i].first || page >= model[i].first + model[i].count) {
            continue;
        }
        assert_true(page + count <= model[i].first + model[i].count);
        for (uint64_t k = 0; k < count; k++) {
            assert_int_equal(model[i].state[page - model[i].first + k], from);
            model[i].state[page - model[i].first + k] = to;
        }
        return;
    }
    fail_msg("page %#llx is in no bank", (unsigned long long)page);
}

static bool model_has_free_block(uint64_t block)
{
    for (unsigned i = 0; i < BANK_COUNT; i++) {
        uint64_t page = (model[i].first + block - 1) / block * block;

        for (; page + block <= model[i].first + model[i].count; page += block) {
            uint64_t k = 0;

            while (k < block && model[i].state[page - model[i].first + k] == FREE) {
                k++;
            }
            if (k == block) {
                return true;
            }
        }
    }
    return false;
}

static uint64_t model_free_count(void)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < BANK_COUNT; i++) {
        for (uint64_t page = 0; page < model[i].count; page++) {
            count += model[i].state[page] == FREE;
        }
    }
    return count;
}

struct allocation {
    uint64_t base;
    uint64_t count;
};

static uint64_t power_at_least(uint64_t n)
{
    uint64_t power = 1;

    while (power < n) {
        power *= 2;
    }
    return power;
}

static void allocate(struct allocation *allocation)
{
    uint64_t count = 1 + (uint64_t)rand() % (rand() % 8 ? 8 : 700);
    uint64_t align_pages = 1ull << (rand() % 4 ? 0 : rand() % 8);
    uint64_t block = power_at_least(count > align_pages ? count : align_pages);
    uint64_t base = pages_alloc(count, align_pages * PAGE_SIZE);

    /* It fails exactly when there is no aligned block that holds it. */
    assert_int_equal(base != PAGES_NONE, model_has_free_block(block));
    if (base == PAGES_NONE) {
        return;
    }
    assert_int_equal(base % (align_pages * PAGE_SIZE), 0);
    model_change(base, count, FREE, USED);
    *allocation = (struct allocation){base, count};
}

/* All of it, or a part from its start or end. */
static void release(struct allocation *allocation)
{
    uint64_t count = rand() % 4 ? allocation->count : 1 + (uint64_t)rand() % allocation->count;
    uint64_t base = allocation->base;

    if (rand() % 2) {
        base += (allocation->count - count) * PAGE_SIZE;
    } else {
        allocation->base += count * PAGE_SIZE;
    }
    allocation->count -= count;
    pages_free(base, count);
    model_change(base, count, USED, FREE);
}

static void test_random_operations(void **state)
{
    static struct allocation allocations[ALLOCATIONS];
    struct pages_statistics before;
    struct pages_statistics statistics;

    (void)state;
    memset(allocations, 0, sizeof(allocations));
    pages_statistics(&before);
    assert_int_equal(before.free, model_free_count());
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct allocation *allocation = &allocations[rand() % ALLOCATIONS];

        if (allocation->count > 0) {
            release(allocation);
        } else {
            allocate(allocation);
        }
        if (i % 500 == 0) {
            pages_statistics(&statistics);
            assert_int_equal(statistics.free, model_free_count());
            assert_null(pages_check());
        }
    }
    for (unsigned i = 0; i < ALLOCATIONS; i++) {
        while (allocations[i].count > 0) {
            release(&allocations[i]);
        }
    }
    pages_statistics(&statistics);
    assert_int_equal(statistics.free, before.free);
    assert_int_equal(statistics.largest_free, before.largest_free);
    assert_null(pages_check());
}

static void test_everything_can_be_had(void **state)
{
    uint64_t count = 0;

    (void)state;
    for (uint64_t base; (base = pages_alloc(1, PAGE_SIZE)) != PAGES_NONE; count++) {
        model_change(base, 1, FREE, USED);
    }
    assert_int_equal(count, 1000 + 37 + 4095);
    assert_int_equal(model_free_count(), 0);
    pages_free(banks[1].base, 37);
    assert_true(pages_alloc(16, 16 * PAGE_SIZE) == 0x403f0000);
}

static void test_bad_requests(void **state)
{
    (void)state;
    assert_true(pages_alloc(0, PAGE_SIZE) == PAGES_NONE);
    assert_true(pages_alloc(UINT64_MAX, PAGE_SIZE) == PAGES_NONE);
    assert_true(pages_alloc(1, 1ull << 63) == PAGES_NONE);
    assert_true(pages_alloc(1ull << PAGES_ORDER_MAX, PAGE_SIZE) == PAGES_NONE);
    pages_free(banks[0].base, 0);
    assert_null(pages_check());
}

static void test_double_free(void **state)
{
    uint64_t base = pages_alloc(4, PAGE_SIZE);

    (void)state;
    pages_free(base + PAGE_SIZE, 1);
    assert_panics(pages_free(base, 4), "not allocated");
}

static void test_free_of_what_never_was(void **state)
{
    (void)state;
    assert_panics(pages_free(banks[0].base, 1), "not allocated");
}

static void test_free_outside(void **state)
{
    (void)state;
    assert_panics(pages_free(0x1000, 1), "outside every bank");
}

static void test_free_across_the_end(void **state)
{
    (void)state;
    assert_panics(pages_free(banks[1].base + 36 * PAGE_SIZE, 2), "outside every bank");
}

static void test_free_inside_a_page(void **state)
{
    uint64_t base = pages_alloc(1, PAGE_SIZE);

    (void)state;
    assert_panics(pages_free(base + 8, 1), "no page");
}

/* 8 GiB take a small part of themselves, and nothing else of them is written. */
static void test_metadata_is_small(void **state)
{
    const struct pages_range large = {0x40000000, 8ull << 30};

    (void)state;
    assert_true(pages_metadata_size(&large, 1) <= (8ull << 30) / PAGE_SIZE * 3 / 8 + 4096);
}

static void test_large_banks_without_touching_them(void **state)
{
    const struct pages_range large[2] = {{0x40000000, 8ull << 30}, {1ull << 40, 16ull << 30}};
    void *bits = malloc(pages_metadata_size(large, 2));
    struct pages_statistics statistics;
    uint64_t base;

    (void)state;
    pages_init(large, 2, bits); /* no memory is there: a touch would end the test */
    pages_add(large[0].base, large[0].size);
    pages_add(large[1].base, large[1].size);
    pages_statistics(&statistics);
    assert_int_equal(statistics.free, (24ull << 30) / PAGE_SIZE);
    base = pages_alloc((16ull << 30) / PAGE_SIZE, PAGE_SIZE);
    assert_int_equal(base, 1ull << 40);
    pages_free(base, (16ull << 30) / PAGE_SIZE);
    assert_null(pages_check());
    free(bits);
}

/* ---- layout ---- */

static void test_layout(void **state)
{
    const struct pages_range memory[] = {{0x40000000, 0x10000000}, {0x100000800, 0x2800}};
    const struct pages_range reserved[] = {
        {0x40000000, 0x100000}, /* at the start */
        {0x40200000, 0x123456}, /* ends inside a page */
        {0x40280000, 0x1000},   /* inside the one before */
        {0x40323000, 0x2000},   /* overlaps its last page */
        {0x4ffff000, 0x100000}, /* beyond the end */
        {0x50000000, 0},        /* nothing */
        {0x40150000, 0},        /* nothing, inside */
    };
    const struct pages_range expected[] = {
        {0x40100000, 0x100000},
        {0x40325000, 0x4ffff000 - 0x40325000},
        {0x100001000, 0x2000},
    };
    struct pages_range found;
    uint64_t at = 0;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_true(layout_next_free(memory, 2, reserved, 7, &at, &found));
        assert_int_equal(found.base, expected[i].base);
        assert_int_equal(found.size, expected[i].size);
    }
    assert_false(layout_next_free(memory, 2, reserved, 7, &at, &found));
}

static void test_layout_all_reserved(void **state)
{
    const struct pages_range memory = {0x40000000, 0x1000000};
    const struct pages_range reserved[] = {{0x40800000, 0x800000}, {0x40000000, 0x800001}};
    struct pages_range found;
    uint64_t at = 0;

    (void)state;
    assert_false(layout_next_free(&memory, 1, reserved, 2, &at, &found));
}

#define PAGES_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAGES_TEST(test_random_operations),
        PAGES_TEST(test_everything_can_be_had),
        PAGES_TEST(test_bad_requests),
        PAGES_TEST(test_double_free),
        PAGES_TEST(test_free_of_what_never_was),
        PAGES_TEST(test_free_outside),
        PAGES_TEST(test_free_across_the_end),
        PAGES_TEST(test_free_inside_a_page),
        cmocka_unit_test(test_metadata_is_small),
        cmocka_unit_test(test_large_banks_without_touching_them),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_layout_all_reserved),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
