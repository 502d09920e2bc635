/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/boot/boot_guest.c
// needs: build/firmware/baregpu-test.elf
/*
 * Several CPUs: the guest's tests (apps test_smp, test_smp_litmus, test_smp_ring, test_smp_queues,
 * test_interrupt_churn, test_reset) on both GICs, at every entry level, with 1 to 8 CPUs, in
 * parallel and by turns. With BAREGPU_SOAK set every combination, and ten million buffers through
 * each ring.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "boot_guest.h"
#include "harness.h"

#define DEADLINE_MS 240000u
#define DEADLINE_SOAK_MS 7200000u
#define ROUNDS 100u
#define STATUS_EXCEPTION 124

static bool is_soak(void)
{
    return getenv("BAREGPU_SOAK") != NULL;
}

static struct boot_result run(const char *machine, const char *cpu, unsigned cpus,
                              const char *accelerator, const char *append)
{
    struct boot boot = {
        .machine = machine,
        .cpu = cpu,
        .memory = "256M",
        .append = append,
        .cpus = cpus,
        .accelerator = accelerator,
        .deadline_ms = is_soak() ? DEADLINE_SOAK_MS : DEADLINE_MS,
    };

    return boot_run(&boot);
}

/* Prints what the guest says for the reader. */
static void print_comments(const struct boot_result *result)
{
    char *copy = harness_format("%s", result->output);

    for (char *line = strtok(copy, "\r\n"); line != NULL; line = strtok(NULL, "\r\n")) {
        if (!strncmp(line, "# ", 2) && strncmp(line, "# line", 6) != 0) {
            printf("#   %s\n", line + 2);
        } else if (strstr(line, "control") != NULL) {
            printf("#   %s\n", line);
        }
    }
    free(copy);
}

static bool run_passes(const char *machine, const char *cpu, unsigned cpus, const char *accelerator,
                       const char *append)
{
    struct boot_result result = run(machine, cpu, cpus, accelerator, append);
    char *name = harness_format("%s: %s, %s, %u CPUs", append, machine, cpu, cpus);
    bool good = boot_tap_passed(&result, name) && result.status == 0;

    if (good && is_soak()) {
        print_comments(&result);
    }
    boot_result_free(&result);
    free(name);
    return good;
}

/* ---- The lines that all CPUs print at the same time ---- */

/* "# line cpu=3 number=17 length=20 dddd...|", whole, and in order on each CPU. */
static bool line_is_right(const char *line, unsigned cpus, unsigned *next)
{
    unsigned cpu;
    unsigned number;
    unsigned length;
    int at = 0;

    if (sscanf(line, "# line cpu=%u number=%u length=%u %n", &cpu, &number, &length, &at) != 3 ||
        at == 0 || cpu >= cpus || number != next[cpu]) {
        return false;
    }
    next[cpu]++;
    line += at;
    for (unsigned i = 0; i < length; i++, line++) {
        if (*line != 'a' + (char)(cpu % 26)) {
            return false;
        }
    }
    return !strcmp(line, "|");
}

static bool lines_are_whole(const struct boot_result *result, unsigned cpus, unsigned rounds)
{
    char *copy = harness_format("%s", result->output);
    unsigned next[64] = {0};
    bool good = true;
    char *rest = copy;

    for (char *line; good && (line = strsep(&rest, "\n")) != NULL;) {
        line[strcspn(line, "\r")] = 0;
        if (strstr(line, "line") != NULL && !line_is_right(line, cpus, next) &&
            strncmp(line, "ok ", 3) != 0) {
            printf("# not whole, or not its turn: \"%s\"\n", line);
            good = false;
        }
    }
    for (unsigned i = 0; i < cpus; i++) {
        if (next[i] != rounds) {
            printf("# CPU %u printed %u lines of %u\n", i, next[i], rounds);
            good = false;
        }
    }
    free(copy);
    return good;
}

static unsigned run_smp(const char *machine, const char *cpu, unsigned cpus,
                        const char *accelerator, unsigned cycles)
{
    unsigned rounds = is_soak() ? 10 * ROUNDS : ROUNDS;
    char *append =
        harness_format("run=test_smp expect_cpus=%u cycles=%u rounds=%u", cpus, cycles, rounds);
    struct boot_result result = run(machine, cpu, cpus, accelerator, append);
    char *name = harness_format("test_smp: %s, %s, %u CPUs, %s", machine, cpu, cpus,
                                accelerator != NULL ? accelerator : "tcg");
    bool good = boot_tap_passed(&result, name) && result.status == 0 &&
                lines_are_whole(&result, cpus, 2 * rounds);

    if (!good) {
        printf("# failed: %s\n", name);
    }
    boot_result_free(&result);
    free(name);
    free(append);
    return !good;
}

/* ---- Machines ---- */

static const char *const machines[] = {
    "virt",
    "virt,gic-version=3",
    "virt,virtualization=on",
    "virt,virtualization=on,gic-version=3",
    "virt,secure=on",
    "virt,secure=on,gic-version=3",
    "virt,secure=on,virtualization=on",
    "virt,secure=on,virtualization=on,gic-version=3",
};

#define MACHINES (sizeof(machines) / sizeof(machines[0]))

/* A thousand times on and off for each conduit: HVC, SMC, the mailbox. */
static void test_machines(void **state)
{
    static const unsigned counts[] = {4, 2, 8, 1, 4, 8, 2, 4};
    unsigned failed = 0;

    (void)state;
    for (unsigned i = 0; i < MACHINES; i++) {
        for (unsigned cpus = 1; cpus <= 8; cpus *= 2) {
            if (is_soak() || cpus == counts[i]) {
                failed += run_smp(machines[i], "max", cpus, NULL, is_soak() ? 10000 : 1000);
            }
        }
    }
    assert_int_equal(failed, 0);
}

/* Other cores: without a sleep that ends by itself, and with another GIC CPU interface. */
static void test_cores(void **state)
{
    unsigned failed = 0;

    (void)state;
    failed += run_smp("virt", "cortex-a57", 2, NULL, 200);
    failed += run_smp("virt,gic-version=3", "cortex-a72", 2, NULL, 200);
    failed += run_smp("virt,secure=on", "cortex-a53", 2, NULL, 200);
    assert_int_equal(failed, 0);
}

/* One thread of the host for all CPUs: whoever waits without a pause waits forever. */
static void test_by_turns(void **state)
{
    unsigned failed = 0;

    (void)state;
    failed += run_smp("virt", "max", 4, "tcg,thread=single", 100);
    failed += run_smp("virt,gic-version=3,secure=on", "cortex-a72", 2, "tcg,thread=single", 100);
    assert_int_equal(failed, 0);
}

/* Character by character, where two writers would mix. */
static void test_serial_line(void **state)
{
    struct boot boot = {
        .machine = "virt",
        .cpu = "max",
        .memory = "256M",
        .append = "run=test_smp expect_cpus=4 cycles=10 rounds=100",
        .cpus = 4,
        .no_semihosting = true,
        .deadline_ms = DEADLINE_MS,
    };
    struct boot_result result = boot_run(&boot);

    (void)state;
    assert_true(boot_tap_passed(&result, "serial line"));
    assert_non_null(strstr(result.output, "baregpu: exit status 0"));
    assert_true(lines_are_whole(&result, 4, 200));
    boot_result_free(&result);
}

/* ---- Ordering ---- */

/* Whether the host may let an emulated acquire pass the release before it. */
static bool shows_weak_order(void)
{
#ifdef __x86_64__
    return sysconf(_SC_NPROCESSORS_ONLN) >= 2;
#else
    return false;
#endif
}

static void test_litmus(void **state)
{
    char *append =
        harness_format("run=test_smp_litmus rounds=%u%s", is_soak() ? 40000000u : 400000u,
                       shows_weak_order() ? " expect_weak=1" : "");
    struct boot_result result;
    bool good;

    (void)state;
    result = run("virt", "max", 4, "tcg,thread=multi", append);
    good = boot_tap_passed(&result, "litmus") && result.status == 0;
    print_comments(&result);
    boot_result_free(&result);
    assert_true(good);
    assert_true(
        run_passes("virt,gic-version=3,secure=on", "cortex-a72", 2, "tcg,thread=multi", append));
    free(append);
    assert_true(
        run_passes("virt", "max", 2, "tcg,thread=single", "run=test_smp_litmus rounds=100000"));
    assert_true(run_passes("virt", "max", 1, NULL, "run=test_smp_litmus rounds=100000"));
}

static void test_ring(void **state)
{
    char *append = harness_format("run=test_smp_ring buffers=%u", is_soak() ? 10000000u : 20000u);
    bool good;

    (void)state;
    good = run_passes("virt", "max", 2, "tcg,thread=multi", append);
    good &= run_passes("virt,gic-version=3", "max", 4, "tcg,thread=multi",
                       is_soak() ? "run=test_smp_ring buffers=1000000" : append);
    good &= run_passes("virt,secure=on", "cortex-a57", 2, NULL, "run=test_smp_ring buffers=2000");
    good &= run_passes("virt", "max", 3, "tcg,thread=single", "run=test_smp_ring buffers=1000");
    free(append);
    assert_true(good);
}

/* ---- A queue for each CPU ---- */

#define DISK_BYTES (32u << 20)

