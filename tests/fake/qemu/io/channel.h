/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/channel-socket.h"
