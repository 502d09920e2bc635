/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/ptx/parser.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/ptx/check.h"
#include "host/cuda-cpu/ptx/layout.h"

#define MESSAGE_MAX 512
#define CONSTANTS_SIZE_MAX 65536 /* bytes of a module's .const variables */

const struct ptx_limits ptx_default_limits = {
    .text = (size_t)64 << 20,
    .memory = (size_t)1 << 30,
    .instructions = (size_t)1 << 20,
    .variable = UINT64_C(1) << 31,
};

static void log_error(struct parser *parser, struct ptx_position at, const char *format,
                      va_list arguments)
{
    char message[MESSAGE_MAX];

    vsnprintf(message, sizeof(message), format, arguments);
    ptx_log_error(parser->log, at, "%s", message);
}

void parser_fail(struct parser *parser, struct ptx_position at, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_error(parser, at, format, arguments);
    va_end(arguments);
    longjmp(*parser->recovery, 1);
}

void parser_give_up(struct parser *parser, struct ptx_position at, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_error(parser, at, format, arguments);
    va_end(arguments);
    longjmp(*parser->end, 1);
}

static void fail_at_bad(struct parser *parser)
{
    const struct ptx_token *token = &parser->token;

    if (token->length == 1) {
        parser_give_up(parser, token->at, "a byte 0x%02x has no meaning here",
                       (unsigned char)token->text[0]);
    }
    parser_give_up(parser, token->at, "a comment, string or word without an end");
}

void parser_advance(struct parser *parser)
{
    parser->token = parser->ahead;
    parser->ahead = ptx_lexer_next(&parser->lexer);
    if (parser->token.kind == PTX_T_BAD) {
        fail_at_bad(parser);
    }
}

bool parser_at_sign(const struct parser *parser, const char *sign)
{
    return ptx_token_is(&parser->token, PTX_T_SIGN, sign);
}

bool parser_at_dot(const struct parser *parser, const char *word)
{
    return ptx_token_is(&parser->token, PTX_T_DOT, word);
}

bool parser_take_sign(struct parser *parser, const char *sign)
{
    if (!parser_at_sign(parser, sign)) {
        return false;
    }
    parser_advance(parser);
    return true;
}

bool parser_take_dot(struct parser *parser, const char *word)
{
    if (!parser_at_dot(parser, word)) {
        return false;
    }
    parser_advance(parser);
    return true;
}

static void fail_unexpected(struct parser *parser, const char *wanted)
{
    const struct ptx_token *token = &parser->token;

    if (token->kind == PTX_T_END) {
        parser_give_up(parser, token->at, "the text ends where %s should be", wanted);
    }
    parser_fail(parser, token->at, "%s should be where \"%s%.*s\" is", wanted,
                token->kind == PTX_T_DOT ? "." : "", (int)(token->length < 64 ? token->length : 64),
                token->text);
}

void parser_expect_sign(struct parser *parser, const char *sign)
{
    char wanted[8];

    if (!parser_at_sign(parser, sign)) {
        snprintf(wanted, sizeof(wanted), "\"%s\"", sign);
        fail_unexpected(parser, wanted);
    }
    parser_advance(parser);
}

const char *parser_take_name(struct parser *parser, const char *what)
{
    const char *name;

    if (parser->token.kind != PTX_T_NAME) {
        fail_unexpected(parser, what);
    }
    name = parser_copy(parser, parser->token.text, parser->token.length);
    parser_advance(parser);
    return name;
}

void parser_enter(struct parser *parser)
{
    if (++parser->depth > PTX_DEPTH_MAX) {
        ptx_log_kind(parser->log, PTX_ERROR_LIMIT);
        parser_give_up(parser, parser->token.at, "nested more than %d deep", PTX_DEPTH_MAX);
    }
}

void parser_leave(struct parser *parser)
{
    parser->depth--;
}

void *parser_alloc(struct parser *parser, size_t size)
{
    void *memory = arena_alloc(&parser->module->arena, size);

    if (memory == NULL && parser->module->arena.is_out_of_memory) {
        ptx_log_kind(parser->log, PTX_ERROR_MEMORY);
        parser_give_up(parser, parser->token.at, "there is no memory for the module");
    }
    if (memory == NULL) {
        ptx_log_kind(parser->log, PTX_ERROR_LIMIT);
        parser_give_up(parser, parser->token.at, "the module needs more than %zu bytes of memory",
                       parser->limits->memory);
    }
    return memory;
}

const char *parser_copy(struct parser *parser, const char *text, size_t length)
{
    char *copy = parser_alloc(parser, length + 1);

    memcpy(copy, text, length);
    return copy;
}

void *parser_add(struct parser *parser, struct list *list, size_t item_size)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 8;
        void *items = parser_alloc(parser, capacity * item_size);

        if (list->count) {
            memcpy(items, list->items, list->count * item_size);
        }
        list->items = items;
        list->capacity = capacity;
    }
    return (char *)list->items + list->count++ * item_size;
}

