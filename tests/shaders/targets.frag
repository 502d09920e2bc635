// SPDX-License-Identifier: BSD-2-Clause
#version 450
// Two targets; the second is what a constant buffer says.
layout(location = 0) in vec4 pixel_colour;
layout(set = 1, binding = 2) uniform Constants { vec4 colour; } constants; // b2
layout(location = 0) out vec4 first;
layout(location = 1) out vec4 second;

void main()
{
    first = pixel_colour;
    second = constants.colour;
}
