/* SPDX-License-Identifier: BSD-2-Clause */
/* Statements that compute: ptx_statements.h. */
#include "tests/fuzz/ptx_linear.h"
#include "tests/fuzz/ptx_statements.h"
#include "tests/fuzz/ptx_text.h"

void say_integers(void)
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
        "or.b32 %l, S, 0x40000000; sub.u32 %v, %l, 1; div.u32 T, %v, %l;",
        "bfe.u32 %l, S, 1, 31; sub.s32 %v, 1, %l; rem.s32 T, %v, %l;",
        "bfe.u32 %l, S, 3, 16; bfe.u32 %v, R, 0, 16; mul.lo.u32 %v, %v, %l; div.u32 T, %v, %l;",
        "abs.s32 T, R;",
        "popc.b32 T, S;",
        "clz.b32 T, S;",
        "brev.b32 T, R;",
        "bfe.u32 T, S, S, S;",
        "bfi.b32 T, R, R, S, S;",
        "prmt.b32 T, R, R, S;",
        "lop3.b32 T, R, S, R, 0x6c;",
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

void say_wide(void)
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
void say_floats(void)
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

void say_halves(void)
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
void say_alike(void)
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
void say_steps(void)
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
        say_integers();
    } else if (choose(2)) {
        say_template(ONE_OF(templates));
        say("\n");
    } else {
        for (unsigned left = 1 + choose(3); left; left--) {
            value_of_thread();
        }
    }
}
