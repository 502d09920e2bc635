/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/compute/cpu.c
/* What the CPU backend does in pieces: the same as at once, and how often it gives way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/mediator/compute/backend.h"

#define PIECES 3
#define SIZE (PIECES * BACKEND_PIECE + 4096 + 52) /* and some more, of no round number */
#define COUNT (SIZE / 4)

static struct backend *backend;
static unsigned ways; /* given */

static void count_way(void *owner)
{
    assert_ptr_equal(owner, &ways);
    ways++;
}

static int setup(void **state)
{
    (void)state;
    backend = backend_cpu_open();
    backend->give_way = count_way;
    backend->owner = &ways;
    ways = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    backend->ops->close(backend);
    return 0;
}

static backend_address make(uint64_t size)
{
    backend_address address = 0;

    assert_int_equal(backend->ops->memory_alloc(backend, size, &address), BG_COMPUTE_OK);
    return address;
}

static uint32_t *words(backend_address address)
{
    return (uint32_t *)(uintptr_t)address;
}

static void number(backend_address address, uint32_t first)
{
    for (uint32_t i = 0; i < COUNT; i++) {
        words(address)[i] = first + i;
    }
}

static void test_copy(void **state)
{
    backend_address a = make(SIZE), b = make(SIZE);

    (void)state;
    number(a, 1);
    backend->ops->copy_in_device(backend, b, a, SIZE, false);
    assert_int_equal(ways, PIECES); /* between the pieces, and not at the end */
    assert_memory_equal(words(a), words(b), SIZE);
    ways = 0;
    backend->ops->copy_in_device(backend, b, a, BACKEND_PIECE, false);
    assert_int_equal(ways, 0);
    backend->ops->memory_free(backend, a, SIZE);
    backend->ops->memory_free(backend, b, SIZE);
}

/* As memmove, whichever end is overwritten first. */
static void test_overlap(void **state)
{
    backend_address a = make(2 * SIZE);

    (void)state;
    for (int up = 0; up < 2; up++) {
        backend_address from = a + (up ? 0 : BACKEND_PIECE / 2);
        backend_address to = a + (up ? BACKEND_PIECE / 2 : 0);

        number(from, 7);
        backend->ops->copy_in_device(backend, to, from, SIZE, false);
        for (uint32_t i = 0; i < COUNT; i++) {
            assert_int_equal(words(to)[i], 7 + i);
        }
    }
    backend->ops->memory_free(backend, a, 2 * SIZE);
}

static void test_add(void **state)
{
    backend_address a = make(SIZE), b = make(SIZE);

    (void)state;
    number(a, 1);
    number(b, 2);
    backend->ops->vector_add(backend, BG_COMPUTE_ELEMENT_UINT32, a, a, b, COUNT, false);
    assert_int_equal(ways, PIECES);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(words(a)[i], 3 + 2 * i);
    }
    backend->ops->memory_free(backend, a, SIZE);
    backend->ops->memory_free(backend, b, SIZE);
}

static void test_fill(void **state)
{
    static const uint32_t texel[4] = {1, 2, 3, 4};
    backend_address a = make(SIZE);

    (void)state;
    backend->ops->fill(backend, a, texel, 16, SIZE / 16, false);
    assert_int_equal(ways, PIECES);
    for (uint32_t i = 0; i < SIZE / 16 * 4; i++) {
        assert_int_equal(words(a)[i], 1 + i % 4);
    }
    backend->ops->memory_free(backend, a, SIZE);
}

/* Many short rows count as what they are together. */
static void test_box(void **state)
{
    enum { ROW = 1024, ROWS = 2 * BACKEND_PIECE / ROW };
    backend_address a = make(2 * ROW * ROWS), b = make(ROW * ROWS);
    const struct backend_side src = {.address = a, .row_pitch = 2 * ROW, .slice_pitch = ROW};
    const struct backend_side dst = {.address = b, .row_pitch = ROW, .slice_pitch = ROW};
    const struct backend_box box = {.row_size = ROW, .rows = ROWS, .slices = 1};

    (void)state;
    for (uint32_t row = 0; row < ROWS; row++) {
        words(a)[row * 2 * ROW / 4] = row;
    }
    backend->ops->copy_box(backend, &dst, &src, &box, false);
    assert_int_equal(ways, 2);
    for (uint32_t row = 0; row < ROWS; row++) {
        assert_int_equal(words(b)[row * ROW / 4], row);
    }
    backend->ops->memory_free(backend, a, 2 * ROW * ROWS);
    backend->ops->memory_free(backend, b, ROW * ROWS);
}

/* Pages are given back in pieces as well. */
static void test_memory_free(void **state)
{
    const uint64_t size = UINT64_C(100) << 20;
    backend_address a = make(size);

    (void)state;
    memset(words(a), 1, size);
    backend->ops->memory_free(backend, a, size);
    assert_in_range(ways, 2, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_copy), TEST(test_overlap), TEST(test_add),
        TEST(test_fill), TEST(test_box),     TEST(test_memory_free),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
