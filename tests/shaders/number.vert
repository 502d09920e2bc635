// SPDX-License-Identifier: BSD-2-Clause
#version 460
// As flat.vert; red where it is the first of a command's draws.
layout(location = 0) in vec4 place;
layout(location = 0) out vec4 shade;

void main()
{
    gl_Position = place;
    shade = gl_DrawID == 0 ? vec4(1, 0, 0, 1) : vec4(0, 1, 0, 1);
}
