/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard firmware/cuda/*.c)
// build: $(filter-out %_interrupt.c,$(wildcard firmware/vgpu/*.c)) firmware/common/wait.c
// build: firmware/common/interrupt_source.c firmware/pci_ecam.c firmware/pci/enumerate.c
// build: firmware/pci/device.c firmware/pci/bar.c firmware/pci/assign.c
// build: firmware/pci/capability.c firmware/pci/list.c firmware/common/error.c tests/fake/hal.c
// build: tests/fake/pvgpu.c
/* CUDA on a backend of pvgpu that is older than it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "baregpu/cuda.h"
#include "protocol/cuda_command.h"
#include "tests/fake/pvgpu.h"

/* The ring refuses what it does not know: CUDA says so by its own error. */
static void cuda_is_not_supported(void **state)
{
    static uint64_t bookkeeping[BG_CUDA_MEMORY_SIZE_MIN / sizeof(uint64_t)];
    struct bg_pvgpu_failure failure;

    (void)state;
    fake.fail_type = BG_CUDA_INIT;
    fake.fail_code = BG_PVGPU_ERROR_INVALID_COMMAND;
    assert_int_equal(bg_cuda_add_pvgpu(&gpu, bookkeeping, sizeof(bookkeeping)), 0);
    assert_int_equal(cuInit(0), CUDA_ERROR_NOT_SUPPORTED);
    assert_int_equal(bg_pvgpu_take_failure(&gpu, &failure), 0); /* it was CUDA's own */
    bg_cuda_remove_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cuda_is_not_supported, pvgpu_setup, pvgpu_teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
