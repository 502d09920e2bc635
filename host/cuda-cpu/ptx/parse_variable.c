/* SPDX-License-Identifier: BSD-2-Clause */
/* Declarations of variables, parameters and registers: PTX ISA 5.4, 11.7. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host/cuda-cpu/ptx/parser.h"

#define ALIGN_MAX 1024u
#define REGISTERS_MAX (UINT64_C(1) << 31) /* of one range; those that are used are counted */
#define NUMBER_MAX 24                     /* characters of a name's number */

static unsigned vector_length(enum ptx_word word)
{
    switch (word) {
    case PTX_W_V2:
        return 2;
    case PTX_W_V4:
        return 4;
    case PTX_W_V8:
        return 8;
    default:
        return 0;
    }
}

static uint64_t parse_align(struct parser *parser)
{
    struct ptx_position at = parser->token.at;
    uint64_t align = parse_integer(parser, "an alignment", 1, ALIGN_MAX);

    if (align & (align - 1)) {
        parser_fail(parser, at, "an alignment should be a power of two");
    }
    return align;
}

/* .attribute(.managed, .unified(...)): this device has one memory, and only tells what is managed.
 */
bool parse_attributes(struct parser *parser)
{
    bool is_managed = false;
    unsigned depth = 0;

    do {
        if (parser->token.kind == PTX_T_END) {
            parser_expect_sign(parser, ")");
        }
        is_managed |= parser_at_dot(parser, "managed");
        depth += parser_at_sign(parser, "(");
        depth -= parser_at_sign(parser, ")");
        parser_advance(parser);
    } while (depth);
    return is_managed;
}

static bool is_space(const struct parser *parser)
{
    return parser_at_dot(parser, "global") || parser_at_dot(parser, "const") ||
           parser_at_dot(parser, "local") || parser_at_dot(parser, "shared");
}

static bool is_variable_type(enum ptx_word type)
{
    return ptx_word_is_type(type) &&
           (ptx_type_kind(type) != PTX_OPAQUE || ptx_type_bits(type) == 64);
}

/* .align, .v4, .f32 and so on, in any order. A kernel's parameter may say what it points to. */
static void parse_type(struct parser *parser, struct ptx_variable *variable)
{
    bool is_pointer = false;

    variable->vector = 1;
    while (parser->token.kind == PTX_T_DOT) {
        enum ptx_word word = ptx_word_find(parser->token.text, parser->token.length);

        if (parser_take_dot(parser, "align")) {
            uint64_t align = parse_align(parser);

            if (!is_pointer) {
                variable->align = align;
            }
        } else if (parser_take_dot(parser, "attribute")) {
            variable->is_managed |= parse_attributes(parser);
        } else if (parser_take_dot(parser, "ptr")) {
            is_pointer = true;
        } else if (is_pointer && is_space(parser)) {
            parser_advance(parser);
        } else if (vector_length(word)) {
            variable->vector = vector_length(word);
            parser_advance(parser);
        } else if (is_variable_type(word) && variable->type == PTX_W_NONE) {
            variable->type = word;
            parser_advance(parser);
        } else {
            parser_fail(parser, parser->token.at, "no type of a variable: .%.*s",
                        (int)(parser->token.length < 64 ? parser->token.length : 64),
                        parser->token.text);
        }
    }
    if (variable->type == PTX_W_NONE) {
        parser_fail(parser, parser->token.at, "a type is missing");
    }
}

static uint64_t element_size(const struct ptx_variable *variable)
{
    return ((uint64_t)ptx_type_bits(variable->type) + 7) / 8 * variable->vector;
}

