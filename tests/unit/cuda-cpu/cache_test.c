/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(addprefix host/cuda-cpu/ptx/,input.c log.c) host/cuda-cpu/program/cache.c host/cuda-cpu/program/digest.c
// build: host/cuda-cpu/program/processor.c host/cuda-cpu/ptxc/source.c host/cuda-cpu/ptxc/limits.c
/* The compiler's answers of before: what is found again, and what is not. */
#include <elf.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/cuda-cpu/program/cache.h"
#include "host/cuda-cpu/program/digest.h"

#define LARGE 100000

static char root[PATH_MAX], place[PATH_MAX + 16], tool[PATH_MAX + 16];
static struct source compiler;

struct source compiler_source(void)
{
    return compiler;
}

/* ---- What they are named by ---- */

static void expect_digest(size_t size, const char *expected)
{
    unsigned char bytes[1000], result[DIGEST_SIZE];
    char text[2 * DIGEST_SIZE + 1];
    struct digest digest;

    for (size_t part = 1; part <= 1000; part += 111) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = (unsigned char)(i % 251);
        }
        digest_start(&digest);
        for (size_t i = 0; i < size; i += part) {
            digest_add(&digest, bytes + i, size - i < part ? size - i : part);
        }
        digest_finish(&digest, result);
        for (size_t i = 0; i < DIGEST_SIZE; i++) {
            snprintf(text + 2 * i, 3, "%02x", result[i]);
        }
        assert_string_equal(text, expected);
    }
}

/* Against another implementation's. */
static void test_digests(void **state)
{
    (void)state;
    expect_digest(0, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    expect_digest(128, "c3582f71ebb2be66fa5dd750f80baae97554f3b015663c8be377cfcb2488c1d1");
    expect_digest(129, "f7f3c46ba2564ff4c4c162da1f5b605f9f1c4aa6a20652a9f9a337c1a2f5b9c9");
    expect_digest(1000, "b372d0608f720c8c3dd41e9c8eecb10143b41abe520b616607e754bf79c08331");
}

/* ---- The directory ---- */

static void for_entries(void (*each)(const char *path))
{
    DIR *directory = opendir(place);
    char path[2 * PATH_MAX];

    if (directory == NULL) {
        return;
    }
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof(path), "%s/%s", place, entry->d_name);
            each(path);
        }
    }
    closedir(directory);
}

static size_t entries;

static void count_entry(const char *path)
{
    (void)path;
    entries++;
}

static size_t count(void)
{
    entries = 0;
    for_entries(count_entry);
    return entries;
}

static void remove_entry(const char *path)
{
    unlink(path);
}

