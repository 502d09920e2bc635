#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The library lives in other people's kernels: all its public names begin with bg_ or BG_, its other
# names are local, and a kernel with Linux's names compiles, in C and in C++, and links all of it.
# CUDA's names are CUDA's: functions cu*, protocol/cuda*.h and cublas*.h, as programs know them.

set -u

build=${BAREGPU_BUILD:-build}
library=$build/firmware/libbaregpu.a
headers=firmware/include/baregpu
cross=$(cat "$build/firmware/cross" 2> /dev/null)

if [ -z "$cross" ] || ! command -v "${cross}gcc" > /dev/null || [ ! -d "$headers" ]; then
    echo "1..0 # SKIP no cross compiler here"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo 1..6
status=0

# result NUMBER DESCRIPTION FILE: good when FILE, which says what is wrong, is empty.
result() {
    if [ -s "$3" ]; then
        sed 's/^/# /' "$3" | head -n 40
        echo "not ok $1 - $2"
        status=1
    else
        echo "ok $1 - $2"
    fi
}

"${cross}nm" -A --defined-only "$library" | awk '$(NF - 1) ~ /^[A-Z]$/' |
    grep -Ev ' (bg_[a-z0-9_]*|cu[A-Z][A-Za-z0-9_]*|cublas[A-Z][A-Za-z0-9_]*)$' > "$work/global"
result 1 "every global symbol of the archive begins with bg_, or is CUDA's" "$work/global"

for header in "$headers"/*.h protocol/*.h; do
    printf '#include "%s"\n' "$header"
done > "$work/all_headers.h"

# Macros that are there with our headers and not without.
list_macros() {
    "${cross}gcc" -I. -Ifirmware/include -ffreestanding -dM -E -x c "$1" |
        sed 's/^#define \([A-Za-z0-9_]*\).*/\1/' | sort -u
}
printf '#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n' > "$work/none.h"
list_macros "$work/none.h" > "$work/none"
list_macros "$work/all_headers.h" > "$work/all"
{
    [ -s "$work/all" ] || echo "the headers do not compile"
    comm -13 "$work/none" "$work/all" | grep -Ev '^(BG_[A-Z0-9_a-z]*|BAREGPU_[A-Z0-9_]*_H|BAREGPU_VERSION[A-Z_]*|CU[A-Z0-9_a-z]*|cu[A-Z][A-Za-z0-9_]*|cublas[A-Z][A-Za-z0-9_]*)$'
} > "$work/macros"
result 2 "every macro of a public header begins with BG_, or BAREGPU_VERSION" "$work/macros"

# Types where they are defined, and the members of enumerations.
{
    grep -HnE '^(struct|union|enum) [a-z]' "$headers"/*.h protocol/*.h |
        grep -vE ':(struct|union|enum) bg_' |
        grep -vE '^protocol/cu(da|blas)[a-z_]*\.h:[0-9]+:(struct|union|enum) (CU|cuda|cublas)'
    grep -HnE '^ +[A-Z][A-Z0-9_]+( = [^;()]*)?,( */\*.*)?$' "$headers"/*.h protocol/*.h |
        grep -vE ': +BG_' | grep -vE '^protocol/cu(da|blas)[a-z_]*\.h:[0-9]+: +CU(DA|BLAS)?_'
} > "$work/types"
result 3 "every type and enumerator of a public header begins with bg_, BG_" "$work/types"

# What the library asks of a kernel; only its names matter here.
{
    printf '.text\n.globl _start\n_start:\n bl kernel_main\n'
    { printf 'memcpy\nmemmove\nmemset\nmemcmp\n'
      sed -n 's/^[a-z].*[ *]\(bg_hal_[a-z0-9_]*\)(.*/\1/p' "$headers/hal.h" | grep -v '_handler$'
    } | awk '{ printf ".globl %s\n%s: ret\n", $1, $1 }'
} > "$work/hal.S"

# link NAME OBJECT: the object with the whole library
link() {
    "${cross}gcc" -nostdlib -static -no-pie -Wl,-z,noexecstack,--whole-archive "$library" \
        -Wl,--no-whole-archive "$work/hal.S" "$2" -lgcc -o "$work/$1" 2>&1
}

flags="-I. -Ifirmware/include -I$work -Wall -Wextra -Werror -O2 -ffreestanding -mgeneral-regs-only"
# shellcheck disable=SC2086 # a list of words
"${cross}gcc" $flags -std=gnu11 -c tests/library/names_test.c -o "$work/c.o" > "$work/c" 2>&1 &&
    link kernel "$work/c.o" > "$work/c"
[ -e "$work/kernel" ] || echo "not linked" >> "$work/c"
result 4 "a kernel with Linux's names compiles and links, in C" "$work/c"

if command -v clang++ > /dev/null; then
    # shellcheck disable=SC2086
    clang++ --target=aarch64-linux-gnu $flags -std=c++17 -fno-exceptions -fno-rtti -x c++ \
        -c tests/library/names_test.c -o "$work/cpp.o" > "$work/cpp" 2>&1 &&
        link kernel-cpp "$work/cpp.o" > "$work/cpp"
    [ -e "$work/kernel-cpp" ] || echo "not linked" >> "$work/cpp"
    result 5 "a kernel with Linux's names compiles and links, in C++" "$work/cpp"
else
    echo "ok 5 # SKIP no clang++ here"
fi

# Each header by itself, by whatever a kernel is compiled as.
for header in "$headers"/*.h protocol/*.h; do
    printf '#include "%s"\nstruct one_declaration;\n' "$header" > "$work/one.c"
    for standard in c99 c11 gnu17; do
        "${cross}gcc" -I. -Ifirmware/include -ffreestanding -std=$standard -Wall -Wextra \
            -Wpedantic -Werror -fsyntax-only "$work/one.c" 2>&1
    done
    command -v clang++ > /dev/null || continue
    for standard in c++11 c++20; do
        clang++ --target=aarch64-linux-gnu -I. -Ifirmware/include -ffreestanding -std=$standard \
            -Wall -Wextra -Werror -fsyntax-only -x c++ "$work/one.c" 2>&1
    done
done > "$work/each"
result 6 "each header compiles by itself, as C99 to C17 and as C++11 to C++20" "$work/each"

exit $status
