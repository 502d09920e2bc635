/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c tests/models/ptx/*.c) tests/unit/cuda-cpu/ptx_kernel.c
// cflags: -frounding-math
/* The reference interpreter, one instruction after the other, with known answers. */
#include <fenv.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/models/ptx/float.h"
#include "tests/unit/cuda-cpu/ptx_kernel.h"

static void test_integers(void **state)
{
    static const struct example examples[] = {
        {"add.s32 %r0, 0x7fffffff, 1;", "%r0", 0x80000000},
        {"add.sat.s32 %r0, 0x7fffffff, 1;", "%r0", 0x7fffffff},
        {"sub.sat.s32 %r0, -2147483648, 1;", "%r0", 0x80000000},
        {"add.u16x2 %r0, 0xffff0001, 0x00020002;", "%r0", 0x00010003},
        {"add.cc.u32 %r1, 0xffffffff, 1; addc.u32 %r0, 5, 6;", "%r0", 12},
        {"add.cc.u64 %rd1, -1, 0; addc.u64 %rd0, 5, 6;", "%rd0", 11},
        {"sub.cc.u32 %r1, 0, 1; subc.u32 %r0, 5, 2;", "%r0", 2},
        {"sub.cc.u32 %r1, 0, 1; addc.u32 %r0, 5, 0;", "%r0", 5},
        {"sub.cc.u64 %rd1, 1, 1; addc.u64 %rd0, 5, 0;", "%rd0", 6},
        {"mad.lo.cc.u32 %r1, 0x10000, 0xffff, 0x10000; madc.hi.u32 %r0, 1, 1, 7;", "%r0", 8},
        {"mul.hi.u32 %r0, 0xffffffff, 0xffffffff;", "%r0", 0xfffffffe},
        {"mul.hi.s32 %r0, -1, 3;", "%r0", 0xffffffff},
        {"mul.hi.s64 %rd0, 0x8000000000000000, 0x8000000000000000;", "%rd0", 1ULL << 62},
        {"mul.hi.u64 %rd0, -1, -1;", "%rd0", UINT64_MAX - 1},
        {"mul.wide.s16 %r0, -300, 300;", "%r0", (uint32_t)-90000},
        {"mad.wide.u32 %rd0, 0xffffffff, 2, 3;", "%rd0", 0x200000001},
        {"mad.hi.sat.s32 %r0, 0x40000000, 0x7fffffff, 0x7fffffff;", "%r0", 0x7fffffff},
        {"mul24.hi.s32 %r0, 0xffffff, 2;", "%r0", 0xffffffff},
        {"mad24.lo.u32 %r0, 0xff000003, 5, 1;", "%r0", 16},
        {"div.s32 %r0, -7, 2;", "%r0", (uint32_t)-3},
        {"rem.s64 %rd0, -7, 2;", "%rd0", UINT64_MAX},
        {"div.s32 %r0, -2147483648, -1;", "%r0", 0x80000000},
        {"div.u16 %h0, 60000, 7;", "%h0", 8571},
        {"abs.s16 %h0, -32768;", "%h0", 0x8000},
        {"neg.s64 %rd0, 1;", "%rd0", UINT64_MAX},
        {"min.u32 %r0, -1, 1;", "%r0", 1},
        {"min.s32 %r0, -1, 1;", "%r0", 0xffffffff},
        {"max.relu.s16x2 %r0, 0xffff0001, 0xfffe0002;", "%r0", 0x00000002},
        {"sad.u32 %r0, 3, 10, 100;", "%r0", 107},
        {"dp4a.s32.u32 %r0, 0xff010203, 0x01020304, 100;", "%r0", 100 - 1 + 2 + 6 + 12},
        {"dp2a.hi.u32.u32 %r0, 0x00030002, 0x05040000, 1;", "%r0", 1 + 8 + 15},
    };

    (void)state;
    RUN_EXAMPLES(examples);
}

