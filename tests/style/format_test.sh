#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The sources are in one dialect: clang-format changes nothing, each file begins with its licence in
# one form, headers have guards, and lines end in LF in any clone.

set -u

if [ ! -e .clang-format ] || ! git rev-parse --git-dir > /dev/null 2>&1; then
    echo "1..0 # SKIP not in a clone"
    exit 0
fi
echo 1..4
status=0
awk=$(mktemp)
trap 'rm -f "$awk"' EXIT

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

# A guard's name is the path's words in their order, some of the folders' left out, after BAREGPU
# where others include it. What has only one-line directives needs none.
cat > "$awk" << 'EOF'
function name_of(path,    words, count, name) {
    gsub(/-/, "_", path)
    count = split(toupper(path), words, "/")
    name = "^(HW_MISC_)?(BAREGPU_)?"
    for (i = 1; i < count; i++) {
        name = name "(" words[i] "_)?"
    }
    sub(/\.H$/, "_H", words[count])
    return name words[count] "$"
}
function check() {
    if (!is_guarded || last != "#endif" || guard !~ name_of(file)) {
        print file ": no include guard with the name of its path"
    } else if (guard in of) {
        print file ": has the guard of " of[guard]
    }
    of[guard] = file
}
FNR == 1 {
    if (needs_guard) { check() }
    file = FILENAME
    guard = ""
    is_guarded = needs_guard = 0
}
guard != "" && last == "#ifndef " guard && $0 == "#define " guard { is_guarded = 1 }
$1 == "#ifndef" && guard == "" { guard = $2 }
!/^(#(include|define) .*[^\\]|\/\*.*\*\/|)$/ { needs_guard = 1 }
{ last = $0 }
END { if (needs_guard) { check() } }
EOF
bad=$(git ls-files -- '*.h' | while read -r file; do [ ! -e "$file" ] || echo "$file"; done |
    xargs awk -f "$awk")
if [ -z "$bad" ]; then
    echo "ok 3 - headers have guards, each its own"
else
    printf '%s\n' "$bad" | sed 's/^/# /'
    echo "not ok 3 - headers have guards, each its own"
    status=1
fi

# A clone of Git for Windows, built under WSL.
if bad=$(git ls-files | git check-attr --stdin text | grep -v ': unset$'); then
    printf '%s\n' "$bad" | sed 's/^/# /'
    echo "not ok 4 - no clone changes the ends of lines"
    status=1
else
    echo "ok 4 - no clone changes the ends of lines"
fi
exit $status
