#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The model that docs/sst-sim.md shows is the one that sst_model_test runs.

doc=docs/sst-sim.md
model=tests/system/sst_example_model.c

echo 1..1
if [ ! -e "$doc" ] || [ ! -e "$model" ]; then
    echo "ok 1 # SKIP no documentation here"
    exit 0
fi
shown=$(awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$doc")
code=$(sed 1d "$model") # without the licence
case $shown in
*"$code"*) echo "ok 1 - $doc shows $model" ;;
*)
    echo "not ok 1 - $doc shows $model"
    exit 1
    ;;
esac
