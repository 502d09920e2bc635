#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# configure.sh PART...: prints build/config.mk: what this machine has, as make variables. The parts
# are those whose packages are there.

. "$(dirname "$0")/common.sh"
here=$(cd "$(dirname "$0")" && pwd)

pkg_config() {
    pkg-config "$@" 2>/dev/null || true
}

# For make, where $ and # mean something.
make_text() {
    printf '%s' "$*" | sed 's/\$/$$/g; s/#/\\#/g'
}

echo "# Written by mk/configure.sh"
echo "CONFIG_PARTS := $*"
if command -v ccache > /dev/null; then
    echo "CCACHE := ccache"
else
    echo "CCACHE :="
fi
cross=$("$here/cross-prefix.sh" || true)
echo "CROSS := $(make_text "$cross")"
if [ -n "$cross" ]; then
    echo "CROSS_VERSION := $("${cross}gcc" --version | head -n 1)"
    echo "CROSS_INCLUDE := $(make_text "$("${cross}gcc" -print-file-name=include)")"
    # A compiler for the bare target brings its own newlib.
    case $("${cross}gcc" -dumpmachine) in
    *-linux-gnu*) echo "CROSS_BARE :=" ;;
    *) echo "CROSS_BARE := yes" ;;
    esac
fi
echo "HOST_VERSION := $(${CC:-cc} --version 2>/dev/null | head -n 1)"
echo "KERNELS_COMPILER := $(make_text "$("$here/kernels.sh" --compiler || true)")"
echo "CLANG_VERSION := $(clang --version 2>/dev/null | head -n 1)"
libraries="libuv jansson libseccomp"
echo "HOST_CFLAGS_PKG := $(pkg_config --cflags $libraries)"
echo "DXBC_CFLAGS := $(pkg_config --cflags libvkd3d-shader)"
echo "HOST_LIBS_PKG := $(pkg_config --libs $libraries)"
echo "CMOCKA_CFLAGS := $(pkg_config --cflags cmocka)"
echo "CMOCKA_LIBS := $(pkg_config --libs cmocka)"
