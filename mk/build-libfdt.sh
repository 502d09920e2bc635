#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# build-libfdt.sh CROSS_PREFIX NEWLIB OUT: libfdt for the bare target, from its source package, kept
# in the cache; OUT becomes a link to it (OUT/include, OUT/lib/libfdt.a).

. "$(dirname "$0")/common.sh"

cross=$1
newlib=$2
out=$3
here=$(cd "$(dirname "$0")" && pwd)

# The kernel reads its tree with the MMU on, in Normal memory: unaligned accesses are allowed, and
# together with -O2 the whole boot takes little more than half of the instructions.
CFLAGS="-O2 -g -ffreestanding -ffunction-sections -fdata-sections -fno-pic -fno-stack-protector \
-fno-omit-frame-pointer -mno-outline-atomics -mno-strict-align"

source_dir=$("$here/debian-fetch.sh" tar device-tree-compiler)
set -- "$source_dir"/device-tree-compiler_*.orig.tar.*
archive=$1
set --
[ "$newlib" = - ] || set -- -nostdinc -isystem "$(cd "$newlib" && pwd -P)/include" \
    -isystem "$("${cross}gcc" -print-file-name=include)"
# fdt_overlay.c is not used by a kernel that only reads its tree.
units="fdt fdt_addresses fdt_check fdt_empty_tree fdt_ro fdt_rw fdt_strerror fdt_sw fdt_wip"
key=$(content_key "$archive" "$units" "$CFLAGS" "$*" "$("${cross}gcc" --version)" "$cross")
entry=$BAREGPU_CACHE/libfdt/$key

# A subshell: it may change its folder.
build() (
    work=$entry.work
    rm -rf "$work"
    mkdir -p "$work/lib" "$work/include"
    tar -C "$work" -xf "$archive" --strip-components=1 --wildcards '*/libfdt/*'
    cd "$work"
    for unit in $units; do
        # shellcheck disable=SC2086 # a list of words
        "${cross}gcc" $CFLAGS "$@" -Ilibfdt -c "libfdt/$unit.c" -o "$unit.o"
    done
    "${cross}ar" rcs lib/libfdt.a ./*.o
    cp libfdt/fdt.h libfdt/libfdt.h libfdt/libfdt_env.h include/
    rm -rf libfdt ./*.o
    cd /
    mv "$work" "$entry"
)

if [ ! -d "$entry" ]; then
    cache_lock "libfdt-$key"
    [ -d "$entry" ] || build "$@"
fi
mkdir -p "$(dirname "$out")"
ln -sfn "$entry" "$out"
