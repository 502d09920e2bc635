/* SPDX-License-Identifier: BSD-2-Clause */
/* run=test_cache: maintenance by range keeps every byte that it must. */
#include <stdint.h>
#include <string.h>

#include "firmware/apps/app.h"
#include "tests/guest/lib/tap.h"
#include "firmware/platform/cache.h"
#include "firmware/platform/exception.h"

#define BUFFER_BYTES 1024

static uint8_t buffer[BUFFER_BYTES] __attribute__((aligned(256)));

static void fill(void)
{
    for (unsigned i = 0; i < BUFFER_BYTES; i++) {
        buffer[i] = (uint8_t)(i * 7 + 1);
    }
}

static bool is_kept(unsigned first, unsigned end)
{
    for (unsigned i = first; i < end; i++) {
        if (buffer[i] != (uint8_t)(i * 7 + 1)) {
            return false;
        }
    }
    return true;
}

static void clean_nothing_at_0(void *argument)
{
    (void)argument;
    cache_clean(NULL, 0);
    cache_invalidate(NULL, 0);
    cache_clean_invalidate(NULL, 0);
}

/* Each range is tried at every offset around a line's end. */
static void test_ranges(void)
{
    unsigned line = (unsigned)cache_data_line_size();
    bool cleaned = true;
    bool both = true;
    bool neighbours = true;

    for (unsigned first = line - 2; first <= line + 2; first++) {
        for (unsigned end = 3 * line - 2; end <= 3 * line + 2; end++) {
            fill();
            cache_clean(buffer + first, end - first);
            cleaned = cleaned && is_kept(0, BUFFER_BYTES);
            cache_clean_invalidate(buffer + first, end - first);
            both = both && is_kept(0, BUFFER_BYTES);
            fill();
            cache_invalidate(buffer + first, end - first);
            neighbours = neighbours && is_kept(0, first) && is_kept(end, BUFFER_BYTES);
        }
    }
    tap_ok(cleaned, "cleaning loses nothing");
    tap_ok(both, "cleaning and invalidating loses nothing");
    tap_ok(neighbours, "invalidating keeps the neighbours in the same line");
}

static bool is_line_size(size_t size)
{
    return size >= 4 && size <= 2048 && (size & (size - 1)) == 0;
}

static int test_cache(void)
{
    struct exception_record record;
    size_t data = cache_data_line_size();
    size_t code = cache_instruction_line_size();

    tap_plan(0);
    tap_ok(is_line_size(data), "a data line has %zu bytes", data);
    tap_ok(is_line_size(code), "a code line has %zu bytes", code);
    test_ranges();
    cache_sync_code(buffer, sizeof(buffer));
    tap_ok(is_kept(0, 1), "synchronising code returns");
    tap_ok(!exception_probe(clean_nothing_at_0, NULL, &record), "an empty range touches nothing");
    return tap_done();
}

APP(test_cache, "tests cache maintenance by range", test_cache, "");
