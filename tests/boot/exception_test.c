/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/boot/boot_guest.c
// needs: build/firmware/baregpu-test.elf build/firmware/baregpu-test.img
/*
 * Runs that end badly: each prints what it must and fails, none hangs. And the guest's own tests of
 * memory, MMU and caches, on several CPUs.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot_guest.h"
#include "harness.h"

#define DEADLINE_MS 60000u
#define STATUS_EXCEPTION 124
#define TEXTS_MAX 5

static struct boot_result run(const char *append, const char *cpu, const char *memory,
                              const char *machine, bool semihosting)
{
    struct boot boot = {
        .machine = machine,
        .cpu = cpu,
        .memory = memory,
        .append = append,
        .cpus = 2,
        .no_semihosting = !semihosting,
        .deadline_ms = DEADLINE_MS,
    };

    return boot_run(&boot);
}

struct ending {
    const char *kind;
    const char *texts[TEXTS_MAX];
};

static const struct ending endings[] = {
    {"read-null",
     {"exception in the kernel (CPU 0)", "data abort: translation fault",
      "reading 0x0000000000000000", "FAR  0x0000000000000000", "backtrace:\n  0x00000000402"}},
    {"write-text", {"data abort: permission fault, level 3, writing 0x00000000402", "SPSR"}},
    {"write-rodata", {"data abort: permission fault, level 3, writing 0x00000000402"}},
    {"execute-data",
     {"instruction abort: permission fault, level 3, at 0x00000000402", "(not code)", "(x30)"}},
    {"undefined", {"undefined instruction", "ESR  0x0000000002000000"}},
    {"brk", {"BRK instruction", "ESR  0x00000000f2000001"}},
    {"svc", {"SVC", "ESR  0x0000000056000001"}},
    {"overflow", {"translation fault, level 3", "(stack overflow)", "  ...\n"}},
    {"nested", {"exception in an exception handler (CPU 0)", "data abort"}},
    {"bad-frame", {"BRK instruction", "x29 0x0000000000001230", "(x30)"}},
    {"frame-loop", {"BRK instruction", "ESR  0x00000000f2000004"}},
    {"assert", {"assertion failed: zero == 1", "guest/exception.c:", "backtrace:"}},
    {"abort", {"panic: abort: signal", "backtrace:"}},
    {"double-free", {"panic: heap: freed twice", "backtrace:"}},
    {"overrun", {"panic: heap: written past the end of an allocation", "backtrace:"}},
    {"wild-free", {"panic: heap: "}},
    {"page-double-free", {"panic: pages: freeing pages that are not allocated"}},
    {"handler-fault",
     {"exception in an exception handler (CPU 0)", "data abort: translation fault",
      "backtrace:\n  0x00000000402", "\n  0x00000000402"}},
    {"handler-panic", {"panic: in a handler (CPU 0)", "backtrace:\n  0x00000000402"}},
    {"other-cpu", {"exception in the kernel (CPU 1)", "data abort: translation fault"}},
};

static void expect_texts(const struct boot_result *result, const struct ending *ending)
{
    assert_non_null(strstr(result->output, "about to: "));
    assert_null(strstr(result->output, "survived"));
    for (unsigned i = 0; i < TEXTS_MAX && ending->texts[i] != NULL; i++) {
        if (strstr(result->output, ending->texts[i]) == NULL) {
            boot_print_end(result);
            fail_msg("%s: no \"%s\" in the output", ending->kind, ending->texts[i]);
        }
    }
}

static void test_endings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        char *append = harness_format("run=test_exception kind=%s", endings[i].kind);
        struct boot_result result = run(append, "max", "256M", "virt", true);

        assert_true(result.ended);
        assert_int_equal(result.status, STATUS_EXCEPTION);
        expect_texts(&result, &endings[i]);
        boot_result_free(&result);
        free(append);
    }
}

/* The report goes over the serial line, and the machine is switched off. */
static void expect_ending_without_semihosting(const char *machine)
{
    struct boot_result result =
        run("run=test_exception kind=read-null", "cortex-a57", "256M", machine, false);

    assert_true(result.ended);
    assert_non_null(strstr(result.output, "data abort: translation fault"));
    assert_non_null(strstr(result.output, "baregpu: exit status 124"));
    assert_null(strstr(result.output, "no way to power off"));
    boot_result_free(&result);
}

