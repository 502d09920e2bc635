/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "host/cuda-cpu/ptx/parser.h"

static size_t hash(uint32_t scope, const char *name, size_t length)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325) ^ scope; /* FNV-1a */

    for (size_t i = 0; i < length; i++) {
        value = (value ^ (unsigned char)name[i]) * UINT64_C(0x100000001b3);
    }
    return (size_t)(value ^ value >> 32);
}

static struct name_slot *find_slot(const struct names *names, uint32_t scope, const char *name,
                                   size_t length)
{
    size_t mask = names->size - 1;

    for (size_t i = hash(scope, name, length) & mask;; i = (i + 1) & mask) {
        struct name_slot *slot = &names->slots[i];

        if (slot->symbol == NULL ||
            (slot->scope == scope && strncmp(slot->symbol->name, name, length) == 0 &&
             slot->symbol->name[length] == '\0')) {
            return slot;
        }
    }
}

static void grow(struct parser *parser)
{
    struct names old = parser->names;
    size_t size = old.size ? old.size * 2 : 256;

    parser->names.slots = parser_alloc(parser, size * sizeof(*old.slots));
    parser->names.size = size;
    for (size_t i = 0; i < old.size; i++) {
        const struct name_slot *slot = &old.slots[i];

        if (slot->symbol != NULL) {
            *find_slot(&parser->names, slot->scope, slot->symbol->name,
                       strlen(slot->symbol->name)) = *slot;
        }
    }
}

static struct name_slot *room_for(struct parser *parser, uint32_t scope, const char *name)
{
    if (parser->names.count * 2 >= parser->names.size) {
        grow(parser);
    }
    return find_slot(&parser->names, scope, name, strlen(name));
}

static void fill_slot(struct parser *parser, struct name_slot *slot, uint32_t scope,
                      struct ptx_symbol *symbol)
{
    *slot = (struct name_slot){symbol, scope};
    parser->names.count++;
}

struct ptx_symbol *names_add_in(struct parser *parser, uint32_t scope, enum ptx_symbol_kind kind,
                                const char *name, struct ptx_position at)
{
    struct name_slot *slot = room_for(parser, scope, name);
    struct ptx_symbol *symbol;

    if (slot->symbol != NULL) {
        parser_fail(parser, at, "%s is declared already", name);
    }
    symbol = parser_alloc(parser, sizeof(*symbol));
    symbol->kind = kind;
    symbol->name = name;
    fill_slot(parser, slot, scope, symbol);
    return symbol;
}

void names_bind(struct parser *parser, uint32_t scope, struct ptx_symbol *symbol)
{
    fill_slot(parser, room_for(parser, scope, symbol->name), scope, symbol);
}

struct ptx_symbol *names_add(struct parser *parser, enum ptx_symbol_kind kind, const char *name,
                             struct ptx_position at)
{
    return names_add_in(parser, parser->scope, kind, name, at);
}

uint32_t names_open_scope(struct parser *parser)
{
    uint32_t *parent = parser_add(parser, &parser->scope_parents, sizeof(*parent));

    *parent = parser->scope;
    parser->scope = (uint32_t)parser->scope_parents.count;
    return parser->scope;
}

static uint32_t parent_of(const struct parser *parser, uint32_t scope)
{
    return ((const uint32_t *)parser->scope_parents.items)[scope - 1];
}

void names_close_scope(struct parser *parser)
{
    parser->scope = parent_of(parser, parser->scope);
}

/* Whether a name is prefix and number of a range, written as a number is. */
static bool is_in_range(const struct register_range *range, const char *name, size_t length)
{
    uint64_t number = 0;
    size_t digits = length - range->prefix_length;

    if (length <= range->prefix_length || digits > 9 ||
        memcmp(name, range->prefix, range->prefix_length) != 0) {
        return false;
    }
    for (size_t i = range->prefix_length; i < length; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return false;
        }
        number = number * 10 + (uint64_t)(name[i] - '0');
    }
    return number < range->count && (digits == 1 || name[range->prefix_length] != '0');
}

static struct ptx_symbol *add_register(struct parser *parser, const struct register_range *range,
                                       const char *name, size_t length)
{
    const char *copy = parser_copy(parser, name, length);
    struct ptx_symbol *symbol =
        names_add_in(parser, range->scope, PTX_S_REGISTER, copy, parser->token.at);
    struct ptx_register *added = parser_add(parser, &parser->registers, sizeof(*added));

    *added = (struct ptx_register){.name = copy, .type = range->type, .vector = range->vector};
    symbol->index = (uint32_t)parser->registers.count - 1;
    return symbol;
}

struct ptx_symbol *names_find_in(struct parser *parser, uint32_t scope, const char *name,
                                 size_t length)
{
    const struct register_range *ranges = parser->ranges.items;

    if (parser->names.size) {
        struct ptx_symbol *symbol = find_slot(&parser->names, scope, name, length)->symbol;

        if (symbol != NULL) {
            return symbol;
        }
    }
    for (size_t i = 0; i < parser->ranges.count; i++) {
        if (ranges[i].scope == scope && is_in_range(&ranges[i], name, length)) {
            return add_register(parser, &ranges[i], name, length);
        }
    }
    return NULL;
}

struct ptx_symbol *names_find(struct parser *parser, uint32_t scope, const char *name,
                              size_t length)
{
    for (;;) {
        struct ptx_symbol *symbol = names_find_in(parser, scope, name, length);

        if (symbol != NULL || scope == parser->text_scope) {
            return symbol;
        }
        scope = parent_of(parser, scope);
    }
}
