/* SPDX-License-Identifier: BSD-2-Clause */
/* What declarations of one name have to do with each other, in a text and between texts: PTX ISA,
 * 5.4.1 and 11.6. */
#include <string.h>

#include "host/cuda-cpu/ptx/check.h"
#include "host/cuda-cpu/ptx/layout.h"
#include "host/cuda-cpu/ptx/parser.h"

/* Of two the stronger one stays. */
enum strength { DECLARED, COMMON, WEAK, STRONG };

static bool is_of_text(const struct parser *parser, struct ptx_position at)
{
    return at.line >= parser->text_line;
}

static void fail_twice(struct parser *parser, const char *name, struct ptx_position at,
                       struct ptx_position first)
{
    char place[PTX_LOG_PLACE_SIZE];

    ptx_log_place(parser->log, first, place);
    parser_fail(parser, at, "multiple definition of %s, first defined at %s", name, place);
}

static void fail_match(struct parser *parser, const char *what, const char *name,
                       struct ptx_position at, struct ptx_position first)
{
    char place[PTX_LOG_PLACE_SIZE];

    ptx_log_place(parser->log, first, place);
    parser_fail(parser, at, "the %s of %s does not match that at %s", what, name, place);
}

/* ---- Functions of one name ---- */

static enum strength function_strength(const struct ptx_function *function, bool has_body)
{
    return !has_body ? DECLARED : function->linkage == PTX_LINK_WEAK ? WEAK : STRONG;
}

static void check_function(struct parser *parser, const struct ptx_symbol *symbol,
                           const struct ptx_function *function)
{
    const struct ptx_function *first = symbol->function;

    if (symbol->kind != PTX_S_FUNCTION || first->is_entry != function->is_entry ||
        first->param_count != function->param_count ||
        first->result_count != function->result_count) {
        parser_fail(parser, function->at, "%s was declared as something else", function->name);
    }
    if (!is_of_text(parser, first->at) && !ptx_layout_is_alike(first, function)) {
        fail_match(parser, "prototype", function->name, function->at, first->at);
    }
}

/* A symbol of a function that has another name. */
static bool is_alias(const struct ptx_symbol *symbol)
{
    return strcmp(symbol->name, symbol->function->name) != 0;
}

/* It is another function from now on; what it was keeps its own name. */
static struct ptx_function *turn_to(struct parser *parser, struct ptx_symbol *alias,
                                    struct ptx_function *function)
{
    alias->function = function;
    *(struct ptx_function **)parser_add(parser, &parser->functions, sizeof(function)) = function;
    return function;
}

/* The one of the two that stays. */
static struct ptx_function *merge(struct parser *parser, struct ptx_symbol *symbol,
                                  struct ptx_function *function, bool has_body)
{
    enum strength strength = function_strength(function, has_body), first;

    check_function(parser, symbol, function);
    first = function_strength(symbol->function, symbol->function->has_body);
    if (first != DECLARED && strength != DECLARED &&
        ((first == STRONG && strength == STRONG) || is_of_text(parser, symbol->function->at))) {
        fail_twice(parser, function->name, function->at, symbol->function->at);
    }
    if (first != DECLARED && first >= strength) {
        return function; /* declared again, or weak, and of no use */
    }
    if (is_alias(symbol)) {
        return turn_to(parser, symbol, function);
    }
    *symbol->function = *function;
    return symbol->function;
}

/* ---- Names ---- */

/* By it other texts find the symbol. */
static void publish(struct parser *parser, struct ptx_symbol *symbol)
{
    names_bind(parser, 0, symbol);
    *(struct ptx_symbol **)parser_add(parser, &parser->linked, sizeof(symbol)) = symbol;
}

/* A text's own function, which the text now says that others see. */
static struct ptx_symbol *join(struct parser *parser, struct ptx_symbol *own,
                               struct ptx_symbol *linked)
{
    struct ptx_function *function = own->function;

