// SPDX-License-Identifier: BSD-2-Clause
#version 450
layout(triangles, equal_spacing, ccw) in;
layout(location = 0) in vec4 shade[];
layout(location = 0) out vec4 shaded;

void main()
{
    gl_Position = gl_in[0].gl_Position * gl_TessCoord.x + gl_in[1].gl_Position * gl_TessCoord.y +
                  gl_in[2].gl_Position * gl_TessCoord.z;
    shaded = shade[0];
}
