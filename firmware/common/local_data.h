/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For the declaration of data that files of the library share: it is found relative to the code.
 * Else a compiler takes it for what may lie in another module, and the kernel would need a GOT.
 */
#ifndef FIRMWARE_COMMON_LOCAL_DATA_H
#define FIRMWARE_COMMON_LOCAL_DATA_H

#define LOCAL_DATA __attribute__((visibility("hidden")))

#endif
