/* SPDX-License-Identifier: BSD-2-Clause */
/* The model of protocol/sst_systolic.h. */
#ifndef SST_SIM_SYSTOLIC_H
#define SST_SIM_SYSTOLIC_H

#include "host/sst-sim/sst_device.h"

extern const struct sst_model_ops systolic_model;

#endif