/* The bounds behind the name. A first one may be empty. */
static void parse_bounds(struct parser *parser, struct ptx_variable *variable)
{
    struct ptx_position at = parser->token.at;
    uint64_t size = element_size(variable);
    bool is_open = false;

    while (parser_take_sign(parser, "[")) {
        uint64_t count = 1;

        if (parser_at_sign(parser, "]") && !variable->is_array) {
            is_open = true;
        } else {
            count = parse_integer(parser, "a bound", 0, parser->limits->variable);
        }
        variable->is_array = true;
        if (__builtin_mul_overflow(size, count, &size) || size > parser->limits->variable) {
            parser_fail(parser, at, "%s is larger than %llu bytes", variable->name,
                        (unsigned long long)parser->limits->variable);
        }
        parser_expect_sign(parser, "]");
    }
    variable->size = is_open ? 0 : size;
}

static void set_align(struct ptx_variable *variable)
{
    uint64_t natural = element_size(variable);

    if (!variable->align) {
        variable->align = natural ? natural : 1;
    }
}

/* ---- Initial values ---- */

struct initial {
    struct ptx_variable *variable;
    struct list bytes, relocations;
};

static unsigned char *add_element(struct parser *parser, struct initial *initial)
{
    unsigned size = ptx_type_bits(initial->variable->type) / 8;
    unsigned char *first = NULL;

    for (unsigned i = 0; i < size; i++) {
        unsigned char *byte = parser_add(parser, &initial->bytes, 1);

        first = i ? first : byte;
    }
    if (initial->bytes.count > parser->limits->variable) {
        parser_fail(parser, parser->token.at, "an initial value is too long");
    }
    return (unsigned char *)initial->bytes.items + initial->bytes.count - size;
}

static void add_constant(struct parser *parser, struct initial *initial, struct constant constant)
{
    uint64_t bits = constant_as(constant, initial->variable->type);
    unsigned char *bytes = add_element(parser, initial);

    for (unsigned i = 0; i < ptx_type_bits(initial->variable->type) / 8 && i < sizeof(bits); i++) {
        bytes[i] = (unsigned char)(bits >> 8 * i);
    }
}

static int64_t parse_addend(struct parser *parser)
{
    if (!parser_at_sign(parser, "+") && !parser_at_sign(parser, "-")) {
        return 0;
    }
    return (int64_t)parse_constant(parser).bits;
}

/* name, name + constant or generic(name): an address, of which the bits from shift on count. */
static void add_address(struct parser *parser, struct initial *initial, unsigned shift)
{
    struct ptx_relocation *relocation;
    bool generic = ptx_token_is(&parser->token, PTX_T_NAME, "generic") &&
                   ptx_token_is(&parser->ahead, PTX_T_SIGN, "(");
    struct ptx_symbol *symbol;
    struct ptx_position at = parser->token.at;
    const char *name;

    if (generic) {
        parser_advance(parser);
        parser_advance(parser);
    }
    name = parser_take_name(parser, "a variable or a function");
    symbol = names_find(parser, parser->scope, name, strlen(name));
    if (symbol == NULL || (symbol->kind != PTX_S_VARIABLE && symbol->kind != PTX_S_FUNCTION)) {
        parser_fail(parser, at, "%s is no variable and no function", name);
    }
    if (generic) {
        parser_expect_sign(parser, ")");
    }
    symbol->is_named = true;
    relocation = parser_add(parser, &initial->relocations, sizeof(*relocation));
    *relocation = (struct ptx_relocation){
        .offset = initial->bytes.count,
        .size = ptx_type_bits(initial->variable->type) / 8,
        .shift = shift,
        .symbol = symbol,
        .addend = parse_addend(parser),
        .generic = generic,
    };
    add_element(parser, initial);
}

/* 0xFF00(name): one byte of the address. */
static bool add_masked_address(struct parser *parser, struct initial *initial)
{
    struct ptx_token number = parser->token;
    enum ptx_number_kind kind;
    uint64_t mask;

    if (number.kind != PTX_T_NUMBER || !ptx_token_is(&parser->ahead, PTX_T_SIGN, "(")) {
        return false;
    }
    if (!ptx_number_value(&number, &kind, &mask) || !mask ||
        mask >> __builtin_ctzll(mask) != 0xFF || __builtin_ctzll(mask) % 8) {
        parser_fail(parser, number.at, "a mask should choose one byte: 0xFF, 0xFF00, ...");
    }
    parser_advance(parser);
    parser_advance(parser);
    add_address(parser, initial, (unsigned)__builtin_ctzll(mask));
    parser_expect_sign(parser, ")");
    return true;
}

