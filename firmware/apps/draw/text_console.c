/* SPDX-License-Identifier: BSD-2-Clause */
/* Sections are those of ECMA-48, fifth edition. */
#include "firmware/apps/draw/text_console.h"

#include <string.h>

enum state {
    STATE_TEXT,
    STATE_ESCAPE,  /* ESC was read */
    STATE_CONTROL, /* ESC [ */
    STATE_STRING,  /* ESC ] ... until BEL or ESC \ */
    STATE_STRING_ESCAPE,
};

#define TAB_COLUMNS 8
#define PARAMETER_MAX 65535u

#define DEFAULT_COLOR 7
#define DEFAULT_BACKGROUND 0

/* The usual sixteen. */
static const draw_color palette[16] = {
    DRAW_RGB(0, 0, 0),     DRAW_RGB(170, 0, 0),    DRAW_RGB(0, 170, 0),    DRAW_RGB(170, 85, 0),
    DRAW_RGB(0, 0, 170),   DRAW_RGB(170, 0, 170),  DRAW_RGB(0, 170, 170),  DRAW_RGB(170, 170, 170),
    DRAW_RGB(85, 85, 85),  DRAW_RGB(255, 85, 85),  DRAW_RGB(85, 255, 85),  DRAW_RGB(255, 255, 85),
    DRAW_RGB(85, 85, 255), DRAW_RGB(255, 85, 255), DRAW_RGB(85, 255, 255), DRAW_RGB(255, 255, 255),
};

/* ---- Cells ---- */

static void tell(struct text_console *console, int32_t x, int32_t y, int32_t width, int32_t height)
{
    if (console->damage != NULL) {
        console->damage(console->context, x, y, width, height);
    }
}

static void tell_cells(struct text_console *console, int32_t column, int32_t row, int32_t columns,
                       int32_t rows)
{
    tell(console, column * console->font->width, row * console->font->height,
         columns * console->font->width, rows * console->font->height);
}

static draw_color ink(const struct text_console *console)
{
    return console->is_bold && console->color_index >= 0 ? palette[console->color_index + 8]
                                                         : console->color;
}

static void clear_cells(struct text_console *console, int32_t column, int32_t row, int32_t columns,
                        int32_t rows)
{
    const struct font *font = console->font;

    if (columns > 0 && rows > 0) {
        draw_fill(&console->canvas, column * font->width, row * font->height, columns * font->width,
                  rows * font->height, console->background);
        tell_cells(console, column, row, columns, rows);
    }
}

static void scroll(struct text_console *console)
{
    struct canvas text = draw_part(&console->canvas, 0, 0, console->canvas.width,
                                   console->rows * console->font->height);

    draw_scroll(&text, console->font->height);
    clear_cells(console, 0, console->rows - 1, console->columns, 1);
    tell(console, 0, 0, text.width, text.height);
}

static void line_feed(struct text_console *console)
{
    console->is_wrap_pending = false;
    if (console->row + 1 < console->rows) {
        console->row++;
    } else {
        scroll(console);
    }
}

static void put_character(struct text_console *console, uint32_t code)
{
    draw_color above = ink(console), below = console->background;

    if (console->is_wrap_pending) {
        console->column = 0;
        line_feed(console);
    }
    draw_glyph(&console->canvas, console->font, console->column * console->font->width,
               console->row * console->font->height, code, console->is_reverse ? below : above,
               console->is_reverse ? above : below);
    tell_cells(console, console->column, console->row, 1, 1);
    if (console->column + 1 < console->columns) {
        console->column++;
    } else {
        console->is_wrap_pending = true;
    }
}

static int32_t clamp(int64_t value, int32_t limit)
{
    return (int32_t)(value < 0 ? 0 : value >= limit ? limit - 1 : value);
}

static void move(struct text_console *console, int64_t column, int64_t row)
{
    console->column = clamp(column, console->columns);
    console->row = clamp(row, console->rows);
    console->is_wrap_pending = false;
}

/* ---- Colours: 8.3.117 SGR ---- */

/* The 256 colours that terminals have: sixteen, a cube of 6 x 6 x 6, 24 greys. */
static draw_color color_of_256(uint32_t index)
{
    if (index < 16) {
        return palette[index];
    }
    if (index < 232) {
        static const uint8_t levels[6] = {0, 95, 135, 175, 215, 255};
        uint32_t cube = index - 16;

        return DRAW_RGB(levels[cube / 36], levels[cube / 6 % 6], levels[cube % 6]);
    }
    index = (index > 255 ? 255 : index) - 232;
    return DRAW_RGB(8 + 10 * index, 8 + 10 * index, 8 + 10 * index);
}

