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

    return numbers[choose(sizeof(numbers) / sizeof(numbers[0]))];
}

static void say_operand(char letter)
{
    switch (letter) {
    case 'R':
        say("%%r%u", choose(8));
        break;
    case 'Q':
        say("%%q%u", choose(4));
        break;
    case 'F':
        say("%%f%u", choose(4));
        break;
    case 'P':
        say("%%p%u", choose(4));
        break;
    case 'I':
        say("%u", choose_number());
        break;
    case 'L': /* set once, to equal steps from thread to thread */
        say("%%i%u", choose(LINEAR));
        break;
    case 'S': /* a register or a number */
        say_operand("IRRRRL"[choose(program.in_function ? 5 : 6)]);
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
