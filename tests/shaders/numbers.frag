// SPDX-License-Identifier: BSD-2-Clause
#version 450
// For a target of whole numbers.
layout(location = 0) in vec4 pixel_colour;
layout(location = 0) out ivec4 numbers;

void main()
{
    numbers = ivec4(pixel_colour * 1000);
}
