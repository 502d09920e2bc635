/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/platform/bootargs.h"

#include <string.h>

static const char separators[] = " \t\n";

const char *bootargs_next(const char *line, char *key, size_t size)
{
    line += strspn(line, separators);
    size_t length = strcspn(line, separators);
    size_t key_length = strcspn(line, "= \t\n");

    if (length == 0) {
        return NULL;
    }
    key_length = key_length < size ? key_length : size - 1;
    memcpy(key, line, key_length);
    key[key_length] = '\0';
    return line + length;
}

bool bootargs_get(const char *line, const char *key, char *value, size_t size)
{
    size_t key_length = strlen(key);
    bool found = false;

    while (*line) {
        size_t length = strcspn(line, separators);

        if (length >= key_length && !strncmp(line, key, key_length) &&
            (length == key_length || line[key_length] == '=')) {
            const char *text = line + key_length + (length > key_length);
            size_t text_length = (size_t)(line + length - text);

            text_length = text_length < size ? text_length : size - 1;
            memcpy(value, text, text_length);
            value[text_length] = '\0';
            found = true;
        }
        line += length;
        line += strspn(line, separators);
    }
    return found;
}
