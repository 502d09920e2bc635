/* SPDX-License-Identifier: BSD-2-Clause */
/* A function's body: statements, PTX ISA 4.3. */
#include <string.h>

#include "host/cuda-cpu/ptx/parser.h"

static void parse_statement(struct parser *parser);

/* ---- Instructions ---- */

/* Whether some form of it has words that nobody here knows. */
static bool is_open(enum ptx_opcode opcode)
{
    for (const struct ptx_form *form = ptx_form_first(opcode); form != NULL;
         form = ptx_form_next(form)) {
        if (strchr(form->words, '*') != NULL) {
            return true;
        }
    }
    return false;
}

static void add_word(struct parser *parser, struct ptx_instruction *instruction)
{
    enum ptx_word word = ptx_word_find(parser->token.text, parser->token.length);

    if (word == PTX_W_NONE && !is_open(instruction->opcode)) {
        parser_fail(
            parser, parser->token.at, "%s has no .%.*s", ptx_opcode_name(instruction->opcode),
            (int)(parser->token.length < 64 ? parser->token.length : 64), parser->token.text);
    }
    if (word == PTX_W_NONE && instruction->unknown == NULL) {
        instruction->unknown = parser_copy(parser, parser->token.text, parser->token.length);
    }
    if (instruction->word_count == PTX_WORDS_MAX) {
        parser_fail(parser, parser->token.at, "too many words");
    }
    instruction->words[instruction->word_count++] = (uint16_t)word;
    parser_advance(parser);
}

static void parse_guard(struct parser *parser, struct ptx_instruction *instruction)
{
    const struct ptx_symbol *symbol;
    struct ptx_position at;
    const char *name;

    if (!parser_take_sign(parser, "@")) {
        return;
    }
    instruction->guard_negated = parser_take_sign(parser, "!");
    at = parser->token.at;
    name = parser_take_name(parser, "a predicate");
    symbol = names_find(parser, parser->scope, name, strlen(name));
    if (symbol == NULL || symbol->kind != PTX_S_REGISTER) {
        parser_fail(parser, at, "%s is no register", name);
    }
    instruction->has_guard = true;
    instruction->guard = symbol->index;
}

static void parse_instruction(struct parser *parser)
{
    struct ptx_instruction instruction = {.location = parser->location};

    parse_guard(parser, &instruction);
    instruction.at = parser->token.at;
    if (parser->token.kind != PTX_T_NAME) {
        parser_fail(parser, parser->token.at, "an instruction should be here");
    }
    instruction.opcode = ptx_opcode_find(parser->token.text, parser->token.length);
    if (instruction.opcode == PTX_OPCODES) {
        parser_fail(parser, parser->token.at, "no instruction is called %.*s",
                    (int)(parser->token.length < 64 ? parser->token.length : 64),
                    parser->token.text);
    }
    parser_advance(parser);
    while (parser->token.kind == PTX_T_DOT) {
        add_word(parser, &instruction);
    }
    parse_operands(parser, &instruction);
    parser_expect_sign(parser, ";");
    if (++parser->instruction_count > parser->limits->instructions) {
        ptx_log_kind(parser->log, PTX_ERROR_LIMIT);
        parser_give_up(parser, instruction.at, "more than %zu instructions",
                       parser->limits->instructions);
    }
    *(struct ptx_instruction *)parser_add(parser, &parser->instructions, sizeof(instruction)) =
        instruction;
}

/* ---- Labels and tables ---- */

static bool at_table(const struct parser *parser)
{
    return parser_at_dot(parser, "branchtargets") || parser_at_dot(parser, "calltargets");
}

/* name: and what follows it, if it is no instruction. */
static void parse_label(struct parser *parser)
{
    struct ptx_position at = parser->token.at;
    const char *name = parser_take_name(parser, "a label");
    struct ptx_symbol *symbol;

    parser_expect_sign(parser, ":");
    if (parser_take_dot(parser, "callprototype")) {
        names_add(parser, PTX_S_PROTOTYPE, name, at)->function = parse_prototype(parser);
    } else if (at_table(parser)) {
        parser_advance(parser);
        symbol = names_add(parser, PTX_S_TARGETS, name, at);
        symbol->targets = parser_alloc(parser, sizeof(*symbol->targets));
        symbol->targets->items = parse_targets(parser, &symbol->targets->count);
        parser_expect_sign(parser, ";");
    } else {
        symbol = names_add(parser, PTX_S_LABEL, name, at);
        symbol->index = (uint32_t)parser->instructions.count;
    }
}

/* ---- Statements ---- */

