/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/virtio/gpu/gpu.c firmware/virtio/gpu/queue.c firmware/virtio/gpu/names.c
// build: firmware/virtio/gpu/command.c firmware/virtio/gpu/answer.c
// build: firmware/virtio/gpu/command_3d.c
// build: firmware/virtio/gpu/format.c firmware/virtio/virtio.c firmware/virtio/virtqueue.c
// build: firmware/virtio/virtqueue_split.c firmware/virtio/virtqueue_packed.c
// build: firmware/virtio/virtqueue_share.c
// build: firmware/virtio/transport_pci.c firmware/common/error.c firmware/pci_ecam.c
// build: firmware/pci/enumerate.c firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c firmware/pci/list.c
// build: tests/fake/hal.c tests/fake/virtio.c tests/fake/virtqueue.c
// build: tests/fake/gpu.c tests/fake/gpu_command.c tests/fake/gpu_command_3d.c
// build: tests/fake/pci.c tests/fake/virtio_registers.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
/* The GPU's driver from the bus to a command, by registers that count what is not allowed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/virtio_gpu.h"
#include "tests/fake/gpu.h"
#include "tests/fake/virtio_registers.h"

#define SCANOUTS 2u
#define GPU (BG_VIRTIO_PCI_MODERN_BASE + BG_VIRTIO_ID_GPU)
#define ENTROPY (BG_VIRTIO_PCI_MODERN_BASE + BG_VIRTIO_ID_ENTROPY)

static struct fake_registers r;
static struct fake_gpu fake;
static struct bg_virtio_gpu gpu;

static struct bg_pci_device *begin(uint16_t pci_device_id)
{
    memset(&r, 0, sizeof(r));
    fake_hal = (struct fake_hal){.wait_ns = 1000};
    fake_gpu_init(&fake, BG_VIRTIO_GPU_F_EDID, SCANOUTS);
    r.fake = fake.virtio; /* the registers' device answers as that GPU */
    fake_registers_begin_pci(&r, pci_device_id);
    fake_registers_usual_capabilities(&r);
    return fake_registers_enumerate(&r, true);
}

static void end(void)
{
    fake_virtio_end(&r.fake);
    assert_int_equal(r.fake.violations, 0);
    assert_int_equal(fake.violations, 0);
    assert_int_equal(fake_hal.allocated, 0);
}

static void use(void)
{
    assert_int_equal(gpu.scanout_count, SCANOUTS);
    assert_true(bg_virtio_gpu_has(&gpu, BG_VIRTIO_GPU_F_EDID));
    assert_int_equal(bg_virtio_gpu_cmd_get_display_info(&gpu, NULL, gpu.displays), 0);
    assert_int_equal(gpu.displays[1].r.x, 640);
    assert_int_equal(bg_virtio_gpu_close(&gpu), 0);
}

static void the_first_one(void **state)
{
    (void)state;
    begin(GPU);
    assert_int_equal(bg_virtio_gpu_open_pci(&gpu, &r.host, NULL, NULL), 0);
    use();
    end();
}

static void the_one_that_is_named(void **state)
{
    const struct bg_virtio_gpu_options options = {.timeout_ns = 1000000};
    struct bg_pci_device *function = begin(GPU);

    (void)state;
    assert_int_equal(bg_virtio_gpu_open_pci(&gpu, &r.host, function, &options), 0);
    use();
    end();
}

/* Neither found nor taken when it is named; and left as it was, so that its driver may open it. */
static void another_device(void **state)
{
    struct bg_pci_device *function = begin(ENTROPY);

    (void)state;
    assert_int_equal(bg_virtio_gpu_open_pci(&gpu, &r.host, NULL, NULL), BG_ERR_NOT_FOUND);
    assert_int_equal(bg_virtio_gpu_open_pci(&gpu, &r.host, function, NULL), BG_ERR_NOT_FOUND);
    assert_int_equal(bg_virtio_gpu_close(&gpu), BG_ERR_INVALID);
    end();
}

static void a_device_that_fails(void **state)
{
    (void)state;
    begin(GPU);
    fake_hal.refuse_map = true;
    assert_int_equal(bg_virtio_gpu_open_pci(&gpu, &r.host, NULL, NULL), BG_ERR_NO_MEMORY);
    fake_hal.refuse_map = false;
    r.fake.config[offsetof(struct bg_virtio_gpu_config, num_scanouts)] = 0;
    assert_int_equal(bg_virtio_gpu_open_pci(&gpu, &r.host, NULL, NULL), BG_ERR_PROTOCOL);
    r.fake.config[offsetof(struct bg_virtio_gpu_config, num_scanouts)] = SCANOUTS;
    assert_int_equal(bg_virtio_gpu_open_pci(&gpu, &r.host, NULL, NULL), 0);
    use();
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_one),
        cmocka_unit_test(the_one_that_is_named),
        cmocka_unit_test(another_device),
        cmocka_unit_test(a_device_that_fails),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
