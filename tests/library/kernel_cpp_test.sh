#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A kernel in C++ is compiled by each compiler that is here, linked with the library, and run.

set -u

build=${BAREGPU_BUILD:-build}
cross=$(cat "$build/firmware/cross" 2> /dev/null)
if [ -z "$cross" ] || ! command -v "${cross}gcc" > /dev/null || [ ! -e firmware/minimal ] ||
    [ ! -x "$build/qemu/qemu-system-aarch64" ]; then
    echo "1..0 # SKIP no sources, no cross compiler or no QEMU here"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

mkdir "$work/firmware"
for part in qemu host; do
    ln -s "$(cd "$build/$part" && pwd)" "$work/$part"
done
c="-O2 -ffreestanding -fno-pic -fno-stack-protector -mgeneral-regs-only -mstrict-align"
c="$c -mno-outline-atomics -Ifirmware/include -I."
cpp="$c -std=c++11 -fno-exceptions -fno-rtti -fno-threadsafe-statics -Wall -Wextra -Wpedantic -Werror"

# try NUMBER COMPILER [FLAG]
try() {
    number=$1
    compiler=$2
    if ! command -v "$compiler" > /dev/null; then
        echo "ok $number # SKIP no $compiler here"
        return
    fi
    shift
    # shellcheck disable=SC2086 # lists of words
    if {
        "$@" $cpp -c tests/library/kernel.cpp -o "$work/kernel.o" &&
            "${cross}gcc" $c -nostdlib -static -no-pie -Wl,--build-id=none,-z,noexecstack \
                -T firmware/minimal/linker.ld firmware/minimal/boot.S firmware/minimal/hal.c \
                firmware/minimal/mem.c "$work/kernel.o" "$build/firmware/libbaregpu.a" -lgcc \
                -o "$work/firmware/baregpu.elf" &&
            mk/run.sh --build "$work"
    } > "$work/out" 2>&1 < /dev/null && grep -q '^100 + 200 = 300, in C++' "$work/out"; then
        echo "ok $number - $compiler"
    else
        sed 's/^/# /' "$work/out"
        echo "not ok $number - $compiler"
        failed=1
    fi
}

echo 1..3
try 1 "${cross}g++"
try 2 clang++ --target=aarch64-none-elf
try 3 clang++-19 --target=aarch64-none-elf
exit $failed
