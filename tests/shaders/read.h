/* SPDX-License-Identifier: BSD-2-Clause */
/* The shaders of this folder, as the build left them. */
#ifndef TESTS_SHADERS_READ_H
#define TESTS_SHADERS_READ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The caller's to free; `*size` in bytes. Ends the test where there is no such file. */
static inline uint32_t *shader_read_file(const char *name, size_t *size)
{
    const char *build = getenv("BAREGPU_BUILD");
    char path[256];
    FILE *file;
    long length;
    uint32_t *words;

    snprintf(path, sizeof(path), "%s/tests/shaders/%s.spv", build != NULL ? build : "build", name);
    file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (length = ftell(file)) <= 0) {
        fprintf(stderr, "# %s: it should have been built\n", path);
        exit(1);
    }
    rewind(file);
    *size = (size_t)length;
    words = malloc(*size);
    if (words == NULL || fread(words, 1, *size, file) != *size) {
        fprintf(stderr, "# %s: it cannot be read\n", path);
        exit(1);
    }
    fclose(file);
    return words;
}

#endif
