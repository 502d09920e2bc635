#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Our QEMU starts with the devices and boards that read a ROM, as any QEMU does.

set -u

folder=${BAREGPU_BUILD:-build}/qemu
roms=$folder/qemu-bundle/usr/local/share/qemu
[ -e "$roms/efi-virtio.rom" ] || {
    echo "1..0 # SKIP the ROMs could not be fetched when QEMU was built"
    exit 0
}
count=0
failed=0

# starts DESCRIPTION TARGET OPTION...
starts() {
    description=$1
    qemu=$folder/qemu-system-$2
    shift 2
    count=$((count + 1))
    if ! [ -x "$qemu" ]; then
        echo "ok $count - $description # SKIP $qemu is not built"
        return
    fi
    if errors=$(echo quit | timeout -k 10 60 "$qemu" -display none -serial none -monitor stdio -S \
        "$@" 2>&1 > /dev/null); then
        echo "ok $count - $description"
        return
    fi
    failed=1
    echo "not ok $count - $description"
    printf '%s\n' "$errors" | sed 's/^/# /'
}

echo 1..9
starts "virt with its own network card" aarch64 -M virt
for device in virtio-net-pci e1000 e1000e rtl8139 VGA bochs-display; do
    starts "$device" aarch64 -M virt -nic none -device "$device"
done
starts "a PC" x86_64 -M q35
starts "a RISC-V" riscv64 -M virt
exit "$failed"
