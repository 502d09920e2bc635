/* SPDX-License-Identifier: BSD-2-Clause */
/* Syndromes in words: Arm ARM D24.2.40, ESR_EL1. */
#include <stddef.h>

#include "firmware/platform/exception.h"

struct name {
    uint8_t code;
    const char *text;
};

static const struct name class_names[] = {
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

#define LEVELS(code, text)                                                                         \
    {(code), text ", level 0"}, {(code) + 1, text ", level 1"}, {(code) + 2, text ", level 2"},    \
        {(code) + 3, text ", level 3"}

static const struct name fault_names[] = {
    LEVELS(0x00, "address size fault"),
    LEVELS(0x04, "translation fault"),
    LEVELS(0x08, "access flag fault"),
    LEVELS(0x0c, "permission fault"),
    {0x10, "synchronous external abort"},
    {0x11, "synchronous tag check fault"},
    LEVELS(0x14, "external abort on table walk"),
    {0x21, "alignment fault"},
    {0x30, "TLB conflict abort"},
    {0x34, "implementation defined fault (lockdown)"},
    {0x35, "implementation defined fault (exclusive or atomic)"},
};

static const char *find_name(const struct name *names, size_t count, unsigned code,
                             const char *otherwise)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i].code == code) {
            return names[i].text;
        }
    }
    return otherwise;
}

#define FIND_NAME(names, code, otherwise)                                                          \
    find_name(names, sizeof(names) / sizeof((names)[0]), code, otherwise)

const char *exception_class_name(uint64_t esr)
{
    return FIND_NAME(class_names, EXCEPTION_CLASS(esr), "unknown exception class");
}

const char *exception_fault_name(uint64_t esr)
{
    unsigned class = EXCEPTION_CLASS(esr);

    return class == 0x20 || class == 0x21 || class == 0x24 || class == 0x25
               ? FIND_NAME(fault_names, EXCEPTION_FAULT_STATUS(esr), "unknown fault status")
               : NULL;
}