    if (is_alias(own)) {
        check_function(parser, linked, function);
        linked->function = linked->function->has_body ? linked->function : function;
    } else {
        merge(parser, linked, function, function->has_body);
        function->has_body = false;
    }
    own->function = linked->function;
    linked->is_named |= own->is_named;
    names_bind(parser, parser->text_scope, linked);
    return linked;
}

/* What the name is already, to a text that declares it; NULL: nothing. */
static struct ptx_symbol *find(struct parser *parser, const char *name, enum ptx_linkage linkage)
{
    size_t length = strlen(name);
    struct ptx_symbol *own = names_find_in(parser, parser->text_scope, name, length);
    struct ptx_symbol *linked =
        linkage != PTX_LINK_NONE ? names_find_in(parser, 0, name, length) : NULL;

    if (own == NULL && linked != NULL) {
        names_bind(parser, parser->text_scope, linked);
        return linked;
    }
    if (own != NULL && linked == NULL && linkage != PTX_LINK_NONE) {
        publish(parser, own);
    }
    if (own != NULL && linked != NULL && own != linked && own->kind == PTX_S_FUNCTION) {
        return join(parser, own, linked);
    }
    return own;
}

static struct ptx_symbol *add(struct parser *parser, enum ptx_symbol_kind kind, const char *name,
                              enum ptx_linkage linkage, struct ptx_position at)
{
    struct ptx_symbol *symbol = names_add_in(parser, parser->text_scope, kind, name, at);

    if (linkage != PTX_LINK_NONE) {
        publish(parser, symbol);
    }
    return symbol;
}

/* ---- Functions ---- */

static struct ptx_function *add_function(struct parser *parser, struct ptx_function *function)
{
    add(parser, PTX_S_FUNCTION, function->name, function->linkage, function->at)->function =
        function;
    *(struct ptx_function **)parser_add(parser, &parser->functions, sizeof(function)) = function;
    return function;
}

struct ptx_function *link_function(struct parser *parser, struct ptx_function *function,
                                   bool has_body)
{
    struct ptx_symbol *symbol = find(parser, function->name, function->linkage);

    return symbol == NULL ? add_function(parser, function)
                          : merge(parser, symbol, function, has_body);
}

/* ---- Variables ---- */

static struct ptx_variable *add_variable(struct parser *parser, struct ptx_variable *variable)
{
    add(parser, PTX_S_VARIABLE, variable->name, variable->linkage, variable->at)->variable =
        variable;
    *(struct ptx_variable **)parser_add(parser, &parser->variables, sizeof(variable)) = variable;
    return variable;
}

/* One that has an initial value is common to others that have none. */
static enum strength variable_strength(const struct ptx_variable *variable, bool has_initial)
{
    switch (variable->linkage) {
    case PTX_LINK_EXTERN:
        return DECLARED;
    case PTX_LINK_COMMON:
        return has_initial ? STRONG : COMMON;
    case PTX_LINK_WEAK:
        return WEAK;
    default:
        return STRONG;
    }
}

/* Bytes have whatever type their text gives them. A size of 0 is not known. */
static bool is_alike(const struct ptx_variable *a, const struct ptx_variable *b, bool is_common)
{
    return a->space == b->space &&
           (a->type == b->type ||
            (ptx_type_kind(a->type) != PTX_OPAQUE && ptx_type_kind(b->type) != PTX_OPAQUE)) &&
           (a->size == b->size || !a->size || !b->size || is_common);
}