/* row: how many elements the innermost braces fill; what is missing in them is zero. */
static void parse_values(struct parser *parser, struct initial *initial)
{
    parser_enter(parser);
    if (parser_take_sign(parser, "{")) {
        while (!parser_at_sign(parser, "}")) {
            parse_values(parser, initial);
            if (!parser_take_sign(parser, ",")) {
                break;
            }
        }
        parser_expect_sign(parser, "}");
    } else if (parser->token.kind == PTX_T_NAME &&
               !ptx_token_is(&parser->token, PTX_T_NAME, "WARP_SZ")) {
        add_address(parser, initial, 0);
    } else if (!add_masked_address(parser, initial)) {
        add_constant(parser, initial, parse_constant(parser));
    }
    parser_leave(parser);
}

/* { addr_mode_0 = clamp_to_edge, ... } of a texref or samplerref. */
static void skip_braces(struct parser *parser)
{
    unsigned depth = 0;

    do {
        if (parser->token.kind == PTX_T_END) {
            parser_expect_sign(parser, "}");
        }
        depth += parser_at_sign(parser, "{");
        depth -= parser_at_sign(parser, "}");
        parser_advance(parser);
    } while (depth);
}

static void parse_initial(struct parser *parser, struct ptx_variable *variable)
{
    struct initial initial = {.variable = variable};
    struct ptx_position at = parser->token.at;

    if (variable->space != PTX_SPACE_GLOBAL && variable->space != PTX_SPACE_CONST) {
        parser_fail(parser, at, "only .global and .const variables have an initial value");
    }
    if (ptx_type_kind(variable->type) == PTX_OPAQUE) {
        skip_braces(parser);
        return;
    }
    parse_values(parser, &initial);
    if (!variable->size) {
        variable->size = initial.bytes.count;
    }
    if (initial.bytes.count > variable->size) {
        parser_fail(parser, at, "%zu bytes of initial value for %s, which has %llu",
                    initial.bytes.count, variable->name, (unsigned long long)variable->size);
    }
    if (initial.bytes.count) {
        unsigned char *bytes = parser_alloc(parser, variable->size);

        memcpy(bytes, initial.bytes.items, initial.bytes.count);
        variable->initial = bytes;
    }
    variable->relocations = initial.relocations.items;
    variable->relocation_count = initial.relocations.count;
}

/* ---- Ranges of names: PTX ISA 5.4.8 ---- */

/* A plain number: behind it ">" is no operator. */
uint64_t parse_range_count(struct parser *parser, uint64_t maximum)
{
    enum ptx_number_kind kind;
    uint64_t count;

    parser_expect_sign(parser, "<");
    if (parser->token.kind != PTX_T_NUMBER || !ptx_number_value(&parser->token, &kind, &count) ||
        kind != PTX_INTEGER || count > maximum) {
        parser_fail(parser, parser->token.at, "a number up to %" PRIu64 " should be here", maximum);
    }
    parser_advance(parser);
    parser_expect_sign(parser, ">");
    return count;
}

const char *parser_numbered(struct parser *parser, const char *prefix, uint64_t number)
{
    size_t size = strlen(prefix) + NUMBER_MAX;
    char *name = parser_alloc(parser, size);

    snprintf(name, size, "%s%" PRIu64, prefix, number);
    return name;
}

/* ---- Declarations ---- */

static struct ptx_variable *new_variable(struct parser *parser, const struct ptx_variable *like)
{
    struct ptx_variable *variable = parser_alloc(parser, sizeof(*variable));

    *variable = *like;
    variable->at = parser->token.at;
    variable->name = parser_take_name(parser, "a name");
    parse_bounds(parser, variable);
    set_align(variable);
    return variable;
}

