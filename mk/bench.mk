# SPDX-License-Identifier: BSD-2-Clause
# Figures beside their limits. The program and the tools it runs are tests/bench/*_bench.c.

BENCH_TIMEOUT_S ?= 900

.PHONY: bench
bench: firmware $(FW)/baregpu-test.elf qemu host $(TESTS_bench)
	@BAREGPU_BUILD=$(BUILD) timeout --foreground -k 10 $(BENCH_TIMEOUT_S) \
		$(BUILD)/tests/bench/baregpu_bench
