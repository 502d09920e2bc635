#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What libbaregpu.a asks of the kernel that links it: the HAL's functions and the four memory
# functions, and nothing else. And what it leaves to them: floating-point registers, x18, where it lies.

set -u

build=${BAREGPU_BUILD:-build}
library=$build/firmware/libbaregpu.a
hal=firmware/include/baregpu/hal.h

# The cross compiler's tools know the format for certain; others often do.
find_tool() {
    cross=$(sed -n 's/^CROSS := //p' "$build/config.mk" 2> /dev/null)
    for tool in "${CROSS_COMPILE:-}$1" "$cross$1" aarch64-none-elf-"$1" aarch64-linux-gnu-"$1"; do
        [ "$tool" = "$1" ] || ! command -v "$tool" > /dev/null || {
            echo "$tool"
            return
        }
    done
}

nm=$(find_tool nm)
objdump=$(find_tool objdump)
if [ -z "$nm" ] || [ -z "$objdump" ] || [ ! -e "$hal" ]; then
    echo "1..0 # SKIP no binutils for aarch64 here"
    exit 0
fi

echo 1..9
status=0

# result GOOD NUMBER DESCRIPTION
result() {
    if [ "$1" = yes ]; then
        echo "ok $2 - $3"
    else
        echo "not ok $2 - $3"
        status=1
    fi
}

defined=$("$nm" --defined-only "$library" | awk 'NF == 3 && $2 ~ /[A-Z]/ { print $3 }' | sort -u)
undefined=$("$nm" -u "$library" | awk '$1 == "U" { print $2 }' | sort -u)
allowed=$(
    printf '%s\n' memcmp memcpy memmove memset
    sed -n 's/^[a-z].*[ *]\(bg_hal_[a-z0-9_]*\)(.*/\1/p' "$hal"
)

good=no
[ "$(echo "$allowed" | grep -c '^bg_hal_')" -ge 5 ] && good=yes
result "$good" 1 "hal.h declares its functions"

good=yes
for symbol in $undefined; do
    echo "$defined" | grep -qx "$symbol" && continue
    echo "$allowed" | grep -qx "$symbol" && continue
    echo "# undefined: $symbol"
    good=no
done
[ -n "$undefined" ] || good=no
result "$good" 2 "nothing is undefined but the HAL and mem*"

good=yes
for symbol in bg_pci_host_enumerate bg_vgpu_stub_open bg_strerror; do
    echo "$defined" | grep -qx "$symbol" || good=no
done
result "$good" 3 "the library defines its interface"

# Operands like q0, v1.16b, d2, s3: FP and SIMD registers.
uses=$("$objdump" -d --no-show-raw-insn "$library" |
    grep -E '^ *[0-9a-f]+:' | grep -cE '[ ,{]([qvdsh][0-9]+)([.,}]|$)')
good=no
[ "$uses" = 0 ] && good=yes
result "$good" 4 "no instruction uses a floating-point register"

# What a kernel that polls does not have: only what is there for interrupts may ask for it.
optional=$(sed -n '/Optional: interrupts/,$p' "$hal" |
    sed -n 's/^[a-z].*[ *]\(bg_hal_[a-z0-9_]*\)(.*/\1/p' | grep -v '_handler$')
good=no
[ "$(echo "$optional" | grep -c .)" -ge 7 ] && good=yes
for symbol in $optional; do
    users=$("$nm" -A -u "$library" 2> /dev/null | grep "U $symbol\$" |
        grep -vE ':(interrupt_line|pci_interrupt)\.o:')
    [ -z "$users" ] || {
        echo "# $users"
        good=no
    }
done
result "$good" 5 "a kernel that polls needs no interrupts"

# Kernels keep a pointer of the CPU's there, or a shadow stack.
uses=$("$objdump" -d --no-show-raw-insn "$library" | grep -E '^ *[0-9a-f]+:' | grep -E '[^0-9a-z_][xw]18([^0-9]|$)')
good=yes
[ -z "$uses" ] || {
    echo "$uses" | head -n 5 | sed 's/^/# /'
    good=no
}
result "$good" 6 "no instruction uses x18"

# GCC and clang take what is declared for another module's, unless it says LOCAL_DATA.
uses=$("$objdump" -r "$library" | awk '/GOT/ { print "# " $3 }' | sort -u)
good=yes
[ -z "$uses" ] || {
    echo "$uses"
    good=no
}
result "$good" 7 "no address is found through a GOT"

# All of it, and the minimal kernel, as what has landing pads and relocates itself.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gcc=$(find_tool gcc)
good=no
if [ -z "$gcc" ] || [ ! -e firmware/minimal ]; then
    echo "ok 8 # SKIP no sources, or no compiler, here"
    echo "ok 9 # SKIP no sources, or no compiler, here"
    exit $status
fi
"$gcc" -O2 -ffreestanding -fpie -fno-stack-protector -mgeneral-regs-only -mstrict-align \
    -mno-outline-atomics -mbranch-protection=standard -Ifirmware/include -I. \
    -nostdlib -static-pie -T firmware/minimal/linker.ld \
    -Wl,--no-dynamic-linker,--build-id=none,--fatal-warnings \
    -Wl,-z,text,-z,force-bti,-z,pac-plt,-z,noexecstack \
    firmware/minimal/*.[cS] -Wl,--unresolved-symbols=ignore-all,--whole-archive "$library" -o "$work/pie" > "$work/out" 2>&1 && good=yes
sed 's/^/# /' "$work/out"
result "$good" 8 "a kernel with branch targets checked is linked as PIE, without relocations of its text"

# What pci_ecam.h says of a bridge that is behind another one: the functions that call each other.
# shellcheck disable=SC2046 # a list of words
stack=$("$gcc" $(sed '/^#/d' firmware/libbaregpu.flags) -O2 -fno-omit-frame-pointer -fstack-usage \
    -Ifirmware/include -I. -c firmware/pci/enumerate.c -o "$work/enumerate.o" &&
    awk '/:scan_(bus|bridge|slots|function)\t/ { sum += $2 } END { print sum + 0 }' "$work"/*.su)
limit=$(sed -n 's/.*(at most \([0-9]*\) bytes$/\1/p' firmware/include/baregpu/pci_ecam.h)
good=no
[ "$stack" -gt 0 ] && [ "$stack" -le "$limit" ] && good=yes
echo "# $stack bytes of ${limit:-0}"
result "$good" 9 "enumeration takes as much stack a level as is said"

exit $status
