#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The run script as a user calls it: statuses, deadlines, and that nothing is left behind.

set -u

build=${BAREGPU_BUILD:-build}
script=$build/run.sh # in the bundle
[ -e "$script" ] || script=mk/run.sh
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export XDG_RUNTIME_DIR="$dir"
count=0
failed=0

# check STATUS DESCRIPTION: the status of the last run, and that its folder and sockets are gone.
check() {
    count=$((count + 1))
    left=$(ls "$dir" | grep -v '^out$')
    if [ "$status" = "$1" ] && [ -z "$left" ]; then
        echo "ok $count - $2"
        return
    fi
    failed=1
    echo "not ok $count - $2"
    echo "# status $status, expected $1; left behind: ${left:-nothing}"
    sed 's/^/# /' "$dir/out"
}

run() {
    status=0
    sh "$script" --build "$build" "$@" > "$dir/out" 2>&1 < /dev/null || status=$?
}

# silent TEXT DESCRIPTION: the last run did not print it.
silent() {
    count=$((count + 1))
    if ! grep -q -- "$1" "$dir/out"; then
        echo "ok $count - $2"
    else
        failed=1
        echo "not ok $count - $2"
        sed 's/^/# /' "$dir/out"
    fi
}

# says TEXT DESCRIPTION: the last run printed it.
says() {
    count=$((count + 1))
    if grep -q -- "$1" "$dir/out"; then
        echo "ok $count - $2"
    else
        failed=1
        echo "not ok $count - $2"
        sed 's/^/# /' "$dir/out"
    fi
}

echo 1..65

run --backend cpu
check 0 "the demo runs"
says "Everything was right" "the guest says so"

run --run no-such-program
check 2 "an unknown program fails"
says "demo" "and those that exist are listed"

run --run "pvgpu count=1000 frames=2"
check 0 "options may follow the program's name"
says "1000 floats" "and count"
run --run "pvgpu count=1000 frames=-1"
check 2 "a wrong one fails"
says "frames=-1 is refused" "and is named"

run --run pci
silent "1af4:10f0" "a program of another name has no pvgpu"
run --run pci --pvgpu
check 0 "unless it is asked for"
says "1af4:10f0" "then it is there"

run --no-mediator
check 1 "without a mediator the demo fails"
says "mediator unavailable" "and says why"

run --backend no-such-backend
check 125 "a mediator that does not start"
says "did not start" "is named"

run --timeout 1 -- -S
check 124 "a guest that hangs is ended"
says "did not end within 1 s" "and that is said"
silent "mediator said" "without the log of a mediator that is content"

run -- -device no-such-device
check 1 "what QEMU refuses"
silent "mediator said" "is none of the mediator's business"

# What people add. Where the ROMs could not be fetched, those that read none.
roms=$build/qemu/qemu-bundle/usr/local/share/qemu/efi-virtio.rom
[ ! -e "$roms" ] || set -- -device virtio-net-pci -device e1000e -device VGA
run -- -nic none -device qemu-xhci -device usb-kbd -device nvme,serial=1 -device ich9-ahci "$@"
check 0 "beside ordinary devices"
says "Everything was right" "the demo is right"

# In a folder of its own: what is left in $dir is looked at.
shots=$(mktemp -d)
trap 'rm -rf "$dir" "$shots"' EXIT
run --run screen --shots "$shots"
check 0 "a screen is shown"
for name in picture animation console; do
    count=$((count + 1))
    if [ "$(head -c 4 "$shots/$name.png" | tr -cd 'PNG')" = PNG ]; then
        echo "ok $count - $name.png is there"
    else
        failed=1
        echo "not ok $count - $name.png is there"
    fi
done
DISPLAY_BACKEND=no-such-window run --run demo
check 125 "a window that no QEMU has"
says "no-such-window" "is named"
says "run=screen" "with what there is instead"

run --frobnicate
check 125 "an unknown option"
run --run
check 125 "an option without its value"
says "--run needs a value" "is named"
run --timeout 1m
check 125 "a timeout that is no number"
says "--timeout 1m: a whole number" "is named"
run --log "$dir/none/log"
check 125 "a log that cannot be written"
says "--log $dir/none/log: a file" "is named"

# A mediator that does as it is told; the guest finds nobody.
mkdir -p "$shots/build/host"
for part in qemu firmware; do
    ln -s "$(cd "$build/$part" && pwd)" "$shots/build/$part"
