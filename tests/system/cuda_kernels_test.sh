#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Kernels from source to result, as a user has them: mk/kernels.sh makes PTX and C by each compiler
# that is here, and the program of tests/guest/cuda runs on the CUDA device on the CPU.

set -u

build=${BAREGPU_BUILD:-build}
libraries=$build/host/cuda-cpu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME="$work/cache"
count=0
failed=0

if ! command -v "${CC:-cc}" > /dev/null || [ ! -e mk/kernels.sh ]; then
    echo "1..0 # SKIP no compiler, or no sources, here"
    exit 0
fi

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

skip() {
    count=$((count + 1))
    echo "ok $count - $1 # SKIP $2"
}

# embed COMPILER: all kernels as C in $work/COMPILER.
embed() {
    mkdir -p "$work/$1"
    for kernels in linear collective numeric; do
        mk/kernels.sh "--$1" "tests/guest/cuda/$kernels.cu" "$work/$1/$kernels.ptx.c" -I. || return 1
    done > "$work/out" 2> "$work/err"
}

link() {
    "${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -Werror -Iprotocol -I. tests/system/cuda_kernels.c \
        tests/guest/cuda/*.c tests/guest/lib/tap.c "$work/$1"/*.c -o "$work/$1/program" \
        -L"$libraries" -l:libcuda.so.1 -lm > "$work/out" 2> "$work/err"
}

run() {
    LD_LIBRARY_PATH=$libraries "$@" > "$work/out" 2> "$work/err" && [ ! -s "$work/err" ]
}

# Every test of the program, and what its kernel printed.
is_right() {
    printed=$(grep -cE '^# block [01], warp [01]: -42 0\.50 text$' "$work/out")
    grep -qx '1\.\.38' "$work/out" && ! grep -q '^not ok' "$work/out" && [ "$printed" = 4 ]
}

echo 1..13
for compiler in clang nvcc; do
    if ! embed "$compiler" && grep -q 'no compiler for CUDA kernels' "$work/err"; then
        for what in "makes PTX" "its C is linked" "right, by threads" "right, at the call"; do
            skip "$compiler: $what" "no $compiler here"
        done
        continue
    fi
    [ -s "$work/$compiler/numeric.ptx.c" ] && [ ! -s "$work/err" ]
    result $? "$compiler: makes PTX"
    link "$compiler"
    result $? "$compiler: its C is linked with a program of the driver API"
    run env BAREGPU_CUDA_THREADS=3 "$work/$compiler/program" && is_right
    result $? "$compiler: every result is right, by threads"
    run env BAREGPU_CUDA_THREADS=0 "$work/$compiler/program" && is_right
    result $? "$compiler: every result is right, at the call"
done

NVCC= CUDA_HOME=/nowhere CLANG="$work/none" mk/kernels.sh --clang tests/guest/cuda/linear.cu \
    "$work/a.c" > "$work/out" 2> "$work/err"
[ $? -eq 1 ] && grep -q 'no compiler for CUDA kernels' "$work/err" && [ ! -e "$work/a.c" ]
result $? "without a compiler it says what is wanted"
mk/kernels.sh "$work/none.cu" "$work/a.c" > "$work/out" 2> "$work/err"
[ $? -eq 1 ] && grep -q 'none.cu cannot be read' "$work/err"
result $? "a source that is not there"
printf '__global__ void k() { nonsense; }\n' > "$work/bad.cu"
mk/kernels.sh "$work/bad.cu" "$work/a.c" > "$work/out" 2> "$work/err"
[ $? -ne 0 ] && grep -q 'nonsense' "$work/err" && [ ! -e "$work/a.c" ]
result $? "a wrong source: the compiler's words, and no product"
printf 'extern "C" __global__ void k() { asm("// \\"\\\\ \\t"); }\n' > "$work/odd name.cu"
mk/kernels.sh "$work/odd name.cu" "$work/odd name.c" > "$work/out" 2> "$work/err" &&
    "${CC:-cc}" -c "$work/odd name.c" -o "$work/odd.o" > "$work/out" 2> "$work/err" &&
    nm "$work/odd.o" | grep -q 'R bg_kernels_odd_name$'
result $? "quotes in PTX, blanks in a name"
mk/kernels.sh "$work/odd name.cu" "$work/odd.ptx" -DX=1 > "$work/out" 2> "$work/err" &&
    "$build/host/baregpu-ptx" -q "$work/odd.ptx" > "$work/out" 2> "$work/err"
result $? "PTX alone, and a flag for the compiler"
exit $failed
