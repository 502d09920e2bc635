#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# build-newlib.sh CROSS_PREFIX OUT: newlib for the bare target, built with CROSS_PREFIX's compiler
# and kept in the cache; OUT becomes a link to it (OUT/include, OUT/lib/libc.a, OUT/lib/libm.a).

. "$(dirname "$0")/common.sh"

cross=$1
out=$2
here=$(cd "$(dirname "$0")" && pwd)

# For size; no instruction that a machine without outlined atomics or with alignment checks lacks.
# Several CPUs: state by __getreent and locks by __retarget_lock_* (firmware/platform/newlib_smp.c).
CFLAGS="-Os -g0 -ffunction-sections -fdata-sections -fno-pic -fno-stack-protector \
-fno-omit-frame-pointer -mno-outline-atomics -mstrict-align \
-DPREFER_SIZE_OVER_SPEED -D__OPTIMIZE_SIZE__ -D__DYNAMIC_REENT__"
CONFIGURE="--disable-multilib --disable-newlib-supplied-syscalls --disable-libgloss --disable-nls \
--enable-newlib-io-c99-formats --enable-newlib-io-long-long --disable-newlib-wide-orient \
--enable-newlib-retargetable-locking"

source_dir=$("$here/debian-fetch.sh" binary newlib-source)
set -- "$source_dir"/usr/src/newlib/newlib-*.tar.*
archive=$1
key=$(content_key "$archive" "$CFLAGS" "$CONFIGURE" "$("${cross}gcc" --version)" "$cross")
entry=$BAREGPU_CACHE/newlib/$key

# A subshell: it may change its folder.
build() (
    work=$(plain_cache)/newlib-$key.work
    rm -rf "$work"
    mkdir -p "$work/build"
    say "building newlib (once, under a minute): $work/log"
    tar -C "$work" -xf "$archive"
    set -- "$work"/newlib*/configure
    cd "$work/build"
    # shellcheck disable=SC2086 # lists of words
    {
        "$1" --target=aarch64-none-elf --prefix=/newlib $CONFIGURE \
            CC_FOR_TARGET="${cross}gcc" AR_FOR_TARGET="${cross}ar" AS_FOR_TARGET="${cross}as" \
            LD_FOR_TARGET="${cross}ld" NM_FOR_TARGET="${cross}nm" \
            RANLIB_FOR_TARGET="${cross}ranlib" STRIP_FOR_TARGET="${cross}strip" \
            CFLAGS_FOR_TARGET="$CFLAGS" MAKEINFO=true &&
            make -j"$(jobs_count)" all-target-newlib MAKEINFO=true &&
            make install-target-newlib MAKEINFO=true DESTDIR="$work/root"
    } > "$work/log" 2>&1 9>&- || {
        tail -n 30 "$work/log" >&2
        die "newlib did not build; the whole log: $work/log"
    }
    mkdir -p "${entry%/*}"
    mv "$work/root/newlib/aarch64-none-elf" "$entry"
    rm -rf "$work"
)

# A make above this one must not hand its job server to newlib's own.
unset MAKEFLAGS MFLAGS MAKELEVEL

if [ ! -d "$entry" ]; then
    cache_lock "newlib-$key"
    [ -d "$entry" ] || build
fi
mkdir -p "$(dirname "$out")"
ln -sfn "$entry" "$out"
