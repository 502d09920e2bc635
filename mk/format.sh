#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# format.sh: brings every C file into the one form (.clang-format). --check: changes nothing, says
# what is not in it, in a word per file or line, and fails.

. "$(dirname "$0")/common.sh"
VERSION=19 # versions differ in what they make of the same settings

clang_format=$(command -v clang-format-$VERSION || command -v clang-format || true)
"${clang_format:-false}" --version 2> /dev/null | grep -q "version $VERSION\." ||
    die "clang-format $VERSION is not there (Debian: apt-get install clang-format-$VERSION)"

list_files() {
    git ls-files -- '*.c' '*.h' | while read -r file; do
        [ ! -e "$file" ] || printf '%s\n' "$file" # deleted, not yet committed
    done
}

if [ "${1:-}" != --check ]; then
    list_files | xargs "$clang_format" -i
    exit
fi

bad=$(list_files | xargs "$clang_format" --dry-run -Werror 2>&1 |
    sed -n 's/^\(.*:[0-9]*\):[0-9]*: error: .*/\1: formatted otherwise/p' | sort -u)
[ -n "$bad" ] || exit 0
printf '%s\n' "$bad"
exit 1
