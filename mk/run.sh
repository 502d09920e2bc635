#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run.sh: starts a mediator (for the program sst a simulator, too), boots the guest on QEMU with a
# vgpu-stub, shows what it prints, stops everything, and exits with the guest's status. Needs only a
# POSIX shell and coreutils: it is also the "run" of the bundle.
#
# The programs that draw also get a virtio GPU; those that have "cuda" or "pvgpu" in their names get a
# pvgpu, as any other does with --pvgpu.
# Environment: DISPLAY_BACKEND=vnc, gtk, sdl, ... shows its screen while they run; gtk and sdl take
# this machine's own QEMU when ours has no windows.
#
#   --build DIR      where qemu/, host/ and firmware/ lie (build)
#   --run NAME       the guest's program (demo)
#   --append TEXT    more of the guest's command line
#   --backend NAME   the mediator's backend (its own choice)
#   --timeout S      the whole run's deadline, whole seconds (120; 0: none)
#   --log FILE       the mediator's log (shown when the run fails and the mediator complained)
#   --pvgpu          the guest has a pvgpu, whatever its program's name
#   --no-mediator    the device finds nobody
#   --shots DIR      what the screen shows is saved there, as PNG
#   --debug          wait for gdb, no deadline
#   -- ...           more options for QEMU

set -eu
export LC_ALL=C
unset CDPATH
umask u+rwx # what is made here is for use here

# Who starts this may have closed them; the next file that is opened would take their place.
(: 3<&0) 2> /dev/null || exec < /dev/null
(: 3>&1) 2> /dev/null || exec > /dev/null
(: 3>&2) 2> /dev/null || exec 2> /dev/null

build=build
program=demo
append=
backend=
timeout_s=120
log=
mediator=yes
debug=
shots=
pvgpu=
FOLDER_MAX=80
READY_TIMEOUT_S=20
STOP_TIMEOUT_S=10

fail() {
    printf 'baregpu: %s\n' "$*" >&2
    exit 125
}

while [ $# -gt 0 ]; do
    case $1 in
    --build | --run | --append | --backend | --timeout | --log | --shots)
        [ $# -gt 1 ] || fail "$1 needs a value (see the top of $0)"
        ;;
    esac
    case $1 in
    --build) build=$2 ;;
    --run) program=$2 ;;
    --append) append=$2 ;;
    --backend) backend=$2 ;;
    --timeout) timeout_s=$2 ;;
    --log) log=$2 ;;
    --pvgpu) pvgpu=pvgpu && set -- x "$@" ;;
    --no-mediator) mediator= && set -- x "$@" ;;
    --debug) debug=yes && set -- x "$@" ;;
    --shots) shots=$2 ;;
    --)
        shift
        break
        ;;
    *) fail "unknown option $1 (see the top of $0)" ;;
    esac
    shift 2
done
case $timeout_s in
'' | *[!0-9]* | ??????????*)
    fail "--timeout $timeout_s: a whole number of seconds is wanted; 0: no deadline"
    ;;
esac

app=${program%% *} # options may follow it
case " $program $* " in
*virtio-gpu*) screen= ;; # the caller's own
' screen '* | ' demo '* | ' cuda '*) screen=virtio-gpu-pci,id=gpu0 ;;
' pvgpu '* | ' pvgpu-draw '*) screen=pvgpu,id=gpu0 ;;
*) screen= ;;
esac
case $app in
pvgpu | pvgpu-draw) pvgpu=${screen:-pvgpu} ;;
*pvgpu* | *cuda*) pvgpu=pvgpu ;;
esac
[ -n "$screen" ] || shots=

qemu=$build/qemu/qemu-system-aarch64
stub=yes
window=
VNC_PORT_BASE=5900

# Chooses a QEMU that can open such a window.
choose_display() {
    case $DISPLAY_BACKEND in
    vnc*)
        window="-vnc ${VNC_DISPLAY:-127.0.0.1:0}"
        printf 'baregpu: the screen is at VNC display %s (port %s + its number)\n' \
            "${VNC_DISPLAY:-127.0.0.1:0}" "$VNC_PORT_BASE" >&2
        return
        ;;
    esac
    window="-display $DISPLAY_BACKEND"
    ! "$qemu" -display help 2> /dev/null | grep -qx "${DISPLAY_BACKEND%%,*}" || return 0
    [ "$app" = screen ] ||
        fail "this QEMU has no $DISPLAY_BACKEND window: DISPLAY_BACKEND=vnc needs none." \
            "Only run=screen can take this machine's own QEMU: it may have windows, but does not" \
            "know our devices"
    qemu=$(command -v qemu-system-aarch64 || true)
    if [ -z "$qemu" ] ||
        ! "$qemu" -display help 2> /dev/null | grep -qx "${DISPLAY_BACKEND%%,*}"; then
        fail "no QEMU here has a $DISPLAY_BACKEND window: DISPLAY_BACKEND=vnc needs none"
    fi
    stub= # that QEMU does not know the device
    mediator=
}
[ -z "$screen" ] || [ -z "${DISPLAY_BACKEND:-}" ] || choose_display

