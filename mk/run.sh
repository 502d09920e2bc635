#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run.sh: starts a mediator, boots the guest on QEMU with a vgpu-stub, shows what it prints, stops
# everything, and exits with the guest's status. Needs only a POSIX shell and coreutils: it is also
# the "run" of the bundle.
#
#   --build DIR      where qemu/, host/ and firmware/ lie (build)
#   --run NAME       the guest's program (demo)
#   --append TEXT    more of the guest's command line
#   --backend NAME   the mediator's backend (its own choice)
#   --timeout S      the whole run's deadline (120)
#   --log FILE       the mediator's log (shown only when something fails)
#   --no-mediator    the device finds nobody
#   --debug          wait for gdb, no deadline
#   -- ...           more options for QEMU

set -eu

build=build
program=demo
append=
backend=
timeout_s=120
log=
mediator=yes
debug=
READY_TIMEOUT_S=20
STOP_TIMEOUT_S=10

fail() {
    printf 'baregpu: %s\n' "$*" >&2
    exit 125
}

while [ $# -gt 0 ]; do
    case $1 in
    --build) build=$2 ;;
    --run) program=$2 ;;
    --append) append=$2 ;;
    --backend) backend=$2 ;;
    --timeout) timeout_s=$2 ;;
    --log) log=$2 ;;
    --no-mediator) mediator= && set -- x "$@" ;;
    --debug) debug=yes && set -- x "$@" ;;
    --)
        shift
        break
        ;;
    *) fail "unknown option $1 (see the top of $0)" ;;
    esac
    shift 2
done

qemu=$build/qemu/qemu-system-aarch64
daemon=$build/host/baregpu-mediator
kernel=$build/firmware/baregpu.elf
for file in "$qemu" "$kernel" ${mediator:+"$daemon"}; do
    [ -e "$file" ] || fail "$file is not there"
done

# Short, private: a socket's path has at most 107 bytes, and /tmp is everybody's.
dir=$(mktemp -d "${XDG_RUNTIME_DIR:-/tmp}/baregpu.XXXXXX") || fail "no place for a socket"
socket=$dir/vgpu.sock
log=${log:-$dir/mediator.log}
mediator_pid=
qemu_pid=

# Ends a child, which runs under timeout(1): that passes the signal on, and kills it when it has not
# gone STOP_TIMEOUT_S later.
stop_child() {
    [ -n "$1" ] || return 0
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

clean_up() {
    status=$?
    trap - EXIT INT TERM HUP
    stop_child "$qemu_pid"
    stop_child "$mediator_pid"
    rm -rf "$dir"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The mediator writes to the pipe when it listens; when it dies, the pipe ends.
start_mediator() {
    mkfifo "$dir/ready"
    timeout --foreground -k "$STOP_TIMEOUT_S" 0 "$daemon" --socket "$socket" \
        ${backend:+--backend "$backend"} --ready-fd 3 3> "$dir/ready" > "$log" 2>&1 < /dev/null &
    mediator_pid=$!
    ready=$(timeout "$READY_TIMEOUT_S" head -n 1 "$dir/ready") || true
    if [ -z "$ready" ]; then
        cat "$log" >&2
        fail "the mediator did not start; its log is above"
    fi
}

[ -z "$mediator" ] || start_mediator

set -- -M virt -cpu max -m 256M -nic none -display none -monitor none -serial none \
    -kernel "$kernel" -append "run=$program${append:+ $append}" \
    -semihosting-config enable=on,target=native \
    -device "vgpu-stub,socket=$socket,access64=on,interrupt=on" "$@"

if [ -n "$debug" ]; then
    printf '%s\n' "The guest waits. In another terminal:" \
        "    gdb-multiarch $kernel -ex 'target remote $dir/gdb.sock'" \
        "Leave with Ctrl-C here." >&2
    set -- "$@" -S -chardev "socket,path=$dir/gdb.sock,server=on,wait=off,id=gdb" -gdb chardev:gdb
    timeout_s=0
fi

# In the background, so that a signal to this script is served at once.
timeout --foreground -k "$STOP_TIMEOUT_S" "$timeout_s" "$qemu" "$@" < /dev/null &
qemu_pid=$!
status=0
wait "$qemu_pid" || status=$?
qemu_pid=
if [ "$status" = 124 ]; then
    printf 'baregpu: the guest did not end within %s s\n' "$timeout_s" >&2
fi
if [ "$status" != 0 ] && [ -n "$mediator" ]; then
    printf 'baregpu: the guest ended with status %s; the mediator said:\n' "$status" >&2
    tail -n 20 "$log" >&2
fi
exit "$status"
