/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions of libraries that are opened at run time. */
#ifndef COMMON_SYMBOL_H
#define COMMON_SYMBOL_H

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

/* Puts the function, or NULL, into `field`, a pointer to such functions. False: there is none. */
static inline bool symbol_find(void *library, const char *name, void *field)
{
    void *function = dlsym(library, name);

    memcpy(field, &function, sizeof(function)); /* ISO C has no cast from object to function */
    return function != NULL;
}

#endif
