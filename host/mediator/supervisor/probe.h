/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which GPUs there are. The CUDA driver is loaded in a child process only: it starts threads,
 * opens devices, and can hang or crash, none of which the supervisor may suffer.
 */
#ifndef MEDIATOR_PROBE_H
#define MEDIATOR_PROBE_H

#define PROBE_REASON_SIZE 160
#define PROBE_ARGUMENT "--internal-probe"

/* Number of CUDA devices; 0 with the reason when there are none or the child does not answer in
 * time. Before the event loop starts: waits for the child. */
int probe_count_cuda(char reason[PROBE_REASON_SIZE]);

/* The child. Its exit status. */
int probe_main(void);

#endif
