#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# compile-commands.sh QEMU_TREE {COMPILER_AND_FLAGS SOURCE... --}...: prints compile_commands.json.
# Each group is one argument with the command, then its sources, then "--". QEMU's own build knows
# how our devices are compiled: its entries are taken over with the paths of our files.

. "$(dirname "$0")/common.sh"

json_string() {
    printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g'
}

print_entry() {
    printf '%s  {"directory": "%s", "file": "%s", "command": "%s"}' \
        "$separator" "$(json_string "$1")" "$(json_string "$2")" "$(json_string "$3")"
    separator=",
"
}

tree=$1
shift
top=$(pwd -P)
separator=
printf '[\n'
while [ $# -gt 0 ]; do
    command=${1#ccache }
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        print_entry "$top" "$1" "$command -c $1"
        shift
    done
    shift
done
if [ -f "$tree/build/compile_commands.json" ]; then
    while IFS="$(printf '\t')" read -r file command; do
        print_entry "$tree/build" "$top/host/qemu-device/$file" "$command"
    done <<END
$("$(system_python)" - "$tree/build/compile_commands.json" <<'PYTHON'
import json, os, sys
for entry in json.load(open(sys.argv[1])):
    if "/hw/misc/baregpu/" in entry["file"]:
        print(os.path.basename(entry["file"]), entry["command"], sep="\t")
PYTHON
)
END
fi
printf '\n]\n'