static void test_bits(void **state)
{
    static const struct example examples[] = {
        {"and.b64 %rd0, 12, 10;", "%rd0", 8},
        {"or.b16 %h0, 12, 10;", "%h0", 14},
        {"xor.b32 %r0, 12, 10;", "%r0", 6},
        {"not.b32 %r0, 0;", "%r0", 0xffffffff},
        {"cnot.b32 %r0, 0;", "%r0", 1},
        {"setp.eq.s32 %p1, 1, 1; not.pred %p0, %p1;", "%p0", 0},
        {"setp.eq.s32 %p1, 1, 1; and.pred %p0, !%p1, %p1;", "%p0", 0},
        {"shl.b32 %r0, 1, 32;", "%r0", 0},
        {"shl.b64 %rd0, 1, 63;", "%rd0", 1ULL << 63},
        {"shr.s16 %h0, -32768, 100;", "%h0", 0xffff},
        {"shr.u32 %r0, 0x80000000, 31;", "%r0", 1},
        {"shf.l.wrap.b32 %r0, 0x12345678, 0x9abcdef0, 44;", "%r0", 0xcdef0123},
        {"shf.r.clamp.b32 %r0, 0x12345678, 0x9abcdef0, 44;", "%r0", 0x9abcdef0},
        {"popc.b64 %r0, -1;", "%r0", 64},
        {"clz.b32 %r0, 0;", "%r0", 32},
        {"clz.b64 %r0, 1;", "%r0", 63},
        {"brev.b32 %r0, 1;", "%r0", 0x80000000},
        {"bfind.s32 %r0, -2;", "%r0", 0},
        {"bfind.shiftamt.u64 %r0, 1;", "%r0", 63},
        {"bfind.u32 %r0, 0;", "%r0", 0xffffffff},
        {"fns.b32 %r0, 0xaaaaaaaa, 3, 1;", "%r0", 3},
        {"fns.b32 %r0, 0xaaaaaaaa, 2, -1;", "%r0", 1},
        {"bfe.u32 %r0, 0xf8c122a0, 16, 8;", "%r0", 0xc1},
        {"bfe.s32 %r0, 0x80, 4, 4;", "%r0", 0xfffffff8},
        {"bfe.s32 %r0, 0x80000000, 40, 4;", "%r0", 0xffffffff},
        {"bfi.b32 %r0, 0xff, 0, 28, 8;", "%r0", 0xf0000000},
        {"bmsk.clamp.b32 %r0, 24, 12;", "%r0", 0xff000000},
        {"bmsk.wrap.b32 %r0, 1, 2;", "%r0", 6},
        {"szext.wrap.s32 %r0, 0xff, 8;", "%r0", 0xffffffff},
        {"szext.clamp.u32 %r0, 0xff, 4;", "%r0", 0xf},
        {"prmt.b32 %r0, 0x70c507d6, 0x6fbd4b5c, 30212;", "%r0", 0x6fbdd65c},
        {"prmt.b32.b4e %r0, 0x33221100, 0x77665544, 1;", "%r0", 0x66770011},
        {"prmt.b32.ecl %r0, 0x33221100, 0, 1;", "%r0", 0x33221111},
        {"lop3.b32 %r0, 0xf0, 0xcc, 0xaa, 0x80;", "%r0", 0x80},
        {"setp.ne.s32 %p1, 0, 0; lop3.or.b32 %r0|%p0, 1, 1, 1, 0x80, %p1;", "%p0", 1},
    };

    (void)state;
    RUN_EXAMPLES(examples);
}

static void test_comparisons(void **state)
{
    static const struct example examples[] = {
        {"setp.lt.s32 %p0, -1, 1;", "%p0", 1},
        {"setp.lo.u32 %p0, -1, 1;", "%p0", 0},
        {"setp.lt.s32 %p1|%p0, -1, 1;", "%p0", 0},
        {"setp.eq.s32 %p1, 0, 0; setp.eq.and.s32 %p0, 1, 1, !%p1;", "%p0", 0},
        {"setp.eq.f32 %p0, 0f7fc00000, 0f7fc00000;", "%p0", 0},
        {"setp.neu.f32 %p0, 0f7fc00000, 0f00000000;", "%p0", 1},
        {"setp.ne.f64 %p0, 0d7ff8000000000000, 0d0000000000000000;", "%p0", 0},
        {"setp.eq.ftz.f32 %p0, 0f00000001, 0f80000000;", "%p0", 1},
        {"setp.gt.f16 %p0, 0x3c00, 0xbc00;", "%p0", 1},
        {"setp.gt.f16x2 %p1|%p0, 0x3c000000, 0;", "%p0", 1},
        {"set.lt.u32.s32 %r0, 1, 2;", "%r0", 0xffffffff},
        {"set.lt.f32.s32 %f0, 1, 2;", "%f0", 0x3f800000},
        {"set.gt.f16x2.f16x2 %r0, 0x3c000000, 0x00000000;", "%r0", 0x3c000000},
        {"setp.eq.s32 %p1, 0, 1; selp.b64 %rd0, 1, 2, %p1;", "%rd0", 2},
        {"slct.b32.s32 %r0, 1, 2, -1;", "%r0", 2},
        {"slct.b32.f32 %r0, 1, 2, 0f80000000;", "%r0", 1},
        {"testp.subnormal.f32 %p0, 0f00000001;", "%p0", 1},
        {"testp.normal.f64 %p0, 0d0000000000000000;", "%p0", 1},
    };

    (void)state;
    RUN_EXAMPLES(examples);
}

