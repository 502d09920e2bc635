#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run=cuda as a person sees it: on the ring, on the mailbox, the picture, and what is said when
# something is missing.

set -u

build=${BAREGPU_BUILD:-build}
script=$build/run.sh # in the bundle
[ -e "$script" ] || script=mk/run.sh
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
count=0
failed=0
SMALL="side=70 count=5000 bodies=200 width=160 height=100"

# run STATUS PROGRAM OPTION...: its text into $dir/out
run() {
    expected=$1 program=$2
    shift 2
    status=0
    sh "$script" --build "$build" --run "$program" "$@" > "$dir/out" 2>&1 < /dev/null || status=$?
    [ "$status" = "$expected" ]
}

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

# says TEXT WHAT
says() {
    grep -q -e "$1" "$dir/out"
    result $? "$2"
}

echo 1..15
run 0 cuda --shots "$dir"
result $? "run=cuda"
says "^GPU, through pvgpu's ring$" "on the ring, where there is one"
[ "$(grep -cE '^  .*  right +[0-9]+\.[0-9]{3} ms +[0-9]+\.[0-9]{3} [A-Z]' "$dir/out")" = 6 ]
result $? "six results, each right, with time and rate"
says '^Everything was right\.$' "which is said"
[ "$(head -c 4 "$dir/cuda.png" | tr -cd 'PNG')" = PNG ]
result $? "the picture is saved"
run 0 "cuda via=mailbox $SMALL"
result $? "small sizes, by the mailbox"
says "^GPU, through vgpu-stub's mailbox$" "as asked for"
says 'Mandelbrot set, 160 x 100 .* right' "a picture of that size"
run 0 "cuda blocking=1 $SMALL"
result $? "launches that wait"
run 1 cuda --no-mediator
result $? "without a mediator it fails"
says 'nobody answers behind it' "and says so"
run 1 "cuda via=mailbox" --no-mediator
result $? "by the mailbox, too"
says 'CUDA_ERROR_DEVICE_UNAVAILABLE' "with CUDA's error"
run 2 "cuda via=air"
result $? "another way there is not"
says 'via=air is refused' "which is said"
exit $failed
