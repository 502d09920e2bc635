/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/pvgpu/format.c
/* What a screen shows of float pictures: as the formula says, for every half and many floats. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "host/mediator/pvgpu/format.h"

static float limit(float value)
{
    return value > 0 ? (value < 1 ? value : 1) : 0;
}

static long shade(float linear)
{
    linear = limit(linear);
    return lrintf(
        (linear <= 0.0031308f ? linear * 12.92f : 1.055f * powf(linear, 1 / 2.4f) - 0.055f) * 255);
}

static void test_floats(void **state)
{
    const struct pvgpu_format_info *format = pvgpu_format_find(BG_PVGPU_FORMAT_R32G32B32A32_FLOAT);

    (void)state;
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 9973) {
        uint32_t word = (uint32_t)bits;
        uint8_t pixel[4];
        float colour[4];

        for (int channel = 0; channel < 4; channel++) {
            memcpy(&colour[channel], &word, sizeof(word));
        }
        pvgpu_format_convert(format, (const uint8_t *)colour, pixel, 1);
        if (pixel[0] != shade(colour[0]) || pixel[3] != lrintf(limit(colour[3]) * 255)) {
            fail_msg("%a: %u, alpha %u", (double)colour[0], pixel[0], pixel[3]);
        }
    }
}

static void test_halves(void **state)
{
    const struct pvgpu_format_info *format = pvgpu_format_find(BG_PVGPU_FORMAT_R16G16B16A16_FLOAT);

    (void)state;
    for (uint32_t half = 0; half <= UINT16_MAX; half++) {
        int exponent = half >> 10 & 31;
        float value = exponent == 31 ? (half & 0x3FF ? NAN : INFINITY)
                      : exponent     ? ldexpf((float)((half & 0x3FF) | 0x400), exponent - 25)
                                     : ldexpf((float)(half & 0x3FF), -24);
        uint16_t colour[4] = {(uint16_t)half, 0, 0, (uint16_t)half};
        uint8_t pixel[4];

        value = half & 0x8000 ? -value : value;
        pvgpu_format_convert(format, (const uint8_t *)colour, pixel, 1);
        assert_int_equal(pixel[2], shade(value));
        assert_int_equal(pixel[0], 0);
        assert_int_equal(pixel[3], lrintf(limit(value) * 255));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_halves),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
