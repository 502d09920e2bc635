/* SPDX-License-Identifier: BSD-2-Clause */
#include "sst_guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define WORDS_MAX 32
#define SIMULATOR_DEADLINE_MS 3600000u /* it ends with its test */
#define STEP_MS 1u
#define LOOK_MS 50u

struct process *sst_simulator_start(const char *format, ...)
{
    const struct process_options options = {.deadline_ms = SIMULATOR_DEADLINE_MS};
    char *program = harness_build_path("host/baregpu-sst-sim"), *words, *next;
    const char *argv[WORDS_MAX] = {program, "--ready-fd", "1"};
    struct process *process;
    unsigned count = 3;
    va_list arguments;

    va_start(arguments, format);
    if (vasprintf(&words, format, arguments) < 0) {
        harness_fail("out of memory");
    }
    va_end(arguments);
    next = words;
    for (char *word; count < WORDS_MAX - 1 && (word = strsep(&next, " ")) != NULL;) {
        if (*word != '\0') {
            argv[count++] = word;
        }
    }
    process = process_start(argv, &options);
    process_wait_text(process, "ready");
    free(words);
    free(program);
    return process;
}

void sst_guest_run(const char *options, const char *arguments, unsigned deadline_ms)
{
    char *append = harness_format("run=test-sst %s", options);
    const struct guest_options guest = {
        .append = append, .arguments = arguments, .deadline_ms = deadline_ms};

    free(guest_tap_run(&guest));
    free(append);
}

/* ---- With QMP ---- */

static void skip_line(int fd)
{
    char byte;

    do {
        if (socket_read(fd, &byte, 1, HARNESS_TIMEOUT_MS) != 1) {
            harness_fail("QMP closed the connection");
        }
    } while (byte != '\n');
}

struct sst_guest *sst_guest_start(const char *options, const char *arguments, unsigned deadline_ms)
{
    struct sst_guest *guest = calloc(1, sizeof(*guest));
    char *path = harness_temp_path("guest.qmp");
    int listener = unix_listen(path, 1);
    char *append = harness_format("run=test-sst console=semihosting %s", options);
    char *all = harness_format("%s -chardev socket,id=qmp0,path=%s "
                               "-mon chardev=qmp0,mode=control",
                               arguments, path);
    const struct guest_options guest_options = {
        .append = append, .arguments = all, .deadline_ms = deadline_ms};

    guest->process = guest->qemu.process = guest_start(&guest_options);
    guest->qemu.qtest = -1;
    guest->qemu.events = json_array();
    guest->qemu.qmp = unix_accept(listener, HARNESS_TIMEOUT_MS);
    if (guest->qemu.qmp < 0) {
        harness_fail("no QMP: %s", process_errors(guest->process));
    }
    close(listener);
    skip_line(guest->qemu.qmp); /* its greeting */
    json_decref(qmp_command(&guest->qemu, "qmp_capabilities", NULL));
    free(all);
    free(append);
    free(path);
    return guest;
}

void sst_guest_wait(struct sst_guest *guest, const char *text)
{
    process_wait_text(guest->process, text);
}

bool sst_guest_has_said(struct sst_guest *guest, const char *text)
{
    uint64_t deadline_ms = harness_now_ms() + LOOK_MS;
    bool has_said = false;

    while (!has_said && harness_now_ms() < deadline_ms) {
        usleep(STEP_MS * 1000);
        has_said = strstr(process_output(guest->process), text) != NULL;
    }
    return has_said;
}

void sst_guest_wait_statistic(struct sst_guest *guest, const char *name, int64_t value)
{
    uint64_t deadline_ms = harness_now_ms() + HARNESS_TIMEOUT_MS;
    int64_t got;

    while ((got = qmp_get_integer(&guest->qemu, "/machine/peripheral/sst", name)) != value) {
        if (harness_now_ms() > deadline_ms) {
            harness_fail("%s is %lld, not %lld", name, (long long)got, (long long)value);
        }
        usleep(STEP_MS * 1000);
    }
}

void sst_guest_end(struct sst_guest *guest)
{
    int status = process_wait(guest->process);

    if (status != 0 || strstr(process_output(guest->process), "not ok") != NULL) {
        fail_msg("the guest ended with %d:\n%s%s", status, process_output(guest->process),
                 process_errors(guest->process));
    }
    close(guest->qemu.qmp);
    json_decref(guest->qemu.events);
    free(guest->qemu.qmp_input);
    process_end(guest->process);
    free(guest);
}
