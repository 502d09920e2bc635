#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# firmware/libbaregpu.sources names what the library has, and every build that reads it makes the
# same library: make, CMake, Meson, and CMake as a Zephyr module.

set -u

build=${BAREGPU_BUILD:-build}
library=$build/firmware/libbaregpu.a
list=firmware/libbaregpu.sources
top=$(pwd)
cross=$(cat "$build/firmware/cross" 2> /dev/null)

if [ -z "$cross" ] || ! command -v "${cross}gcc" > /dev/null || [ ! -e "$list" ]; then
    echo "1..0 # SKIP no sources, or no cross compiler, here"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo 1..5
status=0

# result NUMBER DESCRIPTION: good when $work/out, which says what is wrong, is empty.
result() {
    if [ -s "$work/out" ]; then
        sed 's/^/# /' "$work/out" | tail -n 40
        echo "not ok $1 - $2"
        status=1
    else
        echo "ok $1 - $2"
    fi
}

# differ LIST LIST: what is in one alone
differ() {
    sort "$1" > "$work/a"
    sort "$2" > "$work/b"
    comm -3 "$work/a" "$work/b"
}

symbols() {
    "${cross}nm" --defined-only "$1" | awk 'NF == 3 && $2 ~ /[A-Z]/ { print $3 }'
}

awk '/^[a-z]/ { print $2 }' "$list" > "$work/listed"
find firmware -name '*.c' | grep -vE '^firmware/(apps|memory|minimal|platform)/' > "$work/there"
differ "$work/listed" "$work/there" > "$work/out"
result 1 "the list has each source of the library, once"

awk '/^[a-z]/ { print $1 ".o" }' "$list" | sort -u > "$work/members"
"${cross}ar" t "$library" > "$work/archive"
differ "$work/members" "$work/archive" > "$work/out"
result 2 "the archive has each member, once"

symbols "$library" > "$work/symbols"

# same LIBRARY COMMAND...: the command makes the library, with the same names.
same() {
    made=$work/$1
    shift
    if "$@" > "$work/log" 2>&1; then
        symbols "$made" > "$work/made-symbols"
        differ "$work/symbols" "$work/made-symbols" > "$work/out"
    else
        cp "$work/log" "$work/out"
        echo "failed" >> "$work/out"
    fi
}

# cmake_build FOLDER: for the guest's machine, into FOLDER/build
cmake_build() {
    cmake -S "$1" -B "$1/build" -DCMAKE_SYSTEM_NAME=Generic -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
        -DCMAKE_C_COMPILER="${cross}gcc" -DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY \
        ${ccache:+"$ccache"} &&
        cmake --build "$1/build" -j 2
}

by_cmake() {
    mkdir "$work/cmake" &&
        cat > "$work/cmake/CMakeLists.txt" << END &&
cmake_minimum_required(VERSION 3.16)
project(kernel LANGUAGES C)
add_subdirectory($top baregpu)
END
        cmake_build "$work/cmake"
}

if command -v cmake > /dev/null; then
    ccache=$(command -v ccache > /dev/null && echo -DCMAKE_C_COMPILER_LAUNCHER=ccache)
    same cmake/build/baregpu/libbaregpu.a by_cmake
    result 3 "CMake makes the same library"
else
    echo "ok 3 # SKIP no cmake here"
fi

# What Zephyr does with a module, without Zephyr.
by_zephyr() {
    mkdir "$work/zephyr" &&
        cat > "$work/zephyr/CMakeLists.txt" << END &&
cmake_minimum_required(VERSION 3.20)
project(zephyr LANGUAGES C)
add_library(zephyr_interface INTERFACE)
function(zephyr_link_libraries)
  target_link_libraries(zephyr_interface INTERFACE \${ARGV})
endfunction()
set(CONFIG_BAREGPU y)
add_subdirectory($top/$(sed -n 's/^ *cmake: //p' zephyr/module.yml) module)
file(WRITE \${CMAKE_BINARY_DIR}/application.c "#include <baregpu/version.h>\n")
add_library(application STATIC \${CMAKE_BINARY_DIR}/application.c)
target_link_libraries(application zephyr_interface)
END
        [ -e "$(sed -n 's/^ *kconfig: //p' zephyr/module.yml)" ] &&
        cmake_build "$work/zephyr"
}

if command -v cmake > /dev/null; then
    same zephyr/build/module/baregpu/libbaregpu.a by_zephyr
    result 4 "a Zephyr module brings the same library"
else
    echo "ok 4 # SKIP no cmake here"
fi

by_meson() {
    mkdir -p "$work/meson/subprojects" && ln -s "$top" "$work/meson/subprojects/baregpu" &&
        cat > "$work/meson/meson.build" << END &&
project('kernel', 'c')
dependency('baregpu', fallback: 'baregpu')
END
        cat > "$work/meson/cross.ini" << END &&
[binaries]
c = '${cross}gcc'
ar = '${cross}ar'
objcopy = '${cross}objcopy'
[host_machine]
system = 'none'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
END
        meson setup --cross-file "$work/meson/cross.ini" "$work/meson/build" "$work/meson" &&
        meson compile -j 2 -C "$work/meson/build"
}

if command -v meson > /dev/null; then
    same meson/build/subprojects/baregpu/libbaregpu.a by_meson
    result 5 "Meson makes the same library"
else
    echo "ok 5 # SKIP no meson here"
fi
exit $status