/* "5;index" or "2;red;green;blue" from parameter `at` on; returns how many it took. */
static unsigned read_color(const struct text_console *console, unsigned at, draw_color *color)
{
    const uint32_t *p = console->parameters + at;
    unsigned left = console->parameter_count - at;

    if (left >= 2 && p[0] == 5) {
        *color = color_of_256(p[1]);
        return 2;
    }
    if (left >= 4 && p[0] == 2) {
        *color = DRAW_RGB(p[1] & 255, p[2] & 255, p[3] & 255);
        return 4;
    }
    return left;
}

static void set_color(struct text_console *console, uint32_t index)
{
    console->color = palette[index];
    console->color_index = index < 8 ? (int8_t)index : -1;
}

static void reset_colors(struct text_console *console)
{
    set_color(console, DEFAULT_COLOR);
    console->background = palette[DEFAULT_BACKGROUND];
    console->is_bold = console->is_reverse = false;
}

static void set_simple(struct text_console *console, uint32_t p)
{
    if (p == 0) {
        reset_colors(console);
    } else if (p == 1 || p == 22) {
        console->is_bold = p == 1;
    } else if (p == 7 || p == 27) {
        console->is_reverse = p == 7;
    } else if (p >= 30 && p <= 37) {
        set_color(console, p - 30);
    } else if (p == 39) {
        set_color(console, DEFAULT_COLOR);
    } else if (p >= 40 && p <= 47) {
        console->background = palette[p - 40];
    } else if (p == 49) {
        console->background = palette[DEFAULT_BACKGROUND];
    } else if (p >= 90 && p <= 97) {
        set_color(console, p - 90 + 8);
    } else if (p >= 100 && p <= 107) {
        console->background = palette[p - 100 + 8];
    }
}

static void select_graphics(struct text_console *console)
{
    for (unsigned i = 0; i < console->parameter_count;) {
        uint32_t p = console->parameters[i++];

        if (p == 38) {
            i += read_color(console, i, &console->color);
            console->color_index = -1;
        } else if (p == 48) {
            i += read_color(console, i, &console->background);
        } else {
            set_simple(console, p);
        }
    }
}

/* ---- Control sequences: 5.4 ---- */

static void erase_line(struct text_console *console, uint32_t what)
{
    int32_t from = what == 0 ? console->column : 0;
    int32_t to = what == 1 ? console->column + 1 : console->columns;

    clear_cells(console, from, console->row, to - from, 1);
}

static void erase_screen(struct text_console *console, uint32_t what)
{
    if (what == 0) {
        erase_line(console, 0);
        clear_cells(console, 0, console->row + 1, console->columns,
                    console->rows - console->row - 1);
    } else if (what == 1) {
        clear_cells(console, 0, 0, console->columns, console->row);
        erase_line(console, 1);
    } else {
        clear_cells(console, 0, 0, console->columns, console->rows);
    }
}

static void control(struct text_console *console, char final)
{
    uint32_t first = console->parameters[0];
    int64_t count = first > 0 ? first : 1;
    uint32_t second = console->parameter_count > 1 ? console->parameters[1] : 0;

    if (console->is_private) { /* 5.4.1: private ones, such as ESC [ ? 25 l */
        return;
    }
    switch (final) {
    case 'A':
    case 'B':
        move(console, console->column, console->row + (final == 'A' ? -count : count));
        break;
    case 'C':
    case 'D':
        move(console, console->column + (final == 'D' ? -count : count), console->row);
        break;
    case 'G':
        move(console, count - 1, console->row);
        break;
    case 'd':
        move(console, console->column, count - 1);
        break;
    case 'H':
    case 'f':
        move(console, (int64_t)(second > 0 ? second : 1) - 1, count - 1);
        break;
    case 'J':
        erase_screen(console, first);
        break;
    case 'K':
        erase_line(console, first);
        break;
    case 'm':
        select_graphics(console);
        break;
    case 's':
        console->saved_column = console->column;
        console->saved_row = console->row;
        break;
    case 'u':
        move(console, console->saved_column, console->saved_row);
        break;
    default:
        break;
    }
}

