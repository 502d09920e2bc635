// SPDX-License-Identifier: BSD-2-Clause
#version 450
// Red in a draw's first primitive.
layout(location = 0) out vec4 colour;

void main()
{
    colour = gl_PrimitiveID == 0 ? vec4(1, 0, 0, 1) : vec4(0, 1, 0, 1);
}
