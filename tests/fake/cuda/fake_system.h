/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FAKE_SYSTEM_H
#define FAKE_SYSTEM_H

/* Does what FAKE_CUDA_SYSTEM and FAKE_CUDA_ATTACK ask for. */
void fake_use_system(void);

#endif
