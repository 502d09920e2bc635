// SPDX-License-Identifier: BSD-2-Clause
#version 450
layout(location = 0) flat in vec4 pixel_colour;
layout(location = 0) out vec4 colour;

void main()
{
    colour = pixel_colour;
}
