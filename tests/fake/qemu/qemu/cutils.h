/* SPDX-License-Identifier: BSD-2-Clause */
#define pstrcpy(to, size, from) snprintf(to, size, "%s", from)
