/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/ptx_statements.h"

#include "tests/fuzz/ptx_linear.h"
#include "tests/fuzz/ptx_text.h"

/* ---- Values ---- */

static void integers(void)
{
    static const char *const templates[] = {
        "add.u32 T, S, S;",
        "add.s32 T, R, S;",
        "sub.u32 T, S, R;",
        "mul.lo.u32 T, R, S;",
        "mul.hi.s32 T, R, S;",
        "mad.lo.u32 T, R, S, S;",
        "and.b32 T, S, S;",
        "or.b32 T, R, S;",
        "xor.b32 T, R, S;",
        "not.b32 T, S;",
        "shl.b32 T, S, S;",
        "shr.u32 T, R, S;",
        "shr.s32 T, R, S;",
        "min.s32 T, R, S;",
        "max.u32 T, R, S;",
        "div.u32 T, R, S;",
        "rem.s32 T, R, S;",
        "div.s32 T, S, R;",
        "shr.u32 %v, R, 24; rem.u32 T, R, %v;",
        "abs.s32 T, R;",
        "popc.b32 T, S;",
        "clz.b32 T, S;",
        "brev.b32 T, R;",
        "bfe.u32 T, S, S, S;",
        "bfi.b32 T, R, R, S, S;",
        "prmt.b32 T, R, R, S;",
        "lop3.b32 T, R, S, R, 0x6C;",
        "shf.l.wrap.b32 T, R, R, S;",
        "selp.b32 T, S, S, P;",
        "add.cc.u32 T, R, S; addc.u32 R, R, S;",
        "mov.b32 T, S;",
        "mov.u32 T, %ctaid.x;",
        "mov.u32 T, %laneid;",
        "cvt.s32.s8 T, R;",
        "setp.lt.s32 P, S, R;",
        "setp.ne.u32 P, R, S;",
        "setp.lt.and.s32 P, R, S, P;",
        "and.b32 %v, R, 1; setp.ne.u32 P, %v, 0;",
        "and.pred P, P, P;",
        "not.pred P, P;",
    };

    say_computation(ONE_OF(templates));
}

static void wide(void)
{
    static const char *const templates[] = {
        "cvt.u64.u32 X, S;",
        "cvt.s64.s32 X, R;",
        "cvt.u32.u64 T, Y;",
        "add.s64 X, Y, Y;",
        "sub.u64 X, Y, Y;",
        "mul.lo.u64 X, Y, Y;",
        "mul.hi.u64 X, Y, Y;",
        "mul.wide.u32 X, R, S;",
        "mad.wide.s32 X, R, S, Y;",
        "mad.lo.s64 X, Y, Y, Y;",
        "shr.s64 X, Y, S;",
        "shl.b64 X, Y, S;",
        "xor.b64 X, Y, Y;",
        "and.b64 X, Y, Y;",
        "mov.b64 X, {R, R};",
        "mov.b64 {R, R}, Y;",
        "min.s64 X, Y, Y;",
        "max.u64 X, Y, Y;",
        "div.u64 X, Y, Y;",
        "rem.s64 X, Y, Y;",
        "popc.b64 T, Y;",
        "clz.b64 T, Y;",
        "bfe.s64 X, Y, S, S;",
        "bfi.b64 X, Y, Y, S, S;",
        "selp.b64 X, Y, Y, P;",
        "setp.ge.u64 P, Y, Y;",
        "setp.lt.s64 P, Y, Y;",
        "brev.b64 X, Y;",
        "shf.r.clamp.b32 T, R, R, S;",
        "mov.u64 X, Y;",
        "sub.cc.u64 X, Y, Y; subc.u64 Q, Y, Y;",
    };

    say_computation(ONE_OF(templates));
}

