// SPDX-License-Identifier: BSD-2-Clause
#version 450
// Three points of a triangle as they are.
layout(vertices = 3) out;
layout(location = 0) in vec4 shade[];
layout(location = 0) out vec4 shaded[];

void main()
{
    gl_out[gl_InvocationID].gl_Position = gl_in[gl_InvocationID].gl_Position;
    shaded[gl_InvocationID] = shade[gl_InvocationID];
    gl_TessLevelOuter[0] = gl_TessLevelOuter[1] = gl_TessLevelOuter[2] = 4;
    gl_TessLevelInner[0] = 4;
}
