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
echo 1..7
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

flags="-I. -Ifirmware/include -I$work -Wall -Wextra -Wpedantic -Werror -O2 -ffreestanding -mgeneral-regs-only"
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

# compile COMPILER STANDARD FILE...: says what is wrong with them; a standard that the compiler does not
# know yet is none.
compile() {
    compiler=$1
    language=-std=$2
    shift 2
    case $compiler in
    clang*) set -- --target=aarch64-none-elf "$@" ;;
    esac
    "$compiler" "$language" -fsyntax-only "$work/empty.c" > /dev/null 2>&1 || return 0
    # shellcheck disable=SC2086 # nothing, or a flag
    "$compiler" "$language" -I. -Ifirmware/include -ffreestanding -Wall -Wextra -Wpedantic -Werror \
        -fsyntax-only $as "$@" 2>&1 || echo "$compiler $language"
}

# try AS STANDARDS COMPILER...: all headers together by each standard, and each by itself by the first;
# $work/tried says what was there to try.
try() {
    as=$1
    standards=$2
    shift 2
    for compiler; do
        command -v "$compiler" > /dev/null || continue
        echo "$compiler" >> "$work/tried"
        for standard in $standards; do
            compile "$compiler" "$standard" "$work/all.c"
        done
        # shellcheck disable=SC2086 # a list of words
        compile "$compiler" ${standards%% *} "$work"/one/*.c
    done
}

: > "$work/empty.c"
cp "$work/all_headers.h" "$work/all.c"
mkdir "$work/one"
for header in "$headers"/*.h protocol/*.h; do
    printf '#include "%s"\nstruct one_declaration;\n' "$header" > "$work/one/${header##*/}.c"
    [ "${header%/*}" = protocol ] && mv "$work/one/${header##*/}.c" "$work/one/protocol-${header##*/}.c"
done
echo 'struct one_declaration;' >> "$work/all.c"
try "" "c99 c11 c17 c2x" "${cross}gcc" gcc clang clang-19 > "$work/each"
result 6 "the headers compile, each by itself, as C99 to C23: $(paste -sd ' ' "$work/tried")" "$work/each"
: > "$work/tried"
try "-x c++" "c++11 c++17 c++20" "${cross}g++" g++ clang++ clang++-19 > "$work/each"
result 7 "and as C++11 to C++20: $(paste -sd ' ' "$work/tried")" "$work/each"

exit $status
