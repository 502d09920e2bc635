#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# prove.sh JOBS PARALLEL SERIAL FUZZERS: runs the tests (lists of paths) under prove, in 3 phases.
# Two at a time need a PROVE_DIR each.

. "$(dirname "$0")/common.sh"

jobs=$1
PROVE_DIR=${PROVE_DIR:-$BAREGPU_BUILD/tests}
rules=$PROVE_DIR/rules.yml

# print_phase WORD LIST: one phase; prove takes no empty one.
print_phase() {
    [ -n "$2" ] || return 0
    printf '  - %s:\n' "$1"
    # shellcheck disable=SC2086 # a list of paths
    printf '      - %s\n' $2
}

[ -n "$2$3$4" ] || die "no test has this in its path"
mkdir -p "$PROVE_DIR"
{
    printf -- '---\nseq:\n'
    print_phase par "$2"
    print_phase seq "$3"
    print_phase par "$4"
} > "$rules"

# make's job server is not for the tests.
unset MAKEFLAGS MFLAGS MAKELEVEL
export HARNESS_RULESFILE="$rules"
# Where libraries that are opened later, as LLVM is, keep a thread's variables it would guess, wrongly.
asan=detect_leaks=1:detect_stack_use_after_return=1:intercept_tls_get_addr=0
export ASAN_OPTIONS="${ASAN_OPTIONS:-$asan}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
export BAREGPU_BUILD PROVE_DIR FUZZ_SECONDS TEST_TIMEOUT_S
rm -rf "$PROVE_DIR/failed"
# shellcheck disable=SC2086 # lists of paths
prove --timer ${VERBOSE:+-v} -j "$jobs" -e "$(dirname "$0")/run-test.sh" $2 $3 $4 < /dev/null &&
    exit
status=$?
for log in "$PROVE_DIR/failed"/*.log; do
    [ -f "$log" ] || continue
    printf '\n---- %s:\n' "$log"
    grep -v '^ok' "$log" | tail -n 60
done
echo "Result: FAIL"
exit "$status"
