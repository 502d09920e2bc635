#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Fetches from one Debian suite without touching the system's own package lists.
#
#   debian-fetch.sh source NAME    a source package's files; prints the folder they are in
#   debian-fetch.sh tar NAME       only its upstream archive; likewise
#   debian-fetch.sh binary NAME    a binary package, unpacked;  prints the folder it is in
#
# apt checks the suite's signature against Debian's keyring, and every file against the signed
# index. A fetched package stays in the cache: remove its folder to get a newer one.

. "$(dirname "$0")/common.sh"

SUITE=trixie
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
FETCH_TIMEOUT_S=900

kind=$1
name=$2
apt_dir=$(plain_cache)/apt
target=$BAREGPU_CACHE/debian/$SUITE/$kind-$name

write_apt_configuration() {
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || die "no Debian mirror in this machine's apt sources; set DEBIAN_MIRROR=URI"
    mkdir -p "$apt_dir/lists/partial" "$apt_dir/cache/archives/partial" "$apt_dir/preferences.d"
    {
        printf 'deb-src [signed-by=%s] %s %s main\n' "$KEYRING" "$mirror" "$SUITE"
        printf 'deb [signed-by=%s] %s %s main\n' "$KEYRING" "$mirror" "$SUITE"
    } > "$apt_dir/sources.list"
    cat > "$apt_dir/apt.conf" <<END
#clear APT::Update;
#clear DPkg::Post-Invoke;
APT::Sandbox::User "root";
APT::Get::AllowUnauthenticated "false";
APT::Default-Release "";
Acquire::Languages "none";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Retries "3";
Dir::Etc::sourcelist "$apt_dir/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "-";
Dir::Etc::preferencesparts "$apt_dir/preferences.d";
Dir::State::lists "$apt_dir/lists";
Dir::State::extended_states "$apt_dir/extended_states";
Dir::Cache "$apt_dir/cache";
END
}

private_apt() {
    timeout "$FETCH_TIMEOUT_S" apt-get -q -c "$apt_dir/apt.conf" "$@" > "$apt_dir/log" 2>&1 9>&- ||
        {
            cat "$apt_dir/log" >&2
            return 1
        }
}

# Lists older than a day may name files that the mirror has dropped.
update_lists() {
    if [ -n "$(find "$apt_dir/updated" -mmin -1440 2>/dev/null)" ]; then
        return
    fi
    say "reading the package lists of Debian $SUITE (kept apart from this machine's own)"
    private_apt update ||
        die "no package lists of Debian $SUITE from $mirror; DEBIAN_MIRROR=URI names another"
    touch "$apt_dir/updated"
}

fetch() {
    command -v apt-get > /dev/null || die "no apt-get here: docs/building.md lists what to provide"
    [ -r "$KEYRING" ] || die "no $KEYRING: install debian-archive-keyring"
    write_apt_configuration
    update_lists
    say "fetching $name ($kind) of Debian $SUITE"
    rm -rf "$target.new"
    mkdir -p "$target.new"
    cd "$target.new"
    if [ "$kind" != binary ]; then
        parts=
        [ "$kind" = source ] || parts=--tar-only
        # shellcheck disable=SC2086 # no word at all when empty
        private_apt source --download-only $parts --only-source "$name" ||
            die "cannot fetch the source package $name"
    else
        private_apt download "$name" || die "cannot fetch the package $name"
        set -- *.deb
        [ -f "$1" ] || die "no package file for $name arrived"
        dpkg-deb -x "$1" .
        # The version stays in the file's name; its content is unpacked.
        : > "$1"
    fi
    cd /
    mv "$target.new" "$target"
}

if [ ! -d "$target" ]; then
    cache_lock debian
    [ -d "$target" ] || fetch
fi
printf '%s\n' "$target"