static void test_endings_without_semihosting(void **state)
{
    (void)state;
    expect_ending_without_semihosting("virt");
    expect_ending_without_semihosting("virt,virtualization=on");
    expect_ending_without_semihosting("virt,secure=on");
}

/* A hang is told apart from an end, and what was printed before it is there. */
static void test_hang_is_seen(void **state)
{
    struct boot boot = {
        .machine = "virt",
        .cpu = "max",
        .memory = "256M",
        .append = "run=test_exception kind=hang",
        .deadline_ms = DEADLINE_MS,
        .last_words = "about to hang",
    };
    struct boot_result result = boot_run(&boot);

    (void)state;
    assert_false(result.ended);
    assert_non_null(strstr(result.output, "about to hang"));
    boot_result_free(&result);
}

static void test_unknown_app(void **state)
{
    struct boot_result result = run("run=nonsense", "max", "256M", "virt", true);

    (void)state;
    assert_true(result.ended);
    assert_int_equal(result.status, 2);
    assert_non_null(strstr(result.output, "There is no app \"nonsense\""));
    assert_non_null(strstr(result.output, "\n  demo "));
    boot_result_free(&result);
}

static void test_unknown_option(void **state)
{
    struct boot_result result = run("run=screen frames=1 frame=1", "max", "256M", "virt", true);

    (void)state;
    assert_true(result.ended);
    assert_int_equal(result.status, 2);
    assert_non_null(strstr(result.output, "screen has no option \"frame\". It has: frames "));
    boot_result_free(&result);
}

/* Refused before anything else is done: these machines have no GPU. */
static void test_wrong_values(void **state)
{
    static const struct {
        const char *append, *text;
    } wrong[] = {
        {"run=pvgpu frames=-1", "frames=-1 is refused: it takes a number from 0 to "},
        {"run=pvgpu count=abc", "count=abc is refused: it takes a number from 1 to "},
        {"run=pvgpu count=0", "count=0 is refused"},
        {"run=pvgpu count=12k", "count=12k is refused"},
        {"run=screen width=abc", "width=abc is refused"},
        {"run=screen height=18446744073709552416", "height=18446744073709552416 is refused"},
        {"run=screen hold=x", "hold=x is refused"},
        {"run=screen hold", "hold= is refused"},
        {"run=demo width=1", "width=1 is refused"},
        {"run=cube frames=0x", "frames=0x is refused"},
        {"run=bench-sst pairs=17", "pairs=17 is refused: it takes a number from 1 to 16"},
        {"run=bench-vgpu n=", "n= is refused"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct boot_result result = run(wrong[i].append, "max", "256M", "virt", true);

        assert_true(result.ended);
        assert_int_equal(result.status, 2);
        if (strstr(result.output, wrong[i].text) == NULL) {
            fail_msg("%s: %s", wrong[i].append, result.output);
        }
        boot_result_free(&result);
    }
}

/* What is cut is said. */
static void test_limits(void **state)
{
    static char line[1200] = "enable=on,target=native,arg=run=pci,arg=";
    const char *const arguments[] = {"-semihosting-config", line, NULL};
    struct boot boot = {
        .machine = "virt,gic-version=3",
        .cpu = "max",
        .memory = "256M",
        .append = "run=pci",
        .cpus = 66,
        .deadline_ms = DEADLINE_MS,
    };
    struct boot_result result = boot_run(&boot);

    (void)state;
    assert_int_equal(result.status, 0);
    assert_non_null(strstr(result.output, "# 64 CPUs are used, 2 left out\n"));
    boot_result_free(&result);

    memset(line + strlen(line), 'x', sizeof(line) - 1 - strlen(line));
    boot.append = "";
    boot.arguments = arguments;
    boot.cpus = 1;
    result = boot_run(&boot);
    assert_int_equal(result.status, 2);
    assert_non_null(strstr(result.output, "too long: 1023 bytes are allowed"));
    boot_result_free(&result);

    boot.append = line;
    boot.arguments = NULL;
    result = boot_run(&boot);
    assert_int_equal(result.status, STATUS_EXCEPTION);
    assert_non_null(strstr(result.output, "too long: 1023 bytes are allowed"));
    boot_result_free(&result);
}

/* The signs and bases that there are: what is missing is the GPU. */
static void test_right_values(void **state)
{
    struct boot_result result =
        run("run=cube frames=0x10 angle=-90 step=010 hold=0 width=64", "max", "256M", "virt", true);

    (void)state;
    assert_int_equal(result.status, 1);
    assert_non_null(strstr(result.output, "There is no virtio GPU."));
    boot_result_free(&result);
}

/* The guest tests that need no device, where they could differ. */
static void test_guest_tests(void **state)
{
    static const char *const apps[] = {"test_mmu", "test_memory", "test_cache"};
    static const char *const machines[][3] = {
        {"max", "256M", "virt"},
        {"cortex-a53", "8G", "virt,gic-version=3,virtualization=on"},
        {"cortex-a57", "3G", "virt,highmem=off,secure=on"},
        {"cortex-a72", "128M", "virt,gic-version=3"},
    };
    unsigned failed = 0;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned k = 0; k < 4; k++) {
            char *append = harness_format("run=%s", apps[i]);
            char *name = harness_format("%s on %s, %s, %s", apps[i], machines[k][2], machines[k][0],
                                        machines[k][1]);
            struct boot_result result =
                run(append, machines[k][0], machines[k][1], machines[k][2], true);

            failed += !boot_tap_passed(&result, name) || result.status != 0;
            boot_result_free(&result);
            free(append);
            free(name);
        }
    }
    assert_int_equal(failed, 0);
}

