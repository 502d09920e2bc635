# SPDX-License-Identifier: BSD-2-Clause
# make deb: Debian's packages of all that is built (debian/).

.PHONY: deb
deb: host library qemu $(MAN_PAGES:%=$(INSTALLED)/man/%)
	@mk/deb.sh $(BUILD)
