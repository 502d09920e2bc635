/* SPDX-License-Identifier: BSD-2-Clause */
/* From boot.S to the app: the order in which the platform comes up (docs/boot.md). */
#include <stdlib.h>
#include <string.h>

#include "firmware/apps/app.h"
#include "firmware/memory/memory.h"
#include "firmware/platform/bootargs.h"
#include "firmware/platform/console.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/exception.h"
#include "firmware/platform/machine.h"
#include "firmware/platform/mmu.h"
#include "firmware/platform/monitor.h"
#include "firmware/platform/sections.h"
#include "firmware/platform/semihosting.h"
#include "firmware/platform/timer.h"

/* What boot.S has mapped as memory: the first GiB of RAM. */
#define BOOT_MAP_BASE 0x40000000ull
#define BOOT_MAP_END 0x80000000ull

/* Written here only; everybody else sees `const struct machine machine`. */
extern struct machine machine_writable __asm__("machine");
struct machine machine_writable;

struct kernel_entry kernel_entry;

void kernel_start(uint64_t devicetree, uint64_t entry_ticks, uint64_t entry_level);

/* x0 has it for a raw image; for an ELF it lies at the start of RAM, below the image. */
static void read_devicetree(uint64_t devicetree)
{
    const char *problem = "it lies outside the first GiB of RAM";
    uint64_t end = BOOT_MAP_END;

    if (devicetree == 0) {
        devicetree = BOOT_MAP_BASE;
        end = (uintptr_t)__image_start;
    }
    if (devicetree % 8 != 0 || devicetree < BOOT_MAP_BASE || devicetree >= BOOT_MAP_END ||
        devicetree_parse((const void *)devicetree, end - devicetree, &machine_writable, &problem)) {
        console_print("devicetree: %s\n", problem);
        if (end == (uintptr_t)__image_start && *(const uint32_t *)devicetree == 0) {
            console_print("QEMU leaves out a -dtb file that, doubled, has no room below the image: "
                          "`dtc -I dtb -O dtb` makes it smaller\n");
        }
        panic_detail("no usable devicetree", devicetree);
    }
}

static void select_console(void)
{
    char name[16];

    if (!bootargs_get(machine_writable.bootargs, "console", name, sizeof(name))) {
        return;
    }
    if (!strcmp(name, "pl011")) {
        console_select(CONSOLE_PL011);
    } else if (!strcmp(name, "semihosting") && semihosting_present()) {
        console_select(CONSOLE_SEMIHOSTING);
    }
}

void kernel_start(uint64_t devicetree, uint64_t entry_ticks, uint64_t entry_level)
{
    struct pages_range image = {(uintptr_t)__image_start,
                                (uintptr_t)__image_end - (uintptr_t)__image_start};

    kernel_entry.level = (uint32_t)entry_level;
    kernel_entry.devicetree_passed = devicetree != 0;
    cpu_init_boot();
    if (!timer_init(entry_ticks)) {
        panic("CNTFRQ_EL0 is 0: nobody set the timer's frequency");
    }
    monitor_init(entry_level);
    semihosting_init();
    read_devicetree(devicetree);
    if (machine_writable.uart.size) {
        pl011_init(machine_writable.uart.base);
    }
    select_console();
    if (machine_writable.cpus_left_out > 0) {
        console_print("# %u CPUs are used, %u left out\n", machine_writable.cpu_count,
                      machine_writable.cpus_left_out);
    }
    memory_init(&machine_writable, image, BOOT_MAP_END);
    cpu_reserve_stacks();
    mmu_init();
    monitor_release_gic();
    exit(app_main());
}
