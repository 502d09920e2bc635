/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/ptx/word.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    const char *text;
    bool is_type;
    enum ptx_kind kind;
    unsigned bits;
};

static const struct entry opcodes[PTX_OPCODES] = {
#define OPCODE(name, text) [PTX_##name] = {text, false, PTX_OPAQUE, 0},
#include "host/cuda-cpu/ptx/opcodes.def"
#undef OPCODE
};

static const struct entry words[PTX_WORDS] = {
    [PTX_W_NONE] = {"", false, PTX_OPAQUE, 0},
#define TYPE(name, text, kind, bits) [PTX_W_##name] = {text, true, kind, bits},
#define WORD(name, text) [PTX_W_##name] = {text, false, PTX_OPAQUE, 0},
#include "host/cuda-cpu/ptx/words.def"
#undef TYPE
#undef WORD
};

struct key {
    const char *text;
    size_t length;
};

static int compare(const void *key_data, const void *entry_data)
{
    const struct key *key = key_data;
    const struct entry *entry = entry_data;
    int order = strncmp(key->text, entry->text, key->length);

    return order ? order : -(entry->text[key->length] != '\0');
}

/* Both tables are sorted. */
static size_t find(const struct entry *entries, size_t count, const char *text, size_t length)
{
    const struct key key = {text, length};
    const struct entry *found = bsearch(&key, entries, count, sizeof(*entries), compare);

    return found != NULL ? (size_t)(found - entries) : count;
}

enum ptx_opcode ptx_opcode_find(const char *text, size_t length)
{
    return (enum ptx_opcode)find(opcodes, PTX_OPCODES, text, length);
}

enum ptx_word ptx_word_find(const char *text, size_t length)
{
    size_t found = find(words, PTX_WORDS, text, length);

    return found < PTX_WORDS ? (enum ptx_word)found : PTX_W_NONE;
}

const char *ptx_opcode_name(enum ptx_opcode opcode)
{
    return opcodes[opcode].text;
}

const char *ptx_word_name(enum ptx_word word)
{
    return words[word].text;
}

bool ptx_word_is_type(enum ptx_word word)
{
    return words[word].is_type;
}

enum ptx_kind ptx_type_kind(enum ptx_word type)
{
    return words[type].kind;
}

unsigned ptx_type_bits(enum ptx_word type)
{
    return words[type].bits;
}
