#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The CUDA device on the CPU for AArch64 hosts: all of it is compiled, and where qemu-aarch64 is,
# kernels run there. The compiler's process is this host's, which makes code for any machine; so an
# AArch64 LLVM is not needed. What they leave in memory is what they leave on this host.

set -u

build=${BAREGPU_BUILD:-build}
cross=aarch64-linux-gnu-gcc
root=/usr/aarch64-linux-gnu
emulator=$(command -v qemu-aarch64 || true)
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
        sed 's/^/# /' "$work/out"
        failed=1
    fi
}

# compile FILE...
compile() {
    mkdir -p "$work/obj"
    for file in "$@"; do
        echo "$file"
    done | xargs -P 2 -I '{}' sh -c 'file=$1
        exec "$2" -std=gnu11 -O1 -ffp-contract=off -fPIC -Wall -Wextra -Werror -D_GNU_SOURCE -I. \
            -Ihost -c "$file" -o "$3/$(echo "$file" | tr / _).o"' sh '{}' "$cross" "$work/obj" \
        > "$work/out" 2>&1
}

# run_both KERNEL OPTION...: here and there, and what argument 0 is afterwards
run_both() {
    kernel=$1
    shift
    "$build/host/baregpu-ptx" tests/system/cuda_aarch64.ptx --run "$kernel" "$@" \
        --save "0=$work/here" > "$work/out" 2>&1 &&
        BAREGPU_CUDA_CACHE=0 BAREGPU_PTXC=$build/host/cuda-cpu/baregpu-ptxc timeout 60 \
            "$emulator" -L "$root" "$work/baregpu-ptx" tests/system/cuda_aarch64.ptx \
            --run "$kernel" "$@" --save "0=$work/there" >> "$work/out" 2>&1 &&
        cmp "$work/here" "$work/there" >> "$work/out" 2>&1 &&
        ! cmp -s -n 1024 "$work/there" /dev/zero
}

if ! echo '#include <stdio.h>' | "$cross" -E -o "$work/out" - 2> "$work/err"; then
    echo '1..0 # SKIP no AArch64 compiler with a C library (Debian: libc6-dev-arm64-cross)'
    exit 0
fi

echo 1..5
compile host/cuda-cpu/*/*.c
result $? "all of host/cuda-cpu is compiled, without a warning"
if [ -z "$emulator" ] || [ "$failed" -ne 0 ]; then
    for what in vectors barriers shuffles calls; do
        count=$((count + 1))
        echo "ok $count - $what # SKIP no qemu-aarch64 (Debian: qemu-user)"
    done
    exit $failed
fi

# The tool, but it asks the compiler's process.
rm -f "$work"/obj/host_cuda-cpu_driver_* "$work"/obj/host_cuda-cpu_ptxc_here.c.o \
    "$work"/obj/host_cuda-cpu_process_main.c.o "$work"/obj/host_cuda-cpu_process_server.c.o
"$cross" "$work"/obj/*.o -ldl -lpthread -lm -o "$work/baregpu-ptx" > "$work/out" 2>&1 || failed=1
head -c 4000 /dev/urandom > "$work/words"
run_both add --grid 8 --block 128 --arg '[4000]' --arg "@$work/words" --arg 1000
result $? "vectors are added"
run_both sum --grid 2 --block 128 --arg '[8192]' --arg "@$work/words" --arg 500
result $? "a block sums in shared memory, with a barrier in a loop"
run_both turn --grid 1 --block 96 --arg '[4096]' --arg "@$work/words" --arg 0
result $? "lanes shuffle and vote"
run_both choose --grid 1 --block 128 --arg '[4096]' --arg "@$work/words" --arg 0
result $? "lanes take ways of their own, call, and divide"
exit $failed
