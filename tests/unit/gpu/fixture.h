/* SPDX-License-Identifier: BSD-2-Clause */
/* For the tests of the GPU driver: a fake GPU and the driver on it, once for each kind of queue. */
#ifndef TESTS_UNIT_GPU_FIXTURE_H
#define TESTS_UNIT_GPU_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/virtio_gpu.h"
#include "tests/fake/gpu.h"
#include "tests/fake/hal.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TIMEOUT_NS 1000000000ull

struct gpu_variant {
    const char *name;
    uint64_t features;
};

static const struct gpu_variant gpu_variants[] = {
    {"split", 0},
    {"split_indirect", BG_VIRTIO_F_INDIRECT_DESC | BG_VIRTIO_F_EVENT_IDX},
    {"packed", BG_VIRTIO_F_RING_PACKED},
    {"packed_indirect",
     BG_VIRTIO_F_RING_PACKED | BG_VIRTIO_F_INDIRECT_DESC | BG_VIRTIO_F_EVENT_IDX},
};

static struct fake_gpu fake;
static struct bg_virtio_device device;
static struct bg_virtio_gpu gpu;
static const struct gpu_variant *variant;
static const struct bg_hal_dma *dma; /* of the device */

/* A device with these features of its own, opened. */
__attribute__((unused)) static void open_gpu(uint64_t features, uint32_t scanouts)
{
    const struct bg_virtio_gpu_options options = {.timeout_ns = TIMEOUT_NS};

    fake_gpu_init(&fake, features | variant->features, scanouts);
    assert_int_equal(fake_virtio_open(&fake.virtio, &device, BG_VIRTIO_ID_GPU), 0);
    device.dma = dma;
    assert_int_equal(bg_virtio_gpu_open(&gpu, &device, &options), 0);
}

/* Closes it: everything is given back and the driver has kept the rules. */
__attribute__((unused)) static void close_gpu(void)
{
    assert_int_equal(bg_virtio_gpu_close(&gpu), 0);
    assert_int_equal(fake.violations, 0);
    assert_int_equal(fake.virtio.violations, 0);
    fake_gpu_end(&fake);
    assert_int_equal(fake_hal.allocated, 0);
}

static int fixture_setup(void **state)
{
    variant = *state;
    dma = NULL;
    memset(&fake_hal, 0, sizeof(fake_hal));
    fake_hal.wait_ns = 100000;
    fake_hal.bus_offset = FAKE_HAL_BUS_OFFSET;
    return 0;
}

/* Runs each test with each variant; `name_test` becomes `name_test (packed)`. */
static int run_variants(const struct CMUnitTest *tests, size_t count)
{
    struct CMUnitTest *all = calloc(count * COUNT(gpu_variants), sizeof(*all));
    char(*names)[96] = calloc(count * COUNT(gpu_variants), sizeof(*names));
    size_t total = 0;
    int failed;

    for (size_t v = 0; v < COUNT(gpu_variants); v++) {
        for (size_t t = 0; t < count; t++) {
            snprintf(names[total], sizeof(names[total]), "%s (%s)", tests[t].name,
                     gpu_variants[v].name);
            all[total] = tests[t];
            all[total].name = names[total];
            all[total].setup_func = fixture_setup;
            all[total].initial_state = (void *)(uintptr_t)&gpu_variants[v];
            total++;
        }
    }
    cmocka_set_message_output(CM_OUTPUT_TAP);
    failed = _cmocka_run_group_tests("tests", all, total, NULL, NULL);
    free(names);
    free(all);
    return failed;
}

#endif
