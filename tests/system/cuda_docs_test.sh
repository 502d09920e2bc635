#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The first kernel that docs/cuda.md shows: compiled and linked as it says, into a kernel that is not
# ours, and run.

set -u

build=${BAREGPU_BUILD:-build}
doc=docs/cuda.md
cross=$(cat "$build/firmware/cross" 2> /dev/null)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -e "$doc" ] || [ -z "$cross" ] || ! mk/kernels.sh --compiler > /dev/null 2>&1; then
    echo "1..0 # SKIP no sources, or no compilers, here"
    exit 0
fi

# block LANGUAGE: the first one of the document
block() {
    awk -v fence="\`\`\`$1" '$0 == fence { inside = 1; next } inside && /^```$/ { exit } inside' "$doc"
}

failed=0

# result STATUS NUMBER WHAT
result() {
    if [ "$1" -eq 0 ]; then
        echo "ok $2 - $3"
    else
        echo "not ok $2 - $3"
        sed 's/^/# /' "$work/out"
        failed=1
    fi
}

# As docs/porting.md has them.
flags="-O2 -ffreestanding -fno-pic -mgeneral-regs-only -mstrict-align -mno-outline-atomics"
warnings="-Wall -Wextra -Werror -std=gnu11 -fno-stack-protector"

build_kernel() {
    mk/kernels.sh "$work/square.cu" "$work/square.ptx.c" &&
        # shellcheck disable=SC2086 # lists of words
        "${cross}gcc" $flags $warnings -Ifirmware/include -I. -nostdlib -static -no-pie \
            -Wl,--build-id=none,-z,noexecstack -T firmware/minimal/linker.ld \
            firmware/minimal/boot.S firmware/minimal/hal.c firmware/minimal/mem.c \
            tests/system/cuda_square.c "$work/square.c" "$work/square.ptx.c" \
            "$build/firmware/libbaregpu.a" -lgcc -o "$work/firmware/baregpu.elf"
}

echo 1..4
block cuda > "$work/square.cu"
block c > "$work/square.c"
[ "$(wc -l < "$work/square.c")" -le 20 ] 2> "$work/out"
result $? 1 "it is twenty lines"
mkdir "$work/firmware"
for part in qemu host; do
    ln -s "$(cd "$build/$part" && pwd)" "$work/$part"
done
build_kernel > "$work/out" 2>&1
result $? 2 "it is compiled and linked"
mk/run.sh --build "$work" > "$work/out" 2>&1 < /dev/null
result $? 3 "it runs"
grep -qx '1000 squares' "$work/out"
result $? 4 "and has squared all numbers"
exit $failed
