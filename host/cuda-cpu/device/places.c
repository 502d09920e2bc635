/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/device/places.h"

#include <stdio.h>

#include <string.h>

bool places_read(struct places *places, const void *bytes, size_t size)
{
    const uint32_t *words = bytes;
    size_t used = PLACES_HEADER * sizeof(*words);

    memset(places, 0, sizeof(*places));
    if (bytes == NULL || (uintptr_t)bytes % sizeof(*words) || size < used) {
        return false;
    }
    used += words[0] * sizeof(struct place) + words[1] * sizeof(struct place_variable);
    if (used > size || words[2] != size - used || !words[2] ||
        ((const char *)bytes)[size - 1] != '\0') {
        return false;
    }
    places->site_count = words[0];
    places->variable_count = words[1];
    places->name_size = words[2];
    places->sites = (const struct place *)(const void *)(words + PLACES_HEADER);
    places->variables =
        (const struct place_variable *)(const void *)(places->sites + places->site_count);
    places->names = (const char *)(const void *)(places->variables + places->variable_count);
    return true;
}

struct place places_at(const struct places *places, uint32_t site)
{
    return site < places->site_count ? places->sites[site] : (struct place){0};
}

const char *places_name(const struct places *places, uint32_t name)
{
    return name < places->name_size ? places->names + name : "";
}

void places_text(const struct places *places, uint32_t site, char text[PLACES_TEXT_MAX])
{
    struct place place = places != NULL ? places_at(places, site) : (struct place){0};

    text[0] = '\0';
    if (place.line && place.source_line) {
        snprintf(text, PLACES_TEXT_MAX, " at line %u (%s:%u)", place.line,
                 places_name(places, place.file), place.source_line);
    } else if (place.line) {
        snprintf(text, PLACES_TEXT_MAX, " at line %u", place.line);
    }
}

const struct place_variable *places_variable(const struct places *places, uint64_t offset)
{
    for (uint32_t i = 0; i < places->variable_count; i++) {
        const struct place_variable *variable = &places->variables[i];

        if (offset >= variable->offset &&
            (variable->size == 0 || offset - variable->offset < variable->size)) {
            return variable;
        }
    }
    return NULL;
}
