#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# build-qemu.sh OUT: QEMU with this project's devices, in OUT/qemu-system-*, and the few data files
# it reads beside it.
#
#   QEMU_SRC=DIR       a source tree of your own (10.0 to 11.x) in place of Debian 13's; not changed,
#                      the patches of host/qemu-patches are applied to a copy
#   QEMU_TARGETS=...   further targets, as "x86_64-softmmu riscv64-softmmu"
#   QEMU_CONFIGURE=... further flags of QEMU's configure
#   BAREGPU_DEBUG=1    with debug information, for gdb on QEMU itself
#
# A first build is of 1,400 steps and costs most of the first `make run`: so it has the boards and
# devices of mk/qemu-devices/ alone. QEMU_CONFIGURE=--with-default-devices builds all of QEMU's.
#
# Two things are kept in the cache, each named by what it was made from:
#   qemu/tree-KEY   source and build tree without our devices: one changed device file costs seconds
#   qemu/bin-KEY    finished programs: an unchanged clone costs nothing

. "$(dirname "$0")/common.sh"

out=$1
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/.." && pwd)
targets="aarch64-softmmu ${QEMU_TARGETS:-}"

PATCHES="disable-pycotap skip-unpack-edk2-blobs"
FLAGS="--without-default-features --without-default-devices --enable-system --disable-user \
--enable-tcg --enable-fdt=system --enable-pixman --enable-png --enable-vnc --enable-slirp \
--enable-plugins --disable-docs --disable-tools --disable-install-blobs --disable-download"
if [ -n "${BAREGPU_DEBUG:-}" ] && [ "$BAREGPU_DEBUG" != 0 ]; then
    FLAGS="$FLAGS --enable-debug-info"
else
    FLAGS="$FLAGS --disable-debug-info"
fi
# A target without a list of ours is built with all that QEMU has for it, and with it the others.
for target in $targets; do
    if [ -f "$here/qemu-devices/${target%-softmmu}.mak" ]; then
        FLAGS="$FLAGS --with-devices-${target%-softmmu}=baregpu"
    else
        FLAGS="$FLAGS --with-default-devices"
    fi
done
FLAGS="$FLAGS ${QEMU_CONFIGURE:-}"
MESON_MIN=1.5.0
TREES_KEPT=3
PROGRAMS_KEPT=16
CONFIGURE_TIMEOUT_S=600
BUILD_TIMEOUT_S=7200
PROGRESS_S=30

# make's job server and flags are not for QEMU's build.
unset MAKEFLAGS MFLAGS MAKELEVEL
# Of the build's steps 300 are a Python program, the same few.
unset PYTHONDONTWRITEBYTECODE

python=$(system_python)
target_list=$(printf '%s\n' $targets | sort -u | paste -sd, -)

# ---- What the build is made from ----

device_files() {
    (
        cd "$top"
        find host/qemu-device -type f ! -name '*.md' | sort
        find protocol -type f -name '*.h' | sort
    )
}

device_lists() {
    (cd "$top" && find mk/qemu-devices -name '*.mak' | sort)
}

toolchain_versions() {
    ${CC:-cc} --version | head -n 1
    pkg-config --modversion glib-2.0 pixman-1 libpng slirp
    "$python" --version
}