static void test_queues(void **state)
{
    static const struct {
        const char *machine;
        const char *append;
        const char *device;
    } runs[] = {
        {"virt", "run=test_smp_queues", ""},
        {"virt,gic-version=3", "run=test_smp_queues packed=1", ",packed=on"},
        {"virt,secure=on", "run=test_smp_queues interrupts=0", ""},
    };
    char *disk = harness_temp_path("disk");
    char *blockdev = harness_format("driver=file,node-name=disk,filename=%s", disk);
    FILE *file = fopen(disk, "wb");
    unsigned failed = 0;

    (void)state;
    assert_non_null(file);
    assert_int_equal(ftruncate(fileno(file), DISK_BYTES), 0);
    fclose(file);
    for (unsigned i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        char *device = harness_format("virtio-blk-pci,drive=disk,num-queues=4%s", runs[i].device);
        const char *arguments[] = {"-blockdev", blockdev, NULL};
        struct boot boot = {
            .machine = runs[i].machine,
            .cpu = "max",
            .memory = "256M",
            .append = runs[i].append,
            .cpus = 4,
            .device = device,
            .arguments = arguments,
            .deadline_ms = DEADLINE_MS,
        };
        struct boot_result result = boot_run(&boot);

        failed += !boot_tap_passed(&result, runs[i].append) || result.status != 0;
        boot_result_free(&result);
        free(device);
    }
    free(blockdev);
    free(disk);
    assert_int_equal(failed, 0);
}

/* ---- Reset, and endings on other CPUs ---- */

/* Messages that come and go on all CPUs at once. */
static void test_messages(void **state)
{
    const char *append =
        is_soak() ? "run=test_interrupt_churn rounds=2000" : "run=test_interrupt_churn rounds=25";
    bool good = true;

    (void)state;
    good &= run_passes("virt", "max", 4, NULL, append);
    good &= run_passes("virt,gic-version=3", "max", 2, NULL, append);
    good &= run_passes("virt,gic-version=3", "max", 4, NULL, append);
    good &= run_passes("virt,gic-version=3,secure=on", "max", 2, NULL, append);
    good &= run_passes("virt,gic-version=3", "max", 2, "tcg,thread=single", append);
    assert_true(good);
}

static void test_reset(void **state)
{
    static const char *const conduits[] = {"virt", "virt,virtualization=on", "virt,secure=on"};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned cpu = 0; cpu < 2; cpu++) {
            char *append = harness_format("run=test_reset cpu=%u", cpu);
            struct boot_result result = run(conduits[i], "max", 2, NULL, append);

            assert_true(boot_tap_passed(&result, append));
            assert_int_equal(result.status, 0);
            assert_non_null(strstr(result.output, "resetting, there was 0x0"));
            assert_null(strstr(result.output, "not reset"));
            boot_result_free(&result);
            free(append);
        }
    }
}

static unsigned count_of(const char *text, const char *what)
{
    unsigned count = 0;

    while ((text = strstr(text, what)) != NULL) {
        text += strlen(what);
        count++;
    }
    return count;
}

static void expect_ending(const char *kind, const char *text, const char *more)
{
    char *append = harness_format("run=test_exception kind=%s", kind);
    struct boot_result result = run("virt", "max", 4, NULL, append);

    assert_true(result.ended);
    assert_int_equal(result.status, STATUS_EXCEPTION);
    if (strstr(result.output, text) == NULL || strstr(result.output, more) == NULL) {
        boot_print_end(&result);
        fail_msg("%s: not there: %s, %s", kind, text, more);
    }
    assert_int_equal(count_of(result.output, "\n*** "), 1);
    boot_result_free(&result);
    free(append);
}

/* The end of a program that runs there is the end of the run, with its status. */
static void expect_exit(const char *machine, bool semihosting)
{
    struct boot boot = {
        .machine = machine,
        .cpu = "max",
        .memory = "256M",
        .append = "run=test_exception kind=other-cpu-exit",
        .cpus = 2,
        .no_semihosting = !semihosting,
        .deadline_ms = DEADLINE_MS,
    };
    struct boot_result result = boot_run(&boot);

    assert_true(result.ended);
    assert_int_equal(result.status, semihosting ? 7 : 0);
    assert_non_null(strstr(result.output, "on CPU 1"));
    if (!semihosting) {
        assert_non_null(strstr(result.output, "baregpu: exit status 7"));
    }
    boot_result_free(&result);
}

static void test_endings(void **state)
{
    (void)state;
    expect_exit("virt", true);
    expect_exit("virt", false);
    expect_exit("virt,virtualization=on", false);
    expect_exit("virt,secure=on", false);
    expect_ending("other-cpu", "exception in the kernel (CPU 1)", "backtrace:\n  0x");
    expect_ending("other-cpu-overflow", "exception in the kernel (CPU 1)", "(stack overflow)");
    expect_ending("other-cpu-panic", "panic: on purpose (CPU 1)", "backtrace:\n  0x");
    for (unsigned i = 0; i < 10; i++) {
        expect_ending("all-cpus", "exception in the kernel (CPU ", "backtrace:\n  0x");
    }
    for (unsigned i = 0; i < 5; i++) {
        expect_ending("nested-all-cpus", "exception in an exception handler (CPU ", "(x30)\n  0x");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_machines), cmocka_unit_test(test_cores),
        cmocka_unit_test(test_by_turns), cmocka_unit_test(test_serial_line),
        cmocka_unit_test(test_litmus),   cmocka_unit_test(test_ring),
        cmocka_unit_test(test_queues),   cmocka_unit_test(test_messages),
        cmocka_unit_test(test_reset),    cmocka_unit_test(test_endings),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
