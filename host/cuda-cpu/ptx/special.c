/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/ptx/special.h"

#include <string.h>

static const struct {
    const char *text;
    enum ptx_word type;
    unsigned components;
} specials[PTX_SPECIALS] = {
#define SPECIAL(name, text, type, components) {text, type, components},
#include "host/cuda-cpu/ptx/specials.def"
#undef SPECIAL
};

static bool is_named(enum ptx_special special, const char *text, size_t length)
{
    return strlen(specials[special].text) == length &&
           memcmp(specials[special].text, text, length) == 0;
}

/* The number that ends it, of one or two digits, as numbers are written; -1: none. */
static int take_number(const char *text, size_t *length)
{
    size_t end = *length, stem = end;
    int number = 0;

    while (stem > 0 && text[stem - 1] >= '0' && text[stem - 1] <= '9') {
        stem--;
    }
    if (stem == end || end - stem > 2 || (end - stem == 2 && text[stem] == '0')) {
        return -1;
    }
    for (size_t i = stem; i < end; i++) {
        number = number * 10 + (text[i] - '0');
    }
    *length = stem;
    return number;
}

/* Of %envreg0 to %envreg31 the others, and %pm0 to %pm7, also as %pm0_64. They read as 0, whichever
 * it is. */
static enum ptx_special find_numbered(const char *text, size_t length)
{
    bool is_wide = length > 3 && memcmp(text + length - 3, "_64", 3) == 0;
    size_t stem = is_wide ? length - 3 : length;
    int number = take_number(text, &stem);

    if (number >= 0 && number < 32 && !is_wide && is_named(PTX_SR_ENVREG, text, stem)) {
        return PTX_SR_ENVREG;
    }
    if (number >= 0 && number < 8 && is_named(PTX_SR_PM, text, stem)) {
        return is_wide ? PTX_SR_PM_64 : PTX_SR_PM;
    }
    return PTX_SPECIALS;
}

enum ptx_special ptx_special_find(const char *text, size_t length)
{
    if (text[0] != '%' && text[0] != 'W') {
        return PTX_SPECIALS;
    }
    for (enum ptx_special i = 0; i < PTX_SR_ENVREG; i++) {
        if (is_named(i, text, length)) {
            return i;
        }
    }
    return find_numbered(text, length);
}

const char *ptx_special_name(enum ptx_special special)
{
    return specials[special].text;
}

enum ptx_word ptx_special_type(enum ptx_special special)
{
    return specials[special].type;
}

unsigned ptx_special_components(enum ptx_special special)
{
    return specials[special].components;
}
