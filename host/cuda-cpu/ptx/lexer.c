/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/ptx/lexer.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 64 /* characters of a number */

void ptx_lexer_init(struct ptx_lexer *lexer, const char *text, size_t length, unsigned line)
{
    *lexer =
        (struct ptx_lexer){.next = text, .end = text + length, .line_start = text, .line = line};
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name_start(char c)
{
    return is_letter(c) || c == '_' || c == '$' || c == '%';
}

static bool is_name_part(char c)
{
    return is_letter(c) || is_digit(c) || c == '_' || c == '$' || c == '%';
}

static char peek(const struct ptx_lexer *lexer, size_t ahead)
{
    return ahead < (size_t)(lexer->end - lexer->next) ? lexer->next[ahead] : '\0';
}

static void advance(struct ptx_lexer *lexer)
{
    if (*lexer->next++ == '\n') {
        lexer->line++;
        lexer->line_start = lexer->next;
    }
}

static void skip_line(struct ptx_lexer *lexer)
{
    while (lexer->next < lexer->end && *lexer->next != '\n') {
        lexer->next++;
    }
}

/* False: it does not end. */
static bool skip_comment(struct ptx_lexer *lexer)
{
    while (lexer->next < lexer->end) {
        if (peek(lexer, 0) == '*' && peek(lexer, 1) == '/') {
            lexer->next += 2;
            return true;
        }
        advance(lexer);
    }
    return false;
}

/* Blanks, comments, and the preprocessor's line marks. False: a comment does not end. */
static bool skip_blanks(struct ptx_lexer *lexer)
{
    while (lexer->next < lexer->end) {
        char c = *lexer->next;

        if (c == '/' && peek(lexer, 1) == '/') {
            skip_line(lexer);
        } else if (c == '/' && peek(lexer, 1) == '*') {
            lexer->next += 2;
            if (!skip_comment(lexer)) {
                return false;
            }
        } else if (c == '#' && lexer->next == lexer->line_start) {
            skip_line(lexer);
        } else if (c == ' ' || (c >= '\t' && c <= '\r')) {
            advance(lexer);
        } else {
            return true;
        }
    }
    return true;
}

static size_t name_length(const struct ptx_lexer *lexer)
{
    size_t length = 1;

    while (is_name_part(peek(lexer, length))) {
        length++;
    }
    return length;
}

/* Behind the dot; two colons join. */
static size_t word_length(const struct ptx_lexer *lexer)
{
    size_t length = 0;

    for (;;) {
        char c = peek(lexer, length);

        if (is_letter(c) || is_digit(c) || c == '_') {
            length++;
        } else if (c == ':' && peek(lexer, length + 1) == ':') {
            length += 2;
        } else {
            return length;
        }
    }
}

static size_t number_length(const struct ptx_lexer *lexer)
{
    bool is_decimal = peek(lexer, 0) != '0' || !is_letter(peek(lexer, 1));
    size_t length = 1;

    for (;;) {
        char c = peek(lexer, length);
        char before = peek(lexer, length - 1);

        if (is_digit(c) || is_letter(c)) {
            length++;
        } else if (is_decimal && c == '.' && !is_letter(peek(lexer, length + 1))) {
            length++;
        } else if (is_decimal && (c == '+' || c == '-') && (before == 'e' || before == 'E')) {
            length++;
        } else {
            return length;
        }
    }
}

/* .5 and .5e-3, where words such as .2d have letters. */
static bool is_fraction(const struct ptx_lexer *lexer)
{
    size_t length = 1;
    char c;

    while (is_digit(peek(lexer, length))) {
        length++;
    }
    c = peek(lexer, length);
    if (c == 'e' || c == 'E') {
        c = peek(lexer, length + 1);
        return length > 1 && (is_digit(c) || c == '+' || c == '-');
    }
    return length > 1 && !is_letter(c) && c != '_';
}

static size_t sign_length(const struct ptx_lexer *lexer)
{
    static const char pairs[][3] = {"<<", ">>", "<=", ">=", "==", "!=", "&&", "||"};

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (peek(lexer, 0) == pairs[i][0] && peek(lexer, 1) == pairs[i][1]) {
            return 2;
        }
    }
    return 1;
}

static struct ptx_token take(struct ptx_lexer *lexer, enum ptx_token_kind kind, size_t length)
{
    struct ptx_token token = {
        .kind = kind,
        .text = lexer->next,
        .length = length,
        .at = {lexer->line, (unsigned)(lexer->next - lexer->line_start) + 1},
    };

    lexer->next += length;
    return token;
}

static struct ptx_token take_string(struct ptx_lexer *lexer)
{
    size_t length = 0;
    struct ptx_token token;

