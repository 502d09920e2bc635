#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run [NAME] [OPTION...]: starts the mediator, boots the guest with its program NAME (demo), shows
# what it did, stops everything. The options are those at the top of build/run.sh.

set -eu
unset CDPATH
here=$(cd "$(dirname "$0")" && pwd)
. "$here/build/prepare.sh"

case ${1:-} in
'' | -*) ;;
*)
    name=$1
    shift
    set -- --run "$name" "$@"
    ;;
esac
status=0
sh "$here/build/run.sh" --build "$BAREGPU_BUILD" "$@" || status=$?
prepare_clean
exit "$status"
