/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/ptx_linear.h"

#include <stdlib.h>

#include "tests/fuzz/ptx_text.h"

/* The sum of a thread's coordinates, each times a factor, and of a constant. */
struct linear {
    int32_t factors[3];
    uint32_t constant;
};

/* Adds to a register, and gives the next one. */
static unsigned say_product(unsigned dimension, int32_t factor, unsigned from)
{
    unsigned way = choose(4);
    char name = "xyz"[dimension];

    say("mov.u32 %%e%u, %%tid.%c; ", dimension, name);
    if (factor == 1 && way) {
        say("add.u32 %%d%u, %%e%u, %%d%u;\n", from + 1, dimension, from);
    } else if (way == 0 && factor > 0 && (factor & (factor - 1)) == 0) {
        say("shl.b32 %%e%u, %%e%u, %d; add.u32 %%d%u, %%e%u, %%d%u;\n", dimension + 3, dimension,
            __builtin_ctz((unsigned)factor), from + 1, dimension + 3, from);
    } else if (way == 1 || factor < 0) { /* a negative one has no step in a product */
        say("mul.lo.s32 %%e%u, %%e%u, %d; %s.s32 %%d%u, %%d%u, %%e%u;\n", dimension + 3, dimension,
            factor < 0 ? -factor : factor, factor < 0 ? "sub" : "add", from + 1, from,
            dimension + 3);
    } else {
        say("mad.lo.s32 %%d%u, %%e%u, %d, %%d%u;\n", from + 1, dimension, factor, from);
    }
    return from + 1;
}

/* Every register is set once, or it would have no steps. */
static void say_linear(const char *to, const struct linear *linear)
{
    unsigned last = 0;

    say("{ .reg .b32 %%d<4>, %%e<6>; mov.u32 %%d0, %u;\n", linear->constant);
    for (unsigned i = 0; i < 3; i++) {
        if (linear->factors[i] && (program.block[i] > 1 || choose(4) == 0)) {
            last = say_product(i, linear->factors[i], last);
        }
    }
    say("mov.b32 %s, %%d%u; }\n", to, last);
}

/* Often so close below an end of the numbers that some threads pass it. */
static uint32_t choose_constant(const int32_t factors[3])
{
    uint32_t end = choose(2) ? 0x80000000 : 0, span = 1;

    for (unsigned i = 0; i < 3; i++) {
        span += (uint32_t)abs(factors[i]) * (program.block[i] - 1);
    }
    return choose(3) ? end - choose_bits() % (span ? span : 1) : choose_number();
}

/* With any carry. */
static struct linear choose_linear(void)
{
    static const int32_t factors[] = {0, 1, -1, 2, 3, 4, -4, 16, -16, 68, 128, -1024, 1 << 20, 8};
    struct linear linear = {0};

    for (unsigned i = 0; i < 3; i++) {
        linear.factors[i] = choose(3) ? ONE_OF(factors) : 0;
    }
    linear.constant = choose_constant(linear.factors);
    return linear;
}

void value_of_thread(void)
{
    static const char *const templates[] = {
        "add.u32 R, R, %o;",
        "xor.b32 R, R, %o;",
        "cvt.s64.s32 Q, %o;",
        "cvt.s64.s32 %y, %o; shr.s64 Q, %y, 3;",
        "cvt.u64.u32 %y, %o; add.s64 Q, %y, Q;",
        "mul.wide.u32 %y, %o, 8; shr.u64 Q, %y, 3;",
        "mul.wide.s32 %y, %o, 12; xor.b64 Q, Q, %y;",
        "cvt.u64.u32 %z, R; mad.wide.s32 %y, %o, 4, %z; mov.b64 Q, %y;",
        "mov.u64 %z, 5; mad.wide.u32 %y, %o, 4, %z; cvt.u32.u64 R, %y; shr.u64 Q, %y, 30;",
        "setp.lt.s32 P, %o, R;",
        "setp.eq.u32 P, L, S;",
        "mul.wide.u32 %y, L, 4; shr.u64 Q, %y, 1;",
    };
    struct linear linear = choose_linear();

    say("{ .reg .b32 %%o; .reg .b64 %%y, %%z;\n");
    say_linear("%o", &linear);
    say_template(ONE_OF(templates));
    say(" }\n");
}

/* Elements of each thread of a block, in rows that may have a pad. */
struct tile {
    uint32_t strides[3];
};

static struct tile choose_tile(void)
{
    const uint32_t *block = program.block;
    bool is_large = block[0] * block[1] * block[2] > 128;
    struct tile tile = {{1, block[0] + (is_large ? 0 : choose(3)), 0}};

    tile.strides[2] = tile.strides[1] * (block[1] + (is_large ? 0 : choose(2)));
    return tile;
}

static void turn_round(struct linear *place, uint32_t stride, unsigned dimension, uint32_t count)
{
    place->factors[dimension] -= (int32_t)stride;
    place->constant += stride * (count - 1);
}

