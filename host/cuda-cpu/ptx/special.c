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

/* Of %envreg0 to %envreg31 the others, and %pm0 to %pm7, also as %pm0_64. They read as 0, whichever
 * it is. */
static enum ptx_special find_numbered(const char *text, size_t length)
{
    size_t stem = length;

    if (length > 3 && memcmp(text + length - 3, "_64", 3) == 0) {
        stem = length -= 3;
    }
    while (stem > 0 && text[stem - 1] >= '0' && text[stem - 1] <= '9') {
        stem--;
    }
    if (stem == length || length - stem > 2) {
        return PTX_SPECIALS;
    }
    if (is_named(PTX_SR_ENVREG, text, stem)) {
        return PTX_SR_ENVREG;
    }
    return is_named(PTX_SR_PM, text, stem) ? PTX_SR_PM : PTX_SPECIALS;
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
