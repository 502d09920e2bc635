# SPDX-License-Identifier: BSD-2-Clause
# make install: the library for other people's kernels, and the host's commands with their man pages.
# PREFIX= is where they will be used, DESTDIR= a folder that stands for the root meanwhile.

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/baregpu
# The library is AArch64's, whatever machine this is: where that needs a folder of its own, LIBDIR=.
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
CMAKEDIR ?= $(LIBDIR)/cmake/baregpu
# The mediator, with the CUDA device on the CPU beside it (docs/mediator.md).
PRIVATEDIR ?= $(PREFIX)/lib/baregpu

INSTALLED := $(BUILD)/install
VERSION := $(shell awk '/^\#define BAREGPU_VERSION_(MAJOR|MINOR|PATCH) / { printf "%s%s", dot, $$3; dot = "." }' \
                   firmware/include/baregpu/version.h)

# $(call place,FOLDER): a folder of the installation, for the shell.
place = $(call quoted,$(DESTDIR)$(1))
# How pkg-config names a folder, and how CMake's package gets there: both may be moved.
below_prefix = $(call quoted,$(subst $(PREFIX)/,$${prefix}/,$(1)))
from_cmake = "$$(realpath -ms --relative-to=$(call quoted,$(CMAKEDIR)) $(call quoted,$(1)))"

# One that is not would be below the sources, and the files would name it as it is.
ifneq ($(filter install install-%,$(GOALS)),)
ifeq ($(filter /%,$(firstword $(PREFIX))),)
$(error PREFIX=$(PREFIX): a path that begins with / is wanted, such as $$HOME/baregpu)
endif
endif

.PHONY: install install-library install-host
install: install-library install-host

LIBRARY_FILES := baregpu.pc baregpu-config.cmake baregpu-config-version.cmake
PUBLIC_HEADERS := $(wildcard firmware/include/baregpu/*.h)
# Those of protocol/ that they include. They find each other wherever they lie side by side.
PROTOCOL_HEADERS = $(sort $(filter protocol/%,$(shell $(CROSS)gcc -MM -I. -Ifirmware/include $(PUBLIC_HEADERS))))

install-library: $(FW)/libbaregpu.a $(LIBRARY_FILES:%=mk/install/%.in)
	@mkdir -p $(INSTALLED)
	@for file in $(LIBRARY_FILES); do \
		sed -e "s|@PREFIX@|"$(call quoted,$(PREFIX))"|; s|@VERSION@|$(VERSION)|" \
		    -e "s|@LIBDIR@|"$(call below_prefix,$(LIBDIR))"|; s|@FROM_CMAKE_LIBDIR@|"$(call from_cmake,$(LIBDIR))"|" \
		    -e "s|@INCLUDEDIR@|"$(call below_prefix,$(INCLUDEDIR))"|" \
		    -e "s|@FROM_CMAKE_INCLUDEDIR@|"$(call from_cmake,$(INCLUDEDIR))"|" \
		    mk/install/$$file.in > $(INSTALLED)/$$file; \
	done
	$(call quiet,INSTALL,$(DESTDIR)$(LIBDIR)/libbaregpu.a)
	@install -d $(call place,$(LIBDIR)) $(call place,$(PKGCONFIGDIR)) $(call place,$(CMAKEDIR)) \
		$(call place,$(INCLUDEDIR)/baregpu/protocol) $(call place,$(DOCDIR)/examples/minimal)
	@install -m 644 $< $(call place,$(LIBDIR))
	@install -m 644 $(PUBLIC_HEADERS) $(call place,$(INCLUDEDIR)/baregpu)
	@install -m 644 $(PROTOCOL_HEADERS) $(call place,$(INCLUDEDIR)/baregpu/protocol)
	@install -m 644 $(INSTALLED)/baregpu.pc $(call place,$(PKGCONFIGDIR))
	@install -m 644 $(addprefix $(INSTALLED)/,$(filter %.cmake,$(LIBRARY_FILES))) $(call place,$(CMAKEDIR))
	@install -m 644 firmware/minimal/* $(call place,$(DOCDIR)/examples/minimal)

# What the man pages say is what --help does, and docs/man/ beside it.
MAN_PAGES := baregpu-mediator.8 baregpu-ptx.1 baregpu-smi.1 baregpu-sst-sim.1
$(INSTALLED)/man/%: docs/man/%.h2m
	@mkdir -p $(@D)
	$(call quiet,MAN,$@)help2man --no-info --section=$(subst .,,$(suffix $*)) --source="baregpu $(VERSION)" \
		--include=$< --output=$@ $(HOST)/$(basename $*)

$(foreach page,$(MAN_PAGES),$(eval $(INSTALLED)/man/$(page): $(HOST)/$(basename $(page))))

install-host: host $(MAN_PAGES:%=$(INSTALLED)/man/%)
	$(call quiet,INSTALL,$(DESTDIR)$(SBINDIR)/baregpu-mediator)
	@install -d $(call place,$(BINDIR)) $(call place,$(SBINDIR)) $(call place,$(PRIVATEDIR)/cuda-cpu) \
		$(call place,$(MANDIR)/man1) $(call place,$(MANDIR)/man8) $(call place,$(DOCDIR)/examples)
	@install $(PTX_TOOL) $(SMI) $(SST_SIM) $(call place,$(BINDIR))
	@install $(MEDIATOR) $(EXPORTER) $(call place,$(PRIVATEDIR))
	@install $(PTXC) $(call place,$(PRIVATEDIR)/cuda-cpu)
	@install -m 644 $(CUDA_CPU) $(CUBLAS_CPU) $(call place,$(PRIVATEDIR)/cuda-cpu)
	@ln -sfr $(call place,$(PRIVATEDIR)/baregpu-mediator) $(call place,$(SBINDIR)/baregpu-mediator)
	@install -m 644 $(addprefix $(INSTALLED)/man/,$(filter %.1,$(MAN_PAGES))) $(call place,$(MANDIR)/man1)
	@install -m 644 $(addprefix $(INSTALLED)/man/,$(filter %.8,$(MAN_PAGES))) $(call place,$(MANDIR)/man8)
	@install -m 644 host/mediator/example.ini $(call place,$(DOCDIR)/examples/mediator.ini)
