/* SPDX-License-Identifier: BSD-2-Clause */
/* Operands: PTX ISA, chapter 6. What an instruction makes of them, the checker looks at. */
#include <string.h>

#include "host/cuda-cpu/ptx/instruction.h"
#include "host/cuda-cpu/ptx/parser.h"

static void parse_operand(struct parser *parser, struct ptx_operand *operand);

static const char *const components[] = {"x", "y", "z", "w"};

/* %tid.x; without a component the whole vector. */
static bool parse_special(struct parser *parser, struct ptx_operand *operand)
{
    enum ptx_special special = ptx_special_find(parser->token.text, parser->token.length);

    if (special == PTX_SPECIALS) {
        return false;
    }
    operand->kind = PTX_O_SPECIAL;
    operand->special.name = special;
    operand->special.component = 0;
    parser_advance(parser);
    for (unsigned i = 0; i < 4 && ptx_special_components(special) == 4; i++) {
        if (parser_take_dot(parser, components[i])) {
            operand->special.component = i;
            operand->select = components[i];
            break;
        }
    }
    return true;
}

static void use_label(struct parser *parser, struct ptx_operand *operand, const char *name)
{
    struct label_use *use = parser_add(parser, &parser->label_uses, sizeof(*use));

    *use = (struct label_use){name, parser->scope, operand->at};
    operand->kind = PTX_O_LABEL;
    operand->label = (uint32_t)parser->label_uses.count - 1;
}

static void set_symbol(struct ptx_operand *operand, struct ptx_symbol *symbol)
{
    symbol->is_named = true;
    if (symbol->kind == PTX_S_REGISTER) {
        operand->kind = PTX_O_REGISTER;
        operand->reg = symbol->index;
    } else {
        operand->kind = PTX_O_SYMBOL;
        operand->symbol = symbol;
    }
}

/* + constant, - constant, or + (-constant); 0: none. */
static int64_t parse_offset(struct parser *parser)
{
    if (!parser_at_sign(parser, "+") && !parser_at_sign(parser, "-")) {
        return 0;
    }
    return (int64_t)parse_constant(parser).bits;
}

/* A register's part, and what is added. */
static void parse_behind_name(struct parser *parser, struct ptx_operand *operand)
{
    if (operand->kind == PTX_O_REGISTER && parser->token.kind == PTX_T_DOT) {
        operand->select = parser_copy(parser, parser->token.text, parser->token.length);
        parser_advance(parser);
    }
    operand->offset = parse_offset(parser);
}

/* A declared name, or else a label's, which may be declared later. */
static void set_name(struct parser *parser, struct ptx_operand *operand, const char *name,
                     size_t length)
{
    struct ptx_symbol *symbol = names_find(parser, parser->scope, name, length);

    if (symbol == NULL || symbol->kind == PTX_S_LABEL) {
        use_label(parser, operand, parser_copy(parser, name, length));
    } else {
        set_symbol(operand, symbol);
    }
}

static void parse_name(struct parser *parser, struct ptx_operand *operand)
{
    const struct ptx_token name = parser->token;

    if (ptx_token_is(&name, PTX_T_NAME, "_")) {
        operand->kind = PTX_O_SINK;
        parser_advance(parser);
        return;
    }
    if (parse_special(parser, operand)) {
        return;
    }
    set_name(parser, operand, name.text, name.length);
    parser_advance(parser);
    if (operand->kind != PTX_O_LABEL) {
        parse_behind_name(parser, operand);
    }
}

static void parse_number(struct parser *parser, struct ptx_operand *operand)
{
    struct constant constant = parse_constant(parser);

    operand->bits = constant.bits;
    switch (constant.kind) {
    case PTX_FLOAT32:
        operand->kind = PTX_O_FLOAT32;
        break;
    case PTX_FLOAT64:
        operand->kind = PTX_O_FLOAT64;
        break;
    default:
        operand->kind = PTX_O_INTEGER;
    }
}

/* One or more, separated by commas. */
static struct ptx_operand *parse_list(struct parser *parser, size_t *count)
{
    struct list items = {0};

