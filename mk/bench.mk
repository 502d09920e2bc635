# SPDX-License-Identifier: BSD-2-Clause
# Figures beside their limits. The program and the tools it runs are tests/bench/*_bench.c.

.PHONY: bench
bench: firmware qemu host $(TESTS_bench)
	@BAREGPU_BUILD=$(BUILD) $(BUILD)/tests/bench/baregpu_bench
