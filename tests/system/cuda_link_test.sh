#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Kernels that are compiled in parts, by each compiler that is here, and linked by the CUDA device on
# the CPU, in its compiler's process.

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
    echo "ok $count - $1 # SKIP no compiler for it here"
}

# compile COMPILER FLAG
compile() {
    for part in main parts; do
        mk/kernels.sh "--$1" "tests/system/cuda_link_$part.cu" "$work/$1-$part.ptx" "$2" || return 1
    done > "$work/out" 2> "$work/err"
}

run() {
    LD_LIBRARY_PATH=$libraries "$work/program" "$@" > "$work/out" 2> "$work/err"
}

# refuses WHAT FILE...: the log has this line
refuses() {
    wanted=$1
    shift
    ! run "$@" && grep -q '^cuLinkComplete.*: CUDA_ERROR_INVALID_PTX$' "$work/err" &&
        grep -qE "^$work/$wanted" "$work/err"
}

echo 1..9
"${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -Werror -I. tests/system/cuda_link.c -o "$work/program" \
    -L"$libraries" -l:libcuda.so.1 > "$work/out" 2> "$work/err"
result $? "a program that links"
for compiler in clang nvcc; do
    flag=-fgpu-rdc
    [ $compiler = clang ] || flag=-rdc=true
    if ! compile $compiler $flag && grep -q 'no compiler for CUDA kernels' "$work/err"; then
        for what in "right" "right, the other way round" "a part is missing" "a part is there twice"; do
            skip "$compiler: $what"
        done
        continue
    fi
    run "$work/$compiler-main.ptx" "$work/$compiler-parts.ptx" && grep -qx right "$work/out"
    result $? "$compiler: what two sources share and what each has for itself"
    run "$work/$compiler-parts.ptx" "$work/$compiler-main.ptx" && grep -qx right "$work/out"
    result $? "$compiler: the other way round"
    refuses "$compiler-main.ptx:[0-9]+:[0-9]+: error: undefined reference to _Z3mixfi$" \
        "$work/$compiler-main.ptx"
    result $? "$compiler: a part that is missing is named"
    cp "$work/$compiler-parts.ptx" "$work/again.ptx"
    refuses "again.ptx:.*: multiple definition of .*, first defined at $work/$compiler-parts.ptx:" \
        "$work/$compiler-main.ptx" "$work/$compiler-parts.ptx" "$work/again.ptx"
    result $? "$compiler: a part that is there twice is named, with both places"
done
exit $failed
