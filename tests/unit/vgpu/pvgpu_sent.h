/* SPDX-License-Identifier: BSD-2-Clause */
/* What a call of the pvgpu driver has put into the ring; behind cmocka.h. */
#ifndef TESTS_UNIT_VGPU_PVGPU_SENT_H
#define TESTS_UNIT_VGPU_PVGPU_SENT_H

#include <string.h>

#include "tests/fake/pvgpu.h"

/* The last command, as the struct of protocol/pvgpu_command.h that it has to be. */
static inline const void *sent(uint32_t type, uint32_t size, uint32_t resource_id)
{
    assert_int_equal(bg_pvgpu_submit(&gpu), 0);
    fake_pvgpu_step(&fake, 0);

    const struct fake_pvgpu_command *last = fake_pvgpu_last(0);
    static struct {
        struct bg_pvgpu_command header;
        uint32_t words[BG_PVGPU_COMMAND_SIZE_MAX / 4];
    } copy;

    copy.header = last->header;
    memcpy(copy.words, last->words, sizeof(last->words));
    assert_int_equal(last->header.type, type);
    assert_int_equal(last->header.size, (size + 15) / 16 * 16);
    assert_int_equal(last->header.resource_id, resource_id);
    assert_int_equal(last->header.flags, 0);
    assert_int_equal(gpu.written, gpu.published);
    return &copy;
}

#define SENT(name, type, id) const struct name *c = sent(type, sizeof(struct name), id)

/* Do the members from `member` on hold these words? */
#define EXPECT(member, ...)                                                                        \
    do {                                                                                           \
        const uint32_t expected[] = {__VA_ARGS__};                                                 \
        assert_memory_equal(&c->member, expected, sizeof(expected));                               \
    } while (0)

#endif
