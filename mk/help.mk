# SPDX-License-Identifier: BSD-2-Clause

define HELP
baregpu: a GPU for bare-metal guests

  make run              build what is missing, start the mediator, boot the guest, show what it did
  make run run=NAME     another program of the guest; an unknown name lists them all
  make debug            the same, waiting for gdb; prints the line to type
  make test             all tests (TESTS=pattern: those whose path has it); ends by itself
  make bench            figures beside their limits: a table, and $(BUILD)/bench.json
  make shake            every test SHAKE_ROUNDS (20) times beside SHAKE_LOADS (2) busy loops
  make soak             all tests at full counts, the fuzzers at SOAK_SECONDS each
  make format           the C sources in one form (clang-format 19)

  make library          the drivers:  $(BUILD)/firmware/libbaregpu.a, for any AArch64 kernel
  make firmware         the guest:    $(BUILD)/firmware/baregpu.elf, .img
  make qemu             the devices:  $(BUILD)/qemu/qemu-system-aarch64
  make host             the mediator: $(BUILD)/host/baregpu-mediator, and the simulator,
                        $(BUILD)/host/baregpu-sst-sim with libsst-device.a; baregpu-smi, -ptx
  make install          library, headers and commands to PREFIX= (/usr/local), below DESTDIR=;
                        install-library, install-host: one of both
  make deb              Debian's packages, in $(BUILD)/deb: docs/service.md
  make fresh            `make run`, `make test`, `make deb` and the packages on fresh Debians 12 and 13,
                        in chroots; needs root
  make bundle           one archive that runs on an x86-64 Linux machine with nothing installed
  make compile_commands.json   for editors
  make clean            removes $(BUILD)/; the cache stays

Settings: V=1 shows commands; RUN_ARGS= and QEMU_ARGS= go to the run; CROSS_COMPILE=, QEMU_SRC=,
QEMU_TARGETS=, BAREGPU_CACHE=, DEBIAN_MIRROR= choose what is used: docs/building.md.
endef

.PHONY: help clean
help:
	$(info $(HELP))
	@:

clean:
	rm -rf $(BUILD) compile_commands.json

# The devices' entries are there once QEMU has been built.
compile_commands.json: FORCE
	@mk/compile-commands.sh $(call quoted,$(file <$(QEMU_OUT)/tree)) \
		$(call quoted,$(CROSS)gcc $(LIB_CFLAGS) $(FW_CFLAGS)) $(filter %.c,$(LIB_SRC) $(MINIMAL_SRC)) -- \
		$(call quoted,$(CROSS)gcc $(KERNEL_CFLAGS) $(FW_CFLAGS)) \
		$(filter %.c,$(KERNEL_SRC) $(APP_SRC) $(GUEST_TEST_SRC)) -- \
		$(call quoted,$(CC) $(HOST_CFLAGS_ALL)) $(sort $(MEDIATOR_SRC) $(SMI_SRC) $(EXPORTER_SRC) $(SST_LIB_SRC) $(SST_SIM_SRC) $(PTX_TOOL_SRC) $(PTXC_SRC)) -- \
		$(call quoted,$(COMPILE_plain)) $(TEST_SRC) $(HARNESS_SRC) -- > $@.new
	@mv $@.new $@