static void begin_control(struct text_console *console)
{
    console->state = STATE_CONTROL;
    console->is_private = false;
    console->parameter_count = 1;
    memset(console->parameters, 0, sizeof(console->parameters));
}

static void take_control(struct text_console *console, uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        uint32_t *p = &console->parameters[console->parameter_count - 1];

        *p = *p * 10 + (byte - '0');
        *p = *p > PARAMETER_MAX ? PARAMETER_MAX : *p;
    } else if (byte == ';' || byte == ':') {
        if (console->parameter_count < TEXT_CONSOLE_PARAMETERS_MAX) {
            console->parameter_count++;
        } else {
            console->is_private = true; /* more than this knows */
        }
    } else if (byte >= '<' && byte <= '?') {
        console->is_private = true;
    } else if (byte >= 0x40 && byte <= 0x7E) {
        console->state = STATE_TEXT;
        control(console, (char)byte);
    } else if (byte < 0x20 || byte > 0x2F) { /* no intermediate byte either */
        console->state = STATE_TEXT;
    }
}

static void take_escape(struct text_console *console, uint8_t byte)
{
    switch (byte) {
    case '[':
        begin_control(console);
        break;
    case ']': /* 8.3.89 OSC: titles and such */
        console->state = STATE_STRING;
        break;
    case 'c': /* 8.3.105 RIS */
        console->state = STATE_TEXT;
        reset_colors(console);
        clear_cells(console, 0, 0, console->columns, console->rows);
        move(console, 0, 0);
        break;
    default: /* intermediate bytes are followed by a final one: ESC ( B and such */
        console->state = byte >= 0x20 && byte <= 0x2F ? STATE_ESCAPE : STATE_TEXT;
        break;
    }
}

/* ---- Text ---- */

/* 8.3 and 5.2: the C0 set. */
static void take_c0(struct text_console *console, uint8_t byte)
{
    switch (byte) {
    case '\n': /* begins a new line, as for a Unix program behind a terminal */
        console->column = 0;
        line_feed(console);
        break;
    case '\r':
        move(console, 0, console->row);
        break;
    case '\b':
        move(console, console->column - 1, console->row);
        break;
    case '\t':
        move(console, (console->column / TAB_COLUMNS + 1) * TAB_COLUMNS, console->row);
        break;
    case 0x1B:
        console->state = STATE_ESCAPE;
        break;
    default:
        break;
    }
}

static unsigned utf8_length(uint8_t first)
{
    return first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
}

/* Draws what the pending bytes make, when they are complete or cannot become so. */
static void flush_pending(struct text_console *console, bool is_cut)
{
    while (console->pending_count > 0 &&
           (is_cut || console->pending_count >= utf8_length((uint8_t)console->pending[0]))) {
        size_t used;
        uint32_t code = utf8_decode(console->pending, console->pending_count, &used);

        put_character(console, code);
        console->pending_count = (uint8_t)(console->pending_count - used);
        memmove(console->pending, console->pending + used, console->pending_count);
    }
}

static void take_text(struct text_console *console, uint8_t byte)
{
    bool is_continuation = (byte & 0xC0) == 0x80;

    flush_pending(console, !is_continuation);
    if (byte < 0x20 || byte == 0x7F) {
        take_c0(console, byte);
        return;
    }
    console->pending[console->pending_count++] = (char)byte;
    flush_pending(console, false);
}

void text_console_write(struct text_console *console, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)text[i];

        switch (console->state) {
        case STATE_ESCAPE:
            take_escape(console, byte);
            break;
        case STATE_CONTROL:
            take_control(console, byte);
            break;
        case STATE_STRING:
            console->state = byte == 0x07   ? STATE_TEXT
                             : byte == 0x1B ? STATE_STRING_ESCAPE
                                            : STATE_STRING;
            break;
        case STATE_STRING_ESCAPE:
            console->state = byte == '\\' ? STATE_TEXT : STATE_STRING;
            break;
        default:
            take_text(console, byte);
            break;
        }
    }
}

void text_console_init(struct text_console *console, const struct canvas *canvas,
                       const struct font *font)
{
    memset(console, 0, sizeof(*console));
    console->canvas = *canvas;
    console->font = font;
    console->columns = canvas->width / font->width > 0 ? canvas->width / font->width : 1;
    console->rows = canvas->height / font->height > 0 ? canvas->height / font->height : 1;
    reset_colors(console);
    draw_fill(canvas, 0, 0, canvas->width, canvas->height, console->background);
}
