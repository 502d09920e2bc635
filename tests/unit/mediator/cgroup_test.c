/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/supervisor/cgroup.c host/mediator/log.c
/* Where a process's own control group is, by what /proc says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "host/mediator/supervisor/cgroup.h"

#define MOUNT "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"

/* NULL: it is not found. */
static const char *find(const char *groups, const char *mounts)
{
    static char path[4096];
    FILE *first = fmemopen((void *)groups, strlen(groups), "r");
    FILE *second = fmemopen((void *)mounts, strlen(mounts), "r");
    bool found = cgroup_find(first, second, path, sizeof(path));

    fclose(first);
    fclose(second);
    return found ? path : NULL;
}

static void test_usual(void **state)
{
    (void)state;
    assert_string_equal(find("0::/system.slice/baregpu.service\n", MOUNT),
                        "/sys/fs/cgroup/system.slice/baregpu.service");
    assert_string_equal(find("0::/\n", MOUNT), "/sys/fs/cgroup");
}

/* Version 1 beside it, and other file systems. */
static void test_both_versions(void **state)
{
    (void)state;
    assert_string_equal(
        find("4:memory:/elsewhere\n1:name=systemd:/x\n0::/a b\n",
             "1 1 0:1 / / rw - ext4 /dev/sda rw\n"
             "2 1 0:2 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
             "3 1 0:3 / /sys/fs/cgroup/unified rw shared:1 master:2 - cgroup2 none rw\n"),
        "/sys/fs/cgroup/unified/a b");
}

/* Containers see a part of the tree. */
static void test_part_of_the_tree(void **state)
{
    (void)state;
    assert_string_equal(
        find("0::/docker/123/sub\n", "5 4 0:3 /docker/123 /sys/fs/cgroup ro - cgroup2 cgroup rw\n"),
        "/sys/fs/cgroup/sub");
    assert_null(
        find("0::/docker/1234\n", "5 4 0:3 /docker/123 /sys/fs/cgroup ro - cgroup2 cgroup rw\n"));
    assert_null(find("0::/../other\n", MOUNT));
}

static void test_none(void **state)
{
    (void)state;
    assert_null(find("4:memory:/x\n", MOUNT));
    assert_null(find("0::/x\n", "2 1 0:2 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"));
    assert_null(find("0::/x\n", "nonsense - cgroup2 "));
    assert_null(find("nonsense\n", MOUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual),
        cmocka_unit_test(test_both_versions),
        cmocka_unit_test(test_part_of_the_tree),
        cmocka_unit_test(test_none),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
