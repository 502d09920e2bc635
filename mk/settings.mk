# SPDX-License-Identifier: BSD-2-Clause
# What the other fragments share: goals, packages, toolchain, and the trick that rebuilds a part
# when its flags change.

# ---- What the goals need ----

GOALS := $(or $(MAKECMDGOALS),$(.DEFAULT_GOAL))
IDLE_GOALS := help clean fresh format
WORK_GOALS := $(filter-out $(IDLE_GOALS),$(GOALS))

PARTS_library := library
PARTS_firmware := library firmware
PARTS_install-library := library
PARTS_deb := library host man qemu deb
PARTS_install-host := host man
PARTS_install := library host man
PARTS_qemu := qemu
PARTS_host := host
PARTS_run := library firmware qemu host
PARTS_debug := $(PARTS_run)
PARTS_tests := $(PARTS_run) man test
PARTS_test := $(PARTS_tests) gl
PARTS_soak := $(PARTS_test)
PARTS_shake := $(PARTS_test)
PARTS_bench := $(PARTS_tests)
PARTS_bundle := $(PARTS_tests) bundle
PARTS_compile_commands.json := library firmware host test
# A goal that is a file: whatever is needed to build any.
PARTS := $(sort $(foreach goal,$(WORK_GOALS),$(or $(PARTS_$(goal)),$(PARTS_tests))))

# ---- Paths ----

# $(call quoted,TEXT): one word for the shell, whatever is in it.
quoted = '$(subst ','\'',$(1))'

# The tree may lie anywhere: all names here are relative to its root. BUILD stands bare in recipes.
ifneq ($(shell case $(call quoted,$(BUILD)) in ('' | *[!A-Za-z0-9/._+@-]*) echo no ;; esac),)
$(error BUILD=$(BUILD): a name of letters, digits and /._+@- is wanted)
endif

ifneq ($(PARTS),)
ifneq ($(shell mkdir -p $(BUILD)/flags 2> /dev/null && test -w $(BUILD)/flags || echo no),)
$(error $(BUILD)/ cannot be written to: BUILD=DIR names another place)
endif
endif

# ---- Flags that changed ----

# $(call remember,NAME,TEXT): a file that is newer than the products whenever TEXT has changed. A
# goal without parts has read no configuration: what it takes for flags is not remembered.
remember = $(if $(PARTS),$(remember_text))
define remember_text
$(if $(and $(wildcard $(BUILD)/flags/$(1)),$(if $(call \
differs,$(file <$(BUILD)/flags/$(1)),$(2)),,same)),,$(file >$(BUILD)/flags/$(1),$(2)))
endef
differs = $(subst x$(strip $(1)),,x$(strip $(2)))$(subst x$(strip $(2)),,x$(strip $(1)))

# ---- Toolchain ----

# Packages first, then what they are: one recipe, after which make reads everything anew. It stands
# for all parts that any goal has needed so far; a goal that needs another makes it again.
ifneq ($(PARTS),)
$(call remember,environment,$(CROSS_COMPILE) $(CC) $(PATH) $(BAREGPU_CACHE))
include $(BUILD)/config.mk
CONFIG_PARTS_NEW := $(sort $(PARTS) $(CONFIG_PARTS))
$(BUILD)/config.mk: mk/packages.sh mk/cross-prefix.sh mk/configure.sh $(BUILD)/flags/environment \
		$(if $(filter-out $(CONFIG_PARTS),$(PARTS)),FORCE)
	@mk/packages.sh $(CONFIG_PARTS_NEW) < /dev/null
	@mk/configure.sh $(CONFIG_PARTS_NEW) > $@.new
	@mv $@.new $@
endif

CROSS := $(if $(CROSS),$(call quoted,$(CROSS)))
ifneq ($(filter default undefined,$(origin CC)),)
CC := cc
endif
CLANG ?= clang

WARNINGS := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wundef -Wvla \
            -Wno-error=deprecated-declarations
ifeq ($(WERROR),0)
WARNINGS += -Wno-error
endif

# A fresh clone compiles from the compiler's cache. Paths in the products are relative to the root,
# so that all clones share it, and the same source gives the same product.
ifneq ($(PARTS),)
ifeq ($(CCACHE_DIR),)
CCACHE_DIR := $(shell BAREGPU_CACHE=$(call quoted,$(BAREGPU_CACHE)); . mk/common.sh; \
                      printf '%s' "$$BAREGPU_CACHE/ccache")
endif
export CCACHE_DIR
endif
export CCACHE_MAXSIZE ?= 1G
# By the shell's name: make would leave to it what a folder's name means. It is the compiler's too.
PREFIX_MAP := -ffile-prefix-map="$$PWD"=.

# Echoes one short line for a command; V=1 shows the command itself.
ifeq ($(V),1)
quiet =
else
quiet = @printf '  %-8s %s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$(2))';
endif

.PHONY: FORCE
FORCE:
