# SPDX-License-Identifier: BSD-2-Clause
# Shared by the scripts in this folder; each sources it first.

set -eu
export LC_ALL=C

BAREGPU_CACHE=${BAREGPU_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/baregpu}
export BAREGPU_CACHE

say() {
    printf '%s\n' "baregpu: $*" >&2
}

die() {
    say "$*"
    exit 1
}

# Serialises everything that writes to one cache entry, also between two working trees.
# The lock is held until the calling shell exits; children must not keep it (9>&-).
cache_lock() {
    mkdir -p "$BAREGPU_CACHE/locks"
    exec 9> "$BAREGPU_CACHE/locks/$1"
    flock 9
}

# content_key FILE-OR-TEXT...: a short hash over the arguments; a file counts by its content.
content_key() {
    for item in "$@"; do
        if [ -f "$item" ]; then
            printf '%s ' "${item##*/}"
            sha256sum < "$item"
        else
            printf 'text %s\n' "$item"
        fi
    done | sha256sum | cut -c1-16
}

# prune_entries PATTERN KEEP: removes all but the KEEP most recently used entries of the cache.
prune_entries() {
    # shellcheck disable=SC2012,SC2086 # names are ours: no blanks
    ls -dt "$BAREGPU_CACHE"/$1 2>/dev/null | tail -n +"$(($2 + 1))" | xargs -r rm -rf --
}

jobs_count() {
    nproc 2>/dev/null || echo 2
}

system_python() {
    if [ -x /usr/bin/python3 ]; then echo /usr/bin/python3; else command -v python3; fi
}

# The Debian mirror is the one that this machine already uses for its own release.
debian_mirror() {
    if [ -n "${DEBIAN_MIRROR:-}" ]; then
        printf '%s\n' "$DEBIAN_MIRROR"
        return
    fi
    codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk -v codename="$codename" '
            $3 == "main" && ($2 == codename || $2 == "stable" || $2 == "testing" || $2 == "sid" ||
                             $2 == "unstable") { print $1; exit }'
}