daemon=$build/host/baregpu-mediator
case $app in
test* | bench*) kernel=$build/firmware/baregpu-test.elf ;; # the guest's tests: an image of their own
*) kernel=$build/firmware/baregpu.elf ;;
esac
simulator=
[ "$app" != sst ] || simulator=$build/host/baregpu-sst-sim
for file in "$qemu" "$kernel" ${mediator:+"$daemon"} ${simulator:+"$simulator"}; do
    [ -e "$file" ] || fail "$file is not there"
done
[ -z "$mediator" ] || [ -z "$log" ] || (: > "$log") 2> /dev/null ||
    fail "--log $log: a file is wanted that can be written"
[ -z "$shots" ] || mkdir -p "$shots" 2> /dev/null ||
    fail "--shots $shots: a folder is wanted that can be made"

# A private folder for sockets and pipes. XDG_RUNTIME_DIR may be missing, another user's, or too
# long: a socket's path has at most 107 bytes. Its path goes into QEMU's options and QMP's strings
# as well, so that it has no character that means something there.
make_folder() {
    for place in "${XDG_RUNTIME_DIR:-}" "${TMPDIR:-}" /tmp /var/tmp; do
        case $place in
        /*[!A-Za-z0-9/._+@-]*) continue ;;
        /*) [ "${#place}" -le "$FOLDER_MAX" ] || continue ;;
        *) continue ;;
        esac
        dir=$(mktemp -d "$place/baregpu.XXXXXX" 2> /dev/null) || continue
        (printf x > "$dir/test") 2> /dev/null && return 0
        rm -rf "$dir"
    done
    fail "no place for a socket: nothing can be written in /tmp, or its disk is full"
}
make_folder
socket=$dir/vgpu.sock
log=${log:-$dir/mediator.log}
mediator_pid=
simulator_pid=
qemu_pid=
shots_pid=
printer_pid=

# QEMU and the guest look at no error when they print. What is no terminal may be full: everything
# then goes through cat, which does look.
watch_output() {
    [ ! -t 1 ] || return 0
    mkfifo "$dir/printed"
    cat < "$dir/printed" 2> "$dir/printer" &
    printer_pid=$!
    exec > "$dir/printed"
}

# The last of the pipe: whether all of it could be written. A reader that has left is its own wish;
# cat fails on it where SIGPIPE is ignored, as under systemd.
check_output() {
    [ -n "$printer_pid" ] || return 0
    exec > /dev/null
    printed=0
    wait "$printer_pid" || printed=$?
    case $printed in
    0 | 141) return 0 ;;
    esac
    ! grep -q 'Broken pipe' "$dir/printer" || return 0
    printf 'baregpu: what was printed could not be written: %s\n' \
        "$(sed -n '1s/.*: //p' "$dir/printer")" >&2
    [ "$status" != 0 ] || status=1
}

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
    trap '' PIPE # nobody reads any more; what was started is stopped all the same
    stop_child "$qemu_pid"
    stop_child "$shots_pid"
    stop_child "$mediator_pid"
    stop_child "$simulator_pid"
    check_output
    rm -rf "$dir"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
trap 'exit 141' PIPE
watch_output

# The mediator writes to the pipe when it listens; when it dies, the pipe ends.
start_mediator() {
    mkfifo "$dir/ready"
    timeout --foreground -k "$STOP_TIMEOUT_S" 0 "$daemon" --socket "$socket" \
        --pvgpu-socket "$dir/pvgpu.sock" ${backend:+--backend "$backend"} \
        --ready-fd 3 3> "$dir/ready" > "$log" 2>&1 < /dev/null &
    mediator_pid=$!
    ready=$(timeout "$READY_TIMEOUT_S" head -n 1 "$dir/ready") || true
    if [ -z "$ready" ]; then
        cat "$log" >&2
        fail "the mediator did not start; its log is above"
    fi
}

# The same for the simulator: an accelerator for a PCI device, a multiplier for one on virtio-mmio.
start_simulator() {
    mkfifo "$dir/simulates"
    timeout --foreground -k "$STOP_TIMEOUT_S" 0 "$simulator" "$dir/sst0" "$dir/sst1,model=systolic" \
        --ready-fd 3 3> "$dir/simulates" > "$dir/simulator.log" 2>&1 < /dev/null &
    simulator_pid=$!
    ready=$(timeout "$READY_TIMEOUT_S" head -n 1 "$dir/simulates") || true
    if [ -z "$ready" ]; then
        cat "$dir/simulator.log" >&2
        fail "the simulator did not start; what it said is above"
    fi
}

# The guest asks over its UART, "@shot NAME", and waits for a line; QEMU is asked by QMP. Both are
# pipes, opened for both directions, so that neither side waits for the other to open them.
answer_shots() {
    exec 4<> "$dir/qmp.in" 5<> "$dir/qmp.out" 6<> "$dir/uart.in" 7<> "$dir/uart.out"
    printf '{"execute": "qmp_capabilities"}\n' >&4
    while read -r what name <&7; do
        name=$(printf '%s' "$name" | tr -cd 'a-z0-9-')
        [ "$what" = @shot ] && [ -n "$name" ] || continue
        printf '{"execute": "screendump", "id": "shot", "arguments": {"device": "gpu0",' >&4
        printf ' "filename": "%s", "format": "png"}}\n' "$dir/shot.png" >&4
        while read -r reply <&5; do
            case $reply in
            *'"id": "shot"'*'"error"'* | *'"error"'*'"id": "shot"'*)
                printf 'baregpu: no picture of the screen: %s\n' "$reply" >&2
                : > "$dir/no-picture"
                break
                ;;
            *'"id": "shot"'*)
                if cp "$dir/shot.png" "$shots/$name.png"; then
                    printf 'The screen is in %s\n' "$shots/$name.png"
                else
                    : > "$dir/no-picture"
                fi
                break
                ;;
            esac
        done
        printf 'ok\n' >&6
    done
}

# Whether the mediator has ended by itself or has complained, on a terminal or for a journal. That the
# system has no namespaces for its workers is the same in every run.
mediator_suffered() {
    ! kill -0 "$mediator_pid" 2> /dev/null ||
        grep -E '^(<[0-4]>|[^ ]+ (error|warning) )' "$log" | grep -qv 'workers are not alone'
}

start_shots() {
    mkfifo "$dir/qmp.in" "$dir/qmp.out" "$dir/uart.in" "$dir/uart.out"
    answer_shots < /dev/null &
    shots_pid=$!
}

[ -z "$mediator" ] || start_mediator
[ -z "$simulator" ] || start_simulator
[ -z "$shots" ] || start_shots

# What the guest is told first, it may be told otherwise behind it.
append="${window:+hold=5 }run=$program${shots:+ shots=1 console=semihosting}${append:+ $append}"
[ -z "$stub" ] || set -- -device "vgpu-stub,socket=$socket,access64=on,interrupt=on" "$@"
[ -z "$pvgpu" ] || set -- "$@" -device "$pvgpu,backend_pipe=$dir/pvgpu.sock"
[ "${screen:-$pvgpu}" = "$pvgpu" ] || set -- "$@" -device "$screen"
[ -z "$simulator" ] || set -- "$@" -device "virtio-sst-pci,socket=$dir/sst0" \
    -device "virtio-sst-device,socket=$dir/sst1,device-id=1"
if [ -n "$shots" ]; then
    set -- -chardev "pipe,id=uart,path=$dir/uart" -serial chardev:uart \
        -chardev "pipe,id=qmp,path=$dir/qmp" -mon chardev=qmp,mode=control "$@"
else
    set -- -serial none "$@"
fi
# shellcheck disable=SC2086 # a list of words
set -- -M virt -cpu max -m 256M -nic none ${window:--display none} -monitor none \
    -kernel "$kernel" -append "$append" -semihosting-config enable=on,target=native "$@"

if [ -n "$debug" ]; then
    printf '%s\n' "The guest waits. In another terminal:" \
        "    gdb-multiarch $kernel -ex 'target remote $dir/gdb.sock'" \
        "Leave with Ctrl-C here." >&2
    set -- "$@" -S -chardev "socket,path=$dir/gdb.sock,server=on,wait=off,id=gdb" -gdb chardev:gdb
    timeout_s=0
fi

began_s=$(date +%s)
# In the background, so that a signal to this script is served at once.
timeout --foreground -k "$STOP_TIMEOUT_S" "$timeout_s" "$qemu" "$@" < /dev/null &
qemu_pid=$!
status=0
wait "$qemu_pid" || status=$?
qemu_pid=
# A guest that took an exception ends with the same status as timeout(1).
if [ "$status" = 124 ] && [ "$timeout_s" != 0 ] &&
    [ $(($(date +%s) - began_s)) -ge "$timeout_s" ]; then
    printf 'baregpu: the guest did not end within %s s\n' "$timeout_s" >&2
fi
# Most failures are none of the mediator's business.
if [ "$status" = 0 ] && [ -e "$dir/no-picture" ]; then
    status=1
fi
if [ "$status" != 0 ] && [ -n "$mediator" ] && mediator_suffered; then
    printf 'baregpu: the guest ended with status %s; the mediator said:\n' "$status" >&2
    tail -n 20 "$log" >&2
fi
exit "$status"
