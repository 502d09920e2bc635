#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The model of pvgpu's sleeps, searched whole by Spin: the protocol never sleeps for ever, and each
# variant without one of its barriers or checks does, so that the model is known to see it.

set -u

model=$PWD/tests/models/pvgpu_doorbell.pml
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
variants="NO_BACKEND_BARRIER NO_GUEST_BARRIER NO_INTERRUPT_BARRIER NO_SUPPRESS_BARRIER NO_RECHECK
          NO_GUEST_RECHECK LATE_PUBLISH"

echo 1..8
why=
command -v spin > /dev/null || why="no spin"
command -v "${CC:-cc}" > /dev/null || why="no compiler"
[ -e "$model" ] || why="no model here"
if [ -n "$why" ]; then
    for number in 1 2 3 4 5 6 7 8; do
        echo "ok $number # SKIP $why"
    done
    exit 0
fi

# search [-DVARIANT]: how many errors there are in the whole state space, or a word that says why
# that is not known.
search() {
    (
        cd "$work" && rm -f pan* &&
            spin "$@" -a "$model" > log 2>&1 &&
            ${CC:-cc} -O2 -w -DSAFETY -o pan pan.c >> log 2>&1 &&
            timeout 120 ./pan -m1000000 > result 2>&1
        grep -q 'max search depth too small' result && echo "too deep" && return
        sed -n 's/^State-vector.*errors: \([0-9]*\).*/\1/p' result
    )
}

number=1
status=0
check() { # check WHAT CONDITION...
    what=$1
    shift
    if "$@"; then
        echo "ok $number - $what"
    else
        echo "not ok $number - $what"
        sed 's/^/# /' "$work/log" "$work/result"
        status=1
    fi
    number=$((number + 1))
}

errors=$(search)
check "nobody sleeps for ever ($(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' "$work/result") states)" \
    [ "$errors" = 0 ]
for variant in $variants; do
    errors=$(search "-D$variant")
    check "$variant is found out" [ "$errors" = 1 ]
done
exit "$status"