static void write_tool(const char *text)
{
    FILE *file = fopen(tool, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int setup(void **state)
{
    (void)state;
    write_tool("compiler");
    compiler = source_of(tool);
    return cache_open(place, CACHE_SIZE) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    cache_close();
    for_entries(remove_entry);
    rmdir(place);
    unlink(tool);
    return 0;
}

/* ---- Entries ---- */

static struct compile_request request_of(const char *text)
{
    return (struct compile_request){
        .what = COMPILE_KERNEL,
        .text = text,
        .text_size = strlen(text),
        .kernel = "k",
        .limits = compile_default_limits,
    };
}

static void keep(const struct compile_request *request, size_t size)
{
    struct compile_answer answer = {.bytes = malloc(size), .size = size, .llvm = compiler};

    assert_non_null(answer.bytes);
    memset(answer.bytes, (int)size, size);
    cache_keep(request, &answer);
    free(answer.bytes);
}

/* Its size; 0: there is none. */
static size_t find(const struct compile_request *request)
{
    struct compile_answer answer;

    if (!cache_find(request, &answer)) {
        assert_null(answer.bytes);
        return 0;
    }
    for (size_t i = 0; i < answer.size; i++) {
        assert_int_equal(((unsigned char *)answer.bytes)[i], answer.size & 0xFF);
    }
    free(answer.bytes);
    return answer.size;
}

static void test_found(void **state)
{
    struct compile_request request = request_of("text"), other = request;

    (void)state;
    assert_int_equal(find(&request), 0);
    keep(&request, 1000);
    assert_int_equal(find(&request), 1000);
    other.text = "texT";
    assert_int_equal(find(&other), 0);
    other = request;
    other.kernel = "l";
    assert_int_equal(find(&other), 0);
    other = request;
    other.what = COMPILE_MODULE;
    assert_int_equal(find(&other), 0);
    other = request;
    other.options.has_fma = !other.options.has_fma;
    assert_int_equal(find(&other), 0);
    other = request;
    other.options.has_masks = !other.options.has_masks;
    assert_int_equal(find(&other), 0);
    other = request;
    other.options.isa = KERNEL_ISA_AVX2;
    assert_int_equal(find(&other), 0);
    other = request;
    other.options.is_stacked = !other.options.is_stacked;
    assert_int_equal(find(&other), 0);
    other = request;
    other.options.is_full = !other.options.is_full;
    assert_int_equal(find(&other), 0);
    memset(&other.options, 0xFF, sizeof(other.options)); /* between the members, too */
    other.options.has_fma = other.options.has_f16 = other.options.has_masks = false;
    other.options.is_stacked = other.options.is_full = false;
    other.options.masked_alone = other.options.is_checked = false;
    other.options.row = other.options.machine = 0;
    other.options.isa = KERNEL_ISA_NATIVE;
    assert_int_equal(find(&other), 1000);
    other.options.machine = EM_AARCH64;
    assert_int_equal(find(&other), 0);
    other = request;
    other.limits.time = 1;
    assert_int_equal(find(&other), 1000);
    other.limits.answer = 999;
    assert_int_equal(find(&other), 0);
    keep(&request, 2000);
    assert_int_equal(find(&request), 2000);
    assert_int_equal(count(), 1);
}

/* With another compiler, or another LLVM, all is made again. */
static void test_sources(void **state)
{
    const struct compile_request request = request_of("text");

    (void)state;
    keep(&request, 1000);
    compiler.modified_ns++;
    assert_int_equal(find(&request), 0);
    compiler.modified_ns--;
    assert_int_equal(find(&request), 1000);
    write_tool("another compiler");
    assert_int_equal(find(&request), 0);
    unlink(tool);
    assert_int_equal(find(&request), 0);
}

/* ---- What somebody else did to them ---- */

static long changed_at;

static void change(const char *path)
{
    FILE *file = fopen(path, "r+");
    int byte;

    assert_non_null(file);
    fseek(file, changed_at, SEEK_SET);
    byte = fgetc(file);
    fseek(file, changed_at, SEEK_SET);
    fputc(byte ^ 0x10, file);
    fclose(file);
}

static void cut(const char *path)
{
    assert_int_equal(truncate(path, changed_at), 0);
}

static void open_to_all(const char *path)
{
    assert_int_equal(chmod(path, 0644), 0);
}

static void test_corrupted(void **state)
{
    static const long places[] = {0, 10, 50, 300, 340, 400, 1300};
    const struct compile_request request = request_of("text");

    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        changed_at = places[i];
        keep(&request, 1000);
        for_entries(change);
        assert_int_equal(find(&request), 0);
        keep(&request, 1000);
        for_entries(cut);
        assert_int_equal(find(&request), 0);
    }
    keep(&request, 1000);
    assert_int_equal(find(&request), 1000);
    for_entries(open_to_all);
    assert_int_equal(find(&request), 0);
}

static void test_directories(void **state)
{
    char path[PATH_MAX + 64];

    (void)state;
    assert_false(cache_open("", 1));
    assert_false(cache_open("relative", 1));
    assert_false(cache_open("/proc/nothing", 1));
    chmod(place, 0755);
    assert_false(cache_open(place, 1));
    chmod(place, 0700);
    snprintf(path, sizeof(path), "%s/link", root);
    assert_int_equal(symlink(place, path), 0);
    assert_false(cache_open(path, 1));
    unlink(path);
    assert_true(cache_open(place, 1));
}

static void test_settings(void **state)
{
    const struct compile_request request = request_of("text");
    char path[PATH_MAX + 64];

    (void)state;
    snprintf(path, sizeof(path), "%s/baregpu/cuda", root);
    setenv("BAREGPU_CUDA_CACHE", "0", 1);
    cache_open_default();
    keep(&request, 1000);
    assert_int_equal(find(&request), 0);
    unsetenv("BAREGPU_CUDA_CACHE");
    setenv("XDG_CACHE_HOME", root, 1);
    cache_open_default();
    assert_int_equal(access(path, W_OK), 0);
    rmdir(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    setenv("XDG_CACHE_HOME", "", 1);
    unsetenv("HOME");
    cache_open_default();
    keep(&request, 1000);
    assert_int_equal(find(&request), 0);
    setenv("BAREGPU_CUDA_CACHE", place, 1);
    cache_open_default();
    keep(&request, 1000);
    assert_int_equal(find(&request), 1000);
}

static void open_to_readers(const char *path)
{
    assert_int_equal(chmod(path, 0444), 0);
}

static void open_to_writers(const char *path)
{
    assert_int_equal(chmod(path, 0464), 0);
}

/* Somebody else's, who is trusted. */
static void test_shared(void **state)
{
    const struct compile_request request = request_of("text"), other = request_of("other");

    (void)state;
    keep(&request, 1000);
    for_entries(open_to_readers);
    chmod(place, 0755);
    setenv("BAREGPU_CUDA_CACHE", place, 1);
    cache_open_default();
    assert_int_equal(find(&request), 0);
    setenv("BAREGPU_CUDA_CACHE_SHARED", "1", 1);
    cache_open_default();
    assert_int_equal(find(&request), 1000);
    keep(&other, 1000);
    assert_int_equal(find(&other), 0);
    for_entries(open_to_writers);
    assert_int_equal(find(&request), 0);
    for_entries(open_to_readers);
    chmod(place, 0775);
    cache_open_default();
    assert_int_equal(find(&request), 0);
    chmod(place, 0700);
    unsetenv("BAREGPU_CUDA_CACHE_SHARED");
    cache_open_default();
}

/* ---- Many ---- */

static void test_bound(void **state)
{
    char text[32];
    struct compile_request first = request_of("0"), last = request_of("99");

    (void)state;
    assert_true(cache_open(place, 10 * LARGE));
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "%d", i);
        struct compile_request request = request_of(text);

        keep(&request, LARGE);
        assert_true(count() <= 10);
        assert_int_equal(find(&first), LARGE); /* which makes it a new one */
    }
    assert_int_equal(find(&last), LARGE);
    keep(&last, 11 * LARGE); /* more than all of it */
    assert_int_equal(find(&last), 0);
    assert_int_equal(count(), 0);
}

