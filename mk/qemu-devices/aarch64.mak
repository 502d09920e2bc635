# SPDX-License-Identifier: BSD-2-Clause
CONFIG_ARM_VIRT=y
