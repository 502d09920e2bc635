# SPDX-License-Identifier: BSD-2-Clause
# QEMU with our devices. mk/build-qemu.sh tells how, and what it keeps.

# There the devices' tests run on these, too.
ifneq ($(filter soak,$(GOALS)),)
QEMU_TARGETS ?= x86_64-softmmu riscv64-softmmu
export QEMU_TARGETS
endif

QEMU_OUT := $(BUILD)/qemu
QEMU := $(QEMU_OUT)/qemu-system-aarch64
QEMU_INPUTS := $(shell find host/qemu-device -type f ! -name '*.md') $(wildcard protocol/*.h \
	host/qemu-patches/*.patch mk/qemu-devices/*.mak)

$(call remember,qemu,$(QEMU_SRC) $(QEMU_TARGETS) $(QEMU_CONFIGURE) $(BAREGPU_DEBUG) $(QEMU_INPUTS) $(HOST_VERSION))

.PHONY: qemu
qemu: $(QEMU_OUT)/qemu.stamp

# A tree of one's own may have changed anywhere: then the script looks, each time.
$(QEMU_OUT)/qemu.stamp: mk/build-qemu.sh mk/qemu-roms.sh mk/debian-fetch.sh $(QEMU_INPUTS) $(BUILD)/flags/qemu \
		$(if $(wildcard $(QEMU)),,FORCE) $(if $(QEMU_SRC),FORCE)
	@mk/build-qemu.sh $(QEMU_OUT)
	@touch $@
