# SPDX-License-Identifier: BSD-2-Clause
CONFIG_Q35=y
CONFIG_VIRTIO_VGA=y
