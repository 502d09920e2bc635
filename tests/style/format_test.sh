#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The sources are in one dialect: clang-format changes nothing, and each file begins with its
# licence, in one form.

set -u

if [ ! -e .clang-format ] || ! git rev-parse --git-dir > /dev/null 2>&1; then
    echo "1..0 # SKIP not in a clone"
    exit 0
fi
echo 1..2
status=0

if bad=$(mk/format.sh --check 2>&1); then
    echo "ok 1 - the sources are formatted"
else
    printf '%s\n' "$bad" | sed 's/^/# /' | head -n 40
    echo "# mend it: make format"
    echo "not ok 1 - the sources are formatted"
    status=1
fi

# /* */ where that is a comment, # elsewhere; the second line of a script.
bad=$(
    git ls-files -- '*.c' '*.h' '*.S' '*.cu' | while read -r file; do
        [ ! -e "$file" ] || head -n 1 "$file" | grep -qxE '/\* SPDX-License-Identifier: (BSD-2-Clause|GPL-2\.0-or-later) \*/' ||
            echo "$file: line 1 is not /* SPDX-License-Identifier: ... */"
    done
    git ls-files -- '*.sh' '*.mk' Makefile linker.ld | while read -r file; do
        [ ! -e "$file" ] || head -n 2 "$file" | grep -q 'SPDX-License-Identifier: BSD-2-Clause' ||
            echo "$file: no SPDX-License-Identifier in lines 1 and 2"
    done
)
if [ -z "$bad" ]; then
    echo "ok 2 - each file begins with its licence"
else
    printf '%s\n' "$bad" | sed 's/^/# /'
    echo "not ok 2 - each file begins with its licence"
    status=1
fi
exit $status