static void test_floats(void **state)
{
    static const struct example examples[] = {
        {"add.f32 %f0, 0f3f800000, 0f33800000;", "%f0", 0x3f800000},
        {"add.rp.f32 %f0, 0f3f800000, 0f33800000;", "%f0", 0x3f800001},
        {"add.rm.f32 %f0, 0f3f800000, 0fbf800000;", "%f0", 0x80000000},
        {"sub.f32 %f0, 0f7f800000, 0f7f800000;", "%f0", 0x7fffffff},
        {"mul.ftz.f32 %f0, 0f80c00000, 0f3f000000;", "%f0", 0x80000000},
        {"mul.f32 %f0, 0f80c00000, 0f3f000000;", "%f0", 0x80600000},
        {"mul.rz.f32 %f0, 0f7f7fffff, 0f40000000;", "%f0", 0x7f7fffff},
        {"add.sat.f32 %f0, 0f7fc00000, 0f40000000;", "%f0", 0},
        {"add.sat.f32 %f0, 0f3f800000, 0f40000000;", "%f0", 0x3f800000},
        {"fma.rn.f32 %f0, 0f3f800001, 0f3f800001, 0fbf800002;", "%f0", 0x28800000},
        {"div.rn.f32 %f0, 0f3f800000, 0f40400000;", "%f0", 0x3eaaaaab},
        {"div.rz.f64 %d0, 0d3ff0000000000000, 0d4008000000000000;", "%d0", 0x3fd5555555555555},
        {"div.rp.f64 %d0, 0d3ff0000000000000, 0d4008000000000000;", "%d0", 0x3fd5555555555556},
        {"div.approx.f32 %f0, 0f3f800000, 0f7f000000;", "%f0", 0},
        {"rcp.rn.f32 %f0, 0f40000000;", "%f0", 0x3f000000},
        {"sqrt.rn.f64 %d0, 0d4010000000000000;", "%d0", 0x4000000000000000},
        {"sqrt.rn.ftz.f32 %f0, 0f00000001;", "%f0", 0},
        {"rsqrt.approx.f64 %d0, 0d3fd0000000000000;", "%d0", 0x4000000000000000},
        {"ex2.approx.f32 %f0, 0f41200000;", "%f0", 0x44800000},
        {"lg2.approx.f32 %f0, 0f44000000;", "%f0", 0x41100000},
        {"sin.approx.f32 %f0, 0f00000000;", "%f0", 0},
        {"tanh.approx.f32 %f0, 0f7f800000;", "%f0", 0x3f800000},
        {"neg.f32 %f0, 0f00000001;", "%f0", 0x80000001},
        {"abs.ftz.f32 %f0, 0f80000001;", "%f0", 0},
        {"copysign.f32 %f0, 0f80000000, 0f3f800000;", "%f0", 0xbf800000},
        {"min.f32 %f0, 0f7fc00000, 0f3f800000;", "%f0", 0x3f800000},
        {"min.NaN.f32 %f0, 0f7fc00000, 0f3f800000;", "%f0", 0x7fffffff},
        {"max.f32 %f0, 0f80000000, 0f00000000;", "%f0", 0},
        {"min.f64 %d0, 0d0000000000000000, 0d8000000000000000;", "%d0", 1ULL << 63},
        {"max.xorsign.abs.f32 %f0, 0fc0000000, 0f3f800000;", "%f0", 0xc0000000},
        {"add.f16 %h0, 0x3c00, 0x1000;", "%h0", 0x3c00},
        {"add.f16 %h0, 0x3c01, 0x1000;", "%h0", 0x3c02},
        {"mul.f16 %h0, 0x0001, 0x3800;", "%h0", 0},
        {"mul.f16 %h0, 0x0002, 0x3c00;", "%h0", 2},
        {"mul.ftz.f16 %h0, 0x8002, 0x3c00;", "%h0", 0x8000},
        {"fma.rn.relu.f16 %h0, 0x3c00, 0xbc00, 0;", "%h0", 0},
        {"fma.rn.bf16x2 %r0, 0x40004040, 0x40404080, 0x40A04040;", "%r0", 0x41304170},
        {"add.bf16 %h0, 0x3f80, 0x3b80;", "%h0", 0x3f80},
        {"max.bf16x2 %r0, 0x3f80ffff, 0x40003f80;", "%r0", 0x40003f80},
    };

    (void)state;
    RUN_EXAMPLES(examples);
}

