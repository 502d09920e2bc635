#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# baregpu-ptx as a person and a script use it.

set -u

build=${BAREGPU_BUILD:-build}
tool=$build/host/baregpu-ptx
seed=tests/fuzz/corpus/ptx/kernel.ptx
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
failed=0

# check STATUS WHAT: the last run's status.
check() {
    count=$((count + 1))
    if [ "$status" -eq "$1" ]; then
        echo "ok $count - $2"
    else
        echo "not ok $count - $2"
        sed 's/^/# /' "$work/out" "$work/err"
        failed=1
    fi
}

# says FILE TEXT WHAT: the last run printed it.
says() {
    count=$((count + 1))
    if grep -qF "$2" "$work/$1"; then
        echo "ok $count - $3"
    else
        echo "not ok $count - $3"
        sed 's/^/# /' "$work/$1"
        failed=1
    fi
}

run() {
    status=0
    "$tool" "$@" > "$work/out" 2> "$work/err" || status=$?
}

echo 1..12
run "$seed"
check 0 "a file that is right"
says out "kernel add: " "its kernel is listed"
says out "    8  .u32 n" "with the place of each parameter"
run - < "$seed"
check 0 "from standard input"
printf '.version 8.0\n.target sm_90\n.entry k() { add.s32 1; }\n' > "$work/wrong.ptx"
run "$work/wrong.ptx" "$seed"
check 1 "a file that is wrong, and one that is right"
says err "$work/wrong.ptx:3:22: error: add.s32: a register should be here" "where and why"
says out "kernel add: " "the other one is listed"
run "$work/missing.ptx"
check 2 "a file that is not there"
says err "missing.ptx: No such file" "is named"
run
check 2 "no file at all"
run -q "$seed"
[ ! -s "$work/out" ] || status=9
check 0 "-q is silent"
status=0
"$tool" "$seed" > /dev/full 2> "$work/err" || status=$?
check 2 "output that cannot be written"
exit "$failed"
