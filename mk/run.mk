# SPDX-License-Identifier: BSD-2-Clause
# Running the parts together.

run ?= demo

# The guest's tests and benchmarks are in an image of their own.
RUN_IMAGE := $(if $(filter test% bench%,$(run)),$(FW)/baregpu-test.elf)

.PHONY: run debug
run: firmware $(RUN_IMAGE) qemu host
	@mk/run.sh --build $(BUILD) --run $(call quoted,$(run)) --shots $(BUILD)/screens $(RUN_ARGS) -- \
		$(QEMU_ARGS)

debug: firmware $(RUN_IMAGE) qemu host
	@mk/run.sh --build $(BUILD) --run $(call quoted,$(run)) --debug $(RUN_ARGS) -- $(QEMU_ARGS)

BUNDLE := $(BUILD)/baregpu-x86_64.tar.xz
BUNDLE_TESTS := $(TESTS_unit) $(TESTS_boot) $(TESTS_device) $(TESTS_mediator) $(TESTS_system) \
                $(TEST_SCRIPTS) $(BUILD)/tests/fake/gpu/libcuda.so.1 \
                $(BUILD)/tests/fake/nvml/libnvidia-ml.so.1

.PHONY: bundle
bundle: $(BUNDLE)
$(BUNDLE): $(BUNDLE_TESTS) $(FW)/baregpu.img $(GUEST_TEST_IMAGES) $(FW)/minimal.elf $(FW)/cross \
		$(MEDIATOR) $(SMI) $(EXPORTER) $(CUDA_CPU) $(SST_SIM) $(QEMU_OUT)/qemu.stamp mk/bundle.sh $(wildcard mk/bundle/*.sh) \
		mk/run.sh mk/run-test.sh
	@mk/bundle.sh $(BUILD) $@ $(BUNDLE_TESTS)
