# SPDX-License-Identifier: BSD-2-Clause
# psf-to-c.awk: a Linux console font, PSF version 1 or 2 with its Unicode table, as a C array. Input
# is one decimal byte to a line (od -An -v -tu1 -w1); -v name=NAME names the arrays.

function fail(text) {
    print "psf-to-c: " name ": " text > "/dev/stderr"
    failed = 1
    exit 1
}
function at(i) {
    if (i >= count) fail("the file is cut off")
    return byte[i]
}
function u16(i) { return at(i) + 256 * at(i + 1) }
function u32(i) { return u16(i) + 65536 * u16(i + 2) }

# A character of the table: the first glyph that has it wins.
function map(code, glyph) {
    if (!(code in glyph_of)) {
        glyph_of[code] = glyph
        codes[code_count++] = code
    }
}

# PSF 1: 16-bit values; FFFE begins sequences, which are left out, FFFF ends a glyph's list.
function read_table_1(i, glyphs,    g, code, in_sequence) {
    for (g = 0; g < glyphs; g++) {
        in_sequence = 0
        while ((code = u16(i)) != 65535) {
            if (code == 65534) in_sequence = 1
            else if (!in_sequence) map(code, g)
            i += 2
        }
        i += 2
    }
}

# PSF 2: UTF-8; FE begins sequences, FF ends.
function read_table_2(i, glyphs,    g, b, code, more, in_sequence) {
    for (g = 0; g < glyphs; g++) {
        in_sequence = 0
        while ((b = at(i++)) != 255) {
            if (b == 254) { in_sequence = 1; continue }
            if (b < 128) { code = b; more = 0 }
            else if (b < 224) { code = b % 32; more = 1 }
            else if (b < 240) { code = b % 16; more = 2 }
            else { code = b % 8; more = 3 }
            while (more-- > 0) code = code * 64 + at(i++) % 64
            if (!in_sequence) map(code, g)
        }
    }
}

function sort_codes(    i, j, code) {
    for (i = 1; i < code_count; i++) {
        code = codes[i]
        for (j = i - 1; j >= 0 && codes[j] > code; j--) codes[j + 1] = codes[j]
        codes[j + 1] = code
    }
}

{ byte[count++] = $1 }

END {
    if (failed) exit 1
    if (at(0) == 54 && at(1) == 4) {
        glyphs = at(2) % 2 ? 512 : 256
        if (int(at(2) / 2) % 2 == 0) fail("no Unicode table")
        start = 4; size = at(3); height = size; width = 8
        read_table_1(start + glyphs * size, glyphs)
    } else if (at(0) == 114 && at(1) == 181 && at(2) == 74 && at(3) == 134) {
        start = u32(8); glyphs = u32(16); size = u32(20); height = u32(24); width = u32(28)
        if (u32(12) % 2 == 0) fail("no Unicode table")
        read_table_2(start + glyphs * size, glyphs)
    } else fail("no PSF font")
    if (size != height * int((width + 7) / 8)) fail("sizes that do not fit")
    sort_codes()
    printf "static const uint8_t %s_bitmaps[] = {", name
    for (i = 0; i < glyphs * size; i++) printf "%s%d,", i % 32 ? "" : "\n    ", at(start + i)
    printf "\n};\n\nstatic const struct font_character %s_characters[] = {", name
    for (i = 0; i < code_count; i++)
        printf "%s{%d, %d},", i % 8 ? " " : "\n    ", codes[i], glyph_of[codes[i]]
    printf "\n};\n\nconst struct font %s = {\n", name
    printf "    .width = %d, .height = %d, .bytes_per_row = %d, .bytes_per_glyph = %d,\n", \
           width, height, int((width + 7) / 8), size
    printf "    .glyph_count = %d, .character_count = %d,\n", glyphs, code_count
    printf "    .characters = %s_characters, .bitmaps = %s_bitmaps,\n};\n\n", name, name
}
