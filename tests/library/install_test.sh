#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# make install: what it leaves is enough for a kernel elsewhere, found by pkg-config or by CMake, and
# for the host's commands, whose man pages say what --help does.

set -u

build=${BAREGPU_BUILD:-build}
cross=$(cat "$build/firmware/cross" 2> /dev/null)

if [ -z "$cross" ] || ! command -v "${cross}gcc" > /dev/null || [ ! -e Makefile ]; then
    echo "1..0 # SKIP no sources, or no cross compiler, here"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
minimal=$prefix/share/doc/baregpu/examples/minimal
number=0
failed=0

# check DESCRIPTION COMMAND...
check() {
    number=$((number + 1))
    description=$1
    shift
    if "$@" > "$work/out" 2>&1 < /dev/null; then
        echo "ok $number - $description"
    else
        tail -n 40 "$work/out" | sed 's/^/# /'
        echo "not ok $number - $description"
        failed=1
    fi
}

# skip WHY
skip() {
    number=$((number + 1))
    echo "ok $number # SKIP $1"
}

install_both() {
    make BUILD="$build" install PREFIX="$prefix" &&
        make BUILD="$build" install PREFIX=/opt/baregpu DESTDIR="$work/root"
}

# refuses TEXT COMMAND...: it fails, and says this.
refuses() {
    text=$1
    shift
    ! "$@" > "$work/errors" 2>&1 || return
    cat "$work/errors"
    grep -qF -e "$text" "$work/errors"
}

nothing_elsewhere() {
    diff -r "$prefix/include" "$work/root/opt/baregpu/include" &&
        [ "$(ls "$work/root")" = opt ] && ! grep -rIF "$work" "$work/root"
}

headers_stand_alone() {
    for header in "$prefix"/include/baregpu/*.h "$prefix"/include/baregpu/protocol/*.h; do
        printf '#include <%s>\nint one_declaration;\n' "${header#"$prefix"/include/}" > "$work/one.c"
        "${cross}gcc" -I"$prefix/include" -ffreestanding -Wall -Wextra -Wpedantic -Werror \
            -fsyntax-only "$work/one.c" || return
    done
}

pkg_config() {
    PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --static "$@" baregpu
}

build_by_pkg_config() {
    # shellcheck disable=SC2046 # lists of words
    (cd "$minimal" && "${cross}gcc" -O2 -ffreestanding -fno-pic -fno-stack-protector \
        -mgeneral-regs-only -mstrict-align -mno-outline-atomics $(pkg_config --cflags) \
        -nostdlib -static -no-pie -Wl,--build-id=none,-z,noexecstack -T linker.ld \
        boot.S main.c hal.c mem.c $(pkg_config --libs) -lgcc -o "$work/pkg-config.elf")
}

build_by_cmake() {
    cmake -S "$minimal" -B "$work/cmake" -DCMAKE_TOOLCHAIN_FILE="$minimal/aarch64.cmake" \
        -DCMAKE_C_COMPILER="${cross}gcc" -DCMAKE_PREFIX_PATH="$prefix" &&
        cmake --build "$work/cmake" && mv "$work/cmake/minimal.elf" "$work/cmake.elf"
}

# run KERNEL: as baregpu.elf of another build folder
run() {
    rm -rf "$work/build"
    mkdir -p "$work/build/firmware"
    ln -s "$(cd "$build/qemu" && pwd)" "$work/build/qemu"
    ln -s "$(cd "$build/host" && pwd)" "$work/build/host"
    cp "$1" "$work/build/firmware/baregpu.elf"
    mk/run.sh --build "$work/build" > "$work/run" 2>&1 < /dev/null
    cat "$work/run"
    grep -qx '100 + 200 = 300' "$work/run"
}

versions_agree() {
    version=$(pkg_config --modversion)
    printf '#include <baregpu/version.h>\nversion BAREGPU_VERSION\n' > "$work/version.c"
    "${cross}gcc" -I"$prefix/include" -E -P "$work/version.c" | tr -d ' "' | grep -Fx "version$version" &&
        grep "^## $version" CHANGELOG.md &&
        for command in sbin/baregpu-mediator bin/baregpu-ptx bin/baregpu-smi bin/baregpu-sst-sim; do
            "$prefix/$command" --version | grep -Fx "${command#*/} $version" || return
        done
}

# The mediator finds the CUDA device that was installed with it.
mediator_computes() {
    "$prefix/sbin/baregpu-mediator" --backend=cpu --check-config --socket="$work/socket"
}

options_are_in_man_pages() {
    for page in "$prefix"/share/man/man?/*; do
        name=${page##*/}
        "$prefix"/*bin/"${name%.?}" --help | grep -o -- '--[a-z-]*' | sort -u > "$work/options"
        [ -s "$work/options" ] || return
        while read -r option; do
            sed 's/\\-/-/g; s/\\fB//g; s/\\fR//g' "$page" | grep -q -e "$option" || {
                echo "$name: $option"
                return 1
            }
        done < "$work/options"
    done
}

echo 1..12
check "not below the sources" refuses "PREFIX=prefix: a path that begins with /" \
    make BUILD="$build" install-library PREFIX=prefix DESTDIR="$work/"
check "no packages for a named compiler that is not there" \
    refuses "CROSS_COMPILE=nope-: no nope-gcc" env CROSS_COMPILE=nope- mk/packages.sh library
if command -v help2man > /dev/null; then
    check "it is installed" install_both
else
    skip "no help2man here"
    make BUILD="$build" install-library PREFIX="$prefix" > "$work/out" 2>&1
fi
if [ -d "$work/root" ]; then
    check "below DESTDIR alone, which nothing remembers" nothing_elsewhere
    check "all have one version, and the changelog begins with it" versions_agree
    check "the mediator has what it computes with" mediator_computes
    check "man pages have all options" options_are_in_man_pages
else
    for what in DESTDIR version mediator pages; do
        skip "$what: no help2man here"
    done
fi
check "each header compiles with those that are installed" headers_stand_alone
if command -v pkg-config > /dev/null; then
    check "a kernel is built by pkg-config" build_by_pkg_config
    [ -x "$build/qemu/qemu-system-aarch64" ] && check "it runs" run "$work/pkg-config.elf"
else
    skip "no pkg-config here"
    skip "no pkg-config here"
fi
if command -v cmake > /dev/null; then
    check "a kernel is built by CMake" build_by_cmake
    check "it runs" run "$work/cmake.elf"
else
    skip "no cmake here"
    skip "no cmake here"
fi
exit $failed
