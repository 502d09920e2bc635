/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/driver/object.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define CHAINS_FIRST 256

/* Chains by address; twice as many when there are more objects than chains. */
static struct {
    struct object **chains;
    size_t size, count;
} table;

static struct object **chain_of(struct object **chains, size_t size, const void *handle)
{
    uint64_t mixed = (uint64_t)(uintptr_t)handle * UINT64_C(0x9E3779B97F4A7C15);

    return &chains[(mixed >> 32) & (size - 1)];
}

static bool grow(void)
{
    size_t size = table.size ? table.size * 2 : CHAINS_FIRST;
    struct object **chains = calloc(size, sizeof(*chains));

    if (chains == NULL) {
        return false;
    }
    for (size_t i = 0; i < table.size; i++) {
        struct object *next;

        for (struct object *object = table.chains[i]; object != NULL; object = next) {
            struct object **chain = chain_of(chains, size, object);

            next = object->next;
            object->next = *chain;
            *chain = object;
        }
    }
    free(table.chains);
    table.chains = chains;
    table.size = size;
    return true;
}

bool object_add(struct object *object, enum object_kind kind)
{
    struct object **chain;

    if (table.count == table.size && !grow()) {
        return false;
    }
    chain = chain_of(table.chains, table.size, object);
    object->kind = kind;
    object->next = *chain;
    *chain = object;
    table.count++;
    return true;
}

void object_remove(struct object *object)
{
    struct object **place = chain_of(table.chains, table.size, object);

    while (*place != object) {
        place = &(*place)->next;
    }
    *place = object->next;
    if (--table.count == 0) {
        free(table.chains);
        table.chains = NULL;
        table.size = 0;
    }
}

void *object_find(const void *handle, enum object_kind kind)
{
    struct object *object;

    if (table.size == 0) {
        return NULL;
    }
    object = *chain_of(table.chains, table.size, handle);
    while (object != NULL && object != handle) {
        object = object->next;
    }
    return object != NULL && object->kind == kind ? object : NULL;
}
