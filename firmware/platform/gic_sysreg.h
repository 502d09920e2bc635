/* SPDX-License-Identifier: BSD-2-Clause */
/* The GICv3 CPU interface: system registers, of which the assembler needs no names. On the host a
 * test has functions of these names. */
#ifndef FIRMWARE_PLATFORM_GIC_SYSREG_H
#define FIRMWARE_PLATFORM_GIC_SYSREG_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __aarch64__

/* Whether the CPU has them at all (ID_AA64PFR0_EL1.GIC). */
static inline bool gic_sysreg_present(void)
{
    uint64_t features;

    __asm__("mrs %0, id_aa64pfr0_el1" : "=r"(features));
    return features >> 24 & 15;
}

/* Lets every priority through, one call ends an interrupt; false if EL2 or EL3 keeps them. */
static inline bool gic_sysreg_enable(void)
{
    uint64_t sre;

    __asm__ volatile("mrs %0, s3_0_c12_c12_5" : "=r"(sre)); /* ICC_SRE_EL1 */
    if (!(sre & 1)) {
        __asm__ volatile("msr s3_0_c12_c12_5, %0\n\tisb" ::"r"(sre | 1));
        __asm__ volatile("mrs %0, s3_0_c12_c12_5" : "=r"(sre));
        if (!(sre & 1)) {
            return false;
        }
    }
    __asm__ volatile("msr s3_0_c4_c6_0, %0" ::"r"(0xffull)); /* ICC_PMR_EL1 */
    __asm__ volatile("msr s3_0_c12_c12_3, xzr");             /* ICC_BPR1_EL1 */
    __asm__ volatile("msr s3_0_c12_c12_4, xzr");             /* ICC_CTLR_EL1: EOImode 0 */
    __asm__ volatile("msr s3_0_c12_c12_7, %0" ::"r"(1ull));  /* ICC_IGRPEN1_EL1 */
    __asm__ volatile("isb" ::: "memory");
    return true;
}

static inline void gic_sysreg_send_sgi(uint64_t value)
{
    __asm__ volatile("msr s3_0_c12_c11_5, %0\n\tisb" ::"r"(value) : "memory"); /* ICC_SGI1R_EL1 */
}

#else

bool gic_sysreg_present(void);
bool gic_sysreg_enable(void);
void gic_sysreg_send_sgi(uint64_t value);

#endif

#endif
