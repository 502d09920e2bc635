#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run=test_cuda: the guest's CUDA over pvgpu and vgpu-stub at once, with the mediator and its CPU
# device behind them.

set -u

build=${BAREGPU_BUILD:-build}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
failed=0

# result STATUS NUMBER WHAT
result() {
    if [ "$1" -eq 0 ]; then
        echo "ok $2 - $3"
    else
        echo "not ok $2 - $3"
        sed 's/^/# /' "$out"
        failed=1
    fi
}

echo 1..3
sh mk/run.sh --build "$build" --run test_cuda > "$out" 2>&1 < /dev/null
result $? 1 "the guest's own tests pass"
grep -q '^# ring: [0-9]* ns a call' "$out"
result $? 2 "over the ring"
grep -q '^# mailbox: [0-9]* ns a call' "$out"
result $? 3 "and over the mailbox"
grep '^# ring: [0-9]\|^# mailbox: [0-9]' "$out"
exit $failed
