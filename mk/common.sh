# SPDX-License-Identifier: BSD-2-Clause
# Shared by the scripts in this folder; each sources it first.

set -eu
export LC_ALL=C
# The environment is anybody's: these would change what cd, tar and the compilers do.
unset CDPATH TAR_OPTIONS POSIXLY_CORRECT CFLAGS CPPFLAGS LDFLAGS
if [ -n "${TMPDIR:-}" ] && ! [ -w "$TMPDIR" ]; then
    unset TMPDIR
fi

say() {
    printf '%s\n' "baregpu: $*" >&2 || true # a closed standard error ends nothing
}

die() {
    say "$*"
    exit 1
}

# own_folder: a folder of this user's alone below /var/tmp or /tmp, which are everybody's.
own_folder() {
    for folder in /var/tmp /tmp; do
        folder=$folder/baregpu-$(id -u)
        mkdir -m 700 "$folder" 2> /dev/null || true
        if [ -n "$(find "$folder" -maxdepth 0 -type d -user "$(id -u)" ! -perm /077 \
            2> /dev/null)" ]; then
            printf '%s\n' "$folder"
            return
        fi
    done
    die "no place for the cache: BAREGPU_CACHE=DIR names one"
}

# The home's cache, where there is a home that this user can write to, and that is not the one of
# the user who called sudo -E: what root leaves there, that user cannot replace.
default_cache() {
    if [ -z "${XDG_CACHE_HOME:-}" ] && ! [ -d "${HOME:-}" ]; then
        own_folder
        return
    fi
    folder=${XDG_CACHE_HOME:-${HOME:-}/.cache}/baregpu
    if [ -n "${SUDO_UID:-}" ] && [ "$SUDO_UID" != "$(id -u)" ] && [ -d "${HOME:-}" ] &&
        [ -n "$(find "$HOME" -maxdepth 0 -user "$SUDO_UID" 2> /dev/null)" ]; then
        own_folder
    elif mkdir -p "$folder" 2> /dev/null && [ -w "$folder" ]; then
        printf '%s\n' "$folder"
    else
        own_folder
    fi
}

BAREGPU_CACHE=${BAREGPU_CACHE:-$(default_cache)}
case $BAREGPU_CACHE in
/*) ;;
*) BAREGPU_CACHE=$PWD/$BAREGPU_CACHE ;;
esac
export BAREGPU_CACHE

# plain_cache: the cache, or where its path has blanks or quotes, a folder of a plain name: for what
# the configure scripts of QEMU and newlib, or apt's configuration, do not take elsewhere.
plain_cache() {
    case $BAREGPU_CACHE in
    *[!A-Za-z0-9/._+@%,=~-]*) own_folder ;;
    *) printf '%s\n' "$BAREGPU_CACHE" ;;
    esac
}

# Serialises everything that writes to one cache entry, also between two working trees.
# The lock is held until the calling shell exits; children must not keep it (9>&-).
cache_lock() {
    locks=$(plain_cache)/locks
    mkdir -p "$locks"
    exec 9> "$locks/$1"
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

# prune_entries FOLDER PATTERN KEEP: removes all but the KEEP most recently used entries of a folder.
prune_entries() (
    cd "$1"
    # shellcheck disable=SC2012,SC2086 # names are ours: no blanks
    ls -dt $2 2>/dev/null | tail -n +"$(($3 + 1))" | xargs -r rm -rf --
)

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
