/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FAKE_SYSTEM_H
#define FAKE_SYSTEM_H

/* Does what FAKE_GPU_SYSTEM and FAKE_GPU_ATTACK ask for. */
void fake_use_system(void);

#endif
