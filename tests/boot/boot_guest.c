/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot_guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "harness_qemu.h"

#define ARGUMENTS_MAX 40
#define ARGUMENTS_MORE_MAX 16
#define END_LINES 8
#define POLL_MS 5
#define GRACE_MS 5000u /* the harness's own deadline comes after ours */
#define LINGER_MS 500u

static void add_arguments(const char **argv, const char *const *more)
{
    unsigned count = 0;

    while (argv[count] != NULL) {
        count++;
    }
    for (unsigned i = 0; more != NULL && more[i] != NULL; i++) {
        if (i == ARGUMENTS_MORE_MAX) {
            harness_fail("too many arguments");
        }
        argv[count++] = more[i];
    }
    argv[count] = NULL;
}

/* Until it ends, or too much time has passed. */
static void watch(const struct boot *boot, struct process *process, struct boot_result *result)
{
    uint64_t deadline_ms = harness_now_ms() + boot->deadline_ms;
    const char *awaited = boot->last_words;

    while (!(result->ended = process_has_ended(process, &result->status)) &&
           harness_now_ms() < deadline_ms) {
        harness_wait_readable(-1, POLL_MS);
        if (awaited != NULL && strstr(process_output(process), awaited) != NULL) {
            deadline_ms = harness_now_ms() + LINGER_MS;
            awaited = NULL;
        }
    }
}

struct boot_result boot_run(const struct boot *boot)
{
    char *qemu = qemu_path("aarch64");
    char *kernel = harness_guest_image(boot->append, boot->image ? "img" : "elf");
    char *cpus = harness_format("%u", boot->cpus ? boot->cpus : 1);
    struct process_options options = {.deadline_ms = boot->deadline_ms + GRACE_MS};
    const char *argv[ARGUMENTS_MAX + ARGUMENTS_MORE_MAX] = {
        qemu,
        "-M",
        boot->machine,
        "-cpu",
        boot->cpu,
        "-m",
        boot->memory,
        "-smp",
        cpus,
        "-nic",
        "none",
        "-display",
        "none",
        "-monitor",
        "none",
        "-kernel",
        kernel,
        "-append",
        boot->append,
        "-serial",
        boot->no_semihosting ? "stdio" : "none",
        boot->device != NULL ? "-device" : "-nodefaults",
        boot->device != NULL ? boot->device : "-no-user-config",
        "-accel",
        boot->accelerator != NULL ? boot->accelerator : "tcg",
        boot->no_semihosting ? NULL : "-semihosting-config",
        "enable=on,target=native",
        NULL};
    struct boot_result result = {0};
    struct process *process;

    if (qemu == NULL) {
        harness_fail("qemu-system-aarch64 is not built");
    }
    add_arguments(argv, boot->arguments);
    process = process_start(argv, &options);
    watch(boot, process, &result);
    result.output = harness_format("%s%s", process_output(process), process_errors(process));
    process_end(process);
    free(qemu);
    free(kernel);
    free(cpus);
    return result;
}

void boot_result_free(struct boot_result *result)
{
    free(result->output);
    result->output = NULL;
}

void boot_print_end(const struct boot_result *result)
{
    const char *start = result->output + strlen(result->output);
    char *copy;

    for (unsigned lines = 0; start > result->output && lines <= END_LINES; start--) {
        lines += start[-1] == '\n';
    }
    copy = harness_format("%s", start);
    for (char *line = strtok(copy, "\r\n"); line != NULL; line = strtok(NULL, "\r\n")) {
        printf("#   | %s\n", line);
    }
    free(copy);
}

static bool fail(const struct boot_result *result, const char *name, const char *why)
{
    printf("# %s: %s\n", name, why);
    boot_print_end(result);
    return false;
}

bool boot_tap_passed(const struct boot_result *result, const char *name)
{
    char *copy = harness_format("%s", result->output);
    unsigned planned = 0;
    unsigned passed = 0;
    bool failed = false;

    for (char *line = strtok(copy, "\r\n"); line != NULL; line = strtok(NULL, "\r\n")) {
        if (!strncmp(line, "1..", 3)) {
            planned = (unsigned)strtoul(line + 3, NULL, 10);
        } else if (!strncmp(line, "ok ", 3)) {
            passed++;
        } else if (!strncmp(line, "not ok ", 7)) {
            printf("# %s: %s\n", name, line);
            failed = true;
        }
    }
    free(copy);
    if (!result->ended) {
        return fail(result, name, "it hung; its last output:");
    }
    if (failed) {
        return fail(result, name, "tests failed in the guest; its last output:");
    }
    if (planned == 0 || passed != planned) {
        return fail(result, name, "the guest's tests did not run to their end; its last output:");
    }
    return true;
}
