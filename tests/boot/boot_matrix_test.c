/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/boot/boot_guest.c
// needs: build/firmware/baregpu-test.elf
/*
 * The kernel on every machine that virt can be, pairwise: each value of each parameter meets each
 * value of every other in some boot. Each boot runs test_boot, which is told what to find.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot_guest.h"
#include "harness.h"

#define DEADLINE_MS 60000u
#define CASES_MAX 64
#define CANDIDATES 60
#define VALUES_MAX 5

enum parameter { GIC, HIGHMEM, CPU, MEMORY, VIRTUALIZATION, SECURE, CPUS, FORMAT, PARAMETERS };

static const struct {
    unsigned count;
    const char *values[VALUES_MAX];
} parameters[PARAMETERS] = {
    [GIC] = {2, {"2", "3"}},
    [HIGHMEM] = {2, {"on", "off"}},
    [CPU] = {4, {"cortex-a53", "cortex-a57", "cortex-a72", "max"}},
    [MEMORY] = {5, {"128", "256", "1024", "3072", "8192"}},
    [VIRTUALIZATION] = {2, {"off", "on"}},
    [SECURE] = {2, {"off", "on"}},
    [CPUS] = {2, {"1", "4"}},
    [FORMAT] = {2, {"elf", "image"}},
};

struct test_case {
    unsigned choice[PARAMETERS];
};

static bool covered[PARAMETERS][VALUES_MAX][PARAMETERS][VALUES_MAX];

static const char *value_of(const struct test_case *c, enum parameter p)
{
    return parameters[p].values[c->choice[p]];
}

static bool is_on(const struct test_case *c, enum parameter p)
{
    return !strcmp(value_of(c, p), "on");
}

/* QEMU refuses more memory than fits below 4 GiB when there is no high memory. */
static bool pair_is_allowed(enum parameter p, unsigned i, enum parameter q, unsigned j)
{
    return !((p == HIGHMEM && i == 1 && q == MEMORY && j == 4) ||
             (q == HIGHMEM && j == 1 && p == MEMORY && i == 4));
}

static bool case_is_allowed(const struct test_case *c)
{
    return pair_is_allowed(HIGHMEM, c->choice[HIGHMEM], MEMORY, c->choice[MEMORY]);
}

/* Counts the pairs that the case would cover for the first time, or marks them. */
static unsigned case_pairs(const struct test_case *c, bool mark)
{
    unsigned count = 0;

    for (unsigned p = 0; p < PARAMETERS; p++) {
        for (unsigned q = p + 1; q < PARAMETERS; q++) {
            bool *pair = &covered[p][c->choice[p]][q][c->choice[q]];

            count += !*pair;
            *pair = *pair || mark;
        }
    }
    return count;
}

static unsigned pairs_left(void)
{
    unsigned count = 0;

    for (unsigned p = 0; p < PARAMETERS; p++) {
        for (unsigned q = p + 1; q < PARAMETERS; q++) {
            for (unsigned i = 0; i < parameters[p].count; i++) {
                for (unsigned j = 0; j < parameters[q].count; j++) {
                    count += pair_is_allowed(p, i, q, j) && !covered[p][i][q][j];
                }
            }
        }
    }
    return count;
}

/* Greedy: of some random cases the one with the most new pairs. The same list in every run. */
static unsigned make_cases(struct test_case *cases)
{
    unsigned count = 0;

    srand(42);
    while (pairs_left() > 0 && count < CASES_MAX) {
        struct test_case best = {{0}};
        unsigned best_pairs = 0;

        for (unsigned candidate = 0; candidate < CANDIDATES; candidate++) {
            struct test_case c;

            for (unsigned p = 0; p < PARAMETERS; p++) {
                c.choice[p] = (unsigned)rand() % parameters[p].count;
            }
            if (case_is_allowed(&c) && case_pairs(&c, false) > best_pairs) {
                best = c;
                best_pairs = case_pairs(&c, false);
            }
        }
        if (best_pairs == 0) {
            continue;
        }
        case_pairs(&best, true);
        cases[count++] = best;
    }
    return count;
}