source_identity() {
    if [ -n "${QEMU_SRC:-}" ]; then
        # Somebody's tree under work: any newer file makes a new tree.
        (cd "$QEMU_SRC" && pwd -P && cat VERSION &&
            find . -name .git -prune -o -type f -newer VERSION -printf '%p %T@\n' | sort)
    else
        for file in "$source_dir"/*; do
            sha256sum < "$file"
        done
    fi
}

# ---- The tree without our devices ----

# Without the sources of ROMs: two thirds of it all, and nothing here builds them.
unpack_source() {
    if [ -n "${QEMU_SRC:-}" ]; then
        (cd "$QEMU_SRC" && tar -cf - --exclude=./build --exclude=./.git --exclude='./roms/*' .) |
            tar -C "$1" -xf -
        return
    fi
    tar -C "$1" -xf "$source_dir"/qemu_*.orig.tar.xz --strip-components=1 --exclude='*/roms/*'
    mkdir "$1/debian-patches"
    tar -C "$1/debian-patches" -xf "$source_dir"/qemu_*.debian.tar.xz --strip-components=2 \
        debian/patches
    for patch in $PATCHES; do
        patch -d "$1" -p1 -s -i "$1/debian-patches/$patch.patch" || die "$patch does not apply"
    done
}

# Ours. A tree that has one already (it can be taken back) is left as it is.
apply_patches() {
    for patch in "$top"/host/qemu-patches/*.patch; do
        patch -d "$1" -p1 -s -f -R --dry-run -i "$patch" > /dev/null 2>&1 && continue
        patch -d "$1" -p1 -s -i "$patch" || die "${patch##*/} does not apply"
    done
}

add_baregpu_folder() {
    grep -q "subdir('baregpu')" "$1/hw/misc/meson.build" ||
        printf "\nsubdir('baregpu')\n" >> "$1/hw/misc/meson.build"
    grep -q 'source baregpu/Kconfig' "$1/hw/misc/Kconfig" ||
        printf '\nsource baregpu/Kconfig\n' >> "$1/hw/misc/Kconfig"
    grep -q "'hw/misc/baregpu'" "$1/meson.build" ||
        sed -i "s|^    'hw/misc',\$|    'hw/misc',\n    'hw/misc/baregpu',|" "$1/meson.build"
    grep -q "'hw/misc/baregpu'" "$1/meson.build" ||
        die "QEMU's meson.build has no place known to us for our trace events"
}

make_tree() {
    say "unpacking QEMU into $tree"
    rm -rf "$tree"
    mkdir -p "$tree/source"
    unpack_source "$tree/source"
    apply_patches "$tree/source"
    add_baregpu_folder "$tree/source"
    touch "$tree/unpacked"
}

# ---- Our devices in the tree ----

# Copies only what differs, so that ninja sees only what changed; removes what is no longer ours.
copy_devices() {
    folder=$tree/source/hw/misc/baregpu
    mkdir -p "$folder"
    device_files | while read -r file; do
        case $file in
        host/qemu-device/*) copy=$folder/${file#host/qemu-device/} ;;
        *) copy=$folder/$file ;;
        esac
        mkdir -p "$(dirname "$copy")"
        cmp -s "$top/$file" "$copy" || cp "$top/$file" "$copy"
    done
    find "$folder" -type f | while read -r copy; do
        name=${copy#"$folder"/}
        [ -f "$top/host/qemu-device/$name" ] || [ -f "$top/$name" ] || rm -f "$copy"
    done
}

# configs/devices/TARGET/baregpu.mak: our list, and every device of our own that is there by
# default. What this QEMU does not know would be an error. It is configured anew when this differs.
choose_devices() {
    known=$(cd "$tree/source" && find . -path ./roms -prune -o -name 'Kconfig*' -exec \
        sed -n 's/^ *config  *\([A-Z0-9_]*\) *$/\1/p' {} + | sort -u)
    for target in $targets; do
        list=$here/qemu-devices/${target%-softmmu}.mak
        [ -f "$list" ] || continue
        choice=$tree/source/configs/devices/$target/baregpu.mak
        {
            cat "$list" "$here/qemu-devices/common.mak"
            awk '/^config/ { name = $2 } /^ *default y/ { print "CONFIG_" name "=y" }' \
                "$top/host/qemu-device/Kconfig"
        } | sed -n 's/^CONFIG_\([A-Z0-9_]*\)=y$/\1/p' | sort -u > "$tree/wanted"
        printf '%s\n' "$known" | comm -12 - "$tree/wanted" | sed 's/.*/CONFIG_&=y/' > "$tree/chosen"
        cmp -s "$tree/chosen" "$choice" || cp "$tree/chosen" "$choice"
    done
}