/* They come to integers as numbers, so that no NaN is looked into. */
static void floats(void)
{
    static const char *const templates[] = {
        "cvt.rn.f32.s32 F, S;",   "cvt.rzi.s32.f32 T, F;",
        "add.f32 F, F, F;",       "sub.rz.f32 F, F, F;",
        "mul.f32 F, F, F;",       "fma.rn.f32 F, F, F, F;",
        "max.f32 F, F, F;",       "min.f32 F, F, F;",
        "div.rn.f32 F, F, F;",    "sqrt.rn.f32 F, F;",
        "rcp.rn.f32 F, F;",       "neg.f32 F, F;",
        "abs.f32 F, F;",          "setp.gt.f32 P, F, F;",
        "setp.neu.f32 P, F, F;",  "selp.f32 F, F, F, P;",
        "mov.f32 F, 0f3fc00000;", "cvt.rn.f32.u64 F, Y;",
        "cvt.rn.f64.s64 D, Y;",   "cvt.rzi.s64.f64 X, D;",
        "add.f64 D, D, D;",       "mul.rp.f64 D, D, D;",
        "fma.rn.f64 D, D, D, D;", "div.rn.f64 D, D, D;",
        "cvt.rn.f32.f64 F, D;",   "cvt.f64.f32 D, F;",
        "setp.lt.f64 P, D, D;",   "cvt.rmi.ftz.s32.f32 T, F;",
    };

    say_computation(ONE_OF(templates));
}

static void halves(void)
{
    static const char *const templates[] = {
        "mov.b32 {H, H}, S;",    "cvt.u16.u32 H, S;",       "cvt.rn.f16.s32 H, S;",
        "cvt.rzi.s32.f16 T, H;", "cvt.rni.s32.bf16 T, H;",  "cvt.rn.f16.f32 H, F;",
        "cvt.rn.bf16.f32 H, F;", "cvt.f32.f16 F, H;",       "cvt.f32.bf16 F, H;",
        "add.f16 H, H, H;",      "mul.f16 H, H, H;",        "fma.rn.f16 H, H, H, H;",
        "add.bf16 H, H, H;",     "fma.rn.bf16 H, H, H, H;", "max.f16 H, H, H;",
        "min.bf16 H, H, H;",     "neg.f16 H, H;",           "setp.lt.f16 P, H, H;",
        "setp.gt.bf16 P, H, H;", "selp.b16 H, H, H, P;",    "and.b16 H, H, H;",
    };

    say_computation(ONE_OF(templates));
}

/* What is the same in all threads of a block, or of a warp, or is not any more. */
static void alike(void)
{
    static const char *const templates[] = {
        "add.u32 U, U, V;",
        "sub.u32 U, V, U;",
        "mul.lo.u32 U, U, V;",
        "xor.b32 U, U, V;",
        "min.s32 U, U, V;",
        "shl.b32 U, U, V;",
        "shr.u32 U, U, V;",
        "mov.u32 U, %ctaid.x;",
        "mov.u32 U, V;",
        "ld.param.u32 U, [n];",
        "mov.u32 U, %ntid.y;",
        "mov.u32 G, %warpid;",
        "setp.lt.u32 P, U, V;",
        "ld.global.u32 U, [%table + 8];",
        "mov.u32 T, U;",
        "selp.b32 G, G, V, P;",
        "ld.global.u32 G, [%table + 96];",
        "mad.lo.u32 U, V, V, U;",
    };

    say_template(ONE_OF(templates));
    say("\n");
}

/* What goes on in steps from thread to thread. */
static void steps(void)
{
    static const char *const templates[] = {
        "add.s32 A, A, V;",         "add.u32 A, V, A;",
        "sub.s32 A, A, V;",         "mov.b32 A, A;",
        "add.s32 A, A, L;",         "mov.b32 A, L;",
        "mad.lo.s32 A, V, 4, A;",   "add.s32 A, L, K;",
        "mul.wide.s32 X, A, 4;",    "mul.wide.u32 X, L, 8;",
        "setp.lt.u32 P, A, S;",     "cvt.u64.u32 X, A;",
        "mad.wide.u32 X, A, 4, Y;", "selp.b32 A, A, A, P;",
        "add.s32 A, A, 4;",
    };

    if (!program.has_linear) {
        integers();
    } else if (choose(2)) {
        say_template(ONE_OF(templates));
        say("\n");
    } else {
        for (unsigned left = 1 + choose(3); left; left--) {
            value_of_thread();
        }
    }
}

