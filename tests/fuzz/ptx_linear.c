/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/ptx_linear.h"

#include "tests/fuzz/ptx_text.h"

/* The sum of a thread's coordinates, each times a factor, and of a constant. */
struct linear {
    int32_t factors[3];
    uint32_t constant;
};

static void say_product(unsigned dimension, int32_t factor)
{
    unsigned from = 2 * dimension, way = choose(4);

    say("mov.u32 %%d%u, %%tid.%c; ", from + 1, "xyz"[dimension]);
    if (way == 0 && factor > 0 && (factor & (factor - 1)) == 0) {
        say("shl.b32 %%e%u, %%d%u, %d; add.u32 %%d%u, %%e%u, %%d%u;\n", dimension, from + 1,
            __builtin_ctz((unsigned)factor), from + 2, dimension, from);
    } else if (way == 1 || factor < 0) { /* a negative one has no step in a product */
        say("mul.lo.s32 %%e%u, %%d%u, %d; %s.s32 %%d%u, %%d%u, %%e%u;\n", dimension, from + 1,
            factor < 0 ? -factor : factor, factor < 0 ? "sub" : "add", from + 2, from, dimension);
    } else {
        say("mad.lo.s32 %%d%u, %%d%u, %d, %%d%u;\n", from + 2, from + 1, factor, from);
    }
}

/* Every register is set once, or it would have no steps. */
static void say_linear(const char *to, const struct linear *linear)
{
    say("{ .reg .b32 %%d<7>, %%e<3>; mov.u32 %%d0, %u;\n", linear->constant);
    for (unsigned i = 0; i < 3; i++) {
        say_product(i, linear->factors[i]);
    }
    say("mov.b32 %s, %%d6; }\n", to);
}

/* Often close below an end of the numbers, which some threads pass. */
static uint32_t choose_constant(void)
{
    return choose(3) ? (choose(2) ? 0x80000000 : 0) - choose(12) : choose_number();
}

/* With any carry. */
static struct linear choose_linear(void)
{
    static const int32_t factors[] = {0, 1, -1, 2, 3, 4, -4, 16, -16, 68, 128, -1024, 1 << 20, 8};
    struct linear linear = {.constant = choose_constant()};

    for (unsigned i = 0; i < 3; i++) {
        linear.factors[i] = choose(3) ? factors[choose(sizeof(factors) / sizeof(factors[0]))] : 0;
    }
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
    say_template(templates[choose(sizeof(templates) / sizeof(templates[0]))]);
    say(" }\n");
}

/* Elements of each thread of a block, in rows that may have a pad. */
struct tile {
    uint32_t strides[3];
};

static struct tile choose_tile(void)
{
    struct tile tile = {{1, program.block[0] + choose(3), 0}};

    tile.strides[2] = tile.strides[1] * (program.block[1] + choose(2));
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

/* To %y: an element's address from its number in %o. */
static void say_address(const char *base, unsigned size)
{
    switch (choose(4)) {
    case 0:
        say("mul.wide.u32 %%z, %%o, %u; add.s64 %%y, %s, %%z;\n", size, base);
        break;
    case 1:
        say("mul.wide.s32 %%z, %%o, %u; add.s64 %%y, %%z, %s;\n", size, base);
        break;
    case 2:
        say("mad.wide.u32 %%y, %%o, %u, %s;\n", size, base);
        break;
    default:
        say("mul.lo.u32 %%w, %%o, %u; cvt.u64.u32 %%z, %%w; add.s64 %%y, %s, %%z;\n", size, base);
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

    return &elements[choose(sizeof(elements) / sizeof(elements[0]))];
}

#define SAY_SCOPE "{ .reg .b32 %%o, %%w, %%h; .reg .b64 %%y, %%z;\n"

static void say_access(const char *how, const struct element *element, const char *address)
{
    bool is_load = how[0] == 'l';

    say("%s.%s ", how, element->type);
    if (is_load) {
        say_template(element->operand);
        say(", [%s];\n", address);
    } else {
        say("[%s], ", address);
        say_template(element->operand);
        say(";\n");
    }
}

void read_table(void)
{
    const struct element *element = choose_element();
    struct linear place = {.constant = choose(8)};
    unsigned rounds = choose(3) ? 1 : 1 + choose(4), label = ++program.labels;

    for (unsigned i = 0; i < 3; i++) {
        int32_t factor = (int32_t)choose(33) - 16;

        place.factors[i] = factor;
        place.constant += factor < 0 ? (uint32_t)-factor * (program.block[i] - 1) : 0;
    }
    say(SAY_SCOPE);
    say_linear("%o", &place);
    say_address("%table", element->size);
    say("mov.u32 %%h, %u;\nL%u:\n", rounds, label);
    say_access("ld.global", element, "%y");
    say("add.s64 %%y, %%y, %u; sub.u32 %%h, %%h, 1; setp.ne.u32 %%pc, %%h, 0; "
        "@%%pc bra L%u; }\n",
        choose(16) * element->size, label);
}

void exchange(void)
{
    const struct element *element = choose_element();
    struct tile tile = choose_tile();
    struct linear mine = place_of_thread(&tile), other = place_of_other(&tile);

    say(SAY_SCOPE ".reg .b32 %%from, %%to;\nmov.u32 %%h, tile;\n");
    say_linear("%o", &mine);
    say("mad.lo.u32 %%to, %%o, %u, %%h;\n", element->size);
    say_linear("%w", &other);
    say("mad.lo.u32 %%from, %%w, %u, %%h;\n", element->size);
    say_access("st.shared", element, "%to");
    say("bar.sync 0;\n");
    say_access("ld.shared", element, "%from");
    say("bar.sync 0; }\n");
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
}
