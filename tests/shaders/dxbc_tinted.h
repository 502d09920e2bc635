/* SPDX-License-Identifier: BSD-2-Clause */
/* Two shaders in Direct3D's bytecode: POSITION as it is, COLOR1 times constant buffer 0's first
 * four floats. */
#ifndef TESTS_SHADERS_DXBC_TINTED_H
#define TESTS_SHADERS_DXBC_TINTED_H

#include "tests/shaders/dxbc.h"

static const struct dxbc_element dxbc_vertex_inputs[] = {
    {"POSITION", 0, 0, 3, 0, 0xF},
    {"COLOR", 1, 0, 3, 1, 0xF},
};
static const struct dxbc_element dxbc_between[] = {
    {"SV_Position", 0, 1, 3, 0, 0xF},
    {"COLOR", 0, 0, 3, 1, 0xF},
};
static const struct dxbc_element dxbc_targets[] = {{"SV_Target", 0, 0, 3, 0, 0xF}};

/* o0 = v0; o1 = v1 * b0[0] */
static const uint32_t dxbc_vertex_tokens[] = {
    DXBC_OP(89, 4),
    DXBC_CONSTANT(0, 1), /* dcl_constantbuffer */
    DXBC_OP(95, 3),
    DXBC_MASKED_INPUT(0), /* dcl_input */
    DXBC_OP(95, 3),
    DXBC_MASKED_INPUT(1), /* dcl_input */
    DXBC_OP(103, 4),
    DXBC_OUTPUT(0),
    1, /* dcl_output_siv position */
    DXBC_OP(101, 3),
    DXBC_OUTPUT(1), /* dcl_output */
    DXBC_OP(54, 5),
    DXBC_OUTPUT(0),
    DXBC_INPUT(0), /* mov */
    DXBC_OP(56, 8),
    DXBC_OUTPUT(1),
    DXBC_INPUT(1),
    DXBC_CONSTANT(0, 0), /* mul */
    DXBC_RET,
};

/* o0 = v1 */
static const uint32_t dxbc_pixel_tokens[] = {
    DXBC_OP(98 | 2 << 11, 3),
    DXBC_MASKED_INPUT(1), /* dcl_input_ps linear */
    DXBC_OP(101, 3),
    DXBC_OUTPUT(0), /* dcl_output */
    DXBC_OP(54, 5),
    DXBC_OUTPUT(0),
    DXBC_INPUT(1), /* mov */
    DXBC_RET,
};

static inline void dxbc_tinted_vertex(struct dxbc_blob *blob)
{
    static const struct dxbc_shader shader = {DXBC_VERTEX, 4, DXBC_SIGNATURE(dxbc_vertex_inputs),
                                              DXBC_SIGNATURE(dxbc_between),
                                              DXBC_TOKENS(dxbc_vertex_tokens)};

    dxbc_build(blob, &shader);
}

static inline void dxbc_tinted_pixel(struct dxbc_blob *blob)
{
    static const struct dxbc_shader shader = {DXBC_PIXEL, 4, DXBC_SIGNATURE(dxbc_between),
                                              DXBC_SIGNATURE(dxbc_targets),
                                              DXBC_TOKENS(dxbc_pixel_tokens)};

    dxbc_build(blob, &shader);
}

#endif
