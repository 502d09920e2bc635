# SPDX-License-Identifier: BSD-2-Clause
# Sourced by the bundle's scripts with the bundle's folder in $here: sets BAREGPU_BUILD to programs
# that run on this machine.
#
# The machine's own C library is used where it is new enough, so that a driver's libraries (libcuda)
# meet the one they expect. Where it is too old or another, copies of the programs are made that name
# the bundle's loader: the name in the program is replaced by one of the same length. The programs
# themselves then need no wrapper, and may start themselves again by /proc/self/exe.

export LC_ALL=C
if [ -n "${TMPDIR:-}" ] && ! [ -w "$TMPDIR" ]; then
    unset TMPDIR
fi

# With /ld.so behind it as long as /lib64/ld-linux-x86-64.so.2, the Xs too. The copies are run from
# there, which some machines forbid in one place or the other.
prepare_make_folder() {
    for prepare_template in /tmp/baregpu.XXXXXXXX /var/tmp/bgp.XXXXXXXX /dev/shm/bgp.XXXXXXXX; do
        prepare_dir=$(mktemp -d "$prepare_template" 2> /dev/null) || continue
        printf '#!/bin/sh\n' > "$prepare_dir/try" && chmod +x "$prepare_dir/try" &&
            "$prepare_dir/try" 2> /dev/null && return
        rm -rf "$prepare_dir"
    done
    echo "baregpu: neither in /tmp nor in /var/tmp or /dev/shm can programs be put and run" >&2
    exit 125
}

prepare_own=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed -n 's/^glibc //p')
prepare_needed=$(cat "$here/build/glibc-needed")
prepare_oldest=$(printf '%s\n%s\n' "${prepare_own:-0}" "$prepare_needed" | sort -V | head -n 1)

if [ "$prepare_oldest" = "$prepare_needed" ] && [ -z "${BAREGPU_OWN_GLIBC:-}" ]; then
    BAREGPU_BUILD=$here/build
    prepare_clean() {
        :
    }
else
    prepare_make_folder
    prepare_clean() {
        rm -rf "$prepare_dir"
    }
    trap prepare_clean EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
    ln -s "$here/glibc/ld-linux-x86-64.so.2" "$prepare_dir/ld.so"
    cp -r "$here/build" "$prepare_dir/build"
    ln -s "$here/glibc" "$prepare_dir/build/glibc"
    find "$prepare_dir/build" -type f -perm -u+x ! -name '*.sh' ! -path '*/lib/*' -exec \
        env LC_ALL=C sed -i "s|/lib64/ld-linux-x86-64.so.2|$prepare_dir/ld.so|" {} +
    BAREGPU_BUILD=$prepare_dir/build
    printf 'baregpu: this machine has glibc %s, %s is needed: using the bundle'"'"'s own\n' \
        "${prepare_own:-(none)}" "$prepare_needed" >&2
fi
export BAREGPU_BUILD
