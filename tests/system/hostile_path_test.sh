#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A clone in a folder whose name is anything but a word: it builds, runs and tests, nothing in the
# name is taken for a command, and all that is made lies in it.

set -u

skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}

top=$(pwd)
qemu=$top/${BAREGPU_BUILD:-build}/qemu
[ -e mk/run.sh ] && [ -e Makefile ] || skip_all "not in a working tree"
[ -e "$qemu/tree" ] || skip_all "QEMU is not built"
command -v git > /dev/null || skip_all "no git here"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
clone="$dir/it's R&D; (a, b) \"\$x\" > \`touch hit\`"
count=0
failed=0

# check DESCRIPTION COMMAND...
check() {
    description=$1
    shift
    count=$((count + 1))
    if "$@" > "$dir/out" 2>&1 < /dev/null; then
        echo "ok $count - $description"
        return
    fi
    failed=1
    echo "not ok $count - $description"
    tail -n 30 "$dir/out" | sed 's/^/# /'
}

# What is committed and what is under work, without what is built.
copy_tree() {
    mkdir "$clone"
    git ls-files -z -c -o --exclude-standard |
        xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh |
        tar --null -T - -cf - | tar -C "$clone" -xf -
}

# The cache is this tree's: QEMU costs a copy, the compilations a look. As the user's own make.
make_there() {
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u BAREGPU_BUILD make -C "$clone" "$@"
}

echo 1..9
check "the tree is copied" copy_tree
check "make run" make_there run RUN_ARGS='--backend cpu'
cp "$dir/out" "$dir/run"
check "the guest says that all was right" grep -q 'Everything was right' "$dir/run"
check "its picture is there" test -s "$clone/build/screens/picture.png"
check "a test is built" make_there build/tests/unit/pci/bar_test
check "and passes" sh -c 'cd "$1" && build/tests/unit/pci/bar_test' sh "$clone"
make_there firmware "BUILD=$dir/x;touch $dir/hit" > "$dir/none" 2>&1 || true
check "a place with an odd name is refused" grep -q 'hit: a name of letters' "$dir/none"
make_there firmware BUILD=/proc/none > "$dir/none" 2>&1 || true
check "what cannot be written to is said" grep -q '/proc/none/ cannot be written to: BUILD=' "$dir/none"
hit=$(find "$dir" "$top" -maxdepth 2 -name hit)
check "nothing in the name was run" test -z "$hit"
exit "$failed"
