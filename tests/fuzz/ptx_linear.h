/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statements about numbers that lie at equal steps from thread to thread along x, y and z, as the
 * addresses of tiles do. They are of an entry, which declares what each one names.
 */
#ifndef TESTS_FUZZ_PTX_LINEAR_H
#define TESTS_FUZZ_PTX_LINEAR_H

#include <stddef.h>

#define TILE_SIZE 16384    /* bytes, of a tile of any block */
#define TABLE_SIZE 1048576 /* bytes, of what is only read */

/* Sets %i0 and on, %a0 and on, and %cell: the address of 8 bytes that are the thread's, in its
 * block's tile. The tiles begin so many bytes behind the address in the parameter out. */
void say_linear_registers(size_t tiles);

/* Some use of such a number, with any carry. */
void value_of_thread(void);

/* Loads from the table at %table, once or in a loop. */
void read_table(void);

/* What each thread puts into the shared variable tile, another one has. All threads come. */
void exchange(void);

/* A product of two tiles, which they all fill and read. */
void product_of_tiles(void);

#endif
