/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/mediator/fixture.h"

#include <sched.h>
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
bool fixture_on_one_cpu;

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
    fixture_on_one_cpu = false;
    process_end(mediator);
    mediator = NULL;
    unlink(path); /* of one that was killed, or of a test's own */
    free(path);
    path = NULL;
    return 0;
}

/* What is started from here on has the first of this process's processors; *all: what it had. */
static void keep_one_cpu(cpu_set_t *all)
{
    cpu_set_t one;
    int first = 0;

    assert_int_equal(sched_getaffinity(0, sizeof(*all), all), 0);
    while (!CPU_ISSET(first, all)) {
        first++;
    }
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

static struct process *start_mediator(const char *backend, const char *config_path)
{
    struct process *process;
    cpu_set_t all;

    if (fixture_on_one_cpu) {
        keep_one_cpu(&all);
    }
    process = mediator_start("--backend %s --log-level debug --config %s", backend, config_path);
    if (fixture_on_one_cpu) {
        sched_setaffinity(0, sizeof(all), &all);
    }
    return process;
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
    mediator = start_mediator(backend, config_path);
    free(config_path);
}

void fixture_use_fake_gpu(void)
{
    char *gpu = harness_build_path("tests/fake/gpu"), *nvml = harness_build_path("tests/fake/nvml");
    char *gpu_real = realpath(gpu, NULL), *nvml_real = realpath(nvml, NULL);
    char *libraries = harness_format("%s:%s", gpu_real, nvml_real);

    setenv("LD_LIBRARY_PATH", libraries, 1);
    free(libraries);
    free(nvml_real);
    free(gpu_real);
    free(nvml);
    free(gpu);
}

void fixture_start(const char *name, const char *device, const char *keys)
{
    fixture_start_with("cpu", "[listener %s]\ndevice = %s\npath = %s\n%s", name, device, path,
                       keys);
}
