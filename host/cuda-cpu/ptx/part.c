/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/ptx/part.h"

#include <string.h>

unsigned ptx_video_values(enum ptx_opcode opcode)
{
    switch (opcode) {
    case PTX_VADD:
    case PTX_VSUB:
    case PTX_VABSDIFF:
    case PTX_VMIN:
    case PTX_VMAX:
    case PTX_VSHL:
    case PTX_VSHR:
    case PTX_VMAD:
    case PTX_VSET:
        return 1;
    case PTX_VADD2:
    case PTX_VSUB2:
    case PTX_VAVRG2:
    case PTX_VABSDIFF2:
    case PTX_VMIN2:
    case PTX_VMAX2:
    case PTX_VSET2:
        return 2;
    case PTX_VADD4:
    case PTX_VSUB4:
    case PTX_VAVRG4:
    case PTX_VABSDIFF4:
    case PTX_VMIN4:
    case PTX_VMAX4:
    case PTX_VSET4:
        return 4;
    default:
        return 0;
    }
}

/* .x, .r and so on, of those that there are. */
static bool is_component(const char *select, unsigned vector)
{
    static const char *const letters[] = {"xr", "yg", "zb", "wa"};

    for (unsigned i = 0; i < vector && i < 4; i++) {
        if (strchr(letters[i], select[0]) != NULL && select[0] != '\0' && select[1] == '\0') {
            return true;
        }
    }
    return false;
}

/* Numbers below `below`; as a mask, of which each is less than the one before. */
static bool are_numbers(const char *digits, unsigned below, bool is_mask)
{
    for (size_t i = 0; digits[i] != '\0'; i++) {
        if (digits[i] < '0' || digits[i] >= (char)('0' + below) ||
            (is_mask && i && digits[i] >= digits[i - 1])) {
            return false;
        }
    }
    return true;
}

/* .b0 to .b3, .h0, .h1 */
static bool is_part(const char *select)
{
    return strlen(select) == 2 && ((select[0] == 'b' && are_numbers(select + 1, 4, false)) ||
                                   (select[0] == 'h' && are_numbers(select + 1, 2, false)));
}

/* Of sources: as many numbers as there are values, of those of both; of a result, a mask. */
static bool are_parts(const char *select, unsigned values, bool written)
{
    size_t count = strlen(select);

    if (select[0] != (values == 2 ? 'h' : 'b') || count < 2) {
        return false;
    }
    return written ? are_numbers(select + 1, values, true)
                   : count == values + 1 && are_numbers(select + 1, 2 * values, false);
}

bool ptx_part_is_right(const struct ptx_instruction *instruction, const struct ptx_operand *operand,
                       unsigned vector, bool written)
{
    unsigned values = ptx_video_values(instruction->opcode);

    if (written && instruction->opcode == PTX_VMAD) {
        return false;
    }
    if (values == 0 || vector > 1) {
        return is_component(operand->select, vector > 1 ? vector : 0);
    }
    return values == 1 ? is_part(operand->select) : are_parts(operand->select, values, written);
}
