/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside the parser: its state, and what its files do for each other. */
#ifndef CUDA_CPU_PTX_PARSER_H
#define CUDA_CPU_PTX_PARSER_H

#include <setjmp.h>

#include "host/cuda-cpu/ptx/input.h"
#include "host/cuda-cpu/ptx/lexer.h"
#include "host/cuda-cpu/ptx/module.h"

/* An array in the module's arena that grows. */
struct list {
    void *items;
    size_t count, capacity;
};

/* Names by scope. In scope 0 are those by which texts are linked, which no text sees; each text has
 * a scope, and each pair of braces in it opens another one. */
struct names {
    struct name_slot {
        struct ptx_symbol *symbol;
        uint32_t scope;
    } *slots;
    size_t count, size; /* size: a power of two, or 0 */
};

/* .reg .b32 %r<100>: %r0 to %r99 are registers when they are first used. */
struct register_range {
    const char *prefix;
    size_t prefix_length;
    uint64_t count;
    enum ptx_word type;
    unsigned vector;
    uint32_t scope;
};

/* Names of other ranges are there at once. */
#define RANGE_MAX 65536

/* A label where it is used; whether there is one, the end of the function shows. */
struct label_use {
    const char *name;
    uint32_t scope;
    struct ptx_position at;
};

struct parser {
    struct ptx_module *module;
    const struct ptx_limits *limits;
    struct ptx_log *log;
    struct ptx_lexer lexer;
    struct ptx_token token; /* the current one */
    struct ptx_token ahead; /* and the next */
    jmp_buf *recovery;      /* where an error goes on */
    jmp_buf *end;           /* where one goes after which there is nothing to be found */
    unsigned depth;         /* of what is nested */
    size_t instruction_count;
    struct names names;
    struct list scope_parents; /* uint32_t */
    uint32_t scope, text_scope;
    unsigned text_line; /* the text's first one */
    bool is_linked;     /* the text has a name, and may be one of several */
    bool has_target;
    size_t first_file; /* of the text */
    struct list variables, functions, locations, files;
    struct list linked;            /* struct ptx_symbol *, of scope 0 */
    uint32_t location;             /* that of the last .loc + 1 */
    struct ptx_function *function; /* NULL outside */
    struct list registers, instructions, locals;
    struct list ranges; /* struct register_range */
    struct list label_uses;
};

/* ---- parser.c ---- */

/* An error at a token; does not return. */
void parser_fail(struct parser *parser, struct ptx_position at, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));

/* One that ends everything: the end of the text, or a limit. */
void parser_give_up(struct parser *parser, struct ptx_position at, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));

void parser_advance(struct parser *parser);

/* Whether the current token is this sign, name or .word. */
bool parser_at_sign(const struct parser *parser, const char *sign);
bool parser_at_dot(const struct parser *parser, const char *word);

/* Passes it when it is the current token. */
bool parser_take_sign(struct parser *parser, const char *sign);
bool parser_take_dot(struct parser *parser, const char *word);

void parser_expect_sign(struct parser *parser, const char *sign);

/* Passes a name; its text belongs to the module. */
const char *parser_take_name(struct parser *parser, const char *what);

void parser_enter(struct parser *parser); /* nesting, bounded */
void parser_leave(struct parser *parser);

/* Of the module; an error when there is no memory left. */
void *parser_alloc(struct parser *parser, size_t size);
const char *parser_copy(struct parser *parser, const char *text, size_t length);

/* A new item, zeroed. It moves when the list grows. */
void *parser_add(struct parser *parser, struct list *list, size_t item_size);

/* ---- names.c ---- */

uint32_t names_open_scope(struct parser *parser);
void names_close_scope(struct parser *parser);

/* In this scope alone, or in it and those around it, up to the text's; NULL: none. A register of a
 * range comes to be.
 */
struct ptx_symbol *names_find_in(struct parser *parser, uint32_t scope, const char *name,
                                 size_t length);
struct ptx_symbol *names_find(struct parser *parser, uint32_t scope, const char *name,
                              size_t length);

/* In the current scope; an error at the position when the name is taken. */
struct ptx_symbol *names_add(struct parser *parser, enum ptx_symbol_kind kind, const char *name,
                             struct ptx_position at);

/* The same in a given scope. */
struct ptx_symbol *names_add_in(struct parser *parser, uint32_t scope, enum ptx_symbol_kind kind,
                                const char *name, struct ptx_position at);

/* One that there is in another scope, too, where its name is not taken. */
void names_bind(struct parser *parser, uint32_t scope, struct ptx_symbol *symbol);

/* ---- link.c ---- */

/* What a text declares is what it and others declared before, or new. Where it goes comes back: of
 * several that are allowed, such as weak ones, some go nowhere. */
struct ptx_function *link_function(struct parser *parser, struct ptx_function *function,
                                   bool has_body);
struct ptx_variable *link_variable(struct parser *parser, struct ptx_variable *variable);

/* Behind the last text: what is named and nowhere defined is an error. */
void link_end(struct parser *parser);

/* ---- parse_constant.c ---- */

struct constant {
    enum ptx_number_kind kind;
    uint64_t bits;
};

/* A constant expression: PTX ISA 4.6. */
struct constant parse_constant(struct parser *parser);

/* One that is an integer of at least minimum and at most maximum. */
uint64_t parse_integer(struct parser *parser, const char *what, uint64_t minimum, uint64_t maximum);

bool parser_at_constant(const struct parser *parser);

/* A constant's value as one of this type: floats converted, integers cut. */
uint64_t constant_as(struct constant constant, enum ptx_word type);

/* ---- parse_variable.c ---- */

/* Behind the state space: attributes, type, names, sizes, initial values, semicolon. */
void parse_variables(struct parser *parser, enum ptx_space space, enum ptx_linkage linkage);

/* One parameter, behind its state space, without a separator. */
struct ptx_variable *parse_parameter(struct parser *parser, enum ptx_space space);

/* Behind .attribute: what stands in parentheses. True: .managed is among it. */
bool parse_attributes(struct parser *parser);

/* Behind a name, "<" count ">" with at most so many: they are numbered from 0. */
uint64_t parse_range_count(struct parser *parser, uint64_t maximum);

/* One of them, as a name. */
const char *parser_numbered(struct parser *parser, const char *prefix, uint64_t number);

/* Behind .reg. */
void parse_registers(struct parser *parser);

/* ---- parse_operand.c ---- */

/* The operands up to the semicolon, which stays; of a call in their own form. */
void parse_operands(struct parser *parser, struct ptx_instruction *instruction);

/* Names of labels or functions, separated by commas. */
struct ptx_operand *parse_targets(struct parser *parser, size_t *count);

/* ---- parse_body.c ---- */

/* Between the braces of a function; both are passed. */
void parse_body(struct parser *parser);

/* ---- parse_module.c ---- */

/* All of a text. */
void parse_text(struct parser *parser);

/* Behind .callprototype, with the semicolon. */
struct ptx_function *parse_prototype(struct parser *parser);

/* .loc, .file, .section and .pragma, which mean the same everywhere. */
bool parse_debug_directive(struct parser *parser);

#endif
