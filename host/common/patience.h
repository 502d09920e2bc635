/* SPDX-License-Identifier: BSD-2-Clause */
/* Work that takes nobody's turn on the processor. */
#ifndef COMMON_PATIENCE_H
#define COMMON_PATIENCE_H

/*
 * The calling thread, and the processes that it starts, let whoever wakes go first, and keep their
 * share of the processor. Since Linux 6.12 by a long slice, before that as a batch.
 */
void patience_begin(void);

/* The calling thread goes on as others do. */
void patience_end(void);

#endif
