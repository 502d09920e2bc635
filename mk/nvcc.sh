#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# nvcc.sh NVCC SOURCE OUT FLAG...: SOURCE.cu becomes OUT, and OUT.d the rule for what it read.
#
# nvcc gives its folder's name to a shell, between double quotes: in a folder whose name means
# something there the sources are compiled from a copy elsewhere.

. "$(dirname "$0")/common.sh"

nvcc=$1
source=$2
out=$3
shift 3

compile() {
    "$nvcc" -I. -Ihost "$@" -MD -MP -MF "$out.d" -MT "$out" -fatbin "$source" -o "$out"
}

case $(pwd -P) in
*[!A-Za-z0-9/._+@%,=~-]*) ;;
*)
    compile "$@"
    exit
    ;;
esac
copy=$(mktemp -d /tmp/baregpu.XXXXXX)
trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy/$(dirname "$out")"
cp -r host protocol "$copy/"
(cd "$copy" && compile "$@")
mv "$copy/$out" "$copy/$out.d" "$(dirname "$out")/"