static void parse_block(struct parser *parser)
{
    parser_enter(parser);
    names_open_scope(parser);
    while (!parser_take_sign(parser, "}")) {
        if (parser->token.kind == PTX_T_END) {
            parser_expect_sign(parser, "}");
        }
        parse_statement(parser);
    }
    names_close_scope(parser);
    parser_leave(parser);
}

static void parse_directive(struct parser *parser)
{
    if (parse_debug_directive(parser)) {
        return;
    }
    if (parser_take_dot(parser, "reg")) {
        parse_registers(parser);
    } else if (parser_take_dot(parser, "local")) {
        parse_variables(parser, PTX_SPACE_LOCAL, PTX_LINK_NONE);
    } else if (parser_take_dot(parser, "shared")) {
        parse_variables(parser, PTX_SPACE_SHARED, PTX_LINK_NONE);
    } else if (parser_take_dot(parser, "param")) {
        parse_variables(parser, PTX_SPACE_PARAM, PTX_LINK_NONE);
    } else if (parser_take_dot(parser, "global")) {
        parse_variables(parser, PTX_SPACE_GLOBAL, PTX_LINK_NONE);
    } else if (parser_take_dot(parser, "const")) {
        parse_variables(parser, PTX_SPACE_CONST, PTX_LINK_NONE);
    } else {
        parser_fail(parser, parser->token.at, "no statement begins with .%.*s",
                    (int)(parser->token.length < 64 ? parser->token.length : 64),
                    parser->token.text);
    }
}

static void parse_one(struct parser *parser)
{
    if (parser_take_sign(parser, "{")) {
        parse_block(parser);
    } else if (parser->token.kind == PTX_T_DOT) {
        parse_directive(parser);
    } else if (parser->token.kind == PTX_T_NAME && ptx_token_is(&parser->ahead, PTX_T_SIGN, ":")) {
        parse_label(parser);
    } else if (!parser_take_sign(parser, ";")) {
        parse_instruction(parser);
    }
}

/* To the end of a statement that is wrong, from its beginning: past a semicolon, or to the brace
 * that ends the block. */
static void skip_statement(struct parser *parser)
{
    unsigned depth = 0;

    while (parser->token.kind != PTX_T_END && (depth || !parser_at_sign(parser, "}"))) {
        if (parser_take_sign(parser, ";")) {
            return;
        }
        depth += parser_at_sign(parser, "{");
        depth -= depth && parser_at_sign(parser, "}");
        parser_advance(parser);
    }
}

/* Where a statement begins. */
struct place {
    struct ptx_lexer lexer;
    struct ptx_token token, ahead;
    unsigned depth;
    uint32_t scope;
};

static struct place remember(const struct parser *parser)
{
    return (struct place){parser->lexer, parser->token, parser->ahead, parser->depth,
                          parser->scope};
}

static void go_back(struct parser *parser, const struct place *place)
{
    parser->lexer = place->lexer;
    parser->token = place->token;
    parser->ahead = place->ahead;
    parser->depth = place->depth;
    parser->scope = place->scope;
}

/* An error in it costs this statement alone. */
static void parse_statement(struct parser *parser)
{
    const struct place place = remember(parser);
    jmp_buf *outer = parser->recovery;
    jmp_buf recovery;

    if (setjmp(recovery)) {
        parser->recovery = outer;
        go_back(parser, &place);
        skip_statement(parser);
        return;
    }
    parser->recovery = &recovery;
    parse_one(parser);
    parser->recovery = outer;
}

/* Labels of the scopes around a use, nearest first. */
static void resolve_branches(struct parser *parser)
{
    const struct label_use *uses = parser->label_uses.items;
    size_t count = parser->label_uses.count;
    struct ptx_branch *branches = parser_alloc(parser, count * sizeof(*branches));

    for (size_t i = 0; i < count; i++) {
        const struct ptx_symbol *symbol =
            names_find(parser, uses[i].scope, uses[i].name, strlen(uses[i].name));

        branches[i].name = uses[i].name;
        if (symbol != NULL && symbol->kind == PTX_S_LABEL) {
            branches[i].instruction = symbol->index;
        } else {
            ptx_log_error(parser->log, uses[i].at, "%s is not declared", uses[i].name);
        }
    }
    parser->function->branches = branches;
    parser->function->branch_count = count;
}

void parse_body(struct parser *parser)
{
    struct ptx_function *function = parser->function;

    parser_expect_sign(parser, "{");
    parse_block(parser);
    resolve_branches(parser);
    function->has_body = true;
    function->registers = parser->registers.items;
    function->register_count = parser->registers.count;
    function->variables = parser->locals.items;
    function->variable_count = parser->locals.count;
    function->instructions = parser->instructions.items;
    function->instruction_count = parser->instructions.count;
}
