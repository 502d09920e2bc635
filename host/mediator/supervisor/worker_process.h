/* SPDX-License-Identifier: BSD-2-Clause */
/* The supervisor's side of a worker process: start, control messages, end. */
#ifndef MEDIATOR_WORKER_PROCESS_H
#define MEDIATOR_WORKER_PROCESS_H

#include "host/common/clock.h"
#include "host/mediator/supervisor/state.h"

/* After a spare worker died or did not start, the next is tried: the reason may last. */
#define WORKER_PROCESS_RETRY_NS NS_PER_S

/* Gives the connections that are due the workers that wait, and has others started: as many as are
 * to wait for connections and as are due still. */
void worker_process_serve(struct supervisor *supervisor);

/* The nursery's: a worker is there, or could not be started. */
void worker_process_on_birth(void *supervisor, const struct birth *birth);

/* A worker that is there, which waits for a session. NULL without memory. */
struct worker_process *worker_process_add(struct supervisor *supervisor, const struct birth *birth);

/* It has one already, of a supervisor before this one. */
void worker_process_begin(struct worker_process *worker, struct supervisor_listener *listener,
                          struct guest_record *guest, uint32_t session);

/* What it says it is called; the device that it has; its request for one. */
void worker_process_name(struct worker_process *worker, uint32_t vm_id);
void worker_process_place(struct worker_process *worker, struct supervisor_device *device,
                          char pool);
void worker_process_attach(struct worker_process *worker, const struct control_attach *attach);

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
