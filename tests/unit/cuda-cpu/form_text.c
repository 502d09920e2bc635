/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cuda-cpu/form_text.h"

#include <stdio.h>
#include <string.h>

static const char *read_element(const char *pattern, struct form_element *element)
{
    bool is_choice = *pattern == '(';
    const char *end;

    memset(element, 0, sizeof(*element));
    pattern += is_choice;
    do {
        size_t length = strcspn(pattern, is_choice ? "|)" : ".?");

        element->alternatives[element->count] = pattern;
        element->lengths[element->count++] = length;
        end = pattern + length;
        pattern = end + 1;
    } while (is_choice && *end == '|');
    end += is_choice;
    element->optional = *end == '?';
    end += element->optional;
    return end + (*end == '.');
}

size_t form_elements(const char *pattern, struct form_element elements[FORM_ELEMENTS_MAX])
{
    size_t count = 0;

    while (*pattern != '\0') {
        pattern = read_element(pattern, &elements[count++]);
    }
    return count;
}

void form_expand(const struct form_element *elements, size_t count, size_t chosen, size_t choice,
                 char text[FORM_TEXT_MAX])
{
    *text = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t pick = i == chosen ? choice : 0;

        if (i == chosen || !elements[i].optional) {
            text += sprintf(text, ".%.*s", (int)elements[i].lengths[pick],
                            elements[i].alternatives[pick]);
        }
    }
}

void form_read_words(struct ptx_instruction *instruction, const char *text)
{
    while (*text++ == '.') {
        size_t length = strcspn(text, ".");

        instruction->words[instruction->word_count++] = (uint16_t)ptx_word_find(text, length);
        text += length;
    }
}

enum ptx_word form_type(const struct ptx_instruction *instruction, unsigned index)
{
    enum ptx_word type = ptx_type_word(instruction, index);

    return type != PTX_W_NONE ? type : PTX_W_B32;
}