/* ---- Memory of a thread's own ---- */

static void own_memory(void)
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

static void local_memory(void)
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

/* From anywhere in what is only read: by indices from its start, or on both sides of its middle;
 * a few of them, so that threads come to the ends. */
static void gather(void)
{
    static const char *const places[] = {
        "bfe.u32 %v, S, 2, W; mul.wide.u32 %y, %v, 16; add.s64 %x, %table, %y; ",
        "bfe.u32 %v, S, 0, W; mad.wide.u32 %x, %v, 16, %table; ",
        "bfe.s32 %v, S, 1, W; mul.wide.s32 %y, %v, 16; add.s64 %x, %y, %middle; ",
        "bfe.s32 %v, S, 0, W; mad.wide.s32 %x, %v, 16, %middle; ",
        "bfe.u32 %v, S, 0, W; mul.wide.u32 %x, %v, 16; add.s64 %x, %table, %x; ",
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

    say_template(ONE_OF(places));
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

static void sum(void)
{
    say_sum("global", "%sums", "%x");
}

/* Of a block; all threads look at them at the end, and where they come together. */
static void shared_sum(void)
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

/* ---- What threads do together ---- */

/* Where whole blocks come; the first ones leave the code as it is. */
#define TO_NEIGHBOUR                                                                               \
    "{ .reg .b32 %y; shl.b32 %y, %me, 2; mov.u32 %l, tile; add.u32 %l, %l, %y; "                   \
    "st.shared.u32 [%l], S; bar.sync 0; add.u32 %y, %me, I; rem.u32 %y, %y, %n; "                  \
    "shl.b32 %y, %y, 2; mov.u32 %l, tile; add.u32 %l, %l, %y; ld.shared.u32 R, [%l]; "             \
    "bar.sync 0; }"
#define FROM_FIRST                                                                                 \
    "{ .reg .pred %y; setp.eq.u32 %y, %me, 0; bar.sync 0; @%y st.shared.u32 [tile], S; "           \
    "bar.sync 0; } ld.shared.u32 U, [tile]; bar.sync 0;"

static void meeting(void)
{
    static const char *const of_blocks[] = {
        "bar.sync 0;",
        TO_NEIGHBOUR,
        FROM_FIRST,
        "bar.sync 0; ld.shared.u32 R, [strip + 52]; bar.sync 0;",
        "bar.red.popc.u32 R, 0, P;",
        "bar.red.or.pred P, 1, P;",
        "barrier.sync 0;",
    };
    static const char *const of_warps[] = {
        "shfl.sync.bfly.b32 R, R, I, 31, %all;",
        "shfl.sync.idx.b32 R|P, S, R, 31, -1;",
        "shfl.sync.down.b32 R|P, R, I, 7199, %all;",
        "shfl.sync.up.b32 R, S, 1, 0, -1;",
        "vote.sync.ballot.b32 G, P, %all;",
        "vote.sync.any.pred P, P, -1;",
        "vote.sync.all.pred P, P, -1;",
        "redux.sync.add.s32 R, R, %all;",
        "redux.sync.max.u32 G, R, -1;",
        "bar.warp.sync -1;",
        "match.any.sync.b32 R, R, -1;",
    };
    unsigned count = program.is_plain ? 4 : COUNT(of_blocks);

    if (program.is_warp_together && program.has_full_warps && (!program.is_together || choose(2))) {
        say_template(ONE_OF(of_warps));
    } else if (program.is_together) {
        say_template(of_blocks[choose(count)]);
    }
    say("\n");
}

/* ---- Control ---- */

enum together { APART, OF_WARPS, AS_BEFORE };

static void say_part(enum together together)
{
    bool was = program.is_together, was_warp = program.is_warp_together;
    unsigned words = program.words.count, doubles = program.doubles.count;

    program.is_together = was && together == AS_BEFORE;
    program.is_warp_together = was_warp && together != APART;
    program.depth++;
    say_block();
    program.depth--;
    program.is_together = was;
    program.is_warp_together = was_warp;
    program.words.count = words;
    program.doubles.count = doubles;
}

/* Sets %pc for threads that are alike. */
static void say_condition(char letter)
{
    static const char *const comparisons[] = {"lt.u32", "eq.u32", "gt.s32", "ne.u32"};

    say("setp.%s %%pc, %%%c%u, ", ONE_OF(comparisons), letter, choose(3));
    say_template("V; ");
}

/* Sets %pc by where a thread stands: often so that all of a warp are on one side. */
static void say_edge(void)
{
    static const char *const comparisons[] = {"lt.u32", "le.u32", "gt.u32", "ge.u32", "eq.u32",
                                              "ne.u32", "lt.s32", "le.s32", "gt.s32", "ge.s32",
                                              "eq.s32", "lo.u32", "hs.u32", "ne.s32"};
    static const char *const operands[] = {"L, V; ", "V, L; ", "A, I; ", "L, I; ", "I, L; "};

    say("setp.%s %%pc, ", ONE_OF(comparisons));
    if (program.has_linear && choose(4)) {
        say_template(ONE_OF(operands));
    } else if (choose(2)) {
        say("%%me, %u; ", choose(choose(2) ? 32 : 128));
    } else {
        say("%u, %%me; ", 32 * choose(4) + choose(2));
    }
}

static enum together say_branch_condition(void)
{
    unsigned kind = program.in_function ? 3 : choose(6);

    if (kind == 5) {
        say_edge();
        say(choose(2) ? "@%%pc" : "@!%%pc");
        return APART;
    }

    if (kind == 0 && program.is_together) {
        say_condition('u');
        say("@%%pc");
        return AS_BEFORE;
    }
    if (kind == 1 && program.is_together) {
        say(choose(2) ? "mov.u32 %%v, %%warpid; and.b32 %%v, %%v, 1; "
                      : "shr.u32 %%v, %%me, 5; and.b32 %%v, %%v, 1; ");
        say("setp.ne.u32 %%pc, %%v, 0; @%%pc");
        return OF_WARPS;
    }
    if (kind == 1) {
        say_condition('g');
        say("@%%pc");
        return APART;
    }
    if (kind == 2 && program.is_warp_together && program.has_full_warps) {
        say_template(choose(2) ? "vote.sync.any.pred %pc, P, -1; @%pc"
                               : "vote.sync.all.pred %pc, P, -1; @!%pc");
        return OF_WARPS;
    }
    say_template(choose(2) ? "@P" : "@!P");
    return APART;
}

static void branch(void)
{
    unsigned other = ++program.labels, end = ++program.labels;
    enum together together = say_branch_condition();

    say(" bra L%u;\n", other);
    say_part(together);
    if (choose(2)) {
        say("bra L%u;\nL%u:\n", end, other);
        say_part(together);
        say("L%u:\n", end);
    } else {
        say("L%u:\n", other);
    }
}

static void branch_by_table(void)
{
    unsigned labels = program.labels;

    program.labels += 5;
    say("{ T: .branchtargets L%u, L%u, L%u, L%u;\n", labels + 1, labels + 2, labels + 3,
        labels + 1);
    say_template("and.b32 %v, S, 3;");
    say(" brx.idx %%v, T;\n");
    for (unsigned i = 1; i <= 3; i++) {
        say("L%u:\n", labels + i);
        say_part(APART);
        if (choose(3)) {
            say("bra L%u;\n", labels + 4); /* else on to the next one */
        }
    }
    say("L%u: }\n", labels + 4);
}

static void branches(void)
{
    (choose(4) ? branch : branch_by_table)();
}

/* How often it goes round: all threads of a block alike, or each for itself. */
static bool say_counter(unsigned counter)
{
    switch (program.in_function ? 2 * choose(2) : choose(4)) {
    case 0:
        say("mov.u32 %%c%u, %u;\n", counter, choose(4) + 1);
        return true;
    case 1:
        say("and.b32 %%c%u, %%%c%u, 3; add.u32 %%c%u, %%c%u, 1;\n", counter,
            program.is_together ? 'u' : 'k', choose(3), counter, counter);
        return true;
    case 2:
        say_template("and.b32 %v, S, 7;");
        break;
    default:
        say_template("shr.u32 %v, %me, 3; and.b32 %v, %v, 3;");
    }
    say(" add.u32 %%c%u, %%v, 1;\n", counter);
    return false;
}

/* As over a grid: in each round what lies as far on, or near; mostly in more rounds than a turn of
 * a warp has. */
static void say_walk(unsigned label, unsigned counter)
{
    say_template("and.b32 %v, V, 63;");
    say(choose(4) ? " or.b32 %%v, %%v, 4096;" : "");
    say(" .reg .b64 %%to%u, %%by%u; mul.wide.u32 %%by%u, %%v, 4; mul.wide.u32 %%to%u, %%me, 4; "
        "add.s64 %%to%u, %%table, %%to%u; mad.lo.u32 %%c%u, %%c%u, %u, %u;\n",
        label, label, label, label, label, label, counter, counter, 1 + choose(4), choose(12));
}

static void say_step_of_walk(unsigned label)
{
    say_template("ld.global.u32 R, ");
    say("[%%to%u]; add.s64 %%to%u, %%to%u, %%by%u;\n", label, label, label, label);
}

static void loop(void)
{
    unsigned label = program.labels + 1, counter = program.loops++;
    bool is_together = say_counter(counter) && program.is_together;
    bool walks = !program.in_function && choose(3) == 0;

    program.labels += 3;
    program.ways_out[counter] = (struct way_out){.label = label, .is_together = is_together};
    if (walks) {
        say_walk(label, counter);
    }
    say("L%u:\n", label);
    if (walks) {
        say_step_of_walk(label);
    }
    say_part(is_together ? AS_BEFORE : APART);
    say("L%u: sub.u32 %%c%u, %%c%u, 1; setp.ne.u32 %%pc, %%c%u, 0; @%%pc bra L%u;\nL%u:\n",
        label + 1, counter, counter, counter, label, label + 2);
    program.loops--;
}

/* What short ways and rounds compute. */
static const char *const work[] = {
    "mad.lo.u32 R, R, S, S;",
    "add.u32 R, R, S;",
    "xor.b32 R, R, S;",
    "sub.u32 R, S, R;",
    "shr.u32 R, R, S;",
    "selp.b32 R, R, S, P;",
    "setp.lt.s32 P, R, S;",
    "min.s32 R, R, S;",
    "mul.hi.u32 R, R, R;",
    "mad.wide.u32 Q, R, S, Q;",
    "add.s64 Q, Q, Q;",
    "setp.lt.u64 P, Q, Q;",
    "selp.b64 Q, Q, Q, P;",
    "fma.rn.f32 F, F, F, F;",
    "add.f32 F, F, F;",
    "max.f32 F, F, F;",
    "mul.f64 D, D, D;",
    "setp.gt.f32 P, F, F;",
    "not.pred P, P;",
    "shl.b64 Q, Q, S;",
    "bfe.u32 R, S, S, S;",
    "popc.b64 R, Q;",
    "shf.l.wrap.b32 R, R, R, S;",
    "@P add.u32 R, R, 1;",
    "setp.lt.and.s32 P, R, S, P;",
};

/* Of a block or two that compute alone, each thread as often as it comes out: by its own counter;
 * or by one for all, whose next value is copied and read behind the loop, together with the
 * thread's own condition. */
static void rounds(void)
{
    static const char *const ways_back[] = {
        "setp.ne.u32 %s, R, I; and.pred %pc, %s, %t; ",
        "setp.ne.u32 %s, R, I; and.pred %pc, %t, %s; ",
        "setp.gt.s32 %s, R, S; not.pred %t, %t; or.pred %pc, %s, %t; not.pred %pc, %pc; ",
        "setp.ne.and.u32 %pc, R, I, %t; ",
        "and.pred %pc, P, %t; ",
    };
    unsigned label = ++program.labels, end = ++program.labels, counter = program.loops;
    bool is_own = choose(2);

    say("{ .reg .b32 %%y; .reg .pred %%s, %%t; ");
    say_template(is_own ? "and.b32 %y, S, 31; " : "mov.u32 %y, 0; ");
    say("mov.u32 %%c%u, %%y;\nL%u: ", counter, label);
    for (unsigned left = choose(6); left; left--) {
        say_template(ONE_OF(work));
        if (choose(8) == 0) {
            say_template(choose(2) ? " @P" : " @!P");
            say(" bra L%u;", end);
        }
        say(" ");
    }
    if (is_own) {
        say("sub.u32 %%c%u, %%c%u, 1; setp.gt.s32 %%pc, %%c%u, 0; ", counter, counter, counter);
    } else {
        say("add.u32 %%y, %%c%u, 1; setp.lt.u32 %%t, %%y, %u; ", counter, choose(32));
        say_template(ONE_OF(ways_back));
        say("mov.u32 %%c%u, %%y; ", counter);
    }
    if (choose(2)) {
        say("@%%pc bra L%u; L%u:\n", label, end);
    } else {
        say("@!%%pc bra L%u; bra L%u; L%u:\n", end, label, end);
    }
    say_template(choose(2) ? "add.u32 R, R, %y; }\n" : "}\n");
}

/* A short way that some threads of a warp go, to memory of their own: each thread has an element of
 * each size in shared and in global memory, beside its neighbours'. */
static void aside(void)
{
    static const char *const accesses[] = {
        "st.shared.u32 [%s4], R;",
        "ld.shared.u32 R, [%s4];",
        "st.shared.u64 [%s8], Q;",
        "ld.shared.u64 Q, [%s8];",
        "st.shared.u8 [%s1], R;",
        "ld.shared.s8 R, [%s1];",
        "st.shared.u16 [%s2], R;",
        "ld.shared.v2.u32 {R, R}, [%s8];",
        "st.global.u32 [%m4], R;",
        "ld.global.u32 R, [%m4];",
        "st.global.u64 [%m8], Q;",
        "ld.global.u64 Q, [%m8];",
        "st.global.v2.u32 [%m8], {R, R};",
        "ld.global.s16 R, [%m2];",
        "st.global.u16 [%m2], R;",
        "ld.global.u32 R, [%table + 16];",
        "ld.param.u32 R, [n];",
        "st.shared.u32 [%s4], S;",
    };
    static const char *const computations[] = {
        "mad.lo.u32 R, R, S, S;", "add.u32 R, R, S;",       "sub.u32 R, S, R;",
        "shl.b32 R, R, I;",       "mov.u32 R, S;",          "mad.wide.u32 Q, R, S, Q;",
        "xor.b64 Q, Q, Q;",       "fma.rn.f32 F, F, F, F;", "setp.lt.s32 P, R, S;",
        "selp.b32 R, R, S, P;",   "cvt.u64.u32 Q, S;",      "mul.hi.u32 R, R, R;",
    };
    bool is_any = choose(8) == 0; /* else of what stays such a way */
    unsigned end = ++program.labels;

    if (choose(2)) {
        say_edge();
        say(choose(2) ? "@%%pc" : "@!%%pc");
    } else {
        say_template(choose(2) ? "@P" : "@!P");
    }
    say(" bra L%u;\n", end);
    for (unsigned left = 1 + choose(4); left; left--) {
        say_template(choose(2) ? ONE_OF(accesses) : is_any ? ONE_OF(work) : ONE_OF(computations));
        say(" ");
    }
    say("\nL%u:\n", end);
}

/* Out of one or several loops, or to their next rounds: all threads, or those that need not come
 * back together. */
static void way_out(void)
{
    unsigned first = 0, from;

    while (first < program.loops && program.ways_out[first].is_together) {
        first++;
    }
    if (program.loops == 0 || (first == program.loops && !program.is_together)) {
        return;
    }
    if (first == program.loops) {
        say_condition('u');
        say("@%%pc");
        first = 0;
    } else {
        say_template(choose(2) ? "@P" : "@!P");
    }
    from = first + choose(program.loops - first);
    say(" bra L%u;\n", program.ways_out[from].label + 1 + choose(2));
}

/* Threads that end; what lanes do together was before. */
static void end_of_some(void)
{
    if (program.loops == 0 || !program.has_full_warps) {
        say_template(choose(2) ? "@P exit;\n" : "@!P ret;\n");
        program.has_full_warps = false;
    }
}

static void call(void)
{
    say_computation("call (R), f, (S, R);");
}

/* As nvcc has it: a way that no thread goes, to what ends the kernel. */
static void assertion(void)
{
    unsigned label = ++program.labels;

    say("{ .param .b64 a, b, c, d; .param .b32 l; .reg .b64 %%y; setp.lt.u32 %%pc, %%me, 5000; "
        "@%%pc bra L%u; mov.u64 %%y, text; st.param.b64 [a], %%y; st.param.b64 [b], %%y; "
        "st.param.b64 [c], %%y; st.param.b64 [d], %%y; st.param.b32 [l], 1; "
        "call __assertfail, (a, b, l, c, d); trap; L%u: }\n",
        label, label);
}

/* ---- All of them ---- */

static const struct kind {
    void (*say)(void);
    unsigned weight;
    bool is_of_entry, nests;
} kinds[SAY_KINDS] = {
    [SAY_INTEGERS] = {integers, 8, false, false},
    [SAY_WIDE] = {wide, 5, false, false},
    [SAY_FLOATS] = {floats, 4, false, false},
    [SAY_HALVES] = {halves, 3, false, false},
    [SAY_ALIKE] = {alike, 4, true, false},
    [SAY_STEPS] = {steps, 6, true, false},
    [SAY_OWN_MEMORY] = {own_memory, 4, true, false},
    [SAY_LOCAL_MEMORY] = {local_memory, 2, true, false},
    [SAY_GATHER] = {gather, 2, true, false},
    [SAY_TABLE] = {read_table, 2, true, false},
    [SAY_SUM] = {sum, 2, true, false},
    [SAY_SHARED_SUM] = {shared_sum, 3, true, false},
    [SAY_MEETING] = {meeting, 4, true, false},
    [SAY_EXCHANGE] = {exchange, 2, true, false},
    [SAY_PRODUCT] = {product_of_tiles, 1, true, false},
    [SAY_BRANCH] = {branches, 5, false, true},
    [SAY_LOOP] = {loop, 5, false, true},
    [SAY_ROUNDS] = {rounds, 4, false, true},
    [SAY_ASIDE] = {aside, 5, true, true},
    [SAY_WAY_OUT] = {way_out, 4, false, false},
    [SAY_EXIT] = {end_of_some, 1, true, false},
    [SAY_CALL] = {call, 2, true, false},
    [SAY_ASSERTION] = {assertion, 1, true, false},
};

bool has_kind(enum statement kind)
{
    return program.kinds >> kind & 1;
}

static unsigned weight_now(enum statement kind)
{
    bool is_there = has_kind(kind) && !(kinds[kind].is_of_entry && program.in_function) &&
                    !(kinds[kind].nests && program.depth == DEPTH_MAX) &&
                    (program.is_together || (kind != SAY_EXCHANGE && kind != SAY_PRODUCT)) &&
                    (program.is_warp_together || kind != SAY_MEETING) &&
                    (program.loops || kind != SAY_WAY_OUT) &&
                    (program.has_function || kind != SAY_CALL);

    return is_there ? kinds[kind].weight : 0;
}

static void say_statement(void)
{
    unsigned total = 0, chosen, kind = 0;

    for (unsigned i = 0; i < SAY_KINDS; i++) {
        total += weight_now(i);
    }
    chosen = choose(total ? total : 1);
    while (kind + 1 < SAY_KINDS && chosen >= weight_now(kind)) {
        chosen -= weight_now(kind++);
    }
    (weight_now(kind) ? kinds[kind].say : integers)();
}

void say_block(void)
{
    for (unsigned left = choose(5) + 1; left && program.statements; left--) {
        program.statements--;
        say_statement();
    }
}
