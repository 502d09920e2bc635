/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a mediator must know of those before it: listeners' counters, what an operator did to them,
 * guests' faults and quarantines. It is a file in memory that systemd keeps (notify.h), written
 * each second and when a fault or an operator changed something, so that a mediator which was
 * killed leaves it, too. Without systemd all of it does nothing.
 */
#ifndef MEDIATOR_HISTORY_H
#define MEDIATOR_HISTORY_H

struct supervisor;

/* Takes what the mediator before this one has left, for listeners that it had by the same name and
 * for the same device. Before any guest is let in. */
void history_open(struct supervisor *supervisor);

void history_write(const struct supervisor *supervisor);

#endif
