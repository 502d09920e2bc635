/* SPDX-License-Identifier: BSD-2-Clause */
/* Where threads meet, and ways that they go: ptx_statements.h. */
#include "tests/fuzz/ptx_statements.h"
#include "tests/fuzz/ptx_text.h"

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

/* Sets the condition for threads that are alike. */
static void say_condition(char letter)
{
    static const char *const comparisons[] = {"lt.u32", "eq.u32", "gt.s32", "ne.u32"};

    begin_condition();
    say("setp.%s %s, %%%c%u, ", ONE_OF(comparisons), program.condition, letter, choose(3));
    say_template("V; ");
}

/* On a way that all threads go, or none: what was set before is read there behind the barrier, and
 * not where the way ends. */
static void meet_aside(void)
{
    static const char *const settings[] = {
        "mad.lo.u32 %y, R, S, S; ",
        "add.u32 %y, %me, I; ",
        "mov.b32 %y, U; ",
    };
    unsigned other = ++program.labels, end = ++program.labels;

    say("{ .reg .b32 %%y; ");
    say_template(ONE_OF(settings));
    say_condition('u');
    if (choose(2)) {
        say("@%s bra L%u; ", program.condition, end);
    } else {
        say("@%s bra L%u; bra L%u; L%u: ", program.condition, other, end, other);
    }
    say_template("bar.sync 0; xor.b32 R, R, %y; ");
    say("L%u: }\n", end);
}

