#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# deb.sh BUILD: Debian's packages, in BUILD/deb, of what has been built in BUILD. The tree is copied:
# packaging leaves nothing in it.

. "$(dirname "$0")/common.sh"

build=$(cd "$1" && pwd)
tree=$(cd "$(dirname "$0")/.." && pwd)
out=$build/deb

rm -rf "$out"
mkdir -p "$out/baregpu"
# Times stay: what is built is up to date for the copy, too.
tar -C "$tree" --exclude=./.git --exclude="./${build#"$tree/"}" --exclude=./build -cf - . |
    tar -C "$out/baregpu" -xf -
cd "$out/baregpu"
# Packages were seen to by their names, or by what they bring: mk/packages.sh.
DEB_BUILD_OPTIONS=nocheck BUILD=$build dpkg-buildpackage -b -d -us -uc > "$out/log" 2>&1 || {
    tail -n 30 "$out/log" >&2
    die "no packages: $out/log"
}
cd "$out"
rm -rf baregpu
cp "$tree/mk/container/baregpu-run" .
ls ./*.deb
