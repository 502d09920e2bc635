/* SPDX-License-Identifier: BSD-2-Clause */
/* What the devicetree says about the machine: the copy that all of the kernel reads. */
#include "firmware/platform/machine.h"

/* Under a name that only kernel.c knows, which fills it before anything else runs. */
extern struct machine machine_writable __asm__("machine");
struct machine machine_writable;
