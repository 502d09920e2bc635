/* SPDX-License-Identifier: BSD-2-Clause */
/* Syndromes in words: Arm ARM D24.2.40, ESR_EL1. */
#include <stddef.h>

#include "firmware/platform/exception.h"

static const struct {
    uint8_t class;
    const char *name;
} class_names[] = {
    {0x00, "undefined instruction"},
    {0x01, "trapped WFI or WFE"},
    {0x07, "trapped floating point or SIMD"},
    {0x09, "trapped pointer authentication"},
    {0x0d, "branch target exception"},
    {0x0e, "illegal execution state"},
    {0x15, "SVC"},
    {0x16, "HVC"},
    {0x17, "SMC"},
    {0x18, "trapped system register access"},
    {0x19, "trapped SVE"},
    {0x1c, "pointer authentication failure"},
    {0x20, "instruction abort from a lower level"},
    {0x21, "instruction abort"},
    {0x22, "PC alignment fault"},
    {0x24, "data abort from a lower level"},
    {0x25, "data abort"},
    {0x26, "SP alignment fault"},
    {0x27, "memory operation exception"},
    {0x2c, "trapped floating point exception"},
    {0x2f, "SError interrupt"},
    {0x30, "breakpoint from a lower level"},
    {0x31, "breakpoint"},
    {0x32, "software step from a lower level"},
    {0x33, "software step"},
    {0x34, "watchpoint from a lower level"},
    {0x35, "watchpoint"},
    {0x3c, "BRK instruction"},
};

static const struct {
    uint8_t status;
    const char *name;
} fault_names[] = {
    {0x00, "address size fault, level 0"},
    {0x01, "address size fault, level 1"},
    {0x02, "address size fault, level 2"},
    {0x03, "address size fault, level 3"},
    {0x04, "translation fault, level 0"},
    {0x05, "translation fault, level 1"},
    {0x06, "translation fault, level 2"},
    {0x07, "translation fault, level 3"},
    {0x08, "access flag fault, level 0"},
    {0x09, "access flag fault, level 1"},
    {0x0a, "access flag fault, level 2"},
    {0x0b, "access flag fault, level 3"},
    {0x0c, "permission fault, level 0"},
    {0x0d, "permission fault, level 1"},
    {0x0e, "permission fault, level 2"},
    {0x0f, "permission fault, level 3"},
    {0x10, "synchronous external abort"},
    {0x11, "synchronous tag check fault"},
    {0x14, "external abort on table walk, level 0"},
    {0x15, "external abort on table walk, level 1"},
    {0x16, "external abort on table walk, level 2"},
    {0x17, "external abort on table walk, level 3"},
    {0x21, "alignment fault"},
    {0x30, "TLB conflict abort"},
    {0x34, "implementation defined fault (lockdown)"},
    {0x35, "implementation defined fault (exclusive or atomic)"},
};

const char *exception_class_name(uint64_t esr)
{
    for (size_t i = 0; i < sizeof(class_names) / sizeof(class_names[0]); i++) {
        if (class_names[i].class == EXCEPTION_CLASS(esr)) {
            return class_names[i].name;
        }
    }
    return "unknown exception class";
}

const char *exception_fault_name(uint64_t esr)
{
    unsigned class = EXCEPTION_CLASS(esr);

    if (class != 0x20 && class != 0x21 && class != 0x24 && class != 0x25) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(fault_names) / sizeof(fault_names[0]); i++) {
        if (fault_names[i].status == EXCEPTION_FAULT_STATUS(esr)) {
            return fault_names[i].name;
        }
    }
    return "unknown fault status";
}
