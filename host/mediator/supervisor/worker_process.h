/* SPDX-License-Identifier: BSD-2-Clause */
/* The supervisor's side of a worker process: start, control messages, end. */
#ifndef MEDIATOR_WORKER_PROCESS_H
#define MEDIATOR_WORKER_PROCESS_H

#include "host/common/clock.h"
#include "host/mediator/supervisor/state.h"

/* After a spare worker died or did not start, the next is tried: the reason may last. */
#define WORKER_PROCESS_RETRY_NS NS_PER_S

/* Has workers started, as many as are to wait for connections and as wait for a worker. */
void worker_process_keep_spares(struct supervisor *supervisor);

/* The nursery's: a worker is there, or could not be started. */
void worker_process_on_birth(void *supervisor, const struct birth *birth);

/* Takes a connection, for a worker; false, and it stays the caller's, without memory. */
bool worker_process_serve(struct supervisor *supervisor, struct supervisor_listener *listener,
                          int connection, struct guest_record *guest);

/* Closes the connections that no worker has. */
void worker_process_drop_waiting(struct supervisor *supervisor);

/* Ends a worker that reads no messages. */
void worker_process_send(struct worker_process *worker, const struct control_message *message);

void worker_process_kill(struct worker_process *worker, const char *why);

/* Asks for statistics; kills a worker that has not answered several times. */
void worker_process_check(struct worker_process *worker);

/* Tells a worker to finish and end. */
void worker_process_drain(struct worker_process *worker);

/* Tells every session of the guest (NULL: of all the listener's) whether it is quarantined. */
void worker_process_tell_quarantine(struct supervisor_listener *listener,
                                    const struct guest_record *guest);

#endif
