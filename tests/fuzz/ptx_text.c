/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/ptx_text.h"

#include <stdarg.h>
#include <string.h>

#include "tests/fuzz/input.h"

struct program_text program;

static uint64_t noise;

void text_begin(const uint8_t *data, size_t size)
{
    input.data = data;
    input.size = size;
    noise = 0;
    memset(&program, 0, sizeof(program));
}

void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    program.used +=
        (size_t)vsnprintf(program.text + program.used, TEXT_MAX - program.used, format, arguments);
    va_end(arguments);
    CHECK(program.used < TEXT_MAX);
}

unsigned choose(unsigned count)
{
    if (input.size) {
        noise = (noise + *input.data) * 0x9E3779B97F4A7C15;
        return next() % count;
    }
    noise = noise * 6364136223846793005 + 1442695040888963407;
    return (unsigned)(noise >> 40) % count;
}

uint32_t choose_number(void)
{
    static const uint32_t numbers[] = {0,  1,  2,          3,          4,          7,     8, 15,
                                       31, 32, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 65535, 5, 0x55};

    return ONE_OF(numbers);
}

uint32_t choose_bits(void)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < sizeof(bits); i++) {
        bits = bits << 8 | choose(256);
    }
    return bits;
}

static void say_register(char letter, unsigned count)
{
    say("%%%c%u", letter, choose(program.has_few ? (count + 3) / 4 : count));
}

static void say_fresh(const struct fresh *fresh, char letter, char otherwise, unsigned count)
{
    if (fresh->count) {
        say("%%%c%u", letter, fresh->seen[choose(fresh->count)]);
    } else {
        say_register(otherwise, count);
    }
}

/* What is read. */
static void say_any(void)
{
    static const char of_function[] = "IRRRz", of_entry[] = "IRRRRzzUGK", with_linear[] = "RLAz";
    char letter = program.in_function                    ? of_function[choose(5)]
                  : program.has_linear && choose(4) == 0 ? with_linear[choose(4)]
                                                         : of_entry[choose(10)];

    if (letter == 'z') {
        say_fresh(&program.words, 'z', 'r', 8);
    } else if (letter == 'U') {
        say_register('u', 3);
    } else {
        say_template((char[]){letter, 0});
    }
}

/* What is alike in a block may not come to depend on what is alike in a warp. */
static void say_alike(void)
{
    static const char letters[] = "IKuug";
    char letter = letters[choose(program.is_together ? 4 : 5)];

    if (letter >= 'a') {
        say_register(letter, 3);
    } else {
        say_template((char[]){letter, 0});
    }
}

static void say_result(char letter)
{
    if (program.result[0]) {
        say("%s", program.result);
    } else {
        say_register(letter, letter == 'r' ? 8 : 4);
    }
}

static void say_operand(char letter)
{
    switch (letter) {
    case 'R':
        say_register('r', 8);
        break;
    case 'Q':
        say_register('q', 4);
        break;
    case 'Y':
        if (choose(2)) {
            say_register('q', 4);
        } else {
            say_fresh(&program.doubles, 'w', 'q', 4);
        }
        break;
    case 'F':
    case 'H':
    case 'P':
        say_register((char)(letter - 'A' + 'a'), 4);
        break;
    case 'D':
        say_register('d', 2);
        break;
    case 'U':
        say_register(program.is_together ? 'u' : 'g', 3);
        break;
    case 'G':
        say_register('g', 3);
        break;
    case 'A':
    case 'L':
        say_register(letter == 'A' ? 'a' : 'i', LINEAR);
        break;
    case 'K':
        say_register('k', 3);
        break;
    case 'I':
        say("%u", choose_number());
        break;
    case 'C':
        say("%s", program.condition);
        break;
    case 'W':
        say("%u", choose(3) ? 4 : 11);
        break;
    case 'S':
        say_any();
        break;
    case 'V':
        say_alike();
        break;
    case 'T':
        say_result('r');
        break;
    case 'X':
        say_result('q');
        break;
    default:
        say("%c", letter);
    }
}

void say_template(const char *template)
{
    for (; *template; template ++) {
        say_operand(*template);
    }
}

void begin_condition(void)
{
    snprintf(program.condition, sizeof(program.condition), "%%pc");
    if (choose(2)) {
        snprintf(program.condition, sizeof(program.condition), "%%e%u", program.conditions++);
        say(".reg .pred %s; ", program.condition);
    }
}

static void say_guard(void)
{
    static const char *const guards[] = {"", "", "", "@P ", "@!P "};

    say_template(ONE_OF(guards));
}

void say_computation(const char *template)
{
    bool is_wide = strchr(template, 'X') != NULL;
    struct fresh *fresh = is_wide ? &program.doubles : &program.words;
    bool is_one = strchr(template, ';') == strrchr(template, ';'); /* instruction */
    unsigned most = program.has_few ? 1 : SEEN_MAX;
    bool is_fresh = (is_wide || strchr(template, 'T') != NULL) && fresh->count < most && choose(2);

    if (is_fresh) {
        snprintf(program.result, sizeof(program.result), "%%%c%u", is_wide ? 'w' : 'z',
                 fresh->made);
        say(".reg .b%u %s; ", is_wide ? 64 : 32, program.result);
    }
    if (!program.is_straight && is_one &&
        (!is_fresh || program.edge == 0)) { /* else all is set before it is read */
        say_guard();
    }
    say_template(template);
    say("\n");
    program.result[0] = '\0';
    if (is_fresh) {
        fresh->seen[fresh->count++] = fresh->made++;
    }
}
