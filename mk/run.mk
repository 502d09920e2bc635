# SPDX-License-Identifier: BSD-2-Clause
# Running the parts together.

run ?= demo

.PHONY: run debug
run: firmware qemu host
	@mk/run.sh --build $(BUILD) --run '$(run)' $(RUN_ARGS) -- $(QEMU_ARGS)

debug: firmware qemu host
	@mk/run.sh --build $(BUILD) --run '$(run)' --debug $(RUN_ARGS) -- $(QEMU_ARGS)
