/* SPDX-License-Identifier: BSD-2-Clause */
/* Constant expressions: PTX ISA 4.5 and 4.6. 64-bit integers, signed or not, and doubles. */
#include <string.h>

#include "host/cuda-cpu/ptx/parser.h"

#define PRECEDENCES 10 /* of binary operators, the loosest first */

static struct constant parse_binary(struct parser *parser, unsigned precedence);
static struct constant parse_ternary(struct parser *parser);

static bool is_float(struct constant constant)
{
    return constant.kind == PTX_FLOAT64 || constant.kind == PTX_FLOAT32;
}

static double as_double(struct constant constant)
{
    double value;
    float single;

    switch (constant.kind) {
    case PTX_INTEGER:
        return (double)(int64_t)constant.bits;
    case PTX_UNSIGNED_INTEGER:
        return (double)constant.bits;
    case PTX_FLOAT32:
        memcpy(&single, &constant.bits, sizeof(single));
        return (double)single;
    default:
        memcpy(&value, &constant.bits, sizeof(value));
        return value;
    }
}

static struct constant from_double(double value)
{
    struct constant constant = {.kind = PTX_FLOAT64};

    memcpy(&constant.bits, &value, sizeof(value));
    return constant;
}

static struct constant from_bool(bool value)
{
    return (struct constant){.kind = PTX_INTEGER, .bits = value};
}

static bool is_true(struct constant constant)
{
    return is_float(constant) ? as_double(constant) != 0 : constant.bits != 0;
}

static struct constant parse_number(struct parser *parser)
{
    struct constant constant;

    if (!ptx_number_value(&parser->token, &constant.kind, &constant.bits)) {
        parser_fail(parser, parser->token.at, "%.*s is no number of 64 bits",
                    (int)(parser->token.length < 64 ? parser->token.length : 64),
                    parser->token.text);
    }
    parser_advance(parser);
    return constant;
}

/* Behind "(": a cast (.s64) or (.u64), or an expression. */
static struct constant parse_parenthesis(struct parser *parser)
{
    struct constant constant;

    if (parser_at_dot(parser, "s64") || parser_at_dot(parser, "u64")) {
        enum ptx_number_kind kind =
            parser_at_dot(parser, "s64") ? PTX_INTEGER : PTX_UNSIGNED_INTEGER;

        parser_advance(parser);
        parser_expect_sign(parser, ")");
        constant = parse_binary(parser, PRECEDENCES);
        if (is_float(constant)) {
            parser_fail(parser, parser->token.at, "a cast of a floating-point constant");
        }
        constant.kind = kind;
        return constant;
    }
    constant = parse_ternary(parser);
    parser_expect_sign(parser, ")");
    return constant;
}

static struct constant negate(struct constant constant)
{
    if (constant.kind == PTX_FLOAT32) {
        constant.bits ^= UINT32_C(1) << 31;
    } else if (constant.kind == PTX_FLOAT64) {
        constant.bits ^= UINT64_C(1) << 63;
    } else {
        constant.bits = -constant.bits;
    }
    return constant;
}

static struct constant parse_unary(struct parser *parser)
{
    struct ptx_position at = parser->token.at;
    struct constant constant;

    parser_enter(parser);
    if (parser_take_sign(parser, "-")) {
        constant = negate(parse_unary(parser));
    } else if (parser_take_sign(parser, "+")) {
        constant = parse_unary(parser);
    } else if (parser_take_sign(parser, "!")) {
        constant = from_bool(!is_true(parse_unary(parser)));
    } else if (parser_take_sign(parser, "~")) {
        constant = parse_unary(parser);
        if (is_float(constant)) {
            parser_fail(parser, at, "~ of a floating-point constant");
        }
        constant.bits = ~constant.bits;
    } else if (parser_take_sign(parser, "(")) {
        constant = parse_parenthesis(parser);
    } else if (parser->token.kind == PTX_T_NUMBER) {
        constant = parse_number(parser);
    } else if (ptx_token_is(&parser->token, PTX_T_NAME, "WARP_SZ")) {
        parser_advance(parser);
        constant = (struct constant){.kind = PTX_INTEGER, .bits = 32};
    } else {
        parser_fail(parser, at, "a constant should be here");
    }
    parser_leave(parser);
    return constant;
}

