#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The simulator's command line: what is wrong with it is said before anything listens.

set -u

program=${BAREGPU_BUILD:-build}/host/baregpu-sst-sim
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
count=0
failed=0

# refuses STATUS TEXT WORD...: it ends so, says that, and has made no socket.
refuses() {
    wanted=$1 text=$2
    shift 2
    count=$((count + 1))
    status=0
    timeout -k 5 20 "$program" "$@" > "$dir/out" 2>&1 < /dev/null || status=$?
    left=$(ls "$dir" | grep -v '^out$')
    if [ "$status" = "$wanted" ] && grep -qF -- "$text" "$dir/out" && [ -z "$left" ]; then
        echo "ok $count - $text"
    else
        failed=1
        echo "not ok $count - $text"
        echo "# status $status, expected $wanted; left: ${left:-nothing}"
        sed 's/^/# /' "$dir/out"
    fi
}

echo 1..10

refuses 2 "Usage:"
refuses 2 "foo=1: model=accelerator and model=systolic are allowed" "$dir/a,foo=1"
refuses 2 "a,: model=accelerator" "$dir/a,"
refuses 2 "model=foo: accelerator and systolic" "$dir/a,model=foo"
refuses 2 "model=systolic,foo=1: accelerator and systolic" "$dir/a,model=systolic,foo=1"
refuses 2 "path of a socket is empty" ""
refuses 2 "path of a socket is empty" "$dir/a" ",model=systolic"
refuses 2 "a: named twice" "$dir/a" "$dir/b" "$dir/a,model=systolic"
refuses 2 "a descriptor's number" --ready-fd x "$dir/a"
refuses 1 "--ready-fd 77: Bad file descriptor" --ready-fd 77 "$dir/a"
exit "$failed"