void say_meeting(void)
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
    } else if (program.is_together && choose(4) == 0) {
        meet_aside();
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

/* Sets the condition by where a thread stands: often so that all of a warp are on one side. */
static void say_edge(void)
{
    static const char *const comparisons[] = {"lt.u32", "le.u32", "gt.u32", "ge.u32", "eq.u32",
                                              "ne.u32", "lt.s32", "le.s32", "gt.s32", "ge.s32",
                                              "eq.s32", "lo.u32", "hs.u32", "ne.s32"};
    static const char *const operands[] = {"L, V; ", "V, L; ", "A, I; ", "L, I; ", "I, L; "};

    begin_condition();
    say("setp.%s %s, ", ONE_OF(comparisons), program.condition);
    if (program.has_linear && choose(4)) {
        say_template(ONE_OF(operands));
    } else {
        unsigned number = choose(3) ? 32 * choose(5) + choose(3) - 1 : choose(128);

        say(choose(2) ? "%%me, %u; " : "%u, %%me; ", number);
    }
}

static enum together say_branch_condition(void)
{
    unsigned kind = program.in_function ? 3 : choose(6);

    if (kind == 5) {
        say_edge();
        say_template(choose(2) ? "@C" : "@!C");
        return APART;
    }
    if (kind == 0 && program.is_together) {
        say_condition('u');
        say_template("@C");
        return AS_BEFORE;
    }
    if (kind == 1 && program.is_together) {
        say(choose(2) ? "mov.u32 %%v, %%warpid; and.b32 %%v, %%v, 1; "
                      : "shr.u32 %%v, %%me, 5; and.b32 %%v, %%v, 1; ");
        begin_condition();
        say_template("setp.ne.u32 C, %v, 0; @C");
        return OF_WARPS;
    }
    if (kind == 1) {
        say_condition('g');
        say_template("@C");
        return APART;
    }
    if (kind == 2 && program.is_warp_together && program.has_full_warps) {
        begin_condition();
        say_template(choose(2) ? "vote.sync.any.pred C, P, -1; @C"
                               : "vote.sync.all.pred C, P, -1; @!C");
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

void say_branches(void)
{
    (choose(4) ? branch : branch_by_table)();
}

/* One that loops of this depth share, or one of its own. */
static unsigned new_counter(unsigned depth)
{
    if (choose(2)) {
        return depth;
    }
    say(".reg .b32 %%c%u; ", DEPTH_MAX + program.counters);
    return DEPTH_MAX + program.counters++;
}

static void say_round_end(unsigned counter, unsigned label)
{
    begin_condition();
    say("sub.u32 %%c%u, %%c%u, 1; setp.ne.u32 %s, %%c%u, 0; @%s bra L%u;\n", counter, counter,
        program.condition, counter, program.condition, label);
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

void say_loop(void)
{
    unsigned label = program.labels + 1, depth = program.loops++, counter = new_counter(depth);
    bool is_together = say_counter(counter) && program.is_together;

    program.labels += 3;
    program.ways_out[depth] = (struct way_out){.label = label, .is_together = is_together};
    say("L%u:\n", label);
    say_part(is_together ? AS_BEFORE : APART);
    say("L%u: ", label + 1);
    say_round_end(counter, label);
    say("L%u:\n", label + 2);
    program.loops--;
}

/* As over a grid: in each round what lies as far on, or near; mostly in more rounds than a turn of
 * a warp has. */
void say_walk(void)
{
    unsigned label = ++program.labels, counter = new_counter(program.loops);

    say_counter(counter);
    say("{ .reg .b64 %%to, %%by; .reg .b32 %%y, %%z; ");
    say_template("and.b32 %y, V, 63;");
    say(" or.b32 %%z, %%y, %u; mul.wide.u32 %%by, %%z, 4; mul.wide.u32 %%to, %%me, 4; "
        "add.s64 %%to, %%table, %%to; mad.lo.u32 %%c%u, %%c%u, %u, %u;\nL%u: ",
        choose(4) ? 4096 : 0, counter, counter, 1 + choose(4), choose(12), label);
    say_template("ld.global.u32 R, [%to]; add.s64 %to, %to, %by; ");
    for (unsigned left = choose(4); left; left--) {
        say_template(ONE_OF(work));
        say(" ");
    }
    say_round_end(counter, label);
    say("}\n");
}

/* Of a block or two that compute alone, each thread as often as it comes out: by its own counter;
 * or by one for all, whose next value is copied and read behind the loop, together with the
 * thread's own condition. */
void say_rounds(void)
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

/* What lies in steps still does, from another start: in those that come here. */
static void move_steps(void)
{
    unsigned number = choose(LINEAR);

    say("add.s32 %%a%u, %%a%u, %u;", number, number, choose_number());
}

/* A short way that some threads of a warp go, to memory of their own: each thread has an element of
 * each size in shared and in global memory, beside its neighbours'. */
void say_aside(void)
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
        say_template(choose(2) ? "@C" : "@!C");
    } else {
        say_template(choose(2) ? "@P" : "@!P");
    }
    say(" bra L%u;\n", end);
    for (unsigned left = 1 + choose(4); left; left--) {
        if (program.has_linear && choose(6) == 0) {
            move_steps();
        } else {
            say_template(choose(2) ? ONE_OF(accesses)
                         : is_any  ? ONE_OF(work)
                                   : ONE_OF(computations));
        }
        say(" ");
    }
    say("\nL%u:\n", end);
}

/* Out of one or several loops, or to their next rounds: all threads, or those that need not come
 * back together. */
void say_way_out(void)
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
        say_template("@C");
        first = 0;
    } else {
        say_template(choose(2) ? "@P" : "@!P");
    }
    from = first + choose(program.loops - first);
    say(" bra L%u;\n", program.ways_out[from].label + 1 + choose(2));
}

/* Threads that end; what lanes do together was before. */
void say_exit(void)
{
    if (program.loops == 0 || !program.has_full_warps) {
        say_template(choose(2) ? "@P exit;\n" : "@!P ret;\n");
        program.has_full_warps = false;
    }
}

void say_call(void)
{
    say_computation("call (R), f, (S, R);");
}

/* As nvcc has it: a way that no thread goes, to what ends the kernel. */
void say_assertion(void)
{
    unsigned label = ++program.labels;

    say("{ .param .b64 a, b, c, d; .param .b32 l; .reg .b64 %%y; setp.lt.u32 %%pc, %%me, 5000; "
        "@%%pc bra L%u; mov.u64 %%y, text; st.param.b64 [a], %%y; st.param.b64 [b], %%y; "
        "st.param.b64 [c], %%y; st.param.b64 [d], %%y; st.param.b32 [l], 1; "
        "call __assertfail, (a, b, l, c, d); trap; L%u: }\n",
        label, label);
}
