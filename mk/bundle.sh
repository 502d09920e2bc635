#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# bundle.sh BUILD ARCHIVE TEST...: packs QEMU, mediator, CUDA device, simulator, firmware and the
# tests (programs, scripts, and libraries that they load themselves) with every library they need. docs/building.md
# tells what the receiving machine must have.
#
#   run, test       the scripts of mk/bundle/
#   build/          as in a working tree, programs stripped
#   build/lib/      libraries; the programs find them by their rpath
#   glibc/          loader and C library, used only where the machine's own are too old

. "$(dirname "$0")/common.sh"

build=$1
archive=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
name=baregpu
MAX_SIZE=120000000

stage=$build/bundle/$name
libraries=$stage/build/lib
glibc=$stage/glibc

# Libraries that must match the loader: all or none of them come from the bundle.
is_glibc() {
    case ${1##*/} in
    ld-linux* | libc.so.* | libm.so.* | libdl.so.* | libpthread.so.* | librt.so.* | \
        libresolv.so.* | libutil.so.* | libanl.so.* | libmvec.so.* | libnss_*) return 0 ;;
    esac
    return 1
}

# Programs with their path below build/; the path back from there to build/lib is their rpath.
add_program() {
    target=$stage/build/${1#"$build"/}
    mkdir -p "$(dirname "$target")"
    strip -o "$target" "$1"
    up=$(dirname "${1#"$build"/}" | sed 's|[^/][^/]*|..|g')
    patchelf --force-rpath --set-rpath "\$ORIGIN/$up/lib:\$ORIGIN/$up/glibc" "$target"
    interpreter=$(patchelf --print-interpreter "$target")
    # prepare.sh replaces it by a path of the same length.
    [ "$interpreter" = /lib64/ld-linux-x86-64.so.2 ] || die "$1 has the loader $interpreter"
}

# What is loaded by its path, and needs nothing but the C library.
add_loaded() {
    mkdir -p "$(dirname "$stage/build/${1#"$build"/}")"
    strip -o "$stage/build/${1#"$build"/}" "$1"
}

# What the CUDA device opens by its name.
find_opened() {
    for library in /usr/lib*/*/"$1" /usr/lib*/"$1"; do
        [ ! -e "$library" ] || break
    done
    [ -e "$library" ] || die "no $1"
    printf '%s\n' "$library"
}

add_libraries() {
    for program in "$@"; do
        ldd "$program"
    done | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }' | sort -u |
        while read -r library; do
            if ! is_glibc "$library"; then
                cp -L "$library" "$libraries/"
            fi
        done
    chmod u+w "$libraries"/*
    strip --strip-unneeded "$libraries"/*
}

# All of glibc that a program or a driver's library may ask for.
add_glibc() {
    folder=$(dirname "$(ldd "$build/host/baregpu-mediator" | awk '$1 == "libc.so.6" { print $3 }')")
    cp -L /lib64/ld-linux-x86-64.so.2 "$glibc/"
    for library in libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libresolv.so.2 \
        libutil.so.1 libmvec.so.1; do
        [ ! -e "$folder/$library" ] || cp -L "$folder/$library" "$glibc/"
    done
}

needed_glibc() {
    find "$stage/build" -type f \( -perm -u+x -o -name '*.so*' \) ! -name '*.sh' \
        -exec objdump -T {} + 2>/dev/null | grep -o 'GLIBC_2\.[0-9]*' | sort -uV | tail -n 1 |
        cut -d_ -f2
}

write_notice() {
    cat <<END
baregpu $(git -C "$here" describe --always --dirty 2>/dev/null || echo unknown)

./run [NAME]    starts the mediator, boots the guest, shows what it computed
./test          all tests; the last line counts them

QEMU is GPL-2.0-or-later. Its source is Debian's source package of this version, with the devices of
baregpu's folder host/qemu-device, the patches of host/qemu-patches and the choice of devices in
mk/qemu-devices: $("$build/qemu/qemu-system-aarch64" --version | head -n 1)
The ROMs beside it are Debian's; their licences are in build/qemu/qemu-bundle/usr/local/share/qemu.
The libraries in build/lib and glibc are unchanged copies of the packages of $(
        . /etc/os-release
        printf '%s' "$PRETTY_NAME"
    ).
baregpu itself is BSD-2-Clause.
END
}

rm -rf "$build/bundle"
mkdir -p "$libraries" "$glibc" "$stage/build/firmware" "$stage/build/qemu"
add_program "$build/qemu/qemu-system-aarch64"
add_program "$build/host/baregpu-mediator"
add_program "$build/host/baregpu-smi"
add_program "$build/host/baregpu-exporter"
add_program "$build/host/baregpu-sst-sim"
add_program "$build/host/cuda-cpu/baregpu-ptxc"
add_loaded "$build/host/cuda-cpu/libcuda.so.1"
add_loaded "$build/host/cuda-cpu/libcublas.so.13"
llvm=$(find_opened libLLVM.so.19.1)
openblas=$(find_opened libopenblas.so.0)
tests=
for test in "$@"; do
    case $test in
    *.sh)
        mkdir -p "$stage/${test%/*}"
        cp "$test" "$stage/$test"
        tests="$tests $test"
        ;;
    *.so*) add_loaded "$test" ;;
    *) add_program "$test" && tests="$tests build/${test#"$build"/}" ;;
    esac
done
add_libraries "$build/qemu/qemu-system-aarch64" "$build/host/baregpu-mediator" \
    "$build/host/baregpu-smi" "$build/host/baregpu-exporter" "$build/host/baregpu-sst-sim" \
    "$build/host/cuda-cpu/baregpu-ptxc" "$llvm" "$openblas" $(
    for test in "$@"; do case $test in *.sh | *.so*) ;; *) echo "$test" ;; esac done
)
cp -L "$llvm" "$openblas" "$libraries/"
add_glibc
cp -r "$build/qemu/qemu-bundle" "$stage/build/qemu/"
cp "$build"/firmware/*.elf "$build"/firmware/*.img "$stage/build/firmware/"
"$(cat "$build/firmware/cross")strip" -g "$stage"/build/firmware/*.elf
cp "$here/run.sh" "$here/run-test.sh" "$here/bundle/prepare.sh" "$stage/build/"
cp "$here/bundle/run.sh" "$stage/run"
cp "$here/bundle/test.sh" "$stage/test"
chmod +x "$stage/run" "$stage/test"
cp -r "$here/../LICENSES" "$stage/"
write_notice > "$stage/README"
# shellcheck disable=SC2086 # a list of paths
printf '%s\n' $tests > "$stage/build/tests.list"
needed_glibc > "$stage/build/glibc-needed"

tar -C "$build/bundle" --owner=0 --group=0 --sort=name -cf - "$name" | xz -6 -T0 > "$archive.new"
size=$(stat -c %s "$archive.new")
[ "$size" -le "$MAX_SIZE" ] || die "the archive has $size bytes; at most $MAX_SIZE are allowed"
mv "$archive.new" "$archive"
say "$archive: $size bytes, $(wc -l < "$stage/build/tests.list") test programs," \
    "glibc $(cat "$stage/build/glibc-needed") or its own"
