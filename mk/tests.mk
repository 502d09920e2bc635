# SPDX-License-Identifier: BSD-2-Clause
# Tests. Every test prints TAP; prove runs them all. mk/tests-list.sh says what the first lines of
# a test's source tell the build.

TEST_OBJ := $(BUILD)/tests/obj
TEST_SRC := $(sort $(wildcard $(addprefix tests/,unit/*/*_test.c boot/*_test.c device/*_test.c \
                                         mediator/*_test.c system/*_test.c fuzz/*_fuzz.c \
                                         bench/*_bench.c)))
TEST_SCRIPTS := $(sort $(wildcard tests/*/*_test.sh))
HARNESS_SRC := $(wildcard tests/harness*.c)

# What sessions compute by, for tests that have one without a mediator: the operations, and the CUDA
# device on the CPU.
GPU_SRC := $(filter-out host/mediator/compute/cublas.c,$(wildcard host/mediator/compute/*.c)) \
           $(wildcard host/mediator/cuda/*.c) host/mediator/log.c tests/fake/cublas.c \
           $(filter-out host/cuda-cpu/tool/% host/cuda-cpu/process/% host/cuda-cpu/blas/driver.c, \
                        $(wildcard host/cuda-cpu/*/*.c))

# A pvgpu session's commands, which the operations stand under.
PVGPU_SRC := $(addprefix host/mediator/pvgpu/,commands.c compiling.c compute.c copy.c display.c format.c \
                                              memory.c move.c resource.c targets.c) $(GPU_SRC)

# Those of a session that draws.
PVGPU_VULKAN_SRC := $(PVGPU_SRC) $(wildcard host/mediator/pvgpu/vulkan/*.c host/common/jail*.c)

# The guest's CUDA, for tests with a worker in the same program (tests/fake/cuda_carrier.c).
GUEST_CUDA_SRC := $(filter-out firmware/cuda/carrier_%,$(wildcard firmware/cuda/*.c)) \
                  tests/fake/cuda_carrier.c

FUZZ_SECONDS ?=
SOAK_SECONDS ?= 3600
TEST_TIMEOUT_S ?= 600
JOBS ?= $(shell nproc)

TEST_COMMON := -std=gnu11 -g $(WARNINGS) -Wno-missing-prototypes -D_GNU_SOURCE -I. -Itests \
               -Ifirmware/include -Ihost -fno-omit-frame-pointer $(CMOCKA_CFLAGS) $(DXBC_CFLAGS)
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
COMPILE_plain := $(CCACHE) $(CC) $(PREFIX_MAP) $(TEST_COMMON) -O2
COMPILE_asan := $(CCACHE) $(CC) $(PREFIX_MAP) $(TEST_COMMON) -O1 $(SANITIZE)
# It knows no fences, and says so; the data itself is handed over by atomics.
COMPILE_tsan := $(CCACHE) $(CC) $(PREFIX_MAP) $(TEST_COMMON) -O2 -fsanitize=thread -Wno-tsan
# Kernels are made at run time, without what clang looks for before a function that is called.
COMPILE_fuzz := $(CCACHE) $(CLANG) $(PREFIX_MAP) $(TEST_COMMON) -O1 $(SANITIZE) \
                -fsanitize=fuzzer-no-link -fno-sanitize=function \
                -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -DBAREGPU_FUZZ
LINK_plain := $(CC) -Wl,--as-needed
LINK_asan := $(CC) $(SANITIZE) -Wl,--as-needed
LINK_tsan := $(CC) -fsanitize=thread -Wl,--as-needed
LINK_fuzz := $(CLANG) $(SANITIZE) -fsanitize=fuzzer -Wl,--as-needed
TEST_LIBS := $(CMOCKA_LIBS) -ljansson -lpthread -lm

ifneq ($(filter test,$(PARTS)),)
$(call remember,tests-plain,$(HOST_VERSION) $(COMPILE_plain) $(LINK_plain) $(HARNESS_SRC))
$(call remember,tests-asan,$(HOST_VERSION) $(COMPILE_asan) $(LINK_asan) $(HARNESS_SRC))
$(call remember,tests-tsan,$(HOST_VERSION) $(COMPILE_tsan) $(LINK_tsan))
$(call remember,tests-fuzz,$(CLANG_VERSION) $(COMPILE_fuzz) $(LINK_fuzz))
$(call remember,tests-list,$(TEST_SRC))

include $(BUILD)/tests.mk
$(BUILD)/tests.mk: mk/tests-list.sh mk/common.sh $(TEST_SRC) $(BUILD)/flags/tests-list
	@mk/tests-list.sh $(TEST_SRC) > $@.new
	@mv $@.new $@
endif

# The CUDA device on the CPU in the part of NVIDIA's driver (tests/fake/gpu).
$(BUILD)/tests/fake/gpu/libcuda.so.1: $(wildcard tests/fake/gpu/*.[ch]) \
		host/mediator/compute/kernels.c host/mediator/compute/kernels.ptx \
		host/mediator/compute/cuda_driver.h $(BUILD)/flags/tests-plain | $(CUDA_CPU)
	@mkdir -p $(@D)
	$(call quiet,LD,$@)$(COMPILE_plain) -fPIC -shared -fvisibility=hidden \
		-Wl,-soname,libcuda.so.1 $(filter %.c,$^) -o $@

$(BUILD)/tests/fake/nvml/libnvidia-ml.so.1: tests/fake/nvml/nvml.c $(BUILD)/flags/tests-plain
	@mkdir -p $(@D)
	$(call quiet,LD,$@)$(COMPILE_plain) -fPIC -shared -Wl,-soname,libnvidia-ml.so.1 $< -o $@

# The host's loader of Vulkan, with a device that can be lost.
$(BUILD)/tests/fake/vulkan/libvulkan.so.1: $(wildcard tests/fake/vulkan/*.[ch]) \
		$(BUILD)/flags/tests-plain
	@mkdir -p $(@D)
	$(call quiet,LD,$@)$(COMPILE_plain) -fPIC -shared -fvisibility=hidden \
		-DFAKE_VULKAN_REAL='"$(shell $(CC) -print-file-name=libvulkan.so.1)"' \
		-Wl,-soname,libvulkan.so.1 $(filter %.c,$^) -o $@

# Kernels as compilers make them; without nvcc that file is empty. Those whose floats are compared by
# the bit have no product and sum joined.
$(call remember,tests-ptx,$(CLANG_VERSION) $(KERNELS_COMPILER))
$(BUILD)/tests/kernels-clang.ptx: PTX_FLAGS := -ffp-contract=off
$(BUILD)/tests/kernels-nvcc.ptx: PTX_FLAGS := -fmad=false
$(BUILD)/tests/headers-clang.ptx $(BUILD)/tests/headers-nvcc.ptx: export KERNELS_ARCH := 80

$(BUILD)/tests/%-clang.ptx: tests/unit/cuda-cpu/%.cu mk/kernels.sh $(BUILD)/flags/tests-ptx \
		$(wildcard firmware/cuda-clang/*.h firmware/cuda-clang/*/*.h) \
		$(wildcard tests/unit/cuda-cpu/*.h) tests/unit/cuda-cpu/headers.cu
	@mkdir -p $(@D)
	$(call quiet,PTX,$@)mk/kernels.sh --clang $< $@ $(PTX_FLAGS)

$(BUILD)/tests/%-nvcc.ptx: tests/unit/cuda-cpu/%.cu mk/kernels.sh $(BUILD)/flags/tests-ptx \
		$(wildcard tests/unit/cuda-cpu/*.h)
	@mkdir -p $(@D)
	$(call quiet,PTX,$@)if mk/kernels.sh --nvcc --compiler > /dev/null; then \
		mk/kernels.sh --nvcc $< $@ $(PTX_FLAGS); else : > $@; fi

# Shaders of tests: GLSL by its stage, and SPIR-V as text for what no compiler makes.
$(BUILD)/tests/shaders/%.spv: tests/shaders/%
	@mkdir -p $(@D)
	$(call quiet,SPIRV,$@)glslangValidator --target-env vulkan1.3 --quiet -V $< -o $@

$(BUILD)/tests/shaders/%.spv: tests/shaders/%.spvasm
	@mkdir -p $(@D)
	$(call quiet,SPIRV,$@)spirv-as --target-env vulkan1.3 $< -o $@

# Phases: side by side; then those that measure time, alone; then the fuzzers.
SELECTED := $(foreach test,$(TESTS_unit) $(TESTS_boot) $(TESTS_device) $(TESTS_mediator) \
              $(TESTS_system) $(TEST_SCRIPTS) $(TESTS_fuzz),$(if $(TESTS),$(if \
              $(findstring $(TESTS),$(test)),$(test)),$(test)))
SELECTED_FUZZ := $(filter $(TESTS_fuzz),$(SELECTED))
SELECTED_SERIAL := $(filter $(TESTS_SERIAL),$(SELECTED))
SELECTED_PARALLEL := $(filter-out $(SELECTED_FUZZ) $(SELECTED_SERIAL),$(SELECTED))

.PHONY: tests test soak
tests: $(TESTS_unit) $(TESTS_boot) $(TESTS_device) $(TESTS_mediator) $(TESTS_system) \
       $(TESTS_fuzz) $(TESTS_bench) $(GUEST_TEST_IMAGES) $(FW)/cross

test: FUZZ := $(FUZZ_SECONDS)
test: DEADLINE := $(TEST_TIMEOUT_S)
soak: FUZZ := $(SOAK_SECONDS)
soak: DEADLINE := $$(($(SOAK_SECONDS) * 4))
soak: export BAREGPU_SOAK := 1

test soak: firmware qemu host tests
	@BAREGPU_BUILD=$(BUILD) FUZZ_SECONDS=$(FUZZ) TEST_TIMEOUT_S=$(DEADLINE) \
		mk/prove.sh $(JOBS) '$(SELECTED_PARALLEL)' '$(SELECTED_SERIAL)' '$(SELECTED_FUZZ)'

# The fuzzers are left out: they have their own time, and no deadlines that a busy machine misses.
SHAKE_ROUNDS ?= 20
SHAKE_LOADS ?= 2
.PHONY: shake
shake: firmware qemu host tests
	@BAREGPU_BUILD=$(BUILD) SHAKE_ROUNDS=$(SHAKE_ROUNDS) SHAKE_LOADS=$(SHAKE_LOADS) \
		TEST_TIMEOUT_S=$$(($(TEST_TIMEOUT_S) * 3)) \
		mk/shake.sh $(JOBS) '$(SELECTED_PARALLEL)' '$(SELECTED_SERIAL)'

.PHONY: fresh format
fresh:
	@mk/fresh.sh $(BUILD)

format:
	@mk/format.sh
