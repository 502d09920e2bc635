/* SPDX-License-Identifier: BSD-2-Clause */
#include "qemu/osdep.h"
