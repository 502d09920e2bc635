#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# fresh.sh BUILD: README.md's two commands, and `make deb`, on fresh Debians that have only git and
# make: chroots with empty caches and a clone of the last commit. The packages are then tried in one
# more (deb-test.sh). A line for each command; logs and, after a failure, the chroots are in BUILD/fresh.
#
#   FRESH_SUITES="bookworm trixie"   which releases
#   DEBIAN_MIRROR=URI                in place of this machine's own
#   FUZZ_SECONDS=                    for each fuzzer

. "$(dirname "$0")/common.sh"

BASE_DAYS=7
PATH_INSIDE=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# In the namespaces that apart() makes. This shell stays the first process: it reaps orphans.
run_inside() {
    root=$1
    shift
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    env -i HOME=/root PATH="$PATH_INSIDE" VERBOSE=1 ${http_proxy:+"http_proxy=$http_proxy"} \
        ${https_proxy:+"https_proxy=$https_proxy"} ${FUZZ_SECONDS:+"FUZZ_SECONDS=$FUZZ_SECONDS"} \
        chroot "$root" /bin/sh -c 'cd ~/baregpu && exec "$@"' sh "$@"
}

if [ "$1" = --inside ]; then
    shift
    run_inside "$@"
    exit
fi

# apart LOG COMMAND...: with mounts and processes of its own; all of them end with the command.
apart() {
    log=$1
    shift
    unshare --mount --pid --fork --kill-child --mount-proc "$@" > "$log" 2>&1 < /dev/null &
    apart_pid=$!
    status=0
    wait "$apart_pid" || status=$?
    apart_pid=
    return "$status"
}

# unshare's child is the first process: when it is killed, unshare ends after all the others.
clean_up() {
    trap '' INT TERM HUP
    rm -f "$base.$$"
    [ -n "$apart_pid" ] || return 0
    first=$(cat "/proc/$apart_pid/task/$apart_pid/children" 2> /dev/null) || true
    # shellcheck disable=SC2086 # one word with a blank behind it
    kill -KILL ${first:-$apart_pid} 2> /dev/null || true
    wait "$apart_pid" || true
}

remove_root() {
    ! grep -qF " $root/" /proc/self/mountinfo || die "something is mounted below $root"
    rm -rf --one-file-system "$root"
}

# The unpacked system, before anything was done in it, stays in the cache for a while.
make_base() {
    base=$BAREGPU_CACHE/fresh/$suite-$(content_key "$mirror").tar
    [ -z "$(find "$base" -mtime "-$BASE_DAYS" 2> /dev/null)" ] || return 0
    say "debootstrap $suite: $out/$suite-base.log"
    remove_root
    mkdir -p "$BAREGPU_CACHE/fresh"
    apart "$out/$suite-base.log" debootstrap --variant=minbase --include="$packages" "$suite" \
        "$root" "$mirror" || die "debootstrap failed: $out/$suite-base.log"
    tar -C "$root" --numeric-owner -cf "$base.$$" .
    mv "$base.$$" "$base"
}

# How this machine reaches its mirror holds in the chroot as well: names, proxies, certificates.
furnish_root() {
    remove_root
    mkdir -p "$root"
    tar -C "$root" --numeric-owner -xpf "$base"
    cp -L /etc/hosts /etc/resolv.conf "$root/etc/"
    apt-config dump Acquire | grep -vE '^Acquire::(IndexTargets|CompressionTypes)' \
        > "$root/etc/apt/apt.conf.d/90acquire"
    mkdir -p "$root/etc/ssl/certs" "$root/usr/local/share/ca-certificates"
    for path in /etc/apt/auth.conf /etc/apt/auth.conf.d /etc/ssl/certs/ca-certificates.crt \
        /usr/local/share/ca-certificates; do
        [ ! -e "$path" ] || cp -RL "$path" "$root${path%/*}/"
    done
}

# attempt NAME COMMAND...
attempt() {
    log=$out/$suite-${1##* }.log
    what=$1
    shift
    began_s=$(date +%s)
    if "$@"; then
        result=ok
        where=
    else
        result=FAILED
        where="  $log"
        failed=1
    fi
    printf '%s  %-10s  %-6s %5d s%s\n' "$name" "$what" "$result" $(($(date +%s) - began_s)) "$where"
}

try() {
    attempt "$*" apart "$out/$suite-$2.log" "$0" --inside "$root" "$@"
}

# Its namespaces are its own, and end with it.
try_packages() {
    made=$root/root/baregpu/build
    root=$out/$suite-service
    furnish_root
    if "$here/deb-test.sh" "$root" "$made/deb" "$made/firmware/baregpu.elf" > "$log" 2>&1; then
        remove_root
        packages_result=0
    else
        packages_result=1
    fi
    root=$out/$suite
    return "$packages_result"
}

[ "$(id -u)" = 0 ] || die "make fresh needs root, for debootstrap, chroot and mounts"
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/.." && pwd)
mkdir -p "$1/fresh"
out=$(cd "$1/fresh" && pwd)
"$here/packages.sh" fresh < /dev/null
mirror=$(debian_mirror)
[ -n "$mirror" ] || die "no Debian mirror in this machine's apt sources; set DEBIAN_MIRROR=URI"
packages=git,make
case $mirror in https:*) packages=$packages,ca-certificates ;; esac
git -C "$top" diff --quiet HEAD || say "what is not committed is left out"

apart_pid=
base=$out/none
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

failed=0
for suite in ${FRESH_SUITES:-bookworm trixie}; do
    root=$out/$suite
    make_base
    furnish_root
    git clone -q --no-hardlinks "$top" "$root/root/baregpu"
    name="debian $(. "$root/etc/os-release" && printf '%s' "$VERSION_ID")"
    failed_before=$failed
    try make run
    try make test
    try make deb
    attempt packages try_packages
    [ "$failed" != "$failed_before" ] || remove_root
done
exit "$failed"
