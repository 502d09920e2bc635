/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FAKE_QEMU_QEMU_BSWAP_H
#define TESTS_FAKE_QEMU_QEMU_BSWAP_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define cpu_to_le32(value) htole32(value)

static inline uint32_t ldl_le_p(const void *from)
{
    uint32_t value;

    memcpy(&value, from, sizeof(value));
    return le32toh(value);
}

static inline uint64_t ldq_le_p(const void *from)
{
    uint64_t value;

    memcpy(&value, from, sizeof(value));
    return le64toh(value);
}

static inline void stq_le_p(void *to, uint64_t value)
{
    value = htole64(value);
    memcpy(to, &value, sizeof(value));
}

#endif