static void test_conversions(void **state)
{
    static const struct example examples[] = {
        {"mov.b32 %r1, 0x1c2; cvt.s16.s8 %r0, %r1;", "%r0", 0xffffffc2},
        {"cvt.u64.s32 %rd0, -1;", "%rd0", UINT64_MAX},
        {"cvt.u64.u32 %rd0, -1;", "%rd0", 0xffffffff},
        {"cvt.sat.u8.s32 %r0, 300;", "%r0", 255},
        {"cvt.sat.u32.s32 %r0, -1;", "%r0", 0},
        {"cvt.rni.s32.f32 %r0, 0f40200000;", "%r0", 2},
        {"cvt.rzi.s32.f32 %r0, 0fcf800000;", "%r0", 0x80000000},
        {"cvt.rzi.u32.f32 %r0, 0f7fc00000;", "%r0", 0},
        {"cvt.rzi.s64.f32 %rd0, 0f7fc00000;", "%rd0", 1ULL << 63},
        {"cvt.rpi.s8.f32 %r0, 0fc3000000;", "%r0", 0xffffff80},
        {"cvt.rzi.u64.f64 %rd0, 0d43f0000000000000;", "%rd0", UINT64_MAX},
        {"cvt.rn.f32.u64 %f0, -1;", "%f0", 0x5f800000},
        {"cvt.rz.f32.u64 %f0, -1;", "%f0", 0x5f7fffff},
        {"cvt.rn.f32.s32 %f0, 16777217;", "%f0", 0x4b800000},
        {"cvt.rp.f32.s32 %f0, 16777217;", "%f0", 0x4b800001},
        {"cvt.rz.f64.s64 %d0, 0x20000000000001;", "%d0", 0x4340000000000000},
        {"cvt.rp.f64.s64 %d0, 0x20000000000001;", "%d0", 0x4340000000000001},
        {"cvt.rn.f32.f64 %f0, 0d3810000000000000;", "%f0", 0x00800000},
        {"cvt.rn.ftz.f32.f64 %f0, 0d3800000000000000;", "%f0", 0},
        {"cvt.f64.f32 %d0, 0f3e000000;", "%d0", 0x3fc0000000000000},
        {"cvt.rni.f32.f32 %f0, 0fbf000000;", "%f0", 0x80000000},
        {"cvt.sat.f32.f32 %f0, 0f7fc00000;", "%f0", 0},
        {"cvt.rn.f16.f32 %h0, 0f477ff000;", "%h0", 0x7c00},
        {"cvt.rn.f16.f32 %h0, 0f477fefff;", "%h0", 0x7bff},
        {"cvt.rn.satfinite.f16.f32 %h0, 0f7f800000;", "%h0", 0x7bff},
        {"cvt.rn.f16.f32 %h0, 0f33000000;", "%h0", 0},
        {"cvt.rn.f16.f32 %h0, 0f33000001;", "%h0", 1},
        {"cvt.rn.ftz.f16.f32 %h0, 0f33800000;", "%h0", 1},
        {"cvt.ftz.f32.f16 %f0, 0x0001;", "%f0", 0x33800000},
        {"cvt.ftz.f64.f32 %d0, 0f80000001;", "%d0", 1ULL << 63},
        {"cvt.f32.f16 %f0, 0x0001;", "%f0", 0x33800000},
        {"cvt.rn.bf16.f32 %h0, 0f7f7fffff;", "%h0", 0x7f80},
        {"cvt.rn.f16x2.f32 %r0, 0f3f800000, 0f40000000;", "%r0", 0x3c004000},
        {"cvt.rna.tf32.f32 %r0, 0f3f801000;", "%r0", 0x3f802000},
        {"cvt.rn.satfinite.e4m3x2.f32 %h0, 0f3ed00000, 0f7f800000;", "%h0", 0x2d7e},
        {"cvt.rn.f16x2.e5m2x2 %r0, 0x36ed;", "%r0", 0x3600ed00},
        {"cvt.pack.sat.u8.s32.b32 %r0, 300, -5, 0x1234;", "%r0", 0x1234ff00},
        {"cvt.pack.sat.s16.s32 %r0, 100000, -5;", "%r0", 0x7ffffffb},
    };

    (void)state;
    RUN_EXAMPLES(examples);
}

