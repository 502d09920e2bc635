#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What mk/packages.sh says that a goal needs is what make installs for it, and what debian/control has.

set -u

count=0
failed=0

# check NAME COMMAND...
check() {
    name=$1
    shift
    count=$((count + 1))
    if "$@"; then
        echo "ok $count - $name"
    else
        failed=1
        echo "not ok $count - $name"
    fi
}

purposes() {
    mk/packages.sh --list "$1" 2> /dev/null | cut -d' ' -f1 | sort -u | paste -s -d ' ' -
}

packages() {
    mk/packages.sh --list "$1" | awk '{ print $2 }'
}

# is GOAL PURPOSE...: sorted.
is() {
    goal=$1
    shift
    got=$(purposes "$goal")
    [ "$got" = "$*" ] || {
        echo "# $goal: $got"
        false
    }
}

# Each goal that make has.
none_is_empty() {
    for goal in $(sed -n 's/^PARTS_\([^ ]*\) :=.*/\1/p' mk/settings.mk); do
        [ -n "$(purposes "$goal")" ] || {
            echo "# $goal: nothing"
            return 1
        }
    done
}

unknown_is_said() {
    ! text=$(mk/packages.sh --list nonsense 2>&1) && [ "${text#*make help}" != "$text" ]
}

# But for debhelper's own names, and for systemd, whose folders debhelper knows.
has_all_of_debian() {
    packages deb > "$dir/list"
    sed -n '/^Build-Depends:/,/^[A-Z][^B]/p' debian/control | tr -d ' ,' |
        sed 's/^Build-Depends://; /^[A-Z]/d; /^debhelper/d; /^dh-/d; /^systemd$/d' > "$dir/depends"
    [ -s "$dir/depends" ] && ! grep -vxFf "$dir/list" "$dir/depends" | sed 's/^/# /' | grep .
}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

check "make run" is run firmware host library qemu
check "make install" is install host library man
check "make install-host" is install-host host man
check "make deb" is deb deb host library man qemu
check "make test" is test firmware gl host library man qemu test
check "a purpose" is fresh fresh
check "no goal needs nothing" none_is_empty
check "what is no goal" unknown_is_said
check "debian/control" has_all_of_debian
echo "1..$count"
exit $failed
