// SPDX-License-Identifier: BSD-2-Clause
#version 450
// Vertices as they are (tests/mediator/pvgpu_pen.h).
layout(location = 0) in vec4 position;
layout(location = 1) in vec4 colour;
layout(location = 2) in vec2 place;
layout(location = 0) out vec4 pixel_colour;
layout(location = 1) out vec2 pixel_place;

void main()
{
    gl_Position = position;
    pixel_colour = colour;
    pixel_place = place;
}