static void test_video(void **state)
{
    static const struct example examples[] = {
        {"mov.b32 %r1, 0x8000ff7f; vadd.s32.s32.s32 %r0, %r1.b0, %r1.b1;", "%r0", 126},
        {"mov.b32 %r1, 0x8000ff7f; vadd.s32.u32.u32.sat %r0.b3, %r1.b1, %r1.b1, 0;", "%r0",
         0x7f000000},
        {"mov.b32 %r1, 3; vsub.u32.u32.u32.sat %r0, %r1, 5;", "%r0", 0},
        {"mov.b32 %r1, 3; vabsdiff.u32.u32.u32.add %r0, %r1, 5, 10;", "%r0", 12},
        {"vmin.s32.s32.s32.max %r0, -1, 5, -7;", "%r0", 0xffffffff},
        {"vset.s32.s32.lt.add %r0, -1, 5, 10;", "%r0", 11},
        {"vshr.s32.s32.u32.clamp %r0, -16, 100;", "%r0", 0xffffffff},
        {"vshl.u32.u32.u32.sat.wrap %r0, 3, 31;", "%r0", 0xffffffff},
        {"mov.b32 %r1, 10; vmad.s32.s32.u32 %r0, -%r1, %r1, 1;", "%r0", (uint32_t)-99},
        {"vmad.u32.u32.u32.po.shr7 %r0, 127, 1, 0;", "%r0", 1},
        {"vadd2.s32.s32.s32.sat %r0, 0x7fff0001, 0x0001ffff, 0;", "%r0", 0x7fff0000},
        {"mov.b32 %r1, 0x00020001; vadd2.u32.u32.u32 %r0.h1, %r1.h01, %r1.h22, 5;", "%r0",
         0x00020005},
        {"vabsdiff4.u32.u32.u32.add %r0, 0x01020304, 0x04030201, 100;", "%r0", 108},
        {"vavrg4.s32.s32.s32 %r0, 0xff000102, 0xfe000304, 0;", "%r0", 0xfe000203},
        {"vset4.u32.u32.ge %r0, 0x01020304, 0x04030201, 0;", "%r0", 0x00000101},
        {".reg .v2 .b32 %v; mov.b32 %v.y, 7; vadd.u32.u32.u32 %r0, %v.y, %ntid.y;", "%r0", 8},
        {"vadd4.u32.u32.u32 %r0, %ntid.y, 0x01020304, 0;", "%r0", 0x01020305},
    };

    (void)state;
    RUN_EXAMPLES(examples);
}

static void test_moves(void **state)
{
    static const struct example examples[] = {
        {"mov.b64 %rd1, 0x1122334455667788; mov.b64 {%r1, %r0}, %rd1;", "%r0", 0x11223344},
        {"mov.b32 %r0, {%h1, %h2};", "%r0", 0},
        {"mov.b16 %h1, 1; mov.b16 %h2, 2; mov.b32 %r0, {%h1, %h2};", "%r0", 0x20001},
        {"mov.b64 %rd1, 5; mov.b128 %q0, {%rd1, %rd1}; mov.b128 {_, %rd0}, %q0;", "%rd0", 5},
        {".reg .v4 .u32 %v; mov.u32 %v.y, 7; mov.u32 %r0, %v.y;", "%r0", 7},
        {".shared .align 8 .b8 s[16]; st.shared.v2.u32 [s+8], {3, 4}; ld.shared.u32 %r0, [s+12];",
         "%r0", 4},
        {".shared .u32 s[4]; mov.u64 %rd1, s; cvta.shared.u64 %rd2, %rd1; st.u32 [%rd2+4], 9; "
         "ld.shared.u32 %r0, [%rd1+4];",
         "%r0", 9},
        {".local .u32 l[4]; mov.u64 %rd1, l; cvta.local.u64 %rd2, %rd1; st.u32 [%rd2], 9; "
         "cvta.to.local.u64 %rd3, %rd2; ld.local.u32 %r0, [%rd3];",
         "%r0", 9},
        {".shared .u32 s; cvta.shared.u64 %rd1, s; isspacep.shared %p0, %rd1;", "%p0", 1},
        {".shared .u32 s; cvta.shared.u64 %rd1, s; isspacep.local %p0, %rd1;", "%p0", 0},
        {"isspacep.global %p0, %rd19;", "%p0", 1},
        {".shared .b8 s[4]; st.shared.u8 [s], 0xff; ld.shared.s8 %r0, [s];", "%r0", 0xffffffff},
        {"alloca.u64 %rd1, 16; st.local.u64 [%rd1+8], 3; ld.local.u64 %rd0, [%rd1+8];", "%rd0", 3},
        {"mov.u32 %r0, %ntid.y;", "%r0", 1},
        {"mov.u32 %r0, WARP_SZ;", "%r0", 32},
    };

    (void)state;
    RUN_EXAMPLES(examples);
}

