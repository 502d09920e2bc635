/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/ptx/form.h"

#include <string.h>

/* The end of a choice's or a word's text. */
static const char *element_end(const char *pattern)
{
    return pattern + strcspn(pattern, *pattern == '(' ? ")" : ".?");
}

/* The words of an instruction, and which of them a pattern has taken so far. */
struct words {
    const enum ptx_word *items;
    size_t count;
    unsigned taken; /* a bit for each */
    bool ordered;
};

static bool match(const char *pattern, struct words words);

/*
 * Takes a word that is not taken yet. In order: the first one. Else any, as assemblers do, which
 * is clear while types keep their order.
 */
static bool take_word(struct words *words, enum ptx_word wanted)
{
    for (size_t i = 0; i < words->count; i++) {
        if (words->taken & 1u << i) {
            continue;
        }
        if (words->items[i] == wanted) {
            words->taken |= 1u << i;
            return true;
        }
        if (words->ordered || (ptx_word_is_type(wanted) && ptx_word_is_type(words->items[i]))) {
            return false;
        }
    }
    return false;
}

/* The words of one alternative, from text to end, and then the rest of the pattern. */
static bool match_alternative(const char *text, const char *end, const char *rest,
                              struct words words)
{
    while (text < end) {
        size_t length = strcspn(text, ".|)?");

        if (length > (size_t)(end - text)) {
            length = (size_t)(end - text);
        }
        if (!take_word(&words, ptx_word_find(text, length))) {
            return false;
        }
        text += length + (text + length < end);
    }
    return match(rest, words);
}

static bool match(const char *pattern, struct words words)
{
    const char *end, *rest;
    bool is_choice = *pattern == '(';

    if (*pattern == '\0') {
        return words.taken == (1u << words.count) - 1;
    }
    if (*pattern == '*') {
        return true;
    }
    end = element_end(pattern);
    rest = end + is_choice;
    if (*rest == '?') {
        rest++;
        if (match(rest + (*rest == '.'), words)) {
            return true;
        }
    }
    rest += *rest == '.';
    if (!is_choice) {
        return match_alternative(pattern, end, rest, words);
    }
    for (const char *text = pattern + 1; text < end;) {
        size_t length = strcspn(text, "|)");

        if (match_alternative(text, text + length, rest, words)) {
            return true;
        }
        text += length + 1;
    }
    return false;
}

/* What stands in a place says what is meant. Of one matrix it is clear: the ISA itself writes
 * wmma.load with its layout before and behind its shape. */
static bool is_strict(enum ptx_opcode opcode, const enum ptx_word *words, size_t count)
{
    return opcode == PTX_MMA ||
           (opcode == PTX_WMMA && count && words[0] != PTX_W_LOAD && words[0] != PTX_W_STORE);
}

bool ptx_form_has_words(const struct ptx_form *form, const enum ptx_word *words, size_t count)
{
    struct words all = {.items = words, .count = count, .ordered = true};

    if (match(form->words, all)) {
        return true;
    }
    all.ordered = false;
    return !is_strict(form->opcode, words, count) && match(form->words, all);
}

/* The table is in the order of the opcodes. */
const struct ptx_form *ptx_form_first(enum ptx_opcode opcode)
{
    size_t low = 0, high = ptx_form_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ptx_forms[middle].opcode < opcode) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < ptx_form_count && ptx_forms[low].opcode == opcode ? &ptx_forms[low] : NULL;
}

const struct ptx_form *ptx_form_next(const struct ptx_form *form)
{
    const struct ptx_form *next = form + 1;

    return next < ptx_forms + ptx_form_count && next->opcode == form->opcode ? next : NULL;
}

static char take_letter(const char **text)
{
    return *(*text)++;
}

static bool take(const char **text, char wanted)
{
    if (**text != wanted) {
        return false;
    }
    ++*text;
    return true;
}

bool ptx_form_next_operand(const char **text, struct ptx_operand_form *operand)
{
    *text += strspn(*text, " ");
    if (**text == '\0') {
        return false;
    }
    memset(operand, 0, sizeof(*operand));
    operand->negatable = take(text, '!');
    operand->letter = take_letter(text);
    if (**text >= '1' && **text <= '9') {
        operand->type_index = (unsigned)(take_letter(text) - '0');
    }
    if (take(text, '|')) {
        operand->second = take_letter(text);
        operand->second_optional = take(text, '?');
    }
    if (take(text, '=')) {
        size_t length = strcspn(*text, " ?");

        operand->type = ptx_word_find(*text, length);
        *text += length;
    }
    operand->optional = take(text, '?');
    return true;
}
