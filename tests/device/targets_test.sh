#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The devices do not depend on the target: their tests, once more, on the other targets' machines
# (q35 of x86_64, virt of riscv64). In `make soak`.

set -u

[ "${BAREGPU_SOAK:-0}" != 0 ] || {
    echo "1..0 # SKIP in make soak"
    exit 0
}
build=${BAREGPU_BUILD:-build}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
count=0
failed=0

for target in x86_64 riscv64; do
    for program in "$build"/tests/device/*_test; do
        count=$((count + 1))
        name="${program##*/} on $target"
        if ! [ -x "$build/qemu/qemu-system-$target" ]; then
            echo "ok $count - $name # SKIP built by QEMU_TARGETS=$target-softmmu"
        elif BAREGPU_TARGET=$target "$program" > "$log" 2>&1; then
            echo "ok $count - $name"
        else
            failed=1
            echo "not ok $count - $name"
            sed 's/^/# /' "$log"
        fi
    done
done
echo "1..$count"
exit "$failed"
