# SPDX-License-Identifier: BSD-2-Clause
CONFIG_RISCV_VIRT=y
