#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shake.sh JOBS PARALLEL SERIAL: runs the tests (lists of paths) SHAKE_ROUNDS times beside
# SHAKE_LOADS busy loops, and says which of them failed at least once: a race that a quiet machine
# hides. The log of each failure stays in BUILD/shake/TEST-ROUND.log.

. "$(dirname "$0")/common.sh"

here=$(dirname "$0")
out=$BAREGPU_BUILD/shake

# One test; nothing is kept of one that passes.
if [ "$1" = --one ]; then
    name=$(printf '%s' "${3#"$BAREGPU_BUILD"/}" | sed 's|^tests/||; s|\.sh$||; s|/|-|g')
    log=$out/$name-$2.log
    if VERBOSE=1 PROVE_DIR="$out/$name" "$here/prove.sh" 1 "$3" '' '' > "$log" 2>&1; then
        rm -f "$log"
    else
        printf '%s\n' "$3" >> "$out/failed"
        say "round $2: $3 failed: $log"
    fi
    rm -rf "${out:?}/$name"
    exit 0
fi

jobs=$1
parallel=$2
serial=$3
rounds=${SHAKE_ROUNDS:-20}
loads=${SHAKE_LOADS:-2}
[ -n "$parallel$serial" ] || die "no test has this in its path"

rm -rf "$out"
mkdir -p "$out"
: > "$out/failed"

# Each looks whether this shell is still there: none outlives it, however it ends.
busy_loop() {
    while kill -0 $$ 2> /dev/null; do
        i=0
        while [ "$i" -lt 100000 ]; do
            i=$((i + 1))
        done
    done
}
load_pids=
stop_loads() {
    # shellcheck disable=SC2086 # a list of words
    [ -z "$load_pids" ] || kill $load_pids 2> /dev/null || true
}
trap stop_loads EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
while [ "$loads" -gt 0 ]; do
    busy_loop &
    load_pids="$load_pids $!"
    loads=$((loads - 1))
done

# run_list JOBS LIST
run_list() {
    # shellcheck disable=SC2086 # a list of paths
    [ -z "$2" ] || printf '%s\n' $2 | xargs -P "$1" -I '{}' "$0" --one "$round" '{}'
}

round=1
while [ "$round" -le "$rounds" ]; do
    say "round $round of $rounds"
    run_list "$jobs" "$parallel"
    run_list 1 "$serial"
    round=$((round + 1))
done

if [ ! -s "$out/failed" ]; then
    echo "every test passed $rounds times"
    exit 0
fi
sort "$out/failed" | uniq -c |
    awk -v rounds="$rounds" '{ printf "%-56s failed %d of %d times\n", $2, $1, rounds }'
echo "logs: $out/"
exit 1