static void parse_input(struct parser *parser, const struct ptx_input *input)
{
    parser->is_linked = input->name != NULL;
    parser->text_line = input->line;
    parser->has_target = false;
    parser->first_file = parser->files.count;
    parser->token.at = (struct ptx_position){input->line, 1};
    parser->scope = 0;
    parser->text_scope = names_open_scope(parser);
    ptx_lexer_init(&parser->lexer, input->text, input->length, input->line);
    parser->ahead = ptx_lexer_next(&parser->lexer);
    parser_advance(parser);
    parse_text(parser);
}

/* In the order of the text, each at its alignment. */
static void add_constant_size(struct parser *parser, const struct ptx_variable *variable,
                              uint64_t *size)
{
    if (variable->space != PTX_SPACE_CONST || variable->linkage == PTX_LINK_EXTERN) {
        return;
    }
    *size = ((*size + variable->align - 1) & ~(variable->align - 1)) + variable->size;
    if (*size > CONSTANTS_SIZE_MAX) {
        parser_give_up(parser, variable->at, "more than %d bytes of .const variables",
                       CONSTANTS_SIZE_MAX);
    }
}

/* Those of functions, too: PTX ISA 5.1.3. */
static void check_constants(struct parser *parser)
{
    const struct ptx_module *module = parser->module;
    uint64_t size = 0;

    for (size_t i = 0; i < module->variable_count; i++) {
        add_constant_size(parser, module->variables[i], &size);
    }
    for (size_t i = 0; i < module->function_count; i++) {
        for (size_t j = 0; j < module->functions[i]->variable_count; j++) {
            add_constant_size(parser, module->functions[i]->variables[j], &size);
        }
    }
}

static void parse_inputs(struct parser *parser, struct ptx_inputs *inputs)
{
    struct ptx_module *module = parser->module;
    struct ptx_input input;

    while (ptx_inputs_next(inputs, &input)) {
        parse_input(parser, &input);
    }
    if (!parser->log->errors) {
        link_end(parser);
    }
    module->variables = parser->variables.items;
    module->variable_count = parser->variables.count;
    module->functions = parser->functions.items;
    module->function_count = parser->functions.count;
    module->locations = parser->locations.items;
    module->location_count = parser->locations.count;
    module->files = parser->files.items;
    module->file_count = parser->files.count;
    check_constants(parser);
}

/* Errors below come back here when nothing nearer goes on. */
static bool parse_all(struct parser *parser, struct ptx_inputs *inputs)
{
    jmp_buf end;

    parser->recovery = parser->end = &end;
    if (setjmp(end)) {
        return false;
    }
    parse_inputs(parser, inputs);
    return parser->log->errors == 0;
}

static bool is_plain(const char *text, size_t length, struct ptx_log *log)
{
    const char *zero = memchr(text, '\0', length);

    if (zero != NULL) {
        ptx_log_error(log, (struct ptx_position){1, 1}, "a zero byte at offset %zu",
                      (size_t)(zero - text));
    }
    return zero == NULL;
}

struct ptx_module *ptx_module_create(const char *text, size_t length,
                                     const struct ptx_limits *limits, struct ptx_log *log)
{
    struct ptx_module *module;
    struct parser parser = {.limits = limits, .log = log};
    struct ptx_inputs inputs;

    if (length > limits->text) {
        ptx_log_kind(log, PTX_ERROR_LIMIT);
        ptx_log_error(log, (struct ptx_position){1, 1}, "%zu bytes of text, the limit is %zu",
                      length, limits->text);
        return NULL;
    }
    if (!is_plain(text, length, log)) {
        return NULL;
    }
    module = calloc(1, sizeof(*module));
    if (module == NULL) {
        ptx_log_kind(log, PTX_ERROR_MEMORY);
        ptx_log_error(log, (struct ptx_position){1, 1}, "no memory");
        return NULL;
    }
    arena_init(&module->arena, limits->memory);
    parser.module = module;
    ptx_inputs_init(&inputs, text, length);
    ptx_log_inputs(log, text, length);
    if (!parse_all(&parser, &inputs) || !ptx_check(module, log)) {
        ptx_module_destroy(module);
        return NULL;
    }
    ptx_layout(module);
    return module;
}

void ptx_module_destroy(struct ptx_module *module)
{
    if (module != NULL) {
        arena_free(&module->arena);
        free(module);
    }
}

const struct ptx_function *ptx_module_kernel(const struct ptx_module *module, const char *name)
{
    for (size_t i = 0; i < module->function_count; i++) {
        const struct ptx_function *function = module->functions[i];

        if (function->is_entry && function->has_body && strcmp(function->name, name) == 0) {
            return function;
        }
    }
    return NULL;
}
