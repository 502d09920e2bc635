/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/apps/app.h"
#include "firmware/apps/tap.h"
#include "firmware/platform/machine.h"

static int test_boot(void)
{
    tap_plan(0);
    tap_ok(machine.memory_count > 0, "the machine has memory");
    return tap_done();
}

APP(test_boot, "the machine as the devicetree and the CPU describe it", test_boot);
