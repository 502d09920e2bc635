/* SPDX-License-Identifier: BSD-2-Clause */
/* A reading for people, as nvidia-smi shows one. */
#ifndef SMI_TABLE_H
#define SMI_TABLE_H

#include <jansson.h>

/* Of one device, unless it is -1. */
void table_print(const json_t *reading, int device);

/* "GPU 0: NAME (UUID: ...)" for each. */
void table_print_list(const json_t *reading, int device);

/* Its parts, for top. */
void table_print_head(const json_t *reading);
void table_print_devices(const json_t *reading, int device);
void table_print_rule(void);

/* A number as `format` (of a text) has it, or READING_NONE. What is longer than `width`, 31 at the
 * most, is in thousands ("12k") and up, and cut where there is no larger unit. Until the eighth
 * next call. */
const char *table_show(double value, const char *format, unsigned width);
/* The same of bytes: "12MiB" and up. */
const char *table_show_bytes(double bytes, unsigned width);
/* The guest's program, without its folder. */
const char *table_show_program(const json_t *session);

#endif
