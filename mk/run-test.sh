#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run-test.sh PROGRAM: runs one test with a deadline. A fuzzer runs for FUZZ_SECONDS from its corpus
# (tests/fuzz/corpus/NAME) and counts as one test; what it finds lies in build/tests/fuzz/NAME/. What
# a test printed that failed is kept in PROVE_DIR/failed/.

set -u

program=$1
deadline_s=${TEST_TIMEOUT_S:-600}
KILL_AFTER_S=10

run_timed() {
    timeout --foreground -k "$KILL_AFTER_S" "$deadline_s" "$@"
    status=$?
    [ "$status" != 124 ] || echo "# $program: still running after $deadline_s s"
    return "$status"
}

# cmocka before 1.1.6 says "not ok 3 # SKIP name" of a skipped test: a failure to prove.
run_program() {
    exec 3>&1
    status=$({
        {
            run_timed "$@" 4>&-
            echo $? >&4
        } | sed -u 's/^not ok \([0-9]*\) # SKIP/ok \1 # SKIP/' >&3
    } 4>&1)
    exec 3>&-
    return "$status"
}

run_fuzzer() {
    name=$(basename "$program" _fuzz)
    # What came last has not been fuzzed for days yet.
    case $name in
    cuda_* | ptx*) seconds=60 ;;
    *) seconds=20 ;;
    esac
    seconds=${FUZZ_SECONDS:-$seconds}
    work=$program.work
    deadline_s=$((seconds + 120))
    mkdir -p "$work/corpus"
    set -- -max_total_time="$seconds" -timeout=20 -rss_limit_mb=3000 -print_final_stats=1 \
        -artifact_prefix="$work/"
    [ ! -f "tests/fuzz/$name.dict" ] || set -- "$@" "-dict=tests/fuzz/$name.dict"
    seeds=tests/fuzz/corpus/$name
    [ -d "$seeds" ] || seeds=
    echo 1..1
    # shellcheck disable=SC2086 # no word at all when empty
    if run_program "$program" "$@" "$work/corpus" $seeds > "$work/log" 2>&1; then
        echo "ok 1 - $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")" \
            "inputs in $seconds s"
    else
        echo "not ok 1 - $name: input and log in $work/"
        tail -n 40 "$work/log" | sed 's/^/# /'
        return 1
    fi
}

# Debian 12's cmocka calls a skipped test "not ok N # SKIP", which TAP counts as a failure.
run_cmocka() {
    {
        status=$({ { run_program "$1" 3>&-; echo $? >&3; } |
            sed -u 's/^not ok \([0-9]* # SKIP\)/ok \1/' >&4; } 3>&1)
    } 4>&1
    return "$status"
}

run_any() {
    case $program in
    *_fuzz) run_fuzzer ;;
    *.sh) run_program sh "$program" ;;
    /*) run_cmocka "$program" ;;
    *) run_cmocka "./$program" ;;
    esac
}

failed=${PROVE_DIR:-${BAREGPU_BUILD:-build}/tests}/failed
log=$failed/$(echo "$program" | tr / _).log
mkdir -p "$failed"
run_any > "$log" 2>&1
status=$?
cat "$log"
[ "$status" != 0 ] || rm -f "$log"
exit "$status"