static struct linear place_of_thread(const struct tile *tile)
{
    struct linear place = {0};

    for (unsigned i = 0; i < 3; i++) {
        if (choose(3)) {
            place.factors[i] = (int32_t)tile->strides[i];
        } else {
            turn_round(&place, tile->strides[i], i, program.block[i]);
        }
    }
    return place;
}

/* Where some thread's element is: along each dimension, the one of a coordinate or of all. */
static struct linear place_of_other(const struct tile *tile)
{
    struct linear place = {0};

    for (unsigned i = 0; i < 3; i++) {
        unsigned from = choose(2) ? i : choose(3);

        if (program.block[from] > program.block[i] || choose(4) == 0) {
            place.constant += tile->strides[i] * choose(program.block[i]);
        } else if (choose(3)) {
            place.factors[from] += (int32_t)tile->strides[i];
        } else {
            turn_round(&place, tile->strides[i], from, program.block[from]);
        }
    }
    return place;
}

/* An element's number, which a compiler knows to lie in steps, or only suspects. */
static void say_place(const char *to, const struct linear *place)
{
    say_linear(to, place);
    if (choose(3) == 0) {
        say("and.b32 %s, %s, 65535;\n", to, to);
    }
}

/* To %y: an element's address from its number in %o. What it is made of is not set elsewhere, or it
 * would have no steps. */
static void say_address(const char *base, unsigned size)
{
    say("{ .reg .b32 %%d; .reg .b64 %%e; ");
    switch (choose(4)) {
    case 0:
        say("mul.wide.u32 %%e, %%o, %u; add.s64 %%y, %s, %%e; }\n", size, base);
        break;
    case 1:
        say("mul.wide.s32 %%e, %%o, %u; add.s64 %%y, %%e, %s; }\n", size, base);
        break;
    case 2:
        say("mad.wide.u32 %%y, %%o, %u, %s; }\n", size, base);
        break;
    default:
        say("mul.lo.u32 %%d, %%o, %u; cvt.u64.u32 %%e, %%d; add.s64 %%y, %s, %%e; }\n", size, base);
    }
}

/* The size of an element, and how it is loaded and stored. */
struct element {
    unsigned size;
    const char *type, *operand;
};

static const struct element *choose_element(void)
{
    static const struct element elements[] = {
        {4, "u32", "R"}, {4, "u32", "R"},         {1, "u8", "R"},           {2, "s16", "R"},
        {8, "u64", "Q"}, {8, "v2.u32", "{R, R}"}, {16, "v2.u64", "{Q, Q}"},
    };

    return &ONE_OF(elements);
}

#define SAY_SCOPE "{ .reg .b32 %%o, %%w, %%h; .reg .b64 %%y, %%z;\n"

static void say_access(const char *how, const struct element *element, const char *address,
                       unsigned offset)
{
    bool is_load = how[0] == 'l';

    say("%s.%s ", how, element->type);
    if (is_load) {
        say_template(element->operand);
        say(", [%s + %u];\n", address, offset);
    } else {
        say("[%s + %u], ", address, offset);
        say_template(element->operand);
        say(";\n");
    }
}

/* In the table, with room behind it. */
static struct linear choose_place_in_table(void)
{
    struct linear place = {.constant = choose(8)};
    unsigned most = 1;

    for (unsigned i = 0; i < 3; i++) {
        most = program.block[i] > most ? program.block[i] : most;
    }
    most = 3000 / 3 / most;
    most = most < 16 ? most : 16;
    for (unsigned i = 0; i < 3; i++) {
        int32_t factor = choose(2) ? i == 0 && most : (int32_t)(choose(2 * most + 1) - most);

        place.factors[i] = factor;
        place.constant += factor < 0 ? (uint32_t)-factor * (program.block[i] - 1) : 0;
    }
    return place;
}

/* In a loop the place goes on; by what the compiler knows, or not. */
void read_table(void)
{
    const struct element *element = choose_element();
    struct linear place = choose_place_in_table();
    unsigned rounds = choose(3) ? 1 : 2 + choose(3), label = ++program.labels;

    say(SAY_SCOPE);
    say_place("%o", &place);
    say_address("%table", element->size);
    if (rounds > 1) {
        say("mov.u32 %%h, %u; mov.u64 %%z, %u;\nL%u:\n", rounds, choose(16) * element->size, label);
    }
    for (unsigned left = 1 + choose(3); left; left--) {
        say_access("ld.global", element, "%y", choose(64) * element->size);
    }
    if (rounds > 1) {
        say("add.s64 %%y, %%y, %%z; sub.u32 %%h, %%h, 1; setp.ne.u32 %%pc, %%h, 0; "
            "@%%pc bra L%u;",
            label);
    }
    say("}\n");
}

/* The address of an element of the tile at %h. */
static void say_shared_address(const char *to, const struct linear *place, unsigned size)
{
    say("{ .reg .b32 %%p;\n");
    say_place("%p", place);
    say("mad.lo.u32 %s, %%p, %u, %%h; }\n", to, size);
}