/* The sign's precedence, or -1. */
static int precedence_of(const struct ptx_token *token)
{
    static const char *const signs[PRECEDENCES][4] = {{"||"},
                                                      {"&&"},
                                                      {"|"},
                                                      {"^"},
                                                      {"&"},
                                                      {"==", "!="},
                                                      {"<", ">", "<=", ">="},
                                                      {"<<", ">>"},
                                                      {"+", "-"},
                                                      {"*", "/", "%"}};

    for (int i = 0; i < PRECEDENCES; i++) {
        for (int j = 0; j < 4 && signs[i][j] != NULL; j++) {
            if (ptx_token_is(token, PTX_T_SIGN, signs[i][j])) {
                return i;
            }
        }
    }
    return -1;
}

static struct constant calculate_float(struct parser *parser, const struct ptx_token *sign,
                                       double a, double b)
{
    if (sign->length == 2 && sign->text[0] == sign->text[1] && sign->text[0] != '=') {
        parser_fail(parser, sign->at, "%.*s of floating-point constants", (int)sign->length,
                    sign->text);
    }
    switch (sign->text[0]) {
    case '+':
        return from_double(a + b);
    case '-':
        return from_double(a - b);
    case '*':
        return from_double(a * b);
    case '/':
        return from_double(a / b);
    case '<':
        return from_bool(sign->length == 2 ? a <= b : a < b);
    case '>':
        return from_bool(sign->length == 2 ? a >= b : a > b);
    case '=':
        return from_bool(a == b);
    case '!':
        return from_bool(a != b);
    default:
        parser_fail(parser, sign->at, "%.*s of floating-point constants", (int)sign->length,
                    sign->text);
    }
}

static bool less(struct constant a, struct constant b, bool is_signed)
{
    return is_signed ? (int64_t)a.bits < (int64_t)b.bits : a.bits < b.bits;
}

static uint64_t divide(struct parser *parser, const struct ptx_token *sign, struct constant a,
                       struct constant b, bool is_signed)
{
    bool remainder = sign->text[0] == '%';

    if (!b.bits) {
        parser_fail(parser, sign->at, "a division by zero");
    }
    if (!is_signed) {
        return remainder ? a.bits % b.bits : a.bits / b.bits;
    }
    if (b.bits == UINT64_MAX) { /* by -1, of INT64_MIN too */
        return remainder ? 0 : -a.bits;
    }
    return (uint64_t)(remainder ? (int64_t)a.bits % (int64_t)b.bits
                                : (int64_t)a.bits / (int64_t)b.bits);
}

static uint64_t shift_right(struct constant a, uint64_t by)
{
    if (a.kind == PTX_INTEGER) {
        return (uint64_t)((int64_t)a.bits >> (by < 63 ? by : 63));
    }
    return by < 64 ? a.bits >> by : 0;
}

static struct constant calculate(struct parser *parser, const struct ptx_token *sign,
                                 struct constant a, struct constant b)
{
    bool is_signed = a.kind == PTX_INTEGER && b.kind == PTX_INTEGER;
    struct constant result = {.kind = is_signed ? PTX_INTEGER : PTX_UNSIGNED_INTEGER};
    bool twice = sign->length == 2;

