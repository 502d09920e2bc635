#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# tests-list.sh FILE...: prints build/tests.mk, the rules for the test programs, from the lines that
# each test's source starts with:
#
#   // build: firmware/common/error.c ...   what is compiled with it, from the root
#   // apart: firmware/cuda/error.c ...  the same, linked with the test first: of their names the rest
#                                    of the program sees those that begin with apart_, and main
#   // libs: -luv                    what it links besides cmocka
#   // pkg: glib-2.0                 the same by pkg-config's name, with its compile flags
#   // cflags: -DX=1                 for this program alone
#   // needs: build/firmware/x.elf   what must be there before it runs
#   // sanitize                      with ASan and UBSan (unit tests and fuzzers always are)
#   // tsan                          with ThreadSanitizer instead
#   // serial                        never beside another test: it measures time
#
# A program is tests/KIND/NAME.c and becomes build/tests/KIND/NAME. Objects are shared by programs
# that are compiled alike: obj/plain, obj/asan, obj/fuzz.

. "$(dirname "$0")/common.sh"

awk '
function flush_program(   kind, stem, variant, objects, i, n, list, object, program) {
    if (file == "") return
    kind = file
    sub(/^tests\//, "", kind)
    sub(/\/.*/, "", kind)
    stem = file
    sub(/\.c$/, "", stem)
    variant = kind == "fuzz" ? "fuzz" : tsan ? "tsan" : \
              (kind == "unit" || sanitize) ? "asan" : "plain"
    dir = "$(TEST_OBJ)/" variant
    if (cflags != "" || pkg != "") dir = "$(TEST_OBJ)/" variant "-" stem_name(stem)
    list = apart == "" ? file " " build : build
    if (kind == "device" || kind == "mediator" || kind == "boot" || kind == "system")
        list = list " $(HARNESS_SRC)"
    program = "$(BUILD)/" stem
    print ""
    print "TESTS_" kind " += " program
    if (serial) print "TESTS_SERIAL += " program
    if (apart != "") {
        print program ".apart.o: $(patsubst %.c," dir "/%.o," file " " apart ")"
        print "\t@mkdir -p $(@D)"
        print "\t$(call quiet,LD,$@)ld -r $^ -o $@.all && objcopy -w --keep-global-symbol=main \\"
        print "\t\t--keep-global-symbol=\x27apart_*\x27 $@.all $@"
        print "-include $(patsubst %.c," dir "/%.d," file " " apart ")"
    }
    print program ": " "$(patsubst %.c," dir "/%.o," list ") " \
          (apart == "" ? "" : program ".apart.o ") "$(BUILD)/flags/tests-" variant \
          (needs == "" ? "" : " | " needs)
    print "\t@mkdir -p $(@D)"
    print "\t$(call quiet,LD,$@)$(LINK_" variant ") $(filter %.o,$^) " libs " " \
          (pkg == "" ? "" : "$(shell pkg-config --libs " pkg ") ") "$(TEST_LIBS) -o $@"
    if (!(dir in seen)) {
        seen[dir] = 1
        print dir "/%.o: %.c $(BUILD)/flags/tests-" variant
        print "\t@mkdir -p $(@D)"
        print "\t$(call quiet,CC,$@)$(COMPILE_" variant ") " cflags " " \
              (pkg == "" ? "" : "$(shell pkg-config --cflags " pkg ") ") "-MMD -MP -c $< -o $@"
    }
    print "-include $(patsubst %.c," dir "/%.d," list ")"
}
function stem_name(s) { gsub(/\//, "-", s); return s }
function value(   v) { v = $0; sub(/^\/\/ [a-z]+: */, "", v); return v }
FNR == 1 {
    flush_program()
    file = FILENAME
    build = apart = libs = pkg = cflags = needs = ""
    serial = sanitize = tsan = 0
}
FNR > 40 { next }
/^\/\/ build: /  { build = build " " value() }
/^\/\/ apart: /  { apart = apart " " value() }
/^\/\/ libs: /   { libs = libs " " value() }
/^\/\/ pkg: /    { pkg = pkg " " value() }
/^\/\/ cflags: / { cflags = cflags " " value() }
/^\/\/ needs: /  { needs = needs " " value() }
/^\/\/ sanitize/ { sanitize = 1 }
/^\/\/ tsan/     { tsan = 1 }
/^\/\/ serial/   { serial = 1 }
END { flush_program() }
' "$@" /dev/null