    do {
        struct ptx_operand item = {0};

        parse_operand(parser, &item);
        *(struct ptx_operand *)parser_add(parser, &items, sizeof(item)) = item;
    } while (parser_take_sign(parser, ","));
    *count = items.count;
    return items.items;
}

/* Items up to a closing sign, which is passed. */
static void parse_items(struct parser *parser, struct ptx_operand *operand, const char *end)
{
    parser_enter(parser);
    if (!parser_at_sign(parser, end)) {
        operand->items = parse_list(parser, &operand->count);
    }
    parser_expect_sign(parser, end);
    parser_leave(parser);
}

/* Behind "[": an address; or a texture or surface, when a comma and coordinates follow. */
static void parse_brackets(struct parser *parser, struct ptx_operand *operand)
{
    struct ptx_operand *base = parser_alloc(parser, sizeof(*base));

    operand->kind = PTX_O_ADDRESS;
    base->at = parser->token.at;
    if (parser_at_constant(parser)) {
        operand->base = NULL;
        operand->offset = (int64_t)parse_constant(parser).bits;
    } else {
        parse_operand(parser, base);
        operand->base = base;
        operand->offset = base->offset;
    }
    if (parser_take_sign(parser, ",")) {
        operand->kind = PTX_O_TABLE;
        operand->base = base;
        operand->items = parse_list(parser, &operand->count);
    }
    parser_expect_sign(parser, "]");
    if (parser_at_dot(parser, "unified")) {
        parser_advance(parser);
    }
}

/* Behind the first of a|b. */
static void parse_second(struct parser *parser, struct ptx_operand *operand)
{
    struct ptx_operand *items;

    if (!parser_take_sign(parser, "|")) {
        return;
    }
    items = parser_alloc(parser, 2 * sizeof(*items));
    items[0] = *operand;
    parse_operand(parser, &items[1]);
    *operand =
        (struct ptx_operand){.kind = PTX_O_PAIR, .at = items[0].at, .items = items, .count = 2};
}

static bool at_negated_register(const struct parser *parser)
{
    return parser_at_sign(parser, "-") && parser->ahead.kind == PTX_T_NAME;
}

static void parse_operand(struct parser *parser, struct ptx_operand *operand)
{
    parser_enter(parser);
    operand->at = parser->token.at;
    if (at_negated_register(parser) || parser_at_sign(parser, "!")) {
        struct ptx_position at = parser->token.at;

        parser_advance(parser);
        parse_operand(parser, operand);
        operand->at = at;
        operand->negated = true;
    } else if (parser_take_sign(parser, "[")) {
        parse_brackets(parser, operand);
    } else if (parser_take_sign(parser, "{")) {
        operand->kind = PTX_O_LIST;
        parse_items(parser, operand, "}");
        parse_second(parser, operand);
    } else if (parser_at_constant(parser) && !ptx_token_is(&parser->token, PTX_T_NAME, "WARP_SZ")) {
        parse_number(parser, operand);
    } else if (parser->token.kind == PTX_T_NAME) {
        parse_name(parser, operand);
        parse_second(parser, operand);
    } else {
        parser_fail(parser, operand->at, "an operand should be here");
    }
    parser_leave(parser);
}

/* (results), target, (arguments), table; all but the target may be missing. */
static void parse_call(struct parser *parser, struct ptx_instruction *instruction)
{
    struct ptx_operand *call = parser_alloc(parser, 4 * sizeof(*call));

    for (int i = 0; i < 4; i++) {
        call[i].kind = PTX_O_LIST;
        call[i].at = parser->token.at;
    }
    if (parser_take_sign(parser, "(")) {
        parse_items(parser, &call[0], ")");
        parser_expect_sign(parser, ",");
    }
    parse_operand(parser, &call[1]);
    if (parser_take_sign(parser, ",")) {
        call[2].at = call[3].at = parser->token.at;
        if (parser_take_sign(parser, "(")) {
            parse_items(parser, &call[2], ")");
            if (parser_take_sign(parser, ",")) {
                parse_operand(parser, &call[3]);
            }
        } else {
            parse_operand(parser, &call[3]);
        }
    }
    instruction->call = call;
}

