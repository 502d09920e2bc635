/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the first and the last point of a patch, corner to corner. */
#version 450

layout(quads, equal_spacing, cw) in;

layout(location = 0) in vec4 color[];
layout(location = 0) out vec4 out_color;

void main()
{
    gl_Position = mix(gl_in[0].gl_Position, gl_in[3].gl_Position, vec4(gl_TessCoord.xy, 0, 0));
    out_color = color[0];
}
