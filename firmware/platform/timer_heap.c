/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/platform/timer.h"

#include <stddef.h>

/*
 * A node's children form a list by `next`; `previous` is the sibling before or, of the first child,
 * the parent; of the root it is NULL.
 */

/* The later of two roots becomes the first child of the other; of equals the first stays. */
static struct timer *meld(struct timer *first, struct timer *second)
{
    struct timer *top = second->deadline_ns < first->deadline_ns ? second : first;
    struct timer *below = top == first ? second : first;

    below->next = top->child;
    if (below->next != NULL) {
        below->next->previous = below;
    }
    below->previous = top;
    top->child = below;
    return top;
}

/* Melds siblings by twos from the front, then the results from the back. */
static struct timer *meld_siblings(struct timer *list)
{
    struct timer *pairs = NULL; /* the last pair first */
    struct timer *root;

    while (list != NULL) {
        struct timer *first = list;
        struct timer *second = list->next;
        struct timer *pair = first;

        list = second != NULL ? second->next : NULL;
        if (second != NULL) {
            pair = meld(first, second);
        }
        pair->next = pairs;
        pairs = pair;
    }
    root = pairs;
    if (root == NULL) {
        return NULL;
    }
    for (pairs = root->next; pairs != NULL;) {
        struct timer *pair = pairs;

        pairs = pairs->next;
        root = meld(pair, root);
    }
    root->next = NULL;
    root->previous = NULL;
    return root;
}

void timer_heap_insert(struct timer **root, struct timer *timer)
{
    timer->child = NULL;
    timer->next = NULL;
    timer->previous = NULL;
    *root = *root != NULL ? meld(*root, timer) : timer;
    (*root)->next = NULL;
    (*root)->previous = NULL;
}

void timer_heap_remove(struct timer **root, struct timer *timer)
{
    struct timer *rest = meld_siblings(timer->child);

    if (timer == *root) {
        *root = rest;
    } else {
        if (timer->previous->child == timer) {
            timer->previous->child = timer->next;
        } else {
            timer->previous->next = timer->next;
        }
        if (timer->next != NULL) {
            timer->next->previous = timer->previous;
        }
        if (rest != NULL) {
            *root = meld(*root, rest);
        }
    }
    timer->child = NULL;
    timer->next = NULL;
    timer->previous = NULL;
}
