# SPDX-License-Identifier: BSD-2-Clause
# The guest: the driver library, the kernel, and the second kernel that links the library alone.

FW := $(BUILD)/firmware
FW_OBJ := $(FW)/obj
NEWLIB := $(FW)/newlib
LIBFDT := $(FW)/libfdt

# The library's lists are for every build of it: member:source, and flags.
LIB_ROWS := $(shell awk '/^[a-z]/ { print $$1 ":" $$2 }' firmware/libbaregpu.sources)
LIB_FLAGS := $(shell sed '/^\#/d' firmware/libbaregpu.flags)
LIB_MEMBERS := $(sort $(foreach row,$(LIB_ROWS),$(firstword $(subst :, ,$(row)))))
member_sources = $(patsubst $(1):%,%,$(filter $(1):%,$(LIB_ROWS)))
LIB_SRC := $(foreach member,$(LIB_MEMBERS),$(call member_sources,$(member)))
# Two images of one kernel: what a person runs, and the guest's tests and benchmarks.
KERNEL_SRC := $(wildcard firmware/*.S firmware/platform/*.[cS] firmware/memory/*.[cS] \
                         firmware/apps/open/*.c firmware/apps/draw/*.c) firmware/apps/main.c
APP_SRC := $(filter-out $(KERNEL_SRC),$(wildcard firmware/apps/*.c))
GUEST_TEST_IMAGES := $(FW)/baregpu-test.elf $(FW)/baregpu-test.img
GUEST_TEST_SRC := $(wildcard tests/guest/*.c tests/guest/*/*.c) tests/fake/dma.c
# CUDA kernels beside what uses them; KERNELS= names more, for baregpu.elf.
APP_KERNELS := $(wildcard firmware/apps/*.cu) $(KERNELS)
TEST_KERNELS := $(wildcard tests/guest/cuda/*.cu)
# Shaders the same: GLSL, and HLSL with one more suffix. SHADERS= names more.
SHADER_NAMES := $(foreach stage,vert frag geom tesc tese comp,*.$(stage) *.$(stage).hlsl)
shaders_in = $(wildcard $(addprefix $(1)/,$(SHADER_NAMES)))
APP_SHADERS := $(call shaders_in,firmware/apps) $(SHADERS)
TEST_SHADERS := $(call shaders_in,tests/guest/draw) tests/shaders/raster.vert tests/shaders/raster.frag
MINIMAL_SRC := $(wildcard firmware/minimal/*.[cS])
MINIMAL_LD := firmware/minimal/linker.ld
FONT_SRC := $(FW)/font/console_font.c
fw_obj = $(patsubst %,$(FW_OBJ)/%.o,$(basename $(1)))
kernels_obj = $(1:%.cu=$(FW_OBJ)/%.ptx.o)
shaders_obj = $(1:%=$(FW_OBJ)/%.spv.o)
APP_EMBEDDED = $(call kernels_obj,$(APP_KERNELS)) $(call shaders_obj,$(APP_SHADERS))
TEST_EMBEDDED = $(call kernels_obj,$(TEST_KERNELS)) $(call shaders_obj,$(TEST_SHADERS))

# Debian's compiler for Linux needs newlib beside it; one for the bare target has its own.
ifeq ($(CROSS_BARE),yes)
LIBC_STAMP :=
LIBC_INCLUDE :=
LIBC_LINK = -lc -lm
NEWLIB_ARG := -
else
LIBC_STAMP := $(FW)/newlib.stamp
LIBC_INCLUDE := -nostdinc -isystem $(NEWLIB)/include -isystem $(call quoted,$(CROSS_INCLUDE))
LIBC_LINK = $(addprefix $(NEWLIB)/lib/,libc.a libm.a)
NEWLIB_ARG := $(NEWLIB)
endif

FW_COMMON := -O2 -g $(WARNINGS) -I. -Ifirmware/include -fno-omit-frame-pointer
LIB_CFLAGS := $(LIB_FLAGS) $(FW_COMMON) -nostdinc -isystem $(call quoted,$(CROSS_INCLUDE))
# What the library has for other kernels alone. Ours lie where they are linked, and the large one has
# floating point.
LIB_ONLY := -ffixed-x18 -fpie -mbranch-protection=standard
MINIMAL_CFLAGS := $(filter-out $(LIB_ONLY),$(LIB_CFLAGS)) -fno-pic -no-pie
# __DYNAMIC_REENT__: as newlib is built, errno belongs to a CPU (firmware/platform/newlib_smp.c).
KERNEL_CFLAGS := $(filter-out $(LIB_ONLY) -mgeneral-regs-only,$(LIB_FLAGS)) -fno-pic -no-pie $(FW_COMMON) \
                 -D__DYNAMIC_REENT__ $(LIBC_INCLUDE) -isystem $(LIBFDT)/include
FW_LDFLAGS := -nostdlib -static -no-pie -Wl,--gc-sections,-z,noexecstack,--build-id=none \
              -Wl,-z,max-page-size=4096

$(call remember,firmware-lib,$(CROSS) $(CROSS_VERSION) $(LIB_CFLAGS) $(LIB_ONLY) $(FW_CFLAGS))
$(call remember,firmware-kernel,$(CROSS) $(CROSS_VERSION) $(KERNEL_CFLAGS) $(FW_CFLAGS))
$(call remember,firmware-link,$(CROSS_VERSION) $(FW_LDFLAGS) $(LIB_SRC) $(KERNEL_SRC) \
                              $(APP_SRC) $(APP_EMBEDDED) $(GUEST_TEST_SRC) $(TEST_EMBEDDED) \
                              $(MINIMAL_SRC))
$(call remember,firmware-kernels,$(KERNELS_COMPILER) $(KERNELS_ARCH) $(NVCC) $(CLANG))

.PHONY: firmware library
library: $(FW)/libbaregpu.a
firmware: $(FW)/baregpu.elf $(FW)/baregpu.img $(FW)/libbaregpu.a \
          $(if $(MINIMAL_SRC),$(FW)/minimal.elf)

$(FW)/newlib.stamp: mk/build-newlib.sh mk/debian-fetch.sh $(BUILD)/flags/firmware-kernel \
		$(if $(wildcard $(NEWLIB)/lib/libc.a),,FORCE)
	@mk/build-newlib.sh $(CROSS) $(NEWLIB)
	@touch $@

$(FW)/libfdt.stamp: mk/build-libfdt.sh mk/debian-fetch.sh $(LIBC_STAMP) \
		$(BUILD)/flags/firmware-kernel $(if $(wildcard $(LIBFDT)/lib/libfdt.a),,FORCE)
	@mk/build-libfdt.sh $(CROSS) $(NEWLIB_ARG) $(LIBFDT)
	@touch $@

# The screen's fonts, from a package.
$(FONT_SRC): mk/build-font.sh mk/psf-to-c.awk mk/debian-fetch.sh
	$(call quiet,FONT,$@)mk/build-font.sh $@

# What runs while the floating-point registers hold the interrupted code's values.
$(FW_OBJ)/firmware/platform/%.o: FW_EXTRA := -mgeneral-regs-only
$(FW_OBJ)/tests/guest/interrupt%.o: FW_EXTRA := -mgeneral-regs-only
$(FW_OBJ)/firmware/memory/lock.o: FW_EXTRA := -mgeneral-regs-only

# Code for CUDA as it is: <cuda.h>.
$(FW_OBJ)/tests/guest/cuda%.o: FW_EXTRA := -Ifirmware/include/baregpu

# Documentation's code as it is: who calls it declares it.
$(FW_OBJ)/tests/guest/draw/triangle.o: FW_EXTRA := -include tests/guest/draw/triangle.h

# What the compiler takes for a memcpy must not become a call to itself.
$(FW_OBJ)/firmware/memory/memops.o: FW_EXTRA := -mgeneral-regs-only -mno-strict-align \
	-fno-tree-loop-distribute-patterns

# The library's and the minimal kernel's objects: no libc in sight.
LIB_PARTS := $(call fw_obj,$(LIB_SRC))
MINIMAL_OBJ := $(call fw_obj,$(MINIMAL_SRC))
FREESTANDING_OBJ := $(LIB_PARTS) $(MINIMAL_OBJ)
KERNEL_OBJ := $(call fw_obj,$(KERNEL_SRC) $(FONT_SRC))
HOSTED_OBJ := $(KERNEL_OBJ) $(call fw_obj,$(APP_SRC) $(GUEST_TEST_SRC)) \
              $(APP_EMBEDDED) $(TEST_EMBEDDED)

$(LIB_PARTS): FW_CPU_FLAGS := $(LIB_CFLAGS)
$(MINIMAL_OBJ): FW_CPU_FLAGS := $(MINIMAL_CFLAGS)
$(FREESTANDING_OBJ): $(BUILD)/flags/firmware-lib
$(HOSTED_OBJ): FW_CPU_FLAGS := $(KERNEL_CFLAGS)
$(HOSTED_OBJ): $(BUILD)/flags/firmware-kernel $(LIBC_STAMP) $(FW)/libfdt.stamp

$(FW_OBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(call quiet,CROSS-CC,$@)$(CCACHE) $(CROSS)gcc $(PREFIX_MAP) $(FW_CPU_FLAGS) $(FW_EXTRA) \
		$(FW_CFLAGS) -MMD -MP -c $< -o $@

# Kernels as PTX, and that as C.
.PRECIOUS: $(FW_OBJ)/%.ptx.c
$(FW_OBJ)/%.ptx.c: %.cu mk/kernels.sh $(BUILD)/flags/firmware-kernels
	@mkdir -p $(@D)
	$(call quiet,PTX,$@)mk/kernels.sh $< $@ -I.

# Shaders as SPIR-V, and that as C.
.PRECIOUS: $(FW_OBJ)/%.spv.c
$(FW_OBJ)/%.spv.c: % mk/shaders.sh
	@mkdir -p $(@D)
	$(call quiet,SPIRV,$@)mk/shaders.sh $< $@ -I.

$(FW_OBJ)/%.ptx.o: $(FW_OBJ)/%.ptx.c
	$(call quiet,CROSS-CC,$@)$(CROSS)gcc $(PREFIX_MAP) $(FW_CPU_FLAGS) $(FW_CFLAGS) -c $< -o $@

$(FW_OBJ)/%.spv.o: $(FW_OBJ)/%.spv.c
	$(call quiet,CROSS-CC,$@)$(CROSS)gcc $(PREFIX_MAP) $(FW_CPU_FLAGS) $(FW_CFLAGS) -c $< -o $@

$(FW_OBJ)/%.o: %.S
	@mkdir -p $(@D)
	$(call quiet,CROSS-AS,$@)$(CROSS)gcc $(PREFIX_MAP) $(FW_CPU_FLAGS) $(FW_CFLAGS) \
		-D__ASSEMBLY__ -MMD -MP -c $< -o $@

# A member's internals are local: whatever a kernel calls its own functions, nothing of the library has
# such a name. Each member is linked when it is used, and --gc-sections still works within it.
LIB_OBJ := $(LIB_MEMBERS:%=$(FW_OBJ)/lib/%.o)

$(foreach member,$(LIB_MEMBERS),$(eval \
    $(FW_OBJ)/lib/$(member).o: $(call fw_obj,$(call member_sources,$(member)))))
$(LIB_OBJ): firmware/libbaregpu.symbols firmware/libbaregpu.sources $(BUILD)/flags/firmware-link
	@mkdir -p $(@D)
	$(call quiet,CROSS-LD,$@)$(CROSS)ld -r $(filter %.o,$^) -o $@.all && \
		$(CROSS)objcopy -w --keep-global-symbols=$< $@.all $@

$(FW)/libbaregpu.a: $(LIB_OBJ)
	$(call quiet,CROSS-AR,$@)rm -f $@ && $(CROSS)ar rcs $@ $^

$(FW)/baregpu.elf: $(call fw_obj,$(APP_SRC)) $(APP_EMBEDDED)
$(FW)/baregpu-test.elf: $(call fw_obj,$(GUEST_TEST_SRC)) $(TEST_EMBEDDED)
# Of tests/guest/lib/smmu.c.
$(FW)/baregpu-test.elf: LINK_EXTRA := -Wl,--wrap=bg_hal_dma_alloc
$(FW)/baregpu.elf $(FW)/baregpu-test.elf: $(KERNEL_OBJ) $(FW)/libbaregpu.a linker.ld \
		$(BUILD)/flags/firmware-link
	$(call quiet,CROSS-LD,$@)$(CROSS)gcc $(FW_LDFLAGS) $(LINK_EXTRA) -Wl,-Map=$(@:.elf=.map) \
		-T linker.ld $(filter %.o,$^) -Wl,--start-group $(FW)/libbaregpu.a \
		$(LIBFDT)/lib/libfdt.a $(LIBC_LINK) -lgcc -Wl,--end-group -o $@

$(FW)/%.img: $(FW)/%.elf
	$(call quiet,OBJCOPY,$@)$(CROSS)objcopy -O binary $< $@

$(FW)/minimal.elf: $(MINIMAL_OBJ) $(FW)/libbaregpu.a $(MINIMAL_LD) \
		$(BUILD)/flags/firmware-link
	$(call quiet,CROSS-LD,$@)$(CROSS)gcc $(FW_LDFLAGS) -T $(MINIMAL_LD) $(filter %.o,$^) \
		-Wl,--start-group $(FW)/libbaregpu.a -lgcc -Wl,--end-group -o $@

-include $(patsubst %.o,%.d,$(FREESTANDING_OBJ) $(HOSTED_OBJ)) \
         $(patsubst %.o,%.c.d,$(APP_EMBEDDED) $(TEST_EMBEDDED))

# For mk/bundle.sh and tests/library.
$(FW)/cross: $(BUILD)/flags/firmware-link
	@mkdir -p $(@D)
	@echo $(CROSS) > $@
