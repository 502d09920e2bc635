// SPDX-License-Identifier: BSD-2-Clause
#version 450
// Refused: a constant buffer where resources are.
layout(set = 1, binding = 16) uniform Constants { vec4 colour; } constants;
layout(location = 0) out vec4 colour;

void main()
{
    colour = constants.colour;
}