static void check_variable(struct parser *parser, const struct ptx_symbol *symbol,
                           const struct ptx_variable *variable)
{
    const struct ptx_variable *first = symbol->variable;

    if (symbol->kind != PTX_S_VARIABLE ||
        (is_of_text(parser, first->at) && first->linkage != PTX_LINK_EXTERN)) {
        parser_fail(parser, variable->at, "%s is declared already", variable->name);
    }
    if (is_of_text(parser, first->at) &&
        (first->space != variable->space || first->type != variable->type)) {
        parser_fail(parser, variable->at, "%s was declared with another type", variable->name);
    }
    if (!is_of_text(parser, first->at) &&
        !is_alike(first, variable,
                  first->linkage == PTX_LINK_COMMON || variable->linkage == PTX_LINK_COMMON)) {
        fail_match(parser, "size or type", variable->name, variable->at, first->at);
    }
}

/* A common one has the room that the largest asks for; a definition has its own. */
static void check_room(struct parser *parser, const struct ptx_variable *defined,
                       const struct ptx_variable *common)
{
    if (common->linkage == PTX_LINK_COMMON && defined->size && common->size > defined->size) {
        char place[PTX_LOG_PLACE_SIZE];

        ptx_log_place(parser->log, common->at, place);
        parser_fail(parser, defined->at, "%s has %llu bytes, and %llu at %s", defined->name,
                    (unsigned long long)defined->size, (unsigned long long)common->size, place);
    }
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

struct ptx_variable *link_variable(struct parser *parser, struct ptx_variable *variable)
{
    struct ptx_symbol *symbol = find(parser, variable->name, variable->linkage);
    enum strength strength = variable_strength(variable, parser_at_sign(parser, "=")), first_is;
    struct ptx_variable *first;

    if (symbol == NULL) {
        return add_variable(parser, variable);
    }
    check_variable(parser, symbol, variable);
    first = symbol->variable;
    first_is = variable_strength(first, first->initial != NULL);
    if (first_is == STRONG && strength == STRONG) {
        fail_twice(parser, variable->name, variable->at, first->at);
    }
    first->align = variable->align = larger(first->align, variable->align);
    if (first_is >= strength && first_is != DECLARED) {
        if (first_is == COMMON) {
            first->size = larger(first->size, variable->size);
        } else {
            check_room(parser, first, variable);
        }
        return variable; /* declared again, and of no use */
    }
    check_room(parser, variable, first);
    if (first_is == DECLARED && strength == DECLARED) {
        variable->size = larger(first->size, variable->size);
    }
    *first = *variable;
    return first;
}

/* ---- The end ---- */

static void fail_undefined(struct parser *parser, const char *name, struct ptx_position at)
{
    ptx_log_error(parser->log, at, "undefined reference to %s", name);
}

/* The device has some functions itself. Who reads an unlinked text leaves the rest to the checks:
 * NVIDIA's compiler takes variables that are nowhere else for this text's own. */
static void check_defined(struct parser *parser, const struct ptx_symbol *symbol)
{
    if (!symbol->is_named) {
        return;
    }
    if (symbol->kind == PTX_S_FUNCTION && !symbol->function->has_body &&
        !ptx_is_system_function(symbol->name)) {
        fail_undefined(parser, symbol->name, symbol->function->at);
    }
    if (symbol->kind == PTX_S_VARIABLE && symbol->variable->linkage == PTX_LINK_EXTERN &&
        symbol->variable->space != PTX_SPACE_SHARED) {
        fail_undefined(parser, symbol->name, symbol->variable->at);
    }
}

/* A text's own variable is found by its name where no other one is. */
static void hide(struct parser *parser, struct ptx_variable *variable)
{
    const struct ptx_symbol *linked =
        names_find_in(parser, 0, variable->name, strlen(variable->name));

    variable->is_hidden =
        linked != NULL && (linked->kind != PTX_S_VARIABLE || linked->variable != variable);
}

void link_end(struct parser *parser)
{
    for (size_t i = 0; parser->is_linked && i < parser->linked.count; i++) {
        check_defined(parser, ((struct ptx_symbol **)parser->linked.items)[i]);
    }
    for (size_t i = 0; i < parser->variables.count; i++) {
        hide(parser, ((struct ptx_variable **)parser->variables.items)[i]);
    }
}
