/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/platform/power.h"

#include "baregpu/error.h"
#include "firmware/platform/machine.h"

#define PSCI_CPU_OFF 0x84000002u
#define PSCI_SYSTEM_OFF 0x84000008u
#define PSCI_SYSTEM_RESET 0x84000009u
#define PSCI_CPU_ON 0xc4000003u
#define PSCI_AFFINITY_INFO 0xc4000004u

#define PSCI_AFFINITY_OFF 1

enum psci_result {
    PSCI_SUCCESS = 0,
    PSCI_NOT_SUPPORTED = -1,
    PSCI_INVALID_PARAMETERS = -2,
    PSCI_ALREADY_ON = -4,
    PSCI_ON_PENDING = -5,
};

/* What a callee may change by the SMC calling convention of PSCI 0.2 (SMCCC 1.0, 2.1). */
#define PSCI_CLOBBERS                                                                              \
    "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",    \
        "memory"

static int psci_call(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a1;
    register uint64_t x2 __asm__("x2") = a2;
    register uint64_t x3 __asm__("x3") = a3;

    if (machine.psci == MACHINE_PSCI_HVC) {
        __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::PSCI_CLOBBERS);
    } else if (machine.psci == MACHINE_PSCI_SMC) {
        __asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::PSCI_CLOBBERS);
    } else {
        return PSCI_NOT_SUPPORTED;
    }
    return (int)x0;
}

int psci_cpu_on(uint64_t affinity, uint64_t entry, uint64_t context)
{
    switch (psci_call(PSCI_CPU_ON, affinity, entry, context)) {
    case PSCI_SUCCESS:
        return BG_OK;
    case PSCI_NOT_SUPPORTED:
        return BG_ERR_UNSUPPORTED;
    case PSCI_INVALID_PARAMETERS:
        return BG_ERR_INVALID;
    case PSCI_ALREADY_ON:
    case PSCI_ON_PENDING:
        return BG_ERR_BUSY;
    default:
        return BG_ERR_IO;
    }
}

void psci_cpu_off(void)
{
    psci_call(PSCI_CPU_OFF, 0, 0, 0);
}

bool psci_cpu_is_off(uint64_t affinity)
{
    return psci_call(PSCI_AFFINITY_INFO, affinity, 0, 0) == PSCI_AFFINITY_OFF;
}

void psci_system_off(void)
{
    psci_call(PSCI_SYSTEM_OFF, 0, 0, 0);
}

void psci_system_reset(void)
{
    psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
}
