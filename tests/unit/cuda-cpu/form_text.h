/* SPDX-License-Identifier: BSD-2-Clause */
/* The words of a form, written out. */
#ifndef TESTS_UNIT_CUDA_CPU_FORM_TEXT_H
#define TESTS_UNIT_CUDA_CPU_FORM_TEXT_H

#include "host/cuda-cpu/ptx/instruction.h"

#define FORM_TEXT_MAX 4096
#define FORM_CHOICES_MAX 64
#define FORM_ELEMENTS_MAX (PTX_WORDS_MAX + 1)

/* One element of a pattern: its alternatives, and whether it may be missing. */
struct form_element {
    const char *alternatives[FORM_CHOICES_MAX];
    size_t lengths[FORM_CHOICES_MAX];
    size_t count;
    bool optional;
};

size_t form_elements(const char *pattern, struct form_element elements[FORM_ELEMENTS_MAX]);

/* The words with alternative `choice` of element `chosen`; of the others the first, or none. */
void form_expand(const struct form_element *elements, size_t count, size_t chosen, size_t choice,
                 char text[FORM_TEXT_MAX]);

/* An instruction in the making: its words as the parser will see them. */
void form_read_words(struct ptx_instruction *instruction, const char *text);

/* The type of this index among the words; .b32 where there are fewer. */
enum ptx_word form_type(const struct ptx_instruction *instruction, unsigned index);

#endif
