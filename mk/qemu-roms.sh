#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# qemu-roms.sh SOURCE DATA TARGET...: the ROMs that QEMU's devices and boards read, into DATA, where
# QEMU looks: without them a network card, a VGA or a PC does not even start. From QEMU's source
# tree, where it has them, else from Debian's packages, unpacked, not installed; their licences are
# in DATA/licences. Where neither is to be had that is said, and all else works.

. "$(dirname "$0")/common.sh"

source=$1
data=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
DATA=usr/share/qemu
OPENSBI=usr/lib/riscv64-linux-gnu/opensbi/generic

# package | files in it, FILE=NAME where it has another name in DATA | what misses them
list_packages() {
    cat <<END
ipxe-qemu|$DATA/efi-*.rom $DATA/pxe-eepro100.rom|network cards (or romfile=)
seabios|usr/share/seabios/vgabios-*.bin|VGA
END
    case " $* " in *' x86_64-softmmu '* | *' i386-softmmu '*)
        cat <<END
seabios|usr/share/seabios/bios*.bin|a PC's boards
qemu-system-data|$DATA/kvmvapic.bin $DATA/pvh.bin|-kernel on a PC
qemu-system-data|$DATA/linuxboot*.bin $DATA/multiboot*.bin|-kernel on a PC
END
        ;;
    esac
    case " $* " in *' riscv64-softmmu '*)
        cat <<END
opensbi|$OPENSBI/fw_dynamic.bin=opensbi-riscv64-generic-fw_dynamic.bin|riscv64 (or -bios none)
END
        ;;
    esac
}

# From the tree: all of them have been there, or none.
copy_from_source() {
    for file in $files; do
        file=${file##*/}
        for found in "$source/pc-bios"/${file#*=}; do
            [ -f "$found" ] || return 1
            cp "$found" "$data/"
        done
    done
}

copy_from_package() {
    folder=$("$here/debian-fetch.sh" binary "$package") || return 1
    for file in $files; do
        name=
        case $file in
        *=*) name=${file#*=} ;;
        esac
        for found in "$folder"/${file%=*}; do
            [ -f "$found" ] && cp -L "$found" "$data/$name" || return 1
        done
    done
    mkdir -p "$data/licences"
    cp "$folder/usr/share/doc/$package/copyright" "$data/licences/$package"
}

list_packages "$@" | while IFS='|' read -r package files what; do
    copy_from_source || copy_from_package ||
        say "no ROMs of $package: our QEMU does without $what"
done
