/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/cuda-cpu/ptxc/inherit.c
/*
 * What a compiler's process gets of a library's code from the one that it is forked from
 * (ptxc/inherit.h); here of libjansson.
 */
#define _GNU_SOURCE 1 /* dladdr */
#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "host/cuda-cpu/ptxc/inherit.h"

#define PAGE_PRESENT (UINT64_C(1) << 63) /* proc(5), of /proc/self/pagemap */
#define PARTS_MAX 16

static const char *library;

/* A mapping of the library. */
struct part {
    char line[512]; /* of /proc/self/maps */
    uint8_t *start;
    size_t size;
};

static unsigned find_parts(struct part parts[PARTS_MAX])
{
    FILE *file = fopen("/proc/self/maps", "r");
    char *real = realpath(library, NULL);
    unsigned count = 0;

    assert_non_null(file);
    assert_non_null(real);
    while (count < PARTS_MAX && fgets(parts[count].line, sizeof(parts[count].line), file) != NULL) {
        struct part *part = &parts[count];
        uintptr_t start, end;

        if (strstr(part->line, real) != NULL &&
            sscanf(part->line, "%" SCNxPTR "-%" SCNxPTR, &start, &end) == 2) {
            part->start = (uint8_t *)start;
            part->size = end - start;
            count++;
        }
    }
    fclose(file);
    free(real);
    return count;
}

/* What the kernel says of the page there; 0: nothing. */
static uint64_t page_at(const void *address)
{
    int file = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    uint64_t page = 0;
    off_t place = (off_t)((uintptr_t)address / (uintptr_t)sysconf(_SC_PAGESIZE) * sizeof(page));

    if (file < 0 || pread(file, &page, sizeof(page), place) != sizeof(page)) {
        page = 0;
    }
    close(file);
    return page;
}

static void touch(const void *address)
{
    (void)*(const volatile uint8_t *)address;
}

static int setup(void **state)
{
    Dl_info info;

    (void)state;
    assert_int_not_equal(dladdr((const void *)(uintptr_t)json_loads, &info), 0);
    library = info.dli_fname;
    return 0;
}

/* Each byte, each mapping and what may be done with it. */
static void test_nothing_changes(void **state)
{
    static struct part before[PARTS_MAX], after[PARTS_MAX];
    uint8_t *copies[PARTS_MAX];
    unsigned count = find_parts(before);

    (void)state;
    assert_true(count > 1 && count < PARTS_MAX);
    for (unsigned i = 0; i < count; i++) {
        copies[i] = malloc(before[i].size);
        memcpy(copies[i], before[i].start, before[i].size);
    }
    inherit_text("no such library");
    inherit_text(library);
    assert_int_equal(find_parts(after), count);
    for (unsigned i = 0; i < count; i++) {
        assert_string_equal(after[i].line, before[i].line);
        assert_memory_equal(after[i].start, copies[i], before[i].size);
        free(copies[i]);
    }
}

/* Of the code, what this process has run is mapped in a forked one, which has not. */
static void test_a_fork_has_what_was_run(void **state)
{
    const void *code = (const void *)(uintptr_t)json_loads;
    int status;

    (void)state;
    inherit_text(library);
    touch(code);
    if ((page_at(code) & PAGE_PRESENT) == 0) {
        skip(); /* no such file here */
    }
    pid_t child = fork();
    if (child == 0) {
        _exit((page_at(code) & PAGE_PRESENT) != 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_changes),
        cmocka_unit_test(test_a_fork_has_what_was_run),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup, NULL);
}
