// SPDX-License-Identifier: BSD-2-Clause
#version 450
// As raster.vert, the colour of a primitive's first vertex.
layout(location = 0) in vec4 position;
layout(location = 1) in vec4 colour;
layout(location = 0) flat out vec4 pixel_colour;

void main()
{
    gl_Position = position;
    pixel_colour = colour;
}
