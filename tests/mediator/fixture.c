/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/mediator/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness.h"
#include "harness_qemu.h"

struct process *mediator;
char *path;

static void on_failure(const char *message)
{
    fail_msg("%s", message);
}

int fixture_setup(void **state)
{
    (void)state;
    harness_on_failure = on_failure;
    path = harness_temp_path("mediator.sock");
    return 0;
}

int fixture_teardown(void **state)
{
    (void)state;
    process_end(mediator);
    mediator = NULL;
    unlink(path); /* of one that was killed, or of a test's own */
    free(path);
    path = NULL;
    return 0;
}

void fixture_start_with(const char *backend, const char *format, ...)
{
    char *config_path = harness_temp_path("mediator.ini");
    FILE *file = fopen(config_path, "w");
    va_list arguments;

    assert_non_null(file);
    va_start(arguments, format);
    vfprintf(file, format, arguments);
    va_end(arguments);
    assert_int_equal(fclose(file), 0);
    mediator = mediator_start("--backend %s --log-level debug --config %s", backend, config_path);
    free(config_path);
}

void fixture_start(const char *name, const char *device, const char *keys)
{
    fixture_start_with("cpu", "[listener %s]\ndevice = %s\npath = %s\n%s", name, device, path,
                       keys);
}