/* Where its initial value goes. */
static struct ptx_variable *declare(struct parser *parser, struct ptx_variable *variable)
{
    if (parser->function == NULL) {
        return link_variable(parser, variable);
    }
    names_add(parser, PTX_S_VARIABLE, variable->name, variable->at)->variable = variable;
    *(struct ptx_variable **)parser_add(parser, &parser->locals, sizeof(variable)) = variable;
    return variable;
}

/* Of type and size of the first, which is none itself, and without initial values. */
static void declare_range(struct parser *parser, const struct ptx_variable *like)
{
    uint64_t count = parse_range_count(parser, RANGE_MAX);

    for (uint64_t i = 0; i < count; i++) {
        struct ptx_variable *variable = parser_alloc(parser, sizeof(*variable));

        *variable = *like;
        variable->name = parser_numbered(parser, like->name, i);
        declare(parser, variable);
    }
}

void parse_variables(struct parser *parser, enum ptx_space space, enum ptx_linkage linkage)
{
    struct ptx_variable like = {.space = space, .linkage = linkage};

    parse_type(parser, &like);
    do {
        struct ptx_variable *variable = new_variable(parser, &like);

        if (!variable->is_array && parser_at_sign(parser, "<")) {
            declare_range(parser, variable);
            continue;
        }
        variable = declare(parser, variable);
        if (parser_take_sign(parser, "=")) {
            parse_initial(parser, variable);
        }
        if (!variable->size && linkage != PTX_LINK_EXTERN && linkage != PTX_LINK_COMMON) {
            parser_fail(parser, variable->at, "%s has no size and is not .extern", variable->name);
        }
    } while (parser_take_sign(parser, ","));
    parser_expect_sign(parser, ";");
}

struct ptx_variable *parse_parameter(struct parser *parser, enum ptx_space space)
{
    struct ptx_variable like = {.space = space};
    struct ptx_variable *variable;
    struct ptx_symbol *symbol;

    parse_type(parser, &like);
    variable = new_variable(parser, &like);
    if (strcmp(variable->name, "_") == 0) { /* in a prototype */
        return variable;
    }
    if (space == PTX_SPACE_REG) {
        struct ptx_register *added = parser_add(parser, &parser->registers, sizeof(*added));

        *added = (struct ptx_register){variable->name, variable->type, variable->vector};
        symbol = names_add(parser, PTX_S_REGISTER, variable->name, variable->at);
        symbol->index = (uint32_t)parser->registers.count - 1;
    } else {
        symbol = names_add(parser, PTX_S_VARIABLE, variable->name, variable->at);
        symbol->variable = variable;
    }
    return variable;
}

static bool is_register_type(enum ptx_word type)
{
    return ptx_type_kind(type) != PTX_OPAQUE &&
           (ptx_type_kind(type) != PTX_PACKED || type == PTX_W_F16X2 || type == PTX_W_BF16X2);
}

void parse_registers(struct parser *parser)
{
    struct ptx_variable like = {.space = PTX_SPACE_REG};

    parse_type(parser, &like);
    if (!is_register_type(like.type)) {
        parser_fail(parser, parser->token.at, "no register is of type .%s",
                    ptx_word_name(like.type));
    }
    do {
        struct ptx_position at = parser->token.at;
        const char *name = parser_take_name(parser, "a register's name");

        if (parser_at_sign(parser, "<")) {
            struct register_range *range = parser_add(parser, &parser->ranges, sizeof(*range));

            *range = (struct register_range){name,      strlen(name), 0,
                                             like.type, like.vector,  parser->scope};
            range->count = parse_range_count(parser, REGISTERS_MAX);
        } else {
            struct ptx_register *added = parser_add(parser, &parser->registers, sizeof(*added));

            *added = (struct ptx_register){name, like.type, like.vector};
            names_add(parser, PTX_S_REGISTER, name, at)->index =
                (uint32_t)parser->registers.count - 1;
        }
    } while (parser_take_sign(parser, ","));
    parser_expect_sign(parser, ";");
}
