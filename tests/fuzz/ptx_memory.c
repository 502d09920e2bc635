/* SPDX-License-Identifier: BSD-2-Clause */
/* Statements that touch memory: ptx_statements.h. */
#include "tests/fuzz/ptx_statements.h"
#include "tests/fuzz/ptx_text.h"

/* ---- Memory of a thread's own ---- */

void say_own_memory(void)
{
    static const char *const at_word[] = {
        "ld.global.u32 T, [%x];",
        "st.global.u32 [%x], S;",
        "st.global.u8 [%x], R;",
        "ld.global.s16 T, [%x];",
        "ld.u32 T, [%x];",
        "st.u32 [%x], S;",
        "st.global.b16 [%x + 2], H;",
        "red.global.add.u32 [%x], R;",
    };
    static const char *const at_vector[] = {
        "ld.global.v2.u32 {R, R}, [%x];",          "st.global.u64 [%x], Q;",
        "ld.global.v4.u32 {R, R, R, R}, [%x];",    "st.global.v4.u32 [%x], {R, R, R, R};",
        "ld.global.v2.u64 {Q, Q}, [%x];",          "st.global.v2.u64 [%x], {Q, Q};",
        "ld.global.v4.u8 {R, R, R, R}, [%x];",     "st.global.v2.u32 [%x + 8], {R, R};",
        "ld.global.nc.v4.s16 {R, R, R, R}, [%x];", "ld.u64 X, [%x];",
    };
    static const char *const at_place[] = {
        "ld.global.u32 T, [%own + 8];",
        "st.global.u32 [%own + 4], S;",
        "ld.global.v4.u32 {R, R, R, R}, [%own + 16];",
        "st.global.u32 [%own], S; st.global.u32 [%own + 4], S; ld.global.u32 R, [%own + 8];",
        "ld.global.u8 T, [%own + 13];",
        "st.global.v2.u64 [%own + 32], {Q, Q};",
        "ld.global.u32 R, [%own + 20]; ld.global.u32 R, [%own + 28];",
    };
    static const char *const at_cell[] = {
        "ld.global.u32 T, [%cell];",
        "st.global.u32 [%cell], S;",
        "ld.global.v2.u32 {R, R}, [%cell];",
        "st.global.u64 [%cell], Q;",
    };

    switch (choose(program.has_linear ? 4 : 3)) {
    case 0:
        say_template("and.b32 %v, R, 15; mul.wide.u32 %x, %v, 4; add.s64 %x, %own, %x; ");
        say_computation(ONE_OF(at_word));
        break;
    case 1:
        say_template("and.b32 %v, R, 3; mul.wide.u32 %x, %v, 16; add.s64 %x, %own, %x; ");
        say_computation(ONE_OF(at_vector));
        break;
    case 2:
        say_computation(ONE_OF(at_place));
        break;
    default:
        say_computation(ONE_OF(at_cell));
    }
}

/* The thread's own of an array, as most kernels have it. */
void say_element(void)
{
    static const char *const templates[] = {
        "ld.global.u32 T, [%m4];",         "st.global.u32 [%m4], S;",
        "ld.global.u64 X, [%m8];",         "st.global.u64 [%m8], Y;",
        "ld.global.u16 T, [%m2];",         "st.global.u8 [%m1], R;",
        "ld.global.v2.u32 {R, R}, [%m8];", "ld.global.u32 R, [%table + 8];",
        "ld.global.u32 R, [%x];",          "ld.f32 F, [%x + 4];",
    };

    say_template(choose(2) ? "shl.b32 %v, %t, 2; cvt.u64.u32 %x, %v; add.s64 %x, %table, %x; "
                           : "add.u32 %v, %me, 5; mad.wide.u32 %x, %v, 4, %table; ");
    say_computation(ONE_OF(templates));
}

void say_local_memory(void)
{
    static const char *const templates[] = {
        "st.local.u32 [%v], R;",
        "ld.local.u32 T, [%v];",
        "ld.local.v4.u32 {R, R, R, R}, [%v];",
        "st.local.v2.u64 [%v], {Q, Q};",
        "ld.local.s8 T, [%v + 5];",
        "st.local.u16 [%v + 2], R;",
        "ld.local.u64 X, [mine + 8];",
        "st.local.u32 [mine + 20], S;",
    };

    say_template("and.b32 %v, R, 16; mov.u32 %l, mine; add.u32 %v, %v, %l; ");
    say_computation(ONE_OF(templates));
}

