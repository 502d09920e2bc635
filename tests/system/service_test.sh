#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What the packages and the container are made of, without installing any: the units, the
# configuration, the entry point. `make fresh` installs them (mk/deb-test.sh).

set -u

build=$(cd "${BAREGPU_BUILD:-build}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
failed=0

# check NAME COMMAND...
check() {
    name=$1
    shift
    count=$((count + 1))
    if "$@" > "$work/out" 2>&1; then
        echo "ok $count - $name"
    else
        echo "not ok $count - $name"
        sed 's/^/# /' "$work/out"
        failed=1
    fi
}

same_version() {
    package=$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)
    program=$("$build/host/baregpu-mediator" --version)
    echo "the package is $package, the program $program"
    [ "$program" = "baregpu-mediator $package" ]
}

# As installed, with programs that are here.
verify_units() {
    mkdir "$work/units"
    cp debian/baregpu-mediator.socket "$work/units/"
    sed -e "s|^ExecStart=[^ ]*|ExecStart=$build/host/baregpu-mediator|" -e "s|^ExecReload=kill|ExecReload=/bin/true|" \
        -e '/^DelegateSubgroup=/d' debian/mediator.service > "$work/units/baregpu-mediator.service"
    systemd-analyze verify --man=no "$work/units/baregpu-mediator.service" "$work/units/baregpu-mediator.socket" &&
        [ ! -s "$work/out" ]
}

# Both name the sockets.
same_sockets() {
    for socket in $(sed -n 's/^ListenStream=//p' debian/baregpu-mediator.socket); do
        grep -qx "path = $socket" debian/mediator.ini || return 1
    done
}

# run STATUS TEXT WORD...: baregpu-run ends so, and says that.
run() {
    wanted=$1 text=$2
    shift 2
    status=0
    PATH=$work/bin:$PATH TMPDIR=$work mk/container/baregpu-run "$@" < /dev/null || status=$?
    echo "status $status"
    [ "$status" = "$wanted" ] && grep -qF -- "$text" "$work/out"
}

leaves_nothing() {
    ls "$work" | grep -vxE 'out|units|bin' && return 1
    return 0
}

check 'the packages have the programs'\'' version' same_version
check 'the configuration is allowed' "$build/host/baregpu-mediator" --check-config --config debian/mediator.ini
check 'its listeners are the socket unit'\''s' same_sockets
if command -v systemd-analyze > /dev/null; then
    check 'systemd has nothing to say about the units' verify_units
else
    count=$((count + 1))
    echo "ok $count - systemd has nothing to say about the units # SKIP there is no systemd-analyze"
fi

mkdir "$work/bin"
ln -s "$build/host/baregpu-mediator" "$work/bin/baregpu-mediator"
ln -s "$build/qemu/qemu-system-aarch64" "$work/bin/qemu-system-baregpu"
kernel=$build/firmware/baregpu.elf
export BAREGPU_MACHINE='-M virt -cpu max -m 256M'
check 'a kernel that is all right' run 0 'Everything was right' "$kernel" \
    -append 'run=pvgpu count=1000 frames=2 width=320 height=200'
BAREGPU_DEVICE=vgpu-stub check 'one with the other device' run 0 '100 + 200 = 300' "$kernel" -append run=demo
check 'one that fails' run 1 '' "$kernel" -append run=demo
BAREGPU_TIMEOUT=1 check 'one that does not end' run 124 '' "$kernel" \
    -append 'run=pvgpu count=1000 frames=100000 width=320 height=200'
BAREGPU_DEVICE=gpu check 'no such device' run 2 'pvgpu and vgpu-stub are allowed' "$kernel"
check 'no image' run 2 'no such image' "$work/missing.elf"
check 'nothing is left' leaves_nothing
echo "1..$count"
exit "$failed"
