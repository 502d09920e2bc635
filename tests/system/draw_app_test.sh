#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run=pvgpu-draw as a person sees it, and run=test-pvgpu-draw, which compares pixels; on the host's
# Vulkan device.

set -u

build=${BAREGPU_BUILD:-build}
script=$build/run.sh # in the bundle
[ -e "$script" ] || script=mk/run.sh
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
count=0
failed=0
SMALL="width=320 height=180 frames=20"

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

# A machine whose Vulkan has no device: the loader is told of no driver.
no_driver() {
    VK_DRIVER_FILES=/nowhere VK_ICD_FILENAMES=/nowhere run "$@"
}

no_driver 1 "pvgpu-draw $SMALL"
result $? "without a Vulkan device run=pvgpu-draw fails"
says 'This pvgpu does not draw: the mediator has found no Vulkan device' "and says so"
says 'mesa-vulkan-drivers' "and what to do"
if run 1 "pvgpu-draw $SMALL" && grep -q 'does not draw' "$dir/out"; then
    echo "# no Vulkan device here"
    echo "1..$count"
    exit $failed
fi
run 0 test-pvgpu-draw
result $? "the guest's own tests pass"
mkdir "$dir/first" "$dir/second"
run 0 "pvgpu-draw $SMALL" --shots "$dir/first"
result $? "run=pvgpu-draw"
says '^A scene of 320 x 180$' "a scene of that size"
says '^  18 frames in [0-9]* ms: [0-9]*\.[0-9] per second, 3 draws and [0-9]* triangles each$' \
    "with its rate"
[ "$(head -qc 4 "$dir/first/"pvgpu-draw-[123].png | tr -cd 'PNG')" = PNGPNGPNG ]
result $? "three pictures are saved"
run 0 "pvgpu-draw $SMALL" --shots "$dir/second"
diff -r "$dir/first" "$dir/second" > "$dir/out"
result $? "the same at every run"
run 2 "pvgpu-draw width=63"
result $? "too small a scene is refused"
says 'width=63 is refused' "which is said"
echo "1..$count"
exit $failed