/* ---- Formats, against the host's own arithmetic ---- */

static uint64_t random_bits(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static float float_of(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return value != value ? 0x7fffffff : bits;
}

static uint32_t host_result(enum ptx_opcode opcode, int mode, float a, float b, float c)
{
    volatile float x = a, y = b, z = c, result;

    fesetround(mode);
    switch (opcode) {
    case PTX_ADD:
        result = x + y;
        break;
    case PTX_MUL:
        result = x * y;
        break;
    case PTX_DIV:
        result = x / y;
        break;
    case PTX_SQRT:
        result = sqrtf(x);
        break;
    default:
        result = fmaf(x, y, z);
    }
    fesetround(FE_TONEAREST);
    return bits_of(result);
}

static void compare_with_host(enum ptx_opcode opcode, uint32_t a, uint32_t b, uint32_t c)
{
    static const int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};

    for (enum rounding rounding = ROUND_NEAREST; rounding <= ROUND_UP; rounding++) {
        double value = compute(opcode, PTX_W_F32, rounding, decode(PTX_W_F32, a),
                               decode(PTX_W_F32, b), decode(PTX_W_F32, c));
        uint64_t bits = encode(value, PTX_W_F32, rounding);
        uint32_t expected =
            host_result(opcode, modes[rounding], float_of(a), float_of(b), float_of(c));

        if (bits != expected) {
            print_error("%s in mode %d of %#x %#x %#x: %#llx, not %#x\n", ptx_opcode_name(opcode),
                        rounding, a, b, c, (unsigned long long)bits, expected);
            fail();
        }
    }
}

/* Exponents near each other, so that sums cancel. */
static uint32_t near(uint32_t bits, uint64_t random)
{
    return random & 1 ? (uint32_t)(random >> 32) : bits ^ (uint32_t)(random >> 40);
}

static void test_rounding_is_the_hosts(void **state)
{
    static const enum ptx_opcode opcodes[] = {PTX_ADD, PTX_MUL, PTX_DIV, PTX_SQRT, PTX_FMA};
    uint64_t seed = 1;

    (void)state;
    for (int i = 0; i < 40000; i++) {
        uint32_t a = (uint32_t)(random_bits(&seed) >> 16);
        uint32_t b = near(a, random_bits(&seed));
        uint32_t c = near(a, random_bits(&seed));

        compare_with_host(opcodes[i % 5], a, b, c);
    }
}

/* Every half is its own rounding, and what lies between two goes to the even one. */
static void test_halves_are_exact(void **state)
{
    static const enum ptx_word types[] = {PTX_W_F16, PTX_W_BF16};

    (void)state;
    for (int t = 0; t < 2; t++) {
        for (uint32_t bits = 0; bits < 0x7bff; bits++) {
            double here = decode(types[t], bits), next = decode(types[t], bits + 1);
            double middle = here + (next - here) / 2;

            if (isnan(next) || isinf(next)) {
                break;
            }
            assert_int_equal(encode(here, types[t], ROUND_NEAREST), bits);
            assert_int_equal(encode(-here, types[t], ROUND_UP), bits | 0x8000);
            assert_int_equal(encode(middle, types[t], ROUND_NEAREST), bits + (bits & 1));
            assert_int_equal(encode(middle, types[t], ROUND_ZERO), bits);
            assert_int_equal(encode(middle, types[t], ROUND_UP), bits + 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_integers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_comparisons, setup, teardown),
        cmocka_unit_test_setup_teardown(test_floats, setup, teardown),
        cmocka_unit_test_setup_teardown(test_conversions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_video, setup, teardown),
        cmocka_unit_test_setup_teardown(test_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rounding_is_the_hosts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_halves_are_exact, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
