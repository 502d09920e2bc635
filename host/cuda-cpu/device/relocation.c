/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/device/relocation.h"

#include <string.h>

static const char outside[] = "a relocation outside its section";
static const char far[] = "a relocation to what is too far away";
static const char unknown[] = "a relocation of another kind";

static bool fits(uint64_t value, unsigned bits)
{
    int64_t rest = (int64_t)value >> (bits - 1);

    return rest == 0 || rest == -1;
}

static const char *put(const struct relocation *relocation, uint64_t value, size_t size)
{
    if (size > relocation->room) {
        return outside;
    }
    memcpy(relocation->place, &value, size); /* both machines are little-endian */
    return NULL;
}

static const char *put_distance(const struct relocation *relocation, uint64_t distance)
{
    return fits(distance, 32) ? put(relocation, distance, 4) : far;
}

static const char *apply_x86_64(const struct relocation *relocation)
{
    uint64_t distance = relocation->value - (uintptr_t)relocation->place;

    switch (relocation->type) {
    case R_X86_64_64:
        return put(relocation, relocation->value, 8);
    case R_X86_64_PC64:
        return put(relocation, distance, 8);
    case R_X86_64_PC32:
    case R_X86_64_PLT32:
        return put_distance(relocation, distance);
    default:
        return unknown;
    }
}

/* ---- AArch64 ---- */

#define PAGE ((uint64_t)4096) /* of ADRP, whatever the system's are */

/* Some bits of an instruction. */
static const char *put_bits(const struct relocation *relocation, uint32_t mask, uint64_t bits)
{
    uint32_t word;

    if (relocation->room < sizeof(word)) {
        return outside;
    }
    memcpy(&word, relocation->place, sizeof(word));
    word = (word & ~mask) | ((uint32_t)bits & mask);
    memcpy(relocation->place, &word, sizeof(word));
    return NULL;
}

/* B, BL: bits 27 to 2 of the distance. */
static const char *put_branch(const struct relocation *relocation, uint64_t distance)
{
    if (!fits(distance, 28) || distance % 4) {
        return far;
    }
    return put_bits(relocation, 0x03FFFFFF, distance >> 2);
}

/* ADRP: pages, of which the two lowest bits stand above the others. */
static const char *put_page(const struct relocation *relocation)
{
    uint64_t place = (uintptr_t)relocation->place;
    uint64_t distance = (relocation->value & ~(PAGE - 1)) - (place & ~(PAGE - 1));
    uint64_t pages = distance / PAGE;

    if (!fits(distance, 33)) {
        return far;
    }
    return put_bits(relocation, 0x60FFFFE0, (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5);
}

/* ADD, LDR and STR: the place in its page, in units of what is accessed. */
static const char *put_offset(const struct relocation *relocation, uint64_t unit)
{
    uint64_t offset = relocation->value % PAGE;

    return offset % unit ? unknown : put_bits(relocation, 0x003FFC00, offset / unit << 10);
}

static const char *apply_aarch64(const struct relocation *relocation)
{
    uint64_t distance = relocation->value - (uintptr_t)relocation->place;

    switch (relocation->type) {
    case R_AARCH64_ABS64:
        return put(relocation, relocation->value, 8);
    case R_AARCH64_PREL64:
        return put(relocation, distance, 8);
    case R_AARCH64_PREL32:
        return put_distance(relocation, distance);
    case R_AARCH64_JUMP26:
    case R_AARCH64_CALL26:
        return put_branch(relocation, distance);
    case R_AARCH64_ADR_PREL_PG_HI21:
        return put_page(relocation);
    case R_AARCH64_ADD_ABS_LO12_NC:
    case R_AARCH64_LDST8_ABS_LO12_NC:
        return put_offset(relocation, 1);
    case R_AARCH64_LDST16_ABS_LO12_NC:
        return put_offset(relocation, 2);
    case R_AARCH64_LDST32_ABS_LO12_NC:
        return put_offset(relocation, 4);
    case R_AARCH64_LDST64_ABS_LO12_NC:
        return put_offset(relocation, 8);
    case R_AARCH64_LDST128_ABS_LO12_NC:
        return put_offset(relocation, 16);
    default:
        return unknown;
    }
}

const char *relocation_apply(unsigned machine, const struct relocation *relocation)
{
    return machine == EM_AARCH64 ? apply_aarch64(relocation) : apply_x86_64(relocation);
}

void relocation_stub(unsigned machine, unsigned char stub[RELOCATION_STUB_SIZE], uint64_t function)
{
    static const unsigned char x86_64[] = {0xFF, 0x25, 0, 0, 0, 0}; /* jmp *0(%rip) */
    static const uint32_t aarch64[] = {0x58000050, 0xD61F0200};     /* ldr x16, .+8; br x16 */
    bool is_arm = machine == EM_AARCH64;
    size_t size = is_arm ? sizeof(aarch64) : sizeof(x86_64);

    memcpy(stub, is_arm ? (const void *)aarch64 : x86_64, size);
    memcpy(stub + size, &function, sizeof(function));
}
