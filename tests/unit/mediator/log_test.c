/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/log.c
/* A worker's lines, and lines of one kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "host/common/clock.h"
#include "host/mediator/log.h"

static void expect_line(const char *line, enum mediator_log_level level, const char *expected)
{
    char copy[128];
    const char *text;

    strcpy(copy, line);
    assert_int_equal(log_parse_line(copy, &text), level);
    assert_string_equal(text, expected);
}

static void test_parse_line(void **state)
{
    (void)state;
    expect_line("\1"
                "0it broke",
                MEDIATOR_LOG_ERROR, "it broke");
    expect_line("\1"
                "3",
                MEDIATOR_LOG_DEBUG, "");
    expect_line("", MEDIATOR_LOG_WARNING, "");
    expect_line("free(): invalid pointer", MEDIATOR_LOG_WARNING, "free(): invalid pointer");
    /* No such level, and what a terminal takes for more than text. */
    expect_line("\1"
                "9\33[2J\r\t\302\233",
                MEDIATOR_LOG_WARNING, "?9?[2J????");
}

static void test_limit(void **state)
{
    struct log_limit limit = {0};
    uint64_t now_ns = 100 * NS_PER_S;

    (void)state;
    assert_true(log_limit_take(&limit, now_ns));
    assert_int_equal(log_limit_collect(&limit, now_ns + 10 * NS_PER_S), 0);
    for (int i = 0; i < 1000; i++) {
        assert_false(log_limit_take(&limit, now_ns + NS_PER_S));
    }
    assert_int_equal(log_limit_collect(&limit, now_ns + NS_PER_S), 0); /* not yet */
    assert_int_equal(log_limit_collect(&limit, now_ns + 5 * NS_PER_S), 1000);
    assert_false(log_limit_take(&limit, now_ns + 6 * NS_PER_S)); /* the count was a line */
    assert_true(log_limit_take(&limit, now_ns + 10 * NS_PER_S));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_line),
        cmocka_unit_test(test_limit),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
