#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# packages.sh PURPOSE...: sees to it that what PURPOSE needs is there. On Debian what is missing is
# said and installed; elsewhere it is listed. A thing that is found, however it came, is enough.
#
# Of purpose "gl" are the tests of 3D, which skip without it: nothing stops where it is not had.
#
# packages.sh --list GOAL: what `make GOAL` needs, missing or not; installs nothing.

. "$(dirname "$0")/common.sh"

# Debian's QEMU has OpenGL in a package of its own since Debian 13.
gl_package() {
    release=$(sed -n 's/^VERSION_ID="*\([0-9]*\).*/\1/p' /etc/os-release 2> /dev/null)
    if [ "${release:-0}" -ge 13 ]; then
        echo qemu-system-modules-opengl
    else
        echo qemu-system-gui
    fi
}

# purpose | Debian package | probe (see "found" below) | what it is for
list_needs() {
    cat <<END
library|gcc-aarch64-linux-gnu|cross|the cross compiler for the guest
firmware|gcc|cc|newlib's configure runs the host's compiler
firmware|xz-utils|cmd xz|to unpack the sources of newlib and libfdt
firmware|clang|kernels|makes PTX of CUDA kernels, where there is no nvcc
firmware|glslang-tools|cmd glslangValidator|makes SPIR-V of the guest's shaders
qemu|gcc|cc|QEMU's compiler
qemu|ninja-build|cmd ninja|QEMU's build
qemu|pkg-config|cmd pkg-config|finds libraries
qemu|flex|cmd flex|QEMU's build
qemu|bison|cmd bison|QEMU's build
qemu|patch|cmd patch|Debian's patches to QEMU
qemu|xz-utils|cmd xz|to unpack QEMU's source
qemu|python3|python|QEMU's configure
qemu|python3-venv|venv|QEMU's configure
qemu|libglib2.0-dev|pc glib-2.0|QEMU links it
qemu|libpixman-1-dev|pc pixman-1|QEMU links it
qemu|libfdt-dev|lib libfdt.h fdt|QEMU links it
qemu|libpng-dev|pc libpng|QEMU links it
qemu|libslirp-dev|pc slirp|QEMU links it
qemu|zlib1g-dev|pc zlib|QEMU links it
qemu|ccache|cmd ccache|makes a second build of QEMU short
host|gcc|cc|the mediator's compiler
host|pkg-config|cmd pkg-config|finds libraries
host|libuv1-dev|pc libuv|the mediator's event loop
host|libjansson-dev|pc jansson|the mediator's state as JSON
host|libmicrohttpd-dev|pc libmicrohttpd|serves the mediator's metrics
host|libseccomp-dev|pc libseccomp|the sandbox around the mediator's workers and the simulator
host|libllvm19|glob /usr/lib*/*/libLLVM.so.19.1 /usr/lib*/libLLVM.so.19.1|compiles the kernels of the CUDA device on the CPU
host|libopenblas0-serial|glob /usr/lib*/*/libopenblas.so.0 /usr/lib*/libopenblas.so.0|cuBLAS for the CUDA device on the CPU
host|libvulkan-dev|pc vulkan|Vulkan's headers, and its loader, by which the mediator draws
host|mesa-vulkan-drivers|glob /usr/lib*/*/libvulkan_lvp.so /usr/lib*/libvulkan_lvp.so|draws on the CPU, where there is no GPU
host|libvkd3d-dev|pc libvkd3d-shader|shaders in Direct3D's bytecode
host|spirv-tools|pc SPIRV-Tools|checks shaders before a driver has them
host|g++|lib stddef.h stdc++|that check is in C++
man|help2man|cmd help2man|makes man pages of what --help says
test|clang|cmd clang|the fuzzers
test|libclang-rt-dev|fuzzer|the fuzzers
test|cmake|cmd cmake|kernels of which CMake builds the library, or finds it
test|libcmocka-dev|pc cmocka|the unit tests
test|clang-format-19|cmd clang-format-19|the check of the sources' form
test|liblz4-1|glob /usr/lib*/*/liblz4.so.1 /usr/lib*/*/liblz4.so.1|unpacks modules for the CUDA device on the CPU
test|libzstd1|glob /usr/lib*/*/libzstd.so.1 /usr/lib*/*/libzstd.so.1|unpacks modules for the CUDA device on the CPU
test|libfdt-dev|lib libfdt.h fdt|the devicetree's unit tests
test|perl|cmd prove|prove runs all tests
test|spin|cmd spin|the models of what is asynchronous (tests/models)
test|vulkan-validationlayers|glob /usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation.json|Vulkan's rules, while the tests draw
gl|qemu-system-arm|cmd qemu-system-aarch64|tests on the distribution's QEMU
gl|qemu-system-gui|glob /usr/lib*/*/qemu/ui-sdl.so /usr/lib*/qemu/ui-sdl.so|its window, for 3D
gl|$(gl_package)|glob /usr/lib*/*/qemu/*-gpu-gl.so /usr/lib*/qemu/*-gpu-gl.so|its virtio-gpu-gl
gl|libegl1|glob /usr/lib*/*/libEGL.so.1 /usr/lib*/libEGL.so.1|what that window opens
gl|xvfb|cmd Xvfb|a screen for that window
gl|libgl1-mesa-dri|glob /usr/lib*/*/dri/*swrast*.so /usr/lib*/dri/*swrast*.so|OpenGL in software
bundle|xz-utils|cmd xz|packs the archive
deb|debhelper|cmd dh|Debian's packages
deb|dpkg-dev|cmd dpkg-buildpackage|Debian's packages
fresh|debootstrap|cmd debootstrap|fresh Debians
bundle|patchelf|cmd patchelf|lets the programs find their libraries
END
}

probe_c() {
    printf 'int main(void) { return 0; }\n' > "$probe_dir/a.c"
    "$@" -x c "$probe_dir/a.c" -o "$probe_dir/a" > /dev/null 2>&1
}

found() {
    # shellcheck disable=SC2086 # a probe is a list of words
    set -- $1
    case $1 in
    cmd) command -v "$2" ;;
    glob) # unquoted above: the paths that exist are words already, one is enough
        shift
        for path; do
            [ ! -e "$path" ] || return 0
        done
        return 1
        ;;
    pc) pkg-config --exists "$2" ;;
    lib) probe_c "${CC:-cc}" -include "$2" "-l$3" ;;
    cc) probe_c "${CC:-cc}" ;;
    cross) "$(dirname "$0")/cross-prefix.sh" ;;
    kernels) "$(dirname "$0")/kernels.sh" --compiler ;;
    fuzzer) probe_c clang -fsanitize=fuzzer-no-link,address ;;
    python) [ -n "$(system_python)" ] ;;
    venv) [ -n "$(system_python)" ] && "$(system_python)" -c 'import venv, ensurepip' ;;
    *) die "unknown probe $1" ;;
    esac > /dev/null 2>&1
}

list_missing() {
    list_needs | while IFS='|' read -r purpose package probe reason; do
        case " $purposes " in
        *" $purpose "*) found "$probe" || printf '%s|%s|%s\n' "$purpose" "$package" "$reason" ;;
        esac
    done | sort -u
}

is_debian() {
    [ -r /etc/debian_version ] && command -v apt-get > /dev/null && command -v dpkg > /dev/null
}

install_packages() {
    sudo=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo > /dev/null ||
            die "not root, and no sudo: as root, apt-get install --no-install-recommends $packages"
        sudo=sudo
    fi
    # shellcheck disable=SC2086 # lists of words
    set -- $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600
    # shellcheck disable=SC2086
    if apt-get -qq --simulate --no-install-recommends install $packages > /dev/null 2>&1; then
        say "running: apt-get install -y --no-install-recommends $packages"
        # shellcheck disable=SC2086
        run_quietly "$@" install -y --no-install-recommends $packages && return
    fi
    # No lists yet, or so old that the mirror has dropped what they name.
    say "running: apt-get update"
    run_quietly "$@" update || show_failure
    say "running: apt-get install -y --no-install-recommends $packages"
    # shellcheck disable=SC2086
    run_quietly "$@" install -y --no-install-recommends $packages || show_failure
}

run_quietly() {
    "$@" > "$probe_dir/log" 2>&1
}

show_failure() {
    cat "$probe_dir/log" >&2
    die "apt-get failed"
}

# The purposes of a goal, from the table that make has.
print_purposes() (
    # shellcheck disable=SC2013,SC2016 # words, as make has them
    for word in $(sed -n "s/^PARTS_$1 := //p" "$(dirname "$0")/settings.mk"); do
        case $word in
        '$(PARTS_'*)
            word=${word#*_}
            print_purposes "${word%)}"
            ;;
        *) printf '%s\n' "$word" ;;
        esac
    done
)

# A purpose by itself is a goal, too.
list_goal() {
    purposes=$(print_purposes "$1" | paste -s -d '|' -)
    list_needs | grep -E "^(${purposes:-$1})\|" |
        awk -F'|' '{ printf "%-9s %-22s %s\n", $1, $2, $4 }' | grep . ||
        die "no goal $1 needs packages; make help has the goals"
}

if [ "${1:-}" = --list ]; then
    list_goal "${2:-test}"
    exit
fi

# No package of the list is the compiler that somebody named.
check_named_compiler() {
    [ -n "${CROSS_COMPILE:-}" ] || return 0
    for tool in gcc ld; do
        command -v "$CROSS_COMPILE$tool" > /dev/null ||
            die "CROSS_COMPILE=$CROSS_COMPILE: no $CROSS_COMPILE$tool"
    done
}

# print_missing: a line for each package of $missing.
print_missing() {
    printf '%s\n' "$missing" | awk -F'|' '
        { text = $3 " (" $1 ")" }
        $2 in why { why[$2] = why[$2] "; " text; next }
        { order[++count] = $2; why[$2] = text }
        END { for (i = 1; i <= count; i++) printf "    %-22s %s\n", order[i], why[order[i]] }' >&2
}

purposes=$*
case " $purposes " in
*" library "*) check_named_compiler ;;
esac
probe_dir=$(mktemp -d)
trap 'rm -rf "$probe_dir"' EXIT
missing=$(list_missing)
[ -n "$missing" ] || exit 0

say "missing on this machine:"
print_missing
packages=$(printf '%s\n' "$missing" | cut -d'|' -f2 | sort -u | tr '\n' ' ')
packages=${packages% }
if ! is_debian; then
    printf '%s\n' "$missing" | grep -qv '^gl|' || exit 0
fi
is_debian || die "this is not Debian: provide the above (the names are Debian's), then try again"
install_packages
missing=$(list_missing)
[ -n "$missing" ] || exit 0
say "still missing after the installation:"
print_missing
exit 1
