/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What programs hold handles of. A handle is the object's address; it is looked up before it is
 * believed, so that one that is stale or invented is an error. Under the driver's lock.
 */
#ifndef CUDA_CPU_DRIVER_OBJECT_H
#define CUDA_CPU_DRIVER_OBJECT_H

#include <stdbool.h>

enum object_kind {
    OBJECT_CONTEXT,
    OBJECT_STREAM,
    OBJECT_EVENT,
    OBJECT_MODULE,
    OBJECT_FUNCTION,
    OBJECT_LIBRARY,
    OBJECT_KERNEL,
    OBJECT_ARRAY,
    OBJECT_MIPMAP,
    OBJECT_TEXREF,
    OBJECT_SURFREF,
    OBJECT_MEMPOOL,
    OBJECT_LINK,
    OBJECT_GRAPH,
    OBJECT_NODE,
    OBJECT_EXEC,
};

/* First in each of them. */
struct object {
    enum object_kind kind;
    struct object *next; /* in its chain */
};

/* False: no memory. */
bool object_add(struct object *object, enum object_kind kind);
void object_remove(struct object *object);

/* NULL: the handle is of no object of this kind. */
void *object_find(const void *handle, enum object_kind kind);

#endif