/* mov.b64 %r, %v is mov.b64 %r, {%v.x, %v.y}. */
static void spread_vector(struct parser *parser, struct ptx_operand *operand)
{
    const struct ptx_register *registers = parser->registers.items;
    struct ptx_operand *items;
    unsigned count;

    if (operand->kind != PTX_O_REGISTER || operand->select != NULL ||
        registers[operand->reg].vector == 1) {
        return;
    }
    count = registers[operand->reg].vector;
    items = parser_alloc(parser, count * sizeof(*items));
    for (unsigned i = 0; i < count; i++) {
        items[i] = *operand;
        items[i].select = components[i];
    }
    *operand =
        (struct ptx_operand){.kind = PTX_O_LIST, .at = operand->at, .items = items, .count = count};
}

/* mov.v4.u32 {%a, ...}, %tid is mov.v4.u32 {%a, ...}, {%tid.x, ...}. */
static void spread_special(struct parser *parser, struct ptx_operand *operand)
{
    struct ptx_operand *items;

    if (operand->kind != PTX_O_SPECIAL || operand->select != NULL ||
        ptx_special_components(operand->special.name) != 4) {
        return;
    }
    items = parser_alloc(parser, 4 * sizeof(*items));
    for (unsigned i = 0; i < 4; i++) {
        items[i] = *operand;
        items[i].special.component = i;
        items[i].select = components[i];
    }
    *operand =
        (struct ptx_operand){.kind = PTX_O_LIST, .at = operand->at, .items = items, .count = 4};
}

static bool is_scalar_move(const struct ptx_instruction *instruction)
{
    return instruction->opcode == PTX_MOV && !ptx_has_word(instruction, PTX_W_V2) &&
           !ptx_has_word(instruction, PTX_W_V4);
}

void parse_operands(struct parser *parser, struct ptx_instruction *instruction)
{
    if (instruction->opcode == PTX_CALL) {
        parse_call(parser, instruction);
        return;
    }
    if (!parser_at_sign(parser, ";")) {
        instruction->operands = parse_list(parser, &instruction->operand_count);
    }
    for (size_t i = 0; is_scalar_move(instruction) && i < instruction->operand_count; i++) {
        spread_vector(parser, &instruction->operands[i]);
    }
    if (instruction->opcode == PTX_MOV && instruction->operand_count == 2 &&
        ptx_has_word(instruction, PTX_W_V4)) {
        spread_special(parser, &instruction->operands[1]);
    }
}

static struct ptx_operand *add_target(struct parser *parser, struct list *targets,
                                      struct ptx_position at)
{
    struct ptx_operand *target = parser_add(parser, targets, sizeof(*target));

    target->at = at;
    return target;
}

/* L<4> is L0, L1, L2, L3. */
static void add_targets(struct parser *parser, struct list *targets)
{
    const struct ptx_position at = parser->token.at;
    const char *prefix;
    uint64_t count;

    if (parser->token.kind != PTX_T_NAME) {
        parser_fail(parser, at, "a label or a function should be here");
    }
    if (!ptx_token_is(&parser->ahead, PTX_T_SIGN, "<")) {
        parse_name(parser, add_target(parser, targets, at));
        return;
    }
    prefix = parser_take_name(parser, "a label");
    count = parse_range_count(parser, RANGE_MAX);
    if (!count) {
        parser_fail(parser, at, "%s<0> is no label", prefix);
    }
    for (uint64_t i = 0; i < count; i++) {
        const char *name = parser_numbered(parser, prefix, i);

        set_name(parser, add_target(parser, targets, at), name, strlen(name));
    }
}

struct ptx_operand *parse_targets(struct parser *parser, size_t *count)
{
    struct list targets = {0};

    do {
        add_targets(parser, &targets);
    } while (parser_take_sign(parser, ","));
    *count = targets.count;
    return targets.items;
}
