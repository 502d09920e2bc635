#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The triangle that docs/drawing.md shows is the one that run=test-pvgpu-draw draws.

doc=docs/drawing.md
failed=0
number=0

if [ ! -e "$doc" ] || [ ! -e tests/guest/draw/triangle.c ]; then
    echo "1..0 # SKIP no documentation here"
    exit 0
fi
echo 1..3
shown=$(cat "$doc")
for source in triangle.vert triangle.frag triangle.c; do
    number=$((number + 1))
    code=$(sed 1d "tests/guest/draw/$source") # without the licence
    case $shown in
    *"$code"*) echo "ok $number - $doc shows $source" ;;
    *)
        echo "not ok $number - $doc shows $source"
        failed=1
        ;;
    esac
done
exit $failed
