#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# libcuda.so.1 of the CPU device, as programs find it: its names, and one that is linked with it.

set -u

build=${BAREGPU_BUILD:-build}
library=$build/host/cuda-cpu/libcuda.so.1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
failed=0

# result STATUS WHAT
result() {
    count=$((count + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $count - $2"
    else
        echo "not ok $count - $2"
        sed 's/^/# /' "$work/out" "$work/err"
        failed=1
    fi
}

# compile HEADER NAME OPTION...
compile() {
    header=$1 name=$2
    shift 2
    "${CC:-cc}" "$@" "-DCUDA_HEADER=\"$header\"" tests/system/cuda_library.c -o "$work/$name" \
        -L"${library%/*}" -l:libcuda.so.1 > "$work/out" 2> "$work/err"
}

# run VARIABLE=VALUE... NAME FILE
run() {
    env LD_LIBRARY_PATH="${library%/*}" "$@" > "$work/out" 2> "$work/err"
}

cat > "$work/multiply.ptx" << 'END'
.version 7.0
.target sm_70
.address_size 64
.visible .entry multiply(.param .u64 c, .param .u64 a, .param .u64 b, .param .u32 n)
{
    .shared .align 4 .f32 tile_a[256], tile_b[256];
    .reg .pred %p;
    .reg .b32 %r<20>;
    .reg .b64 %rd<12>;
    .reg .f32 %f<4>;

    ld.param.u64 %rd1, [c];
    ld.param.u64 %rd2, [a];
    ld.param.u64 %rd3, [b];
    ld.param.u32 %r1, [n];
    mov.u32 %r2, %tid.x;
    mov.u32 %r3, %tid.y;
    mov.u32 %r4, %ctaid.x;
    mov.u32 %r5, %ctaid.y;
    mad.lo.u32 %r6, %r5, 16, %r3;   // row
    mad.lo.u32 %r7, %r4, 16, %r2;   // column
    mad.lo.u32 %r8, %r3, 16, %r2;   // in a tile
    shl.b32 %r8, %r8, 2;
    mov.u32 %r9, tile_a;
    mov.u32 %r10, tile_b;
    add.u32 %r11, %r9, %r8;
    add.u32 %r12, %r10, %r8;
    shl.b32 %r13, %r3, 6;
    add.u32 %r13, %r13, %r9;        // the tile's row of a
    shl.b32 %r14, %r2, 2;
    add.u32 %r14, %r14, %r10;       // and its column of b
    mov.f32 %f1, 0f00000000;
    mov.u32 %r15, 0;
TILE:
    add.u32 %r16, %r15, %r2;
    mad.lo.u32 %r16, %r6, %r1, %r16;
    mul.wide.u32 %rd4, %r16, 4;
    add.s64 %rd4, %rd4, %rd2;
    ld.global.f32 %f2, [%rd4];
    st.shared.f32 [%r11], %f2;
    add.u32 %r16, %r15, %r3;
    mad.lo.u32 %r16, %r16, %r1, %r7;
    mul.wide.u32 %rd4, %r16, 4;
    add.s64 %rd4, %rd4, %rd3;
    ld.global.f32 %f2, [%rd4];
    st.shared.f32 [%r12], %f2;
    bar.sync 0;
    mov.u32 %r17, 0;
    mov.u32 %r18, %r13;
    mov.u32 %r19, %r14;
PRODUCT:
    ld.shared.f32 %f2, [%r18];
    ld.shared.f32 %f3, [%r19];
    fma.rn.f32 %f1, %f2, %f3, %f1;
    add.u32 %r18, %r18, 4;
    add.u32 %r19, %r19, 64;
    add.u32 %r17, %r17, 1;
    setp.lt.u32 %p, %r17, 16;
    @%p bra PRODUCT;
    bar.sync 0;
    add.u32 %r15, %r15, 16;
    setp.lt.u32 %p, %r15, %r1;
    @%p bra TILE;
    mad.lo.u32 %r16, %r6, %r1, %r7;
    mul.wide.u32 %rd4, %r16, 4;
    add.s64 %rd4, %rd4, %rd1;
    st.global.f32 [%rd4], %f1;
    ret;
}
END
printf '.version 7.0\n.target sm_70\n.address_size 64\n.visible .entry multiply() {\n  nothing;\n}\n' \
    > "$work/wrong.ptx"

echo 1..9
nm -D --defined-only "$library" > "$work/out" 2> "$work/err"
grep -q ' T cuMemAlloc_v2$' "$work/out" && ! grep -v ' T cu\(daCpu\)\?[A-Z]' "$work/out" > /dev/null
result $? "its names are the driver's alone"
objdump -p "$library" > "$work/out" 2> "$work/err"
grep -q 'SONAME *libcuda.so.1$' "$work/out"
result $? "it is called libcuda.so.1"
sed -n 's/^CUresult \(cu[A-Za-z0-9_]*\)(.*/\1/p' protocol/cuda.h | sort -u > "$work/declared"
sed -n '/^## What works/,/^## What is `CUDA/p' docs/cuda-driver.md |
    grep -o '\bcu[A-Z][A-Za-z0-9_]*' | sort -u > "$work/told"
diff "$work/declared" "$work/told" > "$work/out" 2> "$work/err"
result $? "docs/cuda-driver.md names what cuda.h declares"
compile cuda.h ours -Iprotocol
result $? "a program is compiled against our cuda.h"
for threads in 0 1 3; do
    run BAREGPU_CUDA_THREADS=$threads "$work/ours" "$work/multiply.ptx" &&
        grep -q '^right, on .*, 9.x$' "$work/out"
    result $? "it computes, with $threads threads"
done
run BAREGPU_CUDA_ARCH=75 "$work/ours" "$work/wrong.ptx"
[ $? -eq 1 ] && grep -q '^5:3: error: ' "$work/err" && grep -q CUDA_ERROR_INVALID_PTX "$work/err"
result $? "wrong PTX is an error, and where"
toolkit=
for nvcc in "${NVCC:-}" "${CUDA_HOME:-}/bin/nvcc" /usr/local/cuda/bin/nvcc \
    "$(command -v nvcc || true)"; do
    if [ -z "$toolkit" ] && [ -x "$nvcc" ]; then
        toolkit=${nvcc%/bin/nvcc}
    fi
done
if [ -n "$toolkit" ] && [ -e "$toolkit/include/cuda.h" ]; then
    compile cuda.h theirs -I"$toolkit/include" &&
        run "$work/theirs" "$work/multiply.ptx" && grep -q '^right' "$work/out"
    result $? "a program that is compiled against the toolkit's"
else
    count=$((count + 1))
    echo "ok $count - a program that is compiled against the toolkit's # SKIP no toolkit"
fi
exit $failed