    lexer->next++;
    while (peek(lexer, length) != '"') {
        if (lexer->next + length == lexer->end || peek(lexer, length) == '\n') {
            return take(lexer, PTX_T_BAD, 0);
        }
        length += peek(lexer, length) == '\\' && peek(lexer, length + 1) == '"' ? 2 : 1;
    }
    token = take(lexer, PTX_T_STRING, length);
    lexer->next++;
    return token;
}

/* It begins where its dot is. */
static struct ptx_token take_word(struct ptx_lexer *lexer)
{
    struct ptx_token token;

    lexer->next++;
    token = take(lexer, word_length(lexer) ? PTX_T_DOT : PTX_T_BAD, word_length(lexer));
    token.at.column--;
    return token;
}

struct ptx_token ptx_lexer_next(struct ptx_lexer *lexer)
{
    static const char signs[] = "@,;:[]{}()<>=+-*/%&|^~!?";
    char c;

    if (!skip_blanks(lexer)) {
        return take(lexer, PTX_T_BAD, 0);
    }
    if (lexer->next == lexer->end) {
        return take(lexer, PTX_T_END, 0);
    }
    c = *lexer->next;
    if (c == '%' && !is_name_part(peek(lexer, 1))) {
        return take(lexer, PTX_T_SIGN, 1);
    }
    if (is_name_start(c)) {
        return take(lexer, PTX_T_NAME, name_length(lexer));
    }
    if (is_digit(c) || (c == '.' && is_fraction(lexer))) {
        return take(lexer, PTX_T_NUMBER, number_length(lexer));
    }
    if (c == '.') {
        return take_word(lexer);
    }
    if (c == '"') {
        return take_string(lexer);
    }
    if (c != '\0' && strchr(signs, c) != NULL) {
        return take(lexer, PTX_T_SIGN, sign_length(lexer));
    }
    return take(lexer, PTX_T_BAD, 1);
}

bool ptx_token_is(const struct ptx_token *token, enum ptx_token_kind kind, const char *text)
{
    return token->kind == kind && strlen(text) == token->length &&
           memcmp(token->text, text, token->length) == 0;
}

static int digit_value(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 255;
}

static bool read_digits(const char *text, size_t length, unsigned base, uint64_t *value)
{
    uint64_t result = 0;

    for (size_t i = 0; i < length; i++) {
        unsigned digit = (unsigned)digit_value(text[i]);

        if (digit >= base || __builtin_mul_overflow(result, base, &result) ||
            __builtin_add_overflow(result, digit, &result)) {
            return false;
        }
    }
    *value = result;
    return length > 0;
}

static bool read_decimal_float(const struct ptx_token *token, uint64_t *bits)
{
    char text[NUMBER_MAX + 1];
    char *end;
    double value;
    locale_t locale;

    if (token->length > NUMBER_MAX) {
        return false;
    }
    locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* whatever the program's is */
    if (locale == (locale_t)0) {
        return false;
    }
    memcpy(text, token->text, token->length);
    text[token->length] = '\0';
    value = strtod_l(text, &end, locale);
    freelocale(locale);
    memcpy(bits, &value, sizeof(*bits));
    return *end == '\0';
}

/* The letter behind the leading zero, in small. */
static char prefix(const struct ptx_token *token)
{
    return token->text[0] == '0' && token->length > 1 ? (char)(token->text[1] | 0x20) : '\0';
}

static bool read_integer(const struct ptx_token *token, uint64_t *bits)
{
    const char *text = token->text;
    size_t length = token->length;

    switch (prefix(token)) {
    case 'x':
        return read_digits(text + 2, length - 2, 16, bits);
    case 'b':
        return read_digits(text + 2, length - 2, 2, bits);
    default:
        return read_digits(text, length, text[0] == '0' ? 8 : 10, bits);
    }
}

bool ptx_number_value(const struct ptx_token *token, enum ptx_number_kind *kind, uint64_t *bits)
{
    struct ptx_token number = *token;

    if (prefix(token) == 'f') {
        *kind = PTX_FLOAT32;
        return number.length == 2 + 8 && read_digits(number.text + 2, 8, 16, bits);
    }
    if (prefix(token) == 'd') {
        *kind = PTX_FLOAT64;
        return number.length == 2 + 16 && read_digits(number.text + 2, 16, 16, bits);
    }
    if (prefix(token) != 'x' && (memchr(number.text, '.', number.length) != NULL ||
                                 memchr(number.text, 'e', number.length) != NULL ||
                                 memchr(number.text, 'E', number.length) != NULL)) {
        *kind = PTX_FLOAT64;
        return read_decimal_float(token, bits);
    }
    *kind = PTX_INTEGER;
    if (number.text[number.length - 1] == 'U') {
        number.length--;
        *kind = PTX_UNSIGNED_INTEGER;
    }
    if (!read_integer(&number, bits)) {
        return false;
    }
    if (*bits > INT64_MAX) {
        *kind = PTX_UNSIGNED_INTEGER;
    }
    return true;
}
