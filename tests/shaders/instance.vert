// SPDX-License-Identifier: BSD-2-Clause
#version 450
// A triangle, moved and coloured for each instance.
layout(location = 0) in vec4 position;
layout(location = 1) in vec2 shift;
layout(location = 2) in vec4 colour;
layout(location = 0) out vec4 pixel_colour;

void main()
{
    gl_Position = position + vec4(shift, 0, 0);
    pixel_colour = colour;
}