/* From what is only read, by an index from its start, or on both sides of its middle: any place, of
 * a few, so that threads come to the ends; or a thread's that is near, in no steps: what is read
 * ends with a later warp's, and the code knows how far it goes by then. */
static void say_index(void)
{
    if (choose(2)) {
        say_template(program.reads_middle ? "bfe.s32 %v, S, " : "bfe.u32 %v, S, ");
        say_template(choose(2) ? "0, W; " : "2, W; ");
        return;
    }
    say("xor.b32 %%v, %%me, %u; ", 1 + choose(31));
    say(program.reads_middle ? "not.b32 %%v, %%v; " : "");
    program.reads_nearby = true;
}

void say_gather(void)
{
    static const char *const from_start[] = {
        "mul.wide.u32 %y, %v, 16; add.s64 %x, %table, %y; ",
        "mul.wide.u32 %x, %v, 16; add.s64 %x, %table, %x; ",
        "mad.wide.s32 %x, %v, 16, %table; ",
    };
    static const char *const from_middle[] = {
        "mul.wide.s32 %y, %v, 16; add.s64 %x, %y, %middle; ",
        "mad.wide.s32 %x, %v, 16, %middle; ",
    };
    static const char *const loads[] = {
        "ld.global.u32 T, [%x];",
        "ld.global.nc.u8 T, [%x + 3];",
        "ld.global.s16 T, [%x + 6];",
        "ld.global.u64 X, [%x];",
        "ld.global.v4.u32 {R, R, R, R}, [%x];",
        "ld.global.u32 R, [%x]; ld.global.u32 R, [%x + 12];",
        "ld.global.u32 R, [%x + 4]; ld.global.u32 R, [%x + 8]; ld.global.u32 R, [%x + 12];",
    };

    say_index();
    say_template(program.reads_middle ? ONE_OF(from_middle) : ONE_OF(from_start));
    say_computation(ONE_OF(loads));
}

/* ---- Sums ---- */

/* Each operation has its own eight cells of eight bytes. What comes back of the last one is what
 * was there before, each time another number. */
static const struct sum {
    const char *operation, *with;
} sums[] = {
    {"add.u32", "S"}, {"xor.b32", "S"}, {"min.u32", "R"}, {"max.s32", "S"},
    {"or.b32", "R"},  {"add.u64", "Q"}, {"inc.u32", "6"}, {"add.u32", "1"},
};

#define BACK (COUNT(sums) - 1)

/* To %x: the place of a cell; bytes choose among them. */
static void say_cell(const char *base)
{
    if (choose(3) == 0) {
        say("ld.global.u8 %%v, [%%table + %u]; ", choose(256));
    } else if (choose(2)) {
        say_template("bfe.u32 %v, R, 8, 8; ");
    } else {
        say_template("mov.u32 %v, S; ");
    }
    say("and.b32 %%v, %%v, 7; shl.b32 %%v, %%v, 3; ");
    if (base[0] == '%') {
        say("cvt.u64.u32 %%x, %%v; add.s64 %%x, %s, %%x; ", base);
    } else {
        say("mov.u32 %%l, %s; add.u32 %%v, %%v, %%l; ", base);
    }
}

static bool may_look_back(void)
{
    return !program.is_plain || program.loops == 0;
}

static void say_sum(const char *space, const char *base, const char *place)
{
    unsigned which = choose(may_look_back() ? COUNT(sums) : BACK);
    bool is_scattered = choose(2);

    if (is_scattered) {
        say_cell(base);
    }
    if (which == BACK) {
        say("atom.%s.add.u32 %%l, [%s + %u], 1; red.global.add.u32 [%%sums + %u], %%l;\n", space,
            is_scattered ? place : base, which * 64, which * 64 + 4);
        return;
    }
    say_template(choose(3) ? "" : "@P ");
    say(which == 6 ? "atom.%s.%s _, [%s + %u], " : "red.%s.%s [%s + %u], ", space,
        sums[which].operation, is_scattered ? place : base, which * 64);
    say_template(sums[which].with);
    say(";\n");
}

void say_global_sum(void)
{
    say_sum("global", "%sums", "%x");
}

/* Of a block; all threads look at them at the end, and where they come together. */
void say_shared_sum(void)
{
    for (unsigned left = 1 + choose(3); left; left--) {
        say_sum("shared", "hist", "%v");
    }
    if (program.is_together && choose(2)) {
        say("bar.sync 0; ");
        say_cell("hist");
        say_template("ld.shared.u32 R, [%v + ");
        say("%u]; bar.sync 0;\n", 64 * choose(COUNT(sums)));
    }
}
