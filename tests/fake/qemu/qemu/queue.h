/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's tail queues: the same as everybody's, but for the names. */
#ifndef TESTS_FAKE_QEMU_QEMU_QUEUE_H
#define TESTS_FAKE_QEMU_QEMU_QUEUE_H

#include <sys/queue.h>

#define QTAILQ_HEAD(name, type) TAILQ_HEAD(name, type)
#define QTAILQ_ENTRY(type) TAILQ_ENTRY(type)
#define QTAILQ_INIT(head) TAILQ_INIT(head)
#define QTAILQ_EMPTY(head) TAILQ_EMPTY(head)
#define QTAILQ_FIRST(head) TAILQ_FIRST(head)
#define QTAILQ_INSERT_TAIL(head, item, field) TAILQ_INSERT_TAIL(head, item, field)
#define QTAILQ_INSERT_BEFORE(there, item, field) TAILQ_INSERT_BEFORE(there, item, field)
#define QTAILQ_REMOVE(head, item, field) TAILQ_REMOVE(head, item, field)
#define QTAILQ_FOREACH_SAFE(item, head, field, after)                                              \
    for ((item) = TAILQ_FIRST(head); (item) != NULL && ((after) = TAILQ_NEXT(item, field), 1);     \
         (item) = (after))

#endif