#define RAM_BASE 0x40000000ull

/* In the arm64 Image header, from byte 8 on. */
struct image_place {
    uint64_t offset; /* from the start of RAM */
    uint64_t size;   /* with bss and stacks */
};

/* A file of 0xff for all that the image needs in memory behind its own end; its loader's words. */
static char *make_dirty_memory(void)
{
    char *image_path = harness_build_path("firmware/baregpu-test.img");
    char *dirty_path = harness_temp_path("dirty");
    FILE *image = fopen(image_path, "rb");
    FILE *dirty = fopen(dirty_path, "wb");
    struct image_place place = {0};
    long file_size;
    char *device;

    assert_non_null(image);
    assert_non_null(dirty);
    assert_int_equal(fseek(image, 8, SEEK_SET), 0);
    assert_int_equal(fread(&place, sizeof(place), 1, image), 1);
    assert_int_equal(fseek(image, 0, SEEK_END), 0);
    file_size = ftell(image);
    assert_true(file_size > 0 && (uint64_t)file_size < place.size);
    for (uint64_t i = (uint64_t)file_size; i < place.size; i++) {
        assert_int_equal(fputc(0xff, dirty), 0xff);
    }
    fclose(image);
    fclose(dirty);
    device = harness_format("loader,file=%s,addr=%#llx,force-raw=on", dirty_path,
                            (unsigned long long)(RAM_BASE + place.offset + (uint64_t)file_size));
    free(image_path);
    free(dirty_path);
    return device;
}

/* QEMU's memory is zero at first; a machine's need not be. */
static void test_dirty_memory(void **state)
{
    char *device = make_dirty_memory();
    struct boot boot = {
        .machine = "virt",
        .cpu = "max",
        .memory = "256M",
        .append = "run=test_boot",
        .image = true,
        .device = device,
        .deadline_ms = DEADLINE_MS,
    };
    struct boot_result result = boot_run(&boot);

    (void)state;
    assert_true(boot_tap_passed(&result, "dirty memory"));
    assert_int_equal(result.status, 0);
    boot_result_free(&result);
    free(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endings),        cmocka_unit_test(test_endings_without_semihosting),
        cmocka_unit_test(test_hang_is_seen),   cmocka_unit_test(test_unknown_app),
        cmocka_unit_test(test_unknown_option), cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_right_values),   cmocka_unit_test(test_guest_tests),
        cmocka_unit_test(test_dirty_memory),   cmocka_unit_test(test_limits),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
