#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# deb-test.sh ROOT DEBS KERNEL: whether the packages in DEBS install, serve a guest (KERNEL), keep its
# session when the service is restarted, killed and upgraded, and can be removed. ROOT is a Debian
# that is there only for this, and boots its own systemd in namespaces. Root's alone. Prints TAP.

. "$(dirname "$0")/common.sh"

MINUTES=10

# All of it is this process's namespaces'.
boot() {
    root=$1
    mount --make-rprivate /
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount -t sysfs sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    for device in null zero full random urandom tty; do
        touch "$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    mkdir -p "$root/outside"
    cd "$root"
    pivot_root . outside
    umount -l /outside
    exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --unit=trial.target --show-status=0
}

if [ "$1" = --boot ]; then
    boot "$2"
fi

[ "$(id -u)" = 0 ] || die "deb-test.sh needs root, for namespaces and mounts"
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$1" && pwd)
debs=$2
kernel=$3
trial=$root/trial

# The next version of a package, which is the same in all else.
repack() {
    dpkg-deb -R "$1" "$trial/next.tree"
    sed -i 's/^Version: .*/&+next/' "$trial/next.tree/DEBIAN/control"
    dpkg-deb --root-owner-group -b "$trial/next.tree" "$trial/next/${1##*/}" > /dev/null
    rm -rf "$trial/next.tree"
}

rm -rf "$trial"
mkdir -p "$trial/debs" "$trial/next" "$root/etc/systemd/system"
for package in baregpu-mediator baregpu-tools libbaregpu-dev qemu-system-baregpu; do
    cp "$debs/${package}"_*.deb "$trial/debs/"
done
repack "$trial"/debs/baregpu-mediator_*.deb
cp "$kernel" "$trial/kernel.elf"
cp "$here/deb-test/inside.sh" "$trial/inside.sh"
cp "$here/deb-test/trial.target" "$here/deb-test/trial.service" "$root/etc/systemd/system/"
unshare --mount --pid --fork --kill-child --mount-proc=/proc chroot "$root" sh -c '
    mount -t proc proc /proc
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q -o DPkg::Lock::Timeout=600 update &&
        apt-get -q install -y --no-install-recommends systemd procps pkg-config /trial/debs/*.deb' \
    > "$trial/install.log" 2>&1 < /dev/null || {
    tail -n 20 "$trial/install.log" >&2
    die "the packages do not install: $trial/install.log"
}
timeout "${MINUTES}m" unshare --mount --pid --cgroup --ipc --uts --fork --kill-child \
    "$0" --boot "$root" > "$trial/boot.log" 2>&1 < /dev/null || true
cat "$trial/result.tap" 2> /dev/null || die "its systemd did not start: $trial/boot.log"
! grep -q '^not ok' "$trial/result.tap" && grep -q '^1\.\.' "$trial/result.tap"
