/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/check_fixture.h"

_Alignas(256) uint32_t out[WORDS + 64], in[WORDS];
struct memory memory;
struct textures textures;
char *json, *text;
size_t json_size;
static size_t text_size;
static struct check_options options;
FILE *json_file;
static FILE *text_file;
uint64_t errors;

void open_memory(unsigned kinds, unsigned limit)
{
    free(json);
    free(text);
    json = text = NULL;
    memset(out, 0, sizeof(out));
    memset(in, 0, sizeof(in));
    json_file = open_memstream(&json, &json_size);
    text_file = open_memstream(&text, &text_size);
    options = (struct check_options){kinds, limit, text_file, json_file};
    memory.check = check_create(&options);
    assert_non_null(memory.check);
    assert_true(memory_add(&memory, address_of(out), WORDS * sizeof(out[0]), false));
    assert_true(memory_add(&memory, address_of(in), sizeof(in), false));
    check_written(memory.check, address_of(out), WORDS * sizeof(out[0]));
}

int setup(void **state)
{
    (void)state;
    open_memory(CHECK_ALL, CHECK_LIMIT);
    return 0;
}

void close_memory(void)
{
    if (memory.check != NULL) {
        memory_remove(&memory, address_of(out));
        memory_remove(&memory, address_of(in));
        errors = check_destroy(memory.check);
        memory_clear(&memory);
        fclose(json_file);
        fclose(text_file);
    }
}

int teardown(void **state)
{
    (void)state;
    close_memory();
    textures_clear(&textures);
    free(json);
    free(text);
    json = text = NULL;
    return 0;
}

static struct program *load(const char *source, struct launch *launch, const struct ptx_log *log)
{
    struct program *program =
        program_create(source, strlen(source), &memory, (struct ptx_log *)(uintptr_t)log);

    if (program == NULL || !program_prepare(program, program_find_kernel(program, "k"), launch,
                                            (struct ptx_log *)(uintptr_t)log)) {
        print_error("%s\n%s", source, log->text);
        fail();
    }
    return program;
}

enum launch_status launch_at(const char *source, unsigned grid, unsigned block, const void *first,
                             const void *second)
{
    static const uint32_t never;
    static char log_text[4096];
    const uint64_t params[2] = {address_of(first), address_of(second)};
    struct launch launch = {
        .grid = {grid, 1, 1},
        .block = {block, 1, 1},
        .params = params,
        .memory = &memory,
        .textures = &textures,
        .stop = &never,
    };
    struct launch_fault fault;
    struct ptx_log log;
    struct program *program;
    enum launch_status status;

    ptx_log_init(&log, log_text, sizeof(log_text));
    program = load(source, &launch, &log);
    launch.shared_size = program_find_kernel(program, "k")->shared_size;
    status = launch_run(&launch, &fault);
    program_destroy(program);
    return status;
}

void run(const char *source, unsigned grid, unsigned block)
{
    assert_int_equal(launch_at(source, grid, block, out, in), LAUNCH_OK);
}

/* ---- What was found ---- */

/* The place of the instruction behind a mark. */
static void find_mark(const char *source, const char *mark, unsigned *line, unsigned *column)
{
    const char *place = strstr(source, mark);

    assert_non_null(place);
    place += strlen(mark);
    *line = *column = 1;
    for (const char *c = source; c < place; c++) {
        *line += *c == '\n';
        *column = *c == '\n' ? 1 : *column + 1;
    }
}

void assert_within(const char *where, const char *what)
{
    if (strstr(where, what) == NULL) {
        print_error("%s\nis not in\n%s", what, where);
        fail();
    }
}

/* The first finding of a kind at a mark: what follows its place. */
static const char *finding(const char *source, const char *kind, const char *mark)
{
    char start[64], place[64];
    unsigned line, column;
    char *found;

    fflush(json_file);
    find_mark(source, mark, &line, &column);
    snprintf(start, sizeof(start), "{\"kind\":\"%s\",\"what\"", kind);
    snprintf(place, sizeof(place), "\"line\":%u,\"column\":%u,\"block\"", line, column);
    for (found = json; (found = strstr(found, start)) != NULL; found++) {
        char *end = strchr(found, '\n'), *at = strstr(found, place);
        char *other = strstr(found, "\"other\"");

        if (at != NULL && at < end && (other == NULL || other > end || at < other)) {
            return at;
        }
    }
    print_error("no %s at %s (%s) in\n%s", kind, mark, place, json);
    fail();
    return NULL;
}

void assert_found(const char *source, const char *kind, const char *mark, unsigned block,
                  unsigned thread, const void *address)
{
    const char *at = finding(source, kind, mark);
    char who[128], where[128], line[2048];

    snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
    snprintf(who, sizeof(who), "\"block\":[%u,0,0],\"thread\":[%u,0,0]", block, thread);
    assert_within(line, who);
    if (address != NULL) {
        snprintf(where, sizeof(where), "\"address\":\"0x%llx\"",
                 (unsigned long long)address_of(address));
        assert_within(line, where);
    }
}

void assert_other(const char *source, const char *kind, const char *mark, const char *other_mark,
                  unsigned block, unsigned thread)
{
    const char *at = finding(source, kind, mark);
    char other[128], line_text[2048];
    unsigned line, column;

    snprintf(line_text, sizeof(line_text), "%.*s", (int)strcspn(at, "\n"), at);
    find_mark(source, other_mark, &line, &column);
    snprintf(other, sizeof(other),
             "\"other\":{\"line\":%u,\"column\":%u,\"block\":[%u,0,0],\"thread\":[%u,0,0]", line,
             column, block, thread);
    assert_within(line_text, other);
}

void assert_says(const char *source, const char *kind, const char *mark, const char *what)
{
    const char *at = finding(source, kind, mark);
    char line[2048];

    while (at > json && at[-1] != '\n') {
        at--;
    }
    snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
    assert_within(line, what);
}

void assert_clean(void)
{
    fflush(json_file);
    if (json_size != 0) {
        print_error("%s", json);
        fail();
    }
}

void run_clean(const char *source, unsigned grid, unsigned block)
{
    run(source, grid, block);
    assert_clean();
}
