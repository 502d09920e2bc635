# SPDX-License-Identifier: BSD-2-Clause
# Figures beside their limits. The program and the tools it runs are tests/bench/*_bench.c.

BENCH_TIMEOUT_S ?= 900

.PHONY: bench
bench: firmware $(FW)/baregpu-test.elf qemu host $(TESTS_bench)
	@BAREGPU_BUILD=$(BUILD) timeout --foreground -k 10 $(BENCH_TIMEOUT_S) \
		$(BUILD)/tests/bench/baregpu_bench

# The scene that a guest draws, for a program on the host that draws it, too.
$(BUILD)/tests/bench/scene/%.spv: firmware/apps/% mk/shaders.sh
	@mkdir -p $(@D)
	$(call quiet,SPIRV,$@)mk/shaders.sh $< $@ -I.

$(BUILD)/tests/bench/scene/%.spv: firmware/apps/%.hlsl mk/shaders.sh
	@mkdir -p $(@D)
	$(call quiet,SPIRV,$@)mk/shaders.sh $< $@ -I.

# What tests/bench/ptx_bench compares: kernels as PTX, and the same algorithms in C for this machine.
PTX_BENCH := $(BUILD)/tests/bench/ptx

$(PTX_BENCH)/kernels.ptx: tests/bench/ptx/kernels.cu mk/bench.mk
	@mkdir -p $(@D)
	$(call quiet,PTX,$@)$(CLANG) --cuda-device-only -S -nocudainc -nocudalib -O3 \
		--cuda-gpu-arch=sm_80 -Wno-unknown-cuda-version -Xclang -target-feature -Xclang +ptx70 \
		-x cuda $< -o $@

$(PTX_BENCH)/kernels-clang.so: PTX_BENCH_CC := $(CLANG)
$(PTX_BENCH)/kernels-gcc.so: PTX_BENCH_CC := $(CC)
$(PTX_BENCH)/kernels-%.so: tests/bench/ptx/kernels.c tests/bench/ptx/kernels.h mk/bench.mk
	@mkdir -p $(@D)
	$(call quiet,CC,$@)$(PTX_BENCH_CC) -std=gnu11 -O3 -march=native -I. -fPIC -shared $< -o $@