# QEMU wants a newer meson than Debian 12 has. It is pure Python: Debian 13's runs unpacked.
provide_meson() {
    version=$("$python" -c 'from mesonbuild import coredata as c; print(c.version)' 2>/dev/null) ||
        version=0
    oldest=$(printf '%s\n%s\n' "$version" "$MESON_MIN" | sort -V | head -n 1)
    [ "$oldest" = "$MESON_MIN" ] && return
    meson_dir=$("$here/debian-fetch.sh" binary meson)
    PYTHONPATH=$meson_dir/usr/lib/python3/dist-packages
    export PYTHONPATH
}

show_failure() {
    ! grep -q 'No space left on device' "$1" ||
        die "QEMU did not build: the disk under $tree is full"
    ! grep -q '^ninja: build stopped: interrupted' "$1" || die "QEMU's build was interrupted"
    if grep -qE 'FAILED|ERROR|error:' "$1"; then
        grep -E -A 12 'FAILED|ERROR|error:' "$1" | head -n 60 >&2
    else
        tail -n 40 "$1" >&2
    fi
    die "QEMU did not build; the whole log: $1"
}

# Reads ninja's output into the log $1 and says how far it is: on a terminal in one line that moves,
# else in a line now and then. ninja's lines begin "[DONE/ALL SECONDS.MILLISECONDS] "; the last line
# of the input is the status.
follow_build() {
    moving=
    if [ -t 2 ] && [ "${TERM:-dumb}" != dumb ]; then
        moving=yes
    fi
    said_s=0
    : > "$1"
    while IFS= read -r line; do
        printf '%s\n' "$line" >> "$1" || die "$1 cannot be written"
        case $line in
        '['[0-9]*/[0-9]*' '[0-9]*.[0-9]*'] '*) ;;
        'exit status '*) break ;;
        *) continue ;;
        esac
        line=${line#[}
        line=${line%%[].]*}
        steps=${line% *}
        spent_s=${line#* }
        if [ -z "$moving" ]; then
            [ $((spent_s - said_s)) -ge "$PROGRESS_S" ] || continue
            said_s=$spent_s
        fi
        left_s=$((spent_s * (${steps#*/} - ${steps%/*}) / ${steps%/*}))
        text="QEMU: ${steps%/*} of ${steps#*/} steps, about $(((left_s + 59) / 60)) min left"
        if [ -n "$moving" ]; then
            printf '\r%s\033[K' "baregpu: $text" >&2
        else
            say "$text"
        fi
    done
    [ -z "$moving" ] || printf '\r\033[K' >&2
    [ "${line#exit status }" = 0 ] || show_failure "$1"
}

configure_tree() (
    [ -f "$tree/build/build.ninja" ] && exit
    say "configuring QEMU"
    compiler=${CC:-cc}
    if command -v ccache > /dev/null; then
        compiler="ccache $compiler"
    fi
    mkdir -p "$tree/build"
    cd "$tree/build"
    # shellcheck disable=SC2086 # lists of words
    timeout --foreground "$CONFIGURE_TIMEOUT_S" ../source/configure --cc="$compiler" \
        --python="$python" --target-list="$target_list" $FLAGS \
        > "$tree/configure.log" 2>&1 9>&- < /dev/null || show_failure "$tree/configure.log"
)

build_programs() {
    programs=
    for target in $targets; do
        programs="$programs qemu-system-${target%-softmmu}"
    done
    if [ -f "$tree/build/qemu-system-aarch64" ]; then
        say "building what changed in QEMU"
    else
        say "building QEMU for $target_list, once: $tree/build.log"
    fi
    # In the foreground, so that what ends this script ends ninja too.
    # shellcheck disable=SC2086 # a list of words
    {
        status=0
        NINJA_STATUS='[%f/%t %e] ' timeout --foreground "$BUILD_TIMEOUT_S" \
            ninja -C "$tree/build" -j"$(jobs_count)" $programs 2>&1 9>&- < /dev/null || status=$?
        echo "exit status $status"
    } | follow_build "$tree/build.log"
}

# Our own files compile without a warning. They are touched, so that the next try says it again.
refuse_warnings() {
    [ "${WERROR:-1}" != 0 ] || return 0
    if grep -A 6 'hw/misc/baregpu/.*warning:' "$tree/build.log" >&2; then
        find "$tree/source/hw/misc/baregpu" -name '*.c' -exec touch {} +
        die "warnings in our devices (WERROR=0 lets them pass)"
    fi
}

# The data lies where QEMU looks first: in qemu-bundle beside the program (util/cutils.c).
store_programs() {
    rm -rf "$entry.new"
    data=$entry.new/qemu-bundle/usr/local/share/qemu
    mkdir -p "$data"
    for program in $programs; do
        strip -o "$entry.new/$program" "$tree/build/$program"
    done
    cp -r "$tree/source/pc-bios/keymaps" "$data/"
    rm -rf "$entry"
    mv "$entry.new" "$entry"
}

# ---- ----

plain_cache=$(plain_cache)
source_dir=
[ -n "${QEMU_SRC:-}" ] || source_dir=$("$here/debian-fetch.sh" source qemu)
tree_key=$(content_key "$(source_identity)" "$PATCHES" "$(cat "$top"/host/qemu-patches/*.patch)" \
    "$FLAGS" "$target_list" \
    "$(toolchain_versions)" "$plain_cache")
tree=$plain_cache/qemu/tree-$tree_key
# shellcheck disable=SC2046 # our file names have no blanks
bin_key=$(cd "$top" && content_key "$tree_key" "$(device_files)" $(device_files) $(device_lists))
entry=$BAREGPU_CACHE/qemu/bin-$bin_key

if [ ! -d "$entry" ]; then
    CCACHE_DIR=${CCACHE_DIR:-$BAREGPU_CACHE/ccache}
    CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-1G}
    CCACHE_NOHASHDIR=1
    CCACHE_BASEDIR=$tree
    # By what the compiler says it has read: the preprocessor alone would cost a sixth of a build.
    CCACHE_DEPEND=1
    CCACHE_SLOPPINESS=include_file_mtime,include_file_ctime
    export CCACHE_BASEDIR CCACHE_DEPEND CCACHE_SLOPPINESS
    export CCACHE_DIR CCACHE_MAXSIZE CCACHE_NOHASHDIR
    provide_meson
    cache_lock "qemu-tree-$tree_key"
    if [ ! -d "$entry" ]; then
        [ -f "$tree/unpacked" ] || make_tree
        copy_devices
        choose_devices
        configure_tree
        build_programs
        refuse_warnings
        store_programs
    fi
    touch "$tree"
fi
touch "$entry"
mkdir -p "$plain_cache/qemu"
prune_entries "$plain_cache/qemu" 'tree-*' "$TREES_KEPT"
prune_entries "$BAREGPU_CACHE/qemu" 'bin-*' "$PROGRAMS_KEPT"

# Where the unstripped program and its objects are, for gdb and editors: out/tree.
# Copies, so that neither pruning nor another clone can take it away under a running test.
mkdir -p "$out"
for file in "$entry"/qemu-system-*; do
    cp "$file" "$out/.new"
    mv "$out/.new" "$out/${file##*/}"
done
printf "%s\n" "$tree" > "$out/tree"
rm -rf "$out/qemu-bundle"
cp -r "$entry/qemu-bundle" "$out/"
# shellcheck disable=SC2086 # a list of words
"$here/qemu-roms.sh" "$tree/source" "$out/qemu-bundle/usr/local/share/qemu" $targets
