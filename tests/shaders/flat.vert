// SPDX-License-Identifier: BSD-2-Clause
#version 450
// A place in clip space and a colour, both from vertex buffers.
layout(location = 0) in vec4 place;
layout(location = 1) in vec4 colour;
layout(location = 0) out vec4 shade;

void main()
{
    gl_Position = place;
    shade = colour;
}
