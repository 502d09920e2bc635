/* SPDX-License-Identifier: BSD-2-Clause */
/* baregpu-smi top: who computes, the busiest first, in place. */
#ifndef SMI_TOP_H
#define SMI_TOP_H

#include "host/mediator/exit_status.h"
#include "host/smi/nvml.h"

/* Until q, the end of standard input or `frames` (0: no end); a new one each `seconds`. Standard
 * output has to be a terminal. */
enum mediator_exit top_run(const char *path, struct nvml *nvml, int device, unsigned seconds,
                           unsigned frames);

#endif
