/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's graphs, which it makes of all their nodes at once. */
#ifndef MEDIATOR_CUDA_GRAPH_H
#define MEDIATOR_CUDA_GRAPH_H

#include "host/mediator/cuda/session.h"

/* All of them; nothing runs any more. */
void cuda_graphs_destroy(struct cuda_session *cuda);

#endif
