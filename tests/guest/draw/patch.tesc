/* SPDX-License-Identifier: BSD-2-Clause */
/* Four points of a patch as they are. */
#version 450

layout(vertices = 4) out;

layout(location = 0) in vec4 color[];
layout(location = 0) out vec4 out_color[];

void main()
{
    gl_out[gl_InvocationID].gl_Position = gl_in[gl_InvocationID].gl_Position;
    out_color[gl_InvocationID] = color[gl_InvocationID];
    gl_TessLevelOuter[0] = gl_TessLevelOuter[1] = gl_TessLevelOuter[2] = gl_TessLevelOuter[3] = 4;
    gl_TessLevelInner[0] = gl_TessLevelInner[1] = 4;
}
