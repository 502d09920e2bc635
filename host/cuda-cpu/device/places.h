/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where in the PTX the sites of code stand, and what lies in its shared memory: data that
 * the code carries. Compiled code holds it as words of 32 bits, and the names behind them.
 */
#ifndef CUDA_CPU_DEVICE_PLACES_H
#define CUDA_CPU_DEVICE_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where an instruction's addresses are: named by it, or anywhere. */
enum place_space { PLACE_ANYWHERE, PLACE_GLOBAL, PLACE_SHARED, PLACE_LOCAL };

/* What an instruction does at a site. */
struct place {
    uint32_t line, column; /* in the PTX */
    uint32_t file;         /* a name: the source that the PTX was made from; 0: nothing says */
    uint32_t source_line;
    uint32_t space; /* enum place_space */
};

/* A variable in shared memory. */
struct place_variable {
    uint32_t offset, size; /* size 0: as far as the memory goes */
    uint32_t name;
};

struct places {
    const struct place *sites;
    const struct place_variable *variables;
    const char *names;
    uint32_t site_count, variable_count, name_size;
};

/* The words before the places: how many sites and variables there are, and bytes of names. */
#define PLACES_HEADER 3

/* False: the bytes are not what a compiler writes. They must stay. */
bool places_read(struct places *places, const void *bytes, size_t size);

/* The site's place; of a number that is none, a place of zeros. */
struct place places_at(const struct places *places, uint32_t site);

/* " at line 12" of the PTX, and of the source; "": it is not known. */
#define PLACES_TEXT_MAX 512
void places_text(const struct places *places, uint32_t site, char text[PLACES_TEXT_MAX]);

/* "": there is none. */
const char *places_name(const struct places *places, uint32_t name);

/* The variable that this byte of shared memory is in; NULL: none. */
const struct place_variable *places_variable(const struct places *places, uint64_t offset);

#endif
