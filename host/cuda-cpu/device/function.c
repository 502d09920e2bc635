/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/device/function.h"

#include <fenv.h>
#include <math.h>
#include <string.h>

#include "host/cuda-cpu/device/spend.h"

#define CANONICAL_NAN 0x7FFFFFFFu

static float canonical_nan(void)
{
    const uint32_t bits = CANONICAL_NAN;
    float nan;

    memcpy(&nan, &bits, sizeof(nan));
    return nan;
}

/* Divisors above 2^126 give 0, as PTX ISA 9.7.3.8 has it: their reciprocals are subnormal. */
static float divide_approximately(float a, float b)
{
    if (fabsf(b) > 0x1p126f && !isinf(b) && !isnan(b)) {
        return isinf(a) || isnan(a) ? canonical_nan() : copysignf(0, a) * copysignf(1, b);
    }
    return a / b;
}

/* From bit `base` up, or down where the offset is negative; -1: there are not so many. Of none, the
 * bit itself. */
static uint32_t find_nth_set(uint32_t mask, uint32_t base, int32_t offset)
{
    int32_t step = offset < 0 ? -1 : 1;
    uint32_t left = offset < 0 ? 0u - (uint32_t)offset : (uint32_t)offset;
    int32_t position = (int32_t)(base & 31);

    if (offset == 0) {
        return mask >> position & 1 ? (uint32_t)position : UINT32_MAX;
    }
    for (; position >= 0 && position < 32; position += step) {
        left -= mask >> position & 1;
        if (left == 0) {
            return (uint32_t)position;
        }
    }
    return UINT32_MAX;
}

/* volatile keeps arithmetic behind the change of the rounding mode. */
#define ROUNDED(name, result_type, argument_type, mode, expression)                                \
    static void run_##name(void *result, const void *first, const void *second, const void *third) \
    {                                                                                              \
        const argument_type *as = first, *bs = second, *cs = third;                                \
        result_type *results = result;                                                             \
                                                                                                   \
        if ((mode) != FE_TONEAREST) {                                                              \
            fesetround(mode);                                                                      \
        }                                                                                          \
        for (int i = 0; i < WARP_LANES; i++) {                                                     \
            volatile argument_type a = as[i], b = bs[i], c = cs[i];                                \
                                                                                                   \
            (void)b;                                                                               \
            (void)c;                                                                               \
            results[i] = (result_type)(expression);                                                \
        }                                                                                          \
        if ((mode) != FE_TONEAREST) {                                                              \
            fesetround(FE_TONEAREST);                                                              \
        }                                                                                          \
    }
#define FUNCTION(name, result, argument, expression)                                               \
    ROUNDED(name, result, argument, FE_TONEAREST, expression)
#include "host/cuda-cpu/device/functions.def"
#undef FUNCTION

typedef void function(void *result, const void *a, const void *b, const void *c);

static function *const functions[WARP_FUNCTIONS] = {
#define FUNCTION(name, result, argument, expression) run_##name,
#include "host/cuda-cpu/device/functions.def"
#undef FUNCTION
};

void warp_function_call(struct warp *warp, uint32_t number, void *result, const void *a,
                        const void *b, const void *c)
{
    spend(warp, SPEND_CALL);
    functions[number](result, a, b, c);
}