/* What the guest must find (facts about virt's boot that docs/boot.md lists). */
static char *expectations(const struct test_case *c, bool semihosting)
{
    bool elf = !strcmp(value_of(c, FORMAT), "elf");
    unsigned level = is_on(c, SECURE) && elf ? 3 : is_on(c, VIRTUALIZATION) ? 2 : 1;
    unsigned psci = level == 3 ? 0 : is_on(c, VIRTUALIZATION) ? 2 : 1;

    return harness_format("run=test-boot expect_gic=%s expect_highmem=%d expect_memory_mib=%s "
                          "expect_cpus=%s expect_el=%u expect_psci=%u expect_semihosting=%d",
                          value_of(c, GIC), is_on(c, HIGHMEM), value_of(c, MEMORY),
                          value_of(c, CPUS), level, psci, semihosting);
}

static struct boot_result run_case(const struct test_case *c, bool semihosting)
{
    char *machine = harness_format("virt,gic-version=%s,highmem=%s,virtualization=%s,secure=%s",
                                   value_of(c, GIC), value_of(c, HIGHMEM),
                                   value_of(c, VIRTUALIZATION), value_of(c, SECURE));
    char *memory = harness_format("%sM", value_of(c, MEMORY));
    char *append = expectations(c, semihosting);
    struct boot boot = {
        .machine = machine,
        .cpu = value_of(c, CPU),
        .memory = memory,
        .append = append,
        .cpus = (unsigned)atoi(value_of(c, CPUS)),
        .image = !strcmp(value_of(c, FORMAT), "image"),
        .no_semihosting = !semihosting,
        .deadline_ms = DEADLINE_MS,
    };
    struct boot_result result = boot_run(&boot);

    free(machine);
    free(memory);
    free(append);
    return result;
}

static bool case_passes(const struct test_case *c, bool semihosting, const char *name)
{
    struct boot_result result = run_case(c, semihosting);
    bool passed = boot_tap_passed(&result, name);

    if (passed && result.status != 0) {
        printf("# %s: QEMU ended with status %d\n", name, result.status);
        passed = false;
    }
    if (passed && !semihosting && strstr(result.output, "baregpu: exit status 0") == NULL) {
        printf("# %s: the exit status is not on the console\n", name);
        passed = false;
    }
    if (passed && strstr(result.output, "no way to power off") != NULL) {
        printf("# %s: it did not power off\n", name);
        passed = false;
    }
    boot_result_free(&result);
    return passed;
}

static char *case_name(const struct test_case *c, bool semihosting)
{
    return harness_format("%s, %s MiB, %s CPU, GICv%s, highmem %s, virtualization %s, secure %s, "
                          "%s%s",
                          value_of(c, CPU), value_of(c, MEMORY), value_of(c, CPUS),
                          value_of(c, GIC), value_of(c, HIGHMEM), value_of(c, VIRTUALIZATION),
                          value_of(c, SECURE), value_of(c, FORMAT),
                          semihosting ? "" : ", no semihosting");
}

int main(void)
{
    static struct test_case cases[CASES_MAX];
    unsigned count = make_cases(cases);
    unsigned failed = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("1..%u\n", 2 * count + 1);
    failed += pairs_left() > 0;
    printf("%sok 1 - %u boots cover every pair of values\n", pairs_left() ? "not " : "", count);
    for (unsigned i = 0; i < 2 * count; i++) {
        bool semihosting = i < count;
        char *name = case_name(&cases[i % count], semihosting);
        bool passed = case_passes(&cases[i % count], semihosting, name);

        failed += !passed;
        printf("%sok %u - %s\n", passed ? "" : "not ", i + 2, name);
        free(name);
    }
    return failed > 0;
}
