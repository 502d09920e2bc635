#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Prints the prefix of the compiler for the guest; fails when there is none.

for prefix in ${CROSS_COMPILE:+"$CROSS_COMPILE"} aarch64-none-elf- aarch64-linux-gnu-; do
    if command -v "${prefix}gcc" > /dev/null && command -v "${prefix}ld" > /dev/null; then
        echo "$prefix"
        exit 0
    fi
    [ -z "${CROSS_COMPILE:-}" ] || break
done
exit 1
