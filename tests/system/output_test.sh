#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What the programs print, and a full disk does not take, is a failure.

set -u

[ -w /dev/full ] || {
    echo "1..0 # SKIP no /dev/full here"
    exit 0
}
host=${BAREGPU_BUILD:-build}/host
dir=$(mktemp -d)
count=0
failed=0

# fails PROGRAM OPTION...
fails() {
    program=$1
    shift
    count=$((count + 1))
    status=0
    timeout -k 5 20 "$host/$program" "$@" > /dev/full 2> "$dir/errors" < /dev/null || status=$?
    if [ "$status" = 1 ] && grep -q 'No space left' "$dir/errors"; then
        echo "ok $count - $program $1"
    else
        failed=1
        echo "not ok $count - $program $1"
        echo "# status $status, expected 1"
        sed 's/^/# /' "$dir/errors"
    fi
}

mkfifo "$dir/ready"
"$host/baregpu-mediator" --backend cpu --socket "$dir/sock" --ready-fd 3 3> "$dir/ready" 2> /dev/null &
mediator=$!
trap 'kill $mediator; rm -rf "$dir"' EXIT
timeout 20 head -n 1 "$dir/ready" > /dev/null

echo 1..5
fails baregpu-mediator --help
fails baregpu-mediator --version
fails baregpu-mediator --status --socket "$dir/sock"
fails baregpu-sst-sim --help
fails baregpu-sst-sim --usage
exit "$failed"
