#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Kernels with references in a guest, through the whole of it: over the ring, and over the mailbox.

set -u

build=${BAREGPU_BUILD:-build}
script=$build/run.sh # in the bundle
[ -e "$script" ] || script=mk/run.sh
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
TIMEOUT_S=190 # each, on a busy machine
count=0
failed=0

# result STATUS WHAT
result() {
    count=$((count + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $count - $2"
    else
        echo "not ok $count - $2"
        sed 's/^/# /' "$dir/out"
        failed=1
    fi
}

echo 1..6
for way in ring mailbox; do
    sh "$script" --build "$build" --run "test-cuda-kernels via=$way" --timeout "$TIMEOUT_S" \
        > "$dir/out" 2>&1 < /dev/null
    result $? "$way: every result is right"
    grep -qx '1\.\.38' "$dir/out" && ! grep -q '^not ok' "$dir/out"
    result $? "$way: of all kernels"
    [ "$(grep -cE '^# block [01], warp [01]: -42 0\.50 text$' "$dir/out")" = 4 ]
    result $? "$way: what a kernel prints is on the guest's console"
done
exit $failed