void exchange(void)
{
    const struct element *element = choose_element();
    struct tile tile = choose_tile();
    struct linear mine = place_of_thread(&tile), other = place_of_other(&tile);

    say(SAY_SCOPE ".reg .b32 %%from, %%to;\nmov.u32 %%h, tile;\n");
    say_shared_address("%to", &mine, element->size);
    say_shared_address("%from", &other, element->size);
    say_access("st.shared", element, "%to", 0);
    say("bar.sync 0;\n");
    say_access("ld.shared", element, "%from", 0);
    say("bar.sync 0; }\n");
}

/* Along a row of the one and down a column of the other, as far as there are elements. */
static void say_inner_product(const struct tile *tile, unsigned size, bool is_float)
{
    unsigned length = program.block[0] < program.block[1] ? program.block[0] : program.block[1];
    unsigned count = 1 + choose(length < 4 ? length : 4);

    for (unsigned i = 0; i < count; i++) {
        say("ld.shared.b%u %%va, [%%row + %u]; ld.shared.b%u %%vb, [%%column + %zu];\n", 8 * size,
            i * size, 8 * size, TILE_SIZE + i * tile->strides[1] * (size_t)size);
        say(is_float    ? "fma.rn.f32 %%sum, %%va, %%vb, %%sum;\n"
            : size == 8 ? "mad.lo.s64 %%sum, %%va, %%vb, %%sum;\n"
                        : "mad.lo.s32 %%sum, %%va, %%vb, %%sum;\n");
    }
}

/* As a product of matrices is computed in tiles: of numbers, or of small floats, exactly. */
void product_of_tiles(void)
{
    bool is_float = choose(2), is_wide = !is_float && choose(3) == 0;
    unsigned size = is_wide ? 8 : 4, label = ++program.labels, rounds = 1 + choose(3);
    struct tile tile = choose_tile();
    struct linear mine = place_of_thread(&tile), from = choose_place_in_table();
    struct linear row = {.factors = {0, (int32_t)tile.strides[1], (int32_t)tile.strides[2]}};
    struct linear column = {.factors = {1, 0, (int32_t)tile.strides[2]}};
    const char *type = is_wide ? "b64" : is_float ? "f32" : "b32";

    say(SAY_SCOPE ".reg .b32 %%to, %%row, %%column, %%round; .reg .%s %%va, %%vb, %%sum;\n"
                  "mov.u32 %%h, tile; mov.%s %%sum, %s;\n",
        type, type, is_float ? "0f00000000" : "0");
    say_shared_address("%to", &mine, size);
    say_shared_address("%row", &row, size);
    say_shared_address("%column", &column, size);
    say_place("%o", &from);
    say_address("%table", size);
    say("mov.u32 %%round, %u;\nL%u:\n", rounds, label);
    for (unsigned i = 0; i < 2; i++) {
        if (is_float) {
            say("ld.global.u8 %%w, [%%y + %u]; cvt.rn.f32.u32 %%va, %%w;\n", i * 64 * size);
        } else {
            say("ld.global.b%u %%va, [%%y + %u];\n", 8 * size, i * 64 * size);
        }
        say("st.shared.b%u [%%to + %u], %%va;\n", 8 * size, i * TILE_SIZE);
    }
    say("add.s64 %%y, %%y, %u; bar.sync 0;\n", choose(32) * size);
    say_inner_product(&tile, size, is_float);
    say("bar.sync 0; sub.u32 %%round, %%round, 1; setp.ne.u32 %%pc, %%round, 0; @%%pc bra L%u;\n",
        label);
    say(is_float  ? "cvt.rzi.s32.f32 %%w, %%sum;"
        : is_wide ? "cvt.u32.u64 %%w, %%sum;"
                  : "mov.b32 %%w, %%sum;");
    say_template("xor.b32 R, R, %w; }\n");
}

void say_linear_registers(size_t tiles)
{
    struct tile tile = choose_tile();
    struct linear place = place_of_thread(&tile);

    for (unsigned i = 0; i < LINEAR; i++) {
        struct linear linear = choose_linear();
        const char to[] = {'%', 'i', (char)('0' + i), 0};

        say_linear(to, &linear);
    }
    say(SAY_SCOPE ".reg .b64 %%tiles, %%first;\n");
    say("mov.u32 %%w, %%ctaid.x; mul.wide.u32 %%first, %%w, %u; ld.param.u64 %%tiles, [out]; "
        "add.s64 %%first, %%first, %%tiles; add.s64 %%first, %%first, %zu;\n",
        TILE_SIZE, tiles);
    say_linear("%o", &place);
    say_address("%first", 8);
    say("mov.b64 %%cell, %%y; }\n");
    for (unsigned i = 0; i < LINEAR; i++) {
        say(choose(2) ? "mov.b32 %%a%u, %%i%u;\n" : "add.s32 %%a%u, %%i%u, 4;\n", i,
            choose(LINEAR));
    }
}
