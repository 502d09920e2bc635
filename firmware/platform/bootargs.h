/* SPDX-License-Identifier: BSD-2-Clause */
/* Words of the form key=value in a command line. */
#ifndef FIRMWARE_PLATFORM_BOOTARGS_H
#define FIRMWARE_PLATFORM_BOOTARGS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Copies the value of the last `key=value` (or "" for a bare `key`) in `line` to `value`, cut to
 * `size` bytes with its NUL. Words are separated by spaces. False if the key is not there.
 */
bool bootargs_get(const char *line, const char *key, char *value, size_t size);

/*
 * Goes on to the next word: copies its key, cut to `size` bytes with its NUL, and returns what is
 * behind the word; NULL after the last one.
 */
const char *bootargs_next(const char *line, char *key, size_t size);

#endif
