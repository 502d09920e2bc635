#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# test [PATTERN]: runs the test programs whose path has PATTERN, reads their TAP, and ends with the
# line "N passed, N failed". A program that ends badly or short of its plan counts as failed.

set -u
unset CDPATH
here=$(cd "$(dirname "$0")" && pwd)
. "$here/build/prepare.sh"
cd "$here" || exit 125
# The tests split QEMU's options at blanks: a path of theirs does not name the folder we are in.
[ "$BAREGPU_BUILD" != "$here/build" ] || BAREGPU_BUILD=build

# The programs' paths begin with build/, wherever that is now.
counts=$(mktemp)
errors=$(mktemp)
while read -r test; do
    case $test in
    *"${1:-}"*) ;;
    *) continue ;;
    esac
    case $test in
    build/*) program=$BAREGPU_BUILD/${test#build/} ;;
    *) program=$test ;;
    esac
    {
        sh "$BAREGPU_BUILD/run-test.sh" "$program" 2> "$errors"
        echo "exit status $?"
    } < /dev/null | awk -v test="$test" -v counts="$counts" -v errors="$errors" '
        /^1\.\.[0-9]+/ { plan = substr($1, 4) + 0; planned = 1 }
        /^1\.\.0 *#/ { print "    " $0 }
        /^ok/ { passed++ }
        /^ok.*# *SKIP/ { skipped++; print "    " $0 }
        /^not ok/ { failed++ }
        /^not ok/ || /^#/ { print "    " $0 }
        /^exit status/ { status = $3; next }
        { last = $0 }
        END {
            if (!planned) { print "    no plan; the last line: " last; failed++ }
            else if (passed + failed != plan) {
                print "    " passed + failed " of " plan " results"
                failed++
            } else if (status != 0 && !failed) { print "    exit status " status; failed++ }
            while (failed && (getline line < errors) > 0) print "    ! " line
            printf "%-48s %d passed, %d failed%s\n", test, passed, failed, \
                skipped ? ", " skipped " of the passed skipped" : ""
            print passed + 0, failed + 0 >> counts
        }'
done < "$here/build/tests.list"
prepare_clean

awk '{ passed += $1; failed += $2 }
    END {
        printf "%d passed, %d failed\n", passed, failed
        exit failed > 0 || passed == 0
    }' "$counts"
status=$?
rm -f "$counts" "$errors"
exit "$status"
