#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# docs/cuda.md says of every function of the driver API whether a guest has it: held to cuda.h, to
# what the CPU device exports, and to the guest's library.

set -u

build=${BAREGPU_BUILD:-build}
doc=docs/cuda.md
cross=$(cat "$build/firmware/cross" 2> /dev/null)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

if [ ! -e "$doc" ] || [ ! -e protocol/cuda.h ]; then
    echo "1..0 # SKIP no sources here"
    exit 0
fi

# part HEADING...: the functions named in the sections of these headings
part() {
    for heading in "$@"; do
        awk -v heading="## $heading" '/^## / { inside = $0 == heading } inside' "$doc"
    done | grep -o '\bcu[A-Z][A-Za-z0-9_]*' | sort -u
}

# result NUMBER WHAT: good when nothing is in $work/wrong
result() {
    if [ -s "$work/wrong" ]; then
        sed 's/^/# /' "$work/wrong" | head -n 40
        echo "not ok $1 - $2"
        failed=1
    else
        echo "ok $1 - $2"
    fi
}

works='What works'
refused='What is `CUDA_ERROR_NOT_SUPPORTED`'
absent='What is absent'

# What cuda.h calls a function, and by what name it is exported.
sed -n 's/^CUresult \(cu[A-Za-z0-9_]*\)(.*/\1/p' protocol/cuda.h | sort -u > "$work/declared"
sed -n 's/^#define \(cu[A-Za-z0-9]*\) \(cu[A-Za-z0-9_]*\)$/\1 \2/p' protocol/cuda.h > "$work/versions"
# In whatever form.
sed -n 's/^UNSUPPORTED(\(.*\))$/\1/p' host/cuda-cpu/driver/unsupported.def |
    sed -e 's/_pt[ds][sz]$//' -e 's/_v[0-9]$//' > "$work/unsupported"
part "$works" "$refused" > "$work/there"
part "$absent" > "$work/absent"

echo 1..4
sort -u "$work/declared" "$work/unsupported" > "$work/all"
sort -u "$work/there" "$work/absent" | diff "$work/all" - > "$work/wrong"
result 1 "each function of the API is in the table"
{
    part "$works" | sort > "$work/a"
    part "$refused" | sort | comm -12 "$work/a" -
    comm -12 "$work/there" "$work/absent"
} > "$work/wrong"
result 2 "and in one of its parts"
if [ -n "$cross" ] && [ -e "$build/firmware/libbaregpu.a" ]; then
    awk 'NR == FNR { version[$1] = $2; next } { print $1 in version ? version[$1] : $1 }' \
        "$work/versions" "$work/there" | sort -u > "$work/expected"
    "${cross}nm" --defined-only "$build/firmware/libbaregpu.a" 2> /dev/null |
        awk '$2 == "T" && $3 ~ /^cu[A-Z]/ { print $3 }' | sort -u |
        diff "$work/expected" - > "$work/wrong"
    result 3 "the guest's library has what is there, and no more"
else
    echo "ok 3 - the guest's library has what is there, and no more # SKIP no cross compiler here"
fi
# What is refused is refused by its own file, and nothing else is there.
sed -n 's/^CUresult \(cu[A-Za-z0-9_]*\)(.*/\1/p' firmware/cuda/unsupported.c | sort > "$work/a"
part "$refused" | sort | comm -13 - "$work/a" > "$work/wrong"
result 4 "what the library refuses is said to be refused"
exit $failed