static void work(unsigned number)
{
    char text[32];

    for (unsigned i = 0; i < 200; i++) {
        snprintf(text, sizeof(text), "%u", (i + number) % 5);
        struct compile_request request = request_of(text);

        if (find(&request) == 0) {
            keep(&request, 1000 + i);
        }
    }
}

/* Processes that write and remove the same ones: each is whole, or not there. */
static void test_processes(void **state)
{
    pid_t processes[4];

    (void)state;
    assert_true(cache_open(place, 5000));
    for (unsigned i = 0; i < 4; i++) {
        processes[i] = fork();
        if (processes[i] == 0) {
            work(i);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        int status;

        assert_int_equal(waitpid(processes[i], &status, 0), processes[i]);
        assert_int_equal(status, 0);
    }
    assert_true(count() <= 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digests),
        TEST(test_found),
        TEST(test_sources),
        TEST(test_corrupted),
        TEST(test_directories),
        TEST(test_settings),
        TEST(test_shared),
        TEST(test_bound),
        TEST(test_processes),
    };
    char pattern[] = "/tmp/cache_test.XXXXXX";

    if (mkdtemp(pattern) == NULL) {
        return 1;
    }
    strcpy(root, pattern);
    snprintf(place, sizeof(place), "%s/cache", root);
    snprintf(tool, sizeof(tool), "%s/tool", root);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(root);
    return failures;
}
