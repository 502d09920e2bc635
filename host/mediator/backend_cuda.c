/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/backend.h"
#include <stdio.h>
struct backend *backend_cuda_open(int ordinal, char *reason, size_t reason_size)
{ (void)ordinal; snprintf(reason, reason_size, "TODO"); return NULL; }
int backend_cuda_count(char *reason, size_t reason_size)
{ snprintf(reason, reason_size, "TODO"); return 0; }