    if (sign->text[0] == '|' && twice) {
        return from_bool(is_true(a) || is_true(b));
    }
    if (sign->text[0] == '&' && twice) {
        return from_bool(is_true(a) && is_true(b));
    }
    if (is_float(a) || is_float(b)) {
        return calculate_float(parser, sign, as_double(a), as_double(b));
    }
    switch (sign->text[0]) {
    case '+':
        result.bits = a.bits + b.bits;
        break;
    case '-':
        result.bits = a.bits - b.bits;
        break;
    case '*':
        result.bits = a.bits * b.bits;
        break;
    case '/':
    case '%':
        result.bits = divide(parser, sign, a, b, is_signed);
        break;
    case '|':
        result.bits = a.bits | b.bits;
        break;
    case '^':
        result.bits = a.bits ^ b.bits;
        break;
    case '&':
        result.bits = a.bits & b.bits;
        break;
    case '=':
        return from_bool(a.bits == b.bits);
    case '!':
        return from_bool(a.bits != b.bits);
    case '<':
        if (sign->text[1] == '<' && twice) {
            result.kind = a.kind;
            result.bits = b.bits < 64 ? a.bits << b.bits : 0;
            break;
        }
        return from_bool(twice ? !less(b, a, is_signed) : less(a, b, is_signed));
    default:
        if (sign->text[1] == '>' && twice) {
            result.kind = a.kind;
            result.bits = shift_right(a, b.bits);
            break;
        }
        return from_bool(twice ? !less(a, b, is_signed) : less(b, a, is_signed));
    }
    return result;
}

static struct constant parse_binary(struct parser *parser, unsigned precedence)
{
    struct constant left = parse_unary(parser);

    for (;;) {
        struct ptx_token sign = parser->token;
        int found = precedence_of(&sign);
        struct constant right;

        if (found < 0 || (unsigned)found < precedence) {
            return left;
        }
        parser_enter(parser);
        parser_advance(parser);
        right = parse_binary(parser, (unsigned)found + 1);
        left = calculate(parser, &sign, left, right);
        parser_leave(parser);
    }
}

static struct constant parse_ternary(struct parser *parser)
{
    struct constant condition = parse_binary(parser, 0);
    struct constant yes, no;

    if (!parser_take_sign(parser, "?")) {
        return condition;
    }
    parser_enter(parser);
    yes = parse_ternary(parser);
    parser_expect_sign(parser, ":");
    no = parse_ternary(parser);
    parser_leave(parser);
    return is_true(condition) ? yes : no;
}

struct constant parse_constant(struct parser *parser)
{
    return parse_ternary(parser);
}

uint64_t parse_integer(struct parser *parser, const char *what, uint64_t minimum, uint64_t maximum)
{
    struct ptx_position at = parser->token.at;
    struct constant constant = parse_constant(parser);
    bool is_negative = constant.kind == PTX_INTEGER && (int64_t)constant.bits < 0;

    if (is_float(constant) || is_negative || constant.bits < minimum || constant.bits > maximum) {
        parser_fail(parser, at, "%s should be from %llu to %llu", what, (unsigned long long)minimum,
                    (unsigned long long)maximum);
    }
    return constant.bits;
}

bool parser_at_constant(const struct parser *parser)
{
    return parser->token.kind == PTX_T_NUMBER || parser_at_sign(parser, "-") ||
           parser_at_sign(parser, "+") || parser_at_sign(parser, "~") ||
           parser_at_sign(parser, "(") || ptx_token_is(&parser->token, PTX_T_NAME, "WARP_SZ");
}

static uint64_t float_bits(struct constant constant, unsigned bits)
{
    double value = as_double(constant);
    float single = (float)value;
    uint32_t word;

    if (constant.kind == PTX_FLOAT32 && bits == 32) {
        return constant.bits; /* a NaN's bits as they are */
    }
    if (bits == 64) {
        return from_double(value).bits;
    }
    memcpy(&word, &single, sizeof(word));
    return word;
}

uint64_t constant_as(struct constant constant, enum ptx_word type)
{
    unsigned bits = ptx_type_bits(type);

    if (ptx_type_kind(type) == PTX_FLOAT && bits >= 32) {
        return float_bits(constant, bits);
    }
    return bits < 64 ? constant.bits & ((UINT64_C(1) << bits) - 1) : constant.bits;
}
