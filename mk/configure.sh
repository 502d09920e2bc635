#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# configure.sh PART...: prints build/config.mk: what this machine has, as make variables. The parts
# are those whose packages are there.

. "$(dirname "$0")/common.sh"
here=$(cd "$(dirname "$0")" && pwd)

pkg_config() {
    pkg-config "$@" 2>/dev/null || true
}

find_nvcc() {
    for nvcc in ${NVCC:+"$NVCC"} "$(command -v nvcc || true)" \
        ${CUDA_HOME:+"$CUDA_HOME/bin/nvcc"} /usr/local/cuda/bin/nvcc; do
        if [ -n "$nvcc" ] && [ -x "$nvcc" ]; then
            printf '%s\n' "$nvcc"
            return
        fi
    done
}

# Newest CUDA toolkits drop old chips: of the chips we want, those that this nvcc knows. PTX for
# the oldest of them lets the driver compile for all the others.
list_cuda_flags() {
    known=$("$1" --list-gpu-arch 2>/dev/null || true)
    oldest=
    for arch in 75 80 90 100; do
        case " $(printf '%s' "$known" | tr '\n' ' ') " in
        *" compute_$arch "*) ;;
        *) continue ;;
        esac
        if [ -z "$oldest" ]; then
            oldest=$arch
            printf -- '-gencode arch=compute_%s,code=compute_%s ' "$arch" "$arch"
            continue
        fi
        printf -- '-gencode arch=compute_%s,code=sm_%s ' "$arch" "$arch"
    done
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
echo "CLANG_VERSION := $(clang --version 2>/dev/null | head -n 1)"
libraries="libuv inih jansson libseccomp"
echo "HOST_CFLAGS_PKG := $(pkg_config --cflags $libraries)"
echo "HOST_LIBS_PKG := $(pkg_config --libs $libraries)"
echo "CMOCKA_CFLAGS := $(pkg_config --cflags cmocka)"
echo "CMOCKA_LIBS := $(pkg_config --libs cmocka)"
nvcc=$(find_nvcc)
echo "NVCC_FOUND := $(make_text "$nvcc")"
if [ -n "$nvcc" ]; then
    echo "NVCC_VERSION := $("$nvcc" --version | grep release || true)"
    echo "NVCC_ARCH := $(list_cuda_flags "$nvcc")"
fi