done
run_with() {
    printf '#!/bin/sh\n%s\n' "$1" > "$shots/build/host/baregpu-mediator"
    chmod +x "$shots/build/host/baregpu-mediator"
    run --build "$shots/build"
}
run_with 'echo ready >&3; exec 3>&-; echo "2026-01-01T00:00:00Z info    well"; exec sleep 100'
check 1 "a guest that fails beside a mediator that is content"
silent "mediator said" "is shown alone"
run_with 'echo ready >&3; exec 3>&-; echo "2026-01-01T00:00:00Z warning it hurts"; exec sleep 100'
check 1 "beside one that complains"
says "it hurts" "the complaint is shown"
run_with 'echo "the last words"; echo ready >&3; exit 9'
check 1 "beside one that has died"
says "the last words" "what it said is shown"

# Whatever stands for the place of sockets, there is another.
long=$shots/$(printf '%090d' 0)
odd="$shots/it's a \"b\", c"
mkdir "$long" "$odd"
for place in "$shots/none" /proc "$long" "$odd" ''; do
    XDG_RUNTIME_DIR=$place
    run --run pci
    check 0 "XDG_RUNTIME_DIR=$(printf '%.40s' "${place#"$shots"}")"
done
XDG_RUNTIME_DIR=$dir
for part in qemu firmware host; do
    ln -s "$(cd "$build/$part" && pwd)" "$odd/$part"
done
run --build "$odd" --run screen --shots "$odd/new"
check 0 "blanks, quotes and commas in the names of folders"
count=$((count + 1))
if [ -s "$odd/new/picture.png" ]; then
    echo "ok $count - and a picture in one"
else
    failed=1
    echo "not ok $count - and a picture in one"
fi

# What cron, su or a container hands to a program.
status=0
env -i PATH=/usr/bin:/bin LANG=xx_YY.UTF-8 TMPDIR="$shots/none" XDG_RUNTIME_DIR="$dir" \
    sh "$script" --build "$build" --run pci > "$dir/out" 2>&1 < /dev/null || status=$?
check 0 "hardly an environment"
status=0
(
    umask 777
    exec env --ignore-signal=CHLD,INT,HUP sh "$script" --build "$build" --run pci
) > "$dir/out" 2>&1 < /dev/null || status=$?
check 0 "a umask that denies everything, signals that are ignored"
status=0
sh "$script" --build "$build" --run pci <&- > "$dir/out" 2>&1 || status=$?
check 0 "a closed standard input"
status=0
sh "$script" --build "$build" --run pci < /dev/null 2> "$dir/out" >&- || status=$?
check 0 "a closed standard output"
status=0
sh "$script" --build "$build" --run pci > "$dir/out" 2>&- < /dev/null || status=$?
check 0 "a closed standard error"
status=0
sh "$script" --build "$build" --run pci <&- >&- 2>&- || status=$?
check 0 "all of them"

if [ -w /dev/full ]; then
    status=0
    sh "$script" --build "$build" --run pci < /dev/null 2> "$dir/out" > /dev/full || status=$?
else
    status=1
    echo "No space left: no /dev/full here" > "$dir/out"
fi
check 1 "a full disk under the output"
says "No space left" "is a failure that is said"
for ignored in '' --ignore-signal=PIPE; do
    {
        # shellcheck disable=SC2086 # no word at all when empty
        env $ignored sh "$script" --build "$build" --run pci < /dev/null 2> "$dir/out"
        echo $? > "$shots/status"
    } | head -n 1 > /dev/null
    status=$(cat "$shots/status")
    check 0 "a reader that leaves ${ignored:+with SIGPIPE ignored}"
    silent "could not be written" "is none"
done

# Ended from outside in the middle of a run: both children go with the script.
end_by() {
    sh "$script" --build "$build" --backend cpu --debug > "$dir/out" 2>&1 < /dev/null &
    pid=$!
    timeout 20 sh -c 'until ls "$1"/baregpu.*/gdb.sock > "$1/out" 2>&1; do sleep 0.05; done' \
        sh "$dir"
    children=$(grep -l "$dir/baregpu" /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | tr '\n' ' ')
    kill -s "$1" "$pid"
    status=0
    wait "$pid" || status=$?
    check "$2" "a run that is ended by SIG$1"
    count=$((count + 1))
    alive=
    for child in $children; do
        ! kill -0 "$child" 2>/dev/null || alive="$alive $child"
    done
    if [ -n "$children" ] && [ -z "$alive" ]; then
        echo "ok $count - leaves no process behind"
    else
        failed=1
        echo "not ok $count - leaves no process behind"
        echo "# there were: $children; still there:$alive"
    fi
}
end_by TERM 143
end_by HUP 129
exit "$failed"
