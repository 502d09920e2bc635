// SPDX-License-Identifier: BSD-2-Clause
#version 450
// As flat.vert, with no more in its block than it writes.
out gl_PerVertex { vec4 gl_Position; };
layout(location = 0) in vec4 place;
layout(location = 1) in vec4 colour;
layout(location = 0) out vec4 shade;

void main()
{
    gl_Position = place;
    shade = colour;
}
