# SPDX-License-Identifier: BSD-2-Clause
# `make help` lists what can be made. The rules are in mk/, one file per part.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-builtin-variables --no-print-directory
# As many jobs as processors, unless told otherwise (make hides -j from its makefiles: 4.3).
MAKEFLAGS += $(shell tr '\0' ' ' < /proc/$$PPID/cmdline | \
               grep -Eq -- ' (-[a-zA-Z]*j|--jobs)' || echo -j$$(nproc))
SHELL := /bin/sh
.DELETE_ON_ERROR:
.SUFFIXES:

BUILD ?= build

include mk/settings.mk
include mk/firmware.mk
include mk/qemu.mk
include mk/host.mk
include mk/install.mk
include mk/deb.mk
include mk/tests.mk
include mk/run.mk
include mk/bench.mk
include mk/help.mk
